"""The same promises on PostgreSQL: whole turns, run again when they collide, never after a commit nobody heard of."""

import asyncio
import signal
import threading
import time

import psycopg
import pytest

from bridge.cli import doctor
from bridge.domain.failures import Busy, Conflict, LedgerBroken
from bridge.ledger import postgres as module
from bridge.ledger import queues
from bridge.ledger.postgres import PostgresLedger, look_at
from tests.support.postgres import empty, running_server


@pytest.fixture
async def ledger(postgres_database):
    empty(postgres_database)
    made = PostgresLedger(postgres_database)
    yield made
    await made.close()


def put(name, value="1"):
    return lambda turn: turn.run("INSERT INTO meta (name, value) VALUES (?, ?)", name, value)


async def names(ledger):
    rows = await ledger.read(lambda turn: turn.all("SELECT name FROM meta ORDER BY name"))
    return [row["name"] for row in rows]


def end_connection(turn, url):
    """Cut the connection this turn is running on, as a server that goes away does."""
    pid = turn.one("SELECT pg_backend_pid() AS pid")["pid"]
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            time.sleep(0.001)


async def test_what_a_turn_answers_comes_back(ledger):
    assert await ledger.write(put("a")) == 1
    row = await ledger.read(lambda turn: turn.one("SELECT value FROM meta WHERE name = ?", "a"))
    assert row["value"] == "1"
    assert await ledger.read(lambda turn: turn.one("SELECT 1 FROM meta WHERE name = 'b'")) is None


async def test_a_new_thread_goes_on_with_what_another_has_ended_with_where_nothing_can_be_opened(ledger, monkeypatch):
    """A pool begins a thread while its others are only about to be idle; a process may have no descriptor left."""

    def full(_):
        raise psycopg.OperationalError("too many open files")

    await ledger.write(put("a"))
    monkeypatch.setattr(module, "connect", full)
    until = time.monotonic() + 0.2
    assert await asyncio.to_thread(ledger._insist, put("b"), False, until) == 1
    with pytest.raises(Busy):  # there is no connection that reads yet
        await asyncio.to_thread(ledger._insist, put("c"), True, until)


async def test_no_two_turns_of_one_moment_are_on_one_connection(ledger):
    began = threading.Barrier(4)

    def name(turn):
        began.wait(10)
        return turn.one("SELECT pg_backend_pid() AS pid")["pid"]

    for _ in range(3):
        assert len(set(await asyncio.gather(*(ledger.write(name) for _ in range(4))))) == 4


async def test_it_names_the_server_it_is_on_and_leaves_the_servers_files_to_it(ledger, postgres_database):
    assert ledger.engine == f"PostgreSQL {look_at(postgres_database).version}"
    assert await ledger.examine() is None


async def test_whoever_hears_of_a_turn_finds_it_committed(ledger, postgres_database):
    with psycopg.connect(postgres_database, autocommit=True) as other:

        async def write(number):
            await ledger.write(put(f"n{number}"))
            return other.execute("SELECT COUNT(*) FROM meta WHERE name = %s", [f"n{number}"]).fetchone()[0]

        assert await asyncio.gather(*(write(number) for number in range(200))) == [1] * 200


async def test_a_turn_that_fails_leaves_nothing(ledger):
    def fails(turn):
        turn.run("INSERT INTO meta (name, value) VALUES ('half', '1')")
        raise Conflict("no")

    def stops(turn):
        turn.run("INSERT INTO meta (name, value) VALUES ('stopped', '1')")
        return next(iter(()))

    asked = [ledger.write(work) for work in (put("a"), fails, put("b"), stops)]
    results = await asyncio.gather(*asked, return_exceptions=True)

    assert results[0] == results[2] == 1
    assert isinstance(results[1], Conflict)
    assert isinstance(results[3], Exception)
    assert await names(ledger) == ["a", "b"]


async def test_turns_that_change_the_same_row_lose_nothing(ledger):
    """Each reads what it adds to: on a moment that is over, every other addition would be lost."""
    await ledger.write(put("sum", "0"))

    def add(turn):
        value = int(turn.one("SELECT value FROM meta WHERE name = 'sum'")["value"])
        return turn.run("UPDATE meta SET value = ? WHERE name = 'sum'", str(value + 1))

    await asyncio.gather(*(ledger.write(add) for _ in range(200)))

    row = await ledger.read(lambda turn: turn.one("SELECT value FROM meta WHERE name = 'sum'"))
    assert row["value"] == "200"


