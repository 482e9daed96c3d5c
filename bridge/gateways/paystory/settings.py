"""Pay-Story's settings: identity, hosts and the open points that an operator may switch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bridge.domain.failures import Misconfigured
from bridge.domain.gateway import Setting
from bridge.domain.payment import Mode

# The guide prints this key three times, in a font in which I and l look alike; this is one reading of it.
TEST_KEY = "wEvQ8ZzgGpuEhujNx6++HCOO5XJKhhHJmP5q8UAYsr6j8zL0wIMKdbVmruWKMx0GgBbZwIkx3PUstbe3g1UZAQ=="

SETTINGS = (
    Setting("mid", "shop id (상점 ID), ten characters", test="test00001m"),
    Setting("merchant_key", "shop key (상점키), which signs requests and notices alike", test=TEST_KEY, secret=True),
    Setting(
        "pg_url",
        "the gateway: window, approval, billing, cancellation, inquiry",
        live="https://pg.minglepay.co.kr",
        test="https://testpg.pay-story.co.kr",
    ),
    Setting(
        "office_url",
        "the shop's office, for slips",
        live="https://mms.minglepay.co.kr",
        test="https://mms.minglepay.co.kr",
    ),
    Setting("language", "language of the window: KOR, ENG, or auto (by the order's)", live="auto", test="auto"),
    Setting("charset", "charset of the window: UTF-8 or EUC-KR", live="UTF-8", test="UTF-8"),
    Setting("escrow", "window with escrow (trxCd): 0 or 1", live="0", test="0"),
    Setting("tax_fields", "send the split: auto (where part is tax-free), always, never", live="auto", test="auto"),
    Setting(
        "hash_field",
        "name of a request's hash: encData, or hashStr as in older samples",
        live="encData",
        test="encData",
    ),
    Setting(
        "bill_method_field", "name of the method in billing: PayMethod or payMethod", live="PayMethod", test="PayMethod"
    ),
    Setting("canceller_id", "canId: who cancels, at most 10 bytes; empty: not sent", live="", test=""),
    Setting("canceller_name", "canNm: who cancels, at most 30 bytes; empty: not sent", live="", test=""),
    Setting("canceller_ip", "canIp: from where, at most 20 bytes; empty: not sent", live="", test=""),
    Setting("notice_sources", "addresses notices come from, comma separated; empty: any", live="", test=""),
)

CHOICES = {
    "language": ("auto", "KOR", "ENG"),
    "charset": ("UTF-8", "EUC-KR"),
    "escrow": ("0", "1"),
    "tax_fields": ("auto", "always", "never"),
    "hash_field": ("encData", "hashStr"),
    "bill_method_field": ("PayMethod", "payMethod"),
}

BYTES_MAX = {"canceller_id": 10, "canceller_name": 30, "canceller_ip": 20}
"""Who cancels, in UTF-8. (7.3)"""


@dataclass(frozen=True, slots=True)
class PayStorySettings:
    """Pay-Story's settings of one site."""

    mid: str
    merchant_key: str = field(repr=False)
    pg_url: str
    office_url: str
    language: str
    charset: str
    escrow: str
    tax_fields: str
    hash_field: str
    bill_method_field: str
    canceller_id: str
    canceller_name: str
    canceller_ip: str
    notice_sources: frozenset[str]


def read_settings(values: Mapping[str, str], mode: Mode) -> PayStorySettings:
    """Read a site's settings, with the mode's defaults. Raises Misconfigured, naming the setting."""
    unknown = set(values) - {setting.name for setting in SETTINGS}
    if unknown:
        raise Misconfigured(f"paystory.{sorted(unknown)[0]} is no setting of Pay-Story.")
    found: dict[str, str] = {}
    for setting in SETTINGS:
        value = values.get(setting.name, setting.live if mode is Mode.LIVE else setting.test)
        if value is None or (setting.name in ("mid", "merchant_key") and not value):
            raise Misconfigured(f"paystory.{setting.name} is missing ({setting.purpose}).")
        found[setting.name] = value
    if len(found["mid"]) != 10 or not found["mid"].isascii() or not found["mid"].isalnum():
        raise Misconfigured("paystory.mid must be ten letters and digits.")
    for name, choices in CHOICES.items():
        if found[name] not in choices:
            raise Misconfigured(f"paystory.{name} must be one of {', '.join(choices)}.")
    for name, most in BYTES_MAX.items():
        if len(found[name].encode()) > most:
            raise Misconfigured(
                f"paystory.{name} must be at most {most} bytes (a Korean letter takes three): Pay-Story would refuse "
                "every cancel."
            )
    for name in ("pg_url", "office_url"):
        found[name] = _address(name, found[name], mode)
    sources = frozenset(one.strip() for one in found.pop("notice_sources").split(",") if one.strip())
    return PayStorySettings(**found, notice_sources=sources)


def _address(name: str, url: str, mode: Mode) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise Misconfigured(f"paystory.{name} must be an address such as https://pg.minglepay.co.kr.")
    if parts.scheme == "http" and mode is Mode.LIVE:
        raise Misconfigured(f"paystory.{name} must be https for a site in mode live.")
    return url.rstrip("/")
