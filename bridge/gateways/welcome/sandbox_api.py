"""Welcome's PAYAPI: cancel, repay, keys and charges, key-in, BIN lookup, escrow, payment link."""

from collections.abc import Mapping
from datetime import timedelta

from bridge.gateways.welcome import sandbox_notices as notices
from bridge.gateways.welcome.sandbox_tax import Taxes, taxes_of
from bridge.gateways.welcome.sandbox_till import LINK_HOURS, WRONG_BY_WON, Billkey, Deal, Link, Till
from bridge.gateways.welcome.sandbox_words import (
    BAD_FIELD,
    BINS,
    CANNOT,
    CANNOT_CONFIRM,
    CANNOT_DENY,
    CARDS,
    CONFIRMED,
    ESCROW_METHODS,
    ESCROW_OK,
    INSTALLMENT_MIN_WON,
    OK,
    QUOTA,
    REFUSED,
    Refusal,
    said,
)
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault
from bridge.sandbox.rules import masked

Form = Mapping[str, str]


def refuse_if_told(fault: Fault | None, code: str) -> None:
    """Refuse where the armed fault says so, with its code or the usual one. Raises Refusal."""
    if fault is not None and fault.kind == "decline":
        raise Refusal(fault.code or code, fault.message)


def cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel everything (payapi02, 2.1); with cancelType=C also what was only authenticated on a mobile. Raises
    Refusal."""
    refuse_if_told(fault, CANNOT)
    if form.get("cancelType") == "C":
        _undo_link(till, form)
    deal = till.found(form["mid"], form["tid"])
    _check_kind(deal, form)
    _check_escrow(deal)
    if int(form["price"]) != deal.amount:
        raise Refusal(CANNOT, "취소 금액이 승인 금액과 다릅니다.")
    till.cancel_all(deal, "cancel")
    now = till.world.now()
    oid = f"OTHER{deal.oid[-20:]}" if fault is not None and fault.kind == "cross_wired" else deal.oid
    body = said(OK, "정상", Mid=deal.mid, Tid=deal.tid, Moid=oid, Price=form["price"])
    body |= {"CancelDate": f"{now:%Y%m%d}", "CancelTime": f"{now:%H%M%S}"}
    return Answer(body, notices.unified(till, deal, deal.amount, cancelled=True))


def _undo_link(till: Till, form: Form) -> None:
    """Close a window whose approval may be on its way: it can be approved no more. Raises Refusal, also for what came
    by no window: it is called 모바일 망취소."""
    link = next((one for one in till.links.values() if (one.tid, one.mid) == (form["tid"], form["mid"])), None)
    if link is None:
        raise Refusal(CANNOT, "망취소할 수 없는 거래입니다.")
    link.undone = True
    if link.deal is None:
        raise Refusal(CANNOT, "승인된 거래가 없습니다.")


def _check_kind(deal: Deal, form: Form) -> None:
    if form["payType"] != deal.kind or form["currency"] != "WON":
        raise Refusal(CANNOT, "원거래의 결제수단 또는 통화가 다릅니다.")


def _check_escrow(deal: Deal) -> None:
    """Leave what the buyer has decided on to the console; made up, as no page says what a cancel does then."""
    if deal.escrow in ("3", "10") and not deal.cancelled:
        raise Refusal(CANNOT, "구매확정 또는 구매거절된 에스크로 거래입니다.")


def repay(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel a part; confirmPrice is what remains after it (payapi02, 2.2). Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    deal = till.found(form["mid"], form["tid"])
    _check_kind(deal, form)
    _check_escrow(deal)
    amount = int(form["cancelPrice"])
    if till.settings.confirm_price_locks and int(form["confirmPrice"]) != deal.book.net - amount:
        raise Refusal(CANNOT, "취소 후 남은 금액(confirmPrice)이 다릅니다.")
    number = till.cancel_part(deal, amount, "repay", taxes_of(form, amount, CANNOT))
    now = till.world.now()
    body = said(OK, "정상", Mid=deal.mid, Tid=deal.tid, C_Tid=number, Price=str(amount), RmainPrice=str(deal.book.net))
    body |= {"CancelDate": f"{now:%Y%m%d}", "CancelTime": f"{now:%H%M%S}"}
    return Answer(body, notices.unified(till, deal, amount, cancelled=True))


def _card_of(till: Till, form: Form) -> tuple[str, str]:
    """Check a card; gives its mask and its issuer's code. Raises Refusal."""
    number, now = form["cardNumber"], till.world.now()
    if (form["cardExpireYY"], form["cardExpireMM"]) < (f"{now:%y}", f"{now:%m}"):
        raise Refusal(REFUSED, "유효기간 오류")
    return masked(number), BINS.get(number[:6], ("14", "0"))[0]


