"""How long unknown outcomes stay unknown: what is measured, and what of it is no measure of the bridge."""

import json
import sys

import pytest

from bridge.domain.machine import Kind
from bridge.flows.undo import RECHECK
from tests.storm import __main__ as main
from tests.storm.figures import Figures
from tests.storm.gateways import adapter
from tests.storm.page import page
from tests.storm.quietly import storms
from tests.storm.settling import Promise, Settled, Settling, Way, promise, was_refused

SOON = Promise(Way.TAKEN_BACK, 60.0, 660.0)


def test_it_is_counted_from_the_moment_it_was_unknown_until_it_is_known():
    settling = Settling()
    settling.unknown("a", 100.0)
    settling.unknown("a", 130.0)
    settling.known("a", 150.0, "mainpay-live", SOON, by_person=False)
    settling.known("a", 170.0, "mainpay-live", SOON, by_person=False)
    settling.known("never unknown", 170.0, "mainpay-live", SOON, by_person=False)

    assert settling.settled == [Settled("mainpay-live", SOON, 50.0, False)]


@pytest.mark.parametrize(("until", "seconds"), [(90.0, 50.0), (120.0, 30.0), (200.0, 0.0)])
def test_it_is_counted_from_the_end_of_the_last_trouble(until, seconds):
    settling = Settling()
    settling.unknown("a", 100.0)
    settling.trouble(until)
    settling.trouble(80.0)
    settling.known("a", 150.0, "mainpay-live", SOON, by_person=False)

    assert [one.seconds for one in settling.settled] == [seconds]


@pytest.mark.parametrize(
    ("setup", "kind", "moved", "refused", "promised"),
    [
        ("mainpay-live", Kind.APPROVE, True, False, SOON),
        ("mainpay-live", Kind.UNDO, True, False, SOON),
        ("mainpay-live", Kind.APPROVE, False, True, SOON),
        ("paystory", Kind.UNDO, False, True, Promise(Way.TAKEN_BACK, 60.0, 420.0)),
        ("mainpay-live", Kind.APPROVE, False, False, Promise(Way.ASKED, 155.0, 660.0)),
        ("mainpay-live", Kind.REFUND, True, True, Promise(Way.ASKED, 155.0, 660.0)),
        ("payple", Kind.APPROVE, True, True, Promise(Way.ASKED, 150.0, 420.0)),
    ],
)
def test_a_minute_is_promised_where_what_moved_or_was_refused_is_taken_back_and_else_the_quiet_period(
    setup, kind, moved, refused, promised
):
    assert promise(adapter(setup), kind, moved=moved, refused=refused) == promised


async def test_an_approval_that_was_refused_is_told_from_one_without_an_answer(world):
    world.fault("pay", "decline", code="9999")
    refused = await world.checkout(world.order(order_ref="REFUSED"))
    await world.come_back(refused)
    await world.live(200)
    world.fault("pay", "drop_before")
    lost = await world.checkout(world.order(order_ref="LOST"))
    await world.come_back(lost)
    await world.live(200)

    def read(turn):
        rows = turn.all("SELECT * FROM operations WHERE kind IN ('approve', 'undo') ORDER BY payment, kind, reason")
        return [(row["payment"], row["kind"], row["reason"], was_refused(turn, row["id"])) for row in rows]

    assert await world.context.ledger.read(read) == [
        (refused.payment, "approve", "", True),
        (refused.payment, "undo", "", True),
        (refused.payment, "undo", RECHECK, False),
        (lost.payment, "approve", "", False),
        (lost.payment, "undo", "", False),
    ]


def test_what_takes_too_long_lowers_the_share_that_keeps_the_promise_and_is_on_the_page():
    figures = Figures()
    with storms() as made:
        outcome = made.run(1)
    outcome.settled[:] = [
        Settled("mainpay-live", SOON, 10.0, False),
        Settled("mainpay-live", SOON, 61.0, False),
        Settled("mainpay-live", SOON, 700.0, True),
    ]
    figures.add(outcome)
    summary = figures.summary(1.0, 1)

    assert summary["settled_after_the_last_trouble"]["taken back"] == {
        "outcomes": 2,
        "given_to_a_person": 1,
        "seconds_p50": 61.0,
        "seconds_p99": 61.0,
        "seconds_max": 61.0,
        "within_promise": 0.5,
    }
    assert "| taken back | 2 | 61.0 s, 61.0 s, 61.0 s | 50.00% | 1 |" in page(summary, None, None)
    told = "\nkept in 0.00% of 1 outcomes; median 700.0 s, p99 700.0 s, longest 700.0 s."
    assert told in page(summary, None, None)


@pytest.mark.parametrize(
    ("seconds", "by_person", "is_late"),
    [(60.0, False, False), (60.1, False, True), (660.0, True, False), (661.0, True, True)],
)
def test_a_person_has_the_case_as_soon_as_the_gateway_demands_whatever_was_tried(seconds, by_person, is_late):
    assert (Settled("mainpay-live", SOON, seconds, by_person).late_seconds > 0) is is_late


def test_a_page_says_where_nothing_was_given_to_a_person():
    assert "there was none." in page(Figures().summary(1.0, 1), None, None)


@pytest.mark.parametrize(("seconds", "is_broken"), [(660.0, False), (665.0, True)])
def test_a_run_fails_whose_people_hear_too_late(seconds, is_broken):
    figures = Figures(settled=[Settled("mainpay-live", SOON, seconds, True)] * 500)

    said = "given to a person: the p99 of 500 outcomes is 5.0 s over what is promised"
    assert figures.broken_promises() == ([said] if is_broken else [])


@pytest.mark.parametrize(
    ("late", "outcomes", "is_broken"),
    [(0, 500, False), (4, 500, False), (5, 500, True), (5, 499, False), (20, 2_001, False), (21, 2_001, True)],
)
def test_a_p99_over_its_promise_fails_a_run_of_enough_outcomes(monkeypatch, capsys, late, outcomes, is_broken):
    too_late, soon = Settled("mainpay-live", SOON, 61.5, False), Settled("mainpay-live", SOON, 60.0, False)
    person = Settled("mainpay-live", SOON, 100.0, True)
    with storms() as made:
        outcome = made.run(1)
    outcome.settled[:] = [too_late] * late + [soon] * (outcomes - late) + [person] * 20
    monkeypatch.setattr(main, "run_part", lambda seeds, gateway: [outcome])
    monkeypatch.setattr(sys, "argv", ["storm", "--seeds", "1"])

    assert main.main() == int(is_broken)
    said = capsys.readouterr().out.splitlines()
    broken = json.loads(said[-1])["broken_promises"]
    assert broken == (
        [f"taken back: the p99 of {outcomes} outcomes is 1.5 s over what is promised"] if is_broken else []
    )
    assert [f"too slow: {text}" for text in broken] == [line for line in said if line.startswith("too slow")]
