"""Mainpay's windows, field by field: what each call says and hides, and what each answer is worth."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge.domain.exchange import KST, Call, Reply, Stamp
from bridge.domain.failures import Misconfigured, Unreadable
from bridge.domain.gateway import (
    Declined,
    Paid,
    Redirect,
    Return,
    Unknown,
    Urls,
    Waiting,
)
from bridge.domain.payment import Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.gateways.mainpay.adapter import _given, build
from bridge.gateways.mainpay.answers import approval
from bridge.gateways.mainpay.writing import Writer

AT = datetime.fromisoformat("2026-11-20T15:00:00+09:00")
STAMP = Stamp(AT, "0000ffff1" + "0" * 23)
URLS = Urls("https://pay.test/r/x", "https://pay.test/r/x/close", "https://pay.test/n/x")
MBR, KEY = "100011", "U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0"
WINDOW, RELAY = "https://test-api-std.mainpay.co.kr", "https://test-relay.mainpay.co.kr"
PAGE = "https://mobile.mainpay.co.kr/pay/1"
LIVE, GUIDE = {"dialect": "live", "aid": "AID1"}, {"dialect": "guide", "refNo": "REF1"}
BUYER = Buyer("홍길동", "hong@shop.test", "010-1234-5678")


def gateway(**settings: str):
    return build(settings, Mode.TEST)


def payment(refs=None, **more) -> Payment:
    made = Payment(
        id="p", site="s", order_ref="O-1", order_version=1, gateway="mainpay", method=Method.CARD, device=Device.PC,
        state="approving", amount=55_000, version=3, merchant_ref="PAY1", created_at=AT,
        expires_at=AT + timedelta(minutes=15), refs=refs or {},
    )  # fmt: skip
    return replace(made, **more)


def order(title: str = "봄의 제전", buyer: Buyer = BUYER) -> Order:
    return Order("O-1", 1, title, 55_000, buyer, "https://shop.test/r")


def refund(amount: int = 55_000, full: bool = True) -> RefundOrder:
    return RefundOrder("REFUND1", amount, "고객 요청", full, 55_000 - amount, 0)


def said(call: Call) -> dict[str, str]:
    """Give a call's form without its signature, which must be right."""
    form = dict(call.form)
    amount = form["cancelAmount"] if "cancelReason" in form else form["amount"]
    text = "|".join((MBR, form["mbrRefNo"], amount, KEY, form["timestamp"]))
    assert form.pop("signature") == hashlib.sha256(text.encode()).hexdigest()
    return {name: value for name, value in form.items() if name != "timestamp"}


def asked(exchange) -> Call:
    return next(exchange)


def answered(exchange, *replies):
    """Let a conversation run on these answers: a dict is JSON with status 200, a number an empty page's status."""
    next(exchange)
    for told in replies:
        reply = Reply(told, b"") if isinstance(told, int) else Reply(200, json.dumps(told).encode())
        try:
            exchange.send(reply)
        except StopIteration as end:
            assert told is replies[-1], "it ends with the last answer, and not before"
            return end.value
    raise AssertionError("the conversation is not at its end")


def code(number: str, **data):
    return {"resultCode": number, "resultMessage": "말씀", **({"data": data} if data else {})}


def opened(told, device: Device = Device.PC, **settings):
    return answered(gateway(**settings).open_window(payment(device=device), order(), URLS, STAMP), told)


def approved(told, refs=LIVE, **more):
    return answered(gateway().approve(payment(refs, **more), Return({"authToken": "T"}), STAMP), told)


