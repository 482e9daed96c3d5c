"""A WordPress of few lines: takes signed news and answers the seat fence."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.signing import news as webhooks
from tests.support.clock import VirtualClock

Fence = Callable[[dict[str, Any]], Any]


@dataclass
class Shop:
    """What WordPress heard. `status` is what it answers to news; `fence` makes the answer to a question, and
    `page` is what a host in front of it answers to news in its place."""

    clock: VirtualClock
    keys: Callable[[], list[bytes]]
    status: int = 200
    page: str = ""
    fence: Fence = lambda question: {"hold": True, "hold_until": question["until"]}
    news: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    tries: int = 0

    def app(self) -> Starlette:
        """Make the application at the site's address."""
        return Starlette(routes=[Route("/", self._take, methods=["POST"])])

    def kinds(self) -> list[str]:
        """Name what was heard, each message once, in the order of its first arrival."""
        heard = dict(zip(self.ids, self.news, strict=True))
        return [message["type"] for message in heard.values()]

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        now = int(self.clock.now().timestamp())
        message_id = webhooks.verify(self.keys(), request.scope["headers"], body, now)
        asked = json.loads(body)
        if request.query_params["rest_route"] == "/pay-bridge/v1/fence":
            self.questions.append(asked)
            answer = self.fence(asked)
            return answer if isinstance(answer, Response) else JSONResponse(answer)
        if request.query_params["rest_route"] == "/pay-bridge/v1/reconcile":
            self.asked.append(asked)
            return JSONResponse({"ok": True})
        assert request.query_params["rest_route"] == "/pay-bridge/v1/news"
        self.tries += 1
        if self.page:
            return Response(self.page, media_type="text/html")
        if self.status != 200:
            return Response(status_code=self.status)
        self.news.append(asked)
        self.ids.append(message_id)
        return JSONResponse({"ok": True})
