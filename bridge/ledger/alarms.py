"""Alarms: what an operator must hear. Each is raised once, ends when it is over, and both are told until heard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.ledger.ledger import Row, Turn

Name = tuple[str, str]
"""An alarm's name and the subject it is about."""
SETTINGS = "settings"
"""The alarm of a gateway whose settings cannot be used: nothing is asked of it, and none of its notices is taken."""
INVARIANT = "invariant"
"""What an alarm's name begins with that tells which rule does not hold."""
Covers = Callable[[Name], bool]
"""Tells which alarms a look can say of that they are over."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm; times in milliseconds."""

    id: str
    name: str
    subject: str
    detail: str
    raised_at: int
    ended_at: int | None
    tries: int


def subject_of_settings(site: str, gateway: str) -> str:
    """Name what that alarm is about."""
    return f"{site} {gateway}"


def settle(
    turn: Turn, wanted: Mapping[Name, str], covers: Covers, *, new_id: Callable[[], str], at: int
) -> list[Alarm]:
    """Raise what is wanted and not raised yet; end what this look covers and no longer wants. Answers what is new."""
    raised = {(row["name"], row["subject"]): row for row in turn.all("SELECT * FROM alarms WHERE ended_at IS NULL")}
    for key, row in raised.items():
        if covers(key) and key not in wanted:
            turn.run("UPDATE alarms SET ended_at = ?, next_try_at = ?, tries = 0 WHERE id = ?", at, at, row["id"])
    new = []
    for (name, subject), detail in wanted.items():
        if (name, subject) in raised:
            continue
        alarm = Alarm(new_id(), name, subject, detail[:500], at, None, 0)
        turn.run(
            "INSERT INTO alarms (id, name, subject, detail, raised_at, next_try_at) VALUES (?, ?, ?, ?, ?, ?)",
            *(alarm.id, name, subject, alarm.detail, at, at),
        )
        new.append(alarm)
    return new


def are_due(turn: Turn, at: int) -> bool:
    """Whether an alarm is due to be told."""
    return turn.one("SELECT 1 FROM alarms WHERE next_try_at IS NOT NULL AND next_try_at <= ? LIMIT 1", at) is not None


def claim(turn: Turn, at: int, until: int, limit: int) -> list[Alarm]:
    """Take the alarms that are due to be told; nobody else tells them until then (milliseconds)."""
    rows = turn.all(
        "SELECT * FROM alarms WHERE next_try_at IS NOT NULL AND next_try_at <= ? ORDER BY raised_at LIMIT ?", at, limit
    )
    mine = []
    for row in rows:
        if turn.run(
            "UPDATE alarms SET next_try_at = ?, tries = tries + 1 WHERE id = ? AND next_try_at = ?",
            *(until, row["id"], row["next_try_at"]),
        ):
            mine.append(_read(row))
    return mine


def heard(turn: Turn, alarm: Alarm, at: int) -> None:
    """Note that the operator's receiver took an alarm as it was told; its end, if it came meanwhile, is still owed."""
    turn.run(
        "UPDATE alarms SET heard_at = ?, next_try_at = CASE WHEN ended_at IS NULL OR ? = 1 THEN NULL ELSE ? END,"
        " last_error = '' WHERE id = ?",
        *(at, int(alarm.ended_at is not None), at, alarm.id),
    )


def not_heard(turn: Turn, alarm: Alarm, next_try_at: int | None, error: str) -> None:
    """Note a try that failed; None gives it up."""
    turn.run("UPDATE alarms SET next_try_at = ?, last_error = ? WHERE id = ?", next_try_at, error[:200], alarm.id)


def bring_forward(turn: Turn, by: int, nearest: int) -> None:
    """Let what waits to be told wait that much less, but not less than until `nearest`; in milliseconds."""
    turn.run(
        "UPDATE alarms SET next_try_at = CASE WHEN next_try_at - ? > ? THEN next_try_at - ? ELSE ? END"
        " WHERE next_try_at > ?",
        *(by, nearest, by, nearest, nearest),
    )


def lasted_into(turn: Turn, name: str, subject: str, since: int) -> bool:
    """Tell whether such an alarm was raised and not over before then (milliseconds)."""
    asked = "SELECT 1 FROM alarms WHERE name = ? AND subject = ? AND (ended_at IS NULL OR ended_at >= ?) LIMIT 1"
    return turn.one(asked, name, subject, since) is not None


def names(turn: Turn) -> set[Name]:
    """Name all alarms that are not over."""
    rows = turn.all("SELECT name, subject FROM alarms WHERE ended_at IS NULL")
    return {(row["name"], row["subject"]) for row in rows}


def raised(turn: Turn, limit: int = 100) -> list[Row]:
    """Read the alarms that are not over, oldest first."""
    return turn.all("SELECT * FROM alarms WHERE ended_at IS NULL ORDER BY raised_at LIMIT ?", limit)


def broken(turn: Turn, limit: int = 100) -> list[Row]:
    """Read those of rules that do not hold, oldest first: open cases may be many more."""
    named = "SELECT * FROM alarms WHERE ended_at IS NULL AND name LIKE ? ORDER BY raised_at LIMIT ?"
    return turn.all(named, f"{INVARIANT} %", limit)


def _read(row: Row) -> Alarm:
    return Alarm(row["id"], row["name"], row["subject"], row["detail"], row["raised_at"], row["ended_at"], row["tries"])
