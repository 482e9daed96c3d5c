"""Numbered SQL migrations, each in one transaction; an older bridge refuses a newer schema."""

import sqlite3
import zlib
from importlib import resources

from bridge.domain.failures import LedgerBroken


def migrations(dialect: str) -> list[tuple[int, str]]:
    """List the migrations of a dialect: (number, SQL), in order."""
    folder = resources.files("bridge.ledger") / "schema"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(f"_{dialect}.sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text("utf-8")) for name in names]


def migrate_sqlite(connection: sqlite3.Connection, schema: int | None = None) -> int:
    """Bring the schema to a number, or up to date, in one transaction; answers the number it had.

    Raises LedgerBroken when the database is newer than this program, or was made by unreleased migrations.
    """
    known = migrations("sqlite")
    connection.execute("BEGIN IMMEDIATE")
    try:
        current = int(connection.execute("PRAGMA user_version").fetchone()[0])
        refuse_newer(current, known)
        made_of = int(connection.execute("PRAGMA application_id").fetchone()[0])
        if current and made_of != _sum_of(known, current):
            name = connection.execute("PRAGMA database_list").fetchone()[2]
            raise LedgerBroken(f"An unreleased bridge made {name}; move it away and begin anew.")
        for number, script in known:
            if current < number <= (schema or number):
                for statement in split_statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
                connection.execute(f"PRAGMA application_id = {_sum_of(known, number)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return current


def refuse_newer(current: int, known: list[tuple[int, str]]) -> None:
    """Raise LedgerBroken where the schema is newer than this program."""
    if current > known[-1][0]:
        raise LedgerBroken(f"The database has schema {current}; this bridge knows {known[-1][0]}. Update the bridge.")


def _sum_of(known: list[tuple[int, str]], last: int) -> int:
    """Make one number (31 bits) of the migrations up to the last; those that were released never change."""
    text = "".join(script for number, script in known if number <= last)
    return zlib.crc32(text.encode()) & 0x7FFFFFFF


def split_statements(script: str) -> list[str]:
    """Split a script into statements, keeping triggers whole (executescript would commit on its own)."""
    statements, gathered = [], ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            statements.append(gathered.strip())
            gathered = ""
    return statements
