"""PayApp, field by field: what each call says and hides, what moves money, what an answer is worth."""

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest

from bridge.domain.exchange import Call, Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import (
    Accepted,
    Allowed,
    Declined,
    Done,
    PerhapsPaid,
    Redirect,
    Refused,
    Return,
    Script,
    Unknown,
    Unpaid,
    Urls,
)
from bridge.domain.payment import Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.domain.tax import Split
from bridge.gateways.payapp.adapter import build

AT = datetime.fromisoformat("2026-11-20T15:00:00+09:00")
STAMP = Stamp(AT, "0" * 32)
SETTINGS = {"userid": "payapptest", "linkkey": "KEY0123456789", "linkval": "VAL0123456789"}
URLS = Urls("https://pay.test/r/x", "https://pay.test/r/x/close", "https://pay.test/n/x")
BUYER = Buyer("홍길동", "hong@shop.test", "010-1234-5678", "u1")
PARTS = {"amount_taxable": "40000", "amount_taxfree": "11000", "amount_vat": "4000"}
WHO = {"userid": "payapptest", "linkkey": "KEY0123456789"}
PAGE = "https://payapp.kr/L/1"


def gateway(**settings: str):
    return build(SETTINGS | settings, Mode.TEST)


def payment(**more) -> Payment:
    made = Payment(
        id="p", site="s", order_ref="O-1", order_version=1, gateway="payapp", method=Method.CARD, device=Device.PC,
        state="paid", amount=55_000, version=3, merchant_ref="PAY1", created_at=AT, tax_free=11_000,
        expires_at=AT + timedelta(minutes=15), refs={"mul_no": "7"}, captured=55_000, paid_at=AT,
    )  # fmt: skip
    return replace(made, **more)


def order(title: str = "봄의 제전", **buyer: str) -> Order:
    return Order("O-1", 1, title, 55_000, replace(BUYER, **buyer), "https://shop.test/r")


def refund(amount: int = 55_000) -> RefundOrder:
    tax = Split(8_000, 800, 2_200) if amount == 11_000 else None
    return RefundOrder("REFUND1", amount, "고객 요청", amount == 55_000, 55_000 - amount, 0, tax=tax)


MARKS = {
    "r": "rca0f1e325972e7cf80a6a23325d02792",
    "j": "j5020e909ade147c7ff2f916565227c55",
    "b": "b63f6e408323b2333fcef2e47e2d37824",
    "p": "p2dea56b33fe9bada0dbcfbbb40ea5c2b",
}
"""var2: HMAC-SHA-256 with linkval over the way and the reference, reckoned elsewhere."""


def asked(exchange) -> Call:
    call = next(exchange)
    assert (call.method, call.url) == ("POST", "https://api.payapp.kr/oapi/apiLoad.html")
    assert call.op == call.form["cmd"]
    return call


def said(exchange) -> dict[str, str]:
    """Give what a call says besides who asks."""
    form = dict(asked(exchange).form)
    assert {name: form.pop(name) for name in WHO} == WHO
    return form


def came_of(exchange, status: int = 200, **told: str):
    next(exchange)
    return answered(exchange, status, **told)


def answered(exchange, status: int = 200, **told: str):
    with pytest.raises(StopIteration) as ended:
        exchange.send(Reply(status, urlencode(told).encode()))
    return ended.value.value


def yes(exchange, **told: str):
    return came_of(exchange, state="1", errorMessage="", **told)


def no(exchange, errno: str):
    return came_of(exchange, state="0", errno=errno, errorMessage="말씀")


def opening(**more):
    return gateway().open_window(payment(**more), order(), URLS, STAMP)


REQUEST = {
    **{"goodname": "봄의 제전", "price": "55000", "feedbackurl": URLS.notice, "checkretry": "y", "var1": "PAY1"},
    **{"returnurl": URLS.approval, "skip_cstpage": "y", "smsuse": "n", "reqaddr": "0", "openpaytype": "card"},
    **{"buyerid": "u1", **PARTS},
}


