"""Mainpay's code tables: the integration guide's (공통코드, 에러 처리) and those its live system is seen to use."""

import re

from bridge.domain.gateway import CodeName
from bridge.domain.reasons import Reason

SUCCESS = "200"

ERRORS = {
    "200": "성공",
    "400": "잘못된 요청",
    "401": "인증 실패",
    "403": "권한 없음",
    "404": "리소스를 찾을 수 없음",
    "500": "서버 오류",
    "1001": "결제 금액 오류",
    "1002": "가맹점번호 오류",
    "1003": "주문번호 중복",
    "1004": "Signature 오류",
    "1005": "타임스탬프 오류",
    "2001": "결제 승인 실패",
    "2002": "카드 한도 초과",
    "2003": "카드 정지",
    "3001": "취소 실패",
    "3002": "이미 취소된 거래",
    "3003": "취소 가능 기간 초과",
}
OBSERVED_ERRORS = {"ma": "가맹점 주문번호 중복"}

DECLINES = {"2001": Reason.DECLINED, "2002": Reason.LIMIT, "2003": Reason.CARD_STOPPED}
"""The decline list: only these say no to an approval."""

DUPLICATES = frozenset({"1003", "ma"})
"""The order number was used before: proves neither paid nor unpaid."""

ALREADY_CANCELLED = "3002"
NO_REFUSALS = DUPLICATES | {ALREADY_CANCELLED, "500"}
"""Codes that are no refusal of the very call they answer: used, cancelled, or the server's own failure."""

NOTHING_THERE = "404"
CANCEL_FAILED = "3001"
"""A cancel that failed, of a payment that is there as well: it proves nothing by itself."""
_NO_PAYMENT = re.compile(r"(?:원거래|거래|결제|승인)\s?(?:내역|건|정보)?[이가은는]?\s?(?:없|미존재|존재하지)")

TOO_LATE = "3003"

REFUND_REFUSALS = {
    "1001": Reason.AMOUNT,
    "1002": Reason.MERCHANT,
    "1004": Reason.SIGNATURE,
    "1005": Reason.CLOCK,
    "3001": Reason.CANCEL_FAILED,
    "3003": Reason.CANCEL_PERIOD,
}
AMOUNT_ERROR = "1001"
_MORE_THAN_IS_LEFT = re.compile(r"(?:금액|한도|잔액)[^.]*(?:초과|부족)")
"""A code and words that are said of no refund that we ask for, unless money went back that we do not know of: perhaps
by this very request, which arrived twice."""
_NOT_ALL_GONE = re.compile(r"부분|일부|요청\s*(?:된|되|중)|접수|진행|대기|처리\s*중")
_PART_GONE = re.compile(r"(?:부분|일부)\s*취소\s*(?:된|되|내역|이력)")
READY_REFUSALS = {
    "1001": Reason.AMOUNT,
    "1002": Reason.MERCHANT,
    "1003": Reason.DUPLICATE,
    "1004": Reason.SIGNATURE,
    "1005": Reason.CLOCK,
    "2001": Reason.DECLINED,
    "2002": Reason.LIMIT,
    "2003": Reason.CARD_STOPPED,
}

_ISSUERS = {
    "01": "비씨카드", "02": "KB국민카드", "03": "하나카드", "04": "삼성카드", "06": "신한카드", "07": "현대카드",
    "11": "우리카드", "12": "NH농협카드", "14": "롯데카드", "15": "씨티카드", "16": "카카오뱅크", "17": "케이뱅크",
    "21": "광주은행", "22": "전북은행", "23": "제주은행", "24": "신협", "25": "수협은행", "26": "MG새마을금고",
    "27": "저축은행중앙회", "31": "DGB대구은행", "32": "부산은행", "33": "경남은행", "34": "KDB산업은행",
    "35": "IBK기업은행", "36": "KEB하나은행", "37": "SC제일은행", "38": "KB증권", "39": "미래에셋대우",
    "41": "우체국", "42": "KEB하나카드", "43": "씨티은행", "44": "카카오뱅크", "45": "토스뱅크",
}  # fmt: skip
_REPEATED_FROM_46 = (
    "신한은행", "KB국민은행", "우리은행", "NH농협은행", "케이뱅크", "하나은행", "SC제일은행", "대구은행", "부산은행",
    "광주은행", "전북은행", "제주은행", "경남은행", "새마을금고", "신협", "수협은행", "저축은행중앙회", "산업은행",
    "기업은행", "우체국", "MG새마을금고", "카카오뱅크", "토스뱅크",
)  # fmt: skip

