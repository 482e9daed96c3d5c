"""Says whether the bridge is healthy, and what to do where it is not."""

import asyncio
from collections.abc import Sequence
from functools import partial

import bridge
from bridge.clock import now_ms
from bridge.domain.failures import Busy, LedgerBroken
from bridge.domain.payment import Mode
from bridge.domain.spans import age, span
from bridge.flows.check_anchors import check_anchors
from bridge.flows.check_clock import check_clock
from bridge.flows.check_copies import check_copies
from bridge.flows.check_health_of_books import check_books
from bridge.flows.check_unbelieved import check_unbelieved
from bridge.flows.check_unloaded import check_unloaded
from bridge.flows.context import Context
from bridge.flows.health import NOTHING, Check, GatewayHealth, Health, Verdict, Words
from bridge.flows.pace import is_overdue
from bridge.flows.sites import Site
from bridge.flows.snapshots import ACCEPTED
from bridge.ledger import alarms, cases, checks, figures, seals
from bridge.ledger.figures import GatewayFigures
from bridge.ledger.ledger import Row, Turn

WRITE_SECONDS_MAX = 2.0
BEAT_SECONDS_WARN = 10.0
BEAT_SECONDS_FAIL = 30.0
NEWS_SECONDS_WARN = 60
NEWS_SECONDS_FAIL = 900
ENDED_MIN = 10
SUCCESS_RATE_WARN = 0.6
SKEW_MS_WARN = 30_000


async def check_health(context: Context, site: str | None) -> Health:
    """Check the writer, the settlement's heartbeat, unknowns, news, cases and gateways, of one site or of all.

    `fail` means that money may be stuck or the bridge cannot work; `warn` that a person should look. Raises NotFound
    for a site that is not there.
    """
    sites = [context.sites.get(site)] if site is not None else context.sites.all()
    at = now_ms(context.clock)
    writer = await _check_writer(context, at)

    def look(
        turn: Turn,
    ) -> tuple[dict[str, GatewayFigures], list[Row], list[Row], list[Row], int, list[Check], tuple[Check, ...]]:
        found = figures.of_gateways(turn, [(one.id, tuple(one.gateways)) for one in sites], at)
        unsettled, unheard = figures.unsettled(turn, site, at), figures.unheard(turn, site)
        return (
            found,
            unsettled,
            unheard,
            cases.open_cases(turn, site),
            cases.count_open(turn, site),
            [
                *check_anchors(turn, sites, at),
                *check_copies(turn, context, sites, at),
                *check_clock(turn, at),
                *check_unloaded(turn, sites, at),
                *check_unbelieved(turn, sites, at),
            ],
            check_books(checks.last(turn), at, alarms.broken(turn)) if site is None else (),
        )

    found, unsettled, unheard, opened, many, copies, books = await context.ledger.read(look)
    gateways = _gateways(sites, found, unsettled, at)
    return Health(
        checks=(
            writer,
            _check_beat(context),
            _check_cases(many),
            _check_unknown(context, unsettled, at),
            _check_news(unheard, at),
            *books,
            *(check for check in copies if site is None or check.name != "backup"),
            *(check for gateway in gateways for check in _check_gateway(gateway)),
            *_check_windows(context, sites),
            *_check_settings(sites),
        ),
        at=context.clock.now(),
        mode=_mode(sites),
        version=bridge.__version__,
        dashboard_url=f"{context.settings.public_url}/dashboard",
        gateways=gateways,
        unsettled=tuple(unsettled),
        unheard=tuple(unheard),
        cases=tuple(opened),
        cases_open=many,
        unknown_oldest_seconds=_oldest(unsettled, "sent_at", at),
        news_oldest_seconds=_oldest(unheard, "created_at", at),
        seal=await context.ledger.read(partial(seals.last_of, site=site)) if site is not None else (0, ""),
    )


async def _check_writer(context: Context, at: int) -> Check:
    label = Words("장부", "Ledger")
    if context.ledger.read_only:
        return _check_read_only(context.ledger.read_only, label)
    try:
        await asyncio.wait_for(context.ledger.write(lambda turn: figures.probe(turn, at)), WRITE_SECONDS_MAX)
    except (TimeoutError, Busy, LedgerBroken):
        advice = Words(
            "장부에 쓰지 못해서 새 결제를 받지 않고 있어요. 디스크의 남은 공간과 브리지의 로그를 확인해 주세요.",
            "The ledger cannot be written, so no payment is taken. Check the disk's free space and the bridge's log.",
        )
        return Check("writer", "fail", label, Words("쓸 수 없음", "not writable"), advice)
    refusal = context.ledger.refusal()
    if refusal:
        advice = Words(
            "디스크가 거의 차서 새 결제와 환불을 받지 않고 있어요. 장부가 있는 디스크에 공간을 만들어 주세요.",
            f"No payment and no refund is taken. {refusal}",
        )
        return Check("writer", "fail", label, Words("디스크 부족", "disk nearly full"), advice)
    return Check("writer", "pass", label, Words("쓸 수 있음", "writable"))


