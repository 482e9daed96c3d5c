"""Pay-Story's server calls: approve what the window authenticated, billing keys, charges, cancellations."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from bridge.gateways.paystory import sandbox_notices as notices
from bridge.gateways.paystory.sandbox_desk import Bill, Session, Till, Trade
from bridge.gateways.paystory.sandbox_tax import vat_of
from bridge.gateways.paystory.sandbox_words import (
    AMOUNT,
    BASICS,
    BUYER,
    CARD_MIN_WON,
    CARDS,
    DIGITS,
    HEX,
    INSTALLMENT_MIN_WON,
    ISSUERS,
    METHOD,
    ORDER,
    OTHER,
    OWNER_DIGITS,
    REFUSED,
    WEB,
    check_hash,
    digest,
    said,
)
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault
from bridge.sandbox.refusals import Refusal, Rule, check

Form = Mapping[str, str]

_HASH = Rule("encData", 64, 64, HEX)
APPROVE = (
    *BASICS,
    Rule("tid", 30, 30),
    Rule("goodsAmt", 15, 1, AMOUNT),
    Rule("charSet", 10, 1, re.compile("utf-8|euc-kr", re.IGNORECASE), needed=False),
    _HASH,
    Rule("signData", 256),
)
_CHARGED = (
    *BASICS,
    Rule("PayMethod", 20, 1, METHOD),
    Rule("trxCd", 2, 1, re.compile("0")),
    Rule("ordNo", 40, 1, ORDER),
    Rule("goodsNm", 100),
    Rule("goodsAmt", 15, 1, AMOUNT),
    Rule("quotaMon", 2, 2, re.compile(r"00|0[2-9]|1[0-2]"), code="3022"),
    *BUYER,
    Rule("noIntFlg", 2, 1, re.compile("0")),
    Rule("pointFlg", 1, 1, re.compile("0")),
    _HASH,
)
BILL = (
    *_CHARGED,
    Rule("bid", 30),
    Rule("mbsReserved", 500, needed=False),
    Rule("mbsUsrId", 20, needed=False),
    Rule("notiUrl", 200, 1, WEB, needed=False),
)
REGIST = (
    *_CHARGED,
    Rule("cpCd", 4, 2, DIGITS),
    Rule("cardTypeCd", 2, 2, re.compile("01|02")),
    Rule("cardNo", 20, 14, DIGITS, code="3011"),
    Rule("expireYymm", 4, 4, re.compile(r"[0-9]{2}(0[1-9]|1[0-2])"), code="3021"),
    Rule("ordAuthNo", 10, 6, DIGITS),
    Rule("cardPw", 2, 2, DIGITS),
    Rule("reqType", 1, 1, re.compile("0")),
)
DELETE = (*BASICS, Rule("bid", 30), _HASH)
CANCEL = (
    *BASICS,
    Rule("payMethod", 20, 1, METHOD),  # the billing guide's 10 bytes know CARD and PHONE; CULTUREGIFT has 11
    Rule("canAmt", 64, 1, re.compile(r"-?[0-9]+", re.ASCII)),
    Rule("canMsg", 100),
    Rule("partCanFlg", 20, 1, re.compile("[01]")),
    Rule("canId", 10, needed=False),
    Rule("canNm", 30, needed=False),
    Rule("canIp", 20, needed=False),
    Rule("notiUrl", 200, 1, WEB, needed=False),
    _HASH,
)


def approve(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Do what the buyer has authenticated: take money, issue an account, or a billing key. Raises Refusal."""
    session = till.sessions.get(form["tid"])
    if session is None or session.form["mid"] != form["mid"] or not session.sign_data:
        raise Refusal(OTHER, "기타오류 (인증 내역 없음)")
    check_hash(till.settings.merchants, form, form["goodsAmt"])
    if form["ediDate"] != session.form["ediDate"] or form["signData"] != session.sign_data:
        raise Refusal(OTHER, "기타오류 (인증 정보 불일치)")
    if int(form["goodsAmt"]) != session.amount:
        raise Refusal(REFUSED.get(session.method, OTHER), "결제 실패 (금액 불일치)")
    if session.used:
        raise Refusal(OTHER, "기타오류 (처리된 거래)")
    if till.world.now() > session.expires:
        raise Refusal(OTHER, "기타오류 (인증 시간 초과)")
    if session.method == "CARD" and session.amount == 0:
        return _issue(till, session, fault)
    till.check_order(form["mid"], session.form["ordNo"])
    session.used = True
    _refuse_if_told(till, session.form, session.method, session.amount, fault, session.id)
    wrong = 1_000 if fault is not None and fault.kind == "wrong_amount" else 0
    trade = till.take(session.id, session.form, session.method, session.amount + wrong, session.choice, "approve")
    more = {}
    if session.method == "PHONE" and session.form.get("billHpFlg") == "1":
        bill = _keep_bill(till, session.form, session.method, session.amount, session.choice)
        told = _issued(till, bill)
        more = {name: told[name] for name in ("bid", "ordTel", "hashStr")}  # besides a charge's own (guide 4.4)
    return _approved(trade, fault, more, [] if trade.account else notices.made(till, trade))


