"""How states, reasons and events are said to an operator. Each state has a tone, which is also its colour."""

from typing import NamedTuple

from bridge.domain.billing import KeyState, PlanState
from bridge.domain.machine import Kind, State, Step
from bridge.domain.payment import Method, Payment
from bridge.domain.reasons import Reason
from bridge.flows.case_words import ADVICE, DEPOSITS, describe
from bridge.ledger.receipts import ReceiptState


class Said(NamedTuple):
    """A word in both languages, and the tone: good, live, warn, bad or idle."""

    ko: str
    en: str
    tone: str = "idle"


STATES: dict[str, Said] = {
    State.NEW: Said("준비", "New"),
    State.READYING: Said("결제창 준비 중", "Preparing", "live"),
    State.OPEN: Said("결제창 열림", "Window open", "live"),
    State.APPROVING: Said("승인 중", "Approving", "live"),
    State.UNKNOWN: Said("결과 모름", "Unknown", "warn"),
    State.VOIDING: Said("되돌리는 중", "Undoing", "warn"),
    State.AWAITING_DEPOSIT: Said("입금 대기", "Awaiting deposit", "live"),
    State.PAID: Said("결제 완료", "Paid", "good"),
    State.PART_REFUNDED: Said("부분 환불", "Part refunded", "good"),
    State.NEEDS_HUMAN: Said("확인 필요", "Needs a person", "bad"),
    State.REFUNDED: Said("환불 완료", "Refunded"),
    State.DECLINED: Said("거절", "Declined", "bad"),
    State.VOIDED: Said("승인 취소됨", "Undone"),
    State.EXPIRED: Said("시간 지남", "Expired"),
    State.FAILED_READY: Said("결제창 실패", "No window", "bad"),
    State.SUPERSEDED: Said("결제창 응답 없음", "Window unanswered"),
}

MEANINGS: dict[str, Said] = {
    State.NEW: Said("결제를 막 받았어요.", "The payment has just been taken."),
    State.READYING: Said("결제사에 결제창을 요청했어요.", "The gateway has been asked for its window."),
    State.OPEN: Said(
        "구매자가 결제창에 있어요. 아직 돈은 움직이지 않았어요.", "The buyer is in the window. No money has moved yet."
    ),
    State.APPROVING: Said(
        "결제사에 승인을 요청하고 답을 기다리고 있어요.", "The gateway was asked to approve; its answer is awaited."
    ),
    State.UNKNOWN: Said(
        "승인 요청의 답을 받지 못했어요. 돈이 움직였는지 확인하고 있으니, 다시 결제하라고 하지 마세요.",
        "The answer to the approval was lost. Whether money moved is being found out; tell no buyer to pay again.",
    ),
    State.VOIDING: Said("움직였을지 모르는 돈을 되돌리고 있어요.", "Money that may have moved is being undone."),
    State.AWAITING_DEPOSIT: Said(
        "가상계좌를 발급했어요. 구매자가 입금하면 결제가 끝나요.",
        "A virtual account was issued. The payment ends when the buyer deposits.",
    ),
    State.PAID: Said("돈을 받았어요.", "The money was captured."),
    State.PART_REFUNDED: Said("돈을 받았고 일부를 돌려줬어요.", "The money was captured and partly given back."),
    State.NEEDS_HUMAN: Said(
        "자동으로는 결과를 알 수 없어요. 결제사 관리자 화면에서 확인해 주세요.",
        "The outcome cannot be found out automatically. Look it up in the gateway's console.",
    ),
    State.REFUNDED: Said("받은 돈을 모두 돌려줬어요.", "All of the money was given back."),
    State.DECLINED: Said("결제되지 않았어요. 돈은 움직이지 않았어요.", "It was not paid. No money moved."),
    State.VOIDED: Said("승인을 취소해서 남은 돈이 없어요.", "The approval was undone; no money is held."),
    State.EXPIRED: Said(
        "구매자가 시간 안에 결제를 마치지 않았어요. 돈은 움직이지 않았어요.",
        "The buyer did not finish in time. No money moved.",
    ),
    State.FAILED_READY: Said(
        "결제사가 결제창을 열어 주지 않았어요. 돈은 움직이지 않았어요.", "The gateway gave no window. No money moved."
    ),
    State.SUPERSEDED: Said(
        "결제사의 답을 받지 못해서 이 결제창은 쓰이지 않아요. 돈은 움직이지 않았어요.",
        "The gateway's answer was lost, so this window is not used; the next try opens another. No money moved.",
    ),
}

