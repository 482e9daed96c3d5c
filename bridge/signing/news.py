"""Signed news, bridge to WordPress: Standard Webhooks v1 (its specification, "Signature scheme", symmetric)."""

import base64
import hmac
import re
from collections.abc import Sequence

from bridge.domain.failures import BadSignature, Malformed, Misconfigured, TooLarge
from bridge.signing.window import check_window

HEADER_BYTES_MAX = 1024
SIGNATURES_MAX = 8

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)  # no point: it separates the signed text's parts
_AT = re.compile(rb"[1-9][0-9]{0,11}")
_NAMES = (b"webhook-id", b"webhook-timestamp", b"webhook-signature")


def headers(keys: Sequence[bytes], message_id: str, at: int, body: bytes) -> dict[str, str]:
    """Make the headers of one attempt to deliver; while keys rotate, one signature each.

    `keys` are news subkeys, `at` is this attempt's time in unix seconds; the id is the same for every attempt.
    Raises Misconfigured without a key, Malformed for an id that is not 1 to 64 of letters, digits, _ and -.
    """
    if not keys or not all(keys):
        raise Misconfigured("The site has no key to sign news with; add one with `pay-bridge site rotate-key`.")
    if not _ID.fullmatch(message_id):
        raise Malformed("A message id is 1 to 64 letters, digits, _ and -.")
    signatures = [_signature(key, message_id.encode("ascii"), str(at).encode("ascii"), body) for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": b" ".join(signatures).decode("ascii"),
    }


def verify(keys: Sequence[bytes], received: Sequence[tuple[bytes, bytes]], body: bytes, now: int) -> str:
    """Prove that news is genuine and fresh, as WordPress does, and return its id: for tests and the demo shop.

    `received` are the raw headers, `now` is unix seconds; 120 s either way. Whether the id was seen before is for the
    caller to know. Raises TooLarge, BadSignature, ClockSkew.
    """
    found = _one_of_each(received)
    message_id, at, signatures = (found[name] for name in _NAMES)
    if not _ID.fullmatch(message_id.decode("latin-1")) or not _AT.fullmatch(at):
        raise BadSignature("webhook-id or webhook-timestamp has not its form.")
    offered = signatures.split(b" ")
    if len(offered) > SIGNATURES_MAX:
        raise BadSignature(f"webhook-signature holds more than {SIGNATURES_MAX} signatures.")
    expected = [_signature(key, message_id, at, body) for key in keys if key]
    fits = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in offered]
    if not any(fits):
        raise BadSignature("No signature fits the message and the key.")
    check_window(int(at), now)
    return message_id.decode("ascii")


def _signature(key: bytes, message_id: bytes, at: bytes, body: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.digest(key, message_id + b"." + at + b"." + body, "sha256"))


def _one_of_each(received: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for raw_name, value in received:
        name = raw_name.lower()
        if name not in _NAMES:
            continue
        if name in found:
            raise BadSignature("A webhook header is there twice.")
        if len(value) > HEADER_BYTES_MAX:
            raise TooLarge(f"A webhook header is larger than {HEADER_BYTES_MAX} bytes.")
        found[name] = value
    if len(found) != len(_NAMES):
        raise BadSignature("webhook-id, webhook-timestamp and webhook-signature must all be there.")
    return found
