"""The window (인증창) of Pay-Story's sandbox, its scripts and receipts: plain pages, no JavaScript needed."""

import hmac
import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.paystory import sandbox_notices as notices
from bridge.gateways.paystory.sandbox_desk import Session, Till
from bridge.gateways.paystory.sandbox_script import PG_ASSISTANT, RECEIPT
from bridge.gateways.paystory.sandbox_tax import vat_of
from bridge.gateways.paystory.sandbox_words import (
    AMOUNT,
    BANKS,
    BASICS,
    BUYER,
    CARD_MIN_WON,
    CARDS,
    DIALECT,
    GATEWAY,
    HEX,
    HIDDEN_FIELDS,
    INSTALLMENT_MIN_WON,
    INSTALLMENTS,
    METHOD,
    METHODS,
    ORDER,
    OTHER,
    WEB,
    check_hash,
    check_moment,
    digest,
    message,
)
from bridge.sandbox import calls
from bridge.sandbox.calls import BODY_MAX_BYTES, FIELDS_MAX, Asked
from bridge.sandbox.pages import page, won
from bridge.sandbox.refusals import Refusal, Rule, check

CHARSETS = {"": "utf-8", "utf-8": "utf-8", "euc-kr": "euc-kr"}
WRITTEN_IN = {"utf-8": "utf-8", "euc-kr": "cp949"}
"""What browsers call EUC-KR is windows-949, which has more syllables. (Encoding Standard)"""
OPEN = (
    *BASICS,
    Rule("payMethod", 20, 1, METHOD),
    Rule("trxCd", 1, 1, re.compile("[01]")),
    Rule("goodsNm", 100),
    Rule("ordNo", 40, 1, ORDER),
    Rule("goodsAmt", 15, 1, AMOUNT),
    *BUYER,
    Rule("billHpFlg", 1, 1, re.compile("[01]")),
    Rule("encData", 64, 64, HEX),
    Rule("language", 3, 3, re.compile("KOR|ENG"), needed=False),
    Rule("mbsReserved", 255, needed=False),
    Rule("notiUrl", 200, 1, WEB, needed=False),
)
CASH_METHODS = ("BANK", "VACNT", "CULTUREGIFT")
"""Whose notices say whether a cash receipt was issued (cashCrctFlg). (guide 10)"""
WORDS: Mapping[str, Mapping[str, str]] = {
    "KOR": {
        "amount": "결제 금액", "method": "결제 수단", "shop": "상점 번호", "order": "주문 번호", "card": "카드사",
        "quota": "할부", "bank": "입금할 은행", "cash": "현금영수증",
        "no_cash": "발급 안 함", "yes_cash": "소득공제용 발급", "pay": "결제하기", "issue": "가상계좌 발급받기",
        "register": "카드 등록하기",
        "close": "취소(닫기)", "fail": "인증 실패", "single": "일시불", "months": "개월",
        "small": "이 창은 {0}까지 쓸 수 있어요. ‘인증 실패’는 카드사 인증이 거절된 상황을 만들어요.",
        "zero": "카드만 등록해요. 결제되는 금액은 없어요.",
    },
    "ENG": {
        "amount": "Amount", "method": "Method", "shop": "Shop", "order": "Order", "card": "Card issuer",
        "quota": "Instalments", "bank": "Bank to pay into", "cash": "Cash receipt",
        "no_cash": "None", "yes_cash": "For income deduction", "pay": "Pay", "issue": "Get an account",
        "register": "Register the card", "close": "Cancel (close)", "fail": "Fail to authenticate",
        "single": "In full", "months": " months",
        "small": "This window may be used until {0}. ‘Fail to authenticate’ plays a card company that refuses.",
        "zero": "The card is registered only. Nothing is charged.",
    },
}  # fmt: skip
_UNKNOWN = {"title": "결제창을 열 수 없어요", "text": "상점으로 돌아가서 다시 시도해 주세요."}


