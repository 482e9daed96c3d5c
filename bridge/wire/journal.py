"""What was said to a gateway and what it answered, fit to be kept: scrubbed of secrets, persons and card numbers."""

import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import quote, quote_plus

HIDDEN = "•••"
RESPONSE_BYTES_MAX = 8 * 1024
_SCRUBBED_LENGTH_MAX = 4 * RESPONSE_BYTES_MAX

Verdict = Literal["answered", "not_sent", "unknown", "unreadable"]

# Names are compared in lower case without separators: customerName, customer_name and CUSTOMER-NAME are one.
_SECRET = re.compile(
    r"sign|hash|secret|token|passw|pwd|pw\Z|key|linkval|enc(?:data|bill)|auth(?:code|no|num|val|data|orization)"
    r"|cookie|credential|cvc|cvv|cardn(?:o|um)|card(?:exp|valid)|exp(?:ire|iry)?(?:yy|mm|month|year|ym)+\Z"
    r"|\Abid\Z|payerid"
)
_PERSONAL = re.compile(
    r"tel|phone|hp(?:no|num)?\Z|mobile(?:no|num)?\Z|mail|addr|birth|jumin|ssn|regist|resid|identity|bizno|buyerid"
    r"|payerno|userip|clientip|account|acct(?:no|num)|acntno|vbank(?:no|num)|owner|holder|deposit(?:or|er)|remit"
)
_NAME = re.compile(r"(?:name|nm)\Z")
_NAME_OF_A_THING = re.compile(
    r"(?:goods?|product|prod|item|card|bank|shop|merchant|mall|store|site|method|company|co|fn|issuer|acquirer|corp"
    r"|service|pg|event|file|host|domain|code|cd|msg|error)s?(?:name|nm)\Z"
)
# Each begins with a sign it needs and looks behind only then: a search that skips to that sign is much faster.
_CARD = re.compile(
    r"[0-9](?<![0-9]{2})(?:[0-9]{12,18}|[0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{1,3})?"
    r"|[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5})(?![0-9])"
)
_CARD_HALF_MASKED = re.compile(r"([0-9](?<![0-9]{2})[0-9]{3}[ -]?[0-9]{2})([0-9]{1,6})(?=[ -]?(?:[*•]{2}|[xX]{4}))")
_MOBILE = re.compile(r"(01(?<![0-9]01)[016-9])([ .-]?)[0-9]{3,4}([ .-]?)([0-9]{4})(?![0-9])")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_URL_TOKEN = re.compile(r"(?<=[^/]/)[A-Za-z0-9_.~-]{24,}")
_PATTERN_LENGTH_MIN = 5
_CARD_DIGITS_MIN = 13
_FOUR_DIGITS = re.compile(r"[0-9][0-9]{3}")
# What escaping for an address, a page or JSON leaves behind: without it no text holds an escaped value.
_ESCAPED = re.compile(r"[%+\\&](?:(?<!&)|(?:amp|lt|gt|quot|#x27);)")
_write_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
# A name is looked for only where a word starts: that keeps this linear on an answer made to be slow.
_FIELD = re.compile(r"""(\\?["']?)(?<![A-Za-z0-9_.-])([A-Za-z_][A-Za-z0-9_.-]*+)\1\s{0,8}+[:=]\s{0,8}""")
_VALUE = re.compile(r""""(?:[^"\\]|\\.)*"?|'[^']*'?|\\"[^"\\]*(?:\\")?|[^\s&,;<>{}"']+""")


@dataclass(frozen=True, slots=True)
class Line:
    """One call as the journal keeps it. `seconds` it took; `started_at` is seconds after the conversation began;
    `moves_money` is what its adapter says of it."""

    op: str
    method: str
    url_without_query: str
    request_fields: Mapping[str, Any]
    status: int | None
    response: str
    verdict: Verdict
    seconds: float
    started_at: float
    date_header: str
    why: str
    moves_money: bool = False


