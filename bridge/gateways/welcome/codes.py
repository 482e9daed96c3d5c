"""Welcome's code tables (code pages 1 and 2; PAYAPI 1.2), and what each code proves.

Welcome prints ranges and asks not to code single numbers. What is not printed proves nothing."""

import re

from bridge.domain.gateway import CodeName
from bridge.domain.payment import Method
from bridge.domain.reasons import Reason

SUCCESS = "00"
ESCROW_SUCCESS = "310000"
ESCROW_CONFIRMED = "310014"

PAY_TYPES = {
    Method.CARD: "card",
    Method.ACCOUNT: "bank",
    Method.VIRTUAL_ACCOUNT: "vbank",
    Method.PHONE: "hpp",
}
RESERVED = {
    Method.CARD: "twotrs_isp=Y&block_isp=Y&twotrs_isp_noti=N",
    Method.ACCOUNT: "twotrs_bank=Y&apprun_check=Y",
    Method.VIRTUAL_ACCOUNT: "vbank_receipt=Y",
    Method.PHONE: "hpp_nofix=N",
}
"""P_RESERVED, which payment links need; of cards and transfers the manual says what must be in it."""

FAILED = "01"
"""P_STATUS of a payment that failed (mobile notice: 00, 01, 02), and the only printed no to an approval."""

ERRORS = {
    "00": "정상",
    "01": "실패",
    "310000": "에스크로 정상",
    "V000 ~ V099": "결제 요청 실패: 필수 파라미터 누락, 규칙에 맞지 않는 파라미터, 주문번호 중복 등",
    "V100 ~ V199": "결제창 표시 실패: 표시가능 결제수단 없음 등",
    "V200 ~ V299": "인증완료후 실패: 인증완료후 가맹점 인증결과 전송중 실패 등",
    "V800 ~ V899": "결제 종료: 사용자 취소, 결제 요청 시간 초과, 위변조 시 등",
    "V900 ~ V999": "기타: 예상치 못한 실패 등",
    "R100 ~ R199": "승인 요청 실패: 필수 파라미터 누락, 규칙에 맞지 않는 파라미터 등",
    "R200 ~ R299": "승인 처리 불가 실패: 재승인 요청 등",
    "R300 ~ R399": "승인 처리중 실패: 내부 장애 등",
    "R900 ~ R999": "기타: 예상치 못한 실패",
    "310004": "결제 기통보 거래",
    "310006": "취소 불가 지불수단",
    "310014": "기 구매확인 거래",
    "310015": "구매확인 불가 거래상태",
    "310017": "구매거절 불가 거래상태",
    "310020": "구매결정 할 수 없는 상태",
    "310026": "원거래 없음",
}
"""Of the codes with six digits, mobile 9.4 prints them for an escrow's decision. One page prints V900 as R900."""

