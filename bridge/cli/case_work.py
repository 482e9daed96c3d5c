"""What `pay-bridge cases` does to a bridge; who proposes or confirms proves the password of their account first."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from bridge.domain.failures import Malformed
from bridge.domain.payment import AMOUNT_MAX, AMOUNT_MIN
from bridge.flows.context import Context
from bridge.flows.decide_case import Wish, confirm, propose, reject, report
from bridge.flows.log_in import Attempt, prove
from bridge.flows.show_cases import LISTED_MAX, list_cases, proposal_json, read_case
from bridge.flows.two_people import operator_actor

HERE = "127.0.0.1"


class CasesList(Struct, forbid_unknown_fields=True):
    """`cases list`."""

    limit: Annotated[int, Meta(ge=1, le=LISTED_MAX)]


class CaseNamed(Struct, forbid_unknown_fields=True):
    """`cases show`."""

    case: str


class CaseReport(Struct, forbid_unknown_fields=True):
    """`cases report`: something an operator saw that the books do not show."""

    payment: str
    evidence: str
    name: str
    password: str


class CasePropose(Struct, forbid_unknown_fields=True):
    """`cases propose`: amount in KRW, where the decision is about a part."""

    case: str
    decision: str
    evidence: str
    amount: Annotated[int, Meta(ge=AMOUNT_MIN, le=AMOUNT_MAX)] | None
    name: str
    password: str


class CaseConfirm(Struct, forbid_unknown_fields=True):
    """`cases confirm`: `proposal` is what was looked at; another may be proposed by now."""

    case: str
    proposal: str
    remark: str
    name: str
    password: str


class CaseReject(Struct, forbid_unknown_fields=True):
    """`cases reject`."""

    case: str
    remark: str
    name: str
    password: str


async def list_(context: Context, words: CasesList) -> Any:
    """List the open cases of every site."""
    return await list_cases(context, None, words.limit)


async def show(context: Context, words: CaseNamed) -> Any:
    """Show a case."""
    return await read_case(context, words.case)


async def report_(context: Context, words: CaseReport) -> Any:
    """Open a case."""
    who = await who_acts(context, words.name, words.password)
    return await read_case(context, await report(context, words.payment, words.evidence, operator_actor(who)))


async def propose_(context: Context, words: CasePropose) -> Any:
    """Propose a decision."""
    who = await who_acts(context, words.name, words.password)
    wish = Wish(words.case, words.decision, words.evidence, operator_actor(who), words.amount)
    return proposal_json(await propose(context, wish))


async def confirm_(context: Context, words: CaseConfirm) -> Any:
    """Confirm what was proposed for a case, if it is that still."""
    who = await who_acts(context, words.name, words.password)
    return proposal_json(await confirm(context, words.case, words.proposal, operator=who, remark=words.remark))


async def reject_(context: Context, words: CaseReject) -> Any:
    """Reject what is proposed for a case."""
    proposal = await _proposal(context, words.case)
    who = await who_acts(context, words.name, words.password)
    ended = await reject(context, words.case, proposal, who=operator_actor(who), remark=words.remark)
    return proposal_json(ended)


async def who_acts(context: Context, name: str, password: str) -> str:
    """Prove an operator's password; gives their name. Raises Malformed for a viewer, LoginRefused, TooMany."""
    operator = await prove(context, Attempt(name, password, HERE))
    if operator.role != "operator":
        raise Malformed(f"{name} is a viewer, who may look and not act.")
    return operator.name


async def _proposal(context: Context, case_id: str) -> str:
    proposed = (await read_case(context, case_id)).get("proposal")
    if proposed is None:
        raise Malformed("Nothing is proposed for this case; `pay-bridge cases show` says how it stands.")
    return str(proposed["id"])
