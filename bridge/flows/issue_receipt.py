"""Issues cash receipts: turn (intent), talk, turn (what came of it); a lost answer is a person's."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bridge.clock import from_ms, new_id, new_reference
from bridge.domain.billing import without_number
from bridge.domain.failures import BridgeError, Conflict, GatewayOff, NotNow, PendingOutcome
from bridge.domain.gateway import Gateway, NotSent, Refused
from bridge.domain.machine import PAID_STATES, State
from bridge.domain.payment import Method, Payment
from bridge.domain.services import ReceiptIssued, ReceiptOrder, Receipts, SizesReceipts
from bridge.domain.tax import split
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.move_receipt import CASE, hand_to_person, move_receipt, tell_of_receipt
from bridge.flows.open_checkout import Once
from bridge.flows.pace import receipt_pause_ms
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.snapshots import rfc3339
from bridge.flows.talk import talk
from bridge.flows.tax_of_refund import tax_free_before
from bridge.flows.write_down import write_down
from bridge.ledger import cases, gap, orders, payments, receipts, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.receipts import LIVE, Purpose, Receipt, ReceiptState

IDENTITY = "receipt_identity"
CASH_LIKE = (Method.VIRTUAL_ACCOUNT, Method.ACCOUNT)
TO_CANCEL_AND_ISSUE = "환불했으니 이 현금영수증을 취소하고 남은 금액으로 다시 발급해 주세요."
TO_CANCEL = "모두 환불했으니 이 현금영수증을 취소해 주세요."
LOST = "the books were restored, and a cash receipt that was issued in the time they have lost is not in them"


@dataclass(frozen=True, slots=True)
class ReceiptWish:
    """What is asked for. `identity` is the buyer's phone, card or business number, personal data."""

    payment: str
    purpose: Purpose
    identity: str
    actor: str


async def issue_receipt(context: Context, site: Site, wish: ReceiptWish, once: Once) -> Receipt:
    """Have a receipt issued over what is left of a payment in cash.

    Asked for once: a repeat waits for it where it is under way, and sends nothing where the bridge stopped over it.
    Raises NotFound, NotNow, PendingOutcome, GatewayOff, Replayed, KeyReused, KeyTooOld, Reconciling, OutcomeUnread. The
    receipt may still be ISSUING.
    """
    intended_at = context.clock.boot_seconds()
    begun = await context.ledger.write(lambda turn: _begin(turn, context, site, wish, once))
    if begun is None:
        raise PendingOutcome(
            "The payment records were restored from a backup, and a receipt issued in the time they have lost is not"
            " in them. Look into the gateway's console; a receipt can be issued when the case about it is closed.",
            message_ko="백업으로 되돌린 기록이라, 그 사이에 현금영수증을 이미 발급했을 수 있어요. 결제사에서 확인한 뒤"
            " 운영자가 그 일을 닫으면 발급할 수 있어요.",
        )
    receipt, payment, is_new = begun
    name = f"receipt:{receipt.id}"
    if is_new:
        context.tasks.begin(name, _issue(context, site, issuer_of(site, payment), receipt, payment, intended_at))
    task = context.tasks.find(name)
    if task is not None:
        await context.tasks.wait(task, context.settings.refund_wait_seconds)
    return await read_after(context.ledger.read(lambda turn: receipts.get(turn, site.id, receipt.id)))


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """Show a receipt: never whose number it bears."""
    shown: dict[str, Any] = {
        "id": receipt.id,
        "payment": receipt.payment,
        "gateway": receipt.gateway,
        "state": str(receipt.state),
        "purpose": receipt.purpose,
        "amount": receipt.amount,
        "tax_free": receipt.tax_free,
        "number": receipt.number or None,
        "url": receipt.url or None,
        "created_at": rfc3339(receipt.created_at),
        "code": receipt.code or None,
        "message": receipt.message or None,
    }
    return {name: value for name, value in shown.items() if value is not None}


