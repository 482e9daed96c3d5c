"""The bridge's clients: a buyer's browser and the plugin. They repeat what real ones repeat, and bear a dead server."""

import json
import secrets
import ssl
from dataclasses import dataclass, field
from typing import Any

import httpx2

from bridge.signing import base64url
from bridge.signing.requests import sign
from bridge.signing.tokens import seal_order

from .lab import Lab

AMOUNT = 30_000
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Everything is plain http here; each client would otherwise read the system's certificates, for 40 ms."""


@dataclass
class Order:
    """An order of the shop, with the token the shop's page holds and what became of it."""

    lab: Lab
    method: str = "card"
    amount: int = AMOUNT
    ref: str = field(default_factory=lambda: secrets.token_hex(8))
    window_url: str = ""
    return_url: str = ""

    def __post_init__(self) -> None:
        now = self.lab.now()
        payload = {
            "order": self.json(),
            "method": self.method,
            "iat": now,
            "exp": now + 900,
            "jti": secrets.token_hex(16),
        }
        self.token = seal_order(self.lab.key, payload, secrets.token_bytes(12))

    def json(self) -> dict[str, Any]:
        """The order as WordPress sends it."""
        return {
            "ref": self.ref,
            "version": 1,
            "title": "겨울 나그네",
            "amount": self.amount,
            "buyer": {"name": "김하늘", "email": "buyer@shop.example"},
            "result_url": f"{self.lab.wordpress.url}/result?order={self.ref}",
            "retry_url": f"{self.lab.wordpress.url}/order?order={self.ref}",
        }

    @property
    def payments(self) -> list[Any]:
        """The order's payments, oldest first."""
        return list(self.lab.rows("SELECT * FROM payments WHERE order_ref = ? ORDER BY id", self.ref))

    @property
    def payment(self) -> Any:
        """The newest payment."""
        return self.payments[-1]

    def check_out(self) -> httpx2.Response | None:
        """Press the shop's pay button; remembers the window's address."""
        answer = browse(self.lab, "POST", "/checkout", data={"token": self.token}, accept="application/json")
        if answer is not None and answer.status_code == 201:
            self.window_url = answer.json()["window_url"]
        return answer

    def pay_in_window(self) -> None:
        """Authenticate at the gateway; remembers where the browser is sent."""
        self.return_url = self.lab.gateway.buyer_pays(self.window_url)

    def come_back(self) -> httpx2.Response | None:
        """Follow the window's redirect to the bridge; reloading the page does the same."""
        return browse(self.lab, "GET", self.return_url.removeprefix(self.lab.url))

    def buy(self) -> None:
        """Go the whole way, with nothing going wrong."""
        answer = self.check_out()
        assert answer is not None
        assert answer.status_code == 201, answer.text
        self.pay_in_window()
        answer = self.come_back()
        assert answer is not None
        assert answer.status_code == 303, answer.text
        self.lab.settle()


def browse(
    lab: Lab, method: str, path: str, *, data: dict[str, str] | None = None, accept: str = "text/html"
) -> httpx2.Response | None:
    """Send a browser's request; None when the server died over it."""
    return _send(lab, httpx2.Request(method, lab.url + path, data=data, headers={"accept": accept}))


def ask(lab: Lab, method: str, path: str, body: dict[str, Any] | None = None, key: str = "") -> httpx2.Response | None:
    """Send the plugin's signed request, each time with a new nonce; None when the server died over it."""
    raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else b""
    headers = sign(
        lab.key,
        method=method,
        target_uri=lab.url + path,
        created=lab.now(),
        nonce=base64url.encode(secrets.token_bytes(16)),
        idempotency_key=key,
        body=raw,
    )
    headers |= {"content-type": "application/json"} if raw else {}
    return _send(lab, httpx2.Request(method, lab.url + path, content=raw, headers=headers))


def open_line(lab: Lab) -> None:
    """Open a connection that people take from now on, as a proxy keeps some, until `close_lines`."""
    line = httpx2.Client(verify=NO_TLS, trust_env=False, follow_redirects=False, timeout=20)
    line.get(f"{lab.url}/livez").raise_for_status()
    lab.lines.append(line)


def close_lines(lab: Lab) -> None:
    """Let people open connections of their own again."""
    while lab.lines:
        lab.lines.pop().close()


def _send(lab: Lab, request: httpx2.Request) -> httpx2.Response | None:
    if lab.lines:
        line = lab.lines.pop()
        try:
            return line.send(request)
        finally:
            lab.lines.append(line)
    with httpx2.Client(verify=NO_TLS, trust_env=False, follow_redirects=False, timeout=20) as http:
        try:
            return http.send(request)
        except httpx2.TransportError:
            return None


@dataclass
class Refund:
    """A clerk's wish to give money back: the dialog's key is made once, and sent again with every click."""

    order: Order
    amount: int | None = None
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    payment: str = ""

    def click(self) -> httpx2.Response | None:
        """Press the refund button."""
        body: dict[str, Any] = {"reason": "공연 취소", "actor": "wp:7"}
        if self.amount is not None:
            body["amount"] = self.amount
        payment = self.payment or self.order.payment["id"]
        return ask(self.order.lab, "POST", f"/v1/payments/{payment}/refunds", body, self.key)