def billkey(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Issue a key for a card; no money moves (payapi03, 3.1 and 3.2). Raises Refusal."""
    refuse_if_told(fault, REFUSED)
    shown, code = _card_of(till, form)
    made = Billkey(till.world.hex(40), form["mid"], "card", shown, code, till.world.now())
    till.billkeys[made.key] = made
    now = till.world.now()
    more = {"Price": "0", "PayDate": f"{now:%Y%m%d}", "PayTime": f"{now:%H%M%S}", "tid": till.tid(form["mid"], "b")}
    return Answer(said(OK, "정상", CardResultCode=code, CardKind="0", Billkey=made.key, **more))


def billkey_delete(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Forget a key (payapi03, 3.4). Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    found = till.billkeys.get(form["billkey"])
    if found is None or found.deleted or found.mid != form["mid"]:
        raise Refusal(CANNOT, "존재하지 않는 빌키입니다.")
    found.deleted = True
    return Answer(said(OK, "정상"))


def _check_money(form: Form) -> Taxes | None:
    """Check months and taxes against the price; gives the taxes. Raises Refusal."""
    price, months = int(form["price"]), form.get("cardQuota") or "00"
    if not QUOTA.fullmatch(months):
        raise Refusal(BAD_FIELD, "할부 개월수가 올바르지 않습니다. (cardQuota)")
    if months != "00" and price < INSTALLMENT_MIN_WON:
        raise Refusal(BAD_FIELD, "할부는 50,000원 이상부터 가능합니다.")
    if int(form.get("tax") or 0) > price // 10:
        raise Refusal(BAD_FIELD, "부가세가 금액의 10%를 초과했습니다.")
    return taxes_of(form, price)


def _charged(till: Till, form: Form, fault: Fault | None, deal: Deal, by: str) -> Answer:
    price = int(form["price"])
    taken = price + WRONG_BY_WON if fault is not None and fault.kind == "wrong_amount" else price
    till.charge(deal, taken, by)
    body = said(OK, "정상", PayDate=f"{deal.at:%Y%m%d}", PayTime=f"{deal.at:%H%M%S}", Price=str(taken))
    tid = till.tid(deal.mid, "z") if fault is not None and fault.kind == "cross_wired" else deal.tid
    return Answer(body | {"tid": tid, "ApplNum": deal.approval}, notices.unified(till, deal, taken))


def billpay(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Charge a card by its key, once an order number (payapi03, 3.3). Raises Refusal."""
    key = till.billkey_of(form["mid"], form["billkey"], "card")
    till.check_new(form["mid"], form["oid"])
    taxes = _check_money(form)
    refuse_if_told(fault, REFUSED)
    card = {"number": key.shown, "code": key.code, "quota": form.get("cardQuota") or "00"}
    deal = till.make(form["mid"], form["oid"], "card", int(form["price"]), card=card, buyer=form["buyerName"])
    deal.goods, deal.taxes = form.get("goodsName", ""), taxes
    return _charged(till, form, fault, deal, "billpay")


def hppbillpay(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Charge a phone by its key: around its day, the same amount (payapi03, 3.5). Raises Refusal."""
    key = till.billkey_of(form["mid"], form["billkey"], "hpp")
    till.check_new(form["mid"], form["oid"])
    till.check_phone_day(key, int(form["price"]))
    taxes = _check_money(form)
    refuse_if_told(fault, REFUSED)
    deal = till.make(form["mid"], form["oid"], "hpp", int(form["price"]), buyer=form["buyerName"])
    deal.taxes = taxes
    return _charged(till, form, fault, deal, "hppbillpay")


def keyin(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Charge a card by its number (payapi04). Raises Refusal."""
    till.check_new(form["mid"], form["oid"])
    taxes = _check_money(form)
    shown, code = _card_of(till, form)
    refuse_if_told(fault, REFUSED)
    card = {"number": shown, "code": code, "quota": form["cardQuota"]}
    deal = till.make(form["mid"], form["oid"], "card", int(form["price"]), card=card, buyer=form["buyerName"])
    deal.taxes = taxes
    return _charged(till, form, fault, deal, "keyin")


def prefix(_till: Till, form: Form, fault: Fault | None) -> Answer:
    """Tell a card's issuer by its first six digits (payapi05). Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    found = BINS.get(form["cardNumber"])
    if found is None:
        raise Refusal(CANNOT, "등록되지 않은 카드번호입니다.")
    code, kind = found
    return Answer(said(OK, "정상", CardCode=code, CardType=kind, CardName=CARDS[code]))


def make_url(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Make a payment link, good for 72 hours (payapi07). Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    till.check_new(form["mid"], form["P_OID"])
    if not form.get("P_RETURN_URL") and not form.get("P_NEXT_URL"):
        raise Refusal(BAD_FIELD, "필수 파라미터가 누락되었습니다. (P_RETURN_URL)")
    link = Link(till.world.hex(10), form["mid"], dict(form), till.world.now() + timedelta(hours=LINK_HOURS))
    till.links[link.code] = link
    till.book(link.mid, form["P_OID"], link.amount)
    return Answer(said(OK, "정상", MsgSend=f"{till.world.public_url}/welcome/s/{link.code}"))


def _escrow_deal(till: Till, mid: str, tid: str) -> Deal:
    deal = till.found(mid, tid)
    if not deal.escrow:
        raise Refusal(CANNOT, "에스크로 거래가 아닙니다.")
    return deal


def _escrow_done(till: Till) -> Answer:
    now = till.world.now()
    return Answer(said(ESCROW_OK, "정상", ResultDate=f"{now:%Y%m%d}", ResultTime=f"{now:%H%M%S}"))


def delivery(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Register or change a delivery (payapi06, 6.1). Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    deal = _escrow_deal(till, form["mid"], form["tid"])
    if deal.oid != form["oid"] or deal.amount != int(form["price"]) or deal.delivered != (form["report"] == "U"):
        raise Refusal(CANNOT, "배송등록 정보를 확인하세요.")
    deal.delivered = True
    return _escrow_done(till)


def buyconfirm(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Confirm a purchase, after its delivery (payapi06, 6.2). Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    deal = _escrow_deal(till, form["mid"], form["originalTid"])
    if deal.escrow == "3":
        raise Refusal(CONFIRMED)
    if deal.escrow != "0" or not deal.delivered:
        raise Refusal(CANNOT_CONFIRM)
    deal.escrow = "3"
    return _escrow_done(till)


def buydeny(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Deny a purchase, after its delivery (payapi06, 6.3). Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    deal = _escrow_deal(till, form["mid"], form["originalTid"])
    if deal.escrow != "0" or not deal.delivered:
        raise Refusal(CANNOT_DENY)
    deal.escrow, deal.deny = "10", form.get("denyMsg", "")
    return _escrow_done(till)


def denyconfirm(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Accept a denial: the money goes back (payapi06, 6.4). Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    deal = _escrow_deal(till, form["mid"], form["originalTid"])
    if deal.escrow != "10" or deal.cancelled:
        raise Refusal(CANNOT, "구매거절된 거래가 아닙니다.")
    deal.cancelled = True
    till.world.bank.refund(deal.book, deal.book.net, deal.tid, till.world.now().isoformat(), "denyconfirm")
    answer = _escrow_done(till)
    answer.notices = notices.unified(till, deal, deal.amount, cancelled=True)
    return answer


def checkstatus(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Tell an escrow deal's state (payapi06, 6.5); asks nothing and moves nothing. Raises Refusal."""
    refuse_if_told(fault, CANNOT)
    deal = _escrow_deal(till, form["mid"], form["tid"])
    more = {"noOid": deal.oid, "noTid": deal.tid, "clStatus": deal.escrow, "dtAppl": f"{deal.at:%Y%m%d}"}
    method = ESCROW_METHODS.get(deal.kind, "")
    body = said(OK, "정상", idMerchant=deal.mid, **more, clPaymethod=method, price=str(deal.amount), msgDeny=deal.deny)
    return Answer(body)
