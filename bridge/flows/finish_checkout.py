"""The buyer comes back from the window: the return is read, bound to its payment, and approved once."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge.clock import now_ms
from bridge.domain.exchange import Exchange
from bridge.domain.failures import Busy, NotGenuine, OutcomeUnread, Reconciling
from bridge.domain.gateway import Approval, Approves, Declined, Gateway, Return, captures_itself
from bridge.domain.machine import UNSETTLED, State
from bridge.domain.payment import ESCROW, Order, Payment
from bridge.flows.approve import approve
from bridge.flows.claims import refuse_claimed
from bridge.flows.context import Context
from bridge.flows.owe_check import owe_check
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.script_window import may_be_paying, was_refused
from bridge.flows.settle_unknown import settle_soon
from bridge.flows.sites import Site
from bridge.ledger import gap, orders, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

BEFORE_MONEY = (State.NEW, State.READYING, State.OPEN)


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a buyer's visit stands: `refused` is what the window said no to (nothing was approved), `other` the
    payment of the same order that holds its money, or may; `returned` from a window that captures by itself;
    `window_refused` whether the gateway did not let its script open the window, and `may_be_paying` whether it had let
    one open before in which money moves."""

    payment: Payment
    order: Order
    refused: Declined | None = None
    other: Payment | None = None
    returned: bool = False
    window_refused: bool = False
    may_be_paying: bool = False

    @property
    def unsettled(self) -> bool:
        """Whether nobody knows yet: where the gateway captures by itself, a buyer who came back may have paid."""
        return State(self.payment.state) in UNSETTLED or (self.returned and self.payment.state == State.OPEN)


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
    if captures_itself(gateway):
        return await _come_back_paid(context, site, gateway, visit, form)
    returned = gateway.read_return(form)
    check_bound(payment.refs, returned)
    await refuse_claimed(context, payment, returned)
    if returned.refused is not None:
        return Visit(payment, visit.order, returned.refused)
    assert isinstance(gateway, Approves), "a gateway with a return approves"
    approves = gateway

    def speak(approving: Payment, operation: Operation) -> Exchange[Approval]:
        return approves.approve(approving, returned, operation.stamp)

    approving = approve(
        context, site, gateway, visit.order, payment, speak, returned=returned.refs, claims=returned.claims
    )
    return await see_approved(context, site, payment, approving)


async def see_approved(context: Context, site: Site, payment: Payment, approving: Coroutine[Any, Any, None]) -> Visit:
    """Begin the approval of an open payment, unless it runs already, and give it a few seconds.

    Raises Busy or Reconciling where the books cannot take its intent; nothing was sent then. OutcomeUnread where they
    took it and cannot be read for what came of it.
    """
    task = context.tasks.begin(f"approve:{payment.id}", approving)
    try:
        visit = await read_after(wait_for(context, site, payment))
    except OutcomeUnread:
        if was_not_begun(task):
            await task
        raise
    if visit.payment.state == State.OPEN and was_not_begun(task):
        await task
    return visit


def was_not_begun(task: asyncio.Task[None]) -> bool:
    """Tell whether a task ended because the books did not take its intent: nothing was sent then."""
    return task.done() and not task.cancelled() and isinstance(task.exception(), Busy | Reconciling)


async def look(context: Context, site: Site, payment_id: str) -> Visit:
    """Read where a payment stands, which the caller has proven to be one of ours.

    Raises NotFound; Reconciling where the books were restored and may not know what became of it.
    """

    def work(turn: Turn) -> Visit | None:
        restored = gap.of_site(turn, site.id)
        if restored is not None and not payments.exists(turn, site.id, payment_id):
            return None
        payment = payments.get(turn, site.id, payment_id)
        if payment.state in BEFORE_MONEY:
            gap.refuse(turn, site.id)
        order = orders.find(turn, site.id, payment.order_ref)
        assert order is not None, "a payment has an order"
        everyone = payments.of_order(turn, site.id, payment.order_ref)
        refused = payment.state == State.OPEN and was_refused(turn, payment)
        paying = refused and may_be_paying(turn, site.gateways.get(payment.gateway), payment)
        other = payments.holder(everyone, but=payment.id)
        return Visit(payment, order, other=other, window_refused=refused, may_be_paying=paying)

    visit = await context.ledger.read(work)
    if visit is not None:
        return visit
    at = now_ms(context.clock)
    words = "a browser came for it with an address that only this bridge makes"
    await context.ledger.write(lambda turn: gap.note(turn, site.id, payment_id, "lost", at, words))
    raise Reconciling(
        "The payment records were restored from a backup that does not know this payment; do not pay again."
    )


async def wait_for(context: Context, site: Site, payment: Payment) -> Visit:
    """Give a running approval (and the settling after it) a few seconds, then say how it stands."""
    for name in (f"approve:{payment.id}", f"capture:{payment.id}", f"settle:{payment.id}"):
        task = context.tasks.find(name)
        if task is not None and not await context.tasks.wait(task, context.settings.return_wait_seconds):
            break
    return await look(context, site, payment.id)


async def _come_back_paid(
    context: Context, site: Site, gateway: Gateway, visit: Visit, form: Mapping[str, str]
) -> Visit:
    """From a window that captures by itself nothing is approved: the gateway is asked, or its notice awaited."""
    payment = visit.payment
    if form:
        returned = gateway.read_return(form)
        check_bound(payment.refs, returned, must_name=False)
        if returned.refused is not None:
            return replace(visit, refused=returned.refused)
        if await context.ledger.write(lambda turn: owe_check(turn, Recorder.now(context, site), payment)):
            settle_soon(context, site, payment)
    return replace(await wait_for(context, site, payment), returned=True)


def check_bound(refs: Mapping[str, str], returned: Return, *, must_name: bool = True) -> None:
    """Make sure that a return names what was kept when the window opened, and nothing else. Raises NotGenuine."""
    refs = {name: value for name, value in refs.items() if name != ESCROW}
    ours = [(refs[name], value) for name, value in returned.refs.items() if refs.get(name)]
    if (must_name and refs and not ours) or any(stored != value for stored, value in ours):
        raise NotGenuine("The return is not the one of this payment's window.")
