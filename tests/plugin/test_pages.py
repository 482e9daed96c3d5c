"""Pages: the checkout form, the way back, the list, one payment; hostile texts; and what ordinary pages pay."""

import html
import json
import re
import time
from typing import Any

import pytest

from bridge.signing.tokens import open_order
from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge

REFRESH = '<noscript><meta http-equiv="refresh" content="5;url='
HOSTILE = "\"><script>alert('x')</script><b>'&amp;"


@pytest.fixture(scope="module")
def pages(shop_of_session: Shop) -> str:
    """A page with the shortcode; its order is in the address, as tests give it."""
    code = (
        "file_put_contents(WPMU_PLUGIN_DIR . '/test-pages.php',"
        ' \'<?php add_action("template_redirect", static function () {'
        ' if (isset($_GET["try"])) { pay_bridge_prepare($_GET["try"]); get_header();'
        ' echo do_shortcode("[pay_bridge_checkout order=\\"" . esc_attr($_GET["try"]) . "\\"]");'
        " get_footer(); exit; } });');"
    )
    shop_of_session.stand.run_php(code)
    return "/?try="


def field(page: str, name: str) -> str:
    match = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert match, f"no field {name}"
    return html.unescape(match[1])


def told_to_script(page: str) -> dict[str, str]:
    match = re.search(r'id="pay-bridge-result"[^>]* role="status"[^>]*data-pay-bridge="([^"]+)"', page)
    assert match, "no region of the way back"
    told: dict[str, str] = json.loads(html.unescape(match[1]))
    return told


def test_the_form_is_plain_and_posts_the_sealed_order_to_the_bridge(shop: Shop, bridge: StubBridge, pages: str) -> None:
    order = shop.order()
    answer = shop.as_("owner").get(pages + order["ref"])
    page = answer.text
    form = re.search(
        r'<form class="pay-bridge-form" method="post" action="([^"]+)" data-pay-bridge-order="([^"]+)"', page
    )
    assert form
    assert form.groups() == (f"{bridge.url}/checkout", order["ref"])
    opened = open_order(field(page, "token"), {"k1": bridge.key}.get, int(time.time()))
    assert opened.payload["order"]["amount"] == 30000
    assert field(page, "pay_bridge_order") == order["ref"]
    assert re.findall(r'name="method" value="([a-z_]+)"', page) == [
        "card",
        "account",
        "virtual_account",
        "phone",
        "kakaopay",
        "naverpay",
        "payco",
    ]
    assert "30,000" in re.findall(r"<button[^>]*>([^<]+)", page)[-1]
    assert 'role="status"' in page
    assert {"no-cache", "no-store", "private"} <= set(answer.headers["cache-control"].split(", "))
    assert {one.path for one in bridge.seen} <= {"/v1/codes/methods"}, "nothing is asked but what may be chosen"
    assert re.search(r"<script[^>]* defer[^>]*src='?\"?[^>]*checkout\.js", page) or re.search(
        r"src=[^>]*checkout\.js[^>]*defer", page
    )


def test_two_views_of_the_page_have_two_tokens(shop: Shop, pages: str) -> None:
    order = shop.order()
    assert len({field(shop.as_("owner").get(pages + order["ref"]).text, "token") for _ in range(2)}) == 2


@pytest.mark.parametrize("change", [{"state": "paid"}, {"owner": 999_999}, {"hold_expires_at": 1}])
def test_an_order_that_cannot_be_paid_has_a_notice_and_no_form(
    shop: Shop, pages: str, change: dict[str, object]
) -> None:
    page = shop.as_("owner").get(pages + shop.order(**change)["ref"]).text
    assert "pay-bridge-form" not in page
    assert "pay-bridge-notice" in page


