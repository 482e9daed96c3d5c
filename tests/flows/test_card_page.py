"""Our own page on which a card is typed for a billing key, where its gateway has no window: answers and limits."""

import asyncio
import html
import re

import pytest

from bridge.domain.failures import Busy
from bridge.flows.billing_keys import TRIES_MAX
from bridge.flows.choose_gateway import REST_SECONDS
from bridge.flows.manage_sites import change_settings
from bridge.web.card_pages import CARDS_PER_ADDRESS, FORM_BYTES_MAX
from tests.flows.test_billing import ask, charge, show
from tests.support.teller import Teller
from tests.support.world import PUBLIC_URL

NUMBER = "4111111111111111"
FORM = {"number": "4111-1111 1111-1111", "month": "12", "year": "30", "holder": "900101", "password": "12"}
ON = {"card_entry": "on", "keys": "phone"}
SHOP = "http://teller-shop.test"
OTHER = "http://other.test"


@pytest.fixture
async def paged(world):
    """A site that takes typed cards, whose gateway registers cards by them alone."""
    await world.pair_teller("TypedCardsUndone", **ON)
    return world


async def opened(world, **wish):
    asked = await ask(world, **wish)
    assert asked.status_code == 201, asked.text
    return asked.json()


async def look(world, url):
    async with world.client() as client:
        return await client.get(url)


async def send(world, url, address="203.0.113.9", headers=None, **fields):
    async with world.client(address) as client:
        return await client.post(url, data={"tries": "0"} | FORM | fields, headers=headers)


def alert(page):
    """What the page says first, as a person reads it."""
    found = re.search(r'role="alert">(.*?)</p>', page.text, re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "", found[1])) if found else ""


async def refs(world):
    return [said["ref"] for op, said in world.teller.asked if op == "key_issue"]


async def test_a_gateway_without_a_window_for_cards_is_given_a_page_of_ours(paged):
    world = paged
    key = await opened(world)
    page = await look(world, key["window_url"])

    assert key["window_url"].startswith(f"{PUBLIC_URL}/k/")
    assert key["window_url"].endswith("/card")
    assert (page.status_code, key["state"]) == (200, "open")
    assert world.teller.calls == {}, "nothing is asked before a card is typed"
    policy = page.headers["content-security-policy"]
    assert f"form-action 'self' {SHOP};" in policy
    assert "unsafe-inline" not in policy
    assert "script-src 'self';" in policy
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "same-origin")
    assert "<script" not in page.text
    for name, given in (
        ("number", "cc-number"),
        ("month", "cc-exp-month"),
        ("year", "cc-exp-year"),
        ("password", "off"),
    ):
        (field,) = re.findall(rf'<input id="{name}"[^>]*>', page.text)
        assert f'autocomplete="{given}"' in field
        assert 'inputmode="numeric"' in field
        assert f'<label for="{name}">' in page.text
        assert "value=" not in field
    assert "정기 후원" in page.text


async def test_a_typed_card_is_registered_and_leads_back_to_the_shop_and_once(paged):
    world = paged
    key = await opened(world)
    done = await send(world, key["window_url"])

    assert done.status_code == 303
    assert done.headers["location"] == f"{SHOP}/my-cards?pay_bridge_key={key['id']}&pay_bridge_result=active"
    shown = (await show(world, key["id"])).json()
    assert (shown["state"], shown["card"]["last4"], "window_url" in shown) == ("active", "1234", False)
    assert [said["card"] for op, said in world.teller.asked if op == "key_issue"] == [NUMBER]
    assert (await charge(world, key["id"])).json()["state"] == "paid"
    for answer in (await look(world, key["window_url"]), await send(world, key["window_url"])):
        assert answer.headers["location"] == done.headers["location"], "the address is of no more use"
    assert world.teller.calls["key_issue"] == 1


async def test_a_no_is_shown_in_the_gateways_own_words_and_another_card_may_be_typed(paged):
    world = paged
    key = await opened(world)
    world.teller.fail("key_issue", "12")
    no = await send(world, key["window_url"])
    page = await look(world, no.headers["location"])

    assert no.headers["location"] == key["window_url"]
    assert alert(page).startswith("그렇게 안 돼요")
    assert "4번 더 시도할 수 있어요" in alert(page)
    assert "1111" not in page.text
    assert 'name="tries" value="1"' in page.text
    assert (await show(world, key["id"])).json()["state"] == "open"
    done = await send(world, key["window_url"], tries="1")
    assert "pay_bridge_result=active" in done.headers["location"]
    first, second = await refs(world)
    assert first != second, "a number that was refused is not asked for again"


