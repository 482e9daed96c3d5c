"""Money beside a payment's own, as its entries tell: what was found, and what was given back past the bridge."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from bridge.ledger import audit
from bridge.ledger.ledger import Turn

PROPOSED = "case.proposed"
"""The event of the audit's row of a proposal."""


class Said(NamedTuple):
    """Money as people or an inquiry had it written down: the reason of their case, and the numbers it knows."""

    evidence: str
    reason: str
    refs: Mapping[str, str]


def came_and_went(turn: Turn, payment: str) -> tuple[int, int]:
    """Sum what the books say came and went beside a payment's own money, in KRW."""
    row = turn.one(
        "SELECT COALESCE(SUM(CASE WHEN kind = 'orphan_capture' THEN amount END), 0) AS came,"
        " COALESCE(-SUM(CASE WHEN kind = 'orphan_refund' THEN amount END), 0) AS went"
        " FROM entries WHERE payment = ?",
        payment,
    )
    return (int(row["came"]), int(row["went"])) if row else (0, 0)


def many_external(turn: Turn, payment: str, amount: int) -> int:
    """Count the entries of just this amount that somebody gave back of a payment past the bridge."""
    asked = "SELECT COUNT(*) AS many FROM entries WHERE payment = ? AND kind = 'external_refund' AND amount = ?"
    row = turn.one(asked, payment, -amount)
    return int(row["many"]) if row else 0


def said_of(turn: Turn, payment: str, kind: str, amount: int) -> list[Said]:
    """Read which entries of a kind and an amount (signed KRW) people made in a case, or an inquiry did."""
    asked = (
        "SELECT e.evidence, c.reason, c.refs FROM entries e LEFT JOIN cases c ON c.payment = e.payment"
        " AND e.cause LIKE ? || c.id || ? WHERE e.payment = ? AND e.kind = ? AND e.amount = ?"
        " AND e.evidence IN ('E4', 'E8')"
    )
    rows = turn.all(asked, "%case:", ":%", payment, kind, amount)
    return [Said(row["evidence"], row["reason"] or "", json.loads(row["refs"] or "{}")) for row in rows]


def is_told_back(turn: Turn, payment: str, amount: int, since: int) -> bool:
    """Whether a notice told, since then (milliseconds), that so many KRW were given back past the bridge."""
    asked = (
        "SELECT 1 FROM entries WHERE payment = ? AND kind = 'external_refund' AND evidence = 'E7'"
        " AND amount = ? AND at >= ?"
    )
    return turn.one(asked, payment, -amount, since) is not None


def many_proven_back(turn: Turn, payment: str, amount: int) -> int:
    """Count the notices that have proven that just so many KRW of a payment, or beside it, were given back past the
    bridge."""
    asked = (
        "SELECT COUNT(*) AS many FROM entries WHERE payment = ? AND kind IN ('external_refund', 'orphan_refund')"
        " AND evidence = 'E7' AND amount = ?"
    )
    row = turn.one(asked, payment, -amount)
    return int(row["many"]) if row else 0


def came_since(turn: Turn, payment: str, case: str) -> bool:
    """Whether money came into a payment's books after a case's last proposal, its own or other."""
    return any(kind in ("capture", "orphan_capture") for kind, _ in _entered_since(turn, payment, case))


def was_seen_going(turn: Turn, payment: str, case: str) -> bool:
    """Whether a notice, an inquiry, people by another case, or a refund that found it made already (E9) showed, after a
    case's last proposal, that money of a payment was given back."""
    gone, shown = ("refund", "external_refund", "orphan_refund"), ("E4", "E7", "E8", "E9")
    return any(kind in gone and evidence in shown for kind, evidence in _entered_since(turn, payment, case))


def _entered_since(turn: Turn, payment: str, case: str) -> list[tuple[str, str]]:
    """Read kind and evidence of what was entered after a case's last proposal: by the audit's order, as no clock tells
    for sure what came first."""
    asked = "SELECT kind, evidence FROM entries WHERE cause = ?"
    rows = [(row["event"], json.loads(row["detail"])) for row in audit.chain(turn, payment)]
    made = max(
        (at for at, (event, said) in enumerate(rows) if (event, said.get("case")) == (PROPOSED, case)), default=0
    )
    entries = [turn.one(asked, said["cause"]) for event, said in rows[made:] if event == audit.ENTRY]
    return [(row["kind"], row["evidence"]) for row in entries if row is not None]


def evidence_of_capture(turn: Turn, payment: str) -> str:
    """Give the evidence of a payment's own capture; "" where the books have none."""
    row = turn.one("SELECT evidence FROM entries WHERE payment = ? AND kind = 'capture'", payment)
    return str(row["evidence"]) if row else ""
