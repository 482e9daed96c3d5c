"""Our own page on which a card is typed that pays an order: a clerk's telephone order, charged like any payment."""

import asyncio

import pytest

from bridge.domain.failures import Busy, Reconciling
from bridge.flows.manage_sites import change_settings
from bridge.web import card_pages
from tests.flows.test_card_page import NUMBER, SHOP, alert, look, send
from tests.support.world import PUBLIC_URL


@pytest.fixture
async def paged(world):
    """A site that takes typed cards."""
    await world.pair_teller("TypedCardsInMonths", card_entry="on")
    return world


async def ask(world, order=None, once="", **more):
    body = {"order": order or world.order(), "card_entry": True, "actor": "wp:7"} | more
    return await world.call("POST", "/v1/payments", body, key=once)


async def opened(world, order=None, **more):
    asked = await ask(world, order, **more)
    assert asked.status_code == 201, asked.text
    return asked.json()


async def test_a_clerk_types_a_card_that_pays_and_the_shop_is_told(paged):
    world = paged
    payment = await opened(world)
    page = await look(world, payment["window_url"])

    assert payment["window_url"].startswith(f"{PUBLIC_URL}/checkout/")
    assert payment["window_url"].endswith("/card")
    assert (payment["state"], payment["method"], world.teller.calls) == ("open", "card", {})
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    assert "<dd>55,000원</dd>" in page.text
    assert f"form-action 'self' {SHOP};" in page.headers["content-security-policy"]
    done = await send(world, payment["window_url"])
    await world.quiet()
    assert done.status_code == 303
    assert done.headers["location"].startswith(f"{SHOP}/result?order=1&pay_bridge={payment['id']}")
    assert await world.state(payment["id"]) == "paid"
    assert [said["card"] for op, said in world.teller.asked if op == "key_in"] == [NUMBER]
    assert world.teller.of((await world.payment(payment["id"])).merchant_ref).net == 55_000
    await world.beat()
    assert "payment.paid" in await world.told(payment["id"])
    again = await look(world, payment["window_url"])
    assert again.headers["location"] == done.headers["location"], "the address is of no more use"
    events = await world.all("SELECT event, actor FROM audit WHERE payment = ? ORDER BY seq", payment["id"])
    assert {"event": "window.opened", "actor": "wp:7"} in events
    for table in ("payments", "operations", "calls", "audit", "news", "answers"):
        assert NUMBER not in str(await world.all(f"SELECT * FROM {table}"))


async def test_a_card_that_is_sent_to_restored_books_is_not_said_to_have_paid_nothing(paged, monkeypatch):
    """The lost time may have charged it."""
    world = paged
    payment = await opened(world)

    async def restored(*_):
        raise Reconciling("The books were restored.")

    monkeypatch.setattr(card_pages, "look", restored)
    page, sent = await look(world, payment["window_url"]), await send(world, payment["window_url"])

    assert "결제 창을 열지 못했어요" in page.text
    assert "다시 결제하지 마세요" in sent.text
    assert "결제하지 못했어요" not in sent.text


async def test_a_card_that_is_sent_twice_is_charged_once(paged):
    world = paged
    payment = await opened(world)
    both = await asyncio.gather(*(send(world, payment["window_url"]) for _ in range(2)))
    later = await send(world, payment["window_url"])

    assert len({answer.headers["location"] for answer in (*both, later)}) == 1
    assert world.teller.calls["key_in"] == 1


async def test_the_same_request_gives_the_same_page_and_an_order_that_is_paid_none(paged):
    world = paged
    order, once = world.order(), "ab" * 16
    first, again = await ask(world, order, once), await ask(world, order, once)
    await send(world, first.json()["window_url"])
    taken = await ask(world, order)

    assert again.content == first.content
    assert (taken.status_code, taken.json()["code"]) == (409, "order_taken")
    assert len(await world.all("SELECT id FROM payments")) == 1


async def test_a_card_that_is_refused_leads_to_where_it_can_be_tried_again(paged):
    world = paged
    payment = await opened(world)
    world.teller.fail("key_in", "declined")
    no = await send(world, payment["window_url"])
    again = await send(world, payment["window_url"])

    assert no.headers["location"].startswith(f"{SHOP}/order?order=1")
    assert "pay_bridge_result=declined" in no.headers["location"]
    assert again.headers["location"] == no.headers["location"]
    assert world.teller.calls["key_in"] == 1, "another card needs another address"
    assert (await world.payment(payment["id"])).message == "그렇게 안 돼요"


async def test_while_nobody_knows_the_page_waits(paged):
    world = paged
    payment = await opened(world)
    world.teller.fail("key_in", "lost_after")
    world.teller.always["undo"] = "odd"
    sent = await send(world, payment["window_url"])
    page = await look(world, sent.headers["location"])

    assert sent.headers["location"].startswith(f"{PUBLIC_URL}/r/")
    assert "다시 결제하지 마세요" in page.text
    del world.teller.always["undo"]
    await world.live(30)
    assert await world.state(payment["id"]) == "voided"


async def test_a_field_that_cannot_be_right_is_said_and_nothing_is_charged(paged):
    world = paged
    payment = await opened(world)
    no = await send(world, payment["window_url"], number="12")
    assert no.status_code == 422
    assert "카드번호를 숫자" in no.text
    assert world.teller.calls == {}