CARDS = {
    "01": "하나(외환)", "03": "롯데", "04": "현대", "06": "국민", "11": "BC", "12": "삼성", "14": "신한",
    "15": "한미", "16": "NH", "17": "하나카드", "21": "해외비자", "22": "해외마스터", "23": "JCB", "24": "해외아멕스",
    "25": "해외다이너스",
}  # fmt: skip
WINDOW_CARDS = {
    "01": "외환", "03": "롯데", "04": "현대", "06": "국민", "11": "비씨", "12": "삼성", "14": "신한",
    "21": "해외 VISA", "22": "해외 MASTER", "23": "해외 JCB", "26": "중국은련", "32": "광주", "33": "전북",
    "34": "하나", "35": "산업카드", "41": "NH", "43": "씨티", "44": "우리", "48": "신협체크", "51": "수협",
    "52": "제주", "54": "MG 새마을금고체크", "55": "케이뱅크", "56": "카카오뱅크", "71": "우체국체크",
    "95": "저축은행체크",
}  # fmt: skip
BANKS = {
    "02": "한국산업은행", "03": "기업은행", "04": "국민은행", "05": "하나은행 (구 외환)", "06": "국민은행 (구 주택)",
    "07": "수협중앙회", "11": "농협중앙회", "12": "단위농협", "16": "축협중앙회", "20": "우리은행",
    "21": "구)조흥은행", "22": "상업은행", "23": "SC제일은행", "24": "한일은행", "25": "서울은행",
    "26": "구)신한은행", "27": "한국씨티은행 (구 한미)", "31": "대구은행", "32": "부산은행", "34": "광주은행",
    "35": "제주은행", "37": "전북은행", "38": "강원은행", "39": "경남은행", "41": "비씨카드", "45": "새마을금고",
    "48": "신용협동조합중앙회", "50": "상호저축은행", "53": "한국씨티은행", "54": "홍콩상하이은행",
    "55": "도이치은행", "56": "ABN암로", "57": "JP모건", "59": "미쓰비시도쿄은행", "60": "BOA(Bank of America)",
    "64": "산림조합", "70": "신안상호저축은행", "71": "우체국", "81": "하나은행", "83": "평화은행", "87": "신세계",
    "88": "신한(통합)은행", "89": "케이뱅크", "90": "카카오뱅크", "94": "SSG머니(포인트 100% 사용)",
    "97": "카카오 머니", "98": "페이코 (포인트 100% 사용)",
    "D1": "유안타증권(구 동양증권)", "D2": "현대증권", "D3": "미래에셋증권", "D4": "한국투자증권", "D5": "우리투자증권",
    "D6": "하이투자증권", "D7": "HMC투자증권", "D8": "SK증권", "D9": "대신증권", "DA": "하나대투증권",
    "DB": "굿모닝신한증권", "DC": "동부증권", "DD": "유진투자증권", "DE": "메리츠증권", "DF": "신영증권",
    "DG": "대우증권", "DH": "삼성증권", "DI": "교보증권", "DJ": "키움증권", "DK": "이트레이드", "DL": "솔로몬증권",
    "DM": "한화증권", "DN": "NH증권", "DO": "부국증권", "DP": "LIG증권",
}  # fmt: skip
COURIERS = {
    "9999": "기타택배", "kgb": "로젠택배", "cjgls": "CJ대한통운", "hyundai": "롯데택배(구 현대택배)",
    "registpost": "우편등기", "EPOST": "우체국택배", "hanjin": "한진택배", "kdexp": "경동택배", "chunil": "천일택배",
    "daesin": "대신택배", "ilyang": "일양로지스", "honam": "호남택배", "cvsnet": "편의점택배", "hdexp": "합동택배",
}  # fmt: skip
ESCROW_STATES = {"0": "승인", "1": "당일취소", "2": "익일취소", "3": "구매확정", "10": "구매거절"}
ESCROW_CANCELLED = ("1", "2")
CARD_KINDS = {"0": "신용카드", "1": "체크카드", "2": "기프트카드"}

_ALREADY = re.compile(
    r"(?:이\s*미|(?<![가-힣])기)\s*취\s*소"
    r"(?!\s*(?:된\s*)?(?:가능|불가|기간|기한|한도|금액|요청|접수|신청|진행|대기|처리\s*중|중))"
)
_PART = re.compile(r"부분|일부")
_PART_GONE = re.compile(r"(?:부분|일부)\s*취소\s*(?:된|되|내역|이력)")

_ANOTHER_SUM = re.compile(
    r"(?:금액|한도|잔액|confirmPrice)[^.]*(?:초과|부족|다르|다릅|불일치|일치하지|상이|틀)", re.IGNORECASE
)

TABLES = {
    "errors": ERRORS,
    "cards": CARDS,
    "window_cards": WINDOW_CARDS,
    "banks": BANKS,
    "couriers": COURIERS,
    "escrow_states": ESCROW_STATES,
    "card_kinds": CARD_KINDS,
}


