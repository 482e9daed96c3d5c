"""A card told by telephone: wp-admin makes a page of the payment service for an order of the shop."""

import re
from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge

PAGE = "/wp-admin/admin.php?page=pay-bridge"
OPEN = "POST /v1/payments"
CARD_PAGE = "https://pay.example/checkout/abc.def.ghi/card"
MAINPAY = {
    **{"gateway": "mainpay", "title": "메인페이", "minimum": 1},
    **{"instalments_from": 50_000, "instalment_months_max": 24},
}
READY = "카드를 입력하는 화면이 준비됐어요. 몇 분 동안, 카드 한 장만 입력할 수 있어요."


@pytest.fixture
def office(shop: Shop, bridge: StubBridge) -> Shop:
    """A shop whose gateway takes typed cards."""
    bridge.scripted["GET /v1/codes/services"] = (200, {"items": [{"code": "card_entry", "gateways": [MAINPAY]}]})
    return shop


def form(shop: Shop, order: str) -> dict[str, str]:
    (fields,) = forms_on(shop.as_("clerk").get(PAGE).text)
    return fields | {"order": order}


def made(bridge: StubBridge, order: dict[str, Any]) -> dict[str, Any]:
    """A payment whose card is to be typed."""
    payment = bridge.add(order["ref"], "open", order["amount"])
    payment["window_url"] = CARD_PAGE
    bridge.scripted[OPEN] = (201, payment)
    return payment


def test_a_clerk_gets_a_page_for_an_order_and_what_came_of_it(office: Shop, bridge: StubBridge) -> None:
    order = office.order()
    payment = made(bridge, order)
    sent = submit(office, form(office, order["ref"]))
    assert outcome(office, sent) == ("info", READY)
    page = office.as_("clerk").get(sent.headers["location"]).text
    asked = [one.json for one in bridge.asked("POST", "/v1/payments")]

    assert re.search(rf'data-card-page href="{re.escape(CARD_PAGE)}" target="_blank" rel="noopener noreferrer"', page)
    assert len(asked) == 1
    assert (asked[0]["card_entry"], asked[0]["actor"]) == (True, f"wp:{office.ids['clerk']}")
    assert asked[0]["instalment_months"] == 0, "in one sum, where nothing is chosen"
    assert (asked[0]["order"]["ref"], asked[0]["order"]["amount"]) == (order["ref"], 30000)
    payment |= {"state": "paid", "captured": 30000, "version": 9}
    assert outcome(office, sent) == ("success", f"전화 주문 {order['ref']}, 30,000원: 결제 완료")
    assert "data-card-page" not in office.as_("clerk").get(sent.headers["location"]).text
    payment |= {"state": "declined", "captured": 0, "message": "한도를 넘었어요", "version": 10}
    kind, words = outcome(office, sent)
    assert kind == "error"
    assert words.endswith("한도를 넘었어요")


def test_an_order_that_is_paid_or_not_there_gets_no_page(office: Shop, bridge: StubBridge) -> None:
    made(bridge, office.order())
    for order in (office.order(state="paid")["ref"], "nobody", ""):
        assert outcome(office, submit(office, form(office, order)))[0] == "error"
    assert bridge.asked("POST", "/v1/payments") == []


def test_a_no_is_word_for_word_and_silence_no_answer(office: Shop, bridge: StubBridge) -> None:
    ref = office.order()["ref"]
    bridge.scripted[OPEN] = (503, {"code": "gateway_unavailable", "message_ko": "결제사가 지금 답하지 않아요."})
    assert outcome(office, submit(office, form(office, ref))) == ("error", "결제사가 지금 답하지 않아요.")
    for silence in ((0, None), (502, {})):  # a proxy's page is no answer of the bridge
        bridge.scripted[OPEN] = silence
        assert outcome(office, submit(office, form(office, ref)))[0] == "info"


def test_there_is_no_field_for_a_card_and_no_form_where_typed_cards_are_off(shop: Shop, bridge: StubBridge) -> None:
    bridge.scripted["GET /v1/codes/services"] = (200, {"items": [{"code": "card_entry", "gateways": [MAINPAY]}]})
    page = shop.as_("clerk").get(PAGE).text
    deed = page.partition('data-deed="telephone"')[2].partition("</details>")[0]
    bridge.scripted["GET /v1/codes/services"] = (200, {"items": []})

    assert re.findall(r'<input type="text" name="([^"]*)"', deed) == ["order"]
    assert 'data-deed="telephone"' not in shop.as_("clerk").get(PAGE).text


def months_on(page: str) -> list[str]:
    """The months that the form offers."""
    return re.findall(r'<option value="(\d+)">', page.partition('<select name="months">')[2].partition("</select>")[0])


def test_a_clerk_chooses_the_months_that_the_gateways_take(office: Shop, bridge: StubBridge) -> None:
    page = office.as_("clerk").get(PAGE).text
    assert "할부 (50,000원부터)" in page
    assert months_on(page) == ["0", *map(str, range(2, 25))]
    order = office.order(amount=50_000, items=[])
    made(bridge, order)
    assert outcome(office, submit(office, form(office, order["ref"]) | {"months": "3"})) == ("info", READY)
    assert [one.json["instalment_months"] for one in bridge.asked("POST", "/v1/payments")] == [3]


def test_an_order_too_small_for_instalments_is_refused_in_the_bridges_words(office: Shop, bridge: StubBridge) -> None:
    bridge.scripted[OPEN] = (422, {"code": "amount_refused", "message_ko": "할부는 50,000원부터 할 수 있어요."})
    sent = submit(office, form(office, office.order(amount=49_999, items=[])["ref"]) | {"months": "3"})
    assert outcome(office, sent) == ("error", "할부는 50,000원부터 할 수 있어요.")


def test_no_months_are_offered_where_no_gateway_says_that_it_takes_any(shop: Shop, bridge: StubBridge) -> None:
    silent = {name: MAINPAY[name] for name in ("gateway", "title", "minimum")}
    bridge.scripted["GET /v1/codes/services"] = (200, {"items": [{"code": "card_entry", "gateways": [silent]}]})
    page = shop.as_("clerk").get(PAGE).text
    assert 'data-deed="telephone"' in page
    assert months_on(page) == []


def test_who_may_not_serve_sees_no_form_and_may_send_none(office: Shop, bridge: StubBridge) -> None:
    order = office.order()
    made(bridge, order)
    fields = form(office, order["ref"])
    assert submit(office, fields, who="editor").status_code == 403
    assert submit(office, fields | {"_wpnonce": "0123456789"}).status_code == 403
    assert bridge.asked("POST", "/v1/payments") == []
