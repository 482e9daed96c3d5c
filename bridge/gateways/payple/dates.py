"""Which day and which month in Korea a call about a payment names."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from bridge.domain.exchange import KST, Stamp
from bridge.domain.gateway import Seen
from bridge.domain.payment import Payment

TOLD = "payTime"
"""The ref that keeps PCD_PAY_TIME, or its day alone."""
MONTH = "regularMonth"
"""The ref that keeps the month (YYYYMM) of a regular charge, written before it is sent."""
DAYS_ASKED_MAX = 3
CLOCKS_APART = timedelta(minutes=10)
WINDOW_MAX = timedelta(hours=1)
"""No buyer pays later in a window."""


def month_of(at: datetime) -> str:
    """Give the month in Korea, YYYYMM."""
    return f"{at.astimezone(KST):%Y%m}"


def regular(refs: Mapping[str, str]) -> dict[str, str]:
    """Give what names a regular charge beside its order number: its flag, year and month (정기결제; 4., 결제결과 조회).

    Nothing for any other payment: the manual wants these of a regular one alone.
    """
    month = refs.get(MONTH, "")
    if not month:
        return {}
    return {"PCD_REGULER_FLAG": "Y", "PCD_PAY_YEAR": month[:4], "PCD_PAY_MONTH": month[4:]}


def day_paid(payment: Payment, stamp: Stamp) -> str:
    """Give the day of a payment (YYYYMMDD), as Payple told it or as the books have it."""
    told = _day_told(payment.refs)
    return f"{told or (payment.paid_at or stamp.at).astimezone(KST):%Y%m%d}"


def days_possible(payment: Payment, stamp: Stamp) -> list[date]:
    """List the days on which a payment may have been made, the latest first.

    Payple's clock says which: one begun just after midnight by ours may be of the day before by theirs, and one made
    just before it of the day after. Where ours was set back since the window was opened, it may be later than it says.
    """
    told = _day_told(payment.refs)
    if told is not None:
        return [told]
    first = (payment.created_at - CLOCKS_APART).astimezone(KST).date()
    last = max(payment.expires_at.astimezone(KST).date() + timedelta(days=1), first)
    every = [first + timedelta(days=number) for number in range(min((last - first).days + 1, DAYS_ASKED_MAX))]
    is_set_back = min(stamp.at, payment.expires_at) < payment.created_at
    now = max(stamp.at, payment.created_at + WINDOW_MAX) if is_set_back else stamp.at
    today = max((now + CLOCKS_APART).astimezone(KST).date(), first)
    return sorted((day for day in every if day <= today), reverse=True)


def with_day(seen: Seen, day: date) -> Seen:
    """Keep the day that was asked about with what was found on it: PCD_PAY_TIME, which tells it, is optional."""
    told = _day_told(seen.refs) is not None
    return seen if told else replace(seen, refs={**seen.refs, TOLD: f"{day:%Y%m%d}"})


def _day_told(refs: Mapping[str, str]) -> date | None:
    """Read the day out of what Payple told (PCD_PAY_TIME); nothing where it is no day."""
    told = refs.get(TOLD, "")[:8]
    if not (len(told) == 8 and told.isascii() and told.isdigit()):
        return None
    try:
        return date(int(told[:4]), int(told[4:6]), int(told[6:]))
    except ValueError:
        return None
