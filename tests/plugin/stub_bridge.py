"""A double of the bridge for tests of the plugin alone: it checks signatures and says what a test tells it to say."""

import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from bridge.domain.failures import BridgeError
from bridge.signing import news
from bridge.signing.base64url import encode
from bridge.signing.keys import SiteKey, pairing_code
from bridge.signing.requests import Signed, verify

HEALTH = {
    "verdict": "pass",
    "headline": {"ko": "모두 정상이에요.", "en": "All is well."},
    "version": "0.1.0",
    "mode": "test",
    "gateways": [
        {
            "name": "mainpay",
            "title": "Mainpay",
            "attempts": 120,
            "success_rate": 0.975,
            "p50_ms": 210,
            "p95_ms": 480,
            "p99_ms": 900,
        }
    ],
    "unknown": {"count": 1, "oldest_seconds": 90},
    "news": {"waiting": 0, "oldest_seconds": 0},
    "cases": {"open": 2},
    "dashboard_url": "https://pay.example/dashboard",
}


@dataclass
class Seen:
    """One request that came in."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class StubBridge:
    """Payments and refunds by id; `refund_states` are what the next refunds come to; `seen` is what was asked,
    `gap` what is said about a restore, `handed` what was handed over, `methods` what the gateways take, `anchor` the
    one told next, `outcomes` what is said of anchors by their day (else that they agree), and `scripted` the answer to
    a method and path, with its query where it has one, or what makes it; None instead of an answer hangs up."""

    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    refund_states: list[dict[str, Any]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    checkout: dict[str, Any] = field(default_factory=dict)
    gap: dict[str, Any] = field(default_factory=lambda: {"gap": False})
    handed: list[dict[str, Any]] = field(default_factory=list)
    methods: list[dict[str, Any]] = field(default_factory=list)
    anchor: Any = None
    outcomes: dict[str, str] = field(default_factory=dict)
    scripted: dict[str, tuple[int, Any] | Callable[[], tuple[int, Any]]] = field(default_factory=dict)
    clock_ahead_seconds: int = 0
    answer_delay_seconds: float = 0.0
    status: dict[str, Any] = field(default_factory=lambda: {"state": "open", "result_url": ""})

    def __post_init__(self) -> None:
        secret = secrets.token_bytes(32)
        self.key = SiteKey.from_secret(secret, key_id="k1", site="shop")
        self.by_key: dict[str, dict[str, Any]] = {}
        stub = self

        class Handler(_Handler):
            bridge = stub

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.pairing_code = pairing_code(self.url, "shop", "k1", encode(secret))

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def now(self) -> int:
        return int(time.time()) + self.clock_ahead_seconds

    def add(self, order_ref: str, state: str = "paid", amount: int = 30000, **more: Any) -> dict[str, Any]:
        """Know a payment; its version rises each time it is put in again."""
        payment_id = more.pop("id", "p_" + secrets.token_hex(8))
        known = self.payments.get(payment_id, {"version": 0})
        left = amount - more.get("refunded", 0) if state in ("paid", "part_refunded") else 0
        payment = {
            "id": payment_id,
            "site": "shop",
            "order_ref": order_ref,
            "gateway": "mainpay",
            "method": "card",
            "state": state,
            "amount": amount,
            "refunded": 0,
            "currency": "KRW",
            "version": known["version"] + 1,
            "gateway_refs": {"refNo": "R" + payment_id, "mbrRefNo": "M" + payment_id},
            "card": {"number": "123456******7890"},
            "allowed": {"refund": "full_or_part", "refundable": left},
            "timeline": [],
        } | more
        self.payments[payment_id] = payment
        return payment

    def message(
        self,
        payment: dict[str, Any],
        seq: int,
        *,
        at: int | None = None,
        message_id: str = "",
        key: bytes | None = None,
        **more: Any,
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of news about a payment."""
        body = json.dumps(
            {
                "type": f"payment.{payment['state']}",
                "seq": seq,
                "occurred_at": "2026-11-20T12:00:00Z",
                "order": {"ref": payment["order_ref"], "state": "paid", "version": 1},
                "payment": payment,
            }
            | more,
            ensure_ascii=False,
        ).encode()
        signed = news.headers(
            [key or self.key.news], message_id or f"m_{secrets.token_hex(8)}", at or int(time.time()), body
        )
        return {"Content-Type": "application/json"} | signed, body

    def asked(self, method: str, pattern: str) -> list[Seen]:
        return [one for one in self.seen if one.method == method and re.fullmatch(pattern, one.path)]


