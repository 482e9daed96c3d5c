"""After a restore: hears the shops, settles what the books have lost by evidence, and then ends the gap."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import structlog

from bridge.clock import from_ms, new_id, now_ms
from bridge.domain.failures import BridgeError, Malformed, NotNow
from bridge.domain.gateway import Approves, Inquires, Undoes
from bridge.domain.machine import PAID_STATES, TERMINAL, UNSETTLED, State, Step
from bridge.domain.payment import Payment
from bridge.flows.clock_steps import NOTICED_MS
from bridge.flows.compare_first import owe_comparisons, unheard_accounts
from bridge.flows.context import Context
from bridge.flows.lost_keys import lose_charging_keys
from bridge.flows.open_checkout import Once
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.revive import Known, hand_held_over, hand_over, is_held_up, lay_approval, revive_held, revive_payment
from bridge.flows.sites import Site
from bridge.flows.snapshots import rfc3339
from bridge.ledger import clock_kept, gap, operations, payments, replay
from bridge.ledger.clock_kept import Reading
from bridge.ledger.gap import Gap
from bridge.ledger.ledger import Turn
from bridge.signing import news as webhooks

ASK_SECONDS = 10.0
"""How long a shop has to hand over a part of what it knows, within one request."""
REASON_LENGTH_MIN = 10
BARRED = (
    "its window was open when the backup was made, and another payment held its order until the gap ended: it may have"
    " been paid in the time that the books have lost; look for its reference in the console"
)
LOST_MS_MAX = 7 * 86_400_000
"""What a shop hands over of where nobody knows when the backup was made: what changed in so long before the restore."""
ARRIVES_MS = 3_600_000
"""What a shop had asked for so long before the backup is in it, or never arrived: a signed request lives minutes."""
log = structlog.get_logger("reconcile")


@dataclass(frozen=True, slots=True)
class Report:
    """A page of what a shop knows; `complete` says that it was the last."""

    payments: Sequence[Known]
    complete: bool


async def look(context: Context, site: Site) -> dict[str, Any]:
    """Tell a shop whether it is to hand over, and what has changed since when."""
    reading = clock_kept.read(context.clock)
    return await context.ledger.read(lambda turn: _told_to_shop(turn, site.id, reading))


async def take_report(context: Context, site: Site, report: Report, once: Once) -> dict[str, Any]:
    """Take a page in; after the last one what is still open is settled by evidence. Raises Replayed."""
    recorder, reading = Recorder.now(context, site), clock_kept.read(context.clock)

    def work(turn: Turn) -> dict[str, Any]:
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        current = gap.of_site(turn, site.id)
        if current is None or current.ended_at is not None:
            return _told_to_shop(turn, site.id, reading)
        asked_since = _lost_since(turn, current, reading) - ARRIVES_MS
        for told in sorted(report.payments, key=_turn_of):
            known = replace(told, asked=tuple(one for one in told.asked if one.at >= asked_since))
            gap.found(turn, site.id, known.payment)
            outcome = revive_payment(turn, recorder, known)
            gap.note(turn, site.id, known.payment, outcome, recorder.at, known.said() if outcome == "lost" else "")
            if outcome == "lost" and is_held_up(turn, recorder, known):
                gap.hold(turn, site.id, known.payment, known.to_json())
        gap.heard(turn, site.id, recorder.at)
        if report.complete and current.told_at is None:
            _all_told(turn, recorder, current)
        return _told_to_shop(turn, site.id, reading)

    return await context.ledger.write(work)


def _turn_of(known: Known) -> int:
    """Say when a payment's turn is: of an order's payments those that let go of it come before what holds it."""
    state = State(known.state)
    return 0 if state in TERMINAL else 1 if state in UNSETTLED else 2


async def beat_gaps(context: Context) -> None:
    """Ask the shops that have not handed over everything, and end the gaps in which all is settled."""
    for one in await context.ledger.read(gap.open_gaps):
        site = context.sites.find(one.site)
        if site is None:
            continue
        if one.told_at is None:
            context.tasks.begin(f"ask:{site.id}", _ask(context, site, one))
        else:
            await context.ledger.write(partial(_end_if_settled, recorder=Recorder.now(context, site)))


async def deaf_sites(context: Context) -> frozenset[str]:
    """Name the sites of which nothing is settled yet, because their shop may know better."""
    return frozenset(one.site for one in await context.ledger.read(gap.open_gaps) if one.told_at is None)


async def show_gaps(context: Context) -> list[dict[str, Any]]:
    """Show each site's gap: what was handed over, and what is missing."""

    def work(turn: Turn) -> list[dict[str, Any]]:
        found = [(site, gap.of_site(turn, site.id)) for site in context.sites.all()]
        return [_shown(turn, site, one) for site, one in found if one is not None]

    return await context.ledger.read(work)


