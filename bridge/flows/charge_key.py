"""Charges a customer's billing key: a payment like any other, whose approval is the charge."""

from dataclasses import dataclass

from bridge.domain.billing import Bills, KeyState, MarksCharges
from bridge.domain.exchange import Exchange
from bridge.domain.failures import GatewayOff
from bridge.domain.gateway import Approval, Declined, Gateway
from bridge.domain.machine import HOLDING, State
from bridge.domain.payment import Method, Order, Payment
from bridge.domain.phone_keys import check_phone_charge
from bridge.domain.reasons import Reason
from bridge.flows.billing_keys import KEY, billing_key, owned, refuse_unless_active
from bridge.flows.choose_gateway import check_details
from bridge.flows.context import Context
from bridge.flows.direct_payment import DirectWish, pay_directly
from bridge.flows.finish_checkout import Visit
from bridge.flows.open_checkout import Once
from bridge.flows.sites import Site
from bridge.flows.urls import urls_of
from bridge.ledger import payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation
from bridge.ledger.queues import line_up

COUNTED = HOLDING | {State.OPEN}
"""A charge in these states has taken a phone's month, or may."""


@dataclass(frozen=True, slots=True)
class ChargeWish:
    """What is to be charged, and whose key that is."""

    key: str
    customer: str
    order: Order
    actor: str
    instalment_months: int = 0


async def charge_key(context: Context, site: Site, wish: ChargeWish, once: Once) -> Visit:
    """Charge a key for an order. Raises NotFound, NotNow (the key, or a phone's days and amount), Malformed (the
    gateway needs more of the buyer), and what `pay_directly` raises."""
    row = await context.ledger.read(lambda turn: owned(turn, site, wish.key, wish.customer))
    gateway = site.gateway(row.gateway)
    if not isinstance(gateway, Bills):
        raise GatewayOff(f"{gateway.title} charges no billing keys.")
    bills, key = gateway, billing_key(context, row)
    check_details(gateway, "charge", wish.order.buyer)
    token_id, at = f"{KEY}:{key.id}", context.clock.now()

    def check(turn: Turn) -> None:
        line_up(turn, token_id)  # a deletion lines up too, and "once a month" is a count of what other turns add
        refuse_unless_active(owned(turn, site, key.id, wish.customer))
        if row.method is not Method.PHONE:
            return
        made = payments.by_token(turn, site.id, token_id)
        check_phone_charge(key, wish.order.amount, at, [one.created_at for one in made if State(one.state) in COUNTED])

    def bars(turn: Turn) -> Declined | None:
        line_up(turn, token_id)
        if owned(turn, site, key.id, wish.customer).state is KeyState.ACTIVE:
            return None
        return Declined(Reason.CARD_STOPPED, "", "삭제한 결제 수단이라 결제하지 않았어요.")

    def speak(_: Gateway, payment: Payment, operation: Operation) -> Exchange[Approval]:
        return bills.charge(payment, wish.order, key, urls_of(context, site, payment), operation.stamp)

    refs = gateway.charge_refs(at) if isinstance(gateway, MarksCharges) else {}
    direct = DirectWish(
        "charge",
        wish.order,
        row.method,
        wish.actor,
        refs,
        wish.instalment_months,
        token_id=token_id,
        check=check,
        bars=bars,
    )
    return await pay_directly(context, site, [gateway], direct, once, speak)
