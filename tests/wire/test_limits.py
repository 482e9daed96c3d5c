"""Deadlines and sizes: nothing a gateway does holds or fills this process."""

import asyncio
import gzip
import time
from collections.abc import Generator

import pytest
from wire_servers import (
    Behaviour,
    Server,
    answer,
    read_request,
    says,
    serving,
    talk,
)

from bridge.domain.exchange import Call, Reply
from bridge.domain.gateway import Unknown
from bridge.wire.connection import BODY_BYTES_MAX
from bridge.wire.converse import Wire


async def test_a_server_that_hangs_is_left_at_the_deadline(wire: Wire) -> None:
    async with serving(says(answer(), after=30)) as server:
        began = time.monotonic()
        conversation = await talk(wire, server, seconds=0.3)

        assert isinstance(conversation.outcome, Unknown)
        assert conversation.journal[0].verdict == "unknown"
        assert 0.25 < time.monotonic() - began < 10


async def test_a_slow_drip_ends_at_the_deadline(wire: Wire) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await read_request(reader, server)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b" ")
            await asyncio.sleep(0.02)

    async with serving(behave) as server:
        began = time.monotonic()
        conversation = await talk(wire, server, seconds=0.4)

        assert isinstance(conversation.outcome, Unknown)
        assert time.monotonic() - began < 10


async def test_the_deadline_is_for_the_whole_conversation(wire: Wire) -> None:
    def exchange() -> Generator[Call, Reply, str]:
        for _ in range(4):
            yield Call("ask", "GET", f"{server.origin}/x")
        return "done"

    async with serving(says(answer(), after=0.2)) as server:
        conversation = await wire.converse(exchange(), hosts=server.hosts, deadline_seconds=0.5, loopback_allowed=True)

        assert isinstance(conversation.outcome, Unknown)
        assert [line.verdict for line in conversation.journal] == ["answered", "answered", "unknown"]


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await read_request(reader, server)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()
        server.raw.extend(b"x" * 64)


async def _endless_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await read_request(reader, server)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n" * 10_000)
        await writer.drain()


async def _gzip_bomb(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await read_request(reader, server)
    writer.write(answer(gzip.compress(b" " * 200_000_000, 9), headers="Content-Encoding: gzip\r\n"))
    await writer.drain()
    await reader.read()


_one_byte_too_many = says(answer(b" " * (BODY_BYTES_MAX + 1)))


_endless_continue = says(*[b"HTTP/1.1 100 Continue\r\n\r\n" * 1000] * 20)


@pytest.mark.parametrize("behaviour", [_endless, _endless_chunks, _gzip_bomb, _one_byte_too_many, _endless_continue])
async def test_a_body_too_large_or_encoded_is_dropped_unread(wire: Wire, behaviour: Behaviour) -> None:
    async with serving(behaviour) as server:
        conversation = await talk(wire, server, seconds=5)

        assert isinstance(conversation.outcome, Unknown)
        assert conversation.journal[0].verdict == "unreadable"
        assert len(server.raw) < 64 * 64 * 2


async def test_a_body_of_exactly_the_limit_is_read(wire: Wire) -> None:
    async with serving(says(answer(b" " * BODY_BYTES_MAX))) as server:
        conversation = await talk(wire, server)

        assert isinstance(conversation.outcome, Reply)
        assert len(conversation.outcome.body) == BODY_BYTES_MAX
        assert len(conversation.journal[0].response.encode()) <= 8192


async def test_an_exchange_that_never_ends_is_cut_off(wire: Wire) -> None:
    def exchange() -> Generator[Call, Reply, str]:
        while True:
            yield Call("ask", "GET", f"{server.origin}/x")

    async with serving(says(answer())) as server:
        conversation = await wire.converse(exchange(), hosts=server.hosts, deadline_seconds=5, loopback_allowed=True)

        assert isinstance(conversation.outcome, Unknown)
        assert len(server.requests) == 8
