"""The heartbeat: once a second it settles, delivers, expires and looks again at the sites."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bridge.clock import now_ms
from bridge.domain.failures import BridgeError
from bridge.flows.change_plan import end_owed_plans, is_any_end_owed
from bridge.flows.check_invariants import check_forever
from bridge.flows.clock_steps import is_steady, make_up_for_steps
from bridge.flows.context import Context
from bridge.flows.deliver_news import begin_deliveries, deliveries_are_postponed, pull_in_deliveries
from bridge.flows.expire import expire, is_any_over
from bridge.flows.expire_keys import expire_keys, is_any_key_stale
from bridge.flows.plan_life import end_past_plans, is_any_plan_past
from bridge.flows.plans import give_up_plans, is_any_plan_stale
from bridge.flows.receive_notice import begin_replays
from bridge.flows.reconcile import beat_gaps
from bridge.flows.recover import recover
from bridge.flows.seal_audit import seal
from bridge.flows.settle_unknown import settle_payment
from bridge.flows.stale_receipts import end_stale_receipts, is_any_receipt_due
from bridge.ledger import operations, replay
from bridge.ledger.ledger import Turn

log = structlog.get_logger("heartbeat")
SETTLE_AT_ONCE = 100
DELIVER_EVERY_SECONDS = 0.2
EVERY_BEATS = 30
SITES_EVERY_BEATS = 2
RECOVER_EVERY_BEATS = 5
GAP_EVERY_BEATS = 5
AGAIN_SECONDS = 1.0
WORKS: tuple[tuple[Callable[[Turn, int], bool], Callable[[Context], Awaitable[object]]], ...] = (
    (deliveries_are_postponed, pull_in_deliveries),
    (is_any_over, expire),
    (is_any_key_stale, expire_keys),
    (is_any_receipt_due, end_stale_receipts),
    (is_any_plan_stale, give_up_plans),
    (is_any_plan_past, end_past_plans),
    (is_any_end_owed, end_owed_plans),
)
"""What a beat has seldom to do, behind the question whether it is due at a moment (milliseconds): all are asked in one
turn, with what is to be settled, as a bridge at rest beats day and night."""


async def beat_forever(context: Context) -> None:
    """Beat until cancelled; a beat that fails is told and the next one comes."""
    beats = 0
    while True:
        try:
            await beat(context, beats)
        except BridgeError as error:
            log.error("a heartbeat failed", code=error.code, detail=error.detail)
        beats += 1
        await context.clock.sleep(context.settings.heartbeat_seconds)


async def beat(context: Context, beats: int = 0) -> None:
    """Do what is due now."""
    await make_up_for_steps(context)
    at = now_ms(context.clock)
    if beats % SITES_EVERY_BEATS == 0:
        await context.sites.refresh()
    due, works = await context.ledger.read(
        lambda turn: (operations.due(turn, at, SETTLE_AT_ONCE), [one for is_due, one in WORKS if is_due(turn, at)])
    )
    for operation in due:
        site = context.sites.find(operation.site)
        if site is not None:
            context.tasks.begin(f"settle:{operation.payment}", settle_payment(context, site, operation.payment))
    for work in works:
        await work(context)
    if beats % RECOVER_EVERY_BEATS == 0 or not context.ledger.alone:
        await recover(context)
    if beats % GAP_EVERY_BEATS == 0:
        await beat_gaps(context)
    if beats % EVERY_BEATS == 0:
        await begin_replays(context)
        if is_steady(context):
            await context.ledger.write(lambda turn: replay.forget_nonces(turn, at))
    await seal(context)
    context.beat_at = context.clock.boot_seconds()


async def deliver_forever(context: Context) -> None:
    """Begin deliveries until cancelled."""
    while True:
        try:
            await begin_deliveries(context)
        except BridgeError as error:
            log.error("news could not be delivered", code=error.code, detail=error.detail)
        await context.clock.sleep(DELIVER_EVERY_SECONDS)


async def run_background(context: Context) -> None:
    """Run the heartbeat and the delivery side by side until cancelled.

    What a bug ends is begun again: one poisoned row must not leave every unknown unsettled and all news undelivered.
    """
    tasks: set[asyncio.Task[None]] = set()
    try:
        while True:
            tasks = {
                context.tasks.begin("heartbeat", beat_forever(context)),
                context.tasks.begin("news", deliver_forever(context)),
                context.tasks.begin("checks", check_forever(context)),
            }
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            await context.clock.sleep(AGAIN_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
