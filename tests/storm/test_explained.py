"""A difference between the gateway's books and the ledger is excused by a case about such money, and by no other."""

import pytest

from bridge.flows.case_words import ADVICE, DEPOSITS
from tests.storm.checks import Checks
from tests.storm.explained import EXPLAINS, Side, explains
from tests.storm.figures import EXPLAINED, Figures
from tests.storm.page import page
from tests.storm.quietly import storms

OFF_KRW = 300


@pytest.fixture
def off(monkeypatch):
    """Run a storm whose first payment is off by so many KRW at the end, beside an open case for each reason."""

    def run(krw, *reasons):
        judge = Checks._judge_money

        def judge_off(checks, payment, cases):
            first = min(checks._payments)
            if payment["id"] == first:
                payment, cases = dict(payment) | {"orphaned": payment["orphaned"] - krw}, list(reasons)
            judge(checks, payment, cases)

        monkeypatch.setattr(Checks, "_judge_money", judge_off)
        with storms() as made:
            return made.run(1)

    return run


@pytest.fixture
def kept(monkeypatch):
    """Run a storm whose gateways hold an order's price and so many KRW at the end, beside a case for each reason."""

    def run(krw, *reasons):
        judge = Checks._judge_kept_money

        def judge_kept(checks, cases):
            first = checks._payments[min(checks._payments)]
            checks._payments = {first["id"]: first}
            checks._book = lambda row: (row["amount"] + krw, 0)
            judge(checks, {first["id"]: list(reasons)})

        monkeypatch.setattr(Checks, "_judge_kept_money", judge_kept)
        with storms() as made:
            return made.run(1)

    return run


def figures_of(outcome):
    return {name: many for name, many in outcome.figures.items() if name.startswith(("krw_", *EXPLAINED)) and many}


def test_of_every_reason_it_is_decided_what_it_explains():
    assert set(EXPLAINS) == set(ADVICE) | set(DEPOSITS)


@pytest.mark.parametrize("reason", ["", "order_changed", "seat_lost", "refund_unknown", "receipt_unknown"])
def test_money_at_the_gateway_that_the_ledger_lacks_is_lost_without_a_case_about_it(off, reason):
    outcome = off(OFF_KRW, *([reason] if reason else []))

    assert [text.split(":")[0] for text in outcome.violations] == ["I1"]
    assert f"cases only of {reason}" in outcome.violations[0] or not reason
    assert figures_of(outcome) == {"krw_lost": OFF_KRW}


@pytest.mark.parametrize("reason", ["", "order_changed", "seats_unconfirmed", "unexpected_deposit", "books_differ"])
def test_money_in_the_ledger_that_the_gateway_lacks_drifts_without_a_case_about_it(off, reason):
    outcome = off(-OFF_KRW, *([reason] if reason else []))

    assert [text.split(":")[0] for text in outcome.violations] == ["I1"]
    assert figures_of(outcome) == {"krw_drifting": OFF_KRW}


@pytest.mark.parametrize(
    ("krw", "reasons"),
    [
        (OFF_KRW, ("unknown_outcome",)),
        (OFF_KRW, ("order_changed", "unexpected_deposit")),
        (-OFF_KRW, ("unknown_outcome",)),
        (-OFF_KRW, ("refund_unknown",)),
        (-OFF_KRW, ("external_cancel", "seat_lost")),
    ],
)
def test_what_a_case_explains_is_counted_apart(off, krw, reasons):
    outcome = off(krw, *reasons)

    assert outcome.violations == []
    assert figures_of(outcome) == {"krw_explained": OFF_KRW, "payments_explained": 1}


@pytest.mark.parametrize("reason", ["", "order_changed", "order_paid_twice", "refund_unknown", "external_cancel"])
def test_more_than_an_orders_price_is_doubled_without_a_case_about_it(kept, reason):
    outcome = kept(OFF_KRW, *([reason] if reason else []))

    assert [text.split(":")[0] for text in outcome.violations] == ["I5"]
    assert figures_of(outcome) == {"krw_doubled": OFF_KRW}


@pytest.mark.parametrize("reason", ["unknown_outcome", "money_on_ended_payment", "order_paid"])
def test_more_than_an_orders_price_beside_a_case_about_it_is_counted_apart(kept, reason):
    outcome = kept(OFF_KRW, reason)

    assert outcome.violations == []
    assert figures_of(outcome) == {"krw_kept_explained": OFF_KRW, "orders_kept_explained": 1}


def test_a_reason_that_nobody_has_decided_about_explains_nothing():
    assert not any(explains(["made_up"], side) for side in Side)


def test_what_cases_explain_is_on_the_page(off):
    figures = Figures()
    figures.add(off(OFF_KRW, "unknown_outcome"))
    summary = figures.summary(1.0, 1)

    assert [summary[name] for name in EXPLAINED] == [OFF_KRW, 1, 0, 0]
    assert "| KRW that books and gateway differ by beside a case; payments | 300; 1 |" in page(summary, None, None)
    older = {name: value for name, value in summary.items() if name not in EXPLAINED}
    assert "| KRW that books and gateway differ by beside a case; payments | not noted |" in page(older, None, None)
