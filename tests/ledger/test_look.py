"""The look through the whole file: what it finds in time is given, what it finds later stops the process."""

import contextlib
import os
import sqlite3
import threading
import time

import pytest

from bridge.ledger import look as module
from bridge.ledger.look import Look, connect
from bridge.ledger.sqlite import SqliteLedger


@pytest.fixture
def file(folder):
    """A database of some hundred pages; gives it with the place of its table's first page."""
    path = folder / "bridge.db"
    with contextlib.closing(connect(path)) as made:
        made.execute("CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL)")
        made.execute("BEGIN")
        made.executemany("INSERT INTO meta VALUES (?, ?)", [(f"n{number}", "x" * 900) for number in range(400)])
        made.execute("COMMIT")
        (root,) = made.execute("SELECT rootpage FROM sqlite_master WHERE name = 'meta'").fetchone()
    return path, (root - 1) * 4096


def damage(path, at):
    with path.open("r+b") as written:
        written.seek(at)
        written.write(b"\xa5" * 64)


def test_a_whole_file_is_looked_through_and_nothing_said(file):
    stops = []
    look = Look(file[0], stops.append)
    assert look.wait(10) == ""
    look.end()
    assert stops == []


def test_damage_found_in_time_is_given_and_stops_nothing(file):
    damage(*file)
    stops = []
    assert "Page" in Look(file[0], stops.append).wait(10)
    assert stops == []


def test_a_file_that_cannot_be_looked_through_is_damaged(file):
    path, _ = file
    damage(path, 0)
    stops = []
    assert "not a database" in Look(path, stops.append).wait(10)


def test_damage_found_late_stops_the_process(file, monkeypatch):
    gate, stops = threading.Event(), []
    looking = Look._look
    monkeypatch.setattr(module.Look, "_look", lambda self: (gate.wait(10), looking(self)))
    damage(*file)
    look = Look(file[0], stops.append)
    assert look.wait(0) == ""
    gate.set()
    look._thread.join(10)
    assert len(stops) == 1
    assert "Page" in stops[0]


def test_an_end_does_not_wait_for_the_whole_look(folder):
    path = folder / "large.db"
    with contextlib.closing(connect(path)) as made:
        made.execute("CREATE TABLE meta (value TEXT)")
        made.execute("BEGIN")
        made.executemany("INSERT INTO meta VALUES (?)", [("x" * 3000,) for _ in range(12_000)])
        made.execute("COMMIT")
    look = Look(path, lambda found: pytest.fail(found))
    began = time.monotonic()
    look.end()
    assert time.monotonic() - began < 5
    assert look.wait(0) == ""


async def test_a_disk_that_fails_leaves_a_line_and_ends_with_seventy(folder, monkeypatch):
    ends = []
    monkeypatch.setattr(os, "_exit", lambda code: ends.append(code))
    ledger = SqliteLedger(folder / "bridge.db")
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ

    def fails(_):
        raise failed

    with pytest.raises(sqlite3.OperationalError):
        await ledger.read(fails)
    assert ends == [70]
    assert (folder / "bridge.db.breaks").read_text().endswith("the disk or the database failed (disk I/O error)\n")
    await ledger.close()


async def test_an_index_of_the_log_that_cannot_grow_is_a_full_disk_and_no_broken_one(folder, monkeypatch):
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail(f"ended with {code}"))
    ledger = SqliteLedger(folder / "bridge.db")
    full = sqlite3.OperationalError("disk I/O error")
    full.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE

    def fails(_):
        raise full

    with pytest.raises(sqlite3.OperationalError):
        await ledger.read(fails)
    await ledger.close()
