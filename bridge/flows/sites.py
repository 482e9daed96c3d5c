"""The sites this bridge serves, held in memory and read again when they change (within two seconds)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from bridge.domain.failures import GatewayOff, Misconfigured, NotFound
from bridge.domain.gateway import Gateway
from bridge.domain.payment import Method, Mode, Payment
from bridge.domain.services import PaysWithin
from bridge.ledger import sites as rows
from bridge.ledger.ledger import Ledger, Row, Turn
from bridge.ledger.questions import Question
from bridge.ledger.vault import Vault
from bridge.signing.keys import SiteKey, decode_secret

CARD_ENTRY = "card_entry"
"""The one setting beside a gateway's own: `on` where cards may be typed, on our own page or the site's."""
CARD_ENTRY_WARNING = (
    "Cards may now be typed on the bridge's own page, and handed to its API by the site: every system that sees a card "
    "number is in PCI DSS scope (SAQ D), the bridge and perhaps the shop's server. Leave it off unless you have been "
    "assessed for that."
)

log = structlog.get_logger("sites")
BuildGateway = Callable[[str, Mapping[str, str], Mode], Gateway]


@dataclass(frozen=True, slots=True)
class Site:
    """One WordPress installation with its keys and gateways. `refused`: why settings of others cannot be used."""

    id: str
    url: str
    mode: Mode
    default_gateway: str
    keys: tuple[SiteKey, ...] = field(repr=False)
    gateways: Mapping[str, Gateway] = field(repr=False)
    card_entry: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """The site's origin: scheme://host[:port]."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def loopback_allowed(self) -> bool:
        """Whether plain http and loopback addresses may be called for this site."""
        return self.mode is Mode.TEST

    def gateway(self, name: str = "") -> Gateway:
        """Give the site's gateway of that name, or its default. Raises GatewayOff."""
        found = self.gateways.get(name or self.default_gateway)
        if found is None:
            raise GatewayOff(f"The gateway {name or self.default_gateway} is not set up for this site.")
        return found

    def paid_as(self, payment: Payment) -> Method:
        """Give the method that money of a payment is shown by: what its gateway was told, never a mere wish."""
        gateway = self.gateways.get(payment.gateway)
        return gateway.paid_as(payment.method) if isinstance(gateway, PaysWithin) else payment.method

    def takes_typed_cards(self, gateway: Gateway) -> bool:
        """Tell whether the site switched typed cards on for a gateway."""
        return gateway.name in self.card_entry

    def in_order(self, name: str = "") -> list[Gateway]:
        """List the gateways that may be asked: the named one, or all, the default first. Raises GatewayOff."""
        if not name and self.default_gateway in self.refused and self.gateways:
            return list(self.gateways.values())
        first = self.gateway(name)
        return [first] if name else list({first.name: first, **self.gateways}.values())

    def gateways_for(self, method: Method, name: str = "") -> list[Gateway]:
        """List those of them that take a method. Raises GatewayOff, where none does too."""
        asked = self.in_order(name)
        able = [gateway for gateway in asked if method in gateway.methods]
        if not able:
            who = f"{asked[0].title} does not take" if name else "No gateway of this site takes"
            raise GatewayOff(f"{who} the method {method}.")
        return able

    def news_keys(self) -> list[bytes]:
        """Give the keys that sign news: every active one, so that a rotation loses nothing."""
        return [key.news for key in self.keys if key.state in ("active", "retiring")]

    def owns_url(self, url: str) -> bool:
        """Tell whether an address is on this site's own origin."""
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}" == self.origin and "@" not in parts.netloc


class Sites:
    """Finds sites by id, by address and by key id."""

    def __init__(self, ledger: Ledger, vault: Vault, build_gateway: BuildGateway) -> None:
        self._ledger = ledger
        self._vault = vault
        self._build_gateway = build_gateway
        self._changed: str | None = None
        self._by_id: dict[str, Site] = {}
        self._by_key: dict[str, tuple[Site, SiteKey]] = {}

    def any_changed(self) -> Question:
        """Ask whether they changed since they were read."""
        return rows.any_changed(self._changed or "")

    async def refresh(self) -> None:
        """Read the sites again if they changed since the last time."""
        found = await self._ledger.read(self._load)
        if found is None:
            return
        self._changed, sites = found
        self._by_id = {site.id: site for site in sites}
        self._by_key = {key.key_id: (site, key) for site in sites for key in site.keys}

    def _load(self, turn: Turn) -> tuple[str, list[Site]] | None:
        changed = rows.changed(turn)
        if changed == self._changed:
            return None
        keys, gateways = rows.all_keys(turn), rows.all_gateways(turn)
        return changed, [self._site(row, keys, gateways) for row in rows.all_sites(turn)]

    def _site(self, row: Row, keys: list[Row], gateways: list[Row]) -> Site:
        mode = Mode(row["mode"])
        settings = {one["gateway"]: self._settings(one) for one in gateways if one["site"] == row["id"]}
        built, refused = dict[str, Gateway](), dict[str, str]()
        for name, values in settings.items():
            try:
                built[name] = self._build(name, values, mode)
            except Misconfigured as error:  # another version took it; nobody else waits for that
                refused[name] = error.detail
                log.error("a gateway's settings cannot be used", site=row["id"], gateway=name, why=error.detail)
        return Site(
            id=row["id"],
            url=row["url"],
            mode=mode,
            default_gateway=row["default_gateway"],
            keys=tuple(self._key(key) for key in keys if key["site"] == row["id"]),
            gateways=built,
            refused=refused,
            card_entry=frozenset(name for name, values in settings.items() if values.get(CARD_ENTRY) == "on"),
        )

    def _key(self, row: Row) -> SiteKey:
        secret = decode_secret(self._vault.open(row["secret_sealed"], f"site_key:{row['key_id']}").decode())
        return SiteKey.from_secret(secret, key_id=row["key_id"], site=row["site"], state=row["state"])

    def _settings(self, row: Row) -> dict[str, str]:
        text = self._vault.open(row["settings_sealed"], f"gateway:{row['site']}:{row['gateway']}")
        settings: dict[str, str] = json.loads(text)
        return settings

    def check_gateway(self, name: str, values: Mapping[str, str], mode: Mode) -> Gateway:
        """Build a gateway from these settings, to see that it can be. Raises Misconfigured."""
        return self._build(name, values, mode)

    def _build(self, name: str, values: Mapping[str, str], mode: Mode) -> Gateway:
        if values.get(CARD_ENTRY, "off") not in ("on", "off"):
            raise Misconfigured(f"{name}.{CARD_ENTRY} must be on or off.")
        return self._build_gateway(name, {key: value for key, value in values.items() if key != CARD_ENTRY}, mode)

    def get(self, site: str) -> Site:
        """Give a site by id. Raises NotFound."""
        if site not in self._by_id:
            raise NotFound("There is no such site.")
        return self._by_id[site]

    def find(self, site: str) -> Site | None:
        """Give a site by id, or None for one this process has not read yet."""
        return self._by_id.get(site)

    def at(self, url: str) -> Site:
        """Give the site at an address, as a person types it. Raises NotFound."""
        found = next((site for site in self._by_id.values() if site.url == url.rstrip("/")), None)
        if found is None:
            raise NotFound("There is no site with this address.")
        return found

    def all(self) -> list[Site]:
        """Give every site."""
        return list(self._by_id.values())

    def find_key(self, key_id: str) -> SiteKey | None:
        """Find a key by its id, whatever its state."""
        found = self._by_key.get(key_id)
        return found[1] if found else None
