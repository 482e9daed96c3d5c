"""A registered card charged by a clerk: checked once more, charged once, told as it is; for an order or for words."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge
from tests.plugin.test_billing_page import KEY, PAGE, known, look_up

PHONE_KEY = KEY | {"id": "k_phone", "method": "phone", "amount": 9_900, "card": {}}
CHARGE = "POST /v1/billing-keys/k_0123456789/charges"
TYPED = {"amount": "33000", "title": "월 회원권", "name": "김하늘", "phone": "010-2345-6789"}


@pytest.fixture(autouse=True)
def registered(shop: Shop, bridge: StubBridge) -> None:
    """The customer has a card."""
    known(bridge, [KEY], [])
    bridge.scripted["GET /v1/billing-keys/k_0123456789"] = (200, KEY)


def first_step(page: str) -> dict[str, str]:
    """The fields of the form that moves no money yet, with what stands in them."""
    (form,) = re.findall(r'data-deed="charge">.*?<form[^>]*>(.*?)</form>', page, re.S)
    found = re.findall(r'<input type="(?:hidden|text)"[^>]*? name="([^"]+)"(?: value="([^"]*)")?', form)
    return {name: html.unescape(value) for name, value in found}


def check_once_more(shop: Shop, **typed: str) -> str:
    fields = first_step(look_up(shop, "t-owner")) | TYPED | typed
    return shop.as_("clerk").post(PAGE, data=fields).text


def confirmed(shop: Shop, **typed: str) -> dict[str, str]:
    """The form of the second step."""
    (fields,) = forms_on(check_once_more(shop, **typed))
    return fields


def when(seconds: int) -> str:
    """So many seconds from now, as the bridge writes times."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bridge_buyer(shop: Shop, ref: str) -> str:
    """The name of an order's buyer, as the bridge is told it."""
    return shop.stand.run_php(f"echo PayBridge\\Order::find('{ref}', 'checkout', 0)->for_bridge()['buyer']['name'];")


def paid(bridge: StubBridge, state: str = "paid", **more: Any) -> dict[str, Any]:
    return bridge.add("charge-1", state, 33_000, **more)


def test_who_pays_how_much_is_said_before_the_button_and_no_money_moves_yet(shop: Shop, bridge: StubBridge) -> None:
    begun = first_step(look_up(shop, "t-owner"))
    assert begun["name"] == "t-owner", "what the site knows of the customer stands there already"
    page = html.unescape(check_once_more(shop))

    assert f"김하늘 (wp:{shop.ids['owner']})" in page
    assert "비씨카드 123456******7890" in page
    assert "김하늘 님에게서 33,000원을 바로 결제해요." in page
    assert ">33,000원 청구하기</button>" in page
    assert ">청구하지 않기</button>" in page
    assert bridge.asked("POST", ".*/charges") == []


def test_two_clicks_are_one_charge_whose_payment_is_linked_to(shop: Shop, bridge: StubBridge) -> None:
    payment = paid(bridge)
    bridge.scripted[CHARGE] = (201, payment)
    fields = confirmed(shop)
    answers = [submit(shop, fields), submit(shop, fields)]

    assert {outcome(shop, answer) for answer in answers} == {("success", "33,000원 청구: 결제 완료")}
    assert f"payment={payment['id']}" in shop.as_("clerk").get(answers[0].headers["location"]).text
    sent = bridge.asked("POST", ".*/charges")
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 1
    assert len({one.body for one in sent}) == 1, "the same wish has the same reference"
    asked = sent[0].json
    owner = f"wp:{shop.ids['owner']}"
    assert (asked["customer"], asked["actor"]) == (owner, f"wp:{shop.ids['clerk']}")
    assert re.fullmatch(r"charge-[0-9a-f]{24}", asked["order"]["ref"])
    assert (asked["order"]["amount"], asked["order"]["title"]) == (33_000, "월 회원권")
    buyer = {"id": owner, "name": "김하늘", "email": "t-owner@shop.example", "phone": "01023456789"}
    assert asked["order"]["buyer"] == buyer
    assert "wp:" not in answers[0].headers["location"]


def months_on(page: str) -> list[str]:
    """The months that the form offers."""
    return re.findall(r'<option value="(\d+)">', page.partition('<select name="months">')[2].partition("</select>")[0])


def test_a_clerk_chooses_the_months_that_the_cards_gateway_takes(shop: Shop, bridge: StubBridge) -> None:
    assert months_on(look_up(shop, "t-owner")) == [], "its gateway says of none"
    known(bridge, [KEY | {"instalments_from": 50_000, "instalment_months_max": 12}], [])
    page = look_up(shop, "t-owner")
    assert "할부 (50,000원부터)" in page
    assert months_on(page) == ["0", *map(str, range(2, 13))]
    bridge.scripted[CHARGE] = (201, bridge.add("charge-1", "paid", 60_000))

    assert '<th scope="row">할부</th><td>3개월</td>' in check_once_more(shop, amount="60000", months="3")
    assert outcome(shop, submit(shop, confirmed(shop, amount="60000", months="3")))[0] == "success"
    assert '<th scope="row">할부</th>' not in check_once_more(shop, months="0")
    assert outcome(shop, submit(shop, confirmed(shop, months="0")))[0] == "success"
    assert [one.json["instalment_months"] for one in bridge.asked("POST", ".*/charges")] == [3, 0]


