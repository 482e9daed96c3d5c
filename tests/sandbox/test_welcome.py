"""Welcome's sandbox: signatures over plain values, encrypted cards, order numbers used once, exact notices."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bridge.gateways.welcome import sandbox_words
from bridge.sandbox.clock import KST
from bridge.sandbox.local import ask
from tests.gateways.play import named, vectors
from tests.sandbox.world import HOST, Bench, posted_back

MID, STAMP = "wpaybill01", "1795142400000"
SIGN_KEY = "b3VGY2R5ZzI5M2xCZzhrT0paQ1oxQT09"
CARD = {"cardNumber": "4518123412341111", "cardExpireYY": "30", "cardExpireMM": "10"}
OWNER = {"registNo": "900101", "passwd": "12"}
NAMED = {"buyerName": "홍길동", "etc": "-"}
PAY = {"oid": "TEST0001", "price": "55000", "buyerName": "홍길동", "goodsName": "표"}
NOTI = "https://shop.test/noti"
LINK = {"payType": "card", "P_GOODS": "봄의 제전", "P_OID": "LINK-1", "P_AMT": "55000", "P_NOTI_URL": NOTI,
        "P_RETURN_URL": "https://shop.test/back"}  # fmt: skip
SIGNED = {
    "/billing/billkey/card": ("cardNumber",), "/noauth/billkey/card": ("cardNumber",),
    "/billing/billpay": ("oid", "price"), "/billing/hppbillpay": ("oid", "price"), "/noauth/pay/card": ("oid", "price"),
    "/search/card/prefix": ("cardNumber",), "/smspay/makeUrl": ("P_OID", "P_AMT"),
}  # fmt: skip
BY_KEY = {"cardQuota": "00", "quotaInterest": "0"}
ESCROW = {"clientIp": "203.0.113.9"}
PARCEL = "invoice registName exCode exName invoiceDay sendName sendAddr1 sendAddr2 sendTel recvName recvAddr recvTel"
DELIVERY = ESCROW | dict.fromkeys(PARCEL.split(), "x") | {"soid": "1", "sendPost": "06236", "recvPost": "04524"}


@pytest.fixture
def bench():
    made = Bench("welcome")
    made.answer = (200, b"OK")
    return made


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def sealed(text, key=b"1" * 32, iv=b"1" * 16):
    pad = 16 - len(text) % 16
    made = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return base64.b64encode(made.update(text.encode() + bytes([pad]) * pad) + made.finalize()).decode()


def signed(path, form):
    """Sign over plain values, then encrypt what must be."""
    form = {"mid": MID, "timestamp": STAMP} | form
    names = ("mid", "mkey", *SIGNED.get(path, ()), "timestamp")
    form["signature"] = digest("&".join(f"{name}={(form | {'mkey': digest(SIGN_KEY)})[name]}" for name in names))
    hidden = () if path == "/search/card/prefix" else ("cardNumber", "registNo", "passwd")
    return {name: sealed(value) if name in hidden else value for name, value in form.items()}


async def post(bench, path, form, status=200):
    heard = await bench.send(f"/welcome/api{path}", form)
    assert heard.status == status, heard.body
    return json.loads(heard.body)


async def call(bench, path, form):
    said = await post(bench, path, signed(path, form))
    await bench.settle()
    return said


async def charged(bench, **changes):
    key = (await call(bench, "/billing/billkey/card", CARD | OWNER | NAMED))["Billkey"]
    return await call(bench, "/billing/billpay", PAY | BY_KEY | {"billkey": key} | changes)


async def linked(bench, press="pay", **changes):
    """Make a link, press a button; gives where the browser then posts to, and what."""
    url = (await call(bench, "/smspay/makeUrl", LINK | changes))["MsgSend"].removeprefix(HOST)
    page = await bench.send(url, {"action": press, "card": "14", "installment": "00", "bank": "88"})
    await bench.settle()
    return posted_back(page)


def test_the_manuals_own_example_comes_out():
    assert sealed("test") == "oijMQxRyQIcHc1qJ+Um2DA=="


@pytest.mark.parametrize("vector", [one for one in vectors("welcome") if "covered" in one], ids=named)
def test_the_recipe_gives_the_signatures_of_the_vectors_and_none_that_is_disputed(vector):
    form = {"mid": vector["settings"]["mid"], "timestamp": vector["moment"], **dict(vector["covered"])}
    op = {(): "cancel", ("cardNumber",): "billkey", ("oid", "price"): "billpay"}[tuple(dict(vector["covered"]))]
    made = sandbox_words.signature({"sign_key": vector["settings"]["sign_key"]}, form, op)
    assert (made == vector["signature"]) is (vector["standing"] != "disputed")


def test_the_key_it_checks_with_is_the_vectors():
    (vector,) = [one for one in vectors("welcome") if "mkey" in one]
    assert sandbox_words.mkey(vector["settings"]["sign_key"]) == vector["mkey"]


async def test_a_key_is_issued_charged_and_deleted(bench):
    paid = await charged(bench)
    assert (paid["ResultCode"], paid["Price"], paid["PayDate"]) == ("00", "55000", "20261120")
    assert bench.books("TEST0001") == (55_000, 0)
    key = (await call(bench, "/noauth/billkey/card", CARD | {"buyerName": "홍"}))["Billkey"]
    assert (await call(bench, "/billing/billkey/delete", {"billkey": key}))["ResultCode"] == "00"
    assert (await call(bench, "/billing/billkey/delete", {"billkey": key}))["ResultCode"] == "R201"
    assert (await call(bench, "/billing/billpay", PAY | BY_KEY | {"oid": "2", "billkey": key}))["ResultCode"] == "R201"
    kept = repr(list(bench.world.requests)) + repr(vars(bench.world.desks["welcome"]._till))
    assert "4518123412341111" not in kept
    assert sealed("4518123412341111") not in kept


async def test_only_a_registration_with_birthday_and_password_needs_a_note(bench):
    named = {"buyerName": "홍길동"}
    less = signed("/billing/billkey/card", CARD | OWNER | named)
    assert (await post(bench, "/billing/billkey/card", less, 400))["ResultCode"] == "R101"
    assert (await call(bench, "/noauth/billkey/card", CARD | named))["ResultCode"] == "00"


@pytest.mark.parametrize("months", ["03", "99", "99:01", "99:37", "99:3", "99,03"])
async def test_months_that_are_none_make_no_link(bench, months):
    bent = signed("/smspay/makeUrl", LINK | {"P_QUOTABASE": months})
    assert (await post(bench, "/smspay/makeUrl", bent, 400))["ResultCode"] == "R101"
    assert (await call(bench, "/smspay/makeUrl", LINK | {"P_QUOTABASE": "99:02:36"}))["ResultCode"] == "00"


@pytest.mark.parametrize("name", ["P_NEXT_URL", "P_RETURN_URL", "P_NOTI_URL"])
async def test_an_address_of_more_than_250_bytes_makes_no_link(bench, name):
    longest = "https://shop.test/" + "a" * 232
    assert (await call(bench, "/smspay/makeUrl", LINK | {name: longest}))["ResultCode"] == "00"
    longer = signed("/smspay/makeUrl", LINK | {"P_OID": "LINK-2", name: longest + "a"})
    assert (await post(bench, "/smspay/makeUrl", longer, 400))["ResultCode"] == "R101"


async def test_an_order_number_is_used_once(bench):
    await charged(bench)
    assert (await charged(bench))["ResultCode"] == "V011"
    assert (await call(bench, "/noauth/pay/card", PAY | CARD | {"cardQuota": "00", "quotaInterest": "0"}))[
        "ResultCode"] == "V011"  # fmt: skip
    assert bench.books("TEST0001") == (55_000, 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda form: form | {"signature": digest(MID + digest(SIGN_KEY) + STAMP)},
        lambda form: form | {"signature": form["signature"].upper()},
        lambda form: form | {"timestamp": "1795142400001"},
        lambda form: form | {"cardNumber": sealed("4111111111111111")},
        lambda form: form | {"cardNumber": CARD["cardNumber"]},
        lambda form: form | {"cardNumber": sealed(CARD["cardNumber"], iv=b"2" * 16)},
        lambda form: form | {"passwd": sealed("123")},
        lambda form: form | {"mid": "nobody"},
        lambda form: form | {"buyerName": ""},
        lambda form: {name: value for name, value in form.items() if name != "registNo"},
    ],
)
async def test_a_key_for_a_card_is_not_issued_to_whoever_signs_or_encrypts_otherwise(bench, spoil):
    form = signed("/billing/billkey/card", CARD | OWNER | NAMED)
    assert (await post(bench, "/billing/billkey/card", spoil(form), 400))["ResultCode"] in ("R101", "R102")


@pytest.mark.parametrize("stamp", ["1795142400000", "20261120113000"])
async def test_both_timestamps_are_taken(bench, stamp):
    form = CARD | OWNER | NAMED | {"timestamp": stamp}
    assert (await call(bench, "/billing/billkey/card", form))["ResultCode"] == "00"


@pytest.mark.parametrize(
    ("apart", "taken"),
    [(0, True), (-300, True), (-301, False), (301, False), (-9 * 3_600, False)],
)
async def test_a_timestamp_is_compared_with_the_clock_only_where_that_is_wanted(bench, apart, taken):
    now = bench.clock.now() + timedelta(seconds=apart)
    bench.set(clock_minutes=5)
    for many, stamp in enumerate((str(int(now.timestamp() * 1_000)), f"{now.astimezone(KST):%Y%m%d%H%M%S}")):
        form = signed("/smspay/makeUrl", LINK | {"P_OID": f"LINK-{many}", "timestamp": stamp})
        said = await post(bench, "/smspay/makeUrl", form, 200 if taken else 400)
        assert said["ResultCode"] == ("00" if taken else "R101")
        assert taken or "timestamp" in said["ResultMsg"]
    bench.set(clock_minutes=0)
    assert (await call(bench, "/smspay/makeUrl", LINK | {"timestamp": "20260231120000"}))["ResultCode"] == "00"


async def test_a_day_that_is_none_is_no_timestamp_where_it_is_looked_at(bench):
    bench.set(clock_minutes=5)
    form = signed("/smspay/makeUrl", LINK | {"timestamp": "20260231120000"})
    assert (await post(bench, "/smspay/makeUrl", form, 400))["ResultCode"] == "R101"


async def test_a_body_that_is_no_form_is_refused(bench):
    heard = await ask(bench.app, "POST", f"{HOST}/welcome/api/cancel/cancel", b"{}", "application/json")
    assert (heard.status, json.loads(heard.body)["ResultCode"]) == (400, "R101")


@pytest.mark.parametrize(
    "change",
    [
        *(
            {"cardQuota": ""},
            {"quotaInterest": ""},
            {"quotaInterest": "2"},
            {"cardQuota": "37"},
            {"cardQuota": "01"},
            {"cardQuota": "02", "price": "49999"},
            {"tax": "5501"},
            {"taxfree": "55001"},
        ),
        *({"tax": "1", "taxfree": "55000"}, {"tax": "4000"}, {"tax": "11000", "taxfree": "4000"}),
        *({"tax": "4002", "taxfree": "11000"}, {"tax": "4000", "taxfree": "4000"}, {"taxfree": "11000"}),
    ],
)
async def test_money_that_does_not_fit_is_refused(bench, change):
    key = (await call(bench, "/billing/billkey/card", CARD | OWNER | NAMED))["Billkey"]
    form = signed("/billing/billpay", PAY | BY_KEY | {"billkey": key} | change)
    assert (await post(bench, "/billing/billpay", form, 400))["ResultCode"] == "R101"


async def test_a_card_is_charged_by_its_number_and_looked_up_by_its_first_six(bench):
    form = PAY | CARD | {"cardQuota": "03", "quotaInterest": "0"}
    assert (await call(bench, "/noauth/pay/card", form))["ResultCode"] == "00"
    old = {"cardExpireYY": "20", "oid": "2"}
    assert (await call(bench, "/noauth/pay/card", form | old))["ResultCode"] == "01"
    assert (await call(bench, "/search/card/prefix", {"cardNumber": "411111"}))["CardName"] == "BC"
    assert (await call(bench, "/search/card/prefix", {"cardNumber": "000000"}))["ResultCode"] == "R201"


async def test_everything_is_cancelled_once(bench):
    form = {"payType": "card", "tid": (await charged(bench))["tid"], "price": "55000", "currency": "WON"}
    for change in ({"price": "54999"}, {"payType": "bank"}, {"tid": "x"}, {"currency": "USD"}, {"cancelType": "C"}):
        assert (await call(bench, "/cancel/cancel", form | change))["ResultCode"] == "R201"
    said = await call(bench, "/cancel/cancel", form)
    assert (said["ResultCode"], said["Moid"], said["CancelTime"]) == ("00", "TEST0001", "113000")
    assert (await call(bench, "/cancel/cancel", form))["ResultCode"] == "500626"
    assert bench.books("TEST0001") == (55_000, 55_000)


async def test_a_part_needs_the_remainder_and_a_repeat_no_longer_fits(bench):
    form = {"payType": "card", "tid": (await charged(bench))["tid"], "currency": "WON"}
    part = form | {"cancelPrice": "5000", "confirmPrice": "50000"}
    said = await call(bench, "/cancel/repay", part)
    assert (said["ResultCode"], said["RmainPrice"]) == ("00", "50000")
    assert (await call(bench, "/cancel/repay", part))["ResultCode"] == "R201"
    assert (await call(bench, "/cancel/cancel", form | {"price": "55000"}))["ResultCode"] == "R201", "not after a part"
    assert (await call(bench, "/cancel/repay", form | {"cancelPrice": "60000", "confirmPrice": "0"}))[
        "ResultCode"
    ] == "R201"
    rest = form | {"cancelPrice": "50000", "confirmPrice": "0"}
    assert (await call(bench, "/cancel/repay", rest))["ResultCode"] == "00"
    assert (await call(bench, "/cancel/repay", rest))["ResultCode"] != "00"
    assert bench.books("TEST0001") == (55_000, 55_000)


SPLIT = {"tax": "4000", "taxfree": "11000"}


async def gives_back(bench, tid, amount, left, **taxes):
    """Cancel a part that is split so; gives the result's code."""
    form = {"payType": "card", "tid": tid, "currency": "WON", "cancelPrice": str(amount), "confirmPrice": str(left)}
    return (await call(bench, "/cancel/repay", form | taxes))["ResultCode"]


