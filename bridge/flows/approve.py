"""Approves a payment: asks the fence, then turn (intent), talk (money moves), turn (what came of it)."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from bridge.clock import from_ms, new_id
from bridge.domain.decisions import OWN_NUMBERS
from bridge.domain.exchange import Exchange
from bridge.domain.failures import Busy, Conflict, Reconciling
from bridge.domain.gateway import Approval, Declined, Gateway, Paid
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.payment import Order, Payment
from bridge.domain.reasons import Reason
from bridge.flows.ask_fence import Fence, ask_fence
from bridge.flows.context import Context
from bridge.flows.receive_notice import replay_notice
from bridge.flows.record import Recorder
from bridge.flows.settle_unknown import settle_soon
from bridge.flows.sites import Site
from bridge.flows.talk import note_after_window, talk
from bridge.flows.write_down import write_down
from bridge.ledger import gap, notices, operations, orders, payments, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.notices import StoredNotice
from bridge.ledger.operations import Operation
from bridge.wire.converse import Conversation

Speak = Callable[[Payment, Operation], Exchange[Approval]]
"""Says the call that moves the money, once its intent is written."""
Also = Callable[[Turn, Approval], None]
"""Writes what else came of that call, in the turn that writes the outcome."""
Bars = Callable[[Turn], Declined | None]
"""Says, in the turn that writes the intent, why what was to pay may pay no more; nothing was sent then."""
Heard = Callable[[Conversation[Approval]], None]
"""Hears how the talk went, once, before anything of it is written."""


@dataclass(frozen=True, slots=True)
class _Begun:
    payment: Payment
    operation: Operation | None = None


async def approve(
    context: Context,
    site: Site,
    gateway: Gateway,
    order: Order,
    payment: Payment,
    speak: Speak,
    *,
    actor: str = "buyer",
    returned: Mapping[str, str] | None = None,
    claims: str = "",
    also: Also | None = None,
    heard: Heard | None = None,
    bars: Bars = lambda _: None,
) -> None:
    """Move the money of an open payment, at most once however often this is called.

    `returned` is kept, sealed, for whoever must take the approval back; where another payment was approved with what it
    `claims`, nothing is sent. `heard` is told of the talk, where the window was not the payment's own. Raises Busy
    where the books cannot take the intent, Reconciling where they were restored and may not know all; nothing was sent.
    """
    fence = await ask_fence(context, site, gateway, order, payment)
    recorder, kept = Recorder.now(context, site), returned or {}
    intended_at, asked = context.clock.boot_seconds(), (fence, actor, kept, claims, bars)
    try:
        begun = await context.ledger.write(lambda turn: _begin(turn, recorder, payment.id, *asked))
    except Conflict:
        return
    if begun.operation is None:
        return
    operation, approving = begun.operation, begun.payment
    exchange = speak(approving, operation)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=operation)
    recorder = Recorder.now(context, site)
    if heard is not None:
        heard(conversation)
    else:
        note_after_window(context, site, gateway, approving, conversation)

    def record(turn: Turn) -> tuple[Payment, list[StoredNotice]]:
        recorder.journal(turn, approving, conversation, operation)
        if also is not None:
            also(turn, conversation.outcome)
        owed = notices.pending_of(turn, payment.id)
        # The buyer may have closed the window meanwhile: that changes the row, and must not cost the answer.
        current = payments.get(turn, site.id, payment.id)
        now = operations.get(turn, site.id, operation.id)
        if now is None or now.step is not Step.SENT:
            return _late(turn, recorder, current, now, conversation.outcome), owed
        return recorder.approval(turn, current, operation, conversation.outcome, "gateway"), owed

    try:
        after, owed = await write_down(context, record)
    except Conflict:
        return
    with suppress(Busy, Reconciling):  # the heartbeat takes them up; this task raises only where nothing was sent
        for stored in owed:  # what overtook the answer
            await replay_notice(context, stored)
    if after.state in (State.UNKNOWN, State.VOIDING):
        settle_soon(context, site, after)


def _late(turn: Turn, recorder: Recorder, payment: Payment, now: Operation | None, outcome: Approval) -> Payment:
    """The answer came after the approval was taken for unknown, and perhaps taken back: money in it is a person's.

    Where it stands as done, an earlier try to write this very answer was committed and nobody heard of it.
    """
    if isinstance(outcome, Paid) and (now is None or now.step is not Step.OK):
        detail = f"pay answered late that {outcome.amount} KRW were taken; ask the gateway whether they were given back"
        numbers = {name: outcome.refs[name] for name in OWN_NUMBERS if outcome.refs.get(name)}
        recorder.case(turn, payment, "money_on_ended_payment", detail, outcome.amount, refs=numbers)
    return payment


def _begin(
    turn: Turn,
    recorder: Recorder,
    payment_id: str,
    fence: Fence,
    actor: str,
    returned: Mapping[str, str],
    claims: str,
    bars: Bars,
) -> _Begun:
    gap.refuse(turn, recorder.site.id)
    payment = payments.get(turn, recorder.site.id, payment_id)
    if payment.state != State.OPEN:
        return _Begun(payment)
    at = recorder.at
    if from_ms(at) >= payment.expires_at:
        expired = payments.move(
            turn,
            payment,
            State.EXPIRED,
            at=at,
            actor="bridge",
            event="payment.expired",
            reason=str(Reason.EXPIRED),
        )
        recorder.tell(turn, expired, "payment.failed")
        return _Begun(expired)
    everyone = payments.of_order(turn, recorder.site.id, payment.order_ref)
    if payments.holder(everyone, but=payment.id) or any(one.state == State.REFUNDED for one in everyone):
        return _Begun(payment)
    no = _no(turn, recorder, payment, fence) or bars(turn)
    if no is not None:
        return _Begun(recorder.declined(turn, payment, no, Evidence.E3, "bridge", event="approve.barred"))
    if claims and not replay.claim(turn, payment.gateway, claims, payment.id, at):
        return _Begun(payment)
    recorder.context.admit()
    operation = Operation(
        id=new_id(recorder.context.clock),
        site=recorder.site.id,
        payment=payment.id,
        kind=Kind.APPROVE,
        amount=payment.amount,
        step=Step.SENT,
        ref=payment.merchant_ref,
        actor=actor,
        stamp=recorder.stamp,
        owner=recorder.context.owner,
        sent_at=from_ms(at),
        context_sealed=recorder.seal_context({"returned": dict(returned)}),
    )
    operations.add(turn, operation)
    approving = payments.move(turn, payment, State.APPROVING, at=at, actor=actor, event="approve.sent")
    return _Begun(approving, operation)


def _no(turn: Turn, recorder: Recorder, payment: Payment, fence: Fence) -> Declined | None:
    """Say why an approval may not be sent: the order changed, or the seats are gone. Nothing has moved."""
    order = orders.find(turn, recorder.site.id, payment.order_ref)
    assert order is not None, "a payment has an order"
    if order.version > payment.order_version:
        return Declined(Reason.ORDER_CHANGED, "", "주문 내용이 바뀌었어요.")
    if not fence.held:
        return Declined(Reason.SEAT_LOST, fence.code, fence.reason)
    return None
