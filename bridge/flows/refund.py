"""Gives money back: turn (intent, amount reserved), talk (cancel), turn (what came of it)."""

from dataclasses import dataclass, replace
from datetime import timedelta

from bridge.clock import from_ms, new_id, new_reference, now_ms
from bridge.domain.exchange import Exchange
from bridge.domain.failures import Conflict, NotFound, NotNow, PendingOutcome, RefundRefused
from bridge.domain.gateway import Accepted, Allowed, Done, NotSent, Refunding, Refused, Unknown
from bridge.domain.machine import PENDING_STEPS, TERMINAL, Evidence, Kind, State, Step, blocks
from bridge.domain.payment import Account, Payment, parse_amount
from bridge.domain.services import Transfers
from bridge.flows.carry_out import contradict
from bridge.flows.compare_first import compare_first, has_waited, is_uncompared, is_unshown
from bridge.flows.context import Context
from bridge.flows.open_checkout import Once
from bridge.flows.owe_check import AFTER_SECONDS, owe_check
from bridge.flows.pace import accepted_until
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder, account_of, refund_order
from bridge.flows.refund_again import take_in
from bridge.flows.settle_unknown import settle_soon
from bridge.flows.sites import Site
from bridge.flows.snapshots import ACCEPTED, REFUND_ACCEPTED, pay_back, why_not
from bridge.flows.talk import talk
from bridge.flows.tax_of_refund import tax_of_refund
from bridge.flows.transfer import ASK_EVERY_SECONDS, is_transfer, may_go_to_account, register, seal_account
from bridge.flows.urls import urls_of
from bridge.flows.write_down import write_down
from bridge.ledger import gap, operations, payments, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

REFUNDABLE = (State.PAID, State.PART_REFUNDED)
DAY = timedelta(days=1)
OVER_THE_CAP = {
    "message_ko": "지금은 환불할 수 없어요.",
    "why": "판매자에게 문의해 주세요.",
    "for_clerk": "24시간 환불 한도를 넘었어요. 결제 서버의 운영자에게 환불을 부탁하거나 나중에 다시 시도해 주세요.",
}
FOUND_GIVEN_BACK = {
    "message_ko": "이미 환불한 금액이 있어요.",
    "why": "결제 내역을 다시 확인해 주세요.",
    "for_clerk": "백업을 되돌리면서 기록에서 빠진 환불을 결제사에서 찾았어요. 남은 금액을 확인하고 다시 시도해 주세요.",
}
CHANGED_MEANWHILE = {"message_ko": "그 사이 남은 금액이 바뀌었어요. 환불된 내역을 확인하고 다시 눌러 주세요."}
GIVEN_BACK_UNSHOWN = {
    "message_ko": "지금은 일부만 환불할 수 없어요.",
    "why": "판매자에게 문의해 주세요.",
    "for_clerk": "백업을 되돌리는 동안 환불한 금액이 있는지 결제사가 알려 주지 않아요."
    " 남은 금액 전부는 환불할 수 있어요."
    " 일부만 환불하려면 결제사 관리자 화면을 본 운영자에게 부탁해 주세요.",
}


@dataclass(frozen=True, slots=True)
class RefundWish:
    """What is asked for: no amount means all that is left. `capped`: the site's daily cap applies.

    `account`: where an operator sends money that no gateway gives back the way it came. `left`: what was left on the
    page it is asked from, in KRW: where that has changed, somebody else may have given back just this.
    """

    payment: str
    amount: int | None
    reason: str
    actor: str
    items: tuple[str, ...] = ()
    capped: bool = True
    account: Account | None = None
    tax_free: int | None = None
    left: int | None = None


async def refund(context: Context, site: Site, wish: RefundWish, once: Once) -> Operation:
    """Ask for a refund and wait a moment for its outcome; the answer may still be SENT or UNKNOWN.

    Raises NotFound, NotNow, PendingOutcome, RefundRefused, AmountRefused, Replayed, KeyReused, KeyTooOld,
    Reconciling, Busy (nothing was sent), OutcomeUnread.
    """
    refunded = await compare_first(context, site, wish.payment)
    recorder, intended_at = Recorder.now(context, site), context.clock.boot_seconds()
    operation, is_new = await context.ledger.write(lambda turn: _begin(turn, recorder, wish, once, refunded))
    name = f"refund:{operation.id}"
    if is_new:
        context.tasks.begin(name, _send(context, site, operation, intended_at))
    task = context.tasks.find(name)
    if task is not None:
        await context.tasks.wait(task, context.settings.refund_wait_seconds)
    return await read_after(find_refund(context, site, operation.id))


async def find_refund(context: Context, site: Site, refund_id: str) -> Operation:
    """Read a refund of a site. Raises NotFound."""
    operation = await context.ledger.read(lambda turn: operations.get(turn, site.id, refund_id))
    if operation is None or operation.kind is not Kind.REFUND:
        raise NotFound("There is no such refund.")
    return operation


