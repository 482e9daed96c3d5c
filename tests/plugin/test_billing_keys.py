"""A customer's own registered cards and phones on a page of the shop: listed, registered, deleted; nobody else's."""

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge
from tests.plugin.test_billing_page import KEY

LIST, ASK = "GET /v1/billing-keys", "POST /v1/billing-keys"
WINDOW = "https://pay.example/k/TOKEN/window?a=1&b=2"
PAYPLE = {"gateway": "payple", "title": "페이플", "minimum": 100}
PAYSTORY = {"gateway": "paystory", "title": "페이스토리", "minimum": 1000}
OWN = KEY | {"gateway_title": "페이플", "issued_at": "2026-11-20T15:30:00.000Z"}


@pytest.fixture(scope="module")
def page(shop_of_session: Shop) -> str:
    """The path of a page with the shortcode; the order, where a test gives one, stands in the address."""
    code = (
        "file_put_contents(WPMU_PLUGIN_DIR . '/test-keys.php', '<?php add_filter("
        '"shortcode_atts_pay_bridge_billing_keys", static function ($known) {'
        ' return isset($_GET["try"]) ? array("order" => $_GET["try"]) : $known; });\');'
        "echo wp_make_link_relative(get_permalink(wp_insert_post(array('post_type' => 'page',"
        " 'post_title' => '내 카드', 'post_status' => 'publish', 'post_content' => '[pay_bridge_billing_keys]'))));"
    )
    return shop_of_session.stand.run_php(code)


@pytest.fixture(autouse=True)
def offered(shop: Shop, bridge: StubBridge) -> None:
    """A bridge without keys, at a site with a gateway that registers cards."""
    able(bridge, card_keys=[PAYPLE])
    keys(bridge)


def able(bridge: StubBridge, **services: list[dict[str, Any]]) -> None:
    listed = [{"code": code, "gateways": gateways} for code, gateways in services.items()]
    bridge.scripted["GET /v1/codes/services"] = (200, {"items": listed})


def keys(bridge: StubBridge, *known: dict[str, Any]) -> None:
    bridge.scripted[LIST] = (200, {"items": list(known), "next_cursor": None})


def part(text: str) -> str:
    """What the shortcode printed."""
    found = re.search(r'<section class="pay-bridge-keys".*?</section>', text, re.S)
    assert found, text[-600:]
    return html.unescape(found[0])


def forms(text: str) -> list[dict[str, str]]:
    """The hidden fields of each form, and what its buttons choose."""
    found = re.findall(r"<form.*?</form>", part(text), re.S)
    return [
        dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', one))
        | {"choices": " ".join(re.findall(r'name="choice" value="([^"]+)"', one))}
        for one in found
    ]


def send(shop: Shop, fields: dict[str, str], who: str = "owner", choice: str = "") -> Any:
    return shop.as_(who).post("/wp-admin/admin-post.php", data=fields | ({"choice": choice} if choice else {}))


def told(shop: Shop, answer: Any, who: str = "owner") -> tuple[str, str]:
    """Kind and words of what the page says after a button."""
    assert answer.status_code == 302, answer.text[-600:]
    found = re.search(
        r'data-kind="(\w+)" role="status"><p class="pay-bridge-status">(.*?)</p>',
        part(shop.as_(who).get(answer.headers["location"]).text),
        re.S,
    )
    assert found
    return found[1], found[2]


def test_somebody_signed_out_is_led_to_the_way_in_and_back(shop: Shop, bridge: StubBridge, page: str) -> None:
    said = part(shop.as_("visitor").get(f"{page}?pay_bridge_key=k_1").text)
    link = re.search(r'href="([^"]+)">로그인', said)

    assert "로그인해 주세요" in said
    assert link
    assert "redirect_to=" in link[1]
    assert "pay_bridge_key%3Dk_1" in link[1], "what the window said is still told after signing in"
    assert [one for one in bridge.seen if "billing-keys" in one.path] == []


def test_a_customer_reads_the_own_cards_masked_and_since_when(shop: Shop, bridge: StubBridge, page: str) -> None:
    gone = [
        OWN | {"id": f"k_{state}", "state": state, "allowed": []} for state in ("deleted", "refused", "open", "lost")
    ]
    keys(bridge, OWN | {"card": {"name": "비씨<b>", "number": "1234567890123456"}}, *gone)
    answer = shop.as_("owner").get(page)
    said = part(answer.text)

    assert [one.query for one in bridge.seen if one.path == "/v1/billing-keys"] == [
        {"customer": [f"wp:{shop.ids['owner']}"]}
    ]
    assert "<strong>비씨<b> 123456******3456</strong><br><small>페이플 · 2026-11-21부터</small>" in said
    assert "비씨&lt;b&gt;" in answer.text
    assert said.count("<li") == 1, "what is not registered, or no more, is no card of theirs"
    assert {"no-store", "private"} <= set(answer.headers["cache-control"].split(", "))
    assert "checkout.js" not in answer.text


