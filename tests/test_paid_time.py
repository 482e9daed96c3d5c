"""When money moved by the gateway's own clock: what is read as a moment, and which moments are believed."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.exchange import KST, Fields
from bridge.domain.paid_time import moment_in, paid_time, read_moment

ASKED = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
HEARD = ASKED + timedelta(days=6)


@pytest.mark.parametrize("text", ["20261120123456", "261120123456", "2026-11-20 12:34:56"])
def test_a_moment_is_read_as_one_in_korea(text):
    assert read_moment(text) == datetime(2026, 11, 20, 12, 34, 56, tzinfo=KST)
    assert read_moment(text).utcoffset() == timedelta(hours=9)


def test_a_year_that_looks_like_its_century_is_no_century():
    assert read_moment("201230122808") == datetime(2020, 12, 30, 12, 28, 8, tzinfo=KST)
    assert read_moment("20201230122808") == datetime(2020, 12, 30, 12, 28, 8, tzinfo=KST)


@pytest.mark.parametrize(
    "text",
    ["", "20261120", "2026112012345", "20261320123456", "20261120250000", "20261120123456 ", "2026112012345６",
     "19261120123456", "2026-11-20T12:34:56", "yesterday"],
)  # fmt: skip
def test_what_is_no_moment_is_none(text):
    assert read_moment(text) is None


def test_a_moment_in_two_fields_is_read_and_misshapen_fields_are_none():
    assert moment_in(Fields({"d": "261120", "t": "123456"}), "d", "t") == datetime(2026, 11, 20, 12, 34, 56, tzinfo=KST)
    for values in ({}, {"d": "261120"}, {"d": ["261120"], "t": "123456"}, {"d": 261120, "t": 23456}):
        assert moment_in(Fields(values), "d", "t") is None


def test_the_gateways_moment_is_believed_between_the_asking_and_now():
    for told in (ASKED, ASKED + timedelta(days=3), HEARD, ASKED - timedelta(minutes=5), HEARD + timedelta(minutes=5)):
        assert paid_time(told, ASKED, HEARD) == told


def test_a_moment_that_cannot_be_is_the_moment_it_was_heard():
    second = timedelta(seconds=1)
    for told in (None, ASKED - timedelta(minutes=5) - second, HEARD + timedelta(minutes=5) + second):
        assert paid_time(told, ASKED, HEARD) == HEARD
