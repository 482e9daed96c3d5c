"""Where gateways post their news: an unguessable address, an exact answer, only after the commit."""

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.failures import BridgeError, NotGenuine, Unreadable
from bridge.domain.gateway import Notifies
from bridge.flows.context import Context
from bridge.flows.receive_notice import receive_notice
from bridge.web.errors import problem
from bridge.web.incoming import client_address, read_body

log = structlog.get_logger("notices")


class Notices:
    """The route of /n."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the route."""
        return [Route("/n/{site}/{gateway}/{kind}/{token}", self.take, methods=["GET", "HEAD", "POST"])]

    async def take(self, request: Request) -> Response:
        """Take a notice; what is not about a payment of ours is kept, and not acknowledged but by design."""
        context, path = self._context, request.path_params
        try:
            named = (path["site"], path["gateway"], path["kind"])
            context.tokens.read("notice", ".".join((*named, path["token"])), parts=3)
            site = context.sites.get(path["site"])
            gateway = site.gateway(path["gateway"])
            if request.method == "HEAD" or not isinstance(gateway, Notifies):
                return Response()
            raw = await self._raw(request)
            source = client_address(context, request)
            heard = await receive_notice(context, site, gateway, kind=path["kind"], raw=raw, source=source)
        except (Unreadable, NotGenuine) as error:
            log.warning("a notice was refused", gateway=path["gateway"], code=error.code, detail=error.detail)
            return problem(error)
        except BridgeError as error:
            return problem(error)
        if not heard.known:
            log.warning("a notice fits no payment", gateway=path["gateway"], outcome=heard.outcome)
        if not heard.acknowledged:
            return PlainTextResponse("unknown", 404)
        ack = gateway.acknowledge(raw, path["kind"])
        return Response(ack.body, ack.status, {"Cache-Control": "no-store"}, media_type=ack.content_type)

    async def _raw(self, request: Request) -> bytes:
        if request.method == "GET":
            query: bytes = request.scope.get("query_string", b"")
            return query
        return await read_body(request, self._context.settings.notice_max_bytes)
