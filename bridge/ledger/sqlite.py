"""The ledger on SQLite: one writer thread with the only writing connection, group commit, read-only readers."""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

import structlog

from bridge.domain.failures import Busy, LedgerBroken
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.migrate import migrate_sqlite

T = TypeVar("T")
BATCH_TURNS_MAX = 256
READERS = 2
EXIT_BROKEN = 70
log = structlog.get_logger("ledger")


class SqliteTurn:
    """One transaction on a SQLite connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *values: object) -> int:
        """Execute a statement; answer how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, *values: object) -> Row | None:
        """Read the first row, or None."""
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: object) -> list[Row]:
        """Read every row."""
        return self._connection.execute(sql, values).fetchall()


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
    """Owns the database file: a lock keeps every other server away."""

    alone = True

    def __init__(self, path: Path, *, lock_wait_seconds: float = 10.0) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(path, lock_wait_seconds)
        path.touch(mode=0o600)  # SQLite gives the files beside it the same mode
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        try:
            self._writer_connection = _connect(path)
            migrate_sqlite(self._writer_connection)
        except (sqlite3.Error, LedgerBroken):
            self._lock.close()
            raise
        self._local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-reader")
        self._writer = threading.Thread(target=self._write_forever, name="ledger-writer", daemon=True)
        self._writer.start()
        self._closed = False

    async def write(self, work: Callable[[Turn], T]) -> T:
        """Run `work` in a transaction and return only after its commit."""
        if self._closed:
            raise Busy("The ledger is closed; try again when the bridge is back.")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(work, loop, loop.create_future())
        self._queue.put(waiting)
        result: T = await waiting.future
        return result

    async def read(self, work: Callable[[Turn], T]) -> T:
        """Run `work` on a read-only connection against the committed state."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def close(self) -> None:
        """Finish the turns that wait, write the log back into the file, and let go of it."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._readers.shutdown)
        for connection in self._reader_connections:
            connection.close()
        # Only the last connection to close writes the log back into the file, and readers cannot: the writer is last.
        self._queue.put(None)
        await loop.run_in_executor(None, self._writer.join)
        self._lock.close()

    def _read(self, work: Callable[[Turn], T]) -> T:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = _connect(self._path, read_only=True)
            self._local.connection = connection
            self._reader_connections.append(connection)
        connection.execute("BEGIN")
        try:
            return work(SqliteTurn(connection))
        finally:
            connection.execute("ROLLBACK")

    def _write_forever(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                break
            batch, last = [first], False
            while len(batch) < BATCH_TURNS_MAX:
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
                if waiting is None:
                    last = True
                    break
                batch.append(waiting)
            self._run_batch(batch)
            if last:
                break
        self._writer_connection.close()

    def _run_batch(self, batch: list[_Waiting]) -> None:
        connection = self._writer_connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for waiting in batch:
                _run_turn(connection, waiting)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            _fail_batch(connection, batch, error)
        loops: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
        for waiting in batch:
            loops.setdefault(waiting.loop, []).append(waiting)
        for loop, waiters in loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, waiters)


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
        if not connection.in_transaction or _is_grave(error):
            raise sqlite3.OperationalError("the transaction was lost") from error
        connection.execute("ROLLBACK TO turn")
    connection.execute("RELEASE turn")


def _fail_batch(connection: sqlite3.Connection, batch: list[_Waiting], error: sqlite3.Error) -> None:
    """Fail every turn of the batch, re-run none; an I/O error ends the process (what is on disk is the truth)."""
    if _is_io_error(error) or (error.__cause__ is not None and _is_io_error(error.__cause__)):
        log.critical("the disk failed; the bridge stops here", error=str(error))
        os._exit(EXIT_BROKEN)
    if connection.in_transaction:
        connection.execute("ROLLBACK")
    log.error("a commit failed; its turns did not happen", error=str(error), turns=len(batch))
    for waiting in batch:
        waiting.error = Busy("The ledger could not commit; nothing was written. Try again in a moment.")


def _is_grave(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOMEM)


def _is_io_error(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _take_lock(path: Path, wait_seconds: float) -> IO[bytes]:
    lock = Path(f"{path}.lock").open("ab")  # noqa: SIM115 - held for the life of the ledger
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                lock.close()
                raise LedgerBroken(
                    f"Another bridge holds {path.name}. Stop it first; two servers need PostgreSQL."
                ) from None
            time.sleep(0.05)
        else:
            return lock


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    uri = f"file:{path}?mode=ro" if read_only else f"file:{path}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA busy_timeout = 5000")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 2000")
    return connection
