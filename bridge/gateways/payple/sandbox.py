"""Payple as a sandbox, strict and stateful, from its card manual and its later samples."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.payple import sandbox_api as api
from bridge.gateways.payple import sandbox_notices as notices
from bridge.gateways.payple import sandbox_window as window
from bridge.gateways.payple.sandbox_till import Till, Trade
from bridge.gateways.payple.sandbox_words import DIALECT, GATEWAY, HIDDEN_FIELDS, TOKENS, WON, failed, message, texts
from bridge.sandbox import calls, rules
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.calls import Answer, Asked, Malformed
from bridge.sandbox.faults import ByAmount, Fault
from bridge.sandbox.notices import Notice
from bridge.sandbox.refusals import Refusal, Rule, check
from bridge.sandbox.world import ControlRefused, World

WEBHOOKS = ("webhook_url", "cancel_webhook_url")
Act = Callable[[Till, Mapping[str, str], str, Fault | None], Answer]

_PAY = ("confirm", "regular", "simple")
_REFUND = ("refund",)
BY_AMOUNT: Mapping[int, ByAmount] = {
    1: ByAmount(_PAY, Fault("decline", code="CPAY0004")),
    2: ByAmount(_PAY, Fault("decline", code="CPAY0005")),
    4: ByAmount(_PAY, Fault("decline", code="ZZZZ0051", message="잔액 부족")),
    5: ByAmount(_PAY, Fault("decline", code="CPAY0018")),
    6: ByAmount(_PAY, Fault("decline", code="SPAY0011")),
    11: ByAmount(_PAY, Fault("drop_before")),
    12: ByAmount(_PAY, Fault("drop_after")),
    13: ByAmount(_PAY, Fault("delay", delay_seconds=10.0)),
    14: ByAmount(_PAY, Fault("5xx_before")),
    15: ByAmount(_PAY, Fault("5xx_after")),
    16: ByAmount(_PAY, Fault("garbage_after")),
    17: ByAmount(_PAY, Fault("wrong_amount")),
    18: ByAmount(_PAY, Fault("hang", delay_seconds=120.0)),
    21: ByAmount(_REFUND, Fault("drop_before")),
    22: ByAmount(_REFUND, Fault("drop_after")),
    23: ByAmount(_REFUND, Fault("5xx_after")),
    24: ByAmount(_REFUND, Fault("decline", code="PAYC0005")),
    25: ByAmount(_REFUND, Fault("decline", code="PAYC0005", message="취소 기한 초과")),
    41: ByAmount(("notice",), Fault("notice_thrice")),
    42: ByAmount(("notice",), Fault("notice_first")),
    43: ByAmount(("notice",), Fault("notice_lost")),
    51: ByAmount(("lookup",), Fault("drop_before")),
}


def mount(world: World) -> list[BaseRoute]:
    """Set Payple up in a world: its routes, its table of amounts, its place on the control pages."""
    till = Till(world)
    world.desks[GATEWAY] = Desk(till)
    world.faults.by_amount[GATEWAY] = BY_AMOUNT
    on = partial(_operation, till)
    users = {
        "PUSERINFO": ("user_info", partial(api.user, purpose="user_info")),
        "PUSERDEL": ("user_delete", partial(api.user, purpose="user_delete")),
    }
    return [
        Route("/payple/php/auth.php", _auth(till), methods=["POST"]),
        *on("PayCardConfirmAct.php", {"PAYM": ("confirm", api.confirm)}, api.CONFIRM),
        *on("RePayCardAct.php", {"PAYM": ("regular", partial(api.charge, purpose="regular"))}, api.REGULAR),
        *on("SimplePayCardAct.php", {"PAYM": ("simple", partial(api.charge, purpose="simple"))}, api.SIMPLE),
        *on("account/api/cPayCAct.php", {"": ("refund", api.refund)}, api.REFUND),
        *on("PayChkAct.php", {"": ("lookup", api.lookup)}, api.LOOKUP),
        *on("cPayUser/api/cPayUserAct.php", users, TOKENS),
        *window.routes(till),
    ]


def _auth(till: Till) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        world = till.world
        try:
            form = texts(await calls.read_json(request))
        except (Malformed, Refusal):
            return calls.json_response({"result": "error", "result_msg": "AUTH0001 가맹점 인증 실패"})
        shop = till.settings.merchants.get(form.get("cst_id", ""), {})
        purpose = api.purpose_of(form)

        def do(fault: Fault | None) -> Answer:
            problem = _auth_problem(till, request, form, shop, purpose)
            if fault is not None and fault.kind == "decline":
                problem = fault.code or "AUTH0001"
            if problem:
                return Answer(
                    {"result": "error", "result_msg": f"{problem} {message(problem)}", "result_code": problem}
                )
            return Answer(api.granted_answer(till, till.grant(form["cst_id"], purpose)))

        asked = Asked(GATEWAY, DIALECT, "auth", form.get("cst_id", ""), form.get("PCD_PAY_OID", ""), 0)
        calls.record(world, request, asked, form, HIDDEN_FIELDS)
        return await calls.answer(world, asked, do)

    return handle


def _auth_problem(till: Till, request: Request, form: Mapping[str, str], shop: Mapping[str, str], purpose: str) -> str:
    referer = request.headers.get("referer", "")
    known = till.settings.referers
    if not referer or (known and not any(referer == one or referer.startswith(one.rstrip("/") + "/") for one in known)):
        return "AUTH0004"
    if form.get("cst_id", "").startswith("live") and not shop:
        return "AUTH0007"
    if not shop or form.get("custKey") != shop["key"] or not purpose:
        return "AUTH0001"
    return ""


def _operation(till: Till, path: str, acts: Mapping[str, tuple[str, Act]], needed: tuple[Rule, ...]) -> list[BaseRoute]:
    """Make the routes of one address, with and without the part that changes. `acts` are chosen by ACT_."""
    world = till.world

    async def handle(request: Request) -> Response:
        chosen = acts.get(request.query_params.get("ACT_", ""))
        if chosen is None:
            return Response("Not Found", 404)
        op, act = chosen
        try:
            form = texts(await calls.read_json(request))
        except (Malformed, Refusal):
            return calls.json_response(failed("CPAY0001"))

        def do(fault: Fault | None) -> Answer:
            try:
                check(form, needed, "CPAY0001")
                return act(till, form, request.path_params.get("way", ""), fault)
            except Refusal as refusal:
                return Answer(failed(refusal.code, refusal.message, PCD_PAY_OID=form.get("PCD_PAY_OID", "")))

        asked = _asked(till, form, op)
        calls.record(world, request, asked, form, HIDDEN_FIELDS)
        return await calls.answer(world, asked, do)

    return [
        Route(f"/payple/php/{path}", handle, methods=["POST"]),
        Route(f"/payple/{{way}}/php/{path}", handle, methods=["POST"]),
    ]


def _asked(till: Till, form: Mapping[str, str], op: str) -> Asked:
    """Tell what a call is about; a confirmation names only the key of its window."""
    granted = till.passes.get(form.get("PCD_AUTH_KEY", ""))
    order, total = form.get("PCD_PAY_OID", ""), form.get("PCD_REFUND_TOTAL") or form.get("PCD_PAY_TOTAL", "")
    if op == "confirm":
        keyed = [one for one in till.sessions.values() if one.req_key and one.req_key == form.get("PCD_PAY_REQKEY")]
        order, total = (keyed[0].form["PCD_PAY_OID"], str(keyed[0].amount)) if keyed else ("", "")
    amount = int(total) if WON.fullmatch(total) else 0
    return Asked(GATEWAY, DIALECT, op, granted.merchant if granted else "", order, amount)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


class Desk:
    """Payple's part of the control pages."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def reset(self) -> None:
        """Forget everything."""
        self._till.clear()

    def settings(self) -> dict[str, Any]:
        """Give the settings, without the shops' keys."""
        return asdict(self._till.settings) | {"merchants": sorted(self._till.settings.merchants)}

    def set(self, values: Mapping[str, Any]) -> None:
        """Change settings; with a `merchant` the webhook addresses of that shop alone. Raises ControlRefused."""
        settings, shop = self._till.settings, values.get("merchant", "")
        if not shop:
            rules.change(settings, values, "Payple")
            return
        told = {name: values[name] for name in WEBHOOKS if name in values}
        if shop not in settings.merchants or len(told) != len(values) - 1 or not all(map(_is_text, told.values())):
            raise ControlRefused(f"Of one shop that is known there are {' and '.join(WEBHOOKS)} to be set.")
        settings.merchants[shop] |= told

    def deposit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse: card payments have no account. Raises ControlRefused."""
        raise ControlRefused("Payple's card payments have no virtual account.")

    def refund(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Refund `merchant_ref` from Payple's own console: all that is left, or `amount` KRW. The webhook follows.
        Raises ControlRefused."""
        found = api.trade_of(self._till, values.get("merchant_ref"))
        if len(found) != 1:
            raise ControlRefused(
                f"There are {len(found)} payments with the order number {values.get('merchant_ref')!r}."
            )
        trade = found[0]
        amount = values.get("amount", trade.book.net)
        if not isinstance(amount, int) or not 1 <= amount <= trade.book.net:
            raise ControlRefused("amount is a number of KRW, at most what is left.")
        try:
            self._till.refund(trade, amount, "console")
        except Refusal as refusal:
            raise ControlRefused(str(refusal)) from refusal
        self._send(trade, notices.made(self._till, trade, amount))
        return {"refunded": amount, "net": trade.book.net}

    def _send(self, trade: Trade, made: list[Notice]) -> None:
        world = self._till.world
        for notice in made:
            fault = world.faults.pick(GATEWAY, "notice", trade.order, trade.amount)
            world.spawn(world.notices.deliver(notice, fault))

    async def forge(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Send a perfectly formed webhook about something that never happened: `url`, `fields`. Raises
        ControlRefused."""
        url, fields = values.get("url"), values.get("fields")
        if not isinstance(url, str) or not isinstance(fields, dict):
            raise ControlRefused("A forgery needs url and fields.")
        base = {"PCD_PAY_RST": "success", "PCD_PAY_CODE": "SPCD0000", "PCD_PAY_MSG": message("SPCD0000")}
        record = NoticeRecord("forged")
        await self._till.world.notices.attempt(notices.bare(self._till, url, {**base, **fields}, record))
        return record.as_json()
