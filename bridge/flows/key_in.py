"""Charges a typed card (수기결제): it is in memory and in the request to the gateway, nowhere else.

Typed on the site, it comes with the request; typed on our own page, the request opens the page.
"""

from functools import partial

from bridge.clock import from_ms, now_ms
from bridge.domain.billing import CardEntry, KeysIn
from bridge.domain.card_form import KEY_IN
from bridge.domain.exchange import Exchange
from bridge.domain.failures import GatewayOff
from bridge.domain.gateway import Approval, Gateway
from bridge.domain.machine import State
from bridge.domain.payment import Method, Order, Payment
from bridge.flows.approve import approve
from bridge.flows.card_page import is_paid_on_page, refuse_untyped
from bridge.flows.context import Context
from bridge.flows.direct_payment import DirectWish, begin_payment, pay_directly
from bridge.flows.finish_checkout import Visit, look, see_approved, wait_for
from bridge.flows.open_checkout import Once
from bridge.flows.sites import Site
from bridge.flows.talk import note_window
from bridge.flows.typed_card import without_card
from bridge.flows.urls import card_page_url
from bridge.ledger import payments
from bridge.ledger.ledger import Turn
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
    able = _able(site, gateway)

    def speak(gateway: Gateway, payment: Payment, operation: Operation) -> Exchange[Approval]:
        assert isinstance(gateway, KeysIn), "_able gives no others"
        return without_card(gateway.key_in(payment, order, card, operation.stamp), card)

    wish = DirectWish(KEY_IN, order, Method.CARD, actor, instalment_months=instalment_months)
    return await pay_directly(context, site, able, wish, once, speak)


async def open_card_page(
    context: Context, site: Site, order: Order, once: Once, *, gateway: str = "", actor: str, instalment_months: int = 0
) -> Payment:
    """Give the order's payment whose card is typed on our own page; nothing is charged yet.

    Raises GatewayOff where no gateway of the site takes typed cards or all that do are down, OrderChanged, OrderTaken,
    AmountRefused, Replayed, KeyReused, Busy.
    """
    able = _able(site, gateway)
    wish = DirectWish(KEY_IN, order, Method.CARD, actor, instalment_months=instalment_months)

    def begin(turn: Turn) -> Payment:
        payment = begin_payment(turn, context, site, able, wish, once)
        if payment.state != State.OPEN or payment.window_url:
            return payment  # the same request, sent again
        url, at = card_page_url(context, site, payment), now_ms(context.clock)
        return payments.move(turn, payment, State.OPEN, at=at, actor=actor, event="window.opened", window_url=url)

    return await context.ledger.write(begin)


async def key_in_on_page(context: Context, site: Site, payment_id: str, card: CardEntry) -> Visit:
    """Charge the card that was typed on our page for an open payment, at most once however often this is called.

    Raises NotFound, GatewayOff (switched off meanwhile), Busy or Reconciling where the books cannot take the intent;
    nothing was sent then.
    """
    visit = await look(context, site, payment_id)
    payment = visit.payment
    late = from_ms(now_ms(context.clock)) >= payment.expires_at
    if payment.state != State.OPEN or late or not is_paid_on_page(context, site, payment):
        return await wait_for(context, site, payment)
    gateway, order = site.gateway(payment.gateway), visit.order
    refuse_untyped(site, gateway)
    assert isinstance(gateway, KeysIn), "no other gateway's payment has such a page"
    keys_in = gateway

    def speak(paying: Payment, operation: Operation) -> Exchange[Approval]:
        return without_card(keys_in.key_in(paying, order, card, operation.stamp), card)

    heard = partial(note_window, context, site, gateway)
    approving = approve(context, site, gateway, order, payment, speak, heard=heard)
    return await see_approved(context, site, payment, approving)


def _able(site: Site, name: str) -> list[Gateway]:
    able: list[Gateway] = [
        one for one in site.in_order(name) if isinstance(one, KeysIn) and site.takes_typed_cards(one)
    ]
    if not able:
        raise GatewayOff("No gateway of this site takes typed cards; switch `card_entry` on for one, and mind PCI DSS.")
    return able
