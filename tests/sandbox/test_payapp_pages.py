"""PayApp's pages in the sandbox: the payment page, the script's requests, the slip, and the office's commands."""

import re

import pytest

from tests.sandbox.test_payapp import CARD, KEYED, LOAD, NEWS, REQUEST, SELLER, call, paid, path
from tests.sandbox.world import Bench, posted_back

SCRIPTED = SELLER | {
    "shopname": "표가게", "goodname": "봄의 제전", "price": "55,000원", "recvphone": "010-1234-5678",
    "redirectpay": "1", "feedbackurl": NEWS, "var1": "ORDER-1",
}  # fmt: skip
RECEIPT = KEYED | {
    "cmd": "cashStRegist", "good_name": "표", "buyr_name": "홍길동", "id_info": "01012345678",
    "trad_time": "20261120090000", "tr_code": "0", "amt_tot": "11000", "amt_sup": "10000", "amt_svc": "0",
    "amt_tax": "1000", "corp_tax_type": "TG01",
}  # fmt: skip
ENROL = {
    "cmd": "sellerRegist", "userid": "newshop", "userpwd": "abcd1234", "sellername": "새 가게", "phone": "01012345678",
    "email": "a@b.test", "bizkind": "쇼핑몰사업자", "usertype": "1", "username": "홍길동",
    "resellerid": "payappreseller", "join_type": "0", "seller_type": "seller",
}  # fmt: skip

BUSINESS = {"usertype": "2", "compname": "표가게", "biztype1": "서비스", "biztype2": "공연", "ceo_nm": "홍길동"}

LITE = "/payapp/lite/payrequest"


def hidden(heard):
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', heard.body.decode()))


def typed_in(heard):
    return dict(re.findall(r'<input class="text" id="[^"]+" name="([^"]+)" value="([^"]*)"', heard.body.decode()))


@pytest.fixture
def bench():
    return Bench("payapp")


async def test_the_script_is_served_and_knows_its_sandbox(bench):
    heard = await bench.send("/payapp/lite/public/api/v2/payapp-lite.js")
    text = heard.body.decode()
    assert heard.headers["content-type"].startswith("text/javascript")
    assert 'var base = "https://sandbox.test/payapp/lite";' in text
    assert all(f"{name}: function" in text for name in ("setForm", "setDefault", "setParam", "setTarget", "rebill"))


async def test_a_scripted_request_is_told_first_and_goes_on_only_after_success(bench):
    heard = await bench.send("/payapp/lite/payrequest", SCRIPTED)
    assert heard.status == 303
    assert (bench.news[0]["pay_state"], bench.news[0]["price"]) == ("1", "55000")
    assert "55,000원" in (await bench.send(heard.headers["location"])).body.decode()

    bench.answer = (200, b"OK")
    heard = await bench.send("/payapp/lite/payrequest", SCRIPTED)
    assert (heard.status, "70080" in heard.body.decode()) == (400, True)


async def test_a_scripted_request_without_redirectpay_leads_to_the_shops_page(bench):
    heard = await bench.send(
        "/payapp/lite/payrequest", SCRIPTED | {"redirectpay": "0", "redirecturl": "https://shop.test/x"}
    )
    assert heard.status == 200
    assert 'href="https://shop.test/x"' in heard.body.decode()


@pytest.mark.parametrize("typed", [{}, {"goodname": "후원", "typing": "goodname,recvphone", "action": "pay"}])
async def test_a_scripted_request_goes_on_only_where_the_window_has_nothing_to_ask(bench, typed):
    form = SCRIPTED | (typed or {"recvphone": ""})
    heard = [(await bench.send("/payapp/lite/payrequest", form | more)) for more in ({}, {"smsuse": "n"})]
    assert [one.status for one in heard] == [200, 200]
    assert ["/payapp/p/" in one.body.decode() for one in heard] == [True, False], "with no text nobody can pay"