async def test_turns_that_line_up_see_what_the_others_added(ledger):
    """A decision about a count, which no row of the turn's own guards: at most three, however many ask at once."""

    def at_most_three(turn, number):
        queues.line_up(turn, "three")
        if turn.one("SELECT COUNT(*) AS many FROM meta")["many"] >= 3:
            raise Conflict("enough")
        put(f"n{number}")(turn)

    asked = [ledger.write(lambda turn, number=number: at_most_three(turn, number)) for number in range(50)]
    results = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(result is None for result in results) == 3
    assert sum(isinstance(result, Conflict) for result in results) == 47


async def test_of_many_who_add_the_same_row_one_does_and_the_others_say_so_themselves(ledger):
    def once(turn):
        if turn.one("SELECT 1 FROM meta WHERE name = 'nonce'"):
            raise Conflict("used before")
        time.sleep(0.01)
        return put("nonce")(turn)

    results = await asyncio.gather(*(ledger.write(once) for _ in range(20)), return_exceptions=True)

    assert results.count(1) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 19


async def test_a_duplicate_that_is_no_collision_is_a_broken_rule_and_quotes_no_value(ledger):
    await ledger.write(put("secret name"))
    runs = []

    def again(turn):
        runs.append(1)
        return put("secret name")(turn)

    with pytest.raises(psycopg.IntegrityError) as broken:
        await ledger.write(again)

    assert len(runs) == 3
    assert "meta_pkey" in str(broken.value)
    assert "secret name" not in str(broken.value)


async def test_turns_that_wait_for_each_other_both_happen(ledger):
    """A deadlock: the server ends one of the two, and it is run again."""
    await asyncio.gather(ledger.write(put("a", "0")), ledger.write(put("b", "0")))
    both = threading.Barrier(2, timeout=10)
    first_time = {"ab": True, "ba": True}

    def change(turn, order):
        turn.run("UPDATE meta SET value = value || ? WHERE name = ?", order[0], order[0])
        if first_time.pop(order, False):
            both.wait()
        turn.run("UPDATE meta SET value = value || ? WHERE name = ?", order[0], order[1])

    await asyncio.gather(*(ledger.write(lambda turn, order=order: change(turn, order)) for order in ("ab", "ba")))

    rows = await ledger.read(lambda turn: turn.all("SELECT value FROM meta"))
    assert [len(row["value"]) for row in rows] == [3, 3]


async def test_a_connection_lost_before_the_commit_costs_nothing(ledger, postgres_database):
    runs = []

    def work(turn):
        runs.append(put("a")(turn))
        if len(runs) == 1:
            end_connection(turn, postgres_database)
        return put("b")(turn)

    assert await ledger.write(work) == 1
    assert len(runs) == 2
    assert await names(ledger) == ["a", "b"]


async def test_a_connection_cut_when_only_the_commit_is_left_is_not_told_as_nothing_written(ledger, postgres_database):
    runs = []

    def work(turn):
        runs.append(put("a")(turn))
        end_connection(turn, postgres_database)

    with pytest.raises(LedgerBroken, match="look whether"):
        await ledger.write(work)

    assert len(runs) == 1
    assert await ledger.write(put("b")) == 1


async def test_a_commit_whose_answer_was_lost_is_never_run_again(ledger, monkeypatch):
    commit = psycopg.Connection.commit
    runs = []

    def deaf(self):
        commit(self)
        self.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    def work(turn):
        runs.append(put("a")(turn))

    monkeypatch.setattr(psycopg.Connection, "commit", deaf)
    with pytest.raises(LedgerBroken):
        await ledger.write(work)
    monkeypatch.undo()

    assert len(runs) == 1
    assert await names(ledger) == ["a"]


async def test_a_commit_the_server_refuses_is_busy(ledger, monkeypatch):
    commit = psycopg.Connection.commit

    def full(self):
        self.rollback()
        raise psycopg.errors.DiskFull("could not extend file")

    monkeypatch.setattr(psycopg.Connection, "commit", full)
    with pytest.raises(Busy, match="nothing was written"):
        await ledger.write(put("a"))
    monkeypatch.setattr(psycopg.Connection, "commit", commit)

    assert await names(ledger) == []


async def test_a_row_that_is_not_let_go_is_busy(postgres_database, monkeypatch):
    monkeypatch.setattr(module, "_SESSION", (*module._SESSION, "SET lock_timeout = '50ms'"))
    empty(postgres_database)
    ledger = PostgresLedger(postgres_database)
    await ledger.write(put("a"))
    with psycopg.connect(postgres_database) as other:
        other.execute("UPDATE meta SET value = '2'")
        with pytest.raises(Busy):
            await ledger.write(lambda turn: turn.run("UPDATE meta SET value = '3'"))
        other.rollback()

    assert await ledger.write(lambda turn: turn.run("UPDATE meta SET value = '3'")) == 1
    await ledger.close()


