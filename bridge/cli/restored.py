"""Puts the books of a backup where the database is, checked before anything is replaced, with the gap begun."""

from pathlib import Path

from bridge.cli.books import Bar, check, locked
from bridge.clock import Clock, from_ms, now_ms
from bridge.domain.failures import LedgerBroken
from bridge.ledger import clock_kept, gap, replay, root, seals
from bridge.ledger.archive import Keys, Manifest, Reader, read_head
from bridge.ledger.books import NewBooks, load
from bridge.ledger.migrate import migrations, refuse_newer
from bridge.ledger.sqlite_books import new_sqlite, put_in_place
from bridge.ledger.vault import Vault
from bridge.settings import Settings


def restore_books(
    settings: Settings, source: Path, keys: Keys, bar: Bar, *, replace: bool, clock: Clock
) -> tuple[Manifest, str]:
    """Restore now, as the clock says; answers what was in the backup, and where earlier books are now.

    Raises LedgerBroken, OSError; the database is then as it was.
    """
    with source.open("rb") as file:
        refuse_newer(read_head(file).schema, migrations("sqlite"))
    put = _on_postgres if settings.on_postgres else _on_sqlite
    return put(settings, source, keys, bar, replace=replace, clock=clock)


def _on_sqlite(
    settings: Settings, source: Path, keys: Keys, bar: Bar, *, replace: bool, clock: Clock
) -> tuple[Manifest, str]:
    path = settings.database_path
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path):
        there = path.exists() and path.stat().st_size > 0
        if there and not replace:
            raise LedgerBroken(f"{path.name} is there already; --replace puts it aside.")
        manifest = check(source, keys, bar)
        made, aside = path.with_name(f"{path.name}.restoring"), path.with_name(f"{path.name}.{_before(now_ms(clock))}")
        with new_sqlite(made, manifest.schema) as books:
            _fill(books, source, keys, bar, manifest, clock)
        put_in_place(made, path, aside)
    return manifest, str(aside) if there else ""


def _on_postgres(
    settings: Settings, source: Path, keys: Keys, bar: Bar, *, replace: bool, clock: Clock
) -> tuple[Manifest, str]:
    from bridge.ledger.postgres_books import new_postgres

    manifest, aside = check(source, keys, bar), _before(now_ms(clock)).replace("-", "_").lower()
    with new_postgres(settings.database_url, manifest.schema, aside=aside, replace=replace) as books:
        _fill(books, source, keys, bar, manifest, clock)
        moved = books.aside
    return manifest, f"the database schema {aside}" if moved else ""


def _fill(books: NewBooks, source: Path, keys: Keys, bar: Bar, manifest: Manifest, clock: Clock) -> None:
    with source.open("rb") as file, bar("Restoring", manifest.rows) as told:
        load(Reader(file, keys), books, told)
    books.upgrade()
    vault = Vault(root.unlock(books.turn(), keys.master, clock.random_bytes), clock)
    broken = seals.check_whole(books.turn(), lambda text: vault.blind(f"seal|{text}"))
    if broken:
        raise LedgerBroken(
            f"The backup's books do not hold: {broken[0].what} ({broken[0].subject}); nothing was replaced."
        )
    at = now_ms(clock)
    clock_kept.keep_of_backup(books.turn())
    gap.begin(books.turn(), manifest.made_at, at)
    replay.refuse_signed_before(books.turn(), at)
    clock_kept.note_restore(books.turn(), clock_kept.read(clock))


def _before(at: int) -> str:
    return f"{from_ms(at):before-%Y%m%d-%H%M%SZ}"
