"""How long unknown outcomes stay unknown once nothing more goes wrong, beside what was promised of them.

Counted from the end of the last trouble: a death, an outage, a clock that jumps, a call that fails. Before that nobody
can settle anything, and it is no measure of the bridge; each pause between tries that it made longer is counted.
"""

from dataclasses import dataclass
from enum import StrEnum

from bridge.domain.gateway import Gateway, NamesByReturn, Undoes
from bridge.domain.machine import Kind
from bridge.flows.pace import OVERDUE_SECONDS
from bridge.flows.undo import RECHECK
from bridge.ledger.ledger import Turn
from tests.storm.weather import CALLS, OTHERS

SOON_SECONDS = 60.0
QUIET_SECONDS_MIN, AFTER_DEADLINE_SECONDS, AFTER_QUIET_SECONDS = 120.0, 60.0, 30.0
HARMLESS = ("slow_disk", "request_lost", "answer_lost", "client_disconnects")
TROUBLES = frozenset(CALLS) | {
    kind
    for kind, group in OTHERS.items()
    if group in ("network", "process", "storage", "time") and kind not in HARMLESS
}
"""Faults that keep the bridge from asking, or a gateway from answering."""


class Way(StrEnum):
    """How an unknown outcome is settled."""

    TAKEN_BACK = "taken back"
    """An approval that moved money, or that the gateway refused in plain words, at a gateway that takes it back."""
    ASKED = "asked"
    """Every other: by what the gateway says when it is asked, by a notice, or by its silence."""


@dataclass(frozen=True, slots=True)
class Promise:
    """How an outcome is to be settled, and within how many seconds; by a person's case within `person_seconds`."""

    way: Way
    seconds: float
    person_seconds: float


@dataclass(frozen=True, slots=True)
class Settled:
    """An outcome that was unknown, and is not any more, after so many seconds; where `by_person`, a person's now."""

    gateway: str
    promise: Promise
    seconds: float
    by_person: bool

    @property
    def late_seconds(self) -> float:
        """How much later than promised; negative where it came in time."""
        return self.seconds - (self.promise.person_seconds if self.by_person else self.promise.seconds)


def promise(gateway: Gateway, kind: Kind, *, moved: bool, refused: bool) -> Promise:
    """What is promised of an outcome: a minute where what moved or was refused is taken back, else the quiet period
    and 30 s. A person is given what stays unknown as long as the gateway allows, and the next try. `refused`: by an
    answer to this very approval, which cannot be carried out later then."""
    person_seconds = gateway.human_after_seconds + OVERDUE_SECONDS
    if isinstance(gateway, Undoes) and (moved or refused) and kind is not Kind.REFUND:
        return Promise(Way.TAKEN_BACK, SOON_SECONDS, person_seconds)
    quiet_seconds = max(QUIET_SECONDS_MIN, gateway.deadline_seconds + AFTER_DEADLINE_SECONDS)
    return Promise(Way.ASKED, quiet_seconds + AFTER_QUIET_SECONDS, person_seconds)


def was_refused(turn: Turn, operation: str) -> bool:
    """Tell whether the gateway refused the approval that an operation is, or takes back; not of the second look after
    the quiet period, as the refusal was believed before."""
    row = turn.one(
        "SELECT one.reason, COALESCE(approve.refusal, one.refusal) AS refused FROM operations AS one"
        " LEFT JOIN operations AS approve ON approve.id = one.target WHERE one.id = ?",
        operation,
    )
    return row is not None and bool(row["refused"]) and row["reason"] != RECHECK


def has_name(turn: Turn, gateway: Gateway, payment: str) -> bool:
    """Tell whether a gateway can be told what to take back. At one that goes by its own number alone, what no window
    gave a number has none before its notice: that is waited for, or a person is asked."""
    row = turn.one("SELECT window_url FROM payments WHERE id = ?", payment)
    return row is None or not isinstance(gateway, NamesByReturn) or bool(row["window_url"])


class Settling:
    """Watches unknown outcomes by the id of their operations; times in seconds of the storm's own clock."""

    def __init__(self) -> None:
        self.settled: list[Settled] = []
        self._unknown_since: dict[str, float] = {}
        self._trouble_until = 0.0

    def trouble(self, until: float) -> None:
        """Something goes wrong until then."""
        self._trouble_until = max(self._trouble_until, until)

    def unknown(self, operation: str, at: float) -> None:
        """From now on nobody knows how it ended."""
        self._unknown_since.setdefault(operation, at)

    def known(self, operation: str, at: float, gateway: str, promise: Promise, *, by_person: bool) -> None:
        """It ended, or it is a person's now; nothing happens if it was never unknown."""
        since = self._unknown_since.pop(operation, None)
        if since is not None:
            seconds = max(0.0, at - max(since, self._trouble_until))
            self.settled.append(Settled(gateway, promise, seconds, by_person))
