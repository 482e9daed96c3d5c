"""The sandbox is strict: each needed field dropped or bent gets the documented refusal, and nothing moves."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.sandbox.conftest import FORM, SHOP, STAMP, Shop

REF = "ORDER00001"
LONG = "가" * 200

# What the guide's table of codes says about the fields it has codes for; everything else is 400 (잘못된 요청).
CODES = {
    "mbrNo": "1002",
    "mchtId": "1002",
    "amount": "1001",
    "cancelAmount": "1001",
    "timestamp": "1005",
    "signature": "1004",
}
BENT = {
    "mbrNo": ["10001", "1000111", "999999", "10001a"],
    "mchtId": ["10001", "999999"],
    "mbrRefNo": ["SHORT", "ORDER-NUMBER-OF-21-BY", "주문번호일이삼"],
    "amount": ["0", "-1", "55,000", "1e3", "５５０００", "55000.0", " 55000", "055000", "10000000000"],
    "cancelAmount": ["0", "-1", "55,000"],
    "timestamp": ["2026011512300", "2026011512300012345", "2026-01-15 12:30:00"],
    "signature": ["0" * 64, "F" * 64, "0" * 63],
    "version": ["V002", "V"],
    "paymethod": ["CASH", "card"],
    "goodsName": [LONG, "<b>표</b>", "a&b"],
    "goodsCode": ["NINEBYTES"],
    "approvalUrl": ["javascript:alert(1)", "//shop.test/r", "https://shop.test/" + "x" * 500],
    "closeUrl": ["ftp://shop.test", "https://shop.test/" + "x" * 300],
    "customerName": [LONG],
    "customerEmail": ["nobody", "a@" + "b" * 50],
    "aid": ["aid1", "xyz" + "0" * 37],
    "authToken": ["AUTH", "TOKEN" + "0" * 35],
    "payType": ["AAA"],
    "refNo": ["1"],
    "authCode": ["x" * 41],
    "orgRefNo": ["1", "1" * 13],
    "orgTranDate": ["1230", "20260115", "261301"],
    "isNetCancel": ["X", "YES"],
    "cancelReason": [LONG],
    "accountNo": ["no"],
    "accountCloseDate": ["20260115", "000101", "990229"],
    "bankCode": ["4", "xx", "99", "004"],
}
MAY_BE_EMPTY = {"merchantData"}


@dataclass
class Operation:
    """A valid call of one operation, about to be spoilt."""

    path: str
    form: dict[str, str]


def guide_back(shop: Shop, ref: str = REF, amount: int = 55_000) -> dict[str, str]:
    """Open a window in the guide's dialect and let the buyer pay; gives what the browser would post back."""
    form = {name: value for name, value in shop.ready_form(ref, amount).items() if not name.startswith("customer")}
    opened = shop.post("/mainpay-guide/api/v1/payment/ready", form)["data"]
    page = shop.press(opened["payUrl"], "pay").text
    return {
        name: page.split(f'name="{name}" value="')[1].split('"')[0]
        for name in ("refNo", "mbrRefNo", "resultCode", "authCode", "amount")
    }


def guide_pay_form(shop: Shop, back: dict[str, str], amount: int = 55_000) -> dict[str, str]:
    form = {"mchtId": SHOP, "mbrRefNo": REF, "amount": str(amount), "timestamp": STAMP}
    return shop.signed({**form, "refNo": back["refNo"], "authCode": back["authCode"]}, "mchtId")


def guide_cancel_form(shop: Shop, back: dict[str, str], amount: int = 55_000) -> dict[str, str]:
    form = {"mchtId": SHOP, "mbrRefNo": REF, "cancelAmount": str(amount), "timestamp": STAMP}
    return shop.signed({**form, "refNo": back["refNo"], "cancelReason": "고객 요청"}, "mchtId", "cancelAmount")


def vacct_form(shop: Shop) -> dict[str, str]:
    form = {"mbrNo": SHOP, "mbrRefNo": REF, "amount": "55000", "timestamp": STAMP, "bankCode": "04"}
    return shop.signed(
        {**form, "version": "V001", "accountCloseDate": "991231", "goodsName": "표", "customerName": "홍길동"}
    )


