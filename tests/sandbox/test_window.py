"""The window as a browser without scripts sees it."""

import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx2
import pytest

from bridge.sandbox.app import build
from bridge.sandbox.clock import KST
from bridge.sandbox.local import ask

REF = "ORDER00001"


class Page(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.mark.parametrize("name", ["nextPcUrl", "nextMobileUrl", "nextAppUrl"])
def test_a_window_names_goods_amount_and_method_and_is_marked_as_mock(shop, name):
    text = shop.http.get(shop.ready(REF)[name]).text
    for words in ("늦가을 음악회", "55,000원", "신용카드", "모의 결제창 - 실제로 결제되지 않아요", REF):
        assert words in text


@pytest.mark.parametrize("method", ["CARD", "VACCT", "KAKAOPAY"])
def test_every_choice_has_a_label_and_every_button_is_a_real_one(shop, method):
    page = Page(shop.http.get(shop.ready(REF, paymethod=method)["nextPcUrl"]).text)
    labelled = {attrs["for"] for attrs in page.all("label")}
    assert {attrs["id"] for attrs in page.all("select")} == labelled
    assert [attrs["value"] for attrs in page.all("button")] == ["pay", "close", "fail"]
    assert page.all("html")[0]["lang"] == "ko"
    assert page.all("meta")[1]["name"] == "viewport"
    assert page.all("script") == [], "it works without JavaScript"


def test_the_choices_follow_the_method(shop):
    def choices(method):
        page = Page(shop.http.get(shop.ready(f"REF-{method}", paymethod=method)["nextPcUrl"]).text)
        return [attrs["name"] for attrs in page.all("select")]

    assert choices("CARD") == ["card", "installment"]
    assert choices("VACCT") == ["bank"]
    assert choices("KAKAOPAY") == []


def test_instalments_begin_at_fifty_thousand_won(shop):
    small = shop.ready(REF, 49_900)["nextPcUrl"]
    assert "개월" not in shop.http.get(small).text
    refused = shop.press(small, "pay", installment="03")
    assert refused.status_code == 422
    assert "50,000원부터" in refused.text
    assert "6개월" in shop.http.get(shop.ready("ORDER00002", 50_000)["nextPcUrl"]).text


def test_the_issuer_and_instalment_chosen_come_back_from_pay(shop):
    answer = shop.press(shop.ready(REF)["nextPcUrl"], "pay", card="07", installment="03")
    back = dict(httpx2.URL(answer.headers["location"]).params)
    data = shop.post("/mainpay/api/v1/payment/pay", shop.pay_form(REF, 55_000, back))["data"]
    assert (data["issueCompanyNo"], data["issueCompanyName"], data["installment"]) == ("07", "KB국민카드", "03")
    assert re.fullmatch(r"[0-9]+\*{6}[0-9]{4}", data["cardNo"])


def test_closing_leads_to_the_close_address_without_parameters_and_leaves_the_window_open(shop):
    url = shop.ready(REF)["nextPcUrl"]
    answer = shop.press(url, "close")
    assert (answer.status_code, answer.headers["location"]) == (303, "http://shop.test/r/token/close")
    assert shop.press(url, "pay").status_code == 303


def test_failed_authentication_stays_in_the_live_window_and_may_be_tried_again(sandbox, shop):
    url = shop.ready(REF)["nextPcUrl"]
    answer = shop.press(url, "fail")
    assert answer.status_code == 200
    assert "인증하지 못했어요" in answer.text
    assert {"/mainpay/ui/pc?" in link["href"] for link in Page(answer.text).all("a")} == {True, False}
    assert sandbox.book(REF)["authorised"] is False
    assert shop.press(url, "pay").status_code == 303
    assert sandbox.book(REF)["authorised"] is True


def test_a_used_window_says_so_and_can_send_its_result_again(shop):
    url = shop.ready(REF)["nextPcUrl"]
    first = shop.press(url, "pay").headers["location"]
    for answer in (shop.http.get(url), shop.press(url, "pay")):
        assert answer.status_code == 410
        assert "이미 끝난 결제창이에요" in answer.text
        assert Page(answer.text).all("a")[0]["href"] == first


@pytest.mark.parametrize("change", [{"aid": "aid0"}, {"key": "x"}])
def test_a_window_that_never_was_is_not_found(shop, change):
    url = httpx2.URL(shop.ready(REF)["nextPcUrl"])
    answer = shop.http.get(url.copy_merge_params(change))
    assert answer.status_code == 404
    assert "결제창을 찾을 수 없어요" in answer.text


def test_the_return_keeps_the_shops_own_query_and_its_data(shop):
    opened = shop.ready(REF, merchantData="hold=1&seat=가-1", approvalUrl="http://shop.test/돌아옴?a=1#top")
    location = shop.press(opened["nextPcUrl"], "pay").headers["location"]
    back = httpx2.URL(location)
    assert location.isascii()
    assert (back.path, back.fragment) == ("/돌아옴", "top")
    assert list(back.params) == ["a", "aid", "authToken", "payType", "merchantData"]
    assert back.params["merchantData"] == "hold=1&seat=가-1"


def test_merchant_data_may_come_back_in_base64_on_mobile(sandbox, shop):
    sandbox.control("settings", {"gateway": "mainpay", "mobile_merchant_data_base64": True})
    opened = shop.ready(REF, merchantData="hold=1")
    location = shop.press(opened["nextMobileUrl"], "pay").headers["location"]
    back = dict(httpx2.URL(location).params)
    assert back["merchantData"] == "aG9sZD0x"
    for sent, code in (("aG9sZD0x", "400"), ("hold=1", "200")):
        form = shop.pay_form(REF, 55_000, back | {"merchantData": sent})
        assert shop.post("/mainpay/api/v1/payment/pay", form)["resultCode"] == code


def guide_window(shop):
    form = {**shop.ready_form(REF), "buyerName": "홍길동"}
    return shop.post("/mainpay-guide/api/v1/payment/ready", form)["data"]


@pytest.mark.parametrize(("action", "code"), [("pay", "200"), ("fail", "401")])
def test_the_guides_window_posts_its_result_by_a_form_with_a_visible_button(shop, action, code):
    opened = guide_window(shop)
    assert opened.keys() == {"refNo", "tranDate", "payUrl"}
    answer = shop.press(opened["payUrl"], action)
    page = Page(answer.text)
    form = page.all("form")[0]
    assert (form["method"], form["action"]) == ("post", "http://shop.test/r/token?order=1")
    fields = {attrs["name"]: attrs["value"] for attrs in page.all("input")}
    names = "refNo mbrRefNo resultCode resultMessage authCode cardNo cardCode installment amount"
    assert list(fields) == names.split()
    assert (fields["resultCode"], fields["refNo"], fields["amount"]) == (code, opened["refNo"], "55000")
    assert bool(fields["authCode"]) is (code == "200")
    assert len(page.all("button")) == 1
    nonce = page.all("script")[0]["nonce"]
    assert f"script-src 'nonce-{nonce}'" in answer.headers["content-security-policy"]


def test_what_a_shop_sends_is_shown_as_text(shop):
    form = {**shop.ready_form(REF), "goodsName": "<img src=x>"}
    opened = shop.post("/mainpay-guide/api/v1/payment/ready", form)["data"]
    text = shop.http.get(opened["payUrl"]).text
    assert "<img" not in text
    assert "&lt;img" in text


class Watch:
    """A clock that is set by hand."""

    def __init__(self):
        self.at = datetime(2026, 1, 15, 23, 50, tzinfo=KST)

    def now(self):
        return self.at

    async def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)


