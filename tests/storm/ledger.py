"""The ledger in a storm: the real turns, batches and SQL on a disk in memory, without threads; it can fail and die."""

import asyncio
import queue
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

from bridge.domain.failures import Busy
from bridge.ledger.ledger import Turn
from bridge.ledger.look import connect
from bridge.ledger.pace import Pace
from bridge.ledger.sqlite import SqliteLedger, SqliteTurn, _Waiting

T = TypeVar("T")

ROOT = bytes(range(32))
EVERYTHING = "*"
WRITES = re.compile(r"(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) (\w+)")
FULL = 2
"""What PRAGMA synchronous must say for a commit to survive a power loss (https://sqlite.org/pragma.html)."""


class Disk:
    """The database file: everything committed stays when a process dies.

    All of a schedule is one transaction of the disk's own, whose batches are savepoints (`Batches`): to go back to what
    every schedule begins from is to roll it back, and what SQLite has made of each statement is kept meanwhile.
    """

    def __init__(self) -> None:
        self.connection = connect(Path(":memory:"))
        self.safe = self.connection.execute("PRAGMA synchronous").fetchone()[0] >= FULL
        self._writes: Counter[str] = Counter()

    def keep(self) -> None:
        """Have every schedule begin from what is here now."""
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")
        self.connection.execute("BEGIN")

    def begin_again(self) -> None:
        """Go back to what was kept."""
        self.connection.execute("ROLLBACK")
        self.connection.execute("BEGIN")
        self.note_write(EVERYTHING)

    def note_write(self, table: str) -> None:
        """Note that something was written, committed or not, into a table or into everything."""
        self._writes[table] += 1

    def writes(self, tables: Sequence[str]) -> int:
        """Give a number that is another as soon as one of these tables is written to."""
        return sum([self._writes[table] for table in (EVERYTHING, *tables)])

    def lose_power(self) -> None:
        """Lose what was never synced: nothing, where every commit syncs."""
        if not self.safe:
            self.begin_again()


class Events(Protocol):
    """What a storm makes happen around turns. `committing` gives how a commit fails, or nothing."""

    def delay(self) -> float: ...
    def committing(self) -> str: ...
    def nearly_full(self) -> bool: ...
    def committed(self) -> None: ...
    def failed_disk(self) -> None: ...
    def gave_up(self, why: str) -> None: ...


class DiskFailed(BaseException):
    """The process would have ended itself here."""


class StormLedger(SqliteLedger):
    """One process's hold on the disk. Turns that wait together are committed together, as by the real writer."""

    def __init__(self, disk: Disk, events: Events, *, alone: bool) -> None:  # the file, threads and lock stay out
        self.alone = alone
        self.root = ROOT
        self.closed = False
        self.read_only = ""
        self.pace = Pace()
        self._events = events
        self._connection = disk.connection
        self._batches = Batches(disk)
        self._room: Any = _NoFile()
        self._breaks: Any = self._room
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._turns: list[_Waiting] = []

    def refusal(self) -> str:
        return "the disk is nearly full" if self._events.nearly_full() else ""

    def give_up(self, why: str) -> NoReturn:
        self._events.gave_up(why)
        raise DiskFailed(why)

    async def write(self, work: Callable[[Turn], T]) -> T:
        if self.closed:
            raise Busy("The ledger is closed; try again when the bridge is back.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(work, loop, loop.create_future())
        self._turns.append(waiting)
        if len(self._turns) == 1:
            loop.call_later(self._events.delay(), self._commit)
        result: T = await waiting.future
        return result

    async def read(self, work: Callable[[Turn], T]) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        loop.call_later(self._events.delay(), self._answer, work, answer)
        return await answer

    async def examine(self) -> None:
        """There is no file."""

    async def close(self) -> None:
        self.closed = True

    def _answer(self, work: Callable[[Turn], T], answer: "asyncio.Future[T]") -> None:
        connection = self._connection
        before = connection.total_changes
        try:
            result = work(SqliteTurn(connection))
        except Exception as error:  # noqa: BLE001 - a turn's failure belongs to the one who asked for it
            if not answer.done():
                answer.set_exception(error)
        else:
            if not answer.done():
                answer.set_result(result)
        assert connection.total_changes == before, "a reader wrote"

    def _commit(self) -> None:
        batch, self._turns = self._turns, []
        fault = self._events.committing()
        if fault == "killed":
            return
        self._writer_connection: Any = Failing(self._batches, fault) if fault else self._batches
        try:
            self._run_batch(batch)
        except DiskFailed:
            self._events.failed_disk()
            return
        self._events.committed()


class _NoFile:
    """What the ledger keeps beside its file."""

    def give_up(self) -> None:
        """There is no reserve to give up."""

    def note(self, at: float, why: str) -> None:
        """Nobody counts the breaks here."""


class Batches:
    """The writer's connection: its transactions are savepoints in the disk's own."""

    WORDS: Mapping[str, tuple[str, ...]] = {
        "BEGIN IMMEDIATE": ("SAVEPOINT batch",),
        "COMMIT": ("RELEASE batch",),
        "ROLLBACK": ("ROLLBACK TO batch", "RELEASE batch"),
    }

    def __init__(self, disk: Disk) -> None:
        self.in_transaction = False
        self._disk = disk
        self._real = disk.connection

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        words = self.WORDS.get(sql)
        if words is None:
            table = _written_by(sql)
            if table:
                self._disk.note_write(table)
            return self._real.execute(sql, values)
        self.in_transaction = sql == "BEGIN IMMEDIATE"
        return [self._real.execute(one) for one in words][-1]


@cache
def _written_by(sql: str) -> str:
    """Name the table that a statement writes to, nothing where it only reads. No trigger writes another."""
    if sql.startswith(("SELECT ", "SAVEPOINT ", "RELEASE ", "ROLLBACK ")):
        return ""
    found = WRITES.match(sql)
    return found[1] if found else EVERYTHING


class Failing:
    """A connection whose next commit, or whose beginning, fails as SQLite's would."""

    def __init__(self, connection: Batches, fault: str) -> None:
        self._real = connection
        self._fault = fault

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        if sql == "BEGIN IMMEDIATE" and self._fault == "locked":
            raise _error("database is locked", sqlite3.SQLITE_BUSY)
        if sql == "COMMIT" and self._fault == "disk_full":
            self._real.execute("ROLLBACK")
            raise _error("database or disk is full", sqlite3.SQLITE_FULL)
        if sql == "COMMIT" and self._fault in ("sync_failed", "sync_failed_late"):
            self._real.execute("ROLLBACK" if self._fault == "sync_failed" else "COMMIT")
            raise _error("disk I/O error", sqlite3.SQLITE_IOERR)
        return self._real.execute(sql, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def _error(text: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code  # type: ignore[misc]  # read-only in the stubs only
    return error


def die_in_memory(code: int) -> None:
    """Stand in for os._exit: the process ends, the storm goes on."""
    raise DiskFailed(code)
