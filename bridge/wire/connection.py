"""One HTTP/1.1 connection: asyncio carries the bytes, h11 reads and writes the protocol.

It is not a general client: one request at a time, whole bodies, no redirects, no decoding, no proxies, no cookies.
Standing directly on the transport is what makes "no byte was written" a fact instead of a guess.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import h11

BODY_BYTES_MAX = 256 * 1024
HEAD_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = HEAD_BYTES_MAX + BODY_BYTES_MAX


class AnswerLost(Exception):
    """The connection ended, or stopped making sense, before the whole answer was there."""


class AnswerRefused(Exception):
    """An answer came that is not read: too large, or encoded although `identity` was asked for."""


@dataclass(slots=True)
class Progress:
    """How far a request came. `written` is set before the first byte is handed to the transport, and never unset."""

    written: bool = False
    answer_begun: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be written. Header names are lower case; the body's length is said by the connection."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def encode(self, http: h11.Connection) -> bytes:
        """Write the whole request as bytes. Raises h11.LocalProtocolError for what HTTP does not allow."""
        headers = list(self.headers)
        if self.body or self.method not in ("GET", "HEAD"):
            headers.append(("content-length", str(len(self.body))))
        head = http.send(h11.Request(method=self.method, target=self.target, headers=headers))
        body = http.send(h11.Data(data=self.body)) if self.body else b""
        return b"".join((head or b"", body or b"", http.send(h11.EndOfMessage()) or b""))


@dataclass(slots=True)
class Answer:
    """The whole answer, at most BODY_BYTES_MAX of body."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    _pieces: list[bytes] = field(default_factory=list, repr=False)
    _size_bytes: int = 0

    def add(self, piece: bytes) -> None:
        """Take in a piece of the body. Raises AnswerRefused when the body is too large."""
        self._size_bytes += len(piece)
        if self._size_bytes > BODY_BYTES_MAX:
            raise AnswerRefused(f"The answer is larger than {BODY_BYTES_MAX} bytes.")
        self._pieces.append(piece)

    def complete(self) -> None:
        """Join the pieces of the body."""
        self.body = b"".join(self._pieces)
        self._pieces.clear()


class Connection(asyncio.Protocol):
    """A connected stream. Bytes that arrive while nothing was asked make it unusable."""

    def __init__(self, on_lost: Callable[["Connection"], object]) -> None:
        self._on_lost = on_lost
        self._http = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._answer: Answer | None = None
        self._progress = Progress()
        self._received_bytes = 0
        self._idle_timer: asyncio.TimerHandle | None = None
        self.usable = False

    @property
    def peer(self) -> str:
        """The IP address at the other end."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return str(name[0]) if name else ""

    async def ask(self, request: Request, progress: Progress) -> Answer:
        """Send one request and wait for the whole answer; the caller sets the deadline, and closes after any failure.

        Raises AnswerLost, AnswerRefused, h11.LocalProtocolError.
        """
        assert self._waiter is None, "a connection carries one request at a time"
        if not self.usable or self._transport is None:
            raise AnswerLost("The connection was closed before anything was sent.")
        data = request.encode(self._http)
        self._stay_awake()
        self._progress, self._answer, self._received_bytes = progress, None, 0
        self._waiter = asyncio.get_running_loop().create_future()
        progress.written = True
        self._transport.write(data)
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def keep(self, seconds: float) -> None:
        """Stay open for the next request, at most this long."""
        self._idle_timer = asyncio.get_running_loop().call_later(seconds, self.close)

    def close(self) -> None:
        """Drop the connection at once: a peer that never closes must not hold a socket of ours."""
        self.usable = False
        self._stay_awake()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.usable = True

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            self.close()
            return
        self._progress.answer_begun = True
        self._received_bytes += len(data)
        self._read(data)

    def eof_received(self) -> None:
        self.usable = False
        if self._waiter is not None and not self._waiter.done():
            self._read(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._stay_awake()
        self._fail(AnswerLost("The connection was reset." if exc else "The connection ended before the answer did."))
        self._on_lost(self)

    def _read(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while not isinstance(event := self._http.next_event(), type):
                self._take(event)
                if isinstance(event, h11.EndOfMessage):
                    return
            if self._received_bytes > ANSWER_BYTES_MAX:
                raise AnswerRefused(f"The answer is longer than {ANSWER_BYTES_MAX} bytes on the wire.")
        except h11.RemoteProtocolError:
            self._fail(AnswerLost("The answer ended early or is not HTTP." if data else "The answer ended early."))
        except AnswerRefused as error:
            self._fail(error)

    def _take(self, event: h11.Event) -> None:
        if isinstance(event, h11.Response):
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
            if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
                raise AnswerRefused("The answer is encoded although identity was asked for; it was not decoded.")
            self._answer = Answer(event.status_code, headers)
        elif isinstance(event, h11.Data):
            assert self._answer is not None
            self._answer.add(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            self._finish()

    def _finish(self) -> None:
        assert self._answer is not None
        assert self._waiter is not None
        self._answer.complete()
        # Bytes after the body would be read as the next request's answer; such a connection is not used again.
        clean = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if self.usable and clean and not self._http.trailing_data[0]:
            self._http.start_next_cycle()
        else:
            self.usable = False
        self._waiter.set_result(self._answer)

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)
        self.close()

    def _stay_awake(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
