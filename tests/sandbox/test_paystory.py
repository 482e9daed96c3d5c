"""Pay-Story's sandbox: window, charges, cancellations, inquiry and notices, as its guides have them."""

import hashlib
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest

from tests.gateways.harness import load
from tests.sandbox.inside import Inside, fields_of

MID = "test00001m"
KEY = "wEvQ8ZzgGpuEhujNx6++HCOO5XJKhhHJmP5q8UAYsr6j8zL0wIMKdbVmruWKMx0GgBbZwIkx3PUstbe3g1UZAQ=="
EDI = "20261120120000"
PG = "/paystory/pg"
ADMIN = "http://shop.test/n/admin"


def sha(*parts):
    return hashlib.sha256("".join(parts).encode()).hexdigest()


@pytest.fixture
def shop():
    return Inside("paystory")


def open_form(amount="55000", order="ORDER1", **more):
    form = {
        "payMethod": "CARD", "mid": MID, "trxCd": "0", "goodsNm": "늦가을 음악회", "ordNo": order, "goodsAmt": amount,
        "ordNm": "홍길동", "ordTel": "01012345678", "billHpFlg": "0", "ediDate": EDI,
        "returnUrl": "http://shop.test/r", "mbsReserved": "x=1", **more,
    }  # fmt: skip
    return {"encData": sha(form["mid"], form["ediDate"], form["goodsAmt"], KEY), **form}


async def returned(shop, action="pay", choice=None, **more):
    """Open a window and press a button; gives what the browser posts back."""
    opened = await shop.form(f"{PG}/order", open_form(**more))
    assert opened.status == 200, opened.body.decode()
    hidden = fields_of(opened)
    pressed = await shop.form(f"{PG}/order", {**hidden, "action": action, "card": "04", "bank": "004"} | (choice or {}))
    assert pressed.status == 200, pressed.body.decode()
    return fields_of(pressed)


def approve_form(back, **more):
    form = {name: back[name] for name in ("tid", "mid", "goodsAmt", "ediDate", "signData")} | more
    return {"encData": sha(form["mid"], form["ediDate"], form["goodsAmt"], KEY), "charSet": "utf-8", **form}


async def paid(shop, **more):
    back = await returned(shop, **more)
    return await shop.said(f"{PG}/payment.do", approve_form(back))


def cancel_form(trade, amount, part="0", **more):
    form = {
        "payMethod": trade["payMethod"], "tid": trade["tid"], "mid": MID, "canAmt": str(amount), "canMsg": "고객 요청",
        "partCanFlg": part, "ediDate": EDI, **more,
    }  # fmt: skip
    return {"encData": sha(MID, EDI, form["canAmt"], KEY), **form}


async def cancelled(shop, trade, amount, part="0", **more):
    return await shop.said(f"{PG}/payment.cancel", cancel_form(trade, amount, part, **more))


async def asked(shop, **wanted):
    hashed = sha(MID, EDI, wanted.get("tid", ""), KEY)
    heard = await shop.get(f"{PG}/transaction", mid=MID, ediDate=EDI, hashStr=hashed, **wanted)
    return json.loads(heard.body)


def bill_form(bid, amount="30000", order="BILL1", **more):
    form = {
        "bid": bid, "PayMethod": "CARD", "trxCd": "0", "mid": MID, "ordNo": order, "goodsNm": "회비",
        "goodsAmt": amount, "quotaMon": "00", "ordNm": "홍길동", "ordTel": "01012345678", "noIntFlg": "0",
        "pointFlg": "0", "ediDate": EDI, **more,
    }  # fmt: skip
    return {"encData": sha(form["mid"], EDI, form["goodsAmt"], KEY), **form}


def regist_form(**more):
    card = {"cpCd": "04", "cardTypeCd": "01", "cardNo": "9410000000001234", "expireYymm": "3012", "reqType": "0"}
    form = bill_form("", "0", "REG1") | card | {"ordAuthNo": "900101", "cardPw": "12"} | more
    del form["bid"]
    return form


