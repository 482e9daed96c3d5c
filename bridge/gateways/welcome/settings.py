"""Welcome's settings: identity, keys, hosts and the open points that an operator may switch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address
from urllib.parse import urlsplit

from bridge.domain.failures import Misconfigured
from bridge.domain.gateway import Setting
from bridge.domain.payment import Mode
from bridge.domain.windows import origin_of

SETTINGS = (
    Setting("mid", "shop id (가맹점ID)", test="wpaybill01"),
    Setting("sign_key", "signKey, as the office shows it", test="b3VGY2R5ZzI5M2xCZzhrT0paQ1oxQT09", secret=True),
    Setting(
        "api_key",
        "api key, 32 characters: encrypts cards, and proves unified notices; without it there is no gateway",
        test="1" * 32,
        secret=True,
    ),
    Setting("api_iv", "api iv, 16 characters", test="1" * 16, secret=True),
    Setting("api_url", "PAYAPI", live="https://payapi.paywelcome.co.kr", test="https://tpayapi.paywelcome.co.kr"),
    Setting(
        "approval_urls",
        "where an authenticated payment may be approved (P_REQ_URL), origins, comma separated",
        live="https://mobile.paywelcome.co.kr,https://m.paywelcome.co.kr",
        test="https://tmobile.paywelcome.co.kr,https://tm.paywelcome.co.kr",
    ),
    Setting(
        "window_domains",
        "domains of payment links",
        live="welpg.com,paywelcome.co.kr",
        test="welpg.com,paywelcome.co.kr",
    ),
    Setting(
        "notice_sources",
        "addresses notices come from, comma separated; empty (in mode test alone): any",
        live="118.129.171.152,118.129.171.153",
        test="",
    ),
    Setting(
        "timestamp", "millis (as the samples), or digits (yyyyMMddHHmmss, as the tables)", live="millis", test="millis"
    ),
    Setting("billing_key", "auth, or noauth: how a card is registered", live="auth", test="auth"),
    Setting("tax_parts", "send VAT and tax-free parts (부가세 업체정함): yes or no", live="no", test="no"),
    Setting("phone_goods", "P_HPP_METHOD: 1 contents, 2 goods", live="2", test="2"),
    Setting("escrow", "window with escrow (useescrow=Y): yes or no", live="no", test="no"),
    Setting("server_address", "clientIp of escrow calls", live="127.0.0.1", test="127.0.0.1"),
)

NEVER_EMPTY = frozenset(
    {"mid", "sign_key", "api_key", "api_iv", "api_url", "approval_urls", "window_domains", "server_address"}
)
CHOICES: Mapping[str, tuple[str, ...]] = {
    "timestamp": ("millis", "digits"),
    "billing_key": ("auth", "noauth"),
    "tax_parts": ("yes", "no"),
    "phone_goods": ("1", "2"),
    "escrow": ("yes", "no"),
}
KEY_LENGTH, IV_LENGTH = 32, 16
MID = re.compile(r"[A-Za-z0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class WelcomeSettings:
    """Welcome's settings of one site."""

    mid: str
    sign_key: str = field(repr=False)
    api_key: str = field(repr=False)
    api_iv: str = field(repr=False)
    api_url: str
    approval_origins: frozenset[str]
    window_domains: frozenset[str]
    notice_sources: frozenset[str]
    timestamp: str
    billing_key: str
    sends_tax_parts: bool
    phone_goods: str
    in_escrow: bool
    server_address: str


def read_settings(values: Mapping[str, str], mode: Mode) -> WelcomeSettings:
    """Read a site's settings, with the mode's defaults. Raises Misconfigured, naming the setting."""
    unknown = set(values) - {setting.name for setting in SETTINGS}
    if unknown:
        raise Misconfigured(f"welcome.{sorted(unknown)[0]} is no setting of Welcome.")
    read = {}
    for setting in SETTINGS:
        value = values.get(setting.name, setting.live if mode is Mode.LIVE else setting.test)
        if value is None or (setting.name in NEVER_EMPTY and not value):
            raise Misconfigured(f"welcome.{setting.name} is missing ({setting.purpose}).")
        read[setting.name] = value
    for name, allowed in CHOICES.items():
        if read[name] not in allowed:
            raise Misconfigured(f"welcome.{name} must be {' or '.join(allowed)}.")
    for name, length in (("api_key", KEY_LENGTH), ("api_iv", IV_LENGTH)):
        if len(read[name]) != length or not read[name].isascii():
            raise Misconfigured(f"welcome.{name} must be {length} ASCII characters, as Welcome mailed it.")
    if not MID.fullmatch(read["mid"]):
        raise Misconfigured("welcome.mid must be at most ten letters and digits, as Welcome gave it.")
    sources = frozenset(_listed(read["notice_sources"]))
    if not sources and mode is Mode.LIVE:
        raise Misconfigured(
            "welcome.notice_sources is empty: set it to the addresses Welcome's notices come from (118.129.171.152,"
            "118.129.171.153). Two of its three kinds are not signed, so that in mode live nothing else tells a "
            "deposit from a lie."
        )
    try:
        IPv4Address(read["server_address"])
    except AddressValueError:
        raise Misconfigured(
            "welcome.server_address must be an IPv4 address such as 203.0.113.7: an escrow's clientIp has room for no "
            "other."
        ) from None
    return WelcomeSettings(
        mid=read["mid"],
        sign_key=read["sign_key"],
        api_key=read["api_key"],
        api_iv=read["api_iv"],
        api_url=_address("api_url", read["api_url"], mode).rstrip("/"),
        approval_origins=frozenset(
            origin_of(_address("approval_urls", url, mode)) for url in _listed(read["approval_urls"])
        ),
        window_domains=frozenset(_listed(read["window_domains"])),
        notice_sources=sources,
        timestamp=read["timestamp"],
        billing_key=read["billing_key"],
        sends_tax_parts=read["tax_parts"] == "yes",
        phone_goods=read["phone_goods"],
        in_escrow=read["escrow"] == "yes",
        server_address=read["server_address"],
    )


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _address(name: str, url: str, mode: Mode) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise Misconfigured(f"welcome.{name} must be an address such as https://payapi.paywelcome.co.kr.")
    if parts.scheme == "http" and mode is Mode.LIVE:
        raise Misconfigured(f"welcome.{name} must be https for a site in mode live.")
    return url
