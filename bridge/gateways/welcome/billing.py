"""Welcome's billing keys, charges, key-in and card look-up. (PAYAPI 3, 4, 5)"""

from dataclasses import replace

from bridge.domain.billing import BillingKey, CardEntry, Issued, KeyOrder
from bridge.domain.card_owner import lacking_of_owner
from bridge.domain.exchange import Exchange, Reply, Stamp
from bridge.domain.gateway import Declined, Done, Paid, Redirect, Refused, Return, Unknown, Urls, Waiting
from bridge.domain.outcomes import Absent
from bridge.domain.payment import INSTALMENT_MONTHS_MAX, Buyer, Method, Order, Payment
from bridge.domain.reasons import Reason
from bridge.domain.services import CardKind
from bridge.gateways.welcome import approvals, codes
from bridge.gateways.welcome.links import Links
from bridge.gateways.welcome.talk import buyer_fields, digits, plain, read

ETC = "-"
"""The note (비고) that a registration with birthday and password must carry. (3.1)"""


class Billing(Links):
    """Registers cards and phones, charges and deletes them, and charges a card that somebody typed."""

    def lacking(self, call: str, buyer: Buyer, card: CardEntry | None = None) -> tuple[str, str] | None:
        """Say what billkey/card lacks of its mandatory registNo and passwd, or nothing; noauth has neither. (3.1)"""
        if call != "issue_key_by_card" or card is None or self.settings.billing_key != "auth":
            return None
        return lacking_of_owner(card, "Welcome", "웰컴페이먼츠")

    def issue_key_by_card(
        self, order: KeyOrder, card: CardEntry, stamp: Stamp
    ) -> Exchange[Issued | Declined | Unknown]:
        """Register a card typed on the site, with its holder's birthday and password, or without (setting)."""
        number = digits(card.number)
        fields = {
            "goodsName": plain(order.title, "정기 결제", 80),
            **buyer_fields(order.buyer),
            "cardNumber": self.encrypt(number),
            "cardExpireYY": card.expires[:2],
            "cardExpireMM": card.expires[2:],
            "etc": ETC,
        }
        path = "/noauth/billkey/card"
        if self.settings.billing_key == "auth":
            path = "/billing/billkey/card"
            fields |= {"registNo": self.encrypt(card.holder), "passwd": self.encrypt(card.password)}
        reply = yield replace(self.call("billkey", path, fields, [("cardNumber", number)], stamp), once=True)
        answer = read(reply)
        if answer.code != codes.SUCCESS:  # no money moves here, so an explicit no is one
            return Declined(codes.decline(answer.code) or Reason.DECLINED, answer.code, answer.message)
        issuer = answer.text("CardResultCode", "")
        shown = {"name": codes.CARDS.get(issuer, issuer), "number": f"{number[:6]}******{number[-4:]}"}
        refs = {"tid": answer.text("tid", "")}
        return Issued(answer.text("Billkey"), refs, {name: value for name, value in shown.items() if value})

    def open_key_window(self, order: KeyOrder, urls: Urls, stamp: Stamp) -> Exchange[Redirect | Declined | Unknown]:
        """Have a phone registered by its owner, through a link that charges its first round (hpp_bill=Y)."""
        if order.method is not Method.PHONE or not order.amount:
            return Declined(Reason.BAD_REQUEST, "", "웰컴페이먼츠의 결제창에서는 휴대폰만 등록할 수 있어요.")
        fields = {
            "payType": codes.PAY_TYPES[Method.PHONE],
            "P_HPP_METHOD": "4" if self.settings.phone_goods == "1" else "5",
            "P_RESERVED": "hpp_bill=Y",
        }
        return (yield from self.make_link(order.ref, order.amount, order.title, fields, urls, stamp))

    def issue_key(self, order: KeyOrder, returned: Return, stamp: Stamp) -> Exchange[Issued | Declined | Unknown]:
        """Approve the first round, which moves money, and take the key from its answer (P_HPP_BILLKEY)."""
        call = self.approval(returned)
        if isinstance(call, Unknown):
            return call
        outcome, fields = approvals.read_approval((yield call), self.settings.mid, order.ref, Method.PHONE)
        if isinstance(outcome, Waiting):
            return Unknown("an account was issued where a phone was to be charged")
        if not isinstance(outcome, Paid):
            return outcome
        key = fields.get("P_HPP_BILLKEY", "")
        if not key:
            return Unknown("the first round was paid and no key came with it")
        return Issued(key, dict(outcome.refs), {}, outcome)

    @property
    def instalment_months_max(self) -> int:
        """As many as any card company gives: cardQuota of billpay and of a typed card names no limit."""
        return INSTALMENT_MONTHS_MAX

    @property
    def offered_months_max(self) -> int:
        """As many in the window: P_QUOTABASE names no limit either."""
        return INSTALMENT_MONTHS_MAX

    def charge(
        self, payment: Payment, order: Order, key: BillingKey, urls: Urls, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge a registered card (billpay) or phone (hppbillpay). Nothing can be asked afterwards."""
        phone = key.method is Method.PHONE
        fields = {
            **self._sale(payment, order),
            "billkey": key.key,
            "cardQuota": "" if phone else f"{payment.instalment_months:02d}",
            "quotaInterest": "" if phone else "0",
        }
        path = "/billing/hppbillpay" if phone else "/billing/billpay"
        reply = yield self.call(path[9:], path, fields, _covered(payment), stamp, moves_money=True)
        return _charged(reply, payment, dict(key.card))

    def key_in(
        self, payment: Payment, order: Order, card: CardEntry, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge a card that a buyer or clerk typed (수기결제). Nothing can be asked afterwards."""
        number = digits(card.number)
        fields = {
            **self._sale(payment, order),
            "cardNumber": self.encrypt(number),
            "cardExpireYY": card.expires[:2],
            "cardExpireMM": card.expires[2:],
            "registNo": self.encrypt(card.holder) if card.holder else "",
            "passwd": self.encrypt(card.password) if card.password else "",
            "cardQuota": f"{payment.instalment_months:02d}",
            "quotaInterest": "0",
        }
        reply = yield self.call("keyin", "/noauth/pay/card", fields, _covered(payment), stamp, moves_money=True)
        return _charged(reply, payment, {"number": f"{number[:6]}******{number[-4:]}"})

    def delete_key(self, key: BillingKey, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Delete a key; may be asked again: one that is gone was deleted."""
        reply = yield self.call("billkey_delete", "/billing/billkey/delete", {"billkey": key.key}, [], stamp)
        answer = read(reply)
        if answer.code == codes.SUCCESS:
            return Done()
        if codes.says_key_gone(answer.message):
            return Done(already=True)
        return Refused(codes.cancel_refusal(answer.code) or Reason.GATEWAY, answer.code, answer.message)

    def look_up_card(self, prefix: str, stamp: Stamp) -> Exchange[CardKind | Absent | Unknown]:
        """Ask for a card's kind by its first six digits."""
        first = digits(prefix)[:6]
        reply = yield self.call("prefix", "/search/card/prefix", {"cardNumber": first}, [("cardNumber", first)], stamp)
        answer = read(reply)
        if answer.code != codes.SUCCESS:
            return Absent(answer.code)
        kind = answer.text("CardType", "")
        return CardKind(answer.text("CardCode"), answer.text("CardName", ""), codes.CARD_KINDS.get(kind, kind))

    def _sale(self, payment: Payment, order: Order) -> dict[str, str]:
        return {
            "oid": payment.merchant_ref,
            "price": str(payment.amount),
            "goodsName": plain(order.title, "티켓", 80),
            **buyer_fields(order.buyer),
            **self.tax_fields(payment.parts, payment.tax_free),
        }


def _covered(payment: Payment) -> list[tuple[str, str]]:
    return [("oid", payment.merchant_ref), ("price", str(payment.amount))]


def _charged(reply: Reply, payment: Payment, card: dict[str, str]) -> Paid | Declined | Unknown:
    answer = read(reply)
    if answer.code == codes.SUCCESS:
        amount = answer.won("Price")
        if not amount:
            return Unknown("the charge was answered with no amount")
        refs = {"tid": answer.number("tid"), "payType": "hpp" if payment.method is Method.PHONE else "card"}
        approval = {"approval_no": answer.text("ApplNum", "")}
        shown = {**card, **{name: value for name, value in approval.items() if value}}
        return Paid(amount, refs, shown, answer.moment("PayDate", "PayTime"))
    reason = codes.decline(answer.code)
    if reason is not None:
        return Declined(reason, answer.code, answer.message)
    refusal = codes.is_refusal(answer.code)
    return Unknown("the charge was answered with a code that proves nothing", answer.code, answer.message, refusal)
