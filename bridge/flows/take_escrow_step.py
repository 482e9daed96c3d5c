"""A step of an escrow: its delivery reported, the buyer's yes or no passed on once, its state asked for."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from bridge.clock import from_ms, new_id, to_ms
from bridge.domain.decisions import WORD_UNKNOWN
from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.failures import GatewayOff, NotNow, PendingOutcome
from bridge.domain.gateway import Gateway, NotSent, Refused, Unknown
from bridge.domain.machine import PAID_STATES, PENDING_STEPS, Evidence, Kind, State, Step, blocks
from bridge.domain.payment import ESCROW, Payment
from bridge.domain.services import DECIDED, SAID, UNHEARD, Escrows, EscrowShown, EscrowStep
from bridge.flows.ask_gateway import ask_at_once, no_answer, why_none
from bridge.flows.context import Context
from bridge.flows.external import EXTERNAL
from bridge.flows.health import Words
from bridge.flows.open_checkout import Once
from bridge.flows.pace import ASK_SECONDS, after_human, claimed_until, is_late, pause_ms, waited_ms
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.sites import Site
from bridge.flows.write_down import write_down
from bridge.ledger import audit, cases, gap, operations, payments, replay
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.operations import Operation

BUYER = "buyer"
"""The actor of a step that a buyer takes on the order's page."""
PATIENCE_SECONDS = 2.0
"""How long a buyer's press, or whoever passes on a word, waits for the gateway: the page then says how it stands."""
ASKED = "escrow.asked"
NOT_SHOWN = "escrow.not_shown"
OK, NO = 200, 503
"""How the answer to a step is kept for a repeat: with the state heard, or as no."""
QUIET_MS = 60_000
"""How long ago, by the boot clock, a yes or no must have been sent for "the buyer has not spoken" to count."""
_UNHEARD = Words(
    "구매자의 답을 전했지만 결제사가 아직 답하지 않았어요. 다시 전하지 말고 에스크로 상태를 먼저 확인해 주세요.",
    "The buyer's word was passed on and has no answer yet; ask for the escrow's state before passing it on again.",
)
_REFUNDING = Words(
    "앞선 환불의 결과를 아직 확인하고 있어요.",
    "A refund of this payment has no outcome yet; look again in a few minutes.",
)
_WHY_NOT = {
    "confirming": _UNHEARD,
    "denying": _UNHEARD,
    "confirmed": Words("구매를 이미 확정했어요.", "The buyer has confirmed the purchase already."),
    "denied": Words("구매를 이미 거절했어요.", "The buyer has refused the purchase already."),
}


@dataclass(frozen=True, slots=True)
class EscrowWish:
    """A step of a payment's escrow, with the fields that the gateway's document names."""

    payment: str
    step: str
    fields: Mapping[str, str]
    actor: str


def why_not_decided(turn: Turn, payment: Payment) -> Words | None:
    """Say why the buyer's yes or no cannot be passed on now; None where it can."""
    return _WHY_NOT.get(payment.escrow) or (_REFUNDING if _is_pending(turn, payment) else None)


async def take_escrow_step(context: Context, site: Site, wish: EscrowWish, once: Once) -> dict[str, Any]:
    """Report a delivery or the buyer's yes or no, or ask for the state; it stands in the payment's timeline.

    The buyer's word is passed on once: while it has no answer, and once it has one, no other is sent, whatever its
    key; the state that is asked for settles it. A state that says the money went back becomes a case, and the books
    stay as they are until a person decides it. A repeat of the same request is answered as the first one was. Who
    passes on a word waits PATIENCE_SECONDS at most: the answer that comes later is written down all the same. Raises
    NotFound, NotNow, Malformed (a field too many or too few), PendingOutcome (what was asked has no answer yet),
    Reconciling (the buyer's word, while restored books are), GatewayOff (extra: gateway_message), Replayed, KeyReused.
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
        await asyncio.wait({task})
    if task.done():
        task.result()
    return _again(await context.ledger.read(lambda turn: _answered(turn, site, once)))


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

    await context.ledger.write(record)


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
    replay.remember(turn, site.id, once.idempotency_key, once.digest, current.id, recorder.at)
    learnt = {ESCROW: str(unheard)} if unheard else None
    recorder.note(turn, current, ASKED, {"reason": wish.step}, actor=wish.actor, refs=learnt)
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
    event = "escrow.shown" if isinstance(outcome, EscrowShown) else NOT_SHOWN
    if wish.step in UNHEARD and isinstance(outcome, Refused | NotSent):
        detail["refused"] = 1
    word = _pending_word(turn, current)
    stands = _stands(turn, now, current, wish.step, outcome, asked)
    now.note(turn, current, event, detail, refs={ESCROW: stands} if stands else {})
    if word is not None and stands:
        _settle(turn, now, word, wish.step, outcome, stands)
    elif word is not None and word.step is Step.SENT and wish.step in UNHEARD:
        code, message = (said.code, said.message) if said else ("", "")
        next_try_at = now.at + QUIET_MS
        operations.step(turn, word, Step.UNKNOWN, at=now.at, code=code, message=message, next_try_at=next_try_at)
    if isinstance(outcome, EscrowShown) and outcome.given_back:
        _have_it_looked_at(turn, now, current, outcome)


def _stands(turn: Turn, now: Recorder, current: Payment, step: str, outcome: object, asked: Stamp) -> str:
    """Say what Payment.escrow becomes by an answer; empty where that proves nothing new."""
    if isinstance(outcome, EscrowShown):
        if outcome.escrow != "kept":
            return outcome.escrow
        word = _pending_word(turn, current)
        early = word is not None and waited_ms(now.context, word, asked) < QUIET_MS
        return "" if current.escrow in DECIDED or early else "kept"
    is_no = isinstance(outcome, Refused | NotSent) and current.escrow == UNHEARD.get(step)
    return "kept" if is_no and _is_only_word(turn, current) else ""


def _pending_word(turn: Turn, payment: Payment) -> Operation | None:
    """Find the buyer's word that has no outcome yet; there is at most one."""
    everyone = operations.of_payment(turn, payment.id)
    return next((one for one in everyone if one.kind is Kind.WORD and one.step in PENDING_STEPS), None)


