"""Checks in production what must always hold: what changed every minute, everything at boot and nightly.

What a gateway did is an alarm and a case. Where our own books contradict themselves the process ends (exit code 70).
"""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial

import structlog

from bridge.clock import from_ms, now_ms
from bridge.domain import invariants
from bridge.domain.exchange import KST
from bridge.domain.failures import BridgeError, LedgerBroken
from bridge.domain.invariants import Violation
from bridge.flows.alarms import raise_alarms, tell, watch
from bridge.flows.compare_anchors import SUBJECT, find_broken, log_anchors
from bridge.flows.context import Context
from bridge.flows.pace import patience_seconds
from bridge.flows.retain import retain
from bridge.flows.seal_audit import NEW_PAYMENTS_MAX, check_all, check_new
from bridge.ledger import checks, facts, notices
from bridge.ledger.alarms import INVARIANT, Name
from bridge.ledger.checks import Checked
from bridge.ledger.ledger import Turn
from bridge.ledger.notices import Lost

CHECK_EVERY_SECONDS = 60.0
WATCH_EVERY_SECONDS = 5.0
BOOT_PAYMENTS_MAX = 200
UNDER_WAY_AT_ONCE, UNDER_WAY_MAX = 1000, 100_000
FACTS_AT_ONCE = 20
CHAINS_AT_ONCE = 500
NOTICE_SECONDS_MAX = 600
NIGHT_HOUR = 4
"""The hour of Korea in which everything is checked."""
REST_SECONDS = 0.02
NO_BRIDGE_WROTE = (LedgerBroken, TypeError, ValueError, KeyError)
"""What reading a row ends in that holds what no bridge writes: a state that is none, bytes for a text, half a JSON."""
log = structlog.get_logger("invariants")


@dataclass(slots=True)
class _Look:
    """What one check looked at and found."""

    payments: int = 0
    rows: int = 0
    found: tuple[Violation, ...] = ()


async def check_at_boot(context: Context) -> Checked:
    """Check a little of what changed last before the first payment is taken; the rest follows at once, behind it."""
    return await check_invariants(context, BOOT_PAYMENTS_MAX, BOOT_PAYMENTS_MAX)


async def check_invariants(
    context: Context, payments_max: int = NEW_PAYMENTS_MAX, under_way_max: int = UNDER_WAY_MAX
) -> Checked:
    """Check what changed since the last check, and whatever is on its way; alarms, and the end of the process."""
    began = context.clock.boot_seconds()
    try:
        breaks, changed = await check_new(context, payments_max)
        names = sorted({*changed, *await _under_way(context, under_way_max)})
        found = [Violation("I15", one.subject, one.what, True) for one in breaks]
        broken, many = await _check_payments(context, names)
        found += broken
        found += await _check_notices(context)
        found += await _check_kept(context, changed)
        found += await find_broken(context)
    except NO_BRIDGE_WROTE as error:
        names, many, found = [], 0, [_altered("", error)]
    return await _conclude(context, _Look(many, 0, tuple(found)), began, about=set(names), full=False)


async def check_everything(context: Context, rest_seconds: float = REST_SECONDS) -> Checked:
    """Check every payment, chain and seal, and the database itself, resting so that buyers do not notice."""

    async def rest(_: int) -> None:
        if rest_seconds:
            await context.clock.sleep(rest_seconds)

    began = context.clock.boot_seconds()
    look = _Look()
    try:
        breaks, look.rows = await check_all(context, rest)
        found = [Violation("I15", one.subject, one.what, True) for one in breaks]
        after = ""
        while True:
            names = await context.ledger.read(partial(facts.page, after=after, limit=FACTS_AT_ONCE))
            if not names:
                break
            broken, many = await _check_payments(context, names)
            found += broken
            look.payments, after = look.payments + many, names[-1]
            await rest(len(names))
        found += await _check_notices(context)
        found += await _check_all_kept(context, rest)
        found += await find_broken(context)
        found += await _check_database(context)
    except NO_BRIDGE_WROTE as error:
        found = [_altered("", error)]
    look.found = tuple(found)
    return await _conclude(context, look, began, about=set(), full=True)


async def check_forever(context: Context) -> None:
    """Check every minute and nightly, watch cases and unknowns, and tell alarms, until cancelled."""
    next_check, ends_night = 0.0, 0
    while True:
        now = context.clock.boot_seconds()
        try:
            await watch(context)
            if now >= next_check:
                next_check = now + CHECK_EVERY_SECONDS
                await check_invariants(context)
            at = now_ms(context.clock)
            if at >= ends_night:
                ends_night = _next_night(at)
                context.tasks.begin("night", _night(context))
            context.tasks.begin("alarms", _tell(context))  # a receiver that hangs holds no check up
        except BridgeError as error:
            log.error("a check failed", code=error.code, detail=error.detail)
        await context.clock.sleep(WATCH_EVERY_SECONDS)


async def _tell(context: Context) -> None:
    try:
        await tell(context)
    except BridgeError as error:
        log.error("alarms could not be told", code=error.code, detail=error.detail)


async def _night(context: Context) -> None:
    """Check everything, say in the log (which is kept elsewhere) how far the seals are, and drop what is too old."""
    await check_everything(context)
    await log_anchors(context)
    gone = await retain(context)
    log.info("records that were old enough are gone", **asdict(gone))


