"""Pay-Story's code tables: billing guide, 12. 결과 코드 and 13. 카드사 코드, and what each code means to us."""

import re

from bridge.domain.gateway import CodeName
from bridge.domain.payment import Method
from bridge.domain.reasons import Reason

CARD_ERRORS = {
    "3001": "카드 결제 성공", "3000": "만료카드", "3002": "카드 결제 실패", "3003": "분실/도난카드",
    "3004": "거래 정지 카드", "3005": "확인할 수 없는 카드", "3006": "미등록 카드", "3007": "탈퇴카드 & 기존카드존재",
    "3008": "분실 & 파손카드", "3009": "카드 상태 비정상", "3010": "해지카드", "3011": "카드번호 오류",
    "3012": "카드가맹점 정보 미확인", "3013": "카드가맹점 개시 안됨", "3014": "카드가맹점 정보 오류",
    "3015": "사용 중지된 가맹점입니다.", "3020": "비밀번호 오류", "3021": "유효기간 오류", "3022": "할부개월 오류",
    "3023": "할부개월 한도 초과", "3024": "50000원 미만은 할부가 불가능 합니다.", "3025": "카드비밀번호 미입력",
    "3026": "본인인증 필수값 누락", "3027": "카드인증 필수값 누락", "3028": "일시불 승인 요망",
    "3029": "할부 승인불가", "3030": "카드 한도초과", "3031": "무이자 할부 카드 아님",
    "3032": "무이자 할부 불가 개월수", "3033": "무이자 할부 가맹점 아님", "3034": "무이자 할부 구분 미설정",
    "3041": "금액 오류(1000원 미만 신용카드 승인 불가)", "3051": "해외카드 미등록 가맹점", "3052": "통화코드 오류",
    "3053": "확인 불가 해외카드", "3054": "환율전환오류", "3055": "인증시 달러승인 불가",
    "3056": "국내카드 달러승인불가", "3057": "인증 불가카드", "3061": "국민카드 인터넷 안전 결제 적용 가맹점",
    "3062": "신용카드 승인번호 오류", "3071": "매입요청 가맹점 아님", "3072": "매입요청 TID 정보 불일치",
    "3073": "기매입 거래", "3081": "카드 잔액 값 오류", "3091": "제휴카드 사용불가 가맹점",
    "3095": "카드사 실패 응답", "3096": "외화승인불가VAN", "3097": "외화승인설정오류", "3098": "해외카드결제불가",
    "3099": "해외카드는 할부 결제가 불가합니다.", "3100": "세이브결제 부분취소 불가", "3101": "타상점 거래취소 불가",
    "3102": "거래금액이 입금완료 상태가 아님", "3103": "부분취소 불가능 카드번호",
    "3104": "부분취소 불가능 카드사 가맹점 번호", "3105": "장바구니 결제 유형 설정 오류",
    "3106": "장바구니 서브 거래내역 없음",
}  # fmt: skip
BILLING_ERRORS = {
    "F000": "결제요청 정상처리", "F001": "간편결제 기등록선 존재", "F002": "빌키 미존재 또는 삭제된 빌키",
    "F003": "요청된 빌키 사용중지됨", "F004": "이미 등록된 카드정보임", "F005": "카드빌링등록 실패",
    "F006": "카드빌링실행 실패", "F007": "카드빌링등록 기등록건 존재", "F008": "카드 빌키 삭제 실패",
    "F010": "입력카드번호 불일치", "F011": "빌키 발급 성공", "F012": "빌키 삭제 성공", "9998": "기타오류",
}  # fmt: skip
CANCEL_ERRORS = {
    "2001": "취소 성공", "A000": "휴대폰 결제 처리 성공", "2003": "취소 실패", "2004": "이미 취소된 거래",
    "2002": "취소 진행중", "2010": "취소 요청금액 0원 이하", "2011": "취소 금액 불일치", "2012": "취소 해당거래 없음",
    "2013": "취소 완료 거래", "2014": "취소 불가능 거래", "2015": "기 취소 요청", "2016": "취소 기한 초과",
    "2017": "취소 불가 가맹점", "2018": "신용카드 매입후 취소 불가능 가맹점", "2019": "타 가맹점 거래 취소 불가",
    "2020": "망상취소 허용시간 초과", "2021": "매입전취소", "2022": "매입후취소", "2023": "취소 한도 초과",
    "2024": "취소패스워드 불일치", "2025": "취소패스워드 미 입력", "2026": "입금액보다 취소금액이 큼니다.",
    "2027": "에스크로 거래는 구매 또는 구매거절 상태에만 취소가능", "2028": "부분취소 불가능 가맹점",
    "2029": "부분취소 불가능 결제수단", "2030": "해당결제수단 부분취소 불가", "2031": "전체금액취소 불가",
    "2032": "취소금액이 취소가능금액보다 큼", "2033": "부분취소 불가능금액, 전체취소 이용바람",
    "2034": "해당거래 부분취소 불가능. 매입완료 후 가능", "2035": "채권방지 설정으로 취소불가. PG사로 문의바람",
    "2036": "카드정보 불일치", "2037": "취소요청금액과 장바구니 취소금액 불일치",
    "2038": "장바구니 거래로 취소요청 바람(일반취소 불가)", "2039": "일반거래로 취소요청 바람(장바구니 취소 불가)",
    "2040": "장바구니 취소 정보가 없음", "2041": "익월 취소 불가능한 거래입니다.",
    "2042": "에스크로 거래는 구매 상태에만 환불 가능", "0001": "주문번호 누락", "0002": "결제건 없음",
    "0003": "중복 주문번호 사용상점 취소 실패",
}  # fmt: skip
OTHER_SUCCESSES = {
    "4000": "계좌이체 성공", "4100": "가상계좌 발급", "4110": "가상계좌 입금", "0000": "성공",
    "8000": "상품권 결제 성공", "2211": "가상계좌 환불 성공", "4200": "가상계좌 채번 취소",
}  # fmt: skip
"""From the guide of the standard window (Web, Mobile 통합), which the billing guide leaves out."""