async def test_a_buyer_pays_and_the_books_show_the_money(shop):
    page = await shop.form(f"{PG}/order", open_form())
    assert "55,000원" in page.body.decode()
    assert "모의 결제창" in page.body.decode()
    back = await returned(shop)
    assert set(back) == {
        "resultCode", "resultMsg", "payMethod", "tid", "ediDate", "mid", "goodsAmt", "mbsReserved", "signData",
    }  # fmt: skip
    assert (back["resultCode"], len(back["tid"])) == ("0000", 30)
    assert shop.book("ORDER1")["captured"] == 0

    answer = await shop.said(f"{PG}/payment.do", approve_form(back))

    assert (answer["resultCd"], answer["amt"], answer["ordNo"], answer["cancelYN"]) == ("3001", "55000", "ORDER1", "N")
    assert (answer["appCardCd"], answer["fnNm"]) == ("04", "삼성")
    assert shop.book("ORDER1")["net"] == 55_000
    again = await shop.said(f"{PG}/payment.do", approve_form(back))
    assert again["resultCd"] == "9998"
    assert shop.book("ORDER1")["captured"] == 55_000


@pytest.mark.parametrize(
    ("method", "code"), [("BANK", "4000"), ("VACNT", "4100"), ("PHONE", "A000"), ("CULTUREGIFT", "0000")]
)
async def test_each_method_succeeds_with_its_own_code(shop, method, code):
    answer = await paid(shop, payMethod=method)
    assert answer["resultCd"] == code
    assert shop.book("ORDER1")["captured"] == (0 if method == "VACNT" else 55_000)


@pytest.mark.parametrize(
    "bend",
    [{"goodsAmt": "54000"}, {"signData": "0" * 128}, {"ediDate": "20261120120001"}, {"tid": "x" * 30},
     {"encData": "0" * 64}, {"mid": "test00002m"}, {"encData": ""}, {"charSet": "utf8"}],
)  # fmt: skip
async def test_an_approval_that_differs_from_the_window_takes_nothing(shop, bend):
    form = approve_form(await returned(shop), **bend)
    answer = await shop.said(f"{PG}/payment.do", form | {k: v for k, v in bend.items() if k == "encData"})
    assert answer["resultCd"] in ("9998", "3002")
    assert shop.book("ORDER1")["captured"] == 0


@pytest.mark.parametrize(
    "bend",
    [{"goodsAmt": "999"}, {"goodsAmt": "0", "payMethod": "BANK"}, {"payMethod": "CASH"}, {"ordNo": "띄어 쓰기"},
     {"encData": "0" * 64}, {"ordTel": "010-1234"}, {"charSet": "latin-1"}, {"returnUrl": "javascript:1"},
     {"billHpFlg": ""}, {"billHpFlg": "2"}, {"trxCd": ""}, {"ordTel": ""},
     {"notiUrl": "https://shop.test/" + "n" * 190}],
)  # fmt: skip
async def test_a_window_is_not_opened_for_a_bent_form(shop, bend):
    assert (await shop.form(f"{PG}/order", open_form(**bend))).status == 400
    assert not shop.world.bank.of("ORDER1")


@pytest.mark.parametrize(("action", "code"), [("close", "9998"), ("fail", "3002")])
async def test_closing_and_failing_come_back_with_a_code_and_without_sign_data(shop, action, code):
    back = await returned(shop, action)
    assert (back["resultCode"], back["signData"]) == (code, "")
    assert (await shop.said(f"{PG}/payment.do", approve_form(back)))["resultCd"] == "9998"


async def test_a_window_in_euc_kr_reads_every_syllable_that_browsers_write_in_it(shop):
    form = open_form(charSet="EUC-KR", goodsNm="뷁 음악회", ordNm="쀍")
    page = await shop.raw(f"{PG}/order", urlencode(form, encoding="cp949").encode())
    assert (page.status, "뷁 음악회" in page.body.decode()) == (200, True)


async def test_a_window_speaks_english_and_euc_kr_where_asked(shop):
    form = open_form(language="ENG", charSet="EUC-KR")
    body = urlencode(form, encoding="euc-kr").encode()
    page = await shop.raw(f"{PG}/order", body)
    assert "Amount" in page.body.decode()
    assert "늦가을 음악회" in page.body.decode()
    pressed = await shop.form(f"{PG}/order", {**fields_of(page), "action": "pay", "card": "04"})
    assert 'accept-charset="euc-kr"' in pressed.body.decode()


async def test_without_a_return_address_the_opener_is_told(shop):
    page = await shop.form(f"{PG}/order", {name: v for name, v in open_form().items() if name != "returnUrl"})
    pressed = await shop.form(f"{PG}/order", {**fields_of(page), "action": "pay", "card": "04"})
    assert "postMessage" in pressed.body.decode()
    assert '"resultCode": "0000"' in pressed.body.decode()


