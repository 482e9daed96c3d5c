"""Windows that a page of ours opens with the gateway's script: their data at rest, and the script's own question."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bridge.clock import now_ms
from bridge.domain.billing import KeyState, VouchesForKeys
from bridge.domain.failures import Conflict, GatewayOff, NotFound, NotNow
from bridge.domain.gateway import Declined, Gateway, Script, Unknown, Vouches, WindowPass, captures_itself
from bridge.domain.machine import State
from bridge.domain.payment import Payment
from bridge.flows.billing_keys import key_order
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import note_window, talk
from bridge.ledger import audit, billing_keys, gap, payments
from bridge.ledger.ledger import Turn

VOUCH_SECONDS = 20.0
VOUCHED, REFUSED = "window.vouched", "window.not_vouched"
NOT_LET_OPEN = "결제사가 등록 창을 열어 주지 않았어요."
_SHOWN = ("scripts", "function", "fields", "origins", "argument", "form_name", "callback", "functions", "charset")
_LISTS = ("scripts", "origins")


def seal_window(context: Context, window: Script) -> str:
    """Seal a window's data: it names the buyer, and lies in the books until the window is over."""
    kept = {name: value for name, value in asdict(window).items() if name in _SHOWN}
    return context.vault.seal(json.dumps(kept, ensure_ascii=False).encode(), "window")


async def find_window(context: Context, site: Site, payment_id: str) -> Script | None:
    """Give the window that a page of ours may open for a payment now, or None. Raises NotFound."""

    def work(turn: Turn) -> str:
        payment = payments.get(turn, site.id, payment_id)
        late = context.clock.now() >= payment.expires_at
        return "" if payment.state != State.OPEN or late else payment.window_sealed

    sealed = await context.ledger.read(work)
    if not sealed:
        return None
    return open_window_seal(context, sealed)


def open_window_seal(context: Context, sealed: str) -> Script:
    """Open what `seal_window` sealed."""
    kept: dict[str, Any] = json.loads(context.vault.open(sealed, "window"))
    return Script(**kept | {name: tuple(kept[name]) for name in _LISTS})


async def vouch(context: Context, site: Site, payment_id: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    """Fetch what a gateway's script asks the merchant's server for, for an open window of this payment.

    Raises NotFound, NotNow, GatewayOff (the gateway said no, or nothing), Reconciling (in restored books it may be paid
    by now); nothing is charged by any of it. That a window in which money moves was let open is written down before its
    script hears of it.
    """

    def begin(turn: Turn) -> Payment:
        gap.refuse(turn, site.id)
        return payments.get(turn, site.id, payment_id)

    payment = await context.ledger.read(begin)
    gateway = site.gateway(payment.gateway)
    if not isinstance(gateway, Vouches):
        raise NotFound("This payment's gateway asks for nothing here.")
    if payment.state != State.OPEN or context.clock.now() >= payment.expires_at:
        raise NotNow(f"A payment in state {payment.state} opens no window any more.", state=payment.state)
    exchange = gateway.vouch(payment, form, Recorder.now(context, site).stamp)
    conversation = await talk(context, site, gateway, exchange, deadline_seconds=VOUCH_SECONDS)
    note_window(context, site, gateway, conversation)
    outcome, recorder = conversation.outcome, Recorder.now(context, site)

    def record(turn: Turn) -> None:
        current = payments.get(turn, site.id, payment_id)
        recorder.journal(turn, current, conversation)
        refused = was_refused(turn, current)
        first = captures_itself(gateway) and current.state == State.OPEN and not may_be_paying(turn, gateway, current)
        if isinstance(outcome, WindowPass) and (outcome.refs or refused or first):
            _keep_refs(turn, recorder, current, outcome)
        elif not isinstance(outcome, WindowPass) and not refused and current.state == State.OPEN:
            recorder.note(turn, current, REFUSED, {**_said(outcome)}, actor="gateway")

    await context.ledger.write(record)
    return _answer(outcome)


def was_refused(turn: Turn, payment: Payment) -> bool:
    """Tell whether the gateway did not vouch for a payment's window when it was last asked to."""
    return audit.last_of(turn, payment.id, (VOUCHED, REFUSED)) == REFUSED


def may_be_paying(turn: Turn, gateway: Gateway | None, payment: Payment) -> bool:
    """Tell whether a window of an open payment was let open in which money moves: its buyer may be paying there."""
    itself = gateway is not None and captures_itself(gateway)
    return itself and audit.last_of(turn, payment.id, (VOUCHED,)) == VOUCHED


async def vouch_for_key(context: Context, site: Site, key_id: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    """The same for the open window of a billing key, whose row keeps that the gateway said no, or nothing.

    Raises NotFound, NotNow, GatewayOff; no key is issued by it.
    """
    row = await context.ledger.read(lambda turn: billing_keys.get(turn, site.id, key_id))
    gateway = site.gateway(row.gateway)
    if not isinstance(gateway, VouchesForKeys):
        raise NotFound("This billing key's gateway asks for nothing here.")
    if row.state is not KeyState.OPEN or context.clock.now() >= row.expires_at:
        raise NotNow(f"A billing key in state {row.state} opens no window any more.", state=str(row.state))
    exchange = gateway.vouch_for_key(key_order(context, row), form, Recorder.now(context, site).stamp)
    conversation = await talk(context, site, gateway, exchange, deadline_seconds=VOUCH_SECONDS)
    note_window(context, site, gateway, conversation)
    at, outcome = now_ms(context.clock), conversation.outcome
    said = {} if isinstance(outcome, WindowPass) else {"message": NOT_LET_OPEN} | _said(outcome)

    def record(turn: Turn) -> None:
        keep_lines(turn, context.clock, row, conversation.journal, at)
        billing_keys.say(turn, row, said.get("code", "")[:64], said.get("message", "")[:500])

    await context.ledger.write(record)
    return _answer(outcome)


def _said(outcome: object) -> dict[str, str]:
    said = {"code": outcome.code, "message": outcome.message} if isinstance(outcome, Declined | Unknown) else {}
    return {name: text for name, text in said.items() if text}


def _answer(outcome: object) -> Mapping[str, Any]:
    if isinstance(outcome, WindowPass):
        return outcome.answer
    said = outcome.message if isinstance(outcome, Declined | Unknown) else ""
    raise GatewayOff("The gateway did not vouch for its window, which does not open now.", gateway_message=said)


def _keep_refs(turn: Turn, recorder: Recorder, payment: Payment, outcome: WindowPass) -> None:
    if payment.state != State.OPEN:
        raise Conflict("The payment went on meanwhile.")
    refs = dict(payment.refs) | dict(outcome.refs)
    payments.move(turn, payment, State.OPEN, at=recorder.at, actor="gateway", event=VOUCHED, refs=refs)
