"""Mainpay's live dialect: window API (ready, pay, net-cancel) and direct API (cancel, part-cancel)."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bridge.gateways.mainpay import sandbox_notices as notices
from bridge.gateways.mainpay import sandbox_tax as tax
from bridge.gateways.mainpay.sandbox_desk import Session, Till, Trade
from bridge.gateways.mainpay.sandbox_tax import TAX
from bridge.gateways.mainpay.sandbox_words import (
    DATE6,
    EMAIL,
    GATEWAY,
    INSTALLMENT_MIN_WON,
    LIVE,
    METHOD,
    PLAIN,
    VERSION,
    WEB,
    Refusal,
    Rule,
    basics,
    check,
    said,
)
from bridge.sandbox.calls import Answer
from bridge.sandbox.clock import KST
from bridge.sandbox.faults import Fault

Form = Mapping[str, str]

MONTHS = "(?:0[2-9]|1[0-9]|2[0-4])"
READY = (
    *basics(),
    Rule("version", 4, 3, VERSION),
    Rule("paymethod", 10, 1, METHOD),
    Rule("goodsName", 30, 1, PLAIN),
    Rule("goodsCode", 8),
    Rule("approvalUrl", 500, 1, WEB),
    Rule("closeUrl", 300, 1, WEB),
    Rule("customerName", 30, 1, PLAIN),
    Rule("customerEmail", 50, 1, EMAIL),
    Rule("customerTelNo", 12, needed=False),
    Rule("merchantData", 500, needed=False),
    TAX,
    Rule("availableInstallment", 60, 2, re.compile(f"{MONTHS}(:{MONTHS})*"), needed=False),
    Rule("availableCards", 500, needed=False),
)
PAY = (
    *basics(),
    Rule("version", 4, 3, VERSION),
    Rule("paymethod", 10, 1, METHOD),
    Rule("aid", 40, 40, re.compile(r"aid[0-9a-f]+")),
    Rule("authToken", 40, 40, re.compile(r"AUTH[0-9a-f]+")),
    Rule("payType", 2),
    Rule("merchantData", 500, least=0),
    TAX,
)
CANCEL = (
    *basics(),
    Rule("version", 4, 3, VERSION),
    Rule("paymethod", 10, 1, METHOD),
    Rule("orgTranDate", 6, 6, DATE6),
    Rule("payType", 2, needed=False),
    Rule("isNetCancel", 1, 1, re.compile("[YN]")),
    TAX,
)
ORIGINAL = (Rule("orgRefNo", 12, 12),)
PART_CANCEL = (*CANCEL, *ORIGINAL, Rule("isNetCancel", 1, 1, re.compile("N")))


def ready(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Open a window for fifteen minutes. The same order number may be readied again. Raises Refusal."""
    refuse_if_told(fault, "1001")
    world = till.world
    now = world.now()
    told = tax.told_vat(form)
    months = form.get("availableInstallment", "")
    if months and int(form["amount"]) < INSTALLMENT_MIN_WON:
        raise Refusal("400", "잘못된 요청 (availableInstallment)")
    session = Session(
        id="aid" + world.hex(37),
        dialect=LIVE,
        merchant=form["mbrNo"],
        merchant_ref=form["mbrRefNo"],
        amount=int(form["amount"]),
        method=form["paymethod"],
        goods=form["goodsName"],
        approval_url=form["approvalUrl"],
        close_url=form["closeUrl"],
        notice_url=form.get("notiUrl", ""),
        merchant_data=form.get("merchantData", ""),
        customer={
            "name": form["customerName"],
            "phone": form.get("customerTelNo", ""),
            "email": form["customerEmail"],
        },
        vat=tax.most_vat(int(form["amount"])) if told is None else told,
        told_vat=told,
        months=tuple(months.split(":")) if months else (),
        created=now,
        expires=now + timedelta(minutes=till.settings.window_minutes),
        key="",
    )
    session.key = session.id  # as seen: the address carries the aid twice
    till.keep(session)
    pages = {
        name: f"{world.public_url}/mainpay/ui/{device}?aid={session.id}&key={session.key}"
        for name, device in (("nextMobileUrl", "mobile"), ("nextPcUrl", "pc"), ("nextAppUrl", "app"))
    }
    times = {"createTime": local_time(now), "expireTime": local_time(session.expires)}
    return Answer(said(LIVE, "200", "OK", {"aid": session.id, **pages, **times}))


