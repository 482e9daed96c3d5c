"""Pay-Story's and Payple's keys, windows and refunds, field by field: what fits, what is asked, what is not.

The words of `bridge.gateways.paystory.adapter` and `bridge.gateways.payple.adapter`."""

from dataclasses import replace
from datetime import datetime

import pytest

from bridge.domain.billing import Issued
from bridge.domain.exchange import Stamp
from bridge.domain.gateway import Declined, Done, Unknown, WindowPass
from bridge.domain.payment import Account, Mode, RefundOrder
from bridge.gateways.payple.adapter import build as build_payple
from bridge.gateways.payple.fields import payer_no
from bridge.gateways.paystory.adapter import build as build_paystory
from tests.gateways import harness

BUILD = {"payple": build_payple, "paystory": build_paystory}
STAMP = harness.stamp(None)


def vector(gateway, operation):
    return next(one for one in harness.load(gateway) if one["operation"] == operation)


def made(gateway, **settings):
    return BUILD[gateway](vector(gateway, "approve")["settings"] | settings, Mode.TEST)


def played(gateway, operation, replies=None, **changes):
    return harness.played(made(gateway), vector(gateway, operation) | changes, replies)


# ---- Pay-Story


@pytest.mark.parametrize(
    ("operation", "op"),
    [("approve", "approve"), ("inquire", "query"), ("undo", "cancel"), ("refund", "cancel"), ("charge", "bill"),
     ("issue_key", "approve"), ("issue_key_by_card", "regist"), ("delete_key", "delete")],
)  # fmt: skip
def test_each_call_of_paystory_has_its_name_and_hides_its_hash(operation, op):
    (call,) = played("paystory", operation)[0]
    assert call.op == op
    assert call.secrets >= {"encData", "hashStr", "signData", "bid"}


@pytest.mark.parametrize(
    ("number", "sent"), [("110-1234-5678", "11012345678"), ("1" * 20, "1" * 20), ("1" * 21, "1" * 20)]
)
def test_money_goes_back_to_the_account_that_is_named_in_at_most_twenty_digits(number, sent):
    refund = RefundOrder("R1", 5_000, "x", False, 50_000, 0, account=Account("004", number, "홍길동"))
    call = next(made("paystory").refund(harness.payment(vector("paystory", "refund")), refund, STAMP))
    told = {name: call.form[name] for name in ("refundBankCd", "refundAccnt", "refundNm", "partCanFlg", "canAmt")}
    assert told == {
        **{"refundBankCd": "004", "refundAccnt": sent, "refundNm": "홍길동"},
        "partCanFlg": "1",
        "canAmt": "5000",
    }


@pytest.mark.parametrize(("locale", "language"), [("ko_KR", "KOR"), ("en_US", "ENG")])
@pytest.mark.parametrize(("method", "flag"), [("card", "0"), ("phone", "1")])
def test_the_window_of_a_key_says_what_is_registered_in_the_buyers_language(locale, language, method, flag):
    found = vector("paystory", "open_key_window")
    script = played("paystory", "open_key_window", key_order=found["key_order"] | {"locale": locale, "method": method})[
        1
    ]
    assert (script.fields["language"], script.fields["billHpFlg"]) == (language, flag)
    assert script.refs == {"mbsReserved": found["key_order"]["ref"]}


def test_a_refusal_of_the_window_is_told_in_its_own_words():
    refused = made("paystory").read_return({"resultCode": "9999", "resultMsg": "취소했습니다"}).refused
    assert (type(refused), refused.message) == (Declined, "취소했습니다")


@pytest.mark.parametrize(
    ("holder", "kind"), [("900101", "01"), ("1234567890", "02"), ("123456789", "01"), ("12345678901", "01")]
)
def test_ten_digits_are_a_companys_card(holder, kind):
    card = vector("paystory", "issue_key_by_card")["card"] | {"holder": holder}
    (call,) = played("paystory", "issue_key_by_card", card=card)[0]
    assert (call.form["cardTypeCd"], call.form["ordAuthNo"]) == (kind, holder)


@pytest.mark.parametrize(("amount", "quota"), [(49_999, "00"), (50_000, "03")])
def test_a_key_is_charged_in_instalments_from_50_000_won(amount, quota):
    told = vector("paystory", "charge")["payment"] | {"amount": amount, "instalment_months": 3}
    (call,) = played("paystory", "charge", [], payment=told)[0]
    assert (call.form["quotaMon"], call.form["goodsAmt"]) == (quota, str(amount))


@pytest.mark.parametrize(("customer", "sent"), [("u" * 20, "u" * 20), ("u" * 21, "u" * 20), ("홍길동", "")])
def test_a_customer_is_named_in_at_most_twenty_plain_signs(customer, sent):
    key = vector("paystory", "charge")["key"] | {"customer": customer}
    (call,) = played("paystory", "charge", [], key=key)[0]
    assert call.form["mbsUsrId"] == sent


# ---- Payple


@pytest.mark.parametrize(("title", "sent"), [("", "TICKET"), ("a" * 2048, "a" * 2048), ("a" * 2049, "a" * 2048)])
def test_goods_have_a_name_of_at_most_2048_bytes(title, sent):
    assert played("payple", "open_window", order={"title": title})[1].fields["PCD_PAY_GOODS"] == sent
    assert played("payple", "charge", order={"title": title})[0][1].body["PCD_PAY_GOODS"] == sent