def routes(till: Till) -> list[BaseRoute]:
    """Make the window's pages, the scripts and the receipt."""

    async def order(request: Request) -> Response:
        form = await _read(request)
        return _press(till, form) if "action" in form else _open(till, request, form)

    async def assistant(_request: Request) -> Response:
        return _script(PG_ASSISTANT % {"order": f"{till.world.public_url}/paystory/pg/order"})

    async def receipt_script(_request: Request) -> Response:
        return _script(RECEIPT % {"receipt": f"{till.world.public_url}/paystory/mms/receiptSearch.html"})

    async def receipt(request: Request) -> Response:
        return _receipt(till, request.query_params)

    return [
        Route("/paystory/pg/order", order, methods=["POST"]),
        Route("/paystory/pg/js/pgAsistant.js", assistant, methods=["GET"]),
        Route("/paystory/mms/js/receipt.js", receipt_script, methods=["GET"]),
        Route("/paystory/mms/receiptSearch.html", receipt, methods=["GET"]),
    ]


def _script(text: str) -> Response:
    return Response(text, media_type="text/javascript; charset=utf-8", headers={"cache-control": "no-cache"})


async def _read(request: Request) -> dict[str, str]:
    """Read the shop's form in the charset it names itself: UTF-8, or EUC-KR. Anything else is empty."""
    raw = (await request.body())[:BODY_MAX_BYTES].decode("ascii", "replace")
    try:
        first = dict(parse_qsl(raw, True, encoding="latin-1", max_num_fields=FIELDS_MAX))
        charset = CHARSETS.get(first.get("charSet", "").lower(), "utf-8")
        return dict(parse_qsl(raw, True, encoding=WRITTEN_IN[charset], errors="strict", max_num_fields=FIELDS_MAX))
    except ValueError:
        return {}


def _open(till: Till, request: Request, form: dict[str, str]) -> Response:
    amount = form.get("goodsAmt", "")
    number = int(amount) if AMOUNT.fullmatch(amount) else 0
    asked = Asked(GATEWAY, DIALECT, "order", form.get("mid", ""), form.get("ordNo", ""), number)
    calls.record(till.world, request, asked, form, HIDDEN_FIELDS)
    try:
        check(form, OPEN, OTHER)
        check_moment(form, till.world.now(), till.settings.clock_minutes)
        check_hash(till.settings.merchants, form, amount)
        vat_of(form, number, OTHER)
        if form.get("charSet", "").lower() not in CHARSETS or not WEB.fullmatch(form.get("returnUrl") or "http://x"):
            raise Refusal(OTHER, "기타오류 (charSet, returnUrl)")
        if form["payMethod"] == "CARD" and 0 < number < CARD_MIN_WON:
            raise Refusal("3041", message("3041"))
        if number == 0 and form["payMethod"] != "CARD":
            raise Refusal(OTHER, "기타오류 (goodsAmt)")
        if number:
            till.check_order(form["mid"], form["ordNo"])
        fault = till.world.faults.pick(GATEWAY, "order", form["ordNo"], number)
        if fault is not None and fault.kind == "decline":
            raise Refusal(fault.code or OTHER, fault.message)
    except Refusal as refusal:
        return page(till.world, "notice.html", 400, title=_UNKNOWN["title"], text=str(refusal))
    expires = till.world.now() + timedelta(minutes=till.settings.window_minutes)
    session = Session(till.next_tid(form["mid"], form["payMethod"]), form, expires, till.world.hex(32))
    till.sessions[session.id] = session
    if number:
        till.book(form["mid"], form["ordNo"], number)
    return _window(till, session)


def _window(till: Till, session: Session, problem: str = "") -> Response:
    form = session.form
    words = WORDS[form.get("language") or "KOR"]
    card = session.method == "CARD"
    kind = "issue" if session.method == "VACNT" else "pay" if session.amount else "register"
    return page(
        till.world,
        "script_window.html",
        422 if problem else 200,
        problem=problem,
        language="en" if form.get("language") == "ENG" else "ko",
        words=words,
        goods=form["goodsNm"],
        amount=won(session.amount),
        method=METHODS[session.method],
        merchant=form["mid"],
        merchant_ref=form["ordNo"],
        hidden={"tid": session.id, "key": session.key},
        cards=CARDS if card else {},
        installments=INSTALLMENTS if session.amount >= INSTALLMENT_MIN_WON else INSTALLMENTS[:1],
        banks=BANKS if session.method == "VACNT" else {},
        cash_receipt=session.method in CASH_METHODS,
        main=words[kind],
        small=words["small"].format(f"{session.expires:%H:%M}") if session.amount else words["zero"],
    )


