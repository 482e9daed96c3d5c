"""What a supervisor asks: alive, ready, the metrics."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.flows.check_health import check_health
from bridge.flows.context import Context
from bridge.flows.health import Health

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
        text = generate_latest(_registry(await self._look(), self._context.wire.in_flight))
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _look(self) -> Health:
        """Check, or give what was found less than a second ago: anybody may ask, and a check writes."""
        now = self._context.clock.boot_seconds()
        if self._seen is None or now - self._seen[0] >= KEPT_SECONDS:
            self._seen = now, await check_health(self._context, None)
        return self._seen[1]


def _registry(health: Health, in_flight: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    for name, purpose, value in (
        ("pay_bridge_verdict", "0 pass, 1 warn, 2 fail", ("pass", "warn", "fail").index(health.verdict)),
        ("pay_bridge_unknown_payments", "payments whose outcome is not known", len(health.unsettled)),
        ("pay_bridge_unknown_oldest_seconds", "age of the oldest unknown outcome", health.unknown_oldest_seconds),
        ("pay_bridge_news_waiting", "messages WordPress is owed", len(health.unheard)),
        ("pay_bridge_news_oldest_seconds", "age of the oldest message owed", health.news_oldest_seconds),
        ("pay_bridge_cases_open", "cases for a person", len(health.cases)),
        ("pay_bridge_calls_in_flight", "calls to gateways under way", in_flight),
    ):
        Gauge(name, purpose, registry=registry).set(value)
    return registry
