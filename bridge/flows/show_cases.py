"""How cases are shown to WordPress, on the command line and to operators: with their evidence and what to do next."""

from dataclasses import asdict
from typing import Any

from bridge.clock import from_ms
from bridge.domain.decisions import Decision, Matter, suggest
from bridge.domain.failures import Malformed, NotFound
from bridge.domain.payment import Payment
from bridge.flows.case_words import DECISIONS, advise
from bridge.flows.context import Context
from bridge.flows.decide_case import decidable
from bridge.flows.snapshots import rfc3339
from bridge.ledger import cases, payments, proposals
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.proposals import Proposal

LISTED_MAX = 100
MS_DIGITS_MAX = 15


def case_json(turn: Turn, case: Row) -> dict[str, Any]:
    """Show a case: what it is about, what may be decided, what is proposed, and what was proposed before."""
    payment = payments.get(turn, case["site"], case["payment"])
    offered, matter = decidable(turn, case, payment), cases.matter_of(case)
    history = proposals.of_case(turn, case["id"])
    proposed = next((one for one in history if one.state == "open"), None)
    is_open = case["state"] == "open"
    shown: dict[str, Any] = {name: case[name] for name in ("id", "site", "payment", "reason", "detail", "state")}
    shown |= {
        "order_ref": payment.order_ref,
        "gateway": payment.gateway,
        "merchant_ref": payment.merchant_ref,
        "payment_state": payment.state,
        "payment_amount": payment.amount,
        "opened_at": rfc3339(from_ms(case["opened_at"])),
        "decisions": [_choice(one, payment, matter) for one in offered],
    }
    optional = {
        "amount": case["amount"],
        "booked": case["booked"],
        "closed_at": rfc3339(from_ms(case["closed_at"])) if case["closed_at"] else "",
        "resolution": case["resolution"],
        "advice": advise(matter, payment, decidable=bool(offered), proposed=bool(proposed))._asdict()
        if is_open
        else {},
        "proposal": proposal_json(proposed) if proposed else {},
        "history": [proposal_json(one) for one in history if one.state != "open"],
    }
    return shown | {name: value for name, value in optional.items() if value}


def proposal_json(proposal: Proposal) -> dict[str, Any]:
    """Show a proposal."""
    shown = asdict(proposal)
    shown["case"] = shown.pop("case_id")
    shown["label"] = DECISIONS[Decision(proposal.decision)]._asdict()
    for name in ("made_at", "ended_at"):
        if shown.get(name):
            shown[name] = rfc3339(from_ms(shown[name]))
    return shown


async def read_case(context: Context, case_id: str, site: str | None = None) -> dict[str, Any]:
    """Read a case, of one site or of any. Raises NotFound."""

    def work(turn: Turn) -> dict[str, Any]:
        case = cases.get(turn, case_id, site)
        if case is None:
            raise NotFound("There is no such case.")
        return case_json(turn, case)

    return await context.ledger.read(work)


async def list_cases(context: Context, site: str | None = None, limit: int = LISTED_MAX) -> list[dict[str, Any]]:
    """List the open cases, oldest first, of one site or of all."""
    return (await page_of_cases(context, site, limit))[0]


async def page_of_cases(
    context: Context, site: str | None, limit: int, cursor: str = ""
) -> tuple[list[dict[str, Any]], str]:
    """List the open cases after a cursor, and give the cursor of what follows, if anything does. Raises Malformed."""
    after = read_cursor(cursor)

    def work(turn: Turn) -> tuple[list[dict[str, Any]], str]:
        found = cases.open_cases(turn, site, limit + 1, after)
        more = cursor_after(found[limit - 1]) if len(found) > limit else ""
        return [case_json(turn, case) for case in found[:limit]], more

    return await context.ledger.read(work)


def cursor_after(case: Row) -> str:
    """Make the cursor of what follows a case in the list of the open ones."""
    return f"{case['opened_at']}.{case['id']}"


def read_cursor(cursor: str) -> tuple[int, str]:
    """Read after what a page of open cases begins; "" is the first. Raises Malformed."""
    if not cursor:
        return 0, ""
    at, _, case_id = cursor.partition(".")
    if not (at.isascii() and at.isdigit() and len(at) <= MS_DIGITS_MAX and case_id):
        raise Malformed("The cursor is not one that this list gave; begin without it.")
    return int(at), case_id


def _choice(decision: Decision, payment: Payment, matter: Matter) -> dict[str, Any]:
    amount = suggest(decision, payment, matter)
    return {"decision": decision, "label": DECISIONS[decision]._asdict(), "amount": amount}