def test_the_news_of_such_a_payment_find_their_order_and_those_of_another_amount_do_not(
    shop: Shop, bridge: StubBridge
) -> None:
    bridge.scripted[CHARGE] = (202, {"code": "busy"})
    submit(shop, confirmed(shop))
    ref = bridge.asked("POST", ".*/charges")[0].json["order"]["ref"]
    right, wrong = bridge.add(ref, "paid", 33_000), bridge.add(ref, "paid", 32_000)

    assert shop.news(wrong, 1).json()["code"] == "amount_mismatch"
    assert shop.news(right, 1).json()["code"] == "applied"
    assert shop.told({"ref": ref}) == [["paid", right["id"], 0]]
    assert shop.ajax("visitor", "pay_bridge_token", {"order": ref}).json()["success"] is False, "it is for no window"
    found = shop.stand.run_php(f"echo wp_json_encode(PayBridge\\Own_Orders::find('{ref}-1'));")
    assert found == "null", "only a plan has rounds"


@pytest.mark.parametrize(
    ("status", "state", "more", "kind", "words"),
    [
        (201, "declined", {"message": "한도 <초과>예요"}, "error", "거절됨 – 한도 <초과>예요"),
        (202, "unknown", {}, "info", "다시 청구하지 마세요"),
        (202, "approving", {}, "info", "다시 청구하지 마세요"),
        (201, "open", {}, "error", "보내지 못해 빠져나간 돈이 없어요. 다시 청구해도 돼요."),
        (201, "needs_human", {}, "warning", "다시 청구하지 마세요"),
        (201, "voided", {}, "error", "33,000원 청구"),
    ],
)
def test_an_outcome_is_told_as_it_is(
    shop: Shop, bridge: StubBridge, status: int, state: str, more: dict[str, str], kind: str, words: str
) -> None:
    bridge.scripted[CHARGE] = (status, paid(bridge, state, **more))
    told = outcome(shop, submit(shop, confirmed(shop)))

    assert told[0] == kind
    assert words in told[1]


def test_a_refusal_is_the_bridges_own_sentence(shop: Shop, bridge: StubBridge) -> None:
    words = "페이플에서는 1,000원부터 결제할 수 있어요."
    bridge.scripted[CHARGE] = (422, {"code": "amount_too_small", "detail": "No less.", "message_ko": words})

    assert outcome(shop, submit(shop, confirmed(shop, amount="10"))) == ("error", words)


@pytest.mark.parametrize(
    "answer",
    [
        (0, None),
        (503, {"code": "outcome_unread", "detail": "It may have been sent."}),
        (500, {"code": "internal", "detail": "Something went wrong here; it was written down."}),
        (502, "the page of a proxy, whose bridge was stopped meanwhile"),
        (200, "half an answer"),
    ],
)
def test_an_answer_that_says_nothing_is_looked_up_and_else_not_known(
    shop: Shop, bridge: StubBridge, answer: tuple[int, Any]
) -> None:
    bridge.scripted[CHARGE] = answer
    fields = confirmed(shop)
    silent = outcome(shop, submit(shop, fields))
    bridge.add(f"charge-{fields['key'][:24]}", "approving", 33_000, created_at=when(5))
    found = outcome(shop, submit(shop, fields))

    assert (silent[0], f"charge-{fields['key'][:24]}" in silent[1]) == ("info", True)
    assert found == ("info", "33,000원 청구: 승인 중. 다시 청구하지 마세요.")


@pytest.mark.parametrize(
    ("state", "more", "kind", "words"),
    [
        ("paid", {}, "success", "33,000원 청구: 결제 완료"),
        ("declined", {"message": "잔액이 <부족>해요"}, "error", "33,000원 청구: 거절됨 – 잔액이 <부족>해요"),
    ],
)
def test_a_charge_under_way_is_told_again_by_what_became_of_it(
    shop: Shop, bridge: StubBridge, state: str, more: dict[str, str], kind: str, words: str
) -> None:
    payment = paid(bridge, "unknown")
    bridge.scripted[CHARGE] = (202, payment)
    answer = submit(shop, confirmed(shop))
    first = outcome(shop, answer)
    page = html.unescape(shop.as_("clerk").get(answer.headers["location"]).text)
    payment.update({"state": state, "version": payment.get("version", 0) + 1} | more)

    assert (first[0], "다시 청구하지 마세요" in first[1]) == ("info", True)
    assert f'href="{shop.stand.url}{answer.headers["location"].removeprefix(shop.stand.url)}">다시 보기' in page
    assert outcome(shop, answer) == (kind, words)
    bridge.scripted[f"GET /v1/payments/{payment['id']}"] = (503, {"code": "busy"})
    assert outcome(shop, answer) == first, "while nobody says more, what was told stands"


