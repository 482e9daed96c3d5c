"""Payments that need no window: a billing key that is charged, a card keyed in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from bridge.clock import from_ms, new_id, new_reference, now_ms
from bridge.domain.exchange import Exchange
from bridge.domain.gateway import Approval, Gateway
from bridge.domain.machine import State
from bridge.domain.payment import Device, Method, Order, Payment
from bridge.flows.approve import Bars, approve
from bridge.flows.choose_gateway import first_up, that_carry
from bridge.flows.context import Context
from bridge.flows.finish_checkout import Visit, see_approved, wait_for
from bridge.flows.open_checkout import Once, refuse_flood, refuse_taken
from bridge.flows.read_after import read_after
from bridge.flows.sites import Site
from bridge.flows.talk import note_window
from bridge.ledger import gap, orders, payments, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

G = TypeVar("G", bound=Gateway)


@dataclass(frozen=True, slots=True)
class DirectWish:
    """An order that is to be paid at once, by what the caller holds: `call` is the port's (key_in, charge …); `refs`
    are written down before it is sent, `token_id` names what pays where payments are to be found by it, and `check`
    refuses in the turn that writes the payment; `bars` declines it in the turn before it is sent, however long ago it
    was written.
    """

    call: str
    order: Order
    method: Method
    actor: str
    refs: Mapping[str, str] = field(default_factory=dict)
    instalment_months: int = 0
    token_id: str = ""
    check: Callable[[Turn], None] = lambda _: None
    bars: Bars = lambda _: None


async def pay_directly(
    context: Context,
    site: Site,
    able: Sequence[G],
    wish: DirectWish,
    once: Once,
    speak: Callable[[G, Payment, Operation], Exchange[Approval]],
) -> Visit:
    """Pay an order without a window, and wait a moment for the outcome.

    It goes to the first of `able` whose call can carry the order and that has lately answered. The same key finds the
    same payment; where its call was never sent, it is sent now, to no other gateway, even if that is down: it may just
    be on its way. Raises GatewayOff (all are down), OrderChanged, OrderTaken, AmountRefused, Replayed, KeyReused, Busy
    or Reconciling (nothing was sent then), OutcomeUnread, and what the wish's own `check` raises.
    """
    payment = await context.ledger.write(lambda turn: begin_payment(turn, context, site, able, wish, once))
    gateway = next((one for one in able if one.name == payment.gateway), None)
    if payment.state != State.OPEN or gateway is None:
        return await read_after(wait_for(context, site, payment))
    heard = partial(note_window, context, site, gateway)
    said = partial(speak, gateway)
    approving = approve(
        context, site, gateway, wish.order, payment, said, actor=wish.actor, heard=heard, bars=wish.bars
    )
    return await see_approved(context, site, payment, approving)


def begin_payment(turn: Turn, context: Context, site: Site, able: Sequence[G], wish: DirectWish, once: Once) -> Payment:
    """Write a payment that needs no window, at the first gateway that can carry it, or find the one this request made.

    Raises what `pay_directly` says, but Busy for an intent that could not be written.
    """
    gap.refuse(turn, site.id)
    replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
    answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
    if answer is not None:
        return payments.get(turn, site.id, answer.result)
    carrying = that_carry(able, wish.call, wish.method, wish.order, wish.instalment_months)
    context.admit()
    orders.store(turn, site.id, wish.order, now_ms(context.clock))
    everyone = payments.of_order(turn, site.id, wish.order.ref)
    refuse_taken(everyone)
    refuse_flood(everyone, now_ms(context.clock))
    wish.check(turn)
    gateway = first_up(context.breakers, site, carrying, context.clock.boot_seconds())
    payment = add_payment(
        turn,
        context,
        site,
        gateway.name,
        wish.order,
        wish.method,
        token_id=wish.token_id or f"key:{once.idempotency_key}",
        actor=wish.actor,
        instalment_months=wish.instalment_months,
        marks=wish.refs,
    )
    replay.remember(turn, site.id, once.idempotency_key, once.digest, payment.id, now_ms(context.clock))
    return payment


def add_payment(
    turn: Turn,
    context: Context,
    site: Site,
    gateway: str,
    order: Order,
    method: Method,
    *,
    token_id: str,
    actor: str,
    instalment_months: int = 0,
    ref: str = "",
    marks: Mapping[str, str] | None = None,
    refs: Mapping[str, str] | None = None,
    created_at: datetime | None = None,
) -> Payment:
    """Write a payment that waits for no window: open from the start, for whoever approves it next.

    `marks` are refs of ours, `refs` what a window gave and the audit tells of; `created_at` where it began before now.
    """
    now = from_ms(now_ms(context.clock))
    payment = Payment(
        id=new_id(context.clock),
        site=site.id,
        order_ref=order.ref,
        order_version=order.version,
        gateway=gateway,
        method=method,
        device=Device.PC,
        state=State.OPEN,
        amount=order.amount,
        tax_free=order.tax_free,
        instalment_months=instalment_months,
        version=1,
        merchant_ref=ref or new_reference(context.clock),
        created_at=created_at or now,
        expires_at=now + timedelta(seconds=context.settings.payment_life_seconds),
        refs=dict(marks or {}),
    )
    payments.add(turn, payment, token_id=token_id, actor=actor, owner=context.owner)
    if not refs:
        return payment
    at = now_ms(context.clock)
    return payments.move(turn, payment, State.OPEN, at=at, actor=actor, event="key.window", refs=dict(refs))
