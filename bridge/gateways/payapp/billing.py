"""PayApp's billing keys (BILL) and recurring plans (rebill). (manual, 등록결제, 정기결제)"""

import re
from dataclasses import replace

from bridge.domain.billing import BillingKey, CardEntry, Issued, KeyOrder, PlanMade, PlanOrder
from bridge.domain.card_owner import lacking_of_owner
from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.gateway import Declined, Done, Paid, Refused, Script, Unknown, Urls
from bridge.domain.payment import INSTALMENT_MONTHS_MAX, Buyer, Order, Payment
from bridge.domain.reasons import Reason
from bridge.domain.texts import email
from bridge.gateways.payapp import codes
from bridge.gateways.payapp.talk import EMAIL_BYTES_MAX, NAME_BYTES_MAX, Answer, Talk, digits, plain, read

PHONE = re.compile(r"[0-9]{9,12}", re.ASCII)
CYCLES = {"month": "Month", "week": "Week", "day": "Day"}
DAYS = {"month": (*range(1, 32), 90), "week": tuple(range(1, 8)), "day": (0,)}


class Billing(Talk):
    """Charges registered cards, registers and deletes them, and keeps PayApp's own plans."""

    @property
    def instalment_months_max(self) -> int:
        """As many as any card company gives: billPay's cardinst names no limit."""
        return INSTALMENT_MONTHS_MAX

    def lacking(self, call: str, buyer: Buyer, card: CardEntry | None = None) -> tuple[str, str] | None:
        """Say what billRegist, billPay or rebillRegist lacks of what the manual marks 필수, or nothing."""
        if not PHONE.fullmatch(digits(buyer.phone)):
            return "PayApp needs the buyer's phone (buyer.phone).", "페이앱에는 구매자의 휴대전화 번호가 필요해요."
        if card is None:
            return None
        if not buyer.name.strip():
            return "PayApp needs the card holder's name (buyer.name).", "페이앱에는 카드 소유자의 이름이 필요해요."
        return lacking_of_owner(card, "PayApp", "페이앱")

    def issue_key_by_card(
        self, order: KeyOrder, card: CardEntry, stamp: Stamp
    ) -> Exchange[Issued | Declined | Unknown]:
        """Register a card typed on the site (billRegist). No money moves; asked again, it makes another key."""
        call = self.call(
            "billRegist",
            {
                "cardNo": digits(card.number),
                "expMonth": card.expires[2:],
                "expYear": card.expires[:2],
                "buyerAuthNo": card.holder,
                "cardPw": card.password,
                "buyerPhone": digits(order.buyer.phone),
                "buyerName": plain(order.buyer.name, "구매자", NAME_BYTES_MAX),
                "buyerId": order.customer,
            },
        )
        reply = yield replace(call, once=True)
        answer = read(reply)
        if not answer.ok:
            return _no_key(answer)
        fields = answer.fields
        shown = {"number": fields.text("cardno", ""), "name": fields.text("cardname", "")}
        refs = {"billAuthNo": fields.text("billAuthNo", "")}
        return Issued(
            fields.text("encBill"),
            {name: value for name, value in refs.items() if value},
            {name: value for name, value in shown.items() if value},
        )

    def charge(
        self, payment: Payment, order: Order, key: BillingKey, urls: Urls, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge a registered card (billPay). Nothing can be asked afterwards: a lost answer waits for a notice."""
        parts, months = payment.parts, payment.instalment_months
        reply = yield self.call(
            "billPay",
            {
                "encBill": key.key,
                "goodname": plain(order.title, "티켓"),
                "price": str(payment.amount),
                "recvphone": digits(order.buyer.phone),
                "amount_taxable": str(parts.taxable),
                "amount_taxfree": str(parts.tax_free),
                "amount_vat": str(parts.vat),
                "var1": payment.merchant_ref,
                "var2": self.seal("b", payment.merchant_ref),
                "feedbackurl": urls.notice,
                "checkretry": "y",
                "cardinst": f"{months:02d}",
            },
            moves_money=True,
        )
        answer = read(reply)
        if answer.ok:
            amount, number = answer.fields.won("price"), answer.fields.number("mul_no")
            if not amount:
                return Unknown("billPay was answered with no amount")
            return Paid(amount, {"mul_no": number, "csturl": answer.fields.text("CSTURL", "")}, dict(key.card))
        if answer.errno in codes.DECLINES:
            return Declined(codes.DECLINES[answer.errno], answer.errno, answer.message)
        return Unknown(
            "billPay was refused with a code that proves nothing", answer.errno, answer.message, refusal=True
        )

    def delete_key(self, key: BillingKey, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Delete a registered card (billDelete); may be asked again.

        The card's key is all that may be wrong in it (70020), for seller, linkkey and rights have codes of their own:
        PayApp has no such card any more.
        """
        reply = yield self.call("billDelete", {"encBill": key.key})
        answer = read(reply)
        return Done(already=True) if answer.errno == codes.WRONG_VALUE and key.key else _done(answer)

    def register_plan(self, order: PlanOrder, urls: Urls, stamp: Stamp) -> Exchange[PlanMade | Declined | Unknown]:
        """Register a plan (rebillRegist): it begins when the buyer has paid its first round on PayApp's page."""
        reply = yield self.call("rebillRegist", self._plan_fields(order, urls))
        answer = read(reply)
        if not answer.ok:
            return _no_key(answer)
        number, url = answer.fields.text("rebill_no"), self.page(answer.fields.text("payurl"))
        return PlanMade(number, url, {"rebill_no": number})

    @property
    def taxes_whole(self) -> frozenset[str]:
        """Name the plan: neither rebillRegist nor PayApp.rebill() has a field for what is free of tax. (정기결제)"""
        return frozenset({"register_plan"})

    @property
    def plans_by_script(self) -> bool:
        """As payments are asked for, so are plans."""
        return self.settings.window == "js"

    def plan_window(self, order: PlanOrder, urls: Urls) -> Script:
        """Have a plan registered by the buyer's own browser: PayApp.rebill() of the JS API."""
        fields = {
            "userid": self.settings.userid,
            **self._plan_fields(order, replace(urls, notice=urls.shown or urls.notice)),
        }
        script = self.settings.script_url
        return Script((script,), "PayApp.rebill", fields, self.script_origins(), argument="object")

    def _plan_fields(self, order: PlanOrder, urls: Urls) -> dict[str, str]:
        assert order.cycle in CYCLES, "a plan's cycle is month, week or day"
        assert order.day in DAYS[order.cycle], "the day fits the cycle"
        fields = {
            "goodname": plain(order.title, "티켓"),
            "goodprice": str(order.amount),
            "recvphone": digits(order.buyer.phone),
            "recvemail": email(order.buyer.email, EMAIL_BYTES_MAX),
            "rebillCycleType": CYCLES[order.cycle],
            "rebillCycleMonth": str(order.day) if order.cycle == "month" else "",
            "rebillCycleWeek": str(order.day) if order.cycle == "week" else "",
            "rebillExpire": order.ends.isoformat(),
            "feedbackurl": urls.notice,
            "failurl": urls.notice,
            "returnurl": urls.approval,
            "var1": order.ref,
            "var2": self.seal("p", order.ref),
            "smsuse": "n",
            "openpaytype": "card" if order.cycle != "month" else "card,phone",
        }
        return {name: value for name, value in fields.items() if value}

    def cancel_plan(self, plan: str, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """End a plan for good (rebillCancel)."""
        reply = yield replace(self.call("rebillCancel", {"rebill_no": plan}), once=True)
        return _done(read(reply))

    def stop_plan(self, plan: str, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Let a plan rest (rebillStop)."""
        reply = yield replace(self.call("rebillStop", {"rebill_no": plan}), once=True)
        return _done(read(reply))

    def start_plan(self, plan: str, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Let a resting plan go on (rebillStart)."""
        reply = yield replace(self.call("rebillStart", {"rebill_no": plan}), once=True)
        return _done(read(reply))


def _no_key(answer: Answer) -> Declined | Unknown:
    """No money moves here, so an explicit no is one, whatever its code."""
    return Declined(codes.DECLINES.get(answer.errno, Reason.DECLINED), answer.errno, answer.message)


def _done(answer: Answer) -> Done | Refused | Unknown:
    if answer.ok:
        return Done()
    return Refused(codes.REFUSALS.get(answer.errno, Reason.GATEWAY), answer.errno, answer.message)
