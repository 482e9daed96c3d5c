"""Mainpay's settings: identity, hosts and the open points that an operator may switch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bridge.domain.failures import Misconfigured
from bridge.domain.gateway import Setting
from bridge.domain.payment import Mode

SETTINGS = (
    Setting("mbr_no", "merchant number (가맹점번호)", test="100011"),
    Setting(
        "api_key",
        "merchant API key (암호키); the test default is the one of the guide's config.php",
        test="U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0",
        secret=True,
    ),
    Setting(
        "api_url",
        "window API: ready, pay, net-cancel",
        live="https://api-std.mainpay.co.kr",
        test="https://test-api-std.mainpay.co.kr",
    ),
    Setting(
        "relay_url",
        "direct API: cancel, partial cancel",
        live="https://relay.mainpay.co.kr",
        test="https://test-relay.mainpay.co.kr",
    ),
    Setting("window_domain", "domain of the window's pages", live="mainpay.co.kr", test="mainpay.co.kr"),
    Setting(
        "notice_sources",
        "addresses notices come from, comma separated; empty (in mode test alone): any",
        live="211.43.193.87",
        test="",
    ),
    Setting("timestamp", "digits of the timestamp: 18, or 15 (yyMMddHHmmssSSS)", live="18", test="18"),
    Setting("cancel_reference", "mbrRefNo of a cancel: new or original", live="new", test="new"),
    Setting(
        "buyer_fields",
        "who buys: both (customer* of the live system and buyer* of the guide) or customer",
        live="both",
        test="both",
    ),
    Setting("goods_code", "goodsCode, at most 8 bytes", live="TICKET", test="TICKET"),
)

GOODS_CODE_BYTES_MAX = 8
NEVER_EMPTY = frozenset({"mbr_no", "api_key", "window_domain", "goods_code"})


@dataclass(frozen=True, slots=True)
class MainpaySettings:
    """Mainpay's settings of one site."""

    mbr_no: str
    api_key: str = field(repr=False)
    api_url: str
    relay_url: str
    window_domain: str
    notice_sources: frozenset[str]
    timestamp_digits: int
    cancel_reference_is_new: bool
    sends_guide_buyer: bool
    goods_code: str


def read_settings(values: Mapping[str, str], mode: Mode) -> MainpaySettings:
    """Read a site's settings, with the mode's defaults. Raises Misconfigured, naming the setting."""
    unknown = set(values) - {setting.name for setting in SETTINGS}
    if unknown:
        raise Misconfigured(f"mainpay.{sorted(unknown)[0]} is no setting of Mainpay.")
    found = {setting.name: values.get(setting.name, _default(setting, mode)) for setting in SETTINGS}
    for setting in SETTINGS:
        if found[setting.name] is None or (setting.name in NEVER_EMPTY and not found[setting.name]):
            raise Misconfigured(f"mainpay.{setting.name} is missing ({setting.purpose}).")
    read = {name: str(value) for name, value in found.items()}
    if read["timestamp"] not in ("15", "18"):
        raise Misconfigured("mainpay.timestamp must be 15 or 18.")
    if read["cancel_reference"] not in ("new", "original"):
        raise Misconfigured("mainpay.cancel_reference must be new or original.")
    sources = frozenset(source.strip() for source in read["notice_sources"].split(",") if source.strip())
    if not sources and mode is Mode.LIVE:
        raise Misconfigured(
            "mainpay.notice_sources is empty: set it to the addresses Mainpay's notices come from (211.43.193.87). "
            "They are not signed, so that in mode live nothing else tells a deposit from a lie."
        )
    if read["buyer_fields"] not in ("both", "customer"):
        raise Misconfigured("mainpay.buyer_fields must be both or customer.")
    if len(read["goods_code"].encode()) > GOODS_CODE_BYTES_MAX:
        raise Misconfigured(
            f"mainpay.goods_code must be at most {GOODS_CODE_BYTES_MAX} bytes, such as TICKET (a Korean letter takes "
            "three): Mainpay opens no window with a longer one."
        )
    return MainpaySettings(
        mbr_no=read["mbr_no"],
        api_key=read["api_key"],
        api_url=_address("api_url", read["api_url"], mode),
        relay_url=_address("relay_url", read["relay_url"], mode),
        window_domain=read["window_domain"],
        notice_sources=sources,
        timestamp_digits=int(read["timestamp"]),
        cancel_reference_is_new=read["cancel_reference"] == "new",
        sends_guide_buyer=read["buyer_fields"] == "both",
        goods_code=read["goods_code"],
    )


def _default(setting: Setting, mode: Mode) -> str | None:
    return setting.live if mode is Mode.LIVE else setting.test


def _address(name: str, url: str, mode: Mode) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise Misconfigured(f"mainpay.{name} must be an address such as https://relay.mainpay.co.kr.")
    if parts.scheme == "http" and mode is Mode.LIVE:
        raise Misconfigured(f"mainpay.{name} must be https for a site in mode live.")
    return url.rstrip("/")
