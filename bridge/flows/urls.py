"""The bridge's own addresses, made from the configured public address and never from a request's Host."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bridge.domain.failures import Misconfigured
from bridge.domain.gateway import Gateway, Notifies, Urls
from bridge.domain.payment import Payment
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.plans import Plan


def check_addresses(context: Context, site_id: str, gateway: Gateway) -> None:
    """Make sure that a gateway takes addresses as long as the public one makes them. Raises Misconfigured."""
    kinds: tuple[str, ...] = getattr(gateway, "notice_kinds", ())
    notice = _notice_url(context, site_id, gateway.name, kinds[0]) if kinds else ""
    back = _return_url(context, site_id, site_id)  # all ids are equally long
    for url, longest in (
        (back, getattr(gateway, "address_bytes_max", 0)),
        (notice, getattr(gateway, "notice_bytes_max", 0)),
    ):
        size = len(url.encode())
        if longest and size > longest:
            raise Misconfigured(
                f"BRIDGE_PUBLIC_URL makes addresses of {size} bytes, and {gateway.title} takes {longest}: "
                f"use one that is {size - longest} bytes shorter."
            )


def _return_url(context: Context, site_id: str, payment_id: str) -> str:
    return f"{context.settings.public_url}/r/{context.tokens.make('return', site_id, payment_id)}"


def urls_of(context: Context, site: Site, payment: Payment) -> Urls:
    """Make the addresses a gateway is given for a payment."""
    base = context.settings.public_url
    return Urls(
        approval=_return_url(context, site.id, payment.id),
        close=f"{base}/r/{context.tokens.make('close', site.id, payment.id)}/close",
        notice=notice_url(context, site, payment.gateway, _first_kind(site, payment.gateway)),
        auth=window_url(context, site, payment).removesuffix("/window") + "/auth",
        shown=_shown(context, site, payment.gateway),
    )


def window_url(context: Context, site: Site, payment: Payment) -> str:
    """Make the address of the page that opens a payment's window by the gateway's script."""
    return f"{context.settings.public_url}/checkout/{context.tokens.make('window', site.id, payment.id)}/window"


def key_urls(context: Context, site: Site, row: KeyRow) -> Urls:
    """Make the addresses a gateway is given for a billing key."""
    base = f"{context.settings.public_url}/k/{context.tokens.make('billing_key', site.id, row.id)}"
    notice = notice_url(context, site, row.gateway, _first_kind(site, row.gateway))
    return Urls(approval=base, close=f"{base}/close", notice=notice, auth=f"{base}/auth")


def key_window_url(context: Context, site: Site, row: KeyRow) -> str:
    """Make the address of the page that opens a billing key's window by the gateway's script."""
    return f"{key_urls(context, site, row).approval}/window"


def card_page_url(context: Context, site: Site, payment: Payment) -> str:
    """Make the address of our own page on which a card is typed that pays."""
    return window_url(context, site, payment).removesuffix("/window") + "/card"


def key_card_page_url(context: Context, site: Site, row: KeyRow) -> str:
    """Make the address of our own page on which a card is typed for a billing key."""
    return f"{key_urls(context, site, row).approval}/card"


def plan_urls(context: Context, site: Site, gateway: str, result_url: str) -> Urls:
    """Make the addresses a gateway is given for a recurring plan: its buyer goes back to the shop itself."""
    notice = notice_url(context, site, gateway, _first_kind(site, gateway))
    return Urls(result_url, result_url, notice, shown=_shown(context, site, gateway))


def plan_page_url(context: Context, plan: Plan) -> str:
    """Make the address of the page on which the gateway's script registers a plan."""
    return f"{context.settings.public_url}/p/{context.tokens.make('plan', plan.site, plan.id)}/window"


def notice_url(context: Context, site: Site, gateway: str, kind: str) -> str:
    """Make a site's unguessable notice address for a gateway."""
    return _notice_url(context, site.id, gateway, kind)


def _notice_url(context: Context, site_id: str, gateway: str, kind: str) -> str:
    token = context.tokens.make("notice", site_id, gateway, kind)
    return f"{context.settings.public_url}/n/{site_id}/{gateway}/{kind}/{token.rpartition('.')[2]}"


def notice_urls(context: Context, site: Site) -> list[tuple[str, str, str]]:
    """List the notice addresses to type into the gateways' consoles: (gateway, kind, address)."""
    return [
        (name, kind, notice_url(context, site, name, kind))
        for name, gateway in site.gateways.items()
        if isinstance(gateway, Notifies)
        for kind in gateway.notice_kinds
        if kind != shown_kind(gateway)
    ]


def status_token(context: Context, payment: Payment) -> str:
    """Make the token that lets a browser ask for a payment's state."""
    return context.tokens.make("status", payment.site, payment.id)


def status_url(context: Context, payment: Payment) -> str:
    """Make the address a browser asks for a payment's state."""
    return f"{context.settings.public_url}/s/{status_token(context, payment)}"


def landing_url(context: Context, address: str, payment: Payment, result: str = "") -> str:
    """Add the payment's id and status token to an address of the shop."""
    parts = urlsplit(address)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in _OURS]
    added = [("pay_bridge", payment.id), ("pay_bridge_status", status_token(context, payment))]
    if result:
        added.append(("pay_bridge_result", result))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept + added), ""))


def key_landing_url(row: KeyRow) -> str:
    """Add a billing key's id and state to the address of the shop that its customer goes back to."""
    parts = urlsplit(row.result_url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in _OURS]
    added = [("pay_bridge_key", row.id), ("pay_bridge_result", str(row.state))]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(kept + added), ""))


_OURS = frozenset({"pay_bridge_key", "pay_bridge", "pay_bridge_status", "pay_bridge_result"})


def _first_kind(site: Site, gateway: str) -> str:
    kinds: tuple[str, ...] = getattr(site.gateways[gateway], "notice_kinds", ())  # isinstance is slow, and this is hot
    return kinds[0] if kinds else "noti"


def _shown(context: Context, site: Site, gateway: str) -> str:
    kind = shown_kind(site.gateways[gateway])
    return notice_url(context, site, gateway, kind) if kind else ""


def shown_kind(gateway: Gateway) -> str:
    """Name the kind of notice whose address browsers see: nobody types it into a console."""
    kind: str = getattr(gateway, "shown_kind", "")
    return kind
