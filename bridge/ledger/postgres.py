"""The ledger on PostgreSQL: each turn is one transaction on a connection of its own; many processes may share it."""

import asyncio
import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import psycopg
import structlog
from psycopg import IsolationLevel, errors
from psycopg.rows import dict_row

from bridge.domain.failures import Busy, LedgerBroken
from bridge.ledger import breaks
from bridge.ledger.ledger import Row, Turn, Unlock, no_root
from bridge.ledger.migrate import migrations, refuse_newer
from bridge.ledger.pace import Pace
from bridge.ledger.root import kept

T = TypeVar("T")
V = TypeVar("V")
Connection = psycopg.Connection[dict[str, Any]]
WRITERS = 8
READERS = 4
WAIT_SECONDS = 5.0
"""How long a turn may wait, from the moment it was asked for: for a thread, for the server, for colliding turns."""
PAUSE_SECONDS = 0.05
DUPLICATES_MAX = 2
MIGRATION = 0x7061792D627269  # the advisory lock that lets one process at a time change the schema: "pay-bri"
_SESSION = (
    "SET synchronous_commit = on",
    "SET lock_timeout = '5s'",
    "SET statement_timeout = '10s'",
    "SET idle_in_transaction_session_timeout = '10s'",  # a process stopped within a turn blocks nobody for long
)
_DIALLING: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "pay-bridge",
    "client_encoding": "UTF8",
}
EXIT_BROKEN = 70
log = structlog.get_logger("ledger")


