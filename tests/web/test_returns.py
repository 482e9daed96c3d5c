"""The buyer's way back, and the question how it stands: nothing in it proves anything, and it leads nowhere else."""

import asyncio
import html
import json
from urllib.parse import urlencode

import pytest
from httpx2 import URL

from bridge.domain.failures import Busy
from bridge.domain.machine import State
from bridge.web.landing import RESULTS
from bridge.web.returns import SAYINGS
from tests.support.world import SHOP_URL, Coming, World


async def test_a_forged_return_pays_nothing(any_world):
    """With a success code, an amount, everything a return could say, but without having been to the window."""
    world = any_world
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    token = world.context.tokens.make("return", world.site.id, payment.id)
    forged = {"resultCode": "200", "resultMessage": "성공", "amount": "55000", "mbrRefNo": payment.merchant_ref,
              "refNo": payment.refs.get("refNo", "112000000001"), "authCode": "AUTH" + "0" * 36,
              "aid": payment.refs.get("aid", "aid" + "0" * 37), "authToken": "AUTH" + "0" * 36, "payType": "A",
              "merchantData": payment.merchant_ref}  # fmt: skip
    await world.go(Coming("POST", f"https://pay.test/r/{token}", forged))
    await world.quiet()
    await world.live(30)

    assert world.book(payment).captured == 0
    assert "payment.paid" not in await world.told(payment.id)
    assert await world.entries(payment.id) == []
    await world.check_books()


@pytest.mark.parametrize(
    "fields",
    [{"x": "1"}, {"aid": "aid" + "0" * 37, "authToken": "AUTH" + "0" * 36}, {"refNo": "112000000009", "authCode": "x"},
     {"amount": "1"}, {"aid": "", "authToken": ""}],
    ids=str,
)  # fmt: skip
async def test_a_return_that_is_not_this_windows_moves_nothing_and_keeps_the_window(any_world, fields):
    world = any_world
    opened = await world.checkout()
    token = world.context.tokens.make("return", world.site.id, opened.payment)
    page = await world.go(Coming("POST", f"https://pay.test/r/{token}", fields))
    await world.quiet()

    assert page.status_code == 400
    assert "결제를 확인하지 못했어요" in page.text
    assert "/order?" in page.text
    assert not world.net.calls("/pay")
    assert await world.state(opened.payment) == "open"


async def test_books_that_cannot_be_read_for_a_moment_cost_nobody_the_payment(world, monkeypatch):
    opened = await world.checkout()
    coming = await world.authenticate(opened)

    async def broken(_):
        raise Busy("for a moment")

    monkeypatch.setattr(world.context.ledger, "read", broken)
    page = await world.go(coming)
    monkeypatch.undo()

    assert page.status_code == 503
    assert "다시 결제하지 마세요" in page.text
    assert "주문번호" not in page.text
    again = page.headers["refresh"].removeprefix("5; url=")
    assert html.escape(again) in page.text
    await world.go(Coming("GET", f"https://pay.test{again}", {}))
    assert await world.state(opened.payment) == "paid"


async def test_the_return_of_one_payment_does_not_pay_another(any_world):
    world = any_world
    cheap = await world.checkout(world.order(amount=1_000))
    dear = await world.checkout(world.order(amount=900_000))
    coming = await world.authenticate(cheap)
    token = world.context.tokens.make("return", world.site.id, dear.payment)
    path = coming.url.partition("?")[2]
    page = await world.go(Coming(coming.method, f"https://pay.test/r/{token}?{path}", coming.fields))
    await world.quiet()

    assert page.status_code == 400
    assert await world.state(dear.payment) == "open"
    assert not world.net.calls("/pay")


@pytest.mark.parametrize("purpose", ["status", "close", "notice"])
async def test_a_token_for_one_purpose_is_none_for_another(world, purpose):
    opened = await world.checkout()
    token = world.context.tokens.make(purpose, world.site.id, opened.payment)
    async with world.client() as client:
        answers = {
            path: (await client.get(path)).status_code for path in (f"/r/{token}", f"/r/{token}/close", f"/s/{token}")
        }

    fits = {"status": f"/s/{token}", "close": f"/r/{token}/close"}.get(purpose)
    assert {path for path, status in answers.items() if status != 400} == ({fits} if fits else set())


@pytest.mark.parametrize("token", ["x", "a.b.c", "%00", "..%2f..", "A" * 600, "봄"])
async def test_a_token_that_is_none_is_refused_with_a_page(world, token):
    async with world.client() as client:
        page = await client.get(f"/r/{token}")
        status = await client.get(f"/s/{token}")

    assert page.status_code in (400, 404)
    assert status.status_code in (400, 404)


async def test_asking_for_the_head_alone_approves_nothing(any_world):
    world = any_world
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    async with world.client() as client:
        answer = await client.head(coming.url)
        closed = await client.head(coming.url.partition("?")[0].replace("/r/", "/r/") + "/close")

    assert answer.status_code == 200
    assert closed.status_code in (200, 400)
    assert not world.net.calls("/pay")
    assert (await world.payment(opened.payment)).close_seen_at is None


