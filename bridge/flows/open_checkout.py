"""Opens a payment for an order: turn (intent), talk (ready), turn (what came of it)."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bridge.clock import from_ms, new_id, new_reference, now_ms
from bridge.domain.failures import AmountRefused, Conflict, GatewayOff, OrderTaken, TooMany
from bridge.domain.gateway import Declined, Gateway, NotSent, Redirect, Script, Unknown
from bridge.domain.machine import PAID_STATES, TERMINAL, State
from bridge.domain.payment import Device, Method, Order, Payment
from bridge.flows.choose_gateway import check_instalments, choose_gateway
from bridge.flows.context import Context
from bridge.flows.owe_withdrawal import owe_withdrawal_of_late
from bridge.flows.record import Recorder
from bridge.flows.script_window import seal_window
from bridge.flows.sites import Site
from bridge.flows.talk import note_window, talk
from bridge.flows.urls import urls_of, window_url
from bridge.flows.write_down import write_down
from bridge.ledger import gap, orders, payments, replay
from bridge.ledger.ledger import Turn

READY_SECONDS = 20.0
LOOK_SECONDS = 0.25
WINDOWS_MAX = 60
FLOOD_SECONDS = 900
LIVE_BEFORE_MONEY = (State.NEW, State.READYING, State.OPEN)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: `token_id` makes a repetition find the same payment."""

    order: Order
    token_id: str
    method: Method = Method.CARD
    device: Device = Device.PC
    gateway: str = ""
    actor: str = "buyer"
    instalment_months: int = 0


@dataclass(frozen=True, slots=True)
class Once:
    """The signed request's nonce and idempotency key, consumed with the effect; `ends_at` in milliseconds.

    An operator's request is not signed: it has no nonce.
    """

    key_id: str
    nonce: str
    ends_at: int
    idempotency_key: str
    digest: str


async def open_checkout(context: Context, site: Site, wish: Wish, once: Once | None = None) -> Payment:
    """Give the order's live payment, with its window.

    A gateway that does not open its window is followed by the next that can, unless one was named: the buyer has
    authenticated nowhere yet. Raises OrderChanged, OrderTaken (extra: payment, state), GatewayOff (nothing charged),
    AmountRefused, Replayed, KeyReused, KeyTooOld, Reconciling.
    """
    check_instalments(wish.method, wish.order.amount, wish.instalment_months)
    tried: list[str] = []
    payment = await _open(context, site, wish, once, tried)
    while _is_silent(payment) and _has_another(context, site, wish, [*tried, payment.gateway]):
        tried.append(payment.gateway)
        payment = await _open(context, site, wish, once, tried)
    if payment.state == State.FAILED_READY:
        raise GatewayOff(
            "The gateway refused to open its window; nothing was charged.", gateway_message=payment.message
        )
    if payment.state in (State.SUPERSEDED, State.READYING):
        raise GatewayOff("The gateway did not answer; nothing was charged. Try again.", retry=True)
    return payment


async def _open(context: Context, site: Site, wish: Wish, once: Once | None, tried: list[str]) -> Payment:
    """Begin a payment at a gateway that was not tried, or find the one there is, and wait for its window."""
    payment, is_new = await context.ledger.write(lambda turn: _begin(turn, context, site, wish, once, tried))
    if is_new:
        ready = _ready(context, site, site.gateway(payment.gateway), wish.order, payment)
        return await asyncio.shield(context.tasks.begin(_task_name(payment), ready))
    task = context.tasks.find(_task_name(payment))
    if task is not None:
        return await _opened_by(task)
    if payment.state == State.READYING and not context.ledger.alone:
        return await _opened_elsewhere(context, site, payment)
    return payment


def _task_name(payment: Payment) -> str:
    return f"open:{payment.id}"


async def _opened_by(task: asyncio.Task[Any]) -> Payment:
    opened: Payment = await asyncio.shield(task)
    return opened


