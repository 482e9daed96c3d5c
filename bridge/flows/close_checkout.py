"""The buyer closed the window: a hint, never a verdict."""

import contextlib

from bridge.clock import from_ms, now_ms
from bridge.domain.failures import Conflict
from bridge.domain.machine import TERMINAL, State
from bridge.flows.context import Context
from bridge.flows.finish_checkout import Visit, look
from bridge.flows.sites import Site
from bridge.ledger import gap, payments
from bridge.ledger.ledger import Turn


async def close_checkout(context: Context, site: Site, payment_id: str) -> Visit:
    """Note that the window was closed, and say where the payment stands. Raises NotFound.

    Nothing is noted in books that were restored, until the shop has handed over: what it proves of the payment goes on
    from the backup's rows, and would not fit behind another.
    """
    at = now_ms(context.clock)

    def work(turn: Turn) -> None:
        payment = payments.get(turn, site.id, payment_id)
        state = State(payment.state)
        if state in TERMINAL or payment.close_seen_at is not None or gap.is_deaf(turn, site.id):
            return
        payments.move(turn, payment, state, at=at, actor="buyer", event="window.closed", close_seen_at=from_ms(at))

    visit = await look(context, site, payment_id)
    if visit.payment.close_seen_at is not None:
        return visit
    with contextlib.suppress(Conflict):
        await context.ledger.write(work)
    return await look(context, site, payment_id)
