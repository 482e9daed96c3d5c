"""Speaks PayApp: requests for payment, notices of what became of them, cancellations. It captures by itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import (
    Accepted,
    Ack,
    Allowed,
    ByHand,
    CodeName,
    Declined,
    Done,
    Never,
    Notice,
    PerhapsPaid,
    Redirect,
    RefundRule,
    Refused,
    Return,
    Script,
    Setting,
    Unknown,
    Unpaid,
    Urls,
)
from bridge.domain.machine import State
from bridge.domain.outcomes import PAY_BACK_ACCOUNT, PAY_BACK_WON
from bridge.domain.payment import Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.domain.texts import email
from bridge.domain.windows import origin_of
from bridge.gateways.payapp import codes, notices
from bridge.gateways.payapp.billing import Billing
from bridge.gateways.payapp.office import Office
from bridge.gateways.payapp.settings import SETTINGS, PayAppSettings, read_settings
from bridge.gateways.payapp.talk import (
    EMAIL_BYTES_MAX,
    NAME_BYTES_MAX,
    SHOP_BYTES_MAX,
    Answer,
    digits,
    korean_days,
    plain,
    read,
)

PRICE_MIN = 1_000
"""Printed nowhere; seen in production code."""

NO_PHONE = (
    "PayApp opens its page only with the buyer's phone (buyer.phone), or set payapp.window to auto.",
    "페이앱으로 결제하려면 휴대전화 번호가 필요해요. 주문에 번호를 적고 다시 결제해 주세요.",
)

PAY_BACK = {"paybackprice": PAY_BACK_WON, "paybackbank": PAY_BACK_ACCOUNT, "partprice": "partprice"}
"""Of the answer to paycancelreq: KRW that the seller has to wire, into which account, and the part's amount."""