def test_hostile_texts_stay_texts(shop: Shop, bridge: StubBridge, pages: str) -> None:
    order = shop.order(title=HOSTILE, buyer={"name": HOSTILE})
    assert "<script>alert(" not in shop.as_("owner").get(pages + order["ref"]).text
    payment = bridge.add(
        order["ref"],
        title=HOSTILE,
        method=HOSTILE,
        gateway=HOSTILE,
        gateway_refs={HOSTILE: HOSTILE, "n": 7},
        card={"issuer": HOSTILE, "number": HOSTILE},
        account={"holder": HOSTILE},
        allowed={"refund": "full", "refundable": 30000, "why": HOSTILE},
        timeline=[{"at": HOSTILE, "actor": HOSTILE, "event": HOSTILE, "to": HOSTILE, "message": HOSTILE, "amount": 3}],
    )
    bridge.add(HOSTILE, id="p_hostile")
    clerk = shop.as_("clerk")
    for address in (
        "/wp-admin/admin.php?page=pay-bridge",
        f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}&refund=new",
    ):
        page = clerk.get(address).text
        assert "<script>alert(" not in page
        assert "alert(&#039;x&#039;)" in page, "the text itself is shown"
    bridge.payments.pop("p_hostile")


def test_the_slip_of_the_gateway_opens_in_a_tab_that_knows_nothing_of_ours(shop: Shop, bridge: StubBridge) -> None:
    ref = shop.order()["ref"]
    view = "/wp-admin/admin.php?page=pay-bridge&payment="
    has = bridge.add(ref, receipt_url="https://slip.example/?tid=1&hash=2")
    page = shop.as_("clerk").get(view + has["id"]).text
    link = 'href="https://slip.example/?tid=1&#038;hash=2" target="_blank" rel="noopener noreferrer">'
    assert f"{link}매출전표 보기 (새 창)</a>" in page
    for address in ("javascript:alert(1)", "data:text/html,x", ""):
        odd = bridge.add(ref, receipt_url=address)
        assert "매출전표" not in shop.as_("clerk").get(view + odd["id"]).text


def test_the_story_tells_what_the_gateway_said_and_not_how_the_bridge_works(shop: Shop, bridge: StubBridge) -> None:
    at = {"at": "2026-11-28T08:18:35.000Z", "actor": "bridge", "amount": 1000}
    payment = bridge.add(
        shop.order()["ref"],
        gateway_title="메인페이",
        timeline=[
            at | {"event": "refund.unknown", "message": "The answer ended early.", "code": "3001"},
            at | {"event": "refund.needs_human", "reason": "The answer ended early."},
            at | {"event": "case.opened", "reason": "refund_unknown"},
            at | {"event": "refund.refused", "message": "취소 실패"},
            at | {"event": "newer.than_this_plugin"},
            at | {"event": "escrow.asked", "reason": "delivery", "actor": "wordpress"},
            at | {"event": "refund.sent", "actor": "operator:minji"},
        ],
    )
    page = shop.as_("clerk").get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}").text

    assert "메인페이" in page
    assert "환불의 답을 받지 못했어요 · 1,000원 · 3001" in page
    assert "환불됐는지 사람이 확인해야 해요" in page
    assert "운영자가 확인해야 할 일이 생겼어요" in page
    assert "취소 실패" in page
    assert "newer.than_this_plugin" in page
    assert "에스크로를 요청했어요 · 배송 등록 · 1,000원 · 이 사이트" in page
    assert "환불을 요청했어요 · 1,000원 · 운영자 minji" in page
    for technical in ("ended early", "refund_unknown", "case.opened"):
        assert technical not in page


def test_a_search_is_posted_and_never_in_an_address(shop: Shop, bridge: StubBridge) -> None:
    clerk = shop.as_("clerk")
    page = clerk.get("/wp-admin/admin.php?page=pay-bridge").text
    assert re.search(r'<form method="post" action="[^"]*page=pay-bridge"', page)
    nonce = re.search(r'name="_pay_bridge_search" value="([0-9a-f]+)"', page)
    assert nonce
    fields = {"_pay_bridge_search": nonce[1], "s": "01000000000", "state": "paid"}
    page = clerk.post("/wp-admin/admin.php?page=pay-bridge", data=fields).text
    asked = bridge.asked("POST", "/v1/payments/search")[-1]
    assert asked.json == {"limit": 30, "q": "01000000000", "state": "paid"}
    assert all("01000000000" not in str(one.query) + one.path for one in bridge.seen)
    assert 'value="01000000000"' in page