def _next_night(at: int) -> int:
    """Say when the next night's check begins, in milliseconds."""
    here = from_ms(at).astimezone(KST)
    night = here.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    night += timedelta(days=1) if night <= here else timedelta()
    return int(night.timestamp() * 1000)


async def _under_way(context: Context, under_way_max: int) -> list[str]:
    """List what is on its way, however many it is, oldest first: time alone may break their rules."""
    names = list[str]()
    while len(names) < under_way_max:
        limit = min(UNDER_WAY_AT_ONCE, under_way_max - len(names))
        page = partial(facts.under_way, limit=limit, after=names[-1] if names else "")
        more = await context.ledger.read(page)
        names += more
        if len(more) < limit:
            break
    return names


async def _check_payments(context: Context, names: list[str]) -> tuple[list[Violation], int]:
    """Check the payments among the audit's chains of these names; answers how many they are too."""
    at, patience = now_ms(context.clock), partial(patience_seconds, context)
    found, total = list[Violation](), 0
    for start in range(0, len(names), FACTS_AT_ONCE):
        some = names[start : start + FACTS_AT_ONCE]
        broken, many = await context.ledger.read(partial(_check_some, names=some, at=at, patience=patience))
        found, total = found + broken, total + many
    return found, total


def _check_some(turn: Turn, names: list[str], at: int, patience: facts.Patience) -> tuple[list[Violation], int]:
    found, many = list[Violation](), 0
    for name in names:
        try:
            seen = facts.read(turn, name, at=at, patience=patience)
            if seen is not None:
                found, many = found + invariants.check(seen), many + 1
        except NO_BRIDGE_WROTE as error:
            found.append(_altered(str(name), error))
    return found, many


def _altered(subject: str, error: Exception) -> Violation:
    """Say that a row was altered, and nothing of what it holds: it may be somebody's."""
    known = (
        error.detail
        if isinstance(error, LedgerBroken)
        else f"a row holds what no bridge writes ({type(error).__name__})"
    )
    return Violation("I15", subject, known, True)


async def _check_database(context: Context) -> list[Violation]:
    """I15, of the file itself: no page, index or reference is damaged."""
    try:
        await context.ledger.examine()
    except LedgerBroken as error:
        return [_altered("", error)]
    return []


async def _check_notices(context: Context) -> list[Violation]:
    """I10: a notice that was acknowledged has its effect, soon. That it is there at all: `_check_kept`."""
    before = now_ms(context.clock) - NOTICE_SECONDS_MAX * 1000
    rows = await context.ledger.read(partial(facts.late_notices, before=before))
    return [Violation("I10", row["payment"] or "", f"notice {row['id']} had no effect yet", False) for row in rows]


async def _check_kept(context: Context, chains: list[str]) -> list[Violation]:
    """I10: a notice that was kept, and therefore acknowledged, is still there: the audit knows each by its id.

    Nothing takes a notice out of the books: what is too old, or of somebody who is erased, loses its text alone. A
    backup has both or neither. No money hangs on its row any more where it had its effect, so the bridge goes on.
    """
    found = list[Violation]()
    for start in range(0, len(chains), CHAINS_AT_ONCE):
        some = chains[start : start + CHAINS_AT_ONCE]
        found += map(_lost, await context.ledger.read(partial(notices.lost_among, chains=some)))
    return found


async def _check_all_kept(context: Context, pause: Callable[[int], Awaitable[None]]) -> list[Violation]:
    """I10: the same of every notice that was ever kept."""
    found, after = list[Violation](), ""
    while True:
        page = partial(notices.lost, after=after, limit=CHAINS_AT_ONCE)
        gone, after = await context.ledger.read(page)
        found += map(_lost, gone)
        if not after:
            return found
        await pause(CHAINS_AT_ONCE)


def _lost(gone: Lost) -> Violation:
    about = f" about payment {gone.payment}" if gone.payment else ""
    at = from_ms(gone.received_at).isoformat(timespec="seconds")
    what = f"notice {gone.id} of {gone.gateway}{about} was kept at {at} and is gone"
    return Violation("I10 kept", gone.id, what, False)


async def _conclude(context: Context, look: _Look, began: float, *, about: set[str], full: bool) -> Checked:
    """Write down what was found, raise its alarms, and end the process where the books contradict themselves."""
    at = now_ms(context.clock)
    took_ms = round((context.clock.boot_seconds() - began) * 1000)
    told = tuple((one.invariant, one.payment, one.what) for one in look.found)
    checked = Checked(at, full, look.payments, look.rows, took_ms, told)
    await context.ledger.write(partial(checks.keep, checked=checked))
    context.monitor.count_check(checked)

    def covers(name: Name) -> bool:
        kind, _, rule = name[0].partition(" ")
        return kind == INVARIANT and (full or rule == "I10" or name[1] in about or name[1].startswith(SUBJECT))

    wanted = {(f"{INVARIANT} {one.invariant}", one.payment): one.what for one in look.found}
    await raise_alarms(context, wanted, covers)
    grave = next((one for one in look.found if one.grave), None)
    if grave is not None and context.settings.stop_on_broken_books:
        await tell(context)
        context.ledger.give_up(f"{grave.invariant}: {grave.what} ({grave.payment or 'the whole ledger'})")
    return checked