@dataclass(frozen=True, slots=True)
class PayApp(Billing, Office):
    """One site's PayApp. Deadline 40 s: PayApp names none."""

    settings: PayAppSettings
    name: str = "payapp"
    title: str = "페이앱"
    methods: tuple[Method, ...] = tuple(codes.OPEN_PAY_TYPES)
    deadline_seconds: float = 40.0
    human_after_seconds: float = 1_800.0
    notice_kinds: tuple[str, ...] = notices.KINDS
    shown_kind: str = notices.SHOWN
    numbers: tuple[str, ...] = ("mul_no",)
    request_number: str = "mul_no"
    details: tuple[str, ...] = notices.DETAILS

    @property
    def hosts(self) -> frozenset[str]:
        """The one origin of all commands."""
        return frozenset({origin_of(self.settings.api_url)})

    def smallest(self, method: Method) -> int:
        """Say the least amount, 1,000 KRW."""
        return PRICE_MIN

    def lacking_for_window(self, device: Device, buyer: Buyer) -> tuple[str, str] | None:
        """Say why the window cannot be opened: only payrequest takes appurl, which is mandatory for apps, and it needs
        the buyer's phone. (결제 요청 – REST 방식)"""
        phone = digits(buyer.phone)
        if device is not Device.APP:
            return None if phone or self.settings.window != "rest" else NO_PHONE
        if not self.settings.app_scheme:
            english = "PayApp opens in the shop's app only with the app's own scheme: set payapp.app_scheme."
            return english, "이 앱에서는 페이앱으로 결제할 수 없어요. 웹 브라우저에서 결제해 주세요."
        if self.settings.window == "js":
            english = "PayApp's script cannot be told of an app: set payapp.window to rest or auto."
            return english, "이 앱에서는 페이앱으로 결제할 수 없어요. 웹 브라우저에서 결제해 주세요."
        if not phone:
            english = "PayApp opens in the shop's app only with the buyer's phone (buyer.phone)."
            return english, "앱에서 페이앱으로 결제하려면 휴대전화 번호가 필요해요."
        return None

    def open_window(
        self, payment: Payment, order: Order, urls: Urls, stamp: Stamp
    ) -> Exchange[Redirect | Script | Declined | Unknown]:
        """Ask for a payment (payrequest): by a call where the buyer's phone is known, else by the buyer's browser.

        Asked again, PayApp makes a second request: the first is withdrawn at its end, or its notices count for nothing.
        """
        lacking = self.lacking_for_window(payment.device, order.buyer)
        if lacking is not None:
            return Declined(Reason.BAD_REQUEST, "", lacking[1])
        phone = digits(order.buyer.phone)
        if self.settings.window == "js" or not phone:
            return self._script(payment, order, urls)
        kind = "r"
        own = {"recvphone": phone, "reqmode": "krw", "recvemail": email(order.buyer.email, EMAIL_BYTES_MAX)}
        reply = yield self.call("payrequest", {**self._request(payment, order, urls, kind), **own})
        answer = read(reply)
        if not answer.ok:
            if answer.errno in codes.REFUSALS:
                return Declined(codes.REFUSALS[answer.errno], answer.errno, answer.message)
            return Unknown("payrequest was refused with an unlisted code", answer.errno, answer.message, refusal=True)
        refs, code = {"mul_no": answer.fields.number("mul_no")}, self._page_or_none(answer.fields.text("qrurl", ""))
        return Redirect(self.page(answer.fields.text("payurl")), refs | ({"qrurl": code} if code else {}))

    def _script(self, payment: Payment, order: Order, urls: Urls) -> Script:
        """PayApp.payrequest() of the JS API: the first notice (pay_state 1) brings mul_no and must be acknowledged.

        With `redirectpay` it goes on to the payment page, where shop, goods, price and phone are given. Without a phone
        the window asks the buyer for one, and PayApp sends the page's address there (smsuse). (redirectpay, recvphone)
        """
        phone = digits(order.buyer.phone)
        fields = {
            "userid": self.settings.userid,
            "shopname": plain(self.settings.shop_name, "티켓", SHOP_BYTES_MAX),
            "recvphone": phone,
            "currency": "krw",
            "redirect": "self",
            "redirecturl": urls.approval,
            "redirectpay": "1" if phone else "",
            **self._request(payment, order, urls, "j"),
            "feedbackurl": urls.shown or urls.notice,
            "smsuse": "n" if phone else "y",
        }
        fields = {name: value for name, value in fields.items() if value}
        script = self.settings.script_url
        return Script((script,), "PayApp.payrequest", fields, self.script_origins(), argument="object")

    def _request(self, payment: Payment, order: Order, urls: Urls, kind: str) -> dict[str, str]:
        parts, settings = payment.parts, self.settings
        return {
            "goodname": plain(order.title, "티켓"),
            "price": str(payment.amount),
            "feedbackurl": urls.notice,
            "checkretry": "y",
            "returnurl": urls.approval,
            "skip_cstpage": "" if settings.shows_receipt_page else "y",
            "var1": payment.merchant_ref,
            "var2": self.seal(kind, payment.merchant_ref),
            "smsuse": "n",
            "reqaddr": "1" if settings.asks_address else "0",
            "openpaytype": codes.OPEN_PAY_TYPES[payment.method],
            "amount_taxable": str(parts.taxable),
            "amount_taxfree": str(parts.tax_free),
            "amount_vat": str(parts.vat),
            "subuserid": settings.sub_account,
            "buyerid": order.buyer.id,
            "appurl": settings.app_scheme if payment.device is Device.APP else "",
        }

    def read_return(self, form: Mapping[str, str]) -> Return:
        """Read what came to returnurl: nothing in it is proof, and a plain click brings nothing. (skip_cstpage)"""
        return Return({"mul_no": form["mul_no"]} if form.get("mul_no") else {})

    def was_requested(self, payment: Payment) -> bool:
        """Tell whether a request's number is known. The JS API's are payable only once we have acknowledged them
        (pay_state 1; else 70080)."""
        return bool(payment.requests or payment.refs.get("mul_no"))

    def probe_unpaid(self, payment: Payment, stamp: Stamp) -> Exchange[Unpaid | PerhapsPaid | Unknown]:
        """Withdraw the request (paycancel with cancelmode=ready, which leaves an approved payment alone).

        Of those that the JS API made, one at a time."""
        request = next(iter(payment.requests), "")
        number = request or payment.refs.get("mul_no", "")
        if not number:
            return Unknown("no request's number is known")
        memo = {"mul_no": number, "cancelmemo": "결제 시간 만료", "cancelmode": "ready"}
        reply = yield self.call("paycancel", memo, moves_money=True)
        answer = read(reply)
        if answer.ok:
            return Unpaid(answer.errno, request)
        if answer.errno in codes.NOT_CANCELLABLE:
            return PerhapsPaid(answer.errno, answer.message)
        return Unknown("the withdrawal was answered with a code that proves nothing", answer.errno, answer.message)

    def refund(
        self, payment: Payment, refund: RefundOrder, stamp: Stamp
    ) -> Exchange[Done | Refused | Accepted | Unknown]:
        """Cancel in full or in part (paycancel), or ask for it (paycancelreq): that is no money back yet.

        Asked for it is from the sixth day, and where PayApp says that it cannot be cancelled, which is so from the
        seller's settlement on, whenever that is. Of what is cancelled already it takes no request. (결제 취소 요청)
        """
        fields = self._cancel_fields(payment, refund)
        if not self._is_late(payment, stamp):
            reply = yield self.call("paycancel", fields, moves_money=True)
            answer = read(reply)
            if answer.ok:
                return Done()
            if answer.errno not in codes.NOT_CANCELLABLE:
                return _not_cancelled(answer)
        payer = {"dpname": plain(self.settings.shop_name, "티켓", NAME_BYTES_MAX)}
        reply = yield self.call("paycancelreq", fields | payer, moves_money=True)
        answer = read(reply)
        if answer.ok:
            told = answer.fields
            return Accepted({ours: told.text(theirs) for theirs, ours in PAY_BACK.items() if told.has(theirs)})
        return _not_cancelled(answer)

    def _cancel_fields(self, payment: Payment, refund: RefundOrder) -> dict[str, str]:
        fields = {"mul_no": payment.refs.get("mul_no", ""), "cancelmemo": plain(refund.reason, "고객 요청")}
        if refund.full:
            return fields | {"partcancel": "0"}
        parts = refund.parts
        return fields | {
            "partcancel": "1",
            "cancelprice": str(refund.amount),
            "cancel_taxable": str(parts.taxable),
            "cancel_taxfree": str(parts.tax_free),
            "cancel_vat": str(parts.vat),
        }

    def _is_late(self, payment: Payment, stamp: Stamp) -> bool:
        """Tell whether D+5 is over, by the days in Korea."""
        return payment.paid_at is not None and korean_days(payment.paid_at, stamp.at) > self.settings.cancel_days

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        """Say what may be given back through PayApp now."""
        if payment.state not in (State.PAID, State.PART_REFUNDED):
            return Never("돌려드릴 돈이 없어요.")
        if payment.method is Method.VIRTUAL_ACCOUNT:
            return ByHand("가상계좌로 받은 돈은 구매자의 계좌로 직접 보내 주세요.")
        if not payment.refs.get("mul_no"):
            return ByHand("페이앱 결제요청번호가 없어 판매자 관리 사이트에서 취소해야 해요.")
        return Allowed(payment.left, partial=True, by_request=self._is_late(payment, stamp))

    def receipt_link(self, payment: Payment) -> str:
        """Give the slip's address (csturl), if it is PayApp's."""
        return self._page_or_none(payment.refs.get("csturl", ""))

    def _page_or_none(self, url: str) -> str:
        """Give a page that only decorates: whatever hangs on none of it goes on where its address is strange."""
        try:
            return self.page(url)
        except Unreadable:
            return ""

    def read_notice(self, raw: bytes, kind: str) -> Notice:
        """Read a notice; what comes to the address that browsers see proves no money."""
        return notices.read(raw, self, kind)

    def acknowledge(self, raw: bytes, kind: str) -> Ack:
        """Answer SUCCESS, and nothing else."""
        return notices.ACK

    def allows_source(self, address: str) -> bool:
        """Allow any: the shared values prove what an address could not."""
        return True

    def codes(self, kind: str) -> tuple[CodeName, ...]:
        """List a code table: errors, pay_states, pay_types, app_errors."""
        return codes.table(kind)


def _not_cancelled(answer: Answer) -> Refused | Unknown:
    if answer.errno in codes.REFUSALS:
        return Refused(codes.REFUSALS[answer.errno], answer.errno, answer.message)
    return Unknown("the cancel was refused with a code that proves nothing", answer.errno, answer.message)


def build(values: Mapping[str, str], mode: Mode) -> PayApp:
    """Build a site's PayApp from its settings. Raises Misconfigured, also without linkkey and linkval."""
    return PayApp(read_settings(values, mode))


def settings_of_gateway() -> tuple[Setting, ...]:
    """List the settings an operator may give."""
    return SETTINGS
