"""Speaks Mainpay, in both of its dialects: the guide's, and the one its live system is seen to use (README.md)."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from bridge.domain.exchange import KST, Call, Exchange, Fields, Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import (
    Ack,
    Allowed,
    ByHand,
    CodeName,
    Declined,
    Done,
    Never,
    NothingThere,
    Notice,
    Paid,
    Redirect,
    RefundRule,
    Refused,
    Return,
    Setting,
    TooLate,
    Undone,
    Unknown,
    Urls,
    Waiting,
)
from bridge.domain.machine import State
from bridge.domain.payment import AMOUNT_MIN, Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.domain.texts import cut, digits, email, fit
from bridge.gateways.mainpay import codes, notices
from bridge.gateways.mainpay.answers import approval, cancelled_less, misfit
from bridge.gateways.mainpay.direct import Direct
from bridge.gateways.mainpay.settings import SETTINGS, read_settings
from bridge.gateways.mainpay.writing import AUTO, PAYMETHODS, WITHIN_CARD

NEXT_URL = {Device.PC: "nextPcUrl", Device.MOBILE: "nextMobileUrl", Device.APP: "nextAppUrl"}
AROUND_MIDNIGHT = timedelta(minutes=10)
"""How much earlier or later than it was sent an approval may be made: by Mainpay's own clock, and when it arrived."""

UNNAMED = "메인페이 거래번호가 없어 환불 이체를 등록할 수 없어요. 구매자의 계좌로 직접 보내 주세요."
TRANSFER = "가상계좌로 받은 돈은 구매자의 계좌로 이체해요. 계좌는 결제 서버의 운영자만 등록할 수 있어요."
NO_TAX_FREE = "이 메인페이 연동에는 면세 금액을 알리는 항목이 없어, 면세 상품이 있는 주문은 결제할 수 없어요."


