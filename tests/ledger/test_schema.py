"""Both databases hold the same tables and refuse the same changes; the schema is brought up to date once."""

import asyncio
import contextlib
import re
import sqlite3

import psycopg
import pytest

from bridge.domain.failures import LedgerBroken
from bridge.ledger import migrate
from bridge.ledger import postgres as module
from bridge.ledger.postgres import PostgresLedger
from tests.support.books import RULE_BROKEN, open_books

ONCE = "INSERT INTO queues (name, turns) VALUES ('x', 1) ON CONFLICT DO NOTHING"
EVERYTHING = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
TABLES = """SELECT table_name FROM information_schema.tables
 WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> 'schema_version'"""
VIEWS = "SELECT table_name FROM information_schema.views WHERE table_schema = 'public'"
COLUMNS = """SELECT column_name, upper(data_type), is_nullable = 'NO' FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position"""
KEYS = """SELECT a.attname FROM pg_index i JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (place, number) ON true
 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.place
 WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY k.number"""
CHECKS = "SELECT count(*) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'"
FOREIGN_KEYS = "SELECT count(*) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'"
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
TRIGGERS = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
COLLATIONS = """SELECT table_name, column_name FROM information_schema.columns
 WHERE table_schema = 'public' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"""

LIFE = (
    "INSERT INTO sites VALUES ('s', 'http://shop.test', 'test', 'mainpay', 1)",
    "INSERT INTO orders (site, ref, version, title, amount, items, facts, buyer_id, buyer_name, buyer_email,"
    " buyer_phone, result_url, retry_url, locale, created_at, changed_at)"
    " VALUES ('s', 'o', 1, 't', 1000, '[]', 'f', '', '', '', '', '', '', '', 1, 1)",
    *(
        "INSERT INTO payments (id, site, order_ref, order_version, token_id, gateway, method, device, state, amount,"
        f" captured, merchant_ref, created_at, changed_at, expires_at, version) VALUES ('{name}', 's', 'o', 1, 't',"
        f" 'mainpay', 'card', 'pc', '{state}', 1000, {captured}, 'ref-{name}', 1, 1, 1, 5)"
        for name, state, captured in (("p", "paid", 1000), ("ended", "declined", 0), ("open", "open", 0))
    ),
    *(
        "INSERT INTO operations (id, site, payment, kind, amount, state, ref, actor, stamp_at, stamp_nonce, owner,"
        f" sent_at, created_at) VALUES ('{name}', 's', 'p', '{kind}', 1000, '{state}', 'r-{name}', 'a', 1, 'n', 'me',"
        " 1, 1)"
        for name, kind, state in (("done", "approve", "ok"), ("refund", "refund", "unknown"), ("undo", "undo", "sent"))
    ),
    "INSERT INTO entries VALUES ('done', 's', 'p', 'capture', 1000, 'E1', 1)",
    "INSERT INTO audit VALUES ('p', 1, 's', 1, 'a', 'e', '', '', '{}', '', 'h')",
    "INSERT INTO notices (id, site, gateway, kind, dedupe, source, raw_sealed, state, received_at)"
    " VALUES ('n', 's', 'mainpay', 'noti', 'd', '', '', 'done', 1)",
    "INSERT INTO news (id, site, payment, seq, type, body, state, created_at, next_try_at)"
    " VALUES ('m', 's', 'p', 1, 't', '{}', 'waiting', 1, 1)",
    "INSERT INTO nonces VALUES ('k', 'n', 1)",
    "INSERT INTO answers (site, idempotency_key, digest, result, created_at) VALUES ('s', 'key', 'd', 'p', 1)",
    "INSERT INTO cases (id, site, payment, reason, detail, state, opened_at)"
    " VALUES ('c', 's', 'p', 'r', '', 'open', 1)",
    "INSERT INTO proposals (id, site, case_id, decision, evidence, maker, made_at, state)"
    " VALUES ('one', 's', 'c', 'paid', 'console', 'wp:7', 1, 'open')",
    "INSERT INTO seals VALUES ('s', 1, 1, 1, '[]', '', 'h')",
)
REFUSED = (
    "UPDATE payments SET state = 'open', version = 6 WHERE id = 'ended'",
    "UPDATE payments SET message = 'same version' WHERE id = 'p'",
    "UPDATE payments SET message = 'lower version', version = 4 WHERE id = 'p'",
    *(
        f"UPDATE payments SET {change}, version = 6 WHERE id = 'open'"
        for change in ("site = 'x'", "order_ref = 'x'", "amount = 999", "gateway = 'x'", "merchant_ref = 'x'")
    ),
    "UPDATE payments SET state = 'nonsense', version = 6 WHERE id = 'open'",
    "UPDATE payments SET state = 'unknown', version = 6 WHERE id = 'open'",  # a second holder of the order
    "UPDATE payments SET refunded = 1, version = 6 WHERE id = 'p'",
    "UPDATE payments SET refunded = 1001, state = 'part_refunded', version = 6 WHERE id = 'p'",
    "UPDATE payments SET state = 'refunded', version = 6 WHERE id = 'p'",
    "UPDATE payments SET captured = 999, version = 6 WHERE id = 'p'",
    "UPDATE payments SET captured = -1, version = 6 WHERE id = 'open'",
    "DELETE FROM payments WHERE id = 'open'",
    "UPDATE operations SET state = 'unknown' WHERE id = 'done'",
    "UPDATE operations SET amount = 0 WHERE id = 'refund'",
    "UPDATE operations SET state = 'nonsense' WHERE id = 'refund'",
    "DELETE FROM operations",
    LIFE[5].replace("'done'", "'more'").replace("'ok'", "'sent'"),  # a second pending operation
    LIFE[7].replace("'undo', 's'", "'more', 's'"),  # a second pending undo
    LIFE[6].replace("'refund', 's'", "'more', 's'").replace("'unknown'", "'fail'"),  # the refund's reference again
    "UPDATE entries SET amount = 1",
    "DELETE FROM entries",
    LIFE[8],
    LIFE[8].replace("'done'", "'x'").replace("1000", "0"),
    LIFE[8].replace("'done'", "'x'").replace("1000", "-1000"),
    LIFE[8].replace("'done'", "'x'").replace("capture", "refund"),
    LIFE[8].replace("'done'", "'x'").replace("'p'", "'nobody'"),
    "UPDATE audit SET actor = 'somebody else'",
    "DELETE FROM audit",
    "DELETE FROM notices",
    *LIFE[9:14],
    LIFE[14].replace("'c'", "'c2'"),
    LIFE[0].replace("'s'", "'s2'"),
    "UPDATE sites SET mode = 'nonsense'",
    LIFE[15].replace("'one'", "'two'"),  # a second open proposal
    LIFE[15].replace("'one'", "'two'").replace("'c'", "'nowhere'"),
    "UPDATE proposals SET state = 'confirmed'",  # by nobody
    "UPDATE proposals SET evidence = ''",
    "DELETE FROM proposals",
    "UPDATE payments SET adopted = 2, version = 6 WHERE id = 'open'",
    "UPDATE payments SET adopted = 1, version = 6 WHERE id = 'open'",  # a second holder of the order
    "UPDATE seals SET at = 2",
    "DELETE FROM seals",
    LIFE[16],
    LIFE[16].replace("'s', 1", "'s', 2").replace("1, 1, '[]'", "1, 0, '[]'"),
    "UPDATE orders SET amount = 0",
    "UPDATE orders SET tax_free = amount + 1",
)


