"""Queues: turns about the same thing that must not overlook each other, where several run at once.

A turn sees the books as they were when it began, and fails and runs again when a row it writes was changed since.
That guards every decision about rows the turn itself writes. A decision about a sum, or about rows that others add,
is guarded by a row that stands for it. On SQLite turns follow each other anyway.
"""

from bridge.ledger.ledger import Turn


def line_up(turn: Turn, name: str) -> None:
    """Run after every turn that lined up under this name and has ended, and before all that have not begun."""
    turn.run(
        "INSERT INTO queues (name, turns) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET turns = queues.turns + 1", name
    )
