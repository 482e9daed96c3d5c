"""A step of an escrow: its delivery reported, the buyer's yes or no passed on once, its state asked for."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from bridge.clock import from_ms, new_id
from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.failures import GatewayOff, NotNow, PendingOutcome
from bridge.domain.gateway import Gateway, NotSent, Refused, Unknown
from bridge.domain.machine import PAID_STATES, Kind, State, Step
from bridge.domain.payment import ESCROW, Payment
from bridge.domain.services import DECIDED, UNHEARD, Escrows, EscrowShown, EscrowStep
from bridge.flows.ask_after_word import after_restore, ask_before_word, refuse_lacking
from bridge.flows.ask_gateway import ask_at_once, no_answer, why_none
from bridge.flows.context import Context
from bridge.flows.escrow_words import (
    ASKED,
    NOT_SHOWN,
    SHOWN,
    have_it_looked_at,
    pending_word,
    settle_word,
    silent_ms,
    stands,
    why_not_decided,
)
from bridge.flows.health import Words
from bridge.flows.open_checkout import Once
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.write_down import write_down
from bridge.ledger import gap, operations, payments, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

BUYER = "buyer"
"""The actor of a step that a buyer takes on the order's page."""
ANSWER_SECONDS_MAX = 90.0
"""How long a clerk waits who asks or tells of a delivery: longer than any answer takes, unless books refuse it."""
PATIENCE_SECONDS = 2.0
"""How long a buyer's press, or whoever passes on a word, waits for the gateway: the page then says how it stands."""
_IN_NONE = Words("에스크로로 결제하지 않았어요.", "This payment was made in no escrow.")
_NAMELESS = Words(
    "결제사가 거래번호를 알려 주지 않은 결제라 결제사 관리자 화면에서 처리해야 해요.",
    "The gateway never told this payment's number, which every step names: take it in its console.",
)
OK, NO = 200, 503
"""How the answer to a step is kept for a repeat: with the state heard, or as no."""


@dataclass(frozen=True, slots=True)
class EscrowWish:
    """A step of a payment's escrow, with the fields that the gateway's document names."""

    payment: str
    step: str
    fields: Mapping[str, str]
    actor: str


async def take_escrow_step(context: Context, site: Site, wish: EscrowWish, once: Once) -> dict[str, Any]:
    """Report a delivery or the buyer's yes or no, or ask for the state; it stands in the payment's timeline.

    The buyer's word is passed on once: while it has no answer, and once it has one, no other is sent, whatever its
    key; the state that is asked for settles it. Restored books may lack one, so the gateway is asked before another is
    sent. A state that says the money went back becomes a case, and the books stay as they are until a person decides
    it. A repeat of the same request is answered as the first one was. Who passes on a word waits PATIENCE_SECONDS for
    each answer at most: one that comes later is written down all the same. Raises NotFound, NotNow, Malformed (a field
    too many or too few), PendingOutcome (what was asked has no answer yet), Reconciling (the buyer's word, while
    restored books are), GatewayOff (extra: gateway_message), Replayed, KeyReused.
    """
    payment = await context.ledger.read(lambda turn: payments.get(turn, site.id, wish.payment))
    gateway = site.gateway(payment.gateway)
    if not isinstance(gateway, Escrows):
        raise GatewayOff(f"{gateway.title} keeps no escrow.")
    if not gateway.escrow_steps(payment):
        why = _NAMELESS if payment.escrow else _IN_NONE
        raise NotNow(why.en, state=payment.state, message_ko=why.ko)
    step = EscrowStep(cast(Any, wish.step), wish.fields)
    gateway.check_escrow_step(step)
    if wish.step in UNHEARD:
        await ask_before_word(context, site, gateway, wish.payment, PATIENCE_SECONDS)
    recorder, intended_at = Recorder.now(context, site), context.clock.boot_seconds()
    earlier = await context.ledger.write(lambda turn: _begin(turn, recorder, wish, once))
    if isinstance(earlier, replay.Answer):
        return _again(earlier)
    word = earlier
    exchange = gateway.take_escrow_step(payment, step, recorder.stamp)
    sending = _send(recorder, gateway, exchange, wish, once, word, intended_at)
    task = context.tasks.begin(f"escrow:{once.idempotency_key}", sending)
    if wish.step in UNHEARD or wish.actor == BUYER:
        await context.tasks.wait(task, PATIENCE_SECONDS)
    else:
        await asyncio.wait({task}, timeout=ANSWER_SECONDS_MAX)
    if task.done():
        task.result()
    return _again(await read_after(context.ledger.read(lambda turn: _answered(turn, site, once))))