def receipts_json(turn: Turn, site: Site, payment: Payment) -> dict[str, Any] | None:
    """Show the receipts of a payment in cash, oldest first, and whether one may be issued now; none for any other."""
    sized = _is_sized(site, payment)
    if not (sized or payment.method in CASH_LIKE) or not payment.captured:
        return None
    shown: dict[str, Any] = {"may_issue": True, "amount": payment.left} | ({"at_most": True} if sized else {})
    try:
        issuer_of(site, payment)
        _check(turn, site, payment)
    except BridgeError as error:
        shown = {"may_issue": False, "amount": 0, "why": error.extra.get("message_ko", "")}
    kept = receipts.of_payment(turn, payment.id)
    over = overstated(payment, kept)
    if over:
        shown |= {"over": over, "over_why": TO_CANCEL_AND_ISSUE if payment.left else TO_CANCEL}
    return shown | {"items": [receipt_json(receipt) for receipt in kept]}


def overstated(payment: Payment, kept: Sequence[Receipt]) -> int:
    """Tell by how many KRW an issued receipt is over more than is left: a refund leaves it as it is."""
    return max(0, max((one.amount for one in kept if one.state is ReceiptState.ISSUED), default=0) - payment.left)


def issuer_of(site: Site, payment: Payment) -> tuple[Gateway, Receipts]:
    """Give what issues a payment's receipts. Raises GatewayOff."""
    gateway = site.gateway(payment.gateway)
    if not isinstance(gateway, Receipts):
        raise GatewayOff(
            f"{gateway.title} issues no cash receipts; issue it at the tax office (홈택스).",
            message_ko=f"{gateway.title}에서는 현금영수증을 발급할 수 없어요. 홈택스에서 발급해 주세요.",
        )
    return gateway, gateway


def _begin(
    turn: Turn, context: Context, site: Site, wish: ReceiptWish, once: Once
) -> tuple[Receipt, Payment, bool] | None:
    """Write the intent; None where a case asks a person first, for the books may have lost a receipt."""
    gap.refuse(turn, site.id)
    replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
    answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
    payment = payments.get(turn, site.id, wish.payment)
    if answer is not None:
        return receipts.get(turn, site.id, answer.result), payment, False
    issuer_of(site, payment)
    _check(turn, site, payment)
    recorder = Recorder.now(context, site)
    if lost := _may_be_lost(turn, payment):
        recorder.case(turn, payment, CASE, lost)
        return None
    receipt = Receipt(
        id=new_id(context.clock),
        site=site.id,
        payment=payment.id,
        gateway=payment.gateway,
        ref=new_reference(context.clock),
        state=ReceiptState.ISSUING,
        purpose=wish.purpose,
        amount=payment.left,
        tax_free=payment.tax_free - tax_free_before(turn, payment),
        identity_sealed=context.vault.seal(wish.identity.encode(), IDENTITY),
        actor=wish.actor,
        created_at=from_ms(recorder.at),
        next_try_at=from_ms(recorder.at + receipt_pause_ms(0)),
    )
    receipts.add(turn, receipt)
    tell_of_receipt(turn, recorder, receipt, "receipt.sent", wish.actor)
    replay.remember(turn, site.id, once.idempotency_key, once.digest, receipt.id, recorder.at)
    return receipt, payment, True


def _may_be_lost(turn: Turn, payment: Payment) -> str:
    """Say so where a receipt may have been issued in the time that restored books have lost: no gateway can be asked,
    so a person looks, once. The case names the restore: by a clock that ran ahead at the backup it is closed before.
    """
    restored = gap.of_payment(turn, payment)
    if restored is None:
        return ""
    lost = f"{LOST} (restored {rfc3339(from_ms(restored.restored_at))})"
    looked = [one for one in cases.of_payment(turn, payment.id) if one["reason"] == CASE and one["closed_at"]]
    if any(one["closed_at"] >= restored.lost_until or lost in one["detail"].split("\n") for one in looked):
        return ""
    return lost


def _is_sized(site: Site, payment: Payment) -> bool:
    """Tell whether the gateway itself says how much of a payment was cash."""
    if payment.gateway not in site.gateways:
        return False
    gateway = site.gateways[payment.gateway]
    return isinstance(gateway, SizesReceipts) and gateway.sizes_receipt(payment)


