"""Closes a virtual account before anything is paid into it: turn (intent), talk, turn (what came of it)."""

from dataclasses import replace
from typing import Any

from bridge.clock import from_ms, new_id, to_ms
from bridge.domain.failures import BridgeError, Conflict, GatewayOff, NotNow, PendingOutcome
from bridge.domain.gateway import Gateway, NothingThere, NotSent, Refused, TooLate, Undone, Unknown
from bridge.domain.machine import PENDING_STEPS, Evidence, Kind, State, Step, blocks
from bridge.domain.payment import Payment
from bridge.domain.services import VoidsAccounts
from bridge.flows.context import Context
from bridge.flows.external import EXTERNAL
from bridge.flows.open_checkout import Once
from bridge.flows.owe_check import owe_check
from bridge.flows.pace import ASK_SECONDS, after_human, claimed_until, is_late, pause_ms, waited_ms
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import gap, operations, payments, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation
from bridge.wire.converse import Conversation

CAME_TO = {
    Step.SENT: "asking",
    Step.UNKNOWN: "asking",
    Step.OK: "closed",
    Step.FAIL: "refused",
    Step.NOT_SENT: "not_sent",
    Step.NEEDS_HUMAN: "refused",
}
"""What a try to close an account came to, by the step of its operation; asking: its answer is owed still."""


async def void_account(context: Context, site: Site, payment_id: str, actor: str, once: Once) -> Payment:
    """Close the account a payment waits on. It still waits where the gateway's answer was lost, or it refused.

    Raises NotFound, NotNow, PendingOutcome, GatewayOff (no such call: the account runs out by itself), Replayed,
    KeyReused, Reconciling, Busy (nothing was sent), OutcomeUnread.
    """
    recorder = Recorder.now(context, site)

    def begin(turn: Turn) -> tuple[Payment, Operation | None]:
        gap.refuse(turn, site.id)  # it may be paid: what the shop hands over goes on from the backup's rows
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        payment = payments.get(turn, site.id, payment_id)
        if replay.earlier(turn, site.id, once.idempotency_key, once.digest) is not None:
            return payment, None
        _check(turn, site, payment)
        voiding = _intend(turn, recorder, payment, actor)
        replay.remember(turn, site.id, once.idempotency_key, once.digest, voiding.id, recorder.at)
        return payment, voiding

    intended_at = context.clock.boot_seconds()
    payment, voiding = await context.ledger.write(begin)
    if voiding is not None:
        closing = void_once(context, site, site.gateway(payment.gateway), voiding, intended_at)
        task = context.tasks.begin(f"settle:{payment.id}", closing)
        await context.tasks.wait(task, context.settings.refund_wait_seconds)
    return await read_after(context.ledger.read(lambda turn: payments.get(turn, site.id, payment_id)))


async def void_once(
    context: Context, site: Site, gateway: Gateway, voiding: Operation, intended_at: float | None = None
) -> None:
    """Try once to close the account, and write down what that proves. Raises Conflict where another has this try.

    `intended_at` (boot-time seconds): before the turn that wrote the intent, of the first try; a repeat is claimed.
    """
    recorder = Recorder.now(context, site)
    claimed = claimed_until(gateway, recorder.at)

    def claim(turn: Turn) -> Payment:
        if voiding.step is not Step.SENT:
            operations.claim(turn, voiding, context.owner, claimed)
        return payments.get(turn, site.id, voiding.payment)

    if intended_at is None:
        intended_at = context.clock.boot_seconds()
    payment = await context.ledger.write(claim)
    tried = replace(voiding, tries=voiding.tries + (voiding.step is not Step.SENT))
    conversation: Conversation[Any] = Conversation(Unknown(f"{gateway.title} closes no accounts any more"))
    if isinstance(gateway, VoidsAccounts):
        exchange = gateway.void_account(payment, recorder.stamp)
        conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=tried)
    recorder = Recorder.now(context, site)

    def record(turn: Turn) -> None:
        recorder.journal(turn, payment, conversation, voiding)
        current = operations.get(turn, site.id, voiding.id)
        if current is not None and current.step in PENDING_STEPS:
            _record(turn, recorder, gateway, current, conversation.outcome)

    try:
        await write_down(context, record)
    except Conflict:
        return


def void_json(turn: Turn, site: Site, payment: Payment) -> dict[str, Any] | None:
    """Say whether a payment's account may be closed now, why not, and what came of the last try; none where nothing
    waits or waited to be closed."""
    tries = [one for one in operations.of_payment(turn, payment.id) if voids_account(payment, one)]
    if payment.state != State.AWAITING_DEPOSIT and not tries:
        return None
    shown: dict[str, Any] = {"may": True}
    try:
        _check(turn, site, payment)
    except BridgeError as error:
        shown = {"may": False, "why": error.extra.get("message_ko", "")}
    if tries:
        last = tries[-1]
        said = last.message if last.step is Step.FAIL else ""
        shown |= {"state": CAME_TO[last.step], "code": last.code, "message": said}
    return shown


