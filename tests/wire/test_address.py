"""Where requests may go, and every way we know of writing another place."""

import asyncio

import pytest
from wire_servers import answer, asks, says, serving

from bridge.domain.gateway import NotSent
from bridge.wire import pool
from bridge.wire.address import Barred, is_public, permit, read_address, without_query
from bridge.wire.converse import Wire

HOSTS = frozenset({"https://api.gateway.example", "https://relay.gateway.example:8443"})


@pytest.mark.parametrize(
    ("url", "origin", "target", "authority"),
    [
        ("https://api.gateway.example", "https://api.gateway.example:443", "/", "api.gateway.example"),
        ("https://API.gateway.example:443/v1", "https://api.gateway.example:443", "/v1", "api.gateway.example"),
        ("https://api.gateway.example?a=1", "https://api.gateway.example:443", "/?a=1", "api.gateway.example"),
        (
            "https://relay.gateway.example:8443/v1?a=b@c",
            "https://relay.gateway.example:8443",
            "/v1?a=b@c",
            "relay.gateway.example:8443",
        ),
    ],
)
def test_a_configured_host_is_permitted(url: str, origin: str, target: str, authority: str) -> None:
    address = permit(url, HOSTS, loopback_allowed=False)

    assert (address.origin, address.target, address.authority) == (origin, target, authority)
    assert address.public_only


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        "https://api.gateway.example.evil.example/",
        "https://evil-api.gateway.example/",
        "https://api.gateway.example:444/",
        "https://relay.gateway.example/",
        "http://api.gateway.example/",
        "https://user@api.gateway.example/",
        "https://user:pw@api.gateway.example/",
        "https://api.gateway.example@evil.example/",
        "https://api.gateway.example:443@evil.example/",
        "https://evil.example\\@api.gateway.example/",
        "https://evil.example#@api.gateway.example/",
        "https://api.gateway.example#x",
        "https://api.gateway.example/v1#x",
        "https://api.gateway.example\\.evil.example/",
        "https://api.gateway.example /",
        " https://api.gateway.example/",
        "https://api.gateway.example/\r\nHost: evil.example",
        "https://api.gateway.example/a\tb",
        "https://api.gateway.example/한글",
        "https://api。gateway。example/",
        "https://api.gateway.example:0/",
        "https://api.gateway.example:99999/",
        "https://api.gateway.example:44x/",
        "https:/api.gateway.example/",
        "https:api.gateway.example/",
        "//api.gateway.example/",
        "/v1/payment/pay",
        "",
        "ftp://api.gateway.example/",
        "file:///etc/passwd",
        "https://[::1]:443/",
        "https://%61pi.gateway.example/",
        "https://api.gateway.example%2f@evil.example/",
    ],
)
def test_every_other_place_is_barred(url: str) -> None:
    with pytest.raises(Barred):
        permit(url, HOSTS, loopback_allowed=False)


def test_a_live_site_speaks_https_only() -> None:
    url = "http://api.gateway.example/"
    with pytest.raises(Barred, match="https"):
        permit(url, frozenset({url}), loopback_allowed=False)

    assert permit(url, frozenset({url}), loopback_allowed=True).port == 80


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "8.8.8.8", "[::1]", "[2001:db8::1]",
     "localhost", "LOCALHOST", "localhost.", "shop.localhost", "10.0.0.1.", "a.0x", "[::ffff:8.8.8.8]"],
)  # fmt: skip
def test_a_live_site_has_names_not_numbers_and_never_itself(host: str) -> None:
    url = f"https://{host}/"
    with pytest.raises(Barred):
        permit(url, frozenset({url}), loopback_allowed=False)

    assert permit(url, frozenset({url}), loopback_allowed=True).public_only is False


@pytest.mark.parametrize(
    ("ip", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("", False),
        ("somewhere", False),
    ],
)
def test_only_the_open_internet_is_public(ip: str, public: bool) -> None:
    assert is_public(ip) is public


def test_the_journal_sees_no_query_and_no_user() -> None:
    assert without_query("https://u:p@api.gateway.example/v1/x?token=1#f") == "https://api.gateway.example/v1/x"


def test_a_bare_host_and_its_default_port_are_the_same_origin() -> None:
    with_port = frozenset({"https://api.gateway.example:443"})

    assert permit("https://api.gateway.example/", with_port, loopback_allowed=False)
    assert read_address("https://[2001:DB8::1]:8443/", loopback_allowed=True).dialled_host == "2001:db8::1"


async def test_nothing_is_sent_to_a_host_that_is_not_configured(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        conversation = await wire.converse(
            asks(server.origin, moves_money=False), hosts=HOSTS, deadline_seconds=1, loopback_allowed=True
        )

        assert isinstance(conversation.outcome, NotSent)
        assert conversation.journal[0].verdict == "not_sent"
        assert server.connections == 0


async def test_a_public_name_that_leads_to_this_machine_gets_no_request(wire: Wire, authority, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    async with serving(says(answer()), tls=authority.server_context("pay.gateway.example")) as server:
        port = int(server.origin.rpartition(":")[2])
        loop = asyncio.get_running_loop()
        connect = loop.create_connection
        origin = f"https://pay.gateway.example:{port}"

        class Rebound:
            """The event loop of a machine whose resolver was made to answer 127.0.0.1."""

            def create_connection(self, new, host, port, **more):  # type: ignore[no-untyped-def]
                return connect(new, "127.0.0.1", port, **more)

        monkeypatch.setattr(pool.asyncio, "get_running_loop", Rebound)
        address = permit(f"{origin}/pay", frozenset({origin}), loopback_allowed=False)
        with pytest.raises(pool.ConnectFailed, match="not public"):
            await wire._pool.open(address, 2.0)
        monkeypatch.undo()
        await asyncio.sleep(0.05)

        assert server.requests == []
        assert not wire._pool._open
