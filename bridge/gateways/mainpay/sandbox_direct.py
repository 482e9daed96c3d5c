"""Mainpay's direct API without a window: typed cards, billing keys, refunds by transfer, cash receipts.

Paths and fields: the request objects of Mainpay's public JSP SDK, its samples, and receivers in production. The cancel
of a receipt and the letters of a transfer's states are in no document; they are in the form of the others. That Mainpay
tells of a receipt by notice is in its list of addresses alone: it is done here in the form of a card notice."""

import re
from collections.abc import Mapping
from typing import Any

from bridge.gateways.mainpay import sandbox_live as live
from bridge.gateways.mainpay import sandbox_notices as notices
from bridge.gateways.mainpay.sandbox_desk import BillKey, Receipt, Till, Transfer
from bridge.gateways.mainpay.sandbox_tax import TAX, most_vat, told_vat
from bridge.gateways.mainpay.sandbox_words import (
    CARDS,
    DATE6,
    DIGITS,
    EMAIL,
    INSTALLMENT_MIN_WON,
    LIVE,
    METHOD,
    NO_AMOUNT,
    PLAIN,
    VERSION,
    Refusal,
    Rule,
    basics,
    check,
    said,
)
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault
from bridge.sandbox.world import ControlRefused

Form = Mapping[str, str]

KEYED_IN = "K"
BY_KEY = "B"
ENDS = {"done": "S", "failed": "F"}

_USUAL = (*basics(), Rule("version", 4, 3, VERSION))
_WITHOUT_MONEY = (*basics(amounts=NO_AMOUNT), Rule("version", 4, 3, VERSION))
_CLIENT = Rule("clientType", 20, 1, re.compile("MERCHANT"))
_BILLKEY = Rule("billkey", 64, 1, re.compile(r"[!-~]+"))
_GOODS = (
    Rule("goodsName", 30, 1, PLAIN),
    Rule("customerName", 30, 1, PLAIN),
    Rule("customerEmail", 50, 1, EMAIL, needed=False),
    Rule("customerTelNo", 12, needed=False),
    Rule("installment", 2, 2, re.compile(r"0[02-9]|1[0-9]|2[0-4]")),
)
_CARD = (
    Rule("cardNo", 16, 14, DIGITS),
    Rule("expd", 4, 4, re.compile(r"[0-9]{2}(0[1-9]|1[0-2])")),
    Rule("keyinAuthType", 1, 1, re.compile("[KO]")),
)
_AUTH_TYPE = Rule("authType", 1, 1, re.compile("[01]"))
_HOLDER = {
    "0": (Rule("regNo", 6, 6, DATE6), Rule("passwd", 2, 2, DIGITS)),
    "1": (Rule("regNo", 10, 10, DIGITS), Rule("passwd", 2, 2, DIGITS)),
}
_PERSON = {
    "0": Rule("customerPk", 19, 10, re.compile(r"01[0-9]{8,9}|[0-9]{13,19}", re.ASCII)),
    "1": Rule("customerPk", 10, 10, DIGITS),
}
"""A person's phone or card of the tax office (소득공제), or a business's number (지출증빙)."""
KEY_IN = (*_USUAL, *_GOODS, *_CARD)
KEY_ISSUE = (*_WITHOUT_MONEY, *_CARD, _CLIENT)
KEY_CHARGE = (*_USUAL, *_GOODS, _BILLKEY, _CLIENT, TAX)
KEY_CANCEL = (*live.PART_CANCEL, Rule("isNetCancel", 1, 1, re.compile("N")))
KEY_DELETE = (*_WITHOUT_MONEY, _BILLKEY, _CLIENT)
TRANSFER = (
    *_USUAL,
    Rule("objectPaymethod", 10, 1, METHOD),
    Rule("objectRefNo", 12, 12),
    Rule("objectTranDate", 6, 6, DATE6),
    Rule("bankCode", 3, 2, DIGITS),
    Rule("accountNo", 20, 1, DIGITS),
    Rule("accountOwner", 30, 1, PLAIN),
    Rule("birthDay", 10, 6, DIGITS, needed=False),
    Rule("requestUser", 20, 1, PLAIN),
    Rule("requestSystem", 20, 1, re.compile("Merchant")),
)
TRANSFER_STATUS = (*_WITHOUT_MONEY, Rule("orgRefNo", 12, 12, needed=False))
TRANSFER_CANCEL = (*_WITHOUT_MONEY, *live.ORIGINAL, Rule("orgTranDate", 6, 6, DATE6))
RECEIPT = (
    *_USUAL,
    Rule("personType", 1, 1, re.compile("[01]")),
    Rule("customerPk", 19, 10, DIGITS),
    Rule("goodsName", 30, 1, PLAIN, needed=False),
    Rule("customerName", 30, 1, PLAIN, needed=False),
    Rule("taxAmt", 10, 1, DIGITS),
    Rule("taxFreeAmt", 10, 1, DIGITS, needed=False),
    _CLIENT,
)
RECEIPT_CANCEL = (*_USUAL, *live.ORIGINAL, Rule("orgTranDate", 6, 6, DATE6), _CLIENT)