class Scrubber:
    """Hides what one call may not show: named and sensitive fields, and their values wherever they come up again."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._named = _plain_names(frozenset(secrets))
        self._learned: set[str] = set()
        self._as_they_are: list[str] | None = None
        self._in_every_form: list[str] | None = None

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Scrub a request's fields, and remember the hidden values for whatever is scrubbed later."""
        self._learn_hidden("", values)
        return {name: self._scrub(name, value) for name, value in values.items()}

    def learn(self, value: str) -> None:
        """Hide this value from now on, such as that of a header, also where it is escaped."""
        # Shorter values, and short runs of digits, would blot out amounts and codes that are evidence.
        if len(value) < (6 if value.isdigit() else 4) and (value.isascii() or len(value) < 2):
            return
        self._learned.add(value)
        if value.isdigit() and len(value) >= _CARD_DIGITS_MIN:  # a gateway may repeat it as people write it
            fours = [value[at : at + 4] for at in range(0, len(value), 4)]
            self._learned |= {"-".join(fours), " ".join(fours)}
        self._as_they_are = self._in_every_form = None

    def response(self, body: bytes) -> str:
        """Scrub an answer, by field where it is JSON and by pattern otherwise; at most RESPONSE_BYTES_MAX bytes."""
        text = _decode(body)
        if len(text) > _SCRUBBED_LENGTH_MAX:
            # What the cut leaves of a secret is not recognised: the end goes too.
            return _cut(self.text(text[:_SCRUBBED_LENGTH_MAX])[:-RESPONSE_BYTES_MAX])
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return _cut(self.text(text))
        return _cut(self._patterns(_write_json(self._scrub("", value))))

    def text(self, text: str) -> str:
        """Scrub free text: hidden values, sensitive name-value pairs, card numbers, telephones, e-mail addresses."""
        if ":" in text or "=" in text:
            text = self._pairs(text)
        return self._patterns(text)

    def _patterns(self, text: str) -> str:
        for value in self._values_in(text):
            if value in text:
                text = text.replace(value, HIDDEN)
        if len(text) < _PATTERN_LENGTH_MIN:
            return text
        if _FOUR_DIGITS.search(text):  # each of the three has as many in a row, and most texts have not
            text = _CARD.sub(_mask_card, text)
            if "*" in text or "•" in text or "xx" in text.lower():
                text = _CARD_HALF_MASKED.sub(lambda found: found[1] + "•" * len(found[2]), text)
            text = _MOBILE.sub(r"\1\2••••\3\4", text)
        text = _MAIL.sub(HIDDEN, text) if "@" in text else text
        return _URL_TOKEN.sub(HIDDEN, text) if "://" in text else text

    def _values_in(self, text: str) -> list[str]:
        """Give the hidden values as they may stand in this text, longest first; escaping is dear and mostly vain."""
        if _ESCAPED.search(text):
            if self._in_every_form is None:
                forms = {form for value in self._learned for form in _forms(value)}
                self._in_every_form = sorted(forms, key=len, reverse=True)
            return self._in_every_form
        if self._as_they_are is None:
            self._as_they_are = sorted(self._learned, key=len, reverse=True)
        return self._as_they_are

    def _scrub(self, name: str, value: Any) -> Any:
        if value is None or value == "" or isinstance(value, bool):
            return value
        if name and _hides(self._named, name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value) if len(value) > 1 else value
        if isinstance(value, Mapping):
            return {str(inner): self._scrub(str(inner), found) for inner, found in value.items()}
        if isinstance(value, list | tuple):
            return [self._scrub("", found) for found in value]
        text = str(value)
        scrubbed = self.text(text) if len(text) > 1 else text
        return value if scrubbed == text else scrubbed

    def _learn_hidden(self, name: str, value: Any) -> None:
        hidden = bool(name) and _hides(self._named, name)
        if isinstance(value, str):
            if hidden:
                self.learn(value)
        elif isinstance(value, Mapping):
            for inner, found in value.items():
                self._learn_hidden(name if hidden else str(inner), found)
        elif isinstance(value, list | tuple):
            for found in value:
                self._learn_hidden(name, found)
        elif hidden and value is not None and not isinstance(value, bool):
            self.learn(str(value))

    def _pairs(self, text: str) -> str:
        shown, place = [], 0
        for field in _FIELD.finditer(text):
            hides = field.end() >= place and _hides(self._named, field[2])
            value = _VALUE.match(text, field.end()) if hides else None
            if value is not None:
                quotes = value[0][0] if value[0][0] in "\"'" else ""
                shown += [text[place : field.end()], quotes, HIDDEN, quotes]
                place = value.end()
        return "".join(shown) + text[place:] if shown else text


def _forms(value: str) -> set[str]:
    """Give a value as it is and as it stands escaped in an address, a page or JSON."""
    if value.isascii() and value.isalnum():
        return {value}
    return {value, quote(value, safe=""), quote_plus(value), html.escape(value), json.dumps(value)[1:-1]}


@lru_cache(maxsize=64)
def _plain_names(names: frozenset[str]) -> frozenset[str]:
    return frozenset(_plain(name) for name in names)


@lru_cache(maxsize=4096)
def _hides(named: frozenset[str], name: str) -> bool:
    return is_sensitive(name) or _plain(name) in named


@lru_cache(maxsize=4096)
def is_sensitive(name: str) -> bool:
    """Tell by its name whether a field holds a secret or a person."""
    plain = _plain(name)
    if _SECRET.search(plain) or _PERSONAL.search(plain):
        return True
    return bool(_NAME.search(plain)) and not _NAME_OF_A_THING.search(plain)


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return "".join(sign for sign in name.lower() if sign.isalnum())


def _mask_card(found: re.Match[str]) -> str:
    digits = [int(sign) for sign in found[0] if sign.isdigit()]
    if not _passes_luhn(digits):
        return found[0]
    shown, place = "", 0
    for sign in found[0]:
        hidden = sign.isdigit() and place >= 6 and (place < len(digits) - 4 or 8 <= place <= 11)
        shown += "•" if hidden else sign
        place += sign.isdigit()
    return shown


def _passes_luhn(digits: list[int]) -> bool:
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp949", errors="replace")


def _cut(text: str) -> str:
    # After scrubbing, never before: half a card number is no longer recognised as one.
    return text.encode(errors="replace")[:RESPONSE_BYTES_MAX].decode(errors="ignore")
