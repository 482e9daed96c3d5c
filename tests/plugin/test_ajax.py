"""The names an older theme calls: mainpay_payment_ready, mainpay_payment_cancel; and the token's renewal."""

import json
import time
from urllib.parse import urlsplit

import pytest

from bridge.signing.tokens import open_order
from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge

HERE = {"sec_fetch_site": "same-origin"}


def test_ready_answers_in_the_shape_themes_expect_and_asks_nobody(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    answer = shop.ajax(
        "owner",
        "mainpay_payment_ready",
        {
            "pay_bridge_order": order["ref"],
            "amount": "30000",
            "payment_method": "kakaopay",
            "goods_name": "무엇이든",
            "buyer_name": "남의 이름",
        },
    )
    data = answer.json()["data"]
    assert answer.json()["success"] is True
    assert set(data) == {"payUrl", "refNo", "mbrRefNo"}
    assert data["mbrRefNo"] == order["ref"]
    assert data["payUrl"].startswith(f"{bridge.url}/checkout/v1.k1.")
    opened = open_order(
        urlsplit(data["payUrl"]).path.removeprefix("/checkout/"), {"k1": bridge.key}.get, int(time.time())
    )
    assert opened.jti == data["refNo"]
    assert opened.payload["method"] == "kakaopay"
    sealed = opened.payload["order"]
    assert (sealed["amount"], sealed["title"], sealed["buyer"]["name"]) == (30000, "겨울 나그네", "김하늘")
    assert sealed["hold_expires_at"].endswith("Z")
    assert opened.exp <= order["hold_expires_at"]
    assert bridge.seen == [], "no PHP worker waits for anybody here"
    assert {"no-cache", "no-store", "private"} <= set(answer.headers["cache-control"].split(", "))


@pytest.mark.parametrize("amount", ["1000", "0", "-30000", "3e4", "３００００", "30000.0", "30000 ", "x"])
def test_an_amount_from_the_browser_is_only_compared(shop: Shop, amount: str) -> None:
    order = shop.order()
    answer = shop.ajax("owner", "mainpay_payment_ready", {"pay_bridge_order": order["ref"], "amount": amount})
    expected = amount.strip() == "30000"
    assert answer.json()["success"] is expected
    if not expected:
        assert answer.json()["data"]["code"] == "amount_changed"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": "paid"}, "order_paid"),
        ({"state": "cancelled"}, "order_closed"),
        ({"hold_expires_at": 1}, "hold_expired"),
        ({"owner": 999_999}, "no_order"),
        ({"amount": 30000.5}, "no_order"),
        ({"amount": 0}, "no_order"),
        ({"result_url": "https://elsewhere.example/x"}, "no_order"),
        ({"retry_url": "https://elsewhere.example/x"}, "no_order"),
    ],
)
def test_an_order_that_cannot_be_paid_gets_no_token(shop: Shop, change: dict[str, object], code: str) -> None:
    order = shop.order(**change)
    for action in ("mainpay_payment_ready", "pay_bridge_token"):
        answer = shop.ajax("owner", action, {"pay_bridge_order": order["ref"], "order": order["ref"]})
        assert answer.json()["success"] is False
        assert answer.json()["data"]["code"] == code
        assert answer.json()["data"]["message"]


def test_a_guest_pays_an_order_whose_reference_he_knows(shop: Shop) -> None:
    order = shop.order(owner=0)
    assert shop.ajax("visitor", "mainpay_payment_ready", {"pay_bridge_order": order["ref"]}).json()["success"] is True
    assert (
        shop.ajax("visitor", "mainpay_payment_ready", {"pay_bridge_order": order["ref"][:-1] + "z"}).json()["success"]
        is False
    )


