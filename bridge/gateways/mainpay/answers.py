"""Reads what Mainpay answers to pay: only "200" about this very payment is Paid."""

from bridge.domain.exchange import KST, Fields, Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import Declined, Paid, Unknown, Waiting
from bridge.domain.paid_time import moment_in
from bridge.domain.payment import Method, Payment
from bridge.domain.texts import end_of_day, masked_card
from bridge.gateways.mainpay import codes

KEPT = ("refNo", "tranDate", "tranTime", "payType", "applNo")
"""What a later cancel needs (refNo, tranDate, payType), and what a receipt shows."""


def approval(payment: Payment, mbr_no: str, reply: Reply, stamp: Stamp) -> Paid | Waiting | Declined | Unknown:
    """Say what the answer to pay means (guide, 5. 결제 승인 API; 에러 처리). Raises Unreadable."""
    fields = reply.json_fields()
    code, message = fields.text("resultCode"), fields.text("resultMessage", "")
    if code in codes.DECLINES:
        return Declined(codes.DECLINES[code], code, message)
    if code != codes.SUCCESS:
        refusal = code not in codes.NO_REFUSALS
        return Unknown("pay was answered with a code that proves nothing", code, message, refusal=refusal)
    data = fields.inside("data")
    window = payment.refs.get("refNo", "") if payment.refs.get("dialect") == "guide" else ""
    if misfit(payment, mbr_no, fields) or (window and data.text("refNo", window) != window):
        return Unknown("the answer is about another payment", code, message)
    refs = dict(payment.refs) | {name: data.text(name) for name in KEPT if data.has(name)}
    if not refs.get("refNo"):
        raise Unreadable("The answer to pay has no refNo.")
    refs["tranDate"] = refs.get("tranDate") or stamp.at.astimezone(KST).strftime("%y%m%d")
    if payment.method is Method.VIRTUAL_ACCOUNT:
        return _waiting(payment, data, refs)  # without its account the answer is unreadable, never paid
    amount = data.won("amount")
    if not amount:
        raise Unreadable("The answer to pay says that nothing was taken.")
    paid_at = moment_in(data, "tranDate", "tranTime")
    return Paid(amount, refs, _card(data, payment.refs.get("dialect", "")), paid_at)


def misfit(payment: Payment, mbr_no: str, fields: Fields) -> bool:
    """Tell whether an answer names another payment or merchant than ours, where it names any."""
    try:
        data = fields.inside("data")
    except Unreadable:
        return False
    for name, ours in (("mbrRefNo", payment.merchant_ref), ("mbrNo", mbr_no), ("aid", payment.refs.get("aid", ""))):
        if ours and data.has(name) and data.text(name) != ours:
            return True
    return False


def cancelled_less(fields: Fields, amount: int) -> bool:
    """Tell whether the answer to taking back names less than `amount` KRW, where it names a sum (the guide's does)."""
    data = fields.inside("data") if fields.has("data") else Fields({})
    return data.has("cancelAmount") and data.won("cancelAmount") < amount


def _waiting(payment: Payment, data: Fields, refs: dict[str, str]) -> Waiting:
    code = data.text("bankCode", "")
    account = {
        "bank_code": code,
        "bank": data.text("bankName", "") or codes.bank_name(code, payment.refs.get("dialect", "")),
        "number": data.number("accountNo"),
        "holder": data.text("accountOwner", ""),
    }
    due = end_of_day(data.text("accountCloseDate", ""))
    if due:
        account["due"] = due.isoformat()
    return Waiting(account, refs, due)


def _card(data: Fields, dialect: str) -> dict[str, str]:
    code = data.text("cardCode", "") or data.text("issueCompanyNo", "")
    name = data.text("issueCardName", "") or data.text("issueCompanyName", "") or codes.card_name(code, dialect)
    card = {
        "number": masked_card(data.text("cardNo", "")),
        "name": name,
        "installment": data.text("installment", ""),
        "approval_no": data.text("applNo", ""),
    }
    return {key: value for key, value in card.items() if value}