CARDS = {
    "01": "비씨", "02": "국민", "03": "하나", "04": "삼성", "06": "신한", "07": "현대", "08": "롯데", "11": "시티",
    "12": "NH농협", "13": "수협", "15": "우리", "21": "광주", "22": "전북", "23": "제주", "25": "해외비자",
    "26": "해외마스터", "27": "해외다이너스", "28": "해외AMAX", "29": "해외JCB", "30": "해외", "32": "우체국",
    "33": "MG새마을체크", "34": "중국은행체크", "38": "은련", "41": "신협", "42": "저축은행", "43": "KDB산업",
    "44": "카카오뱅크", "45": "케이뱅크", "46": "카카오머니", "47": "SSG머니",
}  # fmt: skip

METHODS = {
    Method.CARD: "CARD",
    Method.ACCOUNT: "BANK",
    Method.VIRTUAL_ACCOUNT: "VACNT",
    Method.PHONE: "PHONE",
    Method.GIFT: "CULTUREGIFT",
}

CAPTURED = {
    "CARD": frozenset({"3001"}),
    "BANK": frozenset({"4000"}),
    "VACNT": frozenset({"4110"}),
    "PHONE": frozenset({"A000"}),
    "CULTUREGIFT": frozenset({"0000", "8000"}),
}
"""Each operation has its own yes; a yes of another kind is none."""

ACCOUNT_ISSUED = "4100"
KEY_ISSUED = "F011"
KEY_DELETED = "F012"
KEY_GONE = "F002"
INQUIRED = "0000"
NO_PAYMENT = frozenset({"0002", "2012"})
GIVEN_BACK = frozenset({"2001", "2211"})
VOIDED = "4200"
ALREADY_CANCELLED = frozenset({"2004", "2013"})
_NOT_ALL_GONE = re.compile(r"부분|일부|요청\s*(?:된|되|중)|접수|진행|대기|처리\s*중")
IN_PROGRESS = "2002"
SPEAK_OF_ONE = frozenset({"2015", "2021", "2022"})
"""Name a cancellation that was asked for, or its kind (매입전취소, 매입후취소): neither that it was made nor that
it was not."""
TOO_LATE = frozenset({"2016", "2020", "2041"})

_STOPPED = ("3000", "3003", "3004", "3005", "3006", "3007", "3008", "3009", "3010", "3057")
_MERCHANT = ("3012", "3013", "3014", "3015", "3033", "3034", "3051", "3052", "3061", "3091", "3096", "3097")
_NOT_APPROVALS = ("3001", "3071", "3072", "3073", "3081", "3100", "3101", "3102", "3103", "3104", "3105", "3106")
"""Rows of the card table that answer a collection or a cancellation: no approval says no with them."""

