"""Alarms: raised by a check, written into the log at once, and told to the operator's receiver until it has heard."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from functools import partial

import structlog

from bridge.clock import from_ms, new_id, now_ms
from bridge.flows.check_copies import overdue
from bridge.flows.check_unloaded import count_unloaded
from bridge.flows.context import Context
from bridge.flows.pace import is_overdue
from bridge.flows.snapshots import ACCEPTED, rfc3339
from bridge.ledger import alarms, calls, cases, figures
from bridge.ledger.alarms import Alarm, Name
from bridge.ledger.ledger import Row, Turn
from bridge.signing import news as webhooks
from bridge.wire.converse import PostResult
from bridge.wire.pool import CERTIFICATE_REFUSED

AT_ONCE = 20
ANSWER_SECONDS = 10.0
CLAIM_SECONDS = 30
BACKOFF_SECONDS = (5, 15, 60, 300, 900, 3600)
GIVEN_UP_DAYS = 31
NEWS_SECONDS_MAX = 900
OPEN_AT_ONCE = 1000
UNSETTLED_MAX = 100_000
DISTRUST_MS = 86_400_000
WATCHED = ("case", "unknown", "news", "window", "backup", "certificate", alarms.SETTINGS)
log = structlog.get_logger("alarm")


async def watch(context: Context) -> None:
    """Raise an alarm for each open case, old unknowns and news, scripts not loaded, failing backups, certificates
    that were refused; end those over."""
    at = now_ms(context.clock)

    def look(turn: Turn) -> dict[Name, str]:
        wanted: dict[Name, str] = {
            ("case", row["id"]): f"{row['reason']} of payment {row['payment']}; see /dashboard/cases/{row['id']}"
            for row in _open_cases(turn)
        }
        for row in figures.unsettled(turn, None, at, UNSETTLED_MAX):
            if row["state"] != "needs_human" and row["code"] != ACCEPTED and is_overdue(context, row, at):
                minutes = (at - row["sent_at"]) // 60_000
                wanted["unknown", row["payment"]] = f"the outcome has been unknown for {minutes} minutes"
        waiting = figures.unheard(turn, None)
        if waiting and at - waiting[0]["created_at"] > NEWS_SECONDS_MAX * 1000:
            wanted["news", ""] = f"WordPress has not taken {len(waiting)} messages; see pay-bridge outbox list"
        if missing := overdue(turn, context, at):
            wanted["backup", ""] = f"no automatic backup succeeds ({missing}); see the folder's free space and the log"
        for site in context.sites.all():
            for gateway, why in site.refused.items():
                name = (alarms.SETTINGS, alarms.subject_of_settings(site.id, gateway))
                wanted[name] = f"{gateway} of {site.url} is not used: {why}"
            for gateway in site.gateways:
                if why := _distrust(turn, site.id, gateway, at):
                    wanted["certificate", f"{site.id} {gateway}"] = f"{gateway} of {site.url} is not spoken to: {why}"
        for gateway, many in count_unloaded(turn, context.sites.all(), at).items():
            wanted["window", gateway] = (
                f"buyers' browsers did not load its window script, for {many} orders or registrations"
            )
        return wanted

    wanted = await context.ledger.read(look)
    await raise_alarms(context, wanted, lambda name: name[0] in WATCHED)


def _distrust(turn: Turn, site: str, gateway: str, at: int) -> str:
    """Say why a gateway's certificate was refused when it was last called, if it was: somebody else may be answering in
    its name, and nothing is paid there until a person has looked. It counts for a day without a call."""
    last = calls.newest(turn, site, gateway, at - DISTRUST_MS)
    is_refused = last is not None and last["verdict"] == "not_sent" and CERTIFICATE_REFUSED in last["why"]
    return str(last["why"]) if last is not None and is_refused else ""


def _open_cases(turn: Turn) -> Iterator[Row]:
    """Read every open case: the alarm of one that is left out would end."""
    after = (0, "")
    while rows := cases.open_cases(turn, None, OPEN_AT_ONCE, after):
        yield from rows
        after = (rows[-1]["opened_at"], rows[-1]["id"])


async def raise_alarms(context: Context, wanted: Mapping[Name, str], covers: alarms.Covers) -> None:
    """Raise what is wanted, end what this look covers and no longer wants, and log what is new."""
    known = await context.ledger.read(alarms.names)
    if not set(wanted) - known and not any(covers(name) and name not in wanted for name in known):
        return  # nothing changed, nothing to write
    settle = partial(
        alarms.settle,
        wanted=wanted,
        covers=covers,
        new_id=lambda: new_id(context.clock),
        at=now_ms(context.clock),
    )
    for alarm in await context.ledger.write(settle):
        log.error("an alarm was raised", name=alarm.name, subject=alarm.subject, detail=alarm.detail)


async def tell(context: Context) -> int:
    """Tell the alarms that are due, side by side; answers how many were heard. Without a receiver they wait in the
    dashboard."""
    settings = context.settings
    if not settings.alarm_url:
        return 0
    at = now_ms(context.clock)
    if not await context.ledger.read(partial(alarms.are_due, at=at)):
        return 0
    claim = partial(alarms.claim, at=at, until=at + CLAIM_SECONDS * 1000, limit=AT_ONCE)
    return sum(await asyncio.gather(*(_tell(context, alarm) for alarm in await context.ledger.write(claim))))


async def _tell(context: Context, alarm: Alarm) -> bool:
    error = await _post(context, alarm)
    now = now_ms(context.clock)
    if not error:
        await context.ledger.write(partial(alarms.heard, alarm=alarm, at=now))
        return True
    pause = BACKOFF_SECONDS[min(alarm.tries, len(BACKOFF_SECONDS) - 1)] * 1000
    too_old = now - (alarm.ended_at or alarm.raised_at) > GIVEN_UP_DAYS * 86_400_000
    again = None if too_old else now + pause
    await context.ledger.write(partial(alarms.not_heard, alarm=alarm, next_try_at=again, error=error))
    return False


async def _post(context: Context, alarm: Alarm) -> str:
    """Post one alarm, signed as news is; answers what went wrong, or nothing."""
    ended = alarm.ended_at is not None
    body = {
        "type": "alarm.ended" if ended else "alarm.raised",
        "name": alarm.name,
        "subject": alarm.subject,
        "detail": alarm.detail,
        "raised_at": rfc3339(from_ms(alarm.raised_at)),
        "dashboard_url": f"{context.settings.public_url}/dashboard",
    }
    if alarm.ended_at is not None:
        body["ended_at"] = rfc3339(from_ms(alarm.ended_at))
    raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    settings = context.settings
    message_id = f"{alarm.id}-ended" if ended else alarm.id
    headers = webhooks.headers([settings.alarm_secret.reveal()], message_id, now_ms(context.clock) // 1000, raw)
    result = await context.wire.post(
        settings.alarm_url,
        headers | {"content-type": "application/json"},
        raw,
        deadline_seconds=ANSWER_SECONDS,
        loopback_allowed=settings.alarm_url.startswith("http:"),
    )
    if not isinstance(result, PostResult):
        return result.why
    return "" if 200 <= result.status < 300 else f"the receiver answered with status {result.status}"
