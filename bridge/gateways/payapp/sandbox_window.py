"""The pages of PayApp's sandbox: where a request is paid, the slip, the script (JS API) and what it opens."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.payapp import sandbox_bills as bills
from bridge.gateways.payapp import sandbox_notices as notices
from bridge.gateways.payapp.sandbox_pay import check_price, check_sub_account
from bridge.gateways.payapp.sandbox_till import WRONG_BY_WON, Request, Till
from bridge.gateways.payapp.sandbox_words import (
    ASKED,
    BANKS,
    CARDS,
    DIALECT,
    GATEWAY,
    HIDDEN_FIELDS,
    INSTALLMENT_MIN_WON,
    INSTALLMENTS,
    JS_REQUEST,
    METHODS,
    RULES,
    WAITING,
    Refusal,
)
from bridge.sandbox import calls
from bridge.sandbox.calls import Answer, Asked, Malformed, read_form
from bridge.sandbox.faults import Fault
from bridge.sandbox.pages import page, script, won
from bridge.sandbox.rules import misfit
from bridge.sandbox.world import World

POINTS = ("naverpay", "smilepay")
WITH_CARD = ("card", "payco")


def routes(till: Till) -> list[BaseRoute]:
    """Make the pages."""
    return [
        Route("/payapp/p/{key}", partial(_pay_page, till), methods=["GET", "POST"]),
        Route("/payapp/qr/{key}", partial(_qr, till), methods=["GET"]),
        Route("/payapp/cst/{key}", partial(_slip_page, till), methods=["GET"]),
        Route("/payapp/lite/public/api/v2/payapp-lite.js", partial(_lite, till), methods=["GET"]),
        Route("/payapp/lite/payrequest", partial(_by_script, till, "payrequest"), methods=["POST"]),
        Route("/payapp/lite/rebill", partial(_by_script, till, "rebillRegist"), methods=["POST"]),
    ]


def _say(world: World, title: str, text: str, status: int = 200, **more: str) -> Response:
    return page(world, "notice.html", status, title=title, text=text, **more)


def _unknown(world: World) -> Response:
    return _say(world, "결제요청을 찾을 수 없어요", "주소가 잘못됐어요. 상점에서 다시 시도해 주세요.", 404)


TYPED = {
    "goodname": ("상품명", "text", "상품명을 확인해 주세요."),
    "price": ("결제 금액(원)", "numeric", "결제 금액을 숫자 10자리까지 적어 주세요."),
    "recvphone": ("휴대전화 번호", "tel", "결제 주소를 받을 휴대전화 번호를 적어 주세요."),
}
"""What the script's window lets a buyer type, and what it says of that where it cannot be: a title and a price that the
shop left out, and the phone with them. (manual, 사용자입력)"""
NEEDED_TO_GO_ON = ("shopname", "goodname", "price", "recvphone")
"""Without these redirectpay does nothing: the page's address only goes to the buyer's phone."""


async def _lite(till: Till, _request: HttpRequest) -> Response:
    return script("payapp_lite.js", base=f"{till.world.public_url}/payapp/lite")


async def _qr(till: Till, request: HttpRequest) -> Response:
    found = till.by_key.get(request.path_params["key"])
    return RedirectResponse(notices.pay_url(till, found), 303) if found else _unknown(till.world)


async def _by_script(till: Till, cmd: str, request: HttpRequest) -> Response:
    """Take in what the script sends from a buyer's browser: nothing here is secret, and nothing is to be believed."""
    try:
        form = {name: value.strip() for name, value in (await read_form(request)).items()}
    except Malformed:
        form = {}
    for name in ("price", "goodprice", "recvphone"):  # 숫자 외의 문자는 제거됩니다
        if name in form:
            form[name] = "".join(sign for sign in form[name] if sign in "0123456789")
    asked = Asked(GATEWAY, DIALECT, f"js.{cmd}", form.get("userid", ""), form.get("var1", ""), 0)
    calls.record(till.world, request, asked, form, HIDDEN_FIELDS)
    action, typing = form.pop("action", ""), _typing(form) if cmd == "payrequest" else ()
    try:
        _check(till, cmd, {name: value for name, value in form.items() if name not in typing})
        problem = _mistyped(till, form, typing) if typing and action == "pay" else ""
        if typing and (problem or action != "pay"):
            return _typing_page(till, form, typing, action, problem)
        found = await _take_in(till, cmd, form)
    except Refusal as refusal:
        return _say(till.world, "결제를 요청하지 못했어요", f"{refusal.message} ({refusal.code})", 400)
    here = f"/payapp/p/{found.key}"
    goes_on = form.get("redirectpay") == "1" and all(form.get(name) for name in NEEDED_TO_GO_ON)
    if cmd == "rebillRegist" or (goes_on and not typing):
        return RedirectResponse(here, 303)
    title, back = "결제를 요청했어요", form.get("redirecturl", "")
    if form.get("smsuse") == "n":
        return _say(till.world, title, "결제 주소는 보내지 않았어요.", close=back)
    return _say(till.world, title, "휴대전화로 결제 주소를 보냈어요.", sent=here, close=back)