@pytest.mark.parametrize("change", [{"userid": "nobody"}, {"shopname": ""}, {"price": "1"}, {"openpaytype": "x"}])
async def test_a_bent_scripted_request_is_refused(bench, change):
    assert (await bench.send("/payapp/lite/payrequest", SCRIPTED | change)).status == 400
    assert not bench.told


async def test_a_form_that_is_none_is_refused_in_the_window_too(bench):
    assert (await bench.send("/payapp/lite/payrequest", [("userid", "a"), ("userid", "b")])).status == 400


async def test_a_plan_can_be_asked_for_by_script(bench):
    plan = SELLER | {"goodname": "회원권", "goodprice": "10,000", "recvphone": "01012345678", "rebillCycleType": "Week",
                     "rebillCycleWeek": "1", "rebillExpire": "2027-01-01"}  # fmt: skip
    assert (await bench.send("/payapp/lite/rebill", plan)).status == 303
    assert (await bench.send("/payapp/lite/rebill", plan | {"rebillCycleType": "Year"})).status == 400


async def test_the_buyer_types_in_the_scripts_window_what_the_shop_leaves_out(bench):
    heard = await bench.send(LITE, SCRIPTED | {"price": "", "goodname": ""})
    form = hidden(heard)
    assert (heard.status, bench.told, "인증 실패" in heard.body.decode()) == (200, [], False)
    assert typed_in(heard) == {"goodname": "", "price": "", "recvphone": "01012345678"}
    assert form["typing"] == "goodname,price,recvphone"
    typed = {"goodname": "후원", "price": "12,000원", "recvphone": "010-1234-5678", "action": "pay"}
    for bent, said in (
        ({"price": ""}, "숫자"), ({"price": "0"}, "숫자"), ({"price": "12345678901"}, "10자리"),
        ({"price": "999"}, "1,000원부터"), ({"recvphone": "12"}, "휴대전화"), ({"goodname": ""}, "상품명"),
    ):  # fmt: skip
        heard = await bench.send(LITE, form | typed | bent)
        assert (heard.status, said in heard.body.decode(), bench.told) == (422, True, []), bent
        assert hidden(heard) == form, "and the window asks again"
    heard = await bench.send(LITE, form | typed)
    assert [(one["pay_state"], one["price"], one["goodname"]) for one in bench.news] == [("1", "12000", "후원")]
    page = re.findall(r"/payapp/p/[\w-]+", heard.body.decode())[0]
    await bench.send(page, {"action": "pay", "method": "card"})
    await bench.settle()
    assert (bench.news[-1]["price"], bench.news[-1]["goodname"]) == ("12000", "후원")
    assert bench.books("ORDER-1") == (12_000, 0)


async def test_whoever_closes_the_scripts_window_has_asked_for_nothing(bench):
    form = hidden(await bench.send(LITE, SCRIPTED | {"goodname": ""}))
    heard = await bench.send(LITE, form | {"action": "close"})
    assert (heard.status, "결제된 금액은 없어요" in heard.body.decode(), bench.told) == (200, True, [])


async def test_a_price_that_the_shop_says_is_no_longer_the_buyers(bench):
    heard = await bench.send(LITE, SCRIPTED | {"goodname": ""})
    assert typed_in(heard) == {"goodname": "", "recvphone": "01012345678"}
    assert "55,000원" in heard.body.decode()
    form = hidden(heard) | {"goodname": "표", "recvphone": "01012345678", "action": "pay"}
    assert (await bench.send(LITE, form | {"price": "999"})).status == 400
    asked = await bench.send(LITE, form | {"price": ""})
    assert (asked.status, bench.told) == (422, []), "left out after all"


async def test_an_address_is_asked_for_and_told(bench):
    page = path((await call(bench, REQUEST | {"reqaddr": "1"}))["payurl"])
    assert (await bench.send(page, {"action": "pay", "method": "card"})).status == 422
    await bench.send(page, {"action": "pay", "method": "card", "pay_addr": "서울시", "pay_memo": "빨리"})
    await bench.settle()
    assert (bench.news[-1]["pay_addr"], bench.news[-1]["pay_memo"]) == ("서울시", "빨리")


