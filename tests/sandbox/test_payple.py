"""Payple's sandbox: authentication, window, acts, inquiry and webhooks, as its manual has them."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.sandbox.inside import Inside, fields_of, path_of

AUTH = "/payple/php/auth.php"
SHOP = {"cst_id": "sandboxshop", "custKey": "abcd1234567890"}
REFUND_KEY = "a41ce010ede9fcbfb3be86b24858806596a9db68b79d138b147c3e563e1829a0"
HOOK, CANCEL_HOOK = "https://shop.test/n/pay", "https://shop.test/n/cancel"


@pytest.fixture
def shop():
    return Inside("payple")


async def auth(shop, referer="http://shop.test", **flags):
    headers = {"referer": referer, "cache-control": "no-cache"} if referer else {}
    return await shop.json(AUTH, {**SHOP, **flags}, **headers)


def tokens(given):
    return {"PCD_CST_ID": given["cst_id"], "PCD_CUST_KEY": given["custKey"], "PCD_AUTH_KEY": given["AuthKey"]}


async def act(shop, flags, **fields):
    given = await auth(shop, **flags)
    return await shop.json(path_of(given["return_url"]), {**tokens(given), **fields})


def window_form(given, work="CERT", total="55000", oid="ORDER1", **more):
    goods = {"PCD_PAY_GOODS": "늦가을 음악회", "PCD_PAY_TOTAL": total} if work != "AUTH" else {}
    return {
        **tokens(given), "PCD_CPAY_VER": "1.0.1", "PCD_PAY_TYPE": "card", "PCD_PAY_WORK": work, "PCD_CARD_VER": "02",
        "PCD_PAYER_NO": "2335", "PCD_PAYER_NAME": "홍길동", "PCD_PAYER_HP": "01012345678", "PCD_PAY_OID": oid,
        "PCD_RST_URL": "http://shop.test/r", "PCD_USER_DEFINE1": "x", **goods, **more,
    }  # fmt: skip


async def returned(shop, action="pay", card="03", **more):
    """Open a window and press a button; gives what the browser posts back."""
    given = await auth(shop, PCD_PAY_TYPE="card", PCD_PAY_WORK=more.get("work", "CERT"))
    path = path_of(given["return_url"])
    opened = await shop.form(path, window_form(given, **more))
    assert opened.status == 200, opened.body.decode()
    pressed = await shop.form(path.partition("?")[0], {**fields_of(opened), "action": action, "card": card})
    assert pressed.status == 200, pressed.body.decode()
    return fields_of(pressed)


def confirm_form(back, **more):
    return {
        "PCD_CST_ID": "sandboxshop", "PCD_CUST_KEY": "abcd1234567890", "PCD_AUTH_KEY": back["PCD_AUTH_KEY"],
        "PCD_PAY_REQKEY": back["PCD_PAY_REQKEY"], "PCD_PAYER_ID": back["PCD_PAYER_ID"], **more,
    }  # fmt: skip


async def paid(shop, **more):
    back = await returned(shop, **more)
    return await shop.json(path_of(back["PCD_PAY_COFURL"]), confirm_form(back))


async def refund(shop, amount, day="20261120", oid="ORDER1", **more):
    fields = {
        "PCD_REFUND_KEY": REFUND_KEY, "PCD_PAYCANCEL_FLAG": "Y", "PCD_PAY_OID": oid, "PCD_PAY_DATE": day,
        "PCD_REFUND_TOTAL": amount, **more,
    }  # fmt: skip
    return await act(shop, {"PCD_PAYCANCEL_FLAG": "Y"}, **fields)


async def asked(shop, day="20261120", oid="ORDER1", **more):
    fields = {"PCD_PAYCHK_FLAG": "Y", "PCD_PAY_TYPE": "card", "PCD_PAY_OID": oid, "PCD_PAY_DATE": day, **more}
    return await act(shop, {"PCD_PAYCHK_FLAG": "Y"}, **fields)


async def registered(shop):
    return (await returned(shop, work="AUTH", PCD_CARD_VER="01"))["PCD_PAYER_ID"]


async def simple(shop, payer, oid="BILL1", total=30_000, **more):
    fields = {"PCD_PAY_TYPE": "card", "PCD_PAYER_ID": payer, "PCD_PAY_GOODS": "회비", "PCD_PAY_TOTAL": total}
    flags = {"PCD_PAY_TYPE": "card", "PCD_SIMPLE_FLAG": "Y"}
    return await act(shop, flags, **fields, PCD_PAY_OID=oid, **more)


async def regular(shop, payer, oid="BILL1", month="11", **more):
    fields = {"PCD_PAY_TYPE": "card", "PCD_PAYER_ID": payer, "PCD_PAY_GOODS": "회비", "PCD_PAY_TOTAL": 30_000}
    flags = {"PCD_PAY_TYPE": "card", "PCD_REGULER_FLAG": "Y"}
    when = {"PCD_REGULER_FLAG": "Y", "PCD_PAY_YEAR": "2026", "PCD_PAY_MONTH": month}
    return await act(shop, flags, **fields, **when, PCD_PAY_OID=oid, **more)


async def test_a_buyer_pays_and_the_books_show_the_money(shop):
    back = await returned(shop)
    assert (back["PCD_PAY_RST"], back["PCD_PAY_TOTAL"], back["PCD_PAY_OID"]) == ("success", "55000", "ORDER1")
    assert shop.book("ORDER1")["captured"] == 0
    answer = await shop.json(path_of(back["PCD_PAY_COFURL"]), confirm_form(back))
    assert (answer["PCD_PAY_RST"], answer["PCD_PAY_CODE"], answer["PCD_PAY_TOTAL"]) == ("success", "SPCD0000", 55_000)
    assert (answer["PCD_PAY_CARDNAME"], answer["PCD_USER_DEFINE1"]) == ("삼성카드", "x")
    assert answer["PCD_PAY_TIME"] == "20261120120000"
    assert shop.book("ORDER1")["net"] == 55_000
    again = await shop.json(path_of(back["PCD_PAY_COFURL"]), confirm_form(back))
    assert again["PCD_PAY_RST"] == "error", "a key confirms once"
    assert shop.book("ORDER1")["captured"] == 55_000


@pytest.mark.parametrize(
    "bend",
    [
        {"PCD_PAY_REQKEY": "x"},
        {"PCD_AUTH_KEY": "x"},
        {"PCD_CUST_KEY": "x"},
        {"PCD_CST_ID": "x"},
        {"PCD_PAY_REQKEY": ""},
    ],
)
async def test_a_confirmation_that_does_not_fit_its_window_takes_nothing(shop, bend):
    back = await returned(shop)
    answer = await shop.json(path_of(back["PCD_PAY_COFURL"]), confirm_form(back, **bend))
    assert answer["PCD_PAY_RST"] == "error"
    elsewhere = await shop.json("/payple/php/PayCardConfirmAct.php?ACT_=PAYM", confirm_form(back))
    assert elsewhere["PCD_PAY_RST"] == "error", "the address that was named counts"
    assert shop.book("ORDER1")["captured"] == 0


@pytest.mark.parametrize(
    ("referer", "values", "code"),
    [("", {}, "AUTH0004"), ("http://elsewhere.test", {}, "AUTH0004"), ("http://shop.test.evil", {}, "AUTH0004"),
     ("http://shop.test/x", {"custKey": "no"}, "AUTH0001"), ("http://shop.test", {"cst_id": "no"}, "AUTH0001"),
     ("http://shop.test", {"cst_id": "live1"}, "AUTH0007"),
     ("http://shop.test", {"PCD_PAY_WORK": "AUTHREG"}, "AUTH0001"),
     ("http://shop.test", {"PCD_PAY_TYPE": "transfer"}, "AUTH0001"),
     ("http://shop.test", {"PCD_PAY_TYPE": "", "PCD_SIMPLE_FLAG": "Y"}, "AUTH0001"),
     ("http://shop.test", {"PCD_PAY_TYPE": "", "PCD_REGULER_FLAG": "Y"}, "AUTH0001"),
     ("http://shop.test", {"PCD_REGULER_FLAG": "Y", "PCD_SIMPLE_FLAG": "Y"}, "AUTH0001"),
     ("http://shop.test", {"PCD_PAYCANCEL_FLAG": "Y", "PCD_PAYCHK_FLAG": "Y"}, "AUTH0001")],
)  # fmt: skip
async def test_an_authentication_is_refused_with_its_code(shop, referer, values, code):
    await shop.control("settings", referers=["http://shop.test"])
    answer = await auth(shop, referer, **{"PCD_PAY_TYPE": "card"} | values)
    assert (answer["result"], answer["result_code"]) == ("error", code)


async def test_addresses_change_between_calls_and_tokens_end(shop):
    first, second = await auth(shop, PCD_PAYCHK_FLAG="Y"), await auth(shop, PCD_PAYCHK_FLAG="Y")
    assert first["return_url"] == first["PCD_PAY_HOST"] + first["PCD_PAY_URL"] != second["return_url"]
    fields = {"PCD_PAYCHK_FLAG": "Y", "PCD_PAY_TYPE": "card", "PCD_PAY_OID": "ORDER1", "PCD_PAY_DATE": "20261120"}
    wrong = await shop.json(path_of(second["return_url"]), {**tokens(first), **fields})
    assert wrong["PCD_PAY_CODE"] == "CPAY0002"
    await shop.clock.forward(31 * 60)
    late = await shop.json(path_of(first["return_url"]), {**tokens(first), **fields})
    assert late["PCD_PAY_CODE"] == "CPAY0002"
    await shop.control("settings", addresses_change=False, pass_once=True, old_names=True)
    assert (await auth(shop, PCD_PAY_TYPE="card"))["cPayUrl"] == "/payple/index.php?ACT_=PAYM"
    given = await auth(shop, PCD_PAYCHK_FLAG="Y")
    assert given["PCD_PAY_URL"] == "/payple/php/PayChkAct.php"
    for code in ("PCHK0001", "CPAY0002"):
        answer = await shop.json(path_of(given["return_url"]), {**tokens(given), **fields})
        assert answer["PCD_PAY_CODE"] == code


async def test_an_act_wants_tokens_and_not_credentials(shop):
    given = await auth(shop, PCD_PAYCHK_FLAG="Y")
    own = {"PCD_CST_ID": "sandboxshop", "PCD_CUST_KEY": "abcd1234567890", "PCD_AUTH_KEY": given["AuthKey"]}
    fields = {"PCD_PAYCHK_FLAG": "Y", "PCD_PAY_TYPE": "card", "PCD_PAY_OID": "O", "PCD_PAY_DATE": "20261120"}
    assert (await shop.json(path_of(given["return_url"]), own | fields))["PCD_PAY_CODE"] == "CPAY0002"
    await shop.control("settings", credentials_anywhere=True)
    assert (await shop.json(path_of(given["return_url"]), own | fields))["PCD_PAY_CODE"] == "PCHK0001"
    for path in ("/payple/php/PayChkAct.php?ACT_=PAYM", "/payple/php/RePayCardAct.php"):
        assert (await shop.raw(path, b"{}", "application/json")).status == 404


@pytest.mark.parametrize(
    "bend",
    [{"total": "999"}, {"total": "1e3"}, {"work": "PAYM"}, {"PCD_CARD_VER": "03"}, {"PCD_PAYER_NO": "12345678901"},
     {"PCD_PAY_GOODS": "표🎫"}, {"PCD_PAY_TAXTOTAL": "5001"}, {"PCD_PAY_ISTAX": "N", "PCD_PAY_TAXTOTAL": "10"},
     {"PCD_REGULER_FLAG": "Y"}, {"PCD_CPAY_VER": "2"}, {"PCD_CUST_KEY": "abcd1234567890"},
     {"PCD_RST_URL": "javascript:1"}, {"work": "AUTH", "PCD_CARD_VER": "02"}],
)  # fmt: skip
async def test_a_window_is_not_opened_for_a_bent_form(shop, bend):
    given = await auth(shop, PCD_PAY_TYPE="card", PCD_PAY_WORK="CERT")
    heard = await shop.form(path_of(given["return_url"]), window_form(given, **bend))
    assert heard.status == 400
    assert not shop.world.bank.of("ORDER1")


@pytest.mark.parametrize(("action", "rst"), [("close", "close"), ("fail", "error")])
async def test_closing_and_failing_come_back_as_such(shop, action, rst):
    back = await returned(shop, action)
    assert (back["PCD_PAY_RST"], back["PCD_PAY_REQKEY"]) == (rst, "")


async def test_a_window_lies_in_a_frame_and_hands_its_result_over_where_there_is_no_address(shop):
    given = await auth(shop, PCD_PAY_TYPE="card", PCD_PAY_WORK="CERT")
    form = {name: value for name, value in window_form(given).items() if name != "PCD_RST_URL"}
    path = path_of(given["return_url"])
    opened = await shop.form(path, form)
    assert "frame-ancestors" not in opened.headers["content-security-policy"]
    assert "삼성카드" in opened.body.decode()
    press = {**fields_of(opened), "action": "pay", "card": "03"}
    assert "postMessage" in (await shop.form(path, press)).body.decode()
    assert (await shop.form(path, press | {"card": "99"})).status == 422
    assert (await shop.form(path, press | {"key": "x"})).status == 404
    assert (await shop.form(path, press | {"action": "x"})).status == 200
    await shop.clock.forward(31 * 60)
    assert '"PCD_PAY_RST": "error"' in (await shop.form(path, press)).body.decode()


async def test_the_script_authenticates_at_the_shop_or_by_its_public_key(shop):
    for path in ("/payple/js/cpay.payple.1.0.1.js", "/payple/js/v1/payment.js"):
        script = (await shop.get(path)).body.decode()
        assert "PaypleCpayAuthCheck" in script
        assert "payple_auth_file" in script
    good = await shop.form("/payple/js/v1/auth", {"clientKey": "test_DF55F29DA654A8CBC0F0A9DD4B556486"})
    assert json.loads(good.body)["result"] == "success"
    assert json.loads((await shop.form("/payple/js/v1/auth", {"clientKey": "x"})).body)["result"] == "error"
    assert json.loads((await shop.raw("/payple/js/v1/auth", b"a=1&a=2")).body)["result"] == "error"


async def test_in_mode_pay_the_money_moves_before_the_shop_hears_of_it(shop):
    await shop.control("settings", webhook_url=HOOK)
    back = await returned(shop, work="PAY")
    assert (back["PCD_PAY_CODE"], shop.book("ORDER1")["net"]) == ("SPCD0000", 55_000)
    await shop.settled()
    assert [method for method, *_ in shop.receiver.got] == ["HEAD", "POST"]


async def test_a_webhook_may_be_registered_for_one_shop_alone(shop):
    await shop.control("settings", webhook_url=HOOK)
    await shop.control("settings", merchant="sandboxshop", webhook_url=CANCEL_HOOK)
    await returned(shop, work="PAY")
    await shop.settled()
    assert {url for _, url, *_ in shop.receiver.got} == {CANCEL_HOOK}
    for bad in ({"merchant": "nobody"}, {"webhook_url": 7}, {"smallest_won": 5}):
        told = {"gateway": "payple", "merchant": "sandboxpay", "webhook_url": HOOK, **bad}
        heard = await shop.raw("/control/settings", json.dumps(told).encode(), "application/json")
        assert heard.status == 400, bad


@pytest.mark.parametrize(("kind", "taken"), [("drop_before", 0), ("drop_after", 55_000)])
async def test_a_window_in_mode_pay_may_break_off_before_or_after_the_money_moved(shop, kind, taken):
    given = await auth(shop, PCD_PAY_TYPE="card", PCD_PAY_WORK="PAY")
    path = path_of(given["return_url"])
    opened = await shop.form(path, window_form(given, work="PAY"))
    shop.fault("window", kind)
    heard = await shop.form(path.partition("?")[0], {**fields_of(opened), "action": "pay", "card": "03"})
    assert (heard.cut, shop.book("ORDER1")["captured"]) == ("fin", taken)


async def test_a_registered_card_is_charged_shown_and_deleted(shop):
    payer = await registered(shop)
    assert not shop.world.bank.of("ORDER1")
    assert (await simple(shop, payer))["PCD_PAY_CODE"] == "SPCD0000"
    assert (await simple(shop, payer))["PCD_PAY_CODE"] == "CPAY0003"
    assert (await simple(shop, payer, "BILL2", 900))["PCD_PAY_CODE"] == "CPAY0006"
    assert (await simple(shop, payer, "BILL2", PCD_PAY_TAXTOTAL=2_728))["PCD_PAY_CODE"] == "CPAY0001"
    assert (await act(shop, {"PCD_PAY_WORK": "PUSERINFO"}, PCD_PAYER_ID=payer))["PCD_PAY_CODE"] == "CPAY0001"
    shown = await act(shop, {"PCD_PAY_WORK": "PUSERINFO"}, PCD_PAYER_ID=payer, PCD_PAYER_NO=2335)
    assert shown["PCD_PAYER_NO"] == "2335"
    assert (shown["PCD_PAY_CODE"], shown["PCD_PAY_CARDNAME"]) == ("0000", "삼성카드")
    await shop.control("settings", old_names=True)
    assert "PCD_PAY_BANKNUM" in await act(shop, {"PCD_PAY_WORK": "PUSERINFO"}, PCD_PAYER_ID=payer, PCD_PAYER_NO=2335)
    assert "PCD_CARDNUM" in await simple(shop, payer, "BILL3")
    assert (await act(shop, {"PCD_PAY_WORK": "PUSERDEL"}, PCD_PAYER_ID=payer))["PCD_PAY_RST"] == "success"
    assert (await act(shop, {"PCD_PAY_WORK": "PUSERDEL"}, PCD_PAYER_ID=payer))["PCD_PAY_CODE"] == "SPCD0001"
    assert (await simple(shop, payer, "BILL4"))["PCD_PAY_CODE"] == "SPCD0001"


async def test_a_regular_charge_is_made_once_a_month(shop):
    payer = await registered(shop)
    assert (await regular(shop, payer))["PCD_PAY_CODE"] == "SPCD0000"
    assert (await regular(shop, payer, "BILL2"))["PCD_PAY_CODE"] == "CPAY0008"
    assert (await regular(shop, payer, "BILL3", "12"))["PCD_PAY_CODE"] == "SPCD0000"
    assert (await regular(shop, payer, "BILL4", "13"))["PCD_PAY_CODE"] == "CPAY0001"


MONTHLY = {"PCD_REGULER_FLAG": "Y", "PCD_PAY_YEAR": "2026", "PCD_PAY_MONTH": "12"}


@pytest.mark.parametrize("missing", ["", *MONTHLY])
@pytest.mark.parametrize("bent", [{}, {"PCD_PAY_MONTH": "11"}, {"PCD_PAY_YEAR": "2025"}])
async def test_a_regular_payment_is_refunded_and_shown_only_by_its_month(shop, missing, bent):
    payer = await registered(shop)
    await regular(shop, payer, "BILL1", "12")
    named = {name: value for name, value in (MONTHLY | bent).items() if name != missing}
    right = named == MONTHLY
    assert (await asked(shop, oid="BILL1", **named))["PCD_PAY_RST"] == ("success" if right else "error")
    assert (await refund(shop, 1_000, oid="BILL1", **named))["PCD_PAY_RST"] == ("success" if right else "error")
    assert shop.book("BILL1")["net"] == (29_000 if right else 30_000)


async def test_a_payment_that_is_not_regular_is_named_by_no_month(shop):
    await paid(shop)
    assert (await asked(shop, **MONTHLY))["PCD_PAY_CODE"] == "PCHK0001"
    assert (await refund(shop, 1_000, **MONTHLY))["PCD_PAY_CODE"] == "PAYC0001"
    assert (await asked(shop, **MONTHLY | {"PCD_PAY_MONTH": "13"}))["PCD_PAY_CODE"] == "CPAY0001"
    assert (await asked(shop))["PCD_PAY_RST"] == "success"


async def test_a_monthly_window_binds_the_card_that_its_confirmation_must_name(shop):
    back = await returned(shop, PCD_CARD_VER="01", PCD_REGULER_FLAG="Y", PCD_PAY_YEAR="2026", PCD_PAY_MONTH="11")
    wrong = await shop.json(path_of(back["PCD_PAY_COFURL"]), confirm_form(back, PCD_PAYER_ID="x"))
    assert wrong["PCD_PAY_CODE"] == "SPCD0001"
    assert (await shop.json(path_of(back["PCD_PAY_COFURL"]), confirm_form(back)))["PCD_PAY_RST"] == "success"


async def test_refunds_keep_the_balance_and_name_the_day_of_the_payment(shop):
    await paid(shop)
    assert (await refund(shop, 1_000, "20261121"))["PCD_PAY_CODE"] == "PAYC0001"
    assert (await refund(shop, 1_000, PCD_REFUND_KEY="x"))["PCD_PAY_CODE"] == "CPAY0002"
    assert (await refund(shop, 1_000, oid="NEVER"))["PCD_PAY_CODE"] == "PAYC0001"
    assert (await refund(shop, 1_000, PCD_REFUND_TAXTOTAL=93))["PCD_PAY_CODE"] == "CPAY0001"
    assert (await refund(shop, 55_001))["PCD_PAY_CODE"] == "PAYC0002"
    first = await refund(shop, 5_000)
    assert (first["PCD_PAY_CODE"], first["PCD_REFUND_TOTAL"]) == ("PAYC0000", 5_000)
    await refund(shop, 5_000)
    assert shop.book("ORDER1")["net"] == 45_000, "a repeat refunds again"
    await shop.control("settings", parts_refused=True)
    assert (await refund(shop, 5_000))["PCD_PAY_CODE"] == "PAYC0004"
    await shop.control("settings", parts_refused=False, cancel_period_days=1)
    await shop.clock.forward(2 * 86_400)
    assert (await refund(shop, 45_000))["PCD_PAY_CODE"] == "PAYC0005"
    await shop.control("settings", cancel_period_days=365)
    assert (await refund(shop, 45_000))["PCD_PAY_CODE"] == "PAYC0000"
    assert (await refund(shop, 1))["PCD_PAY_CODE"] == "PAYC0003"


async def test_the_vat_of_refunds_adds_up_to_the_payments(shop):
    await paid(shop, PCD_PAY_TAXTOTAL="3000")
    for vat in (None, 3_001, 5_001):
        more = {} if vat is None else {"PCD_REFUND_TAXTOTAL": vat}
        assert (await refund(shop, 5_000, **more))["PCD_PAY_CODE"] == "CPAY0001"
    assert (await refund(shop, 5_000, PCD_REFUND_TAXTOTAL=457))["PCD_PAY_CODE"] == "CPAY0001", "more than an eleventh"
    assert (await refund(shop, 5_000, PCD_REFUND_TAXTOTAL=456))["PCD_PAY_CODE"] == "PAYC0000"
    assert (await refund(shop, 50_000, PCD_REFUND_TAXTOTAL=2_543))["PCD_PAY_CODE"] == "CPAY0001", "not all of it"
    assert (await refund(shop, 50_000, PCD_REFUND_TAXTOTAL=2_545))["PCD_PAY_CODE"] == "CPAY0001"
    assert (await refund(shop, 50_000, PCD_REFUND_TAXTOTAL=2_544))["PCD_PAY_CODE"] == "PAYC0000"
    assert shop.book("ORDER1")["net"] == 0


async def test_only_a_payment_that_is_taxed_in_part_has_vat_of_its_own(shop):
    await paid(shop)
    assert (await refund(shop, 5_000, PCD_REFUND_TAXTOTAL=1))["PCD_PAY_CODE"] == "CPAY0001"
    assert (await refund(shop, 5_000, PCD_REFUND_TAXTOTAL=0))["PCD_PAY_CODE"] == "PAYC0000"


async def test_a_refund_in_the_console_tells_no_vat_and_leaves_only_the_limit(shop):
    await paid(shop, PCD_PAY_TAXTOTAL="3000")
    await shop.control("refund", merchant_ref="ORDER1", amount=1_000)
    assert (await refund(shop, 54_000, PCD_REFUND_TAXTOTAL=3_001))["PCD_PAY_CODE"] == "CPAY0001"
    assert (await refund(shop, 54_000, PCD_REFUND_TAXTOTAL=2_900))["PCD_PAY_CODE"] == "PAYC0000"


async def test_the_day_of_a_payment_is_korean(shop):
    shop.clock.at = datetime(2026, 11, 20, 14, 59, 58, tzinfo=UTC)
    back = await returned(shop)
    await shop.clock.forward(5)
    answer = await shop.json(path_of(back["PCD_PAY_COFURL"]), confirm_form(back))
    assert answer["PCD_PAY_TIME"].startswith("20261121")
    assert (await asked(shop, "20261120"))["PCD_PAY_CODE"] == "PCHK0001"
    assert (await asked(shop, "20261121"))["PCD_PAY_TOTAL"] == 55_000


@pytest.mark.parametrize("code", ["CPAY0018", "SPAY0011"])
async def test_a_result_that_payple_has_not_heard_is_shown_by_a_later_inquiry(shop, code):
    shop.fault("confirm", "decline", code=code)
    answer = await paid(shop)
    assert (answer["PCD_PAY_RST"], answer["PCD_PAY_CODE"]) == ("error", code)
    assert shop.book("ORDER1")["net"] == 55_000
    assert (await asked(shop))["PCD_PAY_CODE"] == "PCHK0001"
    await shop.clock.forward(20)
    found = await asked(shop)
    assert (found["PCD_PAY_RST"], found["PCD_PAY_TOTAL"]) == ("success", 55_000)
    assert "PCD_REFUND_TOTAL" not in found
    await refund(shop, 5_000)
    await shop.control("settings", lookup_shows_refunds=True)
    assert (await asked(shop))["PCD_REFUND_TOTAL"] == 5_000


@pytest.mark.parametrize("as_json", [True, False])
async def test_a_webhook_is_asked_for_by_head_and_wants_status_200(shop, as_json):
    await shop.control("settings", webhook_url=HOOK, cancel_webhook_url=CANCEL_HOOK, webhook_json=as_json)
    shop.receiver.answers = [(302, b""), (200, b"")]
    await paid(shop)
    await shop.settled()
    await shop.clock.forward(10)
    methods = [method for method, *_ in shop.receiver.got]
    assert methods == ["HEAD", "POST", "HEAD", "POST"]
    body = shop.receiver.bodies()[0].decode()
    told = json.loads(body) if as_json else dict(parse_qsl(body, keep_blank_values=True))
    assert (told["PCD_PAY_OID"], str(told["PCD_PAY_TOTAL"]), told["PCD_PAY_URL"]) == ("ORDER1", "55000", "")
    shop.receiver.head = 405
    await shop.control("refund", merchant_ref="ORDER1", amount=5_000)
    await shop.settled()
    approved, cancelled = shop.book("ORDER1")["notices"]
    assert (approved["tries"], approved["acked"]) == (2, True)
    assert (cancelled["acked"], cancelled["answers"][0]["error"]) == (False, "HEAD was not answered with 200")
    assert len(shop.receiver.bodies()) == 2


async def test_a_cancellation_is_told_without_the_shops_own_field(shop):
    await shop.control("settings", cancel_webhook_url=CANCEL_HOOK)
    await paid(shop)
    await refund(shop, 55_000)
    await shop.control("settings", cancel_webhook_defines=True)
    await paid(shop, oid="ORDER2")
    await refund(shop, 55_000, oid="ORDER2")
    await shop.settled()
    assert ["PCD_USER_DEFINE1" in body.decode() for body in shop.receiver.bodies()] == [False, True]


async def test_a_forged_webhook_is_perfectly_formed(shop):
    await shop.control("forge", url=HOOK, fields={"PCD_PAY_OID": "ORDER1", "PCD_PAY_TOTAL": "55000"})
    assert dict(parse_qsl(shop.receiver.bodies()[0].decode()))["PCD_PAY_RST"] == "success"
    for bad in ({"path": "forge", "url": 1}, {"path": "deposit"}, {"path": "refund", "merchant_ref": "NEVER"}):
        path = bad.pop("path")
        heard = await shop.raw(f"/control/{path}", json.dumps({"gateway": "payple", **bad}).encode())
        assert heard.status == 400


async def test_the_console_gives_back_what_is_left_and_no_more(shop):
    await paid(shop)
    await shop.control("settings", parts_refused=True)
    for amount, words in ((55_001, "what is left"), (1_000, "PAYC0004")):
        asked_for = {"gateway": "payple", "merchant_ref": "ORDER1", "amount": amount}
        heard = await shop.raw("/control/refund", json.dumps(asked_for).encode())
        assert (heard.status, words in heard.body.decode()) == (400, True)
    assert (await shop.control("refund", merchant_ref="ORDER1"))["net"] == 0


async def test_two_equal_parts_given_back_in_the_console_are_told_in_the_same_words(shop):
    await shop.control("settings", cancel_webhook_url=CANCEL_HOOK)
    await paid(shop)
    for _ in range(2):
        await shop.control("refund", merchant_ref="ORDER1", amount=5_000)
        await shop.settled()
        await shop.clock.forward(3_600)
    first, second = shop.receiver.bodies()

    assert first == second
    assert shop.book("ORDER1")["net"] == 45_000


async def test_a_window_in_mode_pay_is_paid_once(shop):
    given = await auth(shop, PCD_PAY_TYPE="card", PCD_PAY_WORK="PAY")
    path = path_of(given["return_url"])
    opened = await shop.form(path, window_form(given, work="PAY"))
    press = {**fields_of(opened), "action": "pay", "card": "03"}
    other = await auth(shop, PCD_PAY_TYPE="card", PCD_PAY_WORK="PAY")
    second = fields_of(await shop.form(path_of(other["return_url"]), window_form(other, work="PAY")))
    assert (await shop.form(path.partition("?")[0], press)).status == 200
    assert (await shop.form(path.partition("?")[0], press)).status == 410
    heard = await shop.form(path.partition("?")[0], {**second, "action": "pay", "card": "03"})
    assert fields_of(heard)["PCD_PAY_RST"] == "error", "the order number was used"
    assert (await shop.raw(path.partition("?")[0], b"%ff=%ff")).status == 400
    assert shop.book("ORDER1")["captured"] == 55_000


async def test_a_refund_is_refused_and_a_charge_answers_for_another_order_where_told(shop):
    payer = await registered(shop)
    await paid(shop)
    shop.fault("refund", "decline")
    assert (await refund(shop, 1_000))["PCD_PAY_CODE"] == "PAYC0005"
    shop.fault("simple", "cross_wired")
    assert (await simple(shop, payer))["PCD_PAY_OID"] != "BILL1"
    assert (shop.book("ORDER1")["net"], shop.book("BILL1")["net"]) == (55_000, 30_000)


async def test_bodies_that_are_no_json_objects_are_refused(shop):
    for body in (b"", b"[]", b"{", b'{"a":1,"a":2}', b'{"cst_id":null}', b"\xff"):
        assert json.loads((await shop.raw(AUTH, body, "application/json")).body)["result"] == "error"
        answer = await shop.raw("/payple/php/PayChkAct.php", body, "application/json")
        assert json.loads(answer.body)["PCD_PAY_CODE"] == "CPAY0001"
    form = await shop.raw(AUTH, urlencode(SHOP).encode())
    assert json.loads(form.body)["result"] == "error"


async def test_amounts_choose_faults_and_secrets_are_not_recorded(shop):
    shop.world.faults.amounts_choose = True
    assert (await paid(shop, total="55002"))["PCD_PAY_CODE"] == "CPAY0005"
    assert (await paid(shop, total="55017", oid="ORDER2"))["PCD_PAY_TOTAL"] == 56_017
    for secret in ("abcd1234567890", REFUND_KEY, "홍길동", "01012345678"):
        assert secret not in repr(shop.world.requests) + repr(await shop.control("settings"))
    shop.fault("auth", "decline", code="AUTH0004")
    assert (await auth(shop, PCD_PAYCHK_FLAG="Y"))["result_code"] == "AUTH0004"
