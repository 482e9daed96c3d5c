"""The verdict on the bridge's health, and the figures behind it."""

import json
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from bridge.clock import to_ms
from bridge.domain.failures import Busy, NotFound
from bridge.domain.payment import Buyer
from bridge.flows.check_health import check_health
from bridge.flows.health import Check, Health
from bridge.ledger import cases, figures, search
from bridge.ledger.ledger import Ledger, Row, T, Turn
from tests.web.factory import Town


def check(health: Health, name: str) -> Check:
    return next(one for one in health.checks if one.name == name)


class BrokenLedger:
    """Reads as the real one, and cannot write."""

    alone, closed, read_only, root = True, False, "", b""

    def __init__(self, real: Ledger) -> None:
        self._real = real

    async def write(self, work: Callable[[Turn], T]) -> T:
        raise Busy("The disk is full.")

    def refusal(self) -> str:
        return ""

    async def read(self, work: Callable[[Turn], T]) -> T:
        return await self._real.read(work)

    async def close(self) -> None:
        await self._real.close()


async def test_a_new_bridge_is_well_and_says_so_in_both_languages(town: Town) -> None:
    health = await check_health(town.context, None)
    assert health.verdict == "pass"
    assert health.headline.ko.startswith("모두 잘 되고 있어요")
    assert health.headline.en.startswith("All is well")


async def test_the_answer_to_the_plugin_has_every_field_of_the_contract(town: Town) -> None:
    site = await town.add_site()
    await town.pay(site, "paid")
    answer: dict[str, Any] = json.loads(json.dumps((await check_health(town.context, site)).to_json()))
    assert set(answer) >= {
        "verdict",
        "headline",
        "server_time",
        "version",
        "mode",
        "gateways",
        "unknown",
        "news",
        "cases",
        "dashboard_url",
    }
    assert answer["server_time"] == "2026-11-20T11:30:00.000Z"
    assert answer["mode"] == "test"
    assert set(answer["headline"]) == {"ko", "en"}
    assert answer["dashboard_url"] == "http://127.0.0.1:8080/dashboard"
    gateway = answer["gateways"][0]
    assert set(gateway) >= {"name", "title", "attempts", "success_rate", "p50_ms", "p95_ms", "p99_ms"}
    assert (gateway["name"], gateway["attempts"], gateway["success_rate"]) == ("mainpay", 1, 1.0)
    assert answer["unknown"] == {"count": 0, "oldest_seconds": 0}


async def test_nothing_personal_is_in_the_answer(town: Town) -> None:
    site = await town.add_site()
    await town.pay(site, "unknown", buyer=Buyer("홍길동", "hong@example.com", "010-1234-5678"), seconds_ago=900)
    text = json.dumps((await check_health(town.context, None)).to_json(), ensure_ascii=False)
    assert not any(secret in text for secret in ("홍길동", "hong@", "1234-5678"))


async def test_a_ledger_that_cannot_be_written_fails_and_the_headline_names_it(town: Town) -> None:
    town.context.ledger = BrokenLedger(town.context.ledger)
    health = await check_health(town.context, None)
    assert health.verdict == "fail"
    assert check(health, "writer").verdict == "fail"
    assert "장부에 쓰지 못해서" in health.headline.ko
    assert "disk" in health.headline.en


@pytest.mark.parametrize(("seconds", "verdict"), [(1, "pass"), (9, "pass"), (11, "warn"), (31, "fail")])
async def test_a_settlement_that_no_longer_beats_is_noticed(town: Town, seconds: float, verdict: str) -> None:
    town.context.beat_at = town.clock.boot_seconds() - seconds
    health = await check_health(town.context, None)
    assert check(health, "heartbeat").verdict == health.verdict == verdict


async def test_a_settlement_that_never_began_fails(town: Town) -> None:
    town.context.beat_at = 0.0
    assert (await check_health(town.context, None)).verdict == "fail"


@pytest.mark.parametrize(("seconds", "verdict"), [(100, "pass"), (300, "warn"), (800, "fail")])
async def test_an_unknown_outcome_warns_and_at_last_fails(town: Town, seconds: float, verdict: str) -> None:
    site = await town.add_site()
    await town.pay(site, "unknown", seconds_ago=seconds)
    health = await check_health(town.context, None)
    assert health.verdict == verdict
    assert health.to_json()["unknown"] == {"count": 1, "oldest_seconds": seconds - 25}
    assert health.gateways[0].unknown == 1


