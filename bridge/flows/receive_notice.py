"""Takes in a gateway's notice: kept first, then its effect, in the same turn; without proof it moves little."""

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import partial

from bridge.clock import new_id, to_ms
from bridge.domain.exchange import KST
from bridge.domain.failures import Conflict, GatewayOff, LedgerBroken, NotFound, NotGenuine, Unreadable
from bridge.domain.gateway import Circumstantial, Event, Gateway, Notice, Notifies
from bridge.domain.machine import State
from bridge.domain.payment import Payment
from bridge.flows.ask_fence import Fence
from bridge.flows.capture import fence_for
from bridge.flows.context import Context
from bridge.flows.notice_effects import effect
from bridge.flows.plan_life import failed_plan, round_failed
from bridge.flows.plan_rounds import (
    FOREIGN_NUMBER,
    is_told_of_ended,
    overtook_its_round,
    plan_told_of,
    round_of,
    without_its_round,
)
from bridge.flows.receipt_notices import receipt_told
from bridge.flows.record import Recorder
from bridge.flows.requests_made import TURNED_AWAY, may_go_on
from bridge.flows.settle_unknown import settle_soon
from bridge.flows.sites import Site
from bridge.flows.told import (
    ASK_FENCE,
    COMPARED,
    DEPOSIT_ASKED,
    LATER,
    PERHAPS_OURS,
    PROVEN_BACK,
    REPORTED,
    TOLD_IN_SIGHT,
    Told,
)
from bridge.flows.undo import APPROVAL_TOLD
from bridge.ledger import gap, notices, operations, orders, payments, receipts
from bridge.ledger.figures import first_id
from bridge.ledger.ledger import Turn
from bridge.ledger.notices import StoredNotice
from bridge.ledger.operations import Operation
from bridge.ledger.plans import Plan
from bridge.ledger.receipts import Receipt

AT_ONCE = 100
WAITS = (LATER, ASK_FENCE)
KEPT = "kept until the books are reconciled"
STRANGE = "no payment of ours has this reference"
ELSEWHERE = "not from the gateway's address"
UNBOUND = "another payment under our reference"
ROUNDS_APART_MS = 12 * 3_600_000
"""Half of the shortest cycle, a day. No document says that each failed round has a number or moment of its own: until
then the same words are a repeat of the notice, and after it the next round's failure."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a notice: `known` tells whether it is about a payment of ours; only such a one is acknowledged,
    and those that a gateway sends of foreign payments by design."""

    known: bool
    outcome: str
    acknowledged: bool
    payment: str = ""


async def receive_notice(
    context: Context, site: Site, gateway: Gateway, *, kind: str, raw: bytes, source: str
) -> Heard:
    """Keep a notice and let it have its effect, once. Raises Unreadable or NotGenuine (nothing is kept then)."""
    assert isinstance(gateway, Notifies), "only a gateway that notifies has a notice address"
    notice = gateway.read_notice(raw, kind)
    trusted = not isinstance(notice.proof, Circumstantial) or gateway.allows_source(source)
    recorder = Recorder.now(context, site)
    kept = StoredNotice(
        id=new_id(context.clock),
        site=site.id,
        gateway=gateway.name,
        kind=kind,
        dedupe=notice.dedupe if trusted else f"untrusted:{notice.dedupe}",
        source=source,
        raw_sealed=context.vault.seal(raw, "notice"),
        received_at=recorder.at,
        received_boot=recorder.stamp.boot,
    )
    heard = await context.ledger.write(lambda turn: _take(turn, recorder, gateway, kept, notice, trusted))
    await _follow(context, site, heard, kept)
    return heard


async def _follow(context: Context, site: Site, heard: Heard, kept: StoredNotice) -> None:
    """Begin what a notice made due, when it is in the books and may be acknowledged."""
    perhaps_ours = heard.outcome.startswith(PERHAPS_OURS)
    if heard.outcome == ASK_FENCE:
        context.tasks.begin(f"capture:{heard.payment}", replay_notice(context, replace(kept, payment=heard.payment)))
    elif perhaps_ours or heard.outcome in (APPROVAL_TOLD, COMPARED, DEPOSIT_ASKED, PROVEN_BACK, REPORTED):
        payment = await context.ledger.read(lambda turn: payments.get(turn, site.id, heard.payment))
        settle_soon(context, site, payment)