class _Handler(BaseHTTPRequestHandler):
    bridge: StubBridge
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing: the test reads `seen`."""

    def do_GET(self) -> None:
        self._take("GET")

    def do_POST(self) -> None:
        self._take("POST")

    def do_DELETE(self) -> None:
        self._take("DELETE")

    def do_OPTIONS(self) -> None:
        self._say(204, None)

    def _take(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.bridge.seen.append(Seen(method, parts.path, parse_qs(parts.query), dict(self.headers.items()), body))
        time.sleep(self.bridge.answer_delay_seconds)
        if not parts.path.startswith("/v1/"):
            self._browser(parts.path)
            return
        try:
            headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
            verify(
                Signed(method, self.bridge.url + self.path, headers, body),
                {"k1": self.bridge.key}.get,
                self.bridge.now(),
            )
        except BridgeError as problem:
            self._say(
                401,
                {"code": problem.code, "detail": problem.detail, "message_ko": "서명을 확인하지 못했어요."}
                | problem.extra,
            )
            return
        scripted = self.bridge.scripted.get(f"{method} {self.path}", self.bridge.scripted.get(f"{method} {parts.path}"))
        if scripted is not None:
            status, answer = scripted() if callable(scripted) else scripted
            if answer is None:
                self.close_connection = True
            else:
                self._say(status, answer)
            return
        self._say(*self._answer(method, parts.path, parse_qs(parts.query), body))

    def _answer(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        bridge = self.bridge
        if path == "/v1/health":
            return 200, HEALTH | {"server_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(bridge.now()))}
        if path == "/v1/codes/methods":
            return 200, {"gateway": "mainpay", "items": bridge.methods}
        if path == "/v1/reconciliation":
            if method == "POST":
                told = json.loads(body)
                bridge.handed += told["payments"]
                bridge.gap["complete"] = bridge.gap.get("complete") or told["complete"]
            return 200, bridge.gap
        if path == "/v1/anchors":
            said = [bridge.outcomes.get(one["day"], "agrees") for one in json.loads(body)["anchors"]]
            return 200, {"anchor": bridge.anchor, "outcomes": said}
        if path in ("/v1/payments", "/v1/payments/search"):
            asked = {name: values[0] for name, values in query.items()} if method == "GET" else json.loads(body)
            items = [
                one
                for one in bridge.payments.values()
                if asked.get("order", one["order_ref"]) == one["order_ref"]
                and asked.get("state", one["state"]) == one["state"]
                and asked.get("without") != one["state"]
            ]
            return 200, {"items": items, "next_cursor": None}
        if match := re.fullmatch(r"/v1/payments/([^/]+)(/refunds)?", path):
            payment = bridge.payments.get(match[1])
            if payment is None:
                return 404, {
                    "code": "not_found",
                    "detail": "There is no such payment.",
                    "message_ko": "그런 결제가 없어요.",
                }
            return self._refund(payment, json.loads(body)) if match[2] else (200, payment)
        if match := re.fullmatch(r"/v1/refunds/([^/]+)", path):
            return 200, bridge.refunds[match[1]]
        return 404, {"code": "not_found"}

    def _refund(self, payment: dict[str, Any], wish: dict[str, Any]) -> tuple[int, Any]:
        bridge, key = self.bridge, self.headers["Idempotency-Key"]
        if key in bridge.by_key:
            return 200, bridge.by_key[key]
        if bridge.gap["gap"]:
            said = {"code": "reconciling", "detail": "Wait.", "message_ko": "결제 기록을 맞춰 보고 있어요."}
            return 503, said
        outcome = bridge.refund_states.pop(0) if bridge.refund_states else {"state": "done"}
        if outcome.pop("lost", False):
            time.sleep(6)
        amount = wish.get("amount", payment["amount"] - payment["refunded"])
        refund = {
            "id": "f_" + secrets.token_hex(6),
            "payment": payment["id"],
            "amount": amount,
            "reason": wish["reason"],
        } | outcome
        bridge.by_key[key] = bridge.refunds[refund["id"]] = refund
        if refund["state"] == "done":
            refunded = payment["refunded"] + amount
            state = "refunded" if refunded == payment["amount"] else "part_refunded"
            bridge.add(payment["order_ref"], state, payment["amount"], id=payment["id"], refunded=refunded)
        return (202 if refund["state"] in ("sending", "unknown", "needs_human") else 200), refund

    def _browser(self, path: str) -> None:
        if path.startswith("/s/"):
            self._say(200, self.bridge.status)
        elif path == "/checkout" and self.headers.get("Accept") == "application/json":
            self._say(int(self.bridge.checkout.get("status_code", 201)), self.bridge.checkout)
        else:
            page = self.bridge.checkout.get("page", "<!doctype html><title>window</title><p>결제 창</p>").encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for name, value in self.bridge.checkout.get("headers", {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    def _say(self, status: int, answer: Any) -> None:
        raw = b"" if answer is None else json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if not self.bridge.checkout.get("no_cors"):
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
            self.send_header("Access-Control-Allow-Headers", "content-type, accept")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
