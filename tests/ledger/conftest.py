"""Books with one site and one order, for every test of the ledger."""

import pytest

from bridge.ledger import orders, postgres
from tests.ledger.test_rows import AT, ORDER, ROW
from tests.support.books import open_books
from tests.support.postgres import KeptConnections

KEPT = KeptConnections()


@pytest.fixture
async def books(database, monkeypatch):
    monkeypatch.setattr(postgres, "connect", KEPT.connect)
    ledger = open_books(database)
    await ledger.write(lambda turn: turn.run("INSERT INTO sites VALUES (?, ?, ?, ?, ?)", *ROW))
    await ledger.write(lambda turn: orders.store(turn, "s", ORDER, AT))
    yield ledger
    await ledger.close()
