"""Looks: who saw whose data, when, from where and for what, as the access log of personal data must say."""

from bridge.ledger.ledger import Row, Turn

KEPT_DAYS = 730


def add(
    turn: Turn, *, look_id: str, at: int, operator: str, address: str, task: str, subject: str, reason: str = ""
) -> None:
    """Write a look down; `at` in milliseconds, `subject` a payment's or case's id, never what was searched for."""
    turn.run(
        "INSERT INTO looks (id, at, operator, address, task, subject, reason) VALUES (?, ?, ?, ?, ?, ?, ?)",
        *(look_id, at, operator, address, task, subject, reason),
    )


def recent(turn: Turn, limit: int = 100, before: str = "") -> list[Row]:
    """Read the newest looks, those before one where given."""
    return turn.all("SELECT * FROM looks WHERE ? = '' OR id < ? ORDER BY id DESC LIMIT ?", before, before, limit)


def drop_old(turn: Turn, at: int) -> int:
    """Drop what is older than two years."""
    return turn.run("DELETE FROM looks WHERE at < ?", at - KEPT_DAYS * 86_400_000)
