"""Has a window opened in which a customer gives a card or a phone: turn (intent), talk, turn (what came of it)."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from bridge.clock import from_ms, new_id, new_reference, now_ms
from bridge.domain.billing import ChargesFirst, IssuesKeys, KeyState
from bridge.domain.failures import Conflict, GatewayOff, Malformed
from bridge.domain.gateway import Declined, Gateway, NotSent, Redirect, Script
from bridge.domain.payment import Method
from bridge.flows.billing_keys import KeyWish, key_order, seal_wish
from bridge.flows.choose_gateway import check_amount
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.open_checkout import READY_SECONDS, Once
from bridge.flows.record import Recorder
from bridge.flows.script_window import seal_window
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.urls import key_urls, key_window_url
from bridge.ledger import billing_keys as rows
from bridge.ledger import gap, orders, replay
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn


@dataclass(frozen=True, slots=True)
class _Issuer:
    gateway: Gateway
    issues: IssuesKeys


async def open_key(context: Context, site: Site, wish: KeyWish, once: Once) -> KeyRow:
    """Give the key that was asked for, with its window; nothing is charged yet.

    Raises GatewayOff (no gateway of the site issues such keys, or its window did not open), Malformed (an order where
    issuing charges nothing, or none where it does), AmountTooSmall, Replayed, KeyReused.
    """
    issuer = _issuer(site, wish)
    row, is_new = await context.ledger.write(lambda turn: _begin(turn, context, site, issuer.gateway, wish, once))
    name = f"open_key:{row.id}"
    task = context.tasks.begin(name, _open(context, site, issuer, row)) if is_new else context.tasks.find(name)
    if task is not None:
        row = await asyncio.shield(task)
    if row.state is KeyState.REFUSED:
        raise GatewayOff("The gateway refused to open its window.", gateway_message=row.message)
    if row.state in (KeyState.OPENING, KeyState.LOST):
        raise GatewayOff("The gateway did not answer; nothing was charged. Try again.", retry=True)
    return row


def _issuer(site: Site, wish: KeyWish) -> _Issuer:
    named = [site.gateway(wish.gateway)] if wish.gateway else [site.gateway(), *site.gateways.values()]
    able = [one for one in named if isinstance(one, IssuesKeys) and wish.method in one.key_methods]
    phone = wish.method is Method.PHONE  # Pay-Story 3.1.3
    if able and phone and wish.order is None:
        raise Malformed(f"Issuing a {wish.method} key charges it at once: send the `order` that it pays.")
    for gateway in able:
        if wish.order is None or phone or _charges_first(gateway, wish.method):
            if wish.order is not None:
                check_amount(gateway, wish.method, wish.order.amount)
            return _Issuer(gateway, gateway)
    if able:
        raise Malformed(
            f"Issuing a {wish.method} key charges nothing here: leave `order` out, and charge the key after."
        )
    raise GatewayOff(f"No gateway of this site issues billing keys for {wish.method} in a window.")


def _charges_first(gateway: Gateway, method: Method) -> bool:
    return isinstance(gateway, ChargesFirst) and method in gateway.first_charge_methods


def _begin(
    turn: Turn, context: Context, site: Site, gateway: Gateway, wish: KeyWish, once: Once
) -> tuple[KeyRow, bool]:
    gap.refuse(turn, site.id)
    replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
    answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
    if answer is not None:
        return rows.get(turn, site.id, answer.result), False
    at = now_ms(context.clock)
    context.admit()
    if wish.order is not None:
        orders.store(turn, site.id, wish.order, at)
    row = new_key(context, site, gateway, wish, KeyState.OPENING)
    rows.add(turn, row)
    replay.remember(turn, site.id, once.idempotency_key, once.digest, row.id, at)
    return row, True


def new_key(context: Context, site: Site, gateway: Gateway, wish: KeyWish, state: KeyState) -> KeyRow:
    """Make the row of a key that is asked for."""
    now = from_ms(now_ms(context.clock))
    return KeyRow(
        id=new_id(context.clock),
        site=site.id,
        customer=wish.customer,
        gateway=gateway.name,
        method=Method(wish.method),
        state=state,
        ref=new_reference(context.clock),
        amount=wish.order.amount if wish.order else 0,
        asked_sealed=seal_wish(context, wish),
        result_url=wish.result_url,
        owner=context.owner,
        actor=wish.actor,
        created_at=now,
        changed_at=now,
        expires_at=now + timedelta(seconds=context.settings.payment_life_seconds),
    )


async def _open(context: Context, site: Site, issuer: _Issuer, row: KeyRow) -> KeyRow:
    urls = key_urls(context, site, row)
    exchange = issuer.issues.open_key_window(key_order(context, row), urls, Recorder.now(context, site).stamp)
    conversation = await talk(context, site, issuer.gateway, exchange, deadline_seconds=READY_SECONDS)
    outcome, at = conversation.outcome, now_ms(context.clock)

    def record(turn: Turn) -> KeyRow:
        keep_lines(turn, context.clock, row, conversation.journal, at)
        if isinstance(outcome, Redirect):
            return rows.move(turn, row, KeyState.OPEN, at=at, refs=dict(outcome.refs), window_url=outcome.url)
        if isinstance(outcome, Script):
            sealed, url = seal_window(context, outcome), key_window_url(context, site, row)
            refs = dict(outcome.refs)
            return rows.move(turn, row, KeyState.OPEN, at=at, refs=refs, window_sealed=sealed, window_url=url)
        if isinstance(outcome, Declined):
            code, message = outcome.code[:64], outcome.message[:500]
            return rows.move(turn, row, KeyState.REFUSED, at=at, code=code, message=message)
        if isinstance(outcome, NotSent):
            return rows.move(turn, row, KeyState.REFUSED, at=at, message=outcome.why[:500])
        return rows.move(turn, row, KeyState.LOST, at=at, code=outcome.code[:64], message=outcome.message[:500])

    try:
        return await context.ledger.write(record)
    except Conflict:
        return await context.ledger.read(lambda turn: rows.get(turn, site.id, row.id))
