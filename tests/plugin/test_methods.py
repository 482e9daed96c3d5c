"""Which payment methods a page offers: what the bridge last told, asked after the page was sent and once a minute."""

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.browser.lane import until
from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge

ASKED = "/v1/codes/methods"
CARD = {"code": "card", "name": "신용카드", "healthy": True, "minimum": 1000, "gateways": []}
PHONE = {"code": "phone", "name": "휴대폰", "healthy": False, "minimum": 1000, "gateways": []}
GIFT = {"code": "gift", "name": "상품권", "healthy": True, "minimum": 50000, "gateways": []}
NEWER = {"code": "newer_pay", "name": "새 페이", "healthy": True, "minimum": 0}
PAGE = (
    "file_put_contents(WPMU_PLUGIN_DIR . '/test-methods.php',"
    ' \'<?php add_action("template_redirect", static function () { if (isset($_GET["methods"])) {'
    ' global $wpdb; $before = $wpdb->num_queries; $methods = pay_bridge_methods((int) $_GET["methods"]);'
    " wp_send_json(array($methods, $wpdb->num_queries - $before)); } });');"
)
FORGET = "PayBridge\\Methods::forget();"


@pytest.fixture(scope="module")
def page_of_session(shop_of_session: Shop) -> Iterator[None]:
    """A page that says what the function gives, and how many queries that took."""
    shop_of_session.stand.run_php(PAGE)
    yield
    shop_of_session.stand.run_php("unlink(WPMU_PLUGIN_DIR . '/test-methods.php');" + FORGET)


@pytest.fixture
def fresh(shop: Shop, page_of_session: None) -> Shop:
    """A shop that never heard of any methods."""
    shop.stand.run_php(FORGET)
    return shop


def look(shop: Shop, amount: int = 0) -> Any:
    """What a page says of the methods; reading them takes no query."""
    methods, queries = shop.as_("visitor").get(f"/?methods={amount}").json()
    assert queries == 0
    return methods


def told(shop: Shop, *methods: dict[str, Any]) -> None:
    """Let a page ask, and wait until the shop has kept the answer."""
    shop.bridge.methods[:] = methods
    shop.stand.run_php("update_option('pay_bridge_methods_asked', 0);")
    look(shop)
    until(lambda: shop.stand.run_php("echo count(get_option('pay_bridge_methods'));") == "2", "the methods")


def aged(shop: Shop, seconds: int) -> None:
    """Let the list be that old, with nobody to renew it."""
    shop.stand.run_php(
        f"$kept = get_option('pay_bridge_methods'); $kept['told_at'] = time() - {seconds};"
        " update_option('pay_bridge_methods', $kept); update_option('pay_bridge_methods_asked', time());"
    )


def test_before_the_bridge_was_heard_nothing_is_said(fresh: Shop) -> None:
    assert look(fresh) is None


def test_a_page_tells_what_the_bridge_last_told(fresh: Shop) -> None:
    told(fresh, CARD, PHONE, GIFT, NEWER)

    found = look(fresh, 30000)

    assert list(found) == ["card", "phone", "gift", "newer_pay"]
    assert found["card"] == {"code": "card", "name": "신용카드", "minimum": 1000, "healthy": True, "why": ""}
    assert (found["phone"]["healthy"], found["phone"]["why"]) == (
        False,
        "지금은 쓸 수 없어요. 다른 결제 수단을 골라 주세요.",
    )
    assert (found["gift"]["healthy"], found["gift"]["why"]) == (True, "50,000원부터 쓸 수 있어요.")
    assert found["newer_pay"]["name"] == "새 페이"
    assert look(fresh, 50000)["gift"]["why"] == ""
    assert look(fresh)["gift"]["why"] == "", "without an amount none is too small"


