"""Takes an approval back: by net-cancel, or where there is none by a refund of all of it; repeated until known."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bridge.clock import from_ms, to_ms
from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.failures import Conflict
from bridge.domain.gateway import (
    Accepted,
    Declined,
    Done,
    Gateway,
    Inquires,
    NamesByReturn,
    NothingThere,
    NotSent,
    Return,
    TooLate,
    Undoes,
    Undoing,
    Undone,
    Unknown,
)
from bridge.domain.machine import PENDING_STEPS, TERMINAL, Evidence, Kind, State, Step
from bridge.domain.payment import Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.domain.tax import split_as_told
from bridge.flows.carry_out import contradict
from bridge.flows.claims import is_anothers
from bridge.flows.context import Context
from bridge.flows.pace import (
    HUMAN_EVERY_SECONDS,
    UNDO_SECONDS,
    after_human,
    claimed_until,
    is_late,
    pause_ms,
    quiet_left_ms,
    waited_ms,
)
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.sites import Site
from bridge.flows.snapshots import pay_back
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import cases, notices, operations, payments, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

RECHECK = "recheck"
NOTHING = "nothing there"
NOTHING_OWED: Mapping[str, Any] = MappingProxyType({})
ANOTHERS = "what its return brought has paid another payment, and is not taken back"
TAKEN_IN = "accepted"
"""The code of a cancel that the gateway has taken in and not made: it is not sent again, a notice tells its end."""
PART_GONE = "part_gone"
"""Kept in a net-cancel's refs: an answer named less than was asked; "cancelled already" may be said of that part."""
APPROVAL_TOLD = "asked"
"""The effect of a notice that told of an approval while its outcome was unknown."""


def intend_undo(turn: Turn, recorder: Recorder, approve: Operation) -> Operation | None:
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


def brought_elsewhere(turn: Turn, payment: Payment, gateway: Gateway, refs: Mapping[str, str]) -> Operation | None:
    """Find what takes a payment's money back, or is to say whether it must be, as its return was brought to another."""
    number = refs.get(gateway.claimed, "") if isinstance(gateway, NamesByReturn) else ""
    other = replay.claimant(turn, payment.gateway, number) if number else ""
    done = operations.of_payment(turn, other) if other not in ("", payment.id) else []
    undos = [one for one in done if one.kind is Kind.UNDO and one.step is not Step.FAIL and one.message != NOTHING]
    approve = next((one for one in reversed(done) if one.kind is Kind.APPROVE), None)  # the first may not have left
    return next(iter(undos), approve)


async def undo_once(context: Context, site: Site, gateway: Gateway, undo: Operation) -> None:
    """Try once to bring the gateway's net to zero, and write down what came of it. Raises Conflict."""
    recorder = Recorder.now(context, site)
    claimed = claimed_until(gateway, recorder.at)

    def claim(turn: Turn) -> tuple[Payment, dict[str, Any]] | None:
        payment, kept = payments.get(turn, site.id, undo.payment), recorder.open_context(undo)
        if not payment.captured and is_anothers(turn, gateway, payment, kept["returned"]):
            approve = operations.get(turn, site.id, undo.target)
            assert approve is not None, "an undo has a target"
            _hand_over(turn, recorder, payment, approve, undo, "", ANOTHERS, is_there=False, again=False)
            return None
        if undo.step is not Step.SENT:
            operations.claim(turn, undo, context.owner, claimed, recorder.stamp.boot)
        elif not _is_still_first(turn, site, undo):
            raise Conflict("This bridge slept, and another has taken the net-cancel over.")
        return payment, kept

    intended_at = context.clock.boot_seconds()
    begun, asked = await context.ledger.write(claim), recorder.stamp
    if begun is None:
        return
    payment, kept = begun
    number = undo.tries + (undo.step is not Step.SENT)
    exchange = _take_back(gateway, payment, undo, kept, recorder.stamp)
    tried = replace(undo, tries=number)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=tried)
    recorder = Recorder.now(context, site)

    def record(turn: Turn) -> None:
        recorder.journal(turn, payment, conversation, undo)
        current = operations.get(turn, site.id, undo.id)
        assert current is not None, "operations are never deleted"
        # Another may have claimed the next try meanwhile; then only proof is taken from this one.
        mine = current.tries == number or isinstance(conversation.outcome, Undone)
        if current.evidence == Evidence.E8 and isinstance(conversation.outcome, Undone):
            contradict(turn, recorder, payment.id, current)
        elif mine and current.step in PENDING_STEPS:
            _record_undo(turn, recorder, gateway, current, conversation.outcome, asked)

    await write_down(context, record)


