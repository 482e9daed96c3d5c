"""Where the pages that open a window by a gateway's script tell us that the script did not load."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.domain.failures import BridgeError
from bridge.flows.context import Context
from bridge.flows.log_in import network
from bridge.flows.note_unloaded import note_key, note_payment, note_plan
from bridge.flows.sites import Site
from bridge.signing.tokens import TokenPurpose
from bridge.web.errors import problem
from bridge.web.incoming import client_address
from bridge.web.limits import Limit

Note = Callable[[Context, Site, str], Awaitable[None]]


class UnloadedReports:
    """One route beside each such page: of a payment, a billing key, a plan."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._per_address = Limit(context.clock, context.settings.checkout_per_address_per_minute, 60)

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/checkout/{token}/not-loaded", self.payment, methods=["POST"]),
            Route("/k/{token}/not-loaded", self.key, methods=["POST"]),
            Route("/p/{token}/not-loaded", self.plan, methods=["POST"]),
        ]

    async def payment(self, request: Request) -> Response:
        """Take the word of a payment's page."""
        return await self._take(request, "window", note_payment)

    async def key(self, request: Request) -> Response:
        """Take the word of a billing key's page."""
        return await self._take(request, "billing_key", note_key)

    async def plan(self, request: Request) -> Response:
        """Take the word of a plan's page."""
        return await self._take(request, "plan", note_plan)

    async def _take(self, request: Request, purpose: TokenPurpose, note: Note) -> Response:
        """Note it once, by the page's own token. The body is not read."""
        context = self._context
        try:
            self._per_address.take(network(client_address(context, request)))
            site_id, about = context.tokens.read(purpose, request.path_params["token"], parts=2)
            await note(context, context.sites.get(site_id), about)
        except BridgeError as error:
            return problem(error)
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
