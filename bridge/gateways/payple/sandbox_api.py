"""Payple's server calls: the authentication that names an address, and the acts at it."""

from collections.abc import Mapping
from typing import Any

from bridge.gateways.payple import sandbox_notices as notices
from bridge.gateways.payple.sandbox_till import Pass, Till, Trade, masked_card
from bridge.gateways.payple.sandbox_words import (
    BUYER,
    CARD,
    CARDS,
    DATE,
    DIGITS,
    GOODS,
    MONTH,
    NOT_HEARD,
    TOKENS,
    WON,
    YEAR,
    YES,
    ZERO_UP,
    failed,
    message,
    most_vat,
)
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault
from bridge.sandbox.refusals import Refusal, Rule, check

Form = Mapping[str, str]

FLAGS = ("PCD_PAYCANCEL_FLAG", "PCD_PAYCHK_FLAG", "PCD_REGULER_FLAG", "PCD_SIMPLE_FLAG")
_ORDER = Rule("PCD_PAY_OID", 255)
CONFIRM = (*TOKENS, Rule("PCD_PAY_REQKEY", 255), Rule("PCD_PAYER_ID", 255, needed=False))
SIMPLE = (
    *TOKENS,
    Rule("PCD_PAY_TYPE", 20, 1, CARD),
    Rule("PCD_PAYER_ID", 255),
    Rule("PCD_PAYER_NO", 255, 1, DIGITS, needed=False),
    *GOODS,
    _ORDER,
    *BUYER,
)
REGULAR = (
    *SIMPLE,
    Rule("PCD_PAY_YEAR", 4, 4, YEAR),
    Rule("PCD_PAY_MONTH", 2, 2, MONTH),
    Rule("PCD_REGULER_FLAG", 1, 1, YES),
)
MONTHLY = (
    Rule("PCD_REGULER_FLAG", 1, 1, YES, needed=False),
    Rule("PCD_PAY_YEAR", 4, 4, YEAR, needed=False),
    Rule("PCD_PAY_MONTH", 2, 2, MONTH, needed=False),
)
"""Wanted where a regular payment is refunded or looked up. (4. 승인취소, 결제결과 조회)"""
REFUND = (
    *TOKENS,
    *MONTHLY,
    Rule("PCD_REFUND_KEY", 255),
    Rule("PCD_PAYCANCEL_FLAG", 1, 1, YES),
    _ORDER,
    Rule("PCD_PAY_DATE", 8, 8, DATE),
    Rule("PCD_REFUND_TOTAL", 20, 1, WON),
    Rule("PCD_REFUND_TAXTOTAL", 20, 1, ZERO_UP, needed=False),
)
LOOKUP = (
    *TOKENS,
    *MONTHLY,
    Rule("PCD_PAYCHK_FLAG", 1, 1, YES),
    Rule("PCD_PAY_TYPE", 20, 1, CARD),
    _ORDER,
    Rule("PCD_PAY_DATE", 8, 8, DATE),
)
USER = {
    "user_info": (*TOKENS, Rule("PCD_PAYER_ID", 255), Rule("PCD_PAYER_NO", 255, 1, DIGITS)),
    "user_delete": (*TOKENS, Rule("PCD_PAYER_ID", 255), Rule("PCD_PAYER_NO", 255, 1, DIGITS, needed=False)),
}
"""The customer's number is wanted to be shown a card, and not to delete it. (5., 6.)"""

ADDRESSES: Mapping[str, str] = {
    "window": "/index.php?ACT_=PAYM",
    "regular": "/php/RePayCardAct.php?ACT_=PAYM",
    "simple": "/php/SimplePayCardAct.php?ACT_=PAYM",
    "refund": "/php/account/api/cPayCAct.php",
    "lookup": "/php/PayChkAct.php",
    "user_info": "/php/cPayUser/api/cPayUserAct.php?ACT_=PUSERINFO",
    "user_delete": "/php/cPayUser/api/cPayUserAct.php?ACT_=PUSERDEL",
    "confirm": "/php/PayCardConfirmAct.php?ACT_=PAYM",
}