ABILITIES: dict[str, Said] = {
    "full_or_part": Said("전액 또는 일부", "In full or in part"),
    "full": Said("전액만", "In full only"),
    "by_hand": Said("결제사에서 직접", "By hand only"),
    "never": Said("할 수 없음", "Not possible"),
    "by_request": Said(
        "결제사가 지금은 취소 요청만 받아요. 이미 정산된 돈은 요청한 뒤에 나오는 계좌로 직접 보내야 구매자에게"
        " 환불돼요.",
        "The gateway only takes a request now. What it has paid out to you must be wired back by hand, to the account"
        " it then names, before the buyer gets the money.",
    ),
}

METHODS: dict[str, Said] = {
    Method.CARD: Said("신용카드", "credit card"),
    Method.ACCOUNT: Said("계좌이체", "bank transfer"),
    Method.VIRTUAL_ACCOUNT: Said("가상계좌", "virtual account"),
    Method.PHONE: Said("휴대폰", "phone bill"),
    Method.GIFT: Said("상품권", "gift card"),
    Method.KAKAOPAY: Said("카카오페이", "KakaoPay"),
    Method.NAVERPAY: Said("네이버페이", "Naver Pay"),
    Method.PAYCO: Said("페이코", "PAYCO"),
    Method.SMILEPAY: Said("스마일페이", "Smile Pay"),
    Method.APPLEPAY: Said("애플페이", "Apple Pay"),
    Method.WECHAT: Said("위챗페이", "WeChat Pay"),
}

REASONS: dict[str, Said] = {
    Reason.DECLINED: Said("승인 거절", "declined"),
    Reason.LIMIT: Said("한도 초과", "over the limit"),
    Reason.CARD_STOPPED: Said("정지된 카드", "card stopped"),
    Reason.AMOUNT: Said("금액 거절", "amount refused"),
    Reason.MERCHANT: Said("가맹점 설정", "merchant set-up"),
    Reason.DUPLICATE: Said("중복 요청", "duplicate"),
    Reason.SIGNATURE: Said("서명 불일치", "signature"),
    Reason.CLOCK: Said("시각 불일치", "clock"),
    Reason.ALREADY_CANCELLED: Said("이미 취소됨", "already cancelled"),
    Reason.CANCEL_PERIOD: Said("취소 기한 지남", "too late to cancel"),
    Reason.CANCEL_FAILED: Said("취소 실패", "cancel failed"),
    Reason.BAD_REQUEST: Said("잘못된 요청", "bad request"),
    Reason.GATEWAY: Said("결제사 오류", "gateway trouble"),
    Reason.SEAT_LOST: Said("좌석이 팔림", "seat lost"),
    Reason.ORDER_PAID: Said("이미 결제된 주문", "order already paid"),
    Reason.ORDER_CHANGED: Said("바뀐 주문", "order changed"),
    Reason.AMOUNT_MISMATCH: Said("금액 불일치", "amount mismatch"),
    Reason.NEVER_HAPPENED: Said("없던 일로 확인", "proven not to have happened"),
    Reason.EXPIRED: Said("시간 지남", "expired"),
}

KINDS: dict[str, Said] = {
    Kind.APPROVE: Said("승인", "Approval"),
    Kind.UNDO: Said("망취소", "Net-cancel"),
    Kind.REFUND: Said("환불", "Refund"),
    Kind.PROBE: Said("결제 여부 확인", "Finding out whether it was paid"),
    Kind.CHECK: Said("장부 대조", "Comparison of the books"),
    Kind.WORD: Said("에스크로 구매자 답", "The buyer's word on an escrow"),
    Kind.WITHDRAW: Said("남은 결제 요청 취소", "Withdrawal of requests left over"),
}

STEPS: dict[str, Said] = {
    Step.SENT: Said("보냄", "sent", "live"),
    Step.OK: Said("됨", "done", "good"),
    Step.FAIL: Said("안 됨", "refused", "bad"),
    Step.NOT_SENT: Said("보내지 못함", "not sent"),
    Step.UNKNOWN: Said("결과 모름", "unknown", "warn"),
    Step.NEEDS_HUMAN: Said("확인 필요", "needs a person", "bad"),
}