async def test_parts_give_back_the_taxes_that_were_paid_to_the_won(bench):
    tid = (await charged(bench, **SPLIT))["tid"]
    assert await gives_back(bench, tid, 11_000, 44_000) == "R201", "nothing is said of its taxes"
    for tax, free in (("5500", "500"), ("0", "11001"), ("502", "5500"), ("498", "5500")):
        assert await gives_back(bench, tid, 11_000, 44_000, tax=tax, taxfree=free) == "R201", "no sum of 11,000"
    assert await gives_back(bench, tid, 11_000, 44_000, tax="500", taxfree="5500") == "00"
    assert await gives_back(bench, tid, 11_000, 33_000, tax="400", taxfree="6600") == "R201", "5,500 are left"
    for tax, free in (("3499", "5500"), ("3501", "5500"), ("3500", "5499")):
        assert await gives_back(bench, tid, 44_000, 0, tax=tax, taxfree=free) == "R201", "the last takes the rest"
    assert await gives_back(bench, tid, 44_000, 0, tax="3500", taxfree="5500") == "00"


async def test_of_a_payment_that_told_no_taxes_a_part_may_tell_its_own_if_they_fit_its_amount(bench):
    tid = (await charged(bench))["tid"]
    assert await gives_back(bench, tid, 5_500, 49_500, tax="5500", taxfree="500") == "R201"
    assert await gives_back(bench, tid, 5_500, 49_500, tax="455", taxfree="500") == "00"


