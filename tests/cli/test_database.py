"""`pay-bridge migrate` and `move-to-postgres`: all of it or nothing, even when the process is killed."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import PostgresServer

from .conftest import Place

SHOP = "http://127.0.0.1:8080"
SLOW = {
    "sqlite": "CREATE TABLE slow AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999999)"
    " SELECT count(*) FROM n;",
    "postgres": "SELECT pg_sleep(5);",
}


@pytest.fixture
def blank(postgres: PostgresServer) -> Iterator[str]:
    """An empty database, gone afterwards."""
    url = postgres.create("moved")
    yield url
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE moved WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest, place: Place) -> Place:
    """A place without tables, on either database."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("blank")
        return replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": url})
    return place


def told(place: Place, *words: str) -> dict[str, object]:
    typed = place.type(*words, "--json")
    assert typed.code == 0, typed.err
    found: dict[str, object] = json.loads(typed.out)
    return found


def test_migrate_shows_and_does_what_there_is_to_do(fresh: Place) -> None:
    assert told(fresh, "migrate", "--show") == {"schema": 0, "newest": 1, "missing": [1]}
    assert told(fresh, "migrate", "--show")["schema"] == 0, "showing changes nothing"
    assert told(fresh, "migrate") == {"schema": 1, "newest": 1, "missing": [], "done": [1]}
    assert told(fresh, "migrate") == {"schema": 1, "newest": 1, "missing": []}


def test_an_older_bridge_refuses_a_newer_schema(fresh: Place) -> None:
    told(fresh, "migrate")
    url = fresh.environment["BRIDGE_DATABASE_URL"]
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(fresh.folder / "bridge.db")) as connection:
            connection.execute("PRAGMA user_version = 99")
    else:
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO schema_version VALUES (99)")

    refused = fresh.type("migrate")

    assert refused.code == 1
    assert "Update the bridge" in refused.err


def test_a_killed_migration_leaves_the_old_schema(fresh: Place) -> None:
    told(fresh, "migrate")
    assert told(fresh, "site", "add", SHOP, "--gateway", "mainpay")
    kind = "sqlite" if fresh.environment["BRIDGE_DATABASE_URL"].startswith("sqlite") else "postgres"
    script = f"CREATE TABLE extra (x BIGINT);\nALTER TABLE sites ADD COLUMN extra BIGINT;\n{SLOW[kind]}"
    program = (
        "import bridge.ledger.migrate as one\n"
        "known = one.migrations\n"
        f"one.migrations = lambda dialect: [*known(dialect), (2, {script!r})]\n"
        "import bridge.cli.database as two\n"
        "two.migrations = one.migrations\n"
        "try:\n    import bridge.ledger.postgres as three\n    three.migrations = one.migrations\n"
        "except ImportError:\n    pass\n"
        "print('ready', flush=True)\n"
        "two.migrate()\n"
    )
    words = [sys.executable, "-c", program]
    child = subprocess.Popen(words, env=fresh.environment, cwd=fresh.folder, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    time.sleep(1.0)
    assert child.poll() is None, "it was killed while it migrated"
    child.send_signal(signal.SIGKILL)
    child.wait(10)
    child.stdout.close()

    assert told(fresh, "migrate", "--show")["schema"] == 1
    (site,) = json.loads(fresh.type("site", "list", "--json").out)
    assert site["url"] == SHOP


def test_moving_copies_every_row_and_the_bridge_goes_on_there(place: Place, blank: str) -> None:
    told(place, "site", "add", SHOP, "--gateway", "mainpay")
    moved = told(place, "move-to-postgres", blank)
    there = replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": blank})

    assert moved["rows"] == 5
    assert told(there, "site", "list") == told(place, "site", "list"), "secrets open there as well"
    assert told(there, "migrate")["schema"] == 1
    again = place.type("move-to-postgres", blank)
    assert again.code == 1
    assert "holds books already" in again.err


def test_moving_refuses_while_a_server_runs(place: Place, blank: str) -> None:
    told(place, "site", "add", SHOP, "--gateway", "mainpay")
    with place.serving():
        refused = place.type("move-to-postgres", blank)

    assert refused.code == 1
    assert "stop it first" in refused.err
    assert (
        told(replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": blank}), "migrate", "--show")[
            "schema"
        ]
        == 0
    )


@pytest.mark.parametrize("words", [["sqlite:///x.db"], ["mysql://x"]])
def test_moving_needs_an_address_of_postgresql(place: Place, words: list[str]) -> None:
    assert place.type("move-to-postgres", *words).code == 2


def test_moving_from_postgresql_is_not_known(place: Place, blank: str) -> None:
    there = replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": blank})

    assert there.type("move-to-postgres", blank).code == 2


def test_a_move_that_was_killed_leaves_nothing_and_can_be_typed_again(place: Place, blank: str) -> None:
    told(place, "site", "add", SHOP, "--gateway", "mainpay")
    fill(place.folder / "bridge.db", 200_000)
    words = [sys.executable, "-m", "bridge", "move-to-postgres", blank]
    child = subprocess.Popen(words, env=place.environment, cwd=place.folder, stdout=subprocess.DEVNULL)
    wait_for_rows(blank)
    assert child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.wait(10)

    with psycopg.connect(blank) as connection:
        assert connection.execute("SELECT to_regclass('nonces') IS NULL").fetchone() == (True,)
    assert told(place, "move-to-postgres", blank)["rows"] == 200_005


def fill(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany("INSERT INTO nonces VALUES ('k', ?, 1)", ((f"n{number}",) for number in range(rows)))
        connection.commit()


def wait_for_rows(url: str) -> None:
    """Wait until the other side is at work in its transaction."""
    deadline = time.monotonic() + 20
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            busy = connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
                " AND pid <> pg_backend_pid()"
            ).fetchone()
            if busy:
                return
            assert time.monotonic() < deadline, "nothing was written"
            time.sleep(0.01)


def test_a_row_that_arrives_otherwise_undoes_the_move(place: Place, blank: str) -> None:
    told(place, "site", "add", SHOP, "--gateway", "mainpay")
    program = (
        "import bridge.cli.database as database\n"
        "from bridge.ledger.postgres_books import PostgresBooks as books\n"
        "fill = books.fill\n"
        "def lossy(self, table, rows):\n"
        "    fill(self, table, (row for row in list(rows) if table.name != 'site_keys'))\n"
        "books.fill = lossy\n"
        "from bridge.cli import main\n"
        "main()\n"
    )
    words = [sys.executable, "-c", program, "move-to-postgres", blank]
    done = subprocess.run(words, env=place.environment, cwd=place.folder, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert "site_keys were not written as they were read" in done.stderr
    with psycopg.connect(blank) as connection:
        assert connection.execute("SELECT to_regclass('sites') IS NULL").fetchone() == (True,)
