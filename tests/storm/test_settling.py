"""How long unknown outcomes stay unknown: what is measured, and what of it is no measure of the bridge."""

import pytest

from bridge.domain.machine import Kind
from tests.storm.figures import Figures
from tests.storm.gateways import adapter
from tests.storm.page import page
from tests.storm.quietly import storms
from tests.storm.settling import Promise, Settled, Settling, Way, promise

SOON = Promise(Way.TAKEN_BACK, 60.0)


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
    ("setup", "kind", "moved", "promised"),
    [
        ("mainpay-live", Kind.APPROVE, True, Promise(Way.TAKEN_BACK, 60.0)),
        ("mainpay-live", Kind.UNDO, True, Promise(Way.TAKEN_BACK, 60.0)),
        ("mainpay-live", Kind.APPROVE, False, Promise(Way.ASKED, 155.0)),
        ("mainpay-live", Kind.REFUND, True, Promise(Way.ASKED, 155.0)),
        ("payple", Kind.APPROVE, True, Promise(Way.ASKED, 150.0)),
    ],
)
def test_a_minute_is_promised_where_what_moved_is_taken_back_and_else_the_quiet_period(setup, kind, moved, promised):
    assert promise(adapter(setup), kind, moved=moved) == promised


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
