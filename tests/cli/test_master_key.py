"""`pay-bridge rotate-master-key`: all of it or nothing, never beside a server, and it says which key is needed."""

import base64
import json
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.support.disaster import forget_earlier
from tests.support.postgres import empty

from .conftest import Place

SHOP = "http://127.0.0.1:8080"
KILLED = "import os, signal, bridge.{place} as place\nreal = place.{name}\n{body}\nplace.{name} = die\n"
AFTER = "def die(*words, **more):\n    real(*words, **more)\n    os.kill(os.getpid(), signal.SIGKILL)"
BEFORE = "def die(*words, **more):\n    os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(params=["sqlite", "postgres"])
def sealed(request: pytest.FixtureRequest, place: Place) -> Place:
    """A place with a site and its secrets, on either database."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_database")
        empty(url)
        forget_earlier(url)
        place = replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": url})
    assert place.type("site", "add", SHOP, "--gateway", "mainpay").code == 0
    return place


def with_key(place: Place, name: str) -> Place:
    """The same place, started with another master key file."""
    return replace(place, environment=place.environment | {"BRIDGE_MASTER_KEY_FILE": str(place.folder / name)})


def rotate(place: Place, name: str) -> dict[str, str]:
    typed = place.type("rotate-master-key", "--new-key-file", name, "--json")
    assert typed.code == 0, typed.err
    told: dict[str, str] = json.loads(typed.out)
    return told


def opens(place: Place) -> bool:
    """Whether the secrets open: a command that reads them does its work."""
    typed = place.type("site", "list", "--json")
    if typed.code == 0:
        assert [one["url"] for one in json.loads(typed.out)] == [SHOP]
        return True
    assert typed.code == 2
    assert re.search("it needs [0-9a-f]{8}, and [0-9a-f]{8} is given", typed.err)
    return False


def rotations(place: Place) -> list[tuple[str, str, str, str]]:
    asked = "SELECT was, became, actor, event FROM audit WHERE payment = 'master-key' ORDER BY seq"
    url = place.environment["BRIDGE_DATABASE_URL"]
    if url.startswith("postgresql"):
        with psycopg.connect(url) as connection:
            return [(was, became, actor, event) for was, became, actor, event in connection.execute(asked.encode())]
    with closing(sqlite3.connect(place.folder / "bridge.db")) as connection:
        return connection.execute(asked).fetchall()


def secrets_of(place: Place) -> dict[str, str]:
    examined = json.loads(place.type("doctor", "--json").out)
    return next(one for one in examined if one["check"] == "secrets")


def test_a_new_key_opens_what_the_old_one_did_and_the_old_one_nothing_more(sealed: Place) -> None:
    first = secrets_of(sealed)
    assert first["verdict"] == "pass"
    told = rotate(sealed, "second.key")

    path, renewed = sealed.folder / "second.key", with_key(sealed, "second.key")
    assert told["key_file"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(base64.b64decode(path.read_text())) == 32
    assert opens(renewed)
    assert not opens(sealed)
    assert told["was"] in first["what"]
    assert told["is"] in secrets_of(renewed)["what"]
    assert secrets_of(sealed)["verdict"] == "fail"

    third = rotate(renewed, "third.key")
    assert opens(with_key(sealed, "third.key"))
    assert [row[:2] for row in rotations(sealed)] == [(told["was"], told["is"]), (told["is"], third["is"])]
    assert {(row[2].partition(":")[0], row[3]) for row in rotations(sealed)} == {("operator", "master_key.rotated")}


def test_a_key_that_is_there_is_taken_as_it_is_and_one_that_is_none_changes_nothing(sealed: Place) -> None:
    (sealed.folder / "own.key").write_text(base64.b64encode(bytes(range(32))).decode())
    (sealed.folder / "bad.key").write_text("not a key\n")

    refused = sealed.type("rotate-master-key", "--new-key-file", "bad.key")
    assert refused.code == 2
    assert "bad.key holds no master key" in refused.err
    same = sealed.type("rotate-master-key", "--new-key-file", "master.key")
    assert same.code == 2
    assert "is this database's master key already" in same.err
    assert opens(sealed)
    assert rotations(sealed) == []

    typed = sealed.type("rotate-master-key", "--new-key-file", "own.key")
    assert typed.code == 0, typed.err
    assert "BRIDGE_MASTER_KEY_FILE=" in typed.out
    assert (sealed.folder / "own.key").read_text() == base64.b64encode(bytes(range(32))).decode()
    assert opens(with_key(sealed, "own.key"))


def test_nothing_is_rotated_while_a_server_runs(sealed: Place) -> None:
    with sealed.serving():
        refused = sealed.type("rotate-master-key", "--new-key-file", "second.key")
        assert refused.code == 1
        assert "stop" in refused.err
    assert not (sealed.folder / "second.key").exists()
    assert opens(sealed)


def test_another_key_rotates_nothing_and_makes_none(sealed: Place) -> None:
    (sealed.folder / "other.key").write_text("A" * 43 + "=")
    refused = with_key(sealed, "other.key").type("rotate-master-key", "--new-key-file", "second.key")

    assert refused.code == 2
    assert "it needs" in refused.err
    assert not (sealed.folder / "second.key").exists()
    assert opens(sealed)


def killed(place: Place, where: str, name: str, body: str) -> None:
    """Rotate in a process that dies by kill -9 at one of its functions."""
    rigged = KILLED.format(place=where, name=name, body=body)
    words = ["rotate-master-key", "--new-key-file", "second.key"]
    script = f"{rigged}\nimport sys\nsys.argv = ['pay-bridge', *{words!r}]\nfrom bridge.cli import main\nmain()"
    ended = subprocess.run(
        [sys.executable, "-c", script], env=place.environment, cwd=place.folder, check=False, timeout=60
    )
    assert ended.returncode == -9


@pytest.mark.parametrize("body", [BEFORE, AFTER], ids=["the key is made", "the secret is sealed"])
def test_killed_before_the_commit_the_old_key_opens_and_it_can_be_typed_again(sealed: Place, body: str) -> None:
    killed(sealed, "ledger.root", "rotate", body)

    assert opens(sealed)
    assert not opens(with_key(sealed, "second.key")), "its key is there, and nothing is sealed under it yet"
    assert rotations(sealed) == []
    rotate(sealed, "second.key")
    assert opens(with_key(sealed, "second.key"))
    assert len(rotations(sealed)) == 1


def test_killed_after_the_commit_the_new_key_opens_and_typing_it_again_says_so(sealed: Place) -> None:
    killed(sealed, "cli.master_key", "print_facts", BEFORE)

    assert opens(with_key(sealed, "second.key"))
    assert not opens(sealed)
    again = sealed.type("rotate-master-key", "--new-key-file", "second.key")
    assert again.code == 2
    assert "set BRIDGE_MASTER_KEY_FILE to it" in again.err
    assert len(rotations(sealed)) == 1


def test_an_older_backup_wants_the_key_of_its_time_and_may_then_be_rotated_to_todays(sealed: Place) -> None:
    assert sealed.type("backup", "old.backup", "--encrypt").code == 0
    told = rotate(sealed, "second.key")
    renewed = with_key(sealed, "second.key")
    for words in (["backup", "--verify", "old.backup"], ["restore", "old.backup", "--replace"]):
        refused = renewed.type(*words)
        assert refused.code == 1
        assert f"under the master key {told['was']}, and {told['is']} is given" in refused.err
    assert opens(renewed), "nothing was replaced"

    assert sealed.type("restore", "old.backup", "--replace").code == 0
    assert opens(sealed)
    rotate(sealed, "second.key")
    assert opens(renewed)
    assert renewed.type("backup", "new.backup").code == 0
    assert renewed.type("backup", "--verify", "new.backup").code == 0


def test_no_backup_is_made_under_a_key_that_does_not_open_the_books(sealed: Place) -> None:
    rotate(sealed, "second.key")
    refused = sealed.type("backup", "mixed.backup")

    assert refused.code == 2
    assert "it needs" in refused.err
    assert not list(sealed.folder.glob("*mixed.backup*"))


def test_where_there_are_no_books_nothing_is_rotated(place: Place, postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        connection.execute("DROP SCHEMA IF EXISTS nothing CASCADE")
        connection.execute("CREATE SCHEMA nothing")
    blank = f"{postgres_database}&options=-csearch_path%3Dnothing"
    empty_file = place.folder / "empty.db"
    empty_file.touch()
    for url in (place.environment["BRIDGE_DATABASE_URL"], f"sqlite:///{empty_file}", blank):
        refused = place.type("rotate-master-key", "--new-key-file", "second.key", BRIDGE_DATABASE_URL=url)
        assert refused.code == 1, refused.err
        assert not Path(place.folder / "second.key").exists()


def test_a_secret_that_was_altered_is_told_before_anything_is_served(place: Place) -> None:
    assert place.type("site", "add", SHOP, "--gateway", "mainpay").code == 0
    with closing(sqlite3.connect(place.folder / "bridge.db")) as connection:
        connection.execute("UPDATE site_keys SET secret_sealed = replace(secret_sealed, 'g1.', 'g1.A')")
        connection.commit()
    for words in (("site", "list"), ("serve", "--port", str(place.port))):
        typed = place.type(*words)
        assert typed.code == 1
        assert "A sealed secret cannot be opened" in typed.err