def _typing(form: dict[str, str]) -> tuple[str, ...]:
    """Name what the buyer types in the script's window: what its page asked for, or what the shop left out of goodname
    and price, and the phone then."""
    wanted = {*form.pop("typing", "").split(","), *(name for name in ("goodname", "price") if not form.get(name))}
    if wanted & {"goodname", "price"}:
        wanted.add("recvphone")
    return tuple(name for name in TYPED if name in wanted)


def _mistyped(till: Till, form: Mapping[str, str], typing: tuple[str, ...]) -> str:
    """Say what is wrong with what the buyer typed, if anything."""
    bent = misfit(form, RULES["payrequest"])
    if bent in typing:
        return TYPED[bent][2]
    least = till.settings.price_min
    return f"{won(least)}부터 결제할 수 있어요." if "price" in typing and int(form["price"]) < least else ""


def _typing_page(till: Till, form: Mapping[str, str], typing: tuple[str, ...], action: str, problem: str) -> Response:
    """Ask the buyer for what the shop left out, and tell nobody before it is there."""
    if action == "close":
        return _say(till.world, "결제하지 않았어요", "결제된 금액은 없어요.", close=form.get("redirecturl", ""))
    inputs = [_input(name, *TYPED[name][:2], value=form.get(name, ""), needed=True) for name in typing]
    price = won(int(form["price"])) if "price" not in typing else ""
    return page(
        till.world,
        "pay.html",
        422 if problem else 200,
        title="결제요청",
        goods="결제요청" if "goodname" in typing else form["goodname"],
        problem=problem,
        amount=price,
        rows=[("상점", form["shopname"])],
        hidden={name: value for name, value in form.items() if name not in typing} | {"typing": ",".join(typing)},
        inputs=inputs,
        selects=[],
        button="결제요청하기",
        fails=False,
        note="결제할 주소를 휴대전화로 보내 드려요.",
    )


def _check(till: Till, cmd: str, form: Mapping[str, str]) -> None:
    """Check what the shop's page says. Raises Refusal."""
    if form.get("userid") not in till.settings.sellers:
        raise Refusal("70010")
    bent = misfit(form, RULES[cmd] if cmd == "rebillRegist" else JS_REQUEST)
    if bent:
        raise Refusal("70020", f"파라메터값이 정확하지 않습니다. ({bent})")