async def test_nobody_tries_out_cards_on_it(paged):
    world = paged
    key = await opened(world)
    world.teller.always["key_issue"] = "12"
    for tries in range(TRIES_MAX):
        answer = await send(world, key["window_url"], tries=str(tries))

    assert "pay_bridge_result=refused" in answer.headers["location"]
    assert (await show(world, key["id"])).json()["message"] == "그렇게 안 돼요"
    await send(world, key["window_url"], tries=str(TRIES_MAX))
    await send(world, key["window_url"], tries=str(TRIES_MAX - 1))
    assert world.teller.calls["key_issue"] == TRIES_MAX


async def test_one_address_types_so_many_cards_an_hour_and_another_is_not_held_up(paged):
    world = paged
    world.teller.always["key_issue"] = "12"
    for _ in range(CARDS_PER_ADDRESS // TRIES_MAX):
        key = await opened(world)
        for tries in range(TRIES_MAX):
            await send(world, key["window_url"], tries=str(tries))
    key = await opened(world)
    no = await send(world, key["window_url"])

    assert (no.status_code, int(no.headers["retry-after"]) > 0) == (429, True)
    assert alert(no) == "요청이 너무 많아요. 잠시 뒤 다시 시도해 주세요."
    assert world.teller.calls["key_issue"] == CARDS_PER_ADDRESS
    assert NUMBER not in no.text
    await send(world, key["window_url"], address="203.0.113.10")
    assert world.teller.calls["key_issue"] == CARDS_PER_ADDRESS + 1


@pytest.mark.parametrize("ending", ["", "12"])
async def test_the_same_form_sent_again_is_the_same_try(paged, ending):
    world = paged
    key = await opened(world)
    world.teller.fail("key_issue", ending)
    both = await asyncio.gather(*(send(world, key["window_url"]) for _ in range(2)))
    await world.quiet()
    later = await send(world, key["window_url"])

    assert world.teller.calls["key_issue"] == 1
    there = key["window_url"] if ending else f"{SHOP}/my-cards?pay_bridge_key={key['id']}&pay_bridge_result=active"
    assert later.headers["location"] == there
    # On a slow machine one of the two waits for the other's answer longer than a page waits, and is led to it again.
    assert {answer.headers["location"] for answer in both} <= {there, key["window_url"]}


@pytest.mark.parametrize("tries", ["", "-1", "7", "x", "１"])
async def test_a_form_that_does_not_say_which_try_it_is_sends_nothing(paged, tries):
    world = paged
    key = await opened(world)
    assert (await send(world, key["window_url"], tries=tries)).headers["location"] == key["window_url"]
    assert world.teller.calls == {}


async def test_while_the_answer_is_awaited_the_page_waits_and_says_so(paged):
    world = paged
    key = await opened(world)
    world.teller.fail("key_issue", "hangs")
    sent = await send(world, key["window_url"])
    page = await look(world, sent.headers["location"])

    assert sent.headers["location"] == key["window_url"]
    assert (page.status_code, page.headers["refresh"]) == (200, f"3; url={key['window_url']}")
    assert "다시 등록하지 마세요" in page.text
    assert "못했" not in page.text


@pytest.mark.parametrize("when", ["before it is sent", "after it was sent"])
async def test_nobody_is_told_that_a_card_is_not_registered_while_the_books_cannot_be_read(paged, monkeypatch, when):
    world = paged
    key = await opened(world)
    read = world.context.ledger.read

    async def broken(work):
        if when.startswith("before") or world.teller.calls["key_issue"]:
            raise Busy("for a moment")
        return await read(work)

    monkeypatch.setattr(world.context.ledger, "read", broken)
    page = await send(world, key["window_url"])
    monkeypatch.undo()
    sent = int(when.startswith("after"))

    assert (page.status_code, world.teller.calls["key_issue"]) == (503, sent)
    assert "다시 등록하지 마세요" in page.text
    assert not any(words in page.text for words in ("등록하지 못했어요", "진행되지 않았으니", NUMBER, "4111-1111"))
    again = await look(world, page.headers["refresh"].removeprefix("5; url="))
    await world.quiet()
    state = (await show(world, key["id"])).json()["state"]
    assert (again.status_code, state) == ((303, "active") if sent else (200, "open"))


async def test_a_lost_answer_leaves_no_key_and_the_shop_is_told(paged):
    world = paged
    key = await opened(world)
    world.teller.fail("key_issue", "lost_after")
    lost = await send(world, key["window_url"])

    assert "pay_bridge_result=lost" in lost.headers["location"]
    assert (await show(world, key["id"])).json()["state"] == "lost"


async def test_what_was_not_sent_is_said_to_be_so_and_may_be_typed_again(paged):
    world = paged
    key = await opened(world)
    world.net.down.add("http://teller.test:80")
    await send(world, key["window_url"])
    page = await look(world, key["window_url"])
    world.net.down.clear()

    assert "아무것도 등록되지 않았어요" in alert(page)
    assert "pay_bridge_result=active" in (await send(world, key["window_url"], tries="1")).headers["location"]


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("number", "4111x", "카드번호를 숫자 13~19자리로"),
        ("month", "13", "월을 01에서"),
        ("year", "19", "유효기간이 지난 카드예요"),
        ("holder", "", "생년월일 6자리나"),
        ("password", "1", "앞 두 자리를"),
    ],
)
async def test_a_field_that_cannot_be_right_is_said_and_nothing_typed_comes_back(world, field, typed, said):
    await world.pair_teller("TypedCardsOfOwner", **ON)
    key = await opened(world)
    form = FORM | {"number": "5200 8282-82828210", "holder": "4108162510", "password": "65"}
    no = await send(world, key["window_url"], **form | {field: typed})

    assert no.status_code == 422
    assert said in no.text.partition(f'id="{field}-wrong"')[2].partition("</p>")[0]
    assert f'aria-describedby="{field}-wrong" autofocus' in no.text
    assert not any(secret in no.text for secret in ("5200", "8210", "4108162510", 'value="65"', "4111x"))
    assert world.teller.calls == {}
    assert no.headers["cache-control"] == "no-store"


