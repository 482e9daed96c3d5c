"""Opens a ledger of either kind, and says what either raises when a rule of the database is broken."""

import contextlib
import functools
import sqlite3
import tempfile
from pathlib import Path

import psycopg

from bridge.app import open_ledger
from bridge.ledger.ledger import Ledger
from bridge.ledger.look import connect
from bridge.ledger.migrate import migrate_sqlite
from bridge.settings import Secret, Settings

RULE_BROKEN = (sqlite3.IntegrityError, psycopg.IntegrityError)


def open_books(database: str, master_key: bytes = bytes(32)) -> Ledger:
    """Open the books at an address, as the bridge does."""
    return open_ledger(Settings("https://pay.test", database, Secret(master_key)))


def lay_empty_books(path: Path) -> None:
    """Put a SQLite file without rows where there is none: thousands of worlds need not make each table anew."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_empty_books())


@functools.cache
def _empty_books() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bridge.db"
        with contextlib.closing(connect(path)) as connection:
            migrate_sqlite(connection)
        return path.read_bytes()