def test_a_method_that_needs_the_buyers_phone_says_so_where_the_order_has_none(fresh: Shop) -> None:
    told(fresh, CARD | {"needs_phone": True}, GIFT)
    asked = "echo wp_json_encode(array(pay_bridge_methods(60000), pay_bridge_methods(60000, false)));"
    known, nobody = json.loads(fresh.stand.run_php(asked))

    assert (known["card"]["why"], known["gift"]["why"], nobody["gift"]["why"]) == ("", "", "")
    assert "휴대전화 번호가 필요해요" in nobody["card"]["why"]


def test_the_bridge_is_asked_once_a_minute_however_many_pages_are_seen(fresh: Shop) -> None:
    told(fresh, CARD)
    for _ in range(5):
        look(fresh)
    assert len(fresh.bridge.asked("GET", ASKED)) == 1
    fresh.stand.run_php("update_option('pay_bridge_methods_asked', time() - 60);")
    for _ in range(5):
        look(fresh)
    until(lambda: len(fresh.bridge.asked("GET", ASKED)) == 2, "the second question")


def test_of_many_pages_at_one_moment_one_asks(fresh: Shop) -> None:
    told(fresh, CARD)
    fresh.bridge.answer_delay_seconds = 0.5
    fresh.stand.run_php("update_option('pay_bridge_methods_asked', 0);")
    address = f"{fresh.stand.url}/?methods=0"
    with ThreadPoolExecutor(8) as readers:
        seen = list(readers.map(lambda _: httpx2.get(address, timeout=30, trust_env=False).json()[0], range(16)))
    assert all(list(methods) == ["card"] for methods in seen)
    assert len(fresh.bridge.asked("GET", ASKED)) == 2, "one after the first"


def test_ordinary_pages_never_ask(fresh: Shop) -> None:
    fresh.as_("visitor").get("/")
    assert fresh.bridge.seen == []


def test_a_bridge_that_is_slow_keeps_no_reader_waiting_and_what_was_told_is_kept(fresh: Shop) -> None:
    told(fresh, CARD)
    fresh.bridge.answer_delay_seconds = 4
    fresh.stand.run_php("update_option('pay_bridge_methods_asked', 0);")
    code = "$began = microtime(true); pay_bridge_methods(); echo (int) ((microtime(true) - $began) * 1000);"
    assert int(fresh.stand.run_php(code).splitlines()[0]) < 500

    fresh.stand.run_php("update_option('pay_bridge_methods_asked', 0);")
    began = time.monotonic()
    assert list(look(fresh)) == ["card"]
    assert time.monotonic() - began < 3.5, "the question is given up after two seconds"
    assert list(look(fresh)) == ["card"]


@pytest.mark.parametrize(
    "bad", [{"code": "<b>"}, {"code": "card", "name": "카드", "healthy": 1, "minimum": 0}, {"code": 7}, "card", None]
)
def test_an_answer_of_another_form_changes_nothing(fresh: Shop, bad: Any) -> None:
    told(fresh, CARD)
    fresh.bridge.methods[:] = [bad]
    fresh.stand.run_php("update_option('pay_bridge_methods_asked', 0);")
    look(fresh)
    until(lambda: len(fresh.bridge.asked("GET", ASKED)) == 2, "the second question")
    assert list(look(fresh)) == ["card"]


def test_old_bad_news_keep_no_buyer_away(fresh: Shop) -> None:
    told(fresh, PHONE)
    aged(fresh, 110)
    assert look(fresh)["phone"]["healthy"] is False
    aged(fresh, 121)
    assert look(fresh)["phone"] == {"code": "phone", "name": "휴대폰", "minimum": 1000, "healthy": True, "why": ""}


def test_a_filter_may_change_the_list(fresh: Shop) -> None:
    told(fresh, CARD, PHONE)
    code = (
        "add_filter('pay_bridge_methods', static function ($methods, $amount) {"
        " unset($methods['phone']); return 700 === $amount ? $methods : null; }, 10, 2);"
        " echo wp_json_encode(array(array_keys(pay_bridge_methods(700)), pay_bridge_methods(701)));"
    )
    assert json.loads(fresh.stand.run_php(code)) == [["card"], None]