def operation(shop: Shop, name: str) -> Operation:
    """Prepare a valid call of an operation."""
    relay = "/mainpay/relay/v1/api/payments/payment"
    accounts = "/mainpay/relay/v2/api/payments/payment/vacct"
    match name:
        case "ready":
            return Operation("/mainpay/api/v1/payment/ready", shop.ready_form(REF))
        case "pay" | "net-cancel":
            form = shop.pay_form(REF, 55_000, shop.returned(REF))
            return Operation(f"/mainpay/api/v1/payment/{name}", form)
        case "cancel":
            return Operation(f"{relay}/cancel", shop.cancel_form(shop.pay(REF)["data"], 55_000))
        case "part-cancel":
            return Operation(f"{relay}/part-cancel", shop.cancel_form(shop.pay(REF)["data"], 5_000))
        case "vacct publish":
            return Operation(f"{accounts}/publish", vacct_form(shop))
        case "vacct cancel":
            paid = shop.post(f"{accounts}/publish", vacct_form(shop))["data"]
            form = {"mbrNo": SHOP, "mbrRefNo": "REFUND00001", "amount": "55000", "timestamp": STAMP}
            original = {
                "version": "V001",
                "orgRefNo": paid["refNo"],
                "orgTranDate": paid["tranDate"],
                "accountNo": paid["accountNo"],
            }
            return Operation(f"{accounts}/cancel", shop.signed({**form, **original}))
        case "guide ready":
            form = {
                field: value
                for field, value in shop.ready_form(REF).items()
                if field in ("mbrNo", "mbrRefNo", "amount", "timestamp", "signature", "approvalUrl", "closeUrl")
            }
            return Operation("/mainpay-guide/api/v1/payment/ready", form)
        case "guide pay":
            return Operation("/mainpay-guide/api/v1/payment/pay", guide_pay_form(shop, guide_back(shop)))
        case "guide cancel":
            back = guide_back(shop)
            assert shop.post("/mainpay-guide/api/v1/payment/pay", guide_pay_form(shop, back))["resultCode"] == "200"
            return Operation("/mainpay-guide/relay/v1/payment/cancel", guide_cancel_form(shop, back))
    raise LookupError(name)


FIELDS = {
    "ready": "mbrNo mbrRefNo amount timestamp signature version paymethod goodsName goodsCode approvalUrl closeUrl "
    "customerName customerEmail",
    "pay": "mbrNo mbrRefNo amount timestamp signature version paymethod aid authToken payType merchantData",
    "net-cancel": "mbrNo mbrRefNo amount timestamp signature version paymethod aid authToken payType merchantData",
    "cancel": "mbrNo mbrRefNo amount timestamp signature version paymethod orgRefNo orgTranDate isNetCancel",
    "part-cancel": "mbrNo mbrRefNo amount timestamp signature version paymethod orgRefNo orgTranDate isNetCancel",
    "vacct publish": "mbrNo mbrRefNo amount timestamp signature version bankCode accountCloseDate goodsName "
    "customerName",
    "vacct cancel": "mbrNo mbrRefNo amount timestamp signature version orgRefNo orgTranDate accountNo",
    "guide ready": "mbrNo mbrRefNo amount timestamp signature approvalUrl closeUrl",
    "guide pay": "mchtId mbrRefNo amount timestamp signature refNo authCode",
    "guide cancel": "mchtId mbrRefNo cancelAmount timestamp signature refNo cancelReason",
}


def spoilt() -> list[Any]:
    cases = []
    for name, fields in FIELDS.items():
        for field in fields.split():
            cases.append(pytest.param(name, field, None, id=f"{name}: no {field}"))
            if field not in MAY_BE_EMPTY:
                cases.append(pytest.param(name, field, "", id=f"{name}: empty {field}"))
            cases += [
                pytest.param(name, field, value, id=f"{name}: {field}={value[:24]}") for value in BENT.get(field, ())
            ]
    return cases


def money(shop: Shop) -> tuple[int, int]:
    totals = shop.http.get(f"{shop.sandbox.url}/books").json()["totals"]
    return totals["captured"], totals["refunded"]


@pytest.mark.parametrize(("name", "field", "value"), spoilt())
def test_a_call_with_a_field_missing_or_bent_is_refused_with_its_code(shop, name, field, value):
    valid = operation(shop, name)
    before = money(shop)
    form = {key: kept for key, kept in valid.form.items() if key != field}
    if value is not None:
        form[field] = value
    answer = shop.post(valid.path, form)
    assert answer["resultCode"] == CODES.get(field, "400"), answer
    assert answer["data"] == ""
    assert money(shop) == before


@pytest.mark.parametrize("name", FIELDS)
def test_the_same_call_unspoilt_is_accepted(shop, name):
    valid = operation(shop, name)
    expected = "404" if name == "net-cancel" else "200"  # nothing has been paid yet
    assert shop.post(valid.path, valid.form)["resultCode"] == expected


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("pay", {"amount": "55001"}, "1001"),
        ("pay", {"aid": "aid" + "0" * 37}, "404"),
        ("pay", {"authToken": "AUTH" + "0" * 36}, "401"),
        ("pay", {"payType": "B"}, "400"),
        ("pay", {"merchantData": "other"}, "400"),
        ("pay", {"paymethod": "ACCT"}, "400"),
        ("pay", {"mbrRefNo": "ORDER00002"}, "400"),
        ("cancel", {"amount": "54999"}, "1001"),
        ("cancel", {"orgRefNo": "0" * 12}, "3001"),
        ("cancel", {"orgTranDate": "200101"}, "3001"),
        ("cancel", {"payType": "B"}, "3001"),
        ("cancel", {"paymethod": "ACCT"}, "3001"),
        ("cancel", {"isNetCancel": "Y"}, "400"),
        ("part-cancel", {"amount": "55001"}, "3001"),
        ("part-cancel", {"isNetCancel": "Y"}, "400"),
        ("vacct cancel", {"accountNo": "1234"}, "3001"),
        ("vacct cancel", {"amount": "1"}, "1001"),
    ],
)
def test_a_well_formed_call_that_fits_nothing_is_refused(shop, name, changes, code):
    valid = operation(shop, name)
    before = money(shop)
    assert shop.post(valid.path, shop.signed({**valid.form, **changes}))["resultCode"] == code
    assert money(shop) == before