async def test_where_nobody_split_a_cancel_in_the_console_the_last_need_not_take_the_rest(bench):
    tid = (await charged(bench, **SPLIT))["tid"]
    bench.world.desks["welcome"].refund({"merchant_ref": "TEST0001", "amount": 5_000})
    assert await gives_back(bench, tid, 50_000, 0, tax="4001", taxfree="6000") == "R201", "no more than was paid"
    assert await gives_back(bench, tid, 50_000, 0, tax="3545", taxfree="11000") == "00"


async def test_where_the_remainder_is_no_lock_a_repeat_gives_back_again(bench):
    bench.set(confirm_price_locks=False)
    part = {"payType": "card", "tid": (await charged(bench))["tid"], "currency": "WON", "cancelPrice": "5000",
            "confirmPrice": "50000"}  # fmt: skip
    await call(bench, "/cancel/repay", part)
    await call(bench, "/cancel/repay", part)
    assert bench.books("TEST0001") == (55_000, 10_000)


async def test_after_a_year_nothing_is_cancelled(bench):
    form = {"payType": "card", "tid": (await charged(bench))["tid"], "price": "55000", "currency": "WON"}
    await bench.clock.forward(366 * 86_400)
    assert (await call(bench, "/cancel/cancel", form))["ResultCode"] == "R201"


