"""PayApp as a sandbox, strict and stateful, from PayApp's integration manual."""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.payapp import sandbox_bills as bills
from bridge.gateways.payapp import sandbox_notices as notices
from bridge.gateways.payapp import sandbox_office as office
from bridge.gateways.payapp import sandbox_pay as pay
from bridge.gateways.payapp import sandbox_window as window
from bridge.gateways.payapp.sandbox_till import Request, Till
from bridge.gateways.payapp.sandbox_words import (
    DIALECT,
    GATEWAY,
    HIDDEN_FIELDS,
    NEEDS_LINKKEY,
    PAID,
    RULES,
    WITHOUT_SELLER,
    Refusal,
    no,
    query_response,
)
from bridge.sandbox import calls
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.calls import Answer, Asked, Malformed
from bridge.sandbox.faults import ByAmount, Fault
from bridge.sandbox.notices import Notice
from bridge.sandbox.rules import AMOUNT, DIGITS, misfit
from bridge.sandbox.world import ControlRefused, World

_CHARGE = ("billPay",)
_CANCEL = ("paycancel",)
BY_AMOUNT: Mapping[int, ByAmount] = {
    1: ByAmount(("pay", "billPay"), Fault("decline", code="70020", message="카드사 승인거절")),
    2: ByAmount(("pay", "billPay"), Fault("decline", code="70020", message="한도초과")),
    11: ByAmount(_CHARGE, Fault("drop_before")),
    12: ByAmount(_CHARGE, Fault("drop_after")),
    13: ByAmount(_CHARGE, Fault("delay", delay_seconds=10.0)),
    14: ByAmount(_CHARGE, Fault("5xx_before")),
    15: ByAmount(_CHARGE, Fault("5xx_after")),
    16: ByAmount(_CHARGE, Fault("garbage_after")),
    17: ByAmount(("pay", "billPay"), Fault("wrong_amount")),
    18: ByAmount(_CHARGE, Fault("hang", delay_seconds=120.0)),
    21: ByAmount(_CANCEL, Fault("drop_before")),
    22: ByAmount(_CANCEL, Fault("drop_after")),
    23: ByAmount(_CANCEL, Fault("5xx_after")),
    24: ByAmount(_CANCEL, Fault("decline", code="80020")),
    25: ByAmount(_CANCEL, Fault("decline", code="70060", message="취소 권한이 없습니다.")),
    26: ByAmount(_CANCEL, Fault("decline", code="80010")),
    31: ByAmount(("payrequest",), Fault("drop_before")),
    32: ByAmount(("payrequest",), Fault("5xx_before")),
    33: ByAmount(("payrequest",), Fault("decline", code="70020")),
    41: ByAmount(("notice",), Fault("notice_thrice")),
    42: ByAmount(("notice",), Fault("notice_first")),
    43: ByAmount(("notice",), Fault("notice_lost")),
}
COMMANDS: Mapping[str, Callable[[Till, Mapping[str, str], Fault | None], Answer]] = {
    "payrequest": pay.pay_request,
    "paycancel": pay.pay_cancel,
    "paycancelreq": pay.pay_cancel_request,
    "billRegist": bills.bill_regist,
    "billPay": bills.bill_pay,
    "billDelete": bills.bill_delete,
    "rebillRegist": bills.rebill_regist,
    "rebillCancel": bills.rebill_cancel,
    "rebillStop": bills.rebill_stop,
    "rebillStart": bills.rebill_start,
    "cashStRegist": office.receipt_regist,
    "cashStCancel": office.receipt_cancel,
    "checkNpayCashReceiptReq": office.naver_receipt,
    "sellerRegist": office.seller_regist,
    "useridCheck": office.userid_check,
    "subidregist": office.sub_account_regist,
}


def mount(world: World) -> list[BaseRoute]:
    """Set PayApp up in a world: its one address, its pages, its script, its place on the control pages."""
    till = Till(world)
    world.desks[GATEWAY] = Desk(till)
    world.faults.by_amount[GATEWAY] = BY_AMOUNT

    async def handle(request: HttpRequest) -> Response:
        return await _load(till, request)

    return [Route("/payapp/oapi/apiLoad.html", handle, methods=["POST"]), *window.routes(till)]


async def _load(till: Till, request: HttpRequest) -> Response:
    try:
        form = await calls.read_form(request)
    except Malformed:
        return query_response(no(Refusal("70020")))
    cmd = form.get("cmd", "")

    def do(fault: Fault | None) -> Answer:
        try:
            _check(till, request.url.scheme, form)
            return COMMANDS[cmd](till, form, fault)
        except Refusal as refusal:
            return Answer(no(refusal))

    asked = _asked(till, form)
    calls.record(till.world, request, asked, form, HIDDEN_FIELDS)
    return await calls.answer(till.world, asked, do, query_response)


