"""The window of Payple's sandbox and the script that opens it."""

import hmac
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.payple import sandbox_api as api
from bridge.gateways.payple import sandbox_notices as notices
from bridge.gateways.payple.sandbox_script import CPAY
from bridge.gateways.payple.sandbox_till import Session, Till
from bridge.gateways.payple.sandbox_words import (
    BUYER,
    CARD,
    CARDS,
    DIALECT,
    DIGITS,
    GATEWAY,
    GOODS,
    HIDDEN_FIELDS,
    MONTH,
    TOKENS,
    WEB,
    WON,
    YEAR,
    YES_NO,
    failed,
)
from bridge.sandbox import calls
from bridge.sandbox.calls import Answer, Asked, Malformed
from bridge.sandbox.faults import Fault
from bridge.sandbox.pages import framed, page, won
from bridge.sandbox.refusals import Refusal, Rule, check

OPEN = (
    *TOKENS,
    Rule("PCD_CPAY_VER", 10, 1, re.compile(r"1\.0\.1")),
    Rule("PCD_PAY_TYPE", 20, 1, CARD),
    Rule("PCD_PAY_WORK", 4, 3, re.compile("AUTH|CERT|PAY")),
    Rule("PCD_CARD_VER", 2, 2, re.compile("01|02")),
    Rule("PCD_PAYER_NO", 10, 1, DIGITS),
    Rule("PCD_PAYER_NAME", 255, needed=False),
    Rule("PCD_PAY_OID", 255, needed=False),
    Rule("PCD_REGULER_FLAG", 1, 1, YES_NO, needed=False),
    Rule("PCD_PAY_YEAR", 4, 4, YEAR, needed=False),
    Rule("PCD_PAY_MONTH", 2, 2, MONTH, needed=False),
    Rule("PCD_RST_URL", 1024, 1, WEB, needed=False),
    *BUYER,
)
WORKS: Mapping[str, str] = {"AUTH": "카드 등록", "CERT": "신용카드", "PAY": "신용카드"}
_SORRY = {"title": "결제창을 열 수 없어요", "text": "상점으로 돌아가서 다시 시도해 주세요."}


def routes(till: Till) -> list[BaseRoute]:
    """Make the window's page, its script, and the authentication of the script that needs no server."""

    async def window(request: Request) -> Response:
        try:
            form = await calls.read_form(request)
        except Malformed:
            form = {}
        made = await _press(till, form) if "action" in form else _open(till, request, form)
        return framed(made) if isinstance(made, HTMLResponse) else made

    async def script(_request: Request) -> Response:
        text = CPAY % {"origin": till.world.public_url}
        return Response(text, media_type="text/javascript; charset=utf-8", headers={"cache-control": "no-cache"})

    async def client_auth(request: Request) -> Response:
        return await _client_auth(till, request)

    return [
        Route("/payple/index.php", window, methods=["POST"]),
        Route("/payple/{way}/index.php", window, methods=["POST"]),
        Route("/payple/js/cpay.payple.1.0.1.js", script, methods=["GET"]),
        Route("/payple/js/v1/payment.js", script, methods=["GET"]),
        Route("/payple/js/v1/auth", client_auth, methods=["POST"]),
    ]


async def _client_auth(till: Till, request: Request) -> Response:
    open_to_all = {"access-control-allow-origin": "*"}
    try:
        form = await calls.read_form(request)
    except Malformed:
        form = {}
    for name, shop in till.settings.merchants.items():
        if form.get("clientKey") and hmac.compare_digest(shop["client_key"].encode(), form["clientKey"].encode()):
            return JSONResponse(api.granted_answer(till, till.grant(name, "window")), headers=open_to_all)
    return JSONResponse({"result": "error", "result_msg": "AUTH0001 가맹점 인증 실패"}, headers=open_to_all)


def _open(till: Till, request: Request, form: dict[str, str]) -> HTMLResponse:
    world = till.world
    total = form.get("PCD_PAY_TOTAL", "")
    amount = int(total) if WON.fullmatch(total) else 0
    granted = till.passes.get(form.get("PCD_AUTH_KEY", ""))
    merchant = granted.merchant if granted else ""
    asked = Asked(GATEWAY, DIALECT, "window", merchant, form.get("PCD_PAY_OID", ""), amount)
    calls.record(world, request, asked, form, HIDDEN_FIELDS)
    try:
        check(form, OPEN, "CPAY0001")
        granted = till.check_pass(form, "window", request.path_params.get("way", ""))
        _check_goods(till, form)
        form = {"PCD_PAY_OID": f"{granted.merchant}{world.now():%Y%m%d%H%M%S}{world.hex(6)}", **form}
        form["PCD_PAY_OID"] = form["PCD_PAY_OID"] or f"{granted.merchant}{world.hex(20)}"
        till.check_order(granted.merchant, form["PCD_PAY_OID"])
    except Refusal as refusal:
        return page(world, "notice.html", 400, title=_SORRY["title"], text=str(refusal))
    ends = world.now() + timedelta(minutes=till.settings.window_minutes)
    session = Session(world.hex(32), form, granted, world.hex(32), ends)
    till.sessions[session.id] = session
    if session.amount:
        till.book(granted.merchant, form["PCD_PAY_OID"], session.amount)
    return _window(till, session)


def _check_goods(till: Till, form: Mapping[str, str]) -> None:
    if form["PCD_PAY_WORK"] == "AUTH":
        if form["PCD_CARD_VER"] != "01":
            raise Refusal("CPAY0001", "파라미터 오류 (PCD_CARD_VER)")
        return
    check(form, GOODS, "CPAY0001")
    till.check_least(int(form["PCD_PAY_TOTAL"]))
    api.check_tax(form)
    if form.get("PCD_REGULER_FLAG") == "Y" and not (form.get("PCD_PAY_YEAR") and form.get("PCD_PAY_MONTH")):
        raise Refusal("CPAY0001", "파라미터 오류 (PCD_PAY_YEAR, PCD_PAY_MONTH)")