def _check(turn: Turn, site: Site, payment: Payment) -> None:
    if payment.state != State.AWAITING_DEPOSIT:
        raise NotNow(
            f"A payment in state {payment.state} waits on no account.",
            state=payment.state,
            message_ko="입금을 기다리는 결제가 아니에요.",
        )
    if any(blocks(one.kind, one.step) for one in operations.of_payment(turn, payment.id)):
        raise PendingOutcome(
            "An earlier operation of this payment has no outcome yet; wait for it.",
            message_ko="앞선 처리의 결과를 아직 확인하고 있어요.",
        )
    gateway = site.gateway(payment.gateway)
    if not isinstance(gateway, VoidsAccounts):
        raise GatewayOff(
            f"{gateway.title} closes no accounts; this one ends by itself.",
            message_ko=f"{gateway.title}에는 가상계좌를 닫는 기능이 없어요. 입금 기한이 지나면 저절로 끝나요.",
        )


def _intend(turn: Turn, recorder: Recorder, payment: Payment, actor: str) -> Operation:
    voiding = Operation(
        id=new_id(recorder.context.clock),
        site=payment.site,
        payment=payment.id,
        kind=Kind.PROBE,
        amount=payment.amount,
        step=Step.SENT,
        ref=payment.merchant_ref,
        actor=actor,
        stamp=recorder.stamp,
        owner=recorder.context.owner,
        sent_at=from_ms(recorder.at),
    )
    operations.add(turn, voiding)
    state = State(payment.state)
    payments.move(turn, payment, state, at=recorder.at, actor=actor, event="account.void_sent")
    return voiding


def _record(turn: Turn, recorder: Recorder, gateway: Gateway, voiding: Operation, outcome: object) -> None:
    payment = payments.get(turn, recorder.site.id, voiding.payment)
    at, waits = recorder.at, payment.state == State.AWAITING_DEPOSIT
    code, message = getattr(outcome, "code", ""), getattr(outcome, "message", "") or getattr(outcome, "why", "")
    if isinstance(outcome, Undone | NothingThere):
        operations.step(turn, voiding, Step.OK, at=at, evidence=Evidence.E6, code=code)
        if waits:
            recorder.voided(turn, payment, voiding.id, Evidence.E6, voiding.actor)
        elif isinstance(outcome, Undone) and payment.left and not owe_check(turn, recorder, payment):
            detail = "the account was closed, says the gateway, and a deposit is in the books; ask whether it went back"
            recorder.case(turn, payment, EXTERNAL, detail, payment.left)
    elif isinstance(outcome, NotSent) and voiding.step is Step.SENT:  # of a repeat it says nothing of the first
        operations.step(turn, voiding, Step.NOT_SENT, at=at, evidence=Evidence.E3, message=message)
    elif isinstance(outcome, Refused | TooLate):
        _give_up(turn, recorder, payment, voiding, Evidence.E2, code, message)
    elif not waits:  # the deposit came first: there is nothing left to close
        _give_up(turn, recorder, payment, voiding, Evidence.E7, code, message)
    else:
        ends_at, since = to_ms(payment.expires_at), to_ms(voiding.sent_at)
        late = is_late(gateway, waited_ms(recorder.context, voiding, recorder.stamp))
        again = after_human(since, at) if late else at + pause_ms(ASK_SECONDS, voiding.tries // 2)
        next_try_at = min(again, max(at + 1_000, ends_at))
        if voiding.step is Step.SENT:
            operations.step(turn, voiding, Step.UNKNOWN, at=at, code=code, message=message, next_try_at=next_try_at)
        elif at >= ends_at:
            _give_up(turn, recorder, payment, voiding, Evidence.E2, code, message)
        else:
            operations.try_again(turn, voiding, next_try_at=next_try_at, code=code, message=message)


def _give_up(
    turn: Turn, recorder: Recorder, payment: Payment, voiding: Operation, evidence: Evidence, code: str, message: str
) -> None:
    """The account stays as it is, until its deposit or its end; nothing moved."""
    if voiding.step is Step.SENT:
        voiding = operations.step(turn, voiding, Step.UNKNOWN, at=recorder.at, code=code, message=message)
    operations.step(turn, voiding, Step.FAIL, at=recorder.at, evidence=evidence, code=code, message=message)
    detail: dict[str, str | int] = {"code": code, "message": message}
    recorder.note(turn, payment, "account.not_voided", detail)


def voids_account(payment: Payment, operation: Operation) -> bool:
    """Tell whether a probe is about an account that was to be closed, which has no window to withdraw."""
    return operation.kind is Kind.PROBE and bool(payment.account)
