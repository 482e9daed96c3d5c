"""What buyers bring: orders sealed as the plugin seals them, and requests signed as the plugin signs them."""

import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from bridge.signing import base64url
from bridge.signing.keys import SiteKey, decode_secret, read_pairing_code
from bridge.signing.requests import sign
from bridge.signing.tokens import ORDER_LIFETIME_SECONDS, seal_order

AMOUNT = 110_000  # the last two digits tell the sandbox to let nothing go wrong


@dataclass(frozen=True, slots=True)
class Seller:
    """One paired site: makes its orders. `site_url` is the site's own address."""

    key: SiteKey
    bridge_url: str
    site_url: str

    @classmethod
    def of(cls, pairing_code: str, site_url: str) -> "Seller":
        """Read the pairing code as the plugin does."""
        pairing = read_pairing_code(pairing_code)
        key = SiteKey.from_secret(decode_secret(pairing.secret), key_id=pairing.key_id, site=pairing.site)
        return cls(key, pairing.url, site_url)

    def order(self, ref: str) -> dict[str, Any]:
        """An order of two seats, held for ten minutes."""
        now = datetime.now(UTC)
        return {
            "ref": ref,
            "version": 1,
            "title": "봄밤 콘서트 R석 2매",
            "amount": AMOUNT,
            "items": [{"ref": f"{ref}-{seat}", "title": f"R석 1층 {seat}번", "amount": AMOUNT // 2} for seat in (7, 8)],
            "buyer": {"id": "wp:7", "name": "김하늘", "email": "buyer@shop.example", "phone": "010-1234-5678"},
            "result_url": f"{self.site_url}/payment-detail/?order_id={ref}",
            "retry_url": f"{self.site_url}/order/?order_id={ref}",
            "hold_expires_at": (now + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "show_at": (now + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def token(self, ref: str) -> str:
        """Seal an order."""
        now = int(time.time())
        payload = {
            "order": self.order(ref),
            "iat": now,
            "exp": now + ORDER_LIFETIME_SECONDS,
            "jti": secrets.token_hex(16),
        }
        return seal_order(self.key, payload, secrets.token_bytes(12))

    def checkout_body(self, ref: str) -> bytes:
        """The form that a click on the pay button posts to /checkout."""
        return urlencode({"token": self.token(ref), "method": "card", "device": "pc"}).encode()

    def signed_payment(self, ref: str) -> tuple[bytes, dict[str, str]]:
        """A body and its headers for POST /v1/payments."""
        body = json.dumps({"order": self.order(ref), "method": "card", "device": "pc"}, ensure_ascii=False).encode()
        headers = sign(
            self.key,
            method="POST",
            target_uri=f"{self.bridge_url}/v1/payments",
            created=int(time.time()),
            nonce=base64url.encode(secrets.token_bytes(16)),
            idempotency_key=secrets.token_hex(16),
            body=body,
        )
        return body, headers


def refs(kind: str) -> Any:
    """Order references that no other run has: `KIND-4f2a-000001` and on."""
    run = secrets.token_hex(2)
    number = 0
    while True:
        number += 1
        yield f"{kind}-{run}-{number:06d}"
