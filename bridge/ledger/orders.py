"""Orders as WordPress sent them; the highest version counts."""

import hashlib
import json

from bridge.clock import from_ms, to_ms
from bridge.domain.failures import OrderChanged
from bridge.domain.payment import Buyer, Item, Order
from bridge.ledger.ledger import Row, Turn


def facts(order: Order) -> str:
    """Digest what may not change under one version: the price and what is sold."""
    sold = [order.amount, order.tax_free, [[item.ref, item.amount, item.tax_free] for item in order.items]]
    return hashlib.sha256(json.dumps(sold, ensure_ascii=False).encode()).hexdigest()


def store(turn: Turn, site: str, order: Order, at: int) -> None:
    """Keep an order; `at` in milliseconds.

    Raises OrderChanged for a version lower than seen, or other facts under the same version.
    """
    seen = turn.one("SELECT version, facts FROM orders WHERE site = ? AND ref = ?", site, order.ref)
    if seen and order.version < seen["version"]:
        raise OrderChanged("This order has changed since; reload the page and pay its newest version.")
    digest = facts(order)
    if seen and order.version == seen["version"] and digest != seen["facts"]:
        raise OrderChanged("The order's price or items changed without a new version; raise order.version.")
    if seen:
        _update(turn, site, order, digest, at)
        return
    turn.run(
        "INSERT INTO orders (site, ref, created_at, version, title, amount, tax_free, items, facts, buyer_id,"
        " buyer_name, buyer_email, buyer_phone, result_url, retry_url, locale, hold_expires_at, show_at, changed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(site, order.ref, at),
        *_columns(order, digest, at),
    )


def _update(turn: Turn, site: str, order: Order, digest: str, at: int) -> None:
    turn.run(
        "UPDATE orders SET version = ?, title = ?, amount = ?, tax_free = ?, items = ?, facts = ?, buyer_id = ?,"
        " buyer_name = ?, buyer_email = ?, buyer_phone = ?, result_url = ?, retry_url = ?, locale = ?,"
        " hold_expires_at = ?, show_at = ?, changed_at = ? WHERE site = ? AND ref = ?",
        *_columns(order, digest, at),
        *(site, order.ref),
    )


def _columns(order: Order, digest: str, at: int) -> tuple[object, ...]:
    items = [[item.ref, item.title, item.amount, item.tax_free] for item in order.items]
    return (
        *(order.version, order.title, order.amount, order.tax_free, json.dumps(items, ensure_ascii=False), digest),
        *(order.buyer.id, order.buyer.name, order.buyer.email, order.buyer.phone),
        *(order.result_url, order.retry_url, order.locale),
        to_ms(order.hold_expires_at) if order.hold_expires_at else None,
        to_ms(order.show_at) if order.show_at else None,
        at,
    )


def find(turn: Turn, site: str, ref: str) -> Order | None:
    """Read an order of a site."""
    row = turn.one("SELECT * FROM orders WHERE site = ? AND ref = ?", site, ref)
    return read(row) if row else None


def read(row: Row) -> Order:
    """Turn a row into an order."""
    return Order(
        ref=row["ref"],
        version=row["version"],
        title=row["title"],
        amount=row["amount"],
        tax_free=row["tax_free"],
        items=tuple(Item(*fields) for fields in json.loads(row["items"])),
        buyer=Buyer(row["buyer_name"], row["buyer_email"], row["buyer_phone"], row["buyer_id"]),
        result_url=row["result_url"],
        retry_url=row["retry_url"],
        locale=row["locale"],
        hold_expires_at=from_ms(row["hold_expires_at"]) if row["hold_expires_at"] else None,
        show_at=from_ms(row["show_at"]) if row["show_at"] else None,
    )


def extend_hold(turn: Turn, site: str, ref: str, hold_until: int) -> None:
    """Note that WordPress holds the seats until then (milliseconds)."""
    turn.run("UPDATE orders SET hold_expires_at = ? WHERE site = ? AND ref = ?", hold_until, site, ref)


def touch(turn: Turn, site: str, ref: str, at: int) -> None:
    """Write the order's row: of turns that do, none overlooks another of the same order, wherever they run."""
    turn.run("UPDATE orders SET changed_at = ? WHERE site = ? AND ref = ?", at, site, ref)


def mark_paid_by(turn: Turn, site: str, ref: str, payment: str) -> None:
    """Note which payment paid the order."""
    turn.run("UPDATE orders SET paid_by = ? WHERE site = ? AND ref = ?", payment, site, ref)
