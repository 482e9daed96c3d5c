"""Takes in a gateway's notice: kept first, then its effect, in the same turn; without proof it moves little."""

from dataclasses import dataclass, replace

from bridge.clock import new_id
from bridge.domain.failures import Conflict, GatewayOff, NotFound, NotGenuine, Unreadable
from bridge.domain.gateway import Circumstantial, Gateway, Inquires, Notice, Notifies, Paid
from bridge.domain.machine import TERMINAL, Evidence, Kind, State, Step
from bridge.domain.payment import Payment
from bridge.flows.context import Context
from bridge.flows.record import Recorder
from bridge.flows.settle_unknown import APPROVAL_TOLD, NOTHING, settle_soon
from bridge.flows.sites import Site
from bridge.ledger import notices, operations, orders, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.notices import StoredNotice
from bridge.ledger.operations import Operation

GATEWAY = "gateway"
LATER = "later"
TAKING_BACK = (State.UNKNOWN, State.VOIDING, State.NEEDS_HUMAN, State.VOIDED, State.DECLINED)
"""States in which a cancel the gateway reports is our own net-cancel."""
NEVER_APPROVED = (State.NEW, State.READYING, State.OPEN)
"""States in which no approval of ours can have moved money."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a notice: `known` tells whether it is about a payment of ours, which alone is acknowledged."""

    known: bool
    outcome: str


async def receive_notice(
    context: Context, site: Site, gateway: Gateway, *, kind: str, raw: bytes, source: str
) -> Heard:
    """Keep a notice and let it have its effect, once. Raises Unreadable or NotGenuine (nothing is kept then)."""
    assert isinstance(gateway, Notifies), "only a gateway that notifies has a notice address"
    notice = gateway.read_notice(raw, kind)
    trusted = not isinstance(notice.proof, Circumstantial) or gateway.allows_source(source)
    recorder = Recorder.now(context, site)
    kept = StoredNotice(
        id=new_id(context.clock),
        site=site.id,
        gateway=gateway.name,
        kind=kind,
        dedupe=notice.dedupe if trusted else f"untrusted:{notice.dedupe}",
        source=source,
        raw_sealed=context.vault.seal(raw, "notice"),
        received_at=recorder.at,
    )
    heard = await context.ledger.write(lambda turn: _take(turn, recorder, gateway, kept, notice, trusted))
    if heard.outcome == APPROVAL_TOLD:
        payment = await context.ledger.read(lambda turn: _find(turn, site, gateway, notice))
        if payment is not None:
            settle_soon(context, site, payment[0])
    return heard


async def replay_notice(context: Context, stored: StoredNotice) -> None:
    """Let a kept notice have the effect it is still owed (after a restart, or when its payment had no outcome yet)."""
    try:
        site = context.sites.get(stored.site)
        gateway = site.gateway(stored.gateway)
        assert isinstance(gateway, Notifies)
        notice = gateway.read_notice(context.vault.open(stored.raw_sealed, "notice"), stored.kind)
    except (NotFound, GatewayOff, NotGenuine, Unreadable):
        return
    recorder = Recorder.now(context, site)

    def work(turn: Turn) -> None:
        if not notices.take(turn, stored.id):
            return
        outcome = _effect(turn, recorder, gateway, notice)
        if outcome != LATER:
            notices.settle(turn, stored.id, "done", outcome, recorder.at)

    await context.ledger.write(work)


def _take(turn: Turn, recorder: Recorder, gateway: Gateway, kept: StoredNotice, notice: Notice, trusted: bool) -> Heard:
    found = _find(turn, recorder.site, gateway, notice)
    if found is None or not trusted:
        notices.store(turn, kept)
        outcome = "no payment of ours has this reference" if trusted else "not from the gateway's address"
        notices.settle(turn, kept.id, "strange", outcome, recorder.at)
        return Heard(False, outcome)
    bound = replace(kept, payment=found[0].id)
    if not notices.store(turn, bound):
        return Heard(True, "seen before")
    outcome = _effect(turn, recorder, gateway, notice)
    if outcome == LATER:  # whoever writes the answer that is awaited must find this notice
        orders.touch(turn, found[0].site, found[0].order_ref, recorder.at)
    else:
        notices.settle(turn, bound.id, "done", outcome, recorder.at)
    return Heard(True, outcome)


