"""What a process that had to stop tells the next: twice within a minute, and the next one only reads."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.domain.failures import Busy, LedgerBroken
from bridge.ledger.breaks import Breaks
from bridge.ledger.sqlite import LOOK_SECONDS, SqliteLedger

ROOT = Path(__file__).parent.parent.parent
NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("at", "only_reads"),
    [
        ([], False),
        ([NOW - 1], False),
        ([NOW - 61, NOW - 1], False),
        ([NOW - 59, NOW - 1], True),
        ([NOW - 200, NOW - 50, NOW - 20, NOW], True),
        ([NOW - 130, NOW - 120], False),
        ([NOW + 3600, NOW - 1], False),
    ],
)
def test_two_breaks_within_the_last_minute_make_the_next_process_read_only(folder, at, only_reads):
    breaks = Breaks(folder / "bridge.db")
    for moment in at:
        breaks.note(moment, f"failed at\n{moment:.0f}")

    said = breaks.take(NOW)
    assert bool(said) is only_reads
    assert not only_reads or said == f"failed at {at[-1]:.0f}"
    assert breaks.take(NOW) == "", "who starts it again has mended it"


def test_a_file_of_breaks_that_is_no_such_file_says_nothing(folder):
    breaks = Breaks(folder / "bridge.db")
    (folder / "bridge.db.breaks").write_bytes(b"\xff\xfe broken\n")
    assert breaks.take(NOW) == ""
    (folder / "bridge.db.breaks").write_text("\nyesterday it broke\n１２ no\n")
    assert breaks.take(NOW) == ""


def test_a_disk_that_takes_no_note_is_no_second_failure(folder):
    Breaks(folder / "nowhere" / "bridge.db").note(NOW, "failed")
    assert Breaks(folder / "nowhere" / "bridge.db").take(NOW) == ""


async def test_a_ledger_that_only_reads_answers_and_says_why(folder):
    path = folder / "bridge.db"
    ledger = SqliteLedger(path)
    await ledger.write(lambda turn: turn.run("INSERT INTO meta VALUES ('a', '1')"))
    await ledger.close()
    for _ in range(2):
        Breaks(path).note(time.time(), "disk I/O error")
    ledger = SqliteLedger(path)

    assert ledger.read_only == ledger.refusal() == "disk I/O error"
    assert (await ledger.read(lambda turn: turn.one("SELECT value FROM meta WHERE name = 'a'")))["value"] == "1"
    with pytest.raises(LedgerBroken, match="read only: disk I/O error"):
        await ledger.write(lambda turn: turn.run("INSERT INTO meta VALUES ('b', '1')"))
    await ledger.close()
    ledger = SqliteLedger(path)
    assert (ledger.read_only, ledger.refusal()) == ("", "")
    await ledger.close()


def damaged(path, at_byte):
    with path.open("r+b") as file:
        file.seek(at_byte)
        file.write(b"\xa5" * 64)


async def made(folder):
    path = folder / "bridge.db"
    ledger = SqliteLedger(path)
    for number in range(300):
        await ledger.write(
            lambda turn, number=number: turn.run("INSERT INTO meta VALUES (?, ?)", f"n{number}", "x" * 200)
        )
    await ledger.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'meta'").fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return path, (root - 1) * page_bytes


async def test_a_damaged_file_is_refused_at_the_start_with_what_to_do(folder):
    path, root_at = await made(folder)
    damaged(path, root_at)
    for _ in range(2):
        with pytest.raises(LedgerBroken, match=r"bridge\.db is damaged .* restore the latest backup"):
            SqliteLedger(path, lock_wait_seconds=0.2)


@pytest.mark.parametrize("left_bytes", [100, 4096, 3 * 4096 + 17])
async def test_a_file_cut_short_is_refused(folder, left_bytes):
    path, _ = await made(folder)
    with path.open("r+b") as file:
        file.truncate(left_bytes)
    with pytest.raises(LedgerBroken, match="restore"):
        SqliteLedger(path, lock_wait_seconds=0.2)


async def test_a_file_that_is_no_database_is_refused(folder):
    (folder / "bridge.db").write_bytes(b"minutes of the meeting\n" * 300)
    with pytest.raises(LedgerBroken, match=r"not a database.* restore"):
        SqliteLedger(folder / "bridge.db", lock_wait_seconds=0.2)


@pytest.mark.parametrize("by", ["reading", "looking"])
async def test_damage_met_later_ends_the_process_with_what_to_do(folder, by):
    """A large file is looked through while it serves; and what is read may be damaged since."""
    path, root_at = await made(folder)
    program = f"""
import asyncio, sys, time
from pathlib import Path
import bridge.ledger.sqlite as module
from bridge.ledger.look import Look

async def main():
    path = Path({str(path)!r})
    if {by!r} == "looking":
        look = Look._look
        Look._look = lambda self: (time.sleep(0.5), look(self))
        module.LOOK_SECONDS = 0.0
    ledger = module.SqliteLedger(path)
    with path.open("r+b") as file:
        file.seek({root_at})
        file.write(b"\\xa5" * 64)
    if {by!r} == "reading":
        await ledger.read(lambda turn: turn.all("SELECT * FROM meta ORDER BY rowid"))
    await asyncio.sleep(5)
    print("went on")

asyncio.run(main())
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, cwd=ROOT)

    assert (ended.returncode, "went on" in ended.stdout) == (70, False), ended.stderr
    assert "restore the latest backup" in ended.stdout + ended.stderr
    assert "the disk or the database failed (" in (folder / "bridge.db.breaks").read_text()


async def test_a_lock_makes_nobody_wait_twice(folder, monkeypatch):
    """Turns that come while the writer waits for another program's lock fail together with the one it waits for."""
    run, waits = SqliteLedger._run_batch, []
    monkeypatch.setattr(SqliteLedger, "_run_batch", lambda self, batch: (waits.append(batch), run(self, batch)))
    ledger = SqliteLedger(folder / "bridge.db")
    ledger._writer_connection.execute("PRAGMA busy_timeout = 1000")
    with contextlib.closing(sqlite3.connect(folder / "bridge.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        first = asyncio.ensure_future(ledger.write(lambda turn: turn.run("DELETE FROM meta")))
        while not waits:
            await asyncio.sleep(0.001)
        late = [asyncio.ensure_future(ledger.write(lambda turn: turn.run("DELETE FROM meta"))) for _ in range(300)]
        results = await asyncio.gather(first, *late, return_exceptions=True)
        other.execute("ROLLBACK")

    assert {type(result) for result in results} == {Busy}
    assert len(waits) == 1, "the lock was waited for once"
    assert await ledger.write(lambda turn: turn.run("DELETE FROM meta")) == 0
    await ledger.close()


def test_a_start_does_not_wait_long_for_the_look():
    assert LOOK_SECONDS <= 1.0