def test_a_window_is_asked_for_in_both_dialects_at_once():
    call = asked(gateway().open_window(payment(), order(), URLS, STAMP))

    assert (call.op, call.method, call.url, call.moves_money) == ("ready", "POST", f"{WINDOW}/v1/payment/ready", False)
    assert said(call) == {
        **{"mbrRefNo": "PAY1", "amount": "55000", "version": "V001", "mbrNo": MBR, "paymethod": "CARD"},
        **{"goodsName": "봄의 제전", "goodsCode": "TICKET", "merchantData": "PAY1"},
        **{"approvalUrl": URLS.approval, "closeUrl": URLS.close, "notiUrl": URLS.notice},
        **{"customerName": "홍길동", "customerEmail": "hong@shop.test", "customerTelNo": "01012345678"},
        **{"buyerName": "홍길동", "buyerEmail": "hong@shop.test", "buyerTel": "010-1234-5678"},
    }


def test_a_shop_may_leave_the_guides_names_of_the_buyer_out():
    both = asked(gateway().open_window(payment(), order(), URLS, STAMP)).form
    one = asked(gateway(buyer_fields="customer").open_window(payment(), order(), URLS, STAMP)).form

    assert both.keys() - one.keys() == {"buyerName", "buyerEmail", "buyerTel"}
    assert one["customerName"] == "홍길동"
    with pytest.raises(Misconfigured, match="buyer_fields must be both or customer"):
        gateway(buyer_fields="none")


@pytest.mark.parametrize(
    ("method", "paymethod"),
    [
        *((one, "CARD") for one in (Method.CARD, Method.KAKAOPAY, Method.NAVERPAY, Method.PAYCO)),
        *((Method.ACCOUNT, "ACCT"), (Method.VIRTUAL_ACCOUNT, "VACCT"), (Method.PHONE, "HPP"), (Method.GIFT, "CULT")),
    ],
)
def test_each_method_is_asked_for_by_mainpays_own_name(method, paymethod):
    paid = payment(LIVE, method=method)
    calls = [
        asked(gateway().open_window(paid, order(), URLS, STAMP)),
        asked(gateway().approve(paid, Return({}), STAMP)),
        asked(gateway().refund(paid, refund(), STAMP)),
        asked(gateway().undo(replace(paid, refs={"dialect": "direct"}), Return({}), STAMP, STAMP)),
    ]

    assert {call.form["paymethod"] for call in calls} == {paymethod}
    assert method in gateway().methods
    assert gateway().paid_as(method) == (Method.CARD if paymethod == "CARD" else method), "its window offers wallets"


@pytest.mark.parametrize(
    ("given", "name", "written"),
    [
        ({"title": "가" * 11}, "goodsName", "가" * 10),
        ({"title": "a" * 31}, "goodsName", "a" * 30),
        ({"title": "♥"}, "goodsName", "TICKET"),
        ({"name": "b" * 31}, "customerName", "b" * 30),
        ({"name": "b" * 31}, "buyerName", "b" * 30),
        ({"name": ""}, "customerName", "구매자"),
        ({"name": ""}, "buyerName", "구매자"),
        ({"email": "c" * 40 + "@shop.test"}, "customerEmail", "c" * 40 + "@shop.test"),
        ({"email": "c" * 40 + "@shop.test"}, "buyerEmail", "c" * 40 + "@shop.test"),
        ({"email": "c" * 41 + "@shop.test"}, "customerEmail", "none@pay.test"),
        ({"email": "c" * 41 + "@shop.test"}, "buyerEmail", ""),
        ({"phone": "0123456789012"}, "customerTelNo", "012345678901"),
    ],
)
def test_what_does_not_fit_a_field_is_cut_or_replaced(given, name, written):
    buyer = {field: value for field, value in given.items() if field != "title"}
    call = asked(
        gateway().open_window(payment(), order(given.get("title", "표"), replace(BUYER, **buyer)), URLS, STAMP)
    )

    assert call.form[name] == written


