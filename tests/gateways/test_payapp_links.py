"""What an operator hands out of PayApp, field by field: the app's address, its result, a window without a price.

The words of `bridge.gateways.payapp.links`."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from bridge.domain.failures import Misconfigured, Unreadable
from bridge.domain.payment import AMOUNT_MAX
from bridge.gateways.payapp.commands import HANDED_OUT
from bridge.gateways.payapp.links import (
    AT_THE_COUNTER,
    RESULT_FIELDS,
    app_link,
    make,
    open_price_window,
    read_app_result,
)
from tests.gateways.test_payapp_fields import gateway

WHOLE = {
    **{"reqType": "OCR", "returnUri": "shop://back", "goodName": "봄의 제전", "goodPrice": "50000"},
    **{"phoneNumber": "01012345678", "hasTax": "0", "cardinst": "03", "isAllPayReqType": "1"},
    **{"feedbackurl": "https://shop.test/n", "var1": "A", "var2": "B"},
}


NEEDED = {"returnUri": "shop://back", "goodName": "표"}


def offered(name: str) -> tuple[str, ...]:
    command = next(one for one in HANDED_OUT if one.name == name)
    return tuple(one.name for one in command.fields)


def asked(**fields: str) -> dict[str, str]:
    """Give what the app's address says besides what every one must."""
    answer = make(gateway(), "appLink", NEEDED | fields)
    assert answer.done
    said = dict(parse_qsl(urlsplit(answer.fields["url"]).query))
    return {name: value for name, value in said.items() if name in fields or name not in NEEDED}


def call(**fields: str) -> str:
    """Give the line that opens a window in which the buyer names the price."""
    answer = make(gateway(), "priceWindow", fields)
    assert answer.done
    return answer.fields["call"]


def test_the_apps_address_says_all_that_is_offered_and_of_what_is_left_out_nothing():
    assert set(offered("appLink")) == set(WHOLE)
    address = make(gateway(), "appLink", WHOLE).fields["url"]
    assert address.startswith("https://payapp.kr/sdk-app?reqType=OCR&")
    assert asked(**WHOLE) == WHOLE | {"checkretry": "y"}
    assert asked(reqType="QR", goodPrice="1000") == {"reqType": "QR", "goodPrice": "1000", "hasTax": "1"}
    assert asked(goodPrice="1000", phoneNumber="01012345678")["reqType"] == "REMOTE"


@pytest.mark.parametrize(("tax", "told"), [("1", "1"), ("0", "0"), ("x", "0")])
def test_the_app_is_told_of_tax_unless_there_is_none(tax, told):
    assert asked(reqType="QR", goodPrice="1000", hasTax=tax)["hasTax"] == told


@pytest.mark.parametrize(("every", "told"), [("1", "1"), ("0", None), ("", None)])
def test_the_app_offers_every_kind_where_that_is_asked_for(every, told):
    assert asked(reqType="QR", goodPrice="1000", isAllPayReqType=every).get("isAllPayReqType") == told


@pytest.mark.parametrize(
    "kind",
    ["OCR", "APPLE_PAY", "NAVER_PAY", "KAKAO_PAY", "SMILE_PAY", "WECHAT_PAY", "PAYCO", "QR", "MANUAL", "NFC",
     "SAMSUNG"],
)  # fmt: skip
def test_each_kind_is_taken_at_the_counter_and_needs_no_phone_below_100_000_krw(kind):
    assert kind in AT_THE_COUNTER
    assert asked(reqType=kind, goodPrice="99999")["reqType"] == kind
    with pytest.raises(Misconfigured):
        asked(reqType=kind, goodPrice="100000")


@pytest.mark.parametrize("kind", sorted(AT_THE_COUNTER))
def test_only_a_card_is_paid_in_instalments_and_from_50_000_krw(kind):
    whole = {"reqType": kind, "goodPrice": "50000", "cardinst": "12"}
    if kind in ("OCR", "MANUAL", "NFC", "SAMSUNG"):
        assert asked(**whole)["cardinst"] == "12"
        with pytest.raises(Misconfigured):
            asked(**whole | {"goodPrice": "49999"})
    else:
        assert "cardinst" not in asked(**whole | {"cardinst": "0"})
        with pytest.raises(Misconfigured):
            asked(**whole)


