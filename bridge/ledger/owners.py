"""Owners: the processes that write here. One that has been silent too long is dead, and what it had begun is free."""

from bridge.ledger.ledger import Turn

LEASE_SECONDS = 15.0
"""How long a process may be silent. Processes on several machines compare their clocks by this: keep NTP running."""
_FORGOTTEN_SECONDS = 86_400


def begin(turn: Turn, owner: str, at: int, *, alone: bool) -> None:
    """Say that this process lives (at in milliseconds). Where it is alone, every other is known to be dead."""
    if alone:
        turn.run("DELETE FROM owners WHERE id <> ?", owner)
    turn.run("DELETE FROM owners WHERE beat_at < ?", at - _ms(_FORGOTTEN_SECONDS))
    beat(turn, owner, at)


def beat(turn: Turn, owner: str, at: int) -> None:
    """Say that this process still lives."""
    turn.run(
        "INSERT INTO owners (id, beat_at) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at",
        *(owner, at),
    )


def end(turn: Turn, owner: str) -> None:
    """Say that this process is done: nothing of it has to be waited for."""
    turn.run("DELETE FROM owners WHERE id = ?", owner)


def heard_since(turn: Turn, owner: str, at: int) -> int:
    """Give the time (milliseconds) since which another must have been heard of, to count as living.

    A process that was silent itself (it was stopped, or the database was away) can say nothing about others: 0.
    """
    since = at - _ms(LEASE_SECONDS)
    return since if turn.one("SELECT 1 FROM owners WHERE id = ? AND beat_at >= ?", owner, since) else 0


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