def test_a_window_that_opens_is_remembered_in_the_dialect_of_its_answer():
    pages = {f"next{device}Url": f"https://{device.lower()}.mainpay.co.kr/w" for device in ("Pc", "Mobile", "App")}
    for device, host in ((Device.PC, "pc"), (Device.MOBILE, "mobile"), (Device.APP, "app")):
        window = opened(code("200", aid="AID1", **pages), device)
        assert window == Redirect(f"https://{host}.mainpay.co.kr/w", LIVE)
    guide = opened(code("200", payUrl=PAGE, refNo="REF1", tranDate="20261120"))
    assert guide == Redirect(PAGE, {"dialect": "guide", "refNo": "REF1", "tranDate": "20261120"})
    assert opened(code("200", payUrl=PAGE, refNo="REF1")).refs["tranDate"] == ""


def test_a_window_that_does_not_open_says_why():
    assert opened(code("1003")) == Declined(Reason.DUPLICATE, "1003", "말씀")
    assert opened({"resultCode": "1002"}) == Declined(Reason.MERCHANT, "1002", "")
    unlisted = opened(code("9999"))
    assert isinstance(unlisted, Unknown)
    assert (unlisted.code, unlisted.message, unlisted.refusal) == ("9999", "말씀", True)


@pytest.mark.parametrize(
    "url",
    [
        *("https://mainpay.co.kr/w", "https://m.mainpay.co.kr/w", "https://m.mainpay.co.kr:8443/w"),
        *(f"{WINDOW}/w", f"{RELAY}/w"),
    ],
)
def test_a_window_is_shown_within_mainpays_domain(url):
    assert isinstance(opened(code("200", payUrl=url, refNo="REF1")), Redirect)


@pytest.mark.parametrize(
    "url",
    [
        *("", "/w", "https:///w", "http://m.mainpay.co.kr/w", "ftp://m.mainpay.co.kr/w", "https://evilmainpay.co.kr/w"),
        *("https://evil.test/w", "https://mainpay.co.kr.evil.test/w", "https://evil.test/mainpay.co.kr"),
        *("https://m@m.mainpay.co.kr/w", "https://evil.test\\m.mainpay.co.kr/w", "https://é.mainpay.co.kr/w"),
        "https://m.mainpay.co.kr/w\x7f",
    ],
)
def test_a_window_elsewhere_is_not_shown_and_nothing_is_known_of_it(url):
    assert isinstance(opened(code("200", payUrl=url or " ", refNo="REF1")), Unknown)


def test_the_addresses_that_are_asked_are_windows_too_where_a_site_names_others():
    own = {"api_url": "http://127.0.0.1:9001", "relay_url": "http://127.0.0.1:9002"}
    assert gateway(**own).hosts == {"http://127.0.0.1:9001", "http://127.0.0.1:9002"}
    assert isinstance(opened(code("200", payUrl="http://127.0.0.1:9001/w", refNo="REF1"), **own), Redirect)
    assert isinstance(opened(code("200", payUrl="http://127.0.0.1:9003/w", refNo="REF1"), **own), Unknown)


def test_what_the_browser_brings_back_is_kept_as_it_is():
    read = gateway().read_return
    assert read({"aid": "A", "authToken": "T"}) == Return(
        {"aid": "A", "authToken": "T", "payType": "", "merchantData": ""}
    )
    full = {"aid": "A", "authToken": "T", "payType": "K", "merchantData": "PAY1"}
    assert read(full | {"else": "x"}) == Return(full)
    assert read({"refNo": "R", "authCode": "C"}) == Return({"refNo": "R", "authCode": "C"})
    assert read({"refNo": "R", "authCode": "C", "resultCode": "200"}) == Return({"refNo": "R", "authCode": "C"})
    for form in ({}, {"aid": "A"}, {"authToken": "T"}):
        with pytest.raises(Unreadable):
            read(form)