@pytest.mark.parametrize("action", ["mainpay_payment_ready", "pay_bridge_token", "mainpay_payment_cancel"])
def test_another_site_cannot_cause_it(shop: Shop, action: str) -> None:
    order, _ = shop.paid(cancel=True) if action.endswith("cancel") else (shop.order(), None)
    fields = {"pay_bridge_order": order["ref"], "order": order["ref"]}
    for headers in (
        {"origin": "https://evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"origin": "null"},
        {"origin": "https://evil.example", "sec_fetch_site": "same-origin"},
    ):
        answer = shop.ajax("owner", action, fields, **headers)
        assert answer.status_code == 403, headers
    assert shop.told(order) in ([], shop.told(order)[:1])


def test_cancel_without_nonce_and_without_a_word_of_the_browser_is_refused(shop: Shop, bridge: StubBridge) -> None:
    order, payment = shop.paid(cancel=True)
    answer = shop.ajax("owner", "mainpay_payment_cancel", {"mbr_ref_no": order["ref"]})
    assert (answer.status_code, answer.json()["data"]["code"]) == (403, "bad_intent")
    answer = shop.ajax("owner", "mainpay_payment_cancel", {"mbr_ref_no": order["ref"], "_wpnonce": "abc"}, **HERE)
    assert answer.json()["data"]["code"] == "bad_intent", "a wrong nonce is not made up for by a header"
    assert bridge.payments[payment["id"]]["state"] == "paid"


@pytest.mark.parametrize("name", ["order", "payment", "gateway"])
def test_cancel_knows_every_reference_of_the_order(shop: Shop, bridge: StubBridge, name: str) -> None:
    order, payment = shop.paid(cancel=True)
    reference = {"order": order["ref"], "payment": payment["id"], "gateway": "R" + payment["id"]}[name]
    answer = shop.ajax(
        "owner",
        "mainpay_payment_cancel",
        {"ref_no": reference, "mbr_ref_no": "", "cancel_reason": "변심"},
        origin=shop.stand.url,
    )
    assert answer.json()["success"] is True, answer.text
    assert bridge.asked("POST", ".*/refunds")[0].json == {"reason": "변심", "actor": "buyer"}
    assert shop.told(order)[-1] == ["refunded", payment["id"], 30000]


def test_a_long_reason_is_cut_to_what_the_bridge_takes(shop: Shop, bridge: StubBridge) -> None:
    order, _ = shop.paid(cancel=True)
    fields = {"mbr_ref_no": order["ref"], "cancel_reason": "일정이 바뀌었어요. " * 40}
    assert shop.ajax("owner", "mainpay_payment_cancel", fields, **HERE).json()["success"] is True
    assert len(bridge.asked("POST", ".*/refunds")[0].json["reason"]) <= 200


def test_whoever_cancels_an_order_gives_back_none_whose_reference_differs_by_capitals(
    shop: Shop, bridge: StubBridge
) -> None:
    shop.paid(ref="seat-of-kim", cancel=True)
    unpaid = shop.order(ref="SEAT-of-Kim", cancel=True)
    for who in ("owner", "clerk"):
        answer = shop.ajax(who, "mainpay_payment_cancel", {"mbr_ref_no": unpaid["ref"]}, **HERE)
        assert (answer.status_code, answer.json()["data"]["code"]) == (409, "nothing_to_refund")
    assert bridge.asked("POST", ".*/refunds") == []

    payment = bridge.add(unpaid["ref"])
    assert shop.news(payment, 1).status_code == 200
    assert shop.ajax("owner", "mainpay_payment_cancel", {"mbr_ref_no": unpaid["ref"]}, **HERE).json()["success"] is True
    assert [one.path for one in bridge.asked("POST", ".*/refunds")] == [f"/v1/payments/{payment['id']}/refunds"]


def test_references_of_two_orders_cancel_neither(shop: Shop, bridge: StubBridge) -> None:
    _, paid_first = shop.paid(cancel=True)
    second, _ = shop.paid(cancel=True)
    answer = shop.ajax(
        "owner", "mainpay_payment_cancel", {"ref_no": "R" + paid_first["id"], "mbr_ref_no": second["ref"]}, **HERE
    )
    assert answer.status_code == 403
    assert bridge.asked("POST", ".*/refunds") == []


@pytest.mark.parametrize(
    ("change", "who"),
    [
        ({"cancel": False}, "owner"),
        ({"cancel": True, "show_at": 1}, "owner"),
        ({"cancel": True}, "stranger"),
        ({"cancel": 1}, "owner"),
        ({"cancel": True, "owner": 0}, "stranger"),
    ],
)
def test_a_buyer_cannot_cancel_when_the_shop_says_no_or_the_show_began(
    shop: Shop, bridge: StubBridge, change: dict[str, object], who: str
) -> None:
    order, _ = shop.paid(**change)
    assert shop.ajax(who, "mainpay_payment_cancel", {"mbr_ref_no": order["ref"]}, **HERE).status_code == 403
    assert bridge.asked("POST", ".*/refunds") == []


@pytest.mark.parametrize("amount", ["1", "29999", "60000", "-1", "3e4"])
def test_cancel_refuses_an_amount_that_is_not_the_payments(shop: Shop, bridge: StubBridge, amount: str) -> None:
    order, _ = shop.paid(cancel=True)
    answer = shop.ajax("owner", "mainpay_payment_cancel", {"mbr_ref_no": order["ref"], "amount": amount}, **HERE)
    assert answer.json()["data"]["code"] == "amount_changed"
    assert bridge.asked("POST", ".*/refunds") == []


def test_cancelling_twice_refunds_once(shop: Shop, bridge: StubBridge) -> None:
    order, payment = shop.paid(cancel=True)
    answers = [shop.ajax("owner", "mainpay_payment_cancel", {"mbr_ref_no": order["ref"]}, **HERE) for _ in range(2)]
    assert [answer.json()["success"] for answer in answers] == [True, False]
    assert answers[1].json()["data"]["code"] == "nothing_to_refund"
    assert bridge.payments[payment["id"]]["refunded"] == 30000


def test_a_buyer_is_never_told_what_the_shop_has_to_wire(shop: Shop, bridge: StubBridge) -> None:
    may = {"refund": "never", "refundable": 0, "why": "환불을 기다려요.", "for_clerk": "국민은행 1로 보내야 해요."}
    order, payment = shop.paid(cancel=True)
    bridge.add(order["ref"], id=payment["id"], allowed=may)
    answer = shop.ajax("owner", "mainpay_payment_cancel", {"mbr_ref_no": order["ref"]}, **HERE)
    kept = json.loads(shop.stand.run_php(f"echo wp_json_encode(pay_bridge_payment('{order['ref']}'));"))
    page = shop.as_("clerk").get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}").text

    assert answer.json()["data"] == {"message": "환불을 기다려요.", "code": "nothing_to_refund"}
    assert kept["allowed"] == {"refund": "never", "refundable": 0, "why": "환불을 기다려요."}
    assert "<p>국민은행 1로 보내야 해요.</p>" in page, "a clerk reads it"
    assert "환불을 기다려요." not in page


