"""Mainpay's words as the sandbox reads them: result codes, methods, cards, banks, field rules, the signature.

Codes and the guide's fields: Mainpay integration guide, 에러 처리, 공통코드, 요청 파라미터.
Live fields and limits: the comments in Mainpay's own PHP, JSP and ASP samples."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.sandbox.clock import is_beside, read_digits

GATEWAY = "mainpay"
LIVE = "live"
GUIDE = "guide"

TEST_SHOP = "100011"
# The guide prints two keys for its test shop: one in the table 테스트 정보, another in config.php. One letter differs.
TEST_KEYS = (
    "U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0",
    "U1FVQVJELTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0",
)

MESSAGES: Mapping[str, str] = {
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
    "ma": "가맹점 주문번호 중복",
}

# Only the first five are in Mainpay's samples; how simple payments (간편결제) are asked for is printed nowhere.
METHODS: Mapping[str, str] = {
    "CARD": "신용카드",
    "ACCT": "계좌이체",
    "VACCT": "가상계좌",
    "HPP": "휴대폰 결제",
    "CULT": "문화상품권",
    "KAKAO": "카카오페이",
    "KAKAOPAY": "카카오페이",
    "NAVER": "네이버페이",
    "NAVERPAY": "네이버페이",
    "PAYCO": "페이코",
    "SMILEPAY": "스마일페이",
    "APPLEPAY": "애플페이",
    "WECHAT": "위챗페이",
    "WECHATPAY": "위챗페이",
}

# "A" is what a card payment through the window on a PC came back with; the others are made up and mean nothing.
PAY_TYPES: Mapping[str, str] = {"CARD": "A", "ACCT": "B", "VACCT": "V", "HPP": "H", "CULT": "C"}

CARDS: Mapping[str, Mapping[str, str]] = {
    LIVE: {
        "01": "비씨카드",
        "02": "신한카드",
        "03": "삼성카드",
        "04": "현대카드",
        "07": "KB국민카드",
        "08": "하나카드",
    },
    GUIDE: {
        "01": "비씨카드",
        "06": "신한카드",
        "04": "삼성카드",
        "07": "현대카드",
        "02": "KB국민카드",
        "03": "하나카드",
    },
}
BANKS: Mapping[str, Mapping[str, str]] = {
    LIVE: {
        "04": "KB국민은행",
        "81": "하나은행",
        "11": "NH농협은행",
        "20": "우리은행",
        "03": "기업은행",
        "71": "우체국",
    },
    GUIDE: {
        "04": "KB국민은행",
        "05": "하나은행",
        "08": "NH농협은행",
        "07": "우리은행",
        "03": "기업은행",
        "23": "우체국",
    },
}
ACCOUNT_BANKS = re.compile("03|04|11|20|26|32|34|71|81")
"""Where accounts are issued: the banks that Mainpay's notices of deposits were seen to name."""
INSTALLMENTS = ("00", "02", "03", "06", "12")
INSTALLMENT_MIN_WON = 50_000

HIDDEN_FIELDS = frozenset(
    {"signature", "authToken", "authCode", "accountNo", "accountOwner", "birthDay", "customerPk"}
    | {"cardNo", "expd", "regNo", "passwd", "billkey"}
    | {f"{who}{what}" for who in ("customer", "buyer") for what in ("Name", "Email", "Tel", "TelNo")}
)


class Refusal(Exception):
    """The gateway says no, with a code."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "")
        super().__init__(f"{code} {self.message}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What one field must look like; `code` is said where it does not. Lengths in bytes of UTF-8."""

    name: str
    most: int
    least: int = 1
    pattern: re.Pattern[str] | None = None
    code: str = "400"
    needed: bool = True


AMOUNT = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
NO_AMOUNT = re.compile(r"0", re.ASCII)
DIGITS = re.compile(r"[0-9]+", re.ASCII)
DATE6 = re.compile(r"[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])", re.ASCII)
WEB = re.compile(r"https?://[^\s/?#]+[^\s]*")
PLAIN = re.compile(r"[^'\"<>&|\\;%\x00-\x1f]*")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
METHOD = re.compile("|".join(METHODS))
VERSION = re.compile(r"V001|1\.0")


def basics(shop: str = "mbrNo", amount: str = "amount", amounts: re.Pattern[str] = AMOUNT) -> tuple[Rule, ...]:
    """Give the rules of the five fields that every call is signed with."""
    return (
        Rule(shop, 6, 6, DIGITS, "1002"),
        Rule("mbrRefNo", 20, 6, re.compile(r"[!-~]+")),
        Rule(amount, 10, 1, amounts, "1001"),
        Rule("timestamp", 18, 14, DIGITS, "1005"),
        Rule("signature", 64, 64, re.compile(r"[0-9a-f]+"), "1004"),
    )


def check(form: Mapping[str, str], rules: Iterable[Rule]) -> None:
    """Check a form's fields. Raises Refusal for the first that is missing or bent."""
    for rule in rules:
        value = form.get(rule.name)
        if value is None or value == "":
            if rule.needed and (value is None or rule.least > 0):
                raise Refusal(rule.code, f"{MESSAGES[rule.code]} ({rule.name})")
            continue
        size = len(value.encode())
        if not rule.least <= size <= rule.most or (rule.pattern and not rule.pattern.fullmatch(value)):
            raise Refusal(rule.code, f"{MESSAGES[rule.code]} ({rule.name})")


def check_signature(keys: Mapping[str, Iterable[str]], form: Mapping[str, str], shop: str, amount: str) -> None:
    """Check shop and signature over the strings exactly as received. `shop` and `amount` name the fields that
    carry them. Raises Refusal 1002, 1004. (Mainpay integration guide, 인증 방법)"""
    known = keys.get(form[shop])
    if known is None:
        raise Refusal("1002")
    for key in known:
        message = "|".join((form[shop], form["mbrRefNo"], form[amount], key, form["timestamp"]))
        if hmac.compare_digest(hashlib.sha256(message.encode()).hexdigest(), form["signature"]):
            return
    raise Refusal("1004")


def is_day(text: str) -> bool:
    """Tell whether YYMMDD is a day of the calendar."""
    return read_digits(f"20{text}000000") is not None


def check_moment(form: Mapping[str, str], now: datetime, minutes: float) -> None:
    """Check that a timestamp is Korea's time now, to so many minutes; not at all where they are 0. Raises Refusal 1005.
    Its first fourteen digits are the time (guide, 인증 방법); of fifteen, yyMMddHHmmssSSS, the first twelve."""
    text = form["timestamp"]
    told = f"20{text[:12]}" if len(text) == len("yyMMddHHmmssSSS") else text[: len("yyyyMMddHHmmss")]
    if is_beside(read_digits(told), now, minutes):
        raise Refusal("1005", f"{MESSAGES['1005']} (timestamp)")


def said(dialect: str, code: str, message: str, data: Any) -> dict[str, Any]:
    """Make an answer. Live answers carry two more fields, empty in all that were seen."""
    if dialect == GUIDE:
        return {"resultCode": code, "resultMessage": message, "data": data}
    return {
        "resultCode": code,
        "resultMessage": message,
        "developerMessage": "",
        "detailResultCode": "",
        "data": data,
    }
