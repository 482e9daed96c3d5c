"""Welcome's words as the sandbox reads them: codes, field rules, signature, field encryption.

Operations and fields: Welcome's own pages (prepare01, payapi01 to payapi08, mobile02). Codes: stdweb04 (A.10, A.11)
gives only ranges, so the very numbers here are made up within them; so is the one for what is cancelled already."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from starlette.responses import Response

from bridge.sandbox.clock import is_beside, read_digits
from bridge.sandbox.rules import AMOUNT, DIGITS, EMAIL, MONTH, WEB, YEAR, Rule

GATEWAY = "welcome"
DIALECT = "payapi"
OK = "00"
ESCROW_OK = "310000"
CONFIRMED, CANNOT_CONFIRM, CANNOT_DENY = "310014", "310015", "310017"
"""No to a buyer's word on an escrow (mobile 9.4)."""

BAD_FIELD, BAD_SIGNATURE, USED_ORDER = "R101", "R102", "V011"
REFUSED, CANNOT, ALREADY = "01", "R201", "500626"
MESSAGES: Mapping[str, str] = {
    BAD_FIELD: "필수 파라미터가 누락되었거나 규칙에 맞지 않습니다.",
    BAD_SIGNATURE: "signature 검증에 실패했습니다.",
    USED_ORDER: "주문번호 중복",
    REFUSED: "승인 거절",
    CANNOT: "처리할 수 없는 거래입니다.",
    ALREADY: "이미 취소된 거래입니다.",
    CONFIRMED: "이미 구매확정된 거래입니다.",
    CANNOT_CONFIRM: "구매확정할 수 없는 상태입니다.",
    CANNOT_DENY: "구매거절할 수 없는 상태입니다.",
}
WITH_HTTP_400 = frozenset({BAD_FIELD, BAD_SIGNATURE})
"""4XX: 잘못된 요청 (payapi01, PAYAPI 응답코드); everything else is said with 200."""

PAY_TYPES: Mapping[str, str] = {"card": "신용카드", "hpp": "휴대폰", "vbank": "가상계좌", "bank": "계좌이체"}
MOBILE_TYPES: Mapping[str, str] = {"card": "CARD", "hpp": "MOBILE", "vbank": "VBANK", "bank": "BANK"}
ESCROW_METHODS: Mapping[str, str] = {"card": "0", "bank": "16", "vbank": "17"}
CARDS: Mapping[str, str] = {"04": "현대", "06": "국민", "11": "BC", "12": "삼성", "14": "신한", "03": "롯데"}
BINS: Mapping[str, tuple[str, str]] = {
    "411111": ("11", "0"),
    "451812": ("14", "0"),
    "540926": ("12", "1"),
    "943003": ("06", "1"),
    "356900": ("03", "2"),
}
BANKS: Mapping[str, str] = {
    "04": "국민은행",
    "11": "농협중앙회",
    "20": "우리은행",
    "88": "신한(통합)은행",
    "71": "우체국",
}
INSTALLMENTS = ("00", "02", "03", "06", "12")
"""What the window offers where the shop names no months."""
ANY_QUOTA = "99"
"""The first part of P_QUOTABASE; the months follow. (PAYAPI manual)"""
QUOTA = re.compile(r"00|0[2-9]|[12][0-9]|3[0-6]", re.ASCII)
"""A lump sum, or 2 to 36 months: the documents name no others and no limit."""
INSTALLMENT_MIN_WON = 50_000

HIDDEN_FIELDS = frozenset(
    {"signature", "cardNumber", "cardExpireYY", "cardExpireMM", "registNo", "passwd", "billkey"}
    | {"buyerName", "buyerTel", "buyerEmail", "refundAccount", "refundName", "buyName", "dcnfName"}
    | {f"{who}{what}" for who in ("send", "recv") for what in ("Name", "Post", "Addr", "Addr1", "Addr2", "Tel")}
)

MID = re.compile(r"[A-Za-z0-9]{1,10}")
STAMP = re.compile(r"[0-9]{13,14}")
OID = re.compile(r"[^\s:?`\"&]+")
HEX64 = re.compile(r"[0-9a-f]{64}")
MONEY = re.compile(r"[0-9]{1,10}", re.ASCII)
IP = re.compile(r"[0-9.]{7,15}")

