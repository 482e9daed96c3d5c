"""What some gateways answer besides payments: a card's kind, an escrow's steps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.failures import GatewayOff, NotFound, NotNow, PendingOutcome
from bridge.domain.gateway import Absent, Gateway, NotSent, Refused, Unknown
from bridge.domain.machine import PAID_STATES, State, blocks
from bridge.domain.payment import ESCROW, Payment
from bridge.domain.services import (
    CardKind,
    Escrows,
    EscrowShown,
    EscrowStep,
    LooksUp,
)
from bridge.flows.context import Context
from bridge.flows.external import EXTERNAL
from bridge.flows.open_checkout import Once
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.ledger import operations, payments, replay
from bridge.ledger.ledger import Turn

SECONDS = 20.0
OK, NO = 200, 503
"""How the answer to an escrow step is kept for a repeat: with the state heard, or as no."""


@dataclass(frozen=True, slots=True)
class EscrowWish:
    """A step of a payment's escrow, with the fields that the gateway's document names."""

    payment: str
    step: str
    fields: Mapping[str, str]
    actor: str


async def look_up_card(context: Context, site: Site, prefix: str, once: Once, gateway: str = "") -> dict[str, Any]:
    """Say what card begins with these six to eight digits. Raises GatewayOff, NotFound, Replayed."""
    for found in site.in_order(gateway):
        if isinstance(found, LooksUp):
            looks_up = found
            break
    else:
        raise GatewayOff(
            "No gateway of this site says what card begins with some digits.",
            message_ko="카드 앞자리로 카드를 알려 주는 결제사가 없어요.",
        )
    await context.ledger.write(lambda turn: replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at))
    outcome = await _ask(context, site, found, looks_up.look_up_card(prefix, _stamp(context, site)))
    if isinstance(outcome, CardKind):
        return {"issuer": outcome.issuer, "issuer_name": outcome.issuer_name, "kind": outcome.kind}
    if isinstance(outcome, Absent):
        raise NotFound("The gateway knows no card that begins so.", message_ko="그렇게 시작하는 카드를 찾지 못했어요.")
    raise _silent(outcome)


async def take_escrow_step(context: Context, site: Site, wish: EscrowWish, once: Once) -> dict[str, Any]:
    """Report a delivery or the buyer's yes or no, or ask for the state; it stands in the payment's timeline.

    A state that says the money went back becomes a case, and the books stay as they are until a person decides it.
    A repeat of the same request is answered as the first one was. Raises NotFound, NotNow, Malformed (a field too many
    or too few), PendingOutcome (a repeat of what has no answer yet), GatewayOff (extra: gateway_message), Replayed,
    KeyReused.
    """
    payment = await context.ledger.read(lambda turn: payments.get(turn, site.id, wish.payment))
    gateway = site.gateway(payment.gateway)
    if not isinstance(gateway, Escrows):
        raise GatewayOff(f"{gateway.title} keeps no escrow.")
    if not gateway.escrow_steps(payment):
        raise NotNow(
            "This payment was made in no escrow.", state=payment.state, message_ko="에스크로로 결제하지 않았어요."
        )
    step = EscrowStep(cast(Any, wish.step), wish.fields)
    gateway.check_escrow_step(step)
    recorder = Recorder.now(context, site)

    def begin(turn: Turn) -> replay.Answer | None:
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        earlier = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
        if earlier is None:
            current = payments.get(turn, site.id, payment.id)
            if State(current.state) not in PAID_STATES or current.left <= 0:
                raise NotNow(f"A payment in state {current.state} is in no escrow.", state=current.state)
            replay.remember(turn, site.id, once.idempotency_key, once.digest, payment.id, recorder.at)
            detail: dict[str, str | int] = {"reason": wish.step}
            recorder.note(turn, current, "escrow.asked", detail, actor=wish.actor)
        return earlier

    earlier = await context.ledger.write(begin)
    if earlier is not None:
        return _again(earlier)
    outcome = await _ask(context, site, gateway, gateway.take_escrow_step(payment, step, recorder.stamp))
    heard = {"payment": payment.id, "state": "", "code": "", "message": ""}
    if isinstance(outcome, EscrowShown):
        heard |= {"state": outcome.state, "code": outcome.code, "message": outcome.message}

    def record(turn: Turn) -> None:
        current = payments.get(turn, site.id, payment.id)
        said = outcome if isinstance(outcome, EscrowShown | Refused | Unknown) else None
        detail: dict[str, str | int] = {"code": said.code, "message": said.message} if said else {}
        event = "escrow.shown" if isinstance(outcome, EscrowShown) else "escrow.not_shown"
        now = Recorder.now(context, site)
        decided = outcome.escrow if isinstance(outcome, EscrowShown) else ""
        now.note(turn, current, event, detail, refs={ESCROW: decided} if decided else {})
        if isinstance(outcome, EscrowShown) and outcome.given_back:
            _have_it_looked_at(turn, now, current, outcome)
        status, body = (OK, heard) if isinstance(outcome, EscrowShown) else (NO, _no(outcome))
        replay.keep_answer(turn, site.id, once.idempotency_key, status, json.dumps(body, ensure_ascii=False))

    await context.ledger.write(record)
    if isinstance(outcome, EscrowShown):
        return heard
    raise _silent(outcome)


def _have_it_looked_at(turn: Turn, recorder: Recorder, payment: Payment, shown: EscrowShown) -> None:
    """Open a case where the books hold money that the gateway says went back: a word of a state is no entry's proof.

    Nothing where a refund of ours has no outcome yet, whose cancel it may be: that one is looked into already.
    """
    pending = any(blocks(one.kind, one.step) for one in operations.of_payment(turn, payment.id))
    if payment.left > 0 and not pending:
        detail = f"the escrow's state at the gateway is {shown.state}, and the books hold {payment.left} KRW"
        recorder.case(turn, payment, EXTERNAL, detail, payment.left)


def _again(earlier: replay.Answer) -> dict[str, Any]:
    """Answer a repeat as the first was answered: the step itself is never taken twice."""
    if not earlier.status:
        raise PendingOutcome(
            "This step was asked for and has no answer yet; ask for the escrow's state.",
            message_ko="앞선 요청의 답을 아직 받지 못했어요. 에스크로 상태를 먼저 확인해 주세요.",
        )
    kept: dict[str, Any] = json.loads(earlier.body)
    if earlier.status == NO:
        raise _refusal(**kept)
    return kept


async def _ask(context: Context, site: Site, gateway: Gateway, exchange: Exchange[Any]) -> Any:
    conversation = await talk(
        context,
        site,
        gateway,
        exchange,
        intended_at=context.clock.boot_seconds(),
        operation=None,
        deadline_seconds=SECONDS,
    )
    return conversation.outcome


def _stamp(context: Context, site: Site) -> Stamp:
    return Recorder.now(context, site).stamp


def _silent(outcome: object) -> GatewayOff:
    return _refusal(**_no(outcome))


def _no(outcome: object) -> dict[str, Any]:
    said = outcome.message if isinstance(outcome, Refused | Unknown) else ""
    return {"silent": isinstance(outcome, NotSent | Unknown), "said": said}


def _refusal(*, silent: bool, said: str) -> GatewayOff:
    why, korean = ("did not answer", "답하지 않았어요") if silent else ("refused", "거절했어요")
    return GatewayOff(
        f"The gateway {why}; look in its console before asking again.",
        gateway_message=said,
        message_ko=f"결제사가 {korean}. 다시 요청하기 전에 결제사 관리자 화면에서 확인해 주세요.",
    )
