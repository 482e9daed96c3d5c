"""Mainpay's dialect as its integration guide prints it: ready gives refNo and payUrl, pay takes authCode."""

from collections.abc import Mapping
from datetime import timedelta

from bridge.gateways.mainpay import sandbox_notices as notices
from bridge.gateways.mainpay.sandbox_desk import Session, Till, Trade
from bridge.gateways.mainpay.sandbox_live import refuse_if_told
from bridge.gateways.mainpay.sandbox_tax import most_vat
from bridge.gateways.mainpay.sandbox_words import GUIDE, METHODS, WEB, Refusal, Rule, basics, said
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault

Form = Mapping[str, str]

READY = (
    *basics(),
    Rule("approvalUrl", 500, 1, WEB),
    Rule("closeUrl", 300, 1, WEB),
    Rule("notiUrl", 500, 1, WEB, needed=False),
    Rule("goodsName", 30, needed=False),
    Rule("buyerName", 30, needed=False),
    Rule("buyerEmail", 50, needed=False),
    Rule("buyerTel", 20, needed=False),
)
PAY = (*basics("mchtId"), Rule("refNo", 12, 12), Rule("authCode", 40))
CANCEL = (*basics("mchtId", "cancelAmount"), Rule("refNo", 12, 12), Rule("cancelReason", 200))


def ready(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Open a window; the guide gives a transaction number already here. Raises Refusal.
    (Mainpay integration guide, 결제 준비 API)"""
    refuse_if_told(fault, "1001")
    if till.is_used(GUIDE, form["mbrNo"], form["mbrRefNo"]):
        raise Refusal("1003")
    world = till.world
    now = world.now()
    asked = form.get("paymethod", "CARD")
    session = Session(
        id=till.next_ref_no(),
        dialect=GUIDE,
        merchant=form["mbrNo"],
        merchant_ref=form["mbrRefNo"],
        amount=int(form["amount"]),
        method=asked if asked in METHODS else "CARD",
        goods=form.get("goodsName", ""),
        approval_url=form["approvalUrl"],
        close_url=form["closeUrl"],
        notice_url=form.get("notiUrl", ""),
        merchant_data="",
        customer={
            "name": form.get("buyerName", ""),
            "phone": form.get("buyerTel", ""),
            "email": form.get("buyerEmail", ""),
        },
        vat=most_vat(int(form["amount"])),
        created=now,
        expires=now + timedelta(minutes=till.settings.window_minutes),
        key=world.hex(32),
    )
    till.keep(session)
    url = f"{world.public_url}/mainpay-guide/ui/pay?refNo={session.id}&key={session.key}"
    return Answer(said(GUIDE, "200", "성공", {"refNo": session.id, "tranDate": f"{now:%Y%m%d}", "payUrl": url}))


def pay(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Move the money of an authenticated window. Raises Refusal. (Mainpay integration guide, 결제 승인 API)"""
    if till.is_used(GUIDE, form["mchtId"], form["mbrRefNo"]):
        raise Refusal("1003")
    session = till.sessions.get(form["refNo"])
    if session is None or session.dialect != GUIDE or session.merchant != form["mchtId"]:
        raise Refusal("404")
    if session.merchant_ref != form["mbrRefNo"]:
        raise Refusal("400")
    if not session.token or form["authCode"] != session.token or till.world.now() > session.expires:
        raise Refusal("401")
    if int(form["amount"]) != session.amount:
        raise Refusal("1001")
    refuse_if_told(fault, "2001")
    trade = till.approve(session, form, wrong=fault is not None and fault.kind == "wrong_amount")
    data = {
        "refNo": trade.ref_no,
        "mbrRefNo": session.merchant_ref,
        "tranDate": trade.tran_date,
        "amount": trade.amount,
        "cardNo": guide_card(session),
        "cardCode": session.choice.get("card", ""),
        "installment": int(session.choice.get("installment", "0")),
    }
    if fault is not None and fault.kind == "cross_wired":
        data |= {"mbrRefNo": "OTHER" + session.merchant_ref[-12:], "refNo": till.next_ref_no()}
    sent = [] if trade.account else notices.card_notice(till, trade, notices.APPROVED, trade.ref_no, trade.amount)
    return Answer(said(GUIDE, "200", "성공", data | trade.account), sent)


def guide_card(session: Session) -> str:
    """Mask a card number as the guide prints it."""
    card = session.choice.get("card", "")
    return f"9{card}0-****-****-5678" if card else ""


def cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel the whole amount or a part; an account before its deposit is closed. Raises Refusal.
    (Mainpay integration guide, 취소/환불 기능 구현)"""
    refuse_if_told(fault, "3001")
    session = till.sessions.get(form["refNo"])
    if session is None or session.dialect != GUIDE or session.merchant != form["mchtId"]:
        raise Refusal("404")
    if session.merchant_ref != form["mbrRefNo"]:
        raise Refusal("400")
    trade = till.trades_by_ref.get((GUIDE, session.id))
    if trade is None:
        raise Refusal("3001", "취소 실패 (원거래 없음)")
    amount = int(form["cancelAmount"])
    ref_no = _give_back(till, trade, amount)
    cmd = notices.CANCELLED if trade.cancelled and not trade.parts else notices.PART_CANCELLED
    sent = [] if trade.account else notices.card_notice(till, trade, cmd, ref_no, amount)
    data = {"refNo": ref_no, "mbrRefNo": session.merchant_ref, "cancelAmount": amount}
    return Answer(said(GUIDE, "200", "성공", data | {"tranDate": f"{till.world.now():%Y%m%d}"}), sent)


def _give_back(till: Till, trade: Trade, amount: int) -> str:
    if trade.account and not trade.deposited and not trade.closed:
        if amount != trade.amount:
            raise Refusal("1001")
        trade.closed = True
        return till.next_ref_no()
    if amount == trade.amount and not trade.parts:
        return till.cancel_all(trade, "cancel")
    return till.cancel_part(trade, amount, "cancel")
