"""Requests that a buyer's browser makes at the gateway by itself: kept before anybody may pay them, ended singly."""

from collections.abc import Mapping
from dataclasses import replace

from bridge.clock import from_ms
from bridge.domain.gateway import Event, Notice
from bridge.domain.machine import PENDING_STEPS, Evidence, Kind, State
from bridge.domain.payment import REQUESTS, Payment
from bridge.flows.capture import CAPTURED
from bridge.flows.claims import was_paid_by_another
from bridge.flows.external import EXTERNAL
from bridge.flows.orphans import REASON as ORPHANED
from bridge.flows.orphans import write_return
from bridge.flows.owe_withdrawal import is_taken
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.said_before import beside_before, found_before
from bridge.flows.told import GATEWAY, KNOWN, NOTHING_TO_DO, PERSON, Told
from bridge.ledger import operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

REQUESTS_MAX = 10
KEPT = "the request is kept"
ENDED_UNPAID = "ended unpaid"
TURNED_AWAY = "not acknowledged: this window takes no request any more"


def keep_request(told: Told) -> str:
    """Keep the number of a request that was just made. What is not kept is not acknowledged, and nobody can pay it."""
    turn, payment, number = told.turn, told.payment, told.notice.request
    if not told.proven or not number:
        return NOTHING_TO_DO
    if number in payment.requests:
        return KNOWN
    late = from_ms(told.recorder.at) >= payment.expires_at
    full = len(payment.requests) >= REQUESTS_MAX
    if payment.state != State.OPEN or late or full or is_ending(turn, payment) or is_taken(turn, payment):
        return TURNED_AWAY
    _write(turn, told.recorder, payment, (*payment.requests, number), GATEWAY, "window.requested")
    return KEPT


def may_go_on(turn: Turn, payment: Payment, notice: Notice) -> bool:
    """Tell whether a notice may be acknowledged: that of a request only when its number is in the books."""
    if notice.event != Event.REQUESTED or not notice.request:
        return True
    return notice.request in payments.get(turn, payment.site, payment.id).requests


def end_request(turn: Turn, recorder: Recorder, payment: Payment, number: str, actor: str) -> Payment:
    """Take off a request that can be paid no more."""
    if number not in payment.requests:
        return payment
    left = tuple(one for one in payment.requests if one != number)
    return _write(turn, recorder, payment, left, actor, "window.withdrawn")


def drop_others(turn: Turn, recorder: Recorder, payment: Payment) -> Payment:
    """Take off requests that other payments were paid by: that they were made for this one is a browser's word."""
    left = tuple(one for one in payment.requests if not was_paid_by_another(turn, payment, one))
    if left == payment.requests:
        return payment
    return _write(turn, recorder, payment, left, BRIDGE, "window.not_its_own")


def is_same(payment: Payment, named: Mapping[str, str]) -> bool:
    """Tell whether the gateway's references are those that the payment has, as far as it has them."""
    return all(payment.refs.get(name, value) == value for name, value in named.items())


def of_another_request(told: Told) -> str:
    """News of other money of a payment that holds some by now: of a second request that was paid too, or of a charge
    that was made twice. It is nobody's but a person's, and may have been found before it is told."""
    turn, recorder, payment, notice = told.turn, told.recorder, told.payment, told.notice
    cause = f"notice:{notice.dedupe}"
    if notice.event in (Event.APPROVED, Event.DEPOSITED):
        if known := found_before(told):
            return known
        detail = f"the buyer paid a second request of this payment: {notice.amount} {notice.currency}; give them back"
        if notice.currency == "KRW":
            recorder.orphan(
                turn, payment, amount=notice.amount, evidence=Evidence.E7, cause=f"{CAPTURED}:{cause}", detail=detail
            )
        else:
            recorder.case(turn, payment, ORPHANED, detail)
        return PERSON
    if notice.event == Event.REQUEST_CANCELLED and notice.request in payment.requests:
        end_request(turn, recorder, payment, notice.request, GATEWAY)
        return ENDED_UNPAID
    if notice.event not in (Event.CANCELLED, Event.PART_CANCELLED):
        return TURNED_AWAY if notice.event == Event.REQUESTED else KNOWN
    if said := beside_before(told):
        return said
    if notice.currency == "KRW" and len(notice.readings) < 2 and 0 < notice.amount <= payment.orphaned:
        write_return(recorder, turn, payment, amount=notice.amount, evidence=Evidence.E7, cause=cause)
        return "given back"
    detail = f"the gateway reports a cancel of {notice.amount} KRW of a second request of this payment ({notice.name})"
    recorder.case(turn, payment, EXTERNAL, detail, notice.amount)
    return PERSON


def in_turn(payment: Payment, tries: int) -> Payment:
    """Put another of several requests first with every try: what is said of one must not keep the others payable."""
    numbers = payment.requests
    if len(numbers) < 2:
        return payment
    first = tries % len(numbers)
    return replace(payment, refs={**payment.refs, REQUESTS: " ".join((*numbers[first:], *numbers[:first]))})


def _write(
    turn: Turn, recorder: Recorder, payment: Payment, numbers: tuple[str, ...], actor: str, event: str
) -> Payment:
    refs = {**payment.refs, REQUESTS: " ".join(numbers)}
    return payments.move(turn, payment, State(payment.state), at=recorder.at, actor=actor, event=event, refs=refs)


def is_ending(turn: Turn, payment: Payment) -> bool:
    """Tell whether its requests are being withdrawn: one more would be overlooked, and an account of one is closed."""
    return ending(turn, payment) is not None


def ending(turn: Turn, payment: Payment) -> Operation | None:
    """Find the withdrawal that is under way, also one that a person looks into."""
    done = operations.of_payment(turn, payment.id)
    return next((one for one in done if one.kind is Kind.PROBE and one.step in PENDING_STEPS), None)
