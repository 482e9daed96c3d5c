"""Reads what Pay-Story answers: only the operation's own yes about this very payment is one."""

from collections.abc import Container, Iterable
from datetime import datetime

from bridge.domain.billing import Issued, KeyOrder
from bridge.domain.exchange import Fields, Reply
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import (
    Absent,
    Declined,
    Done,
    NothingThere,
    Paid,
    Refused,
    Seen,
    TooLate,
    Undone,
    Unknown,
    Waiting,
)
from bridge.domain.paid_time import moment_in
from bridge.domain.payment import Method, Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.domain.texts import end_of_day, masked_card
from bridge.gateways.paystory import codes

KEPT = ("tid", "appDtm", "appNo", "cashCrctFlg")
"""What a later cancellation (tid) and the slip need: `cashCrctFlg` 1 says that a cash receipt was issued (10.)."""

POINTS = "usePointAmt"
"""사용 포인트: how many KRW of the payment its card's points paid. (10.)"""
POINTS_BYTES_MAX = 12


def points(fields: Fields) -> dict[str, str]:
    """Read the card's points in what was paid, where there are any."""
    used = fields.text(POINTS, "")
    told = used.isascii() and used.isdigit() and len(used) <= POINTS_BYTES_MAX and int(used)
    return {POINTS: str(int(used))} if told else {}


def kept(fields: Fields) -> dict[str, str]:
    """Read what is kept of a payment besides its money: what later calls need, and the points in it."""
    return {name: fields.text(name) for name in KEPT if fields.has(name)} | points(fields)


def _head(reply: Reply) -> tuple[Fields, str, str]:
    fields = reply.json_fields()
    return fields, fields.text("resultCd"), fields.text("resultMsg", "")


def misfit(fields: Fields, mid: str, ord_no: str) -> bool:
    """Tell whether an answer names another shop, order or currency than ours, where it names any."""
    all_ours = (("mid", mid), ("ordNo", ord_no), ("currencyType", "KRW"))
    return any(fields.has(name) and fields.text(name) != ours for name, ours in all_ours)


def _no(code: str, message: str, declines: dict[str, Reason]) -> Declined | Unknown:
    if code in declines:
        return Declined(declines[code], code, message)
    why = "the answer's code proves nothing"
    return Unknown(why, code, message, refusal=code not in codes.NO_REFUSALS)


def _amount(fields: Fields) -> int:
    """Read what was taken: `amt` in answers, `goodsAmt` elsewhere. Raises Unreadable."""
    taken = fields.won("amt" if fields.has("amt") else "goodsAmt")
    if not taken:
        raise Unreadable("The answer says that nothing was taken.")
    return taken


def approval(payment: Payment, mid: str, reply: Reply, *, bill: bool = False) -> Paid | Waiting | Declined | Unknown:
    """Say what the answer to payment.do or payment.doBill means (5.4, 12.). Raises Unreadable."""
    fields, code, message = _head(reply)
    method = codes.METHODS[payment.method]
    issued = payment.method is Method.VIRTUAL_ACCOUNT and code == codes.ACCOUNT_ISSUED
    if not issued and code not in codes.CAPTURED[method]:
        return _no(code, message, codes.BILL_DECLINES if bill else codes.DECLINES)
    if misfit(fields, mid, payment.merchant_ref):
        return Unknown("the answer is about another payment", code, message)
    refs = dict(payment.refs) | kept(fields)
    if not refs.get("tid"):
        raise Unreadable("The answer has no tid.")
    if issued:
        return _waiting(fields, refs)
    return Paid(_amount(fields), refs, card(fields), _paid_at(fields))


def _paid_at(fields: Fields) -> datetime | None:
    """Read when it was paid (appDtm, 결제일시)."""
    return moment_in(fields, "appDtm")


def _waiting(fields: Fields, refs: dict[str, str]) -> Waiting:
    account = account_of(fields)
    due = end_of_day(fields.text("lmtDay", ""))
    if due:
        account["due"] = due.isoformat()
    return Waiting(account, refs, due)


