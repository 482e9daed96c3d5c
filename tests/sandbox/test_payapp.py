"""PayApp's sandbox: what its manual says, to the letter, and books of what really moved."""

from datetime import date
from urllib.parse import parse_qsl

import pytest

from bridge.gateways.payapp.sandbox_till import next_round
from tests.sandbox.world import Bench

LOAD = "/payapp/oapi/apiLoad.html"
SELLER = {"userid": "payapptest"}
KEYED = SELLER | {"linkkey": "SANDBOXLINKKEY"}
NEWS = "https://shop.test/feedback"
REQUEST = SELLER | {
    "cmd": "payrequest", "goodname": "봄의 제전", "price": "55000", "recvphone": "01012345678", "smsuse": "n",
    "feedbackurl": NEWS, "var1": "ORDER-1", "checkretry": "y",
}  # fmt: skip
CARD = SELLER | {
    "cmd": "billRegist", "cardNo": "4518123412341111", "expMonth": "10", "expYear": "30", "buyerAuthNo": "900101",
    "cardPw": "12", "buyerPhone": "01012345678", "buyerName": "홍길동",
}  # fmt: skip
REBILL = SELLER | {
    "cmd": "rebillRegist", "goodname": "회원권", "goodprice": "10000", "recvphone": "01012345678", "var1": "PLAN",
    "rebillCycleType": "Month", "rebillCycleMonth": "10", "rebillExpire": "2027-03-01", "feedbackurl": NEWS,
    "failurl": "https://shop.test/fail",
}  # fmt: skip


@pytest.fixture
def bench():
    return Bench("payapp")


async def call(bench, form, **more):
    heard = await bench.send(LOAD, form, **more)
    assert heard.status == 200
    assert heard.headers["content-type"] == "text/html; charset=UTF-8"
    return dict(parse_qsl(heard.body.decode(), keep_blank_values=True))


async def paid(bench, **changes):
    """Ask for a payment and pay it; gives its mul_no."""
    asked = await call(bench, REQUEST | changes)
    method = changes.get("openpaytype", "card")
    await bench.send(path(asked["payurl"]), {"action": "pay", "method": method})
    await bench.settle()
    return asked["mul_no"]


def path(url):
    assert url.startswith("https://sandbox.test/payapp/p/")
    return url.removeprefix("https://sandbox.test")


async def cancel(bench, number, **more):
    form = KEYED | {"cmd": "paycancel", "mul_no": number, "cancelmemo": "고객 요청"} | more
    said = await call(bench, form)
    await bench.settle()
    return said


async def test_a_request_moves_nothing_and_a_payment_is_told_by_the_news(bench):
    asked = await call(bench, REQUEST)
    assert asked == {"state": "1", "errorMessage": "", **{name: asked[name] for name in ("mul_no", "payurl", "qrurl")}}
    assert bench.books("ORDER-1") == (0, 0)
    assert (await bench.send(asked["qrurl"].removeprefix("https://sandbox.test"))).status == 303

    page = await bench.send(path(asked["payurl"]))
    assert "55,000원" in page.body.decode()
    await bench.send(path(asked["payurl"]), {"action": "pay", "method": "card", "card": "4518", "installment": "03"})
    await bench.settle()

    (news,) = bench.news
    assert (news["pay_state"], news["price"], news["pay_type"], news["card_quota"]) == ("4", "55000", "1", "03")
    assert (news["var1"], news["mul_no"], news["feedbacktype"]) == ("ORDER-1", asked["mul_no"], "0")
    assert (news["linkkey"], news["linkval"]) == ("SANDBOXLINKKEY", "SANDBOXLINKVAL")
    assert news["pay_date"] == "2026-11-20 11:30:00", "Korean time"
    assert bench.books("ORDER-1") == (55_000, 0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"cmd": "payquery"}, "70040"), ({"cmd": ""}, "70040"), ({"userid": "nobody"}, "70010"),
        ({"userid": ""}, "70010"),
        ({"linkkey": "wrong"}, "70010"), ({"price": "999"}, "70020"), ({"price": "55,000"}, "70020"),
        ({"price": ""}, "70020"), ({"goodname": ""}, "70020"), ({"goodname": "see https://a.test"}, "70020"),
        ({"recvphone": "phone"}, "70020"), ({"openpaytype": "card,coin"}, "70020"), ({"feedbackurl": "x"}, "70020"),
        ({"reqmode": "usd"}, "70060"), ({"currency": "usd"}, "70060"), ({"subuserid": "clerk"}, "70020"),
        ({"amount_taxable": "50000", "amount_vat": "4999", "amount_taxfree": "0"}, "70020"),
    ],
)  # fmt: skip
async def test_a_request_is_refused_with_its_code(bench, change, code):
    said = await call(bench, REQUEST | change)
    assert (said["state"], said["errno"]) == ("0", code)
    assert said["errorMessage"]


