"""A site's keys: one secret, three subkeys, and the pairing code that carries the secret to WordPress."""

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.domain.failures import Malformed, Misconfigured, TooLarge
from bridge.domain.strictjson import loads
from bridge.signing import base64url

SECRET_BYTES = 32
CODE_BYTES_MAX = 2048
KEY_ID = re.compile(r"[a-z0-9_-]{1,64}\Z", re.ASCII)
_URL = re.compile(r"https?://[^\s/?#@\\]+(?:/[^\s?#\\]*[^\s/?#\\])?\Z", re.ASCII)

KeyState = Literal["next", "active", "retiring", "revoked"]


class Purpose(StrEnum):
    """What a subkey is for. The value is HKDF's info: changing one changes every key."""

    REQUEST = "pay-bridge.request.v1"
    ORDER = "pay-bridge.order.v1"
    NEWS = "pay-bridge.news.v1"


def decode_secret(text: str) -> bytes:
    """Read a site's secret: base64url without padding of 32 bytes. Raises Malformed, which never shows it."""
    try:
        secret = base64url.decode(text)
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise Malformed("The secret must be 32 bytes as base64url without padding (43 characters).")
    return secret


def derive(secret: bytes, purpose: Purpose) -> bytes:
    """Derive one 32-byte subkey by HKDF-SHA256 without salt (RFC 5869). Raises Misconfigured unless given 32 bytes."""
    if len(secret) != SECRET_BYTES:
        raise Misconfigured(f"A site's secret must be {SECRET_BYTES} bytes.")
    return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=purpose.encode("ascii")).derive(secret)


@dataclass(frozen=True, slots=True)
class SiteKey:
    """One key of one site, ready for use; its repr shows no key. Only active and retiring keys open anything."""

    key_id: str
    site: str
    state: KeyState
    request: bytes = field(repr=False)
    order: bytes = field(repr=False)
    news: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not KEY_ID.match(self.key_id):
            raise Misconfigured("A key id is 1 to 64 of a-z, 0-9, _ and -.")
        if any(len(key) != SECRET_BYTES for key in (self.request, self.order, self.news)):
            raise Misconfigured(f"Each subkey must be {SECRET_BYTES} bytes.")

    @classmethod
    def from_secret(cls, secret: bytes, *, key_id: str, site: str, state: KeyState = "active") -> Self:
        """Derive the three subkeys of a secret of 32 bytes. Raises Misconfigured."""
        request, order, news = (derive(secret, purpose) for purpose in (Purpose.REQUEST, Purpose.ORDER, Purpose.NEWS))
        return cls(key_id, site, state, request, order, news)

    @property
    def usable(self) -> bool:
        """Tell whether what this key signed or sealed is accepted."""
        return self.state in ("active", "retiring")


@dataclass(frozen=True, slots=True)
class Pairing:
    """What WordPress must know to speak to the bridge; `url` is its public address without a trailing slash."""

    url: str
    site: str
    key_id: str
    secret: str = field(repr=False)


def pairing_code(url: str, site: str, key_id: str, secret: str) -> str:
    """Write the one text a site's owner pastes into the plugin; it holds the secret. Raises Malformed."""
    pairing = _checked(url.rstrip("/"), site, key_id, secret)
    fields = {"url": pairing.url, "site": pairing.site, "key_id": pairing.key_id, "secret": pairing.secret}
    return base64url.encode(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())


def read_pairing_code(code: str) -> Pairing:
    """Read a pairing code, with or without blanks around it. Raises Malformed, which never shows the secret."""
    unreadable = "The pairing code is not complete or not ours; copy it again in one piece."
    try:
        fields = loads(base64url.decode(code.strip()), bytes_max=CODE_BYTES_MAX)
    except (ValueError, Malformed, TooLarge):
        raise Malformed(unreadable) from None
    if not isinstance(fields, dict):
        raise Malformed(unreadable)
    found = [fields.get(name) for name in ("url", "site", "key_id", "secret")]
    texts = [value for value in found if isinstance(value, str)]
    if len(texts) != len(found):
        raise Malformed(unreadable)
    return _checked(*texts)


def _checked(url: str, site: str, key_id: str, secret: str) -> Pairing:
    if not _URL.match(url):
        raise Malformed("The pairing code's url must be http(s)://host[:port][/path] without query and trailing slash.")
    if not site or not KEY_ID.match(key_id):
        raise Malformed("The pairing code names no site, or its key id is not 1 to 64 of a-z, 0-9, _ and -.")
    decode_secret(secret)
    return Pairing(url, site, key_id, secret)