def _find(turn: Turn, site: Site, gateway: Gateway, notice: Notice) -> tuple[Payment, Operation | None] | None:
    """Find the payment by our reference: the payment's own, or that of one of its refunds."""
    payment = payments.by_merchant_ref(turn, site.id, gateway.name, notice.merchant_ref)
    if payment is not None:
        return payment, None
    operation = operations.by_ref(turn, site.id, notice.merchant_ref)
    if operation is None:
        return None
    payment = payments.get(turn, site.id, operation.payment)
    return (payment, operation) if payment.gateway == gateway.name else None


def _effect(turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice) -> str:
    found = _find(turn, recorder.site, gateway, notice)
    if found is None:
        return "no payment of ours has this reference"
    payment, refund = found
    if notice.event == "deposited":
        return _deposited(turn, recorder, payment, notice)
    if notice.event in ("cancelled", "part_cancelled"):
        return _cancelled(turn, recorder, payment, notice, refund)
    if notice.event == "approved":
        return _approved(turn, recorder, gateway, payment)
    return "nothing to do"


def _approved(turn: Turn, recorder: Recorder, gateway: Gateway, payment: Payment) -> str:
    """An unsigned approval notice proves nothing: it makes us settle an unknown approval now."""
    state = State(payment.state)
    if state is State.APPROVING:
        return LATER
    if state in (State.UNKNOWN, State.VOIDING, State.NEEDS_HUMAN):
        for operation in operations.of_payment(turn, payment.id):
            if operation.step in (Step.UNKNOWN, Step.NEEDS_HUMAN) and operation.next_try_at is not None:
                operations.hasten(turn, operation, recorder.at)
        return APPROVAL_TOLD
    if state in (*TERMINAL, *NEVER_APPROVED) and payment.captured == 0 and not isinstance(gateway, Inquires):
        if any(_gave_back(one) for one in operations.of_payment(turn, payment.id)):
            return "known already"
        detail = f"the gateway reports an approval of a payment that is {state}"
        recorder.case(turn, payment, "money_on_ended_payment", detail)
        return "a person must look"
    return "known already"


def _gave_back(operation: Operation) -> bool:
    """Whether this is the net-cancel that took the approval back: the notice is only late."""
    return operation.kind is Kind.UNDO and operation.step is Step.OK and operation.message != NOTHING


def _deposited(turn: Turn, recorder: Recorder, payment: Payment, notice: Notice) -> str:
    """A deposit counts if every field equals our record; on an ended payment it is a person's case."""
    state = State(payment.state)
    if state in (State.APPROVING, State.UNKNOWN):
        return LATER
    fits = notice.amount == payment.amount and notice.refs.get("account_number") == payment.account.get("number")
    if state is State.AWAITING_DEPOSIT and fits:
        paid = Paid(notice.amount, dict(payment.refs), {})
        recorder.deposit(turn, payment, paid, notice.dedupe)
        return "paid"
    recorder.case(
        turn,
        payment,
        "unexpected_deposit",
        f"the gateway reports a deposit of {notice.amount} KRW on a payment that is {state} over {payment.amount} KRW",
    )
    return "a person must look"


def _cancelled(turn: Turn, recorder: Recorder, payment: Payment, notice: Notice, refund: Operation | None) -> str:
    """A cancel notice settles our own pending refund of that very amount; any other cancel is a person's case.

    Where it carries a refund's own reference (`refund`), it is about that one alone.
    """
    done = [refund] if refund is not None else operations.of_payment(turn, payment.id)
    ours = [one for one in done if one.kind is Kind.REFUND and one.amount == notice.amount]
    if any(one.step is Step.OK and _same_cancel(one, notice) for one in ours):
        return "known already"
    for operation in ours:
        if operation.step in (Step.UNKNOWN, Step.NEEDS_HUMAN):
            recorder.refunded(turn, payment, operation, Evidence.E7, notice.refs, GATEWAY)
            return "refunded"
        if operation.step is Step.SENT:
            return LATER
    if State(payment.state) in TAKING_BACK:
        return "known already"
    recorder.case(
        turn,
        payment,
        "external_cancel",
        f"the gateway reports a cancel of {notice.amount} KRW that was not asked here ({notice.refs.get('refNo', '')})",
    )
    return "a person must look"


def _same_cancel(operation: Operation, notice: Notice) -> bool:
    known = operation.refs.get("refNo", "")
    return not known or known == notice.refs.get("refNo", "") or operation.ref == notice.merchant_ref


async def replay_pending(context: Context, limit: int = 100) -> None:
    """Replay the notices whose effect is still owed."""
    for stored in await context.ledger.read(lambda turn: notices.pending(turn, limit)):
        try:
            await replay_notice(context, stored)
        except Conflict:
            continue