def test_a_refusal_shows_the_gateways_own_words(shop: Shop, bridge: StubBridge) -> None:
    order, _ = shop.paid(cancel=True)
    bridge.refund_states.append({"state": "refused", "code": "3003", "message": "취소 기간이 <b>지났습니다</b>."})
    answer = shop.ajax("owner", "mainpay_payment_cancel", {"mbr_ref_no": order["ref"]}, **HERE)
    assert answer.json() == {"success": False, "data": {"message": "취소 기간이 <b>지났습니다</b>.", "code": "3003"}}
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("state", ["unknown", "sending", "accepted", "needs_human"])
def test_an_outcome_nobody_knows_is_not_called_a_failure(shop: Shop, bridge: StubBridge, state: str) -> None:
    order, _ = shop.paid(cancel=True)
    bridge.refund_states.append({"state": state, "pay_back": {"amount": 30000, "account": "국민은행 1"}})
    answer = shop.ajax("owner", "mainpay_payment_cancel", {"mbr_ref_no": order["ref"]}, **HERE).json()
    assert (answer["success"], answer["data"]["state"]) == (True, state)
    assert "국민은행" not in str(answer), "that is between the shop and its gateway"
    assert "실패" not in answer["data"]["message"]


def test_the_themes_own_handlers_never_run(shop: Shop) -> None:
    order = shop.order()
    for who in ("visitor", "owner"):
        for action in ("mainpay_payment_cancel", "mainpay_payment_ready"):
            assert "the old handler ran" not in shop.ajax(who, action, {"pay_bridge_order": order["ref"]}).text


def test_the_token_is_renewed_for_the_same_order(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    data = shop.ajax("owner", "pay_bridge_token", {"order": order["ref"]}, **HERE).json()["data"]
    opened = open_order(data["token"], {"k1": bridge.key}.get, int(time.time()))
    assert opened.payload["order"]["ref"] == order["ref"]
    assert opened.exp == data["expires_at"]


def test_the_shops_own_app_is_led_to_the_window_for_apps(shop: Shop) -> None:
    order = shop.order()
    led = [
        urlsplit(
            shop.ajax(
                "owner", "mainpay_payment_ready", {"pay_bridge_order": order["ref"]}, **HERE, user_agent=agent
            ).json()["data"]["payUrl"]
        ).query
        for agent in ("TestShopApp/app", "TestShopApp/toaster", "Mozilla/5.0")
    ]
    assert led == ["device=app", "", ""]