def _begin(
    turn: Turn, recorder: Recorder, wish: RefundWish, once: Once, refunded: int | None
) -> tuple[Operation, bool]:
    """Write the intent; `refunded` is what the books had before they were compared for this, if they were."""
    site = recorder.site
    gap.refuse(turn, site.id)
    if once.nonce:
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
    answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
    if answer is not None:
        earlier = operations.get(turn, site.id, answer.result)
        assert earlier is not None, "operations are never deleted"
        return earlier, False
    payment = payments.get(turn, site.id, wish.payment)
    _check_restored(turn, recorder, payment, wish, refunded)
    _check(turn, recorder, payment, wish)
    recorder.context.admit()
    amount = wish.amount or payment.left
    tax = tax_of_refund(turn, payment, amount, wish.items, wish.tax_free)
    operation = Operation(
        id=new_id(recorder.context.clock),
        site=site.id,
        payment=payment.id,
        kind=Kind.REFUND,
        amount=amount,
        tax_free=tax.tax_free,
        vat=tax.vat,
        step=Step.SENT,
        ref=new_reference(recorder.context.clock),
        actor=wish.actor,
        reason=wish.reason,
        items=wish.items,
        idempotency_key=once.idempotency_key,
        stamp=recorder.stamp,
        owner=recorder.context.owner,
        sent_at=from_ms(recorder.at),
        context_sealed=seal_account(recorder, wish.account) if wish.account else "",
    )
    operations.add(turn, operation)
    payments.move(
        turn,
        payment,
        State(payment.state),
        at=recorder.at,
        actor=wish.actor,
        event="refund.sent",
        detail={"amount": operation.amount, "reason": wish.reason},
    )
    replay.remember(turn, site.id, once.idempotency_key, once.digest, operation.id, recorder.at)
    return operation, True


def _check_restored(turn: Turn, recorder: Recorder, payment: Payment, wish: RefundWish, refunded: int | None) -> None:
    """Refuse what may have been given back in the time that restored books have lost."""
    waits = is_uncompared(turn, recorder.site, payment)
    if waits and is_unshown(turn, payment):
        if wish.capped and wish.amount not in (None, payment.left):  # of all that is left a gateway gives no more back
            raise RefundRefused(
                "The payment records were restored, and the gateway does not tell what it gave back of this payment in"
                " the time they have lost. All that is left may be refunded; a part is for an operator who has looked"
                " in the gateway's console.",
                refundable=payment.left,
                **GIVEN_BACK_UNSHOWN,
            )
    elif waits and (wish.capped or not has_waited(turn, recorder, payment)):
        raise PendingOutcome(
            "The payment records were restored, and the gateway is being asked what it gave back of this payment; try"
            " again in a minute."
        )
    if refunded is not None and payment.refunded != refunded:
        raise RefundRefused(
            f"The gateway shows {payment.refunded} KRW given back, more than the restored records had. Look at the"
            " payment, and ask again if more is to go back.",
            refundable=payment.left,
            **FOUND_GIVEN_BACK,
        )


def _check(turn: Turn, recorder: Recorder, payment: Payment, wish: RefundWish) -> None:
    """Refuse what may not be given back; everything is read in the turn that writes the intent."""
    ended = State(payment.state) in TERMINAL
    if not ended and any(blocks(one.kind, one.step) for one in operations.of_payment(turn, payment.id)):
        raise PendingOutcome("An earlier operation of this payment has no outcome yet; wait for it.")
    if payment.state not in REFUNDABLE:
        raise NotNow(f"A payment in state {payment.state} cannot be refunded.", state=payment.state)
    if wish.left not in (None, payment.left):
        raise RefundRefused(
            f"What is left of this payment has changed since its page was shown: {payment.left} KRW. Look at what was"
            " given back meanwhile, and ask again if more is to go back.",
            refundable=payment.left,
            **CHANGED_MEANWHILE,
        )
    amount = payment.left if wish.amount is None else parse_amount(wish.amount)
    gateway = recorder.site.gateway(payment.gateway)
    rule = gateway.refund_rule(payment, recorder.stamp)
    if wish.account is not None:
        if not may_go_to_account(gateway, payment):
            raise RefundRefused(
                f"{gateway.title} makes no transfers of this payment; leave the account out, or transfer it by hand.",
                **({} if isinstance(rule, Allowed) else why_not(rule)),
            )
        rule = Allowed(payment.left, partial=True)
    if not isinstance(rule, Allowed):
        raise RefundRefused("This payment cannot be refunded through the gateway.", **why_not(rule))
    if amount > min(rule.max_amount, payment.left):
        raise RefundRefused(f"At most {payment.left} KRW can be refunded.", refundable=payment.left)
    if not rule.partial and amount != payment.captured:
        because = {"for_clerk": rule.why} if rule.why else {}
        raise RefundRefused("Only the full amount can be refunded.", refundable=payment.left, **because)
    if wish.capped:
        since = recorder.at - round(DAY.total_seconds() * 1000)
        today = operations.refunded_since(turn, recorder.site.id, since)
        if today + amount > recorder.context.settings.refund_daily_max:
            raise RefundRefused(
                "The site may refund no more within 24 hours. Ask whoever operates the bridge to refund it, or wait.",
                **OVER_THE_CAP,
            )


