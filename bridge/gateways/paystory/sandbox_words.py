"""Pay-Story's words as the sandbox reads them: methods, codes, cards, field rules, hashes.

Fields, sizes and codes: PAY-STORY billing guide (빌링 연동 가이드) 4 to 14. Codes of the other methods, names of their
payMethod, and the rules for ordNo and small amounts: the standard payment manual and its samples."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bridge.sandbox.clock import is_beside, read_digits
from bridge.sandbox.refusals import Refusal, Rule

GATEWAY = "paystory"
DIALECT = "live"
TEST_SHOP = "test00001m"
# The guide prints these keys for its test shop, in a font that does not tell I from l; each reading is taken.
TEST_KEYS = (
    "wEvQ8ZzgGpuEhujNx6++HCOO5XJKhhHJmP5q8UAYsr6j8zL0wIMKdbVmruWKMx0GgBbZwIkx3PUstbe3g1UZAQ==",
    "wEvQ8ZzgGpuEhujNx6++HCOO5XJKhhHJmP5q8UAYsr6j8zL0wIMKdbVmruWKMx0GgBbZwlkx3PUstbe3g1UZAQ==",
    "H7gh+8A1y1RFb9wl0cGIPF64pQ6paDpw/sa6oICW2mTJlDTGn2wQIHdzo+jtkYsyEzXUuOmHr1mzvZTIhnLa4g==",
)

OTHER = "9998"
MESSAGES: Mapping[str, str] = {
    "0000": "OK",
    "0001": "주문번호 누락",
    "0002": "결제건 없음",
    "0003": "중복 주문번호 사용상점 취소 실패",
    "2001": "취소 성공",
    "2002": "취소 진행중",
    "2003": "취소 실패",
    "2010": "취소 요청금액 0원 이하",
    "2011": "취소 금액 불일치",
    "2012": "취소 해당거래 없음",
    "2013": "취소 완료 거래",
    "2014": "취소 불가능 거래",
    "2016": "취소 기한 초과",
    "2019": "타 가맹점 거래 취소 불가",
    "2020": "망상취소 허용시간 초과",
    "2027": "에스크로 거래는 구매 또는 구매거절 상태에만 취소가능",
    "2029": "부분취소 불가능 결제수단",
    "2031": "전체금액취소 불가",
    "2032": "취소금액이 취소가능금액보다 큼",
    "2033": "부분취소 불가능금액, 전체취소 이용바람",
    "2041": "익월 취소 불가능한 거래입니다.",
    "2211": "환불 성공",
    "3001": "카드 결제 성공",
    "3002": "카드 결제 실패",
    "3004": "거래 정지 카드",
    "3011": "카드번호 오류",
    "3021": "유효기간 오류",
    "3022": "할부개월 오류",
    "3024": "50000원 미만은 할부가 불가능 합니다.",
    "3030": "카드 한도초과",
    "3041": "금액 오류(1000원 미만 신용카드 승인 불가)",
    "4000": "계좌이체 결제 성공",
    "4100": "가상계좌 발급 성공",
    "4110": "가상계좌 입금 성공",
    "4200": "가상계좌 취소 성공",
    "A000": "휴대폰 결제 처리 성공",
    "F002": "빌키 미존재 또는 삭제된 빌키",
    "F004": "이미 등록된 카드정보임",
    "F005": "카드빌링등록 실패",
    "F006": "카드빌링실행 실패",
    "F011": "빌키 발급 성공",
    "F012": "빌키 삭제 성공",
    OTHER: "기타오류",
}
METHODS: Mapping[str, str] = {
    "CARD": "신용카드",
    "BANK": "계좌이체",
    "VACNT": "가상계좌",
    "PHONE": "휴대폰 결제",
    "CULTUREGIFT": "문화상품권",
}
PAID: Mapping[str, str] = {
    "CARD": "3001",
    "BANK": "4000",
    "VACNT": "4100",
    "PHONE": "A000",
    "CULTUREGIFT": "0000",
}
REFUSED: Mapping[str, str] = {"CARD": "3002"}
"""What is said where nothing better fits; for the other methods no list is printed."""

SERVICE: Mapping[str, str] = {"CARD": "01", "BANK": "02", "VACNT": "03", "PHONE": "04", "CULTUREGIFT": "05"}
"""Two digits within a tid. Made up, but for their place."""

CARDS: Mapping[str, str] = {
    "01": "비씨",
    "02": "국민",
    "03": "하나",
    "04": "삼성",
    "06": "신한",
    "07": "현대",
    "08": "롯데",
}
ISSUERS = frozenset({*CARDS, *(str(code) for code in (11, 12, 13, 15, *range(21, 24), *range(25, 31), 32))})
"""The codes of card companies (guide 13), of which the window shows a few."""
OWNER_DIGITS: Mapping[str, int] = {"01": 6, "02": 10}
"""Digits of ordAuthNo by cardTypeCd: a birth date, or a company's number. (guide 14.3)"""
BANKS: Mapping[str, str] = {
    "004": "국민은행",
    "081": "하나은행",
    "011": "농협은행",
    "020": "우리은행",
    "088": "신한은행",
}
NO_PARTS = frozenset({"PHONE", "CULTUREGIFT"})
INSTALLMENTS = ("00", "02", "03", "06", "12")
INSTALLMENT_MIN_WON = 50_000
CARD_MIN_WON = 1_000

