"""Counts for whoever watches the bridge: bounded work, whatever the size of the books."""

from dataclasses import dataclass

from bridge.ledger.ledger import Turn

COUNTED_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Tallies:
    """How many there are: live payments by state, the last day's by state, open cases by reason, and what waits."""

    live: dict[str, int]
    day: dict[str, int]
    cases: dict[str, int]
    alarms: dict[str, int]
    notices_pending: int
    unsealed: int


def count(turn: Turn, since_id: str) -> Tallies:
    """Count; `since_id` is the least id a payment of the last day can have."""
    return Tallies(
        live=_by(
            turn,
            "SELECT state AS name, COUNT(*) AS many FROM payments WHERE state IN ('new', 'readying', 'open',"
            " 'approving', 'unknown', 'voiding', 'awaiting_deposit', 'needs_human') GROUP BY state",
        ),
        day=_by(
            turn,
            "SELECT state AS name, COUNT(*) AS many FROM (SELECT state FROM payments WHERE id >= ? LIMIT ?) AS recent"
            " GROUP BY state",
            *(since_id, COUNTED_MAX),
        ),
        cases=_by(
            turn,
            "SELECT reason AS name, COUNT(*) AS many FROM cases WHERE state = 'open' GROUP BY reason",
        ),
        alarms=_by(turn, "SELECT name, COUNT(*) AS many FROM alarms WHERE ended_at IS NULL GROUP BY name"),
        notices_pending=_one(turn, "SELECT COUNT(*) AS many FROM notices WHERE state = 'pending'"),
        unsealed=_one(turn, "SELECT COUNT(*) AS many FROM unsealed"),
    )


def _by(turn: Turn, sql: str, *values: object) -> dict[str, int]:
    return {row["name"]: int(row["many"]) for row in turn.all(sql, *values)}


def _one(turn: Turn, sql: str) -> int:
    row = turn.one(sql)
    return int(row["many"]) if row else 0
