"""A customer's registered cards and plans in wp-admin: found, and changed only as the bridge allows."""

import html
import re
from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge

PAGE = "/wp-admin/admin.php?page=pay-bridge-billing"
KEY = {
    "id": "k_0123456789",
    "state": "active",
    "method": "card",
    "gateway": "payple",
    "card": {"name": "비씨카드", "number": "123456******7890"},
    "allowed": ["charge", "delete"],
}
PLAN = {
    "id": "l_0123456789",
    "state": "active",
    "order_ref": "CLUB-1",
    "amount": 33_000,
    "cycle": "month",
    "ends": "2027-12-31",
    "rounds": 2,
    "gateway": "payapp",
    "gateway_title": "페이앱",
    "allowed": ["stop", "end"],
}


def known(bridge: StubBridge, keys: list[dict[str, Any]], plans: list[dict[str, Any]]) -> None:
    """What the bridge says of any customer."""
    bridge.scripted["GET /v1/billing-keys"] = (200, {"items": keys, "next_cursor": None})
    bridge.scripted["GET /v1/plans"] = (200, {"items": plans, "next_cursor": None})


def look_up(shop: Shop, customer: str, who: str = "clerk") -> str:
    """Type a customer and press the button."""
    page = shop.as_(who).get(PAGE).text
    nonce = re.search(r'name="_pay_bridge_customer" value="([0-9a-f]+)"', page)
    assert nonce
    return shop.as_(who).post(PAGE, data={"_pay_bridge_customer": nonce[1], "customer": customer}).text


def form_of(page: str, deed: str) -> dict[str, str]:
    return next(fields for fields in forms_on(page) if fields["deed"] == deed)


def test_the_last_round_that_could_not_be_charged_is_said_with_the_gateways_words(
    shop: Shop, bridge: StubBridge
) -> None:
    failure = {"at": "2026-11-25T00:00:00.000Z", "code": "99", "message": "한도초과 <b>"}
    known(bridge, [], [PLAN | {"last_failure": failure}])
    page = look_up(shop, "t-owner")
    assert re.search(r"결제되지 않은 회차: 2026-11-25 [0-9:]+ · 한도초과 &lt;b&gt; · 99", page)
    known(bridge, [], [PLAN])
    assert "결제되지 않은 회차" not in look_up(shop, "t-owner")


def test_a_customer_with_more_than_a_page_of_cards_is_read_to_the_last(shop: Shop, bridge: StubBridge) -> None:
    known(bridge, [KEY], [PLAN])
    assert "pay-bridge-pages" not in look_up(shop, "wp:7"), "one page needs no way to another"
    bridge.scripted["GET /v1/billing-keys"] = (200, {"items": [KEY], "next_cursor": "k_9"})
    page = look_up(shop, "wp:7")
    (form,) = re.findall(r'<form[^>]*class="pay-bridge-pages">.*?</form>', page, re.DOTALL)
    assert re.findall(r"<button[^>]*>(.*?)</button>", form) == ["다음"]
    fields = dict(re.findall(r'name="([a-z_]+)" value="([^"]*)"', form))
    bridge.seen.clear()
    known(bridge, [KEY | {"id": "k_8", "card": {"name": "마지막카드", "number": "999999******1111"}}], [PLAN])
    later = shop.as_("clerk").post(PAGE, data=fields).text

    asked = [(one.path, one.query) for one in bridge.seen if one.path in ("/v1/billing-keys", "/v1/plans")]
    assert asked == [
        ("/v1/billing-keys", {"customer": ["wp:7"], "cursor": ["k_9"]}),
        ("/v1/plans", {"customer": ["wp:7"]}),
    ], "each list has pages of its own"
    assert "마지막카드" in later
    (form,) = re.findall(r'<form[^>]*class="pay-bridge-pages">.*?</form>', later, re.DOTALL)
    assert re.findall(r"<button[^>]*>(.*?)</button>", form) == ["처음"]
    bridge.seen.clear()
    shop.as_("clerk").post(PAGE, data=fields | {"_pay_bridge_customer": "0123456789"})
    assert not [one for one in bridge.seen if "cursor" in one.query], "from our own form alone"


@pytest.mark.parametrize("typed", ["t-owner", "t-owner@shop.example", "wp:{}"])
def test_a_customer_is_found_by_login_address_or_name_and_stands_in_no_address(
    shop: Shop, bridge: StubBridge, typed: str
) -> None:
    known(bridge, [KEY], [PLAN])
    page = html.unescape(look_up(shop, typed.format(shop.ids["owner"])))

    asked = [one.query for one in bridge.seen if one.path in ("/v1/billing-keys", "/v1/plans")]
    assert asked == [{"customer": [f"wp:{shop.ids['owner']}"]}] * 2
    assert "<strong>비씨카드 123456******7890</strong> · payple · " in page, "an older bridge says no title"
    assert "청구할 수 있어요" in page
    assert "<strong>CLUB-1</strong> · 33,000원 · 매월 · 2027-12-31까지 · 2회 청구함 · 페이앱 · 진행 중" in page
    assert 'aria-describedby="pay-bridge-line-l_0123456789">해지하기…' in page, "it is heard which one it ends"


@pytest.mark.parametrize("typed", ["nobody@shop.example", "01012345678", "010-1234-5678", "821012345678"])
def test_an_address_or_a_phone_number_of_no_user_is_no_customer_and_never_leaves(
    shop: Shop, bridge: StubBridge, typed: str
) -> None:
    known(bridge, [KEY], [PLAN])
    page = look_up(shop, typed)

    assert "그런 고객이 없어요" in page
    assert [one for one in bridge.seen if "customer" in one.query] == []
    assert KEY["id"] not in page


