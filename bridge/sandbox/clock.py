"""The sandbox's own time: injected everywhere, so that a simulation can run it on a virtual clock."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

KST = timezone(timedelta(hours=9), "KST")


def read_digits(text: str) -> datetime | None:
    """Read yyyyMMddHHmmss in Korea; None where there is no such moment."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=KST)
    except ValueError:
        return None


def is_beside(told: datetime | None, now: datetime, minutes: float) -> bool:
    """Tell whether a request's own time is further than so many minutes from ours; never where they are 0."""
    return minutes > 0 and (told is None or abs(now - told) > timedelta(minutes=minutes))


class Clock(Protocol):
    """Where the sandbox gets its time from."""

    def now(self) -> datetime:
        """Tell the moment, with its offset."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        ...


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Tell the moment, with its offset."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await asyncio.sleep(seconds)
