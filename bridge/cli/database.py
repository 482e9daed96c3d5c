"""`pay-bridge migrate` and `move-to-postgres`: the database's schema, and another database."""

import contextlib
import functools
import sqlite3
from typing import Annotated, Any

import typer

from bridge.cli.books import locked, move_to_postgres
from bridge.cli.options import Json
from bridge.cli.output import print_facts, print_json
from bridge.cli.progress import bar
from bridge.ledger.migrate import migrate_sqlite, migrations
from bridge.settings import Settings, from_environment


def migrate(
    show: Annotated[bool, typer.Option("--show", help="Only say what there is to do.")] = False, as_json: Json = False
) -> None:
    """Bring the database's schema up to date: whole, or not at all. The server does the same when it starts.

    An older bridge refuses a newer schema; make a backup before you update.
    """
    settings = from_environment()
    known = [number for number, _ in migrations("postgres" if settings.on_postgres else "sqlite")]
    was = _schema(settings)
    facts: dict[str, Any] = {"schema": was, "newest": known[-1], "missing": [one for one in known if one > was]}
    if not show and was != known[-1]:
        _migrate(settings)
        facts |= {"schema": known[-1], "done": facts["missing"], "missing": []}
    print_json(facts) if as_json else print_facts(facts)


def move(
    url: Annotated[str, typer.Argument(help="The new, empty database: postgresql://user@host/database.")],
    as_json: Json = False,
) -> None:
    """Copy the SQLite books into PostgreSQL and compare every row. The server is stopped meanwhile.

    All of it happens or nothing: after an interruption, type it again. The SQLite file stays as it is.
    """
    moved = move_to_postgres(from_environment(), url, functools.partial(bar, quiet=as_json))
    facts: dict[str, Any] = {"rows": sum(moved.values()), "tables": moved}
    if as_json:
        print_json(facts)
        return
    print_facts(facts | {"next": "set BRIDGE_DATABASE_URL to the new database, put the SQLite file away, start"})


def _schema(settings: Settings) -> int:
    if settings.on_postgres:
        from bridge.ledger.postgres import schema_of

        return schema_of(settings.database_url)
    if not settings.database_path.is_file():
        return 0
    uri = f"{settings.database_path.resolve().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(settings: Settings) -> None:
    if settings.on_postgres:
        from bridge.ledger.postgres import connect, migrate

        with contextlib.closing(connect(settings.database_url)) as connection:
            migrate(connection)
        return
    path = settings.database_path
    with locked(path):
        path.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            migrate_sqlite(connection)