CARDS = _ISSUERS | {str(code): _REPEATED_FROM_46[(code - 46) % len(_REPEATED_FROM_46)] for code in range(46, 100)}
"""The guide's card table; from 46 on it repeats one run of banks up to 99."""

OBSERVED_CARDS = {
    "01": "BC", "02": "신한", "03": "삼성", "04": "현대", "05": "롯데", "06": "해외JCB", "07": "국민", "08": "하나",
    "09": "해외", "11": "수협", "12": "농협", "13": "한미", "15": "씨티", "21": "신한", "22": "제주", "23": "광주",
    "24": "전북", "26": "신협", "27": "하나", "30": "신세계", "31": "우리", "32": "기프트·지역카드",
    "33": "기프트·지역카드", "34": "기프트·지역카드", "35": "기프트·지역카드", "36": "기프트·지역카드",
}  # fmt: skip

BANKS = {
    "01": "한국은행", "02": "산업은행", "03": "기업은행", "04": "KB국민은행", "05": "하나은행", "06": "신한은행",
    "07": "우리은행", "08": "NH농협은행", "09": "케이뱅크", "10": "카카오뱅크", "11": "토스뱅크", "12": "SC제일은행",
    "13": "대구은행", "14": "부산은행", "15": "광주은행", "16": "전북은행", "17": "제주은행", "18": "경남은행",
    "19": "새마을금고", "20": "신협", "21": "수협은행", "22": "저축은행중앙회", "23": "우체국",
}  # fmt: skip
OBSERVED_BANKS = {
    "03": "IBK기업은행", "04": "KB국민은행", "11": "NH농협은행", "20": "우리은행", "26": "신한은행(구)",
    "32": "부산은행", "34": "광주은행", "71": "우체국", "81": "하나은행",
}  # fmt: skip

_TABLES = {
    "errors": (ERRORS, OBSERVED_ERRORS),
    "cards": (CARDS, OBSERVED_CARDS),
    "banks": (BANKS, OBSERVED_BANKS),
}


def table(kind: str) -> tuple[CodeName, ...]:
    """List a code table: the guide's rows, then those the live system is seen to use."""
    guide, observed = _TABLES.get(kind, ({}, {}))
    return (
        *(CodeName(code, name, "guide") for code, name in guide.items()),
        *(CodeName(code, name, "observed") for code, name in observed.items()),
    )


def says_nothing_there(code: str, message: str, dialect: str) -> bool:
    """Tell whether an answer to taking back says that there is no such payment. The guide's cancel has no code for a
    window that nobody paid in but 3001, which counts only with words that say so."""
    in_words = dialect == "guide" and code == CANCEL_FAILED and "가능" not in message
    return code == NOTHING_THERE or (in_words and bool(_NO_PAYMENT.search(message)))


def says_all_gone(code: str, message: str) -> bool:
    """Tell whether an answer says that all was cancelled before, and not a part of it, nor that it may yet be."""
    return code == ALREADY_CANCELLED and not _NOT_ALL_GONE.search(message)


def says_it_is_there(code: str, message: str) -> bool:
    """Tell whether a no to a cancel speaks of money that went back, or of what is left: so there is a payment."""
    return code == ALREADY_CANCELLED or bool(_MORE_THAN_IS_LEFT.search(message) or _PART_GONE.search(message))


def refund_refusal(code: str, message: str, *, refunded: int) -> Reason | None:
    """Say why an answer means that a refund was not made; nothing where it does not say so, nor where it tells of a
    part that was cancelled and the books have no KRW as `refunded`: then people look."""
    is_more = code == AMOUNT_ERROR or _MORE_THAN_IS_LEFT.search(message)
    is_news = not refunded and _PART_GONE.search(message)
    return None if is_more or is_news else REFUND_REFUSALS.get(code)


def bank_name(code: str, dialect: str) -> str:
    """Name a bank; a code that is in no table passes through."""
    return (BANKS if dialect == "guide" else OBSERVED_BANKS).get(code, code)


def card_name(code: str, dialect: str) -> str:
    """Name a card's issuer; a code that is in no table passes through."""
    return (CARDS if dialect == "guide" else OBSERVED_CARDS).get(code, code)
