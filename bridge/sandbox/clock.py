"""The sandbox's own time: injected everywhere, so that a simulation can run it on a virtual clock."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

KST = timezone(timedelta(hours=9), "KST")


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
