"""The end of a window or account: where money may have come unheard, the gateway must show first that nobody paid."""

from bridge.domain.gateway import Gateway, Inquires, Probes, captures_itself
from bridge.domain.machine import PENDING_STEPS, Evidence, Kind, State
from bridge.domain.payment import Payment
from bridge.domain.reasons import Reason
from bridge.flows.owe_check import owe_check
from bridge.flows.pace import is_late, waited_ms
from bridge.flows.record import BRIDGE, Recorder
from bridge.ledger import gap, operations, payments
from bridge.ledger.ledger import Turn


def must_be_shown(turn: Turn, gateway: Gateway | None, payment: Payment) -> bool:
    """Tell whether the gateway must show that an open window took no money before the payment may end.

    Where nobody can pay a request before it is in our books, none there is as good: but not in restored books.
    """
    if gateway is None or payment.state != State.OPEN or not payment.window_url or not captures_itself(gateway):
        return False
    if isinstance(gateway, Probes) and payment.window_sealed and not gateway.was_requested(payment):
        return gap.of_payment(turn, payment) is not None
    return isinstance(gateway, Probes | Inquires)


def must_be_asked(turn: Turn, recorder: Recorder, gateway: Gateway | None, payment: Payment) -> bool:
    """Owe a look at the gateway's books before a waiting account ends: its deposit's notice may have been lost.

    Answers whether that look's answer is awaited; a gateway that has not answered for too long is awaited no more.
    """
    if gateway is None or payment.state != State.AWAITING_DEPOSIT:
        return False
    checks = [one for one in operations.of_payment(turn, payment.id) if one.kind is Kind.CHECK]
    awaited = next((one for one in checks if one.step in PENDING_STEPS), None)
    if awaited is not None:
        return not is_late(gateway, waited_ms(recorder.context, awaited, recorder.stamp))
    return all(one.sent_at < payment.expires_at for one in checks) and owe_check(turn, recorder, payment)


def write_expired(turn: Turn, recorder: Recorder, payment: Payment, evidence: Evidence | None = None) -> Payment:
    """Write that a payment's time is over and it holds no money, and tell WordPress."""
    payment = payments.move(
        turn,
        payment,
        State.EXPIRED,
        at=recorder.at,
        actor=BRIDGE,
        event="payment.expired",
        detail={"evidence": str(evidence)} if evidence else None,
        reason=str(Reason.EXPIRED),
    )
    recorder.tell(turn, payment, "payment.failed")
    return payment


def hold_order(turn: Turn, recorder: Recorder, payment: Payment) -> Payment:
    """Let a window that may have taken money hold its order, unless another payment does."""
    everyone = payments.of_order(turn, recorder.site.id, payment.order_ref)
    if payment.state != State.OPEN or payments.holder(everyone, but=payment.id) is not None:
        return payment
    payment = payments.move(turn, payment, State.UNKNOWN, at=recorder.at, actor=BRIDGE, event="window.perhaps_paid")
    recorder.tell(turn, payment, "payment.confirming")
    return payment