def _press(till: Till, values: Mapping[str, str]) -> Response:
    session = till.sessions.get(values.get("tid", ""))
    if session is None or not hmac.compare_digest(session.key, values.get("key", "")):
        return page(till.world, "notice.html", 404, **_UNKNOWN)
    if till.world.now() > session.expires:
        return _back(till, session, OTHER, "인증 시간 초과")
    match values.get("action"):
        case "close":
            return _back(till, session, till.settings.close_code, "사용자가 결제를 취소했습니다")
        case "fail":
            return _back(till, session, "3002" if session.method == "CARD" else OTHER, "인증 실패")
        case "pay":
            return _authenticate(till, session, values)
    return _window(till, session)


def _authenticate(till: Till, session: Session, values: Mapping[str, str]) -> Response:
    choice: dict[str, str] = {}
    if session.method == "CARD":
        choice = {"card": values.get("card", ""), "installment": values.get("installment", "00")}
        small = session.amount < INSTALLMENT_MIN_WON
        if choice["card"] not in CARDS:
            return _window(till, session, "카드사를 골라 주세요.")
        if choice["installment"] not in INSTALLMENTS or (small and choice["installment"] != "00"):
            return _window(till, session, "할부는 50,000원부터 고를 수 있어요.")
    elif session.method == "VACNT":
        choice = {"bank": values.get("bank", "")}
        if choice["bank"] not in BANKS:
            return _window(till, session, "입금할 은행을 골라 주세요.")
    if session.method in CASH_METHODS and values.get("cash_receipt") == "1":
        choice["cash_receipt"] = "1"
    session.choice = choice
    session.sign_data = session.sign_data or till.world.hex(128)
    order, amount = session.form["ordNo"], session.amount
    if amount:
        till.book(session.form["mid"], order, amount).authorised = True
    fault = till.world.faults.pick(GATEWAY, "window", order, amount)
    forged = till.world.hex(128) if fault is not None and fault.kind == "forged_token" else ""
    return _back(till, session, "0000", "OK", forged or session.sign_data)


def _back(till: Till, session: Session, code: str, text: str, sign_data: str = "") -> Response:
    """Send the result to the shop: by the browser to returnUrl, or to the page that opened the popup. (guide 4.2)"""
    form = session.form
    fields = {
        "resultCode": code,
        "resultMsg": text,
        "payMethod": session.method,
        "tid": session.id,
        "ediDate": form["ediDate"],
        "mid": form["mid"],
        "goodsAmt": form["goodsAmt"],
        "mbsReserved": form.get("mbsReserved", ""),
        "signData": sign_data,
    }
    if form.get("returnUrl"):
        charset = CHARSETS[form.get("charSet", "").lower()]
        url = form["returnUrl"]
        return page(till.world, "post_back.html", url=url, fields=fields, ok=code == "0000", charset=charset)
    told = {"paystory": "result" if code == "0000" else "close", "fields": fields}
    return page(till.world, "tell_opener.html", told=told, ok=code == "0000")


def _receipt(till: Till, query: Mapping[str, str]) -> Response:
    merchant, tid = (query.get(name) or query.get(name.lower(), "") for name in ("Mid", "Tid"))
    keys = till.settings.merchants.get(merchant, [])
    good = any(hmac.compare_digest(digest(merchant, key), query.get("encData", "")) for key in keys)
    trade = till.trades.get(tid)
    if not good or trade is None or trade.merchant != merchant or not trade.approved:
        return page(till.world, "notice.html", 404, title="영수증을 찾을 수 없어요", text="주소를 확인해 주세요.")
    cash = query.get("receiptType") == "cash"
    if cash and notices.own_fields(trade).get("cashCrctFlg") != "1":
        return page(
            till.world, "notice.html", 404, title="현금영수증이 없어요", text="발급된 현금영수증이 없는 거래예요."
        )
    state = "취소" if not trade.left else "승인"
    kind = "현금영수증" if cash else "거래명세서"
    text = f"{trade.form['goodsNm']} · {won(trade.amount)} · 주문번호 {trade.order}"
    return page(till.world, "notice.html", title=f"{kind} {state}", text=text)
