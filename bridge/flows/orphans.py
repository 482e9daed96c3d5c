"""Orphan captures: money found on a payment that had ended, or more than it asked. Its state never changes for it."""

from bridge.domain.machine import Evidence, State
from bridge.domain.payment import Payment
from bridge.flows.pen import Pen
from bridge.ledger import cases, operations, orders, payments
from bridge.ledger.ledger import Turn

REASON = "money_on_ended_payment"
ORPHANED = "payment.orphaned"
RETURNED = "payment.orphan_returned"
ADOPTED = "payment.adopted"


def write_orphan(
    recorder: Pen,
    turn: Turn,
    payment: Payment,
    *,
    amount: int,
    evidence: Evidence,
    cause: str,
    detail: str,
    actor: str = "gateway",
) -> Payment:
    """Write the money into the books, open the case, tell WordPress; `cause` names the fact, and counts once.

    Until two people have decided, the order takes no other payment (`payments.holder`).
    """
    assert amount > 0, "an orphan is money that is there"
    cause = f"orphan:{payment.id}:{cause}"
    if operations.is_entered(turn, cause):
        return payment
    operations.enter(
        turn,
        cause=cause,
        site=payment.site,
        payment=payment.id,
        kind="orphan_capture",
        amount=amount,
        evidence=evidence,
        at=recorder.at,
    )
    payment = payments.move(
        turn,
        payment,
        State(payment.state),
        at=recorder.at,
        actor=actor,
        event=ORPHANED,
        detail={"amount": amount, "evidence": str(evidence)},
        orphaned=payment.orphaned + amount,
    )
    recorder.case(turn, payment, REASON, detail, amount)
    recorder.tell(turn, payment, ORPHANED)
    return payment


def write_return(
    recorder: Pen,
    turn: Turn,
    payment: Payment,
    *,
    amount: int,
    evidence: Evidence,
    cause: str,
    actor: str = "gateway",
) -> Payment:
    """Write that the gateway has given orphaned money back; when none is left, its case is closed.

    More than the books knew of may have been given back: the payment's `orphaned` is then below zero.
    """
    assert amount > 0, "something was given back"
    cause = f"orphan:{payment.id}:{cause}"
    if operations.is_entered(turn, cause):
        return payment
    operations.enter(
        turn,
        cause=cause,
        site=payment.site,
        payment=payment.id,
        kind="orphan_refund",
        amount=-amount,
        evidence=evidence,
        at=recorder.at,
    )
    payment = payments.move(
        turn,
        payment,
        State(payment.state),
        at=recorder.at,
        actor=actor,
        event=RETURNED,
        detail={"amount": amount, "evidence": str(evidence)},
        orphaned=payment.orphaned - amount,
    )
    if payment.orphaned <= 0:
        cases.close_case(turn, payment.id, REASON, f"given back, by {evidence}", recorder.at)
    recorder.tell(turn, payment, RETURNED)
    return payment


def write_adoption(recorder: Pen, turn: Turn, payment: Payment, *, actor: str) -> Payment:
    """Write that two people let the money found pay for the order. The payment's own state stays what it was."""
    payment = payments.move(
        turn,
        payment,
        State(payment.state),
        at=recorder.at,
        actor=actor,
        event=ADOPTED,
        detail={"amount": payment.orphaned, "evidence": str(Evidence.E8)},
        adopted=True,
    )
    orders.mark_paid_by(turn, payment.site, payment.order_ref, payment.id)
    recorder.tell(turn, payment, ADOPTED)
    return payment
