"""Asks how an escrow stands: after a buyer's word without an answer, and before one that restored books may lack."""

import json

from bridge.clock import to_ms
from bridge.domain.decisions import WORD_UNKNOWN
from bridge.domain.exchange import Stamp
from bridge.domain.failures import PendingOutcome
from bridge.domain.gateway import Gateway, Refused, Unknown
from bridge.domain.machine import PAID_STATES, PENDING_STEPS, State, Step
from bridge.domain.payment import ESCROW, Payment
from bridge.domain.services import DECIDED, Escrows, EscrowShown, EscrowStep
from bridge.flows.ask_gateway import ask_at_once
from bridge.flows.context import Context
from bridge.flows.escrow_words import (
    NOT_SHOWN,
    SHOWN,
    have_it_looked_at,
    settle_word,
    silent_ms,
    stands,
    why_not_decided,
)
from bridge.flows.pace import ASK_SECONDS, after_human, claimed_until, is_late, pause_ms, waited_ms
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.sites import Site
from bridge.flows.write_down import write_down
from bridge.ledger import audit, gap, operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

LATE_MS = 600_000
"""How long after a restore a state that the gateway does not tell is a person's."""
SINCE = "restored_at"
"""In the audit of a state that was heard: the restore (milliseconds) after which nothing was decided at the gateway."""


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
    becomes = stands(turn, now, payment, "status", outcome, asked)
    if becomes and isinstance(outcome, EscrowShown):
        detail = {"code": outcome.code, "message": outcome.message} | after_restore(turn, now, payment, becomes)
        now.note(turn, payment, SHOWN, detail, actor=BRIDGE, refs={ESCROW: becomes})
        settle_word(turn, now, word, "status", outcome, becomes)
        return
    if isinstance(outcome, EscrowShown) and outcome.given_back:
        have_it_looked_at(turn, now, payment, outcome)
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
    next_try_at = max(now.at + pause_ms(ASK_SECONDS, word.tries // 2), now.at + silent_ms(now, payment) - waited)
    if word.step is Step.NEEDS_HUMAN:
        next_try_at = after_human(since, now.at)
    operations.try_again(turn, word, next_try_at=next_try_at, code=word.code, message=word.message)


async def ask_before_word(context: Context, site: Site, gateway: Gateway, payment_id: str, seconds: float) -> None:
    """Have the gateway say how an escrow stands, where restored books may lack a word that was passed on before.

    Whoever passes a word on waits so long at most; an answer that comes later is written down all the same.
    """

    def look(turn: Turn) -> Payment | None:
        payment = payments.get(turn, site.id, payment_id)
        is_held = State(payment.state) in PAID_STATES and payment.left > 0
        may_speak = is_held and not gap.is_open(turn, site.id) and why_not_decided(turn, payment) is None
        return payment if may_speak and _may_lack_word(turn, payment) else None

    payment = await context.ledger.read(look)
    if payment is not None:
        task = context.tasks.begin(f"escrow-before:{payment.id}", _ask(context, site, gateway, payment))
        if await context.tasks.wait(task, seconds):
            task.result()


async def _ask(context: Context, site: Site, gateway: Gateway, payment: Payment) -> None:
    assert isinstance(gateway, Escrows), "only such a gateway is told a word"
    asked = Recorder.now(context, site)
    exchange = gateway.take_escrow_step(payment, EscrowStep("status"), asked.stamp)
    outcome = await ask_at_once(context, site, gateway, exchange)

    def record(turn: Turn) -> None:
        now, current = Recorder.now(context, site), payments.get(turn, site.id, payment.id)
        becomes = stands(turn, now, current, "status", outcome, asked.stamp)
        if becomes and isinstance(outcome, EscrowShown):
            detail = {"code": outcome.code, "message": outcome.message} | after_restore(turn, now, current, becomes)
            now.note(turn, current, SHOWN, detail, actor=BRIDGE, refs={ESCROW: becomes})
        if isinstance(outcome, EscrowShown) and outcome.given_back:
            have_it_looked_at(turn, now, current, outcome)
        elif not becomes:
            _note_not_shown(turn, now, current, outcome)

    await write_down(context, record)


def _note_not_shown(turn: Turn, now: Recorder, payment: Payment, outcome: object) -> None:
    """Keep what the gateway said instead of a state; a while after the restore people look: it may never say."""
    said = outcome if isinstance(outcome, EscrowShown | Refused | Unknown) else None
    now.note(turn, payment, NOT_SHOWN, {"code": said.code, "message": said.message} if said else {}, actor=BRIDGE)
    restored = gap.of_payment(turn, payment)
    assert restored is not None, "only such a payment is asked about"
    if abs(now.at - restored.restored_at) >= LATE_MS:  # a clock that ran ahead may have been set back since
        shown = said.state if isinstance(said, EscrowShown) else type(outcome).__name__
        detail = f"restored books may lack a word of the buyer, and the state that was asked for is {shown}"
        now.case(turn, payment, WORD_UNKNOWN, detail)


def refuse_lacking(turn: Turn, payment: Payment) -> None:
    """Refuse a word where an earlier one may have been lost with the books and the gateway has not denied that.

    Raises PendingOutcome.
    """
    if _may_lack_word(turn, payment):
        raise PendingOutcome(
            "The payment records were restored from a backup and may lack a word of the buyer that was passed on"
            " before; the gateway has not said yet that nothing is decided. Nothing was sent; wait two minutes.",
            message_ko="백업으로 되돌린 기록이라 구매를 확정하거나 거절한다고 이미 전했을 수 있어요. 결제사에 먼저"
            " 물어봤지만 아직 정해지지 않았다는 답을 듣지 못했어요. 2분쯤 뒤에 다시 해 주세요.",
        )


def after_restore(turn: Turn, now: Recorder, payment: Payment, becomes: str) -> dict[str, str | int]:
    """Say of a state that was heard now that it leaves no word which restored books lack; nothing where it does not.

    A word that left just before the books were lost may be under way for a while: "kept" counts after that alone.
    """
    restored = gap.of_payment(turn, payment)
    if becomes != "kept" or restored is None:
        return {}
    passed = now.at - restored.restored_at
    is_early = 0 <= passed < silent_ms(now, payment)  # before it only by a clock that has been set back
    return {} if is_early else {SINCE: restored.lost_until}


def _may_lack_word(turn: Turn, payment: Payment) -> bool:
    """Tell whether the books were restored since the payment began, and nothing that was heard since leaves no word."""
    restored = gap.of_payment(turn, payment)
    if restored is None or payment.escrow in DECIDED:
        return False
    heard = [json.loads(row["detail"]) for row in audit.chain(turn, payment.id) if row["event"] == SHOWN]
    return all(one.get(SINCE) != restored.lost_until for one in heard)