def test_a_payment_is_asked_for_in_full():
    own = {"cmd": "payrequest", "var2": MARKS["r"], "recvphone": "01012345678", "reqmode": "krw"}
    assert said(opening()) == REQUEST | own | {"recvemail": "hong@shop.test"}
    assert asked(opening()).moves_money is False
    chosen = gateway(ask_address="1", receipt_page="yes", sub_account="staff1")
    form = said(chosen.open_window(payment(), order(), URLS, STAMP))
    assert (form["reqaddr"], form["subuserid"], "skip_cstpage" in form) == ("1", "staff1", False)
    assert said(gateway().open_window(payment(), order("www.shop.test"), URLS, STAMP))["goodname"] == "티켓"


def test_the_shops_own_app_is_named_by_its_scheme_where_it_opens_the_window_and_nowhere_else():
    chosen = gateway(app_scheme="myticket://pay")
    app, web = (
        said(chosen.open_window(payment(device=device), order(), URLS, STAMP)) for device in (Device.APP, Device.MOBILE)
    )
    assert app == web | {"appurl": "myticket://pay"}
    assert app["returnurl"] == URLS.approval
    assert chosen.lacking_for_window(Device.APP, BUYER) is None


@pytest.mark.parametrize(
    ("settings", "phone", "names"),
    [
        ({}, "010-1234-5678", "payapp.app_scheme"),
        ({"window": "js"}, "010-1234-5678", "payapp.app_scheme"),
        ({"app_scheme": "myticket://", "window": "js"}, "010-1234-5678", "payapp.window"),
        ({"app_scheme": "myticket://"}, "-", "buyer.phone"),
    ],
)
def test_what_an_app_cannot_open_is_not_asked_for(settings, phone, names):
    chosen, buyer = gateway(**settings), replace(BUYER, phone=phone)
    english, korean = chosen.lacking_for_window(Device.APP, buyer)
    assert names in english
    exchange = chosen.open_window(payment(device=Device.APP), order(phone=phone), URLS, STAMP)
    with pytest.raises(StopIteration) as ended:
        next(exchange)
    assert ended.value.value == Declined(Reason.BAD_REQUEST, "", korean)


@pytest.mark.parametrize(
    ("method", "name"),
    [
        *((Method.CARD, "card"), (Method.ACCOUNT, "rbank"), (Method.VIRTUAL_ACCOUNT, "vbank"), (Method.PHONE, "phone")),
        *((one, str(one)) for one in (Method.KAKAOPAY, Method.NAVERPAY, Method.SMILEPAY, Method.APPLEPAY)),
        *((Method.PAYCO, "payco"), (Method.WECHAT, "wechat")),
    ],
)
def test_each_method_is_asked_for_by_payapps_own_name(method, name):
    assert said(opening(method=method))["openpaytype"] == name
    assert method in gateway().methods


def script(settings=None, device: Device = Device.PC, **buyer: str):
    with pytest.raises(StopIteration) as ended:
        next(gateway(**settings or {"window": "js"}).open_window(payment(device=device), order(**buyer), URLS, STAMP))
    return ended.value.value


def test_the_buyers_own_browser_asks_for_the_same_and_knows_no_secret():
    window = script()
    assert isinstance(window, Script)
    own = {"userid": "payapptest", "shopname": "티켓", "recvphone": "01012345678", "currency": "krw"}
    back = {"redirect": "self", "redirecturl": URLS.approval, "redirectpay": "1"}
    assert window.fields == REQUEST | own | back | {"var2": MARKS["j"]}
    assert (window.function, window.argument) == ("PayApp.payrequest", "object")
    assert window.scripts == ("https://lite.payapp.kr/public/api/v2/payapp-lite.js",)
    hosts = ("lite.payapp.kr", "api.payapp.kr", "payapp.kr", "www.payapp.kr")
    assert window.origins == tuple(f"https://{host}" for host in hosts)
    bare = script({"window": "auto"}, phone="").fields
    assert {"recvphone", "redirectpay"} & set(bare) == set(), "without a phone the window goes nowhere by itself"
    assert (window.fields["smsuse"], bare["smsuse"]) == ("n", "y"), "so PayApp sends the address of its page"