def purpose_of(form: Form) -> str:
    """Tell by its flags what an authentication is for; empty where they say nothing, or two things at once. (card
    manual, 가맹점 인증)"""
    if sum(form.get(name) == "Y" for name in FLAGS) > 1:
        return ""
    if form.get("PCD_PAYCANCEL_FLAG") == "Y":
        return "refund"
    if form.get("PCD_PAYCHK_FLAG") == "Y":
        return "lookup"
    work = form.get("PCD_PAY_WORK", "")
    if work in ("PUSERINFO", "PUSERDEL"):
        return "user_info" if work == "PUSERINFO" else "user_delete"
    charges = form.get("PCD_REGULER_FLAG") == "Y" or form.get("PCD_SIMPLE_FLAG") == "Y"
    if form.get("PCD_PAY_TYPE", "" if charges else "card") != "card" or work not in ("", "PAY", "CERT", "AUTH"):
        return ""
    if form.get("PCD_REGULER_FLAG") == "Y":
        return "regular"
    if form.get("PCD_SIMPLE_FLAG") == "Y":
        return "simple"
    return "window" if work or form.get("PCD_PAY_TYPE") else ""


def address(till: Till, granted: Pass, purpose: str) -> tuple[str, str]:
    """Give host and path of an act; the path is another each time, where it changes."""
    way = f"/{granted.way}" if granted.way else ""
    return till.world.public_url, f"/payple{way}{ADDRESSES[purpose]}"


def granted_answer(till: Till, granted: Pass) -> dict[str, Any]:
    """Write what auth.php says of a pass, in the field names of today or of the manual's first edition."""
    host, path = address(till, granted, granted.purpose)
    old = till.settings.old_names and granted.purpose in ("window", "regular", "simple")
    names = ("cPayHost", "cPayUrl") if old else ("PCD_PAY_HOST", "PCD_PAY_URL")
    return {
        "result": "success",
        "result_msg": "사용자 인증완료",
        "cst_id": granted.cst_id,
        "custKey": granted.cust_key,
        "AuthKey": granted.auth_key,
        **dict(zip(names, (host, path), strict=True)),
        "return_url": host + path,
    }


def confirm(till: Till, form: Form, way: str, fault: Fault | None) -> Answer:
    """Move the money of a window that was opened with CERT; its key works once. Raises Refusal. (1-1)"""
    session = next((one for one in till.sessions.values() if one.req_key == form["PCD_PAY_REQKEY"]), None)
    if session is None or session.granted.auth_key != form["PCD_AUTH_KEY"]:
        raise Refusal("CPAY0002")
    till.check_pass(form, "confirm", way)
    if session.done:
        raise Refusal("CPAY0002", "이미 사용된 승인 키")
    if session.form["PCD_CARD_VER"] == "01" and form.get("PCD_PAYER_ID") != session.payer:
        raise Refusal("SPCD0001")
    till.check_order(session.granted.merchant, session.form["PCD_PAY_OID"])
    session.done = True
    return charged(till, session.granted.merchant, session.form, session.choice, session.payer, "confirm", fault)


def charge(till: Till, form: Form, way: str, fault: Fault | None, purpose: str) -> Answer:
    """Charge a registered card, monthly or at will. Raises Refusal. (3.)"""
    granted = till.check_pass(form, purpose, way)
    payer = till.payers.get(form["PCD_PAYER_ID"])
    if payer is None or payer["merchant"] != granted.merchant:
        raise Refusal("SPCD0001")
    till.check_order(granted.merchant, form["PCD_PAY_OID"])
    till.check_least(int(form["PCD_PAY_TOTAL"]))
    check_tax(form)
    month = (form["PCD_PAYER_ID"], form.get("PCD_PAY_YEAR", ""), form.get("PCD_PAY_MONTH", ""))
    if purpose == "regular" and month in till.months:
        raise Refusal("CPAY0008")
    answer = charged(till, granted.merchant, form, {"card": payer["card"]}, form["PCD_PAYER_ID"], purpose, fault)
    if purpose == "regular":
        till.months.add(month)
    return answer


def check_tax(form: Form) -> None:
    """Refuse VAT that is more than the amount, or on what is free of it. Raises Refusal."""
    tax = int(form.get("PCD_PAY_TAXTOTAL") or 0)
    if tax > most_vat(int(form["PCD_PAY_TOTAL"])) or (tax and form.get("PCD_PAY_ISTAX") == "N"):
        raise Refusal("CPAY0001", "파라미터 오류 (PCD_PAY_TAXTOTAL)")


