"""Settles what nobody knows, by evidence only: net-cancel for approvals, the same full cancel again for refunds."""

from datetime import timedelta
from typing import Any

from bridge.clock import from_ms, now_ms, to_ms
from bridge.domain.exchange import Stamp
from bridge.domain.failures import Conflict
from bridge.domain.gateway import (
    Declined,
    Done,
    Gateway,
    NothingThere,
    NotSent,
    Refunding,
    Refused,
    Return,
    TooLate,
    Undoes,
    Undoing,
    Undone,
    Unknown,
)
from bridge.domain.machine import PENDING_STEPS, TERMINAL, Evidence, Kind, State, Step
from bridge.domain.payment import Payment
from bridge.domain.reasons import Reason
from bridge.flows.carry_out import contradict
from bridge.flows.context import Context
from bridge.flows.record import BRIDGE, Recorder, refund_order
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import cases, notices, operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

BACKOFF_SECONDS = (1, 2, 4, 8, 15, 30, 60)
HUMAN_EVERY_SECONDS = 600
RECHECK = "recheck"
NOTHING = "nothing there"
APPROVAL_TOLD = "asked"
"""The effect of a notice that told of an approval while its outcome was unknown."""


def settle_soon(context: Context, site: Site, payment: Payment) -> None:
    """Begin to settle a payment's unknown operations now, in the background, once at a time."""
    context.tasks.begin(f"settle:{payment.id}", settle_payment(context, site, payment.id))


async def settle_payment(context: Context, site: Site, payment_id: str) -> None:
    """Take one step for each unknown operation of a payment that is due."""
    at = now_ms(context.clock)
    for operation in await context.ledger.read(lambda turn: operations.of_payment(turn, payment_id)):
        due = operation.next_try_at is not None and to_ms(operation.next_try_at) <= at
        if operation.step in (Step.UNKNOWN, Step.NEEDS_HUMAN) and due:
            try:
                await _settle(context, site, operation)
            except Conflict:
                continue


async def _settle(context: Context, site: Site, operation: Operation) -> None:
    gateway = site.gateway(await _gateway_of(context, operation))
    if operation.kind is Kind.UNDO:
        await _undo(context, site, gateway, operation)
    elif operation.kind is Kind.APPROVE and isinstance(gateway, Undoes):
        undo = await context.ledger.write(lambda turn: _intend_undo(turn, Recorder.now(context, site), operation))
        if undo is not None:
            await _undo(context, site, gateway, undo)
    elif operation.kind is Kind.REFUND:
        await _refund_again(context, site, gateway, operation)


async def _gateway_of(context: Context, operation: Operation) -> str:
    payment = await context.ledger.read(lambda turn: payments.get(turn, operation.site, operation.payment))
    return payment.gateway


def _intend_undo(turn: Turn, recorder: Recorder, approve: Operation) -> Operation | None:
    """Write the intent to take an unknown approval back; a plain refusal keeps its state until the answer."""
    payment = payments.get(turn, recorder.site.id, approve.payment)
    if payment.state not in (State.UNKNOWN, State.NEEDS_HUMAN):
        return None
    again = recorder.at + HUMAN_EVERY_SECONDS * 1000
    operations.try_again(turn, approve, next_try_at=again, code=approve.code, message=approve.message)
    if any(one.kind is Kind.UNDO and one.step in PENDING_STEPS for one in operations.of_payment(turn, payment.id)):
        return None
    undo = recorder.begin_undo(turn, payment, approve, BRIDGE, due_now=False)
    if payment.state == State.UNKNOWN and not approve.refusal:
        payments.move(turn, payment, State.VOIDING, at=recorder.at, actor=BRIDGE, event="undo.sent")
    return undo


async def _undo(context: Context, site: Site, gateway: Gateway, undo: Operation) -> None:
    assert isinstance(gateway, Undoes), "only a gateway that undoes has undo operations"
    recorder = Recorder.now(context, site)
    claimed = recorder.at + round((gateway.deadline_seconds + 30) * 1000)

    def claim(turn: Turn) -> tuple[Payment, dict[str, Any]]:
        if undo.step is not Step.SENT:
            operations.try_again(turn, undo, next_try_at=claimed, code=undo.code, message=undo.message)
        return payments.get(turn, site.id, undo.payment), recorder.open_context(undo)

    intended_at = context.clock.boot_seconds()
    payment, kept = await context.ledger.write(claim)
    number = undo.tries + (undo.step is not Step.SENT)
    sent = Stamp(from_ms(kept["sent_at"]), kept["sent_nonce"])
    exchange = gateway.undo(payment, Return(kept["returned"]), sent, recorder.stamp)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at)
    recorder = Recorder.now(context, site)

    def record(turn: Turn) -> None:
        recorder.journal(turn, payment, conversation)
        current = operations.get(turn, site.id, undo.id)
        assert current is not None, "operations are never deleted"
        # Another may have claimed the next try meanwhile; then only proof is taken from this one.
        mine = current.tries == number or isinstance(conversation.outcome, Undone)
        if current.evidence == Evidence.E8 and isinstance(conversation.outcome, Undone):
            contradict(turn, recorder, payment.id, current)
        elif mine and current.step in (Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN):
            _record_undo(turn, recorder, gateway, current, conversation.outcome)

    await write_down(context, record)


