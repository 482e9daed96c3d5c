"""Owes a payment a comparison of the gateway's books with ours, where the gateway can be asked."""

from bridge.clock import from_ms, new_id
from bridge.domain.gateway import Inquires
from bridge.domain.machine import PENDING_STEPS, Kind, Step
from bridge.domain.payment import Payment
from bridge.flows.pen import BRIDGE, Pen
from bridge.ledger import operations
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

AFTER_SECONDS = 5
"""How long after a refund the books are compared: an inquiry lags behind, and a request sent twice arrives twice.

They are compared once more when its quiet period is over, until when a second copy can arrive."""


def owe_check(turn: Turn, pen: Pen, payment: Payment, *, after_seconds: float = 0, target: str = "") -> bool:
    """Owe a comparison of the books, once at a time; answers False where the gateway cannot be asked."""
    if not isinstance(pen.site.gateways.get(payment.gateway), Inquires):
        return False
    due = pen.at + round(after_seconds * 1000)
    known = operations.of_payment(turn, payment.id)
    owed = next((one for one in known if one.kind is Kind.CHECK and one.step in PENDING_STEPS), None)
    if owed is not None:
        operations.hasten(turn, owed, due)
        return True
    check = Operation(
        id=new_id(pen.context.clock),
        site=pen.site.id,
        payment=payment.id,
        kind=Kind.CHECK,
        amount=payment.amount,
        step=Step.SENT,
        ref=payment.merchant_ref,
        target=target,
        actor=BRIDGE,
        stamp=pen.stamp,
        owner=pen.context.owner,
        sent_at=from_ms(pen.at),
    )
    operations.add(turn, check)
    operations.step(turn, check, Step.UNKNOWN, at=pen.at, next_try_at=due)
    return True