@pytest.fixture
async def books(database):
    ledger = open_books(database)
    for sql in LIFE:
        await ledger.write(lambda turn, sql=sql: turn.run(sql))
    yield ledger
    await ledger.close()


@pytest.fixture
def blank(postgres):
    """The address of a database without tables, gone afterwards."""
    url = postgres.create("blank")
    yield url
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE blank")


async def make(url):
    """Let a database have its tables."""
    await open_books(url).close()


async def test_what_must_not_change_is_refused_by_the_database_itself(books):
    def everything(turn):
        return [dict(row) for table in ("payments", "operations", "entries", "audit") for row in
                turn.all(f"SELECT * FROM {table} ORDER BY 1")]  # fmt: skip

    before = await books.read(everything)
    allowed = []
    for sql in REFUSED:
        with contextlib.suppress(*RULE_BROKEN):
            await books.write(lambda turn, sql=sql: turn.run(sql))
            allowed.append(sql)

    assert allowed == []
    assert await books.read(everything) == before


async def test_what_may_change_still_does(books):
    for sql in (
        "UPDATE payments SET state = 'part_refunded', refunded = 400, version = 6 WHERE id = 'p'",
        "UPDATE payments SET state = 'refunded', refunded = 1000, version = 7 WHERE id = 'p'",
        "UPDATE payments SET state = 'approving', version = 6 WHERE id = 'open'",
        "UPDATE operations SET state = 'ok' WHERE id IN ('refund', 'undo')",
        "INSERT INTO entries VALUES ('refund', 's', 'p', 'refund', -1000, 'E1', 1)",
        "UPDATE cases SET state = 'closed'",
        LIFE[14].replace("'c'", "'c2'"),
    ):
        assert await books.write(lambda turn, sql=sql: turn.run(sql)) >= 1, sql


