"""The event loop of a storm: one thread, virtual time, no chance of its own; what a dead process had begun never runs.

Every callback carries the process it belongs to in its context. Killing a process means that none of its callbacks gets
another turn: no `finally` runs, nothing is told, exactly as after kill -9.
"""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from bridge.domain.failures import BridgeError

T = TypeVar("T")
Call = Callable[..., object]

PENDING_DROPPED = "Task was destroyed but it is pending!"


@dataclass(eq=False, slots=True)
class Process:
    """A program that can be killed, or stopped for a while as by SIGSTOP or a pause of the machine."""

    name: str
    alive: bool = True
    stopped_until: float = 0.0

    def context(self) -> Context:
        """Make a context whose callbacks belong to this process."""
        made = Context()
        made.run(PROCESS.set, self)
        return made


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class StormLoop(asyncio.AbstractEventLoop):
    """Runs callbacks in the order of their time, and of their arrival within it."""

    def __init__(self) -> None:
        self.steps = 0
        self.trouble: list[str] = []
        self._now = 1_000.0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.Handle]] = []
        self._numbers = itertools.count()

    # ---- what asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Call, *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Call, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Call, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, work: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> "asyncio.Task[T]":
        return asyncio.Task(work, loop=self, name=name, context=context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is skipped when its time comes."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if context.get("message") == PENDING_DROPPED or isinstance(context.get("exception"), BridgeError):
            return  # what a dead process leaves behind
        self.trouble.append(f"{context.get('message')}: {context.get('exception')!r}")

    # ---- what a storm does with it

    def run(self, seconds: float) -> None:
        """Let so much virtual time pass, with everything that happens in it."""
        ends_at = self._now + seconds
        asyncio._set_running_loop(self)
        try:
            while self._step(ends_at):
                pass
        finally:
            asyncio._set_running_loop(None)
        self._now = ends_at

    def finish(self, work: Coroutine[Any, Any, T], seconds: float = 600.0) -> T:
        """Run until this work is done, so many virtual seconds at most."""
        ends_at = self._now + seconds
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(work, context=Context())
            while not task.done() and self._step(ends_at):
                pass
        finally:
            asyncio._set_running_loop(None)
        assert task.done(), f"not done in time: {self.trouble}"
        return task.result()

    def _step(self, ends_at: float) -> bool:
        """Run one callback, or go on to the next time; tells whether there was anything before the end."""
        ready, timers = self._ready, self._timers
        if not ready:
            while timers and timers[0][2]._cancelled:  # type: ignore[attr-defined]
                heapq.heappop(timers)
            if not timers or timers[0][0] > ends_at:
                return False
            self._now = max(self._now, timers[0][0])
            while timers and timers[0][0] <= self._now:
                ready.append(heapq.heappop(timers)[2])
        handle = ready.popleft()
        if handle._cancelled:  # type: ignore[attr-defined]
            return True
        process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is not None:
            if not process.alive:
                return True
            if process.stopped_until > self._now:
                heapq.heappush(timers, (process.stopped_until, next(self._numbers), handle))
                return True
        self.steps += 1
        handle._run()
        return True
