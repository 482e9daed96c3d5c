"""Pay-Story (minglepay): the port in terms of its billing guide and its guide of the standard window.

Sections in brackets are the billing guide's. README.md has the quirks and where they come from.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from bridge.domain.billing import BillingKey, CardEntry, Issued, KeyOrder
from bridge.domain.card_owner import lacking_of_owner
from bridge.domain.exchange import KST, Call, Exchange, Stamp
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
    NothingThere,
    Notice,
    Paid,
    RefundRule,
    Refused,
    Return,
    Script,
    Seen,
    Setting,
    TooLate,
    Undone,
    Unknown,
    Urls,
    Waiting,
)
from bridge.domain.machine import State
from bridge.domain.payment import (
    AMOUNT_MIN,
    ESCROW,
    INSTALMENT_AMOUNT_MIN,
    Buyer,
    Method,
    Mode,
    Order,
    Payment,
    RefundOrder,
)
from bridge.domain.reasons import Reason
from bridge.domain.tax import split, split_as_told
from bridge.domain.texts import digits, fit
from bridge.domain.windows import origin_of
from bridge.gateways.paystory import answers, codes, notices
from bridge.gateways.paystory.settings import SETTINGS, read_settings
from bridge.gateways.paystory.writing import CARD_SECRETS, SECRETS, Writer, is_moment, moment_of

CARD_MIN_WON = 1_000
"""Less is refused with 3041 (12.2)."""

IN_ESCROW = "에스크로 결제예요. 구매자가 구매를 확정하거나 거절하기 전에는 페이스토리가 취소를 거절해요."
"""2027, 2042 (12.4). No document has a way to ask what the buyer has said; the cancel's own answer tells."""
BY_ORDER = "거래번호가 없어 주문번호로 취소해요. 거절되면 페이스토리 관리자 화면에서 취소해 주세요."
"""0003 and 2020 may refuse a cancel by order number (12.4)."""
TO_ACCOUNT = "가상계좌로 받은 돈은 구매자의 계좌로 환불해요. 계좌는 결제 서버의 운영자만 등록할 수 있어요."

NOTICE_BYTES_MAX = 200
"""notiUrl (5.3, 7.3)."""

WHOLE_ONLY = (Method.PHONE, Method.GIFT)
"""부분취소 불가능 결제수단 (2029)."""


