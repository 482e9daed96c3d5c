"""What a site's gateways offer: methods to a buyer, with least amounts and health, and services to a clerk."""

from typing import Any

from bridge.domain.billing import IssuesKeys, KeysIn, Plans, TakesInstalments
from bridge.domain.gateway import Gateway
from bridge.domain.payment import INSTALMENT_AMOUNT_MIN, Buyer, Device, Method
from bridge.domain.services import LooksUp, NeedsForWindow
from bridge.flows.card_page import registers_on_page
from bridge.flows.context import Context
from bridge.flows.sites import CARD_ENTRY, Site
from bridge.web.dashboard.words import METHODS

SERVICES: dict[str, type[Any]] = {"plans": Plans, "card_kinds": LooksUp}
"""What a clerk is offered beside payments only where a gateway of the site has it."""
KEYS: dict[str, Method] = {"card_keys": Method.CARD, "phone_keys": Method.PHONE}
"""Of which methods a window, or our own page, registers billing keys: a service each, for clerk and customer."""


def services_json(site: Site, gateway: str = "") -> list[dict[str, Any]]:
    """List the services that a gateway of the site has, and who has each.

    `minimum` is the least amount in KRW: of a phone for phone_keys, else of a card. Who takes typed cards by
    instalments says in how many months at most, and from how many KRW on.
    """
    return [
        {"code": code, "gateways": [_provider_json(one, code) for one in able]}
        for code in (*SERVICES, *KEYS, CARD_ENTRY)
        if (able := [one for one in site.in_order(gateway) if _serves(site, one, code)])
    ]


def _provider_json(gateway: Gateway, code: str) -> dict[str, Any]:
    shown = {
        "gateway": gateway.name,
        "title": gateway.title,
        "minimum": gateway.smallest(KEYS.get(code, Method.CARD)),
    }
    return shown | (instalments_json(gateway) if code == CARD_ENTRY else {})


def instalments_json(gateway: object) -> dict[str, int]:
    """Say in how many months at most, from how many KRW on, a card pays without a window; nothing for one sum only."""
    if not isinstance(gateway, TakesInstalments):
        return {}
    return {"instalments_from": INSTALMENT_AMOUNT_MIN, "instalment_months_max": gateway.instalment_months_max}


def _serves(site: Site, gateway: Gateway, code: str) -> bool:
    if code == CARD_ENTRY:
        return isinstance(gateway, KeysIn) and site.takes_typed_cards(gateway)
    if code in KEYS:
        in_window = isinstance(gateway, IssuesKeys) and KEYS[code] in gateway.key_methods
        return in_window or registers_on_page(site, gateway, KEYS[code])
    return isinstance(gateway, SERVICES[code])


def methods_json(context: Context, site: Site, gateway: str = "") -> list[dict[str, Any]]:
    """List the methods that can be chosen, of one gateway or of all; the default gateway comes first.

    `healthy` is whether any gateway that takes the method opens its window at the moment; the others are skipped.
    `minimum` is the least amount in KRW that any of the healthy ones takes, or of all where none is. `needs_phone` is
    there, and true, where each of those opens its window only for a buyer whose phone is known.
    """
    chosen = site.in_order(gateway)
    return [
        _method_json(context, site, method, able)
        for method in Method
        if (able := [one for one in chosen if method in one.methods])
    ]


def _method_json(context: Context, site: Site, method: Method, able: list[Gateway]) -> dict[str, Any]:
    now = context.clock.boot_seconds()
    up = [one for one in able if not context.breakers.is_down(site.id, one.name, now)]
    shown: dict[str, Any] = {
        "code": str(method),
        "name": METHODS[method].ko,
        "healthy": bool(up),
        "minimum": min(one.smallest(method) for one in up or able),
        **({"needs_phone": True} if all(map(_needs_phone, up or able)) else {}),
        "gateways": [
            {"gateway": one.name, "title": one.title, "healthy": one in up, "minimum": one.smallest(method)}
            for one in able
        ],
    }
    return shown | ({"instalments_from": INSTALMENT_AMOUNT_MIN} if method is Method.CARD else {})


def _needs_phone(gateway: Gateway) -> bool:
    """Tell whether it opens its window in a browser for a buyer with a phone, and for no other."""
    if not isinstance(gateway, NeedsForWindow):
        return False
    bare, known = (gateway.lacking_for_window(Device.PC, Buyer("", phone=one)) for one in ("", "01000000000"))
    return bare is not None and known is None
