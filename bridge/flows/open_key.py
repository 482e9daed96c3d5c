"""Has a window opened in which a customer gives a card or a phone: turn (intent), talk, turn (what came of it)."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from bridge.clock import from_ms, new_id, new_reference, now_ms
from bridge.domain.billing import ChargesFirst, IssuesKeys, IssuesKeysByCard, KeyState
from bridge.domain.failures import Conflict, GatewayOff, Malformed
from bridge.domain.gateway import Declined, Gateway, NotSent, Redirect, Script
from bridge.domain.payment import Method
from bridge.flows.billing_keys import KeyWish, key_order, seal_wish
from bridge.flows.card_page import registers_on_page, that_ask_enough
from bridge.flows.choose_gateway import first_up, that_take
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.key_invitations import refuse_used
from bridge.flows.open_checkout import READY_SECONDS, Once
from bridge.flows.record import Recorder
from bridge.flows.script_window import seal_window
from bridge.flows.sites import Site
from bridge.flows.talk import note_window, talk
from bridge.flows.urls import key_card_page_url, key_urls, key_window_url
from bridge.ledger import billing_keys as rows
from bridge.ledger import gap, orders, replay
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn


@dataclass(frozen=True, slots=True)
class _Issuer:
    """Who may issue the key; without `issues` by a card that is typed on our own page."""

    gateway: Gateway
    issues: IssuesKeys | None = None


async def open_key(context: Context, site: Site, wish: KeyWish, once: Once) -> KeyRow:
    """Give the key that was asked for, with its window; nothing is charged yet.

    A gateway that is down is passed over, and one that does not open its window is followed by the next that can,
    unless one was named. Where a site takes typed cards, a gateway without a window for them comes after those that
    have one, and our own page stands for its window. Raises GatewayOff (no gateway of the site issues such keys, or
    none opened its window), Malformed (an order where issuing charges nothing, or none where it does; a buyer of whom
    our page's gateway needs more), AmountTooSmall, NotNow (its invitation was used), Replayed, KeyReused.
    """
    able, tried = _able(site, wish), list[str]()
    row = await _try(context, site, able, wish, once, tried)
    while _is_silent(row) and _has_another(context, site, able, [*tried, row.gateway]):
        tried.append(row.gateway)
        row = await _try(context, site, able, wish, once, tried)
    if row.state is KeyState.OPENING or _is_silent(row):
        raise GatewayOff("The gateway did not answer; nothing was charged. Try again.", retry=True)
    if row.state is KeyState.REFUSED and not row.window_url:
        raise GatewayOff("The gateway refused to open its window.", gateway_message=row.message)
    return row


async def _try(
    context: Context, site: Site, able: list[_Issuer], wish: KeyWish, once: Once, tried: list[str]
) -> KeyRow:
    """Ask a gateway that was not tried for a key, or find the one this request asked for; wait for its window."""
    row, issuer = await context.ledger.write(lambda turn: _begin(turn, context, site, able, wish, once, tried))
    name = f"open_key:{row.id}"
    opening = (
        context.tasks.find(name) if issuer is None else context.tasks.begin(name, _open(context, site, issuer, row))
    )
    if opening is not None:
        opened: KeyRow = await asyncio.shield(opening)
        return opened
    return row


def _is_silent(row: KeyRow) -> bool:
    """Whether no window was opened, and the gateway did not say why: no customer can have been there."""
    unheard = row.state is KeyState.REFUSED and not row.code and not row.message
    return not row.window_url and (row.state is KeyState.LOST or unheard)


def _has_another(context: Context, site: Site, able: list[_Issuer], tried: list[str]) -> bool:
    try:
        _choose(context, site, able, tried)
    except GatewayOff:
        return False
    return True


def _choose(context: Context, site: Site, able: list[_Issuer], tried: list[str]) -> _Issuer:
    left = {one.gateway.name: one for one in able if one.gateway.name not in tried}
    gateways = [one.gateway for one in left.values()]
    return left[first_up(context.breakers, site, gateways, context.clock.boot_seconds()).name]


def _able(site: Site, wish: KeyWish) -> list[_Issuer]:
    """List the gateways that can issue what is asked for, the default first."""
    asked = site.in_order(wish.gateway)
    issuers = [_Issuer(one, one) for one in asked if isinstance(one, IssuesKeys) and wish.method in one.key_methods]
    pages = [one for one in asked if registers_on_page(site, one, wish.method)]
    if not issuers and not pages:
        raise GatewayOff(f"No gateway of this site issues billing keys for {wish.method} in a window.{_switch(asked)}")
    issuers += [_Issuer(one) for one in that_ask_enough(pages, wish.buyer, one_must=not issuers)]
    phone = wish.method is Method.PHONE  # Pay-Story 3.1.3
    if phone and wish.order is None:
        raise Malformed(f"Issuing a {wish.method} key charges it at once: send the `order` that it pays.")
    if wish.order is None:
        return issuers
    charging = [one for one in issuers if phone or _charges_first(one.gateway, wish.method)]
    if not charging:
        raise Malformed(
            f"Issuing a {wish.method} key charges nothing here: leave `order` out, and charge the key after."
        )
    enough = that_take([one.gateway for one in charging], wish.method, wish.order.amount)
    return [one for one in charging if one.gateway in enough]


def _switch(asked: list[Gateway]) -> str:
    """Say of gateways that register typed cards alone how they would."""
    names = ", ".join(one.name for one in asked if isinstance(one, IssuesKeysByCard))
    return f" Of {names} a card can be typed on a page of ours once `card_entry` is on; mind PCI DSS." if names else ""


def _charges_first(gateway: Gateway, method: Method) -> bool:
    return isinstance(gateway, ChargesFirst) and method in gateway.first_charge_methods


def _begin(
    turn: Turn, context: Context, site: Site, able: list[_Issuer], wish: KeyWish, once: Once, tried: list[str]
) -> tuple[KeyRow, _Issuer | None]:
    """Write a key that is asked for, and whom; or give the one this request asked for before, unless it came to
    nothing."""
    gap.refuse(turn, site.id)
    if not tried:
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
    answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
    if answer is not None:
        earlier = rows.get(turn, site.id, answer.result)
        if not _is_silent(earlier):
            return earlier, None
    at = now_ms(context.clock)
    context.admit()
    refuse_used(turn, site.id, wish.invitation)
    if wish.order is not None:
        orders.store(turn, site.id, wish.order, at)
    issuer = _choose(context, site, able, tried)
    row = new_key(context, site, issuer.gateway, wish, KeyState.OPENING)
    rows.add(turn, row)
    if issuer.issues is None:
        row = rows.move(turn, row, KeyState.OPEN, at=at, window_url=key_card_page_url(context, site, row))
    if answer is None:
        replay.remember(turn, site.id, once.idempotency_key, once.digest, row.id, at)
    else:
        replay.rebind(turn, site.id, once.idempotency_key, row.id)
    return row, issuer if issuer.issues else None


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
        invitation=wish.invitation,
    )


async def _open(context: Context, site: Site, issuer: _Issuer, row: KeyRow) -> KeyRow:
    assert issuer.issues is not None, "a page of ours is open at once"
    urls = key_urls(context, site, row)
    exchange = issuer.issues.open_key_window(key_order(context, row), urls, Recorder.now(context, site).stamp)
    conversation = await talk(context, site, issuer.gateway, exchange, deadline_seconds=READY_SECONDS)
    note_window(context, site, issuer.gateway, conversation)
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
            return rows.move(turn, row, KeyState.REFUSED, at=at)
        return rows.move(turn, row, KeyState.LOST, at=at, code=outcome.code[:64], message=outcome.message[:500])

    try:
        return await context.ledger.write(record)
    except Conflict:
        return await context.ledger.read(lambda turn: rows.get(turn, site.id, row.id))
