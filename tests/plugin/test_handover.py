"""After a restore the plugin hands over what it knows: when asked, at page views, by cron and from the command line."""

import json
import time
from typing import Any

import pytest

from bridge.signing.news import headers
from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge

HANDED = "delete_option('pay_bridge_handed'); update_option('pay_bridge_gap', 0);"


@pytest.fixture
def restored(shop: Shop, bridge: StubBridge) -> StubBridge:
    """A bridge whose books were restored just now, and a plugin that was never asked before."""
    shop.stand.run_php(HANDED)
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    bridge.gap = {"gap": True, "since": now, "restored_at": now, "complete": False}
    return bridge


def ask(shop: Shop, bridge: StubBridge, key: bytes | None = None) -> Any:
    body = b'{"type":"reconcile"}'
    signed = headers([key or bridge.key.news], "m_reconcile", int(time.time()), body)
    return shop.post_news({"Content-Type": "application/json"} | signed, body, "reconcile")


def attested(shop: Shop, bridge: StubBridge, attestation: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order that was paid, and its payment with an attestation."""
    order = shop.order()
    payment = bridge.add(order["ref"], "paid", 30000, attestation=attestation)
    assert shop.news(payment, 1).status_code == 200
    return order, payment


def flag(shop: Shop) -> int:
    return int(shop.stand.run_php("echo (int) get_option('pay_bridge_gap');"))


def refund(shop: Shop, payment: dict[str, Any]) -> dict[str, Any]:
    """Refund 1,000 KRW as a theme or a command does, whatever comes of it."""
    code = (
        "$key = PayBridge\\Client::idempotency_key(); $refund = PayBridge\\Refund::ask(PayBridge\\Client::of_site(),"
        f" '{payment['id']}', 1000, 'x', 'wp:cli', $key);"
        " echo wp_json_encode(array('key' => $key, 'state' => $refund->state, 'message' => $refund->message));"
    )
    told: dict[str, Any] = json.loads(shop.stand.run_php(code))
    return told


def test_asked_by_the_bridge_every_payment_goes_with_its_attestation(shop: Shop, restored: StubBridge) -> None:
    order, payment = attested(shop, restored, "g1.sealed")
    answer = ask(shop, restored)

    assert answer.status_code == 200
    assert answer.json()["state"] == "complete"
    (known,) = [one for one in restored.handed if one["id"] == payment["id"]]
    assert known == {
        "id": payment["id"],
        "state": "paid",
        "version": payment["version"],
        "seq": 1,
        "amount": 30000,
        "refunded": 0,
        "attestation": payment["attestation"],
        "asked": [],
    }
    assert restored.gap["complete"] is True
    assert ask(shop, restored).json()["payments"] == 0, "what was handed over is not handed over again"
    assert order["ref"] not in json.dumps(restored.handed), "no order, no buyer"


def test_what_the_database_does_not_give_is_not_called_all_there_is(shop: Shop, restored: StubBridge) -> None:
    """A lost connection, a table to be repaired: nothing is read, which is not that there is nothing."""
    _, payment = attested(shop, restored, "g1.sealed")
    broken = shop.stand.root / "wp-content" / "mu-plugins" / "broken.php"
    broken.write_text(
        "<?php add_filter('query', static function ($query) { global $wpdb; $wpdb->suppress_errors();"
        " return preg_match('/^SELECT.*pay_bridge_payments.*ORDER BY updated_at/s', $query)"
        " ? 'SELECT x FROM no_such_table' : $query; });"
    )
    try:
        answer = ask(shop, restored)
    finally:
        broken.unlink()
    assert answer.json()["state"] == "more"
    assert (restored.handed, restored.gap["complete"]) == ([], False)
    assert ask(shop, restored).json()["state"] == "complete"
    assert payment["id"] in [one["id"] for one in restored.handed]


def test_to_the_same_backup_restored_once_more_everything_is_handed_over_again(
    shop: Shop, restored: StubBridge
) -> None:
    """What went to the books that were put aside is not in these."""
    _, payment = attested(shop, restored, "g1.sealed")
    assert ask(shop, restored).json()["state"] == "complete"
    restored.gap |= {"complete": False, "restored_at": "2026-01-02T20:00:00.000Z"}
    restored.handed.clear()
    assert ask(shop, restored).json()["state"] == "complete"

    assert payment["id"] in [one["id"] for one in restored.handed]


def test_only_the_bridge_may_ask(shop: Shop, restored: StubBridge) -> None:
    assert ask(shop, restored, key=b"x" * 32).status_code == 401
    assert restored.handed == []


def test_many_payments_go_page_by_page_and_once(shop: Shop, restored: StubBridge) -> None:
    made = [attested(shop, restored, "g1." + "x" * 6000)[1]["id"] for _ in range(3)]
    shop.stand.run_php(
        "global $wpdb; for ($i = 0; $i < 120; $i++) { $wpdb->insert($wpdb->prefix . 'pay_bridge_payments', array("
        "'payment_id' => sprintf('many-%03d', $i), 'order_ref' => 'many', 'state' => 'declined', 'amount' => 1000,"
        " 'version' => 3, 'seq' => 1, 'created_at' => time(), 'updated_at' => time(), 'snapshot' => wp_json_encode("
        "array('attestation' => str_repeat('y', 6000))))); }"
    )
    try:
        told = shop.stand.wp("pay-bridge", "reconcile")
        names = [one["id"] for one in restored.handed]
        assert "complete: " in told
        assert len(names) == len(set(names))
        assert {f"many-{number:03}" for number in range(120)} | set(made) <= set(names)
        sizes = [len(one.body) for one in restored.asked("POST", "/v1/reconciliation")]
        assert len(sizes) >= 4
        assert max(sizes) < 300_000
    finally:
        shop.stand.run_php(
            "global $wpdb; $wpdb->query(\"DELETE FROM {$wpdb->prefix}pay_bridge_payments WHERE order_ref = 'many'\");"
        )


def test_what_changed_long_before_the_backup_is_not_handed_over(shop: Shop, restored: StubBridge) -> None:
    _, payment = shop.paid()
    shop.stand.run_php(
        "global $wpdb; $wpdb->update($wpdb->prefix . 'pay_bridge_payments', array('updated_at' => time() - 86400),"
        f" array('payment_id' => '{payment['id']}'));"
    )
    ask(shop, restored)

    assert payment["id"] not in [one["id"] for one in restored.handed]


def test_a_refund_refused_meanwhile_wakes_the_plugin_and_is_told_when_it_is_asked(
    shop: Shop, restored: StubBridge
) -> None:
    _, payment = shop.paid()
    told = refund(shop, payment)
    assert told["state"] == "no_answer", "not known yet"
    assert abs(int(told["key"][:8], 16) - time.time()) < 30, "a key begins with its time"
    assert told["message"] in ("결제 기록을 맞춰 보고 있어요.", "Wait.")
    assert flag(shop) > 0

    shop.as_("visitor").get("/")
    deadline = time.monotonic() + 15
    while not restored.gap["complete"]:
        assert time.monotonic() < deadline, "a page view goes on"
        time.sleep(0.2)
    (known,) = [one for one in restored.handed if one["id"] == payment["id"]]
    assert [(one["key"], one["amount"]) for one in known["asked"]] == [(told["key"], 1000)]


def test_a_refund_whose_end_is_known_is_forgotten(shop: Shop, restored: StubBridge) -> None:
    restored.gap["gap"] = False
    _, payment = shop.paid()
    restored.refund_states = [{"state": "refused", "message": "안 돼요"}, {"state": "unknown"}, {"state": "done"}]
    for _ in range(3):
        refund(shop, payment)
    restored.gap["gap"] = True
    ask(shop, restored)

    (known,) = [one for one in restored.handed if one["id"] == payment["id"]]
    assert [one["amount"] for one in known["asked"]] == [1000], "only the one that nobody knows of"


@pytest.mark.parametrize(("then", "handed"), [("refused", False), ("unknown", True)])
def test_a_refund_that_is_asked_again_by_the_same_key_is_of_its_last_time_and_forgotten_alike(
    shop: Shop, restored: StubBridge, then: str, handed: bool
) -> None:
    """By its first time it passed for one that was in the backup or had never arrived; and was not forgotten."""
    _, payment = shop.paid()
    key = f"{int(time.time()):08x}" + "ab" * 12
    asks = f"PayBridge\\Refund::ask(PayBridge\\Client::of_site(), '{payment['id']}', 1000, 'x', 'wp:cli', '{key}');"
    shop.stand.run_php(asks)
    restored.gap["gap"] = False
    restored.refund_states = [{"state": then}]
    time.sleep(2.0)  # the note bears whole seconds, and the second asking must be later
    again = int(time.time())
    shop.stand.run_php(asks)
    restored.gap["gap"] = True
    ask(shop, restored)

    (known,) = [one for one in restored.handed if one["id"] == payment["id"]]
    assert [(one["key"], one["at"] >= again) for one in known["asked"]] == ([(key, True)] if handed else [])


def test_when_the_gap_is_over_page_views_cost_nothing_again(shop: Shop, restored: StubBridge) -> None:
    ask(shop, restored)
    assert flag(shop) > 0
    restored.gap = {"gap": False}
    shop.stand.wp("pay-bridge", "reconcile")
    assert flag(shop) == 0
    restored.seen.clear()
    shop.as_("visitor").get("/")
    time.sleep(0.5)

    assert restored.asked("GET", "/v1/reconciliation") == []
