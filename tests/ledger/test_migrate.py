"""Migrations of SQLite: whole or not at all, and never backwards."""

import sqlite3

import pytest

from bridge.domain.failures import LedgerBroken
from bridge.ledger import migrate
from bridge.ledger.look import connect
from bridge.ledger.migrate import split_statements
from bridge.ledger.sqlite import SqliteLedger


def test_an_older_bridge_refuses_a_newer_database(folder):
    made = sqlite3.connect(folder / "bridge.db")
    made.execute("PRAGMA user_version = 9999")
    made.close()
    for _ in range(2):
        with pytest.raises(LedgerBroken) as refused:
            SqliteLedger(folder / "bridge.db", lock_wait_seconds=0.2)
        assert "Update the bridge" in refused.value.detail


def test_a_database_of_an_unreleased_schema_is_refused_before_it_is_used(folder, monkeypatch):
    known = migrate.migrations("sqlite")
    unreleased = [*known[:-1], (known[-1][0], known[-1][1] + "CREATE TABLE tried_out (x);\n")]
    with monkeypatch.context() as then:
        then.setattr(migrate, "migrations", lambda _: unreleased)
        migrate.migrate_sqlite(connect(folder / "bridge.db"))

    with pytest.raises(LedgerBroken) as refused:
        SqliteLedger(folder / "bridge.db", lock_wait_seconds=0.2)
    assert "begin anew" in refused.value.detail
    assert str(folder / "bridge.db") in refused.value.detail


def test_a_migration_is_added_to_what_is_there(folder, monkeypatch):
    migrate.migrate_sqlite(connect(folder / "bridge.db"))
    known = migrate.migrations("sqlite")
    more = [*known, (known[-1][0] + 1, "CREATE TABLE extra (x);\n")]
    monkeypatch.setattr(migrate, "migrations", lambda _: more)
    connection = connect(folder / "bridge.db")
    for _ in range(2):
        migrate.migrate_sqlite(connection)

    assert connection.execute("PRAGMA user_version").fetchone()[0] == more[-1][0]
    connection.execute("SELECT x FROM extra")
    connection.close()


def test_a_migration_that_breaks_leaves_the_database_as_it_was(folder, monkeypatch):
    known = migrate.migrations("sqlite")
    broken = [*known, (known[-1][0] + 1, "CREATE TABLE extra (x);\nCREATE TABLE broken (;\n")]
    monkeypatch.setattr(migrate, "migrations", lambda _: broken)
    connection = connect(folder / "bridge.db")
    with pytest.raises(sqlite3.OperationalError):
        migrate.migrate_sqlite(connection)

    assert connection.execute("PRAGMA user_version").fetchone()[0] == 0
    assert connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0
    connection.close()


def test_statements_are_split_without_breaking_triggers():
    script = "CREATE TABLE a (x);\nCREATE TRIGGER t BEFORE UPDATE ON a\nBEGIN SELECT 1; SELECT 2; END;\nSELECT 1;\n"
    assert len(split_statements(script)) == 3
