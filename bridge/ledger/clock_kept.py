"""How far the wall clock was ahead of the boot clock when a process last looked: a step of it shows by that."""

from dataclasses import dataclass

from bridge.ledger.ledger import Turn


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine's start, and how many milliseconds the wall clock was ahead of the boot clock's zero."""

    start: str
    ahead_ms: int


def note(turn: Turn, reading: Reading) -> None:
    """Remember the newest reading; of several machines, the one that looked last."""
    turn.run(
        "INSERT INTO meta (name, value) VALUES ('clock', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        f"{reading.start}:{reading.ahead_ms}",
    )


def last(turn: Turn) -> Reading | None:
    """Give the last reading kept."""
    row = turn.one("SELECT value FROM meta WHERE name = 'clock'")
    if row is None:
        return None
    start, _, ahead = str(row["value"]).rpartition(":")
    return Reading(start, int(ahead))