def _check_read_only(why: str, label: Words) -> Check:
    advice = Words(
        "디스크나 장부가 두 번 고장 나서 읽기만 하고 있어요. 디스크를 고친 뒤 브리지를 다시 시작해 주세요.",
        f"The bridge broke twice within a minute and only reads: {why}. Mend the disk, then restart the bridge.",
    )
    return Check("writer", "fail", label, Words("읽기 전용", "read only"), advice)


def _check_beat(context: Context) -> Check:
    label = Words("정산 점검", "Settlement")
    advice = Words(
        "결과를 모르는 결제를 풀어 주는 작업이 멈췄어요. 브리지를 다시 시작하고, 되풀이되면 로그를 확인해 주세요.",
        "The work that settles unknown outcomes has stopped. Restart the bridge; if it happens again, read its log.",
    )
    if not context.beat_at:
        return Check("heartbeat", "fail", label, Words("시작 전", "not begun"), advice)
    seconds = max(0.0, context.clock.boot_seconds() - context.beat_at)
    verdict: Verdict = "fail" if seconds > BEAT_SECONDS_FAIL else "warn" if seconds > BEAT_SECONDS_WARN else "pass"
    value = Words(age(seconds), age(seconds, "en"))
    return Check("heartbeat", verdict, label, value, advice if verdict != "pass" else NOTHING)


def _check_unknown(context: Context, rows: Sequence[Row], at: int) -> Check:
    """Unknowns are settled by themselves for a while; those that need a person are cases, and counted there."""
    label = Words("결과 모름", "Unknown")
    waiting = [row for row in rows if row["state"] != "needs_human" and row["code"] != ACCEPTED]
    oldest, many = _oldest(waiting, "sent_at", at), len(waiting)
    overdue = any(is_overdue(context, row, at) for row in waiting)
    if not many:
        return Check("unknown", "pass", label, Words("없음", "none"))
    value = Words(f"{many}건 · {span(oldest)}째", f"{many} · {span(oldest, 'en')}")
    if overdue:
        advice = Words(
            f"결과를 모르는 결제가 {span(oldest)}째 있어요. 아래 결제를 열고 결제사 관리자 화면과 비교해 주세요.",
            f"An outcome has been unknown for {span(oldest, 'en')}. Open it and compare with the gateway's console.",
        )
        return Check("unknown", "fail", label, value, advice)
    if oldest <= context.settings.quiet_seconds_min:
        return Check("unknown", "pass", label, value)
    advice = Words(
        f"결과를 모르는 결제가 {many}건 있어요. 브리지가 확인하고 있으니 고객에게 다시 결제하라고 하지 마세요.",
        f"The outcome of {many} payments is unknown. The bridge is finding out; wait, and tell no buyer to pay again.",
    )
    return Check("unknown", "warn", label, value, advice)


def _check_cases(many: int) -> Check:
    label = Words("확인할 일", "Cases")
    if not many:
        return Check("cases", "pass", label, Words("없음", "none"))
    advice = Words(
        f"사람이 결정해야 하는 일이 {many}건 있어요. ‘확인할 일’에서 근거를 보고 처리해 주세요.",
        f"{many} cases need a person. Open Cases, read the evidence and decide.",
    )
    return Check("cases", "warn", label, Words(f"{many}건", f"{many} open"), advice)


def _check_news(rows: Sequence[Row], at: int) -> Check:
    label = Words("WordPress 소식", "News to WordPress")
    oldest, many = _oldest(rows, "created_at", at), len(rows)
    if not many:
        return Check("news", "pass", label, Words("모두 전달", "all heard"))
    value = Words(f"{many}건 · {span(oldest)}째", f"{many} waiting · {span(oldest, 'en')}")
    if oldest <= NEWS_SECONDS_WARN:
        return Check("news", "pass", label, value)
    since = span(oldest), span(oldest, "en")
    advice = Words(
        f"WordPress가 소식 {many}건을 {since[0]}째 받지 못했어요. 사이트와 플러그인이 켜져 있는지 확인해 주세요.",
        f"WordPress has not taken {many} messages for {since[1]}. Check that the site is up and the plugin active.",
    )
    return Check("news", "fail" if oldest > NEWS_SECONDS_FAIL else "warn", label, value, advice)


