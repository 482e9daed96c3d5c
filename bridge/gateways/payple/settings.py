"""Payple's settings: identity, hosts and the open points that an operator may switch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bridge.domain.failures import Misconfigured
from bridge.domain.gateway import Setting
from bridge.domain.payment import Mode
from bridge.domain.windows import origin_of

TEST_ACCOUNT = "test"
"""The account that Payple publishes for trials (호출정보): its card payments are not given back in parts (주의사항)."""
WHOLE_ONLY = "페이플 테스트 계정(test)의 카드 결제는 전액만 환불할 수 있어요. 계약한 상점 계정에서는 일부 환불도 돼요."

SETTINGS = (
    Setting("cst_id", "merchant id (cst_id)", test=TEST_ACCOUNT),
    Setting("cust_key", "merchant key (custKey)", test="abcd1234567890", secret=True),
    Setting(
        "refund_key",
        "key for refunds (PCD_REFUND_KEY), from Payple's admin page",
        test="a41ce010ede9fcbfb3be86b24858806596a9db68b79d138b147c3e563e1829a0",
        secret=True,
    ),
    Setting("host_url", "Payple's own address", live="https://cpay.payple.kr", test="https://democpay.payple.kr"),
    Setting(
        "more_hosts",
        "further origins Payple may name for a call, comma separated",
        live="",
        test="https://testcpay.payple.kr",
    ),
    Setting("window_domain", "domain of the window's pages", live="payple.kr", test="payple.kr"),
    Setting("referer", "the address registered with Payple, where windows open", test="http://localhost:8080/"),
    Setting("pay_work", "CERT: confirmed by us; PAY: paid within the window", live="CERT", test="CERT"),
    Setting("result", "how the window returns: url, or callback (of its script)", live="url", test="url"),
    Setting(
        "charges", "a key is charged by: simple (any number a month), regular (once)", live="simple", test="simple"
    ),
    Setting("credentials", "acts are signed with: tokens, or originals", live="tokens", test="tokens"),
    Setting("smallest_won", "least amount in KRW", live="100", test="1000"),
    Setting("helper_script", "address of a script to load before Payple's (jQuery); empty: none", live="", test=""),
    Setting("decline_codes", "codes by which your contract says that a charge is declined", live="", test=""),
    Setting("absent_codes", "codes by which an inquiry says that there is no such payment", live="", test=""),
    Setting("notice_sources", "addresses webhooks come from, comma separated; empty: any", live="", test=""),
)
CHOICES = {
    "pay_work": ("CERT", "PAY"),
    "result": ("url", "callback"),
    "charges": ("simple", "regular"),
    "credentials": ("tokens", "originals"),
}
NEVER_EMPTY = frozenset({"cst_id", "cust_key", "refund_key", "window_domain", "referer"})


@dataclass(frozen=True, slots=True)
class PaypleSettings:
    """Payple's settings of one site."""

    cst_id: str
    cust_key: str = field(repr=False)
    refund_key: str = field(repr=False)
    host_url: str
    more_hosts: frozenset[str]
    window_domain: str
    referer: str
    pay_work: str
    result: str
    charges: str
    credentials: str
    smallest_won: int
    helper_script: str
    decline_codes: frozenset[str]
    absent_codes: frozenset[str]
    notice_sources: frozenset[str]

    @property
    def hosts(self) -> frozenset[str]:
        """The origins a call may go to."""
        return self.more_hosts | {origin_of(self.host_url)}

    @property
    def whole_only(self) -> str:
        """Why nothing is given back in parts (Korean); empty for every shop but Payple's published test account."""
        return WHOLE_ONLY if self.cst_id == TEST_ACCOUNT else ""


def read_settings(values: Mapping[str, str], mode: Mode) -> PaypleSettings:
    """Read a site's settings, with the mode's defaults. Raises Misconfigured, naming the setting."""
    unknown = set(values) - {setting.name for setting in SETTINGS}
    if unknown:
        raise Misconfigured(f"payple.{sorted(unknown)[0]} is no setting of Payple.")
    found: dict[str, str] = {}
    for setting in SETTINGS:
        value = values.get(setting.name, setting.live if mode is Mode.LIVE else setting.test)
        if value is None or (setting.name in NEVER_EMPTY and not value):
            raise Misconfigured(f"payple.{setting.name} is missing ({setting.purpose}).")
        found[setting.name] = value
    for name, choices in CHOICES.items():
        if found[name] not in choices:
            raise Misconfigured(f"payple.{name} must be one of {', '.join(choices)}.")
    if not found["smallest_won"].isascii() or not found["smallest_won"].isdigit():
        raise Misconfigured("payple.smallest_won must be a number of KRW.")
    for name in ("host_url", "referer", "helper_script"):
        if found[name]:
            _check_address(name, found[name], mode)
    for host in _several(found["more_hosts"]):
        _check_address("more_hosts", host, mode)
    return PaypleSettings(
        cst_id=found["cst_id"],
        cust_key=found["cust_key"],
        refund_key=found["refund_key"],
        host_url=found["host_url"].rstrip("/"),
        more_hosts=frozenset(origin_of(host) for host in _several(found["more_hosts"])),
        window_domain=found["window_domain"],
        referer=found["referer"],
        pay_work=found["pay_work"],
        result=found["result"],
        charges=found["charges"],
        credentials=found["credentials"],
        smallest_won=int(found["smallest_won"]),
        helper_script=found["helper_script"],
        decline_codes=_several(found["decline_codes"]),
        absent_codes=_several(found["absent_codes"]),
        notice_sources=_several(found["notice_sources"]),
    )


def _several(text: str) -> frozenset[str]:
    return frozenset(one.strip() for one in text.split(",") if one.strip())


def _check_address(name: str, url: str, mode: Mode) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment or parts.username:
        raise Misconfigured(f"payple.{name} must be an address such as https://cpay.payple.kr.")
    if parts.scheme == "http" and mode is Mode.LIVE:
        raise Misconfigured(f"payple.{name} must be https for a site in mode live.")
