"""Whole books as data, by themselves: what is kept, what progress is told, and what is no backup of these books."""

import io
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from bridge.domain.failures import LedgerBroken
from bridge.ledger import audit
from bridge.ledger.archive import Keys, Reader, RowValues, Table, Writer
from bridge.ledger.books import load, move, verify, write_all
from bridge.ledger.migrate import migrations
from bridge.ledger.sqlite_books import SqliteBooks, new_sqlite, open_sqlite, put_in_place
from tests.ledger.test_rows import AT, ROW

KEYS = Keys(bytes(range(32)))
SCHEMA = migrations("sqlite")[-1][0]
NONCES = 2_500
OF_PROCESSES_AND_PEOPLE = {"owners", "sessions", "login_misses", "schema_version"}


def writer(file: io.BytesIO) -> Writer:
    return Writer(file, KEYS, made_at=1, schema=SCHEMA, source="sqlite", version="1", salt=bytes(16), encrypt=False)


def reader(raw: bytes) -> Reader:
    return Reader(io.BytesIO(raw), KEYS)


def backed_up(path: Path) -> bytes:
    file = io.BytesIO()
    with open_sqlite(path) as books:
        write_all(books, writer(file), lambda _: None)
    return file.getvalue()


@pytest.fixture
def path(folder: Path) -> Path:
    """Books with a site, an audit of two rows, more nonces than are told at once, and something in every table that
    is not kept."""
    with new_sqlite(folder / "old.db", SCHEMA) as books:
        turn = books.turn()
        turn.run("INSERT INTO sites VALUES (?, ?, ?, ?, ?)", *ROW)
        for event in ("a", "b"):
            audit.note(turn, site="s", payment="p", at=AT, actor="us", event=event)
        for number in range(NONCES):
            turn.run("INSERT INTO nonces VALUES ('k', ?, 1)", f"{number:05d}")
        turn.run("INSERT INTO owners (id, beat_at) VALUES ('o', 1)")
        turn.run("INSERT INTO operators VALUES ('o', 'kim', 'x', 'viewer', 1, 'enabled', 0, 0)")
        turn.run("INSERT INTO sessions VALUES ('t', 'o', 1, 1, 1)")
        turn.run("INSERT INTO login_misses VALUES ('w', 1)")
        turn.run("CREATE TABLE schema_version (number BIGINT NOT NULL)")  # as PostgreSQL's books have it
    return folder / "old.db"


