"""Whole books as the commands handle them: kept in a file, read back, and moved to another database."""

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bridge import __version__
from bridge.domain.failures import LedgerBroken, Misconfigured
from bridge.ledger import root
from bridge.ledger.archive import SALT_BYTES, Keys, Manifest, Reader, Writer
from bridge.ledger.books import Books, move, verify, write_all
from bridge.ledger.ledger import Turn
from bridge.ledger.look import connect
from bridge.ledger.sqlite import SqliteTurn, take_lock
from bridge.ledger.sqlite_books import open_sqlite
from bridge.settings import Settings

Bar = Callable[[str, int | None], AbstractContextManager[Callable[[int], None]]]
"""Shows progress: words, and how many rows there are in all."""
LOCK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that was made and read back whole."""

    path: Path
    manifest: Manifest
    bytes: int
    seconds: float


def open_books(settings: Settings) -> AbstractContextManager[Books]:
    """Read the books as of now, beside whatever server runs. Raises LedgerBroken, Misconfigured."""
    if settings.on_postgres:
        _need_driver()
        from bridge.ledger.postgres_books import open_postgres

        return open_postgres(settings.database_url)
    return open_sqlite(settings.database_path)


def back_up(settings: Settings, wanted: Path, *, encrypt: bool, passphrase: bytes, bar: Bar, at: int = 0) -> Kept:
    """Keep the books in a file, read it back, and only then give it its name. Raises LedgerBroken, OSError.

    `at` (milliseconds) is the moment to be written into it; a simulation gives its own.
    """
    began = time.monotonic()
    made_at = at or time.time_ns() // 1_000_000  # before the books are read: what happened since is not surely in them
    name = time.strftime("pay-bridge-%Y%m%d-%H%M%SZ.backup", time.gmtime(made_at // 1000))
    path = wanted / name if wanted.is_dir() else wanted
    if path.exists():
        raise LedgerBroken(f"{path} is there already; give another name, or a folder.")
    keys = Keys(settings.master_key.reveal(), passphrase)
    part = path.with_name(f".{path.name}.part")
    with contextlib.ExitStack() as undo:
        undo.callback(part.unlink, missing_ok=True)
        with open_books(settings) as books, os.fdopen(private(part), "wb") as file:
            sealed = root.kept(books.turn())
            if sealed:  # else a backup would need two master keys
                root.open_root(sealed, keys.master)
            writer = Writer(
                file,
                keys,
                made_at=made_at,
                schema=books.schema,
                source=books.kind,
                version=__version__,
                salt=secrets.token_bytes(SALT_BYTES),
                encrypt=encrypt,
            )
            with bar("Writing", sum(books.count(table) for table in books.tables())) as told:
                written = write_all(books, writer, told)
            file.flush()
            os.fsync(file.fileno())
        manifest = check(part, keys, bar, written.rows)
        part.rename(path)
        sync_folder(path.parent)
    return Kept(path, manifest, path.stat().st_size, time.monotonic() - began)


def check(path: Path, keys: Keys, bar: Bar, rows: int | None = None) -> Manifest:
    """Read a backup to its end: seal, counts, hashes, audit. Raises LedgerBroken, OSError."""
    with path.open("rb") as file, bar("Checking", rows) as told:
        return verify(Reader(file, keys), told)


def move_to_postgres(settings: Settings, url: str, bar: Bar) -> dict[str, int]:
    """Copy the SQLite books into an empty PostgreSQL database and compare every row; answers the rows of each table.

    All of it happens, or nothing. The lock keeps every server away meanwhile. Raises LedgerBroken, Misconfigured.
    """
    if settings.on_postgres:
        raise Misconfigured("BRIDGE_DATABASE_URL is on PostgreSQL already; it must still name the SQLite file here.")
    if not url.startswith(("postgresql://", "postgres://")):
        raise Misconfigured("Give the new database as postgresql://user@host/database.")
    _need_driver()
    from bridge.ledger.postgres_books import new_postgres

    with locked(settings.database_path), open_sqlite(settings.database_path) as source:
        total = sum(source.count(table) for table in source.tables())
        with new_postgres(url, source.schema, aside="pay_bridge_empty", replace=False) as target:
            with bar("Moving", total) as told:
                moved = move(source, target, told)
            target.upgrade()
    return moved


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[Turn]:
    """Give one transaction, committed if the block ends well, and keep servers away. Raises LedgerBroken."""
    if settings.on_postgres:
        _need_driver()
        from bridge.ledger.postgres_books import alone_on_postgres

        with alone_on_postgres(settings.database_url) as turn:
            yield turn
        return
    path = settings.database_path
    if not path.is_file():
        raise LedgerBroken(f"There is no database {path.name} yet.")
    with locked(path), contextlib.closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            raise LedgerBroken(f"The database {path.name} is empty: nothing is there yet.")
        yield SqliteTurn(connection)
        connection.execute("COMMIT")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every server off a SQLite file. Raises LedgerBroken where one runs."""
    try:
        lock = take_lock(path, LOCK_SECONDS)
    except LedgerBroken as error:
        raise LedgerBroken("A server runs on this database; stop it first.") from error
    with contextlib.closing(lock):
        yield


def sync_folder(folder: Path) -> None:
    """Make sure that a new name outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private(path: Path) -> int:
    """Open a new file that only its owner can read."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _need_driver() -> None:
    try:
        import psycopg  # noqa: F401 - whether the driver is there is the question
    except ImportError as error:
        raise Misconfigured("PostgreSQL needs a driver: pip install 'pay-bridge[postgres]'.") from error
