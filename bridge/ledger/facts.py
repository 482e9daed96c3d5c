"""The facts the invariants look at: everything of a payment, read in one moment."""

import json
from collections.abc import Callable, Iterable

from bridge.domain.invariants import Deed, Entry, Facts, News
from bridge.domain.machine import Kind, Step
from bridge.ledger import payments
from bridge.ledger.ledger import Row, Turn

Patience = Callable[[str, str], float]
"""Tells how many seconds a gateway (of a site) may leave an outcome unknown."""
ON_THEIR_WAY = "('new', 'readying', 'approving', 'unknown', 'voiding', 'needs_human')"
_TEXTS = {
    "calls": ("request", "response", "why"),
    "news": ("body",),
    "audit": ("detail",),
    "cases": ("detail",),
    "operations": ("reason", "message", "refs"),
}


def read(turn: Turn, payment_id: str, *, at: int, patience: Patience) -> Facts | None:
    """Read a payment's facts, whatever its site; `at` in milliseconds. None where there is no such payment."""
    row = turn.one("SELECT * FROM payments WHERE id = ?", payment_id)
    if row is None:
        return None
    payment = payments.read(row)
    rows = {name: _of(turn, name, payment_id) for name in ("operations", "entries", "audit", "news", "cases", "calls")}
    sent = _sent(rows["calls"])
    keys = [one["idempotency_key"] for one in rows["operations"] if one["idempotency_key"]]
    return Facts(
        payment=payment,
        began_with=_began_with(rows["audit"], payment.amount),
        everyone=payments.of_order(turn, payment.site, payment.order_ref),
        deeds=[_deed(one, at, sent) for one in rows["operations"]],
        entries=[Entry(one["cause"], one["kind"], one["amount"], one["evidence"]) for one in rows["entries"]],
        moves=[(one["was"], one["became"]) for one in rows["audit"]],
        news=[News(one["seq"], one["type"]) for one in rows["news"]],
        cases=[(one["reason"], one["state"]) for one in rows["cases"]],
        keys={key: _made(turn, payment.site, key) for key in keys},
        sites=frozenset(one["site"] for many in rows.values() for one in many),
        texts=list(_texts(rows)),
        seen_before=row["news_seq"],
        seconds_in_state=max(0, at - row["changed_at"]) / 1000,
        human_after_seconds=patience(payment.site, payment.gateway),
        notices_kept=_count(turn, payment_id),
    )


def under_way(turn: Turn, limit: int, after: str = "") -> list[str]:
    """List the payments that are on their way, or have an operation without outcome that is not left alone for good.

    In the order of their ids, after one: their ids begin with the time at which they were begun, so the oldest first.
    """
    rows = turn.all(
        f"SELECT id FROM payments WHERE state IN {ON_THEIR_WAY} AND id > ?"  # noqa: S608 - a list of ours
        " UNION SELECT payment AS id FROM operations WHERE state IN ('sent', 'unknown', 'needs_human')"
        " AND NOT (kind = 'withdraw' AND next_try_at IS NULL) AND payment > ? ORDER BY id LIMIT ?",
        *(after, after, limit),
    )
    return [row["id"] for row in rows]


def page(turn: Turn, after: str, limit: int) -> list[str]:
    """List payments in the order of their ids, after one."""
    return [row["id"] for row in turn.all("SELECT id FROM payments WHERE id > ? ORDER BY id LIMIT ?", after, limit)]


def late_notices(turn: Turn, before: int) -> list[Row]:
    """Read the notices that were received before then (milliseconds) and had no effect yet; not those that wait for the
    people of whose operation a case tells."""
    return turn.all(
        "SELECT id, payment, received_at FROM notices WHERE state = 'pending' AND received_at < ? AND NOT EXISTS"
        " (SELECT 1 FROM operations AS o WHERE o.payment = notices.payment AND o.state = 'needs_human') LIMIT 100",
        before,
    )


def _of(turn: Turn, table: str, payment: str) -> list[Row]:
    order = {"audit": "seq", "news": "seq"}.get(table)
    sql = f"SELECT * FROM {table} WHERE payment = ?"  # noqa: S608 - a table of ours
    return turn.all(sql + (f" ORDER BY {order}" if order else ""), payment)


def _sent(calls: list[Row]) -> dict[str, list[str]]:
    """Say of each operation what came of the calls that were sent for it, oldest first."""
    sent: dict[str, list[str]] = {}
    for row in sorted(calls, key=lambda one: (one["at"], one["id"])):
        if row["operation"] and row["verdict"] != "not_sent":
            sent.setdefault(row["operation"], []).append(row["verdict"])
    return sent


def _deed(row: Row, at: int, sent: dict[str, list[str]]) -> Deed:
    return Deed(
        id=row["id"],
        kind=Kind(row["kind"]),
        step=Step(row["state"]),
        amount=row["amount"],
        evidence=row["evidence"],
        code=row["code"],
        idempotency_key=row["idempotency_key"],
        age_seconds=max(0, at - row["sent_at"]) / 1000,
        sent=tuple(sent.get(row["id"], ())),
    )


def _began_with(chain: list[Row], otherwise: int) -> int:
    """Say over how many KRW a payment began, as its audit has it; a chain without its first row is broken anyway."""
    first = chain[0] if chain and chain[0]["event"] == payments.CREATED else None
    return int(json.loads(first["detail"])["amount"]) if first is not None else otherwise


def _count(turn: Turn, payment: str) -> int:
    row = turn.one("SELECT COUNT(*) AS many FROM notices WHERE payment = ?", payment)
    return int(row["many"]) if row else 0


def _made(turn: Turn, site: str, key: str) -> str:
    row = turn.one("SELECT result FROM answers WHERE site = ? AND idempotency_key = ?", site, key)
    return str(row["result"]) if row else ""


def _texts(rows: dict[str, list[Row]]) -> Iterable[str]:
    for table, names in _TEXTS.items():
        for row in rows[table]:
            yield from (str(row[name]) for name in names)
