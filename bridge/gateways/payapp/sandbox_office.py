"""PayApp's office work: cash receipts (현금영수증), sellers, sub accounts."""

import re
from collections.abc import Mapping
from datetime import datetime

from bridge.gateways.payapp.sandbox_pay import refuse_if_told
from bridge.gateways.payapp.sandbox_till import Till
from bridge.gateways.payapp.sandbox_words import Refusal, yes
from bridge.sandbox.calls import Answer
from bridge.sandbox.clock import KST
from bridge.sandbox.faults import Fault

Form = Mapping[str, str]
RECEIPT_DAYS = 6
BUSINESS_NUMBER = re.compile(r"[0-9]{10}|[0-9]{3}-[0-9]{2}-[0-9]{5}", re.ASCII)
HOLDER = {"0": re.compile(r"01[0-9]{8,9}|[0-9]{13}", re.ASCII), "1": re.compile(r"(?!0100001234)[0-9]{10}", re.ASCII)}
"""id_info by tr_code: a phone (0100001234 where none was told) or a resident's number, or a business's number."""


def receipt_regist(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Issue a cash receipt within six days of the sale (현금영수증 발행). Raises Refusal."""
    refuse_if_told(fault, "70020")
    try:
        traded = datetime.strptime(form["trad_time"], "%Y%m%d%H%M%S").replace(tzinfo=KST)
    except ValueError as error:
        raise Refusal("70020", "원거래시각을 확인하세요.") from error
    days = (till.world.now().date() - traded.date()).days
    if not 0 <= days <= RECEIPT_DAYS:
        raise Refusal("70020", "거래일로부터 6일 이내에만 발행할 수 있습니다.")
    total, *parts = (int(form[f"amt_{name}"]) for name in ("tot", "sup", "svc", "tax"))
    if not total or sum(parts) != total or (form["corp_tax_type"] == "TG01") != bool(parts[2]):
        raise Refusal("70020", "거래금액은 공급가액, 봉사료, 부가가치세의 합입니다.")
    if not HOLDER[form["tr_code"]].fullmatch(form["id_info"]):
        raise Refusal("70020", "휴대폰번호 또는 사업자번호를 확인하세요.")
    sale = till.requests.get(int(form.get("mul_no") or 0))
    if form.get("mul_no") and (sale is None or sale.userid != form["userid"] or sale.paid_at is None):
        raise Refusal("70020", "결제요청번호를 확인하세요.")
    number = till.number()
    receipt = {"userid": form["userid"], "mul_no": form.get("mul_no", ""), "amount": str(total)}
    receipt |= {"receipt_no": f"{number:09d}", "state": "issued"}
    till.receipts[number] = receipt
    url = f"{till.world.public_url}/payapp/cash/{number}"
    return Answer(yes(errno=False, cashstno=number, receipt_no=receipt["receipt_no"], cashsturl=url))


def receipt_cancel(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Cancel a cash receipt, once (현금영수증 취소). Raises Refusal."""
    refuse_if_told(fault, "70020")
    receipt = till.receipts.get(int(form["cashstno"]))
    if receipt is None or receipt["userid"] != form["userid"]:
        raise Refusal("70020", "발행번호를 확인하세요.")
    if receipt["state"] != "issued":
        raise Refusal("80020")
    receipt["state"] = "cancelled"
    return Answer(yes(errno=False))


def naver_receipt(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Tell how much of a Naver Pay payment a cash receipt is due for (네이버페이 현금영수증 발행대상 금액조회).
    Raises Refusal."""
    refuse_if_told(fault, "70020")
    request = till.requests.get(int(form["mul_no"]))
    if request is None or request.userid != form["userid"] or request.method != "naverpay" or not request.paid_at:
        raise Refusal("70020", "네이버페이로 결제된 주문건만 조회할 수 있습니다.")
    by_bank = request.choice.get("naverpay") == "bank"
    total = request.left if by_bank else min(request.left, int(request.choice.get("points", "0")))
    vat = 0 if request.form.get("amount_taxfree") == str(request.price) else total // 11
    return Answer(yes(errno=False, totalCashAmount=total, supplyCashAmount=total - vat, vatCashAmount=vat))


def seller_regist(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Enrol a seller of a reseller's (판매자 회원 가입). Raises Refusal."""
    refuse_if_told(fault, "70020")
    _check_reseller(till, form)
    if form["userid"] in till.settings.sellers:
        raise Refusal("70020", "이미 사용중인 아이디입니다.")
    needed = {"1": ("username",), "2": ("compregno", "compname", "biztype1", "biztype2", "ceo_nm")}[form["usertype"]]
    missing = [name for name in needed if not form.get(name)]
    if form["usertype"] == "2" and not missing and not BUSINESS_NUMBER.fullmatch(form["compregno"]):
        missing = ["compregno"]
    if missing or (form["seller_type"] == "reseller" and form["join_type"] != "0"):
        raise Refusal("70020", f"파라메터값을 확인하세요. ({missing[0] if missing else 'join_type'})")
    keys = {"linkkey": till.world.hex(24), "linkval": till.world.hex(24)}
    common = form.get("common_feedbackurl", "")
    till.settings.sellers[form["userid"]] = keys | ({"common_feedbackurl": common} if common else {})
    if form["seller_type"] == "reseller":
        till.settings.resellers.append(form["userid"])
    return Answer(yes(errno=False, userid=form["userid"], **keys))


def userid_check(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Tell whether an id is free (판매자 회원 아이디 중복 체크). Raises Refusal."""
    refuse_if_told(fault, "70020")
    _check_reseller(till, form)
    if form["userid"] in till.settings.sellers:
        raise Refusal("70020", "이미 사용중인 아이디입니다.")
    return Answer(yes(errno=False))


def _check_reseller(till: Till, form: Form) -> None:
    if form["resellerid"] not in till.settings.resellers:
        raise Refusal("70060")


def sub_account_regist(till: Till, form: Form, fault: Fault | None) -> Answer:
    """Enrol a sub account (부계정 등록). Raises Refusal."""
    refuse_if_told(fault, "70020")
    if form["subuserid"] in till.sub_accounts or form["subuserid"] in till.settings.sellers:
        raise Refusal("70020", "이미 사용중인 아이디입니다.")
    rights = form.get("state") or "1"
    till.sub_accounts[form["subuserid"]] = {"userid": form["userid"], "name": form["subname"], "rights": rights}
    return Answer(yes(errno=False))