async def end_gap(context: Context, *, url: str, reason: str, who: str, unheard: bool) -> dict[str, Any]:
    """End a site's gap by a person's word, and acknowledge what is lost.

    Raises NotFound for an address of no site, Malformed without a reason, NotNow while the shop has not handed over
    everything (unless `unheard`: it never will, and what it may have known is being settled from then on) or an outcome
    is neither settled nor a case.
    """
    site = context.sites.at(url)
    if len(reason.strip()) < REASON_LENGTH_MIN:
        raise Malformed(f"Say in at least {REASON_LENGTH_MIN} characters what was compared, and why this may end now.")
    recorder = Recorder.now(context, site)

    def ask_no_more(turn: Turn) -> None:
        current = gap.of_site(turn, site.id)
        if current is None:
            raise NotNow("The books of this site were never restored; there is nothing to end.")
        if current.ended_at is None and current.told_at is None:
            if not unheard:
                raise NotNow("The shop has not handed over everything; `wp pay-bridge reconcile` there, or --unheard.")
            _all_told(turn, recorder, current)

    def work(turn: Turn) -> dict[str, Any]:
        if gap.is_open(turn, site.id):
            _refuse_unsettled(gap.unsettled(turn, site.id))
            _refuse_unsettled(_assume_open(turn, recorder))
            for held in gap.held(turn, site.id):
                hand_held_over(turn, recorder, Known.from_json(held))
            _hand_barred_over(turn, recorder)
        gap.end(turn, site.id, recorder.at, who, reason.strip())
        gap.acknowledge(turn, site.id, recorder.at)
        ended = gap.of_site(turn, site.id)
        assert ended is not None, "a gap is never deleted"
        return _shown(turn, site, ended)

    await context.ledger.write(ask_no_more)  # a turn of its own: what it begins is settled although this cannot end yet
    return await context.ledger.write(work)


def _refuse_unsettled(names: Sequence[str]) -> None:
    if names:
        raise NotNow(f"{len(names)} payments are neither settled nor a case yet: {', '.join(names[:5])}.")


def _lost_since(turn: Turn, current: Gap, reading: Reading) -> int:
    """Say since when a shop may know more than the books, by the clock as it is now, in milliseconds.

    The backup's moment was told by the clock as it was then. One that is later than the restore was told by a wrong
    clock, of another machine or another start of this one: nobody knows by how much.
    """
    moved = clock_kept.moved_ms(clock_kept.at_backup(turn), reading)
    since = current.since + (moved if abs(moved) >= NOTICED_MS else 0)
    return since if since <= current.restored_at else current.restored_at - LOST_MS_MAX


def _told_to_shop(turn: Turn, site: str, reading: Reading) -> dict[str, Any]:
    current = gap.of_site(turn, site)
    if current is None or current.ended_at is not None:
        return {"gap": False}
    told = current.told_at is not None
    return {
        "gap": True,
        "since": rfc3339(from_ms(_lost_since(turn, current, reading))),
        "restored_at": rfc3339(from_ms(current.restored_at)),
        "complete": told,
        "outcomes": gap.outcomes(turn, site),
    }


def _all_told(turn: Turn, recorder: Recorder, current: Gap) -> None:
    """The shop knows no more, and the gateways are asked."""
    gap.told(turn, current.site, recorder.at)
    owe_comparisons(turn, recorder, current)
    lose_charging_keys(turn, recorder)
    _assume_open(turn, recorder)
    life = recorder.context.settings.payment_life_seconds * 1000
    payments.shorten_windows(turn, current.site, recorder.at, recorder.at + life)


def _assume_open(turn: Turn, recorder: Recorder) -> list[str]:
    """A window that was open may have been approved all the same, so it is unknown, whatever its shop says of it; names
    those, and those that wait for their gateway's settings to be mended.

    One whose order another payment holds has its turn when that one has ended.
    """
    site = recorder.site
    current, found = gap.of_site(turn, site.id), list[str]()
    assert current is not None, "a gap is never deleted"
    for payment_id in gap.windows(turn, site.id, (State.OPEN, State.READYING)):
        payment = payments.get(turn, site.id, payment_id)
        gateway, is_refused = site.gateways.get(payment.gateway), payment.gateway in site.refused
        if not _may_be_approved(recorder, payment):
            continue
        if payments.holder(payments.of_order(turn, site.id, payment.order_ref), but=payment.id):
            continue
        if payment.state == State.OPEN and is_refused:
            found.append(payment_id)
        elif gap.assume(turn, site.id, payment_id, recorder.at):
            _assume(turn, recorder, payment, current, by_itself=isinstance(gateway, Undoes | Inquires))
            found.append(payment_id)
    return found


def _may_be_approved(recorder: Recorder, payment: Payment) -> bool:
    """Tell whether an approval of a window may have been sent: by a return, or as it stands. What its gateway captures
    by itself is shown by that one at the window's end."""
    gateway, is_refused = recorder.site.gateways.get(payment.gateway), payment.gateway in recorder.site.refused
    return payment.state != State.OPEN or isinstance(gateway, Approves) or not payment.window_url or is_refused