async def test_a_gateway_that_asks_for_no_owner_is_told_none(world):
    await world.pair_teller("TypedCardsOfKnown", **ON)
    page = await look(world, (await opened(world))["window_url"])
    assert 'name="holder"' not in page.text
    assert 'name="password"' not in page.text


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.test"}]
)
async def test_a_form_of_another_site_is_refused(paged, headers):
    world = paged
    key = await opened(world)
    no = await send(world, key["window_url"], headers=headers)

    assert (no.status_code, world.teller.calls) == (400, {})
    assert NUMBER not in no.text
    kept = await send(world, key["window_url"], headers={"origin": PUBLIC_URL})
    assert "pay_bridge_result=active" in kept.headers["location"]


async def test_a_form_that_is_too_large_or_no_form_is_refused(paged):
    world = paged
    key = await opened(world)
    large = await send(world, key["window_url"], more="x" * FORM_BYTES_MAX)
    async with world.client() as client:
        odd = await client.post(key["window_url"], json=FORM)

    assert (large.status_code, odd.status_code, world.teller.calls) == (413, 415, {})


@pytest.mark.parametrize("token", ["abc", "a.b.c"])
async def test_an_address_that_is_not_ours_shows_no_form(paged, token):
    world = paged
    for answer in (await look(world, f"/k/{token}/card"), await send(world, f"/k/{token}/card")):
        assert answer.status_code == 400
        assert "<form" not in answer.text


async def test_a_page_whose_time_is_over_takes_no_card(paged):
    world = paged
    key = await opened(world)
    await world.clock.forward(901)
    assert (await send(world, key["window_url"])).headers["location"] == key["window_url"]
    assert "pay_bridge_result=open" in (await look(world, key["window_url"])).headers["location"]
    assert world.teller.calls == {}


async def test_a_card_that_is_typed_in_the_last_second_is_too_late_where_the_books_say_so(paged, monkeypatch):
    world = paged
    key = await opened(world)
    read = world.context.ledger.write

    async def slowly(work):
        await world.clock.forward(901)
        return await read(work)

    monkeypatch.setattr(world.context.ledger, "write", slowly)
    late = await send(world, key["window_url"])
    assert "pay_bridge_result=expired" in late.headers["location"]
    assert world.teller.calls == {}


async def test_typed_cards_that_were_switched_off_meanwhile_are_refused_in_words(paged):
    world = paged
    key = await opened(world)
    await change_settings(world.context, url=SHOP, settings={"teller": {"card_entry": "off"}})
    for answer in (await look(world, key["window_url"]), await send(world, key["window_url"])):
        assert answer.status_code == 503
        assert "카드번호를 직접 입력받지 않아요" in answer.text
        assert "<form" not in answer.text

    no = await ask(world)
    assert (no.status_code, no.json()["code"]) == (503, "gateway_unavailable")
    assert "Of teller a card can be typed on a page of ours once `card_entry` is on" in no.json()["detail"]
    assert world.teller.calls == {}


async def test_nobody_comes_back_from_our_own_page(paged):
    world = paged
    key = await opened(world)
    address = key["window_url"].removesuffix("/card")
    async with world.client() as client:
        back = await client.post(address, data={"number": "x", "result": "ok"})
        left = await client.get(f"{address}/close")

    assert back.status_code == 400
    assert left.headers["location"].endswith("pay_bridge_result=open")
    assert ((await show(world, key["id"])).json()["state"], world.teller.calls) == ("open", {})


