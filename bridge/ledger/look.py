"""Connections to the database file, and the look through all of it that tells whether it is damaged."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path


class Look:
    """Looks through the file in a thread of its own; what is found after the start was waited for stops the process."""

    def __init__(self, path: Path, stop: Callable[[str], object]) -> None:
        self._stop = stop
        self._damage = ""
        self._waited = False
        self._connection = connect(path, read_only=True)
        self._thread = threading.Thread(target=self._look, name="ledger-look", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> str:
        """Wait that long at most; gives what is damaged, as far as it was found by then."""
        self._thread.join(seconds)
        self._waited = True
        return self._damage

    def end(self) -> None:
        """Look no further."""
        with contextlib.suppress(sqlite3.ProgrammingError):  # it is over already
            self._connection.interrupt()
        self._thread.join()

    def _look(self) -> None:
        with contextlib.closing(self._connection) as connection:
            try:
                (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            except sqlite3.OperationalError:  # interrupted, or the disk fails: whoever reads or writes next meets that
                return
            except sqlite3.DatabaseError as error:
                said = str(error)
        self._damage = "" if said == "ok" else " ".join(str(said).split())
        if self._damage and self._waited:
            self._stop(self._damage)


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open a connection as the ledger needs it: every commit is on the disk before anybody hears of it."""
    uri = f"file:{path}?mode=ro" if read_only else f"file:{path}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=512)
    try:
        _set_up(connection, read_only)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, read_only: bool) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA busy_timeout = 5000")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 2000")