def _window(till: Till, session: Session, problem: str = "") -> HTMLResponse:
    form = session.form
    money = session.amount if form["PCD_PAY_WORK"] != "AUTH" else 0
    return page(
        till.world,
        "pay.html",
        422 if problem else 200,

        title="카드 등록" if not money else f"{won(money)} 결제",
        goods=form.get("PCD_PAY_GOODS", ""),
        problem=problem,
        amount=won(money) if money else "",
        rows=[("결제 수단", WORKS[form["PCD_PAY_WORK"]]), ("상점 번호", session.granted.merchant),
              ("주문 번호", form["PCD_PAY_OID"])],
        hidden={"window": session.id, "key": session.key},
        inputs=[],
        selects=[{"name": "card", "label": "카드사", "options": CARDS, "value": "01"}],
        button="카드 등록하기" if not money else f"{won(money)} 결제하기",
        note=f"이 창은 {session.ends:%H:%M}까지 쓸 수 있어요.",
    )  # fmt: skip


async def _press(till: Till, values: Mapping[str, str]) -> Response:
    session = till.sessions.get(values.get("window", ""))
    if session is None or not hmac.compare_digest(session.key, values.get("key", "")):
        return page(till.world, "notice.html", 404, **_SORRY)
    if till.world.now() > session.ends:
        return _back(till, session, failed("CPAY0002", "인증 시간 초과"))
    match values.get("action"):
        case "close":
            return _back(till, session, {**failed("CPAY0010"), "PCD_PAY_RST": "close"})
        case "fail":
            return _back(till, session, failed("CPAY0004", "카드 인증 실패"))
        case "pay":
            return await _authenticate(till, session, values)
    return _window(till, session)


async def _authenticate(till: Till, session: Session, values: Mapping[str, str]) -> Response:
    if values.get("card") not in CARDS:
        return _window(till, session, "카드사를 골라 주세요.")
    form, merchant = session.form, session.granted.merchant
    session.choice = {"card": values["card"]}
    if form["PCD_CARD_VER"] == "01" and not session.payer:
        session.payer = till.keep_payer(merchant, form, values["card"])
    work = form["PCD_PAY_WORK"]
    order, amount = form["PCD_PAY_OID"], session.amount
    if work == "AUTH":
        done = {"PCD_PAY_RST": "success", "PCD_PAY_CODE": "0000", "PCD_PAY_MSG": "카드등록완료"}
        return _back(till, session, done | till.card_fields(values["card"]))
    till.book(merchant, order, amount).authorised = True
    if work == "PAY":
        return await _pay(till, session)
    fault = till.world.faults.pick(GATEWAY, "window", order, amount)
    session.req_key = session.req_key or till.world.hex(32)
    host, path = api.address(till, session.granted, "confirm")
    done = {
        "PCD_PAY_RST": "success",
        "PCD_PAY_CODE": "0000",
        "PCD_PAY_MSG": "요청 완료",
        "PCD_PAY_REQKEY": till.world.hex(32) if fault and fault.kind == "forged_token" else session.req_key,
        "PCD_PAY_HOST": host,
        "PCD_PAY_URL": path,
        "PCD_PAY_COFURL": host + path,
        "PCD_PAY_TIME": f"{till.world.now():%Y%m%d%H%M%S}",
        **till.card_fields(values["card"]),
    }
    return _back(till, session, done)


async def _pay(till: Till, session: Session) -> Response:
    """Take the money at once, without a word of the shop's, whatever becomes of the page. (card manual, 1-2)"""
    merchant, order = session.granted.merchant, session.form["PCD_PAY_OID"]

    def do(fault: Fault | None) -> Answer:
        if session.done:
            return Answer(
                {"page": page(till.world, "notice.html", title="이미 끝난 결제창이에요", text="")}, status=410
            )
        try:
            till.check_order(merchant, order)
            said = api.charged(till, merchant, session.form, session.choice, session.payer, "window", fault)
        except Refusal as refusal:
            return Answer({"page": _back(till, session, failed(refusal.code, refusal.message))})
        session.done = True
        return Answer({"page": _back(till, session, said.body)}, said.notices)

    asked = Asked(GATEWAY, DIALECT, "window", merchant, order, session.amount)
    return await calls.answer(till.world, asked, do, lambda body: body["page"])


def _back(till: Till, session: Session, told: Mapping[str, Any]) -> HTMLResponse:
    """Send the result: by the browser to PCD_RST_URL, or to the page over which the window lies."""
    form = session.form
    fields = {
        "PCD_PAY_TYPE": "card",
        "PCD_PAY_WORK": form["PCD_PAY_WORK"],
        "PCD_PAY_OID": form["PCD_PAY_OID"],
        "PCD_PAY_TOTAL": form.get("PCD_PAY_TOTAL", ""),
        "PCD_AUTH_KEY": session.granted.auth_key,
        "PCD_PAY_REQKEY": "",
        "PCD_PAY_COFURL": "",
        "PCD_PAYER_ID": session.payer,
        **{name: form[name] for name in notices.ECHOED if form.get(name)},
        **told,
    }
    ok = told["PCD_PAY_RST"] == "success"
    if form.get("PCD_RST_URL"):
        return page(till.world, "post_back.html", url=form["PCD_RST_URL"], fields=fields, ok=ok)
    return page(till.world, "tell_opener.html", told={"payple": "result", "fields": fields}, ok=ok)