async def test_instalments_begin_at_fifty_thousand_won_and_a_window_ends(shop):
    hidden = fields_of(await shop.form(f"{PG}/order", open_form("49000")))
    press = {**hidden, "action": "pay", "card": "04"}
    assert (await shop.form(f"{PG}/order", press | {"installment": "03"})).status == 422
    assert (await shop.form(f"{PG}/order", press | {"card": "99"})).status == 422
    assert (await shop.form(f"{PG}/order", press | {"key": "x"})).status == 404
    assert (await shop.form(f"{PG}/order", hidden | {"action": "what"})).status == 200
    await shop.clock.forward(31 * 60)
    assert fields_of(await shop.form(f"{PG}/order", press))["resultCode"] == "9998"


async def test_the_scripts_name_what_the_guide_names(shop):
    script = (await shop.get(f"{PG}/js/pgAsistant.js")).body.decode()
    for name in (
        "SendPay",
        "payResultSubmit",
        "pay_result_submit",
        "pay_result_close",
        "http://sandbox/paystory/pg/order",
    ):
        assert name in script
    assert "receiptSearch.html" in (await shop.get("/paystory/mms/js/receipt.js")).body.decode()


async def test_a_card_billing_key_charges_and_dies(shop):
    issued = await paid(shop, amount="0", order="REG1")
    assert issued["resultCd"] == "F011"
    assert not shop.world.bank.of("REG1")
    answer = await shop.said(f"{PG}/payment.doBill", bill_form(issued["bid"]))
    assert (answer["resultCd"], answer["amt"]) == ("3001", "30000")
    assert shop.book("BILL1")["captured"] == 30_000
    refused = await shop.said(f"{PG}/payment.doBill", bill_form(issued["bid"]))
    assert refused["resultCd"] == "9998", "an order number is paid once"
    gone = {"bid": issued["bid"], "mid": MID, "ediDate": EDI, "encData": sha(MID, EDI, issued["bid"], KEY)}
    assert (await shop.said(f"{PG}/payment.deleteBill", gone))["resultCd"] == "F012"
    assert (await shop.said(f"{PG}/payment.deleteBill", gone))["resultCd"] == "F002"
    assert (await shop.said(f"{PG}/payment.doBill", bill_form(issued["bid"], order="BILL2")))["resultCd"] == "F002"


@pytest.mark.parametrize(
    ("bend", "code"),
    [({"goodsAmt": "900"}, "3041"), ({"quotaMon": "03"}, "3024"), ({"quotaMon": "01"}, "3022"),
     ({"PayMethod": "PHONE"}, "F002"), ({"PayMethod": "", "payMethod": "CARD"}, "9998"), ({"trxCd": "1"}, "9998"),
     ({"mbsUsrId": "m" * 21}, "9998"), ({"quotaMon": "13"}, "3022")],
)  # fmt: skip
async def test_a_bent_charge_is_refused_with_its_code(shop, bend, code):
    issued = await paid(shop, amount="0", order="REG1")
    answer = await shop.said(f"{PG}/payment.doBill", bill_form(issued["bid"], **bend))
    assert answer["resultCd"] == code
    assert not any(book.captured for book in shop.world.bank.of("BILL1"))


async def test_a_card_typed_in_the_shop_is_registered_once_and_never_kept(shop):
    assert (await shop.said(f"{PG}/payment.registBill", regist_form()))["resultCd"] == "F011"
    assert (await shop.said(f"{PG}/payment.registBill", regist_form()))["resultCd"] == "F004"
    for bend, code in [({"cardNo": "12"}, "3011"), ({"expireYymm": "2501"}, "3021"), ({"expireYymm": "2513"}, "3021"),
                       ({"goodsAmt": "1000"}, "9998")]:  # fmt: skip
        form = regist_form(**{"cardNo": "9410000000009999"} | bend)
        assert (await shop.said(f"{PG}/payment.registBill", form))["resultCd"] == code
    assert "9410000000001234" not in repr(shop.world.requests) + repr(shop.world.desks["paystory"]._till.bills)


