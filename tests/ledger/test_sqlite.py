"""The ledger's promises: whole turns, committed before anybody hears of them, one writer, one server."""

import asyncio
import contextlib
import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bridge.domain.failures import Busy, Conflict, LedgerBroken
from bridge.ledger.sqlite import SqliteLedger


@pytest.fixture
async def ledger(folder):
    made = SqliteLedger(folder / "bridge.db")
    yield made
    await made.close()


def put(name, value="1"):
    return lambda turn: turn.run("INSERT INTO meta (name, value) VALUES (?, ?)", name, value)


async def names(ledger):
    rows = await ledger.read(lambda turn: turn.all("SELECT name FROM meta ORDER BY name"))
    return [row["name"] for row in rows]


async def held_up(ledger):
    """Keep the writer busy, so that what comes next is one batch; gives what lets it go on."""
    gate, busy = threading.Event(), threading.Event()

    def wait(_):
        busy.set()
        assert gate.wait(10)

    first = asyncio.ensure_future(ledger.write(wait))
    while not busy.is_set():
        await asyncio.sleep(0.001)
    return gate, first


async def in_line(ledger, *works):
    """Ask for turns, and come back when all of them stand in the writer's queue."""
    asked = [asyncio.ensure_future(ledger.write(work)) for work in works]
    while ledger._queue.qsize() < len(works):
        await asyncio.sleep(0)
    return asked


async def test_what_a_turn_answers_comes_back(ledger):
    assert await ledger.write(put("a")) == 1
    row = await ledger.read(lambda turn: turn.one("SELECT value FROM meta WHERE name = ?", "a"))
    assert row["value"] == "1"
    assert await ledger.read(lambda turn: turn.one("SELECT 1 FROM meta WHERE name = 'b'")) is None


async def test_books_that_nobody_unlocks_have_no_root(ledger):
    assert ledger.root == b""


async def test_whoever_hears_of_a_turn_finds_it_committed(ledger, folder):
    """Seen by another connection, at once, for every one of many."""
    with contextlib.closing(sqlite3.connect(folder / "bridge.db")) as other:

        async def write(number):
            await ledger.write(put(f"n{number}"))
            return other.execute("SELECT COUNT(*) FROM meta WHERE name = ?", (f"n{number}",)).fetchone()[0]

        assert await asyncio.gather(*(write(number) for number in range(200))) == [1] * 200


async def test_turns_that_wait_together_are_committed_together(ledger, monkeypatch):
    batches = []
    run = SqliteLedger._run_batch
    monkeypatch.setattr(SqliteLedger, "_run_batch", lambda self, batch: (batches.append(len(batch)), run(self, batch)))
    gate, first = await held_up(ledger)
    others = await in_line(ledger, *(put(f"n{number}") for number in range(600)))
    assert not any(other.done() for other in others)
    gate.set()
    await asyncio.gather(first, *others)

    assert batches == [1, 256, 256, 88]
    assert len(await names(ledger)) == 600


async def test_a_turn_that_fails_leaves_nothing_and_does_not_hurt_its_batch_mates(ledger):
    def fails(turn):
        turn.run("INSERT INTO meta (name, value) VALUES ('half', '1')")
        raise Conflict("no")

    def breaks(turn):
        turn.run("INSERT INTO meta (name, value) VALUES ('broken', '1')")
        turn.run("INSERT INTO meta (name, value) VALUES ('a', 'again')")

    def stops(turn):
        turn.run("INSERT INTO meta (name, value) VALUES ('stopped', '1')")
        return next(iter(()))

    gate, first = await held_up(ledger)
    asked = await in_line(ledger, put("a"), fails, breaks, stops, put("b"))
    gate.set()
    async with asyncio.timeout(5):
        results = await asyncio.gather(first, *asked, return_exceptions=True)

    assert results[1] == results[5] == 1
    assert isinstance(results[2], Conflict)
    assert isinstance(results[3], sqlite3.IntegrityError)
    assert isinstance(results[4], RuntimeError)
    assert await names(ledger) == ["a", "b"]


async def test_a_lost_transaction_fails_every_turn_of_its_batch_and_runs_none_again(ledger):
    runs = []

    def counted(name):
        def work(turn):
            runs.append(name)
            return put(name)(turn)

        return work

    gate, first = await held_up(ledger)
    asked = await in_line(ledger, counted("a"), lambda turn: turn.run("ROLLBACK") and runs.append("gone"), counted("b"))
    gate.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    await first

    assert [type(result) for result in results] == [Busy, Busy, Busy]
    assert runs == ["a", "gone"]
    assert await names(ledger) == []
    assert await ledger.write(put("later")) == 1