@pytest.mark.parametrize(
    ("settings", "more", "status", "code"),
    [
        ({}, {}, 503, "gateway_unavailable"),
        ({"card_entry": "on"}, {"method": "phone"}, 400, "malformed"),
        ({"card_entry": "on"}, {"actor": "operator:1"}, 400, "malformed"),
        ({"card_entry": "on"}, {"instalment_months": 24}, 422, "amount_refused"),
    ],
)
async def test_a_page_that_could_not_pay_is_refused_before_it_is_opened(world, settings, more, status, code):
    await world.pair_teller("TypedCardsInMonths", **settings)
    no = await ask(world, **more)
    assert (no.status_code, no.json()["code"]) == (status, code)
    assert await world.all("SELECT id FROM payments") == []


async def test_the_months_that_were_asked_for_are_charged(paged):
    world = paged
    payment = await opened(world, instalment_months=3)
    assert "<dt>할부</dt><dd>3개월</dd>" in (await look(world, payment["window_url"])).text
    await send(world, payment["window_url"])
    assert (await world.payment(payment["id"])).instalment_months == 3
    assert await world.state(payment["id"]) == "paid"


async def test_typed_cards_that_were_switched_off_meanwhile_are_refused_in_words(paged):
    world = paged
    payment = await opened(world)
    await change_settings(world.context, url=SHOP, settings={"teller": {"card_entry": "off"}})
    for answer in (await look(world, payment["window_url"]), await send(world, payment["window_url"])):
        assert answer.status_code == 503
        assert "카드번호를 직접 입력받지 않아요" in answer.text
    assert world.teller.calls == {}


async def test_a_page_whose_time_is_over_or_whose_order_is_paid_otherwise_takes_no_card(paged):
    world = paged
    order = world.order()
    payment = await opened(world, order)
    other = await world.checkout(order)
    await world.return_from_teller(other)
    await world.quiet()
    for answer in (await look(world, payment["window_url"]), await send(world, payment["window_url"])):
        assert answer.headers["location"].startswith(f"{SHOP}/result")
    late = await opened(world)
    await world.clock.forward(901)
    for answer in (await look(world, late["window_url"]), await send(world, late["window_url"])):
        assert answer.headers["location"].startswith(f"{SHOP}/order")
    assert world.teller.calls["key_in"] == 0


async def test_seats_that_are_gone_are_not_charged(paged):
    world = paged
    world.shop.fence = lambda _: {"hold": False, "reason": "sold", "message_ko": "다른 분이 예매했어요."}
    payment = await opened(world, world.order(hold_expires_at=world.hold(5)))
    no = await send(world, payment["window_url"])
    assert "pay_bridge_result=declined" in no.headers["location"]
    assert world.teller.calls["key_in"] == 0


async def test_books_that_cannot_take_the_intent_leave_the_page_as_it_was(paged, monkeypatch):
    world = paged
    payment = await opened(world)
    monkeypatch.setattr(world.context.ledger, "refusal", lambda: "The disk is full.")
    no = await send(world, payment["window_url"])
    monkeypatch.undo()

    assert (no.status_code, world.teller.calls) == (503, {})
    assert "아무것도 진행되지 않았으니" in alert(no)
    assert await world.state(payment["id"]) == "open"


@pytest.mark.parametrize("when", ["before it is sent", "after it was sent"])
async def test_nobody_is_told_that_a_card_did_not_pay_while_the_books_cannot_be_read(paged, monkeypatch, when):
    world = paged
    payment = await opened(world)
    read = world.context.ledger.read

    async def broken(work):
        if when.startswith("before") or world.teller.calls["key_in"]:
            raise Busy("for a moment")
        return await read(work)

    monkeypatch.setattr(world.context.ledger, "read", broken)
    page = await send(world, payment["window_url"])
    monkeypatch.undo()
    sent = int(when.startswith("after"))

    assert (page.status_code, world.teller.calls["key_in"]) == (503, sent)
    assert "다시 결제하지 마세요" in page.text
    assert not any(words in page.text for words in ("결제하지 못했어요", "진행되지 않았으니", NUMBER, "4111-1111"))
    again = await look(world, page.headers["refresh"].removeprefix("5; url="))
    await world.quiet()
    assert (again.status_code, await world.state(payment["id"])) == ((303, "paid") if sent else (200, "open"))
    assert world.teller.calls["key_in"] == sent


@pytest.mark.parametrize("token", ["abc", "a.b.c"])
async def test_an_address_that_is_not_ours_shows_no_form(paged, token):
    world = paged
    for answer in (await look(world, f"/checkout/{token}/card"), await send(world, f"/checkout/{token}/card")):
        assert (answer.status_code, "<form" in answer.text) == (400, False)


async def test_a_form_of_another_site_charges_nothing(paged):
    world = paged
    payment = await opened(world)
    no = await send(world, payment["window_url"], headers={"sec-fetch-site": "cross-site"})
    assert (no.status_code, world.teller.calls) == (400, {})


async def test_a_window_that_a_gateway_opens_shows_no_form(world):
    await world.pair_teller("TypedCardsUndone", card_entry="on")
    window = await world.checkout()
    payment = await opened(world)
    token = payment["window_url"].split("/")[-2]
    other = token.replace(payment["id"], window.payment)
    assert (await look(world, f"/checkout/{other}/card")).status_code == 400, "its token is not to be made up"
    script = await look(world, payment["window_url"].removesuffix("/card") + "/window")
    assert script.headers["location"].startswith(f"{SHOP}/order")


async def test_the_default_gateway_is_paid_on_it(world):
    world.site = await world.pair(url="http://club.test", card_entry="on")
    payment = await opened(world)
    await send(world, payment["window_url"], number="4000056655665556")
    await world.quiet()
    paid = await world.payment(payment["id"])
    assert (paid.state, paid.gateway, world.book(paid).captured) == ("paid", "mainpay", 55_000)
    await world.check_books()
