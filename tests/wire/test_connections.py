"""Which connections are kept, which are not, and what becomes of them."""

import asyncio
import gc
from typing import Any

import pytest
from wire_servers import JSON, BootClock, Server, answer, read_request, reset, says, serving, talk

from bridge.domain.exchange import Call, Reply
from bridge.domain.gateway import NotSent, Unknown
from bridge.wire import pool
from bridge.wire.converse import PostResult, Wire


async def post(wire: Wire, url: str, **more: Any) -> PostResult | NotSent | Unknown:
    more.setdefault("loopback_allowed", True)
    return await wire.post(url, {"webhook-id": "n1"}, b"{}", deadline_seconds=1.0, **more)


async def test_calls_that_move_no_money_share_a_connection(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        for _ in range(5):
            assert isinstance((await talk(wire, server, moves_money=False)).outcome, Reply)

        assert (server.connections, len(server.requests)) == (1, 5)


async def test_every_call_that_moves_money_has_a_connection_of_its_own(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        await talk(wire, server, moves_money=False)
        for _ in range(3):
            assert isinstance((await talk(wire, server, moves_money=True)).outcome, Reply)
        await talk(wire, server, moves_money=False)
        await asyncio.sleep(0.05)

        assert (server.connections, len(server.requests)) == (4, 5)
        assert len(wire._pool._open) == 1


async def test_a_connection_the_server_asked_to_close_is_not_used_again(wire: Wire) -> None:
    async with serving(says(answer(headers="Connection: close\r\n"))) as server:
        for _ in range(2):
            await talk(wire, server, moves_money=False)

        assert server.connections == 2


async def test_a_connection_closed_while_idle_is_noticed_before_it_is_used(wire: Wire) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await read_request(reader, server)
        writer.write(answer())
        await writer.drain()
        writer.close()

    async with serving(behave) as server:
        for _ in range(3):
            assert isinstance((await talk(wire, server, moves_money=False)).outcome, Reply)
            await asyncio.sleep(0.05)

        assert (server.connections, len(server.requests)) == (3, 3)


def _closes_at_the_second_request(*, hurt: bool) -> Any:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await read_request(reader, server)
        writer.write(answer())
        await writer.drain()
        await read_request(reader, server)
        if hurt:
            writer.write(b"HTTP/1.1 2")
            await writer.drain()
        reset(writer) if not hurt else writer.close()

    return behave


async def test_a_kept_connection_that_turns_out_stale_is_replaced_once(wire: Wire) -> None:
    async with serving(_closes_at_the_second_request(hurt=False)) as server:
        for _ in range(2):
            assert isinstance((await talk(wire, server, moves_money=False)).outcome, Reply)

        assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_kept_connection_that_began_to_answer_is_not_asked_twice(wire: Wire) -> None:
    async with serving(_closes_at_the_second_request(hurt=True)) as server:
        await talk(wire, server, moves_money=False)
        second = await talk(wire, server, moves_money=False)

        assert isinstance(second.outcome, Unknown)
        assert (server.connections, len(server.requests)) == (1, 2)


async def test_a_stale_connection_whose_replacement_is_refused_leaves_the_outcome_unknown(wire: Wire) -> None:
    async with serving(_closes_at_the_second_request(hurt=False)) as server:
        await talk(wire, server, moves_money=False)
        original_open = wire._pool.open

        async def refuse(*_: Any) -> Any:
            raise pool.ConnectFailed("refused")

        wire._pool.open = refuse  # type: ignore[method-assign]
        second = await talk(wire, server, moves_money=False)
        wire._pool.open = original_open  # type: ignore[method-assign]

        assert isinstance(second.outcome, Unknown)


async def test_a_connection_lost_between_opening_and_writing_is_not_sent(wire: Wire) -> None:
    original_open = wire._pool.open

    async def open_and_lose(*more: Any) -> Any:
        connection = await original_open(*more)
        connection.close()
        return connection

    wire._pool.open = open_and_lose  # type: ignore[method-assign]
    async with serving(says(answer())) as server:
        conversation = await talk(wire, server, moves_money=True)

        assert isinstance(conversation.outcome, NotSent)
        assert server.requests == []


async def test_an_idle_connection_is_closed_after_its_time(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.1)
    async with serving(says(answer())) as server:
        await talk(wire, server, moves_money=False)
        assert len(wire._pool._open) == 1
        await asyncio.sleep(0.25)

        assert len(wire._pool._open) == 0
        assert wire._pool._idle == {}


async def test_only_so_many_connections_are_kept(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_MAX", 2)
    async with serving(says(answer(), after=0.1)) as server:
        await asyncio.gather(*(talk(wire, server, moves_money=False) for _ in range(5)))
        await asyncio.sleep(0.05)

        assert server.connections == 5
        assert len(wire._pool._open) == 2


@pytest.mark.parametrize("moves_money", [True, False])
async def test_only_so_many_calls_to_one_origin_are_in_flight(clock: BootClock, moves_money: bool) -> None:
    wire = Wire(clock, at_once_max=3)
    most = now = 0

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        nonlocal most, now
        while True:
            await read_request(reader, server)
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.03)
            now -= 1
            writer.write(answer())

    async with serving(behave) as server:
        calls = [asyncio.create_task(talk(wire, server, moves_money=moves_money)) for _ in range(12)]
        await asyncio.sleep(0.02)
        assert wire.in_flight == 12
        conversations = await asyncio.gather(*calls)
        assert all(isinstance(conversation.outcome, Reply) for conversation in conversations)

        assert most == 3
        assert wire.in_flight == 0
        await wire.close()


async def test_a_call_that_finds_no_place_before_its_deadline_is_not_sent(clock: BootClock) -> None:
    wire = Wire(clock, at_once_max=1)
    async with serving(says(answer(), after=0.6)) as server:
        first = asyncio.create_task(talk(wire, server, moves_money=True))
        await asyncio.sleep(0.05)
        second = await talk(wire, server, moves_money=True, seconds=0.2)

        assert isinstance(second.outcome, NotSent)
        assert isinstance((await first).outcome, Reply)
        assert len(server.requests) == 1
        await wire.close()


@pytest.mark.parametrize("moves_money", [True, False])
async def test_a_cancelled_caller_leaves_no_connection_behind(wire: Wire, moves_money: bool) -> None:
    ended = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await read_request(reader, server)
        try:
            await reader.read()
        finally:
            ended.set()

    async with serving(behave) as server:
        call = asyncio.create_task(talk(wire, server, moves_money=moves_money, seconds=30))
        while not server.requests:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(ended.wait(), 1)

        assert wire.in_flight == 0
        assert not wire._pool._open
        assert not wire._pool.slots(_address(server)).locked()


def _address(server: Server) -> Any:
    from bridge.wire.address import read_address

    return read_address(server.origin, loopback_allowed=True)


@pytest.mark.parametrize("after_seconds", [0.0, 0.001, 0.005, 0.02])
async def test_a_caller_cancelled_while_connecting_leaves_no_connection_behind(
    wire: Wire, authority: Any, after_seconds: float
) -> None:
    async with serving(says(answer(), after=0.5), tls=authority.server_context(), host="localhost") as server:
        calls = [asyncio.create_task(talk(wire, server, moves_money=True)) for _ in range(5)]
        await asyncio.sleep(after_seconds)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.05)
        gc.collect()

        assert wire.in_flight == 0
        assert not wire._pool._open


async def test_closing_the_wire_ends_calls_under_way_as_unknown(wire: Wire) -> None:
    async with serving(says(answer(), after=5)) as server:
        call = asyncio.create_task(talk(wire, server, moves_money=True, seconds=30))
        while not server.requests:
            await asyncio.sleep(0.01)
        await wire.close()

        assert isinstance((await call).outcome, Unknown)


async def test_a_closed_wire_sends_nothing_more(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        await talk(wire, server, moves_money=False)
        connecting = asyncio.create_task(talk(wire, server))
        await asyncio.sleep(0)
        await wire.close()

        assert isinstance((await connecting).outcome, NotSent)
        assert isinstance((await talk(wire, server)).outcome, NotSent)
        assert isinstance((await talk(wire, server, moves_money=False)).outcome, NotSent)
        assert len(server.requests) == 1


async def test_news_reach_wordpress_over_a_kept_connection(wire: Wire) -> None:
    async with serving(says(answer(b'{"hold":true}'))) as server:
        results = [await post(wire, f"{server.origin}/?rest_route=/pay-bridge/v1/news") for _ in range(3)]

        assert results == [PostResult(200, b'{"hold":true}')] * 3
        assert server.connections == 1
        assert server.requests[0].startswith(b"POST /?rest_route=/pay-bridge/v1/news HTTP/1.1\r\n")
        assert b"\r\nwebhook-id: n1\r\n" in server.requests[0]
        assert server.requests[0].endswith(b"\r\n\r\n{}")


async def test_a_wordpress_that_is_down_slow_or_elsewhere_is_told_apart(wire: Wire) -> None:
    async with serving(says(answer(), after=5)) as server:
        assert isinstance(await post(wire, server.origin), Unknown)
    assert isinstance(await post(wire, server.origin), NotSent)
    assert isinstance(await post(wire, "https://127.0.0.1/", loopback_allowed=False), NotSent)
    assert isinstance(await post(wire, "http://shop.example/", loopback_allowed=False), NotSent)

    async with serving(says(answer(JSON, status="301 Moved", headers="Location: /x\r\n"))) as server:
        assert await post(wire, server.origin) == PostResult(301, JSON)


async def test_what_is_to_be_said_once_takes_no_kept_connection_and_is_not_said_again(wire: Wire) -> None:
    async with serving(_closes_at_the_second_request(hurt=False)) as server:
        await talk(wire, server, moves_money=False)
        once = await talk(wire, server, moves_money=False, once=True)

        assert isinstance(once.outcome, Reply)
        assert (server.connections, len(server.requests)) == (2, 2)

    async def takes_and_hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await read_request(reader, server)
        reset(writer)

    async with serving(takes_and_hangs_up) as server:
        lost = await talk(wire, server, moves_money=False, once=True)

        assert isinstance(lost.outcome, Unknown)
        assert len(server.requests) == 1


async def test_a_question_that_was_not_sent_leaves_open_what_was_said_once_before_it(wire: Wire) -> None:
    async with serving(_closes_at_the_second_request(hurt=False)) as server:

        def says_and_asks() -> Any:
            yield Call("word", "POST", f"{server.origin}/word", form={"yes": "1"}, once=True)
            return (yield Call("state", "POST", "http://127.0.0.1:9/state", form={"which": "1"}))

        said = await wire.converse(
            says_and_asks(), hosts=server.hosts, deadline_seconds=5.0, committed_at=wire._clock(), loopback_allowed=True
        )
        assert isinstance(said.outcome, Unknown)
        assert [line.verdict for line in said.journal] == ["answered", "not_sent"]
