"""PayApp's registered cards, plans, receipts and the seller's commands, field by field."""

from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import urlencode

import pytest

from bridge.domain.billing import BillingKey, CardEntry, Issued, KeyOrder, PlanMade, PlanOrder
from bridge.domain.exchange import KST, Reply
from bridge.domain.failures import Misconfigured
from bridge.domain.gateway import (
    Declined,
    Done,
    Paid,
    Refused,
    Unknown,
)
from bridge.domain.merchant_commands import AdminAnswer
from bridge.domain.payment import Method
from bridge.domain.reasons import Reason
from bridge.domain.services import ReceiptIssued, ReceiptOrder
from bridge.domain.tax import Split
from bridge.gateways.payapp.billing import Billing
from bridge.gateways.payapp.office import Office
from bridge.gateways.payapp.talk import SECRETS
from tests.gateways.test_payapp_fields import (
    AT,
    BUYER,
    MARKS,
    PAGE,
    PARTS,
    STAMP,
    URLS,
    WHO,
    asked,
    gateway,
    giving,
    no,
    opening,
    order,
    payment,
    said,
    yes,
)

KEY = BillingKey("k1", "u1", Method.CARD, "ENC1", AT, card={"name": "현대"})
CARD = CardEntry("4111-1111-1111-1234", "3012", "900101", "12")
KEY_ORDER = KeyOrder("KEY1", "u1", "회원권", BUYER, AT)
PLAN = PlanOrder("PLAN1", "회비", 11_000, BUYER, "month", date(2027, 10, 20), 10)
RECEIPT = ReceiptOrder(
    "R1", "봄의 제전", Split(40_000, 4_000, 11_000), "income", "010-1234-5678", "홍길동", AT, {"mul_no": "7"}
)


def charging(**more):
    return gateway().charge(payment(**more), order(), KEY, URLS, STAMP)


def test_a_registered_card_is_charged_in_full():
    call = asked(charging(instalment_months=3))
    assert call.moves_money is True
    assert said(charging(instalment_months=3)) == {
        **{"cmd": "billPay", "encBill": "ENC1", "goodname": "봄의 제전", "price": "55000", "recvphone": "01012345678"},
        **{"var1": "PAY1", "var2": MARKS["b"], "feedbackurl": URLS.notice, "checkretry": "y", "cardinst": "03"},
        **PARTS,
    }
    assert said(charging())["cardinst"] == "00"
    assert said(gateway().charge(payment(), order("www.x"), KEY, URLS, STAMP))["goodname"] == "티켓"


def test_what_came_of_a_charge():
    paid = yes(charging(), price="55000", mul_no="8", CSTURL="https://payapp.kr/c")
    assert paid == Paid(55_000, {"mul_no": "8", "csturl": "https://payapp.kr/c"}, {"name": "현대"})
    assert yes(charging(), price="55000", mul_no="8").refs == {"mul_no": "8", "csturl": ""}
    assert isinstance(yes(charging(), price="0", mul_no="8"), Unknown)
    assert no(charging(), "70020") == Declined(Reason.DECLINED, "70020", "말씀")
    unknown = no(charging(), "80010")
    assert isinstance(unknown, Unknown)
    assert (unknown.code, unknown.message, unknown.refusal) == ("80010", "말씀", True)


def issuing():
    return Billing.issue_key_by_card(gateway(), KEY_ORDER, CARD, STAMP)


def test_a_typed_card_is_registered():
    assert said(issuing()) == {
        **{"cmd": "billRegist", "cardNo": "4111111111111234", "expMonth": "12", "expYear": "30"},
        **{"buyerAuthNo": "900101", "cardPw": "12", "buyerPhone": "01012345678", "buyerName": "홍길동"},
        "buyerId": "u1",
    }
    assert asked(issuing()).moves_money is False
    shown = {"cardno": "4111-****-1234", "cardname": "현대"}
    issued = yes(issuing(), encBill="E1", billAuthNo="A1", **shown)
    assert issued == Issued("E1", {"billAuthNo": "A1"}, {"number": "4111-****-1234", "name": "현대"})
    assert yes(issuing(), encBill="E1") == Issued("E1", {}, {})
    assert no(issuing(), "70010") == Declined(Reason.MERCHANT, "70010", "말씀")
    assert no(issuing(), "79999") == Declined(Reason.DECLINED, "79999", "말씀")


def planned(**changes):
    return gateway().register_plan(replace(PLAN, **changes), URLS, STAMP)


