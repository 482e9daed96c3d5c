"""The buyer's way back: from the gateway's window to the shop, without cookies; and the question how it stands."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.failures import BridgeError
from bridge.domain.machine import State
from bridge.flows.close_checkout import close_checkout
from bridge.flows.context import Context
from bridge.flows.finish_checkout import Visit, finish_checkout, look
from bridge.flows.sites import Site
from bridge.flows.urls import landing_url
from bridge.signing.tokens import TokenPurpose
from bridge.web.checkout import cors
from bridge.web.errors import answer_of, problem
from bridge.web.incoming import read_posted, read_query
from bridge.web.landing import in_frame, landing, lead_on, look_again, refused_page
from bridge.web.pages import base_path, render

SAYINGS = {
    State.NEW: "결제를 준비하고 있어요.",
    State.READYING: "결제를 준비하고 있어요.",
    State.OPEN: "결제를 기다리고 있어요.",
    State.APPROVING: "결제 결과를 확인하고 있어요. 다시 결제하지 마세요.",
    State.UNKNOWN: "결제 결과를 확인하고 있어요. 다시 결제하지 마세요.",
    State.VOIDING: "결제 결과를 확인하고 있어요. 다시 결제하지 마세요.",
    State.NEEDS_HUMAN: "결제 결과를 확인하고 있어요. 다시 결제하지 마세요.",
    State.AWAITING_DEPOSIT: "입금을 기다리고 있어요.",
    State.PAID: "결제했어요.",
    State.PART_REFUNDED: "일부를 환불했어요.",
    State.REFUNDED: "환불했어요.",
    State.DECLINED: "결제가 되지 않았어요.",
    State.VOIDED: "결제되지 않았어요. 승인은 취소됐어요.",
    State.EXPIRED: "결제 시간이 지났어요. 돈은 빠져나가지 않았어요.",
    State.FAILED_READY: "결제 창을 열지 못했어요. 돈은 빠져나가지 않았어요.",
    State.SUPERSEDED: "결제 창을 열지 못했어요. 돈은 빠져나가지 않았어요.",
}

NOTHING: Mapping[str, str] = MappingProxyType({})

WINDOW_REFUSED = (
    "결제사가 결제 창을 열어 주지 않았어요. 아직 아무것도 결제하지 않았어요. "
    "다시 시도하거나 다른 결제 수단을 골라 주세요."
)
WINDOW_REFUSED_AGAIN = (
    "결제사가 결제 창을 열어 주지 않았어요. 이미 결제했다면 결과를 확인하고 있으니 다시 결제하지 마세요. "
    "결제하지 않았다면 다시 시도하거나 다른 결제 수단을 골라 주세요."
)
"""Where a window that was opened before may have taken the money, or another payment of the order did."""


class Returns:
    """The routes of /r and /s."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/r/{token}", self.come_back, methods=["GET", "HEAD", "POST"]),
            Route("/r/{token}/close", self.close, methods=["GET", "HEAD", "POST"]),
            Route("/s/{token}", self.status, methods=["GET"]),
        ]

    async def come_back(self, request: Request) -> Response:
        """Take the buyer's return: GET and POST, safe to repeat; a disconnect ends nothing."""
        site: Site | None = None
        posted: dict[str, str] = {}
        try:
            site, payment_id = self._read(request, "return")
            if request.method == "HEAD":
                return Response(headers={"Cache-Control": "no-store"})
            posted = await read_posted(request, self._context.settings.body_max_bytes)
            visit = await finish_checkout(self._context, site, payment_id, read_query(request) | posted)
        except BridgeError as error:
            return await self._refuse(request, error, site, posted)
        if visit.unsettled:
            return self._wait(request, visit)
        return lead_on(self._context, request, landing(self._context, visit))

    async def close(self, request: Request) -> Response:
        """Take the word that the window was closed: a hint only."""
        try:
            site, payment_id = self._read(request, "close")
            if request.method == "HEAD":
                return Response(headers={"Cache-Control": "no-store"})
            visit = await close_checkout(self._context, site, payment_id)
        except BridgeError as error:
            return await self._refuse(request, error)
        if visit.payment.state == State.OPEN:
            url = landing_url(self._context, visit.order.retry_url, visit.payment, "closed")
            return lead_on(self._context, request, url)
        return lead_on(self._context, request, landing(self._context, visit))

    async def status(self, request: Request) -> Response:
        """Say how a payment stands: no amount, no name; for scripts of the shop."""
        headers = {"Cache-Control": "no-store"} | cors(self._context, request)
        try:
            site, payment_id = self._read(request, "status")
            visit = await look(self._context, site, payment_id)
        except BridgeError as error:
            return problem(error, headers)
        state = State(visit.payment.state)
        body = {"state": state, "message_ko": SAYINGS[state]}
        if visit.window_refused:
            perhaps = visit.may_be_paying or visit.other is not None
            body |= {"window": "refused", "message_ko": WINDOW_REFUSED_AGAIN if perhaps else WINDOW_REFUSED}
        if visit.payment.message and state in (State.DECLINED, State.FAILED_READY):
            body["gateway_message"] = visit.payment.message
        if state is State.OPEN and visit.payment.close_seen_at:
            body["closed"] = "true"
        return JSONResponse(body | {"result_url": landing(self._context, visit)}, headers=headers)

    def _read(self, request: Request, purpose: TokenPurpose) -> tuple[Site, str]:
        site, payment = self._context.tokens.read(purpose, request.path_params["token"], parts=2)
        return self._context.sites.get(site), payment

    def _wait(self, request: Request, visit: Visit) -> Response:
        """The page of an outcome nobody knows yet: it asks again by itself and never says that it failed."""
        base = base_path(self._context)
        again = f"{base}/r/{request.path_params['token']}"
        if in_frame(request):
            return lead_on(self._context, request, again)
        return render(
            "checkout/confirming.html",
            headers={"Refresh": f"3; url={again}"},
            base=base,
            order=visit.order,
            again=again,
            posted={},
            result_url=landing(self._context, visit),
        )

    async def _refuse(
        self, request: Request, error: BridgeError, site: Site | None = None, posted: Mapping[str, str] = NOTHING
    ) -> Response:
        """A return that is not this payment's moves nothing, and the buyer is shown the way to the order."""
        status, _, _ = answer_of(error)
        if status >= 500:
            page, shown = "checkout/confirming.html", {"order": None, "result_url": ""}
            return look_again(self._context, request, page, status, site=site, posted=posted, **shown)
        shop_url = await self._shop_url(request)
        if in_frame(request) and shop_url:
            return lead_on(self._context, request, shop_url)
        return refused_page(self._context, error, title="결제를 확인하지 못했어요", retry_url=shop_url)

    async def _shop_url(self, request: Request) -> str:
        for purpose in ("return", "close"):
            try:
                site, payment_id = self._read(request, purpose)
                visit = await look(self._context, site, payment_id)
            except BridgeError:
                continue
            return landing(self._context, visit)
        return ""
