"""Our own page on which a card is typed, for a gateway that has no window for it and a site that switched it on."""

from collections.abc import Sequence

from bridge.domain.billing import IssuesKeys, IssuesKeysByCard
from bridge.domain.card_form import REGISTER, lacking_besides
from bridge.domain.failures import GatewayOff, Malformed
from bridge.domain.gateway import Gateway
from bridge.domain.payment import Buyer, Method, Payment
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.flows.urls import card_page_url, key_card_page_url
from bridge.ledger.billing_keys import KeyRow


def registers_on_page(site: Site, gateway: Gateway, method: Method) -> bool:
    """Tell whether a card is registered at a gateway on our page: it has no window for that, and the site takes it."""
    has_window = isinstance(gateway, IssuesKeys) and method in gateway.key_methods
    by_card = isinstance(gateway, IssuesKeysByCard) and site.takes_typed_cards(gateway)
    return method is Method.CARD and by_card and not has_window


def that_ask_enough(able: Sequence[Gateway], buyer: Buyer, *, one_must: bool) -> list[Gateway]:
    """Keep those that need no more than our form asks for. Raises Malformed, with what the first lacks, where none of
    some does and `one_must`."""
    lacks = [lacking_besides(one, REGISTER, buyer) for one in able]
    fit = [one for one, no in zip(able, lacks, strict=True) if no is None]
    first = lacks[0] if lacks else None
    if one_must and not fit and first is not None:
        raise Malformed(first[0], message_ko=first[1])
    return fit


def is_key_on_page(context: Context, site: Site, row: KeyRow) -> bool:
    """Tell whether a billing key's card is typed on our page."""
    return row.window_url == key_card_page_url(context, site, row)


def is_paid_on_page(context: Context, site: Site, payment: Payment) -> bool:
    """Tell whether a payment's card is typed on our page."""
    return payment.window_url == card_page_url(context, site, payment)


def refuse_untyped(site: Site, gateway: Gateway) -> None:
    """Take no card for a gateway of which the site has switched that off meanwhile. Raises GatewayOff."""
    if not site.takes_typed_cards(gateway):
        raise GatewayOff(
            f"Typed cards are switched off for {gateway.name} (`card_entry`).",
            message_ko="이 사이트는 카드번호를 직접 입력받지 않아요. 아무것도 보내지 않았어요.",
        )
