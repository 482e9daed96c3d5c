"""Looks for what must be nowhere: a typed card, in every form in which it could have been written down."""

import base64
import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

DIGITS_IN_A_ROW = 10
"""So many digits of a number in a row are a leak. A mask shows at most the first eight and the last four."""
ZIPPED_BYTES_MAX = 16 << 20
_ESCAPED = re.compile(rb"%(3[0-9])|\\u00(3[0-9])|\\x(3[0-9])|&#x(3[0-9]);|&#(4[89]|5[0-7]);")
_SEPARATOR = re.compile(rb"(?<=[0-9])(?:[ +._/\t\r\n-]|%20|%2[dD]|&nbsp;|\xc2\xa0)(?=[0-9])")
_EXPIRY = rb"(?:exp|valid|yymm)[a-z_]{0,12}[\"']{0,2}\s{0,2}[:=]\s{0,2}[\"']?"
_PASSWORD = rb"(?:pass?w|cardpw|pwd)[a-z_]{0,12}[\"']{0,2}\s{0,2}[:=]\s{0,2}[\"']?"
_ZIPPED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_WORD = re.compile(rb"[A-Za-z0-9+/_-]{13,}")
"""Whatever is written in hex or base64 stands in such words, which are far less than all there is to search."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A leak: what was found, as what, and where."""

    what: str
    form: str
    place: str


@dataclass(frozen=True, slots=True)
class TypedCard:
    """What somebody typed. `holder` must be long enough to be found by itself; `expires` YYMM and `password` are found
    beside their names. `bodies`: the requests it was sent in, of which no plain hash may be kept either."""

    number: str
    holder: str
    expires: str
    password: str

    def json(self, **more: str) -> dict[str, str]:
        """The card as the API takes it."""
        fields = {"number": self.number, "expires": self.expires, "holder": self.holder, "password": self.password}
        return fields | more


class Scanner:
    """Knows the forms of some cards; `look` says which of them some bytes hold."""

    def __init__(self, cards: Iterable[TypedCard], bodies: Iterable[bytes] = ()) -> None:
        self._forms: dict[bytes, tuple[str, str]] = {}
        self._plain: dict[bytes, str] = {}
        named: dict[str, set[bytes]] = {"expires": set(), "password": set()}
        for card in cards:
            for what, value in (("number", card.number), ("holder", card.holder)):
                self._learn(what, value)
            named["expires"].add(card.expires.encode())
            named["password"].add(card.password.encode())
        self._named = [
            (re.compile(before + rb"(?:" + b"|".join(sorted(named[what])) + rb")(?![0-9])", re.IGNORECASE), what)
            for what, before in (("expires", _EXPIRY), ("password", _PASSWORD))
        ]
        for body in bodies:
            self._learn_hashes("a request with a card", body)
        self._words = [form for form in self._forms if _WORD.fullmatch(form)]
        self._others = [form for form in self._forms if not _WORD.fullmatch(form)]

    def look(self, place: str, data: bytes) -> list[Hit]:
        """Search bytes, and what is compressed in them."""
        found = list(self._look_at(place, data))
        for unzipped in _unzipped(data):
            found += self._look_at(f"{place} (compressed)", unzipped)
        return found

    def _look_at(self, place: str, data: bytes) -> Iterator[Hit]:
        words, plain_text = b" ".join(_WORD.findall(data)), data.isascii()
        found = [form for form in self._words if form in words]
        found += [form for form in self._others if not (plain_text and not form.isascii()) and form in data]
        for form in found:
            what, name = self._forms[form]
            yield Hit(what, name, place)
        for text in {data, _readable(data)}:
            for plain, what in self._plain.items():
                if plain in text:
                    yield Hit(what, "plain", place)
            for pattern, what in self._named:
                if pattern.search(text):
                    yield Hit(what, "beside its name", place)

    def _learn(self, what: str, value: str) -> None:
        for begin in range(len(value) - DIGITS_IN_A_ROW + 1):
            piece = value[begin : begin + DIGITS_IN_A_ROW]
            raw = piece.encode()
            self._plain[raw] = what
            self._forms[raw.hex().encode()] = (what, "hex")
            self._forms[piece.encode("utf-16-le")] = (what, "UTF-16")
            self._forms[piece.encode("utf-16-be")] = (what, "UTF-16")
            for shift in range(3):
                self._forms[_inner_base64(raw, shift)] = (what, "base64")
        self._learn_hashes(what, value.encode())

    def _learn_hashes(self, what: str, value: bytes) -> None:
        for name in ("md5", "sha1", "sha256", "sha512"):
            raw = hashlib.new(name, value, usedforsecurity=False).digest()
            for form in (raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"="), _url_safe(raw)):
                self._forms[form] = (what, name)


def _inner_base64(raw: bytes, shift: int) -> bytes:
    """Give the signs that stand for these bytes alone, whatever stands `shift` bytes before them and after them."""
    begin = -(-shift * 8 // 6)
    end = (shift + len(raw)) * 8 // 6
    return base64.b64encode(b"\0" * shift + raw + b"\0\0")[begin:end]


def _url_safe(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _readable(data: bytes) -> bytes:
    """Write escaped digits as digits, and take away what stands between digits."""

    def digit(found: re.Match[bytes]) -> bytes:
        if found[5]:
            return bytes([int(found[5])])
        return bytes.fromhex((found[1] or found[2] or found[3] or found[4]).decode())

    return _SEPARATOR.sub(b"", _ESCAPED.sub(digit, data))


def _unzipped(data: bytes) -> Iterator[bytes]:
    for start in _ZIPPED.finditer(data):
        unzip = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            yield unzip.decompress(data[start.start() :], ZIPPED_BYTES_MAX)
        except zlib.error:
            continue
