"""The bridge's wire with the network taken out: requests reach applications of this process, on the virtual clock."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from bridge.sandbox.local import ask
from bridge.wire.address import Address
from bridge.wire.connection import BODY_BYTES_MAX, Answer, Request
from bridge.wire.converse import TooLate, Wire, _Silence
from tests.support.clock import VirtualClock

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Reading the system's certificates costs more than most tests; nothing here speaks TLS."""

OWN_HEADERS = ("host", "content-type", "content-length")
"""The headers that asking within the process makes by itself."""

CUT_SHORT = "The connection ended before the answer was whole."


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it left."""

    url: str
    body: bytes
    moves_money: bool


@dataclass
class Net:
    """Who answers at which origin, and what was sent; it outlives a restart of the bridge."""

    apps: dict[str, ASGIApp] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    sent: list[Sent] = field(default_factory=list)
    on_send: Callable[[Sent], Any] | None = None

    def calls(self, path_end: str) -> list[Sent]:
        """Give the requests to addresses that end so."""
        return [one for one in self.sent if one.url.partition("?")[0].endswith(path_end)]


class LocalWire(Wire):
    """Everything of the real wire but sockets: address rules, journal, verdicts, intent's age, deadline."""

    def __init__(self, clock: VirtualClock, net: Net) -> None:
        super().__init__(clock.boot_seconds, tls=NO_TLS)
        self._virtual = clock
        self._net = net

    async def _ask_in_time(self, address: Address, request: Request, terms: Any, *, moves_money: bool) -> Any:
        if address.origin in self._net.down or address.origin not in self._net.apps:
            return _Silence(f"No connection to {address.origin}.", written=False)
        try:
            if moves_money or terms.once:
                self._check_intent(terms)
        except TooLate as error:
            return _Silence(str(error), written=False)
        url = f"{address.origin}{request.target}"
        sent = Sent(url, request.body, moves_money)
        self._net.sent.append(sent)
        if self._net.on_send is not None:
            self._net.on_send(sent)
        kind = dict(request.headers).get("content-type", "")
        headers = {name: value for name, value in request.headers if name not in OWN_HEADERS}
        asking = asyncio.ensure_future(_ask(self._net.apps[address.origin], request, url, kind, headers))
        seconds = terms.ends_at - asyncio.get_running_loop().time()
        deadline = asyncio.ensure_future(self._virtual.sleep(seconds))
        self.in_flight += 1
        try:
            await asyncio.wait({asking, deadline}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                return _Silence("No whole answer within the deadline.", written=True)
            return _heard(await asking)
        finally:
            self.in_flight -= 1
            deadline.cancel()
            if not asking.done():
                _left_alone.add(asking)
                asking.add_done_callback(_forget)


_left_alone: set[asyncio.Future[Any]] = set()


def _forget(asking: "asyncio.Future[Any]") -> None:
    """A gateway goes on working when the one who asked has gone."""
    _left_alone.discard(asking)
    if not asking.cancelled():
        asking.exception()


async def _ask(app: ASGIApp, request: Request, url: str, kind: str, headers: dict[str, str]) -> Any:
    return await ask(app, request.method, url, request.body, kind, headers)


def _heard(heard: Any) -> Answer | _Silence:
    if heard.cut:
        return _Silence(CUT_SHORT, written=True)
    if len(heard.body) > BODY_BYTES_MAX:
        return _Silence("The answer is too large.", written=True, refused=True)
    return Answer(heard.status, heard.headers, heard.body)