async def test_a_link_that_welcome_approves_comes_back_paid_and_is_told(bench):
    url, back = await linked(bench)
    assert url == "https://shop.test/back"
    assert (back["P_STATUS"], back["P_AMT"], back["P_OID"], back["P_TYPE"]) == ("00", "55000", "LINK-1", "CARD")
    ((to, body, _),) = bench.told
    assert to == NOTI
    assert b"P_RMESG1=%BC%BA%B0%F8" in body, "EUC-KR unless utf8 is asked for"
    assert bench.books("LINK-1") == (55_000, 0)
    await linked(bench, P_OID="LINK-2", P_CHARSET="utf8", P_NEXT_URL="https://m.paywelcome.co.kr/smsNextUrl.jsp")
    assert "P_RMESG1=%EC%84%B1%EA%B3%B5" in bench.told[-1][1].decode()


async def test_a_link_of_two_steps_moves_nothing_until_it_is_approved(bench):
    url, back = await linked(bench, P_NEXT_URL="https://shop.test/next")
    assert (url, bench.books("LINK-1")) == ("https://shop.test/next", (0, 0))
    path = back["P_REQ_URL"].removeprefix(HOST)
    for wrong in ({"P_TID": "x", "P_MID": MID}, {"P_TID": back["P_TID"], "P_MID": "x"}, {}):
        assert b"P_STATUS=R201" in (await bench.send(path, wrong)).body
    form = {"P_TID": back["P_TID"], "P_MID": MID}
    said = dict(pair.split("=", 1) for pair in (await bench.send(path, form)).body.decode("euc-kr").split("&"))
    assert (said["P_STATUS"], said["P_AMT"], said["P_OID"]) == ("00", "55000", "LINK-1")
    assert b"P_STATUS=R201" in (await bench.send(path, form)).body, "once"
    assert bench.books("LINK-1") == (55_000, 0)
    undo = {"payType": "card", "tid": back["P_TID"], "price": "55000", "currency": "WON", "cancelType": "C"}
    assert (await call(bench, "/cancel/cancel", undo))["ResultCode"] == "00"


