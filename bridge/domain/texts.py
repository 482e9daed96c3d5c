"""Texts as gateways take and give them: limits in bytes, digits alone, one mask for cards."""

import re
from datetime import date, datetime, time

from bridge.domain.exchange import KST, WON_DIGITS_MAX
from bridge.domain.payment import AMOUNT_MAX

_NOT_PLAIN = re.compile(r"[^\w\s()\[\].,-]")
_NOT_DIGITS = re.compile(r"[^0-9]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def fit(text: str, bytes_max: int, instead: str, charset: str = "utf-8") -> str:
    """Fit a text into a field: no special characters, at most so many bytes, no broken character, or else `instead`."""
    plain = " ".join(_NOT_PLAIN.sub(" ", text).split())
    return cut(plain, bytes_max, charset) or instead


def cut(text: str, bytes_max: int, charset: str = "utf-8") -> str:
    """Cut a text to so many bytes, at a character's edge; what fits stays as it is."""
    return text.encode(charset, "ignore")[:bytes_max].decode(charset, "ignore").strip()


def digits(text: str, count_max: int) -> str:
    """Keep the digits of a text, at most so many."""
    return _NOT_DIGITS.sub("", text)[:count_max]


def won_told(text: str) -> int:
    """Read an amount of KRW as its ASCII digits; 0 where a text is none: that money went back, or came into an account,
    is news though its sum cannot be read, and nobody else may tell of it."""
    is_won = text.isascii() and text.isdigit() and len(text) <= WON_DIGITS_MAX and int(text) <= AMOUNT_MAX
    return int(text) if is_won else 0


def email(address: str, bytes_max: int) -> str:
    """Give an address within its limit, or none: half an address may be somebody else's."""
    return address if len(address.encode()) <= bytes_max and _EMAIL.fullmatch(address) else ""


def end_of_day(text: str) -> datetime | None:
    """Read a day in Korea (yyMMdd, of this century, or yyyyMMdd) and give its last second, or nothing for another
    text. An account that never closes may be one of 991231."""
    if not (text.isascii() and text.isdigit() and len(text) in (6, 8)):
        return None
    try:
        day = datetime.strptime(text if len(text) == 8 else f"20{text}", "%Y%m%d").replace(tzinfo=KST).date()
    except ValueError:
        return None
    return last_second(day)


def last_second(day: date) -> datetime:
    """Give the last second of a day in Korea: an account is paid into until then."""
    return datetime.combine(day, time(23, 59, 59), KST)


def masked_card(number: str) -> str:
    """Mask a card number again: first six and last four at most, the 9th to 12th digits never."""
    plain = [character for character in number if character not in " -"]
    if len(plain) < 12:
        return number
    kept = [char if place < 6 or place >= max(12, len(plain) - 4) else "*" for place, char in enumerate(plain)]
    return "-".join("".join(kept[start : start + 4]) for start in range(0, len(kept), 4))
