"""The demo shop's pages: tickets, order, result, clerk. Plain forms, no JavaScript."""

import base64
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bridge.demo.notebook import Order
from bridge.demo.office import NEWS_BYTES_MAX, Office
from bridge.demo.tickets import TICKETS
from bridge.domain.failures import AmountRefused, BridgeError, Malformed
from bridge.domain.machine import TERMINAL, UNSETTLED, State
from bridge.domain.payment import Method, parse_amount
from bridge.domain.reasons import Reason
from bridge.web import static
from bridge.web.dashboard.said import Said
from bridge.web.dashboard.words import METHODS, STATES
from bridge.web.incoming import read_body, read_form
from bridge.web.pages import render

FORM_BYTES_MAX = 16 * 1024
ORDERS_SHOWN = 50
OFFERED = (
    Method.CARD,
    Method.ACCOUNT,
    Method.VIRTUAL_ACCOUNT,
    Method.PHONE,
    Method.KAKAOPAY,
    Method.NAVERPAY,
)
_UNPAID = Said("결제 전", "Not paid")
_WAITING_REFRESH = {"Refresh": "3"}
_OWN_FORMS = {"Referrer-Policy": "same-origin"}  # without a referrer policy of its own a form says Origin: null
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop. The clerk's page wants `clerk` and `password`; `window_origins` are where checkout may lead."""

    office: Office
    clerk: str
    password: str = field(repr=False)
    sandbox_url: str
    window_origins: tuple[str, ...]
    started_at: int

    def build(self) -> Starlette:
        """Build the shop's application."""
        return Starlette(
            routes=[
                Route("/", self.tickets, methods=["GET"]),
                Route("/", self.hook, methods=["POST"]),
                Route("/orders", self.sell, methods=["POST"]),
                Route("/orders/{ref}", self._of_order(self.order), methods=["GET"]),
                Route("/orders/{ref}/result", self._of_order(self.result), methods=["GET"]),
                Route("/orders/{ref}/deposit", self._of_order(self.deposit), methods=["POST"]),
                Route("/clerk", self._of_clerk(self.orders), methods=["GET"]),
                Route("/clerk/{ref}", self._of_clerk(self._of_order(self.clerk_order)), methods=["GET"]),
                Route("/clerk/{ref}/refunds", self._of_clerk(self._of_order(self.refund)), methods=["POST"]),
                *static.routes(),
            ],
            exception_handlers={BridgeError: _sorry},
        )

    async def tickets(self, _: Request) -> Response:
        """Show what is sold."""
        return render("demo/tickets.html", tickets=list(TICKETS.values()))

    async def sell(self, request: Request) -> Response:
        """Take an order; its price comes from the shop's own list."""
        form = await read_form(request, FORM_BYTES_MAX)
        buyer = {name: form.get(name, "").strip()[:100] for name in ("name", "email", "phone")}
        order = self.office.sell(form.get("ticket", ""), buyer)
        return _go(f"/orders/{order.ref}")

    async def order(self, request: Request, order: Order) -> Response:
        """Show an order with its pay button, or the result of one that has been paid or may have been."""
        await self.office.refresh(order)
        payment = self.office.notebook.payment(order.ref)
        if payment is not None and not _may_pay_again(payment):
            return _go(f"/orders/{order.ref}/result")
        known = request.query_params.get("pay_bridge_result", "")
        return render(
            "demo/order.html",
            form_action=self.window_origins,
            order=order,
            methods={method: METHODS[method].ko for method in OFFERED},
            bridge_url=self.office.bridge_url,
            token=self.office.seal(order) if order.hold_until > self.office.now() else "",
            ended=known if known in ("closed", "declined", "expired", "failed") else "",
            message=(payment or {}).get("message", ""),
            seat_lost=(payment or {}).get("reason") == Reason.SEAT_LOST,
        )

    async def result(self, _: Request, order: Order) -> Response:
        """Show what came of an order; while nobody knows, the page asks again by itself."""
        payment = self.office.notebook.payment(order.ref)
        if payment is None or payment["state"] not in TERMINAL:
            await self.office.refresh(order)
            payment = self.office.notebook.payment(order.ref)
        if payment is None or _may_pay_again(payment):
            return _go(f"/orders/{order.ref}")
        unsettled = payment["state"] in UNSETTLED
        headers = _WAITING_REFRESH if unsettled else None
        return render("demo/result.html", headers=headers, order=order, payment=payment, unsettled=unsettled)

    async def deposit(self, _: Request, order: Order) -> Response:
        """Pay into the order's virtual account, as the buyer's bank would; only a sandbox can be paid so."""
        payment = self.office.notebook.payment(order.ref)
        if payment is not None and payment["state"] == State.AWAITING_DEPOSIT:
            wish = {"gateway": payment["gateway"], "merchant_ref": payment["merchant_ref"]}
            await self.office.http.post(f"{self.sandbox_url}/control/deposit", json=wish)
        return _go(f"/orders/{order.ref}/result")

    async def orders(self, _: Request) -> Response:
        """Show the newest orders to the clerk."""
        rows = []
        for order in self.office.notebook.orders(ORDERS_SHOWN):
            payment = self.office.notebook.payment(order.ref)
            rows.append((order, payment, STATES[payment["state"]] if payment else _UNPAID))
        return render("demo/clerk.html", rows=rows)

    async def clerk_order(self, request: Request, order: Order) -> Response:
        """Show an order's payment as the bridge has it now, with what may be given back."""
        await self.office.refresh(order)
        known = self.office.notebook.payment(order.ref)
        answer = await self.office.call("GET", f"/v1/payments/{quote(known['id'])}") if known else None
        payment = answer.body if answer and answer.status == 200 else known
        return self._clerk_page(request, order, payment)

    async def refund(self, request: Request, order: Order) -> Response:
        """Give money back through the bridge: all that is left, or a part."""
        form = await read_form(request, FORM_BYTES_MAX)
        payment = self.office.notebook.payment(order.ref)
        if payment is None:
            return _go(f"/clerk/{order.ref}")
        reason = form.get("reason", "").strip()[:200] or "관람객 요청"
        wish: dict[str, Any] = {"reason": reason, "actor": f"wp:{self.clerk}"}
        if form.get("what") == "part":
            try:
                wish["amount"] = parse_amount(form.get("amount", ""))
            except AmountRefused:
                return self._clerk_page(request, order, payment, problem="환불할 금액을 1원 이상의 숫자로 적어 주세요.")
        path = f"/v1/payments/{quote(payment['id'])}/refunds"
        answer = await self.office.call("POST", path, wish, form.get("key", ""))
        if answer.status in (200, 202):
            return _go(f"/clerk/{order.ref}#refunds")
        problem = str(answer.body.get("message_ko") or "환불하지 못했어요.")
        return self._clerk_page(request, order, payment, problem=problem)

    def _clerk_page(
        self, request: Request, order: Order, payment: dict[str, Any] | None, problem: str = ""
    ) -> Response:
        refunds = (payment or {}).get("refunds", [])
        waits = any(one["state"] in ("sending", "unknown") for one in refunds)
        return render(
            "demo/clerk_order.html",
            status=422 if problem else 200,
            headers=_OWN_FORMS | (_WAITING_REFRESH if waits and request.method == "GET" else {}),
            order=order,
            payment=payment,
            state=STATES[payment["state"]] if payment else _UNPAID,
            refunds=refunds,
            problem=problem,
            full_key=self.office.new_key(),
            part_key=self.office.new_key(),
            forgotten=order.made_at < self.started_at,
        )

    async def hook(self, request: Request) -> Response:
        """Take news and the fence's questions, at the addresses they have in WordPress."""
        body = await read_body(request, NEWS_BYTES_MAX)
        headers = request.scope["headers"]
        try:
            match request.query_params.get("rest_route"):
                case "/pay-bridge/v1/news":
                    return JSONResponse({"ok": True, "code": self.office.hear(headers, body)})
                case "/pay-bridge/v1/fence":
                    return JSONResponse(self.office.answer_fence(headers, body))
        except BridgeError as error:
            return JSONResponse({"ok": False, "code": error.code}, 400 if isinstance(error, Malformed) else 401)
        return JSONResponse({"code": "rest_no_route"}, 404)

    def _of_order(self, page: Callable[[Request, Order], Awaitable[Response]]) -> Handler:
        async def handle(request: Request) -> Response:
            order = self.office.notebook.order(request.path_params["ref"])
            if order is None:
                return render("demo/sorry.html", status=404, title="주문을 찾을 수 없어요", home="/")
            return await page(request, order)

        return handle

    def _of_clerk(self, page: Handler) -> Handler:
        """Let only the clerk in, and take no form from another site."""

        async def handle(request: Request) -> Response:
            if request.method == "POST" and self._is_from_elsewhere(request):
                return render("demo/sorry.html", status=403, title="다른 사이트에서 온 요청이에요", home="/clerk")
            expected = base64.b64encode(f"{self.clerk}:{self.password}".encode()).decode()
            given = request.headers.get("authorization", "").removeprefix("Basic ")
            if not hmac.compare_digest(expected.encode(), given.encode()):
                ask = {"WWW-Authenticate": 'Basic realm="box office", charset="UTF-8"'}
                return render("demo/sorry.html", status=401, headers=ask, title="직원만 볼 수 있어요", home="/")
            return await page(request)

        return handle

    def _is_from_elsewhere(self, request: Request) -> bool:
        """Tell whether another site's page sent this form; a browser says so in one of two headers."""
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site != "same-origin"
        own = urlsplit(self.office.shop_url)
        return request.headers.get("origin") not in (None, f"{own.scheme}://{own.netloc}")


def _may_pay_again(payment: dict[str, Any]) -> bool:
    """Tell whether a payment ended without money, or has not begun to move any."""
    state = State(payment["state"])
    if state in (State.NEW, State.READYING, State.OPEN):
        return True
    return state in TERMINAL and state is not State.REFUNDED


async def _sorry(_: Request, error: Exception) -> Response:
    assert isinstance(error, BridgeError), "registered for BridgeError only"
    return render("demo/sorry.html", status=400, title="요청을 읽을 수 없어요", home="/")


def _go(path: str) -> Response:
    return RedirectResponse(path, 303, {"Cache-Control": "no-store"})
