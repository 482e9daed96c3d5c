"""Whole books: read in one moment, row by row and in the order of their keys, from either database into either."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from bridge.domain.failures import LedgerBroken
from bridge.ledger import audit
from bridge.ledger.archive import Counted, Manifest, Reader, RowValues, Table, Writer, encode
from bridge.ledger.ledger import Turn

TOLD_EVERY_ROWS = 1000
NOT_KEPT = frozenset({"owners", "sessions", "login_misses", "schema_version"})
"""What belongs to running processes and to people logged in: it is neither backed up nor moved."""
Progress = Callable[[int], None]
"""Is told how many rows are done so far."""


class Books(Protocol):
    """Books at one moment. `schema` is the number of the last migration they had, `kind` sqlite or postgres."""

    @property
    def kind(self) -> str: ...
    @property
    def schema(self) -> int: ...

    def tables(self) -> list[Table]:
        """List the tables, a table after those it refers to."""
        ...

    def count(self, table: Table) -> int:
        """Count a table's rows."""
        ...

    def rows(self, table: Table) -> Iterator[RowValues]:
        """Read a table's rows in the order of its key."""
        ...

    def turn(self) -> Turn:
        """Give the transaction in which they are read or made."""
        ...


class NewBooks(Books, Protocol):
    """Books being made, which nobody else sees before they are whole."""

    def fill(self, table: Table, rows: Iterable[RowValues]) -> None:
        """Write rows into an empty table."""
        ...

    def upgrade(self) -> None:
        """Bring the schema up to date."""
        ...

    def storable(self, row: RowValues) -> RowValues:
        """Give a row as this database can keep it."""
        ...

    def check(self) -> None:
        """Check what the database itself can check. Raises LedgerBroken."""
        ...


def write_all(books: Books, writer: Writer, told: Progress) -> Manifest:
    """Write whole books into a backup."""
    count = _Count(told)
    for table in books.tables():
        writer.table(table, count.each(books.rows(table)))
    return writer.finish()


def verify(reader: Reader, told: Progress) -> Manifest:
    """Read a backup to its end: seal, counts, hashes, and every audit chain. Raises LedgerBroken."""
    count = _Count(told)
    for table, rows in reader.tables():
        for _ in count.each(_chained(table, rows)):
            pass
    assert reader.manifest is not None, "a backup read to its end has its manifest"
    return reader.manifest


def load(reader: Reader, books: NewBooks, told: Progress) -> Manifest:
    """Fill new books from a backup, and compare every row by its hash. Raises LedgerBroken; nothing is then kept."""
    own = {table.name: table for table in books.tables()}
    count = _Count(told)
    for table, rows in reader.tables():
        if table.name not in own or set(table.columns) != set(own[table.name].columns):
            raise LedgerBroken(f"The backup's table {table.name} is not one of schema {books.schema}.")
        _fill(books, Table(table.name, table.columns, own[table.name].key), count.each(_chained(table, rows)))
    books.check()
    assert reader.manifest is not None, "a backup read to its end has its manifest"
    return reader.manifest


def move(source: Books, target: NewBooks, told: Progress) -> dict[str, int]:
    """Copy whole books into another database and compare every row by its hash; answers the rows of each table.

    Raises LedgerBroken; nothing is then kept.
    """
    count = _Count(told)
    moved = {
        table.name: _fill(target, table, count.each(_chained(table, source.rows(table)))) for table in source.tables()
    }
    target.check()
    return moved


class _Count:
    """Counts rows as they pass."""

    def __init__(self, told: Progress) -> None:
        self._told = told
        self._done = 0

    def each(self, rows: Iterable[RowValues]) -> Iterator[RowValues]:
        for row in rows:
            yield row
            self._done += 1
            if self._done % TOLD_EVERY_ROWS == 0:
                self._told(self._done)
        self._told(self._done)


def _fill(books: NewBooks, table: Table, rows: Iterable[RowValues]) -> int:
    digest, count = hashlib.sha256(), 0

    def hashed() -> Iterator[RowValues]:
        nonlocal count
        for row in rows:
            kept = books.storable(row)
            digest.update(encode(kept) + b"\n")
            count += 1
            yield kept

    books.fill(table, hashed())
    if _counted(books, table) != Counted(list(table.columns), list(table.key), count, digest.hexdigest()):
        raise LedgerBroken(f"The rows of {table.name} were not written as they were read; nothing was kept.")
    return count


def _counted(books: Books, table: Table) -> Counted:
    digest, count = hashlib.sha256(), 0
    for row in books.rows(table):
        digest.update(encode(row) + b"\n")
        count += 1
    return Counted(list(table.columns), list(table.key), count, digest.hexdigest())


def _chained(table: Table, rows: Iterable[RowValues]) -> Iterator[RowValues]:
    """Pass rows on; those of the audit only as far as each chain is whole."""
    if table.name != "audit":
        yield from rows
        return
    places = [table.columns.index(name) for name in (*audit.COLUMNS, "hash")]
    payment, seq, previous = None, 0, ""
    for row in rows:
        values = tuple(row[place] for place in places)
        seq, previous = (seq + 1, previous) if values[0] == payment else (1, "")
        payment = values[0]
        if values[1] != seq or values[9] != previous or values[10] != audit.hash_of(values[:10]):
            raise LedgerBroken(f"The audit of payment {payment} is broken at row {seq}.")
        previous = str(values[10])
        yield row