def table(kind: str) -> tuple[CodeName, ...]:
    """List a code table of Welcome's code pages."""
    return tuple(CodeName(code, name, "guide") for code, name in TABLES.get(kind, {}).items())


def is_in(code: str, first: str, last: str) -> bool:
    """Tell whether a code lies in a printed range, such as R100 to R199."""
    return len(code) == len(first) and code[0] == first[0] and code[1:].isdigit() and first <= code <= last


def decline(code: str) -> Reason | None:
    """Say why an approval was declined; None for every code that does not say so explicitly."""
    if code == FAILED:
        return Reason.DECLINED
    return Reason.BAD_REQUEST if is_in(code, "R100", "R199") else None


def is_refusal(code: str) -> bool:
    """Tell whether an unlisted code refuses the very call it answers: no duplicate (V0xx, R2xx), no failure inside."""
    ranges = (("V000", "V099"), ("R200", "R299"), ("R300", "R399"), ("R900", "R999"), ("V900", "V999"))
    return not any(is_in(code, first, last) for first, last in ranges)


def link_refusal(code: str) -> Reason | None:
    """Say why a payment link was refused; nothing has moved, whatever the reason."""
    if is_in(code, "V000", "V199") or is_in(code, "R100", "R199"):
        return Reason.BAD_REQUEST
    return Reason.DECLINED if code == FAILED else None


def cancel_refusal(code: str) -> Reason | None:
    """Say why a cancellation was refused; None for every code that leaves it open."""
    if is_in(code, "R100", "R199"):
        return Reason.BAD_REQUEST
    return Reason.CANCEL_FAILED if code == FAILED or is_in(code, "R200", "R299") else None


def word_refusal(code: str) -> Reason | None:
    """Say why a buyer's yes or no was not taken (codes of its own: mobile 9.4); None where the code leaves it open."""
    return Reason.BAD_REQUEST if code in ("310015", "310017", "310020") else cancel_refusal(code)


def says_already(message: str) -> bool:
    """Tell whether a message says that the payment was cancelled before: no code of it is printed.

    "이미 취소 가능 기간이 지난 …" says that it cannot be any more, "이미 취소 요청된 …" that it may yet be,
    "이미 취소된 금액이 …" that a part was, and "조기 취소" is another word."""
    return bool(_ALREADY.search(message)) and not _PART.search(message)


def speaks_of_before(message: str) -> bool:
    """Tell whether a message speaks of an earlier cancel at all: such a no does not say that nothing was given back."""
    plain = message.replace(" ", "")
    return any(words in plain for words in ("이미취소", "기취소"))


def proves_nothing(message: str, *, refunded: int) -> bool:
    """Tell whether a no to a cancel may hide money that went back: it speaks of an earlier cancel, of another sum, or
    of a cancelled part though the books have no KRW as `refunded`."""
    is_news = not refunded and bool(_PART_GONE.search(message))
    return speaks_of_before(message) or speaks_of_another_sum(message) or is_news


def speaks_of_another_sum(message: str) -> bool:
    """Tell whether a message says that a cancel's sum does not fit, or what it leaves: ours fits the books, so money
    may have gone back that they do not have, perhaps by this very request, which arrived twice."""
    return bool(_ANOTHER_SUM.search(message))


def says_nothing_there(message: str) -> bool:
    """Tell whether a message says that there is no such payment: no code of it is printed.

    "취소 가능한 거래가 없습니다" says only that none can be cancelled."""
    plain = message.replace(" ", "")
    gone = ("거래가없", "거래없", "거래내역이없", "거래내역없", "원거래미존재")
    return "가능" not in plain and any(words in plain for words in gone)


def says_key_gone(message: str) -> bool:
    """Tell whether a message says that there is no such key (any more): no code of it is printed."""
    plain = message.replace(" ", "")
    return "빌키" in plain and any(
        words in plain for words in ("존재하지않", "미존재", "이미삭제", "기삭제", "빌키가없")
    )