async def replay_notice(context: Context, stored: StoredNotice) -> None:
    """Let a kept notice have the effect it is still owed (after a restart, or when its payment had no outcome yet)."""
    try:
        site = context.sites.get(stored.site)
        gateway = site.gateway(stored.gateway)
        assert isinstance(gateway, Notifies)
        notice = gateway.read_notice(context.vault.open(stored.raw_sealed, "notice"), stored.kind)
    except (NotFound, GatewayOff, NotGenuine, Unreadable):
        return
    outcome, payment = await _replay(context, site, gateway, stored, notice, None)
    stored = replace(stored, payment=stored.payment or payment)
    if outcome == ASK_FENCE:
        fence = await fence_for(context, site, stored.payment)
        outcome, _ = await _replay(context, site, gateway, stored, notice, fence)
    await _follow(context, site, Heard(True, "" if outcome in WAITS else outcome, True, stored.payment), stored)


async def _replay(
    context: Context, site: Site, gateway: Gateway, stored: StoredNotice, notice: Notice, fence: Fence | None
) -> tuple[str, str]:
    """Let a notice have its effect; answers that, and the payment it is about."""
    recorder = Recorder.now(context, site)

    def work(turn: Turn) -> tuple[str, str]:
        if gap.is_deaf(turn, site.id) or not notices.take(turn, stored.id):
            return "", ""
        found = _find(turn, recorder, gateway, notice)
        receipt = receipts.by_ref(turn, site.id, gateway.name, notice.merchant_ref) if found is None else None
        if receipt is not None:
            outcome = receipt_told(turn, recorder, receipt, notice)
        elif found is None and (plan := failed_plan(turn, recorder, gateway, notice)) is not None:
            notices.bind_plan(turn, stored.id, plan.id)
            outcome = round_failed(turn, recorder, plan, notice)
        elif found is None and overtook_its_round(turn, recorder, gateway, notice):
            outcome = without_its_round(turn, recorder, gateway, notice, stored)
        elif found is None:
            _note_lost(turn, recorder, notice)
            outcome = STRANGE
        elif found[0].state != State.READYING and not _is_bound(found[0], notice):
            outcome = _unbound(turn, recorder, found[0], notice)
        else:
            outcome = _alone(Told(turn, replace(recorder, hearing=stored.id), gateway, notice, *found, fence))
        if outcome not in WAITS:
            notices.settle(turn, stored.id, "done", outcome, recorder.at)
        if found is not None and not stored.payment:  # it came before the books knew the payment again
            notices.bind(turn, stored.id, found[0].id)
        return outcome, found[0].id if found is not None else ""

    return await context.ledger.write(work)


