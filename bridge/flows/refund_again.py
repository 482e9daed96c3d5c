"""Repeats a full refund whose outcome nobody knows; a partial one has no automatic way out and goes to a person."""

from dataclasses import replace

from bridge.clock import to_ms
from bridge.domain.gateway import Accepted, Done, Gateway, Inquires, Refunding, Refused, Unknown
from bridge.domain.machine import Evidence, Step
from bridge.domain.payment import Payment
from bridge.flows.carry_out import contradict
from bridge.flows.context import Context
from bridge.flows.pace import (
    ACCEPTED_DAYS_MAX,
    UNDO_SECONDS,
    accepted_until,
    after_human,
    claimed_until,
    is_late,
    pause_ms,
    waited_ms,
)
from bridge.flows.record import Recorder, account_of, refund_order
from bridge.flows.sites import Site
from bridge.flows.snapshots import ACCEPTED, REFUND_ACCEPTED, is_accepted, pay_back
from bridge.flows.talk import talk
from bridge.flows.urls import urls_of
from bridge.flows.write_down import write_down
from bridge.ledger import cases, operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation


async def refund_again(context: Context, site: Site, gateway: Gateway, operation: Operation) -> None:
    """Send the same full cancel again; hand a partial one to a person. Raises Conflict."""
    recorder = Recorder.now(context, site)
    claimed = claimed_until(gateway, recorder.at)

    def claim(turn: Turn) -> Payment | None:
        payment = payments.get(turn, site.id, operation.payment)
        if operation.amount != payment.captured:
            refund_to_person(turn, recorder, payment, operation)
            return None
        said, boot = (operation.code, operation.message), recorder.stamp.boot
        operations.try_again(turn, operation, next_try_at=claimed, code=said[0], message=said[1], boot=boot)
        return payment

    intended_at = context.clock.boot_seconds()
    payment = await context.ledger.write(claim)
    if payment is None:
        return
    url = urls_of(context, site, payment).notice
    order = replace(refund_order(payment, operation), account=account_of(recorder, operation), notice_url=url)
    exchange = gateway.refund(payment, order, recorder.stamp)
    tried = replace(operation, tries=operation.tries + 1)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=tried)
    recorder, outcome = Recorder.now(context, site), conversation.outcome
    if isinstance(outcome, Refused):  # it is of this try, and says nothing of the first
        outcome = Unknown("the gateway did not let us ask again", outcome.code, outcome.message)

    def record(turn: Turn) -> None:
        recorder.journal(turn, payment, conversation, operation)
        current = operations.get(turn, site.id, operation.id)
        assert current is not None, "operations are never deleted"
        mine = current.tries == operation.tries + 1 or isinstance(outcome, Done)
        if current.evidence == Evidence.E8 and isinstance(outcome, Done):
            contradict(turn, recorder, payment.id, current)
        elif mine and current.step in (Step.UNKNOWN, Step.NEEDS_HUMAN):
            _record(turn, recorder, gateway, current, outcome)

    await write_down(context, record)


def _record(turn: Turn, recorder: Recorder, gateway: Gateway, operation: Operation, outcome: Refunding) -> None:
    payment = payments.get(turn, recorder.site.id, operation.payment)
    if isinstance(outcome, Done):
        evidence = Evidence.E9 if outcome.already else Evidence.E1
        recorder.refunded(turn, payment, operation, evidence, outcome.refs, "gateway")
        return
    if isinstance(outcome, Accepted):
        ends_at = accepted_until(operation) if operation.step is Step.UNKNOWN else None
        take_in(turn, recorder, operation, outcome, ends_at)
        return
    code = getattr(outcome, "code", "")
    message = getattr(outcome, "message", "") or getattr(outcome, "why", "")
    late = is_late(gateway, waited_ms(recorder.context, operation, recorder.stamp)) and isinstance(outcome, Unknown)
    if late and operation.step is Step.UNKNOWN:
        refund_to_person(turn, recorder, payment, operation)
        return
    next_try_at = recorder.at + pause_ms(UNDO_SECONDS, operation.tries)
    if operation.step is Step.NEEDS_HUMAN:
        next_try_at = after_human(to_ms(operation.sent_at), recorder.at)
    operations.try_again(turn, operation, next_try_at=next_try_at, code=code, message=message)


