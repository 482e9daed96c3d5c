"""Money given back past the bridge, in the gateway's console or by a request that was executed twice."""

from bridge.domain.machine import Evidence, State
from bridge.domain.payment import Payment
from bridge.flows.pen import Pen
from bridge.ledger import cases, operations, payments
from bridge.ledger.ledger import Turn

EXTERNAL = "external_cancel"
"""Reason of cases: the gateway reports money given back that was not asked for here, and nothing proves how much."""


def write_external_refund(
    recorder: Pen,
    turn: Turn,
    payment: Payment,
    *,
    amount: int,
    evidence: Evidence,
    cause: str,
    actor: str = "gateway",
    taken_back: bool = False,
) -> Payment:
    """Write an entry of its own kind; the payment's state follows the books. `cause` names the fact, and counts once.

    Only of a payment that holds at least `amount` KRW. One that is `taken_back` stays so, and its end is all that is
    told of it.
    """
    assert 0 < amount <= payment.left, "no more can have been given back than was there"
    if operations.is_entered(turn, cause):
        return payment
    operations.enter(
        turn,
        cause=cause,
        site=payment.site,
        payment=payment.id,
        kind="external_refund",
        amount=-amount,
        evidence=evidence,
        at=recorder.at,
    )
    refunded = payment.refunded + amount
    after = State.REFUNDED if refunded == payment.captured else State.PART_REFUNDED
    payment = payments.move(
        turn,
        payment,
        State(payment.state) if taken_back else after,
        at=recorder.at,
        actor=actor,
        event="refund.external",
        detail={"amount": amount, "evidence": str(evidence)},
        refunded=refunded,
    )
    if not taken_back:
        recorder.tell(turn, payment, "payment.refunded")
    return payment


def write_gone(
    recorder: Pen, turn: Turn, payment: Payment, amount: int, evidence: Evidence, *, taken_back: bool
) -> Payment:
    """Write that so many KRW of money just found had gone back before, as an inquiry that shows it in all names it."""
    cause = f"external:{payment.id}:{amount}"
    return write_external_refund(
        recorder, turn, payment, amount=amount, evidence=evidence, cause=cause, taken_back=taken_back
    )


def close_made_already(recorder: Pen, turn: Turn, payment: Payment, amount: int) -> None:
    """A refund of all was found made already: the cancel that a case asks about is what made it, and the books have it.

    Not where more was told of than was there, or where other money lies beside the payment's own: that is asked still.
    What an operator reported may be that cancel or something else, so they are told what the books have by now.
    """
    asked = cases.open_one(turn, payment.id, EXTERNAL)
    if asked is not None and asked["amount"] <= amount and not payment.orphaned:
        cases.close_case(turn, payment.id, EXTERNAL, f"in the books by {Evidence.E9}", recorder.at)
    if cases.open_one(turn, payment.id, "reported") is not None:
        words = f"a refund found it cancelled at the gateway already: the books have these {amount} KRW as given back"
        recorder.case(turn, payment, "reported", words)
