"""When the books were last backed up, as the books themselves remember it."""

import json
from dataclasses import asdict, dataclass

from bridge.ledger.ledger import Turn


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made and read back whole: its moment (milliseconds), where, rows, bytes."""

    made_at: int
    path: str
    rows: int
    bytes: int
    took_ms: int


def note(turn: Turn, backup: Backup, at: int) -> None:
    """Remember a backup, unless a newer one is known; one that is later than now (milliseconds) was made by a clock
    that ran ahead, and would hide for as long that none is good any more."""
    known = last(turn)
    if known is not None and backup.made_at < known.made_at <= at:
        return
    turn.run(
        "INSERT INTO meta (name, value) VALUES ('backup', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        json.dumps(asdict(backup), ensure_ascii=False),
    )


def last(turn: Turn) -> Backup | None:
    """Give the newest backup known."""
    row = turn.one("SELECT value FROM meta WHERE name = 'backup'")
    return Backup(**json.loads(row["value"])) if row else None