def test_without_a_phone_there_is_no_call_and_that_is_known_before():
    refused = script({"window": "rest"}, phone="-")
    assert isinstance(refused, Declined)
    assert (refused.reason, refused.code) == (Reason.BAD_REQUEST, "")
    nobody = replace(BUYER, phone="-")
    english, korean = gateway(window="rest").lacking_for_window(Device.PC, nobody)
    assert "buyer.phone" in english
    assert korean == refused.message
    assert gateway(window="rest").lacking_for_window(Device.PC, BUYER) is None
    assert [gateway(window=one).lacking_for_window(Device.MOBILE, nobody) for one in ("auto", "js")] == [None, None]
    assert asked(gateway(window="rest").open_window(payment(), order(), URLS, STAMP)).op == "payrequest"


def test_what_came_of_asking_for_a_payment():
    assert yes(opening(), mul_no="7", payurl=PAGE) == Redirect(PAGE, {"mul_no": "7"})
    both = yes(opening(), mul_no="7", payurl=PAGE, qrurl="http://www.payapp.kr/q")
    assert both == Redirect(PAGE, {"mul_no": "7", "qrurl": "https://www.payapp.kr/q"})
    assert no(opening(), "70010") == Declined(Reason.MERCHANT, "70010", "말씀")
    unlisted = no(opening(), "79999")
    assert isinstance(unlisted, Unknown)
    assert (unlisted.code, unlisted.message, unlisted.refusal) == ("79999", "말씀", True)


@pytest.mark.parametrize(
    "qr",
    ["https://chart.googleapis.com/chart?cht=qr", "data:image/png;base64,iVBOR", "javascript:alert(1)", "http://[::1",
     "https://payapp.kr:99999/q", "https://payapp.kr@evil.test/q", "/q/1"],
)  # fmt: skip
def test_a_strange_qr_address_is_left_out_and_the_checkout_goes_on(qr):
    assert yes(opening(), mul_no="7", payurl=PAGE, qrurl=qr) == Redirect(PAGE, {"mul_no": "7"})


@pytest.mark.parametrize("strange", ["http://[::1", "https://payapp.kr:99999/L/1"])
def test_a_page_at_an_address_that_is_none_is_unreadable_and_no_slip(strange):
    with pytest.raises(Unreadable):
        yes(opening(), mul_no="7", payurl=strange)
    assert gateway().receipt_link(payment(refs={"csturl": strange})) == ""


def test_what_the_browser_brings_back_is_a_number_or_nothing():
    assert gateway().read_return({"mul_no": "7", "x": "y"}) == Return({"mul_no": "7"})
    assert gateway().read_return({}) == gateway().read_return({"mul_no": ""}) == Return({})


def probing(**more):
    return gateway().probe_unpaid(payment(**more), STAMP)


def test_a_request_is_withdrawn_only_where_it_is_ready():
    call = asked(probing())
    assert call.moves_money is True
    form = said(probing())
    assert form.pop("cancelmemo")
    assert form == {"cmd": "paycancel", "mul_no": "7", "cancelmode": "ready"}
    assert yes(probing()) == Unpaid("")
    assert no(probing(), "80010") == PerhapsPaid("80010", "말씀")
    assert no(probing(), "80020") == PerhapsPaid("80020", "말씀")
    unknown = no(probing(), "70010")
    assert isinstance(unknown, Unknown)
    assert (unknown.code, unknown.message, unknown.refusal) == ("70010", "말씀", False)
    with pytest.raises(StopIteration) as ended:
        next(probing(refs={}))
    assert isinstance(ended.value.value, Unknown)