async def test_both_databases_have_the_same_tables(folder, postgres_database):
    await make(f"sqlite:///{folder / 'bridge.db'}")
    await make(postgres_database)
    with contextlib.closing(sqlite3.connect(folder / "bridge.db")) as small, psycopg.connect(postgres_database) as big:
        made = small.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite%'")
        made = made.fetchall()
        tables = {name: sql for kind, name, _, sql in made if kind == "table"}
        assert {row[0] for row in big.execute(TABLES)} == set(tables)
        assert {row[0] for row in big.execute(VIEWS)} == {name for kind, name, _, _ in made if kind == "view"}
        for table, sql in tables.items():
            columns = small.execute(f"PRAGMA table_info({table})").fetchall()
            keys = [name for place, name in sorted((row[5], row[1]) for row in columns if row[5])]
            assert big.execute(COLUMNS, [table]).fetchall() == [
                (row[1], row[2], bool(row[3]) or bool(row[5])) for row in columns
            ], table
            assert [row[0] for row in big.execute(KEYS, [table])] == keys, table
            assert big.execute(CHECKS, [table]).fetchone()[0] == sql.count("CHECK ("), table
            assert big.execute(FOREIGN_KEYS, [table]).fetchone()[0] == sql.count("REFERENCES"), table
        here = {name: "UNIQUE" in sql for kind, name, _, sql in made if kind == "index"}
        there = {name: "UNIQUE" in sql for name, sql in big.execute(INDEXES) if not name.endswith(("_pkey", "_key"))}
        assert here == there
        triggers = {row[0] for row in big.execute(TRIGGERS)}
        assert {name for kind, name, _, _ in made if kind == "trigger"} == {
            name for name in triggers if not name.endswith("_all_kept")
        }
        kept = ("audit", "entries", "notices", "operations", "payments", "proposals", "seals")
        assert {name for name in triggers if name.endswith("_all_kept")} == {f"{table}_all_kept" for table in kept}


def test_indexes_of_both_are_over_the_same_columns_and_rows():
    def indexes(dialect):
        script = "".join(text for _, text in migrate.migrations(dialect))
        found = re.findall(r"CREATE (?:UNIQUE )?INDEX .*?;", script, re.DOTALL)
        return sorted(" ".join(one.split()) for one in found)

    assert indexes("sqlite") == indexes("postgres")


async def test_text_compares_as_python_compares_it(postgres_database):
    await make(postgres_database)
    with psycopg.connect(postgres_database) as connection:
        assert connection.execute(COLLATIONS).fetchall() == []


async def test_kept_tables_cannot_be_emptied_at_once(postgres_database):
    await make(postgres_database)
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        for table in ("audit", "entries", "notices", "operations CASCADE", "payments CASCADE", "proposals", "seals"):
            with pytest.raises(psycopg.IntegrityError):
                connection.execute(f"TRUNCATE {table}")


async def test_many_processes_that_start_at_once_make_the_schema_once(blank):
    made = await asyncio.gather(*(asyncio.to_thread(PostgresLedger, blank) for _ in range(6)))
    for ledger in made:
        assert await ledger.write(lambda turn: turn.run(ONCE)) == (ledger is made[0])
    with psycopg.connect(blank) as connection:
        assert connection.execute("SELECT number FROM schema_version").fetchall() == [
            (number,) for number, _ in migrate.migrations("postgres")
        ]
    for ledger in made:
        await ledger.close()


async def test_an_older_bridge_refuses_a_newer_database(blank):
    await make(blank)
    with psycopg.connect(blank) as connection:
        connection.execute("INSERT INTO schema_version VALUES (9999)")
    with pytest.raises(LedgerBroken, match="Update the bridge"):
        PostgresLedger(blank)


def test_a_migration_that_breaks_leaves_the_database_as_it_was(blank, monkeypatch):
    known = migrate.migrations("postgres")
    broken = [*known, (known[-1][0] + 1, "CREATE TABLE extra (x int); CREATE TABLE broken (;")]
    monkeypatch.setattr(module, "migrations", lambda _: broken)
    with pytest.raises(psycopg.errors.SyntaxError):
        PostgresLedger(blank)

    with psycopg.connect(blank) as connection:
        assert connection.execute(EVERYTHING).fetchall() == []
