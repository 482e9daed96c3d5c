"""The audit: for each payment a chain of rows, each holding the hash of the one before. Entries are in it by theirs."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from bridge.ledger.ledger import Row, Turn

COLUMNS = ("payment", "seq", "site", "at", "actor", "event", "was", "became", "detail", "previous")
SAID = ("at", "actor", "event", "was", "became", "detail", "hash")
"""What a row says, and the hash that binds it to its place."""
ENTRY = "ledger.entry"
"""The event of a row that holds an entry's hash."""
ENTRY_COLUMNS = ("cause", "site", "payment", "kind", "amount", "evidence", "at")


def note(
    turn: Turn,
    *,
    site: str,
    payment: str,
    at: int,
    actor: str,
    event: str,
    was: str = "",
    became: str = "",
    detail: Mapping[str, str | int] | None = None,
) -> None:
    """Add a row to a payment's chain; `at` in milliseconds. The detail holds no secret and nothing personal."""
    last = turn.one("SELECT seq, hash FROM audit WHERE payment = ? ORDER BY seq DESC LIMIT 1", payment)
    seq, previous = (last["seq"] + 1, last["hash"]) if last else (1, "")
    text = json.dumps(dict(detail or {}), ensure_ascii=False, sort_keys=True)
    values = (payment, seq, site, at, actor, event, was, became, text, previous)
    turn.run(
        "INSERT INTO audit (payment, seq, site, at, actor, event, was, became, detail, previous, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *values,
        hash_of(values),
    )
    turn.run("INSERT INTO unsealed (payment, seq, site) VALUES (?, ?, ?)", payment, seq, site)


def chain(turn: Turn, payment: str) -> list[Row]:
    """Read a payment's chain in order."""
    return turn.all("SELECT * FROM audit WHERE payment = ? ORDER BY seq", payment)


def last_of(turn: Turn, payment: str, events: Sequence[str]) -> str:
    """Name which of some events came last in a payment's chain; empty where none did."""
    marks = ", ".join("?" * len(events))
    row = turn.one(
        f"SELECT event FROM audit WHERE payment = ? AND event IN ({marks}) ORDER BY seq DESC LIMIT 1",  # noqa: S608 - marks are ours
        payment,
        *events,
    )
    return str(row["event"]) if row else ""


def first_break(rows: Sequence[Row]) -> int | None:
    """Find the first row that does not fit its chain; None when every row does."""
    previous = ""
    for place, row in enumerate(rows, start=1):
        values = tuple(row[name] for name in COLUMNS)
        if row["seq"] != place or row["previous"] != previous or row["hash"] != hash_of(values):
            return place
        previous = row["hash"]
    return None


def hash_of(values: Sequence[object]) -> str:
    """Hash a row's values, in the order of its columns. Bytes are none of them: whoever altered a type gets another."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()