@pytest.mark.parametrize(("name", "sent"), [("", "구매자"), ("a" * 100, "a" * 100), ("a" * 101, "a" * 100)])
def test_a_buyer_has_a_name_of_at_most_100_bytes(name, sent):
    fields = played("payple", "open_window", order={"buyer": {"name": name}})[1].fields
    assert fields["PCD_PAYER_NAME"] == sent


@pytest.mark.parametrize("operation", ["vouch", "vouch_for_key"])
def test_both_windows_are_given_the_same_pass(operation):
    found = vector("payple", "vouch") | {"operation": operation, "key_order": {"ref": "KEY1"}}
    calls, given = harness.played(made("payple"), found)
    assert [call.op for call in calls] == ["auth"]
    assert isinstance(given, WindowPass)
    assert given.answer["AuthKey"] == found["talk"][0]["reply"]["body"]["AuthKey"]
    refused = harness.played(made("payple"), found, [{"body": {"result": "error", "result_msg": "no"}}])[1]
    assert (type(refused), refused.message) == (Declined, "no")


@pytest.mark.parametrize(
    ("refs", "paid", "day"),
    [
        ({"payTime": "20260330163604"}, "2026-04-01T12:00:00+09:00", "20260330"),
        ({"payTime": "2026-03-30 16:36"}, "2026-03-31T12:00:00+09:00", "20260331"),
        ({"payTime": "20260230163604"}, "2026-03-31T12:00:00+09:00", "20260331"),
        ({"payTime": "202603"}, "2026-03-31T12:00:00+09:00", "20260331"),
        ({}, "2026-03-30T14:59:59+00:00", "20260330"),
        ({}, "2026-03-30T15:00:00+00:00", "20260331"),
        ({}, None, "20260402"),
    ],
)
def test_a_refund_names_the_day_of_the_payment_in_korea(refs, paid, day):
    found = vector("payple", "refund")
    at = datetime.fromisoformat(paid) if paid else None
    exchange = made("payple").refund(
        replace(harness.payment(found), refs=refs, paid_at=at),
        harness.arguments(found)["refund"],
        Stamp(datetime.fromisoformat("2026-04-01T15:00:00+00:00"), "0" * 32),
    )
    next(exchange)
    assert exchange.send(harness.reply_of(found["talk"][0]["reply"])).body["PCD_PAY_DATE"] == day


@pytest.mark.parametrize("returned", [{}, {"PCD_PAYER_ID": ""}, {"oid": "KEY1"}])
def test_a_window_that_brings_no_key_is_asked_about_none(returned):
    calls, outcome = played("payple", "issue_key", returned=returned)
    assert calls == []
    assert isinstance(outcome, Unknown)


def test_a_key_counts_if_payple_knows_it_and_is_declined_if_not():
    issued = played("payple", "issue_key")[1]
    assert isinstance(issued, Issued)
    assert issued.card == played("payple", "show_key")[1].card != {}
    passed = vector("payple", "issue_key")["talk"][0]["reply"]
    gone = {"body": {"PCD_PAY_RST": "error", "PCD_PAY_CODE": "C1", "PCD_PAY_MSG": "등록된 결제 키가 없습니다."}}
    outcome = played("payple", "issue_key", [passed, gone])[1]
    assert (type(outcome), outcome.message) == (Declined, "")
    assert outcome.code == "C1"
    unclear = {"body": {"PCD_PAY_RST": "error", "PCD_PAY_CODE": "C2", "PCD_PAY_MSG": "?"}}
    outcome = played("payple", "issue_key", [passed, unclear])[1]
    assert (type(outcome), outcome.code) == (Unknown, "C2")
    assert played("payple", "delete_key")[1] == Done()


@pytest.mark.parametrize(
    ("refs", "link"),
    [
        ({}, ""),
        ({"receipt": ""}, ""),
        ({"receipt": "https://x.test/"}, "https://x.test/"),
        ({"receipt": "ftp://x"}, ""),
    ],
)
def test_a_slip_is_shown_only_at_an_address_of_the_web(refs, link):
    assert made("payple").receipt_link(replace(harness.payment(vector("payple", "refund")), refs=refs)) == link


def test_a_payers_number_is_ten_digits_at_most_and_tells_nothing():
    numbers = {payer_no(f"user{number}") for number in range(200)}
    assert len(numbers) == 200
    assert all(one.isdigit() and len(one) <= 10 for one in numbers)
    assert payer_no("user1") == payer_no("user1")


@pytest.mark.parametrize("result", ["callback", "redirect"])
def test_a_windows_result_goes_to_one_place(result):
    found = next(one for one in harness.load("payple") if one["name"] == "the result goes to a function")
    other = vector("payple", "open_window")
    script = harness.played(made("payple", **(found if result == "callback" else other)["settings"]), other)[1]
    assert ("PCD_RST_URL" in script.fields) is (result != "callback")
    assert script.callback == ("callbackFunction" if result == "callback" else "")
    assert script.fields.get("PCD_RST_URL", harness.URLS.approval) == harness.URLS.approval
