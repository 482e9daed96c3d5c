"""What card begins with some digits: asked below the list of payments, where a gateway of the site knows."""

from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge

PAGE = "/wp-admin/admin.php?page=pay-bridge"
ASK = "POST /v1/card-kinds"
WELCOME = {"gateway": "welcome", "title": "웰컴페이먼츠", "minimum": 1000}


def offered(bridge: StubBridge, *gateways: dict[str, Any], code: str = "card_kinds") -> None:
    bridge.scripted["GET /v1/codes/services"] = (200, {"items": [{"code": code, "gateways": list(gateways)}]})


def form(shop: Shop, prefix: str = "411111") -> dict[str, str]:
    (fields,) = forms_on(shop.as_("clerk").get(PAGE).text)
    return fields | {"prefix": prefix}


def test_whose_card_it_is_and_of_what_kind_is_told(shop: Shop, bridge: StubBridge) -> None:
    offered(bridge, WELCOME)
    bridge.scripted[ASK] = (200, {"issuer": "04", "issuer_name": "현대카드", "kind": "체크카드"})
    told = outcome(shop, submit(shop, form(shop)))
    bridge.scripted[ASK] = (200, {"issuer": "04", "issuer_name": "", "kind": ""})
    nameless = outcome(shop, submit(shop, form(shop, "41111122")))

    assert told == ("success", "411111: 현대카드 · 체크카드")
    assert nameless == ("success", "41111122: 04")
    assert [one.json for one in bridge.asked("POST", "/v1/card-kinds")] == [
        {"prefix": "411111"},
        {"prefix": "41111122"},
    ]


def test_a_no_is_word_for_word_and_silence_no_answer(shop: Shop, bridge: StubBridge) -> None:
    offered(bridge, WELCOME)
    bridge.scripted[ASK] = (404, {"code": "not_found", "message_ko": "그렇게 시작하는 카드를 찾지 못했어요."})
    assert outcome(shop, submit(shop, form(shop))) == ("error", "411111: 그렇게 시작하는 카드를 찾지 못했어요.")
    for silence in ((0, None), (502, {})):  # a proxy's page is no answer of the bridge
        bridge.scripted[ASK] = silence
        assert outcome(shop, submit(shop, form(shop))) == ("info", "411111: 결제 서비스가 응답하지 않았어요.")


@pytest.mark.parametrize("prefix", ["41111", "4111111111111111", "411111'", ""])
def test_a_whole_number_is_never_passed_on(shop: Shop, bridge: StubBridge, prefix: str) -> None:
    offered(bridge, WELCOME)

    assert submit(shop, form(shop, prefix)).status_code == 400
    assert bridge.asked("POST", "/v1/card-kinds") == []


def test_where_no_gateway_knows_there_is_no_form(shop: Shop, bridge: StubBridge) -> None:
    offered(bridge, WELCOME, code="plans")
    assert forms_on(shop.as_("clerk").get(PAGE).text) == []
    bridge.scripted["GET /v1/codes/services"] = (503, {"code": "busy"})
    assert forms_on(shop.as_("clerk").get(PAGE).text) == []


def test_who_may_not_serve_sees_no_form_and_may_send_none(shop: Shop, bridge: StubBridge) -> None:
    offered(bridge, WELCOME)
    fields = form(shop)
    assert submit(shop, fields, who="editor").status_code == 403
    assert submit(shop, fields | {"_wpnonce": "0123456789"}).status_code == 403
    shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->add_cap('pay_bridge_serve', false);")
    try:
        assert forms_on(shop.as_("clerk").get(PAGE).text) == []
        assert submit(shop, fields).status_code == 403
    finally:
        shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->remove_cap('pay_bridge_serve');")
    assert bridge.asked("POST", "/v1/card-kinds") == []
