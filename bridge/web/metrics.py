"""The figures for Prometheus: what the books say, and what this process has counted. No label names a person."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bridge.clock import to_ms
from bridge.flows import monitor
from bridge.flows.context import Context
from bridge.flows.health import Health
from bridge.flows.monitor import Monitor
from bridge.ledger import pace, tallies
from bridge.ledger.figures import first_id
from bridge.ledger.tallies import Tallies

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def write_metrics(context: Context, health: Health) -> bytes:
    """Write the figures in Prometheus' text form."""
    since = first_id(to_ms(context.clock.now() - timedelta(days=1)))
    counted = await context.ledger.read(lambda turn: tallies.count(turn, since))
    registry = CollectorRegistry()
    registry.register(_Figures(context, health, counted))
    return generate_latest(registry)


class _Figures(Collector):
    """Gives the metrics of one scrape."""

    def __init__(self, context: Context, health: Health, counted: Tallies) -> None:
        self._context = context
        self._health = health
        self._counted = counted

    def collect(self) -> Iterable[Metric]:
        yield from _gauges(self._health, self._context.wire.in_flight)
        yield from _tallied(self._counted)
        yield from _counted(self._context.monitor)
        commits = self._context.ledger.pace
        family = HistogramMetricFamily("pay_bridge_ledger_commit_seconds", "how long a commit of the ledger takes")
        family.add_metric([], _buckets(pace.BUCKETS_SECONDS, commits.counts), commits.seconds)
        yield family


def _gauges(health: Health, in_flight: int) -> Iterator[Metric]:
    for name, purpose, value in (
        ("pay_bridge_verdict", "0 pass, 1 warn, 2 fail", ("pass", "warn", "fail").index(health.verdict)),
        ("pay_bridge_unknown_payments", "payments whose outcome is not known", len(health.unsettled)),
        ("pay_bridge_unknown_oldest_seconds", "age of the oldest unknown outcome", health.unknown_oldest_seconds),
        ("pay_bridge_news_waiting", "messages WordPress is owed", len(health.unheard)),
        ("pay_bridge_news_oldest_seconds", "age of the oldest message owed", health.news_oldest_seconds),
        ("pay_bridge_cases_open", "cases for a person", health.cases_open),
        ("pay_bridge_calls_in_flight", "calls to gateways under way", in_flight),
    ):
        yield GaugeMetricFamily(name, purpose, value)


def _tallied(counted: Tallies) -> Iterator[Metric]:
    yield _labelled("pay_bridge_payments_live", "payments that have not ended", "state", counted.live)
    yield _labelled("pay_bridge_payments_day", "payments begun in the last day", "state", counted.day)
    yield _labelled("pay_bridge_cases_open_by_reason", "cases for a person", "reason", counted.cases)
    yield _labelled("pay_bridge_alarms", "alarms that are not over", "name", counted.alarms)
    yield GaugeMetricFamily("pay_bridge_notices_pending", "notices without effect yet", counted.notices_pending)
    yield GaugeMetricFamily("pay_bridge_audit_unsealed_rows", "audit rows that wait for a seal", counted.unsealed)


def _counted(seen: Monitor) -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "pay_bridge_gateway_calls", "calls to gateways by verdict", labels=["gateway", "op", "verdict"]
    )
    for (gateway, op, verdict), many in sorted(seen.calls.items()):
        calls.add_metric([gateway, op, verdict], many)
    yield calls
    spans = HistogramMetricFamily(
        "pay_bridge_gateway_call_seconds", "how long calls to gateways take", labels=["gateway", "op"]
    )
    for (gateway, op), counts in sorted(seen.spans.items()):
        spans.add_metric([gateway, op], _buckets(monitor.BUCKETS_SECONDS, counts), seen.span_seconds[gateway, op])
    yield spans
    checks = CounterMetricFamily("pay_bridge_invariant_checks", "checks of the books", labels=["scope"])
    for scope, many in sorted(seen.checks.items()):
        checks.add_metric([scope], many)
    yield checks
    violations = CounterMetricFamily(
        "pay_bridge_invariant_violations", "violations that checks found", labels=["invariant"]
    )
    for name, many in sorted(seen.violations.items()):
        violations.add_metric([name], many)
    yield violations
    yield GaugeMetricFamily("pay_bridge_invariants_checked_at_seconds", "unix time of the last check", seen.checked_at)
    yield CounterMetricFamily("pay_bridge_audit_sealed_rows", "audit rows this process sealed", seen.sealed_rows)


def _labelled(name: str, purpose: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, purpose, labels=[label])
    for value, many in sorted(values.items()):
        family.add_metric([value], many)
    return family


def _buckets(limits: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Sum up counts as Prometheus wants them: how many took no longer than each limit."""
    names = [*(str(limit) for limit in limits), "+Inf"]
    return [(name, float(sum(counts[: place + 1]))) for place, name in enumerate(names)]
