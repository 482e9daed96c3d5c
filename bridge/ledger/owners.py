"""Owners: the processes that write here. One that has been silent too long is dead, and what it had begun is free."""

from bridge.ledger.ledger import Turn
from bridge.ledger.questions import Question

LEASE_SECONDS = 15.0
"""How long a process may be silent. Processes on several machines compare their clocks by this: keep NTP running."""
CUT_OFF_SECONDS = 2.5
"""How long one may be silent whose connection is gone: longer than it takes to find another."""
_FORGOTTEN_SECONDS = 86_400
_CUT_OFF = "connected = 0 AND beat_at < ?"


def begin(turn: Turn, owner: str, at: int, *, alone: bool) -> None:
    """Say that this process lives (at in milliseconds). Where it is alone, every other is known to be dead."""
    if alone:
        turn.run("DELETE FROM owners WHERE id <> ?", owner)
    turn.run("DELETE FROM owners WHERE beat_at < ?", at - _ms(_FORGOTTEN_SECONDS))
    beat(turn, owner, at)


def beat(turn: Turn, owner: str, at: int) -> None:
    """Say that this process still lives."""
    turn.run(
        "INSERT INTO owners (id, beat_at) VALUES (?, ?)"
        " ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, session = excluded.session",
        *(owner, at),
    )


def renew_all(turn: Turn, at: int) -> None:
    """Count everybody as heard of just now: said by one who was silent itself, and cannot know who was too."""
    turn.run("UPDATE owners SET beat_at = ? WHERE beat_at < ?", at, at)


def end(turn: Turn, owner: str) -> None:
    """Say that this process is done: nothing of it has to be waited for."""
    turn.run("DELETE FROM owners WHERE id = ?", owner)


def cut_off(turn: Turn, at: int) -> list[str]:
    """List the processes that were killed: the database saw their connections end, and they found no other."""
    asked = f"SELECT id FROM owners_seen WHERE {_CUT_OFF} ORDER BY id"  # noqa: S608 - it is ours
    return [str(row["id"]) for row in turn.all(asked, at - _ms(CUT_OFF_SECONDS))]


def any_cut_off(at: int) -> Question:
    """Ask whether there is one of these at a moment (milliseconds)."""
    return Question(f"SELECT 1 FROM owners_seen WHERE {_CUT_OFF}", (at - _ms(CUT_OFF_SECONDS),))  # noqa: S608 - it is ours


def heard_since(turn: Turn, owner: str, at: int) -> int:
    """Give the time (milliseconds) since which another must have been heard of, to count as living.

    A process that was silent itself (it was stopped, or the database was away) can say nothing about others: 0.
    """
    since = at - _ms(LEASE_SECONDS)
    return since if turn.one("SELECT 1 FROM owners WHERE id = ? AND beat_at >= ?", owner, since) else 0


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
