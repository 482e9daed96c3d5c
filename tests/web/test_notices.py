"""The gateways' way in: sizes and types at the unguessable address; acknowledged only after the commit."""

import pytest

from bridge.domain.failures import Busy
from bridge.flows.manage_sites import list_sites
from tests.flows.test_notices import card


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"cmd=0" + b"x" * 300_000, {}, 413, "too_large"),
        (b"x" * (2 * 1024 * 1024), {}, 413, "too_large"),
        (b"cmd=0", {"content-encoding": "gzip"}, 415, "unsupported_body"),
        (b"cmd=0", {"content-encoding": "deflate"}, 415, "unsupported_body"),
        (b"\x1f\x8b\x08\x00", {}, 400, "malformed"),
        (b"<xml/>", {"content-type": "text/xml"}, 400, "unreadable"),
        (b"--x\r\n", {"content-type": "multipart/form-data; boundary=x"}, 400, "unreadable"),
    ],
)
async def test_what_is_too_large_or_packed_is_refused(world, content, headers, status, code):
    kind = {"content-type": "application/x-www-form-urlencoded"}
    async with world.client(world.notice_address) as client:
        answer = await client.post(world.notice_path(), content=content, headers=kind | headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await world.all("SELECT id FROM notices") == []


async def test_what_could_not_be_kept_is_not_acknowledged(world, monkeypatch):
    """No 200 before the commit: the gateway sends it again."""
    payment = await world.buy()
    kept = await world.all("SELECT id FROM notices")

    async def full(work):
        raise Busy("The ledger could not commit; nothing was written. Try again in a moment.")

    monkeypatch.setattr(world.context.ledger, "write", full)
    answer = await world.post_notice(card(world, payment, "1", refNo="1120SA009999"))
    monkeypatch.undo()

    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert "0000" not in answer.text
    assert await world.all("SELECT id FROM notices") == kept


async def test_a_notice_of_a_gateway_the_site_has_not_is_refused(world):
    token = world.context.tokens.make("notice", world.site.id, "payapp", "noti").rpartition(".")[2]
    async with world.client(world.notice_address) as client:
        answer = await client.post(f"/n/{world.site.id}/payapp/noti/{token}", data={"x": "1"})

    assert (answer.status_code, answer.json()["code"]) == (503, "gateway_unavailable")


async def test_a_notice_for_a_site_that_is_not_there_is_refused(world):
    token = world.context.tokens.make("notice", "gone", "mainpay", "noti").rpartition(".")[2]
    async with world.client(world.notice_address) as client:
        answer = await client.post(f"/n/gone/mainpay/noti/{token}", data={"x": "1"})

    assert answer.status_code == 404


async def test_the_address_to_type_into_the_console_is_the_one_that_is_served(world):
    (site,) = list_sites(world.context)
    (told,) = site["notice_urls"]
    payment = await world.buy()
    async with world.client(world.notice_address) as client:
        answer = await client.post(told["url"], data=card(world, payment))

    assert answer.json()["resultCode"] == "0000"
    assert "secret" not in str(site)