_BASICS = (Rule("mid", 10, MID), Rule("timestamp", 14, STAMP), Rule("signature", 64, HEX64))
_TAX = (Rule("tax", 10, MONEY, needed=False), Rule("taxfree", 10, MONEY, needed=False))
_BUYER = (Rule("buyerName", 30), Rule("buyerTel", 40, needed=False), Rule("buyerEmail", 40, EMAIL, needed=False))
_CARD = (Rule("cardNumber", 64), Rule("cardExpireYY", 2, YEAR), Rule("cardExpireMM", 2, MONTH))
_OWNER = (Rule("registNo", 64), Rule("passwd", 64))
_OWNER_IF_GIVEN = (Rule("registNo", 64, needed=False), Rule("passwd", 64, needed=False))
_GOODS = Rule("goodsName", 80, needed=False)
_PAY = (Rule("oid", 40, OID), Rule("price", 10, AMOUNT), _GOODS, *_BUYER, *_TAX)
_QUOTA = (Rule("cardQuota", 2, re.compile("[0-9]{2}")), Rule("quotaInterest", 1, re.compile("[01]")))
_CANCEL = (
    Rule("payType", 10, re.compile("|".join(PAY_TYPES))),
    Rule("tid", 40),
    Rule("currency", 3, re.compile("WON|USD")),
)
_ESCROW = (*_BASICS, Rule("clientIp", 15, IP))
RULES: Mapping[str, tuple[Rule, ...]] = {
    "cancel": (
        *_BASICS,
        *_CANCEL,
        Rule("price", 22, AMOUNT),
        Rule("cancelType", 1, re.compile("C"), needed=False),
    ),
    "repay": (*_BASICS, *_CANCEL, Rule("cancelPrice", 22, AMOUNT), Rule("confirmPrice", 22, MONEY), *_TAX),
    "billkey": (*_BASICS, *_BUYER, *_CARD, *_OWNER, _GOODS, Rule("etc", 100)),
    "billkey_noauth": (*_BASICS, *_BUYER, *_CARD, _GOODS, Rule("etc", 100, needed=False)),
    "billpay": (*_BASICS, *_PAY, *_QUOTA, Rule("billkey", 40)),
    "billkey_delete": (*_BASICS, Rule("billkey", 40)),
    "hppbillpay": (*_BASICS, *_PAY, Rule("billkey", 40)),
    "keyin": (
        *_BASICS,
        *_PAY,
        *_CARD,
        *_OWNER_IF_GIVEN,
        *_QUOTA,
    ),
    "prefix": (*_BASICS, Rule("cardNumber", 6, re.compile("[0-9]{6}"))),
    "delivery": (
        *_ESCROW,
        Rule("tid", 40),
        Rule("oid", 40),
        Rule("soid", 2),
        *(Rule(name) for name in ("invoice", "registName", "exCode", "exName", "invoiceDay")),
        Rule("report", 1, re.compile("[IU]")),
        Rule("charge", 1, re.compile("[SB]")),
        Rule("price", 10, AMOUNT),
        *(Rule(f"send{name}") for name in ("Name", "Addr1", "Addr2", "Tel")),
        *(Rule(f"recv{name}") for name in ("Name", "Addr", "Tel")),
        *(Rule(f"{who}Post", 40, DIGITS) for who in ("send", "recv")),
    ),
    "buyconfirm": (*_ESCROW, Rule("originalTid", 40), Rule("buyName")),
    "buydeny": (*_ESCROW, Rule("originalTid", 40), Rule("buyName"), Rule("refundName")),
    "denyconfirm": (*_ESCROW, Rule("originalTid", 40), Rule("dcnfName")),
    "checkstatus": (*_ESCROW, Rule("tid", 40)),
    "make_url": (
        *_BASICS,
        Rule("payType", 5, re.compile("|".join(PAY_TYPES))),
        Rule("P_GOODS", 40),
        Rule("P_OID", 30, OID),
        Rule("P_AMT", 9, AMOUNT),
        *(Rule(f"P_{name}_URL", 250, WEB, needed=False) for name in ("RETURN", "NEXT", "NOTI")),
        Rule("P_RESERVED", 300, needed=False),
        Rule("P_CHARSET", 6, re.compile("utf8|euc-kr"), needed=False),
        Rule("P_HPP_METHOD", 1, DIGITS, needed=False),
        Rule("P_QUOTABASE", 200, re.compile("99(:(0[2-9]|[12][0-9]|3[0-6]))+"), needed=False),
    ),
}
SIGNED: Mapping[str, tuple[str, ...]] = {
    "billkey": ("cardNumber",),
    "billkey_noauth": ("cardNumber",),
    "billpay": ("oid", "price"),
    "hppbillpay": ("oid", "price"),
    "keyin": ("oid", "price"),
    "prefix": ("cardNumber",),
    "make_url": ("P_OID", "P_AMT"),
}
"""What stands between mkey and timestamp (prepare01, 1.3); nothing, for all others."""

