"""When a phone's billing key may be charged: once a month, around the day on which it was issued."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from bridge.domain.billing import BillingKey
from bridge.domain.exchange import KST
from bridge.domain.failures import NotNow
from bridge.domain.payment import Method

PHONE_DAYS = 5


def check_phone_charge(key: BillingKey, amount: int, at: datetime, charged: Iterable[datetime]) -> None:
    """Let a phone's key be charged once a month, with its own amount, around the day it was issued on.

    Issuing it was the first month's charge; each later one is due on that day of a month, the nearest Korean day within
    five, and once (Pay-Story 3.3.4, Welcome hppbillpay). `charged` is when it was charged before, or may have been.
    Raises NotNow.
    """
    if key.method is not Method.PHONE:
        return
    if key.amount != amount:
        raise NotNow(
            f"A phone's billing key is charged {key.amount} KRW each time, as it was issued for.",
            message_ko=f"등록된 휴대폰은 등록할 때 정한 {key.amount:,}원만 청구할 수 있어요.",
        )
    issued = key.issued_at.astimezone(KST).date()
    due = _day_due(issued, at)
    if due is None:
        raise NotNow(
            f"A phone's billing key is charged within {PHONE_DAYS} days of day {issued.day} of a month, from the month"
            " after it was issued.",
            message_ko=f"등록된 휴대폰은 다음 달부터 매월 {issued.day}일 앞뒤 {PHONE_DAYS}일 안에만 청구할 수 있어요.",
        )
    if any(_day_due(issued, before) == due for before in charged):
        raise NotNow(
            f"This phone's billing key was charged for {due:%Y-%m} already, or that charge is not settled yet.",
            message_ko=f"이 휴대폰은 {due.year}년 {due.month}월분을 이미 청구했거나 결과를 확인하는 중이에요.",
        )


def _day_due(issued: date, at: datetime) -> date | None:
    """Find the month's day of a phone's key that is at most five days away; the month of its issue has none left."""
    today = at.astimezone(KST).date()
    for shift in (-15, 0, 15):
        day = _in_month(issued.day, today + timedelta(days=shift))
        if abs((day - today).days) <= PHONE_DAYS and (day.year, day.month) > (issued.year, issued.month):
            return day
    return None


def _in_month(day: int, of: date) -> date:
    """Give that day of a date's month, or the month's last."""
    first_of_next = (of.replace(day=1) + timedelta(days=32)).replace(day=1)
    return of.replace(day=min(day, (first_of_next - timedelta(days=1)).day))