async def test_an_approval_after_five_minutes_or_after_an_undo_is_refused(bench):
    _, back = await linked(bench, P_NEXT_URL="https://shop.test/next")
    await bench.clock.forward(301)
    path, form = back["P_REQ_URL"].removeprefix(HOST), {"P_TID": back["P_TID"], "P_MID": MID}
    assert b"P_STATUS=R201" in (await bench.send(path, form)).body
    _, back = await linked(bench, P_NEXT_URL="https://shop.test/next", P_OID="LINK-2")
    undo = {"payType": "card", "tid": back["P_TID"], "price": "55000", "currency": "WON", "cancelType": "C"}
    assert (await call(bench, "/cancel/cancel", undo))["ResultCode"] == "R201"
    path, form = back["P_REQ_URL"].removeprefix(HOST), {"P_TID": back["P_TID"], "P_MID": MID}
    assert b"P_STATUS=R201" in (await bench.send(path, form)).body
    assert bench.books("LINK-2") == (0, 0)


@pytest.mark.parametrize("press", ["close", "fail"])
async def test_whoever_closes_or_fails_has_paid_nothing(bench, press):
    _, back = await linked(bench, press)
    assert back["P_STATUS"] == "01"
    url, _ = await linked(bench, press, P_NEXT_URL="https://shop.test/next")
    assert url == "https://shop.test/next"
    assert bench.books("LINK-1") == (0, 0)


async def test_a_link_has_its_time_and_its_choices(bench):
    url = (await call(bench, "/smspay/makeUrl", LINK | {"P_AMT": "49999"}))["MsgSend"].removeprefix(HOST)
    assert "49,999원" in (await bench.send(url)).body.decode()
    for bent in ({"card": "99"}, {"installment": "02"}, {"installment": "99"}):
        assert (await bench.send(url, {"action": "pay"} | bent)).status == 422
    assert (await bench.send(url, {"action": "look"})).status == 200
    assert (await bench.send(url, [("a", "1"), ("a", "2")])).status == 200
    await bench.clock.forward(72 * 3_600 + 1)
    assert (await bench.send(url)).status == 410
    assert (await bench.send("/welcome/s/none")).status == 404
    assert (await bench.send("/welcome/mobile/approve/none", [("a", "1"), ("a", "2")])).status == 200
    form = signed("/smspay/makeUrl", LINK | {"P_RETURN_URL": ""})
    assert (await post(bench, "/smspay/makeUrl", form, 400))["ResultCode"] == "R101"


