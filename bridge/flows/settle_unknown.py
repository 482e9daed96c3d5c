"""Settles what nobody knows, by evidence only: who is asked, and what is tried next, by operation and gateway."""

import contextlib

from bridge.clock import now_ms, to_ms
from bridge.domain.failures import Conflict
from bridge.domain.gateway import Gateway, Inquires, NamesByReturn, Probes
from bridge.domain.machine import PENDING_STEPS, Kind, Step
from bridge.domain.payment import Payment
from bridge.domain.services import Escrows, RefundsToAccounts
from bridge.flows.ask_after_word import ask_after_word
from bridge.flows.context import Context
from bridge.flows.inquire import BLIND, inquire_once, takes_back_first
from bridge.flows.pace import HUMAN_EVERY_SECONDS, UNDO_SECONDS, after_human, quiet_left_ms, quiet_ms, waited_ms
from bridge.flows.probe import probe_once
from bridge.flows.record import Recorder
from bridge.flows.refund_again import await_end, refund_again
from bridge.flows.sites import Site
from bridge.flows.snapshots import is_accepted
from bridge.flows.transfer import ask_for_transfer, is_transfer
from bridge.flows.undo import intend_undo, needs_human, undo_once
from bridge.flows.void_account import void_once, voids_account
from bridge.flows.withdraw import withdraw_once
from bridge.ledger import operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

PUT_OFF_SECONDS = UNDO_SECONDS[-1]
"""A try that fails here, as where the disk is full, waits no longer than one that the gateway did not answer."""


def settle_soon(context: Context, site: Site, payment: Payment) -> None:
    """Begin to settle a payment's unknown operations now, in the background, once at a time."""
    context.tasks.begin(f"settle:{payment.id}", settle_payment(context, site, payment.id))


async def settle_payment(context: Context, site: Site, payment_id: str) -> None:
    """Take one step for each unknown operation of a payment that is due."""
    at = now_ms(context.clock)
    for operation in await context.ledger.read(lambda turn: operations.of_payment(turn, payment_id)):
        due = operation.next_try_at is not None and to_ms(operation.next_try_at) <= at
        if operation.step not in (Step.UNKNOWN, Step.NEEDS_HUMAN) or not due:
            continue
        if not await context.tasks.attempt(f"try:{operation.id}", _try(context, site, operation)):
            await _put_off(context, operation)


async def _try(context: Context, site: Site, operation: Operation) -> bool:
    with contextlib.suppress(Conflict):
        await _settle(context, site, operation)
    return True


async def _put_off(context: Context, operation: Operation) -> None:
    """Let what cannot be tried now, or fails by a bug, wait: else it stays in front of everybody's."""
    again = now_ms(context.clock) + PUT_OFF_SECONDS * 1000
    with contextlib.suppress(Conflict):
        await context.ledger.write(lambda turn: _postpone(turn, operation, again))


async def _settle(context: Context, site: Site, operation: Operation) -> None:
    payment = await context.ledger.read(lambda turn: payments.get(turn, operation.site, operation.payment))
    gateway = site.gateway(payment.gateway)
    if operation.kind is Kind.UNDO:
        await _undo(context, site, gateway, operation)
    elif operation.kind is Kind.APPROVE:
        await _approval(context, site, gateway, payment, operation)
    elif is_transfer(operation) and not isinstance(gateway, RefundsToAccounts):
        await ask_for_transfer(context, site, gateway, operation)
    elif is_accepted(operation):
        await context.ledger.write(lambda turn: await_end(turn, Recorder.now(context, site), operation))
    elif operation.kind is Kind.REFUND:
        blind = BLIND in operation.refs
        settle = inquire_once if isinstance(gateway, Inquires) and not blind else refund_again
        await settle(context, site, gateway, operation)
    elif voids_account(payment, operation):
        await void_once(context, site, gateway, operation)
    elif operation.kind is Kind.WORD and isinstance(gateway, Escrows):
        await ask_after_word(context, site, gateway, operation)
    elif operation.kind is Kind.PROBE and isinstance(gateway, Probes):
        await probe_once(context, site, gateway, operation)
    elif operation.kind is Kind.WITHDRAW and isinstance(gateway, Probes):  # beside what money waits for
        context.tasks.begin(f"withdraw:{payment.id}", withdraw_once(context, site, gateway, operation))
    elif isinstance(gateway, Inquires):
        await inquire_once(context, site, gateway, operation)
    else:
        await _put_off(context, operation)


