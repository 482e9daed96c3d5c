"""What a case is about and what to do next, in both languages; and how each decision is said."""

from bridge.domain.decisions import CONTRADICTED, FOUND, WORD_UNKNOWN, Decision, Matter
from bridge.domain.machine import State
from bridge.domain.payment import Payment
from bridge.flows.health import Words

ADVICE: dict[str, Words] = {
    "unknown_outcome": Words(
        "승인됐는지 알 수 없어요. 결제사 관리자 화면에서 이 번호의 승인과 취소 내역을 확인해 주세요.",
        "Nobody knows whether it was approved. Look for approvals and cancels of this reference in the console.",
    ),
    "refund_unknown": Words(
        "환불됐는지 알 수 없어요. 결제사 관리자 화면에서 취소 내역을 확인하기 전에는 다시 환불하지 마세요.",
        "Nobody knows whether the refund went through. Do not refund again before looking in the console.",
    ),
    "amount_mismatch": Words(
        "결제사가 다른 금액을 받았어요. 되돌려졌는지 관리자 화면에서 확인해 주세요.",
        "The gateway took another amount. Check in its console that it was given back.",
    ),
    "money_on_ended_payment": Words(
        "끝난 결제에 돈이 들어왔어요. 이 돈을 돌려줄지 구매자와 정해 주세요.",
        "Money arrived on a payment that had ended. Decide with the buyer whether to give it back.",
    ),
    "unexpected_deposit": Words(
        "예상하지 않은 입금이 있어요. 금액과 입금한 사람을 관리자 화면에서 확인해 주세요.",
        "There was a deposit nobody expected. Check its amount and payer in the console.",
    ),
    "external_cancel": Words(
        "결제사에서 직접 취소된 결제예요. 관리자 화면에서 취소한 사람과 금액을 확인해 주세요.",
        "The payment was cancelled at the gateway itself. Check who cancelled it, and how much, in the console.",
    ),
    "receipt_unknown": Words(
        "현금영수증이 발급됐는지, 취소됐는지 알 수 없어요. 결제사 관리자 화면에서 확인한 뒤에 다시 발급해 주세요.",
        "Nobody knows whether the cash receipt was issued, or cancelled. Look in the gateway's console before issuing"
        " it again.",
    ),
    "external_refund": Words(
        "결제사가 여기서 요청한 것보다 더 환불했어요. 두 번 환불된 건지 관리자 화면에서 확인해 주세요.",
        "The gateway gave back more than was asked here. Check in its console whether a refund was made twice.",
    ),
    "books_differ": Words(
        "장부에 있는 환불이 결제사에는 보이지 않아요. 관리자 화면에서 취소 내역을 확인해 주세요.",
        "The gateway does not show a refund that the books hold. Look for the cancel in its console.",
    ),
    "order_paid_twice": Words(
        "이미 결제된 주문에 결제사가 또 돈을 받았어요. 저절로 되돌리고 있으니 되돌려졌는지 확인해 주세요.",
        "The gateway took money for an order that was paid already. It is being given back; check that it was.",
    ),
    "order_changed": Words(
        "결제하는 동안 주문이 바뀌었어요. 받은 돈이 되돌려졌는지 확인해 주세요.",
        "The order changed while it was being paid. Check that the money was given back.",
    ),
    "seat_lost": Words(
        "입금됐지만 좌석이 남아 있지 않아요. 결제 화면에 적힌 환불 방법대로 돌려주세요.",
        "A deposit came for seats that are gone. Give it back in the way that the payment's page names.",
    ),
    "seats_unconfirmed": Words(
        "돈은 받았지만 사이트가 좌석을 확인해 주지 않았어요. 좌석이 있는지 보고, 없으면 환불해 주세요.",
        "Money was taken, and the site did not say whether the seats are held. Look, and refund if they are not.",
    ),
    "foreign_number": Words(
        "다른 번호의 결제가 이 주문의 번호를 썼어요. 관리자 화면에서 누가 낸 돈인지 확인해 주세요.",
        "A payment under another number claims this reference. See in the console whose money it is.",
    ),
    WORD_UNKNOWN: Words(
        "구매자가 구매를 확정하거나 거절한 답이 결제사에 전해졌는지 알 수 없어요."
        " 관리자 화면에서 에스크로 상태를 확인해 주세요.",
        "Nobody knows whether the gateway took the buyer's word on the escrow. Look at its state in the console.",
    ),
    CONTRADICTED: Words(
        "두 사람이 받았다고 한 돈을 결제사는 그만큼 받지 않았다고 알려 왔어요. 관리자 화면을 다시 보고,"
        " 받지 않은 만큼은 돌려준 돈으로 답해 주세요.",
        "The gateway tells that it did not take as much as two people said. Look in its console again, and call given"
        " back what it has not.",
    ),
    "reported": Words(
        "운영자가 장부와 다른 점을 알려 왔어요. 관리자 화면과 비교해 주세요.",
        "An operator reported something that the books do not show. Compare them with the console.",
    ),
}
DEPOSITS: dict[str, Words] = {
    "seat_lost": ADVICE["seat_lost"],
    "order_changed": Words(
        "입금됐지만 그 전에 주문이 바뀌었어요. 결제 화면에 적힌 환불 방법대로 돌려주세요.",
        "A deposit came for an order that had changed. Give it back in the way that the payment's page names.",
    ),
    "order_paid": Words(
        "이미 결제된 주문에 입금이 또 있었어요. 결제 화면에 적힌 환불 방법대로 돌려주세요.",
        "A deposit came for an order that was paid already. Give it back in the way that the payment's page names.",
    ),
}
"""The same of a deposit that should not be kept: nothing takes it back by itself, as a card's money is."""
IN_ESCROW = Words(
    "이 돈은 에스크로에 있으니 구매자의 계좌로 직접 보내지 마세요.",
    "It lies in escrow: do not wire it to the buyer's account yourself.",
)
_OTHER = Words(
    "결제사 관리자 화면과 장부를 비교하고 결정해 주세요.", "Compare the gateway's console with the books, then decide."
)
OWN_OR_OTHER = Words(
    "이 결제가 받은 바로 그 돈이라면 장부가 맞다고 답해 주세요. 승인번호나 입금 시각이 다르면 따로 받은 돈이에요.",
    "If it is the very money that this payment was paid with, answer that the books are right; only money with another"
    " approval number or time of deposit is other money.",
)
BOOKED = Words(
    "이 돈은 장부에 있어요. 돌려준 만큼만 돌려줬다고 답해 주세요.",
    "The books have this money: say how much of it has been given back.",
)
NOT_THE_PRICE = Words(
    "입금된 돈이 주문 금액과 달라서 이 돈으로 결제된 것으로 할 수 없어요.",
    "What was deposited is not the order's price, so it cannot pay for the order.",
)
WHICH_MONEY = Words(
    "장부에 따로 찾은 돈도 있어요. 돌려준 것이 그 돈이라면 그 일에서 답하고, 여기서는 돌려준 돈이 없다고 답해 주세요.",
    "The books hold other money that was found, too: if that went back, say so in its own case, and here that nothing"
    " was given back.",
)
WAIT = Words(
    "브리지가 아직 확인하고 있어요. 지금은 정할 것이 없으니 기다려 주세요.",
    "The bridge is still finding out; there is nothing to decide yet. Wait.",
)
CHECK = Words(
    "다른 사람이 제안을 근거와 비교해서 확인하거나 반려해 주세요.",
    "Somebody else compares the proposal with its evidence, and confirms or rejects it.",
)