def test_an_empty_page_says_what_to_type_and_an_empty_list_that_there_is_nothing(
    shop: Shop, bridge: StubBridge
) -> None:
    known(bridge, [], [])
    assert "고객을 입력하면" in shop.as_("clerk").get(PAGE).text
    assert "그런 고객이 없어요" in look_up(shop, "누구 없음")
    page = look_up(shop, "t-owner")

    assert "이 고객이 등록한 카드나 휴대폰이 없어요." in page
    assert "이 고객의 정기결제가 없어요." in page


def test_a_bridge_that_does_not_answer_is_no_empty_list(shop: Shop, bridge: StubBridge) -> None:
    known(bridge, [], [])
    bridge.scripted["GET /v1/plans"] = (503, {"code": "busy", "message_ko": "잠시 처리할 수 없어요."})
    page = look_up(shop, "t-owner")

    assert "잠시 처리할 수 없어요." in page
    assert "이 고객의 정기결제가 없어요." not in page


@pytest.mark.parametrize(
    ("deed", "asked", "state", "words"),
    [
        ("delete", "DELETE /v1/billing-keys/k_0123456789", "deleted", "등록된 결제 수단: 삭제됨"),
        ("stop", "POST /v1/plans/l_0123456789/stop", "resting", "정기결제: 멈춤"),
        ("end", "DELETE /v1/plans/l_0123456789", "ended", "정기결제: 해지됨"),
    ],
)
def test_a_deed_is_done_once_and_the_customer_is_shown_again(
    shop: Shop, bridge: StubBridge, deed: str, asked: str, state: str, words: str
) -> None:
    known(bridge, [KEY], [PLAN])
    bridge.scripted[asked] = (200, {"id": "x", "state": state})
    fields = form_of(look_up(shop, "t-owner"), deed)
    answers = [submit(shop, fields), submit(shop, fields)]

    assert {outcome(shop, answer) for answer in answers} == {("success", words)}
    method, _, path = asked.partition(" ")
    sent = bridge.asked(method, re.escape(path))
    assert [one.json for one in sent] == [{"customer": f"wp:{shop.ids['owner']}"}] * 2
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 1, "two clicks are one deed"
    assert "wp:" not in answers[0].headers["location"]
    assert "비씨카드" in shop.as_("clerk").get(answers[0].headers["location"]).text


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, {"state": "active", "message": "지금은 <i>지울</i> 수 없어요"}, "error", "지금은 <i>지울</i> 수 없어요"),
        (202, {"state": "deleting"}, "info", "한 번 더 삭제해 주세요"),
        (409, {"code": "not_now", "message_ko": "등록이 끝난 결제 수단만 삭제할 수 있어요."}, "error", "등록이 끝난"),
        (0, None, "info", "달라진 것이 없을 때만"),
    ],
)
def test_a_no_and_a_silence_are_said_as_they_are(
    shop: Shop, bridge: StubBridge, status: int, body: Any, kind: str, words: str
) -> None:
    known(bridge, [KEY], [])
    bridge.scripted["DELETE /v1/billing-keys/k_0123456789"] = (status, body)
    told = outcome(shop, submit(shop, form_of(look_up(shop, "t-owner"), "delete")))

    assert told[0] == kind
    assert words in told[1]


def test_only_what_the_bridge_allows_is_offered_and_why_not_is_said(shop: Shop, bridge: StubBridge) -> None:
    waits = PLAN | {"state": "waiting", "allowed": [], "why": "첫 결제가 되면 바꿀 수 있어요."}
    known(
        bridge, [KEY | {"state": "deleted", "allowed": []}], [waits, PLAN | {"state": "resting", "allowed": ["start"]}]
    )
    page = look_up(shop, "t-owner")

    assert [fields["deed"] for fields in forms_on(page)] == ["start"]
    assert "첫 결제가 되면 바꿀 수 있어요." in page


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_wpnonce": "0123456789"}, 403),
        ({"subject": "wp:1"}, 403),
        ({"subject": ""}, 403),
        ({"key": "short"}, 400),
        ({"deed": "charge"}, 400),
        ({"kind": "payment"}, 400),
        ({"id": "../plans/x"}, 400),
    ],
)
def test_a_form_that_was_tampered_with_changes_nothing(
    shop: Shop, bridge: StubBridge, changes: dict[str, str], status: int
) -> None:
    known(bridge, [KEY], [])
    fields = form_of(look_up(shop, "t-owner"), "delete")
    bridge.seen.clear()

    assert submit(shop, fields | changes).status_code == status
    assert bridge.seen == []


def test_who_may_not_serve_sees_no_button_and_may_press_none(shop: Shop, bridge: StubBridge) -> None:
    known(bridge, [KEY], [PLAN])
    fields = form_of(look_up(shop, "t-owner"), "delete")
    assert submit(shop, fields, who="editor").status_code == 403
    assert shop.as_("editor").get(PAGE).status_code == 403
    shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->add_cap('pay_bridge_serve', false);")
    try:
        page = look_up(shop, "t-owner")
        assert submit(shop, fields).status_code == 403
    finally:
        shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->remove_cap('pay_bridge_serve');")

    assert forms_on(page) == []
    assert "바꿀 권한은 없어요" in page
    assert bridge.asked("DELETE", ".*") == []
