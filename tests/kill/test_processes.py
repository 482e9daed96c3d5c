"""Processes that end, stop or begin at a bad moment: a buyer's browser, the server itself, a second bridge."""

import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from bridge.domain.machine import State
from bridge.ledger.migrate import migrations
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer

from .conftest import Figures
from .lab import Lab, running
from .moments import EVERYTHING, Moments, compiler
from .people import AMOUNT, Order
from .process import ServerProcess, answers
from .verdict import Verdict

NEEDS_COMPILER = pytest.mark.skipif(compiler() is None, reason="moments are counted by a library: no C compiler here")
pytestmark = [pytest.mark.kill, pytest.mark.usefixtures("chains")]


@pytest.fixture
def on_postgres(tmp_path: Path, library: Path | None, postgres: PostgresServer) -> Iterator[Lab]:
    """A lab on PostgreSQL."""
    with running(Lab(tmp_path / "lab", library, postgres.create(f"alone_{time.monotonic_ns()}"))) as lab:
        yield lab


def test_a_browser_that_goes_away_ends_no_approval(lab: Lab) -> None:
    order = Order(lab)
    order.check_out()
    order.pay_in_window()
    ref = order.payment["merchant_ref"]
    lab.gateway.hold("pay", "delay")
    path = order.return_url.removeprefix(lab.url)
    with socket.create_connection(("127.0.0.1", lab.port)) as browser:
        browser.sendall(f"GET {path} HTTP/1.1\r\nhost: pay.example\r\n\r\n".encode())
        lab.wait_for(lambda: lab.gateway.books()[ref]["calls"].get("pay") == 1, "the approval is under way")
        browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # by a reset, not politely
    lab.gateway.let_go()
    lab.settle()
    assert order.payment["state"] == State.PAID
    answer = order.come_back()
    assert answer is not None
    assert answer.status_code == 303
    assert lab.gateway.books()[ref]["calls"]["pay"] == 1
    Verdict(lab).judge()


@pytest.mark.skipif(not EVERYTHING, reason="takes a minute and more: `make crash` runs it")
def test_an_approval_that_takes_longer_than_an_ending_server_waits_is_found_out_afterwards(lab: Lab) -> None:
    order = Order(lab)
    order.check_out()
    order.pay_in_window()
    ref = order.payment["merchant_ref"]
    lab.gateway.fault("pay", "hang", delay_seconds=110)
    with ThreadPoolExecutor(1) as browser:
        browser.submit(order.come_back)
        lab.wait_for(lambda: lab.gateway.books()[ref]["captured"] > 0, "the gateway carried it out")
        assert lab.server is not None
        lab.server.terminate()
        time.sleep(2)
        assert not answers(lab.port, b"/livez"), "nothing new is taken"
        assert lab.server.wait(80) in (0, -signal.SIGTERM)
    lab.restart()
    lab.settle()
    assert order.payment["state"] == State.VOIDED
    assert lab.gateway.books()[ref]["net"] == 0
    Verdict(lab).judge()


def _first_start(lab: Lab, kinds: str) -> int:
    """Kill a new database's first server at each moment of its start, until one survives; gives the kills."""
    for place in range(1, 200):
        server = lab.begin()
        lab.moments.arm(place, kinds)
        survived = server.wait_until_up_or_dead()
        lab.moments.disarm()
        if survived:
            lab.kill()
            return place - 1
        server = lab.begin()
        assert server.wait_until_up_or_dead(), server.said()
        lab.kill()
        lab.books.check()
        _forget(lab)
    raise AssertionError("no start survived")