async def test_a_tax_split_that_is_the_price_is_taken(bench):
    split = {"amount_taxable": "50000", "amount_vat": "5000", "amount_taxfree": "0"}
    assert (await call(bench, REQUEST | split))["state"] == "1"


async def test_a_call_without_tls_can_be_refused(bench):
    assert (await call(bench, REQUEST, host="http://sandbox.test"))["state"] == "1"
    bench.set(tls_required=True)
    assert (await call(bench, REQUEST, host="http://sandbox.test"))["errno"] == "70001"
    assert (await call(bench, REQUEST))["state"] == "1"


async def test_a_body_that_is_no_form_is_refused(bench):
    heard = await bench.send(LOAD, {})
    assert b"errno=70040" in heard.body
    heard = await bench.send(LOAD + "?", [("cmd", "payrequest"), ("cmd", "payrequest")])
    assert b"errno=70020" in heard.body


async def test_two_requests_of_one_order_are_two_payments(bench):
    first, second = await paid(bench), await paid(bench)
    assert first != second
    assert bench.books("ORDER-1") == (110_000, 0)


async def test_news_is_repeated_ten_times_until_success_alone_is_said(bench):
    for answer in [(200, b'"SUCCESS"'), (200, b"SUCCESS\n"), (302, b"SUCCESS"), (200, b"OK"), None]:
        bench.answer = answer
        bench.told.clear()
        await paid(bench)
        await bench.clock.forward(3_600)
        assert len(bench.told) == 11, answer

    bench.answer = (500, b"")
    bench.told.clear()
    await paid(bench, checkretry="n")
    await bench.clock.forward(3_600)
    assert len(bench.told) == 1


async def test_news_takes_both_routes_and_the_common_one_knows_strangers(bench):
    bench.set(common_feedback_url="https://shop.test/common")
    await paid(bench)
    assert [(url, dict(parse_qsl(body.decode()))["feedbacktype"]) for url, body, _ in bench.told] == [
        (NEWS, "0"), ("https://shop.test/common", "1")]  # fmt: skip
    bench.told.clear()
    await paid(bench, feedbackurl="", var1="")
    assert [url for url, *_ in bench.told] == ["https://shop.test/common"]


async def test_everything_is_given_back_once(bench):
    number = await paid(bench)
    assert await cancel(bench, number) == {"state": "1", "errorMessage": ""}
    assert bench.news[-1]["pay_state"] == "9"
    assert (await cancel(bench, number))["errno"] == "80020"
    assert bench.books("ORDER-1") == (55_000, 55_000)


