"""Gives money back by transfer to an account that an operator was told: registered, then asked for until it is made."""

from dataclasses import asdict, replace

from bridge.clock import to_ms
from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.gateway import Absent, Accepted, Done, Gateway, NotSent, Refused, Unknown
from bridge.domain.machine import Evidence, Kind, Step
from bridge.domain.payment import Account, Payment
from bridge.domain.services import RefundsToAccounts, Transfers, TransferShown
from bridge.flows.carry_out import contradict
from bridge.flows.compare import DIFFER
from bridge.flows.context import Context
from bridge.flows.external import EXTERNAL
from bridge.flows.pace import (
    ASK_SECONDS,
    DAY_SECONDS,
    accepted_until,
    after_human,
    is_late,
    pause_ms,
    quiet_left_ms,
    waited_ms,
)
from bridge.flows.record import Recorder
from bridge.flows.refund_again import refund_failed, refund_to_person
from bridge.flows.sites import Site
from bridge.flows.snapshots import ACCEPTED, REFUND_ACCEPTED
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

ASK_EVERY_SECONDS = 60
CANCELLED = "등록한 환불 이체를 취소했어요"
MADE, UNMADE = ("done",), ("failed", "cancelled")


def seal_account(recorder: Recorder, account: Account) -> str:
    """Seal the buyer's account for as long as the refund has no outcome."""
    return recorder.seal_context(asdict(account))


def is_transfer(operation: Operation) -> bool:
    """Tell whether a refund goes to an account: such a one keeps it, sealed, until it is settled."""
    return operation.kind is Kind.REFUND and bool(operation.context_sealed)


def may_go_to_account(gateway: Gateway, payment: Payment) -> bool:
    """Tell whether a gateway sends a payment's money to an account: by a transfer that names it, or in its refund."""
    if isinstance(gateway, RefundsToAccounts):
        return payment.method in gateway.account_methods
    return isinstance(gateway, Transfers) and gateway.may_transfer(payment)


def register(
    gateway: Transfers, payment: Payment, operation: Operation, account: Account
) -> Exchange[Accepted | Refused | Unknown]:
    """Register the transfer: what the gateway takes in is not money back yet."""
    outcome = yield from gateway.register_transfer(payment, operation.ref, operation.amount, account, operation.stamp)
    return Accepted(outcome.refs) if isinstance(outcome, Done) else outcome


async def ask_for_transfer(context: Context, site: Site, gateway: Gateway, operation: Operation) -> None:
    """Ask once where a transfer stands, and write down what that proves. Raises Conflict.

    One whose registration has no answer is looked for by our reference, and never registered again.
    """
    recorder = Recorder.now(context, site)
    payment = await context.ledger.read(lambda turn: payments.get(turn, site.id, operation.payment))
    if not isinstance(gateway, Transfers):
        await context.ledger.write(lambda turn: refund_to_person(turn, recorder, payment, operation))
        return
    if operation.refs:
        exchange = gateway.show_transfer(payment, operation.refs, operation.amount, recorder.stamp)
    else:
        exchange = gateway.find_transfer(payment, operation.ref, operation.amount, operation.stamp, recorder.stamp)
    conversation, asked = await talk(context, site, gateway, exchange), recorder.stamp
    recorder = Recorder.now(context, site)

    def record(turn: Turn) -> None:
        recorder.journal(turn, payment, conversation)
        current = operations.get(turn, site.id, operation.id)
        assert current is not None, "operations are never deleted"
        if current.evidence == Evidence.E8:  # people decided while it was asked for, and nobody asks again
            _hold_against(turn, recorder, current, conversation.outcome)
        elif current.step in (Step.UNKNOWN, Step.NEEDS_HUMAN) and current.refs:
            _record(turn, recorder, current, conversation.outcome)
        elif current.step in (Step.UNKNOWN, Step.NEEDS_HUMAN):
            _record_search(turn, recorder, gateway, current, conversation.outcome, asked)

    await write_down(context, record)