def _issue(till: Till, session: Session, fault: Fault | None) -> Answer:
    if fault is not None and fault.kind == "decline":
        raise Refusal(fault.code or "F005", fault.message)
    session.used = True
    bill = _keep_bill(till, session.form, "CARD", 0, session.choice)
    return Answer(_issued(till, bill))


def _keep_bill(till: Till, form: Form, method: str, amount: int, choice: Mapping[str, str], secret: str = "") -> Bill:
    bid = till.next_bid(form["mid"])
    till.bills[bid] = Bill(bid, form["mid"], method, amount, till.world.now(), dict(form), dict(choice), secret)
    return till.bills[bid]


def _issued(till: Till, bill: Bill) -> dict[str, Any]:
    card = bill.choice.get("card", "")
    form = bill.form
    return said(
        "F011",
        payMethod=bill.method,
        mid=bill.merchant,
        appDtm=f"{bill.at:%Y%m%d%H%M%S}",
        ordNo=form["ordNo"],
        ordNm=form["ordNm"],
        ordTel=notices.masked_phone(form["ordTel"]),
        fnNm=CARDS.get(card, ""),
        appCardCd=card,
        acqCardCd=card,
        cardNo=bill.choice.get("number", "") or notices.masked_card(card),
        mbsReserved=form.get("mbsReserved", ""),
        mbsUsrId=form.get("mbsUsrId", ""),
        bid=bill.bid,
        hashStr=digest(bill.merchant, form["ediDate"], str(bill.amount), till.settings.merchants[bill.merchant][0]),
    )


def _approved(trade: Trade, fault: Fault | None, more: Form, sent: list[Any]) -> Answer:
    order = trade.order
    if fault is not None and fault.kind == "cross_wired":
        order = "OTHER" + order[-12:]
    shown = {
        "payMethod": trade.method,
        "tid": trade.tid,
        "mid": trade.merchant,
        "ediDate": trade.form["ediDate"],
        "appDtm": f"{trade.at:%Y%m%d%H%M%S}",
        "ordNo": order,
        "goodsName": trade.form["goodsNm"],
        "amt": str(trade.amount),
        "ordNm": trade.form["ordNm"],
        "cancelYN": "N",
        "mbsReserved": trade.form.get("mbsReserved", ""),
        "mbsUsrId": trade.form.get("mbsUsrId", ""),
        **notices.own_fields(trade),
    }
    shown["sochpNo"] = shown.pop("socHpNo", "")
    shown.pop("cashCrctFlg", None)  # only a notice has it (guide 10)
    return Answer(said(trade.code, **shown, **more), sent)