async def test_a_window_ends_after_fifteen_minutes_for_the_buyer_and_for_pay(shop):
    watch = Watch()
    app = build(clock=watch, public_url="http://sandbox", seed=1)

    async def post(path, form):
        return await ask(app, "POST", path, urlencode(form).encode())

    opened = await post("/mainpay/api/v1/payment/ready", shop.ready_form(REF))
    assert b'"createTime":"2026-01-15T23:50:00.000","expireTime":"2026-01-16T00:05:00.000"' in opened.body
    url = re.search(rb'"nextPcUrl":"([^"]+)', opened.body)[1].decode()
    watch.at += timedelta(minutes=15)
    assert (await ask(app, "GET", url)).status == 200
    pressed = await post(url.partition("?")[0], {**dict(httpx2.URL(url).params), "action": "pay", "card": "04"})
    back = dict(httpx2.URL(pressed.headers["location"]).params)
    watch.at += timedelta(seconds=1)
    paid = await post("/mainpay/api/v1/payment/pay", shop.pay_form(REF, 55_000, back))
    assert b'"resultCode":"401"' in paid.body
    other = await post("/mainpay/api/v1/payment/ready", shop.ready_form("ORDER00002"))
    url = re.search(rb'"nextPcUrl":"([^"]+)', other.body)[1].decode()
    watch.at += timedelta(minutes=16)
    late = await ask(app, "GET", url)
    assert late.status == 410
    assert "결제 시간이 지났어요" in late.body.decode()


async def test_a_cancel_too_long_after_the_payment_is_refused(shop):
    watch = Watch()
    app = build(clock=watch, public_url="http://sandbox", seed=1)
    app.state.world.desks["mainpay"].set({"merchants": {"100011": [shop.key]}})
    till = app.state.world.desks["mainpay"]._till
    opened = await ask(app, "POST", "/mainpay/api/v1/payment/ready", urlencode(shop.ready_form(REF)).encode())
    url = re.search(rb'"nextPcUrl":"([^"]+)', opened.body)[1].decode()
    choice = {**dict(httpx2.URL(url).params), "action": "pay", "card": "04"}
    pressed = await ask(app, "POST", url.partition("?")[0], urlencode(choice).encode())
    back = dict(httpx2.URL(pressed.headers["location"]).params)
    form = shop.pay_form(REF, 55_000, back)
    await ask(app, "POST", "/mainpay/api/v1/payment/pay", urlencode(form).encode())
    trade = till.trade_of("live", "100011", REF)
    assert trade.tran_date == "260115"
    watch.at += timedelta(days=366)
    cancel = shop.cancel_form({"refNo": trade.ref_no, "tranDate": "260115", "payType": "A"}, 55_000)
    answer = await ask(app, "POST", "/mainpay/relay/v1/api/payments/payment/cancel", urlencode(cancel).encode())
    assert b'"resultCode":"3003"' in answer.body


@pytest.mark.parametrize(
    ("months", "amount", "code"),
    [("03", 50_000, "200"), ("03:12:24", 50_000, "200"), ("03", 49_999, "400"), ("00", 50_000, "400"),
     ("25", 50_000, "400"), ("3", 50_000, "400"), ("03:", 50_000, "400"), ("03,04", 50_000, "400")],
)  # fmt: skip
def test_months_are_named_in_two_digits_from_fifty_thousand_won(shop, months, amount, code):
    form = shop.ready_form(REF, amount, availableInstallment=months)
    assert shop.post("/mainpay/api/v1/payment/ready", form)["resultCode"] == code
