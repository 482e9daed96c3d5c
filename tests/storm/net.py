"""The network of a storm: requests between buyers, shop, bridge and gateways, none of which has a socket."""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message

from bridge.sandbox.spoil import CUT
from bridge.wire.address import Address
from bridge.wire.connection import BODY_BYTES_MAX, Answer, AnswerLost, AnswerRefused, Progress, Request
from bridge.wire.converse import Wire
from bridge.wire.pool import ConnectFailed, Pool
from tests.storm.loop import Handle, Process
from tests.support.wire import NO_TLS

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(slots=True)
class Heard:
    """What came back. `cut`: the connection ended before the answer was whole."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Line:
    """One request and its answer between two ends of this program."""

    def __init__(self, body: bytes) -> None:
        self.heard = Heard()
        self._body: bytes | None = body
        self._pieces: list[bytes] = []
        self._gone = asyncio.get_running_loop().create_future()

    def hang_up(self) -> None:
        """The one who asked is gone."""
        if not self._gone.done():
            self._gone.set_result(None)

    def cut(self, data: bytes, reset: bool) -> None:
        """The one who answers ends the connection."""
        self.heard.cut = True
        self._pieces.append(data)
        self.hang_up()

    async def receive(self) -> Message:
        if self._body is None:
            await asyncio.shield(self._gone)
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.heard.status = message["status"]
            found = message.get("headers", ())
            self.heard.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in found}
        elif message["type"] == "http.response.body":
            self._pieces.append(message.get("body", b""))

    async def ask(self, app: ASGIApp, method: str, url: str, headers: Headers, client: str) -> Heard:
        """Send, and wait for all that comes back."""
        parts = urlsplit(url)
        await app(
            {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.4"},
                "http_version": "1.1",
                "method": method,
                "scheme": parts.scheme,
                "path": parts.path,
                "raw_path": parts.path.encode(),
                "query_string": parts.query.encode(),
                "root_path": "",
                "headers": [(b"host", parts.netloc.encode()), *headers],
                "client": (client, 40_000),
                "server": ("127.0.0.1", 80),
                "extensions": {CUT: self.cut},
            },
            self.receive,
            self.send,
        )
        self.heard.body = b"".join(self._pieces)
        return self.heard


@dataclass(frozen=True, slots=True)
class Leaving:
    """A request of the bridge's, about to leave or gone."""

    origin: str
    target: str
    body: bytes
    moves_money: bool

    @property
    def op(self) -> str:
        """The last word of its path."""
        return self.target.partition("?")[0].rpartition("/")[2]


class Traffic(Protocol):
    """What a storm does to the bridge's own calls. A method that returns True has killed the process."""

    apps: Mapping[str, ASGIApp]

    def latency(self) -> float: ...
    def connecting(self, origin: str) -> str: ...
    def leaving(self, request: Leaving) -> bool: ...
    def gone(self, request: Leaving) -> bool: ...
    def answered(self, request: Leaving, heard: Heard) -> bool: ...
    def loses_kept(self, origin: str) -> str: ...


async def never() -> None:
    """Wait for ever: whoever waits here was killed."""
    await asyncio.get_running_loop().create_future()


class StormWire(Wire):
    """The real wire with verdicts, deadlines, slots, kept connections and the intent's age; only sockets are not."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__(asyncio.get_running_loop().time, tls=NO_TLS)
        self._pool = StormPool(traffic)


class StormPool(Pool):
    """Opens connections into this program's own applications."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__(NO_TLS)
        self._traffic = traffic

    async def open(self, address: Address, seconds: float) -> Any:
        fault = self._traffic.connecting(address.origin)
        if fault == "unreachable":
            await asyncio.sleep(seconds)
            raise ConnectFailed(f"No connection to {address.origin} within its time.")
        await asyncio.sleep(self._traffic.latency())
        if fault or address.origin not in self._traffic.apps:
            raise ConnectFailed(f"No connection to {address.origin}: {fault or 'nobody there'}.")
        if self._closed:
            raise ConnectFailed("The wire is closed.")
        return StormConnection(self._traffic, address.origin)


class StormConnection:
    """A connected stream without bytes."""

    def __init__(self, traffic: Traffic, origin: str) -> None:
        self.usable = True
        self._traffic = traffic
        self._origin = origin
        self._used = False
        self._idle_timer: Handle | None = None

    async def ask(self, request: Request, progress: Progress) -> Answer:
        traffic = self._traffic
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        lost = traffic.loses_kept(self._origin) if self._used else ""
        self._used = True
        leaving = Leaving(self._origin, request.target, request.body, ("connection", "close") in request.headers)
        if lost == "before":
            progress.written = True
            raise AnswerLost("The server closed the kept connection.")
        if traffic.leaving(leaving):
            await never()
        progress.written = True
        arrived = asyncio.get_running_loop().create_future()
        work = self._carry(request, arrived)
        asyncio.get_running_loop().create_task(work, context=Context())
        if traffic.gone(leaving):
            await never()
        heard: Heard = await arrived
        if traffic.answered(leaving, heard):
            await never()
        if heard.cut or lost:
            raise AnswerLost("The connection ended before the answer was whole.")
        progress.answer_begun = True
        if len(heard.body) > BODY_BYTES_MAX:
            raise AnswerRefused(f"The answer is larger than {BODY_BYTES_MAX} bytes.")
        self.usable = not leaving.moves_money
        return Answer(heard.status, heard.headers, heard.body)

    def keep(self, seconds: float) -> None:
        self._idle_timer = asyncio.get_running_loop().call_later(seconds, self.close)

    def close(self) -> None:
        self.usable = False

    async def _carry(self, request: Request, arrived: "asyncio.Future[Heard]") -> None:
        """Carry a request to where it goes, whatever becomes of the one who sent it."""
        await asyncio.sleep(self._traffic.latency())
        headers = [(name.encode(), value.encode()) for name, value in request.headers if name != "host"]
        line = Line(request.body)
        app = self._traffic.apps[self._origin]
        heard = await line.ask(app, request.method, f"{self._origin}{request.target}", headers, "127.0.0.1")
        await asyncio.sleep(self._traffic.latency())
        if not arrived.done():
            arrived.set_result(heard)


@dataclass(slots=True)
class Server:
    """A bridge that runs: its process, its application, and whoever waits for its answers."""

    process: Process
    app: ASGIApp | None = None
    context: Any = None
    stop: Any = None
    asked: "list[asyncio.Future[Heard | None]]" = field(default_factory=list)

    def begin(self, line: Line, method: str, url: str, headers: Headers, client: str) -> "asyncio.Future[Heard | None]":
        """Have the bridge handle a request; the future ends with None when it dies over it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Heard | None] = loop.create_future()
        self.asked.append(answer)
        app = self.app
        assert app is not None, "a server that serves has its application"

        async def handle() -> None:
            heard = await line.ask(app, method, url, headers, client)
            if not answer.done():
                answer.set_result(heard)

        task = loop.create_task(handle(), context=self.process.context())
        task.add_done_callback(lambda done: _failed(done, answer), context=Context())
        return answer

    def die(self) -> None:
        """Kill it: nothing of it runs again, and every connection to it is reset."""
        self.process.alive = False
        for answer in self.asked:
            if not answer.done():
                answer.set_result(None)
        self.asked.clear()


def _failed(done: "asyncio.Task[None]", answer: "asyncio.Future[Heard | None]") -> None:
    if not done.cancelled() and done.exception() is not None and not answer.done():
        answer.set_exception(done.exception())  # type: ignore[arg-type]
