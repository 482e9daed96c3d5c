"""Speaks Welcome's PAYAPI: payment links and their approval, billing keys, key-in, cancels, escrow, three notices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bridge.domain.exchange import Call, Exchange, Stamp
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
from bridge.domain.payment import AMOUNT_MIN, ESCROW, Method, Mode, Order, Payment, RefundOrder
from bridge.domain.windows import origin_of
from bridge.gateways.welcome import approvals, codes, notices
from bridge.gateways.welcome.billing import Billing
from bridge.gateways.welcome.escrow import IN_ESCROW, Escrow, why_not_refunded
from bridge.gateways.welcome.settings import SETTINGS, WelcomeSettings, read_settings
from bridge.gateways.welcome.talk import Answer, read

CARD_MIN = 1_000
"""A card pays less only where the shop's links say below1000=Y. (mobile 2.2.6)"""
CANCEL_DAYS = 365


@dataclass(frozen=True, slots=True)
class Welcome(Billing, Escrow):
    """One site's Welcome. Deadline 40 s: Welcome names none."""

    settings: WelcomeSettings
    name: str = "welcome"
    title: str = "웰컴페이먼츠"
    methods: tuple[Method, ...] = tuple(codes.PAY_TYPES)
    key_methods: tuple[Method, ...] = (Method.PHONE,)
    deadline_seconds: float = 40.0
    human_after_seconds: float = 600.0
    notice_kinds: tuple[str, ...] = notices.KINDS
    numbers: tuple[str, ...] = ("tid",)
    claimed: str = "tid"
    details: tuple[str, ...] = ()

    @property
    def hosts(self) -> frozenset[str]:
        """The origins of PAYAPI and of approvals."""
        return frozenset({origin_of(self.settings.api_url)}) | self.settings.approval_origins

    def smallest(self, method: Method) -> int:
        """Say the least amount: 1,000 KRW by card."""
        return CARD_MIN if method is Method.CARD else AMOUNT_MIN

    def open_window(
        self, payment: Payment, order: Order, urls: Urls, stamp: Stamp
    ) -> Exchange[Redirect | Declined | Unknown]:
        """Have a payment link made; the buyer comes back with what our approval needs."""
        months, in_escrow = payment.instalment_months, self.opens_in_escrow(payment)
        fields = {
            "payType": codes.PAY_TYPES[payment.method],
            "P_RESERVED": codes.RESERVED[payment.method] + (IN_ESCROW if in_escrow else ""),
            "P_HPP_METHOD": self.settings.phone_goods if payment.method is Method.PHONE else "",
            "P_QUOTABASE": f"99:{months:02d}" if months else "",
        }
        window = yield from self.make_link(payment.merchant_ref, payment.amount, order.title, fields, urls, stamp)
        return replace(window, refs={ESCROW: "kept"}) if in_escrow and isinstance(window, Redirect) else window

    def read_return(self, form: Mapping[str, str]) -> Return:
        """Read what came to P_NEXT_URL. Raises Unreadable, or NotGenuine for an address that is not Welcome's."""
        return approvals.read_return(form, self.settings)

    def approve(
        self, payment: Payment, returned: Return, stamp: Stamp
    ) -> Exchange[Paid | Waiting | Declined | Unknown]:
        """Approve what the buyer authenticated, within five minutes: the one call that moves the money."""
        call = self.approval(returned)
        if isinstance(call, Unknown):
            return call
        outcome, _ = approvals.read_approval((yield call), self.settings.mid, payment.merchant_ref, payment.method)
        if payment.escrow and isinstance(outcome, Paid | Waiting):
            return replace(outcome, refs={**outcome.refs, ESCROW: payment.escrow})
        return outcome

    def undo(
        self, payment: Payment, returned: Return, sent: Stamp, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Unknown]:
        """Take back an approval whose answer was lost (모바일 망취소, cancelType=C), by the transaction that the buyer
        brought; what is known by its own tid is cancelled. A charge without an answer has neither."""
        tid = returned.refs.get("P_TID", "") or payment.refs.get("tid", "")
        if not tid:
            return Unknown("no transaction is known to take back")
        mobile = bool(returned.refs.get("P_TID"))  # cancelType=C is of the window's transactions alone
        amount = payment.left or payment.amount
        answer = read((yield self._cancel(payment, tid, amount, stamp, net_cancel=mobile)))
        if answer.code == codes.SUCCESS:
            return _of_another(payment, answer, amount, 0) or Undone(answer.code)
        if codes.says_already(answer.message):
            return Undone(answer.code, already=True)
        if codes.says_nothing_there(answer.message):
            return NothingThere(answer.code)
        there = codes.proves_nothing(answer.message, refunded=0)  # it speaks of an earlier cancel, or of a sum
        why = "the cancel was answered with a code that proves nothing"
        return Unknown(why, answer.code, answer.message, there=there)

    def refund(self, payment: Payment, refund: RefundOrder, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Cancel the whole, or a part (repay): confirmPrice is what stays, so that a repeat does not fit any more."""
        tid = payment.refs.get("tid", "")
        if refund.full:
            answer = read((yield self._cancel(payment, tid, refund.amount, stamp)))
        else:
            answer = read((yield self._repay(payment, refund, tid, stamp)))
        if answer.code == codes.SUCCESS:
            return _refunded(payment, refund, answer)
        if refund.full and codes.says_already(answer.message):
            return Done(already=True)
        reason = codes.cancel_refusal(answer.code)
        if reason is not None and not codes.proves_nothing(answer.message, refunded=payment.refunded):
            return Refused(reason, answer.code, answer.message)
        return Unknown("the cancel was answered with a code that proves nothing", answer.code, answer.message)

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        """Say what may be given back through Welcome now."""
        if payment.state not in (State.PAID, State.PART_REFUNDED):
            return Never("돌려드릴 돈이 없어요.")
        why = why_not_refunded(payment)
        if why:
            return ByHand(why)
        if payment.method is Method.VIRTUAL_ACCOUNT:
            return ByHand("가상계좌로 받은 돈은 구매자의 계좌로 직접 보내 주세요.")
        if not payment.refs.get("tid"):
            return ByHand("웰컴페이먼츠 거래번호가 없어 가맹점 관리자에서 취소해야 해요.")
        if payment.paid_at and (stamp.at - payment.paid_at).days > CANCEL_DAYS:
            return ByHand("결제한 지 1년이 지나 웰컴페이먼츠에 직접 요청해야 해요.")
        return Allowed(payment.left, partial=payment.method is not Method.PHONE)

    def void_account(self, payment: Payment, stamp: Stamp) -> Exchange[Undone | Refused | Unknown]:
        """Close an account that nobody paid into (cancel of payType vbank)."""
        answer = read((yield self._cancel(payment, payment.refs.get("tid", ""), payment.amount, stamp)))
        if answer.code == codes.SUCCESS:
            return _of_another(payment, answer, payment.amount, 0) or Undone(answer.code)
        if codes.says_already(answer.message):
            return Undone(answer.code)
        if codes.says_nothing_there(answer.message):
            why = "the account was issued, and the cancel finds nothing"  # it may be paid into yet
            return Unknown(why, answer.code, answer.message)
        reason = codes.cancel_refusal(answer.code)
        if reason is not None and not codes.speaks_of_before(answer.message):
            return Refused(reason, answer.code, answer.message)
        return Unknown("closing was answered with a code that proves nothing", answer.code, answer.message)

    def read_notice(self, raw: bytes, kind: str) -> Notice:
        """Read a notice of its address's kind. Raises Unreadable, NotGenuine."""
        return notices.read(raw, kind, self.settings)

    def acknowledge(self, raw: bytes, kind: str) -> Ack:
        """Answer as the kind wants it: OK, or 0000 SUCCESS."""
        return notices.ACKS[kind]

    def allows_source(self, address: str) -> bool:
        """Tell whether notices may come from this address. (noti 1.1)"""
        return not self.settings.notice_sources or address in self.settings.notice_sources

    def codes(self, kind: str) -> tuple[CodeName, ...]:
        """List a code table: errors, cards, window_cards, banks, couriers, escrow_states, card_kinds."""
        return codes.table(kind)

    def _cancel(self, payment: Payment, tid: str, amount: int, stamp: Stamp, *, net_cancel: bool = False) -> Call:
        fields = {
            "payType": payment.refs.get("payType", "") or codes.PAY_TYPES[payment.method],
            "tid": tid,
            "price": str(amount),
            "currency": "WON",
            "cancelType": "C" if net_cancel else "",
        }
        return self.call("cancel", "/cancel/cancel", fields, [], stamp, moves_money=True)

    def _repay(self, payment: Payment, refund: RefundOrder, tid: str, stamp: Stamp) -> Call:
        fields = {
            "payType": payment.refs.get("payType", "") or codes.PAY_TYPES[payment.method],
            "tid": tid,
            "cancelPrice": str(refund.amount),
            "confirmPrice": str(refund.left_after),
            "currency": "WON",
            **self.tax_fields(refund.parts, payment.tax_free),
        }
        return self.call("repay", "/cancel/repay", fields, [], stamp, moves_money=True)


def _of_another(payment: Payment, answer: Answer, amount: int, left: int) -> Unknown | None:
    """Say what a yes to a cancel names that is not what was asked: payment, sum, or what it leaves; KRW."""
    if answer.text("Moid", payment.merchant_ref) != payment.merchant_ref:
        return Unknown("the cancel was answered about another payment", answer.code)
    if answer.has("Price") and answer.won("Price") != amount:
        return Unknown("the cancel was answered about another amount", answer.code, there=True, part=True)
    if answer.has("RmainPrice") and answer.won("RmainPrice") != left:
        return Unknown("the cancel left another amount than it should", answer.code, there=True, part=True)
    return None


def _refunded(payment: Payment, refund: RefundOrder, answer: Answer) -> Done | Unknown:
    told = {name: answer.text(name) for name in ("C_Tid", "CancelDate", "CancelTime") if answer.has(name)}
    return _of_another(payment, answer, refund.amount, refund.left_after) or Done(told)


def build(values: Mapping[str, str], mode: Mode) -> Welcome:
    """Build a site's Welcome from its settings. Raises Misconfigured, also without api_key."""
    return Welcome(read_settings(values, mode))


def settings_of_gateway() -> tuple[Setting, ...]:
    """List the settings an operator may give."""
    return SETTINGS