async def _send(context: Context, site: Site, operation: Operation, intended_at: float) -> None:
    payment = await context.ledger.read(lambda turn: payments.get(turn, site.id, operation.payment))
    gateway = site.gateway(payment.gateway)
    account = account_of(Recorder.now(context, site), operation)
    exchange: Exchange[Refunding]
    if account is not None and isinstance(gateway, Transfers):
        exchange = register(gateway, payment, operation, account)
    else:
        url = urls_of(context, site, payment).notice
        order = replace(refund_order(payment, operation), account=account, notice_url=url)
        exchange = gateway.refund(payment, order, operation.stamp)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=operation)
    recorder = Recorder.now(context, site)

    def record(turn: Turn) -> bool:
        recorder.journal(turn, payment, conversation, operation)
        current = operations.get(turn, site.id, operation.id)
        assert current is not None, "operations are never deleted"
        if current.step is not Step.SENT:
            _late(turn, recorder, current, conversation.outcome)
            return False
        _record(turn, recorder, operation, conversation.outcome)
        return True

    try:
        is_ours = await write_down(context, record)
    except Conflict:
        return
    if is_ours and isinstance(conversation.outcome, Unknown):
        settle_soon(context, site, payment)


def _late(turn: Turn, recorder: Recorder, current: Operation, outcome: Refunding) -> None:
    """The answer came after another had taken the refund for unknown: what it says was done still counts.

    A no does not: the refund may have been asked for again. Where it stands as done, the books have it.
    """
    if isinstance(outcome, Done) and current.step in PENDING_STEPS:
        _record(turn, recorder, current, outcome)
    elif isinstance(outcome, Done) and current.evidence == Evidence.E8:
        contradict(turn, recorder, current.payment, current)
    elif isinstance(outcome, Accepted) and current.step in PENDING_STEPS:
        again = recorder.at + ASK_EVERY_SECONDS * 1000 if is_transfer(current) else accepted_until(current)
        take_in(turn, recorder, current, outcome, again)


def _record(turn: Turn, recorder: Recorder, operation: Operation, outcome: Refunding) -> None:
    payment = payments.get(turn, recorder.site.id, operation.payment)
    at = recorder.at
    if isinstance(outcome, Done):
        evidence = Evidence.E9 if outcome.already else Evidence.E1
        recorder.refunded(turn, payment, operation, evidence, outcome.refs, "gateway")
        return
    if isinstance(outcome, Refused):
        operations.step(
            turn, operation, Step.FAIL, at=at, evidence=Evidence.E2, code=outcome.code, message=outcome.message
        )
        event, detail = "refund.refused", {"code": outcome.code, "message": outcome.message}
    elif isinstance(outcome, NotSent):
        operations.step(turn, operation, Step.NOT_SENT, at=at, evidence=Evidence.E3, message=outcome.why)
        event, detail = "refund.not_sent", {"reason": outcome.why}
    elif isinstance(outcome, Accepted):
        again = at + ASK_EVERY_SECONDS * 1000 if is_transfer(operation) else accepted_until(operation)
        operations.step(turn, operation, Step.UNKNOWN, at=at, code=ACCEPTED, refs=outcome.refs, next_try_at=again)
        event, detail = "refund.accepted", pay_back(outcome.refs)
    else:
        message = outcome.message or outcome.why
        operations.step(turn, operation, Step.UNKNOWN, at=at, code=outcome.code, message=message, next_try_at=at)
        event, detail = "refund.unknown", {"reason": outcome.why, "code": outcome.code}
    payment = payments.move(
        turn,
        payment,
        State(payment.state),
        at=at,
        actor="gateway",
        event=event,
        detail={"amount": operation.amount} | detail,
    )
    if isinstance(outcome, Refused):  # a copy of the request may have been made before it, or come after it
        owe_check(turn, recorder, payment, after_seconds=AFTER_SECONDS, target=operation.id)
    if isinstance(outcome, Refused | NotSent):  # what the shop keeps of the payment says "wait for the refund"
        recorder.tell(turn, payment, "payment.refund_refused")
    elif isinstance(outcome, Accepted):  # who asked may be an operator: else books restored before its end lack it
        recorder.tell(turn, payment, REFUND_ACCEPTED)


def once_of_command(context: Context, key: str, digest: str) -> Once:
    """Make the once of a command typed by an operator: no signed nonce, but the key counts."""
    return Once("", "", now_ms(context.clock), key, digest)
