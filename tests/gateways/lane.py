"""One adapter against one sandbox, in one process on one clock: no bridge between them, only the port."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from re import findall, search
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import bridge.gateways
from bridge.domain.exchange import Call, Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import Redirect, Return, Script, Urls, WindowPass
from bridge.domain.payment import Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.sandbox.app import build as build_sandbox
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import Heard, ask
from tests.support.clock import VirtualClock

SANDBOX = "http://sandbox.test"
URLS = Urls("http://shop.test/r", "http://shop.test/c", "http://shop.test/n", "http://shop.test/checkout/x/auth")
ORDER = Order(
    "O-1", 1, "봄의 제전 R석", 55_000, Buyer("홍길동", "hong@shop.test", "010-1234-5678"), "http://shop.test/r"
)
CLOCK_MINUTES = 5
"""How far a request's own time may be from the sandbox's, where a sandbox looks at it at all."""
SETTINGS: dict[str, dict[str, str]] = {
    "paystory": {"pg_url": f"{SANDBOX}/paystory/pg", "office_url": f"{SANDBOX}/paystory/mms"},
    "payple": {"cst_id": "sandboxshop", "host_url": f"{SANDBOX}/payple", "referer": "http://shop.test/"},
}


class Lane:
    """A shop with one gateway. `change` makes another adapter of the right one: a mutant."""

    def __init__(self, gateway: str, change: Callable[[Any], Any] = lambda right: right, **settings: str) -> None:
        self.clock = VirtualClock()
        self.told: list[bytes] = []
        self.app = build_sandbox(clock=self.clock, public_url=SANDBOX, seed=5, post=self._hear)
        self.world = self.app.state.world
        self.world.faults.amounts_choose = False
        self.name = gateway
        if gateway == "paystory":
            self.set(clock_minutes=CLOCK_MINUTES)
        right = bridge.gateways.build(gateway, SETTINGS[gateway] | settings, Mode.TEST)
        self.gateway = change(right)
        self.ack = (200, right.acknowledge(b"", right.notice_kinds[0]).body.encode())
        self._many = 0

    async def _hear(self, method: str, _url: str, body: bytes, _kind: str) -> tuple[int, bytes]:
        if method == "POST":
            self.told.append(body)
        return self.ack

    def stamp(self) -> Stamp:
        """Take the moment, and chance that never repeats."""
        self._many += 1
        return Stamp(self.clock.now(), f"{self._many:032x}")

    def payment(self, ref: str, method: Method = Method.CARD, **changes: Any) -> Payment:
        """Write a payment of 55,000 KRW."""
        now = self.clock.now()
        state = "paid" if changes.get("captured") else "open"
        made = Payment("p", "s", "O-1", 1, self.name, method, Device.PC, state, 55_000, 1, ref, now,
                       now + timedelta(minutes=15), paid_at=now)  # fmt: skip
        return replace(made, **changes)

    def fault(self, op: str, kind: str, **more: Any) -> None:
        """Let the next call go wrong."""
        self.world.faults.arm(Armed(self.name, op, Fault(kind, **more)))

    def set(self, **values: Any) -> None:
        """Change the sandbox's settings."""
        self.world.desks[self.name].set(values)

    async def send(self, call: Call) -> Heard:
        """Carry a call to the sandbox, as the wire would."""
        url, body, kind = call.url, b"", "application/x-www-form-urlencoded"
        if call.body is not None:
            body, kind = json.dumps(dict(call.body)).encode(), "application/json; charset=utf-8"
        elif call.method == "GET":
            url += f"?{urlencode(call.form or {})}"
        else:
            body = urlencode(call.form or {}).encode()
        return await ask(self.app, call.method, url, body, kind, dict(call.headers))

    async def talk(self, exchange: Any) -> Any:
        """Let a conversation run; gives what came of it, or the error."""
        try:
            call = next(exchange)
            while True:
                heard = await self.send(call)
                if heard.cut:
                    return "lost"
                call = exchange.send(Reply(heard.status, heard.body))
        except StopIteration as end:
            return end.value
        except Unreadable as error:
            return error

    async def open(self, payment: Payment, order: Order = ORDER) -> Any:
        """Have the window opened."""
        return await self.talk(self.gateway.open_window(payment, order, URLS, self.stamp()))

    async def press(self, window: Any, action: str = "pay", payment: Payment | None = None) -> dict[str, str]:
        """Go through a window and press a button; gives what the browser posts to the shop."""
        page = await self._enter(window, payment)
        text = page.body.decode()
        fields = _hidden(text) | dict(findall(r'<select[^>]*name="([^"]*)"[^>]*>\s*<option value="([^"]*)"', text))
        target = search(r'<form[^>]*action="([^"]*)"', text)
        assert target, text
        url = self._absolute(unescape(target[1]))
        pressed = await ask(self.app, "POST", url, urlencode(fields | {"action": action}).encode())
        if pressed.status in (302, 303):
            return dict(parse_qsl(urlsplit(pressed.headers["location"]).query))
        return _hidden(pressed.body.decode())

    async def _enter(self, window: Any, payment: Payment | None) -> Heard:
        assert isinstance(window, Script | Redirect), window
        if isinstance(window, Redirect):
            self._page = window.url
            return await ask(self.app, "GET", window.url)
        if self.name == "paystory":
            self._page = f"{SANDBOX}/paystory/pg/order"
            return await ask(self.app, "POST", self._page, urlencode(window.fields).encode())
        vouched = await self.talk(self.gateway.vouch(payment, dict(window.fields), self.stamp()))
        assert isinstance(vouched, WindowPass), vouched
        said = vouched.answer
        self._page = f"{said['PCD_PAY_HOST']}{said['PCD_PAY_URL']}" if "PCD_PAY_HOST" in said else said["return_url"]
        tokens = {"PCD_CST_ID": said["cst_id"], "PCD_CUST_KEY": said["custKey"], "PCD_AUTH_KEY": said["AuthKey"]}
        form = {name: value for name, value in window.fields.items() if name.startswith("PCD_")}
        return await ask(self.app, "POST", self._page, urlencode(form | tokens).encode())

    def _absolute(self, target: str) -> str:
        if "://" in target:
            return target
        return f"{SANDBOX}{target}" if target.startswith("/") else self._page.partition("?")[0]

    async def paid(self, ref: str, method: Method = Method.CARD) -> tuple[Any, Payment, Return]:
        """Pay once: window, return, approval."""
        payment = self.payment(ref, method)
        window = await self.open(payment)
        if not isinstance(window, Script | Redirect):
            return window, payment, Return({})
        payment = replace(payment, refs=dict(window.refs))
        returned = self.gateway.read_return(await self.press(window, payment=payment))
        await self.clock.forward(7)
        return await self.talk(self.gateway.approve(payment, returned, self.stamp())), payment, returned

    def held(self, payment: Payment, paid: Any) -> Payment:
        """Write the payment as it stands after its money came."""
        return replace(payment, state="paid", captured=paid.amount, refs=dict(payment.refs) | dict(paid.refs))

    async def refund(self, payment: Payment, ref: str, amount: int, *, before: int = 0) -> Any:
        """Give money back."""
        left = payment.captured - before - amount
        full = amount == payment.captured
        order = RefundOrder(ref, amount, "고객 요청", full, left, before, notice_url=URLS.notice)
        return await self.talk(self.gateway.refund(payment, order, self.stamp()))

    def books(self, ref: str) -> tuple[int, int]:
        """Read what was captured and refunded, in KRW."""
        found = self.world.bank.of(ref)
        return sum(book.captured for book in found), sum(book.refunded for book in found)

    async def news(self) -> list[Any]:
        """Give what the sandbox told since last asked, as the adapter reads it."""
        await self.clock.forward(1)
        told, self.told = self.told, []
        return [self.gateway.read_notice(raw, self.gateway.notice_kinds[0]) for raw in told]


def _hidden(text: str) -> dict[str, str]:
    return {
        unescape(name): unescape(value)
        for name, value in findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', text)
    }