def charge(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Charge a billing key. Raises Refusal."""
    check_hash(till.settings.merchants, form, form["goodsAmt"])
    amount, method = int(form["goodsAmt"]), form["PayMethod"]
    bill = till.bills.get(form["bid"])
    if bill is None or bill.deleted or bill.merchant != form["mid"] or bill.method != method:
        raise Refusal("F002")
    till.check_order(form["mid"], form["ordNo"])
    if method == "CARD" and amount < CARD_MIN_WON:
        raise Refusal("3041")
    if form["quotaMon"] != "00" and amount < INSTALLMENT_MIN_WON:
        raise Refusal("3024")
    vat_of(form, amount, OTHER)
    if method == "PHONE":
        till.check_phone_bill(bill, amount)
    _refuse_if_told(till, form, method, amount, fault)
    wrong = 1_000 if fault is not None and fault.kind == "wrong_amount" else 0
    tid = till.next_tid(form["mid"], method)
    choice = {**bill.choice, "installment": form["quotaMon"]}
    trade = till.take(tid, form, method, amount + wrong, choice, "bill")
    return _approved(trade, fault, {}, notices.made(till, trade))


def _refuse_if_told(till: Till, form: Form, method: str, amount: int, fault: Fault | None, tid: str = "") -> None:
    if fault is not None and fault.kind == "decline":
        code = fault.code or REFUSED.get(method, OTHER)
        till.refused(form, method, amount, code, tid)
        raise Refusal(code, fault.message)


def register(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Issue a billing key for a card number typed on the shop's own page. Raises Refusal. (guide 14)"""
    check_hash(till.settings.merchants, form, form["goodsAmt"])
    if form["PayMethod"] != "CARD" or form["goodsAmt"] != "0" or form["quotaMon"] != "00":
        raise Refusal("F005")
    if form["expireYymm"] < f"{till.world.now():%y%m}":
        raise Refusal("3021")
    if form["cpCd"] not in ISSUERS:
        raise Refusal(OTHER, "기타오류 (cpCd)")
    if len(form["ordAuthNo"]) != OWNER_DIGITS[form["cardTypeCd"]]:
        raise Refusal(OTHER, "기타오류 (ordAuthNo)")
    if fault is not None and fault.kind == "decline":
        raise Refusal(fault.code or "F005", fault.message)
    secret = hashlib.sha256(form["cardNo"].encode()).hexdigest()
    if any(one.secret == secret and one.merchant == form["mid"] and not one.deleted for one in till.bills.values()):
        raise Refusal("F004")
    masked = f"{form['cardNo'][:6]}******{form['cardNo'][-4:]}"
    kept = {name: value for name, value in form.items() if name not in ("cardNo", "cardPw", "ordAuthNo", "expireYymm")}
    return Answer(_issued(till, _keep_bill(till, kept, "CARD", 0, {"card": form["cpCd"], "number": masked}, secret)))


def delete(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Delete a billing key for ever. Raises Refusal."""
    check_hash(till.settings.merchants, form, form["bid"])
    bill = till.bills.get(form["bid"])
    if bill is None or bill.deleted or bill.merchant != form["mid"]:
        raise Refusal("F002")
    if fault is not None and fault.kind == "decline":
        raise Refusal(fault.code or "F008", fault.message)
    bill.deleted = True
    return Answer(said("F012", appDtm=f"{till.world.now():%Y%m%d%H%M%S}", mid=form["mid"], bid=bill.bid))


def cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel all or a part, by tid, or by order number after a lost answer. Raises Refusal. (guide 7)"""
    check_hash(till.settings.merchants, form, form["canAmt"])
    amount = int(form["canAmt"])
    if amount <= 0:
        raise Refusal("2010")
    vat = vat_of(form, amount, "2011")
    by_order = form.get("ordNoChk") == "Y"
    trade = _of_order(till, form) if by_order else till.trades.get(form.get("tid", ""))
    if trade is None or not trade.approved:
        raise Refusal("2012")
    if trade.merchant != form["mid"]:
        raise Refusal("2019")
    if trade.method != form["payMethod"]:
        raise Refusal("2014")
    slow = fault is not None and fault.kind == "decline" and fault.code == "2002"
    if fault is not None and fault.kind == "decline" and not slow:
        raise Refusal(fault.code or "2003", fault.message)
    part = form["partCanFlg"] == "1"
    code, tid, sent = "2001", trade.tid, []
    if trade.account and trade.deposited is None:
        _void(trade, amount)
        code = "4200"
    else:
        if trade.account:
            _check_payee(form)
            code = "2211"
        done = till.cancel(trade, amount, part, "cancel_by_order" if by_order else "cancel", vat)
        tid, sent = done.tid, notices.made(till, trade, done, form.get("notiUrl", ""))
    if slow:
        return Answer(said("2002"), sent)
    return Answer(
        said(
            code,
            payMethod=trade.method,
            oTid=trade.tid,
            tid=tid,
            appDtm=f"{till.world.now():%Y%m%d%H%M%S}",
            ordNo=trade.order,
            amt=str(amount),
            cancelYN="Y",
            mid=trade.merchant,
        ),
        sent,
    )


def _of_order(till: Till, form: Form) -> Trade:
    if not form.get("ordNo"):
        raise Refusal("0001")
    if till.settings.orders_may_repeat:
        raise Refusal("0003")
    found = till.of_order(form["mid"], form["ordNo"])
    if not found:
        if till.settings.order_cancel_blocks:
            till.book(form["mid"], form["ordNo"], int(form["canAmt"])).blocked = True
        raise Refusal("0002")
    limit = till.settings.net_cancel_seconds
    if limit and (till.world.now() - found[0].at).total_seconds() > limit:
        raise Refusal("2020")
    return found[0]


def _void(trade: Trade, amount: int) -> None:
    if trade.voided:
        raise Refusal("2013")
    if amount != trade.amount:
        raise Refusal("2011")
    trade.voided = True


def _check_payee(form: Form) -> None:
    payee = (Rule("refundBankCd", 3, 3, DIGITS), Rule("refundAccnt", 20, 6, DIGITS), Rule("refundNm", 30))
    check(form, payee, "2003")
