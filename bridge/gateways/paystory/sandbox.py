"""Pay-Story as a sandbox, strict and stateful, from its billing guide and its standard payment manual."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.paystory import sandbox_api as api
from bridge.gateways.paystory import sandbox_notices as notices
from bridge.gateways.paystory import sandbox_query as query
from bridge.gateways.paystory import sandbox_window as window
from bridge.gateways.paystory.sandbox_desk import Till, Trade
from bridge.gateways.paystory.sandbox_words import (
    AMOUNT,
    DIALECT,
    GATEWAY,
    HIDDEN_FIELDS,
    OTHER,
    TEST_KEYS,
    TEST_SHOP,
    check_moment,
    message,
    said,
)
from bridge.sandbox import calls, rules
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.calls import Answer, Asked, Malformed
from bridge.sandbox.faults import ByAmount, Fault
from bridge.sandbox.notices import Notice
from bridge.sandbox.refusals import Refusal, Rule, check
from bridge.sandbox.world import ControlRefused, World

Act = Callable[[Till, Mapping[str, str], Fault | None], Answer]

WITH_THE_WINDOWS_MOMENT = frozenset({"approve"})
"""Repeats the ediDate with which its window was opened, which may have stood open for long."""

_PAY = ("approve", "bill")
_CANCEL = ("cancel",)
BY_AMOUNT: Mapping[int, ByAmount] = {
    1: ByAmount(_PAY, Fault("decline", code="3002", message=message("3002"))),
    2: ByAmount(_PAY, Fault("decline", code="3030", message=message("3030"))),
    3: ByAmount(_PAY, Fault("decline", code="3004", message=message("3004"))),
    4: ByAmount(_PAY, Fault("decline", code="51", message="잔액 부족")),
    11: ByAmount(_PAY, Fault("drop_before")),
    12: ByAmount(_PAY, Fault("drop_after")),
    13: ByAmount(_PAY, Fault("delay", delay_seconds=10.0)),
    14: ByAmount(_PAY, Fault("5xx_before")),
    15: ByAmount(_PAY, Fault("5xx_after")),
    16: ByAmount(_PAY, Fault("garbage_after")),
    17: ByAmount(_PAY, Fault("wrong_amount")),
    18: ByAmount(_PAY, Fault("hang", delay_seconds=120.0)),
    21: ByAmount(_CANCEL, Fault("drop_before")),
    22: ByAmount(_CANCEL, Fault("drop_after")),
    23: ByAmount(_CANCEL, Fault("5xx_after")),
    24: ByAmount(_CANCEL, Fault("decline", code="2003", message=message("2003"))),
    25: ByAmount(_CANCEL, Fault("decline", code="2016", message=message("2016"))),
    26: ByAmount(_CANCEL, Fault("decline", code="2002")),
    33: ByAmount(("order",), Fault("decline", code="9998", message=message("9998"))),
    41: ByAmount(("notice",), Fault("notice_thrice")),
    42: ByAmount(("notice",), Fault("notice_first")),
    43: ByAmount(("notice",), Fault("notice_lost")),
    51: ByAmount(("query",), Fault("drop_before")),
}


def mount(world: World) -> list[BaseRoute]:
    """Set Pay-Story up in a world: its routes, its table of amounts, its place on the control pages."""
    till = Till(world)
    world.desks[GATEWAY] = Desk(till)
    world.faults.by_amount[GATEWAY] = BY_AMOUNT
    on = partial(_operation, till)
    return [
        on("payment.do", "approve", api.APPROVE, api.approve, "goodsAmt"),
        on("payment.doBill", "bill", api.BILL, api.charge, "goodsAmt"),
        on("payment.registBill", "regist", api.REGIST, api.register, "goodsAmt"),
        on("payment.deleteBill", "delete", api.DELETE, api.delete, ""),
        on("payment.cancel", "cancel", api.CANCEL, api.cancel, "canAmt"),
        on("transaction", "query", query.QUERY, query.query, "", method="GET"),
        *window.routes(till),
    ]


def _operation(
    till: Till, path: str, op: str, needed: tuple[Rule, ...], act: Act, amount: str, *, method: str = "POST"
) -> Route:
    """Make the route of one operation. `amount` names the field that carries KRW."""
    world = till.world

    async def handle(request: Request) -> Response:
        try:
            form = calls.read_query(request) if method == "GET" else await calls.read_form(request)
        except Malformed:
            return calls.json_response(said(OTHER))

        def do(fault: Fault | None) -> Answer:
            try:
                check(form, needed, OTHER)
                if op not in WITH_THE_WINDOWS_MOMENT:
                    check_moment(form, world.now(), till.settings.clock_minutes)
                return act(till, form, fault)
            except Refusal as refusal:
                return Answer(said(refusal.code, refusal.message))

        asked = _asked(till, form, op, form.get(amount, ""))
        calls.record(world, request, asked, form, HIDDEN_FIELDS)
        return await calls.answer(world, asked, do)

    return Route(f"/paystory/pg/{path}", handle, methods=[method])


def _asked(till: Till, form: Mapping[str, str], op: str, amount: str) -> Asked:
    """Tell what a call is about: a cancellation or an approval names a tid, but is about the payment's order."""
    order, won = form.get("ordNo", ""), int(amount) if AMOUNT.fullmatch(amount) else 0
    tid = form.get("tid", "")
    if tid in till.sessions:
        order = till.sessions[tid].form["ordNo"]
    elif tid in till.trades:
        order = till.trades[tid].order
    return Asked(GATEWAY, DIALECT, op, form.get("mid", ""), order, won)