async def test_a_statement_that_takes_too_long_is_busy(postgres_database, monkeypatch):
    monkeypatch.setattr(module, "_SESSION", (*module._SESSION, "SET statement_timeout = '50ms'"))
    ledger = PostgresLedger(postgres_database)
    for run in (ledger.write, ledger.read):
        with pytest.raises(Busy):
            await run(lambda turn: turn.one("SELECT pg_sleep(5)"))
    await ledger.close()


async def test_a_process_that_stops_within_a_turn_blocks_nobody_and_runs_it_again(postgres_database, monkeypatch):
    monkeypatch.setattr(module, "_SESSION", (*module._SESSION, "SET idle_in_transaction_session_timeout = '50ms'"))
    empty(postgres_database)
    stopped, other = PostgresLedger(postgres_database), PostgresLedger(postgres_database)
    await other.write(put("a", "0"))
    runs = []

    def work(turn):
        value = turn.one("SELECT value FROM meta")["value"]
        runs.append(turn.run("UPDATE meta SET value = ?", f"{value} stopped"))
        if len(runs) == 1:
            time.sleep(0.5)

    stopping = asyncio.ensure_future(stopped.write(work))
    await asyncio.sleep(0.1)
    await other.write(lambda turn: turn.run("UPDATE meta SET value = '0 other'"))
    await stopping

    row = await other.read(lambda turn: turn.one("SELECT value FROM meta"))
    assert (row["value"], len(runs)) == ("0 other stopped", 2)
    await stopped.close()
    await other.close()


async def test_a_waiter_that_goes_away_does_not_cancel_its_turn(ledger):
    gate = threading.Event()
    held = [asyncio.ensure_future(ledger.write(lambda _: gate.wait(10))) for _ in range(module.WRITERS)]
    await asyncio.sleep(0.05)
    leaving = asyncio.ensure_future(ledger.write(put("left")))
    await asyncio.sleep(0.01)
    leaving.cancel()
    gate.set()
    await asyncio.gather(*held)
    await ledger.close()

    again = PostgresLedger(ledger._url)
    assert await names(again) == ["left"]
    await again.close()


async def test_a_reader_cannot_write(ledger):
    for sql in ("INSERT INTO meta VALUES ('a', '1')", "DELETE FROM meta", "DROP TABLE meta"):
        with pytest.raises(psycopg.Error, match="25006"):
            await ledger.read(lambda turn, sql=sql: turn.run(sql))

    assert await names(ledger) == []


async def test_a_reader_sees_one_moment_and_never_half_a_turn(ledger):
    def two(turn, number):
        put(f"a{number}")(turn)
        put(f"b{number}")(turn)

    def count(turn):
        first = turn.one("SELECT COUNT(*) AS many FROM meta")["many"]
        time.sleep(0.001)
        return first, turn.one("SELECT COUNT(*) AS many FROM meta")["many"]

    writing = [ledger.write(lambda turn, number=number: two(turn, number)) for number in range(60)]
    reading = [ledger.read(count) for _ in range(60)]
    results = await asyncio.gather(*writing, *reading)

    for seen in results[60:]:
        assert seen[0] == seen[1]
        assert seen[0] % 2 == 0


async def test_closing_finishes_what_waits_and_then_takes_nothing_more(postgres_database):
    empty(postgres_database)
    ledger = PostgresLedger(postgres_database)
    asked = [asyncio.ensure_future(ledger.write(put(f"n{number}"))) for number in range(100)]
    await asyncio.sleep(0)
    await ledger.close()
    await asyncio.gather(*asked)
    for refused in (ledger.write, ledger.read):
        with pytest.raises(Busy):
            await refused(put("late"))
    await ledger.close()

    again = PostgresLedger(postgres_database)
    assert len(await names(again)) == 100
    await again.close()


