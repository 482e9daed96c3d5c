"""What an operator hands out and nobody's order pays: PayApp's own app, and windows where the buyer names the price.

Notices of such payments are acknowledged and kept, and move nothing: they are no orders of a shop. (manual, PayApp APP
연동 구성, 사용자 입력 결제창)"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from bridge.domain.failures import Misconfigured, Unreadable
from bridge.domain.merchant_commands import AdminAnswer
from bridge.domain.payment import AMOUNT_MAX, INSTALMENT_AMOUNT_MIN
from bridge.domain.windows import Script
from bridge.gateways.payapp import codes
from bridge.gateways.payapp.talk import SHOP_BYTES_MAX, Talk, plain

APP_URL = "https://payapp.kr/sdk-app"
REMOTE = "REMOTE"
AT_THE_COUNTER = frozenset(
    {"OCR", "APPLE_PAY", "NAVER_PAY", "KAKAO_PAY", "SMILE_PAY", "WECHAT_PAY", "PAYCO", "QR", "MANUAL", "NFC", "SAMSUNG"}
)
INSTALMENTS_IN = frozenset({"OCR", "MANUAL", "NFC", "SAMSUNG"})
PHONE_NEEDED_FROM_WON = 100_000
RUN_THEMSELVES = frozenset({"javascript", "data", "vbscript", "file", "about", "blob"})
RESULT_FIELDS = (
    "mul_no", "payurl", "csturl", "cardName", "cardNum", "date", "installment", "goodName", "var1", "var2",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AppResult:
    """What PayApp's app says of a payment: a hint, never proof; notices come to feedbackurl."""

    done: bool
    code: str
    message: str
    fields: Mapping[str, str]


def app_link(
    kind: str,
    return_uri: str,
    title: str,
    amount: int,
    *,
    phone: str = "",
    taxed: bool = True,
    instalment_months: int = 0,
    every_kind: bool = False,
    feedback_url: str = "",
    var1: str = "",
    var2: str = "",
) -> str:
    """Make the address that opens PayApp's app for a seller: REMOTE, or at the counter (OCR, QR …); KRW.
    Raises Misconfigured, naming what is wrong."""
    if kind != REMOTE and kind not in AT_THE_COUNTER:
        raise Misconfigured(f"PayApp's app knows no reqType {kind}.", message_ko="페이앱 앱에 없는 결제 방법이에요.")
    if not plain(title, ""):
        raise Misconfigured("PayApp's app needs goodName, what is sold.", message_ko="상품명을 적어 주세요.")
    if not _comes_back(return_uri):
        raise Misconfigured(
            "PayApp's app needs returnUri: your own app's address, such as shop-app://result, or a page's.",
            message_ko="결제 뒤에 돌아올 앱이나 페이지의 주소를 적어 주세요.",
        )
    if instalment_months == 1:
        raise Misconfigured("One month is a lump sum: leave cardinst out.", message_ko="할부는 2개월부터예요.")
    if not phone and (kind == REMOTE or amount >= PHONE_NEEDED_FROM_WON):
        raise Misconfigured(
            "PayApp's app needs the buyer's phone for a remote payment, and from 100,000 KRW.",
            message_ko="원격 결제와 10만 원부터는 구매자의 휴대전화번호를 적어 주세요.",
        )
    if instalment_months and (kind not in INSTALMENTS_IN or amount < INSTALMENT_AMOUNT_MIN):
        raise Misconfigured(
            "Instalments are for cards (OCR, MANUAL, NFC, SAMSUNG), from 50,000 KRW.",
            message_ko="할부는 카드(OCR, MANUAL, NFC, SAMSUNG)로 5만 원부터 할 수 있어요.",
        )
    fields = {
        "reqType": kind,
        "returnUri": return_uri,
        "phoneNumber": phone,
        "goodPrice": str(amount),
        "goodName": plain(title, ""),
        "cardinst": f"{instalment_months:02d}" if instalment_months else "",
        "hasTax": "1" if taxed else "0",
        "isAllPayReqType": "1" if every_kind else "",
        "feedbackurl": feedback_url,
        "checkretry": "y" if feedback_url else "",
        "var1": var1,
        "var2": var2,
    }
    return f"{APP_URL}?{urlencode({name: value for name, value in fields.items() if value})}"