PLAN_FIELDS = {
    **{"goodname": "회비", "goodprice": "11000", "recvphone": "01012345678", "recvemail": "hong@shop.test"},
    **{"rebillExpire": "2027-10-20", "feedbackurl": URLS.notice, "failurl": URLS.notice, "returnurl": URLS.approval},
    **{"var1": "PLAN1", "var2": MARKS["p"], "smsuse": "n"},
}


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        ({}, {"rebillCycleType": "Month", "rebillCycleMonth": "10", "openpaytype": "card,phone"}),
        ({"day": 90}, {"rebillCycleType": "Month", "rebillCycleMonth": "90", "openpaytype": "card,phone"}),
        ({"day": 31}, {"rebillCycleType": "Month", "rebillCycleMonth": "31", "openpaytype": "card,phone"}),
        ({"day": 1}, {"rebillCycleType": "Month", "rebillCycleMonth": "1", "openpaytype": "card,phone"}),
        ({"cycle": "week", "day": 7}, {"rebillCycleType": "Week", "rebillCycleWeek": "7", "openpaytype": "card"}),
        ({"cycle": "week", "day": 1}, {"rebillCycleType": "Week", "rebillCycleWeek": "1", "openpaytype": "card"}),
        ({"cycle": "day", "day": 0}, {"rebillCycleType": "Day", "openpaytype": "card"}),
    ],
)
def test_a_plan_is_registered_for_its_day(changes, own):
    fields = PLAN_FIELDS | own
    assert said(planned(**changes)) == {"cmd": "rebillRegist"} | fields
    window = gateway().plan_window(replace(PLAN, **changes), URLS)
    assert window.fields == {"userid": "payapptest"} | fields
    assert (window.function, window.argument) == ("PayApp.rebill", "object")
    assert window.scripts == ("https://lite.payapp.kr/public/api/v2/payapp-lite.js",)


@pytest.mark.parametrize(
    ("cycle", "day"),
    [
        *(("month", 0), ("month", 32), ("month", 89), ("month", 91), ("week", 0), ("week", 8)),
        *(("day", 1), ("year", 1)),
    ],
)
def test_a_plan_on_a_day_that_there_is_not_is_never_asked_for(cycle, day):
    with pytest.raises(AssertionError):
        next(planned(cycle=cycle, day=day))


def test_a_plans_parts_and_words():
    form = said(planned(title="www.shop.test"))
    assert form["goodname"] == "티켓"
    assert not {name for name in form if name.startswith("amount_")}, "no document has a field for a plan's tax"
    assert gateway().taxes_whole == {"register_plan"}
    assert yes(planned(), rebill_no="9", payurl=PAGE) == PlanMade("9", PAGE, {"rebill_no": "9"})
    assert no(planned(), "79999") == Declined(Reason.DECLINED, "79999", "말씀")
    assert gateway(window="js").plans_by_script
    assert not gateway().plans_by_script


@pytest.mark.parametrize(
    ("cmd", "ask", "form"),
    [
        ("billDelete", lambda one: one.delete_key(KEY, STAMP), {"encBill": "ENC1"}),
        ("rebillCancel", lambda one: one.cancel_plan("9", STAMP), {"rebill_no": "9"}),
        ("rebillStop", lambda one: one.stop_plan("9", STAMP), {"rebill_no": "9"}),
        ("rebillStart", lambda one: one.start_plan("9", STAMP), {"rebill_no": "9"}),
        ("cashStCancel", lambda one: one.cancel_receipt(RECEIPT, ReceiptIssued("1", {"cashstno": "5"}), STAMP),
         {"cashstno": "5"}),
        ("cashStCancel", lambda one: one.cancel_receipt(RECEIPT, ReceiptIssued("1"), STAMP), {}),
    ],
)  # fmt: skip
def test_what_is_asked_by_a_number_alone_is_done_or_refused(cmd, ask, form):
    assert said(ask(gateway())) == {"cmd": cmd, **form}
    assert yes(ask(gateway())) == Done()
    assert no(ask(gateway()), "70060") == Refused(Reason.MERCHANT, "70060", "말씀")
    assert no(ask(gateway()), "79999") == Refused(Reason.GATEWAY, "79999", "말씀")


@pytest.mark.parametrize("code", ["80010", "80020"])
def test_a_receipts_cancel_is_sent_once_and_what_cannot_be_cancelled_may_be_cancelled_already(code):
    asked = gateway().cancel_receipt(RECEIPT, ReceiptIssued("1", {"cashstno": "5"}), STAMP)
    assert next(asked).moves_money, "what moves money is never repeated by the wire"
    found = no(gateway().cancel_receipt(RECEIPT, ReceiptIssued("1", {"cashstno": "5"}), STAMP), code)
    assert (type(found), found.code, found.message) == (Unknown, code, "말씀")