async def test_a_phone_billing_key_charges_at_once_and_again_only_near_its_day_and_for_the_same_amount(shop):
    issued = await paid(shop, payMethod="PHONE", billHpFlg="1", amount="11000")
    assert (issued["resultCd"], shop.book("ORDER1")["captured"]) == ("A000", 11_000)
    assert (issued["ordTel"], issued["hashStr"]) == ("010****5678", sha(MID, EDI, "11000", KEY))

    async def charge(order, amount="11000"):
        form = bill_form(issued["bid"], amount, order, PayMethod="PHONE")
        return (await shop.said(f"{PG}/payment.doBill", form))["resultCd"]

    assert await charge("B1") == "9998", "the same month was charged by the issue"
    shop.clock.at = datetime(2026, 12, 14, 3, tzinfo=UTC)
    assert await charge("B2") == "9998", "six days early"
    shop.clock.at = datetime(2026, 12, 15, 3, tzinfo=UTC)
    assert await charge("B3", "12000") == "9998", "another amount"
    assert await charge("B4") == "A000"
    shop.clock.at = datetime(2026, 12, 25, 3, tzinfo=UTC)
    assert await charge("B4A") == "9998", "once a month"
    shop.clock.at = datetime(2027, 1, 25, 3, tzinfo=UTC)
    assert await charge("B5") == "A000"


async def test_cancellations_keep_the_balance(shop):
    trade = await paid(shop)
    assert (await cancelled(shop, trade, 0))["resultCd"] == "2010"
    assert (await cancelled(shop, trade, 54_000))["resultCd"] == "2011"
    assert (await cancelled(shop, trade, 55_000, "1"))["resultCd"] == "2033"
    first = await cancelled(shop, trade, 5_000, "1")
    second = await cancelled(shop, trade, 5_000, "1")
    assert (first["resultCd"], first["oTid"], first["cancelYN"]) == ("2001", trade["tid"], "Y")
    assert len({first["tid"], second["tid"], trade["tid"]}) == 3
    assert shop.book("ORDER1")["net"] == 45_000, "a repeat refunds again"
    assert (await cancelled(shop, trade, 46_000, "1"))["resultCd"] == "2032"
    assert (await cancelled(shop, trade, 55_000))["resultCd"] == "2031"
    assert (await cancelled(shop, trade, 45_000, "1"))["resultCd"] == "2001"
    assert (await cancelled(shop, trade, 1, "1"))["resultCd"] == "2013"


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        ({"tid": "none"}, "2012"),
        ({"payMethod": "BANK"}, "2014"),
        ({"encData": "0" * 64}, "9998"),
        ({"canMsg": ""}, "9998"),
    ],
)
async def test_a_bent_cancellation_is_refused(shop, bend, code):
    trade = await paid(shop)
    assert (await cancelled(shop, trade, 55_000, **bend))["resultCd"] == code
    assert shop.book("ORDER1")["net"] == 55_000


async def test_a_cancellation_has_its_time(shop):
    card, phone = await paid(shop), await paid(shop, order="ORDER2", payMethod="PHONE")
    assert (await cancelled(shop, phone, 5_000, "1"))["resultCd"] == "2029"
    await shop.clock.forward(20 * 86_400)
    assert (await cancelled(shop, phone, 55_000))["resultCd"] == "2041"
    await shop.clock.forward(360 * 86_400)
    assert (await cancelled(shop, card, 55_000))["resultCd"] == "2016"


async def test_a_gift_voucher_goes_back_whole_or_not_at_all(shop):
    trade = await paid(shop, payMethod="CULTUREGIFT")
    assert (await cancelled(shop, trade, 5_000, "1"))["resultCd"] == "2029"
    assert (await cancelled(shop, trade, 55_000))["resultCd"] == "2001"
    assert shop.book("ORDER1")["net"] == 0


async def test_another_shops_payment_is_not_cancelled(shop):
    await shop.control("settings", merchants={MID: [KEY], "test00002m": ["other"]})
    trade = await paid(shop)
    form = cancel_form(trade, 55_000, mid="test00002m") | {"encData": sha("test00002m", EDI, "55000", "other")}
    assert (await shop.said(f"{PG}/payment.cancel", form))["resultCd"] == "2019"
    assert shop.book("ORDER1")["net"] == 55_000