def _is_silent(payment: Payment) -> bool:
    """Whether the gateway could not be reached, or did not answer: no money can have moved by that."""
    unheard = not payment.code and not payment.message
    return payment.state == State.SUPERSEDED or (payment.state == State.FAILED_READY and unheard)


def _has_another(context: Context, site: Site, wish: Wish, tried: list[str]) -> bool:
    try:
        _choose(context, site, wish, tried)
    except (GatewayOff, AmountRefused):
        return False
    return True


def _choose(context: Context, site: Site, wish: Wish, tried: list[str]) -> Gateway:
    now, amount, months = context.clock.boot_seconds(), wish.order.amount, wish.instalment_months
    return choose_gateway(
        context.breakers,
        site,
        wish.method,
        amount=amount,
        now=now,
        name=wish.gateway,
        but=tried,
        months=months,
        tax_free=wish.order.tax_free,
        device=wish.device,
        buyer=wish.order.buyer,
    )


def _begin(
    turn: Turn, context: Context, site: Site, wish: Wish, once: Once | None, tried: list[str]
) -> tuple[Payment, bool]:
    at = now_ms(context.clock)
    gap.refuse(turn, site.id)
    earlier = _earlier(turn, site, once, used=bool(tried)) if once is not None else None
    if earlier is not None and earlier.state != State.SUPERSEDED and earlier.gateway not in tried:
        return earlier, False
    orders.store(turn, site.id, wish.order, at)
    everyone = payments.of_order(turn, site.id, wish.order.ref)
    refuse_taken(everyone)
    same = _same_payment(turn, site, wish, at)
    if same is not None:
        payment = same
    else:
        refuse_flood(everyone, at)
        context.admit()
        payment = _new_payment(context, site, _choose(context, site, wish, tried), wish, at)
        payments.add(turn, payment, token_id=wish.token_id, actor=wish.actor, owner=context.owner)
    if once is not None and earlier is not None:
        replay.rebind(turn, site.id, once.idempotency_key, payment.id)
    elif once is not None:
        replay.remember(turn, site.id, once.idempotency_key, once.digest, payment.id, at)
    return payment, same is None


def _earlier(turn: Turn, site: Site, once: Once, *, used: bool) -> Payment | None:
    """Use up the nonce, and find what this key made before; a window that was never opened is replaced."""
    if not used:
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
    answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
    return payments.get(turn, site.id, answer.result) if answer is not None else None


async def _opened_elsewhere(context: Context, site: Site, payment: Payment) -> Payment:
    """Wait for the window that another process is opening: the buyer's two clicks met two bridges.

    It looks before it waits: this very process may have opened it between the turn that read the payment and now, or
    have been about to, as turns end in one order and are heard of in another.
    """
    payment_id = payment.id
    for _ in range(round(READY_SECONDS / LOOK_SECONDS)):
        payment = await context.ledger.read(lambda turn: payments.get(turn, site.id, payment_id))
        if payment.state != State.READYING:
            break
        task = context.tasks.find(_task_name(payment))
        if task is not None:
            return await _opened_by(task)
        await context.clock.sleep(LOOK_SECONDS)
    return payment


def refuse_taken(everyone: list[Payment]) -> None:
    """Refuse an order that holds money, may hold some, or waits for a deposit, or was refunded."""
    taken = payments.holder(everyone) or next((one for one in everyone if one.state in PAID_STATES), None)
    if taken is not None:
        raise OrderTaken(
            "A payment of this order is already paid or not settled yet.", payment=taken.id, state=taken.state
        )


def refuse_flood(everyone: list[Payment], at: int) -> None:
    """Refuse more windows than any buyer opens: each is a call to the gateway, and a row that the next one reads."""
    recent = from_ms(at) - timedelta(seconds=FLOOD_SECONDS)
    if sum(one.created_at > recent for one in everyone) >= WINDOWS_MAX:
        raise TooMany("Too many payments were begun for this order; wait a moment.", retry_after_seconds=60)


