"""What a supervisor asks: alive, ready, the metrics."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.flows.check_health import check_health
from bridge.flows.context import Context
from bridge.flows.health import Health
from bridge.web.metrics import CONTENT_TYPE, write_metrics

VITAL = ("Ledger", "Settlement")
KEPT_SECONDS = 1.0


class Probes:
    """The routes of /livez, /readyz and /metrics."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._seen: tuple[float, Health] | None = None

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/livez", self.alive, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def alive(self, _: Request) -> Response:
        """Answer without touching anything."""
        return PlainTextResponse("alive")

    async def ready(self, _: Request) -> Response:
        """Tell how the writer, the heartbeat, unknowns and news are; 503 only where no payment can be taken.

        One shop that hears no news must not take the bridge away from the others.
        """
        health = await self._look()
        broken = any(check.verdict == "fail" and check.label.en in VITAL for check in health.checks)
        status = 503 if broken else 200
        checks = {check.label.en: check.verdict for check in health.checks}
        body: dict[str, object] = {"status": health.verdict, "checks": checks}
        if broken:
            body["detail"] = health.headline.en
        return JSONResponse(body, status, {"Cache-Control": "no-store"})

    async def metrics(self, _: Request) -> Response:
        """Give the figures in Prometheus' text form; no label holds anything personal."""
        return Response(await write_metrics(self._context, await self._look()), media_type=CONTENT_TYPE)

    async def _look(self) -> Health:
        """Check, or give what was found less than a second ago: anybody may ask, and a check writes."""
        now = self._context.clock.boot_seconds()
        if self._seen is None or now - self._seen[0] >= KEPT_SECONDS:
            self._seen = now, await check_health(self._context, None)
        return self._seen[1]