@pytest.mark.parametrize(("reading", "price"), [("cancelled", "5000"), ("remaining", "50000")])
async def test_a_part_is_given_back_under_a_number_of_its_own(bench, reading, price):
    bench.set(partial_price=reading)
    number = await paid(bench)
    said = await cancel(bench, number, partcancel="1", cancelprice="5000")
    news = bench.news[-1]
    assert said["state"] == "1"
    assert (news["pay_state"], news["price"], news["orig_mul_no"], news["orig_price"]) == ("70", price, number, "55000")
    assert news["mul_no"] != number
    assert (await cancel(bench, number))["errno"] == "80020", "not everything after a part"
    assert (await cancel(bench, number, partcancel="1", cancelprice="50001"))["errno"] == "80030"
    assert (await cancel(bench, number, partcancel="1"))["errno"] == "80030"
    wrong = {"cancel_taxable": "1", "cancel_vat": "1"}
    assert (await cancel(bench, number, partcancel="1", cancelprice="50000", **wrong))["errno"] == "80030"
    await cancel(bench, number, partcancel="1", cancelprice="50000")
    assert bench.books("ORDER-1") == (55_000, 55_000)


@pytest.mark.parametrize("misspelt", [{"price": "5000"}, {"cancelprice": "5000"}, {"cancelmode": "True"}])
async def test_a_misspelt_part_gives_everything_back_as_it_does_at_payapp(bench, misspelt):
    await cancel(bench, await paid(bench), **misspelt)
    assert bench.books("ORDER-1") == (55_000, 55_000)


async def test_ready_cancels_a_request_and_never_a_payment(bench):
    asked = await call(bench, REQUEST)
    assert (await cancel(bench, asked["mul_no"], cancelmode="ready"))["state"] == "1"
    assert bench.news[-1]["pay_state"] == "8"
    assert (await bench.send(path(asked["payurl"]))).status == 410
    assert (await cancel(bench, await paid(bench), cancelmode="ready"))["errno"] == "80020"
    assert bench.books("ORDER-1") == (55_000, 0)


@pytest.mark.parametrize("change", [{"linkkey": ""}, {"linkkey": "x"}, {"userid": "nobody"}])
async def test_a_cancellation_needs_the_key(bench, change):
    assert (await cancel(bench, await paid(bench), **change))["errno"] == "70010"


@pytest.mark.parametrize("change", [{"mul_no": "1"}, {"mul_no": "x"}, {"cancelmemo": ""}])
async def test_a_cancellation_needs_its_fields(bench, change):
    assert (await cancel(bench, await paid(bench), **change))["errno"] == "70020"


async def test_after_five_days_only_a_wish_is_taken_and_the_console_grants_it(bench):
    number = await paid(bench)
    await bench.clock.forward(5 * 86_400)
    await cancel(bench, number, partcancel="1", cancelprice="1000")
    await bench.clock.forward(86_400)
    assert (await cancel(bench, number))["errno"] == "80010"
    wish = {"cmd": "paycancelreq", "dpname": "홍길동", "partcancel": "1"}
    said = await cancel(bench, number, **wish, cancelprice="4000")
    assert (said["state"], said["partprice"], said["cr_dpname"]) == ("1", "4000", "홍길동")
    assert (said["paybackprice"], said["paybackbank"]) == ("0", ""), "the seller has not been paid out yet"
    assert bench.books("ORDER-1") == (55_000, 1_000), "a wish is no money"
    assert (await cancel(bench, number, **wish, cancelprice="50001"))["errno"] == "80030"
    bench.world.desks["payapp"].refund({"merchant_ref": "ORDER-1", "amount": 4_000})
    await bench.settle()
    assert bench.news[-1]["pay_state"] == "71"
    assert bench.books("ORDER-1") == (55_000, 5_000)


async def test_from_the_settlement_on_a_wish_is_taken_and_says_what_must_be_wired_and_before_it_none_is(bench):
    bench.set(settled_days=2)
    number = await paid(bench)
    await bench.clock.forward(2 * 86_400)
    wish = {"cmd": "paycancelreq", "dpname": "홍길동"}
    assert (await cancel(bench, number, **wish))["errno"] == "80020", "it can be cancelled without one"
    await bench.clock.forward(86_400)
    assert (await cancel(bench, number))["errno"] == "80010"
    said = await cancel(bench, number, **wish)
    assert (said["state"], said["paybackprice"], bool(said["paybackbank"])) == ("1", "55000", True)
    assert (await cancel(bench, number, **wish))["errno"] == "80030", "it is asked for already"
    bench.world.desks["payapp"].refund({"merchant_ref": "ORDER-1"})
    await bench.settle()
    assert (await cancel(bench, number, **wish))["errno"] == "80020", "nothing is left"