async def test_the_slip_is_skipped_by_a_post_to_returnurl(bench):
    back = {"returnurl": "https://shop.test/back", "skip_cstpage": "y"}
    page = path((await call(bench, REQUEST | back))["payurl"])
    url, fields = posted_back(await bench.send(page, {"action": "pay", "method": "card"}))
    assert url == "https://shop.test/back"
    assert (fields["state"], fields["var1"], fields["price"]) == ("1", "ORDER-1", "55000")
    assert not {"linkkey", "linkval", "recvphone"} & set(fields), "no secret goes through a browser"


async def test_the_slip_leads_back_to_the_shop(bench):
    page = path((await call(bench, REQUEST | {"returnurl": "https://shop.test/back"}))["payurl"])
    said = (await bench.send(page, {"action": "pay", "method": "card"})).body.decode()
    assert 'href="https://shop.test/back"' in said
    await bench.settle()
    slip = bench.news[-1]["csturl"].removeprefix("https://sandbox.test")
    assert "결제했어요" in (await bench.send(slip)).body.decode()
    assert "결제했어요" in (await bench.send(page)).body.decode(), "paid once, the page shows the slip"
    assert bench.books("ORDER-1") == (55_000, 0)


@pytest.mark.parametrize("action", ["close", "fail", "other"])
async def test_whoever_closes_or_fails_has_paid_nothing_and_may_pay_later(bench, action):
    page = path((await call(bench, REQUEST))["payurl"])
    assert (await bench.send(page, {"action": action})).status == 200
    assert bench.books("ORDER-1") == (0, 0)
    await bench.send(page, {"action": "pay", "method": "card"})
    assert bench.books("ORDER-1") == (55_000, 0)


@pytest.mark.parametrize(
    "choice", [{"method": "coin"}, {"card": "0000"}, {"installment": "24"}, {"method": "vbank", "bank": "999"},
               {"method": "naverpay", "points": "55001"}],
)  # fmt: skip
async def test_a_choice_that_is_none_is_refused(bench, choice):
    page = path((await call(bench, REQUEST))["payurl"])
    assert (await bench.send(page, {"action": "pay", "method": "card"} | choice)).status == 422
    assert bench.books("ORDER-1") == (0, 0)


async def test_instalments_begin_at_50000(bench):
    page = path((await call(bench, REQUEST | {"price": "49999"}))["payurl"])
    assert (await bench.send(page, {"action": "pay", "method": "card", "installment": "02"})).status == 422


@pytest.mark.parametrize(
    ("method", "told"),
    [("payco", {"pay_type": "1", "paymethod_group": "35"}), ("naverpay", {"pay_type": "16", "naverpoint": "5000"}),
     ("smilepay", {"pay_type": "21", "smilepay_smilecash": "5000"}), ("kakaopay", {"pay_type": "15"}),
     ("phone", {"pay_type": "2"}), ("wechat", {"pay_type": "22"})],
)  # fmt: skip
async def test_each_method_is_told_in_its_own_fields(bench, method, told):
    page = path((await call(bench, REQUEST | {"openpaytype": method}))["payurl"])
    await bench.send(page, {"action": "pay", "points": "5000"})
    await bench.settle()
    assert bench.news[-1].items() >= told.items()


@pytest.mark.parametrize("where", ["p", "qr", "cst"])
async def test_a_page_that_is_none_is_not_found(bench, where):
    assert (await bench.send(f"/payapp/{where}/000")).status == 404


async def test_a_refusal_by_the_card_moves_nothing(bench):
    bench.fault("pay", "decline", message="한도초과")
    page = path((await call(bench, REQUEST))["payurl"])
    assert "한도초과" in (await bench.send(page, {"action": "pay", "method": "card"})).body.decode()
    assert (bench.books("ORDER-1"), bench.told) == ((0, 0), [])


