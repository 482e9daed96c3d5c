"""The command line on PostgreSQL: several servers and commands at once on one database."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import psycopg
import pytest

from bridge.ledger.checks import Checked, keep
from bridge.ledger.postgres import PostgresTurn
from tests.support.ports import free_port
from tests.support.postgres import empty

from .conftest import Place

SHOP = "http://127.0.0.1:8080"


@pytest.fixture
def shared(place: Place, postgres_database: str) -> Place:
    """A place whose database is on PostgreSQL."""
    empty(postgres_database)
    return replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": postgres_database})


def beside(place: Place) -> Place:
    """The same database, another port."""
    port = free_port()
    return replace(place, port=port, environment=place.environment | {"BRIDGE_PUBLIC_URL": f"http://127.0.0.1:{port}"})


def owners(place: Place) -> list[str]:
    with psycopg.connect(place.environment["BRIDGE_DATABASE_URL"]) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM owners ORDER BY id")]


def add_site(place: Place) -> dict[str, str]:
    made = place.type("site", "add", SHOP, "--gateway", "mainpay", "--mode", "test", "--json")
    assert made.code == 0, made.err
    found: dict[str, str] = json.loads(made.out)
    return found


def verdicts(place: Place) -> dict[str, str]:
    examined = place.type("doctor", "--json")
    return {finding["check"]: finding["verdict"] for finding in json.loads(examined.out)}


def test_commands_need_no_server_and_leave_no_owner_behind(shared: Place) -> None:
    site = add_site(shared)
    listed = shared.type("site", "list", "--json")

    assert [one["site"] for one in json.loads(listed.out)] == [site["site"]]
    assert owners(shared) == []


def test_two_servers_share_a_database_and_a_site_added_beside_them(shared: Place) -> None:
    second = beside(shared)
    with shared.serving(), second.serving():
        assert len(owners(shared)) == 2
        add_site(shared)
        for place in (shared, second):
            assert json.loads(place.type("site", "list", "--json").out) != []
        assert [verdicts(place)["ready"] for place in (shared, second)] == ["pass", "pass"]
    assert owners(shared) == [], "whoever ends in order is not waited for"


def test_a_server_that_is_killed_leaves_its_lease_and_the_next_one_ends_it(shared: Place) -> None:
    with shared.serving(end=signal.SIGKILL):
        (killed,) = owners(shared)
    assert owners(shared) == [killed]

    with beside(shared).serving():
        deadline = time.monotonic() + 20
        while killed in owners(shared):
            assert time.monotonic() < deadline, "nobody saw that it is gone"
            time.sleep(0.1)
        assert len(owners(shared)) == 1


def test_the_doctor_looks_at_the_database(shared: Place) -> None:
    assert verdicts(shared)["secrets"] == "pass"
    add_site(shared)

    found = verdicts(shared)
    assert [found[one] for one in ("database", "durability", "clock", "secrets")] == ["pass"] * 4
    other_key = replace(shared, environment=shared.environment | {"BRIDGE_MASTER_KEY": "A" * 43 + "="})
    assert verdicts(other_key)["secrets"] == "fail"


def test_the_doctor_says_what_the_last_check_of_these_books_found(shared: Place) -> None:
    add_site(shared)
    assert verdicts(shared)["books"] == "warn", "nobody has checked them"
    checked = Checked(1_700_000_000_000, False, 7, 9, 5)
    for found, verdict in (((), "pass"), ((("I3", "p1", "too much given back"),), "fail")):
        with psycopg.connect(shared.environment["BRIDGE_DATABASE_URL"]) as connection:
            keep(PostgresTurn(connection), replace(checked, found=found))
        assert verdicts(shared)["books"] == verdict


def test_a_database_that_cannot_be_reached_is_one_sentence_without_its_password(shared: Place) -> None:
    url = "postgresql://bridge:hunter22@127.0.0.1:1/nothing"
    lost = replace(shared, environment=shared.environment | {"BRIDGE_DATABASE_URL": url})
    typed = lost.type("site", "list")

    assert typed.code == 1
    assert "cannot be used" in typed.err
    assert "Traceback" not in typed.err
    assert "hunter22" not in typed.err
    assert verdicts(lost)["database"] == "fail"


def test_without_the_driver_the_package_to_install_is_named(shared: Place) -> None:
    blocked = shared.folder / "blocked"
    (blocked / "psycopg").mkdir(parents=True)
    (blocked / "psycopg" / "__init__.py").write_text("raise ImportError('not installed')\n")
    path = os.pathsep.join([str(blocked), *sys.path])
    words = [sys.executable, "-m", "bridge", "site", "list"]
    ended = subprocess.run(
        words,
        env=shared.environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=shared.folder,
        timeout=30,
    )

    assert ended.returncode == 2
    assert "pay-bridge[postgres]" in ended.stderr
