"""Asks a gateway what happened, and lets the answer settle what is unknown: seen is done, absent twice is not done."""

from collections.abc import Mapping

from bridge.clock import between_ms, to_ms
from bridge.domain.exchange import Stamp
from bridge.domain.gateway import Absent, Declined, Gateway, Inquires, Inquiry, NotSent, Seen, Undoes
from bridge.domain.machine import PENDING_STEPS, Evidence, Kind, State, Step
from bridge.domain.payment import Payment
from bridge.domain.reasons import Reason
from bridge.flows.ask_fence import Fence
from bridge.flows.capture import CAME_AND_WENT, CAPTURED, fence_for, write_found
from bridge.flows.compare import ask_a_person, found_by, given_back, own_refunded, record_check
from bridge.flows.context import Context
from bridge.flows.pace import (
    APPROVAL_SECONDS,
    ASK_SECONDS,
    after_human,
    claimed_until,
    is_late,
    pause_ms,
    quiet_left_ms,
    waited_ms,
)
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.refund_again import refund_failed, refund_to_person
from bridge.flows.sites import Site
from bridge.flows.talk import note_after_window, talk
from bridge.flows.undo import APPROVAL_TOLD, PART_GONE, needs_human, record_undone
from bridge.flows.window_end import hold_order, write_expired
from bridge.flows.write_down import write_down
from bridge.ledger import cases, notices, operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

APART_MS = 60_000
ABSENT_AT, SEEN_AT = "absent_at", "seen_at"
"""What tries of an operation have shown so far, kept in its refs: when it was first absent, and when it was seen."""
KEPT = (ABSENT_AT, SEEN_AT, PART_GONE)
BLIND = "blind"
"""Kept likewise: the gateway's inquiry does not tell of refunds, so a full one is asked for once more instead."""
INQUIRY_SECONDS = 30.0


async def inquire_once(context: Context, site: Site, gateway: Gateway, operation: Operation) -> None:
    """Ask once about the payment of an operation without outcome, and write down what that proves. Raises Conflict."""
    assert isinstance(gateway, Inquires), "only such a gateway is asked"
    recorder = Recorder.now(context, site)
    claimed = claimed_until(gateway, recorder.at)

    def claim(turn: Turn) -> Payment:
        operations.claim(turn, operation, context.owner, claimed)
        return payments.get(turn, site.id, operation.payment)

    payment, asked = await context.ledger.write(claim), recorder.stamp
    exchange = gateway.inquire(payment, recorder.stamp)
    conversation = await talk(context, site, gateway, exchange, deadline_seconds=INQUIRY_SECONDS)
    outcome = conversation.outcome
    fence = Fence(True)
    if isinstance(outcome, Seen) and outcome.captured and operation.kind is not Kind.REFUND:
        fence = await fence_for(context, site, payment.id)
    recorder = Recorder.now(context, site)
    note_after_window(context, site, gateway, payment, conversation)

    def record(turn: Turn) -> None:
        recorder.journal(turn, payment, conversation)
        current = operations.get(turn, site.id, operation.id)
        assert current is not None, "operations are never deleted"
        if current.step in PENDING_STEPS and current.tries == operation.tries + 1:
            _record(turn, recorder, gateway, current, outcome, fence, asked)

    await write_down(context, record)


def _record(
    turn: Turn,
    recorder: Recorder,
    gateway: Gateway,
    operation: Operation,
    outcome: Inquiry,
    fence: Fence,
    asked: Stamp,
) -> None:
    """Write what an inquiry showed; it shows what was there when it was asked, however late its answer comes."""
    payment = payments.get(turn, recorder.site.id, operation.payment)
    if isinstance(outcome, Seen) and not outcome.captured:
        outcome = Absent()  # it is there, and no money is
    if operation.kind is Kind.REFUND:
        _record_refund(turn, recorder, gateway, payment, operation, outcome, asked)
    elif operation.kind is Kind.UNDO:
        _record_undo(turn, recorder, gateway, payment, operation, outcome, asked)
    elif operation.kind is Kind.CHECK:
        record_check(turn, recorder, gateway, operation, outcome, fence, asked)
    else:
        _record_approval(turn, recorder, gateway, payment, operation, outcome, fence, asked)


def _record_approval(
    turn: Turn,
    recorder: Recorder,
    gateway: Gateway,
    payment: Payment,
    operation: Operation,
    outcome: Inquiry,
    fence: Fence,
    asked: Stamp,
) -> None:
    """An approval that got lost, or the end of a window in which the gateway captures by itself."""
    if isinstance(outcome, Seen):
        if outcome.refunded and outcome.refunded >= outcome.captured:
            _came_and_went(turn, recorder, payment, operation)
            return
        found = found_by(outcome, outcome.captured, CAPTURED, gone=outcome.refunded or 0)
        write_found(turn, recorder, payment, found, fence)
        after = payments.get(turn, recorder.site.id, payment.id)
        if outcome.refunded is None and after.state == State.PAID:
            ask_a_person(turn, recorder, after)
        return
    told = notices.had_outcome(turn, payment.id, APPROVAL_TOLD) or SEEN_AT in operation.refs
    shown, proven = _absence(recorder, gateway, operation, outcome, asked, told=told)
    if proven:
        _never_happened(turn, recorder, payment, operation)
        return
    _go_on(turn, recorder, gateway, payment, operation, outcome, shown)


