"""News of the bridge: forged, old, repeated, out of order, of a wrong amount, twice at once, interrupted."""

import json
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bridge.signing.news import headers
from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge


def test_a_paid_order_is_told_to_the_shop_once(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"])
    answer = shop.news(payment, 1)
    assert (answer.status_code, answer.json()["ok"], answer.json()["seq"]) == (200, True, 1)
    assert shop.told(order) == [["paid", payment["id"], 0]]
    assert shop.news(payment, 1).status_code == 200
    assert len(shop.told(order)) == 1


def test_the_same_message_twice_is_done_once(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    signed, body = bridge.message(bridge.add(order["ref"]), 1)
    assert [shop.post_news(signed, body).status_code for _ in range(2)] == [200, 200]
    assert len(shop.told(order)) == 1


@pytest.mark.parametrize(
    "forgery", ["another key", "another body", "no signature", "121 seconds old", "121 seconds early"]
)
def test_a_forged_or_stale_message_changes_nothing(shop: Shop, bridge: StubBridge, forgery: str) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"])
    shift = {"121 seconds old": -125, "121 seconds early": 125}.get(forgery, 0)
    signed, body = bridge.message(
        payment, 1, at=int(time.time()) + shift, key=b"x" * 32 if forgery == "another key" else None
    )
    if forgery == "another body":
        body = body.replace(b"30000", b"1")
    if forgery == "no signature":
        del signed["webhook-signature"]
    answer = shop.post_news(signed, body)
    assert answer.status_code == 401
    assert answer.json()["code"] in ("bad_signature", "clock_skew")
    assert shop.told(order) == []


def test_a_genuine_message_about_a_payment_the_bridge_does_not_know_pays_nothing(
    shop: Shop, bridge: StubBridge
) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"])
    bridge.payments.pop(payment["id"])
    assert shop.news(payment, 1).json() == {"ok": False, "code": "unconfirmed"}
    assert shop.told(order) == []


def test_a_message_that_exaggerates_is_not_believed(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    open_payment = bridge.add(order["ref"], "open")
    assert shop.news(open_payment | {"state": "paid"}, 1).status_code == 200
    assert shop.told(order) == [], "the bridge itself says that the window is still open"


def test_another_amount_is_not_paid_and_stands_above_the_list(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"], amount=29000)
    answer = shop.news(payment, 1)
    assert (answer.status_code, answer.json()["code"]) == (409, "amount_mismatch")
    assert shop.told(order) == []
    page = shop.as_("clerk").get("/wp-admin/admin.php?page=pay-bridge").text
    assert order["ref"] in page.split("<form")[0]
    shop.order(**{**order, "amount": 29000})
    assert shop.news(payment, 1).status_code == 200
    assert shop.told(order) == [["paid", payment["id"], 0]]
    assert order["ref"] not in shop.as_("clerk").get("/wp-admin/admin.php?page=pay-bridge").text.split("<form")[0]


def test_a_message_of_an_order_the_shop_does_not_know_is_refused(shop: Shop, bridge: StubBridge) -> None:
    assert shop.news(bridge.add("unknown-order"), 1).json()["code"] == "order_unknown"


def test_refunded_before_paid_does_not_bring_the_order_back(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    paid = bridge.add(order["ref"])
    refunded = bridge.add(order["ref"], "refunded", id=paid["id"], refunded=30000)
    assert shop.news(refunded, 2).status_code == 200
    assert shop.news(paid, 1).status_code == 200
    assert shop.told(order) == [["refunded", paid["id"], 30000]]


def test_a_part_refund_heard_first_tells_paid_before_it(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"], "part_refunded", refunded=10000)
    assert shop.news(payment, 2).status_code == 200
    assert shop.told(order) == [["paid", payment["id"], 10000], ["refunded", payment["id"], 10000]]


def test_each_refund_is_told_with_what_was_refunded_so_far(shop: Shop, bridge: StubBridge) -> None:
    order, payment = shop.paid()
    for seq, (refunded, state) in enumerate(
        [(10000, "part_refunded"), (25000, "part_refunded"), (30000, "refunded")], start=2
    ):
        assert shop.news(bridge.add(order["ref"], state, id=payment["id"], refunded=refunded), seq).status_code == 200
    assert shop.told(order) == [
        ["paid", payment["id"], 0],
        *[["refunded", payment["id"], sum_] for sum_ in (10000, 25000, 30000)],
    ]


def test_a_refund_that_was_not_made_is_told_once_with_a_note_in_the_gateways_words(
    shop: Shop, bridge: StubBridge
) -> None:
    order, payment = shop.paid()
    asked = {"amount": 10000, "reason": "관객 요청", "actor": "wp:7", "created_at": "2026-11-20T12:00:00.000Z"}
    done = asked | {"id": "r_1", "state": "done"}
    refused = asked | {"id": "r_2", "state": "refused", "code": "9999", "message": "취소 기한이 <지난> 거래예요"}
    unsent = asked | {"id": "r_3", "state": "not_sent", "message": "the connection was refused"}
    pending = asked | {"id": "r_4", "state": "unknown", "message": "no answer within 30 s"}
    many: list[list[dict[str, Any]]] = [[done], [done, refused], [done, refused], [done, refused, unsent, pending]]
    for seq, refunds in enumerate(many, start=2):
        bridge.add(order["ref"], "part_refunded", id=payment["id"], refunded=10000, refunds=refunds)
        news = bridge.payments[payment["id"]]
        assert shop.news(news, seq, type="payment.refund_refused").status_code == 200

    told = [one[2] for one in shop.told(order) if one[0] == "refund_refused"]
    assert [one[1] for one in told] == [
        "10,000원 환불이 되지 않았어요. 결제사가 환불을 거절했어요: 취소 기한이 <지난> 거래예요",
        "10,000원 환불이 되지 않았어요. 환불 요청을 보내지 못했어요. 돈은 움직이지 않았으니 다시 시도할 수 있어요.",
    ]
    assert [sorted(one[0]) for one in told] == [["amount", "created_at", "id", "state"]] * 2, "reasons are the clerk's"
    page = shop.as_("clerk").get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}").text
    said = dict(re.findall(r'<p data-refund="([a-z_]+)">(.*?)</p>', page))
    assert "<strong>" in said["refused"]
    assert "거절했어요: 취소 기한이 &lt;지난&gt; 거래예요" in said["refused"]
    assert "<strong>" not in said["done"], "only what was not made stands out"
    assert not any("connection" in words or "within" in words for words in said.values()), "our words are for the log"


def test_a_late_failure_of_another_attempt_does_not_touch_a_paid_order(shop: Shop, bridge: StubBridge) -> None:
    order, payment = shop.paid()
    assert shop.news(bridge.add(order["ref"], "expired"), 1).status_code == 200
    assert shop.told(order) == [["paid", payment["id"], 0]]


def test_a_late_failure_of_another_attempt_does_not_touch_an_order_that_found_money_has_paid(
    shop: Shop, bridge: StubBridge
) -> None:
    """The state of a payment whose money people let pay for the order stays what it was: ended."""
    order = shop.order()
    payment = bridge.add(order["ref"], "expired", adopted=True, orphaned=30000)
    assert shop.news(payment, 1).status_code == 200
    assert shop.news(bridge.add(order["ref"], "expired"), 1).status_code == 200
    assert shop.told(order) == [["paid", payment["id"], 0]]
    assert shop.stand.run_php(f"echo pay_bridge_payment('{order['ref']}')['id'];") == payment["id"]


@pytest.mark.parametrize("by", ["paid_by", "held_by"])
def test_an_end_that_overtook_the_news_of_the_payment_that_counts_is_not_told(
    shop: Shop, bridge: StubBridge, by: str
) -> None:
    """After hours in which WordPress took no news: what failed to be told waits longer than what is told first."""
    order = shop.order()
    stands = {"ref": order["ref"], "version": 1, "state": "paid" if by == "paid_by" else "open", by: "p_unheard"}
    assert shop.news(bridge.add(order["ref"], "expired", order=stands), 1).status_code == 200
    assert shop.told(order) == []
    ended = bridge.add(shop.order()["ref"], "expired")
    stands = {"ref": ended["order_ref"], "version": 1, "state": "paid", "paid_by": ended["id"]}
    assert shop.news(bridge.add(ended["order_ref"], "expired", id=ended["id"], order=stands), 1).status_code == 200
    assert shop.told({"ref": ended["order_ref"]}) == [["failed", ended["id"], 0]]


@pytest.mark.parametrize("state", ["awaiting_deposit", "approving", "unknown", "needs_human"])
def test_an_earlier_window_that_ends_does_not_touch_an_order_that_another_payment_may_pay(
    shop: Shop, bridge: StubBridge, state: str
) -> None:
    """Who closes the card's window and takes an account instead keeps the seats until the deposit is due."""
    order = shop.order()
    closed = bridge.add(order["ref"], "open")
    assert shop.news(bridge.add(order["ref"], state), 1).status_code == 200
    before = shop.told(order)
    assert shop.news(bridge.add(order["ref"], "expired", id=closed["id"]), 1).status_code == 200
    assert shop.told(order) == before


def test_a_declined_payment_is_told_as_failed(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"], "declined")
    assert shop.news(payment, 1).status_code == 200
    assert shop.told(order) == [["failed", payment["id"], 0]]


def test_money_found_that_pays_for_the_order_is_told_as_paid(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"], "expired")
    shop.news(payment, 1)
    shop.news(bridge.add(order["ref"], "expired", id=payment["id"], adopted=True, orphaned=30000), 2)
    assert shop.told(order) == [["failed", payment["id"], 0], ["paid", payment["id"], 0]]


def test_an_order_whose_reference_differs_by_capitals_alone_is_another(shop: Shop, bridge: StubBridge) -> None:
    """A database compares letters without regard to capitals."""
    order, _ = shop.paid(ref="order-abc")
    other = shop.order(ref="ORDER-ABC")
    assert shop.stand.run_php(f"echo wp_json_encode(pay_bridge_payment('{other['ref']}'));") == "null"
    assert shop.news(bridge.add(other["ref"], "declined"), 1).status_code == 200
    assert [one[0] for one in shop.told(other)] == ["failed"]
    assert [one[0] for one in shop.told(order)] == ["paid"]


def test_a_payment_cannot_change_its_order(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    other = shop.order()
    moved = bridge.add(other["ref"], id=payment["id"])
    assert shop.news(moved, 2).json()["code"] == "foreign"
    assert shop.told(other) == []


def test_the_same_news_twelve_times_at_once_is_told_once(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order(slow_us=200_000)
    payment = bridge.add(order["ref"])
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: shop.news(payment, 1), range(12)))
    assert shop.told(order) == [["paid", payment["id"], 0]]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert any(answer.status_code == 200 for answer in answers)
    assert all(answer.json()["code"] == "busy" for answer in answers if answer.status_code == 409)


def test_news_interrupted_in_the_shop_are_told_again_after_the_claim_ends(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"])
    (shop.stand.directory / "die-once").touch()
    signed, body = bridge.message(payment, 1)
    shop.post_news(signed, body)
    assert shop.post_news(signed, body).json()["code"] == "busy"
    shop.stand.run_php(
        'global $wpdb; $wpdb->query("UPDATE {$wpdb->prefix}pay_bridge_payments SET claim_ends = 1'
        f" WHERE payment_id = '{payment['id']}'\");"
    )
    assert shop.post_news(signed, body).status_code == 200
    assert shop.told(order) == [["paid", payment["id"], 0]] * 2
    assert shop.post_news(signed, body).status_code == 200
    assert len(shop.told(order)) == 2


def test_a_snapshot_is_kept_in_letters_that_every_table_takes(shop: Shop, bridge: StubBridge) -> None:
    """A table of MySQL's old "utf8" refuses a row with an emoji in it, and so would the message be for ever."""
    order = shop.order()
    payment = bridge.add(order["ref"], "declined", message='한도를 넘었어요 🙈 \\ "')
    assert shop.news(payment, 1).status_code == 200
    kept = "$wpdb->get_var(\"SELECT snapshot FROM {$wpdb->prefix}pay_bridge_payments WHERE payment_id = '%s'\")"
    assert shop.stand.run_php(f"global $wpdb; echo {kept % payment['id']};").isascii()
    told = shop.stand.run_php(f"echo pay_bridge_payment('{order['ref']}')['message'];")
    assert told == payment["message"]


@pytest.mark.parametrize("fails", ["snapshot", "told_paid"])
def test_what_the_database_did_not_take_is_not_called_heard(shop: Shop, bridge: StubBridge, fails: str) -> None:
    """A full disk, a lock that was not given: the message comes again."""
    order = shop.order()
    payment = bridge.add(order["ref"])
    broken = shop.stand.root / "wp-content" / "mu-plugins" / "broken.php"
    broken.write_text(
        "<?php add_filter('query', static function ($query) { global $wpdb; $wpdb->suppress_errors();"
        f" return preg_match('/^UPDATE.*pay_bridge_payments.*{fails}/s', $query) ? 'UPDATE no_such_table SET x = 1'"
        " : $query; });"
    )
    try:
        answer = shop.news(payment, 1)
    finally:
        broken.unlink()
    assert (answer.status_code, answer.json()["code"]) == (409, "busy")
    again = [] if fails == "snapshot" else shop.told(order)
    assert shop.told(order) == again
    shop.stand.run_php('global $wpdb; $wpdb->query("UPDATE {$wpdb->prefix}pay_bridge_payments SET claim_ends = 0");')
    assert shop.news(payment, 1).status_code == 200
    assert shop.told(order) == [*again, ["paid", payment["id"], 0]]
    assert shop.stand.run_php(f"echo pay_bridge_payment('{order['ref']}')['state'];") == "paid"


@pytest.mark.parametrize(
    "change",
    [{"seq": "1"}, {"seq": 0}, {"order": {"ref": "other"}}, {"order": 3}, {"payment": {"id": "x"}}, {"type": 7}],
)
def test_a_malformed_message_is_refused(shop: Shop, bridge: StubBridge, change: dict[str, object]) -> None:
    order = shop.order()
    message = {
        "type": "payment.paid",
        "seq": 1,
        "order": {"ref": order["ref"]},
        "payment": bridge.add(order["ref"]),
    } | change
    body = json.dumps(message).encode()
    answer = shop.post_news(headers([bridge.key.news], f"m_{secrets.token_hex(8)}", int(time.time()), body), body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize(
    "payment",
    [{"amount": 30000.0}, {"amount": "30000"}, {"amount": -1}, {"currency": "USD"}, {"id": "../x"}, {"state": "<b>"}],
)
def test_a_payment_of_another_form_is_refused(shop: Shop, bridge: StubBridge, payment: dict[str, object]) -> None:
    order = shop.order()
    known = bridge.add(order["ref"])
    assert shop.news(known | payment, 1).status_code == 400
    assert shop.told(order) == []


def test_a_round_that_could_not_be_charged_is_told_to_the_theme_when_the_bridge_says_so_too(
    shop: Shop, bridge: StubBridge
) -> None:
    order, payment = shop.paid()
    heard = "get_option('t_failed', array())"
    added = f"array_merge({heard}, array(array($plan['message'], $payment['order_ref'])))"
    listener = shop.stand.root / "wp-content" / "mu-plugins" / "round-failed.php"
    listener.write_text(
        "<?php add_action('pay_bridge_plan_round_failed', static function ($plan, $payment) {"
        f" update_option('t_failed', {added}); }}, 10, 2);"
    )
    plan = {"id": "l_1", "customer": "wp:9", "message": "told"}
    news = {"type": "plan.round_failed", "plan": plan}
    bridge.scripted["GET /v1/plans/l_1"] = (200, plan)
    assert shop.news(payment, 3, **news).json()["code"] == "unconfirmed"
    bridge.scripted["GET /v1/plans/l_1"] = (
        200,
        plan | {"message": "seen", "last_failure": {"at": "2026-11-25T00:00:00Z"}},
    )
    assert shop.news(payment, 3, **news | {"plan": "x"}).json()["code"] == "unconfirmed"
    assert json.loads(shop.stand.run_php(f"echo wp_json_encode({heard});")) == []
    signed, body = bridge.message(payment, 3, **news)
    assert [shop.post_news(signed, body).status_code for _ in range(2)] == [200, 200]
    assert json.loads(shop.stand.run_php(f"echo wp_json_encode({heard});")) == [["seen", order["ref"]]]
    listener.unlink()


def test_a_theme_is_given_what_it_needs_and_nothing_of_the_clerks(shop: Shop, bridge: StubBridge) -> None:
    listener = shop.stand.root / "wp-content" / "mu-plugins" / "given.php"
    listener.write_text(
        "<?php foreach (array('paid', 'refunded') as $event) { add_action('pay_bridge_' . $event,"
        " static function ($ref, $payment) use ($event) { update_option('t_given_' . $event, $payment); }, 10, 2); }"
    )
    secret = {
        "attestation": "sealed", "gateway_refs": {"refNo": "R1"}, "gateway_details": {"rebill_no": "1"},
        "timeline": [{"actor": "wp:7"}], "buyer_name": "김하늘", "window_url": "https://gateway.example/w", "new": "x",
    }  # fmt: skip
    may = {"refund": "full_or_part", "refundable": 30000, "why": "", "for_clerk": "국민은행 1로 보내야 해요."}
    shown = {"receipt_url": "https://gateway.example/slip", "paid_at": "2026-11-20T12:00:00Z", "merchant_ref": "M1"}
    order = shop.order()
    payment = bridge.add(order["ref"], allowed=may, **shown, **secret)
    assert shop.news(payment, 1).status_code == 200
    refund = {"id": "f_1", "amount": 1000, "state": "done", "items": ["seat-1"], "actor": "wp:7", "reason": "단순 변심"}
    payment = bridge.add(
        order["ref"], "part_refunded", id=payment["id"], refunded=1000, allowed=may, refunds=[refund], **shown, **secret
    )
    assert shop.news(payment, 2).status_code == 200
    php = "array_map('get_option', array('t_given_paid', 't_given_refunded'))"
    tag = f"array(pay_bridge_payment('{order['ref']}'), pay_bridge_refresh('{order['ref']}'))"
    given = json.loads(shop.stand.run_php(f"echo wp_json_encode(array_merge({php}, {tag}));"))
    listener.unlink()

    for one in given:
        assert not (secret.keys() | {"version", "site"}) & one.keys()
        assert one["allowed"].keys() == {"refund", "refundable", "why"}
        assert (one["id"], one["amount"], one["receipt_url"]) == (payment["id"], 30000, shown["receipt_url"])
        assert "국민은행" not in str(one)
        assert "wp:7" not in str(one)
    assert given[1]["refunds"] == [{name: refund[name] for name in ("id", "amount", "state", "items")}]
    assert given[1]["card"] == {"number": "123456******7890"}