def _hand_barred_over(turn: Turn, recorder: Recorder) -> None:
    """Open a case, as the gap ends, of each window whose turn never came: what holds its order may not have held it in
    the lost time. One that stands as paid is taken to have."""
    site = recorder.site.id
    for payment_id in gap.windows(turn, site, (State.OPEN, State.READYING)):
        payment = payments.get(turn, site, payment_id)
        other = payments.holder(payments.of_order(turn, site, payment.order_ref), but=payment.id)
        if other is not None and other.state not in PAID_STATES and _may_be_approved(recorder, payment):
            recorder.case(turn, payment, "reported", BARRED)


def _assume(turn: Turn, recorder: Recorder, payment: Payment, current: Gap, *, by_itself: bool) -> None:
    if payment.state == State.READYING:
        words = "its window was being opened when the backup was made; look for its reference in the console"
        recorder.case(turn, payment, "reported", words)
        return
    if by_itself:
        approve = lay_approval(turn, recorder, payment, sent_at=current.restored_at)
        after = payments.get(turn, current.site, payment.id)
        operations.step(turn, approve, Step.UNKNOWN, at=recorder.at, next_try_at=recorder.at)
        after = payments.move(turn, after, State.UNKNOWN, at=recorder.at, actor=BRIDGE, event="approve.unknown")
        recorder.tell(turn, after, "payment.confirming")
        return
    payment = hand_over(turn, recorder, payment)
    recorder.case(turn, payment, "unknown_outcome", "it may have been approved in the time that the books have lost")


def _end_if_settled(turn: Turn, recorder: Recorder) -> None:
    site, at = recorder.site.id, recorder.at
    current = gap.of_site(turn, site)
    if current is None or current.ended_at is not None:
        return
    for held in map(Known.from_json, gap.held(turn, site)):
        if revive_held(turn, recorder, held):
            gap.fitted(turn, site, held.payment, at)
    if gap.unsettled(turn, site) or _assume_open(turn, recorder):
        return
    if gap.cases_since(turn, current) or gap.lost(turn, site):
        return
    _hand_barred_over(turn, recorder)
    gap.end(turn, site, at, BRIDGE, "everything was settled")
    log.info("a site's books are reconciled", site=site)


def _state_of(current: Gap, unsettled: Sequence[str]) -> str:
    if current.ended_at is not None:
        return "ended"
    if current.told_at is None:
        return "listening"
    return "settling" if unsettled else "waiting"


def _shown(turn: Turn, site: Site, current: Gap) -> dict[str, Any]:
    unsettled, cases, lost = gap.unsettled(turn, site.id), gap.cases_since(turn, current), gap.lost(turn, site.id)
    missing = []
    if current.told_at is None:
        missing.append("the shop has not handed over everything: `wp pay-bridge reconcile` there")
    elif unsettled:
        missing.append(f"{len(unsettled)} outcomes are being settled")
    if site.refused:
        missing.append(f"the settings of {', '.join(sorted(site.refused))} cannot be used: `pay-bridge site set`")
    if cases:
        missing.append(f"{len(cases)} cases need people: `pay-bridge cases list`")
    if lost:
        missing.append(f"{len(lost)} payments are in no book: look them up in the gateway's console")
    over = current.ended_at is not None
    return {
        "url": site.url,
        "state": _state_of(current, unsettled),
        "backup_of": rfc3339(from_ms(current.since)),
        "restored_at": rfc3339(from_ms(current.restored_at)),
        "outcomes": gap.outcomes(turn, site.id),
        "missing": [] if over and not lost else missing,
        "unsettled": unsettled,
        "cases": cases,
        "lost": [{"payment": row["payment"], "detail": row["detail"]} for row in lost],
        "accounts": unheard_accounts(turn, site, current),
        "compare": [_unheard(site, current)],
        "ended_by": current.ended_by,
        "reason": current.reason,
    }


def _unheard(site: Site, current: Gap) -> str:
    """Say what no machine can find: who asks a gateway asks by a reference, and that was in the lost books alone."""
    since, until = rfc3339(from_ms(current.since)), rfc3339(from_ms(current.restored_at))
    consoles = ", ".join(sorted(site.gateways))
    return (
        f"payments begun between {since} and {until} of which no shop heard are in no book: look in the consoles"
        f" ({consoles}) for payments and cancels of that time that are not in the books"
    )


async def _ask(context: Context, site: Site, current: Gap) -> None:
    """Ask a shop to hand over now: signed like news, answered as it likes; what it knows comes as reports."""
    reading = clock_kept.read(context.clock)
    since = await context.ledger.read(lambda turn: _lost_since(turn, current, reading))
    told = {"type": "reconcile", "since": rfc3339(from_ms(since))}
    body = json.dumps(told, separators=(",", ":")).encode()
    headers = webhooks.headers(site.news_keys(), new_id(context.clock), now_ms(context.clock) // 1000, body)
    try:
        await context.wire.post(
            f"{site.url}/?rest_route=/pay-bridge/v1/reconcile",
            headers | {"content-type": "application/json"},
            body,
            deadline_seconds=ASK_SECONDS + 5,
            loopback_allowed=site.loopback_allowed,
        )
    except BridgeError as error:
        log.warning("a shop could not be asked", site=site.id, code=error.code)