def _asked(till: Till, form: Mapping[str, str]) -> Asked:
    """Tell what a call is about: a cancellation names its request by mul_no."""
    number = form.get("mul_no", "")
    known = till.requests.get(int(number)) if DIGITS.fullmatch(number) else None
    ref = known.book.merchant_ref if known else form.get("var1", "")
    amount = next(
        (form[name] for name in ("cancelprice", "price", "goodprice") if AMOUNT.fullmatch(form.get(name, ""))), "0"
    )
    won = int(amount) or (known.price if known else 0)
    return Asked(GATEWAY, DIALECT, form.get("cmd", ""), form.get("userid", ""), ref, won)


def _check(till: Till, scheme: str, form: Mapping[str, str]) -> None:
    """Check what every command needs (오류코드). Raises Refusal."""
    cmd = form.get("cmd", "")
    if till.settings.tls_required and scheme != "https":
        raise Refusal("70001")
    if cmd not in COMMANDS:
        raise Refusal("70040")
    if not form.get("userid"):
        raise Refusal("70010")
    if cmd not in WITHOUT_SELLER:
        seller = till.settings.sellers.get(form["userid"])
        needed = cmd in NEEDS_LINKKEY or (cmd.startswith("bill") and till.settings.linkkey_for_bills)
        given = form.get("linkkey", "")
        right = seller is not None and hmac.compare_digest(given.encode(), seller["linkkey"].encode())
        if seller is None or ((needed or given) and not right):
            raise Refusal("70010")
    bent = misfit(form, RULES[cmd])
    if bent:
        raise Refusal("70020", f"파라메터값이 정확하지 않습니다. ({bent})")


class Desk:
    """PayApp's part of the control pages."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def reset(self) -> None:
        """Forget everything."""
        self._till.clear()

    def settings(self) -> dict[str, Any]:
        """Give the settings, without the sellers' keys."""
        return self._till.shown()

    def set(self, values: Mapping[str, Any]) -> None:
        """Change settings. Raises ControlRefused."""
        self._till.set(values)

    def deposit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Pay into the account of `merchant_ref`: its price, or `amount` KRW. With `rebill_no` instead, charge the
        rounds of a plan whose days have come; `fail` lets the card refuse. Raises ControlRefused."""
        if "rebill_no" in values:
            return self._rounds(values)
        request = self._request(values)
        amount = values.get("amount", request.price)
        if not isinstance(amount, int) or amount < 1:
            raise ControlRefused("amount is a number of KRW from 1.")
        self._till.deposit(request, amount)
        self._send(request, notices.news(self._till, request, PAID, amount))
        return {"deposited": amount, "account": dict(request.book.account)}

    def _rounds(self, values: Mapping[str, Any]) -> dict[str, Any]:
        plan = self._till.plans.get(values["rebill_no"])
        if plan is None:
            raise ControlRefused("There is no such plan.")
        sent = bills.rounds(self._till, plan, fail=bool(values.get("fail")))
        self._send(plan.request, sent)
        return {"state": plan.state, "next": str(plan.next_at or ""), "notices": len(sent)}

    def refund(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel `merchant_ref` from PayApp's own console: all that is left, or `amount` KRW, whatever day it is.
        Raises ControlRefused."""
        request = self._request(values)
        amount = values.get("amount", request.left)
        if not isinstance(amount, int) or not 1 <= amount <= request.left:
            raise ControlRefused("amount is a number of KRW, at most what is left.")
        part = amount != request.price
        number = self._till.give_back(request, amount, part=part, by="console")
        sent = notices.news(self._till, request, request.state, amount, number=number, memo="관리자 취소")
        self._send(request, sent)
        return {"refunded": amount, "net": request.left}

    async def forge(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Send news of something that never happened: `url` and the `fields` as they are. Raises ControlRefused."""
        url, fields = values.get("url"), values.get("fields")
        if not isinstance(url, str) or not isinstance(fields, dict):
            raise ControlRefused("A forgery needs url and fields.")
        record = NoticeRecord("forged")
        await self._till.world.notices.attempt(notices.bare(url, fields, record))
        return record.as_json()

    def _send(self, request: Request, made: list[Notice]) -> None:
        world = self._till.world
        for notice in made:
            fault = world.faults.pick(GATEWAY, "notice", request.book.merchant_ref, request.price)
            world.spawn(world.notices.deliver(notice, fault))

    def _request(self, values: Mapping[str, Any]) -> Request:
        wanted, number = values.get("merchant_ref"), values.get("mul_no")
        found = [
            one
            for one in self._till.requests.values()
            if (one.mul_no == number if number else one.book.merchant_ref == wanted and one.method)
        ]
        if len(found) != 1:
            raise ControlRefused(f"There are {len(found)} payments with the order number {number or wanted!r}.")
        return found[0]
