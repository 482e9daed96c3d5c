"""The plugin keeps the anchors it is told, hands them back by the hourly event, and says what came of it."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge
from tests.plugin.test_operations import doctor, exit_code

FIRST = date(2026, 1, 1)
COMPARE = "PayBridge\\Anchors::compare(PayBridge\\Client::of_site(), PayBridge\\Settings::keys()->site);"


def anchor(after: int, **changes: Any) -> dict[str, Any]:
    """An anchor as the bridge tells it, of so many days after the first."""
    name = (FIRST + timedelta(days=after)).isoformat()
    told = {"day": name, "seal": after + 1, "hash": f"{after:064x}", "taken": 55_000, "given_back": 5_000}
    return told | {"at": f"{name}T19:00:00.123Z", "proof": f"{after + 7:064x}"} | changes


@pytest.fixture
def keeper(shop: Shop, bridge: StubBridge) -> Iterator[StubBridge]:
    """A bridge, and a plugin that keeps no anchor yet."""
    shop.stand.run_php("delete_option('pay_bridge_anchors');")
    yield bridge
    shop.stand.run_php("delete_option('pay_bridge_anchors');")


def kept(shop: Shop) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(shop.stand.run_php("echo wp_json_encode(get_option('pay_bridge_anchors'));"))
    return told


def compare(shop: Shop, times: int = 1) -> None:
    shop.stand.run_php(COMPARE * times)


def learn(shop: Shop, bridge: StubBridge, days: range) -> None:
    """Be told an anchor of each of these days."""
    for day in days:
        bridge.anchor = anchor(day)
        compare(shop)


def handed(bridge: StubBridge) -> list[list[dict[str, Any]]]:
    return [one.json["anchors"] for one in bridge.asked("POST", "/v1/anchors")]


def finding(shop: Shop) -> tuple[str, str]:
    found = json.loads(shop.stand.run_php("echo wp_json_encode(PayBridge\\Doctor::anchors());"))
    return found["status"], found["words"]


def test_the_hourly_event_keeps_an_anchor_and_hands_it_back_unchanged(shop: Shop, keeper: StubBridge) -> None:
    assert finding(shop) == (
        "pass",
        "결제 서비스 장부의 봉인 사본이 아직 없어요. 한 시간마다 도는 예약 작업이 받아 와요.",
    )
    keeper.anchor = anchor(0)
    shop.stand.wp("pay-bridge", "reconcile")
    keeper.anchor = anchor(0, seal=9)
    shop.stand.wp("pay-bridge", "reconcile")
    shop.stand.wp("pay-bridge", "reconcile")

    assert handed(keeper) == [[], [anchor(0), anchor(0)], [anchor(0), anchor(0, seal=9)]], (
        "the first of the day, and the newest"
    )
    status, words = finding(shop)
    assert status == "pass"
    assert words.startswith("결제 서비스 장부의 봉인 사본 2개를 보관하고 있어요.")
    assert words.endswith("전에 대조했고 장부와 맞아요.")
    autoload = (
        'global $wpdb; echo $wpdb->get_var("SELECT autoload FROM {$wpdb->options}'
        " WHERE option_name = 'pay_bridge_anchors'\");"
    )
    assert shop.stand.run_php(autoload) in ("no", "off")
    assert "봉인 사본" in shop.as_("admin").get("/wp-admin/admin.php?page=pay-bridge-health").text


def test_all_have_their_turn_and_no_more_than_four_hundred_days_are_kept(shop: Shop, keeper: StubBridge) -> None:
    learn(shop, keeper, range(1))
    told = json.dumps([anchor(day) for day in range(400)])
    shop.stand.run_php(
        "$kept = get_option('pay_bridge_anchors'); $kept['place'] = 0;"
        f" $kept['days'] = json_decode('{told}', true); update_option('pay_bridge_anchors', $kept);"
    )
    keeper.seen.clear()
    compare(shop, times=14)

    pages = handed(keeper)
    assert max(len(page) for page in pages) == 31
    assert {one["day"] for page in pages for one in page} == {anchor(day)["day"] for day in range(400)}
    assert max(len(one.body) for one in keeper.asked("POST", "/v1/anchors")) < 16 * 1024
    keeper.anchor = anchor(400)
    compare(shop)
    days = [one["day"] for one in kept(shop)["days"]]
    assert (len(days), days[0], days[-1]) == (400, anchor(1)["day"], anchor(400)["day"])


def test_records_that_do_not_fit_are_told_everywhere_and_the_proof_stays(shop: Shop, keeper: StubBridge) -> None:
    learn(shop, keeper, range(2))
    keeper.outcomes[anchor(1)["day"]] = "broken"
    keeper.anchor = anchor(2)
    compare(shop)
    compare(shop)

    status, words = finding(shop)
    assert status == "fail"
    assert "(2026-01-02, 봉인 2번)" in words
    assert kept(shop)["newest"]["day"] == anchor(1)["day"], "the broken one is handed back again and again"
    assert handed(keeper)[-1] == [anchor(0), anchor(1), anchor(2), anchor(1)]
    found = {one["name"]: one["status"] for one in json.loads(doctor(shop))}
    assert found["anchors"] == "fail"
    assert exit_code(shop, "pay-bridge", "doctor") == 1
    assert "봉인 2번" in shop.as_("admin").get("/wp-admin/admin.php?page=pay-bridge-health").text
    shown = json.loads(shop.stand.run_php("echo wp_json_encode(PayBridge\\Site_Health::result('anchors'));"))
    assert shown["status"] == "critical"

    keeper.outcomes.clear()
    compare(shop, times=2)
    assert finding(shop)[0] == "pass"
    assert kept(shop)["newest"]["day"] == anchor(2)["day"]


def test_anchors_that_the_bridge_does_not_know_are_told(shop: Shop, keeper: StubBridge) -> None:
    learn(shop, keeper, range(1))
    keeper.scripted["POST /v1/anchors"] = 400, {"code": "malformed", "detail": "They were not made by these books."}
    compare(shop)
    status, words = finding(shop)
    assert status == "fail"
    assert "They were not made by these books." in words
    assert "wp option delete pay_bridge_anchors" in words
    keeper.scripted.clear()
    compare(shop)
    assert finding(shop)[0] == "pass"


def test_no_answer_changes_nothing_and_is_a_warning_after_two_days(shop: Shop, keeper: StubBridge) -> None:
    learn(shop, keeper, range(1))
    before = kept(shop)
    silence: list[tuple[int, Any]] = [(0, None), (503, {"code": "busy"}), (404, {"code": "not_found"})]
    for answer in [*silence, (200, {"outcomes": []}), (200, {"outcomes": "agrees", "anchor": None})]:
        keeper.scripted["POST /v1/anchors"] = answer
        compare(shop)
    assert len(handed(keeper)) == 6
    assert kept(shop) == before
    shop.stand.run_php(
        "$kept = get_option('pay_bridge_anchors'); $kept['at'] -= 172801; update_option('pay_bridge_anchors', $kept);"
    )
    status, words = finding(shop)
    assert status == "warn"
    assert "2일 지났어요" in words


def test_what_is_no_anchor_is_not_kept(shop: Shop, keeper: StubBridge) -> None:
    learn(shop, keeper, range(1))
    strange: list[dict[str, Any]] = [
        {"hash": "x"},
        {"proof": ["0" * 64]},
        {"day": "2026-1-1"},
        {"seal": "2"},
        {"taken": 1.5},
        {"at": "yesterday"},
    ]
    for told in ["x", {}, *(anchor(1) | changes for changes in strange)]:
        keeper.anchor = told
        compare(shop)
    assert [one["day"] for one in kept(shop)["days"]] == [anchor(0)["day"]]
    assert kept(shop)["newest"]["day"] == anchor(0)["day"]


def test_what_a_restore_lost_is_said_and_is_strange_only_if_nobody_ever_asked(shop: Shop, keeper: StubBridge) -> None:
    learn(shop, keeper, range(2))
    keeper.outcomes[anchor(1)["day"]] = "of_gap"
    compare(shop)
    status, words = finding(shop)
    assert status == "warn"
    assert "이 사이트에 아는 것을 물어본 적이 없어요" in words
    assert "(처음은 2026-01-02)" in words

    keeper.gap = {"gap": True, "since": "2026-01-02T20:00:00.000Z", "complete": True}
    shop.stand.wp("pay-bridge", "reconcile")
    status, words = finding(shop)
    assert status == "pass"
    assert words.endswith("백업에서 되살리면서 잃은 시간의 것이에요.")
    keeper.gap = {"gap": False}
    shop.stand.wp("pay-bridge", "reconcile")


def test_anchors_of_a_site_that_was_paired_before_are_not_handed_back(shop: Shop, keeper: StubBridge) -> None:
    learn(shop, keeper, range(1))
    shop.stand.run_php(
        "$kept = get_option('pay_bridge_anchors'); $kept['site'] = 'other'; update_option('pay_bridge_anchors', $kept);"
    )
    compare(shop)
    assert handed(keeper)[-1] == []
    assert kept(shop)["site"] == "shop"