ENCRYPTED = ("cardNumber", "registNo", "passwd")
CARD_OPS = frozenset({"billkey", "billkey_noauth", "keyin"})
PLAIN_FORMS = {
    "cardNumber": re.compile(r"[0-9]{14,16}"),
    "registNo": re.compile(r"[0-9]{6}|[0-9]{10}"),
    "passwd": re.compile("[0-9]{2}"),
}


class Refusal(Exception):
    """Welcome says no, with a code."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "처리하지 못했습니다.")
        super().__init__(f"{code} {self.message}")


def mkey(sign_key: str) -> str:
    """Make mkey: lower-case hex SHA-256 of the signKey as it is given (prepare01)."""
    return hashlib.sha256(sign_key.encode()).hexdigest()


def signature(shop: Mapping[str, str], form: Mapping[str, str], op: str) -> str:
    """Sign: hex SHA-256 over name=value pairs in the documented order (prepare01, 1.4). Values are plain."""
    names = ("mid", "mkey", *SIGNED.get(op, ()), "timestamp")
    values = dict(form) | {"mkey": mkey(shop["sign_key"])}
    return hashlib.sha256("&".join(f"{name}={values[name]}" for name in names).encode()).hexdigest()


def check_signature(shop: Mapping[str, str], form: Mapping[str, str], op: str) -> None:
    """Check a signature over the plain values. Raises Refusal."""
    if not hmac.compare_digest(signature(shop, form, op), form["signature"]):
        raise Refusal(BAD_SIGNATURE)


def check_moment(form: Mapping[str, str], now: datetime, minutes: float) -> None:
    """Check that a timestamp, milliseconds or digits in Korea, is now, to so many minutes; 0: any. Raises Refusal."""
    text = form["timestamp"]
    told = read_digits(text) if len(text) == len("yyyyMMddHHmmss") else datetime.fromtimestamp(int(text) / 1000, UTC)
    if is_beside(told, now, minutes):
        raise Refusal(BAD_FIELD, f"{MESSAGES[BAD_FIELD]} (timestamp)")


def decrypt(shop: Mapping[str, str], text: str) -> str:
    """Read an encrypted field: base64 of AES-256-CBC with PKCS padding, key and IV as their ASCII bytes (payapi01,
    1.3). Raises Refusal."""
    try:
        raw = base64.b64decode(text, validate=True)
        cipher = Cipher(algorithms.AES(shop["api_key"].encode()), modes.CBC(shop["api_iv"].encode())).decryptor()
        padded = cipher.update(raw) + cipher.finalize()
        unpadder = PKCS7(128).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise Refusal(BAD_FIELD, "암호화 값을 확인하세요.") from error


def plain_form(shop: Mapping[str, str], form: Mapping[str, str], op: str) -> dict[str, str]:
    """Give a form with its encrypted fields in plain, in memory only. Raises Refusal."""
    if op not in CARD_OPS:
        return dict(form)
    found = dict(form)
    for name in ENCRYPTED:
        if form.get(name):
            found[name] = decrypt(shop, form[name])
            if not PLAIN_FORMS[name].fullmatch(found[name]):
                raise Refusal(BAD_FIELD, f"암호화 값을 확인하세요. ({name})")
    return found


def said(code: str, message: str, **more: Any) -> dict[str, Any]:
    """Make an answer of PAYAPI."""
    return {"ResultCode": code, "ResultMsg": message} | more


def text_response(body: Mapping[str, Any], charset: str) -> Response:
    """Answer as the mobile service does: fields in a row, values as they are (mobile02, 2.5)."""
    text = "&".join(f"{name}={value}" for name, value in body.items())
    return Response(text.encode(charset, "replace"), media_type=f"text/html; charset={charset}")


def form_body(values: Mapping[str, str], charset: str) -> bytes:
    """Make a form's body in a charset."""
    return urlencode(values, encoding=charset, errors="replace").encode("ascii")
