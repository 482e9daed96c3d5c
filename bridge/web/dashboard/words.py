"""How states, methods, reasons and facts are said to an operator. Each state has a tone, which is also its colour."""

from bridge.domain.billing import KeyState, PlanState
from bridge.domain.machine import Kind, State, Step
from bridge.domain.payment import Method, Payment
from bridge.domain.reasons import Reason
from bridge.flows.case_words import ADVICE, DEPOSITS, describe
from bridge.ledger.receipts import ReceiptState
from bridge.web.dashboard.said import Said
from bridge.web.dashboard.said import say as say
from bridge.web.dashboard.said import tone as tone

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


def instalments(months: str, lang: str) -> str:
    """Say how many instalments ("00", "03") a card was charged in."""
    if not months.isascii() or not months.isdigit():
        return months
    one, more = ("일시불", "개월") if lang == "ko" else ("none", " months")
    return f"{int(months)}{more}" if int(months) > 1 else one


def instalments_asked(months: int, lang: str) -> str:
    """Say in how many instalments an order asks to be charged, where the gateway does not say how many it were."""
    asked = "요청" if lang == "ko" else "asked for"
    return f"{instalments(str(months), lang)} ({asked})"


def owed_words(won: int, account: str, lang: str) -> str:
    """Say how many KRW must be wired to the gateway, by hand, before it gives a refund to the buyer."""
    if lang == "ko":
        return f"결제사에 {won:,}원을 직접 보내야 구매자에게 환불돼요. 보낼 계좌: {account}"
    return f"Wire ₩{won:,} to the gateway by hand: only then does the buyer get the money back. Account: {account}"


def say_case(reason: str, payment: Payment, lang: str) -> str:
    """Say what a case of a payment is about; a reason without words is said as it is."""
    about = describe(reason, payment) if reason in CASES else None
    return reason if about is None else about.ko if lang == "ko" else about.en
