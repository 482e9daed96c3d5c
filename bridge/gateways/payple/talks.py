"""How Payple is spoken to: first auth.php, then the address it names, with the tokens it gave.

Where an answer names an address, only the hosts of the settings are called; a window's page may lie anywhere in
Payple's domain. Inquiries and refunds are built from lists of fields that have nothing but names in common.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from bridge.domain.exchange import Call, Exchange, Fields, Reply
from bridge.domain.failures import Unreadable
from bridge.domain.windows import origin_of
from bridge.gateways.payple.settings import PaypleSettings

SECRETS = frozenset(
    {"cst_id", "custKey", "AuthKey", "PCD_CST_ID", "PCD_CUST_KEY", "PCD_AUTH_KEY", "PCD_PAY_REQKEY", "PCD_REFUND_KEY"}
    | {"PCD_PAYER_ID", "PCD_PAYER_NAME", "PCD_PAYER_HP", "PCD_PAYER_EMAIL", "PCD_PAY_CARDRECEIPT"}
)
TOKENS = frozenset({"PCD_CST_ID", "PCD_CUST_KEY", "PCD_AUTH_KEY"})
SUBJECT = frozenset({"PCD_PAY_OID", "PCD_PAY_DATE", "PCD_REGULER_FLAG", "PCD_PAY_YEAR", "PCD_PAY_MONTH"})
LOOKUP_FIELDS = TOKENS | SUBJECT | {"PCD_PAYCHK_FLAG", "PCD_PAY_TYPE"}
REFUND_FIELDS = TOKENS | SUBJECT | {"PCD_REFUND_KEY", "PCD_PAYCANCEL_FLAG", "PCD_REFUND_TOTAL", "PCD_REFUND_TAXTOTAL"}
"""One address served both by flag once: what asks can never give back."""


@dataclass(frozen=True, slots=True)
class Passed:
    """We were let in: tokens for some minutes, and where to go with them."""

    cst_id: str
    cust_key: str
    auth_key: str
    url: str
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Denied:
    """We were not let in; nothing was asked of Payple and nothing can have moved."""

    code: str
    message: str
    unreadable: bool = False


class Talker:
    """Speaks for one shop."""

    def __init__(self, settings: PaypleSettings) -> None:
        self.settings = settings

    def call(
        self, op: str, url: str, body: Mapping[str, Any], *, moves_money: bool = False, prepares: bool = False
    ) -> Call:
        """Write a call: JSON, with the registered address as Referer."""
        headers = {"Referer": self.settings.referer, "Cache-Control": "no-cache"}
        return Call(op, "POST", url, None, body, headers, moves_money, prepares, SECRETS)

    def authenticate(self, **flags: str) -> Exchange[Passed | Denied]:
        """Ask to be let in for what the flags say (가맹점 인증). Moves nothing, whatever comes of it."""
        who = {"cst_id": self.settings.cst_id, "custKey": self.settings.cust_key}
        reply = yield self.call("auth", f"{self.settings.host_url}/php/auth.php", who | flags, prepares=True)
        try:
            return self._read(reply)
        except Unreadable as error:
            return Denied("", error.detail, unreadable=True)

    def _read(self, reply: Reply) -> Passed | Denied:
        fields = reply.json_fields()
        message = fields.text("result_msg", "")
        if fields.text("result") != "success":
            code = fields.text("result_code", "") or next((word for word in message.split() if word[:4] == "AUTH"), "")
            return Denied(code, message)
        url = _address(fields)
        if not self.is_callable(url) and not self.is_window(url):
            return Denied("", f"Payple named an address outside its domain: {origin_of(url)}.")
        tokens = {name: fields.text(name) for name in ("cst_id", "custKey", "AuthKey")}
        named = {"PCD_PAY_HOST": origin_of(url), "PCD_PAY_URL": url.removeprefix(origin_of(url)), "return_url": url}
        answer = {"result": "success", "result_msg": message} | tokens | named
        return Passed(tokens["cst_id"], tokens["custKey"], tokens["AuthKey"], url, answer)

    def is_callable(self, url: str) -> bool:
        """Tell whether we may call an address that Payple named: only one of the configured origins."""
        return _is_plain(url) and origin_of(url) in self.settings.hosts

    def is_window(self, url: str) -> bool:
        """Tell whether a buyer's browser may be sent to an address: configured, or within Payple's domain."""
        host, domain = urlsplit(url).hostname or "", self.settings.window_domain
        inside = url.startswith("https://") and (host == domain or host.endswith(f".{domain}"))
        return _is_plain(url) and (inside or origin_of(url) in self.settings.hosts)

    def act(
        self, op: str, passed: Passed, body: Mapping[str, Any], *, moves_money: bool = False
    ) -> Exchange[Reply | Denied]:
        """Go where we were sent, with what we were given. Nothing is sent to an address that is not configured."""
        if not self.is_callable(passed.url):
            return Denied("", f"Payple named {origin_of(passed.url)}; if that is right, add it to payple.more_hosts.")
        reply = yield self.call(op, passed.url, self.tokens(passed) | dict(body), moves_money=moves_money)
        return reply

    def tokens(self, passed: Passed) -> dict[str, str]:
        """Give the fields that say who is asking."""
        own = self.settings
        mine = own.credentials == "originals"
        who = (own.cst_id, own.cust_key) if mine else (passed.cst_id, passed.cust_key)
        return {"PCD_CST_ID": who[0], "PCD_CUST_KEY": who[1], "PCD_AUTH_KEY": passed.auth_key}


def lookup_body(oid: str, day: date, monthly: Mapping[str, str]) -> dict[str, str]:
    """Write what asks for a payment of a day in Korea, a regular one by its month too (결제결과 조회)."""
    name = {"PCD_PAY_OID": oid, "PCD_PAY_DATE": f"{day:%Y%m%d}", **monthly}
    body = {"PCD_PAYCHK_FLAG": "Y", "PCD_PAY_TYPE": "card"} | name
    assert body.keys() <= LOOKUP_FIELDS, "an inquiry carries nothing that gives money back"
    return body


def refund_body(key: str, name: Mapping[str, str], amount: int, vat: int | None) -> dict[str, str]:
    """Write what gives `amount` KRW back of the payment that `name` names: by order, day and month (승인취소)."""
    body = {
        "PCD_REFUND_KEY": key,
        "PCD_PAYCANCEL_FLAG": "Y",
        **name,
        "PCD_REFUND_TOTAL": str(amount),
    } | ({} if vat is None else {"PCD_REFUND_TAXTOTAL": str(vat)})
    assert body.keys() <= REFUND_FIELDS, "a refund asks for nothing else"
    return body


def _address(fields: Fields) -> str:
    for host, path in (("PCD_PAY_HOST", "PCD_PAY_URL"), ("cPayHost", "cPayUrl")):
        if fields.has(host) and fields.has(path):
            return fields.text(host).rstrip("/") + "/" + fields.text(path).lstrip("/")
    return fields.text("return_url")


def _is_plain(url: str) -> bool:
    parts = urlsplit(url)
    plain = url.isascii() and url.isprintable() and not set(url) & set(" \\@#")
    return bool(plain and parts.scheme in ("https", "http") and parts.hostname)
