"""Notices: every one is kept before it is answered; duplicates stop here. None is ever deleted: only its text goes.

Each has a chain of its own in the audit, one row long and under its id. So the audit's seals know of it, and one whose
row is gone is missed. What a shop gives back of a lost payment brings the notices that its attestation names, each with
a chain made anew and without its text.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.ledger import audit
from bridge.ledger.gap import DEAF
from bridge.ledger.ledger import Row, Turn

STORED = "notice.kept"
"""The event of the audit's row of a notice."""
AGAIN = ":again:"
"""What stands between the name of an event and the id of a notice that told of it again."""
PROVEN = "proven:"
"""What stands before the name of an event whose proof came to another address than the first news of it."""
HASHED = "sha256:"
ERASED = "erased"
"""What stands in place of a text that is not kept any more: its hash, or nothing of it."""


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice as received, at `received_at` (milliseconds) and, by the boot clock, `received_boot`; its body is sealed
    because gateways put personal data in it. `plan` is whose round could not be charged."""

    id: str
    site: str
    gateway: str
    kind: str
    dedupe: str
    source: str
    raw_sealed: str
    received_at: int
    payment: str = ""
    plan: str = ""
    state: str = "pending"
    received_boot: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A notice that was kept and is gone: its id, its gateway, and the payment it was about, as far as that was known
    then. `received_at` in milliseconds."""

    id: str
    gateway: str
    payment: str
    received_at: int


_LOST = (
    "SELECT a.payment, a.event, a.actor, a.at, a.detail, n.id AS stands FROM audit a"
    " LEFT JOIN notices n ON n.id = a.payment WHERE a.seq = 1"
)


def store(turn: Turn, notice: StoredNotice) -> bool:
    """Keep a notice; answers False when the same event was kept before (it is counted)."""
    seen = turn.run(
        "UPDATE notices SET seen = seen + 1 WHERE site = ? AND gateway = ? AND dedupe = ?",
        *(notice.site, notice.gateway, notice.dedupe),
    )
    if seen:
        return False
    turn.run(
        "INSERT INTO notices (id, site, gateway, kind, dedupe, source, raw_sealed, payment, plan, state, received_at,"
        " received_boot) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(notice.id, notice.site, notice.gateway, notice.kind, notice.dedupe, notice.source, notice.raw_sealed),
        *(notice.payment or None, notice.plan or None, notice.state, notice.received_at, notice.received_boot),
    )
    audit.note(
        turn,
        site=notice.site,
        payment=notice.id,
        at=notice.received_at,
        actor=notice.gateway,
        event=STORED,
        detail={"payment": notice.payment} if notice.payment else {},
    )
    return True


def store_again(turn: Turn, notice: StoredNotice) -> bool:
    """Keep a notice in the words of an earlier one, which may be about another event."""
    return store(turn, replace(notice, dedupe=f"{notice.dedupe}{AGAIN}{notice.id}"))


def named(turn: Turn, site: str, gateway: str, dedupe: str) -> StoredNotice | None:
    """Find the notice that was kept of an event."""
    asked = "SELECT * FROM notices WHERE site = ? AND gateway = ? AND dedupe = ?"
    row = turn.one(asked, site, gateway, dedupe)
    return _read(row) if row is not None else None


def lost(turn: Turn, after: str, limit: int) -> tuple[list[Lost], str]:
    """List the notices that were kept and are gone, of a page of the audit's chains in the order of their ids.

    Answers also the last chain looked at, "" after the last page.
    """
    rows = turn.all(f"{_LOST} AND a.payment > ? ORDER BY a.payment LIMIT ?", after, limit)
    return [one for row in rows for one in _lost(row)], rows[-1]["payment"] if len(rows) == limit else ""


def lost_among(turn: Turn, chains: Sequence[str]) -> list[Lost]:
    """List those of some of the audit's chains that are of notices which were kept and are gone."""
    found = [turn.one(f"{_LOST} AND a.payment = ?", chain) for chain in chains]
    return [one for row in found if row is not None for one in _lost(row)]


def with_effect(turn: Turn, payment: str, hearing: str, limit: int) -> list[Row]:
    """Read a payment's notices that had their effect, and the one that has it now: the newest, oldest first."""
    rows = turn.all(
        "SELECT * FROM notices WHERE (payment = ? AND state = 'done') OR id = ? ORDER BY id DESC LIMIT ?",
        *(payment, hearing, limit),
    )
    return rows[::-1]