def test_a_card_behind_a_hundred_windows_that_came_to_nothing_is_still_shown(
    shop: Shop, bridge: StubBridge, page: str
) -> None:
    left = [OWN | {"id": f"k_{number}", "state": "expired", "allowed": []} for number in range(100)]
    bridge.scripted[LIST] = (200, {"items": left, "next_cursor": "k_99"})
    later = f"{LIST}?customer=wp%3A{shop.ids['owner']}&cursor=k_99"
    bridge.scripted[later] = (200, {"items": [OWN], "next_cursor": None})
    assert part(shop.as_("owner").get(page).text).count("<li") == 1
    bridge.scripted[later] = (503, {"code": "busy"})
    said = part(shop.as_("owner").get(page).text)
    assert "등록된 카드와 휴대폰을 지금은 보여 드릴 수 없어요" in said, "half a list is no list"


def test_who_has_none_reads_so_and_finds_the_button(shop: Shop, page: str) -> None:
    text = shop.as_("owner").get(page).text

    assert "등록한 카드나 휴대폰이 없어요." in text
    assert "여기에서 카드를 한 번 등록하면 정기결제에 쓸 수 있어요." in text
    assert "다른 결제사" not in text, "there is one"
    assert re.search(r'value="card:payple" class="[^"]+">카드 등록</button>', text)
    assert "지금 결제되는 돈은 없어요" in text


def test_registering_leads_to_the_window_and_two_presses_are_one(shop: Shop, bridge: StubBridge, page: str) -> None:
    bridge.scripted[ASK] = (201, KEY | {"state": "open", "window_url": WINDOW})
    (form,) = forms(shop.as_("owner").get(f"{page}?lang=ko&deed={'0' * 32}&pay_bridge_key=k_1").text)
    answers = [send(shop, form, choice="card:payple") for _ in range(2)]

    assert [(one.status_code, one.headers["location"]) for one in answers] == [(303, WINDOW)] * 2
    assert "no-store" in answers[0].headers["cache-control"]
    first, second = bridge.asked("POST", "/v1/billing-keys")
    assert (first.headers["Idempotency-Key"], first.body) == (second.headers["Idempotency-Key"], second.body)
    asked = first.json
    assert asked.pop("title")
    owner = f"wp:{shop.ids['owner']}"
    assert asked == {
        "method": "card",
        "gateway": "payple",
        "result_url": f"{shop.stand.url}{page}?lang=ko",
        "actor": "buyer",
        "customer": owner,
        "buyer": {"id": owner, "name": "t-owner", "email": "t-owner@shop.example"},
        "device": "pc",
        "locale": "ko_KR",
    }


def test_one_button_registers_and_the_other_gateways_windows_are_folded_beneath_it(
    shop: Shop, bridge: StubBridge, page: str
) -> None:
    able(bridge, card_keys=[PAYPLE, PAYSTORY])
    bridge.scripted[ASK] = (201, KEY | {"state": "open", "window_url": WINDOW})
    text = shop.as_("owner").get(page).text
    (form,) = forms(text)
    for choice in form["choices"].split():
        assert send(shop, form, choice=choice).status_code == 303

    shown, folded = part(text).split("<details><summary>다른 결제사로 등록하기…</summary>")
    assert ">카드 등록</button>" in shown
    assert "페이플" not in shown
    assert "카드 등록 (페이스토리)" in folded
    sent = bridge.asked("POST", "/v1/billing-keys")
    assert [one.json["gateway"] for one in sent] == ["payple", "paystory"]
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 2, "gone back and chosen another"


def test_a_phone_is_registered_with_the_order_that_it_pays(shop: Shop, bridge: StubBridge, page: str) -> None:
    able(bridge, card_keys=[PAYPLE], phone_keys=[PAYSTORY])
    bridge.scripted[ASK] = (201, KEY | {"state": "open", "window_url": WINDOW})
    order = shop.order(amount=9_900)
    assert "휴대폰 등록" not in shop.as_("owner").get(page).text, "without an order nothing could be charged"
    text = shop.as_("owner").get(f"{page}?try={order['ref']}").text
    assert "휴대폰 등록하고 9,900원 결제" in text
    form = next(one for one in forms(text) if one["choices"] == "phone:paystory")

    assert send(shop, form, choice="phone:paystory").status_code == 303
    (sent,) = bridge.asked("POST", "/v1/billing-keys")
    assert (sent.json["method"], sent.json["order"]["ref"], sent.json["order"]["amount"]) == (
        "phone",
        order["ref"],
        9_900,
    )
    shop.order(ref=order["ref"], amount=9_900, state="paid")
    assert "이미 결제" in told(shop, send(shop, form, choice="phone:paystory"))[1]


