"""Personal data as it may be shown: enough to recognise, too little to use."""

import re
from collections.abc import Mapping

_DIGIT = re.compile(r"\d")
_TELLING = re.compile(r"token|auth|secret|key|sign|account|card|tel|phone|mail|name|holder|owner|birth", re.IGNORECASE)
_LONG_NUMBER = re.compile(r"\d(?:[ -]?\d){10,}")
STAR = "*"


def mask_name(name: str) -> str:
    """홍길동 -> 홍*동, 남궁민수 -> 남**수, Ada Lovelace -> A****e."""
    name = name.strip()
    if len(name) <= 1:
        return STAR if name else ""
    if len(name) == 2:
        return name[0] + STAR
    return name[0] + STAR * min(len(name) - 2, 4) + name[-1]


def mask_phone(phone: str) -> str:
    """010-1234-5678 -> 010-****-5678, whatever stands between the digits."""
    digits = "".join(_DIGIT.findall(phone))
    if len(digits) < 8:
        return STAR * len(digits)
    head = digits[: 2 if digits.startswith("02") else 3]
    return f"{head}-{STAR * (len(digits) - len(head) - 4)}-{digits[-4:]}"


def mask_email(email: str) -> str:
    """hong@example.com -> ho**@example.com."""
    user, at, host = email.strip().partition("@")
    if not at:
        return STAR * len(user)
    shown = user[: 2 if len(user) > 3 else 1]
    return f"{shown}{STAR * max(2, len(user) - len(shown))}@{host}"


def mask_card(number: str) -> str:
    """Show at most the first six and the last four characters of a card number."""
    plain = re.sub(r"[ -]", "", number)
    if len(plain) <= 10:
        return plain if STAR in plain or len(plain) <= 4 else STAR * (len(plain) - 4) + plain[-4:]
    hidden = plain[:6] + STAR * (len(plain) - 10) + plain[-4:]
    return " ".join(hidden[start : start + 4] for start in range(0, len(hidden), 4))


def mask_account(number: str) -> str:
    """Show the last four characters of a bank account."""
    plain = re.sub(r"[ -]", "", number)
    return STAR * max(0, len(plain) - 4) + plain[-4:] if len(plain) > 4 else STAR * len(plain)


def mask_numbers(text: str) -> str:
    """Hide every number of eleven or more digits in a text, whatever it is."""
    return _LONG_NUMBER.sub(lambda found: mask_account(found[0]), text)


def mask_refs(refs: Mapping[str, str]) -> dict[str, str]:
    """Show what a gateway calls a payment; what by its name is a secret or a person is masked to its last four."""
    return {name: mask_account(text) if _TELLING.search(name) else text for name, text in refs.items()}