def _take(turn: Turn, recorder: Recorder, gateway: Gateway, kept: StoredNotice, notice: Notice, trusted: bool) -> Heard:
    if trusted and gap.is_deaf(turn, recorder.site.id):
        is_new = notices.store(turn, kept) or _proves_more(turn, recorder, gateway, kept, notice)
        if not is_new and notice.alike:
            notices.store_again(turn, kept)
        return Heard(True, KEPT, notice.event != Event.REQUESTED or not notice.request)
    found = _find(turn, recorder, gateway, notice, trusted=trusted)
    if found is None and trusted:
        receipt = receipts.by_ref(turn, recorder.site.id, gateway.name, notice.merchant_ref)
        if receipt is not None:
            return _take_receipt(turn, recorder, kept, notice, receipt)
        plan = failed_plan(turn, recorder, gateway, notice)
        if plan is not None:
            return _take_failure(turn, recorder, kept, notice, plan)
        if notice.event == Event.UNBELIEVED and plan_told_of(turn, recorder, gateway, notice) is not None:
            return _take_in_sight(turn, recorder, kept)
        if notice.event == Event.REQUESTED and is_told_of_ended(turn, recorder, gateway, notice):
            return _turn_away(turn, recorder, kept)
        if overtook_its_round(turn, recorder, gateway, notice):
            return Heard(True, LATER if notices.store(turn, kept) else "seen before", True)
        _note_lost(turn, recorder, notice)
    bound = found is not None and (found[0].state == State.READYING or _is_bound(found[0], notice))
    if found is None or not trusted or not bound:
        if not notices.store(turn, kept):
            return Heard(False, "seen before", notice.foreign)
        outcome = STRANGE if trusted else ELSEWHERE
        if found is not None and trusted:
            outcome = _unbound(turn, recorder, found[0], notice)
        notices.settle(turn, kept.id, "strange", outcome, recorder.at)
        return Heard(False, outcome, trusted and notice.foreign)
    payment, refund = found
    kept = replace(kept, payment=payment.id)
    is_new = notices.store(turn, kept) or _proves_more(turn, recorder, gateway, kept, notice)
    may_be_another = notice.alike and notice.amount <= payment.left
    if not is_new and not (may_be_another and notices.store_again(turn, kept)):
        return Heard(True, "seen before", may_go_on(turn, payment, notice), payment.id)
    outcome = _alone(Told(turn, replace(recorder, hearing=kept.id), gateway, notice, payment, refund))
    if outcome not in WAITS:
        notices.settle(turn, kept.id, "done", outcome, recorder.at)
    return Heard(True, outcome, may_go_on(turn, payment, notice), payment.id)


def _alone(told: Told) -> str:
    """Let a notice have its effect, and no other of its order in the same moment: what one is taken for is counted from
    the effects of those before it. Whoever writes the answer that one waits for must find it, too."""
    outcome = effect(told)
    orders.touch(told.turn, told.payment.site, told.payment.order_ref, told.recorder.at)
    return outcome


def _proves_more(turn: Turn, recorder: Recorder, gateway: Gateway, kept: StoredNotice, notice: Notice) -> bool:
    """Keep the proof of an event that a notice of another kind had told of without any; answers False for what it was
    not."""
    first = notices.named(turn, kept.site, kept.gateway, kept.dedupe)
    if isinstance(notice.proof, Circumstantial) or first is None or first.kind == kept.kind:
        return False
    assert isinstance(gateway, Notifies), "it has sent notices"
    try:
        told = gateway.read_notice(recorder.context.vault.open(first.raw_sealed, "notice"), first.kind)
    except (LedgerBroken, NotGenuine, Unreadable):  # its text is erased by now, or its secret is another
        return False
    is_more = isinstance(told.proof, Circumstantial)
    return is_more and notices.store(turn, replace(kept, dedupe=f"{notices.PROVEN}{kept.dedupe}"))


def _take_receipt(turn: Turn, recorder: Recorder, kept: StoredNotice, notice: Notice, receipt: Receipt) -> Heard:
    if not notices.store(turn, replace(kept, payment=receipt.payment)):
        return Heard(True, "seen before", True, receipt.payment)
    outcome = receipt_told(turn, recorder, receipt, notice)
    if outcome not in WAITS:
        notices.settle(turn, kept.id, "done", outcome, recorder.at)
    return Heard(True, outcome, True, receipt.payment)


def _take_failure(turn: Turn, recorder: Recorder, kept: StoredNotice, notice: Notice, plan: Plan) -> Heard:
    kept = replace(kept, plan=plan.id)
    if not notices.store(turn, kept):
        if recorder.at - plan.failed_at < ROUNDS_APART_MS:
            return Heard(True, "seen before", True)
        notices.store(turn, replace(kept, dedupe=f"{kept.dedupe}:{recorder.at}"))
    outcome = round_failed(turn, recorder, plan, notice)
    notices.settle(turn, kept.id, "done", outcome, recorder.at)
    return Heard(True, outcome, True)


def _take_in_sight(turn: Turn, recorder: Recorder, kept: StoredNotice) -> Heard:
    """Keep the news of a round of which the books have no payment, at an address where none is believed."""
    if not notices.store(turn, kept):
        return Heard(True, "seen before", True)
    notices.settle(turn, kept.id, "done", TOLD_IN_SIGHT, recorder.at)
    return Heard(True, TOLD_IN_SIGHT, True)