def _record_undo(turn: Turn, recorder: Recorder, gateway: Gateway, undo: Operation, outcome: Undoing) -> None:
    payment = payments.get(turn, recorder.site.id, undo.payment)
    approve = operations.get(turn, recorder.site.id, undo.target)
    assert approve is not None, "an undo has a target"
    quiet_at = to_ms(approve.sent_at + _quiet(recorder.context, gateway))
    nothing = isinstance(outcome, NothingThere)
    # The gateway itself said that there is a payment: "nothing there" contradicts it, and proves nothing.
    contradicted = nothing and (
        payment.captured > 0 or undo.refusal or notices.had_outcome(turn, payment.id, APPROVAL_TOLD)
    )
    proven = isinstance(outcome, Undone) or (
        nothing and not contradicted and (approve.refusal or undo.reason == RECHECK or recorder.at >= quiet_at)
    )
    if proven:
        assert isinstance(outcome, Undone | NothingThere)
        _record_undone(turn, recorder, payment, approve, undo, outcome, quiet_at)
        return
    code, message = getattr(outcome, "code", ""), getattr(outcome, "message", "") or getattr(outcome, "why", "")
    waited = recorder.at - to_ms(undo.created_at or undo.sent_at)
    late = waited >= recorder.context.settings.human_after_seconds * 1000 and not isinstance(outcome, NotSent)
    if isinstance(outcome, TooLate) or late or (contradicted and recorder.at >= quiet_at):
        too_late = isinstance(outcome, TooLate)
        _hand_over(turn, recorder, payment, approve, undo, code, message, too_late=too_late)
        return
    next_try_at = recorder.at + BACKOFF_SECONDS[min(undo.tries - 1, len(BACKOFF_SECONDS) - 1)] * 1000
    if isinstance(outcome, NothingThere):
        next_try_at = max(next_try_at, min(quiet_at, recorder.at + 60_000))
    _keep_trying(turn, recorder, undo, next_try_at, code, message)


def _record_undone(
    turn: Turn,
    recorder: Recorder,
    payment: Payment,
    approve: Operation,
    undo: Operation,
    outcome: Undone | NothingThere,
    quiet_at: int,
) -> None:
    found = "" if isinstance(outcome, Undone) else NOTHING
    undo = operations.step(turn, undo, Step.OK, at=recorder.at, evidence=Evidence.E6, code=outcome.code, message=found)
    if State(payment.state) in TERMINAL:
        if not found and any(one.message == NOTHING for one in operations.of_payment(turn, payment.id)):
            detail = "net-cancel first found nothing, later money, and gave it back; ask the gateway whether it did"
            recorder.case(turn, payment, "money_on_ended_payment", detail)
        return
    cases.close_case(turn, payment.id, "unknown_outcome", "net-cancel answered", recorder.at)
    if approve.step in (Step.UNKNOWN, Step.NEEDS_HUMAN):
        evidence = Evidence.E10 if approve.refusal else Evidence.E6
        operations.step(
            turn, approve, Step.FAIL, at=recorder.at, evidence=evidence, code=approve.code, message=approve.message
        )
    if not approve.refusal or payment.captured:
        recorder.voided(turn, payment, undo.id, Evidence.E6, BRIDGE)
        return
    no = Declined(Reason.DECLINED, approve.code, approve.message)
    declined = recorder.declined(turn, payment, no, Evidence.E10, "gateway")
    again = recorder.begin_undo(turn, declined, approve, BRIDGE, due_now=True, reason=RECHECK)
    operations.try_again(turn, again, next_try_at=quiet_at)


def _keep_trying(turn: Turn, recorder: Recorder, undo: Operation, next_try_at: int, code: str, message: str) -> None:
    if undo.step is Step.SENT:
        operations.step(turn, undo, Step.UNKNOWN, at=recorder.at, code=code, message=message, next_try_at=next_try_at)
    else:
        if undo.step is Step.NEEDS_HUMAN:
            next_try_at = recorder.at + HUMAN_EVERY_SECONDS * 1000
        operations.try_again(turn, undo, next_try_at=next_try_at, code=code, message=message)


def _hand_over(
    turn: Turn,
    recorder: Recorder,
    payment: Payment,
    approve: Operation,
    undo: Operation,
    code: str,
    message: str,
    *,
    too_late: bool,
) -> None:
    """Give the payment to a person, with an alarm; the bridge goes on asking every ten minutes.

    `too_late` is kept as the undo's refusal: the gateway knows the payment, whatever it says when it has forgotten it.
    """
    again = recorder.at + HUMAN_EVERY_SECONDS * 1000
    if undo.step is Step.SENT:
        undo = operations.step(turn, undo, Step.UNKNOWN, at=recorder.at, code=code, message=message)
    if undo.step is Step.UNKNOWN:
        operations.step(
            turn,
            undo,
            Step.NEEDS_HUMAN,
            at=recorder.at,
            code=code,
            message=message,
            refusal=too_late,
            next_try_at=again,
        )
    else:
        operations.try_again(turn, undo, next_try_at=again, code=code, message=message, refusal=too_late)
    if approve.step is Step.UNKNOWN:
        operations.step(turn, approve, Step.NEEDS_HUMAN, at=recorder.at, code=approve.code, message=approve.message)
    if payment.state in (State.UNKNOWN, State.VOIDING):
        payments.move(
            turn,
            payment,
            State.NEEDS_HUMAN,
            at=recorder.at,
            actor=BRIDGE,
            event="payment.needs_human",
            detail={"code": code, "message": message},
        )
    recorder.case(turn, payment, "unknown_outcome", f"net-cancel settled nothing: {code} {message}".strip())


