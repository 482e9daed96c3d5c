"""The audit is sealed; any change of ledger, audit or seals is found: one bit of any column, a row gone or added."""

import asyncio
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from bridge.flows.check_invariants import REST_SECONDS, check_at_boot, check_everything
from bridge.flows.seal_audit import check_all, check_new, seal
from bridge.ledger import audit, checks, seals
from tests.flows.test_orphans import find_money
from tests.support.world import GaveUp

TABLES = {"entries": "entries_fixed", "audit": "audit_fixed", "seals": "seals_fixed"}
ONE_BIT = {
    "entries": "UPDATE entries SET amount = (amount | 1) - (amount & 1) WHERE rowid = (SELECT MIN(rowid) FROM entries)",
    "audit": "UPDATE audit SET actor = CHAR(UNICODE(actor) + 1 - 2 * (UNICODE(actor) & 1)) || SUBSTR(actor, 2)"
    " WHERE rowid = (SELECT MIN(rowid) FROM audit)",
    "seals": "UPDATE seals SET many = (many | 1) - (many & 1) WHERE seq = 1",
}
"""One bit of the oldest row of each."""
BEHIND_THE_START_SECONDS = 300
KEPT = {"entries": "entries_kept", "audit": "audit_kept", "seals": "seals_kept"}


@pytest.fixture
async def sealed(world, declined):
    """A world where money moved, sealed in several seals."""
    paid = await world.buy()
    await world.beat()
    await world.refund(paid.id, 5_000)
    await world.quiet()
    await find_money(world, declined[1].id)
    await world.beat()
    assert not await world.context.ledger.read(seals.are_owed)
    return world


async def breaks(world):
    found, _ = await check_all(world.context)
    return [one.what for one in found]


async def test_whole_books_are_whole(sealed):
    assert await breaks(sealed) == []
    assert await check_new(sealed.context) == (
        [],
        sorted(row["id"] for row in await sealed.all("SELECT id FROM payments UNION SELECT id FROM notices")),
    )
    assert await check_new(sealed.context) == ([], []), "what was checked is not checked again until something is new"
    rows = await sealed.all("SELECT seq, many FROM seals ORDER BY seq")
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert sum(row["many"] for row in rows) == len(await sealed.all("SELECT 1 FROM audit"))


async def test_nothing_new_makes_no_seal(sealed):
    before = await sealed.all("SELECT * FROM seals")
    assert await seal(sealed.context) == 0
    await sealed.beat()
    assert await sealed.all("SELECT * FROM seals") == before


async def test_each_site_has_a_chain_of_its_own(sealed):
    other = await sealed.pair("http://other.test")
    theirs = sealed.order(result_url="http://other.test/r", retry_url=None)
    await sealed.checkout(token=sealed.token(theirs, site=other))
    await sealed.beat()
    rows = await sealed.all("SELECT site, MAX(seq) AS last FROM seals GROUP BY site")
    assert {row["site"]: row["last"] for row in rows}[other.id] == 1
    assert await breaks(sealed) == []


async def test_entries_are_in_the_audit(sealed):
    rows = await sealed.all("SELECT COUNT(*) AS many FROM audit WHERE event = 'ledger.entry'")
    assert rows[0]["many"] == len(await sealed.all("SELECT 1 FROM entries")) == 3


def forge(world, sql, *values):
    """Write past every trigger, as somebody with the file does."""
    with closing(sqlite3.connect(world.settings.database_path)) as books, books:
        for name in (*TABLES.values(), *KEPT.values()):
            books.execute(f"DROP TRIGGER IF EXISTS {name}")
        assert books.execute(sql, values).rowcount > 0, sql


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM entries WHERE rowid = (SELECT MAX(rowid) FROM entries)",
        "DELETE FROM audit WHERE rowid = (SELECT MAX(rowid) FROM audit)",
        "DELETE FROM audit WHERE payment = (SELECT MAX(payment) FROM audit)",
        "DELETE FROM seals WHERE seq = (SELECT MAX(seq) FROM seals)",
        "DELETE FROM seals",
        "DELETE FROM seals WHERE seq = 1",
        "INSERT INTO entries SELECT cause || 'x', site, payment, kind, amount, evidence, at FROM entries LIMIT 1",
        "INSERT INTO audit SELECT payment || 'x', seq, site, at, actor, event, was, became, detail, previous, hash"
        " FROM audit WHERE seq = 1 LIMIT 1",
        "UPDATE meta SET value = '1:abc' WHERE name LIKE 'sealed:%'",
        "UPDATE entries SET payment = (SELECT MIN(id) FROM payments) WHERE kind = 'refund'",
        "INSERT INTO entries SELECT cause || 'x', site, '', kind, amount, evidence, at FROM entries LIMIT 1",
    ],
)
async def test_rows_that_are_gone_or_added_are_found(sealed, sql):
    forge(sealed, sql)
    assert await breaks(sealed) != []


@pytest.mark.sqlite
async def test_a_row_that_is_gone_before_its_seal_is_found(sealed):
    await sealed.buy()
    forge(sealed, "DELETE FROM audit WHERE rowid = (SELECT MAX(rowid) FROM audit)")
    assert await breaks(sealed) != []
    await seal(sealed.context)
    assert await breaks(sealed) != [], "and the seal does not cover it up"


