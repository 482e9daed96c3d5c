"""Payple's result codes, as far as any document of Payple's has them, and what its Korean messages say beside them.

There is no list of refusals. A well-formed error is therefore no decline by itself: the inquiry proves it. What your
contract's list adds is told by the settings decline_codes and absent_codes.
"""

import re

from bridge.domain.gateway import CodeName
from bridge.domain.reasons import Reason

MANUAL = {
    "SPCD0000": "결제완료",
    "CDAU0000": "결제완료",
    "PAYC0000": "환불성공",
    "0000": "카드조회 성공",
    "AUTH0004": "가맹점 서버도메인의 REFERER 확인",
}
"""The card manual of 2020: its answers' examples (3., 4., 6.), and 호출정보 (AUTH0004)."""

RESPONSE_CODES = {
    "SPCD0001": "결제용 KEY 값이 존재하지 않습니다.",
    "CPAY0202": "이미 존재하는 거래입니다. 다시 시도해주세요.",
}
"""developer.payple.kr, response codes: the two of them that are of use here."""

LATER = {
    "CPAY0018": "출금이체 결과 미수신",
    "SPAY0011": "출금이체 결과 미수신",
    "AUTH0007": "테스트와 운영 환경 불일치",
}
"""Payple's later documents and samples. What AUTH0007 says is told there; its words here are ours."""

SUCCESS = "success"
DECLINES = {"SPCD0001": Reason.BAD_REQUEST}
"""The decline list: the only documented code by which a charge is refused, its billing key (결제용 KEY) being none."""

NOT_HEARD = frozenset({"CPAY0018", "SPAY0011"})
"""Payple itself did not hear what came of it: an inquiry shows it later."""

DUPLICATES = frozenset({"CPAY0202"})
"""The order number was used, or the month was charged: proves neither paid nor unpaid."""

NO_REFUSALS = NOT_HEARD | DUPLICATES | {"SPCD0000", "CDAU0000", "PAYC0000", "0000"}
NO_KEY = frozenset({"SPCD0001"})
"""The only documented code by which a billing key is none."""

GIVEN_BACK = "PAYC"
"""How codes begin that tell of a refund (PAYC0000 환불성공)."""

NOT_BY_WORDS = ("AUTH", "SPCD", "CPAY")
"""How codes begin that are said of who asks, of a key, or of a charge: whatever their words, they tell of no payment or
key that it is not there. Only a list does (absent_codes, NO_KEY)."""
AUTH = {"AUTH0004": Reason.MERCHANT, "AUTH0007": Reason.MERCHANT}

_BEFORE = re.compile(r"(?:이미|(?<![가-힣])기)\s*(?:취소|환불)|취소\s?완료된")
_OTHERWISE = r"(?!\s*(?:된\s*)?(?:가능|불가|기간|기한|한도|금액|요청|접수|신청|진행|대기|처리\s*중|중))"
_ALREADY = re.compile(rf"(?:{_BEFORE.pattern}){_OTHERWISE}")
_PART = re.compile(r"부분|일부")
_UNDER_WAY = re.compile(r"접수|진행|대기|처리\s*중")
_MORE_THAN_IS_LEFT = re.compile(r"(?:금액|한도|잔액)[^.]*(?:초과|부족|불일치|일치하지|다르|다릅|상이)")
_IS_NOT = r"[이가은는]?\s*(?:없(?:음|습니다)|존재하지\s*않(?:음|습니다)|등록되지\s*않(?:음|았습니다))[.!]?"
_WHICH = r"(?:(?:해당|조회된|요청하신|일치하는|등록된)\s*)*"
_NO_PAYMENT = re.compile(rf"{_WHICH}(?:결제|거래)\s*(?:내역|건|정보){_IS_NOT}")
_NO_KEY = re.compile(rf"{_WHICH}(?:결제용?\s*(?:KEY|키)(?:\s*값)?|빌링\s*키){_IS_NOT}", re.IGNORECASE)
_REFUSED = re.compile(r"초과|불가|부족|기간|금액|일자|원거래|권한|불일치")


def says_already(message: str) -> bool:
    """Tell whether a message says that all was given back before.

    "이미 취소 가능 기간이 지난 …" says that it cannot be any more, "이미 취소 요청된 …" that it may yet be,
    "기취소 금액 …" that a part was, and "조기 취소" is another word."""
    return bool(_ALREADY.search(message)) and not _PART.search(message)


def says_no_payment(code: str, message: str) -> bool:
    """Tell whether an answer says nothing but that there is no such payment: a missing right or key proves none."""
    return _by_words(code) and bool(_NO_PAYMENT.fullmatch(message.strip()))


def says_no_key(code: str, message: str) -> bool:
    """Tell whether an answer says that there is no such billing key, by its code or by nothing but these words."""
    return code in NO_KEY or (_by_words(code) and bool(_NO_KEY.fullmatch(message.strip())))


def _by_words(code: str) -> bool:
    return code not in NO_REFUSALS and not code.startswith(NOT_BY_WORDS)


def says_refused(message: str) -> bool:
    """Tell whether a message gives a reason for which a refund was not made. One that speaks of an earlier refund or of
    one under way gives none, nor that it is more than is left, or another sum: ours says otherwise, and it may have
    arrived twice.
    """
    proves_nothing = (_BEFORE, _UNDER_WAY, _MORE_THAN_IS_LEFT)
    return bool(_REFUSED.search(message)) and not any(words.search(message) for words in proves_nothing)


_TABLES = {"errors": (("manual", MANUAL), ("developer.payple.kr", RESPONSE_CODES), ("later documents", LATER))}


def table(kind: str) -> tuple[CodeName, ...]:
    """List a code table: there is one of errors; cards and banks are named by Payple itself."""
    return tuple(CodeName(code, name, source) for source, rows in _TABLES.get(kind, ()) for code, name in rows.items())
