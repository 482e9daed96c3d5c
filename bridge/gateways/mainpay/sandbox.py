"""Mainpay as a sandbox, strict and stateful, in the live dialect and in the guide's, from Mainpay's documents."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.gateways.mainpay import sandbox_accounts as bank_accounts
from bridge.gateways.mainpay import sandbox_direct as direct
from bridge.gateways.mainpay import sandbox_guide as guide
from bridge.gateways.mainpay import sandbox_live as live
from bridge.gateways.mainpay import sandbox_notices as notices
from bridge.gateways.mainpay import sandbox_window as window
from bridge.gateways.mainpay.sandbox_desk import Till, Trade
from bridge.gateways.mainpay.sandbox_words import (
    AMOUNT,
    GATEWAY,
    GUIDE,
    HIDDEN_FIELDS,
    LIVE,
    Refusal,
    Rule,
    check,
    check_moment,
    check_signature,
    said,
)
from bridge.sandbox import calls
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.calls import Answer, Asked, Malformed
from bridge.sandbox.faults import ByAmount, Fault
from bridge.sandbox.notices import Notice
from bridge.sandbox.world import ControlRefused, World

Act = Callable[[Till, Mapping[str, str], Fault | None], Answer]
Handler = Callable[[Request], Awaitable[Response]]

WITH_ANOTHERS_MOMENT = ("net_cancel",)
"""Asked with exactly the parameters of a pay, that pay's timestamp among them."""

_PAY = ("pay", "keyin", "key_charge")
_CANCEL = ("cancel", "part_cancel", "key_cancel", "transfer")
BY_AMOUNT: Mapping[int, ByAmount] = {
    1: ByAmount(_PAY, Fault("decline", code="2001")),
    2: ByAmount(_PAY, Fault("decline", code="2002")),
    3: ByAmount(_PAY, Fault("decline", code="2003")),
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
    24: ByAmount(_CANCEL, Fault("decline", code="3001")),
    25: ByAmount(_CANCEL, Fault("decline", code="3003")),
    31: ByAmount(("ready",), Fault("drop_before")),
    32: ByAmount(("ready",), Fault("5xx_before")),
    33: ByAmount(("ready",), Fault("decline", code="1001")),
    41: ByAmount(("notice",), Fault("notice_thrice")),
    42: ByAmount(("notice",), Fault("notice_first")),
    43: ByAmount(("notice",), Fault("notice_lost")),
}


def mount(world: World) -> list[BaseRoute]:
    """Set Mainpay up in a world: its routes, its table of amounts, its place on the control pages."""
    till = Till(world)
    world.desks[GATEWAY] = Desk(till)
    world.faults.by_amount[GATEWAY] = BY_AMOUNT
    on = partial(_operation, till)
    window_api = "/mainpay/api/v1/payment"
    direct_api = "/mainpay/relay/v1/api/payments/payment"
    accounts = "/mainpay/relay/v2/api/payments/payment/vacct"
    routes: list[BaseRoute] = [
        on(f"{window_api}/ready", LIVE, "ready", live.READY, live.ready),
        on(f"{window_api}/pay", LIVE, "pay", live.PAY, live.pay),
        on(f"{window_api}/net-cancel", LIVE, "net_cancel", live.PAY, live.net_cancel),
        on(f"{direct_api}/cancel", LIVE, "cancel", live.CANCEL, direct.cancel),
        on(f"{direct_api}/part-cancel", LIVE, "part_cancel", live.PART_CANCEL, live.part_cancel),
        on(f"{accounts}/publish", LIVE, "vacct_publish", bank_accounts.PUBLISH, bank_accounts.publish),
        on(f"{accounts}/cancel", LIVE, "vacct_cancel", bank_accounts.CLOSE, bank_accounts.close),
        on(f"{direct_api}/card-keyin/trans", LIVE, "keyin", direct.KEY_IN, direct.key_in),
        on(f"{direct_api}/card-auto/auth", LIVE, "key_issue", direct.KEY_ISSUE, direct.key_issue),
        on(f"{direct_api}/card-auto/trans", LIVE, "key_charge", direct.KEY_CHARGE, direct.key_charge),
        on(f"{direct_api}/card-auto/cancel", LIVE, "key_cancel", direct.KEY_CANCEL, direct.key_cancel),
        on(f"{direct_api}/card-auto/auth-cancel", LIVE, "key_delete", direct.KEY_DELETE, direct.key_delete),
        on(f"{direct_api}/cms/front/register", LIVE, "transfer", direct.TRANSFER, direct.transfer),
        on(f"{direct_api}/cms/front/status", LIVE, "transfer_status", direct.TRANSFER_STATUS, direct.transfer_status),
        on(f"{direct_api}/cms/front/cancel", LIVE, "transfer_cancel", direct.TRANSFER_CANCEL, direct.transfer_cancel),
        on(f"{direct_api}/cash-receipt/trans", LIVE, "receipt", direct.RECEIPT, direct.receipt),
        on(f"{direct_api}/cash-receipt/cancel", LIVE, "receipt_cancel", direct.RECEIPT_CANCEL, direct.receipt_cancel),
    ]
    # The guide's tables name one host for these, its config.php the other: both answer.
    for host in ("api", "relay"):
        base = f"/mainpay-guide/{host}/v1/payment"
        routes += [
            on(f"{base}/ready", GUIDE, "ready", guide.READY, guide.ready),
            on(f"{base}/pay", GUIDE, "pay", guide.PAY, guide.pay, shop="mchtId"),
            on(f"{base}/cancel", GUIDE, "cancel", guide.CANCEL, guide.cancel, shop="mchtId", amount="cancelAmount"),
        ]
    return [*routes, *window.routes(till)]


