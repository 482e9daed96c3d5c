"""Signed requests, WordPress to bridge: a strict profile of RFC 9421 (HTTP Message Signatures) and RFC 9530 digests."""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bridge.domain.failures import BadSignature, TooLarge, UnknownKey
from bridge.signing.keys import SiteKey
from bridge.signing.window import WINDOW_SECONDS, check_window, skewed

BODY_BYTES_MAX = 262_144
HEADER_BYTES_MAX = 512
TARGET_CHARACTERS_MAX = 4096
LIFETIME_SECONDS = 120

FindKey = Callable[[str], SiteKey | None]

_SHORT = '("@method" "@target-uri")'
_FULL = '("@method" "@target-uri" "content-digest" "idempotency-key")'
_COMPONENTS = {"GET": _SHORT, "HEAD": _SHORT, "POST": _FULL, "DELETE": _FULL}
_HEADERS = {
    _SHORT: frozenset({b"signature-input", b"signature"}),
    _FULL: frozenset({b"signature-input", b"signature", b"content-digest", b"idempotency-key"}),
}
_SIGNING_HEADERS = _HEADERS[_FULL]

_TEMPLATE = re.compile(
    rb'pb=((\("@method" "@target-uri"(?: "content-digest" "idempotency-key")?\))'
    rb";created=([1-9][0-9]{0,11});expires=([1-9][0-9]{0,11})"
    rb';nonce="([A-Za-z0-9_-]{22})";keyid="([a-z0-9_-]{1,64})";alg="hmac-sha256";tag="pay-bridge-v1")'
)
_IDEMPOTENCY_KEY = re.compile(rb"[0-9a-f]{32}")
_TARGET = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it arrived; `target_uri` is the configured public address plus raw path and query, never by Host."""

    method: str
    target_uri: str
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """A request that is genuine and fresh, but may still be a replay: use up (key, nonce) in the effect's own turn.

    `digest` (64 hex digits) is of method, target-uri and body: an idempotency key that comes again with another one is
    misused. `idempotency_key` is empty for GET and HEAD. Times are unix seconds.
    """

    key: SiteKey
    nonce: str
    created: int
    expires: int
    idempotency_key: str
    digest: str


def content_digest(body: bytes) -> str:
    """The Content-Digest header of a body (RFC 9530, SHA-256)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}:"


def signature_base(components: Sequence[tuple[str, str]], params: str) -> bytes:
    """The bytes to be signed (RFC 9421, section 2.5): one line a component, the signature parameters last."""
    lines = [f'"{name}": {value}' for name, value in components]
    lines.append(f'"@signature-params": {params}')
    return "\n".join(lines).encode("utf-8")


def signature(key: bytes, base: bytes) -> str:
    """The HMAC-SHA256 of a signature base as a structured field's bytes: `:BASE64:` (RFC 9421, section 3.3.3)."""
    return f":{base64.b64encode(hmac.digest(key, base, 'sha256')).decode('ascii')}:"


def sign(
    key: SiteKey,
    *,
    method: str,
    target_uri: str,
    created: int,
    nonce: str,
    idempotency_key: str = "",
    body: bytes = b"",
    lifetime_seconds: int = LIFETIME_SECONDS,
) -> dict[str, str]:
    """Make the headers that sign a request: for tests, the command line and the demo shop.

    `nonce` is 22 characters of base64url, `idempotency_key` 32 hex digits (not for GET and HEAD). Raises BadSignature
    for a method this profile does not know.
    """
    covered = _covered(method)
    params = (
        f"{covered};created={created};expires={created + lifetime_seconds}"
        f';nonce="{nonce}";keyid="{key.key_id}";alg="hmac-sha256";tag="pay-bridge-v1"'
    )
    components = [("@method", method), ("@target-uri", target_uri)]
    headers: dict[str, str] = {}
    if covered == _FULL:
        headers = {"Content-Digest": content_digest(body), "Idempotency-Key": idempotency_key}
        components += [("content-digest", headers["Content-Digest"]), ("idempotency-key", idempotency_key)]
    headers["Signature-Input"] = f"pb={params}"
    headers["Signature"] = f"pb={signature(key.request, signature_base(components, params))}"
    return headers


