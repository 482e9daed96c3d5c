"""Charges a card typed on the site (수기결제): it is in memory and in the request to the gateway, nowhere else."""

from bridge.domain.billing import CardEntry, KeysIn
from bridge.domain.exchange import Exchange
from bridge.domain.failures import GatewayOff
from bridge.domain.gateway import Approval
from bridge.domain.payment import Method, Order, Payment
from bridge.flows.context import Context
from bridge.flows.direct_payment import DirectWish, pay_directly
from bridge.flows.finish_checkout import Visit
from bridge.flows.open_checkout import Once
from bridge.flows.sites import Site
from bridge.flows.typed_card import without_card
from bridge.ledger.operations import Operation


async def key_in(
    context: Context,
    site: Site,
    order: Order,
    card: CardEntry,
    once: Once,
    *,
    gateway: str = "",
    actor: str,
    instalment_months: int = 0,
) -> Visit:
    """Charge a typed card for an order, by the first gateway that is up and whose call can say what the order asks.

    Raises GatewayOff where no gateway of the site takes typed cards, and what `pay_directly` raises.
    """
    able = [one for one in site.in_order(gateway) if isinstance(one, KeysIn) and site.takes_typed_cards(one)]
    if not able:
        raise GatewayOff("No gateway of this site takes typed cards; switch `card_entry` on for one, and mind PCI DSS.")

    def speak(gateway: KeysIn, payment: Payment, operation: Operation) -> Exchange[Approval]:
        return without_card(gateway.key_in(payment, order, card, operation.stamp), card)

    wish = DirectWish("key_in", order, Method.CARD, actor, instalment_months=instalment_months)
    return await pay_directly(context, site, able, wish, once, speak)
