"""Connections to the database file, and the looks through all of it that tell whether it is damaged."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import structlog

from bridge.domain.failures import LedgerBroken

STEPS_BETWEEN = 10_000
"""How many instructions of SQLite's machine run, a few milliseconds, before a look asks again whether it may go on."""
log = structlog.get_logger("ledger")


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


def examine(path: Path, over: Callable[[], bool]) -> None:
    """Look through every page, index and reference beside the running server, until that is `over`.

    What was begun and not ended says nothing, and the log says so. Raises LedgerBroken.
    """
    try:
        with contextlib.closing(connect(path, read_only=True)) as connection:
            connection.set_progress_handler(over, STEPS_BETWEEN)
            check_integrity(connection)
    except sqlite3.OperationalError as error:  # as above: no damage
        log.warning("the database was not looked through to its end", why=str(error))
    except sqlite3.DatabaseError as error:
        raise LedgerBroken(f"The database is damaged: {error}.") from error


def check_integrity(connection: sqlite3.Connection) -> None:
    """Have SQLite examine every page, index and reference. Raises LedgerBroken."""
    said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    if said != ["ok"]:
        raise LedgerBroken(f"The database is damaged: {'; '.join(said)}.")
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise LedgerBroken("The database is damaged: a row refers to one that is not there.")


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
        # A turn that changes seventeen pages would else need a file of its own to undo them, and a descriptor for it.
        connection.execute("PRAGMA temp_store = MEMORY")