async def test_one_payment_with_two_unknown_operations_is_one_unknown_payment(town: Town) -> None:
    site = await town.add_site()
    payment = await town.pay(site, "unknown", seconds_ago=300)
    await town.begin_undo(payment)
    assert (await check_health(town.context, None)).to_json()["unknown"]["count"] == 1


async def test_what_only_a_person_may_decide_warns_and_is_counted_as_a_case(town: Town) -> None:
    site = await town.add_site()
    await town.pay(site, "needs_human", seconds_ago=3000)
    health = await check_health(town.context, None)
    assert health.verdict == "warn"
    assert health.to_json()["cases"] == {"open": 1}
    assert "1건" in health.headline.ko
    assert check(health, "unknown").verdict == "pass"


async def test_every_open_case_is_counted_however_many_there_are(town: Town) -> None:
    site = await town.add_site()
    await town.open_cases(site, 130)
    health = await check_health(town.context, None)

    assert health.to_json()["cases"] == {"open": 130}
    assert "130건" in health.headline.ko
    assert (await check_health(town.context, site)).cases_open == 130


@pytest.mark.parametrize(("seconds", "verdict"), [(55, "pass"), (120, "warn"), (1000, "fail")])
async def test_news_that_wordpress_does_not_hear_warns_and_at_last_fails(
    town: Town, seconds: float, verdict: str
) -> None:
    site = await town.add_site()
    payment = await town.pay(site, "paid", seconds_ago=60)
    await town.context.ledger.write(lambda turn: town.tell_wordpress(turn, payment, "payment.paid", heard=False))
    town.clock.forward(seconds)
    town.context.beat_at = town.clock.boot_seconds()
    health = await check_health(town.context, None)
    assert health.verdict == verdict
    assert health.to_json()["news"] == {"waiting": 1, "oldest_seconds": seconds}


async def test_the_success_rate_counts_what_ended_with_the_gateway_and_nothing_else(town: Town) -> None:
    site = await town.add_site()
    endings = ["paid"] * 5 + ["refunded", "part_refunded"] + ["declined"] + ["superseded"] + ["voided"]
    for ending in [*endings, "expired", "open", "awaiting_deposit", "unknown"]:
        await town.pay(site, ending, seconds_ago=130)
    found = (await check_health(town.context, None)).gateways[0].figures
    assert (found.opened, found.paid, found.lost) == (14, 7, 3)
    assert found.success_rate == 0.7
    assert sum(opened for opened, _, _ in found.hours) == 14
    assert found.hours[-1] == (14, 7, 3)


async def test_a_gateway_without_ended_payments_has_no_success_rate(town: Town) -> None:
    site = await town.add_site()
    await town.pay(site, "open")
    assert (await check_health(town.context, None)).to_json()["gateways"][0]["success_rate"] is None


async def test_a_gateway_that_mostly_declines_warns_but_never_fails_the_bridge(town: Town) -> None:
    site = await town.add_site()
    for ending in ["declined"] * 9:
        await town.pay(site, ending)
    assert (await check_health(town.context, None)).verdict == "pass"
    await town.pay(site, "declined")
    health = await check_health(town.context, None)
    assert health.verdict == "warn"
    assert "메인페이" in health.headline.ko


async def test_declines_are_counted_by_reason_most_frequent_first(town: Town) -> None:
    site = await town.add_site()
    for code in [("limit", "2002", "한도초과")] * 2 + [("card_stopped", "2004", "정지카드")] * 3:
        await town.pay(site, "declined", code=code)
    declines = (await check_health(town.context, None)).gateways[0].figures.declines
    assert [(one.reason, one.code, one.count) for one in declines] == [
        ("card_stopped", "2004", 3),
        ("limit", "2002", 2),
    ]


async def test_latency_percentiles_are_by_nearest_rank_with_time_outs_in_them(town: Town) -> None:
    site = await town.add_site()
    for took in range(1, 50):
        await town.pay(site, "open", took_ms=took * 10)
    await town.pay(site, "unknown", took_ms=500)
    found = (await check_health(town.context, None)).gateways[0].figures
    assert len(found.took_ms) == 51
    assert (found.percentile_ms(50), found.percentile_ms(95), found.percentile_ms(99)) == (260, 490, 65_000)
    assert found.unanswered == 1