@pytest.mark.parametrize(
    "other",
    [
        {"state": "declined", "method": "phone", "made": 5},
        {"state": "paid", "method": "card", "made": -600},
        {"state": "open", "method": "card", "made": 5},
    ],
)
def test_a_lost_answer_is_not_answered_with_another_payment_of_the_order(
    shop: Shop, bridge: StubBridge, other: dict[str, Any]
) -> None:
    order = shop.order(amount=33_000)
    fields = confirmed(shop, order=order["ref"])
    bridge.add(order["ref"], other["state"], 33_000, method=other["method"], created_at=when(other["made"]))
    bridge.scripted[CHARGE] = (0, None)
    told = outcome(shop, submit(shop, fields))

    assert (told[0], order["ref"] in told[1], "목록" in told[1]) == ("info", True, True), told
    bridge.add(order["ref"], "paid", 33_000, created_at=when(6))
    assert outcome(shop, submit(shop, fields)) == ("success", "33,000원 청구: 결제 완료")


def test_whose_card_pays_is_not_called_by_the_name_of_the_orders_buyer(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order(amount=33_000)
    page = html.unescape(check_once_more(shop, order=order["ref"], title=""))
    buyer = bridge_buyer(shop, order["ref"])

    assert buyer != "t-owner"
    assert f'<th scope="row">고객</th><td>t-owner (wp:{shop.ids["owner"]})</td>' in page
    assert f'<th scope="row">구매자</th><td>{buyer}</td>' in page
    assert "t-owner 님에게서 33,000원을 바로 결제해요." in page
    assert f"{buyer} 님에게서" not in page


def test_an_order_of_the_shop_is_charged_at_its_own_price_for_its_own_customer(shop: Shop, bridge: StubBridge) -> None:
    order, foreign = shop.order(amount=33_000), shop.order(amount=33_000, owner=shop.ids["stranger"])
    closed = shop.order(amount=33_000, state="paid")
    wrong = {
        "이 주문의 금액은 33,000원이에요.": {"order": order["ref"], "amount": "1000"},
        "다른 고객의 주문이에요.": {"order": foreign["ref"]},
        "이미 결제한 주문이에요.": {"order": closed["ref"]},
        "주문을 찾을 수 없어요.": {"order": "0" * 32},
        "무엇의 대금인지": {"title": ""},
        "쉼표 없이": {"amount": "33,000"},
        "고객 이름": {"name": ""},
        "전화번호를": {"phone": "1234-5678-9"},
    }
    for words, typed in wrong.items():
        page = check_once_more(shop, **typed)
        assert words in page, typed
        assert forms_on(page) == [], typed
    bridge.scripted[CHARGE] = (201, paid(bridge))
    fields = confirmed(shop, order=order["ref"], title="")
    submit(shop, fields)

    asked = bridge.asked("POST", ".*/charges")[0].json["order"]
    assert (asked["ref"], asked["title"], asked["buyer"]["phone"]) == (order["ref"], order["title"], "01000000000")
    assert submit(shop, fields | {"order": foreign["ref"]}).status_code == 400
    assert submit(shop, fields | {"amount": "1"}).status_code == 400


def test_a_phones_key_is_charged_the_amount_it_was_issued_for(shop: Shop, bridge: StubBridge) -> None:
    known(bridge, [PHONE_KEY], [])
    page = look_up(shop, "t-owner")

    assert first_step(page)["amount"] == "9900"
    assert re.search(r'name="amount" value="9900"[^>]* readonly', page)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_wpnonce": "0123456789"}, 403),
        ({"subject": "wp:1"}, 403),
        ({"subject": ""}, 403),
        ({"key": "short"}, 400),
        ({"id": "../../payments"}, 400),
        ({"amount": "-1"}, 400),
    ],
)
def test_a_form_that_was_tampered_with_charges_nothing(
    shop: Shop, bridge: StubBridge, changes: dict[str, str], status: int
) -> None:
    fields = confirmed(shop)

    assert submit(shop, fields | changes).status_code == status
    assert bridge.asked("POST", ".*/charges") == []


def test_a_key_that_is_gone_is_not_offered_for_confirmation(shop: Shop, bridge: StubBridge) -> None:
    bridge.scripted["GET /v1/billing-keys/k_0123456789"] = (404, {"code": "not_found", "message_ko": "찾을 수 없어요."})
    page = check_once_more(shop)

    assert "찾을 수 없어요." in page
    assert forms_on(page) == []


def test_who_may_not_serve_sees_no_button_and_may_press_none(shop: Shop, bridge: StubBridge) -> None:
    begun, fields = first_step(look_up(shop, "t-owner")) | TYPED, confirmed(shop)
    assert submit(shop, fields, who="editor").status_code == 403
    shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->add_cap('pay_bridge_serve', false);")
    try:
        page = look_up(shop, "t-owner")
        again = shop.as_("clerk").post(PAGE, data=begun).text
        assert submit(shop, fields).status_code == 403
    finally:
        shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->remove_cap('pay_bridge_serve');")

    assert 'data-deed="charge"' not in page
    assert forms_on(again) == []
    assert bridge.asked("POST", ".*/charges") == []
