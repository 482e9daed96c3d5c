"""What a customer's browser meets on the way to a billing key: the window's page, the way back, closing, the state."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.clock import now_ms
from bridge.domain.billing import KeyState
from bridge.domain.failures import BridgeError, GatewayOff
from bridge.flows.billing_keys import open_wish
from bridge.flows.context import Context
from bridge.flows.issue_key import finish_key
from bridge.flows.log_in import network
from bridge.flows.script_window import NOT_LET_OPEN, open_window_seal, vouch_for_key
from bridge.flows.sites import Site
from bridge.flows.urls import key_landing_url, key_urls
from bridge.ledger import billing_keys as rows
from bridge.ledger.billing_keys import KeyRow
from bridge.web.errors import answer_of, problem
from bridge.web.incoming import client_address, read_posted, read_query
from bridge.web.landing import in_frame, lead_on, look_again, refused_page, see_other
from bridge.web.limits import Limit
from bridge.web.pages import base_path, render
from bridge.web.script_window import script_fields
from bridge.web.window_words import BACK, KEY

WAITS = {KeyState.OPENING: "open", KeyState.OPEN: "open", KeyState.ISSUING: "approving"}
"""What the window's script is told while the key is on its way, in a payment's words."""
WINDOW_REFUSED = f"{NOT_LET_OPEN} 아직 아무것도 등록하지 않았어요. 다시 시도하거나 나중에 다시 와 주세요."
NOT_REGISTERED = "결제 수단을 등록하지 못했어요"


class KeyPages:
    """The routes of /k/{billing key token}."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._per_address = Limit(context.clock, context.settings.checkout_per_address_per_minute, 60)

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/k/{token}", self.come_back, methods=["GET", "POST"]),
            Route("/k/{token}/close", self.close, methods=["GET", "POST"]),
            Route("/k/{token}/window", self.window, methods=["GET"]),
            Route("/k/{token}/auth", self.vouch, methods=["POST"]),
            Route("/k/{token}/state", self.state, methods=["GET"]),
        ]

    async def come_back(self, request: Request) -> Response:
        """Take the customer's return: GET and POST, safe to repeat; HEAD takes none."""
        site: Site | None = None
        posted: dict[str, str] = {}
        try:
            site, key_id = self._read(request)
            if request.method == "HEAD":
                return Response(headers={"Cache-Control": "no-store"})
            posted = await read_posted(request, self._context.settings.body_max_bytes)
            row = await finish_key(self._context, site, key_id, read_query(request) | posted)
        except BridgeError as error:
            return await self._refuse(request, error, site, posted)
        return lead_on(self._context, request, key_landing_url(row))

    async def close(self, request: Request) -> Response:
        """Take the word that the window was closed: a hint only."""
        return await self._on(request)

    async def window(self, request: Request) -> Response:
        """Show the page that opens the window by the gateway's script; a key that went on leads to its result."""
        try:
            site, row = await self._row(request)
        except BridgeError as error:
            return refused_page(self._context, error, title="등록 창을 열지 못했어요")
        late = now_ms(self._context.clock) >= row.expires_at.timestamp() * 1000
        if row.state is not KeyState.OPEN or late or not row.window_sealed:
            return see_other(key_landing_url(row))
        urls, window = key_urls(self._context, site, row), open_window_seal(self._context, row.window_sealed)
        return render(
            "checkout/window.html",
            words=KEY,
            base=base_path(self._context),
            headers={"Referrer-Policy": "origin"},  # gateways ask from which registered address they were called
            form_action=[site.origin],  # browsers hold a form's redirects to it too, and a return leads to the shop
            origins=window.origins,
            styles_inline=True,
            window=window,
            title=open_wish(self._context, row)["title"],
            amount=row.amount,
            return_url=urls.approval,
            close_url=urls.close,
            status_url=f"{urls.approval}/state",
            not_loaded_url=f"{urls.approval}/not-loaded",
        )

    async def vouch(self, request: Request) -> Response:
        """Answer the gateway's script with short-lived tokens for this window."""
        context = self._context
        try:
            self._per_address.take(network(client_address(context, request)))
            site, key_id = self._read(request)
            fields = await script_fields(request, context.settings.body_max_bytes)
            answer = await vouch_for_key(context, site, key_id, fields)
        except BridgeError as error:
            return problem(error)
        return JSONResponse(dict(answer), headers={"Cache-Control": "no-store"})

    async def state(self, request: Request) -> Response:
        """Say how the key stands, for the window's script."""
        _, row = await self._row(request)
        body = {"state": WAITS.get(row.state, str(row.state)), "result_url": key_landing_url(row)}
        if row.state is KeyState.OPEN and row.window_sealed and row.message:  # said to the script of its window
            body |= {"window": "refused", "message_ko": WINDOW_REFUSED}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def _on(self, request: Request) -> Response:
        try:
            _, row = await self._row(request)
        except BridgeError as error:
            return await self._refuse(request, error, None, {})
        return lead_on(self._context, request, key_landing_url(row))

    async def _refuse(
        self, request: Request, error: BridgeError, site: Site | None, posted: Mapping[str, str]
    ) -> Response:
        """A return that is not this key's registers nothing, and the customer is shown the way to the shop."""
        context, status = self._context, answer_of(error)[0]
        if status >= 500 and not isinstance(error, GatewayOff):
            page, shown = "checkout/registering.html", {"title": "결제 수단을 등록하고 있어요", "begun": False}
            return look_again(context, request, page, status, site=site, posted=posted, **shown)
        try:
            shop_url = key_landing_url((await self._row(request))[1])
        except BridgeError:
            shop_url = ""
        if in_frame(request) and shop_url:
            return lead_on(context, request, shop_url)
        return refused_page(context, error, title=NOT_REGISTERED, retry_url=shop_url, retry_words=BACK)

    async def _row(self, request: Request) -> tuple[Site, KeyRow]:
        site, key_id = self._read(request)
        return site, await self._context.ledger.read(lambda turn: rows.get(turn, site.id, key_id))

    def _read(self, request: Request) -> tuple[Site, str]:
        site, key_id = self._context.tokens.read("billing_key", request.path_params["token"], parts=2)
        return self._context.sites.get(site), key_id
