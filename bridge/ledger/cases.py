"""Cases: what only a person may decide."""

from bridge.ledger.ledger import Row, Turn


def open_case(turn: Turn, *, case_id: str, site: str, payment: str, reason: str, detail: str, at: int) -> bool:
    """Open a case unless one for the same reason is open; answers whether it is new."""
    if turn.one(
        "SELECT 1 FROM cases WHERE payment = ? AND reason = ? AND state IN ('open', 'refunding')", payment, reason
    ):
        return False
    turn.run(
        "INSERT INTO cases (id, site, payment, reason, detail, state, opened_at) VALUES (?, ?, ?, ?, ?, 'open', ?)",
        *(case_id, site, payment, reason, detail, at),
    )
    return True


def close_case(turn: Turn, payment: str, reason: str, resolution: str, at: int) -> None:
    """Close a payment's open case for a reason, because evidence arrived."""
    turn.run(
        "UPDATE cases SET state = 'closed', closed_at = ?, resolution = ?"
        " WHERE payment = ? AND reason = ? AND state = 'open'",
        *(at, resolution, payment, reason),
    )


def open_cases(turn: Turn, site: str | None = None, limit: int = 100) -> list[Row]:
    """Read the open cases, oldest first, of one site or of all."""
    if site is None:
        return turn.all("SELECT * FROM cases WHERE state IN ('open', 'refunding') ORDER BY opened_at LIMIT ?", limit)
    return turn.all(
        "SELECT * FROM cases WHERE site = ? AND state IN ('open', 'refunding') ORDER BY opened_at LIMIT ?", site, limit
    )


def of_payment(turn: Turn, payment: str) -> list[Row]:
    """Read a payment's cases, oldest first."""
    return turn.all("SELECT * FROM cases WHERE payment = ? ORDER BY opened_at", payment)
