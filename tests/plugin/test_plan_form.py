"""A recurring plan registered by a clerk: asked for once, and the page on which its customer agrees is shown."""

import html
import re
from datetime import date, timedelta
from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge
from tests.plugin.test_billing_page import PLAN, known, look_up

REGISTER = "POST /v1/plans"
AGREE = "https://pay.example/agree?a=1&b=2"
WAITING = PLAN | {"state": "waiting", "window_url": AGREE, "allowed": ["end"]}
ENDS = (date.today() + timedelta(days=300)).isoformat()
TYPED = {
    "title": "월 회원권",
    "amount": "33000",
    "rhythm": "month:90",
    "ends": ENDS,
    "name": "김하늘",
    "phone": "010-2345-6789",
}


@pytest.fixture(autouse=True)
def offered(bridge: StubBridge) -> None:
    """A gateway of the site has plans of its own."""
    known(bridge, [], [])
    payapp = {"gateway": "payapp", "title": "페이앱", "minimum": 1000}
    bridge.scripted["GET /v1/codes/services"] = (200, {"items": [{"code": "plans", "gateways": [payapp]}]})


def form(shop: Shop, **typed: str) -> dict[str, str]:
    return next(one for one in forms_on(look_up(shop, "t-owner")) if one["action"] == "pay_bridge_plan") | TYPED | typed


def test_a_plan_is_registered_once_and_its_page_is_there_to_be_sent(shop: Shop, bridge: StubBridge) -> None:
    bridge.scripted[REGISTER] = (201, WAITING)
    fields = form(shop)
    known(bridge, [], [WAITING])
    answers = [submit(shop, fields), submit(shop, fields)]

    for answer in answers:
        kind, words = outcome(shop, answer)
        assert (kind, "고객이 동의하면 시작돼요" in words) == ("success", True)
    page = html.unescape(shop.as_("clerk").get(answers[0].headers["location"]).text)
    assert f'readonly size="40" value="{AGREE}"' in page
    assert "mailto:t-owner%40shop.example?subject=" in page
    sent = bridge.asked("POST", "/v1/plans")
    assert len({(one.headers["Idempotency-Key"], one.body) for one in sent}) == 1, "two clicks are one plan"
    asked = sent[0].json
    assert re.fullmatch(r"plan-[0-9a-f]{24}", asked.pop("order_ref"))
    owner = f"wp:{shop.ids['owner']}"
    assert asked == {
        "customer": owner,
        "title": "월 회원권",
        "amount": 33_000,
        "buyer": {"id": owner, "name": "김하늘", "email": "t-owner@shop.example", "phone": "01023456789"},
        "cycle": "month",
        "day": 90,
        "ends": ENDS,
        "result_url": f"{shop.stand.url}/",
        "actor": f"wp:{shop.ids['clerk']}",
        "gateway": "payapp",
    }


def test_a_plan_is_called_what_the_clerk_called_it(shop: Shop, bridge: StubBridge) -> None:
    bridge.scripted[REGISTER] = (201, WAITING)
    submit(shop, form(shop, title="어린이 & 회원권"))
    ref = bridge.asked("POST", "/v1/plans")[0].json["order_ref"]
    known(bridge, [], [WAITING | {"order_ref": ref}, PLAN])
    page = look_up(shop, "t-owner")

    assert f"<strong>어린이 &amp; 회원권</strong> · {ref} · 33,000원" in page
    assert "<strong>CLUB-1</strong> · 33,000원" in page


def test_the_news_of_its_rounds_find_their_order(shop: Shop, bridge: StubBridge) -> None:
    bridge.scripted[REGISTER] = (201, WAITING)
    submit(shop, form(shop))
    ref = bridge.asked("POST", "/v1/plans")[0].json["order_ref"]
    second, dearer = bridge.add(f"{ref}-2", "paid", 33_000), bridge.add(f"{ref}-3", "paid", 34_000)

    assert shop.news(second, 1).json()["code"] == "applied"
    assert shop.news(dearer, 1).json()["code"] == "amount_mismatch"
    assert shop.told({"ref": f"{ref}-2"}) == [["paid", second["id"], 0]]


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (202, PLAN | {"state": "registering"}, "info", "정기결제: 등록하고 있어요"),
        (
            503,
            {"code": "gateway_unavailable", "gateway_message": "판매자 <권한>이 없습니다", "message_ko": "안 돼요."},
            "error",
            "판매자 <권한>이 없습니다",
        ),
        (422, {"code": "amount_refused", "message_ko": "1,000원부터예요."}, "error", "1,000원부터예요."),
        (0, None, "info", "달라진 것이 없을 때만"),
    ],
)
def test_a_no_and_a_silence_are_said_as_they_are(
    shop: Shop, bridge: StubBridge, status: int, body: Any, kind: str, words: str
) -> None:
    bridge.scripted[REGISTER] = (status, body)
    told = outcome(shop, submit(shop, form(shop)))

    assert told[0] == kind
    assert words in told[1]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_wpnonce": "0123456789"}, 403),
        ({"subject": "wp:1"}, 403),
        ({"key": "short"}, 400),
        ({"title": ""}, 400),
        ({"amount": "0"}, 400),
        ({"rhythm": "month:32"}, 400),
        ({"ends": "2020-01-01"}, 400),
        ({"ends": "2099-02-31"}, 400),
        ({"phone": ""}, 400),
        ({"name": ""}, 400),
    ],
)
def test_a_form_that_says_too_little_or_was_tampered_with_registers_nothing(
    shop: Shop, bridge: StubBridge, changes: dict[str, str], status: int
) -> None:
    assert submit(shop, form(shop) | changes).status_code == status
    assert bridge.asked("POST", "/v1/plans") == []


def test_a_page_of_no_web_address_is_no_link(shop: Shop, bridge: StubBridge) -> None:
    known(bridge, [], [WAITING | {"window_url": "javascript:alert(1)"}])
    page = look_up(shop, "t-owner")

    assert "javascript:alert" not in page
    assert "mailto:" not in page


def test_where_no_gateway_has_plans_or_the_person_may_not_there_is_no_form(shop: Shop, bridge: StubBridge) -> None:
    fields = form(shop)
    assert submit(shop, fields, who="editor").status_code == 403
    shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->add_cap('pay_bridge_serve', false);")
    try:
        known(bridge, [], [WAITING])
        page = look_up(shop, "t-owner")
        assert submit(shop, fields).status_code == 403
    finally:
        shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->remove_cap('pay_bridge_serve');")
    assert forms_on(page) == []
    assert "pay.example" not in page, "the page to agree on is a clerk's to send"
    bridge.scripted["GET /v1/codes/services"] = (200, {"items": []})
    assert "pay_bridge_plan" not in look_up(shop, "t-owner")
    assert bridge.asked("POST", "/v1/plans") == []