def take(turn: Turn, notice_id: str) -> bool:
    """Take a notice in hand, in the turn that lets it have its effect; answers False when it had it meanwhile."""
    return turn.run("UPDATE notices SET state = 'pending' WHERE id = ? AND state = 'pending'", notice_id) == 1


def bind(turn: Turn, notice_id: str, payment: str) -> None:
    """Note which payment a kept notice is about."""
    turn.run("UPDATE notices SET payment = ? WHERE id = ?", payment, notice_id)


def bind_plan(turn: Turn, notice_id: str, plan: str) -> None:
    """Note of which plan's round a kept notice says that it could not be charged, or that nobody knows it."""
    turn.run("UPDATE notices SET plan = ? WHERE id = ?", plan, notice_id)


def settle(turn: Turn, notice_id: str, state: str, outcome: str, at: int) -> None:
    """Note what came of a notice: done, or strange (nothing of ours fits)."""
    turn.run(
        "UPDATE notices SET state = ?, outcome = ?, done_at = ? WHERE id = ? AND state = 'pending'",
        *(state, outcome, at, notice_id),
    )


def foretell(turn: Turn, notice_id: str, outcome: str) -> None:
    """Note what a notice is coming to, before the end of the turn in which it does: what is told of it says so, too."""
    turn.run("UPDATE notices SET outcome = ? WHERE id = ? AND state = 'pending'", outcome, notice_id)


def owe_again(turn: Turn, site: str, plan: str, outcome: str) -> None:
    """Let the notices of a plan that had this outcome have their effect after all."""
    turn.run(
        "UPDATE notices SET state = 'pending', outcome = '', done_at = NULL"
        " WHERE site = ? AND plan = ? AND outcome = ?",
        *(site, plan, outcome),
    )


def pending(turn: Turn, limit: int, site: str = "", after: tuple[int, str] = (0, "")) -> list[StoredNotice]:
    """Read the notices whose effect is still owed, of one site or of all, oldest first, behind the time and id given.

    What is kept for a deaf site is owed once its shop has handed over.
    """
    rows = turn.all(
        f"SELECT * FROM notices WHERE state = 'pending' AND site NOT IN ({DEAF}) AND (? = '' OR site = ?)"  # noqa: S608
        " AND (received_at, id) > (?, ?) ORDER BY received_at, id LIMIT ?",
        *(site, site, *after, limit),
    )
    return [_read(row) for row in rows]


def sites_pending(turn: Turn) -> list[str]:
    """Name the sites that are not deaf and have notices whose effect is still owed."""
    rows = turn.all(f"SELECT DISTINCT site FROM notices WHERE state = 'pending' AND site NOT IN ({DEAF})")  # noqa: S608
    return sorted(row["site"] for row in rows)


def pending_of(turn: Turn, payment: str) -> list[StoredNotice]:
    """Read the notices of a payment whose effect is still owed, oldest first."""
    rows = turn.all("SELECT * FROM notices WHERE payment = ? AND state = 'pending' ORDER BY id", payment)
    return [_read(row) for row in rows]


def sealed_of(turn: Turn, payment: str) -> list[StoredNotice]:
    """Read a payment's notices whose texts are still kept, oldest first."""
    rows = turn.all(
        "SELECT * FROM notices WHERE payment = ? AND raw_sealed <> ? AND raw_sealed NOT LIKE ? ORDER BY id",
        *(payment, ERASED, f"{HASHED}%"),
    )
    return [_read(row) for row in rows]


def sealed_of_plan(turn: Turn, plan: str) -> list[StoredNotice]:
    """Read the notices of a plan's failed rounds whose texts are still kept, oldest first."""
    rows = turn.all(
        "SELECT * FROM notices WHERE plan = ? AND raw_sealed <> ? AND raw_sealed NOT LIKE ? ORDER BY id",
        *(plan, ERASED, f"{HASHED}%"),
    )
    return [_read(row) for row in rows]


def had_outcome(turn: Turn, payment: str, outcome: str) -> bool:
    """Tell whether a notice of the payment had that effect."""
    return turn.one("SELECT 1 FROM notices WHERE payment = ? AND outcome = ?", payment, outcome) is not None