@pytest.mark.parametrize(
    ("path", "values", "words"),
    [
        ("deposit", {"merchant_ref": "CARD1"}, "no virtual account"),
        ("deposit", {"merchant_ref": "NEVER"}, "0 payments"),
        ("deposit", {"merchant_ref": "VACNT1", "amount": 0}, "KRW from 1"),
        ("refund", {"merchant_ref": "CARD1", "amount": 55_001}, "what is left"),
        ("refund", {"merchant_ref": "PHONE1", "amount": 1}, "2029"),
        ("forge", {"url": ADMIN}, "url and fields"),
    ],
)
async def test_the_console_says_what_it_cannot_do(shop, path, values, words):
    for method in ("CARD", "VACNT", "PHONE"):
        await paid(shop, order=f"{method}1", payMethod=method)
    heard = await shop.raw(f"/control/{path}", json.dumps({"gateway": "paystory", **values}).encode())
    assert heard.status == 400
    assert words in heard.body.decode()


async def test_an_account_takes_money_once_and_after_its_last_day_only_late(shop):
    await paid(shop, payMethod="VACNT")
    await shop.clock.forward(30 * 86_400)
    control = {"gateway": "paystory", "merchant_ref": "ORDER1"}
    assert b"late" in (await shop.raw("/control/deposit", json.dumps(control).encode())).body
    await shop.control("deposit", merchant_ref="ORDER1", late=True)
    assert b"closed" in (await shop.raw("/control/deposit", json.dumps(control | {"late": True}).encode())).body
    assert shop.book("ORDER1")["captured"] == 55_000


async def test_a_refused_call_moves_nothing_wherever_it_comes(shop):
    typed = {**regist_form(), "expireYymm": "2610"}
    assert (await shop.said(f"{PG}/payment.registBill", typed))["resultCd"] == "3021"
    shop.fault("regist", "decline")
    assert (await shop.said(f"{PG}/payment.registBill", regist_form()))["resultCd"] == "F005"
    bid = (await shop.said(f"{PG}/payment.registBill", regist_form()))["bid"]
    shop.fault("delete", "decline")
    gone = {"bid": bid, "mid": MID, "ediDate": EDI, "encData": sha(MID, EDI, bid, KEY)}
    assert (await shop.said(f"{PG}/payment.deleteBill", gone))["resultCd"] == "F008"
    assert (await shop.raw(f"{PG}/payment.do", b"\xff=%ff")).status == 200
    charged = await shop.said(f"{PG}/payment.doBill", bill_form(bid))
    assert (charged["resultCd"], shop.book("BILL1")["net"]) == ("3001", 30_000)
    shop.fault("bill", "cross_wired")
    assert (await shop.said(f"{PG}/payment.doBill", bill_form(bid, order="BILL2")))["ordNo"] != "BILL2"


async def test_escrow_is_cancelled_only_after_the_buyer_has_spoken(shop):
    trade = await paid(shop, trxCd="1")
    assert (await cancelled(shop, trade, 55_000))["resultCd"] == "2027"
    await shop.control("settings", escrow_confirmed=True)
    assert (await cancelled(shop, trade, 55_000))["resultCd"] == "2001"


async def test_a_lost_answer_is_undone_by_order_number(shop):
    back = await returned(shop)
    shop.fault("approve", "drop_after")
    assert (await shop.form(f"{PG}/payment.do", approve_form(back))).cut == "fin"
    by_order = {"tid": "", "payMethod": "CARD"}
    assert (await cancelled(shop, by_order, 55_000, ordNoChk="Y"))["resultCd"] == "0001"
    assert (await cancelled(shop, by_order, 55_000, ordNoChk="Y", ordNo="NEVER"))["resultCd"] == "0002"
    assert (await cancelled(shop, by_order, 55_000, ordNoChk="Y", ordNo="ORDER1"))["resultCd"] == "2001"
    assert (await cancelled(shop, by_order, 55_000, ordNoChk="Y", ordNo="ORDER1"))["resultCd"] == "2013"
    assert shop.book("ORDER1")["net"] == 0
    await paid(shop, order="ORDER3")
    await shop.control("settings", orders_may_repeat=True)
    assert (await cancelled(shop, by_order, 55_000, ordNoChk="Y", ordNo="ORDER3"))["resultCd"] == "0003"
    await shop.control("settings", orders_may_repeat=False)
    await shop.clock.forward(3_601)
    assert (await cancelled(shop, by_order, 55_000, ordNoChk="Y", ordNo="ORDER3"))["resultCd"] == "2020"


async def test_an_order_number_cancelled_before_its_approval_came_is_not_approved_any_more(shop):
    back = await returned(shop)
    nothing = await cancelled(shop, {"tid": "", "payMethod": "CARD"}, 55_000, ordNoChk="Y", ordNo="ORDER1")
    assert nothing["resultCd"] == "0002"
    assert (await shop.said(f"{PG}/payment.do", approve_form(back)))["resultCd"] == "9998"


