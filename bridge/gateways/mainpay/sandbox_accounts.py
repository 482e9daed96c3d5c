"""Mainpay's accounts without a window in its sandbox: issued (vacct/publish), closed unpaid (vacct/cancel)."""

from collections.abc import Mapping

from bridge.gateways.mainpay import sandbox_live as live
from bridge.gateways.mainpay.sandbox_desk import Till
from bridge.gateways.mainpay.sandbox_words import (
    ACCOUNT_BANKS,
    DATE6,
    DIGITS,
    EMAIL,
    LIVE,
    PLAIN,
    VERSION,
    Refusal,
    Rule,
    basics,
    is_day,
    said,
)
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault

Form = Mapping[str, str]

PUBLISH = (
    *basics(),
    Rule("version", 4, 3, VERSION),
    Rule("bankCode", 2, 2, ACCOUNT_BANKS),
    Rule("accountCloseDate", 6, 6, DATE6),
    Rule("goodsName", 30, 1, PLAIN),
    Rule("customerName", 30, 1, PLAIN),
    Rule("customerEmail", 50, 1, EMAIL, needed=False),
    Rule("customerTelNo", 12, needed=False),
)
CLOSE = (
    *basics(),
    Rule("version", 4, 3, VERSION),
    *live.ORIGINAL,
    Rule("orgTranDate", 6, 6, DATE6),
    Rule("accountNo", 20, 1, DIGITS),
)


def publish(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Issue a virtual account without a window. Raises Refusal."""
    live.refuse_if_told(fault, "2001")
    if till.is_used(LIVE, form["mbrNo"], form["mbrRefNo"]):
        raise Refusal("ma")
    closes = form["accountCloseDate"]
    if not is_day(closes) or closes < f"{till.world.now():%y%m%d}":
        raise Refusal("400", "잘못된 요청 (accountCloseDate)")
    trade = till.approve(live.without_window(till, form, "VACCT", {"bank": form["bankCode"]}), form, wrong=False)
    trade.account["accountCloseDate"] = form["accountCloseDate"]
    trade.book.account = dict(trade.account)
    return Answer(said(LIVE, "200", "정상처리", live.receipt(till, trade)))


def close(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Close a virtual account that nobody has paid into. Raises Refusal."""
    live.refuse_if_told(fault, "3001")
    trade = till.trades_by_ref.get((LIVE, form["orgRefNo"]))
    told = (form["mbrNo"], form["accountNo"], form["orgTranDate"])
    if trade is None or told != (trade.session.merchant, trade.account.get("accountNo"), trade.tran_date):
        raise Refusal("3001", "취소 실패 (원거래 없음)")
    if int(form["amount"]) != trade.amount:
        raise Refusal("1001")
    if trade.closed:
        raise Refusal("3002")
    if trade.deposited:
        raise Refusal("3001", "취소 실패 (입금된 가상계좌)")
    trade.closed = True
    return Answer(said(LIVE, "200", "정상처리", live.cancel_data(till, form, till.next_ref_no())))