async def test_an_account_is_paid_into_once(bench):
    number = await paid(bench, openpaytype="vbank")
    assert (bench.news[-1]["pay_state"], bool(bench.news[-1]["vbankno"])) == ("10", True)
    desk = bench.world.desks["payapp"]
    desk.deposit({"merchant_ref": "ORDER-1"})
    await bench.settle()
    assert (bench.news[-1]["pay_state"], bench.news[-1]["mul_no"]) == ("4", number)
    assert bench.books("ORDER-1") == (55_000, 0)
    with pytest.raises(ValueError, match="deposit"):
        desk.deposit({"merchant_ref": "ORDER-1"})
    with pytest.raises(ValueError, match="0 payments"):
        desk.deposit({"merchant_ref": "ORDER-2"})


async def test_a_card_is_registered_charged_and_forgotten(bench):
    bill = await call(bench, CARD)
    assert (bill["cardno"], bill["cardname"], bill["errno"]) == ("451812******1111", "[신한]", "00000")
    charge = SELLER | {"cmd": "billPay", "encBill": bill["encBill"], "goodname": "표", "price": "55000",
                       "recvphone": "01012345678", "feedbackurl": NEWS, "var1": "BILL-1", "cardinst": "03",
                       "amount_taxable": "0", "amount_taxfree": "55000", "amount_vat": "0"}  # fmt: skip
    for name in ("amount_taxable", "amount_taxfree", "amount_vat", "recvphone", "goodname", "encBill"):
        assert (await call(bench, charge | {name: ""}))["errno"] == "70020", name
    said = await call(bench, charge)
    await bench.settle()
    assert (said["state"], said["price"]) == ("1", "55000")
    assert (bench.news[-1]["pay_type"], bench.news[-1]["mul_no"]) == ("17", said["mul_no"])
    await call(bench, charge)
    assert bench.books("BILL-1") == (110_000, 0), "nothing tells a repeat from a second charge"
    assert (await call(bench, charge | {"price": "49999", "amount_taxfree": "49999"}))["errno"] == "70020", (
        "instalments from 50,000"
    )
    assert (await call(bench, charge | {"userid": "other"}))["errno"] == "70010"
    assert (await call(bench, SELLER | {"cmd": "billDelete", "encBill": bill["encBill"]}))["state"] == "1"
    assert (await call(bench, charge))["errno"] == "70020"
    kept = repr(list(bench.world.requests)) + repr(vars(bench.world.desks["payapp"]._till))
    assert "4518123412341111" not in kept


@pytest.mark.parametrize(
    "change",
    [{"cardNo": "1"}, {"expMonth": "13"}, {"expYear": "20"}, {"buyerAuthNo": "1"}, {"cardPw": "1"}, {"linkkey": "x"}],
)
async def test_a_bent_card_is_refused(bench, change):
    assert (await call(bench, CARD | change))["state"] == "0"


async def test_cards_can_be_made_to_need_the_key(bench):
    bench.set(linkkey_for_bills=True)
    assert (await call(bench, CARD))["errno"] == "70010"
    assert (await call(bench, CARD | KEYED))["state"] == "1"