def account_of(fields: Fields) -> dict[str, str]:
    """Read a virtual account (10., 가상계좌). Raises Unreadable where its number is missing."""
    return {
        "bank_code": fields.text("cpCd", ""),
        "bank": fields.text("fnNm", "") or fields.text("cpCd", ""),
        "number": fields.number("vacntNo"),
        "holder": fields.text("vacntNm", ""),
    }


def card(fields: Fields) -> dict[str, str]:
    """Read what may be shown of a card."""
    code = fields.text("appCardCd", "") or fields.text("cpCd", "")
    found = {
        "number": masked_card(fields.text("cardNo", "")),
        "name": fields.text("fnNm", "") or codes.card_name(code),
        "installment": fields.text("quota", ""),
        "approval_no": fields.text("appNo", ""),
    }
    return {name: value for name, value in found.items() if value}


def key(order: KeyOrder, mid: str, reply: Reply) -> Issued | Declined | Unknown:
    """Say what the answer to a key's issue means (4.4, 14.4): F011 for a card; A000 for a phone, which has been
    charged by it (3.1.3). Raises Unreadable."""
    fields, code, message = _head(reply)
    phone = order.method is Method.PHONE
    if phone and code in codes.REGISTERED:
        return Unknown("a copy of the request may have registered and charged the phone", code, message)
    if code != ("A000" if phone else codes.KEY_ISSUED):
        return _no(code, message, codes.KEY_DECLINES)
    if misfit(fields, mid, order.ref):
        return Unknown("the answer is about another key", code, message)
    refs = kept(fields)
    charged = None
    if phone:
        if "tid" not in refs:
            raise Unreadable("The answer has no tid.")
        charged = Paid(_amount(fields), refs, paid_at=_paid_at(fields))
    return Issued(fields.text("bid"), refs, card(fields), charged)


def deletion(reply: Reply, bid: str) -> Done | Refused | Unknown:
    """Say what the answer to a key's deletion means (6.4): F012, or F002 where it was gone. Raises Unreadable."""
    fields, code, message = _head(reply)
    if code == codes.KEY_DELETED:
        if fields.has("bid") and fields.text("bid") != bid:
            return Unknown("the answer is about another key", code, message)
        return Done()
    if code == codes.KEY_GONE:
        return Done(already=True)
    if code == "F008":
        return Refused(Reason.CANCEL_FAILED, code, message)
    return Unknown("the deletion was answered with a code that proves nothing", code, message)


def refunding(payment: Payment, refund: RefundOrder, mid: str, reply: Reply) -> Done | Refused | Unknown:
    """Say what the answer to a refund means (7.4, 12.4). "In progress" is neither yes nor no. Raises Unreadable."""
    fields, code, message = _head(reply)
    if code in codes.GIVEN_BACK:
        if misfit(fields, mid, payment.merchant_ref):
            return Unknown("the cancellation was answered about another payment", code, message)
        if fields.has("amt") and fields.won("amt") != refund.amount:
            return Unknown("the cancellation was answered about another amount", code, message)
        return Done({"refNo": fields.text("tid")} if fields.has("tid") else {})
    if codes.says_all_gone(code, message) and refund.full:
        return Done(already=True)
    if code in codes.REFUND_REFUSALS:
        return Refused(codes.REFUND_REFUSALS[code], code, message)
    return Unknown("the cancellation was answered with a code that proves nothing", code, message)


def undoing(payment: Payment, amount: int, mid: str, reply: Reply) -> Undone | NothingThere | TooLate | Unknown:
    """Say what the answer to a cancellation by order number of `amount` KRW means (standard guide, 3.1.4). Raises
    Unreadable."""
    fields, code, message = _head(reply)
    if code in codes.GIVEN_BACK or code == codes.VOIDED:
        if misfit(fields, mid, payment.merchant_ref):
            return Unknown("the cancellation was answered about another payment", code)
        if fields.has("amt") and fields.won("amt") != amount:
            why = "the cancellation was answered about another sum than was asked"
            return Unknown(why, code, message, there=True, part=True)
        return Undone(code)
    if codes.says_all_gone(code, message) and not payment.refunded:
        return Undone(code, already=True)
    if code in codes.NO_PAYMENT:
        return NothingThere(code)
    if code in codes.TOO_LATE:
        return TooLate(code)
    why = "the cancellation by order was answered with a code that does not prove that it was made"
    return Unknown(why, code, message, there=code in codes.IS_THERE)