@pytest.mark.parametrize("changed", ["mbrRefNo", "amount", "timestamp"])
def test_a_signature_over_other_strings_is_refused(shop, changed):
    other = {"mbrRefNo": "ORDER00002", "amount": "55001", "timestamp": STAMP[:-1] + "9"}
    form = {**shop.ready_form(REF), changed: other[changed]}
    assert shop.post("/mainpay/api/v1/payment/ready", form)["resultCode"] == "1004"


@pytest.mark.parametrize("length", range(14, 19))
def test_timestamps_of_fourteen_to_eighteen_digits_are_accepted(shop, length):
    form = shop.signed({**shop.ready_form(REF), "timestamp": "202601151230001234"[:length]})
    assert shop.post("/mainpay/api/v1/payment/ready", form)["resultCode"] == "200"


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0", "200"),
        ("U1FVQVJELTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0", "200"),
        ("U1FVQVJGLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0", "1004"),
    ],
)
def test_the_test_shop_has_both_printed_keys_and_no_other(shop, key, code):
    shop.key = key
    assert shop.post("/mainpay/api/v1/payment/ready", shop.ready_form(REF))["resultCode"] == code


@pytest.mark.parametrize(
    "path",
    [
        "/mainpay/relay/v1/payment/ready",
        "/mainpay/relay/v1/payment/pay",
        "/mainpay/relay/v1/payment/net-cancel",
        "/mainpay/api/v1/payment/cancel",
        "/mainpay/relay/v1/payment/cancel",
        "/mainpay/api/v1/api/payments/payment/cancel",
        "/mainpay/api/v1/api/payments/payment/part-cancel",
        "/mainpay/relay/v1/api/payments/payment/vacct/publish",
        "/mainpay-guide/api/v1/payment/net-cancel",
        "/mainpay-guide/relay/v1/api/payments/payment/cancel",
    ],
)
def test_an_operation_on_the_wrong_host_is_not_found(sandbox, shop, path):
    assert shop.http.post(sandbox.url + path, data=shop.ready_form(REF)).status_code == 404


def test_operations_are_posted_never_got(sandbox, shop):
    assert shop.http.get(f"{sandbox.url}/mainpay/api/v1/payment/ready", params=shop.ready_form(REF)).status_code == 405


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"mbrNo": "100011"}', {"content-type": "application/json"}),
        (b"mbrNo=100011", {"content-type": "text/plain"}),
        (b"mbrNo=100011", {"content-type": "application/x-www-form-urlencoded; charset=euc-kr"}),
        (b"mbrNo=100011&goodsName=%C7%A5", FORM),
        (b"mbrNo=100011&goodsName=\xed\x91\x9c", FORM),
        (b"mbrNo=100011&mbrNo=100011", FORM),
        (b"a=1&" * 200, FORM),
        (b"a=" + b"1" * 70_000, FORM),
    ],
)
def test_a_body_that_is_not_a_form_in_utf_8_is_refused(sandbox, shop, body, headers):
    url = f"{sandbox.url}/mainpay/api/v1/payment/ready"
    answer = shop.http.post(url, content=body, headers=headers).json()
    assert (answer["resultCode"], answer["data"]) == ("400", "")


def test_secrets_and_personal_data_are_not_kept(sandbox, shop):
    shop.pay(REF)
    kept = shop.http.get(f"{sandbox.url}/control/requests", params={"merchant_ref": REF})
    assert [one["op"] for one in kept.json()["requests"]] == ["ready", "pay"]
    ready, pay = (one["fields"] for one in kept.json()["requests"])
    assert ready["mbrRefNo"] == REF
    assert {ready[name] for name in ("signature", "customerName", "customerEmail")} == {"***"}
    assert {pay[name] for name in ("signature", "authToken")} == {"***"}
    assert "홍길동" not in kept.text


def test_simple_payments_are_asked_for_by_name(shop):
    for name, title in (("KAKAOPAY", "카카오페이"), ("NAVERPAY", "네이버페이"), ("HPP", "휴대폰 결제")):
        opened = shop.ready(f"ORDER-{name}", paymethod=name)
        assert title in shop.http.get(opened["nextMobileUrl"]).text
