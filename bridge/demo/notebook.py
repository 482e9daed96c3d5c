"""What the demo shop remembers: its orders, the payments it was told of, the messages it has heard."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (ref TEXT PRIMARY KEY, ticket TEXT NOT NULL, buyer TEXT NOT NULL, title TEXT NOT NULL,
  amount INTEGER NOT NULL, hold_until INTEGER NOT NULL, made_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS payments (id TEXT PRIMARY KEY, order_ref TEXT NOT NULL REFERENCES orders (ref),
  seq INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, payment TEXT NOT NULL, seq INTEGER NOT NULL,
  type TEXT NOT NULL, body TEXT NOT NULL) STRICT;
"""
_HOLDS_MONEY = ("paid", "part_refunded", "refunded", "awaiting_deposit")


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one ticket: KRW; `hold_until` in unix seconds, `made_at` in milliseconds."""

    ref: str
    ticket: str
    buyer: Mapping[str, str] = field(repr=False)
    title: str
    amount: int
    hold_until: int
    made_at: int


class Notebook:
    """A small SQLite file, used from one thread."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def add_order(self, order: Order) -> None:
        """Keep a new order."""
        buyer = json.dumps(dict(order.buyer), ensure_ascii=False)
        values = (order.ref, order.ticket, buyer, order.title, order.amount, order.hold_until, order.made_at)
        self._connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def order(self, ref: str) -> Order | None:
        """Find an order."""
        row = self._connection.execute("SELECT * FROM orders WHERE ref = ?", (ref,)).fetchone()
        return _order(row) if row else None

    def orders(self, limit: int) -> list[Order]:
        """Read the newest orders."""
        rows = self._connection.execute("SELECT * FROM orders ORDER BY made_at DESC, rowid DESC LIMIT ?", (limit,))
        return [_order(row) for row in rows]

    def extend_hold(self, ref: str, until: int) -> int:
        """Keep an order's seat until then at least (unix seconds); answers until when it is kept."""
        with self._at_once():
            self._connection.execute("UPDATE orders SET hold_until = max(hold_until, ?) WHERE ref = ?", (until, ref))
            row = self._connection.execute("SELECT hold_until FROM orders WHERE ref = ?", (ref,)).fetchone()
        return int(row["hold_until"])

    def apply(self, message_id: str, news: Mapping[str, Any]) -> str:
        """Apply a message once, and only if it is newer than what is known: applied | seen | old."""
        payment, seq = news["payment"], news["seq"]
        with self._at_once():
            if self._connection.execute("SELECT 1 FROM messages WHERE id = ?", (message_id,)).fetchone():
                return "seen"
            values = (message_id, payment["id"], seq, news["type"], json.dumps(payment, ensure_ascii=False))
            self._connection.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", values)
            return "applied" if self._keep(payment, seq) else "old"

    def refresh(self, payment: Mapping[str, Any]) -> None:
        """Keep what the bridge itself just said of a payment, unless something newer is known."""
        with self._at_once():
            row = self._connection.execute("SELECT seq, body FROM payments WHERE id = ?", (payment["id"],)).fetchone()
            if row is None or json.loads(row["body"])["version"] < payment["version"]:
                self._keep(payment, row["seq"] if row else 0)

    def _keep(self, payment: Mapping[str, Any], seq: int) -> bool:
        """Keep a snapshot; its number may only rise, and a refreshed snapshot never falls back."""
        row = self._connection.execute("SELECT seq, body FROM payments WHERE id = ?", (payment["id"],)).fetchone()
        if row is not None and row["seq"] > seq:
            return False
        newer = row is None or json.loads(row["body"])["version"] <= payment["version"]
        body = json.dumps(payment, ensure_ascii=False) if newer else row["body"]
        self._connection.execute(
            "INSERT INTO payments VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, body = excluded.body",
            (payment["id"], payment["order_ref"], seq, body),
        )
        return newer

    def payments(self, order_ref: str) -> list[dict[str, Any]]:
        """Read what is known of an order's payments, oldest first."""
        rows = self._connection.execute("SELECT body FROM payments WHERE order_ref = ? ORDER BY id", (order_ref,))
        return [json.loads(row["body"]) for row in rows]

    def payment(self, order_ref: str) -> dict[str, Any] | None:
        """Give the payment that stands for an order: the one with money, else the newest."""
        found = self.payments(order_ref)
        return next((one for one in found if one["state"] in _HOLDS_MONEY), found[-1] if found else None)

    def told(self, payment: str) -> list[dict[str, Any]]:
        """Read the messages heard of a payment, in sequence: {type, seq, payment: the snapshot it brought}."""
        rows = self._connection.execute(
            "SELECT type, seq, body FROM messages WHERE payment = ? ORDER BY seq", (payment,)
        )
        return [{"type": row["type"], "seq": row["seq"], "payment": json.loads(row["body"])} for row in rows]

    @contextlib.contextmanager
    def _at_once(self) -> Iterator[None]:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield


def _order(row: sqlite3.Row) -> Order:
    return Order(
        ref=row["ref"],
        ticket=row["ticket"],
        buyer=json.loads(row["buyer"]),
        title=row["title"],
        amount=row["amount"],
        hold_until=row["hold_until"],
        made_at=row["made_at"],
    )
