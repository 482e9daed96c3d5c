"""How PayApp is asked and what it answers: a form to one address, a query string back. (manual, 연동 API 구성방법)"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from bridge.domain.exchange import KST, Call, Fields, Reply
from bridge.domain.failures import Malformed, Unreadable
from bridge.domain.forms import parse_form
from bridge.domain.windows import origin_of
from bridge.gateways.payapp.settings import PayAppSettings

SECRETS = frozenset(
    {"linkkey", "linkval", "encBill", "cardNo", "cardPw", "expMonth", "expYear", "buyerAuthNo", "buyerPhone"}
    | {"buyerName", "buyerId", "buyerid", "recvphone", "recvemail", "feedbackurl", "returnurl", "failurl", "var2"}
    | {"buyr_name", "buyr_tel1", "buyr_mail", "id_info", "userpwd", "subpwd", "phone", "email", "username", "ceo_nm"}
    | {"compbanknum", "compbankname", "zipcode", "addr1", "addr2"}
)
_ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://|www\.)\S*")
TEXT_BYTES_MAX = 200
RECEIPT_TEXT_BYTES_MAX = 100
NAME_BYTES_MAX = 50
SHOP_BYTES_MAX = 100
EMAIL_BYTES_MAX = 100
"""The manual prints no lengths. In bytes of UTF-8, so that texts fit wherever they are counted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `ok` is state 1; `errno` is empty where there is none."""

    ok: bool
    errno: str
    message: str
    fields: Fields


class Talk:
    """What every part of the adapter needs: its settings, and the form of a call."""

    settings: PayAppSettings

    @property
    def merchant(self) -> str:
        """Give the id under which PayApp knows the merchant (userid)."""
        return self.settings.userid

    def call(self, cmd: str, fields: Mapping[str, str], *, moves_money: bool = False) -> Call:
        """Make a call. The linkkey goes along with every one: some commands demand it in the manual's text and not in
        its tables, and what is not needed is overlooked."""
        settings = self.settings
        form = {"cmd": cmd, "userid": settings.userid, "linkkey": settings.linkkey}
        form |= {name: value for name, value in fields.items() if value}
        return Call(cmd, "POST", settings.api_url, form=form, moves_money=moves_money, secrets=SECRETS)

    def script_origins(self) -> tuple[str, ...]:
        """Name the origins that the JS API's script and window come from."""
        domain = self.settings.window_domain
        found = (origin_of(self.settings.script_url), origin_of(self.settings.api_url), f"https://{domain}")
        return tuple(dict.fromkeys((*found, f"https://www.{domain}")))

    def seal(self, kind: str, reference: str) -> str:
        """Make var2: a mark on what we asked for ourselves, by the way we asked: r(est), j(s), b(ill), p(lan)."""
        key, text = self.settings.linkval.encode(), f"{kind}:{reference}".encode()
        return kind + hmac.new(key, text, hashlib.sha256).hexdigest()[:32]

    def sealed_kind(self, reference: str, mark: str) -> str:
        """Tell by which way we asked, from a mark of our own; empty for anybody else's."""
        kind = mark[:1]
        good = kind in ("r", "j", "b", "p") and hmac.compare_digest(
            self.seal(kind, reference).encode(), mark.encode("utf-8", "replace")
        )
        return kind if good else ""

    def page(self, url: str) -> str:
        """Check the address of a page of PayApp's, and ask for it by https. Raises Unreadable for a foreign one."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise Unreadable("The answer names a page at no address.") from error
        if not parts.hostname or not parts.netloc.isascii() or set(parts.netloc) & set("@\\") or not url.isprintable():
            raise Unreadable("The answer names a page at no address.")
        if origin_of(url) == origin_of(self.settings.api_url):
            return url
        domain = self.settings.window_domain
        if parts.scheme not in ("http", "https") or port not in (None, 80, 443):
            raise Unreadable("The answer names a page at a strange address.")
        if parts.hostname != domain and not parts.hostname.endswith(f".{domain}"):
            raise Unreadable("The answer names a page outside PayApp's domain.")
        return parts._replace(scheme="https", netloc=parts.hostname).geturl()


def read(reply: Reply) -> Answer:
    """Read an answer, whatever content type or status it has below 500. Raises Unreadable without a state."""
    if reply.status >= 500:
        raise Unreadable(f"The gateway answered with HTTP status {reply.status}.")
    try:
        values = parse_form(reply.body.strip())
    except Malformed as error:
        raise Unreadable(f"The answer is no query string: {error.detail}") from error
    if values.get("state") not in ("0", "1"):
        raise Unreadable("The answer has no state.")
    errno = values.get("errno", "").strip()
    ok = values["state"] == "1" and errno in ("", "00000")
    if values["state"] == "1" and not ok:
        raise Unreadable("The answer says yes and names an error.")
    return Answer(ok, "" if ok else errno, values.get("errorMessage", ""), Fields(values))


def plain(text: str, instead: str, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """Fit a text into goodname or memo, which may hold no address of a page; no broken character at the end."""
    bare = " ".join(_ADDRESS.sub(" ", text).split())
    return bare.encode()[:bytes_max].decode(errors="ignore").strip() or instead


def korean_days(since: datetime, now: datetime) -> int:
    """Count the calendar days in Korea from one moment to another."""
    return (now.astimezone(KST).date() - since.astimezone(KST).date()).days


def digits(text: str) -> str:
    """Keep a phone number's digits."""
    return "".join(sign for sign in text if sign in "0123456789")
