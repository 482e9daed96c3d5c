"""Asking a sandbox inside the same process: no sockets, any clock; for simulations and tests."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message

from bridge.sandbox.spoil import CUT

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Heard:
    """What came back. `cut` is "fin" or "rst" where the connection ended before the answer was whole."""

    status: int
    headers: dict[str, str]
    body: bytes
    cut: str = ""


async def ask(
    app: ASGIApp,
    method: str,
    url: str,
    body: bytes = b"",
    content_type: str = FORM,
    headers: Mapping[str, str] | None = None,
) -> Heard:
    """Send one request, with further headers, and wait for all that comes back."""
    parts = urlsplit(url)
    line = _Line(body)
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme or "http",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [
            (b"host", parts.netloc.encode() or b"sandbox"),
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in (headers or {}).items()),
        ],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
        "extensions": {CUT: line.end},
    }
    await app(scope, line.receive, line.send)
    return Heard(line.status, line.headers, bytes(line.got), line.cut)


class _Line:
    """A connection that is none."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 0
        self.headers: dict[str, str] = {}
        self.got = bytearray()
        self.cut = ""
        self._ended = asyncio.Event()

    def end(self, data: bytes, reset: bool) -> None:
        self._ended.set()
        self.cut = "rst" if reset else "fin"
        self.got += data

    async def receive(self) -> Message:
        if self._body is None:
            await self._ended.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message.get("headers", ())}
        elif message["type"] == "http.response.body":
            self.got += message.get("body", b"")