HIDDEN_FIELDS = frozenset(
    {"encData", "hashStr", "signData", "cardNo", "cardPw", "expireYymm", "ordAuthNo", "bid"}
    | {"ordNm", "ordTel", "ordEmail", "refundAccnt", "refundNm"}
)

AMOUNT = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
DIGITS = re.compile(r"[0-9]+", re.ASCII)
STAMP = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]")
HEX = re.compile(r"[0-9a-f]{64}")
ORDER = re.compile(r"[0-9A-Za-z_()@#*+=$`~%^&?/\-\[\]]+", re.ASCII)
WEB = re.compile(r"https?://[^\s/?#]+[^\s]*")
METHOD = re.compile("|".join(METHODS))

BASICS = (
    Rule("mid", 10, 10),
    Rule("ediDate", 14, 14, STAMP),
)
BUYER = (
    Rule("ordNm", 30),
    Rule("ordTel", 20, 1, DIGITS),
    Rule("ordEmail", 60, 1, re.compile(r"[^@\s]+@[^@\s]+"), needed=False),
)


def digest(*parts: str) -> str:
    """Hash texts that follow each other without anything between. (guide 11)"""
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def check_hash(keys: Mapping[str, Iterable[str]], form: Mapping[str, str], covered: str, name: str = "encData") -> None:
    """Check the hash over shop, time and `covered` exactly as received. Raises Refusal."""
    known = keys.get(form.get("mid", ""))
    if known is None:
        raise Refusal(OTHER, "기타오류 (상점 ID)")
    for key in known:
        made = digest(form["mid"], form["ediDate"], covered, key)
        if hmac.compare_digest(made, form.get(name, "").encode("ascii", "replace").decode()):
            return
    raise Refusal(OTHER, f"기타오류 ({name} 불일치)")


def check_moment(form: Mapping[str, str], now: datetime, minutes: float) -> None:
    """Check that ediDate is Korea's time now, to so many minutes; not at all where they are 0. Raises Refusal."""
    if is_beside(read_digits(form["ediDate"]), now, minutes):
        raise Refusal(OTHER, "기타오류 (ediDate)")


def message(code: str) -> str:
    """Say what a code means; one that is on no list says nothing more."""
    return MESSAGES.get(code, MESSAGES[OTHER])


def said(code: str, text: str = "", **more: Any) -> dict[str, Any]:
    """Make an answer."""
    return {"resultCd": code, "resultMsg": text or message(code), **more}
