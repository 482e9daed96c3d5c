"""Whole books on SQLite: read beside a running server by a connection that cannot write, and made in a new file."""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from bridge.domain.failures import LedgerBroken
from bridge.ledger.archive import RowValues, Table
from bridge.ledger.books import NOT_KEPT
from bridge.ledger.ledger import Turn
from bridge.ledger.look import check_integrity
from bridge.ledger.migrate import migrate_sqlite
from bridge.ledger.sqlite import SqliteTurn


class SqliteBooks:
    """Books as a connection sees them."""

    kind = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def schema(self) -> int:
        """The number of the last migration."""
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def tables(self) -> list[Table]:
        """List the tables in the order in which they were made."""
        names = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY rowid"
        ).fetchall()
        return [self._table(name) for (name,) in names if name not in NOT_KEPT]

    def count(self, table: Table) -> int:
        """Count a table's rows."""
        return int(self._connection.execute(f"SELECT COUNT(*) FROM {table.name}").fetchone()[0])  # noqa: S608 - a table of ours

    def rows(self, table: Table) -> Iterator[RowValues]:
        """Read a table's rows in the order of its key."""
        asked = f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(table.key)}"  # noqa: S608 - names are ours
        cursor = self._connection.cursor()
        cursor.row_factory = None
        yield from cursor.execute(asked)

    def fill(self, table: Table, rows: Iterable[RowValues]) -> None:
        """Write rows into an empty table."""
        marks = ", ".join("?" * len(table.columns))
        wanted = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"  # noqa: S608 - names are ours
        self._connection.executemany(wanted, rows)

    def upgrade(self) -> None:
        """Bring the schema up to date."""
        self._connection.execute("COMMIT")
        migrate_sqlite(self._connection)
        self._connection.execute("BEGIN")

    def storable(self, row: RowValues) -> RowValues:
        """Give a row as SQLite keeps it: as it is."""
        return row

    def turn(self) -> Turn:
        """Give the transaction in which they are read or made."""
        return SqliteTurn(self._connection)

    def check(self) -> None:
        """Check the file's structure and every reference. Raises LedgerBroken."""
        check_integrity(self._connection)

    def _table(self, name: str) -> Table:
        info = self._connection.execute(f"PRAGMA table_info({name})").fetchall()
        columns = tuple(row[1] for row in info)
        key = tuple(row[1] for row in sorted(info, key=lambda row: int(row[5])) if row[5])
        return Table(name, columns, key or columns)


@contextlib.contextmanager
def open_sqlite(path: Path) -> Iterator[SqliteBooks]:
    """Read the books of a file as of now, whatever a server writes meanwhile. Raises LedgerBroken.

    A read-only connection neither writes nor checkpoints: the server's writer stays the only one that does.
    """
    if not path.is_file():
        raise LedgerBroken(f"There is no database {path.name} yet.")
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        connection.isolation_level = None
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        books = SqliteBooks(connection)
        if books.schema == 0:
            raise LedgerBroken(f"The database {path.name} is empty: nothing is there to keep.")
        check_integrity(connection)
        yield books


@contextlib.contextmanager
def new_sqlite(path: Path, schema: int) -> Iterator[SqliteBooks]:
    """Make new books in a new file; it is removed unless the block ends well. Raises LedgerBroken."""
    with contextlib.ExitStack() as undo:
        undo.callback(_remove, path)
        _remove(path)
        path.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = MEMORY")
            connection.execute("PRAGMA synchronous = OFF")  # nobody reads the file before it is synced whole
            migrate_sqlite(connection, schema)
            connection.execute("BEGIN")
            yield SqliteBooks(connection)
            connection.execute("COMMIT")
        undo.pop_all()


def _remove(path: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def put_in_place(made: Path, path: Path, aside: Path) -> None:
    """Put a new file where the database is, and keep the old one aside; at no moment is there none.

    The caller holds the database's lock, so nobody has it open. Raises OSError.
    """
    _sync(made)
    if path.exists():
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as old:
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a damaged one goes aside as it is, with its log
        aside.hardlink_to(path)  # first, as there may be none here: then all stays as it was
        log = Path(f"{path}-wal")
        if log.exists() and log.stat().st_size:
            log.rename(f"{aside}-wal")
        for name in (log, Path(f"{path}-shm")):
            name.unlink(missing_ok=True)
    made.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
