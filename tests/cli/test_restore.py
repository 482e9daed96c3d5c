"""`pay-bridge restore` and `reconcile`: checked before anything is replaced, never beside a server, with a gap."""

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.support.disaster import forget_earlier
from tests.support.postgres import empty

from .conftest import Place

SHOP = "http://127.0.0.1:8080"
WHY = "compared with the gateway's console, all is there"


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, place: Place) -> Place:
    """A place with one site and a backup of it, on either database."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_database")
        empty(url)
        forget_earlier(url)
        place = replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": url})
    assert place.type("site", "add", SHOP, "--gateway", "mainpay").code == 0
    assert place.type("backup", "one.backup").code == 0
    return place


def urls(place: Place) -> list[str]:
    typed = place.type("site", "list", "--json")
    assert typed.code == 0, typed.err
    return [one["url"] for one in json.loads(typed.out)]


def gaps(place: Place, *words: str) -> tuple[int, list[dict[str, object]]]:
    typed = place.type("reconcile", *words, "--json")
    return typed.code, json.loads(typed.out)


def test_books_are_restored_the_old_ones_kept_aside_and_the_gap_begun(kept: Place) -> None:
    assert gaps(kept) == (0, [])
    assert kept.type("site", "add", "http://127.0.0.1:8081", "--gateway", "mainpay").code == 0
    refused = kept.type("restore", "one.backup")
    assert refused.code == 1
    assert len(urls(kept)) == 2

    done = kept.type("restore", "one.backup", "--replace", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["rows"] > 0
    assert urls(kept) == [SHOP]
    code, (gap,) = gaps(kept)
    assert (code, gap["url"], gap["state"]) == (3, SHOP, "listening")
    assert "handed over everything" in str(gap["missing"])
    assert aside(kept, told["aside"]) == 2


def aside(place: Place, where: str) -> int:
    """Count the sites in the books put aside."""
    if where.startswith("the database schema"):
        with psycopg.connect(place.environment["BRIDGE_DATABASE_URL"]) as connection:
            connection.execute(f"SET search_path = {where.split()[-1]}".encode())
            row = connection.execute("SELECT COUNT(*) FROM sites").fetchone()
            assert row is not None
            return int(row[0])
    with closing(sqlite3.connect(where)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM sites").fetchone()[0])


def test_a_lost_database_is_restored_without_a_word_more(place: Place) -> None:
    assert place.type("site", "add", SHOP, "--gateway", "mainpay").code == 0
    assert place.type("backup", "one.backup", "--encrypt").code == 0
    for path in place.folder.glob("bridge.db*"):
        path.unlink()

    assert place.type("restore", "one.backup").code == 0
    assert urls(place) == [SHOP]
    assert list(place.folder.glob("bridge.db.before*")) == []


def test_a_restore_is_refused_while_a_server_runs(kept: Place) -> None:
    with kept.serving():
        refused = kept.type("restore", "one.backup", "--replace")
        assert refused.code == 1
        assert "stop" in refused.err
        assert urls(kept) == [SHOP]
    assert gaps(kept) == (0, [])


@pytest.mark.parametrize("how", ["cut", "altered", "foreign"])
def test_a_bad_backup_replaces_nothing(kept: Place, how: str) -> None:
    whole = (kept.folder / "one.backup").read_bytes()
    middle = len(whole) // 2
    bad = {
        "cut": whole[:middle],
        "altered": whole[:middle] + bytes([whole[middle] ^ 4]) + whole[middle + 1 :],
        "foreign": b"SQLite format 3\x00",
    }
    (kept.folder / "bad.backup").write_bytes(bad[how])
    refused = kept.type("restore", "bad.backup", "--replace")

    assert refused.code == 1
    assert urls(kept) == [SHOP]
    assert gaps(kept) == (0, [])
    assert list(kept.folder.glob("*restoring*")) == []


def test_a_backup_of_a_newer_bridge_is_refused(place: Place) -> None:
    assert place.type("site", "add", SHOP, "--gateway", "mainpay").code == 0
    with closing(sqlite3.connect(place.folder / "bridge.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert place.type("backup", "one.backup").code == 0
    with closing(sqlite3.connect(place.folder / "bridge.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
    refused = place.type("restore", "one.backup", "--replace")

    assert refused.code == 1
    assert "Update the bridge" in refused.err


def test_books_go_from_one_database_to_the_other(kept: Place, tmp_path: Path) -> None:
    other = replace(kept, environment=kept.environment | {"BRIDGE_DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"})

    assert other.type("restore", "one.backup").code == 0
    assert urls(other) == [SHOP]


def test_a_gap_is_ended_by_a_person_with_a_reason(kept: Place) -> None:
    assert kept.type("restore", "one.backup", "--replace").code == 0
    for words in (("--end", SHOP), ("--end", SHOP, "--reason", WHY), ("--end", "http://nowhere.test", "--reason", WHY)):
        assert kept.type("reconcile", *words).code in (1, 2), words
    code, (ended,) = gaps(kept, "--end", SHOP, "--reason", WHY, "--unheard")

    assert (code, ended["state"], ended["reason"]) == (0, "ended", WHY)
    assert str(ended["ended_by"]).startswith("operator:")
    assert gaps(kept)[0] == 0
    assert "ended" in kept.type("reconcile").out


def test_a_serving_bridge_says_that_it_is_not_reconciled(kept: Place) -> None:
    assert kept.type("restore", "one.backup", "--replace").code == 0
    with kept.serving():
        assert gaps(kept)[0] == 3
        examined = {one["check"]: one["what"] for one in json.loads(kept.type("doctor", "--json").out)}
        assert "reconciliation" in examined["ready"]


def test_a_killed_restore_leaves_the_books_as_they_were(place: Place) -> None:
    assert place.type("site", "add", SHOP, "--gateway", "mainpay").code == 0
    with closing(sqlite3.connect(place.folder / "bridge.db")) as connection:
        connection.executemany("INSERT INTO nonces VALUES ('k', ?, 1)", ((f"n{number}",) for number in range(200_000)))
        connection.commit()
    assert place.type("backup", "one.backup").code == 0
    assert place.type("site", "add", "http://127.0.0.1:8081", "--gateway", "mainpay").code == 0
    words = [sys.executable, "-m", "bridge", "restore", "one.backup", "--replace"]
    child = subprocess.Popen(words, env=place.environment, cwd=place.folder, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (place.folder / "bridge.db.restoring").exists():
        assert child.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    child.kill()
    child.wait(10)

    assert len(urls(place)) == 2
    assert gaps(place) == (0, [])
    assert place.type("restore", "one.backup", "--replace").code == 0
    assert urls(place) == [SHOP]