def test_a_card_that_payapp_does_not_know_is_deleted_already():
    assert no(gateway().delete_key(KEY, STAMP), "70020") == Done(already=True)
    unnamed = Refused(Reason.BAD_REQUEST, "70020", "말씀")
    assert no(gateway().delete_key(replace(KEY, key=""), STAMP), "70020") == unnamed, "none was named"
    assert no(gateway().stop_plan("9", STAMP), "70020") == unnamed


def receipting(**changes):
    return Office.issue_receipt(gateway(), replace(RECEIPT, **changes), STAMP)


def test_a_receipt_is_issued_in_full():
    full = {
        **{"cmd": "cashStRegist", "good_name": "봄의 제전", "buyr_name": "홍길동", "id_info": "01012345678"},
        **{"trad_time": "20261120150000", "tr_code": "0", "mul_no": "7", "corp_tax_type": "TG01"},
        **{"amt_tot": "55000", "amt_sup": "51000", "amt_svc": "0", "amt_tax": "4000"},
    }
    assert said(receipting()) == full
    assert asked(receipting()).moves_money is True, "it is never sent again by itself"
    assert said(receipting(purpose="business")) == full | {"tr_code": "1"}
    assert said(receipting(purpose="self")) == full | {"id_info": "0100001234"}
    free = said(receipting(split=Split(0, 0, 55_000)))
    assert (free["corp_tax_type"], free["amt_sup"], free["amt_tax"]) == ("TG02", "55000", "0")
    bare = said(receipting(refs={}, buyer_name="", title="www.x"))
    assert (bare["buyr_name"], bare["good_name"], "mul_no" in bare) == ("구매자", "티켓", False)
    long = said(receipting(buyer_name="가" * 70, title="나" * 70))
    assert (long["buyr_name"], long["good_name"]) == ("가" * 16, "나" * 33)


def test_what_came_of_a_receipt():
    issued = yes(receipting(), receipt_no="1", cashstno="5", cashsturl="https://payapp.kr/r")
    assert issued == ReceiptIssued("1", {"cashstno": "5"}, "https://payapp.kr/r")
    assert yes(receipting(), cashstno="5") == ReceiptIssued("", {"cashstno": "5"}, "")
    assert no(receipting(), "70020") == Refused(Reason.BAD_REQUEST, "70020", "말씀")
    assert no(receipting(), "79999") == Refused(Reason.GATEWAY, "79999", "말씀")


def test_without_a_number_payapp_is_asked_for_no_payments_cash():
    asking = said(receipting(asks_amount=True, refs={}))
    assert asking["cmd"] == "checkNpayCashReceiptReq"
    assert not asking.get("mul_no")


def test_a_receipt_may_be_issued_until_the_sixth_day_in_korea_is_over():
    begun = AT.astimezone(KST).replace(hour=0, minute=0, second=0, microsecond=0)  # the day that it is in Korea
    for traded_at in (AT - timedelta(days=6), AT - timedelta(days=6, hours=1), begun - timedelta(days=6)):
        assert asked(receipting(traded_at=traded_at)).op == "cashStRegist"
    with pytest.raises(StopIteration) as ended:
        next(receipting(traded_at=begun - timedelta(days=6, seconds=1)))
    late = ended.value.value
    assert (type(late), late.reason, late.code) == (Refused, Reason.CANCEL_PERIOD, "")


def sizing(total="20000", supply="18182", vat="1818", state="1", errno="00000"):
    """Give the talk about a Naver Pay payment's receipt, and what it comes to after PayApp has said what was cash."""
    exchange = receipting(asks_amount=True)
    call = next(exchange)
    assert (call.form["cmd"], call.form["mul_no"], call.prepares) == ("checkNpayCashReceiptReq", "7", True)
    told = {"totalCashAmount": total, "supplyCashAmount": supply, "vatCashAmount": vat}
    body = urlencode({"state": state, "errno": errno, "errorMessage": "말씀", **told}).encode()
    try:
        return exchange, exchange.send(Reply(200, body))
    except StopIteration as end:
        return exchange, end.value


def test_a_naver_pay_receipt_is_issued_over_what_payapp_says_was_cash():
    exchange, call = sizing()
    amounts = ("amt_tot", "amt_sup", "amt_tax", "corp_tax_type", "amt_svc")
    assert [call.form[name] for name in amounts] == ["20000", "18182", "1818", "TG01", "0"]
    with pytest.raises(StopIteration) as ended:
        exchange.send(Reply(200, b"state=1&cashstno=5&receipt_no=1"))
    assert ended.value.value == ReceiptIssued("1", {"cashstno": "5"}, "", Split(18_182, 1_818, 0))
    exchange, call = sizing("20000", "20000", "0")
    assert [call.form[name] for name in amounts] == ["20000", "20000", "0", "TG02", "0"]
    with pytest.raises(StopIteration) as ended:
        exchange.send(Reply(200, b"state=1&cashstno=5&receipt_no=1"))
    assert ended.value.value.split == Split(0, 0, 20_000)
    assert sizing("55000", "50000", "5000")[1].form["amt_tot"] == "55000", "all of it may be"