async def test_an_account_is_told_when_issued_and_when_paid_into_by_every_route(bench):
    bench.set(pc_notice_url="https://shop.test/pc", pg_notice_url="https://shop.test/pg")
    _, back = await linked(bench, payType="vbank")
    assert (back["P_VACT_BANK_CODE"], bench.books("LINK-1")) == ("88", (0, 0))
    assert [b"P_STATUS=00" in body for _, body, _ in bench.told] == [True]
    second = (await call(bench, "/smspay/makeUrl", LINK | {"P_OID": "L2", "payType": "vbank"}))["MsgSend"]
    again = await bench.send(second.removeprefix(HOST), {"action": "pay", "bank": "99"})
    assert again.status == 422
    desk = bench.world.desks["welcome"]
    desk.deposit({"merchant_ref": "LINK-1"})
    await bench.settle()
    told = {url: body for url, body, _ in bench.told[1:]}
    assert b"P_STATUS=02" in told[NOTI]
    assert b"type_msg=0200" in told["https://shop.test/pc"]
    assert json.loads(told["https://shop.test/pg"])["deposit_amount"] == "55000"
    assert bench.books("LINK-1") == (55_000, 0)
    form = {"payType": "vbank", "tid": back["P_TID"], "price": "55000", "currency": "WON"}
    assert (await call(bench, "/cancel/cancel", form))["ResultCode"] == "R201", "a deposit needs an account"
    for bent in ({"merchant_ref": "LINK-1"}, {"merchant_ref": "x"}, {"merchant_ref": "LINK-1", "amount": 0}):
        with pytest.raises(ValueError, match=r"deposit|payments|amount"):
            desk.deposit(bent)


async def test_an_account_is_closed_before_its_deposit(bench):
    _, back = await linked(bench, payType="vbank")
    form = {"payType": "vbank", "tid": back["P_TID"], "price": "55000", "currency": "WON"}
    assert (await call(bench, "/cancel/cancel", form))["ResultCode"] == "00"
    with pytest.raises(ValueError, match="deposit"):
        bench.world.desks["welcome"].deposit({"merchant_ref": "LINK-1"})


async def test_the_unified_notice_is_hashed_and_a_cancellation_bears_the_same_number(bench):
    bench.set(pg_notice_url="https://shop.test/pg")
    paid = await charged(bench)
    form = {"payType": "card", "tid": paid["tid"], "price": "55000", "currency": "WON"}
    await call(bench, "/cancel/cancel", form)
    first, second = (json.loads(body) for _, body, _ in bench.told)
    assert first["hash_value"] == digest(MID + "TEST0001" + first["millis"] + "1" * 32)
    assert (first["transaction_flag"], second["transaction_flag"]) == ("+", "-")
    assert first["transaction_no"] == second["transaction_no"]
    assert second["cancel_ymdhms"]


@pytest.mark.parametrize(
    ("route", "acks", "tries"),
    [
        ("mobile", [b"OK\n", b"<p>OK</p>", b'"OK"'], 145),
        ("pc", [b"OK "], 10),
        ("pg", [b"OK", b"0000", b"9999 HASH_FAIL"], 21),
    ],
)
async def test_a_notice_is_repeated_until_its_very_word_is_said(bench, route, acks, tries):
    for many, ack in enumerate(acks):
        bench.answer = (200, ack)
        bench.told.clear()
        if route == "mobile":
            await linked(bench, P_OID=f"L{many}")
        else:
            bench.set(**{f"{route}_notice_url": "https://shop.test/n"})
            await linked(bench, P_OID=f"L{many}", P_NOTI_URL="", payType="vbank")
            bench.world.desks["welcome"].deposit({"merchant_ref": f"L{many}"})
        await bench.clock.forward(200_000)
        assert len(bench.told) == tries