@pytest.mark.parametrize("change", [{"owner": 999_999}, {"state": "closed"}, {"amount": 999}])
def test_an_order_that_cannot_be_paid_so_offers_no_phone(
    shop: Shop, bridge: StubBridge, page: str, change: dict[str, Any]
) -> None:
    able(bridge, phone_keys=[PAYSTORY])
    order = shop.order(**change)

    assert forms(shop.as_("owner").get(f"{page}?try={order['ref']}").text) == []


@pytest.mark.parametrize(
    ("state", "words"), [("paid", "이미 결제"), ("unknown", "다시 결제하지 마세요"), ("declined", "")]
)
def test_who_comes_back_is_not_offered_to_pay_twice_though_no_news_came_yet(
    shop: Shop, bridge: StubBridge, page: str, state: str, words: str
) -> None:
    able(bridge, phone_keys=[PAYSTORY])
    order = shop.order()
    keys(bridge, OWN | {"method": "phone", "card": {}})
    bridge.add(order["ref"], state, order["amount"], method="phone")
    text = shop.as_("owner").get(f"{page}?try={order['ref']}&pay_bridge_key={KEY['id']}").text

    assert words in part(text)
    assert ("휴대폰 등록하고" in text) == (state == "declined")


@pytest.mark.parametrize(
    ("key", "kind", "words"),
    [
        ({"state": "active"}, "success", "등록됐어요."),
        ({"state": "open"}, "info", "창이 닫혀서 아무것도 등록되지 않았어요. 다시 등록할 수 있어요."),
        ({"state": "refused", "message": "한도 초과 <i>"}, "error", "등록하지 못했어요.\n한도 초과 <i>"),
        ({"state": "expired"}, "error", "등록 시간이 지났어요. 처음부터 다시 등록해 주세요."),
        ({"state": "lost", "method": "phone"}, "error", "등록하기 전에 주문을 확인해 주세요"),
        ({"state": "issuing"}, "info", "다시 등록하지 말고"),
    ],
)
def test_the_way_back_tells_what_the_bridge_knows_and_not_what_the_address_says(
    shop: Shop, bridge: StubBridge, page: str, key: dict[str, str], kind: str, words: str
) -> None:
    keys(bridge, OWN | key)
    text = shop.as_("owner").get(f"{page}?pay_bridge_key={KEY['id']}&pay_bridge_result=active").text
    found = re.search(r'data-kind="(\w+)" role="status"><p class="pay-bridge-status">(.*?)</p>', part(text), re.S)

    assert found
    assert (found[1], words in found[2]) == (kind, True)
    assert "한도 초과 <i>" not in text
    assert ("다시 보기" in part(text)) == (key["state"] == "issuing")


def test_a_way_back_about_somebody_elses_key_says_nothing(shop: Shop, bridge: StubBridge, page: str) -> None:
    keys(bridge, OWN)
    assert "data-kind" not in part(
        shop.as_("owner").get(f"{page}?pay_bridge_key=k_other&pay_bridge_result=active").text
    )


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (200, {"state": "deleted"}, "success", "등록된 결제 수단: 삭제됨"),
        (200, {"state": "active", "message": "지금은 <i>지울</i> 수 없어요"}, "error", "지금은 <i>지울</i> 수 없어요"),
        (202, {"state": "deleting"}, "info", "한 번 더 삭제해 주세요"),
        (404, {"code": "not_found", "message_ko": "찾을 수 없어요."}, "error", "찾을 수 없어요."),
        (0, None, "info", "달라진 것이 없을 때만"),
    ],
)
def test_a_card_is_deleted_behind_a_question_and_what_came_of_it_is_said(
    shop: Shop, bridge: StubBridge, page: str, status: int, body: Any, kind: str, words: str
) -> None:
    keys(bridge, OWN)
    bridge.scripted[f"DELETE /v1/billing-keys/{KEY['id']}"] = (status, body)
    text = shop.as_("owner").get(page).text
    form = forms(text)[0]
    answers = [send(shop, form), send(shop, form)]

    assert re.search(r"<details><summary[^>]*>삭제하기…</summary>", part(text))
    said = [told(shop, answer) for answer in answers]
    assert [(one[0], words in one[1]) for one in said] == [(kind, True)] * 2
    sent = bridge.asked("DELETE", f"/v1/billing-keys/{KEY['id']}")
    assert {one.json["customer"] for one in sent} == {f"wp:{shop.ids['owner']}"}
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 1, "two presses are one deed"