def _comes_back(address: str) -> bool:
    """Tell whether an address leads to an app or a page, and can neither run nor show anything by itself."""
    scheme = urlsplit(address).scheme
    return bool(scheme) and scheme not in RUN_THEMSELVES and address.isprintable() and " " not in address


def read_app_result(form: Mapping[str, str]) -> AppResult:
    """Read what the app brings to returnUri. Raises Unreadable without a state."""
    if form.get("state") not in ("0", "1"):
        raise Unreadable("The app's result has no state.")
    code = form.get("errorCode", "")
    message = form.get("errorMessage", "") or codes.APP_ERRORS.get(code, "")
    return AppResult(
        form["state"] == "1", code, message, {name: form[name] for name in RESULT_FIELDS if form.get(name)}
    )


def open_price_window(gateway: Talk, *, title: str = "", amount: int = 0, feedback_url: str = "") -> Script:
    """Make the window of the JS API in which the buyer types what is left out: goodname, price, phone.

    PayApp sends the address of its page to that phone (smsuse); there is no other way to it. (redirectpay)"""
    settings = gateway.settings
    fields = {
        "userid": settings.userid,
        "shopname": plain(settings.shop_name, "티켓", SHOP_BYTES_MAX),
        "goodname": plain(title, ""),
        "price": str(amount) if amount else "",
        "feedbackurl": feedback_url,
        "reqaddr": "1" if settings.asks_address else "0",
        "smsuse": "y",
    }
    return Script((settings.script_url,), "PayApp.payrequest", fields, gateway.script_origins(), argument="object")


def make(gateway: Talk, name: str, fields: Mapping[str, str]) -> AdminAnswer:
    """Answer one of the commands that are handed out. Raises Misconfigured or Unreadable, naming what is wrong."""
    if name == "appResult":
        result = read_app_result(fields)
        return AdminAnswer(result.done, result.fields, result.code, result.message)
    if name == "appLink":
        link = app_link(
            fields.get("reqType", REMOTE),
            fields.get("returnUri", ""),
            fields.get("goodName", ""),
            _won("goodPrice", fields),
            phone=fields.get("phoneNumber", ""),
            taxed=fields.get("hasTax", "1") == "1",
            instalment_months=_number("cardinst", fields),
            every_kind=fields.get("isAllPayReqType") == "1",
            feedback_url=fields.get("feedbackurl", ""),
            var1=fields.get("var1", ""),
            var2=fields.get("var2", ""),
        )
        return AdminAnswer(True, {"url": link})
    amount = _won("price", fields) if fields.get("price") else 0
    window = open_price_window(
        gateway, title=fields.get("goodname", ""), amount=amount, feedback_url=fields.get("feedbackurl", "")
    )
    said = json.dumps({name: value for name, value in window.fields.items() if value}, ensure_ascii=False)
    call = f"{window.function}({said.replace('<', chr(92) + 'u003c')});"
    return AdminAnswer(True, {"script": window.scripts[0], "call": call})


def _won(name: str, fields: Mapping[str, str]) -> int:
    amount = _number(name, fields)
    if not 0 < amount <= AMOUNT_MAX:
        raise Misconfigured(
            f"{name} must be an amount of KRW, in digits alone.", message_ko=f"{name}에 금액을 숫자만으로 적어 주세요."
        )
    return amount


def _number(name: str, fields: Mapping[str, str]) -> int:
    text = fields.get(name, "") or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise Misconfigured(f"{name} must be a number, in digits alone.", message_ko=f"{name}에 숫자만 적어 주세요.")
    return int(text)
