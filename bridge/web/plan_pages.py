"""What a customer's browser meets where a gateway's script registers a recurring plan: the window's page, the state."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.billing import PlanState
from bridge.domain.failures import BridgeError
from bridge.flows.context import Context
from bridge.flows.plans import asked_of, open_plan_window
from bridge.flows.sites import Site
from bridge.flows.urls import plan_page_url
from bridge.ledger import plans
from bridge.ledger.plans import Plan
from bridge.web.landing import refused_page, see_other
from bridge.web.pages import base_path, render
from bridge.web.window_words import PLAN


class PlanPages:
    """The routes of /p/{plan token}."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/p/{token}/window", self.window, methods=["GET"]),
            Route("/p/{token}/state", self.state, methods=["GET"]),
        ]

    async def window(self, request: Request) -> Response:
        """Show the page that opens the window by the gateway's script; a plan that went on leads to its result."""
        context = self._context
        try:
            site, plan = await self._plan(request)
            window = open_plan_window(context, site, plan)
        except BridgeError as error:
            return refused_page(context, error, title="정기결제 창을 열지 못했어요")
        asked = asked_of(context, plan)
        if window is None:
            return see_other(asked["result_url"])
        own_url = plan_page_url(context, plan).removesuffix("/window")
        return render(
            "checkout/window.html",
            words=PLAN,
            base=base_path(context),
            headers={"Referrer-Policy": "origin"},  # gateways ask from which registered address they were called
            form_action=[site.origin],
            origins=window.origins,
            styles_inline=True,
            window=window,
            title=asked["title"],
            amount=plan.amount,
            return_url=asked["result_url"],
            close_url=asked["result_url"],
            status_url=f"{own_url}/state",
            not_loaded_url=f"{own_url}/not-loaded",
        )

    async def state(self, request: Request) -> Response:
        """Say how the plan stands, for the window's script."""
        _, plan = await self._plan(request)
        waits = plan.state in (PlanState.REGISTERING, PlanState.WAITING)
        body = {
            "state": "open" if waits else str(plan.state),
            "result_url": asked_of(self._context, plan)["result_url"],
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def _plan(self, request: Request) -> tuple[Site, Plan]:
        site_id, plan_id = self._context.tokens.read("plan", request.path_params["token"], parts=2)
        site = self._context.sites.get(site_id)
        return site, await self._context.ledger.read(lambda turn: plans.get(turn, site.id, plan_id))