def _absence(
    recorder: Recorder, gateway: Gateway, operation: Operation, outcome: Inquiry, asked: Stamp, *, told: bool
) -> tuple[Mapping[str, str], bool]:
    """Say what has been shown so far, and whether it proves that nothing happened (E5): absent twice, a minute apart
    at least, both after the quiet period. Where the gateway itself told otherwise it proves nothing."""
    shown = {name: value for name, value in operation.refs.items() if name in KEPT}
    if not isinstance(outcome, Absent) or told or quiet_left_ms(recorder.context, gateway, operation, asked):
        return shown, False
    return _absent_again(shown, asked)


def _absent_again(shown: Mapping[str, str], asked: Stamp) -> tuple[dict[str, str], bool]:
    """Note when it was first absent, and say whether it has been long enough; before this start is no time ago."""
    first = shown.get(ABSENT_AT, "")
    apart = between_ms(first, asked.boot)
    if apart is None:
        first, apart = asked.boot, 0
    return {**shown, ABSENT_AT: first}, apart >= APART_MS


def _go_on(
    turn: Turn,
    recorder: Recorder,
    gateway: Gateway,
    payment: Payment,
    operation: Operation,
    outcome: Inquiry,
    shown: Mapping[str, str],
) -> None:
    """Nothing is proven: ask again, and tell a person once it has taken too long."""
    code, message = getattr(outcome, "code", ""), getattr(outcome, "message", "") or getattr(outcome, "why", "")
    since = to_ms(operation.sent_at)
    late = is_late(gateway, waited_ms(recorder.context, operation, recorder.stamp)) and not isinstance(outcome, NotSent)
    if operation.step is Step.UNKNOWN and late:
        again = after_human(since, recorder.at)
        operations.step(
            turn,
            operation,
            Step.NEEDS_HUMAN,
            at=recorder.at,
            code=operation.code,
            message=operation.message,
            refs=shown,
            next_try_at=again,
        )
        detail = f"the gateway's inquiry settled nothing: {code or type(outcome).__name__} {message}".strip()
        needs_human(turn, recorder, hold_order(turn, recorder, payment), code, message, detail)
        return
    next_try_at = recorder.at + pause_ms(APPROVAL_SECONDS, operation.tries // 2)
    quiet_left = quiet_left_ms(recorder.context, gateway, operation, recorder.stamp)
    if quiet_left:
        next_try_at = min(next_try_at, recorder.at + quiet_left)
    if operation.step is Step.NEEDS_HUMAN:
        next_try_at = after_human(since, recorder.at)
    elif ABSENT_AT in shown:  # a net-cancel also blocks what arrives late; without one it must be absent once more
        next_try_at = recorder.at + (1_000 if isinstance(gateway, Undoes) else _apart_left_ms(recorder, shown))
    operations.try_again(
        turn, operation, next_try_at=next_try_at, code=operation.code, message=operation.message, refs=shown
    )


def _apart_left_ms(recorder: Recorder, shown: Mapping[str, str]) -> int:
    apart = between_ms(shown[ABSENT_AT], recorder.stamp.boot)
    return max(1_000, APART_MS - (apart or 0))


def _never_happened(turn: Turn, recorder: Recorder, payment: Payment, operation: Operation) -> None:
    cases.close_case(turn, payment.id, "unknown_outcome", "settled by E5", recorder.at)
    step = Step.OK if operation.kind is Kind.PROBE else Step.FAIL
    operations.step(
        turn, operation, step, at=recorder.at, evidence=Evidence.E5, code=operation.code, message=operation.message
    )
    if payment.state == State.OPEN:
        write_expired(turn, recorder, payment, Evidence.E5)
        return
    no = Declined(Reason.NEVER_HAPPENED, "", "")
    if operation.refusal:
        no = Declined(Reason.DECLINED, operation.code, operation.message)
    recorder.declined(turn, payment, no, Evidence.E5, BRIDGE)


def _came_and_went(turn: Turn, recorder: Recorder, payment: Payment, operation: Operation) -> None:
    """The gateway took the money and somebody gave it back there: its net is zero, as its inquiry shows."""
    cases.close_case(turn, payment.id, "unknown_outcome", "settled by E4", recorder.at)
    operations.step(turn, operation, Step.FAIL, at=recorder.at, evidence=Evidence.E4, message=CAME_AND_WENT)
    if payment.state in (State.OPEN, State.UNKNOWN):
        payment = payments.move(turn, payment, State.VOIDING, at=recorder.at, actor=BRIDGE, event="undo.seen")
    recorder.voided(turn, payment, operation.id, Evidence.E4, BRIDGE)


def _record_undo(
    turn: Turn, recorder: Recorder, gateway: Gateway, payment: Payment, undo: Operation, outcome: Inquiry, asked: Stamp
) -> None:
    """Between the tries to take money back: an inquiry may show that it is back, or that none was ever there."""
    if isinstance(outcome, Seen):
        if outcome.refunded is not None and outcome.refunded >= outcome.captured:
            record_undone(turn, recorder, gateway, undo, Evidence.E4)
        else:
            _note_shown(turn, recorder, undo, {**_kept(undo), SEEN_AT: str(recorder.at)})
        return
    approve = operations.get(turn, recorder.site.id, undo.target)
    assert approve is not None, "an undo has a target"
    told = bool(payment.captured) or notices.had_outcome(turn, payment.id, APPROVAL_TOLD) or SEEN_AT in undo.refs
    told = told or undo.refusal  # by its answer to the net-cancel
    quiet = not quiet_left_ms(recorder.context, gateway, approve, asked)
    if isinstance(outcome, Absent) and not told and quiet:
        shown, proven = _absent_again(_kept(undo), asked)
        if proven:
            record_undone(turn, recorder, gateway, undo, Evidence.E5, found_nothing=True)
            return
        _note_shown(turn, recorder, undo, shown)
        return
    _note_shown(turn, recorder, undo, _kept(undo))


def _kept(operation: Operation) -> dict[str, str]:
    return {name: value for name, value in operation.refs.items() if name in KEPT}


def _note_shown(turn: Turn, recorder: Recorder, undo: Operation, shown: Mapping[str, str]) -> None:
    """Keep what was shown; the net-cancel itself is due at once, in the same breath."""
    operations.try_again(turn, undo, next_try_at=recorder.at, code=undo.code, message=undo.message, refs=shown)


def _record_refund(
    turn: Turn,
    recorder: Recorder,
    gateway: Gateway,
    payment: Payment,
    operation: Operation,
    outcome: Inquiry,
    asked: Stamp,
) -> None:
    """A refund that got lost: what was refunded in all tells whether this very one was, because they go one by one."""
    if not isinstance(outcome, Seen) or outcome.refunded is None:
        _ask_refund_again(turn, recorder, gateway, payment, operation, outcome, _kept(operation))
        return
    more = own_refunded(turn, payment, outcome.captured, outcome.refunded) - payment.refunded
    done = more >= operation.amount
    if done:
        payment = recorder.refunded(turn, payment, operation, Evidence.E4, outcome.refs, "gateway")
        more -= operation.amount
    if more > 0:
        payment = given_back(turn, recorder, payment, more, outcome.refunded)
    if done:
        return
    # What went back beside the payment's own may have passed the gateway by: then this refund is what it shows.
    either = outcome.refunded - payment.refunded >= operation.amount
    either = either or outcome.captured < payment.captured  # and what is shown as taken may be what is left of it
    shown, proven = _absence(recorder, gateway, operation, Absent(), asked, told=either)
    if proven:
        why = "an inquiry shows that it was not made"
        refund_failed(turn, recorder, payment, operation, Evidence.E5, "", "", why)
        return
    _ask_refund_again(turn, recorder, gateway, payment, operation, outcome, shown)


def _ask_refund_again(
    turn: Turn,
    recorder: Recorder,
    gateway: Gateway,
    payment: Payment,
    operation: Operation,
    outcome: Inquiry,
    shown: Mapping[str, str],
) -> None:
    blind = isinstance(outcome, Seen) and outcome.refunded is None
    if blind and operation.amount == payment.captured:
        operations.try_again(
            turn, operation, next_try_at=recorder.at, code=operation.code, message=operation.message, refs={BLIND: "1"}
        )
        return
    late = is_late(gateway, waited_ms(recorder.context, operation, recorder.stamp)) and not isinstance(outcome, NotSent)
    if operation.step is Step.UNKNOWN and (blind or late):
        refund_to_person(turn, recorder, payment, operation)
        return
    next_try_at = recorder.at + pause_ms(ASK_SECONDS, operation.tries // 2)
    if operation.step is Step.NEEDS_HUMAN:
        next_try_at = after_human(to_ms(operation.sent_at), recorder.at)
    elif ABSENT_AT in shown:
        next_try_at = recorder.at + _apart_left_ms(recorder, shown)
    elif quiet_left := quiet_left_ms(recorder.context, gateway, operation, recorder.stamp):
        next_try_at = min(next_try_at, recorder.at + quiet_left)
    operations.try_again(
        turn, operation, next_try_at=next_try_at, code=operation.code, message=operation.message, refs=shown
    )


def takes_back_first(gateway: Gateway, approve: Operation, *, quiet: bool) -> bool:
    """Tell whether an unknown approval is taken back rather than asked about.

    At once where nothing can be asked, or after a plain refusal; else after the quiet period, once it was absent.
    """
    if not isinstance(gateway, Undoes):
        return False
    if not isinstance(gateway, Inquires) or approve.refusal:
        return True
    return quiet and ABSENT_AT in approve.refs