def local_time(moment: datetime) -> str:
    """Write a moment as Mainpay does: Korean time, milliseconds, no offset."""
    return moment.astimezone(KST).replace(tzinfo=None).isoformat(timespec="milliseconds")


def pay(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Move the money of an authenticated window, or issue its account. Raises Refusal."""
    if till.is_used(LIVE, form["mbrNo"], form["mbrRefNo"]):
        raise Refusal("ma")
    session = till.sessions.get(form["aid"])
    if session is None or session.dialect != LIVE or session.merchant != form["mbrNo"]:
        raise Refusal("404")
    if not session.token or form["authToken"] != session.token or till.world.now() > session.expires:
        raise Refusal("401")
    if int(form["amount"]) != session.amount:
        raise Refusal("1001")
    asked = (form["mbrRefNo"], form["paymethod"], form["payType"], form["merchantData"])
    if asked != (session.merchant_ref, session.method, session.pay_type, session.merchant_data):
        raise Refusal("400")
    tax.check_repeated(session, form)
    refuse_if_told(fault, "2001")
    trade = till.approve(session, form, wrong=fault is not None and fault.kind == "wrong_amount")
    data = receipt(till, trade)
    if fault is not None and fault.kind == "cross_wired":
        data |= {"mbrRefNo": "OTHER" + session.merchant_ref[-12:], "refNo": till.next_ref_no()}
    sent = [] if trade.account else notices.card_notice(till, trade, notices.APPROVED, trade.ref_no, trade.amount)
    return Answer(said(LIVE, "200", "정상처리", data), sent)


def receipt(till: Till, trade: Trade) -> dict[str, Any]:
    """Make what an approval answers."""
    session = trade.session
    card = "" if till.settings.empty_card_fields else session.choice.get("card", "")
    name = notices.card_name(LIVE, card)
    customer = session.customer
    data: dict[str, Any] = {
        "mbrNo": session.merchant,
        "mbrRefNo": session.merchant_ref,
        "refNo": trade.ref_no,
        "tranDate": trade.tran_date,
        "tranTime": trade.tran_time,
        "goodsName": session.goods,
        "amount": trade.amount,
        "taxAmount": session.vat,
        "feeAmount": 0,
        "taxFreeAmount": tax.tax_free(session),
        "greenDepositAmount": 0,
        "installment": session.choice.get("installment", "") if card else "",
        "customerName": customer["name"],
        "customerTelNo": customer["phone"],
        "applNo": trade.ref_no[-6:] + "00" if card else "",
        "cardNo": notices.shown_card(session) if card else "",
        "issueCompanyNo": card,
        "issueCompanyName": name,
        "issueCardName": name,
        "acqCompanyNo": card,
        "acqCompanyName": name,
        "payType": session.pay_type,
        "custommerName": customer["name"],
        "custommerTelNo": customer["phone"],
    }
    return data | trade.account


def net_cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Reverse a payment whose answer was lost; asked with exactly the parameters of pay. Raises Refusal."""
    refuse_if_told(fault, "3001")
    trade = till.trade_of(LIVE, form["mbrNo"], form["mbrRefNo"])
    session = till.sessions.get(form["aid"])
    if trade is None or session is not trade.session:
        _block(till, form, trade)
        raise Refusal(till.settings.net_cancel_nothing_code)
    if till.settings.net_cancel_must_match and dict(form) != session.pay_form:
        raise Refusal("400", "잘못된 요청 (승인 요청과 다른 파라미터)")
    return _undone(till, trade, form, "net_cancel")


def _block(till: Till, form: Form, trade: Trade | None) -> None:
    """Stop a payment that is still on its way; one without a window has no book yet."""
    if trade is None and till.settings.net_cancel_blocks:
        till.world.bank.open(GATEWAY, LIVE, form["mbrNo"], form["mbrRefNo"], int(form["amount"])).blocked = True


def _undone(till: Till, trade: Trade, form: Form, by: str) -> Answer:
    moved = till.undo(trade, by) and not trade.account
    ref_no = trade.book.refunds[-1].ref_no if trade.book.refunds else till.next_ref_no()
    sent = notices.card_notice(till, trade, notices.CANCELLED, ref_no, trade.amount) if moved else []
    return Answer(said(LIVE, "200", "정상처리", cancel_data(till, form, ref_no)), sent)


def cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel the whole amount; with isNetCancel=Y by order number, after a lost answer. Raises Refusal."""
    refuse_if_told(fault, "3001")
    if form["isNetCancel"] == "Y":
        if form.get("orgRefNo"):
            raise Refusal("400", "잘못된 요청 (orgRefNo)")  # the order's number is all that such a cancel knows
        trade = till.trade_of(LIVE, form["mbrNo"], form["mbrRefNo"])
        if trade is None:
            _block(till, form, None)
            raise Refusal(till.settings.net_cancel_nothing_code)
        _check_original(trade, form)
        return _undone(till, trade, form, "cancel_by_order")
    check(form, ORIGINAL)
    trade = _original(till, form)
    vat = tax.vat_of_cancel(trade, form, whole=True)
    ref_no = till.cancel_all(trade, "cancel")
    trade.vat_back += vat
    sent = notices.card_notice(till, trade, notices.CANCELLED, ref_no, trade.amount)
    return Answer(said(LIVE, "200", "정상처리", cancel_data(till, form, ref_no)), sent)


def part_cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel a part; every repeat cancels as much again while something is left. Raises Refusal."""
    refuse_if_told(fault, "3001")
    trade = _original(till, form, whole=False)
    amount = int(form["amount"])
    vat = tax.vat_of_cancel(trade, form, whole=False)
    ref_no = till.cancel_part(trade, amount, "part_cancel")
    trade.vat_back += vat
    sent = notices.card_notice(till, trade, notices.PART_CANCELLED, ref_no, amount)
    return Answer(said(LIVE, "200", "정상처리", cancel_data(till, form, ref_no)), sent)


def _original(till: Till, form: Form, whole: bool = True) -> Trade:
    trade = till.trades_by_ref.get((LIVE, form["orgRefNo"]))
    if trade is None or trade.session.merchant != form["mbrNo"]:
        raise Refusal("3001", "취소 실패 (원거래 없음)")
    if form["mbrRefNo"] != trade.session.merchant_ref and till.trade_of(LIVE, form["mbrNo"], form["mbrRefNo"]):
        raise Refusal("ma")  # neither a new number nor the original's, but another order's
    _check_original(trade, form, whole)
    return trade


def _check_original(trade: Trade, form: Form, whole: bool = True) -> None:
    if form["orgTranDate"] != trade.tran_date or form["paymethod"] != trade.session.method:
        raise Refusal("3001", "취소 실패 (원거래 정보 불일치)")
    if form.get("payType", "") not in ("", trade.session.pay_type):
        raise Refusal("3001", "취소 실패 (원거래 정보 불일치)")
    if whole and int(form["amount"]) != trade.amount:
        raise Refusal("1001")


def cancel_data(till: Till, form: Form, ref_no: str) -> dict[str, Any]:
    """Make what a cancellation answers."""
    now = till.world.now()
    return {
        "mbrNo": form["mbrNo"],
        "mbrRefNo": form["mbrRefNo"],
        "refNo": ref_no,
        "tranDate": f"{now:%y%m%d}",
        "tranTime": f"{now:%H%M%S}",
    }


def without_window(
    till: Till, form: Form, method: str, choice: dict[str, str], pay_type: str = "", told: int | None = None
) -> Session:
    """Begin a payment that no window is opened for, and its book."""
    now = till.world.now()
    customer = {
        "name": form["customerName"],
        "phone": form.get("customerTelNo", ""),
        "email": form.get("customerEmail", ""),
    }
    amount = int(form["amount"])
    session = Session(
        "direct" + till.world.hex(34),
        LIVE,
        form["mbrNo"],
        form["mbrRefNo"],
        amount,
        method,
        form["goodsName"],
        approval_url="",
        close_url="",
        notice_url=form.get("notiUrl", ""),
        merchant_data="",
        customer=customer,
        vat=tax.most_vat(amount) if told is None else told,
        told_vat=told,
        created=now,
        expires=now,
        key="",
        choice=choice,
        direct=pay_type,
    )
    till.keep(session)
    return session


def refuse_if_told(fault: Fault | None, code: str) -> None:
    """Refuse where the armed fault says so, with its code or the usual one. Raises Refusal."""
    if fault is not None and fault.kind == "decline":
        raise Refusal(fault.code or code, fault.message)