@pytest.mark.parametrize(
    ("told", "reason", "code", "words"),
    [
        ({"total": "0", "supply": "0", "vat": "0"}, Reason.AMOUNT, "", "금액이 없어요"),
        ({"total": "55001", "supply": "50001", "vat": "5000"}, Reason.AMOUNT, "", "55,001원"),
        ({"vat": "1817"}, Reason.AMOUNT, "", "20,000원"),
        ({"total": ""}, Reason.GATEWAY, "", "읽지 못했어요"),
        ({"total": "2e4"}, Reason.GATEWAY, "", "읽지 못했어요"),
        ({"state": "7"}, Reason.GATEWAY, "", "읽지 못했어요"),
        ({"state": "0", "errno": "70020"}, Reason.BAD_REQUEST, "70020", "말씀"),
        ({"state": "0", "errno": "79999"}, Reason.GATEWAY, "79999", "말씀"),
    ],
)
def test_on_any_doubt_about_what_was_cash_no_receipt_is_asked_for(told, reason, code, words):
    refused = sizing(**told)[1]
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.code) == (reason, code)
    assert words in refused.message


@pytest.mark.parametrize(
    ("name", "changes", "fields"),
    [
        ("sellerRegist", True,
         "userid userpwd sellername phone compregno compname biztype1 biztype2 email zipcode addr1 addr2 homepage"
         " compbank compbanknum compbankname bizkind username usertype join_type ceo_nm seller_type"
         " common_feedbackurl"),
        ("useridCheck", False, "userid"),
        ("subidregist", True, "subuserid subpwd subname subetc1 subetc2 subetc3 subjtype state"),
        ("checkNpayCashReceiptReq", False, "mul_no"),
    ],
)  # fmt: skip
def test_the_sellers_commands_take_the_manuals_fields_and_no_others(name, changes, fields):
    office = gateway(reseller_id="reseller")
    command = next(one for one in office.admin_commands if one.name == name)
    given = {field: f"v-{field}" for field in fields.split()}
    own = {"resellerid": "reseller"} if name in ("sellerRegist", "useridCheck") else {}
    form = dict(asked(office.administer(name, given, STAMP)).form)

    assert command.changes is changes
    assert {one.name for one in command.fields} == set(given)
    assert form == {"cmd": name, **WHO, **given, **own}
    with pytest.raises(Misconfigured):
        next(office.administer(name, {**given, "linkval": "x"}, STAMP))


def test_of_a_commands_answer_only_what_is_no_secret_is_shown():
    def ask():
        return gateway(reseller_id="r").administer("useridCheck", {"userid": "x"}, STAMP)

    shown = {"userid": "x", "totalCashAmount": "1", "supplyCashAmount": "2", "vatCashAmount": "3"}
    assert yes(ask(), **shown, linkkey="K", linkval="V") == AdminAnswer(True, shown)
    assert no(ask(), "70020") == AdminAnswer(False, {}, "70020", "말씀")
    for name in ("sellerRegist", "useridCheck"):
        with pytest.raises(Misconfigured, match="reseller_id"):
            next(gateway().administer(name, {}, STAMP))
    assert asked(gateway().administer("subidregist", {}, STAMP)).op == "subidregist"


HIDDEN = {
    "a secret of the seller's": "linkkey linkval userpwd subpwd var2",
    "a card or its key": "encBill cardNo cardPw expMonth expYear",
    "a buyer": "buyerAuthNo buyerPhone buyerName buyerId buyerid recvphone recvemail buyr_name buyr_tel1 buyr_mail"
    " id_info",
    "a new seller": "phone email username ceo_nm compbanknum compbankname zipcode addr1 addr2",
    "an address that only PayApp may know": "feedbackurl returnurl failurl",
}


@pytest.mark.parametrize("bears", HIDDEN)
def test_no_journal_shows_a_field_that_bears(bears):
    for call in (asked(opening()), asked(charging()), asked(issuing()), asked(giving()), asked(receipting())):
        assert call.secrets >= set(HIDDEN[bears].split()), call.op
    assert not SECRETS & {"cmd", "userid", "mul_no", "price", "var1", "rebill_no"}, "what a clerk looks for is shown"