async def test_in_progress_is_said_of_a_cancellation_that_is_done(shop):
    trade = await paid(shop)
    shop.fault("cancel", "decline", code="2002")
    assert (await cancelled(shop, trade, 55_000))["resultCd"] == "2002"
    assert shop.book("ORDER1")["net"] == 0


async def test_an_inquiry_shows_an_approval_after_a_while_and_every_part_that_was_cancelled(shop):
    trade = await paid(shop)
    assert (await asked(shop, ordNo="ORDER1"))["resultCd"] == "0002"
    await shop.clock.forward(3)
    found = await asked(shop, ordNo="ORDER1")
    assert (found["resultCd"], found["cnt"]) == ("0000", "1")
    assert (found["resultData"][0]["resultCd"], found["resultData"][0]["cancelYN"]) == ("3001", "N")
    await cancelled(shop, trade, 5_000, "1")
    assert len((await asked(shop, tid=trade["tid"]))["resultData"]) == 1, "a cancel is shown after a while as well"
    await shop.clock.forward(3)
    rows = (await asked(shop, tid=trade["tid"]))["resultData"]
    assert [(row["resultCd"], row["goodsAmt"], row["cancelYN"]) for row in rows] == [
        ("3001", "55000", "N"), ("2001", "5000", "Y"),
    ]  # fmt: skip
    assert (await asked(shop))["resultCd"] == "0001"
    wrong = await shop.get(f"{PG}/transaction", mid=MID, ediDate=EDI, hashStr="0" * 64, ordNo="ORDER1")
    assert json.loads(wrong.body)["resultCd"] == "9998"


async def test_an_inquiry_shows_a_whole_cancellation_and_a_refusal_in_their_rows(shop):
    await cancelled(shop, await paid(shop), 55_000)
    shop.fault("approve", "decline", code="3030")
    await paid(shop, order="ORDER2")
    await shop.clock.forward(3)
    assert [row["cancelYN"] for row in (await asked(shop, ordNo="ORDER1"))["resultData"]] == ["Y"]
    assert [row["resultCd"] for row in (await asked(shop, ordNo="ORDER2"))["resultData"]] == ["3030"]


async def test_a_deposit_is_told_only_to_the_registered_address(shop):
    shop.receiver.usual = (200, b'{"resultCd":"0000"}')
    answer = await paid(shop, payMethod="VACNT", notiUrl="http://shop.test/n/own")
    await shop.control("deposit", merchant_ref="ORDER1")
    await shop.settled()
    assert shop.receiver.got == []
    await shop.control("settings", admin_notice_url=ADMIN)
    await paid(shop, order="ORDER2", payMethod="VACNT", notiUrl="http://shop.test/n/own")
    await shop.control("deposit", merchant_ref="ORDER2", amount=55_000)
    await shop.settled()
    (_, url, body, _kind) = shop.receiver.got[0]
    told = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    assert (url, told["resultCd"], told["goodsAmt"]) == (ADMIN, "4110", "55000")
    assert told["hashStr"] == sha(told["mid"], told["ediDate"], told["goodsAmt"], KEY)
    trade = answer | {"payMethod": "VACNT"}
    assert (await cancelled(shop, trade, 55_000))["resultCd"] == "2003", "a refund needs an account to go to"
    payee = {"refundBankCd": "004", "refundAccnt": "1234567890", "refundNm": "홍길동"}
    assert (await cancelled(shop, trade, 55_000, **payee))["resultCd"] == "2211"


async def test_an_account_nobody_paid_into_is_closed(shop):
    trade = await paid(shop, payMethod="VACNT")
    assert (await cancelled(shop, trade, 1_000))["resultCd"] == "2011"
    assert (await cancelled(shop, trade, 55_000))["resultCd"] == "4200"
    assert (await cancelled(shop, trade, 55_000))["resultCd"] == "2013"
    refused = json.dumps({"gateway": "paystory", "merchant_ref": "ORDER1"}).encode()
    assert (await shop.raw("/control/deposit", refused)).status == 400


