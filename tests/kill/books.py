"""The books of the server under test, read from outside: SQLite's file, or a database on PostgreSQL."""

import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row

Row = Mapping[str, Any]
SENT = "SELECT id FROM operations WHERE state = 'sent'"


class Books(Protocol):
    """What a lab asks of a database."""

    url: str

    def rows(self, sql: str, *values: object) -> Sequence[Row]:
        """Read; the server may be running."""
        ...

    def sent(self) -> set[str]:
        """The operations that are sent and not answered, read while no server runs."""
        ...

    def check(self) -> None:
        """Assert that the database itself is whole."""
        ...

    def close(self) -> None:
        """Keep nothing open."""
        ...


class SqliteBooks:
    """The file in a lab's directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "bridge.db"
        self.url = f"sqlite:///{self.path}"

    def rows(self, sql: str, *values: object) -> Sequence[Row]:
        """Read as the server's own readers do."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, isolation_level=None, timeout=10)
        with contextlib.closing(connection):
            connection.row_factory = _as_dict
            found: list[Row] = connection.execute(sql, values).fetchall()
            return found

    def sent(self) -> set[str]:
        """Read a copy: nothing may touch the file itself."""
        copy = self.path.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for suffix in ("", "-wal"):
            source = Path(f"{self.path}{suffix}")
            if source.exists():
                shutil.copyfile(source, copy / source.name)
        with contextlib.closing(sqlite3.connect(copy / self.path.name)) as connection:
            return {row[0] for row in connection.execute(SENT)}

    def check(self) -> None:
        """The file is whole, and every reference in it has its row."""
        assert [row["integrity_check"] for row in self.rows("PRAGMA integrity_check")] == ["ok"]
        assert self.rows("PRAGMA foreign_key_check") == []

    def close(self) -> None:
        """Nothing is kept open."""


class PostgresBooks:
    """A database on a server that the tests started."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: psycopg.Connection[Row] | None = None
        self._one_at_a_time = threading.Lock()

    def rows(self, sql: str, *values: object) -> Sequence[Row]:
        """Read in a connection that is kept, as a new one takes a process; anew where the server was restarted."""
        words = sql.replace("%", "%%").replace("?", "%s").encode()
        with self._one_at_a_time:
            if self._connection is not None:
                with contextlib.suppress(psycopg.OperationalError):
                    return self._connection.execute(words, values).fetchall()
            self.close()
            self._connection = psycopg.connect(
                self.url, row_factory=dict_row, autocommit=True, connect_timeout=5, prepare_threshold=None
            )
            return self._connection.execute(words, values).fetchall()

    def sent(self) -> set[str]:
        """Read them."""
        return {str(row["id"]) for row in self.rows(SENT)}

    def check(self) -> None:
        """Read every table whole: a damaged page would raise."""
        tables = self.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        assert tables
        for table in tables:
            self.rows(f"SELECT * FROM {table['relname']}")

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}