def _same_payment(turn: Turn, site: Site, wish: Wish, at: int) -> Payment | None:
    """Find the live payment this very token opened before, for the same method, device and version.

    At whichever gateway, unless one is named: the buyer may be authenticating there.
    """
    for payment in payments.by_token(turn, site.id, wish.token_id):
        if payment.state in TERMINAL or payment.order_ref != wish.order.ref:
            continue
        fits = (payment.method, payment.device) == (wish.method, wish.device)
        fits = fits and (not wish.gateway or payment.gateway == wish.gateway)
        lasts = payment.expires_at > from_ms(at) and payment.order_version == wish.order.version
        if payment.state in LIVE_BEFORE_MONEY and fits and lasts:
            return payment
    return None


def _new_payment(context: Context, site: Site, gateway: Gateway, wish: Wish, at: int) -> Payment:
    return Payment(
        id=new_id(context.clock),
        site=site.id,
        order_ref=wish.order.ref,
        order_version=wish.order.version,
        gateway=gateway.name,
        method=wish.method,
        device=wish.device,
        state=State.READYING,
        amount=wish.order.amount,
        tax_free=wish.order.tax_free,
        instalment_months=wish.instalment_months,
        version=1,
        merchant_ref=new_reference(context.clock),
        created_at=from_ms(at),
        expires_at=from_ms(at) + timedelta(seconds=context.settings.payment_life_seconds),
    )


async def _ready(context: Context, site: Site, gateway: Gateway, order: Order, payment: Payment) -> Payment:
    recorder = Recorder.now(context, site)
    exchange = gateway.open_window(payment, order, urls_of(context, site, payment), recorder.stamp)
    conversation = await talk(context, site, gateway, exchange, deadline_seconds=READY_SECONDS)
    recorder = Recorder.now(context, site)
    note_window(context, site, gateway, conversation)

    def record(turn: Turn) -> Payment:
        current = payments.get(turn, site.id, payment.id)  # its end may have followed the clock meanwhile
        if current.state != State.READYING:
            raise Conflict("The payment ended while its window was being opened.")
        recorder.journal(turn, current, conversation)
        return _opened(turn, recorder, current, conversation.outcome)

    try:
        return await write_down(context, record)
    except Conflict:
        return await context.ledger.read(lambda turn: payments.get(turn, site.id, payment.id))


def _opened(turn: Turn, recorder: Recorder, payment: Payment, outcome: object) -> Payment:
    at, actor = recorder.at, "gateway"
    if isinstance(outcome, Redirect | Script):
        address = window_url(recorder.context, recorder.site, payment)
        payment = payments.move(
            turn,
            payment,
            State.OPEN,
            at=at,
            actor=actor,
            event="window.opened",
            refs=dict(outcome.refs),
            window_url=address if isinstance(outcome, Script) else outcome.url,
            window_sealed=seal_window(recorder.context, outcome) if isinstance(outcome, Script) else "",
            expires_at=max(payment.expires_at, outcome.until or payment.expires_at),
        )
        owe_withdrawal_of_late(turn, recorder, payment)
        return payment
    if isinstance(outcome, Declined):
        return payments.move(
            turn,
            payment,
            State.FAILED_READY,
            at=at,
            actor=actor,
            event="window.refused",
            detail={"code": outcome.code, "message": outcome.message},
            reason=str(outcome.reason),
            code=outcome.code,
            message=outcome.message,
        )
    assert isinstance(outcome, NotSent | Unknown), f"ready cannot come to {outcome!r}"
    code, message = (outcome.code, outcome.message) if isinstance(outcome, Unknown) else ("", "")
    refused = isinstance(outcome, NotSent) or outcome.refusal
    return payments.move(
        turn,
        payment,
        State.FAILED_READY if refused else State.SUPERSEDED,
        at=at,
        actor=actor,
        event="window.not_opened",
        detail={"reason": outcome.why, "code": code, "message": message},
        code=code[:64],
        message=message[:500],
    )