async def test_a_gateway_that_is_down_is_said_to_be_and_costs_no_try(paged):
    world = paged
    key = await opened(world)
    world.let_rest("teller")
    no = await send(world, key["window_url"])

    assert (no.status_code, no.headers["retry-after"]) == (503, f"{REST_SECONDS:.0f}")
    assert alert(no) == "결제사가 지금 답하지 않아요. 돈은 빠져나가지 않았어요. 30초 뒤에 다시 시도해 주세요."
    await world.clock.forward(REST_SECONDS)
    assert "pay_bridge_result=active" in (await send(world, key["window_url"])).headers["location"]
    assert world.context.breakers._failed == {}, "and its answer is heard"


# ---- which gateway: a window before a page


async def pair_two(world, first, second):
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    await world.pair_tellers(teller=first, teller_b=second | {"at": OTHER})


async def test_a_window_is_opened_before_a_page_and_a_page_where_the_window_is_silent(world):
    await pair_two(world, {"kind": "TypedCardsUndone"} | ON, {"kind": "BillingUndone"})
    window = await opened(world)
    named = await opened(world, gateway="teller")
    world.net.down.add(f"{OTHER}:80")
    page = await opened(world)

    assert [one["gateway"] for one in (window, named, page)] == ["teller_b", "teller", "teller"]
    assert not window["window_url"].endswith("/card")
    assert named["window_url"].endswith("/card")
    assert page["window_url"].endswith("/card")


async def test_a_page_is_shown_for_no_gateway_that_needs_more_of_the_buyer_than_it_asks(world):
    nobody = {"name": "홍길동"}
    await pair_two(world, {"kind": "TypedCardsOfKnown"} | ON, {"kind": "TypedCardsUndone"} | ON)
    other = await opened(world, buyer=nobody)
    no = await ask(world, buyer=nobody, gateway="teller")

    assert other["gateway"] == "teller_b"
    assert (no.status_code, no.json()["message_ko"]) == (400, "전화번호가 필요해요.")


async def test_a_page_charges_nothing_and_registers_no_phone(paged):
    world = paged
    order = await ask(world, order=world.order())
    phone = await opened(world, method="phone", order=world.order())

    assert (order.status_code, order.json()["code"]) == (400, "malformed")
    assert "charge the key after" in order.json()["detail"]
    assert not phone["window_url"].endswith("/card")


async def test_who_registers_cards_on_our_page_is_listed_for_the_shop(paged):
    world = paged
    on = (await world.call("GET", "/v1/codes/services")).json()["items"]
    await change_settings(world.context, url=SHOP, settings={"teller": {"card_entry": "off"}})
    off = (await world.call("GET", "/v1/codes/services")).json()["items"]

    assert [item["code"] for item in on] == ["card_keys", "phone_keys", "card_entry"]
    assert [item["code"] for item in off] == ["phone_keys"]


async def test_in_how_many_months_a_typed_card_may_pay_is_listed_for_the_shop(world):
    await world.pair_teller("TypedCardsInMonths", url="http://months.test", card_entry="on")
    months = (await world.call("GET", "/v1/codes/services")).json()["items"]
    await world.pair_teller("TypedCardsUndone", url="http://sums.test", card_entry="on")
    sums = (await world.call("GET", "/v1/codes/services")).json()["items"]

    (taken,) = next(item["gateways"] for item in months if item["code"] == "card_entry")
    (whole,) = next(item["gateways"] for item in sums if item["code"] == "card_entry")
    assert (taken["instalments_from"], taken["instalment_months_max"]) == (50_000, 12)
    assert not {"instalments_from", "instalment_months_max"} & set(whole)


async def test_the_default_gateway_registers_a_card_on_it(world):
    world.site = await world.pair(url="http://club.test", card_entry="on")
    key = await opened(world)
    page = await look(world, key["window_url"])
    done = await send(world, key["window_url"], number="4000056655665556")

    assert key["gateway"] == "mainpay"
    assert "생년월일 6자리 또는 사업자등록번호 (선택)" in page.text
    assert "pay_bridge_result=active" in done.headers["location"]
    assert (await show(world, key["id"])).json()["card"]["number"] == "400005******5556"
    assert (await charge(world, key["id"])).json()["state"] == "paid"
    for table in ("billing_keys", "calls", "audit", "news", "answers"):
        assert "4000056655665556" not in str(await world.all(f"SELECT * FROM {table}"))


async def test_a_page_that_is_opened_while_the_books_cannot_be_read_does_not_say_that_anything_was_begun(
    paged, monkeypatch
):
    world = paged
    key = await opened(world)

    async def busy(work):
        raise Busy("for a moment")

    monkeypatch.setattr(world.context.ledger, "read", busy)
    page, sent = await look(world, key["window_url"]), await send(world, key["window_url"])

    assert (page.status_code, page.headers["refresh"].partition(";")[0]) == (503, "5")
    assert "화면을 열고 있어요" in page.text
    assert "등록하고 있어요" not in page.text
    assert "등록하고 있어요" in sent.text, "a card may have left"
