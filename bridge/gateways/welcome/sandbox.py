"""Welcome Payments as a sandbox, strict and stateful, from Welcome's own pages."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.welcome import sandbox_api as api
from bridge.gateways.welcome import sandbox_notices as notices
from bridge.gateways.welcome import sandbox_window as window
from bridge.gateways.welcome.sandbox_till import Deal, Link, Till
from bridge.gateways.welcome.sandbox_words import (
    BAD_FIELD,
    DIALECT,
    GATEWAY,
    HIDDEN_FIELDS,
    RULES,
    WITH_HTTP_400,
    Refusal,
    check_moment,
    check_signature,
    plain_form,
    said,
)
from bridge.sandbox import calls
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.calls import Answer, Asked, Malformed
from bridge.sandbox.faults import ByAmount, Fault
from bridge.sandbox.notices import Notice
from bridge.sandbox.rules import AMOUNT, misfit
from bridge.sandbox.world import ControlRefused, World

Act = Callable[[Till, Mapping[str, str], Fault | None], Answer]

_CHARGE = ("billpay", "hppbillpay", "keyin", "approve", "window")
_LOST = ("billpay", "hppbillpay", "keyin", "approve")
_CANCEL = ("cancel", "repay")
BY_AMOUNT: Mapping[int, ByAmount] = {
    1: ByAmount(_CHARGE, Fault("decline", code="01")),
    2: ByAmount(_CHARGE, Fault("decline", code="01", message="한도초과")),
    11: ByAmount(_LOST, Fault("drop_before")),
    12: ByAmount(_LOST, Fault("drop_after")),
    13: ByAmount(_LOST, Fault("delay", delay_seconds=10.0)),
    14: ByAmount(_LOST, Fault("5xx_before")),
    15: ByAmount(_LOST, Fault("5xx_after")),
    16: ByAmount(_LOST, Fault("garbage_after")),
    17: ByAmount(_CHARGE, Fault("wrong_amount")),
    18: ByAmount(_LOST, Fault("hang", delay_seconds=120.0)),
    21: ByAmount(_CANCEL, Fault("drop_before")),
    22: ByAmount(_CANCEL, Fault("drop_after")),
    23: ByAmount(_CANCEL, Fault("5xx_after")),
    24: ByAmount(_CANCEL, Fault("decline", code="R201")),
    25: ByAmount(_CANCEL, Fault("decline", code="R201", message="취소 가능 기간이 지났습니다.")),
    31: ByAmount(("make_url",), Fault("drop_before")),
    32: ByAmount(("make_url",), Fault("5xx_before")),
    33: ByAmount(("make_url",), Fault("decline", code="V001")),
    41: ByAmount(("notice",), Fault("notice_thrice")),
    42: ByAmount(("notice",), Fault("notice_first")),
    43: ByAmount(("notice",), Fault("notice_lost")),
}
PATHS: Mapping[str, tuple[str, Act]] = {
    "/cancel/cancel": ("cancel", api.cancel),
    "/cancel/repay": ("repay", api.repay),
    "/billing/billkey/card": ("billkey", api.billkey),
    "/noauth/billkey/card": ("billkey_noauth", api.billkey),
    "/billing/billpay": ("billpay", api.billpay),
    "/billing/billkey/delete": ("billkey_delete", api.billkey_delete),
    "/billing/hppbillpay": ("hppbillpay", api.hppbillpay),
    "/noauth/pay/card": ("keyin", api.keyin),
    "/search/card/prefix": ("prefix", api.prefix),
    "/escrow/delivery": ("delivery", api.delivery),
    "/escrow/buyconfirm": ("buyconfirm", api.buyconfirm),
    "/escrow/buydeny": ("buydeny", api.buydeny),
    "/escrow/denyconfirm": ("denyconfirm", api.denyconfirm),
    "/escrow/checkstatus": ("checkstatus", api.checkstatus),
    "/smspay/makeUrl": ("make_url", api.make_url),
}


def mount(world: World) -> list[BaseRoute]:
    """Set Welcome up in a world: PAYAPI, the window, its place on the control pages."""
    till = Till(world)
    world.desks[GATEWAY] = Desk(till)
    world.faults.by_amount[GATEWAY] = BY_AMOUNT
    return [*(_operation(till, path, *what) for path, what in PATHS.items()), *window.routes(till)]


def _operation(till: Till, path: str, op: str, act: Act) -> Route:
    async def handle(request: Request) -> Response:
        try:
            form = await calls.read_form(request)
        except Malformed:
            return _refusal_response(Refusal(BAD_FIELD))

        def do(fault: Fault | None) -> Answer:
            try:
                bent = misfit(form, RULES[op])
                if bent:
                    raise Refusal(BAD_FIELD, f"필수 파라미터가 누락되었거나 규칙에 맞지 않습니다. ({bent})")
                shop = till.shop(form["mid"])
                plain = plain_form(shop, form, op)
                check_signature(shop, plain, op)
                check_moment(form, till.world.now(), till.settings.clock_minutes)
                return act(till, plain, fault)
            except Refusal as refusal:
                return _refused(refusal)

        asked = _asked(till, form, op)
        calls.record(till.world, request, asked, form, HIDDEN_FIELDS)
        return await calls.answer(till.world, asked, do)

    return Route(f"/welcome/api{path}", handle, methods=["POST"])


def _refused(refusal: Refusal) -> Answer:
    return Answer(said(refusal.code, refusal.message), status=400 if refusal.code in WITH_HTTP_400 else 200)


def _refusal_response(refusal: Refusal) -> Response:
    answer = _refused(refusal)
    response = calls.json_response(answer.body)
    response.status_code = answer.status
    return response


def _asked(till: Till, form: Mapping[str, str], op: str) -> Asked:
    """Tell what a call is about: a cancellation names its payment by tid."""
    known = till.deals.get(form.get("tid", "") or form.get("originalTid", ""))
    ref = known.oid if known else form.get("oid", "") or form.get("P_OID", "")
    amount = form.get("cancelPrice") or form.get("price") or form.get("P_AMT") or "0"
    return Asked(GATEWAY, DIALECT, op, form.get("mid", ""), ref, int(amount) if AMOUNT.fullmatch(amount) else 0)


class Desk:
    """Welcome's part of the control pages."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def reset(self) -> None:
        """Forget everything."""
        self._till.clear()

    def settings(self) -> dict[str, Any]:
        """Give the settings, without the shops' keys."""
        return self._till.shown()

    def set(self, values: Mapping[str, Any]) -> None:
        """Change settings. Raises ControlRefused."""
        self._till.set(values)

    def deposit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Pay into the account of `merchant_ref`: its amount, or `amount` KRW. The notices follow.
        Raises ControlRefused."""
        deal = self._deal(values)
        amount = values.get("amount", deal.amount)
        if not isinstance(amount, int) or amount < 1:
            raise ControlRefused("amount is a number of KRW from 1.")
        self._till.deposit(deal, amount)
        self._send(deal, notices.deposit(self._till, self._link(deal), deal, amount))
        return {"deposited": amount, "account": dict(deal.account)}

    def refund(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel `merchant_ref` from Welcome's own console: all that is left, or `amount` KRW. The unified notice
        follows. Raises ControlRefused."""
        deal = self._deal(values)
        amount = values.get("amount", deal.book.net)
        if not isinstance(amount, int) or not 1 <= amount <= deal.book.net:
            raise ControlRefused("amount is a number of KRW, at most what is left.")
        try:
            if amount == deal.amount:
                self._till.cancel_all(deal, "console")
            else:
                self._till.cancel_part(deal, amount, "console")
        except Refusal as refusal:
            raise ControlRefused(str(refusal)) from refusal
        self._send(deal, notices.unified(self._till, deal, amount, cancelled=True))
        return {"refunded": amount, "net": deal.book.net}

    async def forge(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Send a notice of something that never happened: `kind` pc, mobile or pg, `url`, `fields` as they are,
        `charset` of a mobile one. Raises ControlRefused."""
        kind, url, fields = values.get("kind"), values.get("url"), values.get("fields")
        if kind not in ("pc", "mobile", "pg") or not isinstance(url, str) or not isinstance(fields, dict):
            raise ControlRefused('A forgery needs kind ("pc", "mobile" or "pg"), url and fields.')
        record = NoticeRecord(f"forged {kind}")
        match kind:
            case "pc":
                made = notices.pc_notice(url, fields, record)
            case "mobile":
                made = notices.mobile_notice(url, fields, str(values.get("charset", "euc-kr")), record)
            case _:
                made = notices.pg_notice(self._till, url, fields, record)
        await self._till.world.notices.attempt(made)
        return record.as_json()

    def _send(self, deal: Deal, made: list[Notice]) -> None:
        world = self._till.world
        for notice in made:
            fault = world.faults.pick(GATEWAY, "notice", deal.oid, deal.amount)
            world.spawn(world.notices.deliver(notice, fault))

    def _link(self, deal: Deal) -> Link | None:
        return next((link for link in self._till.links.values() if link.deal is deal), None)

    def _deal(self, values: Mapping[str, Any]) -> Deal:
        wanted = values.get("merchant_ref")
        found = [deal for deal in self._till.deals.values() if deal.oid == wanted]
        if len(found) != 1:
            raise ControlRefused(f"There are {len(found)} payments with the order number {wanted!r}.")
        return found[0]
