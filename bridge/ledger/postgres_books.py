"""Whole books on PostgreSQL: read in one REPEATABLE READ snapshot, and made in one transaction."""

import contextlib
from collections.abc import Iterable, Iterator

import psycopg
from psycopg import IsolationLevel, sql
from psycopg.rows import tuple_row

from bridge.domain.failures import LedgerBroken
from bridge.ledger.archive import RowValues, Table
from bridge.ledger.books import NOT_KEPT
from bridge.ledger.ledger import Turn
from bridge.ledger.postgres import MIGRATION, Connection, PostgresTurn, connect, migrate_to, said, storable

FETCH_ROWS = 2000
_TABLES = (
    "SELECT c.relname, c.oid FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace"
    " ORDER BY c.oid"
)
_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
_KEY = (
    "SELECT a.attname FROM pg_index i JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (place, number) ON true"
    " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.place"
    " WHERE i.indrelid = %s AND i.indisprimary ORDER BY k.number"
)


class PostgresBooks:
    """Books as a transaction sees them; `aside` says that earlier ones made room for them."""

    kind = "postgres"

    def __init__(self, connection: Connection, *, aside: bool = False) -> None:
        self._connection = connection
        self.aside = aside

    @property
    def schema(self) -> int:
        """The number of the last migration."""
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            if cursor.execute("SELECT to_regclass('schema_version') IS NULL").fetchone() == (True,):
                return 0
            row = cursor.execute("SELECT COALESCE(MAX(number), 0) FROM schema_version").fetchone()
        return int(row[0]) if row else 0

    def tables(self) -> list[Table]:
        """List the tables in the order in which they were made."""
        found = []
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            for name, oid in cursor.execute(_TABLES).fetchall():
                columns = tuple(row[0] for row in cursor.execute(_COLUMNS, [oid]).fetchall())
                key = tuple(row[0] for row in cursor.execute(_KEY, [oid]).fetchall())
                found.append(Table(name, columns, key or columns))
        return [table for table in found if table.name not in NOT_KEPT]

    def count(self, table: Table) -> int:
        """Count a table's rows."""
        asked = sql.SQL("SELECT COUNT(*) FROM {}").format(sql.Identifier(table.name))
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(asked).fetchone()
        return int(row[0]) if row else 0

    def rows(self, table: Table) -> Iterator[RowValues]:
        """Read a table's rows in the order of its key, some at a time."""
        asked = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
            _names(table.columns), sql.Identifier(table.name), _names(table.key)
        )
        with self._connection.cursor("rows", row_factory=tuple_row) as cursor:
            cursor.itersize = FETCH_ROWS
            cursor.execute(asked)
            yield from cursor

    def fill(self, table: Table, rows: Iterable[RowValues]) -> None:
        """Write rows into an empty table."""
        wanted = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), _names(table.columns))
        with self._connection.cursor() as cursor, cursor.copy(wanted) as copy:
            for row in rows:
                copy.write_row(row)

    def upgrade(self) -> None:
        """Bring the schema up to date."""
        migrate_to(self._connection, None)

    def storable(self, row: RowValues) -> RowValues:
        """Give a row as PostgreSQL can keep it: its text has no NUL."""
        return tuple(storable(value) for value in row)

    def turn(self) -> Turn:
        """Give the transaction in which they are read or made."""
        return PostgresTurn(self._connection)

    def check(self) -> None:
        """PostgreSQL refused what did not fit while it was written; there is nothing more to ask."""


@contextlib.contextmanager
def open_postgres(url: str) -> Iterator[PostgresBooks]:
    """Read the books of a database as of now, whatever bridges write meanwhile. Raises LedgerBroken."""
    with _connected(url) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        books = PostgresBooks(connection)
        if books.schema == 0:
            raise LedgerBroken("The database is empty: nothing is there to keep.")
        yield books


@contextlib.contextmanager
def new_postgres(url: str, schema: int, *, aside: str, replace: bool) -> Iterator[PostgresBooks]:
    """Make new books in one transaction; earlier ones move to the schema `aside`. All of it happens, or nothing.

    Raises LedgerBroken where earlier books hold anything and may not be replaced, or a bridge runs.
    """
    with _connected(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION])
        before, empty = PostgresBooks(connection), True
        if before.schema:
            _refuse_running(connection)
            empty = not any(before.count(table) for table in before.tables() if table.name not in ("meta", "queues"))
            if not (empty or replace):
                raise LedgerBroken("The database holds books already; nothing was changed.")
            _move_aside(connection, aside)
            if empty:
                connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(aside)))
        migrate_to(connection, schema)
        yield PostgresBooks(connection, aside=not empty)
        connection.commit()


@contextlib.contextmanager
def alone_on_postgres(url: str) -> Iterator[Turn]:
    """Give one transaction, committed if the block ends well, while no bridge runs. Raises LedgerBroken."""
    with _connected(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION])
        if not PostgresBooks(connection).schema:
            raise LedgerBroken("The database is empty: nothing is there yet.")
        _refuse_running(connection)
        yield PostgresTurn(connection)
        connection.commit()


@contextlib.contextmanager
def _connected(url: str) -> Iterator[Connection]:
    try:
        with contextlib.closing(connect(url)) as connection:
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(f"SET {name} = 0".encode())
            connection.commit()
            yield connection
    except psycopg.Error as error:
        raise LedgerBroken(f"The database cannot be used: {said(error)}") from error


def _refuse_running(connection: Connection) -> None:
    alive = connection.execute(
        "SELECT 1 FROM owners WHERE beat_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 15000 LIMIT 1"
    ).fetchone()
    if alive:
        raise LedgerBroken("A bridge runs on this database; stop every one of them, wait 15 seconds, and try again.")


def _move_aside(connection: Connection, aside: str) -> None:
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(aside)))
    with connection.cursor(row_factory=tuple_row) as cursor:
        wanted = _TABLES.replace("c.relkind = 'r'", "c.relkind IN ('r', 'v')")
        names = [name for name, _ in cursor.execute(wanted).fetchall()]
    for name in names:
        connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(sql.Identifier(name), sql.Identifier(aside)))
    functions = connection.execute(
        "SELECT oid::regprocedure::text AS name FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"
    ).fetchall()
    for row in functions:
        connection.execute(f'ALTER FUNCTION {row["name"]} SET SCHEMA "{aside}"'.encode())


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
