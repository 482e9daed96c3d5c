"""The world of a sandbox: the books, the faults, the notices, the recorded requests, its time and its randomness."""

import asyncio
import random
from collections import deque
from collections.abc import Coroutine, Mapping
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from bridge.sandbox.bank import Bank
from bridge.sandbox.clock import KST, Clock, WallClock
from bridge.sandbox.faults import Faults
from bridge.sandbox.notices import Notices, Post

REQUESTS_KEPT = 2_000


class ControlRefused(ValueError):
    """A control request that makes no sense; its text is for the person who sent it."""


class Desk(Protocol):
    """What the control pages may ask of one gateway."""

    def reset(self) -> None:
        """Forget everything."""
        ...

    def settings(self) -> dict[str, Any]:
        """Give the settings."""
        ...

    def set(self, values: Mapping[str, Any]) -> None:
        """Change settings. Raises ControlRefused."""
        ...

    def deposit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Put money into a virtual account. Raises ControlRefused."""
        ...

    def refund(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give money back from the gateway's own console, unasked. Raises ControlRefused."""
        ...

    async def forge(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Send a notice about something that never happened. Raises ControlRefused."""
        ...


@runtime_checkable
class TransferDesk(Protocol):
    """What the control pages may ask of a gateway that gives money back by transfer, too."""

    def transfer(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Bring a registered transfer to its end. Raises ControlRefused."""
        ...


class World:
    """Everything the gateways share. Without a seed its randomness is the system's."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        public_url: str = "http://127.0.0.1:9900",
        seed: int | None = None,
        post: Post | None = None,
    ) -> None:
        self.clock: Clock = clock or WallClock()
        self.random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - play money
        self.public_url = public_url.rstrip("/")
        self.bank = Bank()
        self.faults = Faults()
        self.requests: deque[dict[str, Any]] = deque(maxlen=REQUESTS_KEPT)
        self.latency_seconds: dict[tuple[str, str], float] = {}
        self.desks: dict[str, Desk] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.notices = Notices(self.clock, post)

    def now(self) -> datetime:
        """Tell the moment in Korea."""
        return self.clock.now().astimezone(KST)

    def hex(self, digits: int) -> str:
        """Make up so many hex digits."""
        return f"{self.random.getrandbits(digits * 4):0{digits}x}"

    def latency(self, gateway: str, op: str) -> float:
        """Tell how many seconds a call takes when nothing is wrong."""
        found = self.latency_seconds
        if not found:
            return 0.0
        return found.get((gateway, op), found.get((gateway, ""), found.get(("", op), found.get(("", ""), 0.0))))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the calls, such as sending a notice."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def busy(self) -> bool:
        """Tell whether anything is still being done beside the calls."""
        return bool(self._tasks)

    async def settle(self) -> None:
        """Wait until everything beside the calls is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def stop_tasks(self) -> None:
        """Give up everything beside the calls."""
        for task in list(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """End the world."""
        self.stop_tasks()
        await self.settle()
        await self.notices.close()

    def reset(self) -> None:
        """Forget everything that happened and all that was set."""
        self.stop_tasks()
        self.bank.clear()
        self.faults.clear()
        self.requests.clear()
        self.latency_seconds.clear()
        self.notices.reset()
        for desk in self.desks.values():
            desk.reset()
