"""The first page: is it healthy, what needs me, how are the gateways doing."""

from dataclasses import dataclass, replace
from datetime import datetime

from starlette.responses import Response

from bridge.clock import from_ms, to_ms
from bridge.domain.exchange import KST
from bridge.flows.check_health import NEWS_SECONDS_WARN, check_health
from bridge.flows.health import GatewayHealth, Health
from bridge.ledger import figures, payments, search
from bridge.ledger.figures import Day
from bridge.ledger.ledger import Row, Turn
from bridge.web.dashboard import charts
from bridge.web.dashboard.access import Visit
from bridge.web.dashboard.events import NEWS
from bridge.web.dashboard.said import say
from bridge.web.dashboard.words import CASES, KINDS

NEEDS_MAX = 8
RECENT = 10


@dataclass(frozen=True, slots=True)
class Need:
    """Something that needs a person: what, since when (milliseconds), and the payment it is about."""

    tone: str
    title: str
    detail: str
    site: str
    payment: str
    since: int
    order_ref: str = ""
    amount: int = 0


async def show_overview(visit: Visit) -> Response:
    """Show the verdict and the figures behind it."""
    health = await check_health(visit.context, None)
    sites = [site.id for site in visit.sites]
    today = to_ms(midnight(visit.now_ms))
    needs = list_needs(visit, health)

    def look(turn: Turn) -> tuple[Day, list[Row], list[Need]]:
        recent = search.find(turn, sites, search.Wanted(), limit=RECENT).rows
        return figures.moved(turn, sites, today), recent, [_named(turn, need) for need in needs[:NEEDS_MAX]]

    day, recent, shown = await visit.context.ledger.read(look)
    return visit.show(
        "overview.html",
        health=health,
        headline=visit.words(*health.headline),
        checks=[(check, visit.words(*check.value)) for check in health.checks],
        needs=shown,
        needs_more=len(needs) - len(shown) + health.cases_open - len(health.cases),
        day=day,
        gateways=[_card(gateway) for gateway in health.gateways],
        recent=recent,
    )


def midnight(at_ms: int) -> datetime:
    """Give the beginning of that day in Korea."""
    return from_ms(at_ms).astimezone(KST).replace(hour=0, minute=0, second=0, microsecond=0)


def list_needs(visit: Visit, health: Health) -> list[Need]:
    """List what needs a person: cases first, then unknown outcomes, then news not heard."""
    cased = {row["payment"] for row in health.cases}
    needs = [_case_need(visit, row) for row in health.cases]
    needs += [_unknown_need(visit, row) for row in health.unsettled if row["payment"] not in cased]
    slow_ms = visit.now_ms - NEWS_SECONDS_WARN * 1000
    return needs + [_news_need(visit, row) for row in health.unheard if row["created_at"] < slow_ms]


def _case_need(visit: Visit, row: Row) -> Need:
    title = visit.words("사람이 결정해야 해요", "A person must decide")
    detail = say(CASES, row["reason"], visit.lang)
    return Need("bad", title, detail, row["site"], row["payment"], row["opened_at"])


def _unknown_need(visit: Visit, row: Row) -> Need:
    kind = say(KINDS, row["kind"], visit.lang)
    title = visit.words(f"{kind}의 결과를 몰라요", f"{kind}: outcome unknown")
    detail = visit.words(
        f"결제사에 {row['tries']}번 확인했고 계속 확인하고 있어요", f"asked {row['tries']} times, and still asking"
    )
    return Need("warn", title, detail, row["site"], row["payment"], row["sent_at"])


def _news_need(visit: Visit, row: Row) -> Need:
    title = visit.words("WordPress가 듣지 못했어요", "WordPress has not heard")
    return Need("warn", title, _news_detail(visit, row), row["site"], row["payment"], row["created_at"])


def _named(turn: Turn, need: Need) -> Need:
    payment = payments.get(turn, need.site, need.payment)
    return replace(need, order_ref=payment.order_ref, amount=payment.amount)


def _news_detail(visit: Visit, row: Row) -> str:
    error = f" · {row['last_error']}" if row["last_error"] else ""
    tries = visit.words(f"{row['tries']}번 보냄", f"{row['tries']} tries")
    return f"{say(NEWS, row['type'], visit.lang)} · {tries}{error}"


@dataclass(frozen=True, slots=True)
class Card:
    """A gateway's card: its health with what the charts draw."""

    health: GatewayHealth
    percentiles: tuple[tuple[str, int | None], ...]
    bars: list[charts.Bar]
    spread: charts.Spread | None


def _card(gateway: GatewayHealth) -> Card:
    found = [gateway.figures.percentile_ms(percent) for percent in (50, 95, 99)]
    names = ("p50", "p95", "p99")
    return Card(
        gateway, tuple(zip(names, found, strict=True)), charts.bars(gateway.figures.hours), charts.spread(*found)
    )
