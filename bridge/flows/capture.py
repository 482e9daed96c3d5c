"""Money a gateway is proven to have, found after the fact by notice or inquiry: kept, or taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bridge.clock import from_ms, new_id
from bridge.domain.gateway import Paid
from bridge.domain.machine import PAID_STATES, PENDING_STEPS, TERMINAL, Evidence, Kind, State, Step
from bridge.domain.payment import Order, Payment
from bridge.domain.reasons import Reason
from bridge.flows.ask_fence import Fence, ask_fence_after
from bridge.flows.context import Context
from bridge.flows.record import Against, Recorder
from bridge.flows.sites import Site
from bridge.flows.undo import NOTHING
from bridge.ledger import cases, operations, orders, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

GATEWAY = "gateway"
TAKEABLE = (State.OPEN, State.UNKNOWN, State.NEEDS_HUMAN, State.AWAITING_DEPOSIT)
"""States from which money that is found may pay for the order."""
CAPTURED = "captured"
"""The cause of money that a payment's one capture brought."""
CAME_AND_WENT = "taken, and given back"
"""What is written of an approval whose money an inquiry showed, and that it had been given back there."""
UNASKED = "seats_unconfirmed"
"""The reason of a case: money was taken, and WordPress did not say whether the seats are still held."""


@dataclass(frozen=True, slots=True)
class Found:
    """Captured money in KRW, and what proves it (E4 or E7). `cause` names the fact, and counts once.

    `gone` KRW of it were given back at the gateway before it was found, which is less than all. `paid_at` is when it
    moved, where the gateway tells; never before `since`, if that is not the payment's beginning. `beside_undo`: what a
    net-cancel took back is shown beside it.
    """

    amount: int
    evidence: Evidence
    cause: str
    refs: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    currency: str = "KRW"
    paid_at: datetime | None = None
    since: datetime | None = None
    gone: int = 0
    beside_undo: bool = False

    @property
    def left(self) -> int:
        """KRW that are still there."""
        return self.amount - self.gone


async def fence_for(context: Context, site: Site, payment_id: str) -> Fence:
    """Ask WordPress whether the seats of a payment are still held, unless the hold lasts or nothing could be kept."""

    def work(turn: Turn) -> tuple[Payment, Order]:
        payment = payments.get(turn, site.id, payment_id)
        order = orders.find(turn, site.id, payment.order_ref)
        assert order is not None, "a payment has an order"
        return payment, order

    payment, order = await context.ledger.read(work)
    if State(payment.state) not in TAKEABLE:
        return Fence(True)
    return await ask_fence_after(context, site, order, payment)


def write_found(turn: Turn, recorder: Recorder, payment: Payment, found: Found, fence: Fence) -> str:
    """Write money that was found, by the state it is found in; answers what became of it in a word."""
    state = State(payment.state)
    if state in TAKEABLE and not payment.captured:
        return _take(turn, recorder, payment, found, fence)
    if state not in TERMINAL or payment.captured or found.currency != "KRW":
        return "known already"
    if undone(turn, payment) and not found.beside_undo:
        return "known already"  # the net-cancel took it back: the news is only late
    if (found.evidence, found.cause) == (Evidence.E7, CAPTURED) and any(
        one.message == CAME_AND_WENT and one.amount == found.amount for one in _done(turn, payment)
    ):
        return "known already"  # an inquiry showed this money, and that it is back
    detail = f"the gateway has {found.left} KRW of a payment that is {state}; give them back or adopt them"
    recorder.orphan(turn, payment, amount=found.left, evidence=found.evidence, cause=found.cause, detail=detail)
    return "a person must look"


