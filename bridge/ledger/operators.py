"""Operators, their sessions, and the log-ins that missed."""

from dataclasses import dataclass, field

from bridge.domain.failures import Conflict
from bridge.ledger import audit
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.queues import line_up

CHAIN = "operators"
"""The chain of the audit that is about no payment and no site: who was let in, changed and shut out."""
ENABLED, DISABLED = "enabled", "disabled"


@dataclass(frozen=True, slots=True)
class Operator:
    """Someone who may look at the dashboard; an `operator` may also act, a `viewer` may not, a disabled one neither.

    In milliseconds, 0 for never: `renewed_at` is when the account last got a new password, was enabled or made an
    operator, `barred_at` when it last ceased to be one that may act.
    """

    id: str
    name: str
    role: str
    password_hash: str = field(repr=False)
    state: str = ENABLED
    renewed_at: int = 0
    barred_at: int = 0

    @property
    def may_act(self) -> bool:
        """Whether this account may move money and decide cases."""
        return self.state == ENABLED and self.role == "operator"


@dataclass(frozen=True, slots=True)
class Session:
    """An operator's stay, known by the hash of its token; times in milliseconds."""

    token_hash: str = field(repr=False)
    operator: Operator
    created_at: int
    seen_at: int
    ends_at: int


def add(turn: Turn, operator: Operator, at: int) -> None:
    """Write an operator. Raises Conflict when the name is taken."""
    if by_name(turn, operator.name):
        raise Conflict(f"There is an operator {operator.name} already; `pay-bridge operator list` shows them.")
    turn.run(
        "INSERT INTO operators (id, name, password_hash, role, created_at) VALUES (?, ?, ?, ?, ?)",
        *(operator.id, operator.name, operator.password_hash, operator.role, at),
    )


def by_name(turn: Turn, name: str) -> Operator | None:
    """Find an operator by name."""
    row = turn.one("SELECT * FROM operators WHERE name = ?", name)
    return _read(row) if row else None


def all_operators(turn: Turn) -> list[Operator]:
    """Read every operator, by name."""
    return [_read(row) for row in turn.all("SELECT * FROM operators ORDER BY name")]


def change(turn: Turn, operator: Operator) -> None:
    """Write an operator anew; every session of theirs ends, and one that is just beginning does not begin."""
    line_up(turn, "logins")
    turn.run(
        "UPDATE operators SET password_hash = ?, role = ?, state = ?, renewed_at = ?, barred_at = ? WHERE id = ?",
        *(operator.password_hash, operator.role, operator.state, operator.renewed_at, operator.barred_at, operator.id),
    )
    turn.run("DELETE FROM sessions WHERE operator = ?", operator.id)


def note(turn: Turn, operator: Operator, event: str, *, actor: str, at: int, was: str = "", became: str = "") -> None:
    """Write into the audit what was done to an account; `at` in milliseconds."""
    named = {"operator": operator.name}
    audit.note(turn, site="", payment=CHAIN, at=at, actor=actor, event=event, was=was, became=became, detail=named)


def add_session(turn: Turn, *, token_hash: str, operator: str, at: int, ends_at: int) -> None:
    """Begin a session."""
    line_up(turn, "logins")  # whoever is shut out meanwhile is not let in
    turn.run(
        "INSERT INTO sessions (token_hash, operator, created_at, seen_at, ends_at) VALUES (?, ?, ?, ?, ?)",
        *(token_hash, operator, at, at, ends_at),
    )


def session(turn: Turn, token_hash: str) -> Session | None:
    """Find a session, over or not."""
    row = turn.one("SELECT * FROM sessions WHERE token_hash = ?", token_hash)
    if row is None:
        return None
    operator = turn.one("SELECT * FROM operators WHERE id = ?", row["operator"])
    assert operator is not None, "a session has its operator"
    return Session(row["token_hash"], _read(operator), row["created_at"], row["seen_at"], row["ends_at"])


def see(turn: Turn, token_hash: str, at: int) -> None:
    """Note that the operator is still there."""
    turn.run("UPDATE sessions SET seen_at = ? WHERE token_hash = ?", at, token_hash)


def end_session(turn: Turn, token_hash: str) -> None:
    """End a session for good."""
    turn.run("DELETE FROM sessions WHERE token_hash = ?", token_hash)


def drop_ended(turn: Turn, *, seen_before: int, misses_before: int, at: int) -> None:
    """Drop the sessions that are over and the misses too old to count."""
    turn.run("DELETE FROM sessions WHERE ends_at <= ? OR seen_at <= ?", at, seen_before)
    turn.run("DELETE FROM login_misses WHERE at <= ?", misses_before)


def note_miss(turn: Turn, who: str, at: int) -> None:
    """Count a log-in against a name, a browser or an address."""
    line_up(turn, "logins")  # how many may be tried is a count of these
    turn.run("INSERT INTO login_misses (who, at) VALUES (?, ?)", who, at)


def misses(turn: Turn, who: str, since: int) -> tuple[int, int]:
    """Count the misses since then: how many, and when the last was (0: never)."""
    row = turn.one(
        "SELECT COUNT(*) AS many, COALESCE(MAX(at), 0) AS last FROM login_misses WHERE who = ? AND at > ?", who, since
    )
    return (int(row["many"]), int(row["last"])) if row else (0, 0)


def forget_misses(turn: Turn, who: str, since: int = 0) -> None:
    """Forget what was counted against someone since then."""
    turn.run("DELETE FROM login_misses WHERE who = ? AND at >= ?", who, since)


def _read(row: Row) -> Operator:
    return Operator(**{name: row[name] for name in Operator.__slots__})
