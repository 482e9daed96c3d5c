"""What is not sent, what is unknown, and what is an answer: on real sockets that fail in every way we know."""

import asyncio
from collections.abc import Generator

import pytest
from wire_servers import (
    JSON,
    Behaviour,
    BootClock,
    Server,
    answer,
    asks,
    read_request,
    reset,
    says,
    serving,
    talk,
)

from bridge.domain.exchange import Call, Reply
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import NotSent, Unknown
from bridge.wire.converse import Renew, Wire
from tests.support.ports import free_port


async def test_an_answer_reaches_the_adapter_whole(wire: Wire) -> None:
    async with serving(says(answer(headers="Content-Type: application/json\r\nDate: today\r\n"))) as server:
        conversation = await talk(wire, server)

        assert isinstance(conversation.outcome, Reply)
        assert (conversation.outcome.status, conversation.outcome.body) == (200, JSON)
        assert conversation.outcome.content_type == "application/json"
        assert [(line.verdict, line.status, line.date_header) for line in conversation.journal] == [
            ("answered", 200, "today")
        ]
        assert conversation.money_sent


async def test_an_answer_without_a_date_is_written_down_without_one(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        (line,) = (await talk(wire, server)).journal
        assert (line.date_header, line.why) == ("", "")


async def test_a_money_call_says_what_it_must_and_nothing_else(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        ours = {"Host": "evil", "Connection": "keep-alive", "Content-Length": "3", "Transfer-Encoding": "chunked"}
        ours |= {"Accept-Encoding": "gzip", "Expect": "100-continue", "Upgrade": "h2c"}
        await talk(wire, server, headers=ours | {"Referer": "https://shop.example"})

        head = server.requests[0].partition(b"\r\n\r\n")[0].decode().lower().split("\r\n")
        assert head[0] == "post /pay http/1.1"
        assert sorted(head[1:]) == [
            "accept-encoding: identity",
            "accept: */*",
            "connection: close",
            "content-length: 11",
            "content-type: application/x-www-form-urlencoded; charset=utf-8",
            f"host: {server.origin.removeprefix('http://')}",
            "referer: https://shop.example",
            "user-agent: pay-bridge",
        ]


@pytest.mark.parametrize("moves_money", [True, False])
async def test_a_refused_port_is_proof_that_nothing_was_sent(wire: Wire, moves_money: bool) -> None:
    server = Server(origin=f"http://127.0.0.1:{free_port()}")
    conversation = await talk(wire, server, moves_money=moves_money)

    assert isinstance(conversation.outcome, NotSent)
    (line,) = conversation.journal
    assert (line.verdict, line.status, line.response, line.date_header) == ("not_sent", None, "", "")
    assert not conversation.money_sent


async def _fin_after_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await read_request(reader, server)
    writer.close()


async def _reset_after_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await read_request(reader, server)
    reset(writer)


async def _fin_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    writer.close()


async def _reset_after_first_byte(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await reader.readexactly(1)
    reset(writer)


async def _half_an_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await read_request(reader, server)
    writer.write(answer()[:-5])
    await writer.drain()
    writer.close()


async def _half_an_answer_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await read_request(reader, server)
    writer.write(answer()[:-5])
    await writer.drain()
    await asyncio.sleep(0.05)
    reset(writer)


async def _half_a_chunk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
    await read_request(reader, server)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n21\r\n" + JSON[:9])
    await writer.drain()
    writer.close()


LOST: dict[str, Behaviour] = {
    "FIN after the whole request": _fin_after_request,
    "RST after the whole request": _reset_after_request,
    "RST after one byte of the request": _reset_after_first_byte,
    "half an answer, then FIN": _half_an_answer,
    "half an answer, then RST": _half_an_answer_and_reset,
    "half a chunk, then FIN": _half_a_chunk,
    "not HTTP": says(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "HTTP/2 preface": says(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "two lengths": says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}"),
    "endless headers": says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000),
}


@pytest.mark.parametrize("moves_money", [True, False])
@pytest.mark.parametrize("behaviour", LOST.values(), ids=LOST)
async def test_a_lost_answer_is_unknown_never_failed(wire: Wire, behaviour: Behaviour, moves_money: bool) -> None:
    async with serving(behaviour) as server:
        conversation = await talk(wire, server, moves_money=moves_money)

        assert isinstance(conversation.outcome, Unknown)
        assert conversation.journal[-1].verdict in ("unknown", "unreadable")
        assert conversation.journal[-1].why
        assert conversation.money_sent is moves_money
        assert server.connections == 1


async def test_a_server_that_closes_before_reading_leaves_the_outcome_unknown_once_a_byte_was_handed_over(
    wire: Wire,
) -> None:
    async with serving(_fin_at_once) as server:
        conversation = await talk(wire, server)

        assert isinstance(conversation.outcome, Unknown)


async def test_a_complete_answer_followed_by_a_reset_is_an_answer(wire: Wire) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await read_request(reader, server)
        writer.write(answer())
        await writer.drain()
        await asyncio.sleep(0.05)
        reset(writer)

    async with serving(behave) as server:
        conversation = await talk(wire, server)

        assert isinstance(conversation.outcome, Reply)


@pytest.mark.parametrize("moves_money", [True, False])
async def test_garbage_after_the_body_is_not_read_as_the_next_answer(wire: Wire, moves_money: bool) -> None:
    forged = answer(b'{"resultCode":"999"}')
    async with serving(says(answer() + forged)) as server:
        first = await talk(wire, server, moves_money=moves_money)
        second = await talk(wire, server, moves_money=moves_money)

        assert isinstance(first.outcome, Reply)
        assert isinstance(second.outcome, Reply)
        assert (first.outcome.body, second.outcome.body) == (JSON, JSON)
        assert server.connections == 2


async def test_bytes_that_arrive_between_two_requests_make_the_connection_unusable(wire: Wire) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await read_request(reader, server)
        writer.write(answer())
        await asyncio.sleep(0.05)
        writer.write(answer(b'{"resultCode":"999"}'))
        await read_request(reader, server)

    async with serving(behave) as server:
        await talk(wire, server, moves_money=False)
        await asyncio.sleep(0.15)
        second = await talk(wire, server, moves_money=False)

        assert isinstance(second.outcome, Reply)
        assert second.outcome.body == JSON
        assert server.connections == 2


async def test_an_answer_without_a_length_ends_with_the_connection(wire: Wire) -> None:
    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        await read_request(reader, server)
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + JSON)
        await writer.drain()
        writer.close()

    async with serving(behave) as server:
        conversation = await talk(wire, server, moves_money=False)

        assert isinstance(conversation.outcome, Reply)
        assert conversation.outcome.body == JSON


async def test_a_redirect_is_not_followed(wire: Wire) -> None:
    async with serving(says(answer())) as elsewhere:
        location = f"Location: {elsewhere.origin}/steal\r\n"
        async with serving(says(answer(b"", status="302 Found", headers=location))) as server:
            conversation = await talk(wire, server)

        assert isinstance(conversation.outcome, Reply)
        assert conversation.outcome.status == 302
        assert elsewhere.connections == 0


async def test_proxies_of_the_environment_are_ignored(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(says(answer())) as proxy, serving(says(answer())) as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        conversation = await talk(wire, server)

        assert isinstance(conversation.outcome, Reply)
        assert (proxy.connections, server.connections) == (0, 1)


async def test_an_answer_the_adapter_cannot_read_is_unknown(wire: Wire) -> None:
    def exchange() -> Generator[Call, Reply, str]:
        reply = yield Call("pay", "POST", f"{server.origin}/pay", form={"amount": "1000"}, moves_money=True)
        return reply.json_fields().text("refNo")

    async with serving(says(answer(b"<html>502</html>", status="502 Bad Gateway"))) as server:
        conversation = await wire.converse(
            exchange(), hosts=server.hosts, deadline_seconds=2, committed_at=wire._clock(), loopback_allowed=True
        )

        assert conversation.outcome == Unknown("Unreadable: The gateway answered with HTTP status 502.")
        assert [(line.verdict, line.status) for line in conversation.journal] == [("unreadable", 502)]
        assert conversation.money_sent


async def test_an_adapter_that_cannot_even_ask_leaves_no_line(wire: Wire) -> None:
    def exchange() -> Generator[Call, Reply, str]:
        raise Unreadable("The stored reference is missing.")
        yield

    conversation = await wire.converse(exchange(), hosts=frozenset(), deadline_seconds=2)

    assert isinstance(conversation.outcome, Unknown)
    assert (conversation.journal, conversation.money_sent) == ((), False)


def two_calls(first: str, second: str, *, first_moves_money: bool) -> Generator[Call, Reply, str]:
    yield Call("first", "POST", f"{first}/a", form={}, moves_money=first_moves_money)
    yield Call("second", "POST", f"{second}/b", form={}, moves_money=True)
    return "done"


@pytest.mark.parametrize(("first_moves_money", "expected"), [(True, Unknown), (False, NotSent)])
async def test_a_refused_second_call_is_not_sent_only_if_the_first_moved_no_money(
    wire: Wire, first_moves_money: bool, expected: type
) -> None:
    async with serving(says(answer())) as server:
        refused = f"http://127.0.0.1:{free_port()}"
        conversation = await wire.converse(
            two_calls(server.origin, refused, first_moves_money=first_moves_money),
            hosts=frozenset({server.origin, refused}),
            deadline_seconds=2,
            committed_at=wire._clock(),
            loopback_allowed=True,
        )

        assert isinstance(conversation.outcome, expected)
        assert [line.verdict for line in conversation.journal] == ["answered", "not_sent"]
        assert conversation.money_sent is first_moves_money


@pytest.mark.parametrize("skipped_seconds", [6.0, -6.0])
async def test_an_intent_committed_long_ago_or_in_another_life_is_not_sent(
    wire: Wire, clock: BootClock, skipped_seconds: float
) -> None:
    async with serving(says(answer())) as server:
        committed_at = clock()
        clock.skipped_seconds = skipped_seconds
        conversation = await wire.converse(
            asks(server.origin, moves_money=True),
            hosts=server.hosts,
            deadline_seconds=2,
            committed_at=committed_at,
            loopback_allowed=True,
        )

        assert isinstance(conversation.outcome, NotSent)
        await asyncio.sleep(0.05)
        assert server.requests == []


async def test_a_call_that_moves_money_needs_an_intent(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        conversation = await wire.converse(
            asks(server.origin, moves_money=True), hosts=server.hosts, deadline_seconds=2, loopback_allowed=True
        )

        assert isinstance(conversation.outcome, NotSent)
        assert server.requests == []


async def test_a_call_that_moves_no_money_needs_none_and_may_be_late(wire: Wire, clock: BootClock) -> None:
    async with serving(says(answer())) as server:
        clock.skipped_seconds = 600
        conversation = await wire.converse(
            asks(server.origin, moves_money=False),
            hosts=server.hosts,
            deadline_seconds=2,
            committed_at=0.0,
            loopback_allowed=True,
        )

        assert isinstance(conversation.outcome, Reply)


async def test_a_further_call_that_moves_money_leaves_by_an_intent_of_its_own(wire: Wire, clock: BootClock) -> None:
    async with serving(says(answer())) as server:
        asked: list[int] = []

        async def renew() -> float:
            asked.append(len(server.requests))
            clock.skipped_seconds = 600  # the first answer was long in coming
            return clock()

        conversation = await wire.converse(
            two_calls(server.origin, server.origin, first_moves_money=True),
            hosts=server.hosts,
            deadline_seconds=2,
            committed_at=wire._clock(),
            renew=renew,
            loopback_allowed=True,
        )

        assert conversation.outcome == "done"
        assert (asked, len(server.requests)) == ([1], 2), "asked once, between the two"


async def lost() -> None:
    """Somebody else has it now."""


@pytest.mark.parametrize("renew", [None, lost])
async def test_without_a_new_intent_the_further_call_is_not_sent_and_the_first_is_not_forgotten(
    wire: Wire, renew: Renew | None
) -> None:
    async with serving(says(answer())) as server:
        conversation = await wire.converse(
            two_calls(server.origin, server.origin, first_moves_money=True),
            hosts=server.hosts,
            deadline_seconds=2,
            committed_at=wire._clock(),
            renew=renew,
            loopback_allowed=True,
        )

        assert isinstance(conversation.outcome, Unknown)
        assert [line.verdict for line in conversation.journal] == ["answered", "not_sent"]
        assert len(server.requests) == 1


async def test_a_header_that_http_does_not_allow_is_not_sent(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        conversation = await talk(wire, server, headers={"X-Ref": "a\r\nX-Evil: b"})

        assert isinstance(conversation.outcome, NotSent)
        assert server.requests == []


async def test_a_bug_in_an_adapter_is_not_taken_for_an_outcome(wire: Wire) -> None:
    def exchange() -> Generator[Call, Reply, str]:
        yield Call("ask", "GET", f"{server.origin}/x")
        raise KeyError("refNo")

    async with serving(says(answer())) as server:
        with pytest.raises(KeyError):
            await wire.converse(exchange(), hosts=server.hosts, deadline_seconds=5, loopback_allowed=True)


@pytest.mark.parametrize(("prepares", "expected"), [(True, NotSent), (False, Unknown)])
async def test_where_the_answer_to_a_mere_preparation_is_lost_nothing_was_asked_for(
    wire: Wire, prepares: bool, expected: type
) -> None:
    def exchange() -> Generator[Call, Reply, str]:
        yield Call("auth", "POST", f"{server.origin}/auth", form={}, prepares=prepares)
        yield Call("pay", "POST", f"{server.origin}/pay", form={}, moves_money=True)
        return "done"

    async with serving(_reset_after_request) as server:
        conversation = await wire.converse(
            exchange(), hosts=server.hosts, deadline_seconds=2, committed_at=wire._clock(), loopback_allowed=True
        )

        assert isinstance(conversation.outcome, expected)
        assert [line.verdict for line in conversation.journal] == ["unknown"]
        assert not conversation.money_sent
