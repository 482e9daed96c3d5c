"""Certificates and handshakes: whatever goes wrong before the request is proof that nothing was sent."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from wire_servers import (
    Authority,
    Server,
    answer,
    reset,
    says,
    serving,
    talk,
)

from bridge.domain.exchange import Reply
from bridge.domain.gateway import NotSent
from bridge.wire.converse import Wire
from bridge.wire.pool import CERTIFICATE_REFUSED


async def test_an_untrusted_certificate_is_not_sent(wire: Wire, tmp_path: Any) -> None:
    stranger = Authority(tmp_path)
    async with serving(says(answer()), tls=stranger.server_context(), host="localhost") as server:
        conversation = await talk(wire, server)

        assert isinstance(conversation.outcome, NotSent)
        assert CERTIFICATE_REFUSED in conversation.outcome.why
        assert server.requests == []


@pytest.mark.parametrize(("name", "valid"), [("localhost", timedelta(days=-1)), ("another.example", timedelta(days=1))])
async def test_an_expired_certificate_or_one_for_another_name_is_not_sent(
    wire: Wire, authority: Authority, name: str, valid: timedelta
) -> None:
    async with serving(says(answer()), tls=authority.server_context(name, valid=valid), host="localhost") as server:
        conversation = await talk(wire, server)

        assert isinstance(conversation.outcome, NotSent)
        assert server.requests == []


async def test_a_good_certificate_is_answered(wire: Wire, authority: Authority) -> None:
    async with serving(says(answer()), tls=authority.server_context(), host="localhost") as server:
        kept = [await talk(wire, server, moves_money=False) for _ in range(3)]
        money = [await talk(wire, server) for _ in range(2)]

        assert all(isinstance(conversation.outcome, Reply) for conversation in kept + money)
        assert server.connections == 3


async def test_a_handshake_that_never_ends_is_not_sent(wire: Wire) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        server.raw.extend(await reader.read(65536))
        await asyncio.sleep(30)

    async with serving(behave) as server:
        server.origin = server.origin.replace("http://127.0.0.1", "https://localhost")
        conversation = await talk(wire, server, connect_seconds=0.5)

        assert isinstance(conversation.outcome, NotSent)
        assert b"amount" not in server.raw
        assert server.raw[:1] == b"\x16"


async def test_a_reset_within_the_handshake_is_not_sent(wire: Wire) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await reader.read(1)
        reset(writer)

    async with serving(behave) as server:
        server.origin = server.origin.replace("http://127.0.0.1", "https://localhost")

        assert isinstance((await talk(wire, server)).outcome, NotSent)