async def test_text_may_hold_what_postgres_has_no_room_for(ledger):
    await ledger.write(put("a\0b", "50 % of '?'"))
    row = await ledger.read(lambda turn: turn.one("SELECT * FROM meta WHERE value LIKE '50 %'"))

    assert dict(row) == {"name": "a\N{REPLACEMENT CHARACTER}b", "value": "50 % of '?'"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_restarts_is_busy_meanwhile_and_loses_nothing(how, monkeypatch):
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.3)
    with running_server() as server:
        ledger = PostgresLedger(server.create("bridge"))
        results: dict[int, object] = {}
        ended = False

        async def write(first):
            number = first
            while not ended:
                try:
                    results[number] = await ledger.write(put(f"n{number:06}"))
                except (Busy, LedgerBroken) as error:
                    results[number] = error
                number += 4

        writing = [asyncio.ensure_future(write(first)) for first in range(4)]
        await asyncio.sleep(0.3)
        await asyncio.to_thread(server.stop, how)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(server.start)
        await asyncio.sleep(0.5)
        ended = True
        await asyncio.gather(*writing)
        kept = set(await names(ledger))
        last = max(results)
        await ledger.close()

    told = {f"n{number:06}" for number, result in results.items() if result == 1}
    unsure = {f"n{number:06}" for number, result in results.items() if isinstance(result, LedgerBroken)}
    assert told <= kept <= told | unsure
    assert any(isinstance(result, Busy) for result in results.values())
    assert results[last] == 1, "fine again"


async def test_a_server_that_is_back_soon_is_waited_for():
    with running_server() as server:
        ledger = PostgresLedger(server.create("bridge"))
        await ledger.write(put("before"))
        await asyncio.to_thread(server.stop)
        writing = asyncio.ensure_future(ledger.write(put("meanwhile")))
        await asyncio.sleep(0.2)
        assert not writing.done()
        await asyncio.to_thread(server.start)

        assert await writing == 1
        assert await names(ledger) == ["before", "meanwhile"]
        await ledger.close()


def test_a_database_that_is_not_there_is_said_at_the_start(postgres):
    for use in (PostgresLedger, look_at):
        with pytest.raises(LedgerBroken, match="cannot be used") as refused:
            use(postgres.url("nowhere"))
        assert "nowhere" in refused.value.detail


async def test_sessions_are_as_safe_as_they_say(ledger, postgres_database):
    wanted = {
        "synchronous_commit": "on",
        "fsync": "on",
        "transaction_isolation": "repeatable read",
        "lock_timeout": "5s",
        "statement_timeout": "10s",
        "idle_in_transaction_session_timeout": "10s",
        "client_encoding": "UTF8",
    }
    found = await ledger.write(lambda turn: {name: turn.one(f"SHOW {name}")[name] for name in wanted})

    assert found == wanted
    assert look_at(postgres_database).safety == {"fsync": "on", "full_page_writes": "on"}


class Ended(Exception):
    """The process has ended."""


def end(status):
    raise Ended(status)


async def test_after_two_breaks_within_a_minute_whoever_starts_only_reads_and_says_why(
    ledger, postgres_database, monkeypatch
):
    monkeypatch.setattr(module.os, "_exit", end)
    await ledger.write(put("a"))
    for many in (1, 2):
        with pytest.raises(Ended):
            ledger.give_up("I3 is\nbroken")
        again = PostgresLedger(postgres_database)
        assert again.read_only == again.refusal() == ("" if many == 1 else "I3 is broken")
        if many == 2:
            with pytest.raises(LedgerBroken, match="read only: I3 is broken"):
                await again.write(put("b"))
            assert "b" not in await names(again)
        await again.close()

    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + 61)
    later = PostgresLedger(postgres_database)
    assert later.read_only == "", "a minute after the last break one starts as ever"
    await later.write(put("b"))
    await later.close()


async def test_a_break_that_no_server_takes_ends_the_process_all_the_same(ledger, monkeypatch):
    monkeypatch.setattr(module.os, "_exit", end)
    monkeypatch.setattr(module, "connect", lambda url: (_ for _ in ()).throw(psycopg.OperationalError("away")))
    with pytest.raises(Ended):
        ledger.give_up("I3 is broken")


@pytest.mark.parametrize(("ahead", "verdict", "says"), [(20, "warn", "20 s ahead of"), (-20, "warn", "20 s behind"),
                                                        (2, "pass", "the same time")])  # fmt: skip
def test_a_machine_whose_clock_differs_from_the_servers_is_told_to_keep_ntp_running(
    postgres_database, monkeypatch, ahead, verdict, says
):
    now = time.time
    monkeypatch.setattr(module.time, "time", lambda: now() + ahead)
    found = doctor._clock(look_at(postgres_database).ahead_seconds)
    assert (found["verdict"], says in found["what"]) == (verdict, True)
    assert ("keep NTP running" in found["what"]) is (verdict == "warn")