@pytest.mark.parametrize(
    ("form", "refused"),
    [
        ({"authCode": "C", "resultCode": "2002", "resultMessage": "한도"}, Declined(Reason.LIMIT, "2002", "한도")),
        ({"authCode": "C", "resultCode": "7777"}, Declined(Reason.DECLINED, "7777", "")),
        ({"resultCode": "200"}, Declined(Reason.DECLINED, "200", "")),
        ({}, Declined(Reason.DECLINED, "", "")),
    ],
)
def test_the_windows_own_no_is_a_no(form, refused):
    returned = gateway().read_return({"refNo": "R", **form})

    assert returned.refused == refused
    assert returned.refs == {"refNo": "R", "authCode": form.get("authCode", "")}


def test_the_call_that_moves_the_money_says_what_the_window_said():
    returned = Return({"authToken": "T", "payType": "K", "merchantData": "PAY1"})
    live = asked(gateway().approve(payment(LIVE), returned, STAMP))
    assert (live.op, live.url, live.moves_money) == ("pay", f"{WINDOW}/v1/payment/pay", True)
    about = {"mbrRefNo": "PAY1", "amount": "55000"}
    known = {"version": "V001", "mbrNo": MBR, "paymethod": "CARD"}
    assert said(live) == about | known | {"aid": "AID1", "authToken": "T", "payType": "K", "merchantData": "PAY1"}
    bare = asked(gateway().approve(payment({"dialect": "live"}), Return({}), STAMP))
    assert said(bare) == about | known | {"aid": "", "authToken": "", "payType": "", "merchantData": ""}

    guide = asked(gateway().approve(payment(GUIDE), Return({"authCode": "C"}), STAMP))
    assert said(guide) == about | {"mchtId": MBR, "refNo": "REF1", "authCode": "C"}
    bare = asked(gateway().approve(payment({"dialect": "guide"}), Return({}), STAMP))
    assert said(bare) == about | {"mchtId": MBR, "refNo": "", "authCode": ""}


@pytest.mark.parametrize(
    ("came", "sent"),
    [("PAY1", "PAY1"), ("UEFZMQ==", "PAY1"), ("UEFZMQ", "PAY1"), ("UEFZMg==", "UEFZMg=="), ("", ""), ("=", "=")],
)
def test_merchant_data_goes_on_as_ready_was_given_it_where_it_came_in_base64(came, sent):
    returned = Return({"authToken": "T", "merchantData": came})
    pay = asked(gateway().approve(payment(LIVE), returned, STAMP))
    undo = asked(gateway().undo(payment(LIVE), returned, STAMP, STAMP))

    assert pay.form["merchantData"] == sent
    assert undo.form == pay.form


def test_of_base64_only_the_padding_is_left_out_of_the_comparison():
    assert base64.b64encode(b"ab1") == b"YWIx"
    assert _given("ab1", "YWIx") == "ab1"


def test_an_approval_keeps_what_a_cancel_and_a_receipt_need():
    told = {"refNo": "R1", "tranDate": "261119", "tranTime": "150001", "payType": "K", "applNo": "300"}
    paid = approved(code("200", amount="55000", cardNo="4111111111111111", installment="03", cardCode="04", **told))
    assert isinstance(paid, Paid)
    assert (paid.amount, paid.refs) == (55_000, LIVE | told)
    assert paid.paid_at == datetime(2026, 11, 19, 15, 0, 1, tzinfo=KST), "the days of its receipts count from there"
    assert paid.card == {"number": "4111-11**-****-1111", "name": "현대", "installment": "03", "approval_no": "300"}
    bare = approved(code("200", amount=55_000, refNo="R1"))
    assert (bare.refs, bare.card) == (LIVE | {"refNo": "R1", "tranDate": "261120"}, {})