class Desk:
    """Pay-Story's part of the control pages."""

    def __init__(self, till: Till) -> None:
        self._till = till

    def reset(self) -> None:
        """Forget everything."""
        self._till.clear()

    def settings(self) -> dict[str, Any]:
        """Give the settings, without the shops' keys."""
        return asdict(self._till.settings) | {"merchants": sorted(self._till.settings.merchants)}

    def set(self, values: Mapping[str, Any]) -> None:
        """Change settings. Raises ControlRefused."""
        if values.get("notice_ack", "json") not in notices.ACKS:
            raise ControlRefused("notice_ack is http or json.")
        rules.change(self._till.settings, values, "Pay-Story")

    def deposit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Pay into the account of `merchant_ref`: its amount, or `amount` KRW; `late`. The notice follows, to the
        registered address. Raises ControlRefused."""
        trade = self._trade(values)
        amount = values.get("amount", trade.amount)
        if not isinstance(amount, int) or amount < 1:
            raise ControlRefused("amount is a number of KRW from 1.")
        self._till.deposit(trade, amount, bool(values.get("late")))
        self._send(trade, notices.made(self._till, trade))
        return {"deposited": amount, "account": dict(trade.account)}

    def refund(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel `merchant_ref` from Pay-Story's own console: all that is left, or `amount` KRW. The notice follows. Of
        an order number that was paid twice `tid` says which. Raises ControlRefused."""
        trade = self._trade(values)
        amount = values.get("amount", trade.left)
        if not isinstance(amount, int) or not 1 <= amount <= trade.left:
            raise ControlRefused("amount is a number of KRW, at most what is left.")
        try:
            done = self._till.cancel(trade, amount, amount != trade.amount or bool(trade.cancels), "console")
        except Refusal as refusal:
            raise ControlRefused(str(refusal)) from refusal
        self._send(trade, notices.made(self._till, trade, done))
        return {"refunded": amount, "net": trade.book.net}

    def _send(self, trade: Trade, made: list[Notice]) -> None:
        world = self._till.world
        for notice in made:
            fault = world.faults.pick(GATEWAY, "notice", trade.order, trade.amount)
            world.spawn(world.notices.deliver(notice, fault))

    async def forge(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Send a notice about something that never happened: `url`, `fields`, and `signed` with the shop's own key
        where true, with another where not. Raises ControlRefused."""
        url, fields = values.get("url"), values.get("fields")
        if not isinstance(url, str) or not isinstance(fields, dict):
            raise ControlRefused("A forgery needs url and fields.")
        base = {"mid": TEST_SHOP, "ediDate": f"{self._till.world.now():%Y%m%d%H%M%S}", "goodsAmt": "1000"}
        given = base | {name: str(value) for name, value in fields.items()}
        made = notices.signed(given, TEST_KEYS[0] if values.get("signed") else "forged")
        record = NoticeRecord("forged")
        await self._till.world.notices.attempt(notices.bare(self._till, url, made, record))
        return record.as_json()

    def _trade(self, values: Mapping[str, Any]) -> Trade:
        wanted, tid = values.get("merchant_ref"), values.get("tid")
        made = [trade for trade in self._till.trades.values() if trade.order == wanted and trade.approved]
        found = [trade for trade in made if tid in (None, trade.tid)]
        if len(found) != 1:
            raise ControlRefused(f"There are {len(found)} payments with the order number {wanted!r}.")
        return found[0]
