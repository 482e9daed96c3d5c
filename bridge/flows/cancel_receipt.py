"""Cancels cash receipts: turn (intent), talk, turn (what came of it). It does no more when it is sent again."""

import contextlib

from bridge.domain.failures import Conflict, NotNow
from bridge.domain.gateway import Done, Gateway, NotSent, Refused, Unknown
from bridge.domain.payment import Payment
from bridge.domain.services import ReceiptIssued, Receipts
from bridge.flows.context import Context
from bridge.flows.issue_receipt import issuer_of, receipt_order, without_persons_number
from bridge.flows.journal import keep_lines
from bridge.flows.move_receipt import end_doubt, hand_to_person, move_receipt, tell_of_receipt
from bridge.flows.open_checkout import Once
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import gap, payments, receipts, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.receipts import Receipt, ReceiptState


async def cancel_receipt(context: Context, site: Site, receipt_id: str, actor: str, once: Once) -> Receipt:
    """Cancel a receipt whole. It may still be CANCELLING when the answer was lost: ask again, or wait
    (`stale_receipts.py`).

    Where the gateway says no to the repeat it is UNKNOWN, and a person's: the first may have been done.
    Raises NotFound, NotNow, GatewayOff, Replayed, KeyReused, KeyTooOld, Reconciling, OutcomeUnread.
    """

    recorder = Recorder.now(context, site)

    def begin(turn: Turn) -> tuple[Receipt, Payment, bool]:
        gap.refuse(turn, site.id)
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        receipt = receipts.get(turn, site.id, receipt_id)
        if replay.earlier(turn, site.id, once.idempotency_key, once.digest) is None:
            replay.remember(turn, site.id, once.idempotency_key, once.digest, receipt.id, recorder.at)
        again = receipt.state is ReceiptState.CANCELLING
        is_sent_again = again and context.tasks.find(f"receipt:{receipt.id}") is None
        if receipt.state is ReceiptState.ISSUED or is_sent_again:  # which puts off the heartbeat's own turn
            receipt = move_receipt(turn, recorder, receipt, ReceiptState.CANCELLING, actor)
        if receipt.state not in (ReceiptState.CANCELLING, ReceiptState.CANCELLED):
            korean = "발급된 현금영수증만 취소할 수 있어요."
            detail = f"A receipt in state {receipt.state} cannot be cancelled."
            raise NotNow(detail, state=str(receipt.state), message_ko=korean)
        return receipt, payments.get(turn, site.id, receipt.payment), again

    receipt, payment, again = await context.ledger.write(begin)
    if receipt.state is ReceiptState.CANCELLING:
        cancelling = carry_out_cancel(context, site, issuer_of(site, payment), receipt, payment, again=again)
        task = context.tasks.begin(f"receipt:{receipt.id}", cancelling)
        await context.tasks.wait(task, context.settings.refund_wait_seconds)
    return await read_after(context.ledger.read(lambda turn: receipts.get(turn, site.id, receipt_id)))


async def carry_out_cancel(
    context: Context,
    site: Site,
    issuer: tuple[Gateway, Receipts],
    receipt: Receipt,
    payment: Payment,
    *,
    again: bool,
    by_itself: bool = False,
) -> None:
    """Send a cancel and write what came of it; `again` where one was sent before, `by_itself` where nobody waits.

    While restored books are reconciled only "done" counts for the latter: a case would keep its site from selling.
    """
    gateway, issues = issuer
    order = await receipt_order(context, site, receipt, payment)
    issued = ReceiptIssued(receipt.number, receipt.refs, receipt.url)
    exchange = issues.cancel_receipt(order, issued, Recorder.now(context, site).stamp)
    intended_at = context.clock.boot_seconds()
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=None)
    outcome, recorder = conversation.outcome, Recorder.now(context, site)

    def record(turn: Turn) -> None:
        keep_lines(turn, context.clock, payment, conversation.journal, recorder.at)
        if by_itself and not isinstance(outcome, NotSent):
            tell_of_receipt(turn, recorder, receipt, "receipt.cancel_sent")
        if isinstance(outcome, Done):
            _cancelled(turn, recorder, receipts.get(turn, site.id, receipt.id))
        elif by_itself and gap.is_open(turn, site.id):
            return
        elif isinstance(outcome, Refused):
            no = {"code": outcome.code, "message": without_persons_number(outcome.message, order)}
            if again:
                hand_to_person(turn, recorder, receipt, **no)
            else:
                move_receipt(turn, recorder, receipt, ReceiptState.ISSUED, **no)
        elif isinstance(outcome, Unknown) and ((again and outcome.code) or by_itself):
            message = without_persons_number(outcome.message or outcome.why, order)
            hand_to_person(turn, recorder, receipt, outcome.code, message)
        elif isinstance(outcome, NotSent) and not again:
            move_receipt(turn, recorder, receipt, ReceiptState.ISSUED, message=outcome.why)

    with contextlib.suppress(Conflict):
        await write_down(context, record)


def _cancelled(turn: Turn, recorder: Recorder, receipt: Receipt) -> None:
    """Write a proven cancel, whatever another that was sent beside it had come to."""
    if receipt.state is not ReceiptState.CANCELLED:
        move_receipt(turn, recorder, receipt, ReceiptState.CANCELLED, code="", message="")
    if receipt.state is ReceiptState.UNKNOWN:
        end_doubt(turn, recorder, receipt, "cancelled, as the gateway has answered")
