"""What a notice about a cash receipt does: it ends a doubt, or tells of a cancel made elsewhere. It moves no money."""

from bridge.domain.gateway import Event, Notice
from bridge.flows.move_receipt import CASE, end_doubt, move_receipt
from bridge.flows.record import Recorder
from bridge.flows.told import KNOWN, LATER, NOTHING_TO_DO, PERSON
from bridge.ledger import payments, receipts
from bridge.ledger.ledger import Turn
from bridge.ledger.receipts import LIVE, Receipt, ReceiptState

UNDECIDED = (ReceiptState.ISSUING, ReceiptState.CANCELLING)


def receipt_told(turn: Turn, recorder: Recorder, receipt: Receipt, notice: Notice) -> str:
    """Let a notice have its effect on a receipt; answers a word for it, LATER while its answer is awaited."""
    if notice.event not in (Event.APPROVED, Event.CANCELLED):
        return NOTHING_TO_DO
    if receipt.state in UNDECIDED and notice.event == Event.APPROVED:
        return LATER if receipt.state is ReceiptState.ISSUING else KNOWN
    if notice.amount != receipt.amount:
        detail = f"a receipt over {receipt.amount} KRW ({receipt.ref}) is told as one over {notice.amount} KRW"
        recorder.case(turn, payments.get(turn, receipt.site, receipt.payment), CASE, detail)
        return PERSON
    return (
        _issued(turn, recorder, receipt, notice) if notice.event == Event.APPROVED else _gone(turn, recorder, receipt)
    )


def _issued(turn: Turn, recorder: Recorder, receipt: Receipt, notice: Notice) -> str:
    if receipt.state is not ReceiptState.UNKNOWN or receipt.refs:  # what has refs was issued: its cancel is unknown
        return KNOWN
    others = [one for one in receipts.of_payment(turn, receipt.payment) if one.id != receipt.id and one.state in LIVE]
    if others:
        detail = f"the receipt {receipt.ref} was issued after all, and {others[0].ref} as well: cancel one of them"
        recorder.case(turn, payments.get(turn, receipt.site, receipt.payment), CASE, detail)
        return PERSON
    said = {"number": notice.refs.get("applNo", ""), "refs": dict(notice.refs), "code": "", "message": ""}
    move_receipt(turn, recorder, receipt, ReceiptState.ISSUED, **said)
    end_doubt(turn, recorder, receipt, "issued, as the gateway's notice says")
    return "the receipt was issued"


def _gone(turn: Turn, recorder: Recorder, receipt: Receipt) -> str:
    if receipt.state is ReceiptState.ISSUING:
        return LATER
    if receipt.state not in (ReceiptState.ISSUED, ReceiptState.CANCELLING, ReceiptState.UNKNOWN):
        return KNOWN
    move_receipt(turn, recorder, receipt, ReceiptState.CANCELLED, code="", message="")
    if receipt.state is ReceiptState.UNKNOWN:
        end_doubt(turn, recorder, receipt, "cancelled, as the gateway's notice says")
    return "the receipt was cancelled"