async def _take_in(till: Till, cmd: str, form: dict[str, str]) -> Request:
    """Begin a plan, or a request for payment and tell of it. Raises Refusal."""
    if cmd == "rebillRegist":
        number = bills.rebill_regist(till, form, None).body["rebill_no"]
        return till.plans[number].request
    price = int(form["price"])
    check_price(till, form, price)
    check_sub_account(till, form)
    made = till.ask(form["userid"], form, price, by_script=True)
    if form.get("feedbackurl"):  # 요청상태(pay_state=1)로 최초 노티되며 'SUCCESS'가 있어야 결제진행이 가능합니다
        first = notices.news(till, made, ASKED, price)
        for notice in first:
            await till.world.notices.attempt(notice)
        made.acked = first[0].record.acked
        if not made.acked:
            raise Refusal("70080")
    return made


async def _pay_page(till: Till, request: HttpRequest) -> Response:
    world = till.world
    found = till.by_key.get(request.path_params["key"])
    if found is None or not found.acked:
        return _unknown(world)
    if found.paid_at is not None or found.state == WAITING:
        return _slip(till, found)
    if found.state != ASKED:
        return _say(world, "취소된 결제요청이에요", "상점에서 다시 결제해 주세요.", 410, close=_back(found))
    if request.method == "GET":
        return _form(till, found)
    try:
        values = await read_form(request)
    except Malformed:
        return _form(till, found)
    match values.get("action"):
        case "pay":
            return await _press(till, request, found, values)
        case "close":
            return _say(world, "결제하지 않았어요", "결제된 금액은 없어요.", close=_back(found))
        case "fail":
            text = "카드 정보를 확인하고 다시 시도해 주세요. 결제된 금액은 없어요."
            return _say(world, "결제하지 못했어요", text, retry=f"/payapp/p/{found.key}", close=_back(found))
    return _form(till, found)


def _back(found: Request) -> str:
    return found.form.get("returnurl", "")


def _offered(found: Request) -> dict[str, str]:
    wanted = found.form.get("openpaytype", "")
    return {name: METHODS[name] for name in wanted.split(",")} if wanted else dict(METHODS)


def _form(till: Till, found: Request, problem: str = "") -> Response:
    offered = _offered(found)
    selects: list[dict[str, Any]] = [_select("method", "결제 수단", offered)]
    if set(offered) & set(WITH_CARD):
        selects.append(_select("card", "카드사", CARDS))
        months = INSTALLMENTS if found.price >= INSTALLMENT_MIN_WON else INSTALLMENTS[:1]
        names = {one: "일시불" if one == "00" else f"{int(one)}개월" for one in months}
        selects.append(_select("installment", "할부", names))
    if "vbank" in offered:
        selects.append(_select("bank", "입금할 은행", BANKS))
    if "naverpay" in offered:
        selects.append(_select("naverpay", "네이버페이", {"card": "카드", "bank": "계좌"}))
    inputs = []
    if found.form.get("reqaddr") == "1":
        inputs.append(_input("pay_addr", "주소", needed=True))
    if set(offered) & set(POINTS):
        inputs.append(_input("points", "포인트·스마일캐시(원)", "numeric"))
    inputs.append(_input("pay_memo", "메모"))
    return page(
        till.world,
        "pay.html",
        422 if problem else 200,
        title=f"{won(found.price)} 결제",
        goods=found.form["goodname"],
        problem=problem,
        amount=won(found.price),
        rows=[("상점", found.form.get("shopname") or found.userid), ("결제요청 번호", str(found.mul_no))],
        hidden={},
        inputs=inputs,
        selects=selects,
        button=f"{won(found.price)} 결제하기",
        note="결제요청은 상점이 취소할 때까지 남아 있어요.",
    )


def _select(name: str, label: str, options: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "label": label, "options": options, "value": ""}


def _input(name: str, label: str, mode: str = "text", *, value: str = "", needed: bool = False) -> dict[str, Any]:
    return {"name": name, "label": label, "value": value, "mode": mode, "needed": needed}