def giving(amount: int = 55_000, **more):
    return gateway().refund(payment(**more), refund(amount), STAMP)


LATE = {"paid_at": AT - timedelta(days=6)}


def test_a_cancel_is_whole_or_names_its_parts_and_later_is_only_asked_for():
    whole = {"cmd": "paycancel", "mul_no": "7", "cancelmemo": "고객 요청", "partcancel": "0"}
    parts = {"cancel_taxable": "8000", "cancel_taxfree": "2200", "cancel_vat": "800"}
    assert said(giving()) == whole
    assert said(giving(11_000)) == whole | {"partcancel": "1", "cancelprice": "11000"} | parts
    assert said(giving(**LATE)) == whole | {"cmd": "paycancelreq", "dpname": "티켓"}
    assert said(giving(refs={})) == {name: value for name, value in whole.items() if name != "mul_no"}
    assert said(giving(paid_at=None))["cmd"] == "paycancel"
    assert asked(giving()).moves_money is asked(giving(**LATE)).moves_money is True
    unsaid = gateway().refund(payment(), replace(refund(), reason="https://shop.test"), STAMP)
    assert said(unsaid)["cancelmemo"] == "고객 요청"


def test_what_came_of_a_cancel():
    told = {"paybackprice": "1", "paybackbank": "2", "partprice": "3"}
    assert yes(giving(), **told) == Done()
    owed = {"pay_back_won": "1", "pay_back_account": "2", "partprice": "3"}
    assert yes(giving(**LATE), **told, x="y") == Accepted(owed)
    assert yes(giving(**LATE)) == Accepted({})
    for code in ("80030", "70080"):
        unlisted = no(giving(), code)
        assert isinstance(unlisted, Unknown)
        assert (unlisted.code, unlisted.message, unlisted.refusal) == (code, "말씀", False)


def going_on(amount: int = 55_000, code: str = "80010"):
    """Give the conversation where it goes on after a cancel that PayApp says is not possible, and its second call."""
    exchange = giving(amount)
    next(exchange)
    return exchange, exchange.send(Reply(200, f"state=0&errno={code}".encode()))


@pytest.mark.parametrize("code", ["80010", "80020"])
def test_what_cannot_be_cancelled_is_asked_for_with_the_same_fields(code):
    for amount in (55_000, 11_000):
        exchange, call = going_on(amount, code)
        assert call.form == asked(giving(amount)).form | {"cmd": "paycancelreq", "dpname": "티켓"}
        assert (call.op, call.moves_money) == ("paycancelreq", True)
        assert answered(exchange, state="1", paybackprice=str(amount)) == Accepted({"pay_back_won": str(amount)})


def test_what_came_of_asking_for_what_cannot_be_cancelled():
    codes = ((55_000, "80010"), (55_000, "80020"), (55_000, "80030"), (11_000, "80020"), (11_000, "80030"))
    for amount, code in codes:
        unknown = answered(going_on(amount)[0], state="0", errno=code, errorMessage="말씀")
        assert isinstance(unknown, Unknown), (amount, code)
        assert (unknown.code, unknown.message, unknown.refusal) == (code, "말씀", False)
    barred = answered(going_on()[0], state="0", errno="70060", errorMessage="말씀")
    assert barred == Refused(Reason.MERCHANT, "70060", "말씀")


def test_what_may_be_given_back_may_be_given_back_in_part():
    assert gateway().refund_rule(payment(), STAMP) == Allowed(55_000, partial=True)
    fifth, sixth = (replace(payment(), paid_at=AT - timedelta(days=days)) for days in (5, 6))
    assert gateway().refund_rule(fifth, STAMP) == Allowed(55_000, partial=True)
    assert gateway().refund_rule(sixth, STAMP) == Allowed(55_000, partial=True, by_request=True)
