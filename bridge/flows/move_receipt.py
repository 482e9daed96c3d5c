"""Moves a cash receipt, says so in its payment's timeline, and ends the doubt about it."""

from typing import Any

from bridge.clock import from_ms
from bridge.flows.pace import receipt_pause_ms
from bridge.flows.pen import BRIDGE, Pen
from bridge.ledger import cases, payments, receipts
from bridge.ledger.ledger import Turn
from bridge.ledger.receipts import Receipt, ReceiptState

EVENTS = {
    ReceiptState.ISSUED: "receipt.issued",
    ReceiptState.REFUSED: "receipt.refused",
    ReceiptState.UNKNOWN: "receipt.unknown",
    ReceiptState.CANCELLING: "receipt.cancel_sent",
    ReceiptState.CANCELLED: "receipt.cancelled",
}
NOT_CANCELLED = "receipt.not_cancelled"
CASE = "receipt_unknown"
"""The reason of a case: nobody knows what came of a receipt."""


def move_receipt(
    turn: Turn, pen: Pen, receipt: Receipt, becomes: ReceiptState, actor: str = BRIDGE, /, **said: Any
) -> Receipt:
    """Write what became of a receipt; `said` are its fields that change. Raises Conflict, as the ledger does.

    What is sent now is not taken up by the bridge itself before its pause is over.
    """
    tries = receipt.tries if becomes is receipt.state else 0
    due = from_ms(pen.at + receipt_pause_ms(tries))
    after = receipts.move(turn, receipt, becomes, at=pen.at, next_try_at=due, tries=tries, **said)
    event = EVENTS[becomes]
    if receipt.state is ReceiptState.CANCELLING and becomes is ReceiptState.ISSUED:
        event = NOT_CANCELLED
    tell_of_receipt(turn, pen, after, event, actor)
    return after


def tell_of_receipt(turn: Turn, pen: Pen, receipt: Receipt, event: str, actor: str = BRIDGE) -> None:
    """Write an event of a receipt into its payment's timeline; never whose number the receipt bears."""
    detail: dict[str, str | int] = {"amount": receipt.amount, "code": receipt.code, "message": receipt.message}
    payment = payments.get(turn, receipt.site, receipt.payment)
    pen.note(turn, payment, event, {name: value for name, value in detail.items() if value}, actor=actor)


def end_doubt(turn: Turn, pen: Pen, receipt: Receipt, resolution: str) -> None:
    """Close the case, unless another receipt of the payment is in doubt as well: it may be that one's."""
    others = [one for one in receipts.of_payment(turn, receipt.payment) if one.id != receipt.id]
    if all(one.state is not ReceiptState.UNKNOWN for one in others):
        cases.close_case(turn, receipt.payment, CASE, resolution, pen.at)


def hand_to_person(turn: Turn, pen: Pen, receipt: Receipt, code: str, message: str) -> None:
    """Write that nobody knows what came of it, with a case."""
    move_receipt(turn, pen, receipt, ReceiptState.UNKNOWN, code=code, message=message)
    payment = payments.get(turn, receipt.site, receipt.payment)
    deed = "the cancel of a cash receipt" if receipt.state is ReceiptState.CANCELLING else "a cash receipt"
    detail = f"{deed} over {receipt.amount} KRW ({receipt.ref}) has no outcome: {message}"
    pen.case(turn, payment, CASE, detail)
