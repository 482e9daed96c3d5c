"""When a phone's billing key may be charged: once a month around the day of its issue, with its amount."""

from datetime import datetime

import pytest

from bridge.domain.billing import BillingKey
from bridge.domain.exchange import KST
from bridge.domain.failures import NotNow
from bridge.domain.payment import Method
from bridge.domain.phone_keys import check_phone_charge


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00").replace(tzinfo=KST)


def key(issued: str = "2026-03-10", method: Method = Method.PHONE) -> BillingKey:
    return BillingKey("k", "c", method, "secret", at(issued), 9_900)


@pytest.mark.parametrize(
    ("issued", "today"),
    [("2026-03-10", "2026-04-05"), ("2026-03-10", "2026-04-10"), ("2026-03-10", "2026-04-15"),
     ("2026-03-10", "2027-03-10"), ("2026-03-02", "2026-03-28"), ("2026-03-02", "2026-04-07"),
     ("2026-03-29", "2026-05-04"), ("2026-01-31", "2026-02-28"), ("2026-01-31", "2026-03-05"),
     ("2026-12-31", "2027-01-26"), ("2024-02-29", "2025-02-28")],
)  # fmt: skip
def test_a_phone_is_charged_around_its_day_from_the_month_after_its_issue(issued: str, today: str) -> None:
    check_phone_charge(key(issued), 9_900, at(today), [])


@pytest.mark.parametrize(
    ("issued", "today"),
    [("2026-03-10", "2026-03-10"), ("2026-03-10", "2026-03-11"), ("2026-03-10", "2026-03-15"),
     ("2026-03-10", "2026-03-31"), ("2026-03-10", "2026-04-04"), ("2026-03-10", "2026-04-16"),
     ("2026-03-29", "2026-04-03"), ("2026-03-02", "2026-03-27"), ("2026-01-31", "2026-02-22"),
     ("2026-01-31", "2026-03-06")],
)  # fmt: skip
def test_its_own_month_and_days_further_away_are_refused_with_the_day(issued: str, today: str) -> None:
    with pytest.raises(NotNow, match="within 5 days of day") as refused:
        check_phone_charge(key(issued), 9_900, at(today), [])
    assert f"매월 {int(issued[-2:])}일" in str(refused.value.extra["message_ko"])


@pytest.mark.parametrize("amount", [9_899, 9_901, 99_000])
def test_another_amount_is_refused(amount: int) -> None:
    with pytest.raises(NotNow, match="9900 KRW each time"):
        check_phone_charge(key(), amount, at("2026-04-10"), [])


@pytest.mark.parametrize(
    ("before", "today"),
    [("2026-04-05", "2026-04-15"), ("2026-04-10", "2026-04-10"), ("2026-04-15", "2026-04-15"),
     ("2026-05-06", "2026-05-14")],
)  # fmt: skip
def test_one_month_is_charged_once(before: str, today: str) -> None:
    with pytest.raises(NotNow, match=f"charged for {today[:7]} already"):
        check_phone_charge(key(), 9_900, at(today), [at("2026-03-10"), at(before)])
    check_phone_charge(key(), 9_900, at(today), [at("2026-03-10"), at("2026-06-10")])


def test_the_span_that_reaches_into_the_next_month_is_one_month() -> None:
    with pytest.raises(NotNow, match="charged for 2026-05 already"):
        check_phone_charge(key("2026-03-02"), 9_900, at("2026-05-03"), [at("2026-04-28")])
    check_phone_charge(key("2026-03-02"), 9_900, at("2026-04-28"), [at("2026-04-03")])


def test_days_are_koreas() -> None:
    evening = datetime.fromisoformat("2026-04-04T15:00:00+00:00")
    check_phone_charge(key(), 9_900, evening, [])
    with pytest.raises(NotNow):
        check_phone_charge(key(), 9_900, datetime.fromisoformat("2026-04-04T14:59:59+00:00"), [])


def test_a_card_is_charged_whenever_and_however_often() -> None:
    check_phone_charge(key(method=Method.CARD), 1, at("2026-03-10"), [at("2026-03-10")])