@pytest.mark.parametrize("won", ["1", "0000000001", str(AMOUNT_MAX)])
def test_an_amount_is_up_to_ten_digits_of_krw(won):
    assert asked(reqType="QR", goodPrice=won, phoneNumber="01012345678")["goodPrice"] == str(int(won))
    assert f'"price": "{int(won)}"' in call(price=won)


@pytest.mark.parametrize("won", ["0", "-1", "1.0", "1e3", "１０", "x", "00000000001", str(AMOUNT_MAX + 1)])
def test_anything_else_is_no_amount(won):
    with pytest.raises(Misconfigured):
        asked(reqType="QR", goodPrice=won, phoneNumber="01012345678")
    with pytest.raises(Misconfigured):
        call(price=won)


def test_a_remote_payment_needs_a_phone():
    with pytest.raises(Misconfigured):
        asked(reqType="REMOTE", goodPrice="1000")
    with pytest.raises(Misconfigured):
        app_link("CASH", "shop://back", "표", 1_000, phone="01012345678")


def test_of_the_apps_result_everything_that_is_listed_is_read_and_nothing_else():
    told = {name: f"its {name}" for name in ("mul_no", "payurl", "csturl", "cardName", "cardNum", "date",
                                             "installment", "goodName", "var1", "var2")}  # fmt: skip
    assert read_app_result(told | {"state": "1", "x": "y"}).fields == told
    assert set(offered("appResult")) == {"state", "errorCode", "errorMessage", *RESULT_FIELDS}
    answer = make(gateway(), "appResult", {"state": "0", "errorCode": "9040", "errorMessage": "말씀", "payurl": "p"})
    assert (answer.done, answer.code, answer.message, answer.fields) == (False, "9040", "말씀", {"payurl": "p"})


def test_the_apps_result_says_whether_it_is_done_and_may_say_no_more():
    done = read_app_result({"state": "1"})
    assert (done.done, done.code, done.message, done.fields) == (True, "", "", {})
    assert read_app_result({"state": "0", "errorCode": "zz"}).message == ""
    for state in ({}, {"state": ""}, {"state": "2"}):
        with pytest.raises(Unreadable):
            read_app_result(state)


def test_a_window_in_which_the_buyer_names_the_price_says_what_is_given_and_cannot_end_its_own_script():
    assert offered("priceWindow") == ("goodname", "price", "feedbackurl")
    seller = {"userid": "payapptest", "shopname": "티켓", "reqaddr": "0", "smsuse": "y"}
    whole = call(goodname="후원 <b>", price="5000", feedbackurl="https://shop.test/n")
    assert "후원 \\u003cb>" in whole
    told = {"goodname": "후원 <b>", "price": "5000", "feedbackurl": "https://shop.test/n"}
    assert json.loads(whole.removeprefix("PayApp.payrequest(").removesuffix(");")) == seller | told
    assert json.loads(call().removeprefix("PayApp.payrequest(").removesuffix(");")) == seller
    script = make(gateway(), "priceWindow", {}).fields["script"]
    assert script == "https://lite.payapp.kr/public/api/v2/payapp-lite.js"
    window = open_price_window(gateway(ask_address="1"), amount=5_000)
    assert (window.fields["reqaddr"], window.fields["price"], window.argument) == ("1", "5000", "object")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"title": ""}, "goodName"),
        ({"title": " "}, "goodName"),
        ({"return_uri": ""}, "returnUri"),
        ({"return_uri": "result"}, "returnUri"),
        *(
            ({"return_uri": f"{scheme}:x"}, "returnUri")
            for scheme in ("javascript", "JavaScript", "data", "vbscript", "file", "about", "blob")
        ),
        ({"return_uri": "shop-app://a b"}, "returnUri"),
        ({"instalment_months": 1}, "cardinst"),
    ],
)
def test_what_the_app_would_refuse_makes_no_address(wrong, words):
    told = {"kind": "OCR", "return_uri": "shop-app://result", "title": "음악회", "amount": 55_000}
    assert app_link(**told)
    with pytest.raises(Misconfigured, match=words):
        app_link(**told | wrong)