def outcome_of(turn: Turn, site: str, gateway: str, dedupe: str) -> str:
    """Say what effect the notice had that was kept of an event; "" for none."""
    asked = "SELECT outcome FROM notices WHERE site = ? AND gateway = ? AND dedupe = ?"
    row = turn.one(asked, site, gateway, dedupe)
    return str(row["outcome"] or "") if row is not None else ""


def change_outcome(turn: Turn, payment: str, outcome: str, becomes: str) -> None:
    """Say otherwise what effect a payment's notices had that had this one."""
    turn.run("UPDATE notices SET outcome = ? WHERE payment = ? AND outcome = ?", becomes, payment, outcome)


def many_with_outcome(turn: Turn, payment: str, outcome: str) -> int:
    """Count a payment's notices that had this outcome."""
    row = turn.one("SELECT COUNT(*) AS many FROM notices WHERE payment = ? AND outcome = ?", payment, outcome)
    return int(row["many"]) if row is not None else 0


def many_only_told_as(turn: Turn, site: str, gateway: str, outcome: str, since: int, until: int) -> int:
    """Count the payments of a gateway, and the rounds of plans, of which notices with this outcome came then
    (milliseconds), and none to another address that would have been of use."""
    row = turn.one(
        "SELECT COUNT(DISTINCT COALESCE(n.payment, n.dedupe)) AS many FROM notices AS n"
        " WHERE n.site = ? AND n.gateway = ? AND n.received_at BETWEEN ? AND ? AND n.outcome = ?"
        " AND NOT EXISTS (SELECT 1 FROM notices AS other WHERE other.payment = n.payment"
        " AND other.gateway = n.gateway AND other.kind <> n.kind)"
        " AND NOT EXISTS (SELECT 1 FROM notices AS proof WHERE proof.site = n.site AND proof.gateway = n.gateway"
        " AND proof.dedupe = ? || n.dedupe)",
        *(site, gateway, since, until, outcome, PROVEN),
    )
    return int(row["many"]) if row is not None else 0


def telling(turn: Turn, payment: str, dedupe: str, notice_id: str) -> int:
    """Say which telling of an event this notice of a payment is, from 1; those told again are named after the first.

    Those that had their effect came before it, whatever their ids say: two bridges' clocks differ, and one may be set.
    """
    row = turn.one(
        "SELECT COUNT(*) AS many FROM notices WHERE payment = ? AND id <> ? AND (state = 'done' OR id < ?)"
        " AND (dedupe = ? OR dedupe LIKE ?)",
        *(payment, notice_id, notice_id, dedupe, f"{dedupe}{AGAIN}%"),
    )
    return 1 + (int(row["many"]) if row is not None else 0)


def moments_with_outcome(turn: Turn, payment: str, outcomes: Sequence[str]) -> dict[str, str]:
    """Say by the boot clock when each notice of a payment came that had one of these outcomes; by their ids."""
    marks = ", ".join("?" * len(outcomes))
    rows = turn.all(
        f"SELECT id, received_boot FROM notices WHERE payment = ? AND outcome IN ({marks})",  # noqa: S608 - marks are ours
        *(payment, *outcomes),
    )
    return {row["id"]: row["received_boot"] for row in rows}


def of_payment(turn: Turn, payment: str) -> list[Row]:
    """Read the notices bound to a payment."""
    return turn.all(
        "SELECT id, kind, source, state, outcome, seen, received_at, done_at FROM notices"
        " WHERE payment = ? ORDER BY id",
        payment,
    )


def _read(row: Row) -> StoredNotice:
    return StoredNotice(
        id=row["id"],
        site=row["site"],
        gateway=row["gateway"],
        kind=row["kind"],
        dedupe=row["dedupe"],
        source=row["source"],
        raw_sealed=row["raw_sealed"],
        received_at=row["received_at"],
        payment=row["payment"] or "",
        plan=row["plan"] or "",
        state=row["state"],
        received_boot=row["received_boot"],
    )


def _lost(row: Row) -> list[Lost]:
    if row["event"] != STORED or row["stands"] is not None:
        return []
    return [Lost(row["payment"], row["actor"], json.loads(row["detail"]).get("payment", ""), row["at"])]