def _take(turn: Turn, recorder: Recorder, payment: Payment, found: Found, fence: Fence) -> str:
    against = _against(turn, recorder, payment, found, fence)
    waits = payment.state == State.AWAITING_DEPOSIT
    if waits and found.amount != payment.amount and found.currency == "KRW":
        detail = f"a deposit of {found.amount} KRW came for a payment of {payment.amount} KRW"
        recorder.orphan(turn, payment, amount=found.left, evidence=found.evidence, cause=found.cause, detail=detail)
        return "a person must look"
    if waits and against is not None:
        detail = f"{against.detail}; a deposit can only be given back by hand"
        if found.currency != "KRW":
            recorder.case(turn, payment, "unexpected_deposit", detail)
            return "a person must look"
        recorder.case(turn, payment, str(against.reason), detail, found.left)
        against = None
    operation = _operation(turn, recorder, payment, found)
    cases.close_case(turn, payment.id, "unknown_outcome", f"settled by {found.evidence}", recorder.at)
    refs, card = dict(payment.refs) | dict(found.refs), dict(payment.card) | dict(found.card)
    paid, proof = Paid(found.amount, refs, card, found.paid_at), found.evidence
    recorder.comes_to(turn, "paid" if against is None and found.amount == payment.amount else "taken back")
    payment = recorder.captured(
        turn, payment, operation, paid, proof, GATEWAY, against=against, since=found.since, gone=found.gone
    )
    if not fence.answered:
        detail = "money was taken and WordPress did not answer; see that the seats are held, or refund"
        recorder.case(turn, payment, UNASKED, detail, found.left)
    return "paid" if payment.state in PAID_STATES else "taken back"


def _against(turn: Turn, recorder: Recorder, payment: Payment, found: Found, fence: Fence) -> Against | None:
    """Say why the money cannot be kept, or None."""
    if found.currency != "KRW":
        return Against(Reason.AMOUNT_MISMATCH, f"the gateway took {found.currency}, not KRW", "amount_mismatch")
    everyone = payments.of_order(turn, recorder.site.id, payment.order_ref)
    other = payments.holder(everyone, but=payment.id)
    if other is not None or any(one.state == State.REFUNDED for one in everyone):
        detail = f"the order has been paid by another payment, and the gateway took {found.amount} KRW once more"
        return Against(Reason.ORDER_PAID, detail, "order_paid_twice")
    order = orders.find(turn, recorder.site.id, payment.order_ref)
    assert order is not None, "a payment has an order"
    if order.version > payment.order_version:
        return Against(Reason.ORDER_CHANGED, "the order changed while it was being paid", "order_changed")
    if fence.answered and not fence.held:
        return Against(Reason.SEAT_LOST, f"the seats are gone: {fence.code or fence.reason}")
    return None


def _operation(turn: Turn, recorder: Recorder, payment: Payment, found: Found) -> Operation:
    """Settle the operation that the money is of; where a gateway captured by itself, write one that says so."""
    pending = [one for one in _done(turn, payment) if one.step in PENDING_STEPS]
    for one in pending:
        if one.kind is Kind.PROBE:
            operations.step(turn, one, Step.FAIL, at=recorder.at, evidence=found.evidence, message="it was paid")
    approve = next((one for one in pending if one.kind is Kind.APPROVE), None)
    if approve is None:
        approve = Operation(
            id=new_id(recorder.context.clock),
            site=recorder.site.id,
            payment=payment.id,
            kind=Kind.APPROVE,
            amount=payment.amount,
            step=Step.SENT,
            ref=payment.merchant_ref,
            actor=GATEWAY,
            reason=found.cause,
            stamp=recorder.stamp,
            owner=recorder.context.owner,
            sent_at=from_ms(recorder.at),
        )
        operations.add(turn, approve)
    return operations.step(turn, approve, Step.OK, at=recorder.at, evidence=found.evidence, refs=found.refs)


def undone(turn: Turn, payment: Payment) -> int:
    """Sum what net-cancels took back of a payment, in KRW."""
    took = [one for one in _done(turn, payment) if one.kind is Kind.UNDO and one.step is Step.OK]
    return sum(one.amount for one in took if one.message != NOTHING)


def _done(turn: Turn, payment: Payment) -> list[Operation]:
    return operations.of_payment(turn, payment.id)
