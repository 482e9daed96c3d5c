"""Orphan captures: money found on a payment that had ended, or more than it asked. Its state never changes for it.

All that the books have of it and nobody has decided about is asked about in one case, which knows how much that is.
"""

import json

from bridge.domain.decisions import OWN_NUMBERS
from bridge.domain.gateway import Paid
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
    is_reported: bool = True,
) -> Payment:
    """Write the money into the books, open the case, tell WordPress; `cause` names the fact, and counts once.

    Where the case was open for a report, this is the money reported, unless `is_reported` says that another case told
    of it. Until two people have decided, the order takes no other payment (`payments.holder`).
    """
    assert amount > 0, "an orphan is money that is there"
    cause = f"orphan:{payment.id}:{cause}"
    if operations.is_entered(turn, cause):
        return payment
    asked_about = amount + min(payment.orphaned, 0)  # the books may have the rest as given back before it was found
    payment = _move(recorder, turn, payment, amount, evidence, cause, actor)
    if asked_about > 0:
        known = cases.open_one(turn, payment.id, REASON)
        reported = cases.matter_of(known).reported if known is not None and is_reported else 0
        recorder.case(turn, payment, REASON, detail, max(asked_about - reported, 0))
        opened = cases.open_one(turn, payment.id, REASON)
        assert opened is not None, "it was just opened"
        cases.book(turn, opened, asked_about, recorder.at)
    recorder.tell(turn, payment, ORPHANED)
    return payment


def write_passage(
    recorder: Pen, turn: Turn, payment: Payment, *, amount: int, evidence: Evidence, cause: str, actor: str
) -> None:
    """Write money that came beside the payment's own and was given back before the books had it: in, and out."""
    assert amount > 0, "something came and went"
    cause = f"orphan:{payment.id}:{cause}"
    if operations.is_entered(turn, cause):
        return
    payment = _move(recorder, turn, payment, amount, evidence, cause, actor)
    recorder.tell(turn, payment, ORPHANED)
    payment = _move(recorder, turn, payment, -amount, evidence, f"{cause}:back", actor)
    recorder.tell(turn, payment, RETURNED)


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
    payment = _move(recorder, turn, payment, -amount, evidence, cause, actor)
    known = cases.open_one(turn, payment.id, REASON)
    if known is not None and known["booked"]:
        left = cases.answer(turn, known, min(amount, known["booked"]), recorder.at)
        if not left:
            cases.close_case(turn, payment.id, REASON, f"given back, by {evidence}", recorder.at)
    recorder.tell(turn, payment, RETURNED)
    return payment


def close_own(turn: Turn, payment: Payment, paid: Paid, evidence: Evidence, at: int) -> None:
    """Close the case of a report when evidence shows that the money reported is what the payment was paid with.

    It is the same when the sums are equal, and the gateway's own numbers as far as both are known. Without a number an
    inquiry's word counts alone: it tells of all that was taken under our reference.
    """
    known = cases.open_one(turn, payment.id, REASON)
    if known is None or known["booked"] or known["amount"] != paid.amount or evidence is Evidence.E8:
        return
    refs = json.loads(known["refs"])
    both = [name for name in OWN_NUMBERS if refs.get(name) and paid.refs.get(name)]
    same = all(refs[name] == paid.refs[name] for name in both)
    if same and (both or evidence is Evidence.E4):
        cases.close_case(turn, payment.id, REASON, f"it is the payment's own money, by {evidence}", at)


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


def _move(
    recorder: Pen, turn: Turn, payment: Payment, amount: int, evidence: Evidence, cause: str, actor: str
) -> Payment:
    """Enter signed KRW beside the payment's own, and count them; its state stays what it was."""
    operations.enter(
        turn,
        cause=cause,
        site=payment.site,
        payment=payment.id,
        kind="orphan_capture" if amount > 0 else "orphan_refund",
        amount=amount,
        evidence=evidence,
        at=recorder.at,
    )
    return payments.move(
        turn,
        payment,
        State(payment.state),
        at=recorder.at,
        actor=actor,
        event=ORPHANED if amount > 0 else RETURNED,
        detail={"amount": abs(amount), "evidence": str(evidence)},
        orphaned=payment.orphaned + amount,
    )