@dataclass(frozen=True, slots=True)
class PayStory(Writer):
    """One site's Pay-Story. Deadline 40 s: its samples connect in 15 s and wait 25 s."""

    name: str = "paystory"
    title: str = "페이스토리"
    methods: tuple[Method, ...] = tuple(codes.METHODS)
    notice_bytes_max: int = NOTICE_BYTES_MAX
    key_methods: tuple[Method, ...] = (Method.CARD, Method.PHONE)
    deadline_seconds: float = 40.0
    human_after_seconds: float = 360.0
    notice_kinds: tuple[str, ...] = ("noti",)
    numbers: tuple[str, ...] = ("tid",)
    details: tuple[str, ...] = ("appNo", "appDtm", answers.POINTS)
    account_methods: tuple[Method, ...] = (Method.VIRTUAL_ACCOUNT,)

    @property
    def hosts(self) -> frozenset[str]:
        """The gateway's origin."""
        return frozenset({origin_of(self.settings.pg_url)})

    def smallest(self, method: Method) -> int:
        """Say the least amount: 1,000 KRW by card (3041)."""
        return CARD_MIN_WON if method is Method.CARD else AMOUNT_MIN

    def open_window(
        self, payment: Payment, order: Order, urls: Urls, stamp: Stamp
    ) -> Exchange[Script | Declined | Unknown]:
        """Give the window's data to its script; nothing is sent (4.1)."""
        yield from ()
        window = self.window(
            codes.METHODS[payment.method], payment.merchant_ref, payment.amount, order.buyer, order.title, urls, stamp
        )
        escrow = {"trxCd": self.settings.escrow}
        more = {"notiUrl": urls.notice, "language": self.language(order.locale)} | self.tax(payment)
        script = self.script(window | escrow | more, payment.merchant_ref)
        return replace(script, refs={**script.refs, ESCROW: "kept"}) if self.settings.escrow == "1" else script

    def read_return(self, form: Mapping[str, str]) -> Return:
        """Read what came to returnUrl (4.2). The amount in it is not looked at. Raises Unreadable, NotGenuine."""
        if form.get("mid", self.settings.mid) != self.settings.mid:
            raise NotGenuine("The return is about another shop.")
        code = form.get("resultCode") or form.get("resultCd", "")
        if not code:
            raise Unreadable("The return has no resultCode.")
        refs = {name: form.get(name, "") for name in ("tid", "ediDate", "signData")}
        if form.get("mbsReserved"):
            refs["mbsReserved"] = form["mbsReserved"]
        if code != "0000":
            return Return(refs, Declined(codes.DECLINES.get(code, Reason.DECLINED), code, form.get("resultMsg", "")))
        if not refs["tid"] or not refs["signData"] or not is_moment(refs["ediDate"]):
            raise Unreadable("The return has no tid, signData or ediDate.")
        return Return(refs)

    def approve(
        self, payment: Payment, returned: Return, stamp: Stamp
    ) -> Exchange[Paid | Waiting | Declined | Unknown]:
        """Approve what the window authenticated: our own amount, hashed with the moment that came back (4.3)."""
        reply = yield self.approval(returned, payment.amount)
        return answers.approval(payment, self.settings.mid, reply)

    def inquire(self, payment: Payment, stamp: Stamp) -> Exchange[Seen | Absent | Unknown]:
        """Ask by order number; the hash then stands over an empty tid (8., 11.5)."""
        moment = moment_of(stamp)
        query = {"mid": self.settings.mid, "tid": "", "ordNo": payment.merchant_ref, "ediDate": moment}
        url = f"{self.settings.pg_url}/transaction"
        reply = yield Call("query", "GET", url, form=query | {"hashStr": self.sign(moment, "")}, secrets=SECRETS)
        return answers.inquiry(payment, self.settings.mid, reply)

    def undo(
        self, payment: Payment, returned: Return, sent: Stamp, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Unknown]:
        """Cancel by order number, which is how a lost approval is taken back (7.3; standard guide 3.1.4)."""
        amount = payment.left or payment.amount
        tax = self.split(split_as_told(amount, payment.parts, gone=payment.refunded), payment.tax_free)
        named, part = _by_order(payment) | tax, payment.refunded > 0
        reply = yield self.cancel(payment.method, named, amount, "승인 응답 유실", stamp, part=part)
        return answers.undoing(payment, amount, self.settings.mid, reply)

    def refund(self, payment: Payment, refund: RefundOrder, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Cancel in full or in part (7.), by order number where there is no tid (7.3, ordNoChk). A deposit goes back to
        an account that the request names. Its notice goes to our own address (notiUrl)."""
        named = _named(payment) | self.split(refund.parts, payment.tax_free)
        named |= {"notiUrl": refund.notice_url} if refund.notice_url else {}
        if refund.account is not None:
            given = refund.account
            named |= {"refundBankCd": given.bank, "refundAccnt": digits(given.number, 20)}
            named |= {"refundNm": fit(given.holder, 30, "예금주")}
        reply = yield self.cancel(payment.method, named, refund.amount, refund.reason, stamp, part=not refund.full)
        return answers.refunding(payment, refund, self.settings.mid, reply)

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        """Say what may be given back through Pay-Story now."""
        if payment.state not in (State.PAID, State.PART_REFUNDED):
            return Never("돌려드릴 돈이 없어요.")
        why = [IN_ESCROW] if payment.escrow else []
        if payment.method is Method.VIRTUAL_ACCOUNT:
            return ByHand(" ".join([*why, TO_ACCOUNT]))
        paid, now = (payment.paid_at or stamp.at).astimezone(KST), stamp.at.astimezone(KST)
        if payment.method is Method.PHONE and (paid.year, paid.month) != (now.year, now.month):
            return ByHand("휴대폰 결제는 결제한 달이 지나면 취소할 수 없어요. 구매자의 계좌로 직접 보내 주세요.")
        if (now - paid).days > 365:
            return ByHand("결제한 지 1년이 지나 페이스토리에 직접 요청해야 해요.")
        why += [] if payment.refs.get("tid") else [BY_ORDER]
        return Allowed(payment.left, partial=payment.method not in WHOLE_ONLY, why=" ".join(why))

    def void_account(
        self, payment: Payment, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Refused | Unknown]:
        """Close a virtual account before its deposit (4200)."""
        named = _named(payment) | self.tax(payment)
        reply = yield self.cancel(payment.method, named, payment.amount, "입금 전 취소", stamp)
        outcome = answers.undoing(payment, payment.amount, self.settings.mid, reply)
        if isinstance(outcome, NothingThere):  # the account was issued: it may be paid into yet
            return Unknown("the account was issued, and the cancellation finds nothing", outcome.code)
        return outcome

    def open_key_window(self, order: KeyOrder, urls: Urls, stamp: Stamp) -> Exchange[Script | Declined | Unknown]:
        """Give the data of the window in which a card or phone is registered (4.1): the amount is 0 for a card. A phone
        is charged by it (3.1.3), so its order's split and our notice address go along."""
        yield from ()
        window = self.window(
            codes.METHODS[order.method], order.ref, order.amount, order.buyer, order.title, urls, stamp
        )
        phone: dict[str, str] = {}
        if order.method is Method.PHONE:
            tax = self.split(split(order.amount, order.tax_free), order.tax_free)
            phone = {"billHpFlg": "1", "notiUrl": urls.notice} | tax
        return self.script(window | phone | {"language": self.language(order.locale)}, order.ref)

    def issue_key(self, order: KeyOrder, returned: Return, stamp: Stamp) -> Exchange[Issued | Declined | Unknown]:
        """Have the key issued. A phone is charged by it, a card is not (3.1.3, 4.3)."""
        reply = yield self.approval(returned, order.amount)
        return answers.key(order, self.settings.mid, reply)

    def lacking(self, call: str, buyer: Buyer, card: CardEntry | None = None) -> tuple[str, str] | None:
        """Say what registBill lacks of what the guide marks Y, or nothing (14.3: cpCd, ordAuthNo, cardPw)."""
        if call != "issue_key_by_card" or card is None:
            return None
        if card.issuer not in codes.CARDS:
            english = "Pay-Story needs its code of the card's company (card.issuer), such as 06."
            return english, "페이스토리에는 카드사 코드가 필요해요."
        return lacking_of_owner(card, "Pay-Story", "페이스토리")

    def issue_key_by_card(
        self, order: KeyOrder, card: CardEntry, stamp: Stamp
    ) -> Exchange[Issued | Declined | Unknown]:
        """Have a key issued for a card that was typed on the site (14.)."""
        company = len(card.holder) == 10
        form = self.signed("0", stamp) | {
            self.settings.bill_method_field: codes.METHODS[order.method],
            "trxCd": "0",
            "cpCd": card.issuer,
            "cardTypeCd": "02" if company else "01",
            "cardNo": card.number,
            "expireYymm": card.expires,
            "ordAuthNo": card.holder,
            "cardPw": card.password,
            "ordNo": order.ref,
            "goodsAmt": "0",
            "quotaMon": "00",
            "noIntFlg": "0",
            "pointFlg": "0",
            "reqType": "0",
        }
        form |= self.whose(order.buyer, order.title)
        call = self.call("regist", "/payment.registBill", form, secrets=SECRETS | CARD_SECRETS)
        reply = yield replace(call, once=True)  # a card that is registered is refused (F004)
        return answers.key(order, self.settings.mid, reply)

    @property
    def instalment_months_max(self) -> int:
        """Twelve months (5. quotaMon: 00, 02, 03, …, 12)."""
        return 12

    def charge(
        self, payment: Payment, order: Order, key: BillingKey, urls: Urls, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge a key (5.). Instalments only from 50,000 KRW (3024)."""
        months = payment.instalment_months if payment.amount >= INSTALMENT_AMOUNT_MIN else 0
        form = self.signed(str(payment.amount), stamp) | {
            "bid": key.key,
            self.settings.bill_method_field: codes.METHODS[key.method],
            "trxCd": "0",
            "ordNo": payment.merchant_ref,
            "goodsAmt": str(payment.amount),
            "quotaMon": f"{months:02d}",
            "mbsUsrId": key.customer[:20] if key.customer.isascii() else "",
            "mbsReserved": payment.merchant_ref,
            "notiUrl": urls.notice,
            "noIntFlg": "0",
            "pointFlg": "0",
        }
        form |= self.whose(order.buyer, order.title) | self.tax(payment)
        reply = yield self.call("bill", "/payment.doBill", form, moves_money=True)
        outcome = answers.approval(payment, self.settings.mid, reply, bill=True)
        assert not isinstance(outcome, Waiting), "a key charges no account"
        return outcome

    def delete_key(self, key: BillingKey, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Delete a key, for good (6.)."""
        form = self.signed(key.key, stamp) | {"bid": key.key}
        reply = yield self.call("delete", "/payment.deleteBill", form)
        return answers.deletion(reply, key.key)

    def receipt_link(self, payment: Payment) -> str:
        """Give the address of the cash receipt where one was issued, else of the slip (9.1.2).

        Its hash stands over shop and key alone, so it fits every slip of the shop. The names are those of the address
        that 9.2 shows; the table's Mid and Tid are the script's.
        """
        if not payment.refs.get("tid"):
            return ""
        hashed = hashlib.sha256(f"{self.settings.mid}{self.settings.merchant_key}".encode()).hexdigest()
        kind = "cash" if payment.refs.get("cashCrctFlg") == "1" else "general"
        query = {"mid": self.settings.mid, "tid": payment.refs["tid"], "receiptType": kind, "encData": hashed}
        return f"{self.settings.office_url}/receiptSearch.html?{urlencode(query)}"

    def read_notice(self, raw: bytes, kind: str) -> Notice:
        """Read a notice; each is hashed like a request (10.)."""
        return notices.read(raw, self.settings.mid, self.sign)

    def acknowledge(self, raw: bytes, kind: str) -> Ack:
        """Answer so that either setting of the shop's office takes it for received."""
        return notices.ACK

    def allows_source(self, address: str) -> bool:
        """Tell whether notices may come from this address; the guide names none."""
        return not self.settings.notice_sources or address in self.settings.notice_sources

    def codes(self, kind: str) -> tuple[CodeName, ...]:
        """List a code table: errors, cards or banks."""
        return codes.table(kind)


def build(values: Mapping[str, str], mode: Mode) -> PayStory:
    """Build a site's Pay-Story from its settings. Raises Misconfigured."""
    return PayStory(read_settings(values, mode))


def settings_of_gateway() -> tuple[Setting, ...]:
    """List the settings an operator may give."""
    return SETTINGS


def _named(payment: Payment) -> dict[str, str]:
    """Name a payment to a cancellation: by its tid, or by our order number where none was ever told (7.3)."""
    tid = payment.refs.get("tid", "")
    return {"tid": tid} if tid else _by_order(payment)


def _by_order(payment: Payment) -> dict[str, str]:
    return {"tid": "", "ordNoChk": "Y", "ordNo": payment.merchant_ref}
