"""Connections at the door: whoever dribbles a request is sent away, and no address holds more than its share."""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bridge.flows.log_in import network

HEAD_SECONDS = 10.0
BODY_SECONDS = 20.0
HEAD_BYTES_MAX = 32 * 1024
SWEEP_SECONDS = 1.0


class Door:
    """The connections a server is waiting for a request on, the one that waits longest first.

    One more than an address may have, or than there may be in all, ends the one that waits longest: a buyer's
    request is whole at once, so that those who are ended are those who only hold their place.
    """

    def __init__(self, per_address_max: int, all_max: int, trusted: tuple[str, ...] = ()) -> None:
        self._per_address_max = per_address_max
        self._all_max = all_max
        self._trusted = {network(address) for address in trusted}
        self._all: dict[GuardedProtocol, None] = {}
        self._of_address: dict[str, dict[GuardedProtocol, None]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._all)

    def wait(self, connection: "GuardedProtocol") -> None:
        """Wait for a request; a proxy's address may have any number of connections."""
        neighbours = self._of_address.setdefault(connection.address, {})
        neighbours[connection] = self._all[connection] = None
        if len(neighbours) > self._per_address_max and connection.address not in self._trusted:
            next(iter(neighbours)).turn_away()
        elif len(self._all) > self._all_max:
            next(iter(self._all)).turn_away()
        if self._sweep is None:
            self._sweep = connection.loop.call_later(SWEEP_SECONDS, self._end_overdue, connection.loop)

    def leave(self, connection: "GuardedProtocol") -> None:
        """Wait no more: the request is whole, or the connection has ended."""
        self._all.pop(connection, None)
        neighbours = self._of_address.get(connection.address, {})
        neighbours.pop(connection, None)
        if not neighbours:
            self._of_address.pop(connection.address, None)

    def _end_overdue(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in [one for one in self._all if one.is_overdue(now)]:
            connection.turn_away(408, "The request did not arrive in time.")
        self._sweep = loop.call_later(SWEEP_SECONDS, self._end_overdue, loop) if self._all else None


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP with what it lacks: a time and a size for the head, a time for the whole request."""

    door: ClassVar[Door]
    address = ""
    _whole_until = 0.0
    """When what is being received must be whole, on the loop's clock; 0 between requests."""
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.address = network(self.client[0] if self.client else "")
        self._whole_until = self.loop.time() + HEAD_SECONDS
        self.door.wait(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the door."""
        self.door.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; what comes between two requests starts the next one's time."""
        if not self._whole_until:
            self._whole_until = self.loop.time() + HEAD_SECONDS
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self.turn_away(431, "The head of the request is too large.")

    def on_headers_complete(self) -> None:
        """Let the body have its time. Raises ValueError for a head that came at once and is too large."""
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MAX:
            raise ValueError("too large a head")
        super().on_headers_complete()
        self._in_head = False
        self._whole_until += BODY_SECONDS

    def on_message_complete(self) -> None:
        """Stop waiting while the request is answered."""
        self._in_head, self._head_bytes, self._whole_until = True, 0, 0.0
        self.door.leave(self)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self.door.wait(self)

    def is_overdue(self, now: float) -> bool:
        """Whether the request should be whole by now; while the bridge itself pauses reading, none is."""
        return 0 < self._whole_until < now and not self.flow.read_paused

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            self.turn_away(431, "The head of the request is too large.")
        else:
            self.turn_away(400, msg)

    def turn_away(self, status: int = 0, words: str = "") -> None:
        """End the connection, with an answer where a request was begun and no other answer is under way."""
        self.door.leave(self)
        if self.transport.is_closing():
            return
        if status and self._head_bytes and not self._is_answering():
            head = f"content-type: text/plain\r\ncontent-length: {len(words)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + (head + words).encode("ascii"))
        self.transport.close()

    def _is_answering(self) -> bool:
        if self._in_head:
            return self.cycle is not None and not self.cycle.response_complete
        return self.cycle.response_started or bool(self.pipeline)


def guarded(the_door: Door) -> type[GuardedProtocol]:
    """Make the protocol of one server's connections."""

    class Guarded(GuardedProtocol):
        door = the_door

    return Guarded
