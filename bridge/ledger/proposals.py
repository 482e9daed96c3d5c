"""Proposals: what one person says about a case, until another has confirmed or rejected it."""

from dataclasses import dataclass

from bridge.domain.failures import Conflict
from bridge.ledger.ledger import Row, Turn


@dataclass(frozen=True, slots=True)
class Proposal:
    """One person's decision with its evidence; amount in KRW, times in milliseconds."""

    id: str
    site: str
    case_id: str
    decision: str
    amount: int
    evidence: str
    maker: str
    made_at: int
    state: str = "open"
    checker: str = ""
    remark: str = ""
    ended_at: int | None = None


def add(turn: Turn, proposal: Proposal) -> None:
    """Write a proposal. Raises Conflict when one of the same case is open."""
    if open_of(turn, proposal.case_id) is not None:
        raise Conflict("Something is proposed for this case already; confirm or reject it first.")
    turn.run(
        "INSERT INTO proposals (id, site, case_id, decision, amount, evidence, maker, made_at, state)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open')",
        *(proposal.id, proposal.site, proposal.case_id, proposal.decision, proposal.amount, proposal.evidence),
        *(proposal.maker, proposal.made_at),
    )


def end(turn: Turn, proposal: Proposal, state: str, *, checker: str, remark: str, at: int) -> None:
    """End an open proposal: confirmed or rejected. Raises Conflict when it has ended meanwhile."""
    changed = turn.run(
        "UPDATE proposals SET state = ?, checker = ?, remark = ?, ended_at = ? WHERE id = ? AND state = 'open'",
        *(state, checker, remark, at, proposal.id),
    )
    if changed != 1:
        raise Conflict("The proposal has ended meanwhile; read the case again.")


def get(turn: Turn, proposal_id: str) -> Proposal | None:
    """Read a proposal."""
    row = turn.one("SELECT * FROM proposals WHERE id = ?", proposal_id)
    return _read(row) if row else None


def open_of(turn: Turn, case_id: str) -> Proposal | None:
    """Read a case's open proposal."""
    row = turn.one("SELECT * FROM proposals WHERE case_id = ? AND state = 'open'", case_id)
    return _read(row) if row else None


def of_case(turn: Turn, case_id: str) -> list[Proposal]:
    """Read what was ever proposed for a case, oldest first."""
    return [_read(row) for row in turn.all("SELECT * FROM proposals WHERE case_id = ? ORDER BY id", case_id)]


def _read(row: Row) -> Proposal:
    return Proposal(**{name: row[name] for name in Proposal.__slots__})
