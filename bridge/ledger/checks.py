"""What the last checks of the books found, for whoever asks: the last one, and the last of everything."""

import json
from dataclasses import asdict, dataclass

from bridge.ledger.ledger import Turn

FOUND_MAX = 100


@dataclass(frozen=True, slots=True)
class Checked:
    """One check: when (milliseconds), of everything or of what changed, and what does not hold.

    `found` are (invariant, payment, what).
    """

    at: int
    full: bool
    payments: int
    rows: int
    took_ms: int
    found: tuple[tuple[str, str, str], ...] = ()


def keep(turn: Turn, checked: Checked) -> None:
    """Keep what a check found."""
    text = json.dumps(asdict(checked) | {"found": checked.found[:FOUND_MAX]}, ensure_ascii=False)
    turn.run(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        *("checked_all" if checked.full else "checked", text),
    )


def last(turn: Turn, *, full: bool = False) -> Checked | None:
    """Read what the last check found; None before the first."""
    row = turn.one("SELECT value FROM meta WHERE name = ?", "checked_all" if full else "checked")
    return read(row["value"]) if row else None


def read(text: str) -> Checked:
    """Read a check as it was kept."""
    value = json.loads(text)
    return Checked(**value | {"found": tuple((name, payment, what) for name, payment, what in value["found"])})
