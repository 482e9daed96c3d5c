"""Ends payments whose time is over and that hold no money."""

import contextlib
from datetime import timedelta
from functools import partial

from bridge.clock import from_ms, now_ms, to_ms
from bridge.domain.failures import Conflict
from bridge.domain.gateway import Gateway, captures_itself
from bridge.domain.machine import State
from bridge.domain.payment import Payment
from bridge.flows.compare_first import ask_about_lost_time
from bridge.flows.context import Context
from bridge.flows.owe_withdrawal import begin_probe
from bridge.flows.record import Recorder
from bridge.flows.window_end import must_be_asked, must_be_shown, write_expired
from bridge.ledger import notices, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.questions import Question

GRACE = timedelta(seconds=60)
DEPOSIT_GRACE = timedelta(days=1)
ENDS = ((State.OPEN, GRACE), (State.READYING, GRACE), (State.AWAITING_DEPOSIT, DEPOSIT_GRACE))
AT_ONCE = 200


def payments_over(at: int) -> list[Question]:
    """Ask for each state in which a payment's time ends whether one's is over at a moment (milliseconds)."""
    return [payments.any_past(state, before) for state, before in _befores(at)]


async def expire(context: Context) -> int:
    """Expire open windows a minute, and waiting accounts a day, after their time; answers how many."""
    return sum([await _expire(context, state, before) for state, before in _befores(now_ms(context.clock))])


def _befores(at: int) -> list[tuple[State, int]]:
    return [(state, at - round(grace.total_seconds() * 1000)) for state, grace in ENDS]


async def _expire(context: Context, state: State, before: int) -> int:
    """End a state's payments, and page on past those that must wait: else a few of them would keep all later ones."""
    count, after = 0, (0, "")
    while count < AT_ONCE:
        page = await context.ledger.read(partial(payments.past, state=state, before=before, limit=AT_ONCE, after=after))
        for payment in page:
            count += await context.tasks.attempt(f"expire:{payment.id}", _try(context, payment)) or 0
        if len(page) < AT_ONCE:
            break
        after = (to_ms(page[-1].expires_at), page[-1].id)
    return count


async def _try(context: Context, payment: Payment) -> bool:
    site = context.sites.find(payment.site)
    if site is None or context.tasks.find(f"approve:{payment.id}") is not None:
        return False
    if payment.gateway in site.refused:
        return False  # once its settings are mended it may have to be asked first whether somebody paid
    gateway = site.gateways.get(payment.gateway)
    work = partial(_end, recorder=Recorder.now(context, site), payment_id=payment.id, gateway=gateway)
    with contextlib.suppress(Conflict):
        return await context.ledger.write(work)
    return False


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
    needs_approval = gateway is not None and not captures_itself(gateway)
    if payment.state == State.OPEN and needs_approval and notices.pending_of(turn, payment.id):
        return False  # it may be paid: that news waits for what becomes of another payment
    ask_about_lost_time(turn, recorder, payment)
    write_expired(turn, recorder, payment)
    return True