def verify(request: Signed, find_key: FindKey, now: int) -> Verified:
    """Prove that a request comes from a site's WordPress, was not altered and is fresh; `now` is unix seconds.

    POST (a search too) and DELETE sign method, target-uri, digest of the body (also of an empty one) and idempotency
    key. GET and HEAD sign method and target-uri alone: they must have no body, and neither of the other two headers.
    A nonce stands in both templates; only what changes something uses it up, later, in the ledger.

    Checks in this order: sizes, each header exactly once, Signature-Input to the byte, key, digest, HMAC, time.
    Raises TooLarge, BadSignature, UnknownKey, ClockSkew.
    """
    covered = _covered(request.method)
    _check_sizes(request)
    headers = _signing_headers(request.headers, covered)
    match = _TEMPLATE.fullmatch(headers[b"signature-input"])
    if match is None or match[2].decode("ascii") != covered:
        raise BadSignature(f"Signature-Input has not the form this method needs: pb={covered};created=…;tag=…")
    if not _TARGET.fullmatch(request.target_uri):
        raise BadSignature("The target-uri must be an absolute http(s) address in printable ASCII.")
    key = find_key(match[6].decode("ascii"))
    if key is None or not key.usable:
        raise UnknownKey("The key id is not known here, or its key was revoked; pair the site again.")
    components = [("@method", request.method), ("@target-uri", request.target_uri)]
    idempotency_key = ""
    body_digest = content_digest(request.body)
    if covered == _FULL:
        idempotency_key = _check_covered_headers(headers, body_digest)
        components += [("content-digest", body_digest), ("idempotency-key", idempotency_key)]
    elif request.body:
        raise BadSignature("A GET or HEAD request must have no body: nothing would sign it.")
    expected = f"pb={signature(key.request, signature_base(components, match[1].decode('ascii')))}"
    if not hmac.compare_digest(expected.encode("ascii"), headers[b"signature"]):
        raise BadSignature("The signature does not fit the request and the key.")
    created, expires = int(match[3]), int(match[4])
    _check_time(created, expires, now)
    digest = hashlib.sha256(f"{request.method} {request.target_uri}\n{body_digest}".encode("ascii")).hexdigest()
    return Verified(key, match[5].decode("ascii"), created, expires, idempotency_key, digest)


def _covered(method: str) -> str:
    covered = _COMPONENTS.get(method)
    if covered is None:
        raise BadSignature("Only GET, HEAD, POST and DELETE can be signed.")
    return covered


def _check_sizes(request: Signed) -> None:
    if len(request.body) > BODY_BYTES_MAX:
        raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    if len(request.target_uri) > TARGET_CHARACTERS_MAX:
        raise TooLarge(f"The address is longer than {TARGET_CHARACTERS_MAX} characters.")


def _signing_headers(headers: Sequence[tuple[bytes, bytes]], covered: str) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for raw_name, value in headers:
        name = raw_name.lower()
        if name not in _SIGNING_HEADERS:
            continue
        if len(value) > HEADER_BYTES_MAX:
            raise TooLarge(f"A signing header is larger than {HEADER_BYTES_MAX} bytes.")
        if name in found:
            raise BadSignature("A signing header is there twice.")
        found[name] = value
    if found.keys() != _HEADERS[covered]:
        named = ", ".join(sorted(name.decode("ascii") for name in _HEADERS[covered]))
        raise BadSignature(f"This method needs exactly these signing headers: {named}.")
    return found


def _check_covered_headers(headers: dict[bytes, bytes], body_digest: str) -> str:
    if not _IDEMPOTENCY_KEY.fullmatch(headers[b"idempotency-key"]):
        raise BadSignature("Idempotency-Key must be 32 lower-case hex digits.")
    if not hmac.compare_digest(body_digest.encode("ascii"), headers[b"content-digest"]):
        raise BadSignature("Content-Digest is not the SHA-256 of the body.")
    return headers[b"idempotency-key"].decode("ascii")


def _check_time(created: int, expires: int, now: int) -> None:
    if not created < expires <= created + LIFETIME_SECONDS:
        raise BadSignature(f"expires must be after created, by at most {LIFETIME_SECONDS} s.")
    check_window(created, now)
    if now >= expires:
        raise skewed(now)


assert LIFETIME_SECONDS <= WINDOW_SECONDS, "a request may not outlive the window its nonce is remembered for"