class PostgresTurn:
    """One transaction on a PostgreSQL connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(self, sql: str, *values: object) -> int:
        """Execute a statement; answer how many rows it changed."""
        return self._execute(sql, values).rowcount

    def one(self, sql: str, *values: object) -> Row | None:
        """Read the first row, or None."""
        return self._execute(sql, values).fetchone()

    def all(self, sql: str, *values: object) -> list[Row]:
        """Read every row."""
        return [*self._execute(sql, values).fetchall()]

    def _execute(self, sql: str, values: tuple[object, ...]) -> psycopg.Cursor[dict[str, Any]]:
        return self._connection.execute(_translated(sql), [storable(value) for value in values])


class PostgresLedger:
    """Runs turns on a bounded number of threads, each on a connection that no other uses meanwhile.

    Turns are REPEATABLE READ: each sees one moment of the books and may not change a row that was changed since. A
    turn that collided, with such a row or with a row another turn added first, is rolled back and run again whole:
    being a plain function, it then finds what the other did, and says so itself.
    """

    alone = False

    def __init__(self, url: str, *, unlock: Unlock = no_root) -> None:
        self._url = url
        try:
            with contextlib.closing(connect(url)) as connection:
                migrate(connection)
                self.engine = f"PostgreSQL {connection.info.parameter_status('server_version')}"
                with connection.transaction():  # two bridges that start on new books agree on one root secret
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION])
                    turn = PostgresTurn(connection)
                    self.root = unlock(turn)
                    self.read_only = breaks.known_in(turn, time.time())
        except psycopg.OperationalError as error:
            raise LedgerBroken(f"The database cannot be used: {said(error)}") from error
        self._own = threading.local()
        self._connections: set[Connection] = set()
        self._free: dict[bool, list[Connection]] = {True: [], False: []}
        """Which no thread uses, by whether they only read."""
        self._collided = threading.Lock()
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="ledger-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-reader")
        self.pace = Pace()
        self.closed = False

    def refusal(self) -> str:
        """Say why no money operation may begin now, or nothing: the books are read only.

        The server keeps its own disk, and a turn it has no room for is Busy before anything is sent.
        """
        return self.read_only

    def give_up(self, why: str) -> NoReturn:
        """End the process because the books contradict themselves; the next one looks again, a third only reads."""
        log.critical("the books are not whole; the bridge stops here", why=why)
        with contextlib.suppress(psycopg.Error), connect(self._url) as connection:  # its end commits
            breaks.note_in(PostgresTurn(connection), time.time(), why)
        os._exit(EXIT_BROKEN)

    async def write(self, work: Callable[[Turn], T]) -> T:
        """Run `work` in a transaction and return only after its commit.

        Raises what `work` raises; Busy, where nothing was written; LedgerBroken, where the connection was lost while
        the commit was on its way, or this process only reads.
        """
        if self.read_only:
            raise LedgerBroken(f"The ledger is read only: {self.read_only}")
        return await self._run(self._writers, work, read_only=False)

    async def read(self, work: Callable[[Turn], T]) -> T:
        """Run `work` in a read-only transaction, against one committed state. Raises Busy."""
        return await self._run(self._readers, work, read_only=True)

    async def examine(self) -> None:
        """Do nothing: the server's files are its own, and it fails whatever reads a damaged page."""

    async def close(self) -> None:
        """Finish the turns that wait, then let go of the database."""
        if self.closed:
            return
        self.closed = True
        for pool in (self._writers, self._readers):
            await asyncio.get_running_loop().run_in_executor(None, pool.shutdown)
        for connection in self._connections:
            connection.close()

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[Turn], T], *, read_only: bool) -> T:
        if self.closed:
            raise Busy("The ledger is closed; try again when the bridge is back.")
        until = time.monotonic() + WAIT_SECONDS
        running = asyncio.get_running_loop().run_in_executor(pool, self._insist, work, read_only, until)
        return await asyncio.shield(running)  # a waiter that went away does not cancel its turn

    def _insist(self, work: Callable[[Turn], T], read_only: bool, until: float) -> T:
        """Run a turn until it is committed or has failed for good. Only what was surely not committed is run again."""
        duplicates, in_line = 0, False
        try:
            while True:
                try:
                    return self._once(work, read_only)
                except (errors.UniqueViolation, errors.SerializationFailure, errors.DeadlockDetected) as error:
                    # A row that is a duplicate even to a turn that sees it is that turn's mistake, not a collision.
                    duplicates += isinstance(error, errors.UniqueViolation)
                    if duplicates > DUPLICATES_MAX:
                        raise _without_values(error) from None
                    in_line = in_line or self._collided.acquire(timeout=max(0.0, until - time.monotonic()))
                    if not in_line or time.monotonic() >= until:
                        raise Busy("Too many changes of the same rows at once; nothing was written.") from error
                except (psycopg.OperationalError, errors.IdleInTransactionSessionTimeout) as error:
                    if self._holds() or time.monotonic() >= until:
                        log.error("a turn failed; nothing of it was written", error=said(error))
                        raise Busy("The database cannot do this right now; nothing was written.") from error
                    time.sleep(PAUSE_SECONDS)
                except psycopg.Error as error:
                    raise _without_values(error) from None
                except StopIteration as error:  # no future can carry it: its waiter would wait for ever
                    raise RuntimeError("the turn's work raised StopIteration") from error
        finally:
            if in_line:  # the turns of this process that collided go one by one, lest they all collide again
                self._collided.release()

    def _once(self, work: Callable[[Turn], T], read_only: bool) -> T:
        connection = self._connection(read_only)
        try:
            result = work(PostgresTurn(connection))
            if not read_only:
                began = time.monotonic()
                _commit(connection)
                self.pace.note(time.monotonic() - began)
            return result
        finally:
            with contextlib.suppress(psycopg.Error):  # what cannot be rolled back is a lost connection: it is over too
                connection.rollback()
            self._let_go(connection, read_only)

    def _connection(self, read_only: bool) -> Connection:
        """Give this thread a connection that no other uses, or open one.

        A thread is begun while another is only about to be idle: where nothing can be opened, it goes on all the same.
        """
        self._own.connection = None
        try:
            connection = self._free[read_only].pop()
        except IndexError:
            connection = connect(self._url)
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = read_only
            self._connections.add(connection)
        self._own.connection = connection
        return connection

    def _let_go(self, connection: Connection, read_only: bool) -> None:
        if connection.closed:
            self._connections.discard(connection)
        else:
            self._free[read_only].append(connection)

    def _holds(self) -> bool:
        """Tell whether the connection that this thread used last is not lost."""
        connection: Connection | None = getattr(self._own, "connection", None)
        return connection is not None and not connection.closed


