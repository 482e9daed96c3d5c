"""The page that opens a gateway's window by the gateway's own script, and what that script asks us for."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.failures import BridgeError, Malformed
from bridge.domain.strictjson import loads
from bridge.flows.context import Context
from bridge.flows.finish_checkout import look
from bridge.flows.log_in import network
from bridge.flows.script_window import find_window, vouch
from bridge.flows.sites import Site
from bridge.flows.urls import status_url, urls_of
from bridge.web.errors import problem
from bridge.web.incoming import client_address, read_body, read_form
from bridge.web.landing import landing, refused_page, see_other
from bridge.web.limits import Limit
from bridge.web.pages import base_path, render
from bridge.web.window_words import PAY

FIELD_CHARACTERS_MAX = 1000


class ScriptWindows:
    """The routes of /checkout/{window token}."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._per_address = Limit(context.clock, context.settings.checkout_per_address_per_minute, 60)

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/checkout/{token}/window", self.show, methods=["GET", "HEAD"]),
            Route("/checkout/{token}/auth", self.vouch, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the page that opens the window; a payment that went on leads to its result."""
        context = self._context
        try:
            site, payment_id = self._read(request)
            visit = await look(context, site, payment_id)
            window = await find_window(context, site, payment_id)
        except BridgeError as error:
            return refused_page(context, error, title="결제 창을 열지 못했어요")
        if window is None:
            return see_other(landing(context, visit))
        urls = urls_of(context, site, visit.payment)
        return render(
            "checkout/window.html",
            words=PAY,
            base=base_path(context),
            headers={"Referrer-Policy": "origin"},  # gateways ask from which registered address they were called
            origins=window.origins,
            form_action=[site.origin],  # browsers hold a form's redirects to it too, and a return leads to the shop
            styles_inline=True,
            window=window,
            title=visit.order.title,
            amount=visit.payment.amount,
            return_url=urls.approval,
            close_url=urls.close,
            status_url=status_url(context, visit.payment),
            not_loaded_url=urls.auth.removesuffix("/auth") + "/not-loaded",
        )

    async def vouch(self, request: Request) -> Response:
        """Answer the gateway's script with short-lived tokens for this window."""
        try:
            self._per_address.take(network(client_address(self._context, request)))
            site, payment_id = self._read(request)
            fields = await script_fields(request, self._context.settings.body_max_bytes)
            answer = await vouch(self._context, site, payment_id, fields)
        except BridgeError as error:
            return problem(error)
        return JSONResponse(dict(answer), headers={"Cache-Control": "no-store"})

    def _read(self, request: Request) -> tuple[Site, str]:
        site, payment = self._context.tokens.read("window", request.path_params["token"], parts=2)
        return self._context.sites.get(site), payment


async def script_fields(request: Request, bytes_max: int) -> dict[str, str]:
    """Read what a script posts: a form, or a flat JSON object. Raises Malformed, UnsupportedBody, TooLarge."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        return await read_form(request, bytes_max)
    value = loads(await read_body(request, bytes_max), bytes_max=bytes_max)
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.")
    return {name: str(part)[:FIELD_CHARACTERS_MAX] for name, part in value.items() if isinstance(part, str | int)}