@pytest.mark.parametrize(
    ("mode", "answer", "acked"),
    [("http", (200, b"whatever"), True), ("http", (302, b""), False), ("json", (200, b'{"resultCd":"0000"}'), True),
     ("json", (200, b'{"resultCd":"0000","a":1}'), False), ("json", (200, b"0000"), False),
     ("json", (201, b'{"resultCd":"0000"}'), False), ("json", None, False)],
)  # fmt: skip
async def test_a_notice_is_judged_by_the_shops_mode_and_repeated_as_the_shop_wants(shop, mode, answer, acked):
    await shop.control("settings", notice_ack=mode, notice_tries=3, notice_interval_seconds=60, admin_notice_url=ADMIN)
    shop.receiver.answers = [answer] * 9
    await paid(shop)
    await shop.settled()
    await shop.clock.forward(600)
    (record,) = shop.book("ORDER1")["notices"]
    assert (record["acked"], record["tries"]) == (acked, 1 if acked else 3)


async def test_a_cancellation_is_told_with_both_numbers(shop):
    shop.receiver.usual = (200, b'{"resultCd":"0000"}')
    trade = await paid(shop, notiUrl="http://shop.test/n/own")
    await shop.control("settings", admin_notice_url="http://shop.test/n/office")
    done = await cancelled(shop, trade, 5_000, "1", notiUrl="http://shop.test/n/cancel")
    await shop.control("refund", merchant_ref="ORDER1", amount=1_000)
    await cancelled(shop, trade, 2_000, "1")
    await shop.settled()
    ways = [url.rpartition("/")[2] for _, url, *_ in shop.receiver.got]
    assert ways == ["own", "cancel", "office", "office"], "each request names its own address, or none"
    told = [dict(parse_qsl(body.decode(), keep_blank_values=True)) for body in shop.receiver.bodies()]
    assert [(one["cancelYN"], one["goodsAmt"]) for one in told] == [
        *[("N", "55000"), ("Y", "5000"), ("Y", "1000"), ("Y", "2000")]
    ]
    assert (told[1]["tid"], told[1]["oTid"]) == (done["tid"], trade["tid"])
    assert shop.book("ORDER1")["net"] == 47_000


@pytest.mark.parametrize("signed", [True, False])
async def test_a_forgery_is_signed_with_the_right_key_only_where_asked(shop, signed):
    await shop.control("forge", url=ADMIN, fields={"ordNo": "ORDER1", "goodsAmt": "55000"}, signed=signed)
    told = dict(parse_qsl(shop.receiver.bodies()[0].decode()))
    assert (told["hashStr"] == sha(MID, told["ediDate"], "55000", KEY)) is signed


SPLIT = {"goodsSplAmt": "45000", "goodsVat": "3000", "goodsSvsAmt": "7000"}


def split_of(supply, vat, service=0):
    return {"goodsSplAmt": str(supply), "goodsVat": str(vat), "goodsSvsAmt": str(service)}


@pytest.mark.parametrize(
    "wrong",
    [{"goodsVat": "3001"}, {"goodsSvsAmt": ""}, {"goodsSplAmt": "55000"}, {"goodsVat": "x"}, {"goodsVat": "-1"}],
)
async def test_supply_vat_and_service_add_up_to_what_is_paid(shop, wrong):
    assert (await shop.form(f"{PG}/order", open_form(**SPLIT | wrong))).status == 400
    assert (await paid(shop, **SPLIT))["resultCd"] == "3001"
    bid = (await shop.said(f"{PG}/payment.registBill", regist_form()))["bid"]
    assert (await shop.said(f"{PG}/payment.doBill", bill_form(bid, "55000", **SPLIT | wrong)))["resultCd"] == "9998"
    assert (await shop.said(f"{PG}/payment.doBill", bill_form(bid, "55000", **SPLIT)))["resultCd"] == "3001"


async def test_the_vat_of_cancels_adds_up_to_the_payments(shop):
    trade = await paid(shop, **SPLIT)
    assert (await cancelled(shop, trade, 5_000, "1"))["resultCd"] == "2011", "the split is left out"
    assert (await cancelled(shop, trade, 5_000, "1", **split_of(5_000, 1)))["resultCd"] == "2011", "no sum of the part"
    assert (await cancelled(shop, trade, 5_000, "1", **split_of(1_999, 3_001)))["resultCd"] == "2011", (
        "more than is left"
    )
    assert (await cancelled(shop, trade, 5_000, "1", **split_of(4_000, 1_000)))["resultCd"] == "2001"
    assert (await cancelled(shop, trade, 50_000, "1", **split_of(48_001, 1_999)))["resultCd"] == "2011", "not all of it"
    assert (await cancelled(shop, trade, 50_000, "1", **split_of(48_000, 2_000)))["resultCd"] == "2001"
    assert shop.book("ORDER1")["net"] == 0