def charged(till: Till, merchant: str, form: Form, choice: Form, payer: str, by: str, fault: Fault | None) -> Answer:
    """Take the money and tell of it, or go wrong as the fault says. Raises Refusal."""
    told = fault.code or "CPAY0004" if fault is not None and fault.kind == "decline" else ""
    if told and told not in NOT_HEARD:
        raise Refusal(told, fault.message if fault else "")
    wrong = fault is not None and fault.kind == "wrong_amount"
    trade = till.take(merchant, form, choice, payer, by=by, wrong=wrong, late=bool(told))
    sent = notices.made(till, trade)
    if told:
        return Answer(failed(told, PCD_PAY_OID=trade.order, PCD_PAY_TYPE="card"), sent)
    said = notices.approved(till, trade)
    if fault is not None and fault.kind == "cross_wired":
        said["PCD_PAY_OID"] = "OTHER" + trade.order[-12:]
    return Answer(said, sent)


def refund(till: Till, form: Form, way: str, fault: Fault | None) -> Answer:
    """Give back all or a part. Raises Refusal. (4. 승인취소)"""
    granted = till.check_pass(form, "refund", way)
    if form["PCD_REFUND_KEY"] != till.settings.merchants[granted.merchant]["refund_key"]:
        raise Refusal("CPAY0002", "취소요청 키 불일치")
    trade = till.trades.get((granted.merchant, form["PCD_PAY_OID"]))
    if trade is None or trade.day != form["PCD_PAY_DATE"] or not trade.is_month_of(form):
        raise Refusal("PAYC0001")
    if fault is not None and fault.kind == "decline":
        raise Refusal(fault.code or "PAYC0005", fault.message)
    amount = int(form["PCD_REFUND_TOTAL"])
    told = form.get("PCD_REFUND_TAXTOTAL")
    till.refund(trade, amount, "refund", int(told) if told else None)
    return Answer(notices.refunded(trade, amount), notices.made(till, trade, amount))


def lookup(till: Till, form: Form, way: str, _fault: Fault | None) -> Answer:
    """Tell of the payment of an order number on a day in Korea. Raises Refusal. (결제결과 조회)"""
    granted = till.check_pass(form, "lookup", way)
    trade = till.trades.get((granted.merchant, form["PCD_PAY_OID"]))
    if trade is None or trade.day != form["PCD_PAY_DATE"] or not trade.is_month_of(form):
        raise Refusal("PCHK0001")
    if till.world.now() < trade.seen_from:
        raise Refusal("PCHK0001")
    said = notices.approved(till, trade) | {"PCD_PAY_CODE": "0000", "PCD_PAY_MSG": "조회완료"}
    if till.settings.lookup_shows_refunds:
        said["PCD_REFUND_TOTAL"] = trade.refunded
    return Answer(said)


def user(till: Till, form: Form, way: str, _fault: Fault | None, purpose: str) -> Answer:
    """Show a registered card, or delete it. Raises Refusal. (5. 등록카드 해지, 6. 등록카드 조회)"""
    check(form, USER[purpose], "CPAY0001")
    granted = till.check_pass(form, purpose, way)
    payer = till.payers.get(form["PCD_PAYER_ID"])
    if payer is None or payer["merchant"] != granted.merchant:
        raise Refusal("SPCD0001")
    base = {"PCD_PAY_RST": "success", "PCD_PAY_TYPE": "card", "PCD_PAYER_ID": form["PCD_PAYER_ID"]}
    base["PCD_PAYER_NO"] = form.get("PCD_PAYER_NO", "")
    if purpose == "user_delete":
        del till.payers[form["PCD_PAYER_ID"]]
        return Answer({**base, "PCD_PAY_MSG": "해지완료", "PCD_PAY_WORK": "PUSERDEL"})
    names = ("PCD_PAY_BANK", "PCD_PAY_BANKNAME", "PCD_PAY_BANKNUM") if till.settings.old_names else (
        "PCD_PAY_CARD", "PCD_PAY_CARDNAME", "PCD_PAY_CARDNUM",
    )  # fmt: skip
    card = payer["card"]
    shown = dict(zip(names, (card, CARDS.get(card, ""), masked_card(card)), strict=True))
    person = {"PCD_PAYER_NAME": payer["name"], "PCD_PAYER_HP": _masked_phone(payer["phone"])}
    return Answer({**base, "PCD_PAY_CODE": "0000", "PCD_PAY_MSG": message("0000"), **person, **shown})


def _masked_phone(number: str) -> str:
    return f"{number[:3]}-****-{number[-4:]}" if len(number) > 7 else ""


def trade_of(till: Till, order: object) -> list[Trade]:
    """Find the payments of an order number, whosever they are."""
    return [trade for (_, name), trade in till.trades.items() if name == order]