def changed(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_what_belongs_to_processes_and_to_people_logged_in_is_not_kept(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        every = {name for (name,) in connection.execute(asked)}
    backup = reader(backed_up(path))

    assert every >= OF_PROCESSES_AND_PEOPLE
    assert verify(backup, lambda _: None).tables.keys() == every - OF_PROCESSES_AND_PEOPLE


def test_progress_is_told_every_thousand_rows_and_at_each_tables_end(path: Path, folder: Path) -> None:
    written: list[int] = []
    with open_sqlite(path) as books:
        manifest = write_all(books, writer(io.BytesIO()), written.append)
        kept = [manifest.tables[table.name].rows for table in books.tables()]
    done, due = 0, []
    for rows in kept:
        due += [number for number in range(done + 1, done + rows + 1) if number % 1_000 == 0]
        done += rows
        due.append(done)
    assert {1_000, 2_000} < set(due)
    assert manifest.rows == done >= NONCES + 3
    assert written == due

    raw = backed_up(path)
    for work in ("verify", "load", "move"):
        told: list[int] = []
        with new_sqlite(folder / f"{work}.db", SCHEMA) as made, open_sqlite(path) as source:
            if work == "verify":
                verify(reader(raw), told.append)
            elif work == "load":
                load(reader(raw), made, told.append)
            else:
                move(source, made, told.append)
        assert told == due, work


def test_books_are_made_of_a_backup_row_by_row_and_its_manifest_is_answered(path: Path, folder: Path) -> None:
    raw = backed_up(path)
    with new_sqlite(folder / "new.db", SCHEMA) as made:
        manifest = load(reader(raw), made, lambda _: None)
    assert manifest == verify(reader(raw), lambda _: None)
    assert manifest.tables["nonces"].rows == NONCES

    with open_sqlite(folder / "new.db") as made, open_sqlite(path) as old:
        for table in made.tables():
            assert list(made.rows(table)) == list(old.rows(table)), table.name


def test_a_row_that_refers_to_none_stops_the_making_of_books(path: Path, folder: Path) -> None:
    file = io.BytesIO()
    with open_sqlite(path) as books:
        wanted = writer(file)
        for table in books.tables():
            astray = [("k1", "nowhere", "x", "active", 1, 1)] if table.name == "site_keys" else []
            wanted.table(table, astray or list(books.rows(table)))
        wanted.finish()
    broken = pytest.raises(LedgerBroken, match="refers to one that is not there")
    with broken, new_sqlite(folder / "new.db", SCHEMA) as made:
        load(reader(file.getvalue()), made, lambda _: None)
    assert not (folder / "new.db").exists()


def test_the_rows_of_each_table_that_was_moved_are_counted(path: Path, folder: Path) -> None:
    with open_sqlite(path) as source, new_sqlite(folder / "new.db", SCHEMA) as made:
        moved = move(source, made, lambda _: None)
        assert moved == {table.name: len(list(source.rows(table))) for table in source.tables()}
    assert any(moved.values())


def test_a_row_that_is_kept_otherwise_than_it_was_read_stops_the_making_of_books(path: Path, folder: Path) -> None:
    class Forgetful(SqliteBooks):
        def fill(self, table: Table, rows: Iterable[RowValues]) -> None:
            super().fill(table, list(rows)[1:] if table.name == "nonces" else rows)

    astray = pytest.raises(LedgerBroken, match="The rows of nonces were not written as they were read")
    with open_sqlite(path) as source, new_sqlite(folder / "new.db", SCHEMA) as made, astray:
        made.__class__ = Forgetful
        move(source, made, lambda _: None)


@pytest.mark.parametrize(
    "table", [Table("strangers", ("id",), ("id",)), Table("meta", ("name",), ("name",))], ids=["unknown", "otherwise"]
)
def test_a_table_that_the_schema_does_not_have_so_is_refused(folder: Path, table: Table) -> None:
    file = io.BytesIO()
    wanted = writer(file)
    wanted.table(table, [("x",)])
    wanted.finish()
    assert verify(reader(file.getvalue()), lambda _: None).rows == 1
    with new_sqlite(folder / "new.db", SCHEMA) as made, pytest.raises(LedgerBroken, match=f"{table.name} is not one"):
        load(reader(file.getvalue()), made, lambda _: None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET event = 'c' WHERE seq = 1",
        "UPDATE audit SET hash = 'x' WHERE seq = 2",
        "UPDATE audit SET previous = '' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 1",
    ],
)
def test_an_audit_that_was_altered_is_neither_verified_nor_moved(path: Path, folder: Path, statement: str) -> None:
    for done in ("DROP TRIGGER audit_fixed", "DROP TRIGGER audit_kept", statement):
        changed(path, done)
    raw = backed_up(path)
    with pytest.raises(LedgerBroken, match="audit of payment p is broken"):
        verify(reader(raw), lambda _: None)
    with new_sqlite(folder / "new.db", SCHEMA) as made, pytest.raises(LedgerBroken, match="audit of payment p"):
        load(reader(raw), made, lambda _: None)
    with new_sqlite(folder / "other.db", SCHEMA) as made, open_sqlite(path) as source, pytest.raises(LedgerBroken):
        move(source, made, lambda _: None)


def test_where_books_cannot_be_put_aside_not_even_their_log_is_taken_from_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk without hard links, on which there is no room to write the log back."""
    lived, path, made = tmp_path / "lived.db", tmp_path / "bridge.db", tmp_path / "made"
    made.touch()
    with closing(sqlite3.connect(lived)) as writing:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("CREATE TABLE entries (amount INTEGER)")
        writing.execute("INSERT INTO entries VALUES (55000)")
        writing.commit()
        for end in ("", "-wal"):  # as a kill leaves them
            Path(f"{path}{end}").write_bytes(Path(f"{lived}{end}").read_bytes())

    def refuse(*_: object) -> None:
        raise PermissionError("there are no hard links")

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "hardlink_to", refuse)
        patch.setattr(sqlite3, "connect", full)
        with pytest.raises(PermissionError):
            put_in_place(made, path, tmp_path / "aside")
    with closing(sqlite3.connect(path)) as again:
        assert again.execute("SELECT amount FROM entries").fetchall() == [(55_000,)]
