"""For whoever runs the site: settings, health, Site Health, the command line, the hourly question, a wrong clock."""

import calendar
import json
import re
import subprocess
import time
from typing import Any

import pytest

from bridge.signing.news import headers
from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge
from tests.wordpress import downloads


def test_a_wrong_clock_is_corrected_once_and_remembered(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    bridge.seen.clear()
    bridge.clock_ahead_seconds = 600
    try:
        got = json.loads(shop.stand.wp("pay-bridge", "payments", "get", payment["id"]))
        assert got["id"] == payment["id"]
        assert len(bridge.seen) == 2, "refused for its time, corrected, accepted"
        shop.stand.wp("pay-bridge", "payments", "get", payment["id"])
        assert len(bridge.seen) == 3, "and remembered"
        assert abs(int(shop.stand.run_php("echo PayBridge\\Clock::offset_seconds();")) - 600) <= 2
    finally:
        shop.stand.run_php("update_option('pay_bridge_clock_offset_seconds', 0);")


def test_a_clock_that_is_days_wrong_is_not_followed(shop: Shop, bridge: StubBridge) -> None:
    bridge.clock_ahead_seconds = 200_000
    assert exit_code(shop, "pay-bridge", "status") == 1
    assert shop.stand.run_php("echo PayBridge\\Clock::offset_seconds();") == "0"


def test_a_refused_connection_is_tried_twice_with_one_key_and_a_lost_answer_once(
    shop: Shop, bridge: StubBridge
) -> None:
    code = (
        "$seen = array(); add_filter('pre_http_request', static function ($no, $request) use (&$seen) {"
        " $seen[] = array($request['headers']['Idempotency-Key'], $request['headers']['Signature-Input']);"
        " return new WP_Error('http_request_failed', '%s'); }, 10, 2);"
        " $answer = PayBridge\\Client::of_site()->post('/v1/payments/p/refunds', array('reason' => 'x'));"
        " echo wp_json_encode(array($answer->code(), $seen));"
    )
    code_refused, seen = json.loads(shop.stand.run_php(code % "cURL error 7: Failed to connect"))
    assert code_refused == "no_answer"
    assert len(seen) == 2
    assert seen[0][0] == seen[1][0]
    assert seen[0][1] != seen[1][1], "each try has its own nonce"
    _, seen = json.loads(
        shop.stand.run_php(code % "cURL error 28: Operation timed out after 5000 milliseconds with 0 bytes received")
    )
    assert len(seen) == 1


def test_redirects_are_not_followed(shop: Shop) -> None:
    code = (
        "add_filter('http_request_args', static function ($args) {"
        " echo wp_json_encode(array($args['redirection'], $args['timeout'], $args['sslverify'])); return $args; });"
        " PayBridge\\Client::of_site()->get('/v1/health');"
    )
    assert json.loads(shop.stand.run_php(code)) == [0, 5, True]


def test_the_health_page_gives_the_verdict_in_words_and_numbers(shop: Shop) -> None:
    page = shop.as_("admin").get("/wp-admin/admin.php?page=pay-bridge-health").text
    for shown in ("모두 정상이에요.", "Mainpay", "97.5 %", "480 ms", "https://pay.example/dashboard"):
        assert shown in page
    dashboard = shop.as_("admin").get("/wp-admin/index.php").text
    assert "pay_bridge_health" in dashboard
    assert "모두 정상이에요." in dashboard


def test_settings_never_show_the_code_again(shop: Shop, bridge: StubBridge) -> None:
    page = shop.as_("admin").get("/wp-admin/admin.php?page=pay-bridge-settings").text
    assert bridge.pairing_code not in page
    assert f"••••{bridge.pairing_code[-4:]}" in page
    secret = bridge.pairing_code[-24:]
    info = shop.stand.run_php(
        "require_once ABSPATH . 'wp-admin/includes/class-wp-debug-data.php';"
        " echo wp_json_encode(apply_filters('debug_information', array()));"
    )
    assert secret not in info


def test_the_option_is_not_autoloaded_and_a_copied_site_has_no_keys(shop: Shop, bridge: StubBridge) -> None:
    code = f"""
        $code = '{bridge.pairing_code}';
        $input = array('pairing_code' => ' ' . $code . ' ');
        $GLOBALS['wp_settings_errors'] = array();
        require_once ABSPATH . 'wp-admin/includes/template.php';
        $saved = PayBridge\\Settings_Page::sanitize($input);
        $bad = PayBridge\\Settings_Page::sanitize(array('pairing_code' => 'nonsense'));
        global $wpdb;
        $autoload = $wpdb->get_var("SELECT autoload FROM {{$wpdb->options}} WHERE option_name = 'pay_bridge_settings'");
        echo wp_json_encode(array($saved['pairing_code'] === $code,
            $saved['paired_home'] === PayBridge\\Settings::mark(), $bad['pairing_code'], $autoload));
    """
    saved, at_home, bad, autoload = json.loads(shop.stand.run_php(code))
    assert (saved, at_home, bad) == (True, True, "")
    assert autoload in ("no", "off")
    kept = (shop.stand.root / "wp-config-bridge.php").read_text()
    try:
        (shop.stand.root / "wp-config-bridge.php").write_text("<?php\n")
        code = (
            "update_option('pay_bridge_settings', array('pairing_code' => '%s', 'paired_home' => '%s'));"
            " echo PayBridge\\Settings::keys() ? 'keys' : 'none';"
        )
        assert shop.stand.run_php(code % (bridge.pairing_code, "https://staging.example")) == "none"
        assert "복사" in shop.stand.run_php(
            "switch_to_locale('ko_KR'); echo PayBridge\\Payments_Page::why_not_paired();"
        )
        assert shop.stand.run_php(code % (bridge.pairing_code, shop.stand.url)) == "keys"
    finally:
        shop.stand.run_php("update_option('pay_bridge_settings', array());")
        (shop.stand.root / "wp-config-bridge.php").write_text(kept)


def test_a_copy_in_which_every_address_was_replaced_has_no_keys_either(shop: Shop, bridge: StubBridge) -> None:
    """Whatever copies a site to another address searches its database for the old one, and puts the new one there."""
    kept = (shop.stand.root / "wp-config-bridge.php").read_text()
    code = f"""
        require_once ABSPATH . 'wp-admin/includes/template.php';
        $saved = PayBridge\\Settings_Page::sanitize(array('pairing_code' => '{bridge.pairing_code}'));
        $home = home_url();
        $seen = array();
        foreach (array($home, 'https://staging.example', $home . '/staging', $home . '/') as $there) {{
            $text = str_replace($home, $there, wp_json_encode($saved, JSON_UNESCAPED_SLASHES));
            update_option('pay_bridge_settings', json_decode($text, true));
            add_filter('option_home', static function () use ($there) {{ return $there; }}, 99);
            $seen[] = null === PayBridge\\Settings::keys();
        }}
        echo wp_json_encode($seen);
    """
    try:
        (shop.stand.root / "wp-config-bridge.php").write_text("<?php\n")
        assert json.loads(shop.stand.run_php(code)) == [False, True, True, False]
    finally:
        shop.stand.run_php("update_option('pay_bridge_settings', array());")
        (shop.stand.root / "wp-config-bridge.php").write_text(kept)


def test_a_site_that_turns_to_https_is_no_copy(shop: Shop, bridge: StubBridge) -> None:
    """Its address may be kept as http: while WordPress, asked over https:, gives it as https:."""
    kept = (shop.stand.root / "wp-config-bridge.php").read_text()
    code = f"""
        require_once ABSPATH . 'wp-admin/includes/template.php';
        $at = 'http://tickets.example';
        add_filter('option_home', static function () use (&$at) {{ return $at; }}, 99);
        $marked = PayBridge\\Settings_Page::sanitize(array('pairing_code' => '{bridge.pairing_code}'));
        $seen = array();
        foreach (array($marked, array('paired_home' => 'https://tickets.example') + $marked) as $saved) {{
            update_option('pay_bridge_settings', $saved);
            foreach (array('http://tickets.example', 'https://tickets.example', 'https://other.example') as $at) {{
                $seen[] = null === PayBridge\\Settings::keys();
            }}
        }}
        echo wp_json_encode($seen);
    """
    try:
        (shop.stand.root / "wp-config-bridge.php").write_text("<?php\n")
        assert json.loads(shop.stand.run_php(code)) == [False, False, True] * 2
    finally:
        shop.stand.run_php("update_option('pay_bridge_settings', array());")
        (shop.stand.root / "wp-config-bridge.php").write_text(kept)


def test_site_health_has_our_tests_and_they_pass_here(shop: Shop) -> None:
    code = (
        "$t = apply_filters('site_status_tests', array('direct' => array(), 'async' => array()));"
        " echo wp_json_encode(array(array_keys($t['direct']), array_keys($t['async'])));"
    )
    direct, slow = json.loads(shop.stand.run_php(code))
    assert {f"pay_bridge_{name}" for name in ("pairing", "https", "outgoing", "permalinks", "records")} <= set(direct)
    assert {"pay_bridge_connection", "pay_bridge_incoming"} <= set(slow)
    admin = shop.as_("admin")
    rest = admin.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
    for name in ("connection", "incoming"):
        found = admin.get(f"/?rest_route=/pay-bridge/v1/site-health/{name}", headers={"X-WP-Nonce": rest}).json()
        assert found["status"] == "good", found


def test_a_blocked_host_is_named(shop: Shop) -> None:
    code = (
        "define('PAY_BRIDGE_DIAL_URL', 'http://pay.elsewhere.example'); "
        "echo wp_json_encode(PayBridge\\Doctor::outgoing());"
    )
    found = json.loads(shop.stand.run_php(code))
    assert found["status"] == "fail"
    assert "pay.elsewhere.example" in found["words"]
    assert "WP_ACCESSIBLE_HOSTS" in found["words"]


def cli(shop: Shop, *args: str) -> tuple[int, str]:
    """Exit code and output of a command."""
    try:
        return 0, shop.stand.wp(*args)
    except RuntimeError as failed:
        return 1, str(failed)


def test_the_command_line_lists_gets_and_refunds(shop: Shop, bridge: StubBridge) -> None:
    order, payment = shop.paid()
    listed = json.loads(shop.stand.wp("pay-bridge", "payments", "list", f"--order={order['ref']}", "--format=json"))
    assert [(one["id"], one["state"], one["amount"]) for one in listed] == [(payment["id"], "paid", 30000)]
    told = json.loads(
        shop.stand.wp(
            "pay-bridge", "payments", "refund", payment["id"], "--amount=5000", "--reason=x", "--yes", "--format=json"
        )
    )
    assert (told["state"], told["amount"]) == ("done", 5000)
    assert bridge.payments[payment["id"]]["refunded"] == 5000
    assert shop.told(order)[-1] == ["refunded", payment["id"], 5000]


@pytest.mark.parametrize(("state", "code"), [("refused", 1), ("unknown", 3), ("needs_human", 4), ("accepted", 0)])
def test_exit_codes_tell_what_came_of_a_refund(shop: Shop, bridge: StubBridge, state: str, code: int) -> None:
    _, payment = shop.paid()
    bridge.refund_states.append({"state": state})
    assert exit_code(shop, "pay-bridge", "payments", "refund", payment["id"], "--reason=x", "--yes") == code


def test_the_command_line_says_what_must_be_wired(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    bridge.refund_states.append({"state": "accepted", "pay_back": {"amount": 30000, "account": "국민은행 1"}})
    said = shop.stand.wp("pay-bridge", "payments", "refund", payment["id"], "--reason=x", "--yes")
    assert said.startswith("accepted: ")
    assert "30,000" in said
    assert "국민은행 1" in said


def test_an_impossible_amount_is_refused_on_the_command_line(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    for amount in ("0", "30001", "1e3", "-5"):
        assert (
            exit_code(
                shop, "pay-bridge", "payments", "refund", payment["id"], f"--amount={amount}", "--reason=x", "--yes"
            )
            == 1
        )
    assert bridge.asked("POST", ".*/refunds") == []


def doctor(shop: Shop) -> str:
    command = [
        "php",
        str(downloads.wp_cli()),
        "--allow-root",
        f"--path={shop.stand.root}",
        f"--url={shop.stand.url}",
        "pay-bridge",
        "doctor",
        "--format=json",
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def exit_code(shop: Shop, *args: str) -> int:
    command = [
        "php",
        str(downloads.wp_cli()),
        "--allow-root",
        f"--path={shop.stand.root}",
        f"--url={shop.stand.url}",
        *args,
    ]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


def test_the_doctor_examines_everything(shop: Shop) -> None:
    found = {one["name"]: one["status"] for one in json.loads(doctor(shop))}
    assert found.pop("https") == "warn", "the stand is local"
    found.pop("records")  # Other tests leave payments behind that fit no order.
    assert found == dict.fromkeys(["pairing", "outgoing", "permalinks", "connection", "incoming", "anchors"], "pass")
    assert exit_code(shop, "pay-bridge", "status") == 0


def test_the_hourly_event_finds_what_no_news_told(shop: Shop, bridge: StubBridge) -> None:
    waiting, unheard = shop.order(), shop.order()
    payment = bridge.add(waiting["ref"], "approving")
    assert shop.news(payment, 1).status_code == 200
    bridge.add(waiting["ref"], "paid", id=payment["id"])
    other = bridge.add(unheard["ref"], "paid")
    assert shop.stand.wp("cron", "event", "list", "--hook=pay_bridge_reconcile", "--format=count") == "1"
    shop.stand.wp("pay-bridge", "reconcile")
    assert shop.told(waiting) == [["paid", payment["id"], 0]]
    assert shop.told(unheard) == [["paid", other["id"], 0]]


HOUR = 3600


def pulled(shop: Shop) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(shop.stand.run_php("echo wp_json_encode(get_option('pay_bridge_pulled'));"))
    return kept


def asked_from(bridge: StubBridge) -> list[int]:
    """Since when it was asked what was told, in unix seconds."""
    found = [one.query["told_from"][0] for one in bridge.asked("GET", "/v1/payments") if "told_from" in one.query]
    return [calendar.timegm(time.strptime(one, "%Y-%m-%dT%H:%M:%SZ")) for one in found]


def test_a_database_restored_from_a_backup_asks_for_all_that_was_told_since_then(
    shop: Shop, bridge: StubBridge
) -> None:
    """What it asked for last is as old as the backup; its orders may lack payments and refunds of all that time."""
    order, payment = shop.paid()
    shop.stand.wp("pay-bridge", "reconcile")
    bridge.add(order["ref"], "refunded", id=payment["id"], refunded=30_000)
    before = int(time.time())
    ago = before - 10 * HOUR
    bridge.seen.clear()
    shop.stand.run_php(f"""
        global $wpdb;
        $older = serialize(array('until' => {ago}) + get_option('pay_bridge_pulled'));
        $wpdb->update($wpdb->options, array('option_value' => $older), array('option_name' => 'pay_bridge_pulled'));
        PayBridge\\Reconciliation::action_reconcile();
    """)  # behind the back of whatever caches options
    shop.stand.wp("pay-bridge", "reconcile")
    after = int(time.time())

    assert shop.told(order) == [["paid", payment["id"], 0], ["refunded", payment["id"], 30_000]]
    first, second = asked_from(bridge)
    assert first == ago - 3 * HOUR
    assert before - 3 * HOUR <= second <= after - 3 * HOUR, "and the next time for the last hours alone"


def test_a_page_that_is_not_the_bridges_ends_no_list(shop: Shop, bridge: StubBridge) -> None:
    """A proxy's page with a yes, or half a list, is not the end of what was told: it is asked for once more."""
    shop.stand.wp("pay-bridge", "reconcile")
    ago = int(time.time()) - 10 * HOUR
    older = f"array('until' => {ago}) + get_option('pay_bridge_pulled')"
    shop.stand.run_php(f"update_option('pay_bridge_pulled', {older});")
    for half in ("the page of a proxy", {}):
        bridge.scripted["GET /v1/payments"] = (200, half)
        shop.stand.run_php("PayBridge\\Reconciliation::action_reconcile();")
        assert pulled(shop)["until"] == ago


def test_what_another_request_is_busy_with_is_left_to_do(shop: Shop, bridge: StubBridge) -> None:
    order, payment = shop.paid()
    bridge.add(order["ref"], "refunded", id=payment["id"], refunded=30_000)
    rows = "global $wpdb; $wpdb->update($wpdb->prefix . 'pay_bridge_payments',"
    claim = "array('claim' => 'x', 'claim_ends' => time() + {}), " + f"array('payment_id' => '{payment['id']}'));"
    shop.stand.run_php(rows + claim.format(60))

    assert exit_code(shop, "pay-bridge", "reconcile") == 1

    shop.stand.run_php(rows + claim.format(-1))
    assert exit_code(shop, "pay-bridge", "reconcile") == 0
    assert shop.told(order) == [["paid", payment["id"], 0], ["refunded", payment["id"], 30_000]]


def test_what_was_told_is_asked_for_to_the_end_and_goes_on_where_an_hour_ended(shop: Shop, bridge: StubBridge) -> None:
    orders = [shop.order() for _ in range(3)]
    paid = [bridge.add(order["ref"]) for order in orders]
    pages = iter(
        [
            (200, {"items": [paid[0]], "next_cursor": "c1"}),
            (503, {"code": "busy", "detail": "Wait.", "message_ko": "잠시 뒤에 다시 해 주세요."}),
            (200, {"items": [paid[1]], "next_cursor": "c2"}),
            (200, {"items": [paid[2]], "next_cursor": None}),
        ]
    )
    before = int(time.time())
    bridge.scripted["GET /v1/payments"] = lambda: next(pages)
    bridge.seen.clear()
    try:
        assert exit_code(shop, "pay-bridge", "reconcile") == 1, "not all was told"
        shop.stand.wp("pay-bridge", "reconcile")
    finally:
        del bridge.scripted["GET /v1/payments"]

    asked = bridge.asked("GET", "/v1/payments")
    assert [one.query.get("cursor", [""])[0] for one in asked] == ["", "c1", "c1", "c2"]
    assert len(set(asked_from(bridge))) == 1
    assert [shop.told(order) for order in orders] == [[["paid", one["id"], 0]] for one in paid]
    kept = pulled(shop)
    assert kept["cursor"] == ""
    assert before <= kept["until"] <= int(time.time())


def test_uninstalling_keeps_payments_unless_told_otherwise(shop: Shop) -> None:
    code = r"""
        global $wpdb;
        define('WP_UNINSTALL_PLUGIN', 'pay-bridge/pay-bridge.php');
        $wpdb->query('CREATE TABLE IF NOT EXISTS wp9_pay_bridge_payments (id int)');
        $seen = array();
        $kept = get_option('pay_bridge_settings');
        $real = $wpdb->prefix;
        PayBridge\Own_Orders::remember('charge-kept', 'charge', '월 회원권', 9900);
        set_transient('pay_bridge_invitation_x', array('customer' => 'wp:7'), 60);
        $own = "SELECT COUNT(*) FROM {$wpdb->options} WHERE option_name LIKE 'pay\\_bridge\\_order\\_%'";
        require WP_PLUGIN_DIR . '/pay-bridge/uninstall.php';
        $seen[] = array(false === get_option('pay_bridge_settings'), null === get_role('pay_bridge_clerk'),
            false === wp_next_scheduled('pay_bridge_reconcile'),
            null === $wpdb->get_var("SELECT 1 FROM {$wpdb->options} WHERE option_name LIKE '%invitation\\_x'"));
        $count = $wpdb->get_var("SELECT COUNT(*) FROM {$wpdb->prefix}pay_bridge_payments");
        $seen[] = (int) $count > 0 && '' === $wpdb->last_error && (int) $wpdb->get_var($own) > 0;
        $wpdb->set_prefix('wp9_');
        $wpdb->options = $real . 'options';
        add_filter('pre_option_pay_bridge_settings', static function () { return array('delete_records' => true); });
        pay_bridge_uninstall_site();
        $wpdb->set_prefix($real);
        $seen[] = $wpdb->get_var("SHOW TABLES LIKE 'wp9_pay_bridge_payments'");
        $seen[] = (int) $wpdb->get_var($own);
        remove_all_filters('pre_option_pay_bridge_settings');
        PayBridge\Installation::action_activate();
        echo wp_json_encode($seen);
    """
    gone, kept, dropped, own = json.loads(re.sub(r"^[^\[]*", "", shop.stand.run_php(code)))
    assert gone == [True, True, True, True]
    assert kept is True
    assert (dropped, own) == (None, 0)
    shop.people()


def test_the_fence_answers_from_the_shops_own_order(shop: Shop, bridge: StubBridge) -> None:
    def ask(order: dict[str, object], until: int, amount: int = 30000, fraction: str = "Z") -> Any:
        body = json.dumps(
            {
                "order_ref": order["ref"],
                "payment": "p_1",
                "amount": amount,
                "until": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(until)) + fraction,
            }
        ).encode()
        signed = {"Content-Type": "application/json"} | headers([bridge.key.news], "m_fence", int(time.time()), body)
        answer = shop.post_news(signed, body, "fence")
        assert answer.status_code == 200
        return answer.json()

    soon = int(time.time()) + 300
    held = shop.order()
    assert ask(held, soon)["hold"] is True
    assert str(ask(held, soon)["hold_until"]).endswith("Z")
    assert ask(held, soon + 900) == {"hold": False, "reason": "hold_ends"}
    assert ask(held, soon, amount=29999) == {"hold": False, "reason": "amount_changed"}
    assert ask({"ref": "nobody"}, soon) == {"hold": False, "reason": "order_unknown"}
    assert ask(shop.order(state="paid"), soon) == {"hold": False, "reason": "order_closed"}
    open_ended = ask(shop.order(hold_expires_at=None), soon, fraction=".250Z")
    assert open_ended["hold_until"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon + 1))
    assert ask(shop.order(hold={"hold": False, "reason": "seats_gone"}), soon) == {
        "hold": False,
        "reason": "seats_gone",
    }
    assert ask(shop.order(hold={"hold": True, "hold_until": soon + 5}), soon)["hold"] is True
    assert ask(shop.order(hold={"hold": True, "hold_until": soon - 5}), soon)["hold"] is False, (
        "a yes that is too short is a no"
    )
    assert ask(shop.order(hold={"hold": "yes"}), soon)["hold"] is False
