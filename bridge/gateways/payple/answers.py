"""Reads what Payple answers to its acts: `PCD_PAY_RST` says yes or no, and nothing is a yes about another order."""

from collections.abc import Mapping

from bridge.domain.billing import Issued, KeyOrder, KeyShown
from bridge.domain.exchange import Fields, Reply
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import Absent, Declined, Done, Paid, Refused, Seen, Unknown
from bridge.domain.paid_time import moment_in
from bridge.domain.payment import Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.domain.texts import masked_card
from bridge.gateways.payple import codes
from bridge.gateways.payple.settings import PaypleSettings

OTHER = "the answer is about another payment"


def _head(reply: Reply) -> tuple[Fields, str, str, str]:
    fields = reply.json_fields()
    return fields, fields.text("PCD_PAY_RST"), fields.text("PCD_PAY_CODE", ""), fields.text("PCD_PAY_MSG", "")


def _is_other(fields: Fields, ref: str) -> bool:
    return fields.has("PCD_PAY_OID") and fields.text("PCD_PAY_OID") != ref


def charge(ref: str, known: Mapping[str, str], settings: PaypleSettings, reply: Reply) -> Paid | Declined | Unknown:
    """Say what the answer to a confirmation or charge means, of the payment with our reference and the refs that are
    `known` of it. Raises Unreadable."""
    fields, said, code, message = _head(reply)
    if said == codes.SUCCESS and code not in codes.NOT_HEARD:
        if _is_other(fields, ref):
            return Unknown(OTHER, code, message)
        amount = fields.won("PCD_PAY_TOTAL")
        if not amount:
            raise Unreadable("The answer says that nothing was taken.")
        return Paid(amount, dict(known) | refs(fields), card(fields), moment_in(fields, "PCD_PAY_TIME"))
    if code in codes.DECLINES or code in settings.decline_codes:
        return Declined(codes.DECLINES.get(code, Reason.DECLINED), code, message)
    refusal = said == "error" and bool(code) and code not in codes.NO_REFUSALS
    return Unknown("the charge was answered with a code that proves nothing", code, message, refusal=refusal)


def first_charge(
    order: KeyOrder, payer_id: str, settings: PaypleSettings, reply: Reply
) -> Issued | Paid | Declined | Unknown:
    """Say what the answer to the confirmation of a key's first payment means. The key is the one that the confirmation
    named (PCD_PAYER_ID, 필수); where the answer names another, only the money counts. Raises Unreadable."""
    taken = charge(order.ref, order.refs, settings, reply)
    if not isinstance(taken, Paid) or reply.json_fields().text("PCD_PAYER_ID", payer_id) != payer_id:
        return taken
    return Issued(payer_id, card=taken.card, charged=taken)


def refs(fields: Fields) -> dict[str, str]:
    """Keep what a refund (the day) and a slip need."""
    kept = {
        "payTime": _first(fields, "PCD_PAY_TIME"),
        "tradeNum": _first(fields, "PCD_PAY_CARDTRADENUM", "PCD_CARDTRADENUM"),
        "receipt": _first(fields, "PCD_PAY_CARDRECEIPT"),
    }
    return {name: value for name, value in kept.items() if value}


def card(fields: Fields) -> dict[str, str]:
    """Read what may be shown of a card, under its names of then and now, misspelt ones among them."""
    found = {
        "number": masked_card(_first(fields, "PCD_PAY_CARDNUM", "PCD_CARDNUM", "PCD_PAY_BANKNUM")),
        "name": _first(fields, "PCD_PAY_CARDNAME", "PCD_PAY_CARDNANE", "PCD_CARDNAME", "PCD_PAY_BANKNAME"),
        "approval_no": _first(fields, "PCD_PAY_CARDAUTHNO"),
    }
    return {name: value for name, value in found.items() if value}


def _first(fields: Fields, *names: str) -> str:
    return next((fields.text(name) for name in names if fields.has(name)), "")


def inquiry(payment: Payment, settings: PaypleSettings, reply: Reply) -> Seen | Absent | Unknown:
    """Say what an inquiry of one day shows. What was refunded it need not show. Raises Unreadable."""
    fields, said, code, message = _head(reply)
    if said == codes.SUCCESS and code not in codes.NOT_HEARD:
        if not fields.has("PCD_PAY_OID") or _is_other(fields, payment.merchant_ref):
            return Unknown("the inquiry shows another payment", code, message)
        refunded = fields.won("PCD_REFUND_TOTAL") if fields.has("PCD_REFUND_TOTAL") else None
        if refunded is None and code.startswith(codes.GIVEN_BACK) and not payment.captured:
            return Unknown("the inquiry shows a refund, and not of how much", code, message)
        return Seen(
            fields.won("PCD_PAY_TOTAL"), refunded, refs(fields), card(fields), moment_in(fields, "PCD_PAY_TIME")
        )
    absent = code in settings.absent_codes or codes.says_no_payment(code, message)
    if said == "error" and code not in codes.NOT_HEARD and absent:
        return Absent(code)
    return Unknown("the inquiry was answered with a code that proves nothing", code, message)


def refunding(payment: Payment, refund: RefundOrder, reply: Reply) -> Done | Refused | Unknown:
    """Say what the answer to a refund means. A refusal counts only where its words give a reason. Raises Unreadable."""
    fields, said, code, message = _head(reply)
    if said == codes.SUCCESS and code not in codes.NOT_HEARD:
        if _is_other(fields, payment.merchant_ref):
            return Unknown(OTHER, code, message)
        if fields.has("PCD_REFUND_TOTAL") and fields.won("PCD_REFUND_TOTAL") != refund.amount:
            return Unknown("the refund was answered about another amount", code, message)
        trade = _first(fields, "PCD_PAY_CARDTRADENUM")
        return Done({"refNo": trade} if trade else {})
    if said == "error" and refund.full and codes.says_already(message):
        return Done(already=True)
    if said == "error" and code not in codes.NO_REFUSALS and codes.says_refused(message):
        return Refused(Reason.CANCEL_FAILED, code, message)
    return Unknown("the refund was answered with a code that proves nothing", code, message)


def key(reply: Reply, payer_id: str) -> KeyShown | Absent | Unknown:
    """Say what a key stands for (등록카드 조회). Raises Unreadable."""
    fields, said, code, message = _head(reply)
    if said == codes.SUCCESS:
        if fields.has("PCD_PAYER_ID") and fields.text("PCD_PAYER_ID") != payer_id:
            return Unknown("the answer is about another key", code, message)
        return KeyShown(usable=True, card=card(fields))
    if said == "error" and codes.says_no_key(code, message):
        return Absent(code)
    return Unknown("the key's state was answered with a code that proves nothing", code, message)


def deletion(reply: Reply, payer_id: str) -> Done | Refused | Unknown:
    """Say what the answer to a key's deletion means (등록카드 해지). Raises Unreadable."""
    fields, said, code, message = _head(reply)
    if said == codes.SUCCESS:
        if fields.has("PCD_PAYER_ID") and fields.text("PCD_PAYER_ID") != payer_id:
            return Unknown("the answer is about another key", code, message)
        return Done()
    if said == "error" and codes.says_no_key(code, message):
        return Done(already=True)
    return Unknown("the deletion was answered with a code that proves nothing", code, message)
