"""The first page: is it healthy, what needs me, how are the gateways doing."""

from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from bridge.clock import from_ms, to_ms
from bridge.domain.gateway import KST
from bridge.flows.check_health import check_health
from bridge.flows.health import GatewayHealth, Health
from bridge.ledger import figures, search
from bridge.ledger.figures import Day
from bridge.ledger.ledger import Row, Turn
from bridge.web.dashboard import charts
from bridge.web.dashboard.access import Visit
from bridge.web.dashboard.words import KINDS, NEWS, say

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


async def show_overview(visit: Visit) -> Response:
    """Show the verdict and the figures behind it."""
    health = await check_health(visit.context, None)
    sites = [site.id for site in visit.sites]
    today = to_ms(midnight(visit.now_ms))

    def look(turn: Turn) -> tuple[Day, list[Row]]:
        return figures.moved(turn, sites, today), search.find(turn, sites, search.Wanted(), limit=RECENT).rows

    day, recent = await visit.context.ledger.read(look)
    needs = list_needs(visit, health)
    return visit.show(
        "overview.html",
        health=health,
        headline=health.headline.ko if visit.lang == "ko" else health.headline.en,
        checks=[(check, check.value.ko if visit.lang == "ko" else check.value.en) for check in health.checks],
        needs=needs[:NEEDS_MAX],
        needs_more=max(0, len(needs) - NEEDS_MAX),
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
    needs = [
        Need(
            "bad",
            visit.words("사람이 결정해야 해요", "A person must decide"),
            *_about(row, row["detail"] or row["reason"]),
        )
        for row in health.cases
    ]
    for row in health.unsettled:
        if row["payment"] not in cased:
            kind = say(KINDS, row["kind"], visit.lang)
            title = visit.words(f"{kind}의 결과를 몰라요", f"{kind}: outcome unknown")
            detail = visit.words(
                f"{row['tries']}번 확인 · 주문 {row['order_ref']}", f"{row['tries']} tries · order {row['order_ref']}"
            )
            needs.append(Need("warn", title, *_about(row, detail)))
    slow_ms = visit.now_ms - 60_000
    for row in health.unheard:
        if row["created_at"] < slow_ms:
            title = visit.words("WordPress가 듣지 못했어요", "WordPress has not heard")
            needs.append(Need("warn", title, *_about(row, _news_detail(visit, row))))
    return needs


def _about(row: Row, detail: str) -> tuple[str, str, str, int]:
    since = next(row[name] for name in ("opened_at", "sent_at", "created_at") if name in row.keys())  # noqa: SIM118 - a Row
    return detail, row["site"], row["payment"], int(since)


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