def _operation(
    till: Till,
    path: str,
    dialect: str,
    op: str,
    rules: tuple[Rule, ...],
    act: Act,
    *,
    shop: str = "mbrNo",
    amount: str = "amount",
) -> Route:
    """Make the route of one operation. `shop` and `amount` name the fields that carry them."""
    world = till.world

    async def handle(request: Request) -> Response:
        try:
            form = await calls.read_form(request)
        except Malformed:
            return calls.json_response(said(dialect, "400", "잘못된 요청", ""))

        def do(fault: Fault | None) -> Answer:
            try:
                check(form, rules)
                check_signature(till.settings.merchants, form, shop, amount)
                if op not in WITH_ANOTHERS_MOMENT:
                    check_moment(form, world.now(), till.settings.clock_minutes)
                return act(till, form, fault)
            except Refusal as refusal:
                return Answer(said(dialect, refusal.code, refusal.message, ""))

        asked = _asked(till, form, dialect, op, form.get(shop, ""), form.get(amount, ""))
        calls.record(world, request, asked, form, HIDDEN_FIELDS)
        return await calls.answer(world, asked, do)

    return Route(path, handle, methods=["POST"])


def _asked(till: Till, form: Mapping[str, str], dialect: str, op: str, merchant: str, amount: str) -> Asked:
    """Tell what a call is about: a cancellation or a transfer may bear a number of its own, but is about the
    payment's."""
    merchant_ref = form.get("mbrRefNo", "")
    ref_no = form.get("orgRefNo") or form.get("objectRefNo", "")
    made = till.transfers.get(ref_no)
    original = made.trade if made else till.trades_by_ref.get((dialect, ref_no))
    if original is not None:
        merchant_ref = original.session.merchant_ref
    return Asked(GATEWAY, dialect, op, merchant, merchant_ref, int(amount) if AMOUNT.fullmatch(amount) else 0)


class Desk:
    """Mainpay's part of the control pages."""

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
        self._till.change(values)

    def deposit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Pay into the account of `merchant_ref`: its amount, or `amount` KRW; `payer`, `late`. The notice follows.
        Raises ControlRefused."""
        trade = self._trade(values)
        amount = values.get("amount", trade.amount)
        if not isinstance(amount, int) or amount < 1:
            raise ControlRefused("amount is a number of KRW from 1.")
        ref_no = self._till.deposit(trade, amount, bool(values.get("late")))
        self._send(trade, notices.deposit_notice(self._till, trade, ref_no, amount, str(values.get("payer", ""))))
        return {"deposited": amount, "account": dict(trade.account)}

    def refund(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel `merchant_ref` from Mainpay's own console: all that is left, or `amount` KRW. The notice follows.
        Raises ControlRefused."""
        trade = self._trade(values)
        amount = values.get("amount", trade.book.net)
        if not isinstance(amount, int) or not 1 <= amount <= trade.book.net:
            raise ControlRefused("amount is a number of KRW, at most what is left.")
        whole = amount == trade.amount and not trade.parts
        trade.vat_reckoned = True
        try:
            ref_no = (
                self._till.cancel_all(trade, "console") if whole else self._till.cancel_part(trade, amount, "console")
            )
        except Refusal as refusal:
            raise ControlRefused(str(refusal)) from refusal
        cmd = notices.CANCELLED if whole else notices.PART_CANCELLED
        self._send(trade, notices.card_notice(self._till, trade, cmd, ref_no, amount))
        return {"refunded": amount, "net": trade.book.net}

    def transfer(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Make or fail a registered transfer. Raises ControlRefused."""
        return direct.end_transfer(self._till, values)

    def _send(self, trade: Trade, made: list[Notice]) -> None:
        world = self._till.world
        for notice in made:
            fault = world.faults.pick(GATEWAY, "notice", trade.session.merchant_ref, trade.amount)
            world.spawn(world.notices.deliver(notice, fault))

    async def forge(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Send a perfectly formed notice about something that never happened: `kind` card or deposit, `url`,
        `fields` to set. Raises ControlRefused."""
        kind, url, fields = values.get("kind"), values.get("url"), values.get("fields")
        if kind not in ("card", "deposit") or not isinstance(url, str) or not isinstance(fields, dict):
            raise ControlRefused('A forgery needs kind ("card" or "deposit"), url and fields.')
        record = NoticeRecord(f"forged {kind}")
        await self._till.world.notices.attempt(notices.bare_notice(self._till, kind, url, fields, record))
        return record.as_json()

    def _trade(self, values: Mapping[str, Any]) -> Trade:
        wanted = values.get("merchant_ref")
        found = [trade for trade in self._till.trades.values() if trade.session.merchant_ref == wanted]
        if len(found) != 1:
            raise ControlRefused(f"There are {len(found)} payments with the order number {wanted!r}.")
        return found[0]
