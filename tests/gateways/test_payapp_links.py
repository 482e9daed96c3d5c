"""What an operator hands out of PayApp, field by field: the app's address, its result, a window without a price.

The words of `bridge.gateways.payapp.links`."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from bridge.domain.failures import Misconfigured
from bridge.gateways.payapp.links import AT_THE_COUNTER, COMMANDS, RESULT_FIELDS, app_link, make, read_app_result
from tests.gateways.test_payapp_fields import gateway

WHOLE = {
    **{"reqType": "OCR", "returnUri": "shop://back", "goodName": "봄의 제전", "goodPrice": "50000"},
    **{"phoneNumber": "01012345678", "hasTax": "0", "cardinst": "03", "isAllPayReqType": "1"},
    **{"feedbackurl": "https://shop.test/n", "var1": "A", "var2": "B"},
}


def offered(name: str) -> tuple[str, ...]:
    return next(command.fields for command in COMMANDS if command.name == name)


def asked(**fields: str) -> dict[str, str]:
    """Give what the app's address says."""
    answer = make(gateway(), "appLink", fields)
    assert answer.done
    return dict(parse_qsl(urlsplit(answer.fields["url"]).query))


def call(**fields: str) -> str:
    """Give the line that opens a window in which the buyer names the price."""
    answer = make(gateway(), "priceWindow", fields)
    assert answer.done
    return answer.fields["call"]


def test_the_apps_address_says_all_that_is_offered_and_of_what_is_left_out_nothing():
    assert set(offered("appLink")) == set(WHOLE)
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


def test_a_remote_payment_needs_a_phone():
    with pytest.raises(Misconfigured):
        asked(reqType="REMOTE", goodPrice="1000")
    with pytest.raises(Misconfigured):
        app_link("CASH", "", "", 1_000, phone="01012345678")


def test_of_the_apps_result_everything_that_is_listed_is_read_and_nothing_else():
    told = {name: f"its {name}" for name in ("mul_no", "payurl", "csturl", "cardName", "cardNum", "date",
                                             "installment", "goodName", "var1", "var2")}  # fmt: skip
    assert read_app_result(told | {"state": "1", "x": "y"}).fields == told
    assert set(offered("appResult")) == {"state", "errorCode", "errorMessage", *RESULT_FIELDS}
    answer = make(gateway(), "appResult", {"state": "0", "errorCode": "9040", "errorMessage": "말씀", "payurl": "p"})
    assert (answer.done, answer.code, answer.message, answer.fields) == (False, "9040", "말씀", {"payurl": "p"})


def test_a_window_in_which_the_buyer_names_the_price_says_what_is_given_and_cannot_end_its_own_script():
    assert offered("priceWindow") == ("goodname", "price", "feedbackurl")
    seller = {"userid": "payapptest", "shopname": "티켓", "reqaddr": "0", "smsuse": "n"}
    whole = call(goodname="후원 <b>", price="5000", feedbackurl="https://shop.test/n")
    assert "후원 \\u003cb>" in whole
    told = {"goodname": "후원 <b>", "price": "5000", "feedbackurl": "https://shop.test/n"}
    assert json.loads(whole.removeprefix("PayApp.payrequest(").removesuffix(");")) == seller | told
    assert json.loads(call().removeprefix("PayApp.payrequest(").removesuffix(");")) == seller
