"""Payple's words as the sandbox reads them: codes, cards, field rules.

Fields and their lengths: Payple card manual (카드 일반결제, 정기결제). Of the codes only those in `DOCUMENTED` are
printed somewhere; the others are made up, as no list of Payple's is public, and stand for what they say."""

import re
from collections.abc import Mapping
from typing import Any

from bridge.sandbox.refusals import Refusal, Rule

GATEWAY = "payple"
DIALECT = "live"

DOCUMENTED: Mapping[str, str] = {
    "0000": "카드조회 성공",
    "SPCD0000": "결제완료",
    "PAYC0000": "환불성공",
    "CPAY0018": "출금이체 결과 미수신",
    "SPAY0011": "출금이체 결과 미수신",
    "AUTH0004": "등록되지 않은 도메인 또는 IP",
    "AUTH0007": "테스트와 운영 환경 불일치",
    "SPCD0001": "결제용 KEY 값이 존재하지 않습니다.",
}
MADE_UP: Mapping[str, str] = {
    "AUTH0001": "가맹점 인증 실패",
    "CPAY0001": "파라미터 오류",
    "CPAY0002": "인증 정보 오류",
    "CPAY0003": "주문번호 중복",
    "CPAY0004": "카드 승인 실패",
    "CPAY0005": "카드 한도 초과",
    "CPAY0006": "결제 가능 금액 미만",
    "CPAY0008": "해당 월에 이미 결제됨",
    "CPAY0010": "사용자 취소",
    "PCHK0001": "결제 내역이 존재하지 않습니다.",
    "PAYC0001": "원거래 없음",
    "PAYC0002": "취소 가능 금액 초과",
    "PAYC0003": "이미 취소된 거래",
    "PAYC0004": "부분취소 불가",
    "PAYC0005": "취소 실패",
}
MESSAGES = {**DOCUMENTED, **MADE_UP}
NOT_HEARD = frozenset({"CPAY0018", "SPAY0011"})
"""Said of a payment whose result Payple itself has not heard yet; it was made, and an inquiry shows it later."""

CARDS: Mapping[str, str] = {
    "01": "BC 카드",
    "02": "신한카드",
    "03": "삼성카드",
    "04": "현대카드",
    "07": "국민카드",
    "08": "하나카드",
}
HIDDEN_FIELDS = frozenset(
    {"custKey", "PCD_CUST_KEY", "PCD_AUTH_KEY", "PCD_PAY_REQKEY", "PCD_REFUND_KEY", "PCD_PAYER_ID"}
    | {"PCD_PAYER_NAME", "PCD_PAYER_HP", "PCD_PAYER_EMAIL"}
)

WON = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
ZERO_UP = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)
DIGITS = re.compile(r"[0-9]+", re.ASCII)
YES_NO = re.compile("[YN]")
YES = re.compile("Y")
CARD = re.compile("card")
DATE = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
YEAR = re.compile(r"20[0-9]{2}")
MONTH = re.compile(r"0[1-9]|1[0-2]")
EMOJI = re.compile(r"[^\U00010000-\U0010ffff]*")
WEB = re.compile(r"https?://[^\s/?#]+[^\s]*")

TOKENS = (Rule("PCD_CST_ID", 255), Rule("PCD_CUST_KEY", 255), Rule("PCD_AUTH_KEY", 255))
BUYER = (
    Rule("PCD_PAYER_HP", 20, needed=False),
    Rule("PCD_PAYER_EMAIL", 100, needed=False),
    Rule("PCD_USER_DEFINE1", 2048, needed=False),
    Rule("PCD_USER_DEFINE2", 2048, needed=False),
)
GOODS = (
    Rule("PCD_PAY_GOODS", 2048, 1, EMOJI),
    Rule("PCD_PAY_TOTAL", 20, 1, WON),
    Rule("PCD_PAY_ISTAX", 1, 1, YES_NO, needed=False),
    Rule("PCD_PAY_TAXTOTAL", 20, 1, ZERO_UP, needed=False),
)


def most_vat(amount: int) -> int:
    """Give the VAT of an amount in KRW that is taxed whole: an eleventh, rounded half up; no part of it has more."""
    return (2 * amount + 11) // 22


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Take a JSON object's fields as texts; numbers as their digits. Raises Refusal for anything else."""
    found = {}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise Refusal("CPAY0001", f"파라미터 오류 ({name})")
        found[name] = str(value)
    return found


def message(code: str) -> str:
    """Say what a code means."""
    return MESSAGES.get(code, "")


def failed(code: str, text: str = "", **more: Any) -> dict[str, Any]:
    """Make the answer of a refusal."""
    return {"PCD_PAY_RST": "error", "PCD_PAY_CODE": code, "PCD_PAY_MSG": text or message(code), **more}
