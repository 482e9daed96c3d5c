"""The form in which a card is typed on a page of ours: what its gateway must be told, and what was typed, in words."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum

from bridge.domain.billing import CardEntry
from bridge.domain.card_owner import HOLDER_DIGITS, PASSWORD_DIGITS
from bridge.domain.gateway import Gateway
from bridge.domain.payment import Buyer
from bridge.domain.services import NeedsDetails

REGISTER, KEY_IN = "issue_key_by_card", "key_in"
"""The port's calls for which a card is typed."""
BARE = CardEntry("0" * 16, "9912")
WHOLE = replace(BARE, holder="0" * HOLDER_DIGITS[0], password="0" * PASSWORD_DIGITS)
_NUMBER = re.compile(r"[0-9]{13,19}", re.ASCII)
_MONTH = re.compile(r"0?[1-9]|1[0-2]", re.ASCII)
_YEAR = re.compile(r"(?:20)?[0-9]{2}", re.ASCII)
_HOLDER = re.compile(rf"[0-9]{{{HOLDER_DIGITS[0]}}}|[0-9]{{{HOLDER_DIGITS[1]}}}", re.ASCII)
_PASSWORD = re.compile(rf"[0-9]{{{PASSWORD_DIGITS}}}", re.ASCII)
_BETWEEN = re.compile(r"[\s.\-\u2010-\u2015/]")
OWNER_FIELDS = ("holder", "password")
SAYINGS = {
    "number": "카드번호를 숫자 13~19자리로 적어 주세요.",
    "month": "월을 01에서 12까지의 숫자로 적어 주세요.",
    "year": "연도의 마지막 두 자리를 적어 주세요.",
    "holder": "생년월일 6자리나 사업자등록번호 10자리를 숫자로 적어 주세요.",
    "password": "카드 비밀번호의 앞 두 자리를 숫자로 적어 주세요.",
}

Wrong = Mapping[str, str]
"""What is wrong in a form: a Korean sentence by the field's name. No sentence repeats what was typed."""


class Owner(StrEnum):
    """Whether a form asks whose the card is: birth date or business number, and the password's first two digits."""

    NEEDED = "needed"
    OPTIONAL = "optional"
    NOT_ASKED = "not_asked"


def lacking_besides(gateway: Gateway, call: str, buyer: Buyer) -> tuple[str, str] | None:
    """Say in English and Korean what a call lacks though the whole form was filled in, or nothing."""
    return gateway.lacking(call, buyer, WHOLE) if isinstance(gateway, NeedsDetails) else None


def owner_of(gateway: Gateway, call: str, buyer: Buyer) -> Owner:
    """Say whether a gateway's call needs the owner, by what the gateway itself says that it lacks."""
    if not isinstance(gateway, NeedsDetails):
        return Owner.OPTIONAL
    if gateway.lacking(call, buyer, BARE) is not None:
        return Owner.NEEDED
    return Owner.NOT_ASKED if call == REGISTER else Owner.OPTIONAL


def read_card(form: Mapping[str, str], owner: Owner, today: date) -> CardEntry | Wrong:
    """Read what was typed, spaces and dashes aside; `today` is the day in Korea."""
    number, month, year = (_plain(form.get(name, "")) for name in ("number", "month", "year"))
    holder, password = (_plain(form.get(name, "")) if owner is not Owner.NOT_ASKED else "" for name in OWNER_FIELDS)
    asked = owner is Owner.NEEDED or holder or password
    reads = {
        "number": _NUMBER.fullmatch(number),
        "month": _MONTH.fullmatch(month),
        "year": _YEAR.fullmatch(year),
        "holder": not asked or _HOLDER.fullmatch(holder),
        "password": not asked or _PASSWORD.fullmatch(password),
    }
    wrong = {name: SAYINGS[name] for name, fits in reads.items() if not fits}
    if "month" not in wrong and "year" not in wrong and (2000 + int(year[-2:]), int(month)) < (today.year, today.month):
        wrong["year"] = "유효기간이 지난 카드예요. 다른 카드를 쓰거나 유효기간을 다시 확인해 주세요."
    return wrong or CardEntry(number, f"{year[-2:]}{int(month):02d}", holder, password)


def _plain(text: str) -> str:
    """Take full-width digits of a Korean keyboard as digits, and leave out what people write between them."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text[:64]))