def connect(url: str) -> Connection:
    """Open a connection as the ledger needs it. Raises psycopg.OperationalError."""
    connection = psycopg.connect(url, row_factory=dict_row, autocommit=True, **_DIALLING)
    for setting in _SESSION:
        connection.execute(setting.encode())
    connection.autocommit = False
    return connection


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to see of a database from outside; `root` is its sealed root secret, if it has one.

    `ahead_seconds` is how far this machine's clock is ahead of the server's.
    """

    version: str
    safety: dict[str, str]
    connections: int
    made: bool
    root: str = ""
    ahead_seconds: float = 0.0


def look_at(url: str) -> Seen:
    """Look at a database and change nothing. Raises LedgerBroken when it cannot be reached."""
    try:
        with contextlib.closing(connect(url)) as connection:
            row = connection.execute(
                "SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,"
                " current_setting('full_page_writes') AS full_page_writes, current_setting('max_connections')::int"
                " - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,"
                " to_regclass('meta') IS NOT NULL AS made, extract(epoch FROM clock_timestamp())::float8 AS at"
            ).fetchone()
            assert row is not None, "a SELECT of constants has a row"
            ahead_seconds = time.time() - row["at"]
            root = kept(PostgresTurn(connection)) if row["made"] else ""
    except psycopg.OperationalError as error:
        raise LedgerBroken(f"The database cannot be used: {said(error)}") from error
    safety = {name: row[name] for name in ("fsync", "full_page_writes")}
    return Seen(row["version"], safety, row["connections"], row["made"], root, ahead_seconds)


def schema_of(url: str) -> int:
    """Give the number of a database's last migration, 0 for an empty one. Raises LedgerBroken."""
    try:
        with contextlib.closing(connect(url)) as connection:
            row = connection.execute("SELECT to_regclass('schema_version') IS NOT NULL AS made").fetchone()
            if not row or not row["made"]:
                return 0
            row = connection.execute("SELECT COALESCE(MAX(number), 0) AS number FROM schema_version").fetchone()
            return int(row["number"]) if row else 0
    except psycopg.OperationalError as error:
        raise LedgerBroken(f"The database cannot be used: {said(error)}") from error


def migrate(connection: Connection) -> None:
    """Bring the schema up to date, one process at a time. Raises LedgerBroken when it is newer than this program."""
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '60s'")
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION])
        migrate_to(connection, None)


def migrate_to(connection: Connection, schema: int | None) -> int:
    """Bring the schema to a number, or up to date, in the transaction that runs; answers the number it had.

    Raises LedgerBroken when it is newer than this program.
    """
    known = migrations("postgres")
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (number BIGINT NOT NULL)")
    row = connection.execute("SELECT COALESCE(MAX(number), 0) AS number FROM schema_version").fetchone()
    current = int(row["number"]) if row else 0
    refuse_newer(current, known)
    for number, script in known:
        if current < number <= (schema or number):
            connection.execute(script.encode())
            connection.execute("INSERT INTO schema_version (number) VALUES (%s)", [number])
    return current


def _commit(connection: Connection) -> None:
    """Commit. Raises LedgerBroken when nobody can know whether it did.

    Busy would say that nothing was written, and running the turn again might do it twice. What the turn was about is
    found by whoever reads it next: an intent that did commit is taken over as unknown, like that of a dead process.
    """
    try:
        connection.commit()
    except psycopg.OperationalError as error:
        if not connection.closed:
            raise  # the server answered: it did not commit
        raise LedgerBroken("The database went away during a commit; look whether it took effect.") from error


@functools.lru_cache(maxsize=1024)
def _translated(sql: str) -> bytes:
    """Write a statement as psycopg wants it. No statement of ours has a question mark but for a value."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


def storable(value: V) -> V | str:
    """PostgreSQL's text has no NUL; what a gateway or a browser sends may."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) and "\0" in value else value


def _without_values(error: psycopg.Error) -> psycopg.Error:
    """Make the error that may be logged: the server's own quotes the row, with whoever stands in it."""
    words = said(error) if isinstance(error, psycopg.IntegrityError) else f"SQLSTATE {error.sqlstate}"
    return type(error)(words)


def said(error: psycopg.Error) -> str:
    """Give the first line of what the server said."""
    return (error.diag.message_primary or str(error).strip() or type(error).__name__).splitlines()[0]
