"""The ledger on SQLite: one writer thread with the only writing connection, group commit, read-only readers."""

import asyncio
import fcntl
import os
import queue
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

import structlog

from bridge.domain.failures import BridgeError, Busy, LedgerBroken, LedgerHeld
from bridge.ledger.breaks import Breaks
from bridge.ledger.ledger import Row, Turn, Unlock, no_root
from bridge.ledger.look import Look, connect, examine
from bridge.ledger.migrate import migrate_sqlite
from bridge.ledger.pace import Pace
from bridge.ledger.room import Room
from bridge.ledger.sqlite_errors import is_broken, is_busy, is_damaged, is_full, is_grave

T = TypeVar("T")
BATCH_TURNS_MAX = 256
READERS = 2
EXIT_BROKEN = 70
LOOK_SECONDS = 1.0
"""How long a start waits for the look through the whole file; a larger file is looked through while it serves."""
EXAMINE_SECONDS_MAX = 300.0
"""A nightly look holds one moment of the books for so long at most: the log beside the file grows while it does."""
RESTORE = "Stop here, keep the damaged file, and restore the latest backup; see Backup in docs/operating.md."
log = structlog.get_logger("ledger")


class SqliteTurn:
    """One transaction on a SQLite connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *values: object) -> int:
        """Execute a statement; answer how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, *values: object) -> Row | None:
        """Read the first row, or None. Raises LedgerBroken where a text is none."""
        try:
            row: Row | None = self._connection.execute(sql, values).fetchone()
        except sqlite3.OperationalError as error:
            raise _unreadable(error) from error
        return row

    def all(self, sql: str, *values: object) -> list[Row]:
        """Read every row. Raises LedgerBroken where a text is none."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            raise _unreadable(error) from error


class _Waiting:
    """A turn in the queue, with the future that hears of its commit."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(
        self, work: Callable[[Turn], Any], loop: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]"
    ) -> None:
        self.work = work
        self.loop = loop
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

    def resolve(self) -> None:
        """Tell the waiter, if it is still there: a waiter that went away does not cancel its turn."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteLedger:
    """Owns the database file: a lock keeps every other server away.

    Where the process broke twice within a minute it only reads: whoever asks is answered, and told why.
    """

    alone = True
    engine = f"SQLite {sqlite3.sqlite_version}"

    def __init__(
        self, path: Path, *, lock_wait_seconds: float = 10.0, room: Room | None = None, unlock: Unlock = no_root
    ) -> None:
        self._path = path
        self._room = room or Room(path)
        self._breaks = Breaks(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = take_lock(path, lock_wait_seconds)
        self.read_only = self._breaks.take(time.time())
        path.touch(mode=0o600)  # SQLite gives the files beside it the same mode
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        try:
            self._writer_connection = _open(path, self.read_only)
        except (sqlite3.Error, LedgerBroken):
            self._lock.close()
            raise
        self._look = Look(path, self._stop)
        damage = self._look.wait(LOOK_SECONDS)
        if damage:
            self._writer_connection.close()
            self._lock.close()
            raise LedgerBroken(f"{path.name} is damaged ({damage}). {RESTORE}")
        try:
            self.root = unlock(SqliteTurn(self._writer_connection))
        except (BridgeError, sqlite3.Error):
            self._look.end()
            self._writer_connection.close()
            self._lock.close()
            raise
        self._local = threading.local()
        # Opened now, not when somebody first reads: by then there may be no descriptor for it.
        self._reader_connections = [_reader(path) for _ in range(READERS)]
        self._unused = [*self._reader_connections]
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-reader")
        self._examiner = ThreadPoolExecutor(1, thread_name_prefix="ledger-examiner")
        self._writer = threading.Thread(target=self._write_or_end, name="ledger-writer", daemon=True)
        self._writer.start()
        self.pace = Pace()
        self.closed = False

    def refusal(self) -> str:
        """Say why no money operation may begin now, or nothing: the books are read only, or the disk is nearly full."""
        return self.read_only or self._room.refusal()

    def give_up(self, why: str) -> NoReturn:
        """End the process because the books contradict themselves; the next one looks again, a third only reads."""
        self._end("the books are not whole", noted=why, why=why)

    async def write(self, work: Callable[[Turn], T]) -> T:
        """Run `work` in a transaction and return only after its commit.

        Raises what `work` raises; Busy, where nothing was written; LedgerBroken, where this process only reads.
        """
        if self.closed:
            raise Busy("The ledger is closed; try again when the bridge is back.")
        if self.read_only:
            raise LedgerBroken(f"The ledger is read only: {self.read_only}")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(work, loop, loop.create_future())
        self._queue.put(waiting)
        result: T = await waiting.future
        return result

    async def read(self, work: Callable[[Turn], T]) -> T:
        """Run `work` on a read-only connection against the committed state."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def examine(self) -> None:
        """Look through the whole file on a connection and a thread of its own. Raises LedgerBroken."""
        until = time.monotonic() + EXAMINE_SECONDS_MAX
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._examiner, examine, self._path, lambda: self.closed or time.monotonic() > until)

    async def close(self) -> None:
        """Finish the turns that wait, write the log back into the file, and let go of it."""
        if self.closed:
            return
        self.closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._look.end)
        for pool in (self._examiner, self._readers):
            await loop.run_in_executor(None, pool.shutdown)
        for connection in self._reader_connections:
            connection.close()
        # Only the last connection to close writes the log back into the file, and readers cannot: the writer is last.
        self._queue.put(None)
        await loop.run_in_executor(None, self._writer.join)
        self._lock.close()

    def _read(self, work: Callable[[Turn], T]) -> T:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._unused.pop()
        try:
            connection.execute("BEGIN")
            try:
                return work(SqliteTurn(connection))
            finally:
                if connection.in_transaction:  # without memory SQLite has ended it by itself
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            if is_broken(error):
                self._stop(error)
            raise

    def _write_or_end(self) -> None:
        """Write until the end; where the writer itself fails, as without memory, end the process: nobody would ever be
        written for again, and all who wait would wait for ever."""
        try:
            self._write_forever()
        except BaseException as error:  # noqa: BLE001 - whatever it is, this thread is at its end
            what = f"the ledger's writer failed ({type(error).__name__})"
            self._end(what, noted=what, error=str(error))

    def _write_forever(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                break
            batch = [first]
            last = self._gather(batch, BATCH_TURNS_MAX)
            self._run_batch(batch)
            if last:
                break
        self._writer_connection.close()

    def _gather(self, batch: list[_Waiting], most: int) -> bool:
        """Add the turns that wait to a batch; tells whether the end of the queue came."""
        while len(batch) < most:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                return True
            batch.append(waiting)
        return False

    def _run_batch(self, batch: list[_Waiting]) -> None:
        connection = self._writer_connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for waiting in batch:
                _run_turn(connection, waiting)
            began = time.monotonic()
            connection.execute("COMMIT")
            self.pace.note(time.monotonic() - began)
        except sqlite3.Error as error:
            self._fail_batch(batch, error)
        loops: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
        for waiting in batch:
            loops.setdefault(waiting.loop, []).append(waiting)
        for loop, waiters in loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, waiters)

    def _fail_batch(self, batch: list[_Waiting], error: sqlite3.Error) -> None:
        """Fail every turn of the batch, re-run none; an I/O error ends the process (what is on disk is the truth)."""
        cause = error.__cause__ if isinstance(error.__cause__, sqlite3.Error) else error
        if is_broken(cause):
            self._stop(cause)
        if self._writer_connection.in_transaction:
            self._writer_connection.execute("ROLLBACK")
        if is_full(cause):
            self._room.give_up()
        # Whoever came while the lock was waited for has waited too, and does not wait a second time.
        if is_busy(cause) and self._gather(batch, sys.maxsize):
            self._queue.put(None)
        log.error("a commit failed; its turns did not happen", error=str(cause), turns=len(batch))
        for waiting in batch:
            waiting.error = Busy("The ledger could not commit; nothing was written. Try again in a moment.")

    def _stop(self, error: sqlite3.Error | str) -> NoReturn:
        """End the process, for what is on disk is the truth; the next one finds why."""
        damaged = isinstance(error, str) or is_damaged(error)
        noted, advice = f"the disk or the database failed ({error})", RESTORE if damaged else ""
        self._end("the disk failed", noted=noted, error=str(error), advice=advice)

    def _end(self, what: str, *, noted: str, **more: str) -> NoReturn:
        """End the process at once, whatever else fails."""
        try:
            log.critical(f"{what}; the bridge stops here", **more)
            self._breaks.note(time.time(), noted)
        finally:
            os._exit(EXIT_BROKEN)


