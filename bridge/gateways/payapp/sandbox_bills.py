"""PayApp's registered cards (등록결제) and plans of repeated payments (정기결제)."""

from collections.abc import Mapping
from datetime import date, datetime

from bridge.gateways.payapp import sandbox_notices as notices
from bridge.gateways.payapp.sandbox_pay import check_price, refuse_if_told
from bridge.gateways.payapp.sandbox_till import WRONG_BY_WON, Bill, Plan, Till, next_round
from bridge.gateways.payapp.sandbox_words import (
    CARDS,
    FAILED,
    INSTALLMENT_MIN_WON,
    MONTHS,
    PAID,
    Refusal,
    yes,
)
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault
from bridge.sandbox.notices import Notice
from bridge.sandbox.rules import masked

Form = Mapping[str, str]
NOT_OF_A_PLAN = ("amount_taxable", "amount_taxfree", "amount_vat")
"""No table of a plan has them, so nobody here looks at them. (정기결제 요청)"""


def bill_regist(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Register a card; no money moves (등록결제 등록). Raises Refusal."""
    refuse_if_told(fault, "70020")
    now, number = till.world.now(), form["cardNo"]
    if (form["expYear"], form["expMonth"]) < (f"{now:%y}", f"{now:%m}"):
        raise Refusal("70020", "카드 유효기간을 확인하세요.")
    bill = Bill(
        key=f"{form['userid']}_{till.world.random.randrange(10**10):010d}",
        auth_no=f"{till.number():08d}",
        userid=form["userid"],
        card=masked(number),
        issuer=CARDS.get(number[:4], "해외"),
    )
    till.bills[bill.key] = bill
    return Answer(yes(encBill=bill.key, billAuthNo=bill.auth_no, cardno=bill.card, cardname=f"[{bill.issuer}]"))


def bill_delete(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Forget a registered card; one that is gone is refused (등록결제 삭제). Raises Refusal."""
    refuse_if_told(fault, "70060")
    till.bill_of(form["userid"], form["encBill"]).deleted = True
    return Answer(yes())


def bill_pay(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Charge a registered card at once (등록결제 결제). Asked twice, it charges twice. Raises Refusal."""
    bill, price = till.bill_of(form["userid"], form["encBill"]), int(form["price"])
    check_price(till, form, price)
    months = form.get("cardinst") or "00"
    if not MONTHS.fullmatch(months):
        raise Refusal("70020", "할부 개월수가 올바르지 않습니다. (cardinst)")
    if months != "00" and price < INSTALLMENT_MIN_WON:
        raise Refusal("70020", "할부는 50,000원 이상부터 가능합니다.")
    refuse_if_told(fault, "70020")
    request = till.ask(form["userid"], form, price)
    choice = {"card_name": bill.issuer, "card_num": bill.card, "installment": months}
    taken = price + WRONG_BY_WON if fault is not None and fault.kind == "wrong_amount" else price
    till.pay(request, "bill", choice, taken, by="billPay")
    number = request.mul_no + 1 if fault is not None and fault.kind == "cross_wired" else request.mul_no
    said = yes(CSTURL=notices.cst_url(till, request), price=taken, mul_no=number)
    return Answer(said, notices.news(till, request, PAID, taken))


def rebill_regist(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Take in a plan; the buyer pays its first round at payurl (정기 결제 요청). Raises Refusal."""
    refuse_if_told(fault, "70020")
    try:
        expires = date.fromisoformat(form["rebillExpire"])
    except ValueError as error:
        raise Refusal("70020", "정기결제 만료일을 확인하세요.") from error
    needed = {"Month": "rebillCycleMonth", "Week": "rebillCycleWeek"}.get(form["rebillCycleType"], "")
    if expires < till.world.now().date() or (needed and not form.get(needed)):
        raise Refusal("70020", f"정기결제 주기와 만료일을 확인하세요. ({needed or 'rebillExpire'})")
    kinds = form.get("openpaytype") or "card,phone"
    if set(kinds.split(",")) - {"card", "phone"} or ("phone" in kinds and form["rebillCycleType"] != "Month"):
        if form.get("openpaytype"):
            raise Refusal("70020", "휴대전화 정기결제는 월 정기결제만 가능합니다.")
        kinds = "card"
    price = int(form["goodprice"])
    check_price(till, {**form, **dict.fromkeys(NOT_OF_A_PLAN, "")}, price)
    request = till.ask(form["userid"], {**form, "openpaytype": kinds}, price)
    plan = Plan(till.number(), request, dict(form), expires)
    request.rebill_no = plan.no
    till.plans[plan.no] = plan
    return Answer(yes(rebill_no=plan.no, payurl=notices.pay_url(till, request)))


def begin(till: Till, plan: Plan) -> None:
    """Start a plan whose first round was paid."""
    plan.state = "running"
    plan.next_at = next_round(plan.form, till.world.now().date())


def _plan(till: Till, form: Form) -> Plan:
    plan = till.plans.get(int(form["rebill_no"]))
    if plan is None or plan.request.userid != form["userid"]:
        raise Refusal("70020", "정기결제 등록번호를 확인하세요.")
    return plan


def rebill_cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """End a plan for good (정기 결제 해지). Raises Refusal."""
    refuse_if_told(fault, "70020")
    _plan(till, form).state = "cancelled"
    return Answer(yes())


def rebill_stop(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Halt a running plan, and no other, such as one that rests already (정기결제 일시정지). Raises Refusal."""
    refuse_if_told(fault, "70020")
    plan = _plan(till, form)
    if plan.state != "running":
        raise Refusal("70020", "승인 상태인 정기결제만 일시정지할 수 있습니다.")
    plan.state = "stopped"
    return Answer(yes(errno=False))


def rebill_start(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Let a halted plan go on (정기결제 승인). Raises Refusal."""
    refuse_if_told(fault, "70020")
    plan = _plan(till, form)
    if plan.state != "stopped":
        raise Refusal("70020", "일시정지 상태인 정기결제만 승인할 수 있습니다.")
    begin(till, plan)
    return Answer(yes(errno=False))


def rounds(till: Till, plan: Plan, *, fail: bool) -> list[Notice]:
    """Charge every round of a plan whose day has come; where `fail`, the card refuses and failurl hears of it."""
    sent: list[Notice] = []
    while till.due(plan):
        assert plan.next_at is not None, "a plan that is due has a day"
        form = plan.form | {"var1": plan.form.get("var1", "")}
        request = till.ask(plan.request.userid, form, int(plan.form["goodprice"]))
        request.rebill_no, request.at = plan.no, datetime.combine(plan.next_at, till.world.now().timetz())
        if fail:
            plan.fails += 1
            why = {"ResultMsg": "한도초과", "rebill_no": str(plan.no)}
            sent += notices.news(till, request, FAILED, request.price, more=why)
        else:
            till.pay(request, plan.request.method, plan.request.choice, request.price, by="rebill")
            sent += notices.news(till, request, PAID, request.price)
        plan.next_at = next_round(plan.form, plan.next_at)
    return sent