def _settle(turn: Turn, now: Recorder, word: Operation, step: str, outcome: object, stands: str) -> None:
    """Give the buyer's word its outcome: by the answer to it, or by the state that was asked for."""
    becomes, evidence = Step.OK if stands == SAID[word.reason] else Step.FAIL, Evidence.E4
    if isinstance(outcome, NotSent):
        becomes, evidence = Step.NOT_SENT, Evidence.E3
    elif step in UNHEARD:
        evidence = Evidence.E2 if isinstance(outcome, Refused) else Evidence.E1
    elif word.step is Step.SENT:
        word = operations.step(turn, word, Step.UNKNOWN, at=now.at)
    said = outcome if isinstance(outcome, EscrowShown | Refused) else None
    code, message = (said.code, said.message) if said else ("", "")
    operations.step(turn, word, becomes, at=now.at, evidence=evidence, code=code, message=message)
    cases.close_case(turn, word.payment, WORD_UNKNOWN, f"settled by {evidence}", now.at)


async def ask_after_word(context: Context, site: Site, gateway: Gateway, word: Operation) -> None:
    """Ask once for the state of an escrow whose buyer's word has no answer, and write down what that proves.

    Raises Conflict.
    """
    assert isinstance(gateway, Escrows), "only such a gateway is told a word"
    asked = Recorder.now(context, site)
    until = claimed_until(gateway, asked.at)

    def claim(turn: Turn) -> Payment:
        operations.claim(turn, word, context.owner, until)
        return payments.get(turn, site.id, word.payment)

    payment = await context.ledger.write(claim)
    exchange = gateway.take_escrow_step(payment, EscrowStep("status"), asked.stamp)
    outcome = await ask_at_once(context, site, gateway, exchange)

    def record(turn: Turn) -> None:
        now, current = Recorder.now(context, site), operations.get(turn, site.id, word.id)
        assert current is not None, "operations are never deleted"
        if current.step in PENDING_STEPS and current.tries == word.tries + 1:
            _record_asked(turn, now, gateway, current, outcome, asked.stamp)

    await write_down(context, record)


def _record_asked(turn: Turn, now: Recorder, gateway: Gateway, word: Operation, outcome: object, asked: Stamp) -> None:
    """Settle a word by the state that the bridge asked for, or ask again later; after a while a person looks."""
    payment = payments.get(turn, now.site.id, word.payment)
    stands = _stands(turn, now, payment, "status", outcome, asked)
    if stands and isinstance(outcome, EscrowShown):
        detail: dict[str, str | int] = {"code": outcome.code, "message": outcome.message}
        now.note(turn, payment, "escrow.shown", detail, actor=BRIDGE, refs={ESCROW: stands})
        _settle(turn, now, word, "status", outcome, stands)
        return
    if isinstance(outcome, EscrowShown) and outcome.given_back:
        _have_it_looked_at(turn, now, payment, outcome)
    waited, since = waited_ms(now.context, word, now.stamp), to_ms(word.sent_at)
    if word.step is Step.UNKNOWN and is_late(gateway, waited):
        next_try_at = after_human(since, now.at)
        operations.step(
            turn, word, Step.NEEDS_HUMAN, at=now.at, code=word.code, message=word.message, next_try_at=next_try_at
        )
        shown = outcome.state if isinstance(outcome, EscrowShown) else type(outcome).__name__
        said = f"the buyer's {word.reason} has no answer, and the state that was asked for is {shown}"
        now.case(turn, payment, WORD_UNKNOWN, said)
        return
    next_try_at = max(now.at + pause_ms(ASK_SECONDS, word.tries // 2), now.at + QUIET_MS - waited)
    if word.step is Step.NEEDS_HUMAN:
        next_try_at = after_human(since, now.at)
    operations.try_again(turn, word, next_try_at=next_try_at, code=word.code, message=word.message)


def _is_only_word(turn: Turn, payment: Payment) -> bool:
    """Tell whether each word of the buyer before this one was refused: a refusal proves nothing of one without answer,
    which may be why this one was refused."""
    chain = audit.chain(turn, payment.id)
    refused = sum(row["event"] == NOT_SHOWN and "refused" in json.loads(row["detail"]) for row in chain)
    return len(_words(chain)) - int(refused) == 1


def _words(chain: list[Row]) -> list[Row]:
    """Give the rows that say that the buyer's yes or no was about to be sent."""
    return [row for row in chain if row["event"] == ASKED and json.loads(row["detail"])["reason"] in UNHEARD]


def _have_it_looked_at(turn: Turn, recorder: Recorder, payment: Payment, shown: EscrowShown) -> None:
    """Open a case where the books hold money that the gateway says went back: a word of a state is no entry's proof.

    Nothing where a refund of ours has no outcome yet, whose cancel it may be: that one is looked into already.
    """
    if payment.left > 0 and not _is_pending(turn, payment):
        detail = f"the escrow's state at the gateway is {shown.state}, and the books hold {payment.left} KRW"
        recorder.case(turn, payment, EXTERNAL, detail, payment.left)


def _is_pending(turn: Turn, payment: Payment) -> bool:
    return any(blocks(one.kind, one.step) for one in operations.of_payment(turn, payment.id))


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
