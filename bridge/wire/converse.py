"""Sends what adapters say, once, and tells apart what was answered, what was never sent and what is not known.

This is the one file from which requests leave. The verdict *not sent* rests on one fact: no byte of the request was
handed to the transport. Nothing is concluded from the class of an exception.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar
from urllib.parse import parse_qsl

import h11

from bridge.domain.exchange import Call, Exchange, Reply
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import NotSent, Unknown
from bridge.wire.address import Address, Barred, permit, read_address, without_query
from bridge.wire.connection import Answer, AnswerLost, AnswerRefused, Connection, Progress, Request
from bridge.wire.journal import Line, Scrubber, Verdict
from bridge.wire.pool import AT_ONCE_MAX, ConnectFailed, Pool

T = TypeVar("T")
Renew = Callable[[], Awaitable[float | None]]
"""Writes the intent anew and answers the wire's clock as it was before that turn; None where it may not be sent."""

CONNECT_SECONDS = 5.0
INTENT_SECONDS_MAX = 5.0
CALLS_MAX = 8
_OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "expect", "upgrade"}
)
_NOT_QUOTED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
_QUOTED = {byte: "+" if byte == 0x20 else f"%{byte:02X}" for byte in range(256) if byte not in _NOT_QUOTED}
_PLAIN_HEADERS = frozenset({"content-type", "accept", "user-agent", "referer"})


@dataclass(frozen=True, slots=True)
class Conversation(Generic[T]):
    """What came of an exchange. `money_sent`: a byte of a call that moves money may have left."""

    outcome: T | NotSent | Unknown
    journal: tuple[Line, ...] = ()
    money_sent: bool = True


@dataclass(frozen=True, slots=True)
class PostResult:
    """What WordPress answered."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Terms:
    """What holds for every call of one conversation. `ends_at` is in the event loop's seconds, the others boot-time."""

    started_at: float
    ends_at: float
    connect_seconds: float
    committed_at: float | None
    once: bool = False


@dataclass(frozen=True, slots=True)
class _Silence:
    """No answer to go on with."""

    why: str
    written: bool
    refused: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.refused:
            return "unreadable"
        return "unknown" if self.written else "not_sent"


class TooLate(Exception):
    """The intent was committed too long ago for its call to be sent now."""


