"""Charges a customer's billing key: a payment like any other, whose approval is the charge."""

from dataclasses import dataclass

from bridge.domain.billing import Bills, MarksCharges, phone_refusal
from bridge.domain.exchange import Exchange
from bridge.domain.failures import GatewayOff, NotNow
from bridge.domain.gateway import Approval
from bridge.domain.payment import Order, Payment
from bridge.flows.billing_keys import billing_key, owned
from bridge.flows.context import Context
from bridge.flows.direct_payment import DirectWish, pay_directly
from bridge.flows.finish_checkout import Visit
from bridge.flows.open_checkout import Once
from bridge.flows.sites import Site
from bridge.flows.urls import urls_of
from bridge.ledger.operations import Operation


@dataclass(frozen=True, slots=True)
class ChargeWish:
    """What is to be charged, and whose key that is."""

    key: str
    customer: str
    order: Order
    actor: str
    instalment_months: int = 0


async def charge_key(context: Context, site: Site, wish: ChargeWish, once: Once) -> Visit:
    """Charge a key for an order. Raises NotFound, NotNow (the key, or a phone's days and amount), and what
    `pay_directly` raises."""
    row = await context.ledger.read(lambda turn: owned(turn, site, wish.key, wish.customer))
    gateway = site.gateway(row.gateway)
    if not isinstance(gateway, Bills):
        raise GatewayOff(f"{gateway.title} charges no billing keys.")
    bills, key = gateway, billing_key(context, row)
    no = phone_refusal(key, wish.order.amount, context.clock.now())
    if no is not None:
        raise NotNow(no[0], message_ko=no[1])

    def speak(payment: Payment, operation: Operation) -> Exchange[Approval]:
        return bills.charge(payment, wish.order, key, urls_of(context, site, payment), operation.stamp)

    refs = gateway.charge_refs(context.clock.now()) if isinstance(gateway, MarksCharges) else {}
    direct = DirectWish("charge", wish.order, row.method, wish.actor, refs, wish.instalment_months)
    return await pay_directly(context, site, gateway, direct, once, speak)