def test_a_window_that_did_not_open_is_listed_only_where_it_is_looked_for(shop: Shop, bridge: StubBridge) -> None:
    lost, paid = (bridge.add(shop.order()["ref"], state)["order_ref"] for state in ("superseded", "paid"))
    clerk = shop.as_("clerk")
    page = clerk.get("/wp-admin/admin.php?page=pay-bridge").text
    assert (paid in page, lost in page) == (True, False)
    assert "안 열린 창 빼고 모두" in page

    nonce = re.search(r'name="_pay_bridge_search" value="([0-9a-f]+)"', page)
    assert nonce
    for looked_for in ({"state": "superseded"}, {"s": lost}):
        fields = {"_pay_bridge_search": nonce[1]} | looked_for
        assert lost in clerk.post("/wp-admin/admin.php?page=pay-bridge", data=fields).text.split("<tbody")[1]


def test_a_card_number_is_masked_even_if_the_bridge_sent_more_of_it(shop: Shop, bridge: StubBridge) -> None:
    payment = bridge.add(shop.order()["ref"], card={"issuer": "신한카드", "number": "1234-5678-9012-3456"})
    page = shop.as_("clerk").get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}").text
    assert "신한카드 123456******3456" in page
    assert "9012" not in page


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ({"bank_code": "04", "bank": "KB국민은행", "number": "0012", "holder": "", "due": "2026-11-22T14:59:59Z"},
         "KB국민은행 0012 · 2026-11-22 23:59:59까지"),
        ({"bank_code": "88", "bank": "", "number": "0012", "holder": "상점", "due": "some day"}, "88 0012 · 상점"),
        ({"number": ["0012"], "holder": "상점"}, "상점"),
    ],
)  # fmt: skip
def test_an_account_is_shown_as_people_say_it(
    shop: Shop, bridge: StubBridge, account: dict[str, Any], words: str
) -> None:
    payment = bridge.add(shop.order()["ref"], account=account)
    page = shop.as_("clerk").get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}").text
    assert f"<td>{words}</td>" in page