def _is_still_first(turn: Turn, site: Site, undo: Operation) -> bool:
    """Whether a net-cancel that was intended in an earlier turn is as that turn left it."""
    current = operations.get(turn, site.id, undo.id)
    return current is not None and current.step is Step.SENT


def _take_back(
    gateway: Gateway, payment: Payment, undo: Operation, kept: dict[str, Any], stamp: Stamp
) -> Exchange[Undone | NothingThere | TooLate | Accepted | Unknown]:
    if isinstance(gateway, Undoes):
        sent = Stamp(from_ms(kept["sent_at"]), kept["sent_nonce"])
        return gateway.undo(payment, Return(kept["returned"]), sent, stamp)
    return _refund_all(gateway, payment, undo, stamp)


def _refund_all(
    gateway: Gateway, payment: Payment, undo: Operation, stamp: Stamp
) -> Exchange[Undone | NothingThere | TooLate | Accepted | Unknown]:
    tax = split_as_told(undo.amount, payment.parts, gone=payment.refunded)
    full = not payment.refunded  # after a part, "cancelled already" may be said of that part
    rest = RefundOrder(undo.ref, undo.amount, "자동 취소", full, 0, payment.refunded, tax=tax)
    outcome = yield from gateway.refund(payment, rest, stamp)
    if isinstance(outcome, Done):
        return Undone()
    if isinstance(outcome, Accepted | Unknown):
        return outcome
    return Unknown("the gateway refuses to give it back", outcome.code, outcome.message)


def _record_undo(
    turn: Turn, recorder: Recorder, gateway: Gateway, undo: Operation, outcome: Undoing, asked: Stamp
) -> None:
    """Write what a try came to; it tells what was there when it was asked, however late its answer comes."""
    payment = payments.get(turn, recorder.site.id, undo.payment)
    approve = operations.get(turn, recorder.site.id, undo.target)
    assert approve is not None, "an undo has a target"
    quiet = not quiet_left_ms(recorder.context, gateway, approve, asked)
    nothing = isinstance(outcome, NothingThere)
    # The gateway itself said that there is a payment: "nothing there" contradicts it, and proves nothing.
    contradicted = nothing and (
        payment.captured > 0 or undo.refusal or notices.had_outcome(turn, payment.id, APPROVAL_TOLD)
    )
    of_part = isinstance(outcome, Undone) and outcome.already and PART_GONE in undo.refs
    proven = (isinstance(outcome, Undone) and not of_part) or (
        nothing and not contradicted and (approve.refusal or undo.reason == RECHECK or quiet)
    )
    if proven:
        assert isinstance(outcome, Undone | NothingThere)
        record_undone(turn, recorder, gateway, undo, Evidence.E6, code=outcome.code, found_nothing=nothing)
        return
    code, message = getattr(outcome, "code", ""), getattr(outcome, "message", "") or getattr(outcome, "why", "")
    taken_in = isinstance(outcome, Accepted)
    if isinstance(outcome, Accepted):
        code, message = TAKEN_IN, "the gateway has taken the cancel in, and not made it yet"
        undo = operations.name(turn, undo, outcome.refs)
    if isinstance(outcome, Unknown) and outcome.part:
        undo = operations.name(turn, undo, {**undo.refs, PART_GONE: "1"})
    waits = undo
    if isinstance(gateway, Inquires) and not payment.captured:
        waits = approve  # it was asked for all that time, and the net-cancel is the last of it
    late = is_late(gateway, waited_ms(recorder.context, waits, recorder.stamp)) and not isinstance(outcome, NotSent)
    is_there = isinstance(outcome, TooLate) or (isinstance(outcome, Unknown) and outcome.there)
    if isinstance(outcome, TooLate) or taken_in or late or of_part or (contradicted and quiet):
        _hand_over(turn, recorder, payment, approve, undo, code, message, is_there=is_there, again=not taken_in)
        return
    next_try_at = recorder.at + pause_ms(UNDO_SECONDS, undo.tries)
    if isinstance(outcome, NothingThere):
        left = quiet_left_ms(recorder.context, gateway, approve, recorder.stamp)
        next_try_at = max(next_try_at, recorder.at + min(left, UNDO_SECONDS[-1] * 1000))
    _keep_trying(turn, recorder, undo, next_try_at, code, message, is_there=is_there)


