"""Connections at the door: slow callers, crowds of them, and heads without end; over real sockets."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bridge.cli.server import bind, door_of, web_config
from bridge.web import connections, listener
from bridge.web.connections import HEAD_BYTES_MAX, Door
from bridge.web.listener import Server

GOOD = b"GET /livez HTTP/1.1\r\nHost: pay.example\r\n\r\n"
UPLOAD = b"POST /livez HTTP/1.1\r\nHost: pay.example\r\nContent-Length: 1000\r\n\r\n"


async def answer(request: Request) -> Response:
    if request.query_params.get("wait"):
        await asyncio.sleep(0.4)
    return PlainTextResponse("ok")


class Caller:
    """One connection to the server, spoken over byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def status(self) -> int:
        """Read one answer whole; 0 if the connection ended without any."""
        async with asyncio.timeout(5):
            head = b""
            with contextlib.suppress(asyncio.IncompleteReadError):
                head = await self.reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await self.reader.readexactly(int(length or 0))
        return int(head.split()[1]) if head else 0

    async def is_ended(self) -> bool:
        try:
            async with asyncio.timeout(0.3):
                return await self.reader.read(1) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True


class Served:
    """A server and its door."""

    def __init__(self, door: Door, port: int) -> None:
        self.door, self.port = door, port
        self.callers: list[Caller] = []

    async def hear(self, caller: Caller, data: bytes, pause_seconds: float) -> None:
        """Let a caller say something piece by piece until nobody waits for more. Raises TimeoutError."""
        async with asyncio.timeout(3):
            while len(self.door):
                caller.say(data)
                await asyncio.sleep(pause_seconds)

    async def call(self, *said: bytes) -> Caller:
        self.callers.append(Caller(*await asyncio.open_connection("127.0.0.1", self.port)))
        for data in said:
            self.callers[-1].say(data)
        await asyncio.sleep(0.01)
        return self.callers[-1]


@contextlib.asynccontextmanager
async def served(door: Door) -> AsyncIterator[Served]:
    methods = ["GET", "POST"]
    app = Starlette(routes=[Route("/livez", answer, methods=methods)])
    sock = bind("127.0.0.1", 0, "--port")
    config = web_config(app, "127.0.0.1", 0, door=door)
    config.loop = "none"
    server = Server(config)
    task = asyncio.create_task(server._serve([sock]))
    while not server.started:
        await asyncio.sleep(0.005)
    running = Served(door, sock.getsockname()[1])
    try:
        yield running
    finally:
        for caller in running.callers:
            caller.writer.close()
            with contextlib.suppress(ConnectionError):
                await caller.writer.wait_closed()
        server.should_exit = True
        await task
        sock.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the times."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr(connections, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(connections, "SWEEP_SECONDS", 0.02)


async def test_a_head_that_dribbles_is_told_that_its_time_is_over(hurried: None) -> None:
    async with served(Door(10, 100)) as server:
        caller = await server.call(GOOD[:-2])
        await server.hear(caller, b"x-more: x\r\n", 0.02)

        assert await caller.status() == 408
        assert await caller.is_ended()


async def test_who_says_nothing_is_left_without_a_word(hurried: None) -> None:
    async with served(Door(10, 100)) as server:
        caller = await server.call()

        assert await caller.status() == 0
        assert await caller.is_ended()


async def test_a_body_that_dribbles_is_cut_off_however_it_is_answered(hurried: None) -> None:
    """The application answers without reading the body, so nothing but the door looks at the time."""
    async with served(Door(10, 100)) as server:
        caller = await server.call(UPLOAD)

        assert await caller.status() == 200
        for _ in range(9):
            caller.say(b"x")
            await asyncio.sleep(0.05)

        assert len(server.door) == 0
        assert await caller.is_ended()


async def test_line_ends_between_two_requests_do_not_keep_a_connection(hurried: None) -> None:
    async with served(Door(10, 100)) as server:
        caller = await server.call(GOOD)
        assert await caller.status() == 200

        await server.hear(caller, b"\r\n", 0.02)

        assert await caller.status() == 408


async def test_a_kept_connection_has_the_time_anew_for_each_request(
    hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 1.0)  # a loaded machine sleeps longer than it is told
    async with served(Door(10, 100)) as server:
        caller = await server.call()
        for _ in range(4):
            caller.say(GOOD[:20])
            await asyncio.sleep(0.3)
            caller.say(GOOD[20:])
            assert await caller.status() == 200
        assert len(server.door) == 1