def _chosen(found: Request, values: Mapping[str, str]) -> tuple[str, dict[str, str], str]:
    """Read what the buyer chose: method, details, and what is wrong with it."""
    method, price = values.get("method", "") or next(iter(_offered(found))), found.price
    choice = {name: values.get(name, "") for name in ("pay_memo", "pay_addr")}
    if method not in _offered(found):
        return method, choice, "결제 수단을 골라 주세요."
    if found.form.get("reqaddr") == "1" and not choice["pay_addr"]:
        return method, choice, "주소를 적어 주세요."
    if method in WITH_CARD:
        card, months = values.get("card") or next(iter(CARDS)), values.get("installment", "00")
        if card not in CARDS:
            return method, choice, "카드사를 골라 주세요."
        if months not in INSTALLMENTS or (price < INSTALLMENT_MIN_WON and months != "00"):
            return method, choice, "할부는 50,000원부터 고를 수 있어요."
        choice |= {"card_name": CARDS[card], "card_num": f"{card}********0000", "installment": months}
    if method == "vbank":
        bank = values.get("bank") or next(iter(BANKS))
        if bank not in BANKS:
            return method, choice, "입금할 은행을 골라 주세요."
        choice["vbank"] = BANKS[bank]
    if method in POINTS:
        points = values.get("points") or "0"
        if not points.isascii() or not points.isdigit() or int(points) > price:
            return method, choice, "포인트는 결제 금액까지 쓸 수 있어요."
        choice |= {"points": points, "naverpay": values.get("naverpay") or "card"}
    return method, choice, ""


async def _press(till: Till, request: HttpRequest, found: Request, values: Mapping[str, str]) -> Response:
    """Take the buyer's money where everything is chosen. Here the money moves, whatever becomes of the page."""
    method, choice, problem = _chosen(found, values)
    if problem:
        return _form(till, found, problem)
    price = found.price
    asked = Asked(GATEWAY, DIALECT, "pay", found.userid, found.book.merchant_ref, price)
    calls.record(till.world, request, asked, dict(values), HIDDEN_FIELDS | {"pay_addr"})

    def do(fault: Fault | None) -> Answer:
        if fault is not None and fault.kind == "decline":
            text = f"{fault.message or '카드사 승인거절'} 결제된 금액은 없어요."
            again = f"/payapp/p/{found.key}"
            return Answer({"page": _say(till.world, "결제하지 못했어요", text, retry=again, close=_back(found))})
        if found.paid_at is None and found.state != WAITING:
            taken = price + WRONG_BY_WON if fault is not None and fault.kind == "wrong_amount" else price
            till.pay(found, method, choice, taken)
            if found.rebill_no:
                bills.begin(till, till.plans[found.rebill_no])
        return Answer({"page": _slip(till, found)}, notices.news(till, found, found.state, found.price))

    return await calls.answer(till.world, asked, do, lambda body: body["page"])


async def _slip_page(till: Till, request: HttpRequest) -> Response:
    found = till.by_key.get(request.path_params["key"])
    return _unknown(till.world) if found is None or found.paid_at is None else _slip(till, found, page_only=True)


def _slip(till: Till, found: Request, *, page_only: bool = False) -> Response:
    """Show the slip, or skip it and post the result to returnurl (skip_cstpage)."""
    back = _back(found)
    if found.form.get("skip_cstpage") == "y" and back and not page_only:
        shown = ("mul_no", "price", "goodname", "pay_state", "pay_type", "pay_date", "var1", "var2", "csturl")
        said = notices.fields(till, found, found.state, found.mul_no, found.price)
        fields = {"state": "1"} | {name: said[name] for name in shown}
        return page(till.world, "post_back.html", url=back, fields=fields, ok=True)
    if found.state == WAITING:
        account = f"{found.choice.get('vbank', '')} {found.choice.get('vbankno', '')}"
        return _say(till.world, "입금을 기다려요", f"{account}로 {won(found.price)}을 보내 주세요.", close=back)
    text = f"{found.form.get('goodname', '')} {won(found.price)} ({METHODS.get(found.method, '등록결제')})"
    return _say(till.world, "결제했어요", text, close=back)
