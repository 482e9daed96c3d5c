"""The bridge's own addresses, made from the configured public address and never from a request's Host."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bridge.domain.gateway import Notifies, Urls
from bridge.domain.payment import Payment
from bridge.flows.context import Context
from bridge.flows.sites import Site


def urls_of(context: Context, site: Site, payment: Payment) -> Urls:
    """Make the addresses a gateway is given for a payment."""
    base = context.settings.public_url
    return Urls(
        approval=f"{base}/r/{context.tokens.make('return', site.id, payment.id)}",
        close=f"{base}/r/{context.tokens.make('close', site.id, payment.id)}/close",
        notice=notice_url(context, site, payment.gateway, _first_kind(site, payment.gateway)),
        auth=window_url(context, site, payment).removesuffix("/window") + "/auth",
    )


def window_url(context: Context, site: Site, payment: Payment) -> str:
    """Make the address of the page that opens a payment's window by the gateway's script."""
    return f"{context.settings.public_url}/checkout/{context.tokens.make('window', site.id, payment.id)}/window"


def notice_url(context: Context, site: Site, gateway: str, kind: str) -> str:
    """Make a site's unguessable notice address for a gateway."""
    token = context.tokens.make("notice", site.id, gateway, kind)
    return f"{context.settings.public_url}/n/{site.id}/{gateway}/{kind}/{token.rpartition('.')[2]}"


def notice_urls(context: Context, site: Site) -> list[tuple[str, str, str]]:
    """List the notice addresses to type into the gateways' consoles: (gateway, kind, address)."""
    return [
        (name, kind, notice_url(context, site, name, kind))
        for name, gateway in site.gateways.items()
        if isinstance(gateway, Notifies)
        for kind in gateway.notice_kinds
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


_OURS = frozenset({"pay_bridge", "pay_bridge_status", "pay_bridge_result"})


def _first_kind(site: Site, gateway: str) -> str:
    kinds: tuple[str, ...] = getattr(site.gateways[gateway], "notice_kinds", ())  # isinstance is slow, and this is hot
    return kinds[0] if kinds else "noti"
