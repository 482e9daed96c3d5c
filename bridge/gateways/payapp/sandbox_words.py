"""PayApp's words as the sandbox reads them: error codes, payment methods, states, field rules.

Everything here is from the PayApp integration manual (연동 매뉴얼); what it leaves open is a setting of the sandbox."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from bridge.sandbox.rules import AMOUNT, BIRTHDAY_OR_BUSINESS, CARD, DIGITS, EMAIL, MONTH, PHONE, WEB, YEAR, Rule

GATEWAY = "payapp"
DIALECT = "rest"

MESSAGES: Mapping[str, str] = {
    "70001": "보안접속(https)으로 호출해 주세요.",
    "70010": "userid, linkkey값이 정확하지 않습니다.",
    "70020": "파라메터값이 정확하지 않습니다.",
    "70040": "cmd값이 정확하지 않습니다.",
    "70060": "권한이 없습니다.",
    "70080": "고객사 응답 실패",
    "80010": "취소가 가능한 상태가 아닙니다.",
    "80020": "취소가 가능한 상태가 아닙니다.",
    "80030": "취소금액을 확인하세요.",
}
OK = "00000"

# 결제통보, pay_state. Which of two codes of one meaning comes when is printed nowhere: the first is for what the
# merchant asked, the second for what somebody else did.
ASKED, PAID, WAITING, FAILED = 1, 4, 10, 99
REQUEST_CANCELLED = (8, 32)
CANCELLED = (9, 64)
PART_CANCELLED = (70, 71)

PAY_TYPES: Mapping[str, int] = {
    "card": 1,
    "phone": 2,
    "rbank": 6,
    "vbank": 7,
    "kakaopay": 15,
    "naverpay": 16,
    "smilepay": 21,
    "wechat": 22,
    "applepay": 23,
    "payco": 1,
}
BILL_TYPE = 17
PAYCO_GROUP = "35"
METHODS: Mapping[str, str] = {
    "card": "신용카드",
    "phone": "휴대전화",
    "kakaopay": "카카오페이",
    "naverpay": "네이버페이",
    "smilepay": "스마일페이",
    "rbank": "계좌이체",
    "vbank": "가상계좌",
    "applepay": "애플페이",
    "payco": "페이코",
    "wechat": "위챗페이",
}
CARDS: Mapping[str, str] = {"4518": "신한", "4111": "비씨", "5409": "삼성", "9430": "국민", "5289": "현대"}
BANKS: Mapping[str, str] = {"004": "국민은행", "011": "농협은행", "020": "우리은행", "088": "신한은행"}
INSTALLMENTS = ("00", "02", "03", "06", "12")
"""What its own window offers."""
MONTHS = re.compile(r"00|0[2-9]|[12][0-9]|3[0-6]", re.ASCII)
"""cardinst of a charge: '00','01','02'...., of which a single month is none. (등록결제 결제)"""
INSTALLMENT_MIN_WON = 50_000

HIDDEN_FIELDS = frozenset(
    {"linkkey", "linkval", "recvphone", "recvemail", "encBill", "userpwd", "subpwd", "phone", "email", "username"}
    | {"cardNo", "expMonth", "expYear", "buyerAuthNo", "cardPw", "buyerPhone", "buyerName", "buyerId", "dpname"}
    | {"buyr_name", "buyr_tel1", "buyr_mail", "id_info", "compbanknum", "compbankname", "ceo_nm", "addr1", "addr2"}
)

# goodname, memo 항목에는 URI 주소가 포함될 수 없습니다.
PLAIN = re.compile(r"(?![\s\S]*(?:https?://|www\.))[\s\S]*", re.IGNORECASE)
# appurl: 앱스키마는 카드사앱 스키마가 아닌 앱제작사의 스키마를 사용합니다.
APP = re.compile(r"(?!(?:https?|intent|market):)[a-z][a-z0-9+.-]*://\S*", re.IGNORECASE | re.ASCII)
YES_NO = re.compile("[yn]")
ZERO_ONE = re.compile("[01]")
INST = re.compile(r"[0-9]{2}")
MONEY = re.compile(r"[0-9]{1,10}", re.ASCII)
# bizkind (판매자 회원 가입)
BUSINESS = re.compile(
    r"Blog사업자|쇼핑몰사업자|방문판매|음식점\(배달\)|A/S긴급출동|운수업|컨텐츠|도소매|유통|서비스|숙박업|임대업|농수산업|기타"
)
TYPES = re.compile(f"(?:{'|'.join(METHODS)})(?:,(?:{'|'.join(METHODS)}))*")

_TAX = tuple(Rule(f"amount_{name}", 10, MONEY, needed=False) for name in ("taxable", "taxfree", "vat"))
_TAX_OF_A_BILL = tuple(replace(rule, needed=True) for rule in _TAX)
"""필수 in the text of 등록결제 결제, not in its table: whoever sends them is right by both."""
_NEWS = (
    Rule("feedbackurl", 500, WEB, needed=False),
    Rule("checkretry", 1, YES_NO, needed=False),
    Rule("var1", needed=False),
    Rule("var2", needed=False),
)
_REQUEST = (
    *_NEWS,
    Rule("memo", 500, PLAIN, needed=False),
    Rule("smsuse", 1, YES_NO, needed=False),
    Rule("returnurl", 500, WEB, needed=False),
    Rule("openpaytype", 120, TYPES, needed=False),
    Rule("recvemail", 100, EMAIL, needed=False),
)
CANCEL = (
    Rule("mul_no", 20, DIGITS),
    Rule("cancelmemo", 200),
    Rule("partcancel", 1, ZERO_ONE, needed=False),
    Rule("cancelprice", 10, AMOUNT, needed=False),
    *(Rule(f"cancel_{name}", 10, MONEY, needed=False) for name in ("taxable", "taxfree", "vat")),
)
REBILL = (Rule("rebill_no", 20, DIGITS),)
JS_REQUEST = (
    Rule("shopname", 100, PLAIN),
    Rule("goodname", 200, PLAIN, needed=False),
    Rule("price", 10, AMOUNT, needed=False),
    Rule("recvphone", 20, PHONE, needed=False),
    Rule("reqaddr", 1, ZERO_ONE, needed=False),
    Rule("skip_cstpage", 1, YES_NO, needed=False),
    Rule("redirectpay", 1, ZERO_ONE, needed=False),
    *_REQUEST,
    *_TAX,
)
RULES: Mapping[str, tuple[Rule, ...]] = {
    "payrequest": (
        Rule("goodname", 200, PLAIN),
        Rule("price", 10, AMOUNT),
        Rule("recvphone", 20, PHONE),
        Rule("appurl", 200, APP, needed=False),
        Rule("reqaddr", 1, ZERO_ONE, needed=False),
        Rule("skip_cstpage", 1, YES_NO, needed=False),
        *_REQUEST,
        *_TAX,
    ),
    "paycancel": CANCEL,
    "paycancelreq": (*CANCEL, Rule("dpname", 50, needed=False)),
    "billRegist": (
        Rule("cardNo", 16, CARD),
        Rule("expMonth", 2, MONTH),
        Rule("expYear", 2, YEAR),
        Rule("buyerAuthNo", 10, BIRTHDAY_OR_BUSINESS),
        Rule("cardPw", 2, YEAR),
        Rule("buyerPhone", 20, PHONE),
        Rule("buyerName", 50),
    ),
    "billDelete": (Rule("encBill", 200),),
    "billPay": (
        Rule("encBill", 200),
        Rule("goodname", 200, PLAIN),
        Rule("price", 10, AMOUNT),
        Rule("recvphone", 20, PHONE),
        Rule("cardinst", 2, INST, needed=False),
        *_NEWS,
        *_TAX_OF_A_BILL,
    ),
    "rebillRegist": (
        Rule("goodname", 200, PLAIN),
        Rule("goodprice", 10, AMOUNT),
        Rule("recvphone", 20, PHONE),
        Rule("rebillCycleType", 5, re.compile("Month|Week|Day")),
        Rule("rebillCycleMonth", 2, re.compile("0?[1-9]|[12][0-9]|3[01]|90"), needed=False),
        Rule("rebillCycleWeek", 1, re.compile("[1-7]"), needed=False),
        Rule("rebillExpire", 10, re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")),
        Rule("failurl", 500, WEB, needed=False),
        *_REQUEST,
    ),
    "rebillCancel": REBILL,
    "rebillStop": REBILL,
    "rebillStart": REBILL,
    "cashStRegist": (
        Rule("good_name", 100),
        Rule("buyr_name", 50),
        Rule("buyr_tel1", 20, PHONE, needed=False),
        Rule("buyr_mail", 100, EMAIL, needed=False),
        Rule("id_info", 13, DIGITS),
        Rule("trad_time", 14, re.compile(r"[0-9]{14}")),
        Rule("tr_code", 1, ZERO_ONE),
        *(Rule(f"amt_{name}", 10, MONEY) for name in ("tot", "sup", "svc", "tax")),
        Rule("corp_tax_type", 4, re.compile("TG0[12]")),
        Rule("mul_no", 20, DIGITS, needed=False),
    ),
    "cashStCancel": (Rule("cashstno", 20, DIGITS),),
    "checkNpayCashReceiptReq": (Rule("mul_no", 20, DIGITS),),
    "sellerRegist": (
        Rule("userpwd", 8, re.compile("(?=.*[A-Za-z])(?=.*[0-9])[A-Za-z0-9]{8}")),
        Rule("sellername", 50),
        Rule("phone", 20, PHONE),
        Rule("email", 100, EMAIL),
        Rule("bizkind", 50, BUSINESS),
        Rule("usertype", 1, re.compile("[12]")),
        Rule("resellerid", 50),
        Rule("join_type", 1, re.compile("[04]")),
        Rule("seller_type", 8, re.compile("seller|reseller")),
        Rule("common_feedbackurl", 500, WEB, needed=False),
    ),
    "useridCheck": (Rule("resellerid", 50),),
    "subidregist": (
        Rule("subuserid", 50),
        Rule("subpwd", 50),
        Rule("subname", 50),
        Rule("state", 1, re.compile("[0-7]"), needed=False),
    ),
}
NEEDS_LINKKEY = frozenset(
    {"paycancel", "paycancelreq", "rebillCancel", "rebillStop", "rebillStart", "cashStRegist", "cashStCancel"}
)
WITHOUT_SELLER = frozenset({"sellerRegist", "useridCheck"})


class Refusal(Exception):
    """PayApp says no, with a code."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "요청을 처리하지 못했습니다.")
        super().__init__(f"{code} {self.message}")


def yes(*, errno: bool = True, **more: Any) -> dict[str, Any]:
    """Make a yes. Not every example of the manual has an errno in it."""
    return {"state": "1", "errorMessage": ""} | ({"errno": OK} if errno else {}) | more


def no(refusal: Refusal) -> dict[str, Any]:
    """Make a no."""
    return {"state": "0", "errorMessage": refusal.message, "errno": refusal.code}


def query_response(body: Mapping[str, Any]) -> Response:
    """Answer as PayApp does: fields in a query string, with a content type that says something else."""
    return Response(urlencode(body), media_type="text/html; charset=UTF-8")
