"""The operators' routes about cases, for a person's own tools: list, read, report, propose, confirm, reject."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.decisions import EVIDENCE_CHARACTERS_MAX
from bridge.domain.payment import parse_amount
from bridge.flows.context import Context
from bridge.flows.decide_case import Wish, confirm, propose, reject, report
from bridge.flows.show_cases import page_of_cases, proposal_json, read_case
from bridge.flows.two_people import REMARK_CHARACTERS_MAX, operator_actor
from bridge.web.from_operator import PRIVATE, answered, from_operator, note_look, once_of, read_json
from bridge.web.lists import PageIn, read_page
from bridge.web.orders_in import Short, convert

CASES = "/operators/v1/cases"
Evidence = Annotated[str, Meta(max_length=EVIDENCE_CHARACTERS_MAX)]
Remark = Annotated[str, Meta(max_length=REMARK_CHARACTERS_MAX)]


class SeenIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /operators/v1/cases: what an operator saw of a payment that the books do not show."""

    payment: Short
    evidence: Evidence


class ProposalIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST …/proposals: a decision with its evidence; amount in KRW, where it is about a part."""

    decision: Short
    evidence: Evidence
    amount: int | None = None


class RemarkIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST …/confirm and …/reject: what one saw oneself, or why not."""

    remark: Remark = ""


class OperatorCases:
    """The routes of /operators/v1/cases."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        one, proposal = f"{CASES}/{{case}}", f"{CASES}/{{case}}/proposals/{{proposal}}"
        return [
            Route(CASES, answered(self.list), methods=["GET"]),
            Route(CASES, answered(self.report), methods=["POST"]),
            Route(one, answered(self.show), methods=["GET"]),
            Route(f"{one}/proposals", answered(self.propose), methods=["POST"]),
            Route(f"{proposal}/confirm", answered(self.confirm), methods=["POST"]),
            Route(f"{proposal}/reject", answered(self.reject), methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """List the open cases of every site, oldest first."""
        await from_operator(self._context, request)
        asked = read_page(request, PageIn)
        items, more = await page_of_cases(self._context, None, asked.limit, asked.cursor)
        return JSONResponse({"items": items, "next_cursor": more or None}, 200, PRIVATE)

    async def show(self, request: Request) -> Response:
        """Show a case with what may be decided and what was proposed."""
        operator = await from_operator(self._context, request)
        shown = await read_case(self._context, request.path_params["case"])
        await note_look(self._context, request, operator, "case", shown["id"])
        return JSONResponse(shown, 200, PRIVATE)

    async def report(self, request: Request) -> Response:
        """Open a case; the same words about the same payment add nothing while it is open."""
        operator = await from_operator(self._context, request, acts=True)
        asked = convert((await read_json(request))[0], SeenIn)
        opened = await report(self._context, asked.payment, asked.evidence, operator_actor(operator.name))
        return JSONResponse(await read_case(self._context, opened), 201, PRIVATE)

    async def propose(self, request: Request) -> Response:
        """Propose a decision; another operator confirms it or does not."""
        operator = await from_operator(self._context, request, acts=True)
        given, body = await read_json(request)
        asked = convert(given, ProposalIn)
        amount = None if asked.amount is None else parse_amount(asked.amount)
        maker, case = operator_actor(operator.name), request.path_params["case"]
        wish = Wish(case, asked.decision, asked.evidence, maker, amount)
        made = await propose(self._context, wish, once=once_of(request, operator, body))
        return JSONResponse(proposal_json(made), 201, PRIVATE)

    async def confirm(self, request: Request) -> Response:
        """Confirm what another proposed; the same again answers the same and moves nothing."""
        operator = await from_operator(self._context, request, acts=True)
        remark = convert((await read_json(request))[0], RemarkIn).remark
        case, proposal = request.path_params["case"], request.path_params["proposal"]
        ended = await confirm(self._context, case, proposal, operator=operator.name, remark=remark)
        return JSONResponse(proposal_json(ended), 200, PRIVATE)

    async def reject(self, request: Request) -> Response:
        """Reject a proposal, or withdraw one's own; the same again answers the same."""
        operator = await from_operator(self._context, request, acts=True)
        remark = convert((await read_json(request))[0], RemarkIn).remark
        case, proposal = request.path_params["case"], request.path_params["proposal"]
        who = operator_actor(operator.name)
        ended = await reject(self._context, case, proposal, who=who, remark=remark)
        return JSONResponse(proposal_json(ended), 200, PRIVATE)
