"""The signed routes of recurring plans, for the gateways that have some of their own."""

from datetime import date
from typing import Annotated, Any, Literal

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.billing import PlanState
from bridge.domain.failures import AmountRefused, GatewayOff, Malformed
from bridge.domain.payment import AMOUNT_MAX, Buyer
from bridge.flows.change_plan import change_plan
from bridge.flows.context import Context
from bridge.flows.plans import PlanWish, owned_plan, plan_json, register_plan
from bridge.flows.sites import Site
from bridge.ledger import plans
from bridge.ledger.plans import Plan
from bridge.web.billing import Actor, CustomerIn, OfCustomerIn, customer_of, titled
from bridge.web.incoming import from_site
from bridge.web.lists import cut, read_page
from bridge.web.orders_in import BuyerIn, GatewayName, Title, Url, Won, convert

ROUND_CHARACTERS = 8
LAST_OF_MONTH = 90
OrderRef = Annotated[str, Meta(min_length=1, max_length=64 - ROUND_CHARACTERS, pattern=r"^[A-Za-z0-9._:-]+$(?!\n)")]
DAYS = {"month": {*range(1, 32), LAST_OF_MONTH}, "week": set(range(1, 8)), "day": {0}}


class PlanIn(CustomerIn):
    """The body of POST /v1/plans; amounts in KRW; day is 1-31 (90: the month's last), 1-7 from Monday, or left out."""

    order_ref: OrderRef
    title: Title
    amount: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)]
    buyer: BuyerIn
    cycle: Literal["month", "week", "day"]
    ends: date
    result_url: Url
    actor: Actor
    day: Annotated[int, Meta(ge=0, le=LAST_OF_MONTH)] = 0
    tax_free: Won = 0
    gateway: GatewayName = ""


class PlanRoutes:
    """The routes of /v1/plans."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/v1/plans", self.register, methods=["POST"]),
            Route("/v1/plans", self.list, methods=["GET"]),
            Route("/v1/plans/{plan}", self.show, methods=["GET"]),
            Route("/v1/plans/{plan}/stop", self.stop, methods=["POST"]),
            Route("/v1/plans/{plan}/start", self.start, methods=["POST"]),
            Route("/v1/plans/{plan}", self.end, methods=["DELETE"]),
        ]

    async def register(self, request: Request) -> Response:
        """Register a plan: 201 with the page on which its buyer agrees."""
        signed = await from_site(self._context, request)
        wish = _wish(signed.site, convert(signed.json(), PlanIn))
        plan = await register_plan(self._context, signed.site, wish, signed.once())
        if plan.state is PlanState.REFUSED:
            raise GatewayOff(
                "The gateway refused the plan.",
                gateway_message=plan.message,
                message_ko="결제사가 정기결제를 등록하지 않았어요.",
            )
        if plan.state is PlanState.LOST:
            raise GatewayOff(
                "The gateway did not answer; nobody agreed to anything. Try again.",
                retry=True,
                message_ko="결제사가 답하지 않았어요. 아직 아무도 동의하지 않았으니 다시 등록해 주세요.",
            )
        return _answer(signed.site, plan, 201)

    async def list(self, request: Request) -> Response:
        """List a customer's plans, newest first."""
        signed = await from_site(self._context, request)
        asked = read_page(request, OfCustomerIn)
        found = await self._context.ledger.read(
            lambda turn: plans.of_customer(turn, signed.site.id, asked.customer, asked.limit + 1, before=asked.cursor)
        )
        page, last = cut(found, asked.limit)
        items = [titled(signed.site, plan_json(plan)) for plan in page]
        return _json({"items": items, "next_cursor": last.id if last else None}, 200)

    async def show(self, request: Request) -> Response:
        """Show a customer's plan."""
        signed = await from_site(self._context, request)
        customer, plan_id = customer_of(request), request.path_params["plan"]
        plan = await self._context.ledger.read(lambda turn: owned_plan(turn, signed.site, plan_id, customer))
        return _json(titled(signed.site, plan_json(plan)), 200)

    async def stop(self, request: Request) -> Response:
        """Let a plan rest: 200, or 202 while the gateway's answer is owed."""
        return await self._change(request, "stop")

    async def start(self, request: Request) -> Response:
        """Let a resting plan go on."""
        return await self._change(request, "start")

    async def end(self, request: Request) -> Response:
        """End a plan for good."""
        return await self._change(request, "end")

    async def _change(self, request: Request, deed: str) -> Response:
        signed = await from_site(self._context, request)
        customer, plan_id = convert(signed.json(), CustomerIn).customer, request.path_params["plan"]
        plan = await change_plan(self._context, signed.site, plan_id, customer, deed, signed.once())
        return _answer(signed.site, plan, 200)


def _wish(site: Site, asked: PlanIn) -> PlanWish:
    if not site.owns_url(asked.result_url) or any(ord(character) < 33 for character in asked.result_url):
        raise Malformed("result_url must be an address on the site's own origin.")
    if asked.day not in DAYS[asked.cycle]:
        raise Malformed("day must be 1-31 or 90 for a month, 1-7 for a week, and left out for a day.")
    if asked.tax_free > asked.amount:
        raise AmountRefused("tax_free is more than amount.")
    buyer = asked.buyer
    return PlanWish(
        customer=asked.customer,
        order_ref=asked.order_ref,
        title=asked.title,
        amount=asked.amount,
        buyer=Buyer(buyer.name, buyer.email, buyer.phone, buyer.id),
        cycle=asked.cycle,
        ends=asked.ends,
        result_url=asked.result_url,
        actor=asked.actor,
        day=asked.day,
        tax_free=asked.tax_free,
        gateway=asked.gateway,
    )


def _answer(site: Site, plan: Plan, status: int) -> Response:
    waits = plan.state in (PlanState.REGISTERING, PlanState.CHANGING)
    return _json(titled(site, plan_json(plan)), 202 if waits else status)


def _json(body: dict[str, Any], status: int) -> Response:
    return JSONResponse(body, status, {"Cache-Control": "no-store"})
