"""The event loop of a storm: one thread, virtual time, no chance of its own; what a dead process had begun never runs.

Every callback carries the process it belongs to in its context. Killing a process means that none of its callbacks gets
another turn: no `finally` runs, nothing is told, exactly as after kill -9.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from heapq import heappop, heappush
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


class Handle:
    """A callback to come. asyncio's own keeps more than is asked for here, and a step with it takes a third longer."""

    __slots__ = ("args", "callback", "context", "is_cancelled", "when_due")

    def __init__(self, when_due: float, callback: Call, args: tuple[Any, ...], context: Context | None) -> None:
        self.when_due = when_due
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True
        self.callback, self.args = _nothing, ()

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self.when_due


def _nothing() -> None:
    """What a cancelled callback does."""


class StormLoop(asyncio.AbstractEventLoop):
    """Runs callbacks in the order of their time, and of their arrival within it."""

    def __init__(self) -> None:
        self.steps = 0
        self.trouble: list[str] = []
        self._now = 1_000.0
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, Handle]] = []
        self._numbers = itertools.count()

    # ---- what asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Call, *args: Any, context: Context | None = None) -> Handle:  # type: ignore[override]
        handle = Handle(self._now, callback, args, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Call, *args: Any, context: Context | None = None
    ) -> Handle:
        when = self._now + delay
        handle = Handle(when, callback, args, context)
        heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Call, *args: Any, context: Context | None = None
    ) -> Handle:
        handle = Handle(when, callback, args, context)
        heappush(self._timers, (when, next(self._numbers), handle))
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

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if context.get("message") == PENDING_DROPPED or isinstance(context.get("exception"), BridgeError):
            return  # what a dead process leaves behind
        self.trouble.append(f"{context.get('message')}: {context.get('exception')!r}")

    # ---- what a storm does with it

    def run(self, seconds: float) -> None:
        """Let so much virtual time pass, with everything that happens in it."""
        ends_at = self._now + seconds
        self._go_on(ends_at)
        self._now = ends_at

    def finish(self, work: Coroutine[Any, Any, T], seconds: float = 600.0) -> T:
        """Run until this work is done, so many virtual seconds at most."""
        task = self.create_task(work, context=Context())
        self._go_on(self._now + seconds, task)
        assert task.done(), f"not done in time: {self.trouble}"
        return task.result()

    def _go_on(self, ends_at: float, until: "asyncio.Task[Any] | None" = None) -> None:
        """Run callback after callback, going on to the next time where none is ready, until the end or a task's."""
        ready, timers = self._ready, self._timers
        asyncio._set_running_loop(self)
        try:
            while until is None or not until.done():
                if not ready:
                    while timers and timers[0][2].is_cancelled:
                        heappop(timers)
                    if not timers or timers[0][0] > ends_at:
                        return
                    now = self._now = max(self._now, timers[0][0])
                    while timers and timers[0][0] <= now:
                        ready.append(heappop(timers)[2])
                handle = ready.popleft()
                if not handle.is_cancelled and self._may_run(handle):
                    self.steps += 1
                    try:
                        handle.context.run(handle.callback, *handle.args)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:  # noqa: BLE001 - as asyncio: a disk that failed ends its process alone
                        self.call_exception_handler(
                            {"message": f"a callback failed: {handle.callback}", "exception": error}
                        )
        finally:
            asyncio._set_running_loop(None)

    def _may_run(self, handle: Handle) -> bool:
        """Whether the process that a callback belongs to lives; one that is stopped runs it later."""
        process = handle.context.get(PROCESS)
        if process is None or (process.alive and process.stopped_until <= self._now):
            return True
        if process.alive:
            heappush(self._timers, (process.stopped_until, next(self._numbers), handle))
        return False
