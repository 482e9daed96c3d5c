"""How far the wall clock was ahead of the boot clock when a process last looked: a step of it shows by that."""

from dataclasses import dataclass

from bridge.clock import Clock, now_ms
from bridge.ledger.ledger import Turn

_LAST, _AT_BACKUP, _AT_RESTORE = "clock", "clock_at_backup", "clock_at_restore"


@dataclass(frozen=True, slots=True)
class Reading:
    """The machine's start, and how many milliseconds the wall clock was ahead of the boot clock's zero."""

    start: str
    ahead_ms: int


def read(clock: Clock) -> Reading:
    """Read a clock."""
    return Reading(clock.boot_id(), now_ms(clock) - round(clock.boot_seconds() * 1000))


def note(turn: Turn, reading: Reading) -> None:
    """Remember the newest reading; of several machines, the one that looked last."""
    _keep(turn, _LAST, reading)


def last(turn: Turn) -> Reading | None:
    """Give the last reading kept."""
    return _kept(turn, _LAST)


def keep_of_backup(turn: Turn) -> None:
    """Remember, in the turn that restores books, the reading by which their backup's moment was told: their last."""
    reading = last(turn)
    if reading is not None:
        _keep(turn, _AT_BACKUP, reading)


def at_backup(turn: Turn) -> Reading | None:
    """Give the reading by which the backup's moment was told; None where the books were never restored."""
    return _kept(turn, _AT_BACKUP)


def note_restore(turn: Turn, reading: Reading) -> None:
    """Remember the reading by which the books say when they were restored."""
    _keep(turn, _AT_RESTORE, reading)


def at_restore(turn: Turn) -> Reading | None:
    """Give the reading by which the books say when they were restored; None where they never were."""
    return _kept(turn, _AT_RESTORE)


def moved_ms(earlier: Reading | None, later: Reading) -> int:
    """Say by how much the wall clock was set between two readings of one start, in milliseconds; 0 where it was not,
    or nobody knows."""
    return later.ahead_ms - earlier.ahead_ms if earlier is not None and earlier.start == later.start else 0


def _keep(turn: Turn, name: str, reading: Reading) -> None:
    turn.run(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        *(name, f"{reading.start}:{reading.ahead_ms}"),
    )


def _kept(turn: Turn, name: str) -> Reading | None:
    row = turn.one("SELECT value FROM meta WHERE name = ?", name)
    if row is None:
        return None
    start, _, ahead = str(row["value"]).rpartition(":")
    return Reading(start, int(ahead))
