"""Owes the withdrawal of a request: at its end, to learn whether it was paid; or because its order is paid already."""

from bridge.clock import from_ms, new_id
from bridge.domain.gateway import Probes
from bridge.domain.machine import PENDING_STEPS, Kind, State, Step
from bridge.domain.payment import Payment
from bridge.flows.pen import BRIDGE, Pen
from bridge.ledger import operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation


def begin_probe(turn: Turn, pen: Pen, payment: Payment) -> Operation | None:
    """Write the intent to withdraw the request, or to ask about it; the heartbeat sends it."""
    return _begin(turn, pen, payment, Kind.PROBE)


def owe_withdrawals(turn: Turn, pen: Pen, payment: Payment) -> None:
    """Owe the withdrawal of whatever else the buyer could pay now that this payment took money, once.

    Its own other requests are withdrawn beside it, and nothing waits for that. Where it has its order, the order's
    open windows end now instead of later: nobody may pay in them any more.
    """
    if isinstance(pen.site.gateways.get(payment.gateway), Probes) and payment.spare_requests:
        _begin(turn, pen, payment, Kind.WITHDRAW)
    if payment.state != State.PAID or not any(isinstance(one, Probes) for one in pen.site.gateways.values()):
        return
    for other in payments.of_order(turn, payment.site, payment.order_ref):
        if _is_payable(pen, other):
            begin_probe(turn, pen, other)


def owe_withdrawal_of_late(turn: Turn, pen: Pen, payment: Payment) -> None:
    """Owe the withdrawal of a window that opened only after another payment had its order."""
    if _is_payable(pen, payment) and is_taken(turn, payment):
        begin_probe(turn, pen, payment)


def is_taken(turn: Turn, payment: Payment) -> bool:
    """Tell whether another payment has the order: whoever paid by this one would pay twice."""
    everyone = payments.of_order(turn, payment.site, payment.order_ref)
    return payments.holder(everyone, but=payment.id) is not None


def _is_payable(pen: Pen, payment: Payment) -> bool:
    gateway = pen.site.gateways.get(payment.gateway)
    if gateway is None or payment.state != State.OPEN:
        return False
    return isinstance(gateway, Probes) and gateway.was_requested(payment)


def _begin(turn: Turn, pen: Pen, payment: Payment, kind: Kind) -> Operation | None:
    known = operations.of_payment(turn, payment.id)
    if any(one.kind is kind and one.step in PENDING_STEPS for one in known):
        return None
    intent = Operation(
        id=new_id(pen.context.clock),
        site=pen.site.id,
        payment=payment.id,
        kind=kind,
        amount=payment.amount,
        step=Step.SENT,
        ref=payment.merchant_ref,
        actor=BRIDGE,
        stamp=pen.stamp,
        owner=pen.context.owner,
        sent_at=from_ms(pen.at),
    )
    operations.add(turn, intent)
    return operations.step(turn, intent, Step.UNKNOWN, at=pen.at, next_try_at=pen.at)