def take_in(turn: Turn, recorder: Recorder, operation: Operation, outcome: Accepted, next_try_at: int | None) -> None:
    """Keep that the gateway has taken in a refund that had no outcome, and tell the shop of it, once."""
    is_known = is_accepted(operation)
    operations.try_again(turn, operation, next_try_at=next_try_at, code=ACCEPTED, refs=outcome.refs)
    if not is_known:
        payment = payments.get(turn, recorder.site.id, operation.payment)
        detail = {"amount": operation.amount} | pay_back(outcome.refs)
        recorder.tell(turn, recorder.note(turn, payment, "refund.accepted", detail), REFUND_ACCEPTED)


def await_end(turn: Turn, recorder: Recorder, operation: Operation) -> None:
    """Wait for the end of a refund that was taken in; ask a person when it should have come. It is never sent again."""
    ends_at = accepted_until(operation)
    if operation.step is Step.NEEDS_HUMAN or recorder.at < ends_at:
        again = None if operation.step is Step.NEEDS_HUMAN else ends_at
        operations.try_again(turn, operation, next_try_at=again, code=ACCEPTED, message=operation.message)
        return
    payment = payments.get(turn, recorder.site.id, operation.payment)
    operations.step(turn, operation, Step.NEEDS_HUMAN, at=recorder.at, code=operation.code, message=operation.message)
    recorder.note(turn, payment, "refund.needs_human", {"amount": operation.amount} | pay_back(operation.refs))
    detail = f"a refund of {operation.amount} KRW was taken in {ACCEPTED_DAYS_MAX} days ago, and its end was never told"
    recorder.case(turn, payment, "refund_unknown", detail)


def refund_failed(
    turn: Turn,
    recorder: Recorder,
    payment: Payment,
    operation: Operation,
    evidence: Evidence,
    code: str,
    message: str,
    why: str,
) -> None:
    """Write that a refund was not made; what it had reserved is free again."""
    operations.step(turn, operation, Step.FAIL, at=recorder.at, evidence=evidence, code=code, message=message)
    cases.close_case(turn, payment.id, "refund_unknown", why, recorder.at)
    detail: dict[str, str | int] = {"amount": operation.amount, "code": code, "message": message}
    recorder.tell(turn, recorder.note(turn, payment, "refund.refused", detail), "payment.refund_refused")


def refund_to_person(
    turn: Turn, recorder: Recorder, payment: Payment, operation: Operation, *, may_ask: bool = False
) -> None:
    """Block further refunds of the payment and tell a person; a notice, or an inquiry, may still settle it.

    `may_ask`: the gateway can be asked how it stands, though not by an inquiry.
    """
    again = after_human(to_ms(operation.sent_at), recorder.at)
    if operation.step is Step.NEEDS_HUMAN:
        operations.try_again(turn, operation, next_try_at=again, code=operation.code, message=operation.message)
        return
    may_ask = may_ask or isinstance(recorder.site.gateways.get(payment.gateway), Inquires)
    operations.step(
        turn,
        operation,
        Step.NEEDS_HUMAN,
        at=recorder.at,
        code=operation.code,
        message=operation.message,
        next_try_at=again if may_ask or operation.amount == payment.captured else None,
    )
    recorder.note(turn, payment, "refund.needs_human", {"amount": operation.amount, "message": operation.message})
    recorder.case(
        turn, payment, "refund_unknown", f"a refund of {operation.amount} KRW has no outcome: {operation.message}"
    )
    if operation.context_sealed:  # a transfer, which an operator may have asked for: the shop knows of no other wish
        recorder.tell(turn, payments.get(turn, recorder.site.id, payment.id), "payment.refund_unknown")