def _resolve(waiters: list[_Waiting]) -> None:
    for waiting in waiters:
        waiting.resolve()


def _run_turn(connection: sqlite3.Connection, waiting: _Waiting) -> None:
    """Run one turn in its savepoint; its own failure goes to its own future, a lost transaction ends the batch."""
    connection.execute("SAVEPOINT turn")
    try:
        waiting.result = waiting.work(SqliteTurn(connection))
    except Exception as error:
        # A future refuses StopIteration, and whoever waits beside it would wait for ever.
        waiting.error = RuntimeError("a turn ended by StopIteration") if isinstance(error, StopIteration) else error
        if not connection.in_transaction or is_grave(error):
            raise sqlite3.OperationalError("the transaction was lost") from error
        connection.execute("ROLLBACK TO turn")
    connection.execute("RELEASE turn")


def _unreadable(error: sqlite3.OperationalError) -> Exception:
    """A text whose bytes are no UTF-8 was not written by a bridge; every other failure stays what it is."""
    return LedgerBroken(f"A row was altered: {error}.") if "decode to UTF-8" in str(error) else error


def _reader(path: Path) -> sqlite3.Connection:
    """Open a reader's connection, and with it the files that SQLite opens at the first question."""
    connection = connect(path, read_only=True)
    connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    return connection


def take_lock(path: Path, wait_seconds: float) -> IO[bytes]:
    lock = Path(f"{path}.lock").open("ab")  # noqa: SIM115 - held for the life of the ledger
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                lock.close()
                raise LedgerHeld(
                    f"Another bridge holds {path.name}. Stop it first; two servers need PostgreSQL."
                ) from None
            time.sleep(0.05)
        else:
            return lock


def _open(path: Path, read_only: str) -> sqlite3.Connection:
    """Open the writer's connection, on a file that is whole. Raises LedgerBroken, saying what to do."""
    try:
        connection = connect(path, read_only=bool(read_only))
        if not read_only:
            migrate_sqlite(connection)
    except sqlite3.DatabaseError as error:
        if is_damaged(error):
            raise LedgerBroken(f"{path.name} is damaged ({error}). {RESTORE}") from error
        raise
    return connection
