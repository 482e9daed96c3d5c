"""Mainpay's direct API, field by field: what fits a field, what moves money, what an answer is worth.

The words of `bridge.gateways.mainpay.direct`, as `bridge.gateways.mainpay.writing` writes them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.domain.billing import BillingKey, CardEntry, Issued, KeyOrder
from bridge.domain.exchange import Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import Absent, ByHand, Declined, Done, Paid, Refused, Undone, Unknown, Urls, Waiting
from bridge.domain.machine import State
from bridge.domain.payment import Account, Buyer, Method, Mode
from bridge.domain.reasons import Reason
from bridge.domain.services import ReceiptIssued, ReceiptOrder, TransferShown
from bridge.domain.tax import Split
from bridge.gateways.mainpay.adapter import build
from bridge.gateways.mainpay.direct import Direct
from tests.gateways.test_mainpay import AT, BUYER, LIVE, MBR, STAMP, code, order, payment, said

CARD = CardEntry("4111111111111234", "3012", "900101", "12")
KEY = BillingKey("k-0123456789abcdefghij", "u1", Method.CARD, "BILLKEY1", AT)
PAID = payment({"dialect": "direct", "refNo": "REF1", "tranDate": "20261120"}, account={"number": "0012"})
VIRTUAL = payment(method=Method.VIRTUAL_ACCOUNT)
RECEIPT = ReceiptOrder("RECEIPT1", "봄의 제전", Split(40_000, 4_000, 11_000), "income", "01012345678", "홍길동", AT)
KEY_ORDER = KeyOrder("KEY1", "u1", "회원권", BUYER, AT)
URLS = Urls("https://pay.test/r", "https://pay.test/c", "https://pay.test/n")
ABOUT = {"version": "V001", "mbrNo": MBR}


def gateway() -> Direct:
    return build({}, Mode.TEST)


def transferred(**account):
    told = {"bank": "04", "number": "001-234", "holder": "홍길동"} | account
    return lambda: gateway().register_transfer(PAID, "TRANSFER1", 55_000, Account(**told), STAMP)


TALKS = {
    "keyin": lambda: gateway().key_in(PAID, order(), CARD, STAMP),
    "billkey": lambda: gateway().issue_key_by_card(KEY_ORDER, CARD, STAMP),
    "billpay": lambda: gateway().charge(PAID, order(), KEY, URLS, STAMP),
    "billkey-delete": lambda: gateway().delete_key(KEY, STAMP),
    "account": lambda: gateway().issue_account(VIRTUAL, order(), "04", AT, STAMP),
    "account-void": lambda: gateway().void_account(PAID, STAMP),
    "transfer": transferred(),
    "transfer-status": lambda: gateway().show_transfer(PAID, {"mbrRefNo": "T1", "refNo": "R1"}, 55_000, STAMP),
    "transfer-cancel": lambda: gateway().cancel_transfer(PAID, {"mbrRefNo": "T1", "refNo": "R1"}, STAMP),
    "receipt": lambda: gateway().issue_receipt(RECEIPT, STAMP),
    "receipt-cancel": lambda: gateway().cancel_receipt(RECEIPT, ReceiptIssued("1", {"refNo": "R1"}), STAMP),
}
MOVES_NOTHING = {"billkey", "billkey-delete", "transfer-status"}
every = pytest.mark.parametrize("op", sorted(TALKS))


def call(exchange):
    return next(exchange)


def outcome(exchange, told):
    next(exchange)
    with pytest.raises(StopIteration) as ended:
        exchange.send(Reply(200, json.dumps(told).encode()))
    return ended.value.value


@every
def test_each_call_is_named_in_the_journal_and_says_whether_it_moves_money(op):
    made = call(TALKS[op]())

    assert made.op == op
    assert made.moves_money is (op not in MOVES_NOTHING)
    assert made.method == "POST"


@every
def test_a_code_that_no_table_lists_proves_nothing_and_is_told_with_its_words(op):
    found = outcome(TALKS[op](), code("9999"))

    assert isinstance(found, Unknown)
    assert (found.code, found.message) == ("9999", "말씀")
    assert outcome(TALKS[op](), {"resultCode": "9999"}).message == ""


@pytest.mark.parametrize(
    ("op", "number", "found"),
    [
        *((op, "2002", Declined(Reason.LIMIT, "2002", "말씀")) for op in ("keyin", "billkey", "billpay", "account")),
        ("billkey", "1002", Declined(Reason.MERCHANT, "1002", "말씀")),
        *(
            (op, "1005", Refused(Reason.CLOCK, "1005", "말씀"))
            for op in ("account-void", "transfer", "transfer-cancel", "receipt", "receipt-cancel")
        ),
        ("billkey-delete", "200", Done()),
        ("billkey-delete", "404", Done(already=True)),
        ("billkey-delete", "3002", Done(already=True)),
        ("account-void", "200", Undone("200")),
        ("account-void", "3002", Undone("3002")),
        ("transfer", "200", Done({"mbrRefNo": "TRANSFER1"})),
        ("transfer", "0000", Done({"mbrRefNo": "TRANSFER1"})),
        ("transfer-status", "404", Absent("404")),
        ("transfer-cancel", "200", Done()),
        ("transfer-cancel", "0000", Done()),
        ("receipt-cancel", "200", Done(already=False)),
        ("receipt-cancel", "3002", Done(already=True)),
    ],
)
def test_what_a_code_means(op, number, found):
    assert outcome(TALKS[op](), code(number)) == found


def test_a_no_without_words_is_still_a_no():
    for op, kind, number in (
        ("keyin", Declined, "2003"),
        ("billkey", Declined, "2003"),
        ("receipt", Refused, "1001"),
        ("transfer", Refused, "3001"),
    ):
        found = outcome(TALKS[op](), {"resultCode": number})
        assert (type(found), found.code, found.message) == (kind, number, ""), op


@pytest.mark.parametrize("number", ["1003", "ma"])
def test_a_number_used_before_proves_neither_a_charge_nor_a_receipt(number):
    for op in ("keyin", "billpay", "receipt", "transfer", "account"):
        assert isinstance(outcome(TALKS[op](), code(number)), Unknown), op


@pytest.mark.parametrize("op", ["keyin", "billpay", "account"])
def test_what_is_bought_and_who_buys_are_told_within_their_fields(op):
    def form(title="표", **buyer):
        told = order(title, Buyer(**{"name": "홍길동", "email": "hong@shop.test", "phone": "010-1234-5678"} | buyer))
        talks = {
            "keyin": lambda: gateway().key_in(PAID, told, CARD, STAMP),
            "billpay": lambda: gateway().charge(PAID, told, KEY, URLS, STAMP),
            "account": lambda: gateway().issue_account(VIRTUAL, told, "04", AT, STAMP),
        }
        return said(call(talks[op]()))

    assert (
        form().items()
        >= {
            **{"goodsName": "표", "customerName": "홍길동", "customerEmail": "hong@shop.test"},
            **{"customerTelNo": "01012345678", "mbrRefNo": "PAY1", "amount": "55000", **ABOUT},
        }.items()
    )
    assert (form("a" * 31)["goodsName"], form("♥")["goodsName"]) == ("a" * 30, "TICKET")
    assert (form(name="b" * 31)["customerName"], form(name="")["customerName"]) == ("b" * 30, "구매자")
    fits, long = "c" * 40 + "@shop.test", "c" * 41 + "@shop.test"
    assert (form(email=fits)["customerEmail"], form(email=long)["customerEmail"]) == (fits, "")
    assert form(phone="0123456789012")["customerTelNo"] == "012345678901"


@pytest.mark.parametrize(
    ("card", "proof"),
    [
        (CARD, {"keyinAuthType": "O", "authType": "0", "regNo": "900101", "passwd": "12"}),
        (
            CardEntry("4", "3012", "1234567890", "12"),
            {"keyinAuthType": "O", "authType": "1", "regNo": "1234567890", "passwd": "12"},
        ),
        (CardEntry("4", "3012", "900101"), {"keyinAuthType": "K"}),
        (CardEntry("4", "3012", "", "12"), {"keyinAuthType": "K"}),
    ],
)
def test_a_typed_card_is_proven_by_its_holder_or_goes_alone(card, proof):
    for talk in (
        gateway().key_in(PAID, order(), card, STAMP),
        gateway().issue_key_by_card(KEY_ORDER, card, STAMP),
    ):
        form = call(talk).form
        shown = {name: form[name] for name in ("keyinAuthType", "authType", "regNo", "passwd") if name in form}
        assert shown == proof
        assert (form["cardNo"], form["expd"]) == (card.number, "3012")


def test_a_card_keyed_in_and_a_key_are_charged_at_once_and_remembered_apart():
    told = code("200", amount=55_000, refNo="R9", tranDate="261120")
    keyed, charged = outcome(TALKS["keyin"](), told), outcome(TALKS["billpay"](), told)
    assert isinstance(keyed, Paid)
    assert isinstance(charged, Paid)
    assert keyed.refs == {"dialect": "direct", "refNo": "R9", "tranDate": "261120"}
    assert charged.refs == keyed.refs | {"api": "auto"}
    form = said(call(TALKS["billpay"]()))
    assert (form["billkey"], form["clientType"], form["installment"]) == ("BILLKEY1", "MERCHANT", "00")
    assert said(call(TALKS["keyin"]()))["installment"] == "00"


@pytest.mark.parametrize(
    ("data", "refs", "name"),
    [
        ({"issueCompanyNo": "04"}, {}, {"name": "현대"}),
        ({"issueCompanyName": "가", "issueCompanyNo": "04", "refNo": "R", "tranDate": "261120"},
         {"refNo": "R", "tranDate": "261120"}, {"name": "가"}),
        ({"issueCompanyNo": "99"}, {}, {"name": "99"}),
        ({}, {}, {}),
    ],
)  # fmt: skip
def test_a_key_is_issued_with_a_card_that_shows_its_ends(data, refs, name):
    issued = outcome(TALKS["billkey"](), code("200", billkey="B1", **data))

    assert issued == Issued("B1", refs, name | {"number": "411111******1234"})


def test_a_key_is_issued_and_deleted_over_nothing():
    issued, deleted = said(call(TALKS["billkey"]())), said(call(TALKS["billkey-delete"]()))
    assert issued.items() >= {"mbrRefNo": "KEY1", "amount": "0", "clientType": "MERCHANT", **ABOUT}.items()
    named = {"mbrRefNo": "0123456789ABCDEFGHIJ", "amount": "0", "billkey": "BILLKEY1", "clientType": "MERCHANT"}
    assert deleted == named | ABOUT


def test_an_account_is_open_until_a_korean_day_ends_and_closed_by_its_number():
    late = datetime.fromisoformat("2026-11-22T15:30:00+00:00")
    form = said(call(gateway().issue_account(VIRTUAL, order(), "04", late, STAMP)))
    assert (form["bankCode"], form["accountCloseDate"]) == ("04", "261123")
    known = payment(LIVE, method=Method.VIRTUAL_ACCOUNT)
    issued = outcome(
        gateway().issue_account(known, order(), "04", AT, STAMP), code("200", refNo="R1", accountNo="0012")
    )
    assert isinstance(issued, Waiting)
    assert issued.refs == {"dialect": "direct", "refNo": "R1", "tranDate": "261120"}, "nothing of a window is kept"

    closed = {"mbrRefNo": "V0000FFFF10000000000", "amount": "55000", **ABOUT}
    known_by = {"orgRefNo": "REF1", "orgTranDate": "261120", "accountNo": "0012"}
    assert said(call(TALKS["account-void"]())) == closed | known_by
    bare = {"orgRefNo": "", "orgTranDate": "", "accountNo": ""}
    assert said(call(gateway().void_account(payment(), STAMP))) == closed | bare


def test_a_transfer_names_the_account_and_the_payment_it_gives_back():
    form = said(call(TALKS["transfer"]()))
    to = {"bankCode": "04", "accountNo": "001234", "accountOwner": "홍길동", "birthDay": ""}
    of = {"objectPaymethod": "CARD", "objectRefNo": "REF1", "objectTranDate": "261120"}
    by = {"requestUser": "pay-bridge", "requestSystem": "Merchant"}
    assert form == {"mbrRefNo": "TRANSFER1", "amount": "55000"} | ABOUT | to | of | by
    assert (
        said(call(transferred(number="1" * 21, holder="h" * 31)())).items()
        >= {**{"accountNo": "1" * 20, "accountOwner": "h" * 30}}.items()
    )
    assert said(call(transferred(holder="♥")()))["accountOwner"] == "예금주"
    assert said(call(transferred(born="900101")()))["birthDay"] == "900101"
    done = outcome(TALKS["transfer"](), code("200", refNo="R1", tranDate="261120"))
    assert done == Done({"mbrRefNo": "TRANSFER1", "refNo": "R1", "tranDate": "261120"})


def test_no_transfer_is_made_of_a_payment_whose_number_nobody_told():
    deposit = replace(PAID, method=Method.VIRTUAL_ACCOUNT, state=State.PAID)
    unnamed = replace(deposit, refs={})
    assert gateway().may_transfer(deposit)
    assert not gateway().may_transfer(unnamed)
    named_rule, unnamed_rule = (gateway().refund_rule(one, STAMP) for one in (deposit, unnamed))
    assert isinstance(named_rule, ByHand)
    assert "운영자만 등록" in named_rule.why
    assert isinstance(unnamed_rule, ByHand)
    assert "거래번호가 없어" in unnamed_rule.why


@pytest.mark.parametrize(
    ("op", "ours", "told"),
    [
        ("billkey", "KEY1", {"billkey": "B1"}),
        ("transfer", "TRANSFER1", {"refNo": "R1"}),
        ("receipt", "RECEIPT1", {"applNo": "1", "refNo": "R1", "tranDate": "261120"}),
        ("receipt-cancel", "RECEIPT1", {}),
        ("account-void", "PAY1", {"accountNo": "0012"}),
    ],
)
def test_a_yes_about_another_number_is_none(op, ours, told):
    for number, is_ours in ((ours, True), (call(TALKS[op]()).form["mbrRefNo"], True), ("OTHER", False)):
        answer = outcome(TALKS[op](), code("200", **told, mbrRefNo=number))
        assert isinstance(answer, Unknown) is not is_ours


@pytest.mark.parametrize(("letter", "state"), [("R", "registered"), ("S", "done"), ("F", "failed"), ("C", "cancelled")])
def test_a_transfer_stands_where_its_letter_says(letter, state):
    for number in ("200", "0000"):
        shown = outcome(TALKS["transfer-status"](), code(number, status=letter))
        assert shown == TransferShown(state, letter, "말씀")


@pytest.mark.parametrize("another", [{"mbrRefNo": "T2"}, {"refNo": "R2"}])
def test_where_another_transfer_stands_says_nothing_of_ours(another):
    ours = {"mbrRefNo": "T1", "refNo": "R1", "status": "S"}
    assert outcome(TALKS["transfer-status"](), code("200", **ours)) == TransferShown("done", "S", "말씀")
    assert isinstance(outcome(TALKS["transfer-status"](), code("200", **ours | another)), Unknown)


@pytest.mark.parametrize(("told", "is_ours"), [(0, True), ("55000", True), (10_000, False), ("-1", False)])
def test_a_status_over_another_sum_says_nothing_of_ours(told, is_ours):
    talk = gateway().show_transfer(PAID, {"mbrRefNo": "T1", "refNo": "R1"}, 55_000, STAMP)
    try:
        shown = outcome(talk, code("200", status="S", amount=told))
    except Unreadable:
        shown = None
    assert isinstance(shown, TransferShown) is is_ours


def test_a_transfer_in_no_known_state_is_unknown():
    for data, told in (({"status": "Q"}, "Q"), ({"else": "S"}, "")):
        shown = outcome(TALKS["transfer-status"](), code("200", **data))
        assert isinstance(shown, Unknown)
        assert (shown.code, shown.message) == (told, "말씀")
    bare = TALKS["transfer-status"]()
    next(bare)
    with pytest.raises(Unreadable):
        bare.send(Reply(200, json.dumps(code("200")).encode()))


def test_a_transfer_is_asked_after_and_taken_back_by_its_numbers():
    about = {"mbrRefNo": "T1", "amount": "0", "orgRefNo": "R1", **ABOUT}
    assert said(call(TALKS["transfer-status"]())) == about
    assert said(call(TALKS["transfer-cancel"]())) == about | {"orgTranDate": ""}
    dated = gateway().cancel_transfer(PAID, {"mbrRefNo": "T1", "refNo": "R1", "tranDate": "261120"}, STAMP)
    assert said(call(dated)) == about | {"orgTranDate": "261120"}
    bare = {"mbrRefNo": "", "amount": "0", "orgRefNo": "", **ABOUT}
    assert said(call(gateway().show_transfer(PAID, {}, 55_000, STAMP))) == bare
    assert said(call(gateway().cancel_transfer(PAID, {}, STAMP))) == bare | {"orgTranDate": ""}


def found(told):
    sent = Stamp(datetime(2026, 11, 20, 23, tzinfo=UTC), "0" * 32)  # 08:00 of the next day in Korea
    return outcome(gateway().find_transfer(PAID, "T1", 10_000, sent, STAMP), told)


def test_a_lost_registration_is_looked_for_by_our_number_alone():
    talk = call(gateway().find_transfer(PAID, "T1", 10_000, STAMP, STAMP))
    assert (talk.op, talk.moves_money) == ("transfer-status", False)
    assert said(talk) == {"mbrRefNo": "T1", "amount": "0", **ABOUT}


@pytest.mark.parametrize("more", [{}, {"amount": 10_000}])
def test_a_transfer_is_found_only_by_an_answer_that_names_it(more):
    refs = {"mbrRefNo": "T1", "refNo": "R1", "tranDate": "261121"}
    shown = found(code("200", status="R", mbrRefNo="T1", refNo="R1", **more))
    assert shown == TransferShown("registered", "R", "말씀", refs)


@pytest.mark.parametrize("told", [{}, {"mbrRefNo": "T2"}, {"mbrRefNo": "T1", "amount": 10_001}])
def test_an_answer_about_another_transfer_finds_none(told):
    shown = found(code("200", status="S", refNo="R1", **told))
    assert isinstance(shown, Unknown)
    assert (shown.code, shown.message) == ("S", "말씀")
    assert isinstance(found(code("404")), Absent)


@pytest.mark.parametrize(("purpose", "person"), [("income", "0"), ("business", "1"), ("self", "0")])
def test_a_receipt_is_for_a_person_or_for_a_business(purpose, person):
    form = said(call(gateway().issue_receipt(receipt(purpose=purpose), STAMP)))

    assert form == {
        **{"mbrRefNo": "RECEIPT1", "amount": "55000", "personType": person, "customerPk": "01012345678", **ABOUT},
        **{"taxAmt": "4000", "taxFreeAmt": "11000", "goodsName": "봄의 제전", "customerName": "홍길동"},
        "clientType": "MERCHANT",
    }


def receipt(**changes) -> ReceiptOrder:
    told = {"title": "봄의 제전", "purpose": "income", "buyer_name": "홍길동"} | changes
    return ReceiptOrder("RECEIPT1", split=RECEIPT.split, identity="01012345678", traded_at=AT, **told)


@pytest.mark.parametrize(
    ("changes", "name", "written"),
    [
        ({"title": "a" * 31}, "goodsName", "a" * 30),
        ({"title": "♥"}, "goodsName", "TICKET"),
        ({"buyer_name": "b" * 31}, "customerName", "b" * 30),
        ({"buyer_name": ""}, "customerName", "구매자"),
    ],
)
def test_a_receipts_words_fit_their_fields(changes, name, written):
    assert said(call(gateway().issue_receipt(receipt(**changes), STAMP)))[name] == written


def test_a_receipt_is_issued_with_the_tax_offices_number_and_cancelled_by_mainpays():
    issued = outcome(TALKS["receipt"](), code("200", applNo="123", refNo="R1", tranDate="261120"))
    assert issued == ReceiptIssued("123", {"refNo": "R1", "tranDate": "261120"})
    form = said(call(gateway().cancel_receipt(RECEIPT, issued, STAMP)))
    about = {"mbrRefNo": "C0000FFFF10000000000", "amount": "55000", "clientType": "MERCHANT", **ABOUT}
    assert form == about | {"orgRefNo": "R1", "orgTranDate": "261120"}
    bare = said(call(gateway().cancel_receipt(RECEIPT, ReceiptIssued("1"), Stamp(AT, "a" * 32))))
    assert bare == about | {"mbrRefNo": "C" + "A" * 19, "orgRefNo": "", "orgTranDate": ""}
