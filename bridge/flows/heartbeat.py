"""The heartbeat: once a second it settles, delivers, expires and looks again at the sites."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from bridge.clock import now_ms
from bridge.domain.failures import BridgeError
from bridge.flows.change_plan import end_owed_plans, ends_owed
from bridge.flows.check_invariants import check_forever
from bridge.flows.clock_steps import is_steady, make_up_for_steps
from bridge.flows.context import Context
from bridge.flows.deliver_news import begin_deliveries, deliveries_postponed, pull_in_deliveries
from bridge.flows.expire import expire, payments_over
from bridge.flows.expire_keys import expire_keys, keys_stale
from bridge.flows.plan_life import end_past_plans, plans_past
from bridge.flows.plans import give_up_plans, plans_stale
from bridge.flows.receive_notice import begin_replays
from bridge.flows.reconcile import beat_gaps
from bridge.flows.recover import recover
from bridge.flows.seal_audit import seal
from bridge.flows.settle_unknown import settle_payment
from bridge.flows.stale_receipts import end_stale_receipts, receipts_stale
from bridge.ledger import operations, replay, seals
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation
from bridge.ledger.questions import Question, ask

log = structlog.get_logger("heartbeat")
SETTLE_AT_ONCE = 100
DELIVER_EVERY_SECONDS = 0.2
EVERY_BEATS = 30
RECOVER_EVERY_BEATS = 5
GAP_EVERY_BEATS = 5
AGAIN_SECONDS = 1.0
Work = Callable[[Context], Awaitable[object]]
WORKS: tuple[tuple[Callable[[int], Sequence[Question]], Work], ...] = (
    (deliveries_postponed, pull_in_deliveries),
    (payments_over, expire),
    (keys_stale, expire_keys),
    (receipts_stale, end_stale_receipts),
    (plans_stale, give_up_plans),
    (plans_past, end_past_plans),
    (ends_owed, end_owed_plans),
)
"""What a beat has seldom to do, behind what tells whether it is due at a moment (milliseconds)."""


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
    found = await context.ledger.read(partial(_look, at=at, sites_changed=context.sites.any_changed()))
    if found.sites_changed:
        await _read_sites(context)
    for operation in found.to_settle:
        site = context.sites.find(operation.site)
        if site is not None:
            context.tasks.begin(f"settle:{operation.payment}", settle_payment(context, site, operation.payment))
    for work in found.works:
        await work(context)
    if beats % RECOVER_EVERY_BEATS == 0 or not context.ledger.alone:
        await recover(context)
    if beats % GAP_EVERY_BEATS == 0:
        await beat_gaps(context)
    if beats % EVERY_BEATS == 0:
        await begin_replays(context)
        if is_steady(context):
            await context.ledger.write(lambda turn: replay.forget_nonces(turn, at))
    if found.seals_owed or found.works:  # what else this beat has written is sealed by the next
        await seal(context)
    context.beat_at = context.clock.boot_seconds()


async def _read_sites(context: Context) -> None:
    """Read the sites again; where one cannot be read, what is known of them goes on, and nobody else's money waits."""
    try:
        await context.sites.refresh()
    except BridgeError as error:
        log.error("the sites could not be read again", code=error.code, detail=error.detail)


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is to do at a beat."""

    sites_changed: bool
    seals_owed: bool
    to_settle: list[Operation]
    works: list[Work]


def _look(turn: Turn, at: int, sites_changed: Question) -> _Found:
    """Ask for all of it in one statement, as a bridge at rest beats day and night; `at` in milliseconds."""
    asked = [(work, question) for questions_at, work in WORKS for question in questions_at(at)]
    first = [sites_changed, seals.any_owed(), operations.any_due(at)]
    is_changed, is_owed, is_due, *rest = ask(turn, [*first, *(question for _, question in asked)])
    works = {work: None for (work, _), answer in zip(asked, rest, strict=True) if answer}
    return _Found(is_changed, is_owed, operations.due(turn, at, SETTLE_AT_ONCE) if is_due else [], list(works))


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
