"""When money moved by the gateway's own clock, where it tells: receipts' and refunds' days are counted from there."""

import re
from datetime import datetime, timedelta

from bridge.domain.exchange import KST, Fields
from bridge.domain.failures import Unreadable

CLOCKS_APART = timedelta(minutes=5)
"""How far the gateway's clock and ours may be apart."""
_MOMENT = re.compile(r"(?:20)?([0-9]{2})-?([0-9]{2})-?([0-9]{2}) ?([0-9]{2}):?([0-9]{2}):?([0-9]{2})")


def read_moment(text: str) -> datetime | None:
    """Read a moment in Korea (yyyyMMddHHmmss, yyMMddHHmmss, yyyy-MM-dd HH:mm:ss), or nothing of another text."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    try:
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=KST)
    except ValueError:
        return None


def moment_in(fields: Fields, *names: str) -> datetime | None:
    """Read a moment out of an answer's fields, one after the other; nothing where they make none."""
    try:
        return read_moment("".join(fields.text(name, "") for name in names))
    except Unreadable:
        return None


def paid_time(told: datetime | None, since: datetime, heard: datetime) -> datetime:
    """Give the moment a gateway told; that at which it was heard where it told none, or one that cannot be: before
    anything was asked for (`since`), or in the future."""
    if told is None or not since - CLOCKS_APART <= told <= heard + CLOCKS_APART:
        return heard
    return told