async def test_the_unified_notices_word_can_be_another(bench):
    bench.set(pg_notice_url="https://shop.test/pg", pg_ack="0000")
    bench.answer = (200, b"0000")
    await charged(bench)
    assert len(bench.told) == 1


async def test_a_phone_is_charged_around_its_day_for_its_amount(bench):
    await linked(bench, payType="hpp", P_RESERVED="hpp_bill=Y", P_AMT="9900")
    key = dict(pair.split("=") for pair in bench.told[0][1].decode().split("&"))["P_HPP_BILLKEY"]
    form = PAY | {"billkey": key, "price": "9900"}
    at = bench.clock.at
    for day, oid, code in [("2026-11-21", "H1", "R201"), ("2026-12-14", "H2", "R201"), ("2026-12-15", "H3", "00"),
                           ("2027-01-26", "H4", "R201"), ("2027-02-25", "H5", "00")]:  # fmt: skip
        bench.clock.at = datetime.fromisoformat(f"{day}T03:00:00").replace(tzinfo=UTC)
        assert (await call(bench, "/billing/hppbillpay", form | {"oid": oid}))["ResultCode"] == code, day
    bench.clock.at = at.replace(month=12)
    assert (await call(bench, "/billing/hppbillpay", form | {"oid": "H6", "price": "9901"}))["ResultCode"] == "R201"
    assert (await call(bench, "/billing/billpay", form | BY_KEY | {"oid": "H7"}))["ResultCode"] == "R201", (
        "another kind of key"
    )


async def test_escrow_goes_through_its_states(bench):
    _, back = await linked(bench, P_RESERVED="useescrow=Y")
    deal = {"tid": back["P_TID"], "oid": "LINK-1", "price": "55000", "report": "I", "charge": "S"}
    buy = ESCROW | {"originalTid": back["P_TID"], "buyName": "홍", "refundName": "홍", "dcnfName": "김"}

    async def status():
        return (await call(bench, "/escrow/checkstatus", ESCROW | {"tid": back["P_TID"]}))["clStatus"]

    assert await status() == "0"
    assert (await call(bench, "/escrow/buyconfirm", buy))["ResultCode"] == "310015", "nothing was delivered"
    assert (await call(bench, "/escrow/buydeny", buy))["ResultCode"] == "310017"
    assert (await call(bench, "/escrow/denyconfirm", buy))["ResultCode"] == "R201"
    for change in ({"oid": "x"}, {"price": "1"}, {"report": "U"}):
        assert (await call(bench, "/escrow/delivery", DELIVERY | deal | change))["ResultCode"] == "R201"
    assert (await call(bench, "/escrow/delivery", DELIVERY | deal))["ResultCode"] == "310000"
    assert (await call(bench, "/escrow/delivery", DELIVERY | deal | {"report": "U"}))["ResultCode"] == "310000"
    assert (await call(bench, "/escrow/buydeny", buy))["ResultCode"] == "310000"
    assert await status() == "10"
    back_by_cancel = {"payType": "card", "tid": back["P_TID"], "currency": "WON"}
    assert (await call(bench, "/cancel/cancel", back_by_cancel | {"price": "55000"}))["ResultCode"] == "R201"
    part = back_by_cancel | {"cancelPrice": "1000", "confirmPrice": "54000"}
    assert (await call(bench, "/cancel/repay", part))["ResultCode"] == "R201"
    assert bench.books("LINK-1") == (55_000, 0)
    assert (await call(bench, "/escrow/denyconfirm", buy))["ResultCode"] == "310000"
    assert bench.books("LINK-1") == (55_000, 55_000)
    _, back = await linked(bench, P_OID="LINK-2", P_RESERVED="useescrow=Y")
    deal |= {"tid": back["P_TID"], "oid": "LINK-2"}
    await call(bench, "/escrow/delivery", DELIVERY | deal)
    confirm = await call(bench, "/escrow/buyconfirm", buy | {"originalTid": back["P_TID"]})
    again = [
        await call(bench, f"/escrow/{word}", buy | {"originalTid": back["P_TID"]}) for word in ("buyconfirm", "buydeny")
    ]
    assert (confirm["ResultCode"], await status()) == ("310000", "3")
    assert [one["ResultCode"] for one in again] == ["310014", "310017"]


