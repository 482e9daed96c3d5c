"""Time and chance in a storm: the bridge's clock may be wrong, the gateways' never is; idle pollers sleep longer."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.storm.loop import Handle, StormLoop

POLLERS = ("heartbeat", "news", "checks")
IDLE_SECONDS_MAX = 300.0
RARELY = 5
"""How much longer the bridge's own checks of its books may sleep: a storm judges them after every commit."""
CALM_SECONDS_MAX = 3_600.0

NextDue = Callable[[str], float | None]
"""Tells how many seconds from now a poller has something to do, as far as the ledger shows; None: never."""


class TrueClock:
    """The right time, for gateways and shops."""

    def __init__(self, loop: StormLoop, began_at: datetime) -> None:
        self._loop = loop
        self._began_at = began_at
        self._zero = loop.time()

    def now(self) -> datetime:
        return self._began_at + timedelta(seconds=self._loop._now - self._zero)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class BridgeClock(TrueClock):
    """The clock of the bridge's machine: it outlives the process, may be off, and may jump."""

    def __init__(self, loop: StormLoop, began_at: datetime, chance: random.Random) -> None:
        super().__init__(loop, began_at)
        self.skew_seconds = 0.0
        self._starts = 1
        self.next_due: NextDue = lambda _: 0.0
        self.idle_seconds_max = IDLE_SECONDS_MAX
        self._chance = chance
        self._naps: dict[str, _Nap] = {}

    def now(self) -> datetime:
        now = self._began_at + timedelta(seconds=self._loop._now - self._zero)
        return now + timedelta(seconds=self.skew_seconds) if self.skew_seconds else now

    def boot_seconds(self) -> float:
        return self._loop.time()

    def boot_id(self) -> str:
        return f"start {self._starts}"

    def start_machine(self) -> None:
        """Let the boot clock count from another start, as after a power cut."""
        self._starts += 1

    def random_bytes(self, count: int) -> bytes:
        return self._chance.randbytes(count)

    async def sleep(self, seconds: float) -> None:
        task = asyncio.current_task()
        name = task.get_name() if task else ""
        if name not in POLLERS:
            await asyncio.sleep(max(0.0, seconds))
            return
        nap = _Nap(self._loop, self._loop.time() + seconds)
        self._naps[name] = nap
        nap.until(self._awake_at(name, nap))
        await nap.woken

    def look_again(self) -> None:
        """Let the pollers wake earlier, when something new is due: a commit may have written it."""
        for name, nap in self._naps.items():
            if not nap.woken.done():
                nap.until(self._awake_at(name, nap))

    def wake(self) -> None:
        """Let the pollers beat as soon as they would on a machine: the time by which they sleep has changed."""
        for nap in self._naps.values():
            if not nap.woken.done():
                nap.until(max(nap.earliest, self._loop.time()))

    def forget_naps(self) -> None:
        """Forget the pollers of a process that died."""
        self._naps.clear()

    def _awake_at(self, name: str, nap: "_Nap") -> float:
        due = self.next_due(name)
        longest = self.idle_seconds_max * (RARELY if name == "checks" else 1)
        idle = longest if due is None else min(due, longest)
        return max(nap.earliest, self._loop.time() + idle)


class _Nap:
    """One sleep of a poller: at least as long as it asked for."""

    def __init__(self, loop: StormLoop, earliest: float) -> None:
        self.earliest = earliest
        self.woken: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._timer: Handle | None = None

    def until(self, when: float) -> None:
        """Wake then, if not earlier."""
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._wake)

    def _wake(self) -> None:
        self._timer = None  # it names this nap in turn, and only the garbage collector would free the two
        if not self.woken.done():
            self.woken.set_result(None)


def begin(text: str) -> datetime:
    """Read a time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
