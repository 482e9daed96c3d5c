"""One gateway's sandbox inside the test's own process, on a clock that the test turns."""

import html
import json
import re
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette

from bridge.sandbox import control
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import FORM, Heard, ask
from bridge.sandbox.notices import NotDelivered
from bridge.sandbox.world import World
from tests.support.clock import VirtualClock

NOON = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
JSON = "application/json"


class Receiver:
    """Whoever gets the notices: keeps them, and answers as told; None stands for no answer at all."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, bytes, str]] = []
        self.answers: list[tuple[int, bytes] | None] = []
        self.usual: tuple[int, bytes] = (200, b"OK")
        self.head: int = 200

    async def __call__(self, method: str, url: str, body: bytes, kind: str) -> tuple[int, bytes]:
        self.got.append((method, url, body, kind))
        if method == "HEAD":
            return self.head, b""
        told = self.answers.pop(0) if self.answers else self.usual
        if told is None:
            raise NotDelivered("nobody there")
        return told

    def bodies(self) -> list[bytes]:
        """Give what was posted, in order."""
        return [body for method, _, body, _ in self.got if method == "POST"]


class Inside:
    """A sandbox with its control pages."""

    def __init__(self, gateway: str, at: datetime = NOON, seed: int = 5) -> None:
        self.gateway = gateway
        self.clock = VirtualClock(at)
        self.receiver = Receiver()
        self.world = World(clock=self.clock, public_url="http://sandbox", seed=seed, post=self.receiver)
        self.world.faults.amounts_choose = False
        routes = import_module(f"bridge.gateways.{gateway}.sandbox").mount(self.world)
        self.app = Starlette(routes=[*routes, *control.routes(self.world)])

    async def get(self, path: str, **query: str) -> Heard:
        """Ask for a page."""
        return await ask(self.app, "GET", f"http://sandbox{path}?{urlencode(query)}")

    async def form(self, path: str, form: dict[str, str]) -> Heard:
        """Post a form."""
        return await ask(self.app, "POST", f"http://sandbox{path}", urlencode(form).encode())

    async def raw(self, path: str, body: bytes, kind: str = FORM, **headers: str) -> Heard:
        """Post bytes."""
        return await ask(self.app, "POST", f"http://sandbox{path}", body, kind, headers)

    async def json(self, path: str, values: Any, **headers: str) -> dict[str, Any]:
        """Post JSON and read the answer."""
        heard = await self.raw(path, json.dumps(values, ensure_ascii=False).encode(), JSON, **headers)
        assert heard.status == 200, heard.body
        return json.loads(heard.body)

    async def said(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        """Post a form and read the answer."""
        heard = await self.form(path, form)
        assert heard.status == 200, heard.body
        return json.loads(heard.body)

    async def control(self, path: str, **values: Any) -> dict[str, Any]:
        """Ask something of the control pages."""
        body = json.dumps({"gateway": self.gateway, **values}).encode()
        heard = await ask(self.app, "POST", f"http://sandbox/control/{path}", body, JSON)
        assert heard.status == 200, heard.body
        return json.loads(heard.body)

    def fault(self, op: str, kind: str, **more: Any) -> None:
        """Arm a fault for the next call."""
        times = more.pop("times", 1)
        self.world.faults.arm(Armed(self.gateway, op, Fault(kind, **more), times))

    def book(self, order: str) -> dict[str, Any]:
        """Read the one book of an order number."""
        (book,) = self.world.bank.of(order)
        return book.as_json()

    async def settled(self) -> None:
        """Let the notices that are due be sent."""
        await self.clock.forward(0)


def fields_of(heard: Heard) -> dict[str, str]:
    """Read the hidden fields of a page's form."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', heard.body.decode())
    return {html.unescape(name): html.unescape(value) for name, value in found}


def path_of(url: str) -> str:
    """Give an address without its origin."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