@dataclass(frozen=True, slots=True)
class Mainpay(Direct):
    """One site's Mainpay. Deadlines: connect 5 s, total 65 s, because Mainpay itself allows 55 s to answer."""

    name: str = "mainpay"
    title: str = "메인페이"
    methods: tuple[Method, ...] = tuple(PAYMETHODS)
    deadline_seconds: float = 65.0
    human_after_seconds: float = 600.0
    notice_kinds: tuple[str, ...] = ("noti",)
    numbers: tuple[str, ...] = ("refNo", "tranDate", "applNo")
    details: tuple[str, ...] = ()

    @property
    def hosts(self) -> frozenset[str]:
        """The origins of the window API and the relay."""
        return frozenset(_origin(url) for url in (self.settings.api_url, self.settings.relay_url))

    def smallest(self, method: Method) -> int:
        """Say the least amount: Mainpay's documents name none."""
        return AMOUNT_MIN

    def paid_as(self, method: Method) -> Method:
        """Call what was paid in the card window a card: no answer tells whether it was a wallet."""
        return Method.CARD if method in WITHIN_CARD else method

    def open_window(
        self, payment: Payment, order: Order, urls: Urls, stamp: Stamp
    ) -> Exchange[Redirect | Declined | Unknown]:
        """Ready (guide, 1. 결제 준비 API): sends what either dialect needs; the answer's shape tells which it is."""
        buyer = order.buyer
        reply = yield self._call(
            "ready",
            f"{self.settings.api_url}/v1/payment/ready",
            self._signed(payment.merchant_ref, payment.amount, stamp)
            | {
                "version": "V001",
                "mbrNo": self.settings.mbr_no,
                "paymethod": PAYMETHODS[payment.method],
                "goodsName": fit(order.title, 30, "TICKET"),
                "goodsCode": self.settings.goods_code,
                "approvalUrl": urls.approval,
                "closeUrl": urls.close,
                "notiUrl": urls.notice,
                "customerName": fit(buyer.name, 30, "구매자"),
                "customerEmail": email(buyer.email, 50) or f"none@{urlsplit(urls.approval).hostname}",
                "customerTelNo": digits(buyer.phone, 12),
                **(self._guide_buyer(buyer) if self.settings.sends_guide_buyer else {}),
                "merchantData": payment.merchant_ref,
                **self.tax(payment.parts, payment.tax_free),
                **({"availableInstallment": f"{payment.instalment_months:02d}"} if payment.instalment_months else {}),
            },
        )
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if code != codes.SUCCESS:
            if code in codes.READY_REFUSALS:
                return Declined(codes.READY_REFUSALS[code], code, message)
            return Unknown("ready was answered with an unlisted code", code, message, refusal=True)
        data = fields.inside("data")
        if data.has("aid"):
            url, refs = data.text(NEXT_URL[payment.device]), {"dialect": "live", "aid": data.text("aid")}
        elif payment.tax_free:
            return Declined(Reason.BAD_REQUEST, "", NO_TAX_FREE)  # the guide has no field: all would be taxed
        else:
            url = data.text("payUrl")
            refs = {"dialect": "guide", "refNo": data.text("refNo"), "tranDate": data.text("tranDate", "")}
        if not self._is_window(url):
            return Unknown("ready named a window outside Mainpay's domain")
        return Redirect(url, refs)

    def read_return(self, form: Mapping[str, str]) -> Return:
        """Read what came to approvalUrl: by GET with aid and authToken, or by the guide's POST with authCode (3.)."""
        if form.get("aid") and form.get("authToken"):
            names: tuple[str, ...] = ("aid", "authToken", "payType", "merchantData")
            return Return({name: form.get(name, "") for name in names})
        if not form.get("refNo"):
            raise Unreadable("The return carries neither aid nor refNo.")
        refs = {"refNo": form["refNo"], "authCode": form.get("authCode", "")}
        code = form.get("resultCode", "")
        if code not in ("", codes.SUCCESS) or not refs["authCode"]:
            reason = codes.DECLINES.get(code, codes.DECLINES["2001"])
            return Return(refs, Declined(reason, code, form.get("resultMessage", "")))
        return Return(refs)

    def approve(
        self, payment: Payment, returned: Return, stamp: Stamp
    ) -> Exchange[Paid | Waiting | Declined | Unknown]:
        """Pay (guide, 5. 결제 승인 API): the one call that moves the money."""
        url = f"{self.settings.api_url}/v1/payment/pay"
        reply = yield self._call("pay", url, self._pay_form(payment, returned, stamp), moves_money=True)
        return approval(payment, self.settings.mbr_no, reply, stamp)

    def undo(
        self, payment: Payment, returned: Return, sent: Stamp, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Unknown]:
        """Take back an approval whose answer was lost.

        Live: net-cancel with exactly the parameters of the pay call. The guide has none: its cancel of the full amount.
        Without a window, or where restored books lost the return: the cancel by order number (`isNetCancel=Y`).
        """
        dialect = payment.refs.get("dialect")
        if dialect == "live" and not returned.refs.get("authToken"):
            days = (payment.created_at - AROUND_MIDNIGHT, payment.expires_at + AROUND_MIDNIGHT)
            return (yield from self._undo_by_order(payment, days, stamp))
        if dialect == "live":
            url = f"{self.settings.api_url}/v1/payment/net-cancel"
            reply = yield self._call("net-cancel", url, self._pay_form(payment, returned, sent), moves_money=True)
        elif dialect != "guide":
            tried = (sent.at, payment.created_at)  # of restored books the first is no earlier than their restore
            around = (at + apart for apart in (timedelta(), -AROUND_MIDNIGHT, AROUND_MIDNIGHT) for at in tried)
            return (yield from self._undo_by_order(payment, around, stamp))
        else:
            amount = payment.left or payment.amount  # it may have taken another amount than asked
            reply = yield self._guide_cancel(payment, amount, "승인 응답 유실", stamp)
        return self._undone(payment, reply)

    def refund(self, payment: Payment, refund: RefundOrder, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Cancel in full or in part. Once cancelled in part, the rest goes the same way (relay API)."""
        if payment.refs.get("dialect") == "guide":
            reply = yield self._guide_cancel(payment, refund.amount, refund.reason, stamp)
        else:
            reply = yield self._relay_cancel(payment, refund, stamp)
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if code == codes.SUCCESS:
            data = fields.inside("data") if fields.has("data") else Fields({})
            if data.has("mbrRefNo") and data.text("mbrRefNo") not in (refund.ref, payment.merchant_ref):
                return Unknown("the cancel was answered about another payment", code, message)
            if data.has("cancelAmount") and data.won("cancelAmount") != refund.amount:
                return Unknown("the cancel was answered about another amount", code, message)
            told = {name: data.text(name) for name in ("refNo", "tranDate", "tranTime") if data.has(name)}
            if "tranDate" in told:
                told["tranDate"] = told["tranDate"][-6:]  # the guide's answer has the century, its notice has not
            return Done(told)
        if codes.says_all_gone(code, message) and refund.full:
            return Done(already=True)
        reason = codes.refund_refusal(code, message, refunded=payment.refunded)
        if reason is not None:
            return Refused(reason, code, message)
        return Unknown("the cancel was answered with a code that proves nothing", code, message)

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        """Say what may be given back through Mainpay now."""
        if payment.state not in (State.PAID, State.PART_REFUNDED):
            return Never("돌려드릴 돈이 없어요.")
        if payment.method is Method.VIRTUAL_ACCOUNT:
            return ByHand(TRANSFER if self.may_transfer(payment) else UNNAMED)
        if not payment.refs.get("refNo"):
            return ByHand("메인페이 거래번호가 없어 관리자 화면에서 취소해야 해요.")
        if payment.paid_at and (stamp.at - payment.paid_at).days > 365:
            return ByHand("결제한 지 1년이 지나 메인페이에 직접 요청해야 해요.")
        return Allowed(payment.left, partial=True)

    def read_notice(self, raw: bytes, kind: str) -> Notice:
        """Read a card or deposit notice; neither is signed."""
        return notices.read(raw, self.settings.mbr_no)

    def acknowledge(self, raw: bytes, kind: str) -> Ack:
        """Answer as the notice's kind wants it: JSON for cards, OK for deposits."""
        return notices.acknowledge(raw)

    def allows_source(self, address: str) -> bool:
        """Tell whether notices may come from this address (guide, 서버 방화벽: 211.43.193.87)."""
        return not self.settings.notice_sources or address in self.settings.notice_sources

    def codes(self, kind: str) -> tuple[CodeName, ...]:
        """List a code table: errors, cards or banks."""
        return codes.table(kind)

    def _guide_buyer(self, buyer: Buyer) -> dict[str, str]:
        """Name the buyer as the guide does; which dialect is spoken, only the answer tells."""
        return {
            "buyerName": fit(buyer.name, 30, "구매자"),
            "buyerEmail": email(buyer.email, 50),
            "buyerTel": cut(buyer.phone, 20),
        }

    def _pay_form(self, payment: Payment, returned: Return, stamp: Stamp) -> dict[str, str]:
        signed = self._signed(payment.merchant_ref, payment.amount, stamp)
        if payment.refs.get("dialect") != "live":
            refs = {"refNo": payment.refs.get("refNo", ""), "authCode": returned.refs.get("authCode", "")}
            return signed | {"mchtId": self.settings.mbr_no} | refs
        return signed | {
            "version": "V001",
            "mbrNo": self.settings.mbr_no,
            "paymethod": PAYMETHODS[payment.method],
            "aid": payment.refs.get("aid", ""),
            "authToken": returned.refs.get("authToken", ""),
            "payType": returned.refs.get("payType", ""),
            "merchantData": _given(payment.merchant_ref, returned.refs.get("merchantData", "")),
            **self.tax(payment.parts, payment.tax_free),
        }

    def _relay_cancel(self, payment: Payment, refund: RefundOrder, stamp: Stamp) -> Call:
        auto = "card-auto/" if payment.refs.get("api") == AUTO else ""
        path = f"{auto}cancel" if refund.full else "part-cancel"
        reference = refund.ref if self.settings.cancel_reference_is_new else payment.merchant_ref
        form = self._signed(reference, refund.amount, stamp) | {
            "version": "V001",
            "mbrNo": self.settings.mbr_no,
            "orgRefNo": payment.refs.get("refNo", ""),
            "orgTranDate": payment.refs.get("tranDate", "")[-6:],
            "paymethod": PAYMETHODS[payment.method],
            "payType": payment.refs.get("payType", ""),
            "isNetCancel": "N",
            **self.tax(refund.parts, payment.tax_free),
        }
        url = f"{self.settings.relay_url}/v1/api/payments/payment/{path}"
        return self._call("cancel" if refund.full else "part-cancel", url, form, moves_money=True)

    def _guide_cancel(self, payment: Payment, amount: int, reason: str, stamp: Stamp) -> Call:
        timestamp = self.timestamp(stamp)
        form = {
            "mchtId": self.settings.mbr_no,
            "refNo": payment.refs.get("refNo", ""),
            "mbrRefNo": payment.merchant_ref,
            "cancelAmount": str(amount),
            "cancelReason": cut(reason, 200) or "고객 요청",
            "timestamp": timestamp,
            "signature": self.sign(payment.merchant_ref, amount, timestamp),
        }
        return self._call("cancel", f"{self.settings.relay_url}/v1/payment/cancel", form, moves_money=True)

    def _undo_by_order(
        self, payment: Payment, moments: Iterable[datetime], stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Unknown]:
        """Take back on each day that the approval may be booked on; nothing is there only where each day says so."""
        said = []
        for day in {at.astimezone(KST).date(): at for at in moments}.values():
            outcome = self._undone(payment, (yield self.cancel_by_order(payment, day, stamp)))
            if isinstance(outcome, Undone):
                return outcome
            said.append(outcome)
        return next((one for one in said if not isinstance(one, NothingThere)), said[0])

    def _undone(self, payment: Payment, reply: Reply) -> Undone | NothingThere | TooLate | Unknown:
        fields = reply.json_fields()  # status 404 is said of an address, and is no word about the payment
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if code == codes.SUCCESS and misfit(payment, self.settings.mbr_no, fields):
            return Unknown("net-cancel answered about another payment", code)
        if code == codes.SUCCESS and cancelled_less(fields, payment.left or payment.amount):
            return Unknown("the cancel was answered about less than was asked", code, there=True, part=True)
        if code == codes.SUCCESS or codes.says_all_gone(code, message):
            return Undone(code, already=code != codes.SUCCESS)
        may_be_paid_into = payment.method is Method.VIRTUAL_ACCOUNT and code == codes.CANCEL_FAILED
        if codes.says_nothing_there(code, message, payment.refs.get("dialect", "")) and not may_be_paid_into:
            return NothingThere(code)
        if code == codes.TOO_LATE:
            return TooLate(code)
        there = codes.says_it_is_there(code, message)
        return Unknown("net-cancel was answered with a code that proves nothing", code, message, there=there)

    def _is_window(self, url: str) -> bool:
        parts = urlsplit(url)
        if not parts.hostname or not parts.netloc.isascii() or set(parts.netloc) & set("@\\") or not url.isprintable():
            return False
        if _origin(url) in self.hosts:
            return True
        domain = self.settings.window_domain
        return parts.scheme == "https" and (parts.hostname == domain or parts.hostname.endswith(f".{domain}"))


def build(values: Mapping[str, str], mode: Mode) -> Mainpay:
    """Build a site's Mainpay from its settings. Raises Misconfigured."""
    return Mainpay(read_settings(values, mode))


def settings_of_gateway() -> tuple[Setting, ...]:
    """List the settings an operator may give."""
    return SETTINGS


def _given(data: str, came: str) -> str:
    """Give ready's merchantData as it was given, where it came back in base64 (mobile sample); else as it came."""
    return data if came.rstrip("=") == base64.b64encode(data.encode()).decode().rstrip("=") else came


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
