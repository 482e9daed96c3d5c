"""PayApp's requests for payment and their cancellation: payrequest, paycancel, paycancelreq."""

from collections.abc import Mapping

from bridge.gateways.payapp import sandbox_notices as notices
from bridge.gateways.payapp.sandbox_till import Request, Till
from bridge.gateways.payapp.sandbox_words import Refusal, yes
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault

Form = Mapping[str, str]


def refuse_if_told(fault: Fault | None, code: str) -> None:
    """Refuse where the armed fault says so, with its code or the usual one. Raises Refusal."""
    if fault is not None and fault.kind == "decline":
        raise Refusal(fault.code or code, fault.message)


def check_price(till: Till, form: Form, price: int) -> None:
    """Refuse dollars, too little, and a tax split that is not the price. Raises Refusal."""
    for name in ("reqmode", "currency"):
        if form.get(name, "krw") not in ("", "krw") and not till.settings.usd_allowed:
            raise Refusal("70060", "달러결제 권한이 없습니다.")
    if price < till.settings.price_min:
        raise Refusal("70020", f"결제금액은 {till.settings.price_min}원 이상이어야 합니다.")
    split = [form.get(f"amount_{name}", "") for name in ("taxable", "taxfree", "vat")]
    if any(split) and sum(int(one or 0) for one in split) != price:
        raise Refusal("70020", "과세, 면세, 부가세의 합이 결제금액과 다릅니다.")


def check_sub_account(till: Till, form: Form) -> None:
    """Refuse a sub account that is not registered. Raises Refusal."""
    wanted = form.get("subuserid", "")
    if wanted and till.sub_accounts.get(wanted, {}).get("userid") != form["userid"]:
        raise Refusal("70020", "부계정 아이디를 확인하세요.")


def pay_request(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Take in a request for payment; no money moves (결제 요청 - REST 방식). Raises Refusal."""
    refuse_if_told(fault, "70020")
    price = int(form["price"])
    check_price(till, form, price)
    check_sub_account(till, form)
    if till.settings.in_apps and not form.get("appurl"):
        raise Refusal("70020", "앱 연동은 appurl을 반드시 포함해야 합니다.")
    made = till.ask(form["userid"], form, price)
    number = made.mul_no + 1 if fault is not None and fault.kind == "cross_wired" else made.mul_no
    qr = f"{till.world.public_url}/payapp/qr/{made.key}"
    return Answer(yes(errno=False, mul_no=number, payurl=notices.pay_url(till, made), qrurl=qr))


def found(till: Till, form: Form) -> Request:
    """Find the request that a cancellation names. Raises Refusal."""
    request = till.requests.get(int(form["mul_no"]))
    if request is None or request.userid != form["userid"]:
        raise Refusal("70020", "결제요청번호를 확인하세요.")
    return request


def _wanted(form: Form, request: Request) -> tuple[int, bool]:
    if form.get("partcancel", "0") != "1":
        return request.left, False
    if not form.get("cancelprice"):
        raise Refusal("80030")
    amount = int(form["cancelprice"])
    split = [form.get(f"cancel_{name}", "") for name in ("taxable", "taxfree", "vat")]
    if any(split) and sum(int(one or 0) for one in split) != amount:
        raise Refusal("80030")
    return amount, True


def pay_cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel a request, or give money back in full or in part (결제 (요청,승인) 취소). Raises Refusal.

    As seen: an unknown cancelmode, or cancelprice without partcancel=1, is overlooked, and everything is given back.
    """
    refuse_if_told(fault, "80020")
    request, memo = found(till, form), form["cancelmemo"]
    if form.get("cancelmode") == "ready" or request.paid_at is None:
        till.drop(request, by="paycancel")
        return Answer(yes(errno=False), notices.news(till, request, request.state, request.price, memo=memo))
    till.check_cancellable(request)
    amount, part = _wanted(form, request)
    number = till.give_back(request, amount, part=part, by="paycancel")
    sent = notices.news(till, request, request.state, amount, number=number, memo=memo)
    return Answer(yes(errno=False), sent)


def pay_cancel_request(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Ask for a cancellation after D+5 or the settlement: the seller has yet to wire the money (결제 취소 요청).

    Nothing is given back until somebody at PayApp does it; only what was settled has to be wired. Raises Refusal.
    """
    refuse_if_told(fault, "80020")
    request = found(till, form)
    till.check_askable(request)
    amount, part = _wanted(form, request)
    if amount > request.left - request.asked_back:
        raise Refusal("80030")
    request.asked_back += amount
    tax = {name: form.get(name, "0") or "0" for name in ("cancel_taxable", "cancel_vat", "cancel_taxfree")}
    said = {"cr_dpname": form.get("dpname", ""), "partcancel": "1" if part else "0"}
    owed = {"paybackprice": amount, "paybackbank": "국민은행 000-000000"} if till.is_settled(request) else {}
    nothing = {"paybackprice": 0, "paybackbank": ""}
    return Answer(yes(errno=False, **said, partprice=amount if part else 0, **tax, **(owed or nothing)))
