"""Answers that are none: connections closed or reset, halves, drips, wrong types."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bridge.sandbox.clock import Clock

CUT = "sandbox.cut"
"""The name of the scope's extension by which a server lets the application end its connection."""

DRIP_MAX_BYTES = 120

BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\r\n"


class Cut(Response):
    """Ends the connection: `data` is written as it is, then FIN, or RST where `reset`."""

    def __init__(self, data: bytes = b"", *, reset: bool = False) -> None:
        super().__init__()
        self._data = data
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """End the connection. Raises ConnectionResetError where the server knows no way to do it."""
        cut = scope.get("extensions", {}).get(CUT)
        if cut is None:
            raise ConnectionResetError("the sandbox gateway ends the connection")
        cut(self._data, self._reset)
        while (await receive())["type"] != "http.disconnect":
            pass


def bad_gateway() -> Response:
    """Make what a proxy in front of a gateway says when the gateway is gone."""
    return Response(BAD_GATEWAY, 502, media_type="text/html")


def half(whole: Response) -> Cut:
    """Make the first half of an answer whose head promises the whole."""
    body = bytes(whole.body)
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {whole.media_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    return Cut(head.encode() + body[: len(body) // 2])


def drip(clock: Clock, whole: Response) -> StreamingResponse:
    """Make an answer that comes at one byte a second, and stops after two minutes."""
    body = bytes(whole.body)

    async def bytes_one_by_one() -> AsyncIterator[bytes]:
        for place in range(min(len(body), DRIP_MAX_BYTES)):
            yield body[place : place + 1]
            await clock.sleep(1.0)
        yield body[DRIP_MAX_BYTES:]

    return StreamingResponse(bytes_one_by_one(), media_type=whole.media_type)


def loosen(value: Any) -> Any:
    """Turn numbers into texts and texts of few digits into numbers, as careless gateways do."""
    if isinstance(value, dict):
        return {name: loosen(inner) for name, inner in value.items()}
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 4 and not value.startswith("0"):
        return int(value)
    return value
