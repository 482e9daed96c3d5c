"""PayApp's cash receipts and the seller's own commands. (manual, 현금영수증, 판매자 회원 가입, 부계정 등록)"""

from collections.abc import Mapping
from dataclasses import replace

from bridge.domain.exchange import KST, Exchange, Reply, Stamp
from bridge.domain.failures import Misconfigured, Unreadable
from bridge.domain.gateway import Done, Refused, Unknown
from bridge.domain.merchant_commands import AdminAnswer, AdminCommand
from bridge.domain.payment import Method, Payment
from bridge.domain.reasons import Reason
from bridge.domain.services import ReceiptIssued, ReceiptOrder
from bridge.domain.tax import Split
from bridge.gateways.payapp import codes, commands, links
from bridge.gateways.payapp.talk import (
    NAME_BYTES_MAX,
    RECEIPT_TEXT_BYTES_MAX,
    Talk,
    digits,
    korean_days,
    plain,
    read,
)

SELF_ISSUED = "0100001234"
RECEIPT_DAYS_MAX = 6

SHOWN = ("userid", "totalCashAmount", "supplyCashAmount", "vatCashAmount")
"""Of an answer; linkkey and linkval of a new seller are not: they are read in that seller's own office."""


class Office(Talk):
    """Issues and cancels cash receipts, and runs the seller's commands."""

    def sizes_receipt(self, payment: Payment) -> bool:
        """Tell whether it was paid by Naver Pay, where points and accounts are cash, and a card is not."""
        return payment.method is Method.NAVERPAY

    def issue_receipt(self, order: ReceiptOrder, stamp: Stamp) -> Exchange[ReceiptIssued | Refused | Unknown]:
        """Issue a receipt (cashStRegist) until the sixth day after the sale; without a number self-issued.

        Asked twice it may be issued twice: it goes over a connection of its own, as what moves money does.
        Of a Naver Pay payment PayApp is asked first how much of it was cash. (네이버페이 현금영수증 발행대상 금액조회)
        """
        if korean_days(order.traded_at, stamp.at) > RECEIPT_DAYS_MAX:
            return Refused(Reason.CANCEL_PERIOD, "", "현금영수증은 거래일로부터 6일 이내에만 발행할 수 있어요.")
        parts = order.split
        if order.asks_amount:
            asked = {"mul_no": order.refs.get("mul_no", "")}
            reply = yield replace(self.call("checkNpayCashReceiptReq", asked), prepares=True)
            cash = _cash_of(reply, parts.total)
            if isinstance(cash, Refused):
                return cash
            parts = cash
        reply = yield self.call("cashStRegist", _receipt_fields(order, parts), moves_money=True)
        answer = read(reply)
        if not answer.ok:
            return Refused(codes.REFUSALS.get(answer.errno, Reason.GATEWAY), answer.errno, answer.message)
        fields = answer.fields
        refs, url = {"cashstno": fields.text("cashstno")}, fields.text("cashsturl", "")
        return ReceiptIssued(fields.text("receipt_no", ""), refs, url, parts if order.asks_amount else None)

    def cancel_receipt(
        self, order: ReceiptOrder, issued: ReceiptIssued, stamp: Stamp
    ) -> Exchange[Done | Refused | Unknown]:
        """Cancel a receipt whole (cashStCancel). That it is in no state to be cancelled may mean that it is."""
        fields = {"cashstno": issued.refs.get("cashstno", "")}
        reply = yield self.call("cashStCancel", fields, moves_money=True)
        answer = read(reply)
        if answer.ok:
            return Done()
        if answer.errno in codes.NOT_CANCELLABLE:
            return Unknown("the receipt may be cancelled already", answer.errno, answer.message)
        return Refused(codes.REFUSALS.get(answer.errno, Reason.GATEWAY), answer.errno, answer.message)

    @property
    def admin_commands(self) -> tuple[AdminCommand, ...]:
        """The commands for sellers, staff accounts, Naver Pay's cash; and what is handed out without asking."""
        return (*commands.ASKED, *commands.HANDED_OUT)

    def administer(self, name: str, fields: Mapping[str, str], stamp: Stamp) -> Exchange[AdminAnswer | Unknown]:
        """Run a command. Raises Misconfigured for a command or field that is not named."""
        command = next((one for one in self.admin_commands if one.name == name), None)
        if command is None or set(fields) - {one.name for one in command.fields}:
            raise Misconfigured(f"payapp has no command {name} with these fields.")
        if command in commands.HANDED_OUT:
            return links.make(self, name, fields)
        given = dict(fields)
        if name in ("sellerRegist", "useridCheck"):
            if not self.settings.reseller_id:
                raise Misconfigured(
                    "payapp.reseller_id is missing (it registers sellers): pay-bridge site set URL --set"
                    " payapp.reseller_id=…",
                    message_ko="리셀러 아이디(payapp.reseller_id)가 없어요. 설정한 뒤 다시 해 주세요:"
                    " pay-bridge site set URL --set payapp.reseller_id=…",
                )
            given["resellerid"] = self.settings.reseller_id
        reply = yield self.call(name, given)
        answer = read(reply)
        shown = {one: answer.fields.text(one) for one in SHOWN if answer.fields.has(one)}
        return AdminAnswer(answer.ok, shown, answer.errno, answer.message)


def _receipt_fields(order: ReceiptOrder, parts: Split) -> dict[str, str]:
    return {
        "good_name": plain(order.title, "티켓", RECEIPT_TEXT_BYTES_MAX),
        "buyr_name": plain(order.buyer_name, "구매자", NAME_BYTES_MAX),
        "id_info": SELF_ISSUED if order.purpose == "self" else digits(order.identity),
        "trad_time": order.traded_at.astimezone(KST).strftime("%Y%m%d%H%M%S"),
        "tr_code": "1" if order.purpose == "business" else "0",
        "amt_tot": str(parts.total),
        "amt_sup": str(parts.taxable + parts.tax_free),
        "amt_svc": "0",
        "amt_tax": str(parts.vat),
        "corp_tax_type": "TG01" if parts.vat else "TG02",
        "mul_no": order.refs.get("mul_no", ""),
    }


def _cash_of(reply: Reply, left: int) -> Split | Refused:
    """Read how much of a Naver Pay payment was cash: without VAT it is free of tax. Nothing is issued on any doubt."""
    try:
        answer = read(reply)
        if not answer.ok:
            return Refused(codes.REFUSALS.get(answer.errno, Reason.GATEWAY), answer.errno, answer.message)
        total, supply, vat = (answer.fields.won(f"{name}CashAmount") for name in ("total", "supply", "vat"))
    except Unreadable:
        return Refused(Reason.GATEWAY, "", "현금성 금액을 페이앱에서 읽지 못했어요. 잠시 뒤 다시 시도해 주세요.")
    if not total:
        return Refused(Reason.AMOUNT, "", "이 네이버페이 결제에는 현금영수증을 발급할 금액이 없어요.")
    if supply + vat != total or total > left:
        return Refused(Reason.AMOUNT, "", f"페이앱이 말한 현금성 금액({total:,}원)이 결제와 맞지 않아요.")
    return Split(supply, vat, 0) if vat else Split(0, 0, supply)