@pytest.mark.parametrize(
    ("data", "dialect", "name"),
    [
        ({"issueCompanyNo": "04"}, "live", "현대"),
        ({"issueCompanyNo": "04"}, "guide", "삼성카드"),
        ({"cardCode": "02", "issueCompanyNo": "04"}, "live", "신한"),
        ({"issueCardName": "가", "issueCompanyName": "나", "cardCode": "02"}, "live", "가"),
        ({"issueCompanyName": "나", "cardCode": "02"}, "live", "나"),
    ],
)
def test_a_cards_company_is_named_by_the_answer_or_by_the_dialects_table(data, dialect, name):
    paid = approved(code("200", amount=55_000, refNo="REF1", **data), {"dialect": dialect})

    assert paid.card == {"name": name}


def test_the_day_of_an_approval_that_names_none_is_korean():
    late = Stamp(datetime.fromisoformat("2026-11-20T15:30:00+00:00"), "0" * 32)
    reply = Reply(200, json.dumps(code("200", amount=55_000, refNo="R1")).encode())

    assert approval(payment(LIVE), MBR, reply, late).refs["tranDate"] == "261121"


@pytest.mark.parametrize(
    ("refs", "data"),
    [
        (LIVE, {"mbrRefNo": "OTHER"}),
        (LIVE, {"mbrNo": "100012"}),
        (LIVE, {"aid": "AID2"}),
        (GUIDE, {"refNo": "REF2"}),
    ],
)
def test_an_approval_about_another_payment_is_not_ours(refs, data):
    outcome = approved(code("200", **{"amount": 55_000, "refNo": "REF1"} | data), refs)

    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.message, outcome.refusal) == ("200", "말씀", False)


@pytest.mark.parametrize(
    ("refs", "data"),
    [
        (LIVE, {"mbrRefNo": "PAY1", "mbrNo": MBR, "aid": "AID1", "refNo": "ANY"}),
        (GUIDE, {"refNo": "REF1"}),
        (GUIDE, {}),
        ({"dialect": "guide"}, {"refNo": "ANY"}),
        ({"dialect": "live"}, {"aid": "ANY", "refNo": "ANY"}),
    ],
)
def test_an_approval_that_names_ours_or_nothing_that_we_know_is_ours(refs, data):
    assert isinstance(approved(code("200", amount=55_000, **data), refs), Paid)


@pytest.mark.parametrize("data", [{"amount": 55_000}, {"refNo": "R1", "amount": 0}, {"refNo": "R1"}])
def test_an_approval_without_a_number_or_money_is_unreadable(data):
    with pytest.raises(Unreadable):
        approved(code("200", **data))


@pytest.mark.parametrize(
    ("number", "refusal"), [("9999", True), ("1004", True), ("1003", False), ("ma", False), ("500", False)]
)
def test_a_code_that_is_no_listed_decline_is_unknown_and_perhaps_a_refusal(number, refusal):
    outcome = approved(code(number))

    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.message, outcome.refusal) == (number, "말씀", refusal)
    assert approved({"resultCode": number}).message == ""


def test_a_declined_approval_says_why():
    assert approved(code("2003")) == Declined(Reason.CARD_STOPPED, "2003", "말씀")


def test_an_account_is_waited_for_with_its_bank_holder_and_last_second():
    data = {"refNo": "R1", "accountNo": "0012", "bankCode": "04", "accountOwner": "상점", "accountCloseDate": "261122"}
    waiting = approved(code("200", **data), method=Method.VIRTUAL_ACCOUNT)
    assert isinstance(waiting, Waiting)
    due = datetime.fromisoformat("2026-11-22T23:59:59+09:00")
    account = {"bank_code": "04", "bank": "KB국민은행", "number": "0012", "holder": "상점", "due": due.isoformat()}
    assert (waiting.account, waiting.due) == (account, due)
    assert waiting.refs == LIVE | {"refNo": "R1", "tranDate": "261120"}


