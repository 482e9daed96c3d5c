"""The shop's back office does what the plugin does: seals orders, hears news, answers the fence, calls the bridge."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx2

from bridge.clock import Clock, now_ms
from bridge.demo.notebook import Notebook, Order
from bridge.demo.tickets import TICKETS
from bridge.domain.failures import Malformed
from bridge.domain.strictjson import loads
from bridge.signing import base64url, news
from bridge.signing.keys import SiteKey
from bridge.signing.requests import sign
from bridge.signing.tokens import ORDER_LIFETIME_SECONDS, seal_order

NEWS_BYTES_MAX = 64 * 1024
CALL_SECONDS = 10.0
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the bridge said to a signed call; status 0: nothing."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Office:
    """One shop's keys and memory. Addresses without a trailing slash."""

    key: SiteKey = field(repr=False)
    bridge_url: str
    shop_url: str
    notebook: Notebook
    clock: Clock
    http: httpx2.AsyncClient
    hold_seconds: int = 600

    def now(self) -> int:
        """Tell the time in unix seconds."""
        return now_ms(self.clock) // 1000

    def sell(self, ticket_id: str, buyer: Mapping[str, str]) -> Order:
        """Take an order at the shop's own price and keep the seat for a while. Raises Malformed."""
        ticket = TICKETS.get(ticket_id)
        if ticket is None or not buyer.get("name", "").strip():
            raise Malformed("An order needs a ticket and the buyer's name.")
        now = self.now()
        ref = self.clock.random_bytes(16).hex()
        order = Order(ref, ticket.id, buyer, ticket.title, ticket.price, now + self.hold_seconds, now_ms(self.clock))
        self.notebook.add_order(order)
        return order

    def seal(self, order: Order) -> str:
        """Seal an order for the browser to carry; good until the seat is let go, 15 minutes at most."""
        now = self.now()
        page = f"{self.shop_url}/orders/{order.ref}"
        sold = {
            "ref": order.ref,
            "version": 1,
            "title": order.title,
            "amount": order.amount,
            "items": [{"ref": order.ticket, "title": order.title, "amount": order.amount}],
            "buyer": dict(order.buyer),
            "result_url": f"{page}/result",
            "retry_url": page,
            "hold_expires_at": _rfc3339(order.hold_until),
        }
        payload = {
            "order": sold,
            "iat": now,
            "exp": min(order.hold_until, now + ORDER_LIFETIME_SECONDS),
            "jti": self.clock.random_bytes(16).hex(),
        }
        return seal_order(self.key, payload, self.clock.random_bytes(12))

    def hear(self, headers: Headers, body: bytes) -> str:
        """Apply a message of the bridge: applied | seen | old. Raises BadSignature, ClockSkew, TooLarge, Malformed."""
        message_id = news.verify([self.key.news], headers, body, self.now())
        message = _object(body)
        payment = message.get("payment")
        if not isinstance(payment, dict) or type(message.get("seq")) is not int:
            raise Malformed("A message has a payment and its sequence number.")
        order = self.notebook.order(str(payment.get("order_ref")))
        if order is None or order.amount != payment.get("amount"):
            raise Malformed("The message is about no order of this shop, or about another amount.")
        return self.notebook.apply(message_id, message)

    def answer_fence(self, headers: Headers, body: bytes) -> dict[str, Any]:
        """Say whether an order's seat is kept, and keep it longer. Raises as `hear` does."""
        news.verify([self.key.news], headers, body, self.now())
        asked = _object(body)
        order = self.notebook.order(str(asked.get("order_ref")))
        if order is None or order.amount != asked.get("amount"):
            return {"hold": False, "reason": "이 상점의 주문이 아니거나 금액이 달라요."}
        if not TICKETS[order.ticket].held:
            return {"hold": False, "reason": "결제하는 사이에 다른 분이 좌석을 예매했어요."}
        until = datetime.fromisoformat(str(asked.get("until")))
        kept = self.notebook.extend_hold(order.ref, int(until.timestamp()) + 1)
        return {"hold": True, "hold_until": _rfc3339(kept)}

    async def refresh(self, order: Order) -> None:
        """Ask the bridge about an order's payments; silence changes nothing."""
        answer = await self.call("GET", f"/v1/payments?order={quote(order.ref)}")
        for payment in answer.body.get("items", []) if answer.status == 200 else []:
            self.notebook.refresh(payment)

    async def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, idempotency_key: str = ""
    ) -> Answer:
        """Make a signed call. A POST needs a body and an idempotency key of 32 hex digits."""
        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
        url = f"{self.bridge_url}{path}"
        signed = sign(
            self.key,
            method=method,
            target_uri=url,
            created=self.now(),
            nonce=base64url.encode(self.clock.random_bytes(16)),
            idempotency_key=idempotency_key,
            body=raw,
        )
        headers = signed | ({"Content-Type": "application/json"} if raw else {})
        try:
            answer = await self.http.request(method, url, content=raw, headers=headers, timeout=CALL_SECONDS)
        except httpx2.HTTPError:
            return Answer(0, {"code": "no_answer", "message_ko": "결제 브리지가 답하지 않아요."})
        return Answer(answer.status_code, answer.json())

    def new_key(self) -> str:
        """Make an idempotency key."""
        return self.clock.random_bytes(16).hex()


def _object(body: bytes) -> dict[str, Any]:
    value = loads(body, bytes_max=NEWS_BYTES_MAX)
    if not isinstance(value, dict):
        raise Malformed("The body is not a JSON object.")
    return value


def _rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