async def test_a_lost_page_and_a_wrong_amount_are_in_the_books(bench):
    bench.fault("pay", "drop_after")
    page = path((await call(bench, REQUEST))["payurl"])
    assert (await bench.send(page, {"action": "pay", "method": "card"})).cut == "fin"
    await bench.settle()
    assert bench.news[-1]["pay_state"] == "4"
    bench.fault("pay", "wrong_amount")
    await paid(bench, var1="ORDER-2")
    assert bench.books("ORDER-2") == (56_000, 0)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "5xx_after", "garbage_after"])
async def test_a_charge_goes_wrong_as_the_fault_says(bench, kind):
    bill = await call(bench, CARD)
    bench.fault("billPay", kind)
    form = SELLER | {"cmd": "billPay", "encBill": bill["encBill"], "goodname": "표", "price": "5000",
                     "recvphone": "01012345678", "var1": "B", "amount_taxable": "4545", "amount_taxfree": "0",
                     "amount_vat": "455"}  # fmt: skip
    heard = await bench.send(LOAD, form)
    assert b"state=1" not in heard.body
    assert sum(book.captured for book in bench.world.bank.of("B")) == (0 if kind == "drop_before" else 5_000)


async def test_a_receipt_is_issued_and_cancelled_once(bench):
    said = await call(bench, RECEIPT)
    assert (said["state"], len(said["receipt_no"])) == ("1", 9)
    gone = KEYED | {"cmd": "cashStCancel", "cashstno": said["cashstno"]}
    assert (await call(bench, gone))["state"] == "1"
    assert (await call(bench, gone))["errno"] == "80020"
    assert (await call(bench, gone | {"cashstno": "1"}))["errno"] == "70020"
    assert (await call(bench, RECEIPT | {"id_info": "0100001234"}))["state"] == "1", "self-issued"


@pytest.mark.parametrize(
    "change",
    [{"trad_time": "20261113235959"}, {"trad_time": "20261121000000"}, {"trad_time": "20261340000000"},
     {"amt_tot": "11001"}, {"amt_tot": "0", "amt_sup": "0", "amt_tax": "0"}, {"corp_tax_type": "TG02"},
     {"tr_code": "1"}, {"mul_no": "1"}, {"linkkey": ""}, {"id_info": "1208147521"},
     {"amt_sup": "11000", "amt_tax": "0"}, {"tr_code": "1", "id_info": "0100001234"}, {"buyr_tel1": "x"},
     {"buyr_mail": "nobody"}],
)  # fmt: skip
async def test_a_bent_receipt_is_refused(bench, change):
    assert (await call(bench, RECEIPT | change))["state"] == "0"


async def test_a_receipt_names_a_payment_only_if_it_was_paid(bench):
    asked = (await call(bench, REQUEST))["mul_no"]
    assert (await call(bench, RECEIPT | {"mul_no": asked}))["errno"] == "70020"
    assert (await call(bench, RECEIPT | {"mul_no": await paid(bench)}))["state"] == "1"
    free = {"amt_sup": "11000", "amt_tax": "0", "corp_tax_type": "TG02"}
    assert (await call(bench, RECEIPT | free))["state"] == "1"
    assert (await call(bench, RECEIPT | {"tr_code": "1", "id_info": "1208147521"}))["state"] == "1"


async def test_the_amount_for_a_naver_pay_receipt_is_told(bench):
    page = path((await call(bench, REQUEST | {"openpaytype": "naverpay"}))["payurl"])
    await bench.send(page, {"action": "pay", "points": "11000"})
    await bench.settle()
    ask = SELLER | {"cmd": "checkNpayCashReceiptReq", "mul_no": bench.news[-1]["mul_no"]}
    said = await call(bench, ask)
    assert (said["totalCashAmount"], said["supplyCashAmount"], said["vatCashAmount"]) == ("11000", "10000", "1000")
    assert (await call(bench, ask | {"mul_no": await paid(bench)}))["errno"] == "70020", "a card needs none"


