"""The window of Welcome's sandbox: what a payment link opens, its return, and the approval that follows it."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.welcome import sandbox_notices as notices
from bridge.gateways.welcome.sandbox_till import WRONG_BY_WON, Billkey, Deal, Link, Till
from bridge.gateways.welcome.sandbox_words import (
    ANY_QUOTA,
    BANKS,
    CANNOT,
    CARDS,
    DIALECT,
    GATEWAY,
    HIDDEN_FIELDS,
    INSTALLMENT_MIN_WON,
    INSTALLMENTS,
    PAY_TYPES,
    REFUSED,
    Refusal,
    text_response,
)
from bridge.sandbox import calls
from bridge.sandbox.calls import Answer, Asked, Malformed, read_form
from bridge.sandbox.faults import Fault
from bridge.sandbox.notices import Notice
from bridge.sandbox.pages import page, won

OWN_NEXT = "smsNextUrl.jsp"
"""Where a link leads that Welcome approves by itself (payapi07, P_NEXT_URL)."""


def routes(till: Till) -> list[BaseRoute]:
    """Make the window's pages and the address of its approval."""
    return [
        Route("/welcome/s/{code}", partial(_window, till), methods=["GET", "POST"]),
        Route("/welcome/mobile/approve/{code}", partial(_approve, till), methods=["POST"]),
    ]


def _say(till: Till, title: str, text: str, status: int = 200, **more: str) -> Response:
    return page(till.world, "notice.html", status, title=title, text=text, **more)


async def _window(till: Till, request: Request) -> Response:
    link = till.links.get(request.path_params["code"])
    if link is None:
        return _say(till, "결제 주소를 찾을 수 없어요", "주소가 잘못됐어요. 상점에서 다시 시도해 주세요.", 404)
    if link.deal is not None or link.authenticated_at is not None:
        return _say(till, "이미 끝난 결제창이에요", "상점에서 결제 결과를 확인해 주세요.", 410)
    if till.world.now() > link.expires:
        return _say(till, "결제 시간이 지났어요", "결제 주소는 72시간 동안만 쓸 수 있어요.", 410)
    if request.method == "GET":
        return _form(till, link)
    try:
        values = await read_form(request)
    except Malformed:
        return _form(till, link)
    match values.get("action"):
        case "pay":
            return await _press(till, request, link, values)
        case "close":
            return _refused(till, link, "01", "사용자 취소")
        case "fail":
            return _refused(till, link, "01", "인증 실패")
    return _form(till, link)


def _form(till: Till, link: Link, problem: str = "") -> Response:
    kind = link.form["payType"]
    selects: list[dict[str, Any]] = []
    if kind == "card":
        selects.append({"name": "card", "label": "카드사", "options": CARDS, "value": ""})
        names = {one: "일시불" if one == "00" else f"{int(one)}개월" for one in _months_of(link)}
        selects.append({"name": "installment", "label": "할부", "options": names, "value": ""})
    if kind in ("vbank", "bank"):
        selects.append({"name": "bank", "label": "은행", "options": BANKS, "value": ""})
    return page(
        till.world,
        "pay.html",
        422 if problem else 200,
        title=f"{won(link.amount)} 결제",
        goods=link.form["P_GOODS"],
        problem=problem,
        amount=won(link.amount),
        rows=[("결제 수단", PAY_TYPES[kind]), ("상점", link.mid), ("주문 번호", link.form["P_OID"])],
        hidden={},
        inputs=[],
        selects=selects,
        button="가상계좌 발급받기" if kind == "vbank" else f"{won(link.amount)} 결제하기",
        note=f"이 주소는 {link.expires:%m월 %d일 %H:%M}까지 쓸 수 있어요.",
    )


def _months_of(link: Link) -> tuple[str, ...]:
    """Give the months that the window offers: a lump sum, and from 50,000 KRW those of P_QUOTABASE, or all."""
    if link.amount < INSTALLMENT_MIN_WON:
        return INSTALLMENTS[:1]
    named = tuple(one for one in link.form.get("P_QUOTABASE", "").split(":") if one not in ("", ANY_QUOTA))
    return (*INSTALLMENTS[:1], *(named or INSTALLMENTS[1:]))


def _approves_itself(link: Link) -> bool:
    following = link.form.get("P_NEXT_URL", "")
    return not following or following.endswith(OWN_NEXT)


def _refused(till: Till, link: Link, code: str, message: str) -> Response:
    """Tell the shop through the browser that nothing was authenticated."""
    url = link.form.get("P_RETURN_URL", "") if _approves_itself(link) else link.form["P_NEXT_URL"]
    fields = {"P_STATUS": code, "P_RMESG1": message, "P_OID": link.form["P_OID"], "P_NOTI": link.form.get("P_NOTI", "")}
    return page(till.world, "post_back.html", url=url, fields=fields, ok=False)


def _choice(link: Link, values: Mapping[str, str]) -> tuple[dict[str, str], str]:
    kind = link.form["payType"]
    if kind == "card":
        card, months = values.get("card") or next(iter(CARDS)), values.get("installment") or "00"
        if card not in CARDS:
            return {}, "카드사를 골라 주세요."
        if months not in _months_of(link):
            small = link.amount < INSTALLMENT_MIN_WON
            return {}, "할부는 50,000원부터 고를 수 있어요." if small else "이 결제에서 고를 수 없는 할부예요."
        return {"code": card, "quota": months, "number": f"9{card}000******{card}34"}, ""
    if kind in ("vbank", "bank"):
        bank = values.get("bank") or next(iter(BANKS))
        return ({"bank": bank}, "") if bank in BANKS else ({}, "은행을 골라 주세요.")
    return {}, ""


