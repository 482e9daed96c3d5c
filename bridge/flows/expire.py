"""Ends payments whose time is over and that hold no money."""

import contextlib
from datetime import timedelta
from functools import partial

from bridge.clock import from_ms, to_ms
from bridge.domain.failures import Conflict
from bridge.domain.gateway import Gateway
from bridge.domain.machine import State
from bridge.flows.compare_first import ask_about_lost_time
from bridge.flows.context import Context
from bridge.flows.owe_withdrawal import begin_probe
from bridge.flows.reconcile import gap_sites
from bridge.flows.record import Recorder
from bridge.flows.window_end import must_be_asked, must_be_shown, write_expired
from bridge.ledger import payments
from bridge.ledger.ledger import Turn

GRACE = timedelta(seconds=60)
DEPOSIT_GRACE = timedelta(days=1)
AT_ONCE = 200


async def expire(context: Context) -> int:
    """Expire open windows a minute, and waiting accounts a day, after their time; answers how many."""
    now = context.clock.now()
    ended = await context.ledger.read(
        lambda turn: [
            *payments.past(turn, State.OPEN, to_ms(now - GRACE), AT_ONCE),
            *payments.past(turn, State.READYING, to_ms(now - GRACE), AT_ONCE),
            *payments.past(turn, State.AWAITING_DEPOSIT, to_ms(now - DEPOSIT_GRACE), AT_ONCE),
        ]
    )
    count, restored = 0, await gap_sites(context) if ended else frozenset[str]()
    for payment in ended:
        site = context.sites.find(payment.site)
        if site is None or site.id in restored or context.tasks.find(f"approve:{payment.id}") is not None:
            continue
        gateway = site.gateways.get(payment.gateway)
        work = partial(_end, recorder=Recorder.now(context, site), payment_id=payment.id, gateway=gateway)
        with contextlib.suppress(Conflict):
            count += await context.ledger.write(work)
    return count


def _end(turn: Turn, recorder: Recorder, payment_id: str, gateway: Gateway | None) -> bool:
    """End a payment whose time is over; answers whether it did, and did not have to ask the gateway first."""
    payment = payments.get(turn, recorder.site.id, payment_id)
    late = from_ms(recorder.at) > payment.expires_at
    if State(payment.state) not in (State.OPEN, State.READYING, State.AWAITING_DEPOSIT) or not late:
        return False
    if must_be_shown(turn, gateway, payment):
        begin_probe(turn, recorder, payment)
        return False
    if must_be_asked(turn, recorder, gateway, payment):
        return False
    ask_about_lost_time(turn, recorder, payment)
    write_expired(turn, recorder, payment)
    return True