async def test_a_cancel_in_the_office_tells_no_vat_and_leaves_only_the_limit(shop):
    trade = await paid(shop, **SPLIT)
    await shop.control("refund", merchant_ref="ORDER1", amount=1_000)
    assert (await cancelled(shop, trade, 54_000, "1", **split_of(50_999, 3_001)))["resultCd"] == "2011"
    assert (await cancelled(shop, trade, 54_000, "1", **split_of(51_500, 2_500)))["resultCd"] == "2001"
    plain = await paid(shop, order="ORDER2")
    assert (await cancelled(shop, plain, 5_000, "1", **split_of(4_546, 454)))["resultCd"] == "2001"


async def test_a_receipt_is_shown_to_whoever_has_the_hash(shop):
    trade = await paid(shop)
    vector = next(one for one in load("paystory") if one["operation"] == "receipt_link")
    good = {"Mid": MID, "Tid": trade["tid"], "receiptType": "general", "encData": vector["made"]}
    assert vector["settings"]["merchant_key"] == KEY
    assert "55,000원" in (await shop.get("/paystory/mms/receiptSearch.html", **good)).body.decode()
    assert (await shop.get("/paystory/mms/receiptSearch.html", **good | {"encData": "0"})).status == 404


@pytest.mark.parametrize(("wish", "flag", "status"), [("1", "1", 200), ("0", "0", 404), ("", "0", 404)])
async def test_a_cash_receipt_is_shown_and_told_where_the_buyer_wanted_one(shop, wish, flag, status):
    trade = await paid(shop, choice={"cash_receipt": wish}, payMethod="BANK", notiUrl="http://shop.test/n/own")
    slip = {"Mid": MID, "Tid": trade["tid"], "receiptType": "cash", "encData": sha(MID, KEY)}
    page = await shop.get("/paystory/mms/receiptSearch.html", **slip)
    assert (page.status, "현금영수증 승인" in page.body.decode()) == (status, status == 200)
    await shop.settled()
    assert [dict(parse_qsl(body.decode()))["cashCrctFlg"] for body in shop.receiver.bodies()] == [flag]


@pytest.mark.parametrize(("edi", "taken"), [(EDI, True), ("20261120115500", True), ("20261120115459", False),
                                            ("20261120030000", False), ("20260231120000", False)])  # fmt: skip
async def test_a_moment_is_compared_with_the_clock_only_where_that_is_wanted(shop, edi, taken):
    bill = (await paid(shop, amount="0", order="REG1"))["bid"]
    away = {"bid": bill, "mid": MID, "ediDate": edi, "encData": sha(MID, edi, bill, KEY)}
    desk = shop.world.desks["paystory"]
    desk.set({"clock_minutes": 5})
    assert (await shop.form(f"{PG}/order", open_form(ediDate=edi))).status == (200 if taken else 400)
    said = await shop.said(f"{PG}/payment.deleteBill", away)
    assert said["resultCd"] == ("F012" if taken else "9998")
    assert taken or "ediDate" in said["resultMsg"]
    desk.set({"clock_minutes": 0})
    assert (await shop.form(f"{PG}/order", open_form(ediDate=edi))).status == 200


async def test_an_approval_repeats_a_moment_long_past(shop):
    shop.world.desks["paystory"].set({"clock_minutes": 5})
    back = await returned(shop)
    shop.clock.skip(1_200)
    assert (await shop.said(f"{PG}/payment.do", approve_form(back)))["resultCd"] == "3001"


async def test_amounts_choose_faults(shop):
    shop.world.faults.amounts_choose = True
    assert (await paid(shop, amount="55002"))["resultCd"] == "3030"
    assert (await paid(shop, amount="55017", order="ORDER2"))["amt"] == "56017"
    assert shop.book("ORDER2")["captured"] == 56_017


async def test_settings_are_checked(shop):
    for bad in ({"notice_ack": "xml"}, {"nothing": 1}, {"merchants": {"a": "b"}}, {"query_lag_seconds": -1}):
        heard = await shop.raw("/control/settings", json.dumps({"gateway": "paystory", **bad}).encode())
        assert heard.status == 400
    shown = (await shop.control("settings"))["gateways"]["paystory"]
    assert KEY not in repr(shown)
    assert shown["merchants"] == [MID]