def _turn_away(turn: Turn, recorder: Recorder, kept: StoredNotice) -> Heard:
    """Keep that somebody asks to pay for a plan that has ended, and let nobody pay: what is not acknowledged is not."""
    if notices.store(turn, kept):
        notices.settle(turn, kept.id, "strange", TURNED_AWAY, recorder.at)
    return Heard(True, TURNED_AWAY, False)


def _find(
    turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice, *, trusted: bool = True
) -> tuple[Payment, Operation | None] | None:
    """Find the payment by our reference: the payment's own, that of one of its refunds, or that of a plan's round. A
    cancel under a reference of nobody's is of the payment whose number it names."""
    site = recorder.site
    payment = payments.by_merchant_ref(turn, site.id, gateway.name, notice.merchant_ref)
    payment = payment or round_of(turn, recorder, gateway, notice)
    if payment is not None:
        return payment, None
    operation = operations.by_ref(turn, site.id, notice.merchant_ref)
    if operation is None:
        payment = _cancelled(turn, recorder, gateway, notice) if trusted else None
        return (payment, None) if payment is not None else None
    payment = payments.get(turn, site.id, operation.payment)
    return (payment, operation) if payment.gateway == gateway.name else None


def _cancelled(turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice) -> Payment | None:
    """Find what a cancel is of by the gateway's own number, among the payments that began around its day: reading all
    of them would take too long for a turn."""
    of = notice.original
    if of is None:
        return None
    day = datetime.combine(of.day, time(), KST)
    around = [first_id(to_ms(day + timedelta(days=days))) for days in (-1, 2)]
    return payments.by_number(turn, recorder.site.id, gateway.name, of.name, of.number, (around[0], around[1]))


def _note_lost(turn: Turn, recorder: Recorder, notice: Notice) -> None:
    """Money that the gateway reports after a restore, of a payment in no book: a person looks it up in its console.

    Of a plan in no book each round is told: it goes on being charged after somebody has seen the first.
    """
    if notice.event in (Event.APPROVED, Event.DEPOSITED) and gap.of_site(turn, recorder.site.id) is not None:
        words = f"the gateway reports it as {notice.event}, {notice.amount} KRW, and no payment has this reference"
        name = f"{notice.merchant_ref}.{notice.round}" if notice.round else notice.merchant_ref
        gap.note(turn, recorder.site.id, name, "lost", recorder.at, words)


def _is_bound(payment: Payment, notice: Notice) -> bool:
    """Tell whether the gateway's own references in the notice are those of the window that we had opened."""
    return all(payment.refs.get(name) == value for name, value in notice.binding.items())


def _unbound(turn: Turn, recorder: Recorder, payment: Payment, notice: Notice) -> str:
    """Genuine news of a payment that was never asked for here: whoever knows our reference can make one."""
    if notice.event in (Event.APPROVED, Event.DEPOSITED):
        claim = f"a payment of {notice.amount} KRW under another number at the gateway claims this reference"
        detail = f"{claim} ({notice.name})"
        recorder.case(turn, payment, FOREIGN_NUMBER, detail, notice.amount)
    return UNBOUND


async def begin_replays(context: Context) -> list[asyncio.Task[None]]:
    """Begin to replay the notices whose effect is still owed, side by side: what waits at one site delays no other."""
    sites = await context.ledger.read(notices.sites_pending)
    return [context.tasks.begin(f"replay:{site}", _replay_all(context, site)) for site in sites]


async def _replay_all(context: Context, site: str) -> None:
    """Replay a site's, page after page: many of them may wait for an outcome."""
    after = (0, "")
    while page := await context.ledger.read(partial(notices.pending, limit=AT_ONCE, site=site, after=after)):
        for stored in page:
            await context.tasks.attempt(f"replay:{stored.id}", _replay_again(context, stored))
        after = (page[-1].received_at, page[-1].id)


async def _replay_again(context: Context, stored: StoredNotice) -> None:
    with contextlib.suppress(Conflict):
        await replay_notice(context, stored)