async def test_a_seller_is_enrolled_once_and_can_sell(bench):
    check = {"cmd": "useridCheck", "userid": "newshop", "resellerid": "payappreseller"}
    assert (await call(bench, check))["state"] == "1"
    made = await call(bench, ENROL)
    assert (made["state"], made["userid"], bool(made["linkkey"])) == ("1", "newshop", True)
    assert (await call(bench, check))["state"] == "0"
    assert (await call(bench, ENROL))["state"] == "0"
    assert (await call(bench, REQUEST | {"userid": "newshop", "linkkey": made["linkkey"]}))["state"] == "1"
    assert (await call(bench, REQUEST | {"userid": "newshop", "linkkey": "SANDBOXLINKKEY"}))["errno"] == "70010"


@pytest.mark.parametrize(
    ("change", "code"),
    [({"resellerid": "x"}, "70060"), ({"userpwd": "abcdefgh"}, "70020"), ({"username": ""}, "70020"),
     ({"usertype": "2"}, "70020"), ({"seller_type": "reseller", "join_type": "4"}, "70020"),
     ({"bizkind": ""}, "70020"), ({"bizkind": "공연"}, "70020"), ({"bizkind": "음식점"}, "70020"),
     ({**BUSINESS, "compregno": "1234"}, "70020"), ({**BUSINESS, "compregno": "120-81-47521"}, "")],
)  # fmt: skip
async def test_an_enrolment_that_is_bent_is_refused(bench, change, code):
    assert (await call(bench, ENROL | change)).get("errno", "") == code


async def test_a_reseller_enrols_and_a_sub_account_sells(bench):
    more = {"userid": "branch", "seller_type": "reseller", "common_feedbackurl": "https://branch.test/c"}
    assert (await call(bench, ENROL | more))["state"] == "1"
    assert (await call(bench, ENROL | {"resellerid": "branch"}))["state"] == "1"
    sub = SELLER | {"cmd": "subidregist", "subuserid": "clerk", "subpwd": "pw", "subname": "김직원", "state": "5"}
    assert (await call(bench, sub))["state"] == "1"
    assert (await call(bench, sub))["state"] == "0"
    assert (await call(bench, REQUEST | {"subuserid": "clerk"}))["state"] == "1"


async def test_a_forgery_is_sent_as_it_is_told(bench):
    desk = bench.world.desks["payapp"]
    sent = await desk.forge({"url": NEWS, "fields": {"mul_no": "1", "linkval": "guess"}})
    assert (sent["tries"], bench.news) == (1, [{"mul_no": "1", "linkval": "guess"}])
    for bent in ({}, {"url": NEWS}, {"fields": {}}):
        with pytest.raises(ValueError, match="url and fields"):
            await desk.forge(bent)


async def test_the_control_pages_hide_the_keys_and_refuse_nonsense(bench):
    desk = bench.world.desks["payapp"]
    assert "SANDBOXLINKKEY" not in repr(desk.settings())
    for bent in ({"partial_price": "half"}, {"no_such": 1}, {"cancel_days": -1}):
        with pytest.raises(ValueError, match=r"setting|partial_price"):
            desk.set(bent)
    await paid(bench)
    for bent in ({"amount": 0}, {"amount": 55_001}, {"amount": "1"}):
        with pytest.raises(ValueError, match="amount"):
            desk.refund({"merchant_ref": "ORDER-1"} | bent)
    desk.refund({"merchant_ref": "ORDER-1"})
    await bench.settle()
    assert bench.news[-1]["pay_state"] == "64"
    with pytest.raises(ValueError, match="plan"):
        desk.deposit({"rebill_no": 1})
    with pytest.raises(ValueError, match="amount"):
        desk.deposit({"merchant_ref": "ORDER-1", "amount": "x"})
    desk.reset()
    assert (await bench.send("/payapp/p/0")).status == 404


async def test_what_is_recorded_shows_no_secret(bench):
    await paid(bench)
    kept = repr(list(bench.world.requests))
    assert "01012345678" not in kept