async def _press(till: Till, request: Request, link: Link, values: Mapping[str, str]) -> Response:
    choice, problem = _choice(link, values)
    if problem:
        return _form(till, link, problem)
    asked = Asked(GATEWAY, DIALECT, "window", link.mid, link.form["P_OID"], link.amount)
    calls.record(till.world, request, asked, dict(values), HIDDEN_FIELDS)

    def do(fault: Fault | None) -> Answer:
        link.choice, link.authenticated_at = choice, till.world.now()
        link.tid = link.tid or till.tid(link.mid, "m")
        till.book(link.mid, link.form["P_OID"], link.amount).authorised = True
        if not _approves_itself(link):
            return Answer({"page": _authenticated(till, link, fault)})
        try:
            deal = _charge(till, link, fault)
        except Refusal as refusal:
            link.authenticated_at = None
            return Answer({"page": _refused(till, link, refusal.code, refusal.message)})
        fields = notices.mobile_fields(till, link, deal, "00", deal.amount)
        back = page(till.world, "post_back.html", url=link.form.get("P_RETURN_URL", ""), fields=fields, ok=True)
        return Answer({"page": back}, _news(till, link, deal))

    return await calls.answer(till.world, asked, do, lambda body: body["page"])


def _authenticated(till: Till, link: Link, fault: Fault | None) -> Response:
    """Send the browser to P_NEXT_URL with the address of the approval (mobile02, 2.4)."""
    tid = till.tid(link.mid, "f") if fault is not None and fault.kind == "forged_token" else link.tid
    fields = {
        "P_STATUS": "00",
        "P_RMESG1": "성공",
        "P_TID": tid,
        "P_REQ_URL": f"{till.world.public_url}/welcome/mobile/approve/{link.code}",
        "P_NOTI": link.form.get("P_NOTI", ""),
        "P_AMT": str(link.amount),
        "P_OID": link.form["P_OID"],
    }
    return page(till.world, "post_back.html", url=link.form["P_NEXT_URL"], fields=fields, ok=True)


def _charge(till: Till, link: Link, fault: Fault | None) -> Deal:
    """Take the money of an authenticated window, or issue its account. Raises Refusal."""
    till.check_new(link.mid, link.form["P_OID"])
    if fault is not None and fault.kind == "decline":
        raise Refusal(fault.code or REFUSED, fault.message)
    kind, reserved = link.form["payType"], link.form.get("P_RESERVED", "")
    deal = till.make(link.mid, link.form["P_OID"], kind, link.amount, goods=link.form["P_GOODS"])
    deal.tid, deal.buyer = link.tid, link.form.get("P_UNAME", "")
    if kind == "card":
        deal.card = dict(link.choice)
    if kind == "vbank":
        number = f"{till.world.random.randrange(10**13):014d}"
        due = f"{till.world.now() + timedelta(days=7):%Y%m%d}"
        deal.account = {"bank": link.choice["bank"], "number": number, "due": due}
    deal.escrow = "0" if "useescrow=Y" in reserved else ""
    link.deal = deal
    taken = link.amount + WRONG_BY_WON if fault is not None and fault.kind == "wrong_amount" else link.amount
    till.charge(deal, taken, "link")
    if kind == "hpp" and "hpp_bill=Y" in reserved and till.settings.link_gives_phone_key:
        key = Billkey(till.world.hex(40), link.mid, "hpp", "", "", till.world.now(), link.amount)
        till.billkeys[key.key] = key
        link.billkey = key.key
    return deal


def _news(till: Till, link: Link, deal: Deal) -> list[Notice]:
    unified = notices.unified(till, deal, deal.amount) if deal.paid else []
    return [*unified, *notices.mobile(till, link, deal, "00", deal.amount)]


async def _approve(till: Till, request: Request) -> Response:
    """Approve what was authenticated, within five minutes: P_TID and P_MID (mobile02, 2.5)."""
    link = till.links.get(request.path_params["code"])
    try:
        form = await read_form(request)
    except Malformed:
        form = {}
    charset = link.charset if link else "euc-kr"
    ref, amount = (link.form["P_OID"], link.amount) if link else ("", 0)
    asked = Asked(GATEWAY, DIALECT, "approve", form.get("P_MID", ""), ref, amount)
    calls.record(till.world, request, asked, form, HIDDEN_FIELDS)

    def do(fault: Fault | None) -> Answer:
        try:
            deal = _approved(till, link, form, fault)
        except Refusal as refusal:
            return Answer({"P_STATUS": refusal.code, "P_RMESG1": refusal.message, "P_TID": form.get("P_TID", "")})
        assert link is not None, "an approval has a window"
        fields = notices.mobile_fields(till, link, deal, "00", deal.amount)
        other = {"P_OID": f"OTHER{deal.oid[-20:]}"} if fault is not None and fault.kind == "cross_wired" else {}
        return Answer(dict(fields | other), _news(till, link, deal))

    return await calls.answer(till.world, asked, do, lambda body: text_response(body, charset))


def _approved(till: Till, link: Link | None, form: Mapping[str, str], fault: Fault | None) -> Deal:
    if link is None or link.authenticated_at is None or (form.get("P_TID"), form.get("P_MID")) != (link.tid, link.mid):
        raise Refusal(CANNOT, "인증된 거래가 없습니다.")
    if link.deal is not None or link.undone:
        raise Refusal(CANNOT, "이미 승인 요청된 거래입니다.")
    if (till.world.now() - link.authenticated_at).total_seconds() > till.settings.approve_seconds:
        raise Refusal(CANNOT, "승인 가능 시간이 지났습니다.")
    return _charge(till, link, fault)
