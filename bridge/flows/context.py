"""What every use case is given: built once by the composition root, replaced whole by a simulation."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from bridge.clock import Clock
from bridge.domain.failures import Busy
from bridge.flows.choose_gateway import Breakers
from bridge.flows.monitor import Monitor
from bridge.flows.proofs import Proofs
from bridge.flows.sites import Sites
from bridge.ledger.clock_kept import Reading
from bridge.ledger.ledger import Ledger
from bridge.ledger.vault import Vault
from bridge.settings import Settings
from bridge.signing.tokens import Tokens
from bridge.wire.converse import Wire

log = structlog.get_logger("flows")
T = TypeVar("T")


class Tasks:
    """Work that goes on when the one who asked has gone: named, so that the same work is never begun twice."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._senders: dict[str, asyncio.Task[Any]] = {}
        self.closing = False

    def begin(self, name: str, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Begin work under a name, or give the task that does it already."""
        running = self._running.get(name)
        if running is not None and not running.done():
            work.close()
            return running
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running[name] = task
        task.add_done_callback(self._ended)
        return task

    def find(self, name: str) -> "asyncio.Task[Any] | None":
        """Find running work by its name."""
        return self._running.get(name)

    def send(self, operation: str) -> None:
        """Note that the task that runs now sends an operation: it is under way until that task has ended, whatever its
        name, because whoever sends also writes the answer down."""
        task = asyncio.current_task()
        assert task is not None, "whoever sends is a task"
        self._senders[operation] = task
        task.add_done_callback(lambda ended: self._sent(operation, ended))

    def is_sending(self, operation: str) -> bool:
        """Whether a task of this process has sent an operation, and not ended since."""
        return operation in self._senders

    def end(self, name: str) -> None:
        """End running work that nobody would miss, by its name."""
        if name in self._running:
            self._running[name].cancel()

    async def attempt(self, name: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Do work under a name and give what came of it; None where it failed, which is logged and keeps nobody."""
        task: asyncio.Task[T] = self.begin(name, work)
        await asyncio.wait({task})
        return None if task.cancelled() or task.exception() is not None else task.result()

    async def wait(self, task: "asyncio.Task[Any]", seconds: float) -> bool:
        """Wait for a task that long at most; tells whether it is done. Waiting no longer does not end the task."""
        done, _ = await asyncio.wait({task}, timeout=seconds)
        return bool(done)

    async def finish(self, seconds: float) -> None:
        """Let what runs end, that long at most; what does not end stays SENT and is settled after the restart."""
        self.closing = True
        running = [task for task in self._running.values() if not task.done()]
        if running:
            await asyncio.wait(running, timeout=seconds)
        for task in running:
            if not task.done():
                task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _sent(self, operation: str, task: "asyncio.Task[Any]") -> None:
        if self._senders.get(operation) is task:
            del self._senders[operation]

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if self._running.get(task.get_name()) is task:
            del self._running[task.get_name()]
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            log.error("work in the background failed", task=task.get_name(), error=type(error).__name__, exc_info=error)


@dataclass(slots=True)
class Context:
    """The bridge's parts. `owner` names this process: what it sent and did not settle is its own until it dies.

    `first_looks` are of what waits and this start of the machine did not write: when this process first looked.
    `wall_clock` is how it last stood to the boot clock, `clock_set_at` when it last moved against it (boot seconds).
    """

    settings: Settings
    clock: Clock
    ledger: Ledger
    vault: Vault
    wire: Wire
    sites: Sites
    tokens: Tokens
    owner: str
    proofs: Proofs
    tasks: Tasks = field(default_factory=Tasks)
    monitor: Monitor = field(default_factory=Monitor)
    beat_at: float = 0.0
    first_looks: dict[str, str] = field(default_factory=dict)
    wall_clock: Reading | None = None
    clock_set_at: float = 0.0
    breakers: Breakers = field(default_factory=Breakers)

    def admit(self) -> None:
        """Let a new money operation begin. Raises Busy, saying why, where the books might have no room for its outcome.

        Asked in the turn that writes the intent. What takes money back is not asked: it was begun long before.
        """
        refusal = self.ledger.refusal()
        if refusal:
            raise Busy(f"{refusal} No money moves until then.")
