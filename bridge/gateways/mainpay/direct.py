"""Mainpay's direct API (결제 API 연동, on the relay): cards keyed in, billing keys, accounts, transfers, cash receipts.

The guide only names these operations; paths and fields are those of Mainpay's samples and of receivers in production.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bridge.domain.billing import BillingKey, CardEntry, Issued, KeyOrder
from bridge.domain.exchange import KST, Call, Exchange, Fields, Reply, Stamp
from bridge.domain.gateway import (
    Absent,
    Declined,
    Done,
    NothingThere,
    Paid,
    Refused,
    TooLate,
    Undone,
    Unknown,
    Urls,
    Waiting,
)
from bridge.domain.payment import Account, Order, Payment
from bridge.domain.services import ReceiptIssued, ReceiptOrder, TransferShown, TransferState
from bridge.domain.texts import digits, email, fit, last_second
from bridge.gateways.mainpay import codes
from bridge.gateways.mainpay.answers import approval
from bridge.gateways.mainpay.writing import AUTO, DIRECT, PAYMETHODS, Writer

TRANSFER_DONE = frozenset({"200", "0000"})
TRANSFER_STATES: Mapping[str, TransferState] = {"R": "registered", "S": "done", "F": "failed", "C": "cancelled"}
ANOTHER = "the transfer's status was answered about another transfer"
PURPOSES = {"income": "0", "business": "1", "self": "0"}


@dataclass(frozen=True, slots=True)
class Direct(Writer):
    """Speaks the direct API for one merchant."""

    @property
    def instalment_months_max(self) -> int:
        """As many as the request object of a typed card takes (installment, 0 to 24)."""
        return 24

    @property
    def offered_months_max(self) -> int:
        """As many in the window (availableInstallment); the guide's dialect does not read it."""
        return self.instalment_months_max

    @property
    def taxes_whole(self) -> frozenset[str]:
        """Name the calls whose request objects have no field for VAT: what they take is taxed whole."""
        return frozenset({"key_in", "issue_account"})

    def key_in(
        self, payment: Payment, order: Order, card: CardEntry, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge a card typed on the site (수기결제, card-keyin/trans)."""
        months = f"{payment.instalment_months:02d}"
        form = self._goods(payment, order, stamp) | self._card(card) | {"installment": months}
        reply = yield self._relay("keyin", "v1", "card-keyin/trans", form, moves_money=True)
        return self._charged(payment, reply, stamp, {})

    def issue_key_by_card(
        self, order: KeyOrder, card: CardEntry, stamp: Stamp
    ) -> Exchange[Issued | Declined | Unknown]:
        """Have a billing key issued for a typed card (card-auto/auth): signed over the amount 0, nothing is charged."""
        form = self._of(order.ref, 0, stamp) | self._card(card) | {"clientType": "MERCHANT"}
        reply = yield replace(self._relay("billkey", "v1", "card-auto/auth", form), once=True)
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if code != codes.SUCCESS:
            return _no(code, message)
        data = fields.inside("data")
        if _names_another(fields, order.ref):
            return Unknown("the key's issue was answered about another key", code, message)
        name = data.text("issueCompanyName", "") or codes.card_name(data.text("issueCompanyNo", ""), DIRECT)
        number = f"{card.number[:6]}******{card.number[-4:]}"
        card_shown = ({"name": name} if name else {}) | {"number": number}
        refs = {name: data.text(name) for name in ("refNo", "tranDate") if data.has(name)}
        return Issued(data.text("billkey"), refs, card_shown)

    def charge_refs(self, at: datetime) -> dict[str, str]:
        """Say that it is a key's: the full cancel of one has an address of its own (card-auto/cancel)."""
        return {"api": AUTO}

    def charge(
        self, payment: Payment, order: Order, key: BillingKey, urls: Urls, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge a billing key (card-auto/trans)."""
        months = f"{payment.instalment_months:02d}"
        form = self._goods(payment, order, stamp) | {"billkey": key.key, "clientType": "MERCHANT"}
        form |= {"installment": months} | self.tax(payment.parts, payment.tax_free)
        reply = yield self._relay("billpay", "v1", "card-auto/trans", form, moves_money=True)
        return self._charged(payment, reply, stamp, self.charge_refs(stamp.at))

    def delete_key(self, key: BillingKey, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Delete a billing key (card-auto/auth-cancel): signed over the amount 0."""
        form = self._of(key.id[-20:].upper(), 0, stamp) | {"billkey": key.key, "clientType": "MERCHANT"}
        reply = yield self._relay("billkey-delete", "v1", "card-auto/auth-cancel", form)
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if code == codes.SUCCESS:
            return Done()
        if code in ("404", codes.ALREADY_CANCELLED):
            return Done(already=True)
        return Unknown("the key's deletion was answered with a code that proves nothing", code, message)

    def cancel_by_order(self, payment: Payment, sent_at: datetime, stamp: Stamp) -> Call:
        """Take a payment back by its order number (망취소, isNetCancel=Y), of the day on which it was asked for."""
        form = self._of(payment.merchant_ref, payment.captured or payment.amount, stamp) | {
            "orgTranDate": sent_at.astimezone(KST).strftime("%y%m%d"),
            "paymethod": PAYMETHODS[payment.method],
            "payType": payment.refs.get("payType", ""),
            "isNetCancel": "Y",
        }
        return self._relay("cancel-by-order", "v1", "cancel", form, moves_money=True)

    def issue_account(
        self, payment: Payment, order: Order, bank: str, due: datetime, stamp: Stamp
    ) -> Exchange[Waiting | Declined | Unknown]:
        """Have a virtual account issued without a window (v2 vacct/publish), payable until the day of `due` ends."""
        form = self._goods(payment, order, stamp) | {
            "bankCode": bank,
            "accountCloseDate": due.astimezone(KST).strftime("%y%m%d"),
        }
        reply = yield self._relay("account", "v2", "vacct/publish", form, moves_money=True)
        outcome = approval(replace(payment, refs={"dialect": DIRECT}), self.settings.mbr_no, reply, stamp)
        assert not isinstance(outcome, Paid), "an account is issued, not paid"
        if isinstance(outcome, Waiting) and outcome.due is None:  # no document says that this answer repeats the day
            ends = last_second(due.astimezone(KST).date())
            return replace(outcome, account={**outcome.account, "due": ends.isoformat()}, due=ends)
        return outcome

    def void_account(
        self, payment: Payment, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Refused | Unknown]:
        """Close an account into which nothing was paid (v2 vacct/cancel)."""
        form = self._of(f"V{stamp.nonce[:19]}".upper(), payment.amount, stamp) | {
            "orgRefNo": payment.refs.get("refNo", ""),
            "orgTranDate": payment.refs.get("tranDate", "")[-6:],
            "accountNo": payment.account.get("number", ""),
        }
        reply = yield self._relay("account-void", "v2", "vacct/cancel", form, moves_money=True)
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if _names_another(fields, form["mbrRefNo"], payment.merchant_ref, account=form["accountNo"]):
            return Unknown("closing the account was answered about another", code, message)
        if code == codes.SUCCESS or codes.says_all_gone(code, message):
            return Undone(code)
        if code in codes.REFUND_REFUSALS:
            return Refused(codes.REFUND_REFUSALS[code], code, message)
        return Unknown("closing the account was answered with a code that proves nothing", code, message)

    def may_transfer(self, payment: Payment) -> bool:
        """Tell whether the payment's number is known (objectRefNo): of one that people called paid it may not be."""
        return bool(payment.refs.get("refNo"))

    def register_transfer(
        self, payment: Payment, ref: str, amount: int, account: Account, stamp: Stamp
    ) -> Exchange[Done | Refused | Unknown]:
        """Register a refund by transfer (환불등록, cms/front/register)."""
        form = self._of(ref, amount, stamp) | {
            "objectPaymethod": PAYMETHODS[payment.method],
            "objectRefNo": payment.refs["refNo"],
            "objectTranDate": payment.refs.get("tranDate", "")[-6:],
            "bankCode": account.bank,
            "accountNo": digits(account.number, 20),
            "accountOwner": fit(account.holder, 30, "예금주"),
            "birthDay": account.born,
            "requestUser": "pay-bridge",
            "requestSystem": "Merchant",
        }
        reply = yield self._relay("transfer", "v1", "cms/front/register", form, moves_money=True)
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if code in TRANSFER_DONE and _names_another(fields, ref):
            return Unknown("the transfer was answered about another", code, message)
        if code in TRANSFER_DONE:
            data = fields.inside("data") if fields.has("data") else Fields({})
            return Done({"mbrRefNo": ref} | {name: data.text(name) for name in ("refNo", "tranDate") if data.has(name)})
        reason = codes.refund_refusal(code, message, refunded=payment.refunded)
        if reason is not None:
            return Refused(reason, code, message)
        return Unknown("the transfer was answered with a code that proves nothing", code, message)

    def show_transfer(
        self, payment: Payment, refs: Mapping[str, str], amount: int, stamp: Stamp
    ) -> Exchange[TransferShown | Absent | Unknown]:
        """Ask where a transfer stands (환불상태 조회, cms/front/status): by its own number, signed over 0 KRW, which an
        answer may repeat where it does not name the transfer's own `amount`."""
        form = self._of(refs.get("mbrRefNo", ""), 0, stamp) | {"orgRefNo": refs.get("refNo", "")}
        reply = yield self._relay("transfer-status", "v1", "cms/front/status", form)
        return Unknown(ANOTHER) if _is_anothers(reply, refs, amount) else _shown(reply)

    def find_transfer(
        self, payment: Payment, ref: str, amount: int, sent: Stamp, stamp: Stamp
    ) -> Exchange[TransferShown | Absent | Unknown]:
        """Ask for a transfer whose registration has no answer: by our own number alone, the other being in that answer.

        The samples always name both. So only an answer that names this very number counts, and Absent proves nothing.
        """
        reply = yield self._relay("transfer-status", "v1", "cms/front/status", self._of(ref, 0, stamp))
        shown = _shown(reply)
        if not isinstance(shown, TransferShown):
            return shown
        data = reply.json_fields().inside("data")
        if data.text("mbrRefNo", "") != ref or (data.has("amount") and data.won("amount") != amount):
            return Unknown(ANOTHER, shown.code, shown.message)
        day = sent.at.astimezone(KST).strftime("%y%m%d")
        return replace(shown, refs={"mbrRefNo": ref, "refNo": data.text("refNo"), "tranDate": day})

    def cancel_transfer(
        self, payment: Payment, refs: Mapping[str, str], stamp: Stamp
    ) -> Exchange[Done | Refused | Unknown]:
        """Take a transfer back while it is only registered (환불등록 취소, cms/front/cancel)."""
        form = self._of(refs.get("mbrRefNo", ""), 0, stamp) | {
            "orgRefNo": refs.get("refNo", ""),
            "orgTranDate": refs.get("tranDate", ""),
        }
        reply = yield self._relay("transfer-cancel", "v1", "cms/front/cancel", form, moves_money=True)
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if code in TRANSFER_DONE:
            return Done()
        if code in codes.REFUND_REFUSALS:
            return Refused(codes.REFUND_REFUSALS[code], code, message)
        return Unknown("taking the transfer back was answered with a code that proves nothing", code, message)

    def issue_receipt(self, order: ReceiptOrder, stamp: Stamp) -> Exchange[ReceiptIssued | Refused | Unknown]:
        """Issue a cash receipt (cash-receipt/trans)."""
        form = self._of(order.ref, order.split.total, stamp) | {
            "personType": PURPOSES[order.purpose],
            "customerPk": order.identity,
            "taxAmt": str(order.split.vat),
            "taxFreeAmt": str(order.split.tax_free),
            "goodsName": fit(order.title, 30, "TICKET"),
            "customerName": fit(order.buyer_name, 30, "구매자"),
            "clientType": "MERCHANT",
        }
        reply = yield self._relay("receipt", "v1", "cash-receipt/trans", form, moves_money=True)
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if code == codes.SUCCESS and _names_another(fields, order.ref):
            return Unknown("the receipt was answered about another", code, message)
        if code == codes.SUCCESS:
            data = fields.inside("data")
            if data.has("amount") and data.won("amount") != order.split.total:
                return Unknown("the receipt was answered over another sum", code, message)
            return ReceiptIssued(data.text("applNo"), {name: data.text(name) for name in ("refNo", "tranDate")})
        if code in codes.READY_REFUSALS and code not in codes.DUPLICATES:
            return Refused(codes.READY_REFUSALS[code], code, message)
        return Unknown("the receipt was answered with a code that proves nothing", code, message)

    def cancel_receipt(
        self, order: ReceiptOrder, issued: ReceiptIssued, stamp: Stamp
    ) -> Exchange[Done | Refused | Unknown]:
        """Cancel a cash receipt whole (cash-receipt/cancel, in the form of every other cancel on the relay)."""
        form = self._of(f"C{stamp.nonce[:19]}".upper(), order.split.total, stamp) | {
            "orgRefNo": issued.refs.get("refNo", ""),
            "orgTranDate": issued.refs.get("tranDate", ""),
            "clientType": "MERCHANT",
        }
        reply = yield self._relay("receipt-cancel", "v1", "cash-receipt/cancel", form, moves_money=True)
        fields = reply.json_fields()
        code, message = fields.text("resultCode"), fields.text("resultMessage", "")
        if _names_another(fields, form["mbrRefNo"], order.ref):
            return Unknown("the receipt's cancel was answered about another", code, message)
        if code == codes.SUCCESS or codes.says_all_gone(code, message):
            return Done(already=code != codes.SUCCESS)
        if code in codes.REFUND_REFUSALS:
            return Refused(codes.REFUND_REFUSALS[code], code, message)
        return Unknown("the receipt's cancel was answered with a code that proves nothing", code, message)

    def _charged(
        self, payment: Payment, reply: Reply, stamp: Stamp, refs: Mapping[str, str]
    ) -> Paid | Declined | Unknown:
        outcome = approval(replace(payment, refs={"dialect": DIRECT, **refs}), self.settings.mbr_no, reply, stamp)
        assert not isinstance(outcome, Waiting), "a card is charged, or it is not"
        return outcome

    def _goods(self, payment: Payment, order: Order, stamp: Stamp) -> dict[str, str]:
        return self._of(payment.merchant_ref, payment.amount, stamp) | {
            "goodsName": fit(order.title, 30, "TICKET"),
            "customerName": fit(order.buyer.name, 30, "구매자"),
            "customerEmail": email(order.buyer.email, 50),
            "customerTelNo": digits(order.buyer.phone, 12),
        }

    def _card(self, card: CardEntry) -> dict[str, str]:
        """Write a typed card: with birth date or business number and password where both are given (O), else alone."""
        form = {"cardNo": card.number, "expd": card.expires}
        if not (card.holder and card.password):
            return form | {"keyinAuthType": "K"}
        business = "1" if len(card.holder) == 10 else "0"
        asked = {"keyinAuthType": "O", "authType": business, "regNo": card.holder, "passwd": card.password}
        return form | asked

    def _of(self, ref: str, amount: int, stamp: Stamp) -> dict[str, str]:
        return self._signed(ref, amount, stamp) | {"version": "V001", "mbrNo": self.settings.mbr_no}

    def _relay(self, op: str, version: str, path: str, form: Mapping[str, str], *, moves_money: bool = False) -> Call:
        url = f"{self.settings.relay_url}/{version}/api/payments/payment/{path}"
        return self._call(op, url, form, moves_money=moves_money)


def _names_another(fields: Fields, *ours: str, account: str = "") -> bool:
    """Tell whether an answer names another number than ours, or another account, where it names any."""
    data = fields.inside("data") if fields.has("data") else Fields({})
    is_other = data.has("mbrRefNo") and data.text("mbrRefNo") not in ours
    return is_other or (bool(account) and data.text("accountNo", account) != account)


def _shown(reply: Reply) -> TransferShown | Absent | Unknown:
    fields = reply.json_fields()
    code, message = fields.text("resultCode"), fields.text("resultMessage", "")
    if code == "404":
        return Absent(code)
    if code not in TRANSFER_DONE:
        return Unknown("the transfer's status was answered with a code that proves nothing", code, message)
    told = fields.inside("data").text("status", "")
    state = TRANSFER_STATES.get(told)
    if state is None:
        return Unknown("the transfer is in a state that no document names", told, message)
    return TransferShown(state, told, message)


def _is_anothers(reply: Reply, refs: Mapping[str, str], amount: int) -> bool:
    """Tell whether the status of a transfer names another number or sum than ours, where it names any."""
    fields = reply.json_fields()
    data = fields.inside("data") if fields.text("resultCode") in TRANSFER_DONE else Fields({})
    if data.has("amount") and data.won("amount") not in (0, amount):
        return True
    return any(refs.get(name) and data.text(name, refs[name]) != refs[name] for name in ("mbrRefNo", "refNo"))


def _no(code: str, message: str) -> Declined | Unknown:
    if code in codes.READY_REFUSALS:
        return Declined(codes.READY_REFUSALS[code], code, message)
    return Unknown("the key's issue was answered with a code that proves nothing", code, message)