def inquiry(payment: Payment, mid: str, reply: Reply) -> Seen | Absent | Unknown:
    """Add up what the inquiry's rows show of a payment (8.4); rows of refusals show nothing. Raises Unreadable."""
    fields, code, message = _head(reply)
    if code in codes.NO_PAYMENT:
        return Absent(code)
    if code != codes.INQUIRED:
        return Unknown("the inquiry was answered with a code that proves nothing", code, message)
    rows = fields.rows("resultData")
    if any(misfit(row, mid, payment.merchant_ref) for row in rows):
        return Unknown("the inquiry shows another payment", code)
    if fields.has("cnt") and fields.won("cnt") > len(rows):
        return Unknown("the inquiry shows fewer rows than it says that there are", code)
    taken = _charges(rows, codes.CAPTURED[codes.METHODS[payment.method]])
    parts = [_amount(row) for row in rows if row.text("resultCd") in codes.GIVEN_BACK]
    if not rows:
        return Absent(code)
    if not taken and any(row.text("resultCd") in _yes_of_others(payment.method) for row in rows):
        return Unknown("the inquiry shows a yes of another way to pay", code)
    if not taken and parts:
        if sum(parts) < (payment.captured or payment.amount):
            return Unknown("the inquiry shows parts given back of a payment that it does not show", code)
        return Seen(sum(parts), sum(parts), {}, {})
    captured = sum(_amount(row) for row in taken)
    whole = [_amount(row) for row in taken if _is_gone(row)]
    for amount in whole:  # a row of its own may tell of the same
        if amount in parts:
            parts.remove(amount)
    held = [row for row in taken if not _is_gone(row)]  # what can be given back
    if held and _is_under_way(rows):
        return Unknown("the inquiry shows a cancellation, and not whether it was made", code)
    most = max(map(_amount, taken), default=0)
    if (not held and 0 < sum(parts) < sum(whole)) or any(amount < most for amount in whole):
        return Unknown("the inquiry shows a part or all of it as given back, and does not tell which", code)
    given_back = sum(whole) + min(sum(parts), captured - sum(whole))
    known = [row for row in held if row.text("tid", "") == payment.refs.get("tid")]
    own = next(iter([*known, *held, *taken]), Fields({}))
    is_account = payment.method is Method.VIRTUAL_ACCOUNT  # its appDtm may be that of its issue
    return Seen(captured, given_back, kept(own), card(own), None if is_account else _paid_at(own))


def _charges(rows: Iterable[Fields], captured: Container[str]) -> list[Fields]:
    """Give the rows of charges, one of each: what says that it was cancelled may be a row beside its own."""
    found: dict[tuple[str, int], Fields] = {}
    for number, row in enumerate(rows):
        if row.text("resultCd") in captured:
            name = (row.text("tid", "") or f"row {number}", _amount(row))
            found[name] = row if name not in found or _is_gone(row) else found[name]
    return list(found.values())


def _is_gone(row: Fields) -> bool:
    said = row.text("cancelYN", "N")
    if said not in ("Y", "N"):
        raise Unreadable("The row's cancelYN is neither Y nor N.")
    return said == "Y"


def _yes_of_others(method: Method) -> frozenset[str]:
    """Give the codes by which another way to pay, which the buyer may have chosen, says that money came or waits."""
    own = codes.CAPTURED[codes.METHODS[method]]
    issued = frozenset() if method is Method.VIRTUAL_ACCOUNT else frozenset({codes.ACCOUNT_ISSUED})
    return issued.union(*codes.CAPTURED.values()) - own


def _is_under_way(rows: Iterable[Fields]) -> bool:
    """Tell whether a row only speaks of a cancellation, or calls it in progress, and none says that it was made."""
    rows = tuple(rows)
    made = {row.text("tid", "") for row in rows if row.text("resultCd") in codes.GIVEN_BACK}
    spoken_of = {codes.IN_PROGRESS, *codes.SPEAK_OF_ONE}
    return any(row.text("resultCd") in spoken_of and row.text("tid", "") not in made for row in rows)
