"""The buyer's way in: an order token opens the gateway's window; scripts get JSON, browsers a redirect or a page."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.clock import now_ms
from bridge.domain.failures import BridgeError, Malformed, OrderTaken, TokenExpired, TokenRefused
from bridge.domain.payment import Device, Method, Order, Payment
from bridge.flows.context import Context
from bridge.flows.finish_checkout import look
from bridge.flows.log_in import network
from bridge.flows.open_checkout import Wish, open_checkout
from bridge.flows.sites import Site
from bridge.flows.snapshots import rfc3339
from bridge.flows.urls import landing_url, status_url
from bridge.signing.tokens import open_order
from bridge.web.errors import answer_of, korean_of, problem, wait_headers
from bridge.web.incoming import client_address, read_form
from bridge.web.landing import see_other
from bridge.web.limits import Limit
from bridge.web.orders_in import read_order
from bridge.web.pages import base_path, render

_BOTS = re.compile(
    r"kakaotalk-scrap|facebookexternalhit|slackbot|twitterbot|discordbot|telegrambot|whatsapp|linkedinbot|yeti|bingbot"
    r"|googlebot|daum(?!apps)|preview",
    re.IGNORECASE,
)
_MOBILE = re.compile(r"android|iphone|ipad|ipod|mobile", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A token opened, and how the buyer wants to pay."""

    site: Site
    order: Order
    wish: Wish


class Checkout:
    """The two routes of /checkout."""

    def __init__(self, context: Context) -> None:
        self._context = context
        settings = context.settings
        self._per_address = Limit(context.clock, settings.checkout_per_address_per_minute, 60)
        self._per_site = Limit(context.clock, settings.checkout_per_site_per_second, 1)

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/checkout", self.post, methods=["POST"]),
            Route("/checkout/{token}", self.get, methods=["GET", "HEAD"]),
        ]

    async def get(self, request: Request) -> Response:
        """Open the window from a link; previews, prefetches and HEAD create nothing."""
        if request.method == "HEAD" or _is_preview(request):
            base, token = base_path(self._context), request.path_params["token"]
            return render("checkout/continue.html", base=base, address=f"{base}/checkout/{token}")
        fields = {name: values[0] for name, values in parse_qs(request.url.query).items()}
        return await self._answer(request, fields | {"token": request.path_params["token"]})

    async def post(self, request: Request) -> Response:
        """Open the window from a form or a script."""
        try:
            fields = await read_form(request, self._context.settings.body_max_bytes)
        except BridgeError as error:
            return self._refuse(request, error, None)
        return await self._answer(request, fields)

    async def _answer(self, request: Request, fields: dict[str, str]) -> Response:
        asked: _Asked | None = None
        try:
            self._per_address.take(network(client_address(self._context, request)))
            asked = self._read(request, fields)
            self._per_site.take(asked.site.id)
            payment = await open_checkout(self._context, asked.site, asked.wish)
        except OrderTaken as error:
            assert asked is not None, "only an opened order is taken"
            return await self._taken(request, asked, error)
        except BridgeError as error:
            return self._refuse(request, error, asked)
        if not _wants_json(request):
            return see_other(payment.window_url)
        body = self._body(payment) | {"window_url": payment.window_url, "expires_at": rfc3339(payment.expires_at)}
        return self._json(request, body, 201)

    def _read(self, request: Request, fields: dict[str, str]) -> _Asked:
        """Open the token and read the wish. Raises TokenRefused, TokenExpired, Malformed, AmountRefused."""
        context = self._context
        opened = open_order(fields.get("token", ""), context.sites.find_key, now_ms(context.clock) // 1000)
        site = context.sites.get(opened.key.site)
        try:
            order = read_order(site, opened.payload["order"])
        except Malformed as error:
            raise TokenRefused(f"The order in the token cannot be read: {error.detail}") from None
        method = str(opened.payload.get("method") or fields.get("method") or fields.get("payment_method") or "card")
        gateway = str(opened.payload.get("gateway") or "")
        months = opened.payload.get("instalment_months") or 0
        if type(months) is not int:
            raise TokenRefused("The token's instalment_months is not a number of months.")
        wish = Wish(order, opened.jti, _method(method), _device(request, fields), gateway, instalment_months=months)
        return _Asked(site, order, wish)

    async def _taken(self, request: Request, asked: _Asked, error: OrderTaken) -> Response:
        """An order that is paid, or may be, leads to its result and never to a second payment."""
        visit = await look(self._context, asked.site, str(error.extra["payment"]))
        target = landing_url(self._context, asked.order.result_url, visit.payment)
        if not _wants_json(request):
            return see_other(target)
        return self._json(request, self._body(visit.payment) | {"result_url": target}, 200)

    def _body(self, payment: Payment) -> dict[str, str | int]:
        return {
            "payment": payment.id,
            "state": payment.state,
            "status_url": status_url(self._context, payment),
        }

    def _json(self, request: Request, body: dict[str, str | int], status: int) -> Response:
        return JSONResponse(body, status, {"Cache-Control": "no-store"} | cors(self._context, request))

    def _refuse(self, request: Request, error: BridgeError, asked: _Asked | None) -> Response:
        if _wants_json(request):
            return problem(error, cors(self._context, request))
        status, _, _ = answer_of(error)
        return render(
            "checkout/refused.html",
            status=status,
            headers=wait_headers(error),
            base=base_path(self._context),
            title=_TITLES.get(error.code, "결제를 시작하지 못했어요"),
            korean=korean_of(error),
            gateway_message=str(error.extra.get("gateway_message") or ""),
            retry_url=self._retry_url(error, asked),
            again=error.code in ("gateway_unavailable", "busy", "too_many"),
        )

    def _retry_url(self, error: BridgeError, asked: _Asked | None) -> str:
        """Say where the buyer goes on: an address of the site's own, or nowhere."""
        if asked is not None:
            return asked.order.retry_url
        retry_url = str(error.extra.get("retry_url") or "")
        if isinstance(error, TokenExpired) and any(site.owns_url(retry_url) for site in self._context.sites.all()):
            return retry_url
        return ""


_TITLES = {
    "token_expired": "결제 시간이 지났어요",
    "order_changed": "주문 내용이 바뀌었어요",
    "too_many": "잠시만 기다려 주세요",
    "gateway_unavailable": "결제 창을 열지 못했어요",
}


def cors(context: Context, request: Request) -> dict[str, str]:
    """Let a script of a served site read the answer; no other origin may."""
    origin = request.headers.get("origin", "")
    if any(site.origin == origin for site in context.sites.all()):
        return {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    return {"Vary": "Origin"}


def _method(text: str) -> Method:
    try:
        return Method(text)
    except ValueError:
        raise Malformed("This payment method is not known.") from None


def _device(request: Request, fields: dict[str, str]) -> Device:
    given = fields.get("device", "")
    if given in set(Device):
        return Device(given)
    return Device.MOBILE if _MOBILE.search(request.headers.get("user-agent", "")[:500]) else Device.PC


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


def _is_preview(request: Request) -> bool:
    purpose = (
        request.headers.get("sec-purpose", "") + request.headers.get("purpose", "") + request.headers.get("x-moz", "")
    )
    return "prefetch" in purpose.lower() or bool(_BOTS.search(request.headers.get("user-agent", "")[:500]))
