"""The figures for Prometheus: what is there, that it adds up, and that no label names a person."""

import re

import httpx2
from starlette.applications import Starlette

from bridge.clock import to_ms
from bridge.flows.check_health import check_health
from bridge.flows.check_invariants import check_invariants
from bridge.flows.seal_audit import seal
from bridge.ledger import checks
from bridge.ledger.checks import Checked
from bridge.web.health import Probes
from bridge.wire.journal import Line
from tests.web.factory import Town
from tests.web.visitor import lively


async def scrape(town: Town) -> dict[str, float]:
    app = Starlette(routes=Probes(town.context).routes())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://bridge") as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if line and not line.startswith("#")]
    assert not re.search(r"홍길동|gildong|010-", answer.text)
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_an_empty_bridge_has_figures_too(town: Town) -> None:
    found = await scrape(town)
    assert found["pay_bridge_unknown_payments"] == 0
    assert found["pay_bridge_notices_pending"] == 0
    assert found['pay_bridge_ledger_commit_seconds_bucket{le="+Inf"}'] >= 1


async def test_payments_cases_calls_checks_and_seals_are_counted(town: Town) -> None:
    await lively(town)
    town.context.monitor.count_calls(
        "mainpay",
        [
            Line("pay", "POST", "http://pg", {}, 200, "", "answered", 0.3, 0.0, "", ""),
            Line("pay", "POST", "http://pg", {}, None, "", "unknown", 65.0, 0.0, "", ""),
        ],
    )
    await seal(town.context)
    object.__setattr__(town.context.settings, "stop_on_broken_books", False)
    await check_invariants(town.context)
    found = await scrape(town)

    assert found['pay_bridge_payments_live{state="needs_human"}'] == 1
    assert found['pay_bridge_payments_live{state="unknown"}'] == 1
    assert found['pay_bridge_payments_day{state="paid"}'] == 2
    assert found['pay_bridge_cases_open_by_reason{reason="unknown_outcome"}'] == 1
    assert found['pay_bridge_gateway_calls_total{gateway="mainpay",op="pay",verdict="answered"}'] == 1
    assert found['pay_bridge_gateway_call_seconds_bucket{gateway="mainpay",le="0.5",op="pay"}'] == 1
    assert found['pay_bridge_gateway_call_seconds_bucket{gateway="mainpay",le="60.0",op="pay"}'] == 1
    assert found['pay_bridge_gateway_call_seconds_count{gateway="mainpay",op="pay"}'] == 2
    assert found['pay_bridge_gateway_call_seconds_sum{gateway="mainpay",op="pay"}'] == 65.3
    assert found['pay_bridge_invariant_checks_total{scope="changed"}'] == 1
    assert found["pay_bridge_audit_sealed_rows_total"] > 50
    assert found["pay_bridge_audit_unsealed_rows"] == 0
    assert found["pay_bridge_invariants_checked_at_seconds"] > 0


async def test_what_the_check_found_is_in_the_health(town: Town) -> None:
    at = to_ms(town.clock.at)
    keep = town.context.ledger.write

    async def books() -> tuple[str, str]:
        found = await check_health(town.context, None)
        one = next((check for check in found.checks if check.name == "books"), None)
        return (one.verdict, one.advice.en) if one else ("", "")

    assert await books() == ("", "")
    await keep(lambda turn: checks.keep(turn, Checked(at, False, 3, 0, 5)))
    assert await books() == ("pass", "")
    await keep(lambda turn: checks.keep(turn, Checked(at - 301_000, False, 3, 0, 5)))
    assert (await books())[0] == "warn"
    await keep(lambda turn: checks.keep(turn, Checked(at, False, 3, 0, 5, (("I8", "p1", "told twice"),))))
    assert (await books())[0] == "warn"
    await keep(lambda turn: checks.keep(turn, Checked(at, False, 3, 0, 5, (("I15", "p1", "the audit is broken"),))))
    verdict, advice = await books()
    assert verdict == "fail"
    assert "I15: the audit is broken" in advice