class Wire:
    """The way out. One for the process: it keeps connections for calls that move no money."""

    def __init__(
        self, clock: Callable[[], float], tls: ssl.SSLContext | None = None, at_once_max: int = AT_ONCE_MAX
    ) -> None:
        """`clock`: seconds that go on while the machine sleeps (CLOCK_BOOTTIME); `tls` replaces the system's CAs."""
        self._clock = clock
        self._pool = Pool(tls or make_tls_context(), at_once_max)
        self.in_flight = 0

    async def converse(
        self,
        exchange: Exchange[T],
        *,
        hosts: frozenset[str],
        deadline_seconds: float,
        connect_seconds: float = CONNECT_SECONDS,
        committed_at: float | None = None,
        renew: Renew | None = None,
        loopback_allowed: bool = False,
    ) -> Conversation[T]:
        """Send each call the exchange yields, hand it the reply, and return its outcome with the journal.

        The deadline is for the whole conversation. A call that moves money goes over a connection of its own, at most
        5 s after `committed_at` (reading of the wire's clock), and is never repeated; so does one that is to be said
        once, where there is a `committed_at`. A further one has an intent of its own: what `renew` answers, asked
        before it.
        """
        ends_at = asyncio.get_running_loop().time() + deadline_seconds
        terms = _Terms(self._clock(), ends_at, connect_seconds, committed_at)
        journal: list[Line] = []
        money_sent = changed = False
        try:
            call = next(exchange)
            for _ in range(CALLS_MAX):
                if call.moves_money and money_sent:
                    terms = replace(terms, committed_at=await renew() if renew is not None else None)
                said, line = await self._say(call, terms, hosts, loopback_allowed)
                journal.append(line)
                if isinstance(said, _Silence):
                    money_sent = money_sent or (call.moves_money and said.written)
                    in_doubt = money_sent or changed or (said.written and not call.prepares)
                    outcome = Unknown(said.why) if in_doubt else NotSent(said.why)
                    return Conversation(outcome, tuple(journal), money_sent)
                money_sent, changed = money_sent or call.moves_money, changed or call.once
                call = exchange.send(said)
            return Conversation(Unknown(f"More than {CALLS_MAX} calls."), tuple(journal), money_sent)
        except StopIteration as end:
            return Conversation(end.value, tuple(journal), money_sent)
        except Unreadable as error:
            why = Scrubber().text(error.detail)
            if journal:
                journal[-1] = replace(journal[-1], verdict="unreadable", why=why)
            return Conversation(Unknown(f"Unreadable: {why}"), tuple(journal), money_sent)
        finally:
            exchange.close()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, deadline_seconds: float, loopback_allowed: bool
    ) -> PostResult | NotSent | Unknown:
        """Post to WordPress. The receiver must bear repetition: a kept connection that closed is replaced once."""
        try:
            # The site's own address may well resolve to this machine; only what the URL itself says is held against it.
            address = replace(read_address(url, loopback_allowed=loopback_allowed), public_only=False)
        except Barred as error:
            return NotSent(str(error))
        request = Request("POST", address.target, _headers(address, headers, fresh=False), body)
        ends_at = asyncio.get_running_loop().time() + deadline_seconds
        terms = _Terms(self._clock(), ends_at, CONNECT_SECONDS, None)
        said = await self._ask_in_time(address, request, terms, moves_money=False)
        if isinstance(said, _Silence):
            return Unknown(said.why) if said.written else NotSent(said.why)
        return PostResult(said.status, said.body)

    async def close(self) -> None:
        """Drop all connections. Calls still under way end as unknown."""
        await self._pool.close()

    async def _say(
        self, call: Call, terms: _Terms, hosts: frozenset[str], loopback_allowed: bool
    ) -> tuple[Reply | _Silence, Line]:
        began_at = self._clock()
        said: Answer | _Silence
        try:
            address = permit(call.url, hosts, loopback_allowed=loopback_allowed)
        except Barred as error:
            said = _Silence(str(error), written=False)
        else:
            terms = replace(terms, once=call.once)
            said = await self._ask_in_time(address, _request(call, address), terms, moves_money=call.moves_money)
        seconds = self._clock() - began_at
        line = _line(call, said, seconds, began_at - terms.started_at)
        if isinstance(said, _Silence):
            return said, line
        return Reply(said.status, said.body, said.headers.get("content-type", ""), seconds), line

    async def _ask_in_time(
        self, address: Address, request: Request, terms: _Terms, *, moves_money: bool
    ) -> Answer | _Silence:
        progress = Progress()
        self.in_flight += 1
        try:
            async with asyncio.timeout_at(terms.ends_at), self._pool.slots(address):
                if moves_money or terms.once:
                    return await self._ask_once(address, request, terms, progress)
                return await self._ask_kept(address, request, terms, progress)
        except TimeoutError:
            return _Silence("No whole answer within the deadline.", progress.written)
        except (Barred, ConnectFailed, TooLate, AnswerLost) as error:
            return _Silence(str(error), progress.written)
        except AnswerRefused as error:
            return _Silence(str(error), progress.written, refused=True)
        except h11.LocalProtocolError:
            return _Silence("The request has a header or path that HTTP does not allow.", progress.written)
        finally:
            self.in_flight -= 1

    async def _ask_once(self, address: Address, request: Request, terms: _Terms, progress: Progress) -> Answer:
        connection = await self._pool.open(address, terms.connect_seconds)
        try:
            # Nothing is awaited between this and the write: connecting may have taken long.
            self._check_intent(terms)
            return await connection.ask(request, progress)
        finally:
            connection.close()

    async def _ask_kept(self, address: Address, request: Request, terms: _Terms, progress: Progress) -> Answer:
        connection = self._pool.take(address)
        if connection is not None:
            try:
                return await self._ask_and_keep(address, connection, request, progress)
            except AnswerLost:
                # The server dropped an idle connection while we wrote. What may not be said again goes by _ask_once.
                if progress.answer_begun:
                    raise
        connection = await self._pool.open(address, terms.connect_seconds)
        return await self._ask_and_keep(address, connection, request, progress)

    async def _ask_and_keep(
        self, address: Address, connection: Connection, request: Request, progress: Progress
    ) -> Answer:
        answer: Answer | None = None
        try:
            answer = await connection.ask(request, progress)
        finally:
            if answer is None:
                connection.close()
        self._pool.give_back(address, connection)
        return answer

    def _check_intent(self, terms: _Terms) -> None:
        if terms.committed_at is None and terms.once:
            return
        if terms.committed_at is None:
            raise TooLate("A call that moves money needs a committed intent.")
        late_seconds = self._clock() - terms.committed_at
        if not 0 <= late_seconds <= INTENT_SECONDS_MAX:
            raise TooLate(f"The intent was committed {late_seconds:.1f} s ago; it may not be sent any more.")


