"""Payple, cards: the port in terms of its manual (페이플 - 카드 일반결제, 정기결제).

README.md has the quirks and where they come from.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bridge.domain.billing import BillingKey, Issued, KeyOrder, KeyShown
from bridge.domain.exchange import Call, Exchange, Stamp
from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.gateway import (
    Absent,
    Ack,
    Allowed,
    ByHand,
    CodeName,
    Declined,
    Done,
    Never,
    Notice,
    Paid,
    RefundRule,
    Refused,
    Return,
    Script,
    Seen,
    Setting,
    Unknown,
    Urls,
    WindowPass,
)
from bridge.domain.machine import State
from bridge.domain.payment import Method, Mode, Order, Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.domain.texts import fit
from bridge.domain.windows import origin_of
from bridge.gateways.payple import answers, codes, notices
from bridge.gateways.payple.dates import MONTH, day_paid, days_possible, month_of, regular, with_day
from bridge.gateways.payple.fields import contact, payer_no, tax_flags, window_fields
from bridge.gateways.payple.settings import SETTINGS, PaypleSettings, read_settings
from bridge.gateways.payple.talks import Denied, Talker, lookup_body, refund_body

CONFIRM = re.compile(r"/(?:[A-Za-z0-9_-]+/){0,3}php/PayCardConfirmAct\.php\?ACT_=PAYM")
PASSED_ON = ("PCD_AUTH_KEY", "PCD_PAY_REQKEY", "PCD_PAY_COFURL", "PCD_PAYER_ID", "PCD_PAY_TOTAL")
HOSTS_OF_THE_BROWSER = ("PCD_PAY_COFURL", "PCD_PAY_HOST")


class PaypleAtOnce:
    """One site's Payple in mode PAY: it captures within its window, and is asked what came of it."""

    name = "payple"
    title = "페이플"
    methods: tuple[Method, ...] = (Method.CARD,)
    key_methods: tuple[Method, ...] = (Method.CARD,)
    deadline_seconds = 40.0
    human_after_seconds = 360.0
    notice_kinds: tuple[str, ...] = ("webhook",)

    def __init__(self, settings: PaypleSettings) -> None:
        self.settings, self.merchant = settings, settings.cst_id
        self.talker = Talker(settings)

    @property
    def hosts(self) -> frozenset[str]:
        """The origins of Payple that may be called."""
        return self.settings.hosts

    def smallest(self, method: Method) -> int:
        """Say the least amount: 100 KRW, 1,000 for test shops."""
        return self.settings.smallest_won

    def open_window(
        self, payment: Payment, order: Order, urls: Urls, stamp: Stamp
    ) -> Exchange[Script | Declined | Unknown]:
        """Give the window's data to its script, which asks us for a pass before it opens (최초결제 - 공통)."""
        yield from ()
        fields = window_fields(self.settings, self.settings.pay_work, "02", payment.merchant_ref, order.buyer, urls) | {
            "PCD_PAY_GOODS": fit(order.title, 2048, "TICKET"),
            "PCD_PAY_TOTAL": str(payment.amount),
        }
        return self._script(fields | tax_flags(payment.amount, payment.tax_free), payment.merchant_ref)

    def vouch(
        self, payment: Payment, form: Mapping[str, str], stamp: Stamp
    ) -> Exchange[WindowPass | Declined | Unknown]:
        """Fetch the tokens with which the script opens the window; what it posted is not looked at."""
        return (yield from self._vouch())

    def vouch_for_key(
        self, order: KeyOrder, form: Mapping[str, str], stamp: Stamp
    ) -> Exchange[WindowPass | Declined | Unknown]:
        """Fetch the same tokens for the window in which a card is registered."""
        return (yield from self._vouch())

    def _vouch(self) -> Exchange[WindowPass | Declined | Unknown]:
        passed = yield from self.talker.authenticate(PCD_PAY_TYPE="card")
        if isinstance(passed, Denied):
            return Unknown(passed.message) if passed.unreadable else _declined(passed)
        return WindowPass(passed.answer)

    def read_return(self, form: Mapping[str, str]) -> Return:
        """Read what came to PCD_RST_URL or the callback: all of it from the buyer's browser.

        Raises Unreadable, or NotGenuine where it names a host that is not Payple's; nothing is sent there.
        """
        if not form.get("PCD_PAY_RST") or not form.get("PCD_PAY_OID"):
            raise Unreadable("The return has no PCD_PAY_RST or no PCD_PAY_OID.")
        for name in HOSTS_OF_THE_BROWSER:
            if form.get(name) and not self.talker.is_callable(form[name]):
                raise NotGenuine(f"The return's {name} is not an address of Payple's.")
        refs = {"oid": form["PCD_PAY_OID"]} | {name: form[name] for name in PASSED_ON if form.get(name)}
        if form["PCD_PAY_RST"] != codes.SUCCESS:
            code = form.get("PCD_PAY_CODE") or form["PCD_PAY_RST"]
            return Return(refs, Declined(Reason.DECLINED, code, form.get("PCD_PAY_MSG", "")))
        return Return(refs)

    def inquire(self, payment: Payment, stamp: Stamp) -> Exchange[Seen | Absent | Unknown]:
        """Ask by order number and day in Korea (결제결과 조회): the day that is known, else all that may be."""
        shown: Seen | Absent | Unknown = Absent()
        for day in days_possible(payment, stamp):
            passed = yield from self.talker.authenticate(PCD_PAYCHK_FLAG="Y")  # of each: tokens may open one act only
            if isinstance(passed, Denied):
                return Unknown("Payple did not let us ask", passed.code, passed.message)
            body = lookup_body(payment.merchant_ref, day, regular(payment.refs))
            reply = yield from self.talker.act("lookup", passed, body)
            if isinstance(reply, Denied):
                return Unknown(reply.message, reply.code)
            found = answers.inquiry(payment, self.settings, reply)
            if isinstance(found, Seen):
                return with_day(found, day)
            shown = found if isinstance(shown, Absent) else shown
        return shown

    def refund(self, payment: Payment, refund: RefundOrder, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Give back in full or in part, naming the day of the payment in Korea (승인취소)."""
        passed = yield from self.talker.authenticate(PCD_PAYCANCEL_FLAG="Y")
        if isinstance(passed, Denied):
            return Refused(_reason(passed), passed.code, passed.message)
        vat = refund.parts.vat if payment.tax_free else None
        name = {"PCD_PAY_OID": payment.merchant_ref, "PCD_PAY_DATE": day_paid(payment, stamp)} | regular(payment.refs)
        body = refund_body(self.settings.refund_key, name, refund.amount, vat)
        reply = yield from self.talker.act("refund", passed, body, moves_money=True)
        if isinstance(reply, Denied):
            return Refused(_reason(reply), reply.code, reply.message)
        return answers.refunding(payment, refund, reply)

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        """Say what may be given back through Payple now."""
        if payment.state not in (State.PAID, State.PART_REFUNDED):
            return Never("돌려드릴 돈이 없어요.")
        if payment.paid_at and (stamp.at - payment.paid_at).days > 365:
            return ByHand("결제한 지 1년이 지나 페이플에 직접 요청해야 해요.")
        return Allowed(payment.left, partial=not self.settings.whole_only, why=self.settings.whole_only)

    def open_key_window(self, order: KeyOrder, urls: Urls, stamp: Stamp) -> Exchange[Script | Declined | Unknown]:
        """Give the data of the window in which a card is registered, and nothing charged (PCD_PAY_WORK AUTH)."""
        yield from ()
        fields = window_fields(self.settings, "AUTH", "01", order.ref, order.buyer, urls)
        return self._script(fields | {"PCD_PAYER_NO": payer_no(order.customer)}, order.ref)

    def issue_key(
        self, order: KeyOrder, returned: Return, stamp: Stamp
    ) -> Exchange[Issued | Paid | Declined | Unknown]:
        """Ask Payple what the key is that the browser brought: it counts only if Payple knows it (PUSERINFO)."""
        payer_id = returned.refs.get("PCD_PAYER_ID", "")
        if not payer_id:
            return Unknown("the window returned no key")
        shown = yield from self._show(payer_id, order.customer)
        if isinstance(shown, KeyShown):
            return Issued(payer_id, card=shown.card)
        if isinstance(shown, Absent):
            return Declined(Reason.BAD_REQUEST, shown.code, "")
        return shown

    def show_key(self, key: BillingKey, stamp: Stamp) -> Exchange[KeyShown | Absent | Unknown]:
        """Ask what a key stands for (등록카드 조회)."""
        shown = yield from self._show(key.key, key.customer)
        return shown

    def delete_key(self, key: BillingKey, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Delete a key (등록카드 해지)."""
        passed = yield from self.talker.authenticate(PCD_PAY_WORK="PUSERDEL")
        if isinstance(passed, Denied):
            return Refused(_reason(passed), passed.code, passed.message)
        reply = yield from self.talker.act("user_delete", passed, {"PCD_PAYER_ID": key.key})
        if isinstance(reply, Denied):
            return Refused(_reason(reply), reply.code, reply.message)
        return answers.deletion(reply, key.key)

    def charge_refs(self, at: datetime) -> dict[str, str]:
        """Name the month that a regular charge is for: without it Payple neither shows nor refunds the charge."""
        return {MONTH: month_of(at)} if self.settings.charges == "regular" else {}

    def charge(
        self, payment: Payment, order: Order, key: BillingKey, urls: Urls, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge a key: any number of times a month, or once a month (이후결제 - 정기결제)."""
        payment = replace(payment, refs=self.charge_refs(stamp.at) | dict(payment.refs))
        monthly = regular(payment.refs)
        flag = "PCD_REGULER_FLAG" if monthly else "PCD_SIMPLE_FLAG"
        passed = yield from self.talker.authenticate(**{"PCD_PAY_TYPE": "card", flag: "Y"})
        if isinstance(passed, Denied):
            return _declined(passed)
        body = {
            "PCD_PAY_TYPE": "card",
            "PCD_PAYER_ID": key.key,
            "PCD_PAYER_NO": payer_no(key.customer),
            "PCD_PAY_GOODS": fit(order.title, 2048, "TICKET"),
            "PCD_PAY_TOTAL": str(payment.amount),
            "PCD_PAY_OID": payment.merchant_ref,
            flag: "Y",
        }
        body |= monthly | contact(order.buyer) | tax_flags(payment.amount, payment.tax_free)
        reply = yield from self.talker.act("regular" if monthly else "simple", passed, body, moves_money=True)
        if isinstance(reply, Denied):
            return _declined(reply)
        return answers.charge(payment.merchant_ref, payment.refs, self.settings, reply)

    def receipt_link(self, payment: Payment) -> str:
        """Give the slip's address, as Payple named it with the payment (PCD_PAY_CARDRECEIPT)."""
        link = payment.refs.get("receipt", "")
        return link if link.startswith("https://") else ""

    def read_notice(self, raw: bytes, kind: str) -> Notice:
        """Read a webhook; none is signed, so it only makes us ask."""
        return notices.read(raw)

    def acknowledge(self, raw: bytes, kind: str) -> Ack:
        """Answer with status 200, which is all that Payple looks for."""
        return notices.ACK

    def allows_source(self, address: str) -> bool:
        """Tell whether webhooks may come from this address; the manual names none."""
        return not self.settings.notice_sources or address in self.settings.notice_sources

    def codes(self, kind: str) -> tuple[CodeName, ...]:
        """List a code table: errors, cards or banks."""
        return codes.table(kind)

    def _show(self, payer_id: str, customer: str) -> Exchange[KeyShown | Absent | Unknown]:
        passed = yield from self.talker.authenticate(PCD_PAY_WORK="PUSERINFO")
        if isinstance(passed, Denied):
            return Unknown("Payple did not let us ask", passed.code, passed.message)
        body = {"PCD_PAYER_ID": payer_id, "PCD_PAYER_NO": payer_no(customer)}
        reply = yield from self.talker.act("user_info", passed, body)
        if isinstance(reply, Denied):
            return Unknown(reply.message, reply.code)
        return answers.key(reply, payer_id)

    def _script(self, fields: dict[str, str], ref: str) -> Script:
        main, helper = f"{self.settings.host_url}/js/cpay.payple.1.0.1.js", self.settings.helper_script
        scripts = (helper, main) if helper else (main,)
        return Script(
            scripts=scripts,
            function="PaypleCpayAuthCheck",
            fields=fields,
            origins=tuple(dict.fromkeys(origin_of(url) for url in (main, *scripts))),
            argument="object",
            callback="callbackFunction" if self.settings.result == "callback" else "",
            refs={"oid": ref},
        )


class Payple(PaypleAtOnce):
    """One site's Payple in mode CERT: nothing moves before we confirm it."""

    def approve(self, payment: Payment, returned: Return, stamp: Stamp) -> Exchange[Paid | Declined | Unknown]:
        """Confirm what the window prepared, with our own credentials (결제생성 후 승인).

        The amount that came back is compared first; the address only if it is one of Payple's for confirming.
        """
        confirmation = self._confirmation(payment.amount, returned)
        if isinstance(confirmation, Declined):
            return confirmation
        reply = yield confirmation
        return answers.charge(payment.merchant_ref, payment.refs, self.settings, reply)

    @property
    def first_charge_methods(self) -> tuple[Method, ...]:
        """Cards: PCD_CARD_VER 01 registers the card that its window pays with. (최초결제 - 공통)"""
        return self.key_methods

    def open_key_window(self, order: KeyOrder, urls: Urls, stamp: Stamp) -> Exchange[Script | Declined | Unknown]:
        """Give the data of the window in which a card is registered; with an amount, for the first payment too.

        Where keys are charged by the month, this payment is the month's (PCD_REGULER_FLAG).
        """
        if not order.amount:
            return (yield from super().open_key_window(order, urls, stamp))
        month = self.charge_refs(stamp.at)
        fields = window_fields(self.settings, self.settings.pay_work, "01", order.ref, order.buyer, urls) | {
            "PCD_PAYER_NO": payer_no(order.customer),
            "PCD_PAY_GOODS": fit(order.title, 2048, "TICKET"),
            "PCD_PAY_TOTAL": str(order.amount),
        }
        script = self._script(fields | regular(month) | tax_flags(order.amount, order.tax_free), order.ref)
        return replace(script, refs=dict(script.refs) | month)

    def issue_key(
        self, order: KeyOrder, returned: Return, stamp: Stamp
    ) -> Exchange[Issued | Paid | Declined | Unknown]:
        """Ask what the key is; with an amount, confirm the first payment, by which the card is charged and kept."""
        if not order.amount:
            return (yield from super().issue_key(order, returned, stamp))
        payer_id = returned.refs.get("PCD_PAYER_ID", "")
        if not payer_id:
            return Declined(Reason.BAD_REQUEST, "", "결제창이 등록된 카드를 알려 주지 않아 결제하지 않았어요.")
        confirmation = self._confirmation(order.amount, returned)
        if isinstance(confirmation, Declined):
            return confirmation
        reply = yield confirmation
        return answers.first_charge(order, payer_id, self.settings, reply)

    def _confirmation(self, amount: int, returned: Return) -> Call | Declined:
        back = returned.refs
        if back.get("PCD_PAY_TOTAL", str(amount)) != str(amount):
            return Declined(Reason.AMOUNT_MISMATCH, "", "결제 금액이 주문과 달라요.")
        url = back.get("PCD_PAY_COFURL") or f"{self.settings.host_url}/php/PayCardConfirmAct.php?ACT_=PAYM"
        if not self.talker.is_callable(url) or not CONFIRM.fullmatch(url.removeprefix(origin_of(url))):
            return Declined(Reason.BAD_REQUEST, "", "결제사의 승인 주소가 아니에요.")
        body = {
            "PCD_CST_ID": self.settings.cst_id,
            "PCD_CUST_KEY": self.settings.cust_key,
            "PCD_AUTH_KEY": back.get("PCD_AUTH_KEY", ""),
            "PCD_PAY_REQKEY": back.get("PCD_PAY_REQKEY", ""),
            "PCD_PAYER_ID": back.get("PCD_PAYER_ID", ""),
        }
        return self.talker.call("confirm", url, body, moves_money=True)


def build(values: Mapping[str, str], mode: Mode) -> PaypleAtOnce:
    """Build a site's Payple from its settings. Raises Misconfigured."""
    settings = read_settings(values, mode)
    return Payple(settings) if settings.pay_work == "CERT" else PaypleAtOnce(settings)


def settings_of_gateway() -> tuple[Setting, ...]:
    """List the settings an operator may give."""
    return SETTINGS


def _reason(denied: Denied) -> Reason:
    return codes.AUTH.get(denied.code, Reason.GATEWAY)


def _declined(denied: Denied) -> Declined:
    return Declined(_reason(denied), denied.code, denied.message)
