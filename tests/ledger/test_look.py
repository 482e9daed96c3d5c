"""The look through the whole file: what it finds in time is given, what it finds later stops the process."""

import contextlib
import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from structlog.testing import capture_logs

from bridge.domain.failures import LedgerBroken
from bridge.ledger import look as module
from bridge.ledger import sqlite
from bridge.ledger.look import Look, connect, examine
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


@pytest.fixture
async def books(folder):
    """A running ledger whose file holds all and its log nothing; gives it with the place of a table's first page."""
    path = folder / "bridge.db"
    await SqliteLedger(path).close()
    with contextlib.closing(connect(path, read_only=True)) as made:
        (root,) = made.execute("SELECT rootpage FROM sqlite_master WHERE name = 'proposals'").fetchone()
    ledger = SqliteLedger(path)
    yield ledger, path, (root - 1) * 4096
    await ledger.close()


async def test_a_running_ledger_examines_its_file_and_says_what_is_damaged(books):
    ledger, path, place = books
    await ledger.examine()
    damage(path, place)
    with pytest.raises(LedgerBroken, match=r"The database is damaged: .*malformed"):
        await ledger.examine()


def test_a_reference_to_a_row_that_is_not_there_is_damage(file):
    path, _ = file
    with contextlib.closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE of (name TEXT REFERENCES meta (name))")
        made.execute("INSERT INTO of VALUES ('nobody')")
    with pytest.raises(LedgerBroken, match="refers to one that is not there"):
        examine(path, lambda: False)


def test_a_file_that_is_none_any_more_is_damaged(file):
    path, _ = file
    damage(path, 0)
    with pytest.raises(LedgerBroken, match="not a database"):
        examine(path, lambda: False)


@pytest.mark.parametrize("ending", ["its time", "the ledger"])
async def test_an_examination_ends_with_its_time_or_the_ledger_and_finds_nothing_then(books, monkeypatch, ending):
    ledger, path, place = books
    monkeypatch.setattr(module, "STEPS_BETWEEN", 1)
    damage(path, place)
    if ending == "its time":
        monkeypatch.setattr(sqlite, "EXAMINE_SECONDS_MAX", -1.0)
    else:
        await ledger.close()
        ledger._examiner = ThreadPoolExecutor(1)
    with capture_logs() as said:
        await ledger.examine()
    ledger._examiner.shutdown()
    assert [line["event"] for line in said] == ["the database was not looked through to its end"]


async def test_nothing_but_the_writer_writes_the_log_back(books):
    ledger, path, _ = books
    await ledger.write(lambda turn: turn.run("INSERT INTO meta VALUES ('late', 'x')"))
    before = path.read_bytes()
    await ledger.read(lambda turn: turn.all("SELECT * FROM meta"))
    await ledger.examine()
    reader = connect(path, read_only=True)
    with contextlib.closing(reader), pytest.raises(sqlite3.OperationalError):
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.read_bytes() == before
    await ledger.close()
    assert path.read_bytes() != before


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