async def _undo(context: Context, site: Site, gateway: Gateway, undo: Operation) -> None:
    """Before an undo is repeated the gateway is asked, where it can be: the first one may have done it."""
    was_tried = bool(undo.code or undo.message) or undo.tries > 1
    if isinstance(gateway, Inquires) and undo.step is not Step.SENT and was_tried:
        await inquire_once(context, site, gateway, undo)
        again = await context.ledger.read(lambda turn: operations.get(turn, site.id, undo.id))
        if again is None or again.step not in PENDING_STEPS:
            return
        undo = again
    await undo_once(context, site, gateway, undo)


async def _approval(context: Context, site: Site, gateway: Gateway, payment: Payment, approve: Operation) -> None:
    recorder = Recorder.now(context, site)
    quiet = not quiet_left_ms(context, gateway, approve, recorder.stamp)
    if await context.ledger.read(lambda turn: _is_being_taken_back(turn, approve)):
        again = recorder.at + HUMAN_EVERY_SECONDS * 1000
        await context.ledger.write(lambda turn: _postpone(turn, approve, again))
        return
    unnamed = _is_unnamed(recorder, gateway, payment, approve)
    if takes_back_first(gateway, approve, quiet=quiet) and not unnamed:
        undo = await context.ledger.write(lambda turn: intend_undo(turn, Recorder.now(context, site), approve))
        if undo is not None:
            await undo_once(context, site, gateway, undo)
    elif isinstance(gateway, Inquires):
        await inquire_once(context, site, gateway, approve)
    else:
        patience_ms = quiet_ms(context, gateway) if unnamed else round(gateway.human_after_seconds * 1000)
        await context.ledger.write(lambda turn: _wait(turn, Recorder.now(context, site), approve, patience_ms))


def _is_unnamed(recorder: Recorder, gateway: Gateway, payment: Payment, approve: Operation) -> bool:
    """Tell whether nothing names what an approval may have taken, at a gateway that takes back by its own number alone:
    a charge, which no return brought. Its notice pays, whenever it comes; a net-cancel could only keep that from
    counting. Once the quiet period is over nothing more can be learned by waiting, and a person is told."""
    returned = recorder.open_context(approve)["returned"] if approve.context_sealed else {}
    return isinstance(gateway, NamesByReturn) and not returned and not payment.refs.get(gateway.claimed)


def _is_being_taken_back(turn: Turn, approve: Operation) -> bool:
    done = operations.of_payment(turn, approve.payment)
    return any(one.kind is Kind.UNDO and one.step in PENDING_STEPS for one in done)


def _postpone(turn: Turn, approve: Operation, next_try_at: int) -> None:
    operations.try_again(turn, approve, next_try_at=next_try_at, code=approve.code, message=approve.message)


def _wait(turn: Turn, recorder: Recorder, approve: Operation, patience_ms: int) -> None:
    """Nothing can be asked and nothing taken back: a notice may come; after so long a person looks."""
    since = to_ms(approve.sent_at)
    left_ms = patience_ms - waited_ms(recorder.context, approve, recorder.stamp)
    if approve.step is Step.UNKNOWN and left_ms <= 0:
        operations.step(turn, approve, Step.NEEDS_HUMAN, at=recorder.at, code=approve.code, message=approve.message)
        payment = payments.get(turn, recorder.site.id, approve.payment)
        detail = f"the approval has no outcome, and this gateway can be asked nothing: {approve.message}"
        needs_human(turn, recorder, payment, approve.code, approve.message, detail)
        return
    is_unknown = approve.step is Step.UNKNOWN
    _postpone(turn, approve, recorder.at + left_ms if is_unknown else after_human(since, recorder.at))
