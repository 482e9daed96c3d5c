"""The window (결제창) of Mainpay's sandbox in both dialects: plain pages that work without JavaScript."""

import base64
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.mainpay.sandbox_desk import Session, Till
from bridge.gateways.mainpay.sandbox_guide import guide_card
from bridge.gateways.mainpay.sandbox_words import (
    BANKS,
    CARDS,
    GATEWAY,
    GUIDE,
    INSTALLMENT_MIN_WON,
    INSTALLMENTS,
    LIVE,
    MESSAGES,
    METHODS,
)
from bridge.sandbox.calls import Malformed, read_form
from bridge.sandbox.pages import page, won

DEVICES = ("pc", "mobile", "app")


def routes(till: Till) -> list[BaseRoute]:
    """Make the window's pages."""

    async def live(request: Request) -> Response:
        device = request.path_params["device"]
        if device not in DEVICES:
            return page(till.world, "notice.html", 404, **_WORDS["unknown"])
        return await _serve(till, request, LIVE, "aid", device)

    async def guide(request: Request) -> Response:
        return await _serve(till, request, GUIDE, "refNo", "pc")

    return [
        Route("/mainpay/ui/{device}", live, methods=["GET", "POST"]),
        Route("/mainpay-guide/ui/pay", guide, methods=["GET", "POST"]),
    ]


_WRONG_MONTHS = "할부는 50,000원부터, 보이는 개월 수만 고를 수 있어요."
_WORDS: Mapping[str, Mapping[str, str]] = {
    "unknown": {"title": "결제창을 찾을 수 없어요", "text": "주소가 잘못됐어요. 상점으로 돌아가서 다시 시도해 주세요."},
    "expired": {
        "title": "결제 시간이 지났어요",
        "text": "결제창은 15분 동안만 열려 있어요. 상점에서 다시 결제해 주세요.",
    },
    "used": {
        "title": "이미 끝난 결제창이에요",
        "text": "인증을 마친 결제창은 다시 쓸 수 없어요. 상점에서 결제 결과를 확인해 주세요.",
    },
}


async def _serve(till: Till, request: Request, dialect: str, name: str, device: str) -> Response:
    values: Mapping[str, str] = request.query_params
    if request.method == "POST":
        try:
            values = await read_form(request)
        except Malformed:
            values = {}
    session = till.sessions.get(values.get(name, ""))
    if session is None or session.dialect != dialect or session.key != values.get("key") or not session.approval_url:
        return page(till.world, "notice.html", 404, **_WORDS["unknown"])
    session.device = device
    if session.token:
        return page(till.world, "notice.html", 410, **_WORDS["used"], again=_return_url(till, session))
    if till.world.now() > session.expires:
        return page(till.world, "notice.html", 410, **_WORDS["expired"], close=session.close_url)
    if request.method == "GET":
        return _window(till, session, name)
    match values.get("action"):
        case "pay":
            return _authenticate(till, session, values, name)
        case "close":
            return RedirectResponse(session.close_url, 303)
        case "fail":
            return _fail(till, session, name)
    return _window(till, session, name)


def _window(till: Till, session: Session, name: str, problem: str = "") -> Response:
    return page(
        till.world,
        "window.html",
        422 if problem else 200,
        problem=problem,
        id_name=name,
        session=session,
        amount=won(session.amount),
        method=METHODS[session.method],
        cards=CARDS[session.dialect] if session.method == "CARD" else {},
        installments=_months_of(session),
        banks=BANKS[session.dialect] if session.method == "VACCT" else {},
        minutes=till.settings.window_minutes,
        expires=f"{session.expires:%H:%M}",
    )


def _months_of(session: Session) -> tuple[str, ...]:
    """Give the months that a window offers: a lump sum, and from 50,000 KRW those the shop named, or all."""
    if session.amount < INSTALLMENT_MIN_WON:
        return INSTALLMENTS[:1]
    return (*INSTALLMENTS[:1], *(session.months or INSTALLMENTS[1:]))


def _authenticate(till: Till, session: Session, values: Mapping[str, str], name: str) -> Response:
    choice = {}
    if session.method == "CARD":
        choice = {"card": values.get("card", ""), "installment": values.get("installment", "00")}
        if choice["card"] not in CARDS[session.dialect]:
            return _window(till, session, name, "카드사를 골라 주세요.")
        if choice["installment"] not in _months_of(session):
            return _window(till, session, name, _WRONG_MONTHS)
    elif session.method == "VACCT":
        choice = {"bank": values.get("bank", "")}
        if choice["bank"] not in BANKS[session.dialect]:
            return _window(till, session, name, "입금할 은행을 골라 주세요.")
    session.choice = choice
    session.token = "AUTH" + till.world.hex(36)
    till.world.bank.open(
        GATEWAY, session.dialect, session.merchant, session.merchant_ref, session.amount
    ).authorised = True
    fault = till.world.faults.pick(GATEWAY, "window", session.merchant_ref, session.amount)
    token = "AUTH" + till.world.hex(36) if fault is not None and fault.kind == "forged_token" else session.token
    if session.dialect == LIVE:
        return RedirectResponse(_return_url(till, session, token), 303)
    return _post_back(till, session, "200", "성공", token)


def _return_url(till: Till, session: Session, token: str = "") -> str:
    """Where the browser goes with the result. The guide's dialect posts; there the address alone is of no use."""
    if session.dialect == GUIDE:
        return ""
    data = session.merchant_data
    if session.device == "mobile" and till.settings.mobile_merchant_data_base64:
        data = base64.b64encode(data.encode()).decode()
    added = urlencode(
        {
            "aid": session.id,
            "authToken": token or session.token,
            "payType": session.pay_type,
            "merchantData": data,
        }
    )
    address, hash_sign, fragment = session.approval_url.partition("#")
    address = quote(address, safe=":/?#[]@!$&'()*+,;=%-._~")
    return f"{address}{'&' if '?' in address else '?'}{added}{hash_sign}{fragment}"


def _fail(till: Till, session: Session, name: str) -> Response:
    """Authentication failed: live, the shop hears nothing of it; in the guide's dialect it gets the code."""
    if session.dialect == GUIDE:
        return _post_back(till, session, "401", MESSAGES["401"], "")
    again = f"/mainpay/ui/{session.device}?{urlencode({name: session.id, 'key': session.key})}"
    return page(
        till.world,
        "notice.html",
        title="인증하지 못했어요",
        text="카드 정보를 확인하고 다시 시도해 주세요. 결제된 금액은 없어요.",
        retry=again,
        close=session.close_url,
    )


def _post_back(till: Till, session: Session, code: str, message: str, token: str) -> Response:
    fields = {
        "refNo": session.id,
        "mbrRefNo": session.merchant_ref,
        "resultCode": code,
        "resultMessage": message,
        "authCode": token,
        "cardNo": guide_card(session),
        "cardCode": session.choice.get("card", ""),
        "installment": session.choice.get("installment", "00"),
        "amount": str(session.amount),
    }
    return page(till.world, "post_back.html", url=session.approval_url, fields=fields, ok=code == "200")
