"""The rows of gateways: each is drawn, pays and gives back, and says truly what the checks go by."""

import pytest

from tests.storm.gateways import EVERY, SETUPS
from tests.storm.gateways.window import coming_back
from tests.storm.quietly import storms

PAYING = range(1, 121)


def by_name(name):
    return next(setup for setup in EVERY if setup.name == name)


def test_each_gateway_is_paid_and_gives_back_in_storms():
    missing = {(setup.gateway, state) for setup in SETUPS for state in ("paid", "refunded")}
    with storms() as made:
        for seed in PAYING:
            for one in made.run(seed).final.split():
                gateway, _, state = one.partition(":")[0].split("/")
                missing.discard((gateway, state))
            if not missing:
                return
    pytest.fail(f"not seen: {missing}")


@pytest.mark.parametrize(
    ("name", "target", "body", "once"),
    [
        ("mainpay-live", "/mainpay/api/v1/payments/payment/part-cancel", b"", "part-cancel"),
        ("mainpay-live", "/mainpay/api/v1/payments/payment/net-cancel", b"", ""),
        ("paystory", "/paystory/pg/payment.cancel", b"tid=1&partCanFlg=1", "payment.cancel"),
        ("paystory", "/paystory/pg/payment.cancel", b"tid=1&partCanFlg=0", ""),
        ("payapp", "/payapp/oapi/apiLoad.html", b"cmd=paycancel&partcancel=1", "apiLoad.html paycancel"),
        ("payapp", "/payapp/oapi/apiLoad.html", b"cmd=paycancelreq&partcancel=1", "apiLoad.html paycancelreq"),
        ("payapp", "/payapp/oapi/apiLoad.html", b"cmd=paycancel&partcancel=0", ""),
        ("welcome", "/welcome/mobile/approve/0123456789", b"", "approve"),
        ("payple", "/payple/0a1b2c/php/PayCardConfirmAct.php?ACT_=PAYM", b"", "PayCardConfirmAct.php"),
        ("payple-at-once", "/payple/0a1b2c/php/cPayCAct.php", b"", "cPayCAct.php"),
    ],
)
def test_a_row_tells_what_may_never_be_sent_twice(name, target, body, once):
    assert by_name(name).sent_once_as(target, body) == once


@pytest.mark.parametrize("setup", EVERY, ids=lambda one: one.name)
def test_a_forged_notice_is_another_than_the_true_one(setup):
    true = {
        "mainpay": b"cmd=0&TRNO=1&AMT=1000",
        "paystory": b"ordNo=1&tid=2&goodsAmt=1000",
        "payple": b"PCD_PAY_OID=1&PCD_PAY_TOTAL=1000",
        "welcome": b'{"order_no": "12", "amount": "1000"}',
        "payapp": b"price=1000&linkval=x",
    }[setup.gateway]

    assert setup.forge(true) != true


def test_a_page_without_a_form_leads_nowhere():
    assert coming_back(200, {}, b"<p>nothing</p>") is None
    assert coming_back(303, {"location": "https://shop.test/r"}, b"").url == "https://shop.test/r"