async def test_a_plan_charges_on_its_days_stops_starts_and_ends(bench):
    plan = await call(bench, REBILL)
    desk, number = bench.world.desks["payapp"], int(plan["rebill_no"])
    assert (await call(bench, KEYED | {"cmd": "rebillStop", "rebill_no": number}))["state"] == "0", "not running yet"
    await bench.send(path(plan["payurl"]), {"action": "pay", "method": "card"})
    assert desk.deposit({"rebill_no": number})["next"] == "2026-12-10"
    await bench.clock.forward(21 * 86_400)
    desk.deposit({"rebill_no": number})
    await bench.settle()
    assert (bench.news[-1]["rebill_no"], bench.news[-1]["pay_state"]) == (plan["rebill_no"], "4")
    assert bench.books("PLAN") == (20_000, 0)
    stopped = [await call(bench, KEYED | {"cmd": "rebillStop", "rebill_no": number}) for _ in range(2)]
    assert [one["state"] for one in stopped] == ["1", "0"], "what rests already is not stopped"
    await bench.clock.forward(31 * 86_400)
    assert desk.deposit({"rebill_no": number}) == {"state": "stopped", "next": "2027-01-10", "notices": 0}
    assert (await call(bench, KEYED | {"cmd": "rebillStart", "rebill_no": number}))["state"] == "1"
    await bench.clock.forward(31 * 86_400)
    desk.deposit({"rebill_no": number, "fail": True})
    await bench.settle()
    assert (bench.told[-1][0], bench.news[-1]["pay_state"]) == ("https://shop.test/fail", "99")
    assert bench.news[-1]["ResultMsg"]
    await bench.clock.forward(62 * 86_400)
    assert desk.deposit({"rebill_no": number})["state"] == "expired"
    assert (await call(bench, KEYED | {"cmd": "rebillCancel", "rebill_no": number}))["state"] == "1"
    assert (await call(bench, KEYED | {"cmd": "rebillStart", "rebill_no": number}))["state"] == "0"
    assert (await call(bench, KEYED | {"cmd": "rebillCancel", "rebill_no": 1}))["errno"] == "70020"
    assert bench.books("PLAN") == (20_000, 0)


@pytest.mark.parametrize(
    "change",
    [{"rebillExpire": "2026-11-19"}, {"rebillExpire": "2026-13-01"}, {"rebillCycleType": "Year"},
     {"rebillCycleMonth": ""},
     {"rebillCycleType": "Week"}, {"openpaytype": "vbank"}, {"goodprice": "1"},
     {"rebillCycleType": "Day", "openpaytype": "phone"}],
)  # fmt: skip
async def test_a_bent_plan_is_refused(bench, change):
    assert (await call(bench, REBILL | change))["errno"] == "70020"


@pytest.mark.parametrize(
    ("form", "after", "day"),
    [
        ({"rebillCycleType": "Day"}, date(2026, 12, 31), date(2027, 1, 1)),
        ({"rebillCycleType": "Week", "rebillCycleWeek": "1"}, date(2026, 11, 20), date(2026, 11, 23)),
        ({"rebillCycleType": "Week", "rebillCycleWeek": "5"}, date(2026, 11, 20), date(2026, 11, 27)),
        ({"rebillCycleType": "Month", "rebillCycleMonth": "25"}, date(2026, 11, 20), date(2026, 11, 25)),
        ({"rebillCycleType": "Month", "rebillCycleMonth": "20"}, date(2026, 12, 20), date(2027, 1, 20)),
        ({"rebillCycleType": "Month", "rebillCycleMonth": "90"}, date(2027, 1, 31), date(2027, 2, 28)),
    ],
)
def test_the_next_round_is_the_next_day_of_its_kind(form, after, day):
    assert next_round(form, after) == day


@pytest.mark.parametrize(("cmd", "code"), [("payrequest", "70020"), ("paycancel", "80020"), ("billRegist", "70020")])
async def test_an_armed_refusal_has_its_usual_code(bench, cmd, code):
    number = await paid(bench)
    bench.fault(cmd, "decline")
    form = {"payrequest": REQUEST, "paycancel": KEYED | {"mul_no": number, "cancelmemo": "x"}, "billRegist": CARD}[cmd]
    assert (await call(bench, form | {"cmd": cmd}))["errno"] == code
