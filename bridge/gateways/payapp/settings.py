"""PayApp's settings: identity, shared secrets, hosts and the open points that an operator may switch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bridge.domain.failures import Misconfigured
from bridge.domain.gateway import Setting
from bridge.domain.payment import Mode

SETTINGS = (
    Setting("userid", "seller id (판매자 회원 아이디)", test="payapptest"),
    Setting("linkkey", "연동 KEY, from the seller's office", secret=True),
    Setting("linkval", "연동 VALUE: only notices that carry it are believed", secret=True),
    Setting(
        "api_url",
        "the one address of all commands",
        live="https://api.payapp.kr/oapi/apiLoad.html",
        test="https://api.payapp.kr/oapi/apiLoad.html",
    ),
    Setting(
        "script_url",
        "script of the JS API",
        live="https://lite.payapp.kr/public/api/v2/payapp-lite.js",
        test="https://lite.payapp.kr/public/api/v2/payapp-lite.js",
    ),
    Setting("window_domain", "domain of the payment page", live="payapp.kr", test="payapp.kr"),
    Setting("shop_name", "shopname in the window of the JS API, and dpname", live="티켓", test="티켓"),
    Setting("window", "rest (PayApp's page; needs the buyer's phone), js, or auto", live="auto", test="auto"),
    Setting(
        "app_scheme",
        "appurl: scheme of the shop's own app, such as myticket://, to come back to from a card's app",
        live="",
        test="",
    ),
    Setting("sub_account", "subuserid: the staff account payments belong to", live="", test=""),
    Setting(
        "ask_address",
        "reqaddr: 1 asks the buyer for an address, read by `pay-bridge privacy export`; 0 does not",
        live="0",
        test="0",
    ),
    Setting("receipt_page", "show PayApp's slip before the buyer returns: yes or no", live="no", test="no"),
    Setting("cancel_days", "days after which a cancel becomes a request (D+5)", live="5", test="5"),
    Setting(
        "partial_price",
        "what price means in a notice of a part: hold, cancelled or remaining",
        live="hold",
        test="hold",
    ),
    Setting("reseller_id", "resellerid, for registering sellers", live="", test=""),
)

APP_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,39})://[A-Za-z0-9._~/-]{0,56}", re.ASCII)
"""At most 99 characters, and no place in it for a name, a password or a query: it is shown to the buyer's device."""
NO_APPS = frozenset({"http", "https", "ftp", "file", "intent", "market", "javascript", "data", "about", "ws", "wss"})
"""Schemes of browsers and systems: none leads into the shop's own app."""
NEVER_EMPTY = frozenset({"userid", "linkkey", "linkval", "api_url", "script_url", "window_domain", "shop_name"})
CHOICES: Mapping[str, tuple[str, ...]] = {
    "window": ("rest", "js", "auto"),
    "ask_address": ("0", "1"),
    "receipt_page": ("yes", "no"),
    "partial_price": ("hold", "cancelled", "remaining"),
}


@dataclass(frozen=True, slots=True)
class PayAppSettings:
    """PayApp's settings of one site."""

    userid: str
    linkkey: str = field(repr=False)
    linkval: str = field(repr=False)
    api_url: str
    script_url: str
    window_domain: str
    shop_name: str
    window: str
    app_scheme: str
    sub_account: str
    asks_address: bool
    shows_receipt_page: bool
    cancel_days: int
    partial_price: str
    reseller_id: str


def read_settings(values: Mapping[str, str], mode: Mode) -> PayAppSettings:
    """Read a site's settings, with the mode's defaults. Raises Misconfigured, naming the setting."""
    unknown = set(values) - {setting.name for setting in SETTINGS}
    if unknown:
        raise Misconfigured(f"payapp.{sorted(unknown)[0]} is no setting of PayApp.")
    read = {}
    for setting in SETTINGS:
        value = values.get(setting.name, setting.live if mode is Mode.LIVE else setting.test)
        if value is None or (setting.name in NEVER_EMPTY and not value):
            raise Misconfigured(f"payapp.{setting.name} is missing ({setting.purpose}).")
        read[setting.name] = value
    for name, allowed in CHOICES.items():
        if read[name] not in allowed:
            raise Misconfigured(f"payapp.{name} must be {' or '.join(allowed)}.")
    if not (read["cancel_days"].isascii() and read["cancel_days"].isdigit() and len(read["cancel_days"]) <= 3):
        raise Misconfigured("payapp.cancel_days must be a number of days.")
    scheme = APP_SCHEME.fullmatch(read["app_scheme"])
    if read["app_scheme"] and (scheme is None or scheme[1].lower() in NO_APPS):
        raise Misconfigured("payapp.app_scheme must be the scheme of the shop's own app, such as myticket://pay.")
    return PayAppSettings(
        userid=read["userid"],
        linkkey=read["linkkey"],
        linkval=read["linkval"],
        api_url=_address("api_url", read["api_url"], mode),
        script_url=_address("script_url", read["script_url"], mode),
        window_domain=read["window_domain"],
        shop_name=read["shop_name"],
        window=read["window"],
        app_scheme=read["app_scheme"],
        sub_account=read["sub_account"],
        asks_address=read["ask_address"] == "1",
        shows_receipt_page=read["receipt_page"] == "yes",
        cancel_days=int(read["cancel_days"]),
        partial_price=read["partial_price"],
        reseller_id=read["reseller_id"],
    )


def _address(name: str, url: str, mode: Mode) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise Misconfigured(f"payapp.{name} must be an address such as https://api.payapp.kr/oapi/apiLoad.html.")
    if parts.scheme == "http" and mode is Mode.LIVE:
        raise Misconfigured(f"payapp.{name} must be https for a site in mode live (PayApp refuses others with 70001).")
    return url