def key_in(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Charge a typed card. Raises Refusal."""
    _refuse_used(till, form)
    choice = _typed_card(till, form)
    live.refuse_if_told(fault, "2001")
    return _charged(till, form, fault, choice, KEYED_IN, "keyin")


def key_issue(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Remember a typed card; no money moves. Raises Refusal."""
    _refuse_used(till, form)
    choice = _typed_card(till, form)
    live.refuse_if_told(fault, "2001")
    ref_no, key = till.next_ref_no(), "BILL" + till.world.hex(36)
    till.other_refs.add((form["mbrNo"], form["mbrRefNo"]))
    till.bill_keys[key] = BillKey(form["mbrNo"], choice["card"], choice["masked"])
    card = {"issueCompanyNo": choice["card"], "issueCompanyName": notices.card_name(LIVE, choice["card"])}
    data = live.cancel_data(till, form, ref_no) | {"billkey": key, "cardNo": choice["masked"]} | card
    return _yes(data)


def key_charge(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Charge a remembered card. Raises Refusal."""
    _refuse_used(till, form)
    key = _bill_key(till, form)
    live.refuse_if_told(fault, "2001")
    return _charged(till, form, fault, {"card": key.card, "masked": key.masked}, BY_KEY, "card_auto")


def cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel the whole of a payment that is no charge of a key; one of those too by order number. Raises Refusal."""
    trade = till.trades_by_ref.get((LIVE, form.get("orgRefNo", "")))
    if trade is not None and trade.session.direct == BY_KEY:
        raise Refusal("3001", "취소 실패 (빌키 결제)")
    return live.cancel(till, form, fault)


def key_cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel the whole of a charge. Raises Refusal."""
    trade = till.trades_by_ref.get((LIVE, form["orgRefNo"]))
    if trade is not None and trade.session.direct != BY_KEY:
        raise Refusal("3001", "취소 실패 (빌키 결제 아님)")
    return live.cancel(till, form, fault)


def key_delete(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Forget a card. Raises Refusal; 404 for one that is gone."""
    live.refuse_if_told(fault, "3001")
    _bill_key(till, form).deleted = True
    return _yes(live.cancel_data(till, form, till.next_ref_no()))


def transfer(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Register a refund to an account; the money moves later. Raises Refusal."""
    _refuse_used(till, form)
    live.refuse_if_told(fault, "3001")
    trade = till.trades_by_ref.get((LIVE, form["objectRefNo"]))
    if trade is None or trade.session.merchant != form["mbrNo"]:
        raise Refusal("3001", "취소 실패 (원거래 없음)")
    if (form["objectTranDate"], form["objectPaymethod"]) != (trade.tran_date, trade.session.method):
        raise Refusal("3001", "취소 실패 (원거래 정보 불일치)")
    if int(form["amount"]) > till.transferable(trade):
        raise Refusal("1001", "결제 금액 오류 (환불 가능 금액 초과)")
    made = Transfer(trade, form["mbrRefNo"], till.next_ref_no(), till.world.now(), int(form["amount"]))
    till.other_refs.add((form["mbrNo"], form["mbrRefNo"]))
    till.transfers[made.ref_no] = made
    data = live.cancel_data(till, form, made.ref_no) | {"amount": made.amount, "status": made.state}
    return _yes(data, till.settings.transfer_ok_code)


def transfer_status(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Tell how a transfer stands, by its own number or the shop's. Raises Refusal; 404 for one never registered."""
    live.refuse_if_told(fault, "404")
    ours = (one for one in till.transfers.values() if one.merchant_ref == form["mbrRefNo"])
    number = form.get("orgRefNo") or next((one.ref_no for one in ours), "")
    made = _transfer(till, {**form, "orgRefNo": number})
    data = {"mbrNo": form["mbrNo"], "mbrRefNo": made.merchant_ref, "refNo": made.ref_no}
    data |= {"status": made.state}
    if fault is not None and fault.kind == "cross_wired":
        data |= {"mbrRefNo": "OTHER" + made.merchant_ref[-12:], "status": "S"}
    return _yes(data | {"amount": made.amount}, till.settings.transfer_ok_code)


def transfer_cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Take a transfer back that has not been made. Raises Refusal."""
    live.refuse_if_told(fault, "3001")
    made = _transfer(till, form)
    if form["orgTranDate"] != f"{made.at:%y%m%d}":
        raise Refusal("3001", "취소 실패 (원거래 정보 불일치)")
    if made.state != "R":
        raise Refusal("3002" if made.state == "C" else "3001")
    till.move_transfer(made, "C")
    return _yes(live.cancel_data(till, form, made.ref_no), till.settings.transfer_ok_code)


def receipt(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Issue a cash receipt; it says nothing about which payment it is for. Raises Refusal."""
    _refuse_used(till, form)
    live.refuse_if_told(fault, "1001")
    amount = int(form["amount"])
    check(form, (_PERSON[form["personType"]],))
    taxed = amount - int(form.get("taxFreeAmt") or 0)
    if taxed < 0 or int(form["taxAmt"]) > most_vat(taxed):
        raise Refusal("1001", "결제 금액 오류 (taxAmt)")
    now, ref_no = till.world.now(), till.next_ref_no()
    till.other_refs.add((form["mbrNo"], form["mbrRefNo"]))
    number = f"{till.world.random.randrange(10**9):09d}"
    till.receipts[ref_no] = Receipt(form["mbrNo"], form["mbrRefNo"], number, amount, now)
    notices.tell_receipt(till, till.receipts[ref_no], notices.APPROVED, ref_no, "")
    data = live.cancel_data(till, form, ref_no)
    return _yes(data | {"applNo": number, "amount": amount})


def receipt_cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel a cash receipt, whole. Raises Refusal."""
    live.refuse_if_told(fault, "3001")
    found = till.receipts.get(form["orgRefNo"])
    if found is None or found.merchant != form["mbrNo"] or form["orgTranDate"] != f"{found.at:%y%m%d}":
        raise Refusal("3001", "취소 실패 (원거래 없음)")
    if int(form["amount"]) != found.amount:
        raise Refusal("1001")
    if found.cancelled:
        raise Refusal("3002")
    found.cancelled = True
    ref_no = till.next_ref_no()
    notices.tell_receipt(till, found, notices.CANCELLED, ref_no, form["orgRefNo"])
    return _yes(live.cancel_data(till, form, ref_no))


def end_transfer(till: Till, values: Mapping[str, Any]) -> dict[str, Any]:
    """Make or fail the registered transfer of `merchant_ref` (the payment's, or its own) or `ref_no`; `state` done or
    failed. Raises ControlRefused."""
    state = ENDS.get(str(values.get("state", "done")))
    if state is None:
        raise ControlRefused("state is done or failed.")
    wanted = values.get("ref_no") or values.get("merchant_ref")
    found = [
        one
        for one in till.transfers.values()
        if one.state == "R" and wanted in (one.ref_no, one.merchant_ref, one.trade.session.merchant_ref)
    ]
    if len(found) != 1:
        raise ControlRefused(f"There are {len(found)} registered transfers of {wanted!r}.")
    till.move_transfer(found[0], state)
    return {"ref_no": found[0].ref_no, "state": found[0].state, "net": found[0].trade.book.net}


def _refuse_used(till: Till, form: Form) -> None:
    if till.is_used(LIVE, form["mbrNo"], form["mbrRefNo"]):
        raise Refusal("ma")


def _typed_card(till: Till, form: Form) -> dict[str, str]:
    """Check a typed card: who holds it, its number's last digit (Luhn), its last month. Gives what answers show of it.
    Raises Refusal."""
    if form["keyinAuthType"] == "O":
        check(form, (_AUTH_TYPE,))
        check(form, _HOLDER[form["authType"]])
    number = form["cardNo"]
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    if sum(value - 9 if value > 9 else value for value in doubled) % 10:
        raise Refusal("2001", "결제 승인 실패 (카드번호 오류)")
    if form["expd"] < f"{till.world.now():%y%m}":
        raise Refusal("2001", "결제 승인 실패 (유효기간 경과)")
    issuers = list(CARDS[LIVE])
    masked = number[:8] + "*" * (len(number) - 12) + number[-4:]
    return {"card": issuers[int(number[:6]) % len(issuers)], "masked": masked}


def _charged(till: Till, form: Form, fault: Fault | None, choice: dict[str, str], pay_type: str, by: str) -> Answer:
    """Take the money of a card that needs no window."""
    if form["installment"] != "00" and int(form["amount"]) < INSTALLMENT_MIN_WON:
        raise Refusal("400", "잘못된 요청 (installment)")
    told = told_vat(form) if by == "card_auto" else None  # a typed card's call has no such field
    choice = choice | {"installment": form["installment"]}
    session = live.without_window(till, form, "CARD", choice, pay_type, told)
    trade = till.approve(session, form, fault is not None and fault.kind == "wrong_amount", by)
    data = live.receipt(till, trade)
    if fault is not None and fault.kind == "cross_wired":
        data |= {"mbrRefNo": "OTHER" + session.merchant_ref[-12:], "refNo": till.next_ref_no()}
    sent = notices.card_notice(till, trade, notices.APPROVED, trade.ref_no, trade.amount)
    return Answer(said(LIVE, "200", "정상처리", data), sent)


def _bill_key(till: Till, form: Form) -> BillKey:
    key = till.bill_keys.get(form["billkey"])
    if key is None or key.merchant != form["mbrNo"] or key.deleted:
        raise Refusal("404", "리소스를 찾을 수 없음 (billkey)")
    return key


def _transfer(till: Till, form: Form) -> Transfer:
    made = till.transfer_of(form["orgRefNo"])
    if made is None or made.trade.session.merchant != form["mbrNo"]:
        raise Refusal("404")
    return made


def _yes(data: dict[str, Any], code: str = "200") -> Answer:
    return Answer(said(LIVE, code, "정상처리", data))