def _check_gateway(gateway: GatewayHealth) -> list[Check]:
    """A gateway that fails or whose clock differs is for a person to see; it never makes the bridge itself fail."""
    checks, rate = [], gateway.figures.success_rate
    if rate is not None:
        percent = f"{rate:.0%}"
        low = rate < SUCCESS_RATE_WARN and gateway.figures.paid + gateway.figures.lost >= ENDED_MIN
        advice = Words(
            f"{gateway.title} 결제가 최근 24시간 동안 {percent}만 성공했어요. 거절 사유를 보고 결제사에 문의해 주세요.",
            f"Only {percent} of payments by {gateway.name} succeeded in 24 hours. See why below; ask the gateway.",
        )
        label = Words(f"{gateway.title} 성공률", f"{gateway.name} success")
        checks.append(
            Check(
                f"{gateway.name}.success",
                "warn" if low else "pass",
                label,
                Words(percent, percent),
                advice if low else NOTHING,
            )
        )
    skew = gateway.figures.skew_ms
    if skew is not None and abs(skew) > SKEW_MS_WARN:
        seconds = span(abs(skew) / 1000), span(abs(skew) / 1000, "en")
        advice = Words(
            f"이 서버의 시계가 {gateway.title}의 시계와 {seconds[0]} 달라요. 시각 동기화(NTP)를 확인해 주세요.",
            f"This server's clock differs from {gateway.name}'s by {seconds[1]}. Check its time synchronisation (NTP).",
        )
        label = Words(f"{gateway.title} 시계", f"{gateway.name} clock")
        checks.append(Check(f"{gateway.name}.clock", "warn", label, Words(*seconds), advice))
    return checks


def _check_windows(context: Context, sites: Sequence[Site]) -> list[Check]:
    """A gateway that opened no window is silent until it answers: a rest of 30 s that is over says nothing of it."""
    now = context.clock.boot_seconds()
    failed: dict[str, int] = {}
    titles = {name: gateway.title for site in sites for name, gateway in site.gateways.items()}
    for site in sites:
        for name in site.gateways:
            failed[name] = failed.get(name, 0) + context.breakers.failed_on_end(site.id, name, now)
    return [
        Check(
            f"{name}.window",
            "warn",
            Words(f"{titles[name]} 결제창", f"{name} window"),
            Words(f"{count}번 연달아 응답 없음", f"{count} unanswered on end"),
            Words(
                f"{titles[name]}에서 답이 없어요. 다섯 번째부터는 30초씩 건너뛰어요. 결제사 공지를 확인해 주세요.",
                f"{name} does not answer: from the fifth on it is passed over for 30 s. See if it announced a fault.",
            ),
        )
        for name, count in sorted(failed.items())
        if count
    ]


def _check_settings(sites: Sequence[Site]) -> list[Check]:
    """A gateway whose settings this version refuses is not used: payments by it wait, and so do its notices."""
    return [
        Check(
            f"{name}.settings",
            "warn",
            Words(f"{name} 설정", f"{name} settings"),
            Words("쓸 수 없음", "refused"),
            Words(
                f"{site.url}의 {name} 설정을 쓸 수 없어서 이 결제사로는 결제하지 못해요: {why}",
                f"{name} is not used for {site.url}: {why} Change it by `pay-bridge site set`.",
            ),
        )
        for site in sites
        for name, why in sorted(site.refused.items())
    ]


def _gateways(
    sites: Sequence[Site], found: dict[str, GatewayFigures], unsettled: Sequence[Row], at: int
) -> tuple[GatewayHealth, ...]:
    titles = {name: gateway.title for site in sites for name, gateway in site.gateways.items()}
    return tuple(
        GatewayHealth(
            name,
            titles.get(name, name),
            mine,
            unknown=sum(1 for row in unsettled if row["gateway"] == name),
            unknown_oldest_seconds=_oldest([row for row in unsettled if row["gateway"] == name], "sent_at", at),
        )
        for name, mine in sorted(found.items(), key=lambda item: (-item[1].opened, item[0]))
    )


def _oldest(rows: Sequence[Row], name: str, at: int) -> int:
    return max(0, (at - min(row[name] for row in rows)) // 1000) if rows else 0


def _mode(sites: Sequence[Site]) -> str:
    return str(Mode.LIVE if any(site.mode is Mode.LIVE for site in sites) else Mode.TEST)
