"""PayApp's code tables: errors, states and ways of payment (manual, 오류코드, 결제통보), and what they prove."""

from bridge.domain.gateway import CodeName
from bridge.domain.notices import Event
from bridge.domain.payment import Method
from bridge.domain.reasons import Reason

ERRORS = {
    "70001": "보안접속(https)으로 호출하지 않을 경우",
    "70010": "userid, linkkey값이 정확하지 않을 경우",
    "70020": "파라메터값이 정확하지 않을 경우",
    "70040": "cmd값이 정확하지 않은 경우",
    "70060": "권한이 없는 경우",
    "70080": "고객사 응답 실패일 경우",
    "80010": "취소가 가능한 상태가 아닙니다",
    "80020": "취소가 가능한 상태가 아닙니다",
    "80030": "취소금액을 확인하세요",
}

WRONG_VALUE = "70020"
REFUSALS = {
    "70001": Reason.GATEWAY,
    "70010": Reason.MERCHANT,
    "70020": Reason.BAD_REQUEST,
    "70040": Reason.BAD_REQUEST,
    "70060": Reason.MERCHANT,
}
"""Said before anything is done, of any command. 80030 (check the amount) is none of these: it is said of no sum that we
ask for, unless money went back that we do not know of, perhaps by this very request, which arrived twice."""

DECLINES = REFUSALS | {"70020": Reason.DECLINED}
"""The decline list of a charge: what the card company says comes under 70020 too."""

NOT_CANCELLABLE = frozenset({"80010", "80020"})
"""Cancelled already, settled, or more than five days old: PayApp does not say which, so it proves nothing."""

EVENTS = {
    "1": Event.REQUESTED,
    "4": Event.APPROVED,
    "8": Event.REQUEST_CANCELLED,
    "16": Event.REQUEST_CANCELLED,
    "32": Event.REQUEST_CANCELLED,
    "9": Event.CANCELLED,
    "64": Event.CANCELLED,
    "10": Event.ISSUED,
    "70": Event.PART_CANCELLED,
    "71": Event.PART_CANCELLED,
    "99": Event.ROUND_FAILED,
}
"""pay_state; 16 and 99 are not in the table of 결제통보 (16 is seen in receivers, 99 is described under failurl)."""

SAME = {"16": "8", "32": "8", "64": "9", "71": "70"}
"""States that the manual prints beside another in the same words: what one tells, the other may tell again."""

STATES = {
    "1": "요청",
    "4": "결제완료",
    "8": "요청취소",
    "32": "요청취소",
    "9": "승인취소",
    "64": "승인취소",
    "10": "결제대기",
    "70": "부분취소",
    "71": "부분취소",
    "99": "정기결제 실패",
}
OBSERVED_STATES = {"16": "요청취소"}

PAY_TYPES = {
    "1": "신용카드",
    "2": "휴대전화",
    "3": "해외결제",
    "4": "대면결제",
    "6": "계좌이체",
    "7": "가상계좌",
    "15": "카카오페이",
    "16": "네이버페이",
    "17": "등록결제",
    "21": "스마일페이",
    "23": "애플페이",
}
OBSERVED_PAY_TYPES = {"22": "위챗페이", "24": "내통장결제", "25": "토스페이", "26": "이름이 알려지지 않은 결제수단"}
VIRTUAL_ACCOUNT = "7"
PAYCO_GROUP = "35"
METHODS = {
    "1": Method.CARD,
    "2": Method.PHONE,
    "6": Method.ACCOUNT,
    "7": Method.VIRTUAL_ACCOUNT,
    "15": Method.KAKAOPAY,
    "16": Method.NAVERPAY,
    "17": Method.CARD,
    "21": Method.SMILEPAY,
    "22": Method.WECHAT,
    "23": Method.APPLEPAY,
}
"""pay_type as a method of ours. Payco says 1 and paymethod_group 35."""

APP_ERRORS = {
    "9000": "로그인 오류",
    "9010": "필수 파라메터 누락",
    "9020": "결제타입 오류",
    "9040": "시간초과",
    "9050": "원격결제 오류",
}

OPEN_PAY_TYPES = {
    Method.CARD: "card",
    Method.ACCOUNT: "rbank",
    Method.VIRTUAL_ACCOUNT: "vbank",
    Method.PHONE: "phone",
    Method.KAKAOPAY: "kakaopay",
    Method.NAVERPAY: "naverpay",
    Method.SMILEPAY: "smilepay",
    Method.APPLEPAY: "applepay",
    Method.PAYCO: "payco",
    Method.WECHAT: "wechat",
}
"""openpaytype, the choice in the window."""

_TABLES = {
    "errors": (ERRORS, {}),
    "pay_states": (STATES, OBSERVED_STATES),
    "pay_types": (PAY_TYPES, OBSERVED_PAY_TYPES),
    "app_errors": (APP_ERRORS, {}),
}


def method(pay_type: str, group: str) -> Method | None:
    """Tell the method of a notice; None where its type is none of ours (an open set)."""
    return Method.PAYCO if group == PAYCO_GROUP else METHODS.get(pay_type)


def table(kind: str) -> tuple[CodeName, ...]:
    """List a code table: the manual's rows, then those seen elsewhere. PayApp prints none of cards or banks."""
    printed, observed = _TABLES.get(kind, ({}, {}))
    return (
        *(CodeName(code, name, "guide") for code, name in printed.items()),
        *(CodeName(code, name, "observed") for code, name in observed.items()),
    )
