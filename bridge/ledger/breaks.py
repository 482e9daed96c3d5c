"""Breaks: what a process that had to stop leaves beside the database, so that the next one does not go on for ever."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from bridge.ledger.ledger import Turn

NEAR_SECONDS = 60.0
BREAKS_MAX = 2
_NAME = "breaks"


@dataclass(frozen=True, slots=True)
class Breaks:
    """One line for each break: the unix second, and why."""

    database: Path

    def note(self, at: float, why: str) -> None:
        """Remember a break. A disk that fails may not take even this; then the next process simply starts."""
        lines = [*self._recent(at), f"{at:.0f} {' '.join(why.split())}"]
        with contextlib.suppress(OSError):
            self._path.write_text("\n".join(lines) + "\n", "utf-8")

    def take(self, at: float) -> str:
        """Say why this process may only read, or nothing: it broke twice within a minute, and that was just now.

        What was told is forgotten, so that whoever mended the disk only has to start the bridge again.
        """
        recent = self._recent(at)
        if len(recent) < BREAKS_MAX:
            return ""
        with contextlib.suppress(OSError):
            self._path.unlink()
        return recent[-1].partition(" ")[2]

    @property
    def _path(self) -> Path:
        return Path(f"{self.database}.breaks")

    def _recent(self, at: float) -> list[str]:
        try:
            lines = self._path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        return _near(lines, at)


def note_in(turn: Turn, at: float, why: str) -> None:
    """Remember a break in a database that several processes share: whoever starts next has to know of it."""
    lines = [*_near(_lines_in(turn), at), f"{at:.0f} {' '.join(why.split())}"]
    turn.run(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        *(_NAME, "\n".join(lines)),
    )


def known_in(turn: Turn, at: float) -> str:
    """Say why whoever starts now may only read, or nothing. It is not forgotten, as others may start too: a minute
    after the last break one starts as ever."""
    recent = _near(_lines_in(turn), at)
    return recent[-1].partition(" ")[2] if len(recent) >= BREAKS_MAX else ""


def _lines_in(turn: Turn) -> list[str]:
    row = turn.one("SELECT value FROM meta WHERE name = ?", _NAME)
    return str(row["value"]).splitlines() if row is not None else []


def _near(lines: list[str], at: float) -> list[str]:
    return [line for line in lines if _is_near(line.partition(" ")[0], at)]


def _is_near(text: str, at: float) -> bool:
    return text.isascii() and text.isdigit() and abs(at - int(text)) <= NEAR_SECONDS