@pytest.mark.parametrize(
    ("data", "account"),
    [
        ({}, {"bank_code": "", "bank": "", "holder": ""}),
        ({"bankCode": "71", "bankName": "우체국 예금"}, {"bank_code": "71", "bank": "우체국 예금"}),
        ({"bankCode": "99"}, {"bank": "99"}),
        ({"accountCloseDate": "20261122"}, {"due": "2026-11-22T23:59:59+09:00"}),
        ({"accountCloseDate": "tomorrow"}, {}),
    ],
)
def test_an_account_is_told_as_far_as_the_answer_tells_it(data, account):
    waiting = approved(code("200", refNo="R1", accountNo="0012", **data), method=Method.VIRTUAL_ACCOUNT)

    assert waiting.account.items() >= (account | {"number": "0012"}).items()
    assert (waiting.due is not None) == ("due" in account) == ("due" in waiting.account)


@pytest.mark.parametrize("number", [{}, {"accountNo": ""}, {"accountNo": None}])
def test_an_account_without_a_number_is_no_account(number):
    with pytest.raises(Unreadable):
        approved(code("200", refNo="R1", **number), method=Method.VIRTUAL_ACCOUNT)


def test_a_banks_name_is_the_dialects():
    told = code("200", refNo="REF1", accountNo="0012", bankCode="03")
    assert approved(told, GUIDE, method=Method.VIRTUAL_ACCOUNT).account["bank"] == "기업은행"
    assert approved(told, LIVE, method=Method.VIRTUAL_ACCOUNT).account["bank"] == "IBK기업은행"


@pytest.mark.parametrize(("digits", "written"), [("18", "202611201500005535"), ("15", "261120150000535")])
def test_a_timestamp_is_korean_time_and_chance(digits, written):
    writer = Writer(gateway(timestamp=digits).settings)

    assert writer.timestamp(STAMP) == written
    assert writer.timestamp(Stamp(STAMP.at, "0000000a" + "f" * 24)).endswith("0010" if digits == "18" else "00010")


def test_notices_come_from_the_guides_address_where_the_site_is_live():
    live = build({"mbr_no": "1", "api_key": "k"}, Mode.LIVE)
    assert live.allows_source("211.43.193.87")
    assert not live.allows_source("211.43.193.88")
    assert gateway().allows_source("1.2.3.4")


@pytest.mark.parametrize("sources", ["", " , "])
def test_a_live_site_that_would_take_notices_from_anywhere_is_refused_with_what_to_set(sources):
    with pytest.raises(Misconfigured, match=r"set it to the addresses .*211\.43\.193\.87"):
        build({"mbr_no": "1", "api_key": "k", "notice_sources": sources}, Mode.LIVE)
    assert gateway(notice_sources=sources).allows_source("1.2.3.4")
    moved = build({"mbr_no": "1", "api_key": "k", "notice_sources": " 192.0.2.7 ,"}, Mode.LIVE)
    assert (moved.allows_source("192.0.2.7"), moved.allows_source("211.43.193.87")) == (True, False)


HIDDEN = {
    "a signature or a token that pays": {"signature", "authToken", "authCode"},
    "an address that only Mainpay may know": {"approvalUrl", "closeUrl", "notiUrl"},
    "a person": {"customerName", "customerEmail", "customerTelNo", "buyerName", "buyerEmail", "buyerTel"},
    "a card": {"cardNo", "expd", "regNo", "passwd", "billkey"},
    "a person's bank account or number": {"customerPk", "accountOwner", "birthDay"},
}


@pytest.mark.parametrize("bears", HIDDEN)
def test_no_journal_shows_a_field_that_bears(bears):
    paid = payment(LIVE)
    calls = (
        asked(gateway().open_window(paid, order(), URLS, STAMP)),
        asked(gateway().approve(paid, Return({}), STAMP)),
        asked(gateway().refund(paid, refund(), STAMP)),
        asked(gateway().refund(payment(GUIDE), refund(), STAMP)),
    )
    for call in calls:
        assert call.secrets >= HIDDEN[bears], call.op
        assert not call.secrets & {"mbrRefNo", "amount", "refNo", "orgRefNo"}, "what a clerk looks for is shown"