async def _refund_again(context: Context, site: Site, gateway: Gateway, operation: Operation) -> None:
    """Send the same full cancel again; a partial one has no automatic way out and goes to a person."""
    recorder = Recorder.now(context, site)
    claimed = recorder.at + round((gateway.deadline_seconds + 30) * 1000)

    def claim(turn: Turn) -> Payment | None:
        payment = payments.get(turn, site.id, operation.payment)
        if operation.amount != payment.captured:
            _refund_to_person(turn, recorder, payment, operation)
            return None
        operations.try_again(turn, operation, next_try_at=claimed, code=operation.code, message=operation.message)
        return payment

    intended_at = context.clock.boot_seconds()
    payment = await context.ledger.write(claim)
    if payment is None:
        return
    exchange = gateway.refund(payment, refund_order(payment, operation), recorder.stamp)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at)
    recorder = Recorder.now(context, site)

    def record(turn: Turn) -> None:
        recorder.journal(turn, payment, conversation)
        current = operations.get(turn, site.id, operation.id)
        assert current is not None, "operations are never deleted"
        mine = current.tries == operation.tries + 1 or isinstance(conversation.outcome, Done)
        if current.evidence == Evidence.E8 and isinstance(conversation.outcome, Done):
            contradict(turn, recorder, payment.id, current)
        elif mine and current.step in (Step.UNKNOWN, Step.NEEDS_HUMAN):
            _record_refund_again(turn, recorder, gateway, current, conversation.outcome)

    await write_down(context, record)


def _record_refund_again(
    turn: Turn, recorder: Recorder, gateway: Gateway, operation: Operation, outcome: Refunding
) -> None:
    payment = payments.get(turn, recorder.site.id, operation.payment)
    if isinstance(outcome, Done):
        evidence = Evidence.E9 if outcome.already else Evidence.E1
        recorder.refunded(turn, payment, operation, evidence, outcome.refs, "gateway")
        return
    code = getattr(outcome, "code", "")
    message = getattr(outcome, "message", "") or getattr(outcome, "why", "")
    quiet_at = to_ms(operation.sent_at + _quiet(recorder.context, gateway))
    if isinstance(outcome, Refused) and recorder.at >= quiet_at:
        operations.step(turn, operation, Step.FAIL, at=recorder.at, evidence=Evidence.E2, code=code, message=message)
        cases.close_case(turn, payment.id, "refund_unknown", "the gateway refuses it", recorder.at)
        recorder.note(turn, payment, "refund.refused", {"amount": operation.amount, "code": code, "message": message})
        return
    waited = recorder.at - to_ms(operation.sent_at)
    late = waited >= recorder.context.settings.human_after_seconds * 1000 and isinstance(outcome, Unknown)
    if late and operation.step is Step.UNKNOWN:
        _refund_to_person(turn, recorder, payment, operation)
        return
    pause = BACKOFF_SECONDS[min(operation.tries - 1, len(BACKOFF_SECONDS) - 1)] * 1000
    if operation.step is Step.NEEDS_HUMAN:
        pause = HUMAN_EVERY_SECONDS * 1000
    operations.try_again(turn, operation, next_try_at=recorder.at + pause, code=code, message=message)


def _refund_to_person(turn: Turn, recorder: Recorder, payment: Payment, operation: Operation) -> None:
    """Block further refunds of the payment and tell a person; a notice may still settle it."""
    again = recorder.at + HUMAN_EVERY_SECONDS * 1000
    if operation.step is Step.NEEDS_HUMAN:
        operations.try_again(turn, operation, next_try_at=again, code=operation.code, message=operation.message)
        return
    full = operation.amount == payment.captured
    operations.step(
        turn,
        operation,
        Step.NEEDS_HUMAN,
        at=recorder.at,
        code=operation.code,
        message=operation.message,
        next_try_at=again if full else None,
    )
    recorder.note(turn, payment, "refund.needs_human", {"amount": operation.amount, "message": operation.message})
    recorder.case(
        turn, payment, "refund_unknown", f"a refund of {operation.amount} KRW has no outcome: {operation.message}"
    )


def _quiet(context: Context, gateway: Gateway) -> timedelta:
    """The quiet period: nobody may conclude "absent" earlier after the last byte was sent."""
    return timedelta(seconds=max(context.settings.quiet_seconds_min, gateway.deadline_seconds + 60))