def test_another_pairing_code_forgets_what_was_told(fresh: Shop) -> None:
    told(fresh, CARD)
    fresh.stand.run_php("PayBridge\\Settings_Page::sanitize(array('forget' => '1'));")
    aged_never = fresh.stand.run_php("echo wp_json_encode(get_option('pay_bridge_methods'));")
    assert json.loads(aged_never) == []


def test_a_pairing_code_has_the_bridge_asked_before_the_first_order_page(fresh: Shop) -> None:
    fresh.bridge.methods[:] = [CARD]
    code = fresh.bridge.pairing_code
    fresh.stand.run_php(f"PayBridge\\Settings_Page::sanitize(array('pairing_code' => '{code}'));")

    assert list(look(fresh)) == ["card"]


def test_the_shortcode_offers_what_can_be_chosen_and_says_why_the_rest_cannot(fresh: Shop) -> None:
    order = fresh.order(owner=0)
    told(fresh, PHONE, CARD, GIFT)
    page = fresh.stand.run_php(f"echo do_shortcode('[pay_bridge_checkout order=\"{order['ref']}\"]');")
    inputs = re.findall(r'<input type="radio" name="method" value="([a-z]+)"([^>]*)>([^/]*)', page)

    assert [code for code, _, _ in inputs] == ["phone", "card", "gift"]
    assert ["disabled" in switches for _, switches, _ in inputs] == [True, False, True]
    assert ["checked" in switches for _, switches, _ in inputs] == [False, True, False]
    assert "지금은 쓸 수 없어요" in inputs[0][2]
    assert "50,000원부터 쓸 수 있어요." in inputs[2][2]


def test_the_shortcode_asks_for_the_phone_that_the_order_lacks(fresh: Shop) -> None:
    bare, whole = fresh.order(owner=0, buyer={"name": "홍길동"}), fresh.order(owner=0)
    told(fresh, CARD | {"needs_phone": True})
    pages = [
        fresh.stand.run_php(f"echo do_shortcode('[pay_bridge_checkout order=\"{one['ref']}\"]');")
        for one in (bare, whole)
    ]
    assert ["휴대전화 번호가 필요해요" in page for page in pages] == [True, False]


# ---- what may be done with a payment


@pytest.mark.parametrize(
    ("allowed", "words", "why"),
    [
        ({"refund": "full_or_part", "refundable": 30000}, "전액 또는 일부", ""),
        ({"refund": "full", "refundable": 30000}, "전액만", ""),
        ({"refund": "by_hand", "refundable": 0}, "결제사에서 직접", "구매자의 계좌로 직접 보내 주세요."),
        ({"refund": "never", "refundable": 0}, "할 수 없음", "받은 돈이 없어요."),
    ],
)
def test_list_and_page_say_how_a_payment_may_be_refunded_and_why_not_more(
    shop: Shop, bridge: StubBridge, allowed: dict[str, Any], words: str, why: str
) -> None:
    payment = bridge.add(shop.order()["ref"], allowed=allowed | ({"why": why} if why else {}))
    clerk = shop.as_("clerk")
    listed = clerk.get("/wp-admin/admin.php?page=pay-bridge").text
    page = clerk.get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}").text
    row = next(row for row in re.findall(r"<tr>.*?</tr>", listed, re.DOTALL) if payment["id"] in row)
    cell = re.search(r"<td[^>]*column-ability[^>]*>(.*?)(<button|</td>)", row, re.DOTALL)
    assert cell

    assert cell[1] == words + (f"<br><small>{why}</small>" if why else "")
    assert f"<p><strong>{words}</strong></p>" in page
    assert why in page
    assert ("<dialog" in page) == (allowed["refundable"] > 0)
    assert ('value="part"' in page) == (words == "전액 또는 일부")