async def test_a_return_in_cp949_is_read(guide_world):
    world = guide_world
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    fields = {name: value.encode("cp949") for name, value in coming.fields.items()}
    async with world.client() as client:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        page = await client.post(coming.url, content=urlencode(fields).encode(), headers=kind)
    await world.quiet()

    assert page.status_code == 303
    assert await world.state(opened.payment) == "paid"


async def test_a_buyer_who_goes_away_in_the_middle_ends_nothing(world):
    """The connection drops while the gateway is answering; the approval goes on, and the next visit finds it."""
    world.sandbox.latency_seconds["mainpay", "pay"] = 5.0
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    returning.cancel()
    await asyncio.gather(returning, return_exceptions=True)
    await world.clock.forward(6)
    await world.quiet()
    page = await world.go(coming)

    assert await world.state(opened.payment) == "paid"
    assert page.status_code == 303
    assert len(world.net.calls("/pay")) == 1


async def test_a_gateway_that_takes_its_time_gives_a_page_that_asks_again(folder):
    world = World(folder, return_wait_seconds=0.05)
    await world.start()
    world.site = await world.pair()
    world.sandbox.latency_seconds["mainpay", "pay"] = 20.0
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    page = await world.go(coming)

    assert page.status_code == 200
    assert page.headers["refresh"].startswith("3; url=/r/")
    assert "다시 결제하지 마세요" in page.text
    assert "authToken" not in page.headers["refresh"] + page.text
    await world.clock.forward(21)
    await world.quiet()
    async with world.client() as client:
        later = await client.get(page.headers["refresh"].partition("url=")[2])
    assert later.status_code == 303
    assert later.headers["location"].startswith(f"{SHOP_URL}/result?")
    await world.close()


async def test_the_status_says_state_and_where_to_go_and_nothing_personal(world):
    order = world.order()
    opened = await world.checkout(order)
    async with world.client() as client:
        before = await client.get(opened.status_url, headers={"origin": SHOP_URL})
        foreign = await client.get(opened.status_url, headers={"origin": "http://evil.test"})
    await world.come_back(opened)
    after = await world.status(opened)

    assert before.json().keys() == {"state", "message_ko", "result_url"}
    assert before.headers["access-control-allow-origin"] == SHOP_URL
    assert before.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in foreign.headers
    assert (after["state"], after["message_ko"]) == ("paid", "결제했어요.")
    text = json.dumps([before.json(), after], ensure_ascii=False)
    for personal in ("홍길동", "hong@example.com", "55000", "55,000", "1234"):
        assert personal not in text.replace(opened.payment, "")


async def test_the_landing_keeps_the_shops_own_query_and_replaces_ours(world):
    order = world.order(result_url=f"{SHOP_URL}/?p=7&q=%EB%B4%84&pay_bridge=old&pay_bridge_result=paid#top")
    opened = await world.checkout(order)
    page = await world.come_back(opened)
    landed = URL(page.headers["location"])

    assert landed.host == "shop.test"
    assert landed.params["p"] == "7"
    assert landed.params["q"] == "봄"
    assert landed.params.get_list("pay_bridge") == [opened.payment]
    assert "pay_bridge_result" not in landed.params
    assert landed.params["pay_bridge_status"] == opened.status_url.rpartition("/")[2]


def test_every_state_has_its_saying_and_a_way_on():
    assert set(SAYINGS) == set(State)
    unsettled = {State.APPROVING, State.UNKNOWN, State.VOIDING, State.NEEDS_HUMAN}
    for state in unsettled:
        assert "다시 결제하지 마세요" in SAYINGS[state]
        assert state not in RESULTS
    for saying in SAYINGS.values():
        assert "실패" not in saying


async def test_a_closed_window_is_noted_once_however_often_it_is_told(world):
    opened = await world.checkout()
    token = world.context.tokens.make("close", world.site.id, opened.payment)
    async with world.client() as client:
        pages = [await client.get(f"/r/{token}/close") for _ in range(3)]
        posted = await client.post(f"/r/{token}/close", data={"x": "1"})
    shown = (await world.call("GET", f"/v1/payments/{opened.payment}")).json()

    assert {page.status_code for page in [*pages, posted]} == {303}
    assert [one["event"] for one in shown["timeline"]].count("window.closed") == 1
    assert shown["close_seen_at"]


async def test_closing_after_paying_leads_to_the_result(world):
    opened = await world.checkout()
    await world.come_back(opened)
    token = world.context.tokens.make("close", world.site.id, opened.payment)
    async with world.client() as client:
        page = await client.get(f"/r/{token}/close")

    assert page.headers["location"].startswith(f"{SHOP_URL}/result?")
    assert await world.state(opened.payment) == "paid"


async def test_closing_what_has_ended_changes_nothing(world):
    world.fault("pay", "decline", code="2001")
    opened = await world.checkout()
    await world.come_back(opened)
    before = await world.payment(opened.payment)
    token = world.context.tokens.make("close", world.site.id, opened.payment)
    async with world.client() as client:
        page = await client.get(f"/r/{token}/close")

    assert "pay_bridge_result=declined" in page.headers["location"]
    assert await world.payment(opened.payment) == before
