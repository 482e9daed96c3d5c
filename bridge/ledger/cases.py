"""Cases: what only a person may decide."""

import json
from collections.abc import Mapping

from bridge.domain.decisions import Matter
from bridge.domain.failures import Conflict
from bridge.ledger import audit
from bridge.ledger.ledger import Row, Turn

DETAILS_MAX = 20
"""Lines of detail a case takes: what repeats itself is told once, what never ends is cut off unless it is of money."""


def open_case(
    turn: Turn,
    *,
    case_id: str,
    site: str,
    payment: str,
    reason: str,
    detail: str,
    at: int,
    amount: int = 0,
    refs: Mapping[str, str] | None = None,
) -> bool:
    """Open a case, or add to the one that is open for the same reason; `amount` in KRW is what it is about.

    `refs` are the gateway's own numbers of its money, kept while all of it has the same ones. Answers whether this is
    news: the same detail again adds nothing. New detail ends a proposal made without it.
    """
    known, numbers = open_one(turn, payment, reason), json.dumps(dict(refs or {}), sort_keys=True)
    if known is None:
        turn.run(
            "INSERT INTO cases (id, site, payment, reason, detail, amount, refs, state, opened_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?)",
            *(case_id, site, payment, reason, detail, amount, numbers, at),
        )
        _note(turn, site, payment, "case.opened", case_id, reason, at)
        return True
    lines = known["detail"].split("\n")
    if detail in lines or (not amount and len(lines) >= DETAILS_MAX):
        return False
    same = not amount or known["refs"] == numbers  # a word without money is about what is there
    turn.run(
        "UPDATE cases SET detail = ?, amount = ?, refs = ? WHERE id = ?",
        *("\n".join([*lines, detail]), known["amount"] + amount, known["refs"] if same else "{}", known["id"]),
    )
    overtake(turn, known["id"], "more was found", at)
    _note(turn, site, payment, "case.extended", known["id"], reason, at)
    return True


def open_one(turn: Turn, payment: str, reason: str) -> Row | None:
    """Read a payment's open case for a reason; there is at most one."""
    return turn.one("SELECT * FROM cases WHERE payment = ? AND reason = ? AND state = 'open'", payment, reason)


def matter_of(case: Row) -> Matter:
    """Read what a case is about."""
    return Matter(case["reason"], case["amount"], case["booked"])


def book(turn: Turn, case: Row, amount: int, at: int) -> None:
    """Note that the books have so many KRW more of an open case's money; what was proposed without it ends."""
    booked = case["booked"] + amount
    turn.run("UPDATE cases SET booked = ?, amount = ? WHERE id = ?", booked, max(case["amount"], booked), case["id"])
    overtake(turn, case["id"], "more was found", at)


def answer(turn: Turn, case: Row, amount: int, at: int) -> int:
    """Take KRW off an open case of which it is known what became of them: first of those that the books have. Answers
    how many are left in it; what was proposed about more of them ends."""
    booked, left = max(int(case["booked"]) - amount, 0), max(int(case["amount"]) - amount, 0)
    turn.run("UPDATE cases SET booked = ?, amount = ? WHERE id = ?", booked, left, case["id"])
    overtake(turn, case["id"], "a part of it was settled", at)
    return left


def overtake(turn: Turn, case_id: str, remark: str, at: int) -> None:
    """End a case's open proposal, because evidence came that its maker did not have."""
    turn.run(
        "UPDATE proposals SET state = 'overtaken', remark = ?, ended_at = ? WHERE case_id = ? AND state = 'open'",
        *(remark, at, case_id),
    )


def close_case(turn: Turn, payment: str, reason: str, resolution: str, at: int) -> None:
    """Close a payment's open case for a reason, and what was proposed for it, because evidence arrived."""
    for row in turn.all(
        "SELECT id, site FROM cases WHERE payment = ? AND reason = ? AND state = 'open'",
        *(payment, reason),
    ):
        overtake(turn, row["id"], resolution, at)
        _note(turn, row["site"], payment, "case.closed", row["id"], reason, at)
    turn.run(
        "UPDATE cases SET state = 'closed', closed_at = ?, resolution = ?"
        " WHERE payment = ? AND reason = ? AND state = 'open'",
        *(at, resolution, payment, reason),
    )


def open_cases(turn: Turn, site: str | None = None, limit: int = 100, after: tuple[int, str] = (0, "")) -> list[Row]:
    """Read the open cases, oldest first, of one site or of all; those after an `opened_at` and id where given."""
    of_site, sites = _of_site(site)
    return turn.all(
        f"SELECT * FROM cases WHERE {of_site}state = 'open'"  # noqa: S608 - _of_site writes no value into it
        " AND opened_at >= ? AND (opened_at > ? OR id > ?) ORDER BY opened_at, id LIMIT ?",
        *(*sites, after[0], *after, limit),
    )


def count_open(turn: Turn, site: str | None = None) -> int:
    """Count the open cases, of one site or of all, however many there are."""
    of_site, sites = _of_site(site)
    asked = f"SELECT COUNT(*) AS many FROM cases WHERE {of_site}state = 'open'"  # noqa: S608 - as in open_cases
    counted = turn.one(asked, *sites)
    return int(counted["many"]) if counted else 0


def _of_site(site: str | None) -> tuple[str, tuple[str, ...]]:
    """Narrow a question to one site, or to none, so that the index of the open cases serves both."""
    return ("", ()) if site is None else ("site = ? AND ", (site,))


def get(turn: Turn, case_id: str, site: str | None = None) -> Row | None:
    """Read a case, of one site or of any."""
    return turn.one("SELECT * FROM cases WHERE id = ? AND (? = '' OR site = ?)", case_id, site or "", site or "")


def end(turn: Turn, case_id: str, state: str, resolution: str, at: int) -> None:
    """Take an open case to closed or adopted. Raises Conflict when evidence closed it meanwhile."""
    changed = turn.run(
        "UPDATE cases SET state = ?, closed_at = ?, resolution = ? WHERE id = ? AND state = 'open'",
        *(state, at, resolution, case_id),
    )
    if changed != 1:
        raise Conflict("The case was closed meanwhile; read it again.")


def of_payment(turn: Turn, payment: str) -> list[Row]:
    """Read a payment's cases, oldest first."""
    return turn.all("SELECT * FROM cases WHERE payment = ? ORDER BY opened_at", payment)


def _note(turn: Turn, site: str, payment: str, event: str, case_id: str, reason: str, at: int) -> None:
    """Write into the payment's audit that a case of it changed."""
    row = turn.one("SELECT state FROM payments WHERE id = ?", payment)
    state = row["state"] if row else ""
    audit.note(
        turn,
        site=site,
        payment=payment,
        at=at,
        actor="bridge",
        event=event,
        was=state,
        became=state,
        detail={"case": case_id, "reason": reason},
    )
