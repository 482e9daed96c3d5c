"""How a key is derived, a request or news signed, an order sealed: from the standards, with nothing of the bridge."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from chacha import seal

Case = dict[str, Any]

NOW = 1_795_000_000
TARGET = "https://pay.example/bridge/v1/payments"
NONCE = "AAECAwQFBgcICQoLDA0ODw"
IDEMPOTENCY_KEY = "00112233445566778899aabbccddeeff"
JTI = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
INFOS = {"request": "pay-bridge.request.v1", "order": "pay-bridge.order.v1", "news": "pay-bridge.news.v1"}
SHORT = '("@method" "@target-uri")'
FULL = '("@method" "@target-uri" "content-digest" "idempotency-key")'


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


SECRETS = {
    "k1": base64url(bytes(range(32))),
    "k2": base64url(hashlib.sha256(b"the second key of the vectors").digest()),
    "k-old": base64url(hashlib.sha256(b"a key that was revoked").digest()),
    "k-new": base64url(hashlib.sha256(b"a key not yet in use").digest()),
}
STATES = {"k1": "active", "k2": "retiring", "k-old": "revoked", "k-new": "next"}


def subkey(key_id: str, name: str) -> bytes:
    """HKDF-SHA256 by hand (RFC 5869): extract with a salt of 32 zeros, expand by one block."""
    secret = base64.urlsafe_b64decode(SECRETS[key_id] + "=")
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, INFOS[name].encode() + b"\x01", hashlib.sha256).digest()


def mac(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def digest(body: str) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}:"


def request_case(
    name: str,
    *,
    method: str = "POST",
    target: str = TARGET,
    body: str = '{"reason":"관객 요청"}',
    key_id: str = "k1",
    created: int = NOW,
    lifetime: int = 120,
    nonce: str = NONCE,
    idempotency_key: str = IDEMPOTENCY_KEY,
    label: str = "pb",
    alg: str = "hmac-sha256",
    tag: str = "pay-bridge-v1",
    signed_as: Mapping[str, str] | None = None,
) -> Case:
    """One signed request. `signed_as` replaces the value signed for a component, which no longer is the one sent."""
    full = method not in ("GET", "HEAD")
    values = {"@method": method, "@target-uri": target}
    headers = {}
    if full:
        headers = {"Content-Digest": digest(body), "Idempotency-Key": idempotency_key}
        values |= {"content-digest": headers["Content-Digest"], "idempotency-key": idempotency_key}
    params = (
        f'{FULL if full else SHORT};created={created};expires={created + lifetime};nonce="{nonce}";keyid="{key_id}"'
        f';alg="{alg}";tag="{tag}"'
    )
    values |= signed_as or {}
    base = "".join(f'"{component}": {value}\n' for component, value in values.items())
    base += f'"@signature-params": {params}'
    key = subkey(key_id, "request") if key_id in SECRETS else bytes(32)
    headers |= {"Signature-Input": f"{label}={params}", "Signature": f"{label}=:{mac(key, base.encode())}:"}
    return {
        "name": name, "key_id": key_id, "secret": SECRETS.get(key_id, ""), "request_key_hex": key.hex(),
        "method": method, "target_uri": target, "body": body,
        "idempotency_key": idempotency_key if full else "", "nonce": nonce, "created": created,
        "expires": created + lifetime, "signature_base": base, "headers": headers, "now": NOW,
    }  # fmt: skip


def news_case(name: str, key_ids: list[str], body: str, *, message_id: str = "msg_01jd", at: int = NOW) -> Case:
    keys = [subkey(key_id, "news") for key_id in key_ids]
    text = f"{message_id}.{at}.{body}".encode()
    return {
        "name": name,
        "secrets": [SECRETS[key_id] for key_id in key_ids],
        "news_keys_hex": [key.hex() for key in keys],
        "message_id": message_id,
        "at": at,
        "body": body,
        "signed_text": text.decode(),
        "headers": {
            "webhook-id": message_id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(f"v1,{mac(key, text)}" for key in keys),
        },
        "now": NOW,
    }


ORDER = {
    "ref": "2026-0001",
    "version": 3,
    "title": "뮤지컬 〈겨울 나그네〉 R석 2매",
    "amount": 240000,
    "items": [
        {"ref": "R-12-7", "title": "R석 1층 12열 7번", "amount": 120000},
        {"ref": "R-12-8", "title": "R석 1층 12열 8번", "amount": 120000},
    ],
    "buyer": {"id": "7", "name": "홍길동", "email": "buyer@shop.example", "phone": "01000000000"},
    "result_url": "https://shop.example/order/2026-0001/?result=1",
    "retry_url": "https://shop.example/order/2026-0001/",
    "hold_expires_at": "2026-11-20T12:00:00Z",
    "locale": "ko_KR",
}


SMALL_ORDER = {
    "ref": "1",
    "version": 1,
    "title": "표",
    "amount": 1000,
    "buyer": {"name": "김"},
    "result_url": "https://shop.example/",
}
PAID = compact(
    {"type": "payment.paid", "seq": 1, "order": {"ref": "2026-0001", "state": "paid"}, "title": "겨울 나그네"}
)


def token_case(
    name: str,
    *,
    order: object = ORDER,
    key_id: str = "k1",
    lead: str = "v1",
    sealed_with: str = "order",
    associated: str = "pay-bridge.order.v1|",
    text: str | None = None,
    **claims: object,
) -> Case:
    payload = {
        "order": order,
        "method": "card",
        "iat": NOW,
        "exp": NOW + 900,
        "jti": JTI,
    } | claims
    plain = compact(payload) if text is None else text
    key = subkey(key_id, sealed_with) if key_id in SECRETS else bytes(32)
    nonce = hashlib.sha256(name.encode()).digest()[:12]
    aad = associated + key_id
    return {
        "name": name, "key_id": key_id, "secret": SECRETS.get(key_id, ""), "order_key_hex": key.hex(),
        "nonce_hex": nonce.hex(), "associated_data": aad, "payload": payload, "plaintext": plain,
        "token": f"{lead}.{key_id}.{base64url(nonce + seal(key, nonce, plain.encode(), aad.encode()))}", "now": NOW,
    }  # fmt: skip