def _hold_against(turn: Turn, recorder: Recorder, operation: Operation, outcome: object) -> None:
    """Have people look again where the gateway shows otherwise than they have just said."""
    shown = outcome.state if isinstance(outcome, TransferShown) else ""
    if shown in MADE:
        contradict(turn, recorder, operation.payment, operation)
        return
    payment = payments.get(turn, recorder.site.id, operation.payment)
    if shown == "registered" and operation.step is Step.FAIL:
        detail = (
            f"people said that a transfer of {operation.amount} KRW was not made, and the gateway has it registered"
        )
        recorder.case(turn, payment, EXTERNAL, detail, operation.amount)
    elif shown in UNMADE and operation.step is Step.OK:
        detail = f"people said that a transfer of {operation.amount} KRW was made, and the gateway shows it {shown}"
        recorder.case(turn, payment, DIFFER, detail)


def _record_search(
    turn: Turn, recorder: Recorder, gateway: Gateway, operation: Operation, outcome: object, asked: Stamp
) -> None:
    """What is found is taken in; a person is asked once it was not found after the quiet period, or nobody could say.

    Not found is no proof: a gateway may not look for it by our reference. It is looked for still.
    """
    if isinstance(outcome, TransferShown):
        operation = replace(operations.name(turn, operation, outcome.refs), message="")
        if outcome.state == "registered":
            payment = payments.get(turn, recorder.site.id, operation.payment)
            recorder.note(turn, payment, "refund.accepted", {"amount": operation.amount})
        _record(turn, recorder, operation, outcome)
        if outcome.state == "registered":
            recorder.tell(turn, payments.get(turn, recorder.site.id, operation.payment), REFUND_ACCEPTED)
        return
    since = to_ms(operation.sent_at)
    missing = isinstance(outcome, Absent) and not quiet_left_ms(recorder.context, gateway, operation, asked)
    late = is_late(gateway, waited_ms(recorder.context, operation, recorder.stamp)) and not isinstance(outcome, NotSent)
    if operation.step is Step.UNKNOWN and (missing or late):
        payment = payments.get(turn, recorder.site.id, operation.payment)
        refund_to_person(turn, recorder, payment, operation, may_ask=True)
        return
    again = recorder.at + pause_ms(ASK_SECONDS, operation.tries)
    if operation.step is Step.NEEDS_HUMAN:
        again = after_human(since, recorder.at)
    operations.try_again(turn, operation, next_try_at=again, code=operation.code, message=operation.message)


def _record(turn: Turn, recorder: Recorder, operation: Operation, outcome: object) -> None:
    payment = payments.get(turn, recorder.site.id, operation.payment)
    if isinstance(outcome, TransferShown) and outcome.state in MADE:
        recorder.refunded(turn, payment, operation, Evidence.E4, operation.refs, "gateway")
        return
    if isinstance(outcome, TransferShown) and outcome.state in UNMADE:
        why = "the gateway shows that the transfer was not made"
        code, message = outcome.code, outcome.message or outcome.state
        message = CANCELLED if outcome.state == "cancelled" else message  # it answers our question with a yes
        refund_failed(turn, recorder, payment, operation, Evidence.E4, code, message, why)
        return
    waited = recorder.at - to_ms(operation.sent_at)
    odd = isinstance(outcome, Unknown) and bool(outcome.code)  # such as a status that no document names
    too_long = (odd and waited >= DAY_SECONDS * 1000) or recorder.at >= accepted_until(operation)
    if too_long and operation.step is Step.UNKNOWN:
        refund_to_person(turn, recorder, payment, operation, may_ask=True)
        return
    soon = recorder.at + ASK_EVERY_SECONDS * 1000
    again = soon if waited < 3_600_000 else after_human(to_ms(operation.sent_at), recorder.at)
    operations.try_again(turn, operation, next_try_at=again, code=ACCEPTED, message=operation.message)