RECEIPTS: dict[str, Said] = {
    ReceiptState.ISSUING: Said("발급 중", "being issued", "live"),
    ReceiptState.ISSUED: Said("발급됨", "issued", "good"),
    ReceiptState.REFUSED: Said("거절됨", "refused", "bad"),
    ReceiptState.UNKNOWN: Said("결과 모름", "unknown", "warn"),
    ReceiptState.CANCELLING: Said("취소 중", "being cancelled", "live"),
    ReceiptState.CANCELLED: Said("취소됨", "cancelled"),
}

BILLING_KEYS: dict[str, Said] = {
    KeyState.OPENING: Said("창 준비 중", "opening", "live"),
    KeyState.OPEN: Said("등록 창 열림", "window open", "live"),
    KeyState.ISSUING: Said("등록 중", "being issued", "live"),
    KeyState.ACTIVE: Said("사용 가능", "active", "good"),
    KeyState.DELETING: Said("삭제 중", "being deleted", "warn"),
    KeyState.DELETED: Said("삭제됨", "deleted"),
    KeyState.REFUSED: Said("거절됨", "refused", "bad"),
    KeyState.EXPIRED: Said("시간 지남", "expired"),
    KeyState.LOST: Said("답을 모름", "answer lost", "warn"),
}

PLANS: dict[str, Said] = {
    PlanState.REGISTERING: Said("등록 중", "being registered", "live"),
    PlanState.WAITING: Said("동의 대기", "waits for agreement", "live"),
    PlanState.ACTIVE: Said("진행 중", "active", "good"),
    PlanState.CHANGING: Said("바꾸는 중", "being changed", "warn"),
    PlanState.RESTING: Said("멈춤", "paused"),
    PlanState.ENDED: Said("해지됨", "ended"),
    PlanState.REFUSED: Said("거절됨", "refused", "bad"),
    PlanState.LOST: Said("답을 모름", "answer lost", "warn"),
}
CYCLES: dict[str, Said] = {
    "month": Said("매월", "every month"),
    "week": Said("매주", "every week"),
    "day": Said("매일", "every day"),
}

ESCROW: dict[str, Said] = {
    "status": Said("상태 확인", "its state"),
    "delivery": Said("배송 등록", "report of the delivery"),
    "confirm": Said("구매 확정", "the buyer's yes"),
    "deny": Said("구매 거절", "the buyer's no"),
}

VERDICTS: dict[str, Said] = {
    "answered": Said("답을 받음", "answered", "good"),
    "not_sent": Said("보내지 못함", "not sent"),
    "unknown": Said("답을 모름", "no answer", "warn"),
    "unreadable": Said("읽을 수 없는 답", "unreadable", "warn"),
}