DECLINES = (
    {code: Reason.DECLINED for code in CARD_ERRORS if code not in _NOT_APPROVALS}
    | dict.fromkeys(_STOPPED, Reason.CARD_STOPPED)
    | dict.fromkeys(_MERCHANT, Reason.MERCHANT)
    | {"3030": Reason.LIMIT, "3023": Reason.LIMIT, "3024": Reason.AMOUNT, "3041": Reason.AMOUNT}
)
"""The decline list: only these say no to an approval."""

BILL_DECLINES = DECLINES | {
    "F002": Reason.BAD_REQUEST,
    "F003": Reason.CARD_STOPPED,
    "F006": Reason.DECLINED,
}
KEY_DECLINES = DECLINES | {
    "F001": Reason.DUPLICATE,
    "F004": Reason.DUPLICATE,
    "F005": Reason.DECLINED,
    "F007": Reason.DUPLICATE,
    "F010": Reason.BAD_REQUEST,
}
REGISTERED = frozenset({"F001", "F004", "F007"})
"""There is such a key. Of a phone, which its registration charges, perhaps by a copy of this very request."""

NO_REFUSALS = (
    frozenset({"9998", "F000", IN_PROGRESS, *ALREADY_CANCELLED, *SPEAK_OF_ONE, *NO_PAYMENT, *OTHER_SUCCESSES})
    | frozenset(code for codes in CAPTURED.values() for code in codes)
    | {KEY_ISSUED, KEY_DELETED, "2001"}
)
"""Codes that are no refusal of the very call they answer: "other error", another operation's yes, cancelled, in
progress."""

MORE_THAN_IS_LEFT = frozenset({"2011", "2023", "2026", "2032"})
"""Said of no refund that we ask for, unless money went back that we do not know of: perhaps by this very request, which
arrived twice."""
IS_THERE = ALREADY_CANCELLED | SPEAK_OF_ONE | MORE_THAN_IS_LEFT | {IN_PROGRESS}
"""Said to a cancellation of a payment that is there, whatever an inquiry shows of it."""
_AMOUNTS = ("2010", "2031", "2033", "2037")
_PARTS = ("2028", "2029", "2030", "2034", "3100", "3103", "3104")
REFUND_REFUSALS = (
    {
        code: Reason.CANCEL_FAILED
        for code in (*CANCEL_ERRORS, *_PARTS, "3101", "3102", "3105", "3106")
        if code not in ALREADY_CANCELLED | SPEAK_OF_ONE | MORE_THAN_IS_LEFT | {"2001", "A000", IN_PROGRESS}
    }
    | dict.fromkeys(_AMOUNTS, Reason.AMOUNT)
    | dict.fromkeys(TOO_LATE, Reason.CANCEL_PERIOD)
    | dict.fromkeys(("2017", "2018", "2019", "2024", "2025"), Reason.MERCHANT)
)
"""What says no to a cancellation; every row of the table that is no yes, no "already", no "in progress", no
"more than is left", and does not only speak of one."""

NO_CANCELLATIONS = SPEAK_OF_ONE | MORE_THAN_IS_LEFT | {IN_PROGRESS, *REFUND_REFUSALS}
"""Said of a cancellation that was refused or is not made yet, or only its kind: a notice with them makes us ask."""

_TABLES = {
    "errors": (
        ("card results", CARD_ERRORS),
        ("billing results", BILLING_ERRORS),
        ("cancel results", CANCEL_ERRORS),
        ("standard guide", OTHER_SUCCESSES),
    ),
    "cards": (("guide", CARDS),),
    "banks": (),
}


def table(kind: str) -> tuple[CodeName, ...]:
    """List a code table; the billing guide has none of banks."""
    return tuple(CodeName(code, name, source) for source, rows in _TABLES.get(kind, ()) for code, name in rows.items())


def says_all_gone(code: str, message: str) -> bool:
    """Tell whether an answer says that all was cancelled before, and not a part of it, nor that it may yet be."""
    return code in ALREADY_CANCELLED and not _NOT_ALL_GONE.search(message)


def card_name(code: str) -> str:
    """Name a card's issuer; a code that is in no table passes through."""
    return CARDS.get(code, code)