def make_tls_context() -> ssl.SSLContext:
    """Make the TLS settings of every call: the system's CAs, names checked, TLS 1.2 or later, HTTP/1.1 only."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _request(call: Call, address: Address) -> Request:
    target, body, content_type = address.target, b"", ""
    if call.body is not None:
        body, content_type = json.dumps(call.body, separators=(",", ":")).encode(), "application/json; charset=utf-8"
    elif call.form is not None and call.method == "GET":
        target += ("&" if "?" in target else "?") + _urlencode(call.form)
    elif call.form is not None:
        body, content_type = _urlencode(call.form).encode(), "application/x-www-form-urlencoded; charset=utf-8"
    headers = {"content-type": content_type} if content_type else {}
    headers |= {name.lower(): value for name, value in call.headers.items()}
    return Request(call.method, target, _headers(address, headers, fresh=call.moves_money), body)


def _urlencode(form: Mapping[str, str]) -> str:
    """Write a form as urllib's urlencode does, in half its time."""
    return "&".join([f"{_quote(name)}={_quote(value)}" for name, value in form.items()])


def _quote(text: str) -> str:
    if text.isascii():
        return text if text.isalnum() else text.translate(_QUOTED)
    return text.encode().decode("latin-1").translate(_QUOTED)


def _headers(address: Address, given: Mapping[str, str], *, fresh: bool) -> tuple[tuple[str, str], ...]:
    own = {"host": address.authority, "accept": "*/*", "accept-encoding": "identity", "user-agent": "pay-bridge"}
    if fresh:
        own["connection"] = "close"
    chosen = {name.lower(): value for name, value in given.items() if name.lower() not in _OWN_HEADERS}
    return tuple((own | chosen).items())


def _line(call: Call, said: Answer | _Silence, seconds: float, started_at: float) -> Line:
    scrubber = Scrubber(call.secrets)
    for value in call.hidden:
        scrubber.learn(value)
    for name, value in call.headers.items():
        if name.lower() not in _PLAIN_HEADERS:
            scrubber.learn(value)
    query = dict(parse_qsl(call.url.partition("?")[2]))
    fields = scrubber.fields({**query, **(call.form or {}), **(call.body or {})})
    url = scrubber.text(without_query(call.url))
    if isinstance(said, Answer):
        date, response = said.headers.get("date", "")[:64], scrubber.response(said.body)
        line = Line(call.op, call.method, url, fields, said.status, response, "answered", seconds, started_at, date, "")
    else:
        why = scrubber.text(said.why)
        line = Line(call.op, call.method, url, fields, None, "", said.verdict, seconds, started_at, "", why)
    return replace(line, moves_money=call.moves_money)