DECISIONS: dict[Decision, Words] = {
    Decision.PAID: Words("돈을 받았고 그대로 있어요", "The money was taken and is kept"),
    Decision.DECLINED: Words("돈을 받은 적이 없어요", "No money was ever taken"),
    Decision.VOIDED: Words("돈을 받았다가 돌려줬어요", "Money was taken and has been given back"),
    Decision.REFUNDED: Words("환불됐어요", "The refund was made"),
    Decision.NOT_REFUNDED: Words("환불되지 않았어요", "The refund was not made"),
    Decision.GIVEN_BACK: Words("결제사에서 돌려줬어요", "It was given back at the gateway"),
    Decision.NOT_GIVEN_BACK: Words("돌려준 돈이 없어요", "Nothing was given back"),
    Decision.MONEY_FOUND: Words("결제사에 돈이 있어요", "Money lies at the gateway"),
    Decision.NO_MONEY: Words("결제사에 그런 돈이 없어요", "No such money lies at the gateway"),
    Decision.ADOPTED: Words("이 돈으로 주문을 결제된 것으로 할게요", "This money pays for the order"),
    Decision.WORD_TAKEN: Words("구매자의 답이 결제사에 전해졌어요", "The gateway has the buyer's word"),
    Decision.WORD_NOT_TAKEN: Words("구매자의 답이 전해지지 않았어요", "The gateway has not the buyer's word"),
    Decision.SEEN: Words("확인했고 장부가 맞아요", "Looked at; the books are right"),
}


def describe(reason: str, payment: Payment) -> Words:
    """Say what a case of a payment is about, and what is to be done about it."""
    if not payment.account or reason not in DEPOSITS:
        return ADVICE.get(reason, _OTHER)
    about = DEPOSITS[reason]
    return Words(f"{about.ko} {IN_ESCROW.ko}", f"{about.en} {IN_ESCROW.en}") if payment.escrow else about


def advise(matter: Matter, payment: Payment, *, decidable: bool, proposed: bool) -> Words:
    """Say what a case is about and what to do next."""
    about = describe(matter.reason, payment)
    after = (CHECK,) if proposed else hints(matter, payment) if decidable else (WAIT,)
    return Words(" ".join((about.ko, *(one.ko for one in after))), " ".join((about.en, *(one.en for one in after))))


def hints(matter: Matter, payment: Payment) -> tuple[Words, ...]:
    """Say which money a case is about, where its payment has money of more than one kind."""
    if matter.booked:
        return (BOOKED,)
    if matter.reason in FOUND and payment.captured:
        return (OWN_OR_OTHER,)
    waits = payment.state == State.AWAITING_DEPOSIT
    if matter.reason == "unexpected_deposit" and waits and matter.amount != payment.amount:
        return (NOT_THE_PRICE,)
    return (WHICH_MONEY,) if matter.reason == "external_cancel" and payment.left and payment.orphaned > 0 else ()