EVENTS: dict[str, Said] = {
    "payment.created": Said("결제를 시작했어요", "Payment begun"),
    "window.opened": Said("결제창을 열었어요", "Window opened"),
    "window.refused": Said("결제사가 결제창을 거절했어요", "Window refused by the gateway"),
    "window.not_opened": Said("결제창을 열지 못했어요", "Window not opened"),
    "window.not_vouched": Said("결제사가 결제 창을 열어 주지 않았어요", "The gateway did not let its window open"),
    "window.not_loaded": Said("구매자에게 결제창이 뜨지 않았어요", "Window script not loaded by the buyer's browser"),
    "window.vouched": Said("결제사가 이 사이트를 확인했어요", "The gateway knows this site"),
    "window.requested": Said("구매자가 결제를 요청했어요", "The buyer's browser asked for the payment"),
    "window.withdrawn": Said("결제 요청을 취소했어요", "A request for the payment was withdrawn"),
    "window.not_withdrawn": Said("남은 결제 요청을 취소하지 못했어요", "A request left over was not withdrawn"),
    "window.end_moved": Said("결제창이 끝날 시각을 시계에 맞췄어요", "Window's end follows the clock"),
    "window.perhaps_paid": Said("결제창에서 결제됐는지 확인하고 있어요", "Finding out whether the window was paid"),
    "window.closed": Said("구매자가 결제창을 닫았어요", "Buyer closed the window"),
    "approve.sent": Said("승인을 요청했어요", "Approval asked for"),
    "approve.not_sent": Said("승인 요청을 보내지 못했어요", "Approval could not be sent"),
    "approve.unknown": Said("승인의 답을 받지 못했어요", "Approval's answer lost"),
    "approve.barred": Said("승인을 막았어요", "Approval barred"),
    "account.issued": Said("가상계좌를 발급했어요", "Virtual account issued"),
    "account.void_sent": Said("가상계좌를 닫아 달라고 했어요", "Virtual account asked to be closed"),
    "account.not_voided": Said("가상계좌가 그대로 있어요", "Virtual account stays"),
    "key.window": Said("정기결제 등록 창에서 돌아왔어요", "Back from the billing key's window"),
    "escrow.asked": Said("에스크로를 요청했어요", "Escrow step asked for"),
    "escrow.shown": Said("에스크로 상태를 들었어요", "Escrow's state heard"),
    "escrow.not_shown": Said("에스크로 답을 받지 못했어요", "Escrow's answer refused or lost"),
    "receipt.sent": Said("현금영수증을 요청했어요", "Cash receipt asked for"),
    "receipt.issued": Said("현금영수증을 발급했어요", "Cash receipt issued"),
    "receipt.refused": Said("현금영수증이 거절됐어요", "Cash receipt refused"),
    "receipt.unknown": Said("현금영수증의 답을 받지 못했어요", "Cash receipt's answer lost"),
    "receipt.cancel_sent": Said("현금영수증 취소를 요청했어요", "Cash receipt's cancel asked for"),
    "receipt.cancelled": Said("현금영수증을 취소했어요", "Cash receipt cancelled"),
    "receipt.not_cancelled": Said("현금영수증이 그대로 있어요", "Cash receipt stays"),
    "payment.paid": Said("결제됐어요", "Paid"),
    "payment.told": Said("결제사가 결제 내용을 더 알려 왔어요", "The gateway told more of the payment"),
    "payment.declined": Said("거절됐어요", "Declined"),
    "payment.amount_mismatch": Said("금액이 달라 멈췄어요", "Stopped: another amount"),
    "payment.order_paid": Said("이미 결제된 주문이라 되돌려요", "Given back: the order was paid already"),
    "payment.order_changed": Said("주문이 바뀌어 되돌려요", "Given back: the order had changed"),
    "payment.seat_lost": Said("좌석이 없어 되돌려요", "Given back: the seats were gone"),
    "payment.voided": Said("승인이 취소됐어요", "Approval undone"),
    "payment.expired": Said("시간이 지났어요", "Expired"),
    "payment.erased": Said("구매자의 개인정보를 지웠어요", "The buyer's personal data was erased"),
    "payment.needs_human": Said("사람의 확인이 필요해졌어요", "A person is needed"),
    "payment.deposited": Said("입금됐어요", "Deposited"),
    "undo.seen": Said("결제사에서 이미 되돌려졌어요", "Found given back at the gateway"),
    "undo.sent": Said("망취소를 요청했어요", "Net-cancel asked for"),
    "refund.sent": Said("환불을 요청했어요", "Refund asked for"),
    "refund.done": Said("환불됐어요", "Refunded"),
    "refund.refused": Said("환불이 거절됐어요", "Refund refused"),
    "refund.not_sent": Said("환불 요청을 보내지 못했어요", "Refund could not be sent"),
    "refund.needs_human": Said("환불을 사람이 확인해야 해요", "Refund needs a person"),
    "refund.unknown": Said("환불의 답을 받지 못했어요", "Refund's answer lost"),
    "refund.accepted": Said("환불이 접수됐어요. 아직 돌려준 돈은 없어요", "Refund taken in; no money is back yet"),
    "plan.round_failed": Said("정기결제의 다음 회차가 결제되지 않았어요", "A later round of the plan was not charged"),
    "transfer.cancel_sent": Said("환불 이체 등록을 취소해 달라고 했어요", "Cancel of the refund's transfer asked for"),
    "refund.external": Said("결제사에서 직접 환불됐어요", "Given back at the gateway itself"),
    "payment.orphaned": Said("끝난 결제에서 돈을 찾았어요", "Money found on an ended payment"),
    "payment.orphan_returned": Said("찾은 돈을 돌려줬어요", "Money found was given back"),
    "payment.adopted": Said("찾은 돈으로 주문을 결제했어요", "Money found pays for the order"),
    "case.extended": Said("확인할 일에 내용이 더해졌어요", "More was found for the case"),
    "case.proposed": Said("결정을 제안했어요", "Decision proposed"),
    "case.confirmed": Said("결정을 확인했어요", "Decision confirmed"),
    "case.rejected": Said("제안을 반려했어요", "Proposal rejected"),
}

CASES: dict[str, Said] = {reason: Said(*advice) for reason, advice in (DEPOSITS | ADVICE).items()}

