"""Notes what a page of ours says: that the gateway's window script did not load. It is a hint only, and counts once.

Only what is news takes a write turn: whoever has a page's address may send it as often as they like.
"""

import contextlib

from bridge.clock import now_ms
from bridge.domain.failures import Conflict
from bridge.domain.machine import State
from bridge.flows.context import Context
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.ledger import audit, payments, unloaded
from bridge.ledger.ledger import Turn

NOT_LOADED = "window.not_loaded"


async def note_payment(context: Context, site: Site, payment_id: str) -> None:
    """Note it of a payment whose window is open. Raises NotFound."""

    def is_news(turn: Turn) -> bool:
        payment = payments.get(turn, site.id, payment_id)
        waits = payment.state == State.OPEN and bool(payment.window_sealed)
        return waits and not audit.last_of(turn, payment.id, (NOT_LOADED,))

    def work(turn: Turn) -> None:
        if is_news(turn):
            Recorder.now(context, site).note(
                turn, payments.get(turn, site.id, payment_id), NOT_LOADED, {}, actor="buyer"
            )

    if await context.ledger.read(is_news):
        with contextlib.suppress(Conflict):
            await context.ledger.write(work)


async def note_key(context: Context, site: Site, key_id: str) -> None:
    """Note it of a billing key whose window is open."""
    at = now_ms(context.clock)
    if await context.ledger.read(lambda turn: unloaded.is_news_of_key(turn, site.id, key_id, at)):
        await context.ledger.write(lambda turn: unloaded.note_key(turn, site.id, key_id, at))


async def note_plan(context: Context, site: Site, plan_id: str) -> None:
    """Note it of a plan that waits for its buyer, for days perhaps: once a day."""
    at = now_ms(context.clock)
    if await context.ledger.read(lambda turn: unloaded.is_news_of_plan(turn, site.id, plan_id, at)):
        await context.ledger.write(lambda turn: unloaded.note_plan(turn, site.id, plan_id, at))