def _check(turn: Turn, site: Site, payment: Payment) -> None:
    if State(payment.state) not in PAID_STATES or payment.left <= 0:
        detail, korean = f"A payment in state {payment.state} needs no receipt.", "남은 돈이 없어서 발급할 것이 없어요."
        raise NotNow(detail, state=payment.state, message_ko=korean)
    if payment.method not in CASH_LIKE and not _is_sized(site, payment):
        raise NotNow(
            "Cash receipts are for money paid in cash: by transfer or into an account.",
            message_ko="현금영수증은 계좌이체나 가상계좌로 받은 돈에만 발급해요.",
        )
    if any(one.state in LIVE for one in receipts.of_payment(turn, payment.id)):
        raise NotNow(
            "This payment has a cash receipt already; cancel that one first.",
            message_ko="이미 발급한 현금영수증이 있어요. 다시 발급하려면 그것을 먼저 취소해 주세요.",
        )
    if any(one["reason"] == CASE and one["state"] == "open" for one in cases.of_payment(turn, payment.id)):
        raise PendingOutcome(
            "Nobody knows yet whether an earlier receipt was issued; its case says what to do.",
            message_ko="앞선 현금영수증이 발급됐는지 아직 몰라요. 결제사에서 확인한 뒤 운영자가 그 일을 닫아야 해요.",
        )


async def receipt_order(context: Context, site: Site, receipt: Receipt, payment: Payment) -> ReceiptOrder:
    """Say to an adapter what a receipt is over, and whose number it bears."""
    order = await context.ledger.read(lambda turn: orders.find(turn, site.id, payment.order_ref))
    assert order is not None, "a payment has an order"
    return ReceiptOrder(
        ref=receipt.ref,
        title=order.title,
        split=split(receipt.amount, receipt.tax_free),
        purpose=receipt.purpose,
        identity=_identity(context, receipt),
        buyer_name=order.buyer.name,
        traded_at=payment.paid_at or receipt.created_at,
        refs=payment.refs,
        asks_amount=_is_sized(site, payment),
    )


def _identity(context: Context, receipt: Receipt) -> str:
    """Open whose number the receipt bears; empty for one that came back from the shop, or was erased."""
    sealed = receipt.identity_sealed
    return context.vault.open(sealed, IDENTITY).decode() if sealed else ""


def without_persons_number(text: str, order: ReceiptOrder) -> str:
    """Take the person's number out of a gateway's words; where it is not known, nothing of them is kept."""
    return without_number(text, order.identity) if order.identity else ""


async def _issue(
    context: Context,
    site: Site,
    issuer: tuple[Gateway, Receipts],
    receipt: Receipt,
    payment: Payment,
    intended_at: float,
) -> None:
    gateway, issues = issuer
    order = await receipt_order(context, site, receipt, payment)
    exchange = issues.issue_receipt(order, Recorder.now(context, site).stamp)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=None)
    outcome, recorder = conversation.outcome, Recorder.now(context, site)

    def record(turn: Turn) -> None:
        keep_lines(turn, context.clock, payment, conversation.journal, recorder.at)
        if isinstance(outcome, ReceiptIssued):
            said: dict[str, Any] = {"number": outcome.number, "url": outcome.url, "refs": dict(outcome.refs)}
            if outcome.split is not None:
                said |= {"amount": outcome.split.total, "tax_free": outcome.split.tax_free}
            move_receipt(turn, recorder, receipt, ReceiptState.ISSUED, **said)
        elif isinstance(outcome, Refused):
            no = {"code": outcome.code, "message": without_persons_number(outcome.message, order)}
            move_receipt(turn, recorder, receipt, ReceiptState.REFUSED, **no)
        elif isinstance(outcome, NotSent):
            move_receipt(turn, recorder, receipt, ReceiptState.REFUSED, message=outcome.why)
        else:
            message = without_persons_number(outcome.message or outcome.why, order)
            hand_to_person(turn, recorder, receipt, outcome.code, message)

    with contextlib.suppress(Conflict):
        await write_down(context, record)