@pytest.mark.parametrize(
    "spoilt",
    [{one: ""} for one in ("soid", "exName", "sendAddr1", "sendAddr2", "recvAddr", "sendPost", "recvPost", "clientIp")]
    + [{"soid": "123"}, {"sendPost": "135-080"}, {"recvPost": "0 4524"}, {"report": "X"}, {"charge": "X"}],
)
async def test_a_delivery_needs_every_field_of_the_manual(bench, spoilt):
    deal = {"tid": "T", "oid": "LINK-1", "price": "55000", "report": "I", "charge": "S"}
    whole, less = (signed("/escrow/delivery", DELIVERY | deal | one) for one in ({}, spoilt))
    assert (await post(bench, "/escrow/delivery", whole))["ResultMsg"] == "원거래가 없습니다."
    assert (await post(bench, "/escrow/delivery", less, 400))["ResultCode"] == "R101"


async def test_a_deal_without_escrow_has_no_such_state(bench):
    tid = (await charged(bench))["tid"]
    assert (await call(bench, "/escrow/checkstatus", ESCROW | {"tid": tid}))["ResultCode"] == "R201"


@pytest.mark.parametrize(("kind", "captured"), [("drop_before", 0), ("drop_after", 55_000), ("wrong_amount", 56_000)])
async def test_an_approval_goes_wrong_as_the_fault_says(bench, kind, captured):
    _, back = await linked(bench, P_NEXT_URL="https://shop.test/next")
    bench.fault("approve", kind)
    await bench.send(back["P_REQ_URL"].removeprefix(HOST), {"P_TID": back["P_TID"], "P_MID": MID})
    assert bench.books("LINK-1") == (captured, 0)


async def test_a_refusal_a_forged_token_and_another_order_can_be_armed(bench):
    bench.fault("window", "decline", message="한도초과")
    _, back = await linked(bench)
    assert (back["P_STATUS"], back["P_RMESG1"]) == ("01", "한도초과")
    bench.fault("window", "forged_token")
    _, back = await linked(bench, P_NEXT_URL="https://shop.test/next")
    path, form = back["P_REQ_URL"].removeprefix(HOST), {"P_TID": back["P_TID"], "P_MID": MID}
    assert b"P_STATUS=R201" in (await bench.send(path, form)).body
    _, back = await linked(bench, P_OID="LINK-2", P_NEXT_URL="https://shop.test/next")
    bench.fault("approve", "cross_wired")
    path, form = back["P_REQ_URL"].removeprefix(HOST), {"P_TID": back["P_TID"], "P_MID": MID}
    assert b"P_OID=OTHERLINK-2" in (await bench.send(path, form)).body
    bench.fault("billpay", "decline")
    assert (await charged(bench))["ResultCode"] == "01"


async def test_the_console_gives_back_and_tells(bench):
    bench.set(pg_notice_url="https://shop.test/pg")
    await charged(bench)
    desk = bench.world.desks["welcome"]
    desk.refund({"merchant_ref": "TEST0001", "amount": 5_000})
    desk.refund({"merchant_ref": "TEST0001"})
    await bench.settle()
    assert [json.loads(body)["amount"] for _, body, _ in bench.told[1:]] == ["5000", "50000"]
    with pytest.raises(ValueError, match="amount"):
        desk.refund({"merchant_ref": "TEST0001", "amount": 1})
    await charged(bench, oid="2")
    await bench.clock.forward(400 * 86_400)
    with pytest.raises(ValueError, match="R201"):
        desk.refund({"merchant_ref": "2"})


@pytest.mark.parametrize("kind", ["pc", "mobile", "pg"])
async def test_a_forgery_is_sent_as_it_is_told(bench, kind):
    desk = bench.world.desks["welcome"]
    sent = await desk.forge({"kind": kind, "url": NOTI, "fields": {"a": "가"}})
    body = bench.told[0][1]
    assert (sent["tries"], body) == (
        1,
        {"pc": b"a=%EA%B0%80", "mobile": b"a=%B0%A1", "pg": '{"a": "가"}'.encode()}[kind],
    )
    with pytest.raises(ValueError, match="forgery"):
        await desk.forge({"kind": "card", "url": NOTI, "fields": {}})


async def test_the_control_pages_hide_the_keys(bench):
    desk = bench.world.desks["welcome"]
    assert SIGN_KEY not in repr(desk.settings())
    with pytest.raises(ValueError, match="setting"):
        desk.set({"no_such": 1})
    desk.reset()
