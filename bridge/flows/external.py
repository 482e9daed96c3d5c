"""Money given back past the bridge, in the gateway's console or by a request that was executed twice."""

from bridge.domain.machine import Evidence, State
from bridge.domain.payment import Payment
from bridge.flows.pen import Pen
from bridge.ledger import operations, payments
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
) -> Payment:
    """Write an entry of its own kind; the payment's state follows the books. `cause` names the fact, and counts once.

    Only of a payment that holds at least `amount` KRW.
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
    payment = payments.move(
        turn,
        payment,
        State.REFUNDED if refunded == payment.captured else State.PART_REFUNDED,
        at=recorder.at,
        actor=actor,
        event="refund.external",
        detail={"amount": amount, "evidence": str(evidence)},
        refunded=refunded,
    )
    recorder.tell(turn, payment, "payment.refunded")
    return payment