async def test_a_commit_that_fails_fails_every_turn_of_its_batch(ledger):
    class Stubborn:
        def __init__(self, inner):
            self._inner = inner
            self.commits = 0

        def execute(self, sql, *values):
            self.commits += sql == "COMMIT"
            if sql == "COMMIT" and self.commits == 2:
                raise sqlite3.OperationalError("database or disk is full")
            return self._inner.execute(sql, *values)

        def __getattr__(self, name):
            return getattr(self._inner, name)

    ledger._writer_connection = Stubborn(ledger._writer_connection)
    gate, first = await held_up(ledger)
    asked = await in_line(ledger, put("a"), put("b"))
    gate.set()
    results = await asyncio.gather(first, *asked, return_exceptions=True)

    assert results[0] is None
    assert [type(result) for result in results[1:]] == [Busy, Busy]
    assert await names(ledger) == []
    assert await ledger.write(put("c")) == 1


async def test_a_full_disk_is_busy_and_over_when_there_is_room(ledger):
    await ledger.write(lambda turn: turn.run("PRAGMA user_version"))
    connection = ledger._writer_connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Busy) as refused:
        await ledger.write(put("big", "x" * 1_000_000))
    assert "nothing was written" in refused.value.detail
    connection.execute("PRAGMA max_page_count = 1000000")

    assert await names(ledger) == []
    assert await ledger.write(put("big", "x" * 1_000_000)) == 1


async def test_without_a_descriptor_turns_large_and_small_are_written_and_read(ledger):
    """A turn that changes many pages, and the first questions of every reader."""
    for number in range(400):
        await ledger.write(put(f"name {number:03}", "x" * 500))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        changed = await ledger.write(lambda turn: turn.run("UPDATE meta SET value = ?", "y" * 500))
        reads = [ledger.read(lambda turn: turn.all("SELECT value FROM meta")) for _ in range(8)]
        found = await asyncio.gather(*reads)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert changed >= 400
    assert {row["value"] for rows in found for row in rows} == {"y" * 500}


async def test_a_lock_that_is_not_let_go_is_busy(ledger, folder):
    ledger._writer_connection.execute("PRAGMA busy_timeout = 50")
    with contextlib.closing(sqlite3.connect(folder / "bridge.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Busy):
            await ledger.write(put("a"))
        other.execute("ROLLBACK")

    assert await ledger.write(put("a")) == 1


def test_a_disk_that_fails_ends_the_process(tmp_path):
    """What is on disk is the truth; going on with a broken one is worse than stopping."""
    program = f"""
import asyncio, sqlite3
from pathlib import Path
from bridge.ledger.sqlite import SqliteLedger

class Broken:
    def __init__(self, inner): self._inner = inner
    def execute(self, sql, *values):
        if sql == "COMMIT":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return self._inner.execute(sql, *values)
    def __getattr__(self, name): return getattr(self._inner, name)

async def main():
    ledger = SqliteLedger(Path({str(tmp_path / "bridge.db")!r}))
    ledger._writer_connection = Broken(ledger._writer_connection)
    await ledger.write(lambda turn: turn.run("INSERT INTO meta VALUES ('a', '1')"))
    print("went on")

asyncio.run(main())
"""
    root = Path(__file__).parent.parent.parent
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, cwd=root)

    assert ended.returncode == 70
    assert "went on" not in ended.stdout
    assert "the disk failed" in ended.stdout + ended.stderr


@pytest.mark.parametrize(("where", "logs"), [("COMMIT", True), ("BEGIN IMMEDIATE", True), ("COMMIT", False)])
def test_a_writer_that_fails_otherwise_ends_the_process_and_keeps_nobody_waiting(tmp_path, where, logs):
    """Without memory, say; or what is said of a failed commit fails itself. Nobody would ever be written for again."""
    program = f"""
import asyncio, sqlite3
from pathlib import Path
import bridge.ledger.sqlite as module

class Broken:
    def __init__(self, inner): self._inner = inner
    def execute(self, sql, *values):
        if sql == {where!r}:
            raise MemoryError("out of memory") if {logs} else sqlite3.OperationalError("database is locked")
        return self._inner.execute(sql, *values)
    def __getattr__(self, name): return getattr(self._inner, name)

class Silent:
    def __getattr__(self, name):
        def fail(*words, **more): raise OSError("no space left on device")
        return fail

async def main():
    ledger = module.SqliteLedger(Path({str(tmp_path / "bridge.db")!r}))
    ledger._writer_connection = Broken(ledger._writer_connection)
    if not {logs}: module.log = Silent()
    await ledger.write(lambda turn: turn.run("INSERT INTO meta VALUES ('a', '1')"))
    print("went on")

asyncio.run(main())
"""
    root = Path(__file__).parent.parent.parent
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, cwd=root)

    assert ended.returncode == 70
    assert "went on" not in ended.stdout
    assert ("the ledger's writer failed (MemoryError); the bridge stops here" in ended.stdout) is logs