async def test_an_answer_that_takes_its_time_is_not_cut_off(hurried: None) -> None:
    async with served(Door(10, 100)) as server:
        caller = await server.call(GOOD.replace(b"livez", b"livez?wait=1"))

        assert await caller.status() == 200


async def test_a_head_without_end_is_refused_before_it_is_kept() -> None:
    async with served(Door(10, 100)) as server:
        dribbled = await server.call(GOOD[:-2])
        await server.hear(dribbled, b"x-more: " + b"x" * 1000 + b"\r\n", 0.002)
        one_piece = await server.call(GOOD[:-2] + b"x-more: " + b"x" * HEAD_BYTES_MAX + b"\r\n\r\n")
        large = await server.call(GOOD[:-2] + b"x-more: " + b"x" * (HEAD_BYTES_MAX - 200) + b"\r\n\r\n")

        assert await dribbled.status() == 431
        assert await one_piece.status() == 431
        assert await large.status() == 200


FORM = b"POST /livez HTTP/1.1\r\nHost: pay.example\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"EHLO mail.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GETX / HTTP/1.1\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: pay.example\r\n\r\n",
        b"GET /livez HTTP/1.1\nHost: pay.example\n\n",
        b"GET /li\x00vez HTTP/1.1\r\n\r\n",
        GOOD[:-2] + b"x: a\x00b\r\n\r\n",
        GOOD[:-2] + b" folded: x\r\n\r\n",
        FORM + b"Content-Length: -1\r\n\r\n",
        FORM + b"Content-Length: 99999999999999999999999\r\n\r\n",
        FORM + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        FORM + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n",
        FORM + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        FORM + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    ],
    ids=lambda said: str(said[:60]),
)
async def test_what_is_no_http_or_could_be_read_in_two_ways_is_refused(said: bytes) -> None:
    async with served(Door(10, 100)) as server:
        caller = await server.call(said)

        assert await caller.status() == 400
        assert await caller.is_ended()


async def test_a_crowd_that_only_holds_its_place_makes_room_for_who_asks() -> None:
    async with served(Door(5, 100)) as server:
        crowd = [await server.call(b"GET /li") for _ in range(8)]
        buyer = await server.call(GOOD)

        assert await buyer.status() == 200
        assert [await one.is_ended() for one in crowd] == [True] * 4 + [False] * 4


async def test_who_is_being_answered_gives_no_room() -> None:
    async with served(Door(3, 100)) as server:
        buyer = await server.call(GOOD.replace(b"livez", b"livez?wait=1"))
        for _ in range(6):
            await server.call(b"GET /li")

        assert await buyer.status() == 200


async def test_a_trusted_proxys_address_may_hold_any_number_but_not_all() -> None:
    async with served(Door(2, 6, ("127.0.0.1",))) as server:
        crowd = [await server.call(b"GET /li") for _ in range(8)]

        assert [await one.is_ended() for one in crowd] == [True] * 2 + [False] * 6


async def test_a_server_may_open_as_many_files_as_it_is_allowed() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
    try:
        door_of()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(before[1], 65_536)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_without_a_descriptor_a_server_listens_no_more_and_whoever_comes_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left, asked = 0, []

    def are_left(count: int) -> bool:
        asked.append(count)
        return count <= left

    async with served(Door(10, 100)) as server:
        monkeypatch.setattr(listener, "_are_left", are_left)
        while not asked:
            await asyncio.sleep(0.01)
        early = await server.call(GOOD)
        assert not await early.is_ended()
        assert len(server.door) == 0, "nobody was taken in"
        left = 2
        await asyncio.sleep(0.6)
        assert asked[-1] == 3, "it looks whether there is one for itself and two for who comes"
        assert not await early.is_ended()
        left = 3

        assert await early.status() == 200


def test_descriptors_are_counted_and_given_back() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
    gaps = [os.dup(0)]  # what earlier tests left open may lie above gaps, which would be counted too
    while gaps[-1] <= most:
        gaps.append(os.dup(0))
    free = gaps.pop()
    os.close(free)
    try:
        for more, said in ((0, False), (2, False), (3, True)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (free + more, before[1]))
            try:
                assert listener._are_left(3) is said
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
        lowest = os.dup(0)
        os.close(lowest)
        assert lowest == free
    finally:
        for one in gaps:
            os.close(one)
