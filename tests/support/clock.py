"""A clock that only a test moves, for the bridge and the sandbox alike; sleepers wake when their time has come."""

import asyncio
import heapq
import itertools
import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.domain.exchange import Stamp

NOW = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)


def later(stamp: Stamp, seconds: float) -> Stamp:
    """The stamp of so many seconds later, by both clocks."""
    start, _, ms = stamp.boot.rpartition(":")
    return replace(stamp, at=stamp.at + timedelta(seconds=seconds), boot=f"{start}:{int(ms) + round(seconds * 1000)}")


class VirtualClock:
    """Wall time and boot time that stand still until `forward`; chance that repeats.

    Both stand at whole milliseconds, as what the ledger keeps does: a moment read back equals the moment it was told.
    """

    def __init__(self, at: datetime = NOW, seed: int = 7) -> None:
        self.at = at
        self.boot = 10_000.0
        self.starts = 1
        self._random = random.Random(seed)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._turns = itertools.count()

    def now(self) -> datetime:
        return self.at

    def boot_seconds(self) -> float:
        return self.boot

    def boot_id(self) -> str:
        return f"start {self.starts}"

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._after(seconds), next(self._turns), woken))
        await woken

    @property
    def sleeping(self) -> int:
        """How many wait for their time."""
        return sum(1 for _, _, woken in self._sleepers if not woken.done())

    def start_machine(self) -> None:
        """Let the boot clock begin anew, as after a power cut; nobody may be asleep."""
        self.boot, self.starts = 20.0, self.starts + 1

    def set_back(self, seconds: float) -> None:
        """Move the wall clock back; boot time goes on as if nothing had happened."""
        self.at -= timedelta(seconds=seconds)

    def skip(self, seconds: float) -> None:
        """Let time pass in the middle of a step, as a slow answer does; nobody is woken by it."""
        self._pass(self._after(seconds))

    async def forward(self, seconds: float) -> None:
        """Let time pass, waking the sleepers one after the other."""
        ends_at = self._after(seconds)
        for _ in range(5):
            await asyncio.sleep(0)  # whoever is about to sleep sleeps from now
        while self._sleepers and self._sleepers[0][0] <= ends_at:
            due, _, woken = heapq.heappop(self._sleepers)
            self._pass(due)
            if not woken.done():
                woken.set_result(None)
                for _ in range(3):
                    await asyncio.sleep(0)
        self._pass(ends_at)

    def _after(self, seconds: float) -> float:
        """Say the boot time so many seconds from now; a wait that ends within a millisecond ends with it."""
        return math.ceil(round((self.boot + seconds) * 1000, 3)) / 1000

    def _pass(self, boot: float) -> None:
        passed = max(0.0, boot - self.boot)
        self.at += timedelta(seconds=passed)
        self.boot += passed