def record_undone(
    turn: Turn,
    recorder: Recorder,
    gateway: Gateway,
    undo: Operation,
    evidence: Evidence,
    *,
    code: str = "",
    found_nothing: bool = False,
) -> None:
    """Write that the gateway's net is zero: by its answer, an inquiry or a notice, as the evidence says."""
    payment = payments.get(turn, recorder.site.id, undo.payment)
    approve = operations.get(turn, recorder.site.id, undo.target)
    assert approve is not None, "an undo has a target"
    found = NOTHING if found_nothing else ""
    undo = operations.step(turn, undo, Step.OK, at=recorder.at, evidence=evidence, code=code, message=found)
    if State(payment.state) in TERMINAL:
        if not found and any(one.message == NOTHING for one in operations.of_payment(turn, payment.id)):
            detail = "net-cancel first found nothing, later money, and gave it back; ask the gateway whether it did"
            recorder.case(turn, payment, "money_on_ended_payment", detail, undo.amount)
        return
    cases.close_case(turn, payment.id, "unknown_outcome", f"settled by {evidence}", recorder.at)
    if approve.step in (Step.UNKNOWN, Step.NEEDS_HUMAN):
        proof = Evidence.E10 if approve.refusal else evidence
        operations.step(
            turn, approve, Step.FAIL, at=recorder.at, evidence=proof, code=approve.code, message=approve.message
        )
    if not approve.refusal or payment.captured:
        recorder.voided(turn, payment, undo.id, evidence, BRIDGE)
        return
    no = Declined(Reason.DECLINED, approve.code, approve.message)
    declined = recorder.declined(turn, payment, no, Evidence.E10, "gateway")
    again = recorder.begin_undo(turn, declined, approve, BRIDGE, due_now=True, reason=RECHECK)
    left = quiet_left_ms(recorder.context, gateway, approve, recorder.stamp)
    operations.try_again(turn, again, next_try_at=recorder.at + left)


def _keep_trying(
    turn: Turn, recorder: Recorder, undo: Operation, next_try_at: int, code: str, message: str, *, is_there: bool
) -> None:
    if undo.step is Step.SENT:
        operations.step(
            turn,
            undo,
            Step.UNKNOWN,
            at=recorder.at,
            code=code,
            message=message,
            refusal=is_there,
            next_try_at=next_try_at,
        )
    else:
        if undo.step is Step.NEEDS_HUMAN:
            next_try_at = after_human(to_ms(undo.sent_at), recorder.at)
        operations.try_again(turn, undo, next_try_at=next_try_at, code=code, message=message, refusal=is_there)


def _hand_over(
    turn: Turn,
    recorder: Recorder,
    payment: Payment,
    approve: Operation,
    undo: Operation,
    code: str,
    message: str,
    *,
    is_there: bool,
    again: bool = True,
) -> None:
    """Give the payment to a person, with an alarm; the bridge goes on asking, unless it must not send it `again`.

    `is_there` is kept as the undo's refusal: the gateway knows the payment, whatever it says when it has forgotten it.
    """
    next_try_at = after_human(to_ms(undo.sent_at), recorder.at) if again else None
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
            refusal=is_there,
            next_try_at=next_try_at,
        )
    else:
        operations.try_again(turn, undo, next_try_at=next_try_at, code=code, message=message, refusal=is_there)
    if approve.step is Step.UNKNOWN:
        operations.step(turn, approve, Step.NEEDS_HUMAN, at=recorder.at, code=approve.code, message=approve.message)
    owed, detail = pay_back(undo.refs), f"net-cancel settled nothing: {code} {message}".strip()
    if owed:
        detail += "; wire {amount} KRW to {account} first".format(**owed["pay_back"])
    needs_human(turn, recorder, payment, code, message, detail, owed)


def needs_human(
    turn: Turn,
    recorder: Recorder,
    payment: Payment,
    code: str,
    message: str,
    detail: str,
    owed: Mapping[str, Any] = NOTHING_OWED,
) -> None:
    """Give a payment whose outcome nobody knows to a person, with an alarm; `owed` is what must be wired first.

    One that is being given back because another payment has the order does not take the order from it.
    """
    everyone = payments.of_order(turn, payment.site, payment.order_ref)
    if payment.state in (State.UNKNOWN, State.VOIDING) and payments.holder(everyone, but=payment.id) is None:
        payment = payments.move(
            turn,
            payment,
            State.NEEDS_HUMAN,
            at=recorder.at,
            actor=BRIDGE,
            event="payment.needs_human",
            detail={"code": code, "message": message, **owed},
        )
    recorder.case(turn, payment, "unknown_outcome", detail)
