"""A sandbox inside the test, a clock that the test moves, and a shop that keeps what it is told."""

from collections.abc import Mapping
from html import unescape
from re import findall, search
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette

from bridge.sandbox.app import build
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import Heard, ask
from bridge.sandbox.notices import NotDelivered
from tests.support.clock import VirtualClock

HOST = "https://sandbox.test"


class Bench:
    """One gateway's sandbox and its merchant. `answer` is what the merchant says to every notice."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.clock = VirtualClock()
        self.told: list[tuple[str, bytes, str]] = []
        self.answer: tuple[int, bytes] | None = (200, b"SUCCESS")
        self.app: Starlette = build(clock=self.clock, public_url=HOST, seed=11, post=self._hear)
        self.world = self.app.state.world
        self.world.faults.amounts_choose = False

    async def _hear(self, method: str, url: str, body: bytes, _kind: str) -> tuple[int, bytes]:
        self.told.append((url, body, method))
        if self.answer is None:
            raise NotDelivered("nobody there")
        return self.answer

    async def send(self, path: str, form: Mapping[str, Any] | None = None, *, host: str = HOST) -> Heard:
        """Post a form, or get a page where there is none."""
        if form is None:
            return await ask(self.app, "GET", host + path)
        return await ask(self.app, "POST", host + path, urlencode(form).encode())

    async def settle(self) -> None:
        """Let the notices go out; the retries need the clock."""
        await self.clock.forward(0)

    @property
    def news(self) -> list[dict[str, str]]:
        """What the merchant was told by form, oldest first."""
        return [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, body, _ in self.told]

    def set(self, **values: Any) -> None:
        """Change the gateway's settings."""
        self.world.desks[self.gateway].set(values)

    def fault(self, op: str, kind: str, **more: Any) -> None:
        """Arm a fault."""
        self.world.faults.arm(Armed(self.gateway, op, Fault(kind, **more)))

    def books(self, ref: str) -> tuple[int, int]:
        """Read what was captured and refunded of an order, in KRW."""
        (book,) = self.world.bank.of(ref)
        return book.captured, book.refunded


def posted_back(page: Heard) -> tuple[str, dict[str, str]]:
    """Read where a page posts to, and its fields."""
    text = page.body.decode()
    found = findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', text)
    action = search(r'<form[^>]*action="([^"]*)"', text)
    assert action, text
    return unescape(action[1]), {unescape(name): unescape(value) for name, value in found}