async def test_a_waiter_that_goes_away_does_not_cancel_its_turn(ledger):
    gate, first = await held_up(ledger)
    leaving, staying = await in_line(ledger, put("left"), put("stayed"))
    leaving.cancel()
    gate.set()
    await first

    assert await staying == 1
    assert await names(ledger) == ["left", "stayed"]


async def test_a_reader_cannot_write(ledger):
    for sql in ("INSERT INTO meta VALUES ('a', '1')", "DELETE FROM meta", "PRAGMA user_version = 7", "DROP TABLE meta"):
        with contextlib.suppress(sqlite3.OperationalError):
            await ledger.read(lambda turn, sql=sql: turn.run(sql))

    assert await names(ledger) == []
    assert (await ledger.read(lambda turn: turn.one("PRAGMA user_version")))[0] >= 1


async def test_a_reader_sees_one_moment_and_never_half_a_turn(ledger):
    def two(turn):
        turn.run("INSERT INTO meta VALUES (?, '1')", f"a{os.urandom(4).hex()}")
        turn.run("INSERT INTO meta VALUES (?, '1')", f"b{os.urandom(4).hex()}")

    async def look():
        def count(turn):
            first = turn.one("SELECT COUNT(*) AS many FROM meta")["many"]
            time.sleep(0.001)
            return first, turn.one("SELECT COUNT(*) AS many FROM meta")["many"]

        return await ledger.read(count)

    results = await asyncio.gather(*(one() for _ in range(60) for one in (look, lambda: ledger.write(two))))
    for seen in results[::2]:
        assert seen[0] == seen[1]
        assert seen[0] % 2 == 0


async def test_a_reader_whose_work_fails_is_whole_again(ledger):
    with pytest.raises(ZeroDivisionError):
        await ledger.read(lambda turn: 1 / 0)
    assert await names(ledger) == []


async def test_a_reader_whose_transaction_sqlite_has_ended_says_why_it_failed_and_is_whole_again(ledger):
    def fail(turn):
        turn.run("ROLLBACK")
        raise MemoryError

    with pytest.raises(MemoryError):
        await ledger.read(fail)
    assert await names(ledger) == []


async def test_closing_finishes_what_waits_and_then_takes_nothing_more(folder):
    ledger = SqliteLedger(folder / "bridge.db")
    gate, first = await held_up(ledger)
    asked = await in_line(ledger, *(put(f"n{number}") for number in range(300)))
    closing = asyncio.ensure_future(ledger.close())
    await asyncio.sleep(0)
    gate.set()
    await closing
    await asyncio.gather(first, *asked)
    with pytest.raises(Busy):
        await ledger.write(put("late"))
    await ledger.close()

    again = SqliteLedger(folder / "bridge.db")
    assert len(await names(again)) == 300
    await again.close()


async def test_a_closed_ledger_is_one_file_that_may_be_copied(folder):
    ledger = SqliteLedger(folder / "bridge.db")
    await ledger.write(put("a"))
    assert await names(ledger) == ["a"], "a reader is open too"
    await ledger.close()

    assert not (folder / "bridge.db-wal").exists()
    copy = folder / "copy.db"
    copy.write_bytes((folder / "bridge.db").read_bytes())
    again = SqliteLedger(copy)
    assert await names(again) == ["a"]
    await again.close()


async def test_a_second_server_waits_for_the_first_and_then_says_who_holds_it(folder):
    first = SqliteLedger(folder / "bridge.db")
    began = time.monotonic()
    with pytest.raises(LedgerBroken) as refused:
        await asyncio.to_thread(SqliteLedger, folder / "bridge.db", lock_wait_seconds=0.2)
    assert time.monotonic() - began >= 0.2
    assert "bridge.db" in refused.value.detail

    waiting = asyncio.ensure_future(asyncio.to_thread(SqliteLedger, folder / "bridge.db", lock_wait_seconds=5))
    await asyncio.sleep(0.1)
    await first.write(put("a"))
    await first.close()
    second = await waiting
    assert await names(second) == ["a"]
    await second.close()


async def test_another_process_cannot_take_the_file_either(ledger, folder):
    program = (
        "import sys; from pathlib import Path; from bridge.ledger.sqlite import SqliteLedger;"
        f"SqliteLedger(Path({str(folder / 'bridge.db')!r}), lock_wait_seconds=0.1)"
    )
    root = Path(__file__).parent.parent.parent
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, cwd=root)

    assert ended.returncode != 0
    assert "LedgerHeld" in ended.stderr


async def test_the_file_is_as_safe_as_it_says(ledger):
    connection = ledger._writer_connection
    asked = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in
             ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}  # fmt: skip

    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