@pytest.mark.sqlite
async def test_a_chain_written_anew_with_right_hashes_does_not_fit_its_seal(sealed):
    """Who can write the file can hash, but has not the key that seals are made with."""
    with closing(sqlite3.connect(sealed.settings.database_path)) as books, books:
        books.row_factory = sqlite3.Row
        for name in TABLES.values():
            books.execute(f"DROP TRIGGER {name}")
        payment = books.execute("SELECT payment FROM entries LIMIT 1").fetchone()[0]
        previous = ""
        for row in books.execute("SELECT * FROM audit WHERE payment = ? ORDER BY seq", [payment]).fetchall():
            values = [row[name] for name in audit.COLUMNS]
            values[4], values[9] = "somebody else", previous
            previous = audit.hash_of(values)
            books.execute(
                "UPDATE audit SET actor = ?, previous = ?, hash = ? WHERE payment = ? AND seq = ?",
                [values[4], values[9], previous, payment, row["seq"]],
            )
    assert any("is not the one that seal" in what for what in await breaks(sealed))


@pytest.mark.sqlite
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(choice=some.data())
async def test_any_bit_of_any_column_is_found(sealed, choice):
    """By the same check that runs at boot and nightly."""
    path = sealed.settings.database_path
    with closing(sqlite3.connect(path)) as books:
        table = choice.draw(some.sampled_from(sorted(TABLES)))
        columns = [row[1] for row in books.execute(f"PRAGMA table_info({table})")]
        column = choice.draw(some.sampled_from(columns))
        many = books.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        place = choice.draw(some.integers(0, many - 1))
        rowid, value = books.execute(f"SELECT rowid, {column} FROM {table} LIMIT 1 OFFSET ?", [place]).fetchone()
    flipped = flip(value, choice)
    if flipped is None:
        return
    try:
        forge_one(path, table, column, rowid, flipped)
    except sqlite3.IntegrityError:
        return  # the database itself refuses it
    try:
        assert await found_anything(sealed), f"{table}.{column} {value!r} -> {flipped!r}"
    finally:
        forge_one(path, table, column, rowid, value)
    with closing(sqlite3.connect(path)) as books:
        kept = books.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", [rowid]).fetchone()
    assert kept == (value,), "what the next example finds is its own"


@pytest.mark.sqlite
@pytest.mark.parametrize("table", sorted(TABLES))
async def test_a_text_that_became_bytes_is_found_in_any_column(sealed, table):
    """One bit of a record's header tells a text from bytes of the same length; nothing of what they hold is altered."""
    path = sealed.settings.database_path
    with closing(sqlite3.connect(path)) as books:
        columns = [row[1] for row in books.execute(f"PRAGMA table_info({table})")]
        rowid, *values = books.execute(f"SELECT rowid, * FROM {table} ORDER BY rowid DESC LIMIT 1").fetchone()
    for column, value in zip(columns, values, strict=True):
        forge_one(path, table, column, rowid, memoryview(str(value).encode()))
        assert await found_anything(sealed), f"{table}.{column}"
        forge_one(path, table, column, rowid, value)
        assert await breaks(sealed) == []


@pytest.mark.sqlite
@pytest.mark.parametrize("table", sorted(ONE_BIT))
async def test_a_bit_of_what_was_checked_long_ago_is_found_right_behind_the_start(sealed, table):
    """The look before the first payment is at what is new; that at everything waits for no night and no new row."""
    await check_new(sealed.context)
    forge(sealed, ONE_BIT[table])
    await sealed.restart()
    assert (await check_at_boot(sealed.context)).found == (), "its marks say that all of it was checked already"
    async with sealed.app.router.lifespan_context(sealed.app):
        began_at = sealed.clock.boot
        while not sealed.gave_up and sealed.clock.boot < began_at + BEHIND_THE_START_SECONDS:
            await sealed.clock.forward(REST_SECONDS)
            await asyncio.sleep(0.001)  # the ledger's threads are real
        assert [why.partition(":")[0] for why in sealed.gave_up] == ["I15"]
        alarms = await sealed.all("SELECT name FROM alarms WHERE ended_at IS NULL")
        assert "invariant I15" in {row["name"] for row in alarms}
    await sealed.start()


def flip(value, choice):
    """Flip one bit of a value; None where there is none."""
    if isinstance(value, int):
        return value ^ (1 << choice.draw(some.integers(0, 40)))
    raw = bytearray(str(value).encode())
    if not raw:
        return None
    bit = choice.draw(some.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << (bit % 8)
    return bytes(raw)


def forge_one(path, table, column, rowid, value):
    with closing(sqlite3.connect(path)) as books, books:
        books.execute("PRAGMA ignore_check_constraints = ON")
        books.execute("PRAGMA synchronous = OFF")
        books.execute(f"DROP TRIGGER IF EXISTS {TABLES[table]}")
        text = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
        books.execute(f"UPDATE {table} SET {column} = {text} WHERE rowid = ?", [value, rowid])


async def found_anything(world):
    try:
        await check_everything(world.context, rest_seconds=0)
    except GaveUp as error:
        return "I15" in {rule for rule, _, _ in (await last_check(world)).found} and bool(str(error))
    return False


async def last_check(world):
    return await world.context.ledger.read(lambda turn: checks.last(turn, full=True))