async def test_what_is_older_than_a_day_is_not_in_the_figures(town: Town) -> None:
    site = await town.add_site()
    await town.pay(site, "paid", seconds_ago=86_400 + 120)
    await town.pay(site, "declined", seconds_ago=86_400 - 120)
    found = (await check_health(town.context, None)).gateways[0].figures
    assert (found.opened, found.paid, found.lost, len(found.took_ms)) == (1, 0, 1, 2)


async def test_a_clock_that_differs_from_the_gateways_warns(town: Town) -> None:
    site = await town.add_site()
    await town.pay(site, "paid")
    assert (await check_health(town.context, None)).gateways[0].figures.skew_ms == 420
    await town.context.ledger.write(lambda turn: turn.run("UPDATE calls SET skew_ms = -45000"))
    health = await check_health(town.context, None)
    assert health.verdict == "warn"
    assert "NTP" in health.headline.en


async def test_notices_are_counted_with_those_that_fit_nothing(town: Town) -> None:
    site = await town.add_site()
    payment = await town.pay(site, "paid")
    await town.context.ledger.write(lambda turn: town.notice(turn, payment, "strange"))
    found = (await check_health(town.context, None)).gateways[0].figures
    assert (found.notices, found.notices_strange, found.notices_pending) == (2, 1, 0)


async def test_one_sites_health_shows_nothing_of_another(town: Town) -> None:
    mine = await town.add_site("https://mine.example.kr")
    theirs = await town.add_site("https://theirs.example.kr", "live", "mainpay", "payapp")
    await town.pay(mine, "paid")
    await town.pay(theirs, "unknown", seconds_ago=800)
    await town.pay(theirs, "needs_human", seconds_ago=800)
    payment = await town.pay(theirs, "paid", gateway="payapp")
    await town.context.ledger.write(lambda turn: town.tell_wordpress(turn, payment, "payment.paid", heard=False))
    health = await check_health(town.context, mine)
    answer = health.to_json()
    assert health.verdict == "pass"
    assert (answer["mode"], len(answer["gateways"]), answer["gateways"][0]["attempts"]) == ("test", 1, 1)
    assert (answer["unknown"]["count"], answer["news"]["waiting"], answer["cases"]["open"]) == (0, 0, 0)
    assert (await check_health(town.context, theirs)).verdict == "fail"


async def test_the_health_of_an_unknown_site_is_not_found(town: Town) -> None:
    with pytest.raises(NotFound):
        await check_health(town.context, "nothing")


class PlanTurn:
    """Runs statements and keeps how the database means to find their rows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.plans: list[str] = []

    def run(self, sql: str, *values: object) -> int:
        raise AssertionError(f"a figure must not write: {sql}")

    def one(self, sql: str, *values: object) -> Row | None:
        rows = self.all(sql, *values)
        return rows[0] if rows else None

    def all(self, sql: str, *values: object) -> list[Row]:
        plan = self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        self.plans += [f"{row['detail']}   <- {sql}" for row in plan]
        return self._connection.execute(sql, values).fetchall()


SMALL = r"(recent|site_gateways|sites|\(subquery-\d+\))\b|news USING INDEX news_(due|waiting)|cases USING INDEX"


async def test_no_figure_and_no_list_reads_a_table_from_end_to_end(town: Town) -> None:
    site = await town.add_site()
    for ending in ("paid", "unknown", "needs_human"):
        await town.pay(site, ending, seconds_ago=900)
    connection = sqlite3.connect(f"file:{town.context.settings.database_path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    turn, at = PlanTurn(connection), to_ms(town.clock.at)
    figures.of_gateways(turn, [(site, ["mainpay"])], at)
    figures.moved(turn, [site], at - 86_400_000)
    for one in (None, site):
        figures.unsettled(turn, one, at)
        figures.unheard(turn, one)
        cases.count_open(turn, one)
    for wanted in (
        search.Wanted(),
        search.Wanted(state="unknown"),
        search.Wanted(since=at - 1, until=at),
        search.Wanted(order_ref="T1"),
    ):
        search.find(turn, [site], wanted, text="홍길동")
    connection.close()
    scans = [plan for plan in turn.plans if re.match(r"SCAN ", plan) and not re.match(rf"SCAN ({SMALL})", plan)]
    sorts = [plan for plan in turn.plans if "FOR ORDER BY" in plan and "FROM payments AS p" in plan]
    assert turn.plans
    assert scans == []
    assert sorts == []
