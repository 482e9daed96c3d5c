"""The signed routes about cases: a site lists its own, reads one, and proposes; it confirms nothing."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.decisions import EVIDENCE_CHARACTERS_MAX
from bridge.domain.failures import Malformed
from bridge.flows.context import Context
from bridge.flows.decide_case import Wish, propose, reject
from bridge.flows.show_cases import page_of_cases, proposal_json, read_case
from bridge.web.incoming import from_site
from bridge.web.lists import PageIn, read_page
from bridge.web.orders_in import Short, convert

ACTOR = r"^wp:[A-Za-z0-9_-]+\Z"
_PRIVATE = {"Cache-Control": "no-store"}


class CaseIn(msgspec.Struct):
    """The body of POST /v1/cases/{id}: propose a decision (amount in KRW), or withdraw the site's own proposal."""

    action: Literal["propose", "withdraw"]
    actor: Annotated[str, Meta(max_length=64, pattern=ACTOR)]
    decision: Short = ""
    evidence: Annotated[str, Meta(max_length=EVIDENCE_CHARACTERS_MAX)] = ""
    amount: int | None = None
    proposal: Short = ""


class Cases:
    """The routes of /v1/cases."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/v1/cases", self.list, methods=["GET"]),
            Route("/v1/cases/{case}", self.show, methods=["GET"]),
            Route("/v1/cases/{case}", self.act, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """List the site's open cases, oldest first."""
        signed = await from_site(self._context, request)
        asked = read_page(request, PageIn)
        items, more = await page_of_cases(self._context, signed.site.id, asked.limit, asked.cursor)
        return JSONResponse({"items": items, "next_cursor": more or None}, 200, _PRIVATE)

    async def show(self, request: Request) -> Response:
        """Show a case of the site with what may be decided and what was proposed."""
        signed = await from_site(self._context, request)
        return JSONResponse(await read_case(self._context, request.path_params["case"], signed.site.id), 200, _PRIVATE)

    async def act(self, request: Request) -> Response:
        """Propose what a person of the site found out; an operator of the bridge confirms it or does not."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), CaseIn)
        case, maker, site = request.path_params["case"], f"{signed.site.id}:{asked.actor}", signed.site.id
        if asked.action == "withdraw":
            remark = asked.evidence or "withdrawn"
            if not asked.proposal:
                raise Malformed("Name the proposal to withdraw.")
            ended = await reject(
                self._context, case, asked.proposal, who=maker, remark=remark, site=site, once=signed.once()
            )
            return JSONResponse(proposal_json(ended), 200, _PRIVATE)
        wish = Wish(case, asked.decision, asked.evidence, maker, asked.amount)
        made = await propose(self._context, wish, site=site, once=signed.once())
        return JSONResponse(proposal_json(made), 201, _PRIVATE)