def test_the_way_back_is_recognised_and_told_to_no_referrer(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order(owner=0)
    payment = bridge.add(order["ref"], "approving")
    answer = shop.as_("visitor").get(f"/?pay_bridge={payment['id']}&pay_bridge_status=st.at-us_1")
    data = told_to_script(answer.text)
    assert (data["payment"], data["status"], data["known"]) == (payment["id"], f"{bridge.url}/s/st.at-us_1", "")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "result.js" in answer.text


def test_a_page_made_while_the_news_is_being_applied_is_not_the_last_word(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order(owner=0)
    payment = bridge.add(order["ref"], "paid")
    address = f"/?detail={order['ref']}&pay_bridge={payment['id']}&pay_bridge_status=st"
    claim = shop.stand.run_php(f"echo PayBridge\\Payments::claim('{payment['id']}', '{order['ref']}');")

    page = shop.as_("visitor").get(address).text
    assert "<h1>paid</h1>" in page, "what the bridge says is shown before the theme was told of it"
    assert told_to_script(page)["known"] == ""
    assert REFRESH in page

    shop.stand.run_php(f"PayBridge\\Payments::release('{payment['id']}', '{claim}');")
    page = shop.as_("visitor").get(address).text
    assert "<h1>paid</h1>" in page
    assert told_to_script(page)["known"] == "paid"
    assert REFRESH not in page

    shop.stand.run_php(f"PayBridge\\Payments::claim('{payment['id']}', '{order['ref']}');")
    page = shop.as_("visitor").get(address).text
    assert "<h1>paid</h1>" in page
    assert told_to_script(page)["known"] == "", "it is saved, and the theme is being told of it"
    assert REFRESH in page


def test_a_payment_that_is_being_told_of_is_shown_as_it_is_whatever_its_order_had_before(
    shop: Shop, bridge: StubBridge
) -> None:
    order = shop.order(owner=0)
    bridge.add(order["ref"], "declined")
    assert "<h1>declined</h1>" in shop.as_("visitor").get(f"/?detail={order['ref']}").text
    payment = bridge.add(order["ref"], "paid")
    claim = shop.stand.run_php(f"echo PayBridge\\Payments::claim('{payment['id']}', '{order['ref']}');")

    assert "<h1>paid</h1>" in shop.as_("visitor").get(f"/?detail={order['ref']}").text

    shop.stand.run_php(f"PayBridge\\Payments::release('{payment['id']}', '{claim}');")


def test_without_scripts_a_waiting_page_asks_again_and_a_page_to_try_again_stays(
    shop: Shop, bridge: StubBridge
) -> None:
    order = shop.order(owner=0)
    payment = bridge.add(order["ref"], "approving")
    address = f"/?detail={order['ref']}&pay_bridge={payment['id']}&pay_bridge_status=st"
    assert REFRESH in shop.as_("visitor").get(address).text
    assert REFRESH not in shop.as_("visitor").get(f"{address}&pay_bridge_result=closed").text


def test_without_scripts_a_waiting_page_counts_its_looks_and_ends_them(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order(owner=0)
    payment = bridge.add(order["ref"], "approving")
    address = f"/?detail={order['ref']}&pay_bridge={payment['id']}&pay_bridge_status=st"
    page = shop.as_("visitor").get(f"{address}&pay_bridge_looks=58").text
    again = html.unescape(page.partition(REFRESH)[2].partition('"')[0])

    assert again == f"{address}&pay_bridge_looks=59"
    assert REFRESH in shop.as_("visitor").get(again).text
    assert REFRESH not in shop.as_("visitor").get(f"{address}&pay_bridge_looks=60").text


@pytest.mark.parametrize(
    "query",
    [
        "pay_bridge=p_1",
        "pay_bridge_status=x",
        "pay_bridge=<b>&pay_bridge_status=x",
        "pay_bridge=p_1&pay_bridge_status=%22%3E%3Cscript%3E",
        "pay_bridge[]=p_1&pay_bridge_status=x",
    ],
)
def test_anything_else_is_an_ordinary_page(shop: Shop, query: str) -> None:
    page = shop.as_("visitor").get(f"/?{query}").text
    assert "pay-bridge-result" not in page
    assert "result.js" not in page


def test_an_ordinary_page_pays_nothing(shop: Shop) -> None:
    stand = shop.stand
    config = stand.root / "wp-config-bridge.php"
    kept = config.read_text()
    try:
        config.write_text(kept + "define('SAVEQUERIES', true);\n")
        for who in ("visitor", "owner"):
            shop.as_(who).get("/")  # The first view fills what WordPress keeps for later ones.
            page = shop.as_(who).get("/").text
            assert "<!-- ours 0 -->" in page
            assert "pay-bridge/assets" not in page
            with_plugin = int(re.findall(r"<!-- queries (\d+) -->", page)[0])
            stand.wp("plugin", "deactivate", "pay-bridge")
            shop.as_(who).get("/")
            without = int(re.findall(r"<!-- queries (\d+) -->", shop.as_(who).get("/").text)[0])
            stand.wp("plugin", "activate", "pay-bridge")
            assert with_plugin == without
    finally:
        config.write_text(kept)
        stand.wp("plugin", "activate", "pay-bridge")


def test_refresh_asks_once_and_applies_what_it_hears(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"])
    code = (
        f"$ref = '{order['ref']}'; echo wp_json_encode(array("
        "pay_bridge_payment($ref), pay_bridge_refresh($ref)['state'], pay_bridge_payment($ref)['id']));"
    )
    assert json.loads(shop.stand.run_php(code)) == [None, "paid", payment["id"]]
    assert shop.told(order) == [["paid", payment["id"], 0]]
    asked = len(bridge.seen)
    shop.stand.run_php(f"pay_bridge_refresh('{order['ref']}');")
    assert len(bridge.seen) == asked, "what is final is not asked for again"


def test_what_else_the_gateway_says_of_a_payment_stands_there_in_words(shop: Shop, bridge: StubBridge) -> None:
    view = "/wp-admin/admin.php?page=pay-bridge&payment="
    details = {
        "usePointAmt": "1500",
        "naverpoint": "20000",
        "naverpay": "bank",
        "paymethod_group": "35",
        "rebill_no": "7",
        "new": HOSTILE,
        "n": 7,
    }
    told = bridge.add(shop.order()["ref"], gateway_refs={"mul_no": "2001"}, gateway_details=details)
    page = shop.as_("clerk").get(view + told["id"]).text
    assert "mul_no 2001" in page
    assert (
        "카드 포인트 1,500원 · 네이버포인트 20,000원 · 네이버페이 수단 계좌 · 페이코 · 정기결제 번호 7 · new " in page
    )
    assert "<script>alert(" not in page
    plain = bridge.add(shop.order()["ref"])
    assert "네이버" not in shop.as_("clerk").get(view + plain["id"]).text
