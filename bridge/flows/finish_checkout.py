"""The buyer comes back from the window: ask the fence, then turn (intent), talk (approve), turn (what came of it)."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.clock import from_ms, new_id
from bridge.domain.failures import Busy, Conflict, NotGenuine
from bridge.domain.gateway import Approval, Approves, Declined, Gateway, Paid, Return
from bridge.domain.machine import UNSETTLED, Evidence, Kind, State, Step
from bridge.domain.payment import Order, Payment
from bridge.domain.reasons import Reason
from bridge.flows.ask_fence import Fence, ask_fence
from bridge.flows.context import Context
from bridge.flows.receive_notice import replay_notice
from bridge.flows.record import Recorder
from bridge.flows.settle_unknown import settle_soon
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import notices, operations, orders, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.notices import StoredNotice
from bridge.ledger.operations import Operation


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a buyer's visit stands: `refused` is what the window said no to (nothing was approved), `other` the
    payment of the same order that holds its money, or may."""

    payment: Payment
    order: Order
    refused: Declined | None = None
    other: Payment | None = None

    @property
    def unsettled(self) -> bool:
        """Whether nobody knows yet."""
        return State(self.payment.state) in UNSETTLED


@dataclass(frozen=True, slots=True)
class _Begun:
    payment: Payment
    operation: Operation | None = None


async def finish_checkout(context: Context, site: Site, payment_id: str, form: Mapping[str, str]) -> Visit:
    """Approve the payment the buyer came back with, at most once however often this is called.

    Raises NotFound, Unreadable or NotGenuine for a return that is not this payment's, Busy where the books cannot take
    the intent; nothing moves then.
    """
    visit = await look(context, site, payment_id)
    payment = visit.payment
    if payment.state != State.OPEN:
        return await wait_for(context, site, payment)
    gateway = site.gateway(payment.gateway)
    returned = gateway.read_return(form)
    _check_bound(payment, returned)
    if returned.refused is not None:
        return Visit(payment, visit.order, returned.refused)
    assert isinstance(gateway, Approves), "a gateway with a return approves"
    approving = _approve(context, site, gateway, visit.order, payment, returned)
    task = context.tasks.begin(f"approve:{payment.id}", approving)
    visit = await wait_for(context, site, payment)
    if visit.payment.state == State.OPEN and task.done() and isinstance(task.exception(), Busy):
        await task  # the intent was not written, so nothing was sent
    return visit


async def look(context: Context, site: Site, payment_id: str) -> Visit:
    """Read where a payment stands. Raises NotFound."""

    def work(turn: Turn) -> Visit:
        payment = payments.get(turn, site.id, payment_id)
        order = orders.find(turn, site.id, payment.order_ref)
        assert order is not None, "a payment has an order"
        everyone = payments.of_order(turn, site.id, payment.order_ref)
        return Visit(payment, order, other=payments.holder(everyone, but=payment.id))

    return await context.ledger.read(work)


async def wait_for(context: Context, site: Site, payment: Payment) -> Visit:
    """Give a running approval (and the settling after it) a few seconds, then say how it stands."""
    for name in (f"approve:{payment.id}", f"settle:{payment.id}"):
        task = context.tasks.find(name)
        if task is not None and not await context.tasks.wait(task, context.settings.return_wait_seconds):
            break
    return await look(context, site, payment.id)


def _check_bound(payment: Payment, returned: Return) -> None:
    """A return must name what we stored when the window opened, and nothing else."""
    ours = [(payment.refs[name], value) for name, value in returned.refs.items() if payment.refs.get(name)]
    if (payment.refs and not ours) or any(stored != value for stored, value in ours):
        raise NotGenuine("The return is not the one of this payment's window.")


async def _approve(
    context: Context, site: Site, gateway: Gateway, order: Order, payment: Payment, returned: Return
) -> None:
    assert isinstance(gateway, Approves)
    fence = await ask_fence(context, site, gateway, order, payment)
    recorder = Recorder.now(context, site)
    intended_at = context.clock.boot_seconds()
    try:
        begun = await context.ledger.write(lambda turn: _begin(turn, recorder, payment.id, returned, fence))
    except Conflict:
        return
    if begun.operation is None:
        return
    operation, approving = begun.operation, begun.payment
    exchange = gateway.approve(approving, returned, operation.stamp)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at)
    recorder = Recorder.now(context, site)

    def record(turn: Turn) -> tuple[Payment, list[StoredNotice]]:
        recorder.journal(turn, approving, conversation)
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
        recorder.case(turn, payment, "money_on_ended_payment", detail)
    return payment


def _begin(turn: Turn, recorder: Recorder, payment_id: str, returned: Return, fence: Fence) -> _Begun:
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
    no = _no(turn, recorder, payment, fence)
    if no is not None:
        return _Begun(recorder.declined(turn, payment, no, Evidence.E3, "bridge", event="approve.barred"))
    recorder.context.admit()
    operation = Operation(
        id=new_id(recorder.context.clock),
        site=recorder.site.id,
        payment=payment.id,
        kind=Kind.APPROVE,
        amount=payment.amount,
        step=Step.SENT,
        ref=payment.merchant_ref,
        actor="buyer",
        stamp=recorder.stamp,
        owner=recorder.context.owner,
        sent_at=from_ms(at),
        context_sealed=recorder.seal_context({"returned": dict(returned.refs)}),
    )
    operations.add(turn, operation)
    approving = payments.move(turn, payment, State.APPROVING, at=at, actor="buyer", event="approve.sent")
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