FACTS: dict[str, Said] = {
    "name": Said("카드", "Card"),
    "number": Said("번호", "Number"),
    "approval_no": Said("승인번호", "Approval no."),
    "installment": Said("할부", "Instalments"),
    "bank": Said("은행", "Bank"),
    "bank_code": Said("은행 코드", "Bank code"),
    "holder": Said("예금주", "Holder"),
    "due": Said("입금 기한", "Deposit until"),
}

REFS: dict[str, Said] = {
    "mul_no": Said("결제요청번호", "Number at PayApp"),
    "rebill_no": Said("정기결제 번호", "Plan no."),
    "qrurl": Said("결제창 QR", "QR of the window"),
    "aid": Said("결제창 번호 (aid)", "Number of the window (aid)"),
    "usePointAmt": Said("카드 포인트 (원)", "Card points (KRW)"),
    "naverpoint": Said("네이버포인트 (원)", "Naver points (KRW)"),
    "naverpay": Said("네이버페이 수단", "Naver Pay by"),
    "smilepay_smilecash": Said("스마일캐시 (원)", "Smile cash (KRW)"),
    "smilepay_discountamt": Said("스마일페이 할인 (원)", "Smile Pay discount (KRW)"),
    "paymethod_group": Said("결제수단 묶음 (35: 페이코)", "Method group (35: PAYCO)"),
}

ACTORS: dict[str, Said] = {
    "buyer": Said("구매자", "buyer"),
    "gateway": Said("결제사", "gateway"),
    "bridge": Said("Pay Bridge", "Pay Bridge"),
    "wordpress": Said("워드프레스", "WordPress"),
}

OUTCOMES: dict[str, Said] = {
    "known already": Said("이미 아는 내용", "known already"),
    "no payment of ours has this reference": Said("이 번호의 결제 없음", "no payment of ours has this reference"),
    "nothing to do": Said("할 일 없음", "nothing to do"),
    "a person must look": Said("사람의 확인 필요", "a person must look"),
    "paid": Said("입금 확인", "paid"),
    "refunded": Said("환불 확인", "refunded"),
    "later": Said("답을 기다렸다가 처리", "waits for our answer"),
    "asked": Said("결과를 바로 확인", "asked at once"),
}

NEWS: dict[str, Said] = {
    "payment.paid": Said("결제 소식", "Paid"),
    "payment.failed": Said("실패 소식", "Failed"),
    "payment.refunded": Said("환불 소식", "Refunded"),
    "payment.awaiting_deposit": Said("입금 대기 소식", "Awaiting deposit"),
    "payment.confirming": Said("확인 중 소식", "Confirming"),
    "payment.refund_refused": Said("환불 안 됨 소식", "Refund not made"),
    "payment.orphaned": Said("찾은 돈 소식", "Money found"),
    "payment.orphan_returned": Said("찾은 돈 환불 소식", "Money found given back"),
    "payment.adopted": Said("찾은 돈으로 결제 소식", "Paid by money found"),
    "plan.round_failed": Said("정기결제 실패 소식", "Round of a plan failed"),
}


def instalments(months: str, lang: str) -> str:
    """Say how many instalments ("00", "03") a card was charged in."""
    if not months.isascii() or not months.isdigit():
        return months
    one, more = ("일시불", "개월") if lang == "ko" else ("none", " months")
    return f"{int(months)}{more}" if int(months) > 1 else one


def owed_words(won: int, account: str, lang: str) -> str:
    """Say how many KRW must be wired to the gateway, by hand, before it gives a refund to the buyer."""
    if lang == "ko":
        return f"결제사에 {won:,}원을 직접 보내야 구매자에게 환불돼요. 보낼 계좌: {account}"
    return f"Wire ₩{won:,} to the gateway by hand: only then does the buyer get the money back. Account: {account}"


def say(table: dict[str, Said], word: str, lang: str) -> str:
    """Say a word of a table; one not in it is said as it is."""
    return word if (found := table.get(word)) is None else found.ko if lang == "ko" else found.en


def say_case(reason: str, payment: Payment, lang: str) -> str:
    """Say what a case of a payment is about; a reason without words is said as it is."""
    about = describe(reason, payment) if reason in CASES else None
    return reason if about is None else about.ko if lang == "ko" else about.en


def tone(table: dict[str, Said], word: str) -> str:
    """Give a word's tone."""
    return table[word].tone if word in table else "idle"