async def _send(
    asked: Recorder,
    gateway: Gateway,
    exchange: Exchange[Any],
    wish: EscrowWish,
    once: Once,
    word: Operation | None,
    intended_at: float,
) -> None:
    """Take the step and write down what came of it, whether or not somebody still waits for that."""
    context, site = asked.context, asked.site
    outcome = await ask_at_once(context, site, gateway, exchange, intended_at=intended_at, operation=word)
    heard = {"payment": wish.payment, "state": "", "code": "", "message": ""}
    if isinstance(outcome, EscrowShown):
        heard |= {"state": outcome.state, "code": outcome.code, "message": outcome.message}

    def record(turn: Turn) -> None:
        now = Recorder.now(context, site)
        _record(turn, now, payments.get(turn, site.id, wish.payment), wish, outcome, asked.stamp)
        status, body = (OK, heard) if isinstance(outcome, EscrowShown) else (NO, why_none(outcome))
        replay.keep_answer(turn, site.id, once.idempotency_key, status, json.dumps(body, ensure_ascii=False))

    await write_down(context, record)


def _answered(turn: Turn, site: Site, once: Once) -> replay.Answer:
    answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
    assert answer is not None, "a step is remembered before it is sent"
    return answer


def _begin(turn: Turn, recorder: Recorder, wish: EscrowWish, once: Once) -> replay.Answer | Operation | None:
    """Write down that a step is about to be sent; gives the answer to the same request before, if there was one, else
    the operation of a buyer's word."""
    site = recorder.site
    replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
    earlier = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
    if earlier is not None:
        return earlier
    current = payments.get(turn, site.id, wish.payment)
    if State(current.state) not in PAID_STATES or current.left <= 0:
        raise NotNow(f"A payment in state {current.state} is in no escrow.", state=current.state)
    unheard = UNHEARD.get(wish.step)
    if unheard:
        gap.refuse(turn, site.id)
    why = why_not_decided(turn, current) if unheard else None
    if why is not None:
        refusal = NotNow if current.escrow in DECIDED else PendingOutcome
        raise refusal(why.en, message_ko=why.ko)
    if unheard:
        refuse_lacking(turn, current)
    replay.remember(turn, site.id, once.idempotency_key, once.digest, current.id, recorder.at)
    passed_on = {ESCROW: str(unheard)} if unheard else None
    recorder.note(turn, current, ASKED, {"reason": wish.step}, actor=wish.actor, refs=passed_on)
    if not unheard:
        return None
    word = Operation(
        id=new_id(recorder.context.clock),
        site=site.id,
        payment=current.id,
        kind=Kind.WORD,
        amount=current.amount,
        step=Step.SENT,
        ref=current.merchant_ref,
        actor=wish.actor,
        reason=wish.step,
        stamp=recorder.stamp,
        owner=recorder.context.owner,
        sent_at=from_ms(recorder.at),
    )
    operations.add(turn, word)
    return word


def _record(turn: Turn, now: Recorder, current: Payment, wish: EscrowWish, outcome: object, asked: Stamp) -> None:
    said = outcome if isinstance(outcome, EscrowShown | Refused | Unknown) else None
    detail: dict[str, str | int] = {"code": said.code, "message": said.message} if said else {}
    event = SHOWN if isinstance(outcome, EscrowShown) else NOT_SHOWN
    if wish.step in UNHEARD and isinstance(outcome, Refused | NotSent):
        detail["refused"] = 1
    word = pending_word(turn, current)
    becomes = stands(turn, now, current, wish.step, outcome, asked)
    if isinstance(outcome, EscrowShown):
        detail |= after_restore(turn, now, current, becomes)
    now.note(turn, current, event, detail, refs={ESCROW: becomes} if becomes else {})
    if word is not None and becomes:
        settle_word(turn, now, word, wish.step, outcome, becomes)
    elif word is not None and word.step is Step.SENT and wish.step in UNHEARD:
        code, message = (said.code, said.message) if said else ("", "")
        next_try_at = now.at + silent_ms(now, current)
        operations.step(turn, word, Step.UNKNOWN, at=now.at, code=code, message=message, next_try_at=next_try_at)
    if isinstance(outcome, EscrowShown) and outcome.given_back:
        have_it_looked_at(turn, now, current, outcome)


def _again(earlier: replay.Answer) -> dict[str, Any]:
    """Answer a repeat as the first was answered: the step itself is never taken twice."""
    if not earlier.status:
        raise PendingOutcome(
            "This step was asked for and has no answer yet; ask for the escrow's state.",
            message_ko="앞선 요청의 답을 아직 받지 못했어요. 에스크로 상태를 먼저 확인해 주세요.",
        )
    kept: dict[str, Any] = json.loads(earlier.body)
    if earlier.status == NO:
        raise no_answer(**kept)
    return kept
