"""Tokens that browsers carry: the order token, sealed by WordPress, and the bridge's own, with only opaque ids."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from itsdangerous import BadSignature as BadToken
from itsdangerous import SignatureExpired, Signer, TimestampSigner

from bridge.domain.failures import Malformed, Misconfigured, TokenExpired, TokenRefused, TooLarge
from bridge.domain.strictjson import loads
from bridge.signing import base64url
from bridge.signing.keys import Purpose, SiteKey
from bridge.signing.window import WINDOW_SECONDS

ORDER_TOKEN_CHARACTERS_MAX = 8192
ORDER_LIFETIME_SECONDS = 900
NONCE_BYTES = 12

FindKey = Callable[[str], SiteKey | None]

_ORDER_TOKEN = re.compile(r"v1\.([a-z0-9_-]{1,64})\.([A-Za-z0-9_-]{38,})", re.ASCII)
_JTI = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NOT_OURS = "The order token is not ours, or was altered on its way."


@dataclass(frozen=True, slots=True)
class OpenedOrder:
    """An order token, genuine, in time. `jti` names it, `iat` and `exp` are in seconds, `payload` holds the buyer."""

    key: SiteKey
    jti: str
    iat: int
    exp: int
    payload: Mapping[str, Any] = field(repr=False)


def seal_order(key: SiteKey, payload: Mapping[str, object], nonce: bytes) -> str:
    """Seal an order as WordPress does: for tests and the demo shop. `nonce` is 12 random bytes, never used twice.

    Raises Misconfigured for a nonce of another length, TooLarge where no bridge would open the token.
    """
    if len(nonce) != NONCE_BYTES:
        raise Misconfigured(f"An order token's nonce must be {NONCE_BYTES} bytes.")
    plain = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    sealed = ChaCha20Poly1305(key.order).encrypt(nonce, plain, _associated(key.key_id))
    token = f"v1.{key.key_id}.{base64url.encode(nonce + sealed)}"
    if len(token) > ORDER_TOKEN_CHARACTERS_MAX:
        raise TooLarge(f"The order is too large for a token of {ORDER_TOKEN_CHARACTERS_MAX} characters.")
    return token


def open_order(token: str, find_key: FindKey, now: int) -> OpenedOrder:
    """Open an order token; `now` is unix seconds. That the order within is well-formed is for the caller to prove.

    Raises TokenRefused, the same for every reason, for what is not ours, altered, sealed for longer than 900 s or over
    120 s ahead of our clock; TokenExpired, with the order's `retry_url` (if any) in `extra` to lead the buyer on.
    """
    key, payload = _unsealed(token, find_key)
    jti, iat, exp, order = (payload.get(name) for name in ("jti", "iat", "exp", "order"))
    if not isinstance(jti, str) or not _JTI.fullmatch(jti) or type(iat) is not int or type(exp) is not int:
        raise TokenRefused(_NOT_OURS)
    if not isinstance(order, dict) or iat > now + WINDOW_SECONDS or exp - iat > ORDER_LIFETIME_SECONDS:
        raise TokenRefused(_NOT_OURS)
    if now >= exp:
        retry_url = order.get("retry_url")
        known = {"retry_url": retry_url} if isinstance(retry_url, str) else {}
        raise TokenExpired("The order token's time is over; go back to the shop and begin again.", **known)
    return OpenedOrder(key, jti, iat, exp, payload)


def _unsealed(token: str, find_key: FindKey) -> tuple[SiteKey, dict[str, Any]]:
    match = _ORDER_TOKEN.fullmatch(token) if len(token) <= ORDER_TOKEN_CHARACTERS_MAX else None
    key = find_key(match[1]) if match else None
    if match is None or key is None or not key.usable:
        raise TokenRefused(_NOT_OURS)
    try:
        sealed = base64url.decode(match[2])
        plain = ChaCha20Poly1305(key.order).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _associated(match[1]))
        payload = loads(plain, bytes_max=ORDER_TOKEN_CHARACTERS_MAX)
    except (ValueError, InvalidTag, Malformed):
        raise TokenRefused(_NOT_OURS) from None
    if not isinstance(payload, dict):
        raise TokenRefused(_NOT_OURS)
    return key, payload


def _associated(key_id: str) -> bytes:
    return f"{Purpose.ORDER}|{key_id}".encode("ascii")


TokenPurpose = Literal["return", "close", "status", "notice", "window", "billing_key", "plan", "dashboard", "login"]
_LASTING: tuple[TokenPurpose, ...] = (
    "return",
    "close",
    "status",
    "notice",
    "window",
    "billing_key",
    "plan",
)  # they live as long as their payment or site
SECRET_BYTES_MIN = 32
AnySigner = TypeVar("AnySigner", bound=Signer)
_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,512}", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


class _SignerAt(TimestampSigner):
    """A timed signer that is told the time instead of reading a clock."""

    at: int

    def get_timestamp(self) -> int:
        return self.at


class Tokens:
    """The bridge's own tokens: parts joined by points, signed with HMAC-SHA256, safe in an address without quoting.

    Every purpose has its own key, so a token for one never opens another. Parts are opaque ids, never personal data.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES_MIN:
            raise Misconfigured(f"The secret for the bridge's own tokens must be at least {SECRET_BYTES_MIN} bytes.")
        self._secret = secret
        self._lasting = {purpose: self._signer(Signer, purpose) for purpose in _LASTING}

    def make(self, purpose: TokenPurpose, *parts: str, now: int | None = None) -> str:
        """Make a token of one or more ids (letters, digits, _ and -); dashboard and login need `now` (unix seconds).

        Raises Malformed for a part that is not an id.
        """
        if not parts or not all(_PART.fullmatch(part) for part in parts):
            raise Malformed("A token's parts are ids of 1 to 128 letters, digits, _ and -.")
        signer = self._lasting[purpose] if purpose in self._lasting else self._timed(purpose, now)
        return signer.sign(".".join(parts)).decode("ascii")

    def read(
        self,
        purpose: TokenPurpose,
        token: str,
        *,
        parts: int,
        max_age_seconds: int | None = None,
        now: int | None = None,
    ) -> tuple[str, ...]:
        """Read a token's ids, exactly `parts` of them; dashboard and login also need `max_age_seconds` and `now`.

        Raises TokenRefused for what is not ours, altered or for another purpose, TokenExpired (timed ones only).
        """
        refused = TokenRefused("The link is not ours, was altered, or is for something else.")
        if not _TOKEN.fullmatch(token) or not _canonical(token.rpartition(".")[2]):
            raise refused
        try:
            if purpose in self._lasting:
                value = self._lasting[purpose].unsign(token)
            else:
                assert max_age_seconds is not None, f"a {purpose} token is never read without its greatest age"
                value = self._timed(purpose, now).unsign(token, max_age=max_age_seconds)
        except SignatureExpired:
            raise TokenExpired("The link's time is over; ask for a new one.") from None
        except BadToken:
            raise refused from None
        found = tuple(value.decode("ascii").split("."))
        if len(found) != parts:
            raise refused
        return found

    def _timed(self, purpose: TokenPurpose, now: int | None) -> _SignerAt:
        assert now is not None, f"a {purpose} token needs the time"
        signer = self._signer(_SignerAt, purpose)
        signer.at = now
        return signer

    def _signer(self, kind: type[AnySigner], purpose: TokenPurpose) -> AnySigner:
        salt = f"pay-bridge.{purpose}.v1"
        return kind(self._secret, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)


def _canonical(text: str) -> bool:
    try:
        base64url.decode(text)
    except ValueError:
        return False
    return True