def _forget(lab: Lab) -> None:
    """Begin anew with an empty database."""
    if lab.postgres:
        with psycopg.connect(lab.postgres, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        return
    for file in lab.directory.glob("bridge.db*"):
        file.unlink()


@NEEDS_COMPILER
def test_a_schema_whose_making_was_killed_is_made_by_the_next_start(
    tmp_path: Path, library: Path | None, figures: Figures
) -> None:
    lab = Lab(tmp_path / "lab", library, often=True)
    try:
        kills = _first_start(lab, "wsSN" if EVERYTHING else "s")
        versions = [row["user_version"] for row in lab.rows("PRAGMA user_version")]
    finally:
        lab.close()
    figures.setdefault("migration_kills", {})["sqlite"] = kills
    assert kills >= 3
    assert versions == [migrations("sqlite")[-1][0]]


@NEEDS_COMPILER
def test_a_schema_whose_making_was_killed_on_postgresql_is_made_by_the_next_start(
    tmp_path: Path, library: Path | None, figures: Figures, postgres: PostgresServer
) -> None:
    lab = Lab(tmp_path / "lab", library, postgres.create("migration"), often=True)
    try:
        kills = _first_start(lab, "cC" if EVERYTHING else "C")
        versions = [row["number"] for row in lab.rows("SELECT number FROM schema_version")]
    finally:
        lab.close()
    figures.setdefault("migration_kills", {})["postgres"] = kills
    assert kills >= 3
    assert versions == [number for number, _ in migrations("postgres")]


def test_an_older_bridge_does_not_start_on_a_newer_database(lab: Lab) -> None:
    lab.kill()
    with closing(sqlite3.connect(lab.database)) as connection:
        (number,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {number + 1}")
    assert lab.begin().wait(30) == 1
    assert lab.server is not None
    assert "Update the bridge" in lab.server.said()
    with closing(sqlite3.connect(lab.database)) as connection:
        connection.execute(f"PRAGMA user_version = {number}")
    lab.start()


def test_an_older_bridge_does_not_start_on_a_newer_database_on_postgresql(on_postgres: Lab) -> None:
    on_postgres.kill()
    with psycopg.connect(on_postgres.postgres) as connection:
        connection.execute("INSERT INTO schema_version SELECT MAX(number) + 1 FROM schema_version")
    assert on_postgres.begin().wait(30) == 1
    assert on_postgres.server is not None
    assert "Update the bridge" in on_postgres.server.said()


@NEEDS_COMPILER
def test_a_bridge_that_was_stopped_too_long_cannot_write_what_another_has_taken_over(on_postgres: Lab) -> None:
    lab, order = on_postgres, Order(on_postgres)
    moments = Moments(lab.library, lab.directory / "second-moments")
    port = free_port()
    second = ServerProcess(port, lab.environment | moments.environment, lab.directory / "second.log")
    try:
        second.wait_until_serving()
        order.check_out()
        order.pay_in_window()
        ref = order.payment["merchant_ref"]
        lab.gateway.hold("pay", "delay")
        assert lab.server is not None
        with ThreadPoolExecutor(1) as browser:
            returning = browser.submit(order.come_back)
            lab.wait_for(lambda: lab.gateway.books()[ref]["captured"] > 0, "the gateway carried it out")
            lab.server.pause()
            moments.set_ahead(20)  # the lease of the stopped one has run out, and nobody has to wait for it
            _wait(lab, order, State.VOIDED)
            lab.gateway.let_go()
            lab.server.go_on()
            assert returning.result(30) is not None
        assert order.payment["state"] == State.VOIDED, "the loser's answer was not written over it"
        assert lab.gateway.books()[ref]["net"] == 0
        assert lab.gateway.books()[ref]["calls"]["pay"] == 1
        assert lab.open_cases(order.payment["id"]) == ["money_on_ended_payment"], "a late answer is a person's to see"
    finally:
        second.kill()
    lab.settle()
    Verdict(lab).judge()


def _wait(lab: Lab, order: Order, state: State) -> None:
    until = time.monotonic() + 40
    while order.payment["state"] != state:
        assert time.monotonic() < until, f"still {order.payment['state']}"
        time.sleep(0.1)


@NEEDS_COMPILER
def test_two_bridges_are_told_apart_by_who_lives(on_postgres: Lab) -> None:
    """The check of the test above can fail: a bridge that was not stopped keeps what it has sent."""
    lab, order = on_postgres, Order(on_postgres)
    process = ServerProcess(free_port(), lab.environment, lab.directory / "second.log")
    try:
        process.wait_until_serving()
        order.check_out()
        order.pay_in_window()
        lab.gateway.fault("pay", "delay", delay_seconds=7)
        order.come_back()
        lab.settle()
    finally:
        process.kill()
    assert order.payment["state"] == State.PAID
    assert lab.gateway.books()[order.payment["merchant_ref"]]["net"] == AMOUNT
