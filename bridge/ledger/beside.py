"""Money beside a payment's own, as its entries tell: what was found, and what was given back of it."""

from bridge.ledger.ledger import Turn


def came_and_went(turn: Turn, payment: str) -> tuple[int, int]:
    """Sum what the books say came and went beside a payment's own money, in KRW."""
    row = turn.one(
        "SELECT COALESCE(SUM(CASE WHEN kind = 'orphan_capture' THEN amount END), 0) AS came,"
        " COALESCE(-SUM(CASE WHEN kind = 'orphan_refund' THEN amount END), 0) AS went"
        " FROM entries WHERE payment = ?",
        payment,
    )
    return (int(row["came"]), int(row["went"])) if row else (0, 0)


def many_said_back(turn: Turn, payment: str, amount: int) -> int:
    """Count how often people said that so many KRW beside a payment's own money were given back."""
    asked = (
        "SELECT COUNT(*) AS many FROM entries WHERE payment = ? AND kind = 'orphan_refund'"
        " AND evidence = 'E8' AND amount = ?"
    )
    row = turn.one(asked, payment, -amount)
    return int(row["many"]) if row else 0