def test_another_users_form_and_a_changed_one_do_nothing(shop: Shop, bridge: StubBridge, page: str) -> None:
    keys(bridge, OWN)
    delete, register = forms(shop.as_("owner").get(page).text)
    bridge.seen.clear()
    changed = [
        delete | {"subject": "k_other"},
        delete | {"deed": "register"},
        delete | {"_wpnonce": "0123456789"},
        delete | {"key": "short"},
        delete | {"back": "https://evil.example/"},
        register | {"subject": "ORDER-1"},
        register | {"back": f"{shop.stand.url}//evil.example/"},
    ]

    assert [send(shop, fields, choice="card:payple").status_code for fields in changed] == [403] * len(changed)
    assert send(shop, delete, who="stranger").status_code == 403
    assert send(shop, register, who="stranger", choice="card:payple").status_code == 403
    assert [send(shop, register, choice=choice).status_code for choice in ("", "card:", "phone:payple")] == [400] * 3
    assert bridge.seen == []


def test_who_was_signed_out_meanwhile_signs_in_and_comes_back(shop: Shop, bridge: StubBridge, page: str) -> None:
    (form,) = forms(shop.as_("owner").get(page).text)
    bridge.seen.clear()
    answer = send(shop, form, who="visitor", choice="card:payple")
    away = send(shop, form | {"back": "https://evil.example/"}, who="visitor")

    assert answer.status_code == 302
    assert "wp-login.php?redirect_to=" in answer.headers["location"]
    assert "evil.example" not in away.headers["location"]
    assert bridge.seen == []


def test_too_many_windows_within_an_hour_are_refused_and_older_ones_do_not_count(
    shop: Shop, bridge: StubBridge, page: str
) -> None:
    bridge.scripted[ASK] = (201, KEY | {"state": "open", "window_url": WINDOW})
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    late = [OWN | {"id": f"k_{number}", "state": "refused", "created_at": now} for number in range(10)]
    keys(bridge, *late)
    (form,) = forms(shop.as_("owner").get(page).text)
    kind, words = told(shop, send(shop, form, choice="card:payple"))
    assert (kind, "한 시간 뒤에" in words) == ("error", True)
    assert bridge.asked("POST", "/v1/billing-keys") == []

    keys(bridge, *late[:9], late[9] | {"created_at": "2026-01-01T00:00:00.000Z"})
    assert send(shop, form, choice="card:payple").status_code == 303


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (0, None, "결제 서비스가 응답하지 않았어요"),
        (503, {"code": "gateway_unavailable", "gateway_message": "점검 <i>중"}, "점검 <i>중"),
    ],
)
def test_a_window_that_does_not_open_says_that_nothing_moved_and_why(
    shop: Shop, bridge: StubBridge, page: str, status: int, body: Any, words: str
) -> None:
    bridge.scripted[ASK] = (status, body)
    (form,) = forms(shop.as_("owner").get(page).text)
    said = told(shop, send(shop, form, choice="card:payple"))[1]

    assert words in said
    assert "등록되거나 결제된 것은 없어요" in said


def test_a_button_pressed_again_after_its_window_tells_what_came_of_it(
    shop: Shop, bridge: StubBridge, page: str
) -> None:
    (form,) = forms(shop.as_("owner").get(page).text)
    bridge.scripted[ASK] = (201, OWN)
    keys(bridge, OWN)
    answer = send(shop, form, choice="card:payple")

    assert answer.status_code == 303
    assert "등록됐어요." in part(shop.as_("owner").get(answer.headers["location"]).text)


def test_a_bridge_that_does_not_answer_is_no_empty_list(shop: Shop, bridge: StubBridge, page: str) -> None:
    bridge.scripted[LIST] = (0, None)
    said = part(shop.as_("owner").get(page).text)

    assert "결제 서비스가 응답하지 않았어요" in said
    assert "다시 보기" in said
    assert "등록한 카드나 휴대폰이 없어요" not in said
    assert "<form" not in said


def test_where_nothing_can_be_registered_the_page_says_so(shop: Shop, bridge: StubBridge, page: str) -> None:
    for answer in ((200, {"items": []}), (503, {"code": "busy"})):
        bridge.scripted["GET /v1/codes/services"] = answer
        assert "지금은 카드를 등록할 수 없어요" in part(shop.as_("owner").get(page).text)


def test_a_site_that_is_not_paired_says_so_and_the_way_only_to_who_may_pair(shop: Shop, page: str) -> None:
    config = shop.stand.root / "wp-config-bridge.php"
    kept = config.read_text()
    config.write_text("<?php\n")
    try:
        said, office = (part(shop.as_(who).get(page).text) for who in ("owner", "admin"))
    finally:
        config.write_text(kept)

    assert "지금은 결제할 수 없어요" in said
    assert "pay-bridge-settings" not in said
    assert "pay-bridge-settings" in office
