"""A small HTTP client for load: kept connections, whole answers, as little CPU as possible beside what it measures."""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Dropped(Exception):
    """The connection ended before the answer was whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, `Location` (empty without one) and body."""

    status: int
    location: str
    body: bytes


class _Line(asyncio.Protocol):
    """One connection with at most one request on its way; answers must say their Content-Length."""

    def __init__(self) -> None:
        self._received = b""
        self._waiter: asyncio.Future[Answer] | None = None
        self.transport: Any = None
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.open = transport, True

    def connection_lost(self, _error: Exception | None) -> None:
        self.open = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Dropped("the connection ended"))

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its answer. Raises Dropped."""
        self._received, self._waiter = b"", asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._waiter

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or self._waiter is None or self._waiter.done():
            return
        lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if len(body) >= int(fields.get("content-length", "0")):
            if fields.get("connection", "").lower() == "close":
                self.open = False
            self._waiter.set_result(Answer(int(lines[0].split()[1]), fields.get("location", ""), body))


class Client:
    """Asks servers on this machine, over as many kept connections as are needed at once."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int], list[_Line]] = {}

    async def ask(
        self, method: str, url: str, body: bytes = b"", *, kind: str = FORM, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send one request. Raises Dropped, OSError."""
        parts = urlsplit(url)
        place = (str(parts.hostname), parts.port or 80)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [f"{method} {target or '/'} HTTP/1.1", f"Host: {parts.netloc}"]
        if body or method == "POST":
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        line = await self._line(place)
        answer = await line.ask("\r\n".join([*lines, "", ""]).encode() + body)
        if line.open:
            self._idle.setdefault(place, []).append(line)
        return answer

    async def _line(self, place: tuple[str, int]) -> _Line:
        kept = self._idle.get(place, [])
        while kept:
            line = kept.pop()
            if line.open:
                return line
        _, line = await asyncio.get_running_loop().create_connection(_Line, *place)
        return line

    def close(self) -> None:
        """Drop the connections that are idle."""
        for lines in self._idle.values():
            for line in lines:
                line.transport.close()
        self._idle.clear()


async def open_loop(
    ask: Callable[[int], Coroutine[Any, Any, None]], *, per_second: float, seconds: float
) -> list[float]:
    """Begin `ask(number)` at a steady rate whatever the earlier ones do; milliseconds each took since its due time."""
    count, began, took = round(per_second * seconds), now_seconds() + 0.05, []

    async def one(number: int, due: float) -> None:
        await ask(number)
        took.append((now_seconds() - due) * 1000)

    tasks = []
    for number in range(count):
        due = began + number / per_second
        await asyncio.sleep(max(0.0, due - now_seconds()))
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    return took


def share(values: list[float], part: float) -> float:
    """The value that `part` (0 to 1) of all values do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(round(part * len(ranked), 6)) - 1)]


def now_seconds() -> float:
    """A clock for durations; the loop's own counts in whole milliseconds."""
    return time.perf_counter()
