"""PayApp: adapter and sandbox, written apart, understand each other; and nobody else is believed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.billing import BillingKey, Bills, CardEntry, IssuesKeysByCard, KeyOrder, PlanOrder, Plans
from bridge.domain.exchange import Stamp
from bridge.domain.failures import Malformed, Misconfigured, NotGenuine, Unreadable
from bridge.domain.gateway import (
    Accepted,
    Allowed,
    Approves,
    ByHand,
    Declined,
    Done,
    Inquires,
    Never,
    Notifies,
    Paid,
    PerhapsPaid,
    Probes,
    Redirect,
    Refused,
    Script,
    Undoes,
    Unknown,
    Unpaid,
    captures_itself,
)
from bridge.domain.payment import Buyer, Method, Mode
from bridge.domain.services import Administers, LinksReceipts, ReceiptOrder, Receipts
from bridge.domain.tax import split
from bridge.gateways.payapp import links
from bridge.gateways.payapp.adapter import build, settings_of_gateway
from bridge.gateways.payapp.notices import read
from bridge.gateways.payapp.talk import plain
from tests.gateways.payapp import KEYS, SETTINGS, PayAppBench
from tests.gateways.play import refund, vectors

PART = {"amount": 11_000, "full": False, "left_after": 44_000}
BUYER = Buyer("홍길동", "hong@example.com", "01012345678", "u1")


@pytest.fixture
async def bench():
    return await PayAppBench().ready()


async def test_a_buyer_pays_and_the_notice_is_ours(bench):
    opened = await bench.open()
    assert isinstance(opened, Redirect)
    back = await bench.press(opened)
    assert bench.adapter.read_return(back).refs == {"mul_no": opened.refs["mul_no"]}
    (notice,) = bench.notices()
    assert (notice.event, notice.merchant_ref, notice.amount, notice.foreign) == ("approved", "PAY1", 55_000, False)
    assert notice.binding == {"mul_no": opened.refs["mul_no"]}
    assert notice.card["name"]
    assert bench.book("PAY1")["notices"][0]["acked"]
    assert bench.net() == 55_000


async def test_whole_and_part_are_given_back_and_told_of(bench):
    payment = await bench.paid()
    assert isinstance(await bench.talk(bench.adapter.refund(payment, refund(PART), bench.stamp())), Done)
    assert bench.net() == 44_000
    await bench.settled()
    told = bench.notices()[-1]
    assert (told.event, told.binding) == ("part_cancelled", {"mul_no": payment.refs["mul_no"]})
    assert 11_000 in told.readings
    whole = await bench.paid("PAY2")
    assert isinstance(await bench.talk(bench.adapter.refund(whole, refund({"amount": 55_000}), bench.stamp())), Done)
    assert bench.net("PAY2") == 0
    again = await bench.talk(bench.adapter.refund(whole, refund({"amount": 55_000}), bench.stamp()))
    assert isinstance(again, Unknown), "already cancelled and settled are one code"
    await bench.settled()
    assert bench.notices()[-1].event == "cancelled"


async def test_too_much_is_not_given_back_and_the_no_proves_nothing(bench):
    payment = await bench.paid()
    much = refund({"amount": 56_000, "full": False})
    assert isinstance(await bench.talk(bench.adapter.refund(payment, much, bench.stamp())), Unknown)
    assert bench.net() == 55_000


async def test_five_days_later_a_refund_is_only_asked_for(bench):
    payment = await bench.paid()
    await bench.clock.forward(6 * 86_400)
    outcome = await bench.talk(bench.adapter.refund(payment, refund({"amount": 55_000}), bench.stamp()))
    assert isinstance(outcome, Accepted)
    assert bench.net() == 55_000, "no money is back yet"


@pytest.mark.parametrize("wish", [{"amount": 55_000}, PART], ids=["whole", "part"])
async def test_settled_before_the_fifth_day_a_refund_is_asked_for_at_once(bench, wish):
    payment = await bench.paid()
    await bench.control("settings", settled_days=2)
    await bench.clock.forward(3 * 86_400)
    outcome = await bench.talk(bench.adapter.refund(payment, refund(wish), bench.stamp()))
    assert isinstance(outcome, Accepted)
    assert outcome.refs["pay_back_won"] == str(wish["amount"])
    assert outcome.refs["pay_back_account"]
    assert bench.net() == 55_000, "no money is back yet"
    again = await bench.talk(bench.adapter.refund(payment, refund({"amount": 55_000}), bench.stamp()))
    assert isinstance(again, Unknown), "asked for once more, PayApp only says that the amount is wrong"


async def test_a_request_nobody_paid_is_withdrawn_and_a_paid_one_is_left_alone(bench):
    opened = await bench.open()
    unpaid = bench.payment(refs=dict(opened.refs))
    assert isinstance(await bench.talk(bench.adapter.probe_unpaid(unpaid, bench.stamp())), Unpaid)
    page = await bench.get(opened.url.removeprefix("http://sandbox"))
    assert 'value="pay"' not in page.body.decode()
    payment = await bench.paid("PAY2")
    assert isinstance(await bench.talk(bench.adapter.probe_unpaid(payment, bench.stamp())), PerhapsPaid)
    assert bench.net("PAY2") == 55_000
    nothing = bench.adapter.probe_unpaid(bench.payment(), bench.stamp())
    assert isinstance(await bench.talk(nothing), Unknown)


async def test_an_account_is_told_of_when_issued_and_when_paid_into(bench):
    opened = await bench.open(method="virtual_account")
    await bench.press(opened, method="vbank")
    await bench.control("deposit", merchant_ref="PAY1")
    await bench.settled()
    issued, deposited = bench.notices()
    assert (issued.event, deposited.event) == ("issued", "deposited")
    assert issued.account["number"]
    assert issued.dedupe != deposited.dedupe


async def test_a_payment_is_opened_from_the_shops_own_app(bench):
    await bench.control("settings", in_apps=True)
    assert isinstance(await bench.open("WEB"), Declined), "it takes nothing that names no app"
    bench.adapter = build(SETTINGS | {"app_scheme": "myticket://pay"}, Mode.TEST)
    opened = await bench.open("APP", device="app")
    assert isinstance(opened, Redirect)
    await bench.press(opened)
    assert [one.event for one in bench.notices()] == ["approved"]
    for wrong in ("https://shop.test/r", "myticket", "intent://pay"):
        bench.adapter = replace(bench.adapter, settings=replace(bench.adapter.settings, app_scheme=wrong))
        refused = await bench.open("NO", device="app")
        assert isinstance(refused, Declined), wrong
        assert refused.code == "70020"


async def test_declined_requests_and_lost_answers(bench):
    bench.fault("payrequest", "decline", code="70020")
    assert isinstance(await bench.open(), Declined)
    bench.fault("payrequest", "drop_after")
    assert isinstance(await bench.open(), Unknown)
    payment = await bench.paid("PAY2")
    for kind in ("drop_before", "drop_after", "5xx_after", "garbage_after", "empty_after"):
        bench.fault("paycancel", kind)
        asked = await bench.talk(bench.adapter.refund(payment, refund({"amount": 55_000}), bench.stamp()))
        assert isinstance(asked, Unknown), kind


async def test_a_payment_somebody_else_asked_for_in_our_name_is_not_ours(bench):
    opened = await bench.open()
    forged = {
        "cmd": "payrequest",
        "userid": "payapptest",
        "goodname": "x",
        "price": "1000",
        "recvphone": "01000000000",
        "feedbackurl": "http://bridge.test/n/x",
        "var1": "PAY1",
    }
    mark = dict(parse_qsl((await bench.form("/payapp/oapi/apiLoad.html", forged)).body.decode()))
    await bench.press(Redirect(mark["payurl"]))
    (told,) = bench.notices()
    assert (told.event, told.merchant_ref, told.foreign) == ("approved", "PAY1", True)
    seen = bench.adapter.seal("r", "PAY1")
    mark = dict(parse_qsl((await bench.form("/payapp/oapi/apiLoad.html", forged | {"var2": seen})).body.decode()))
    await bench.press(Redirect(mark["payurl"]))
    assert bench.notices()[-1].binding != {"mul_no": opened.refs["mul_no"]}, "another request, though it bears our mark"


@pytest.mark.parametrize("name", ["userid", "linkkey", "linkval"])
async def test_a_forged_notice_is_refused_whichever_secret_is_wrong(bench, name):
    await bench.paid()
    form = dict(parse_qsl(bench.receiver.bodies()[0].decode(), keep_blank_values=True))
    for value in ("", "x", form[name] + " ", form[name].lower() + "가"):
        with pytest.raises(NotGenuine):
            bench.adapter.read_notice(urlencode(form | {name: value}).encode(), "feedback")


async def test_a_replayed_notice_is_one_event_and_both_routes_tell_the_same(bench):
    await bench.control("settings", common_feedback_url="http://bridge.test/n/common")
    await bench.paid()
    first, second = bench.notices()
    assert first.dedupe == second.dedupe
    assert len(bench.receiver.bodies()) == 2


def test_a_notice_in_another_charset_is_read_and_an_oversized_or_doubled_one_is_not():
    gateway = build(SETTINGS, Mode.TEST)
    raw = next(one["raw"] for one in vectors("payapp") if one["name"] == "a card was charged")
    form = dict(parse_qsl(raw, keep_blank_values=True))
    korean = gateway.read_notice(urlencode(form, encoding="cp949").encode(), "feedback")
    assert korean.card["name"] == "신한"
    assert korean.amount == 55_000
    many = raw.encode() + b"".join(b"&x%d=1" % number for number in range(200))
    for bad in (b"\xff=1", many, raw.encode() + b"&mul_no=1", b"", b"\x00"):
        with pytest.raises(Exception, match=r"field|form|shared"):
            gateway.read_notice(bad, "feedback")


@given(st.binary(max_size=300))
def test_of_any_bytes_the_reader_says_what_is_wrong(raw):
    with pytest.raises((NotGenuine, Unreadable, Malformed)):
        read(raw, build(SETTINGS, Mode.TEST))


async def test_a_registered_card_is_charged_and_deleted(bench):
    card = CardEntry("9410-1234-1234-1234", "3012", "900101", "12")
    issue = bench.adapter.issue_key_by_card(
        KeyOrder("KEY1", "u1", "회비", BUYER, bench.clock.now()), card, bench.stamp()
    )
    issued = await bench.talk(issue)
    assert issued.key
    assert issued.key not in repr(issued)
    key = BillingKey("k", "u1", Method.CARD, issued.key, bench.clock.now())
    paid = await bench.talk(bench.adapter.charge(bench.payment(), bench.order(), key, bench.urls, bench.stamp()))
    assert isinstance(paid, Paid)
    assert (paid.amount, bench.net()) == (55_000, 55_000)
    assert bench.adapter.receipt_link(bench.payment(refs=dict(paid.refs))).startswith("http://sandbox/payapp/")
    bench.fault("billPay", "decline", code="70020")
    asked = bench.adapter.charge(bench.payment("PAY2"), bench.order(), key, bench.urls, bench.stamp())
    assert isinstance(await bench.talk(asked), Declined)
    bench.fault("billPay", "drop_after")
    asked = bench.adapter.charge(bench.payment("PAY3"), bench.order(), key, bench.urls, bench.stamp())
    assert isinstance(await bench.talk(asked), Unknown)
    assert bench.net("PAY3") == 55_000
    assert isinstance(await bench.talk(bench.adapter.delete_key(key, bench.stamp())), Done)
    gone = bench.adapter.charge(bench.payment("PAY4"), bench.order(), key, bench.urls, bench.stamp())
    assert isinstance(await bench.talk(gone), Declined)


async def test_a_plan_is_registered_paid_stopped_started_and_ended(bench):
    plan = PlanOrder("PLAN1", "회비", 11_000, BUYER, "month", date(2027, 10, 20), 10)
    made = await bench.talk(bench.adapter.register_plan(plan, bench.urls, bench.stamp()))
    await bench.press(Redirect(made.url))
    told = bench.notices()[-1]
    assert (told.event, told.merchant_ref, told.refs["rebill_no"], told.foreign) == (
        "approved",
        "PLAN1",
        made.plan,
        False,
    )
    assert told.round == told.refs["mul_no"], "each round is told apart"
    await bench.clock.forward(21 * 86_400)
    await bench.control("deposit", rebill_no=int(made.plan), fail=True)
    await bench.settled()
    failed = bench.notices()[-1]
    assert (failed.event, failed.merchant_ref, failed.message) == ("round_failed", "PLAN1", "한도초과")
    for step in (bench.adapter.stop_plan, bench.adapter.start_plan, bench.adapter.cancel_plan):
        assert isinstance(await bench.talk(step(made.plan, bench.stamp())), Done)
    assert isinstance(await bench.talk(bench.adapter.start_plan(made.plan, bench.stamp())), Refused)


async def test_a_cash_receipt_is_issued_and_cancelled_within_six_days(bench):
    payment = await bench.paid(method="account")
    asked = ReceiptOrder("R1", "표", split(55_000), "income", "01012345678", "홍길동", bench.clock.now(), payment.refs)
    issued = await bench.talk(bench.adapter.issue_receipt(asked, bench.stamp()))
    assert issued.number
    assert isinstance(await bench.talk(bench.adapter.cancel_receipt(asked, issued, bench.stamp())), Done)
    late = replace(asked, traded_at=bench.clock.now() - timedelta(days=7))
    assert isinstance(await bench.talk(bench.adapter.issue_receipt(late, bench.stamp())), Refused)


async def test_commands_for_the_merchant(bench):
    bench.adapter = build(SETTINGS | {"reseller_id": "payappreseller"}, Mode.TEST)
    free = await bench.talk(bench.adapter.administer("useridCheck", {"userid": "newshop"}, bench.stamp()))
    assert free.done
    seller = {
        "userid": "newshop",
        "userpwd": "abcd1234",
        "sellername": "새 상점",
        "phone": "01011112222",
        "email": "a@b.kr",
        "bizkind": "서비스",
        "usertype": "1",
        "join_type": "0",
        "seller_type": "seller",
        "username": "홍길동",
    }
    made = await bench.talk(bench.adapter.administer("sellerRegist", seller, bench.stamp()))
    assert (made.done, dict(made.fields)) == (True, {"userid": "newshop"})
    taken = await bench.talk(bench.adapter.administer("useridCheck", {"userid": "newshop"}, bench.stamp()))
    assert not taken.done
    staff = {"subuserid": "staff1", "subpwd": "abcd1234", "subname": "직원"}
    assert (await bench.talk(bench.adapter.administer("subidregist", staff, bench.stamp()))).done
    payment = await bench.paid(method="naverpay")
    cash = {"mul_no": payment.refs["mul_no"]}
    asked = await bench.talk(bench.adapter.administer("checkNpayCashReceiptReq", cash, bench.stamp()))
    assert asked.done is ("totalCashAmount" in asked.fields)
    for name, fields in [("drop", {}), ("subidregist", {"linkkey": "x"})]:
        with pytest.raises(Misconfigured):
            next(bench.adapter.administer(name, fields, bench.stamp()))
    with pytest.raises(Misconfigured, match="reseller_id"):
        next(build(SETTINGS, Mode.TEST).administer("useridCheck", {"userid": "x"}, bench.stamp()))


async def test_without_a_phone_the_buyers_browser_asks(bench):
    payment = bench.payment()
    asked = bench.adapter.open_window(payment, bench.order(phone=""), bench.urls, bench.stamp())
    window = await bench.talk(asked)
    assert isinstance(window, Script)
    assert (window.function, window.argument) == ("PayApp.payrequest", "object")
    assert not {"linkkey", "linkval"} & set(window.fields)
    assert not set(KEYS.values()) & set(window.fields.values())
    told = {
        **KEYS,
        "userid": "payapptest",
        "pay_state": "1",
        "mul_no": "7",
        "price": "55000",
        "var1": window.fields["var1"],
        "var2": window.fields["var2"],
    }
    notice = bench.adapter.read_notice(urlencode(told).encode(), "feedback")
    assert (notice.event, notice.foreign, notice.binding) == ("requested", False, {})
    strict = build(SETTINGS | {"window": "rest"}, Mode.TEST)
    asked = strict.open_window(payment, bench.order(phone=""), bench.urls, bench.stamp())
    assert isinstance(await bench.talk(asked), Declined)


def test_windows_in_which_the_buyer_names_the_price_and_plans_in_the_browser():
    gateway = build(SETTINGS | {"ask_address": "1"}, Mode.TEST)
    window = links.open_price_window(gateway, title="후원")
    assert (window.fields["price"], window.fields["goodname"], window.fields["reqaddr"]) == ("", "후원", "1")
    assert links.open_price_window(gateway, amount=5_000).fields["price"] == "5000"
    plan = PlanOrder("PLAN1", "회비", 11_000, BUYER, "week", date(2027, 10, 20), 7)
    urls = PayAppBench().urls
    assert gateway.plan_window(plan, urls).function == "PayApp.rebill"
    with pytest.raises(AssertionError):
        gateway.plan_window(replace(plan, day=8), urls)


def test_the_apps_link_and_its_result():
    link = links.app_link(
        "REMOTE", "shop://back", "표", 55_000, phone="01012345678", var1="A", feedback_url="http://x.kr"
    )
    query = dict(parse_qsl(link.partition("?")[2]))
    assert link.startswith("https://payapp.kr/sdk-app?")
    assert query == {
        "reqType": "REMOTE",
        "returnUri": "shop://back",
        "phoneNumber": "01012345678",
        "goodPrice": "55000",
        "goodName": "표",
        "hasTax": "1",
        "feedbackurl": "http://x.kr",
        "checkretry": "y",
        "var1": "A",
    }
    counter = links.app_link("MANUAL", "shop://back", "표", 50_000, instalment_months=3, taxed=False, every_kind=True)
    assert {"cardinst=03", "hasTax=0", "isAllPayReqType=1"} <= set(counter.partition("?")[2].split("&"))
    for bad in (
        ("CASH", 1_000, {}),
        ("REMOTE", 1_000, {}),
        ("QR", 100_000, {}),
        ("QR", 60_000, {"instalment_months": 3}),
        ("OCR", 49_999, {"instalment_months": 3}),
    ):
        with pytest.raises(Misconfigured):
            links.app_link(bad[0], "shop://back", "표", bad[1], **bad[2])
    done = links.read_app_result({"state": "1", "mul_no": "7", "cardNum": "9410****", "x": "y"})
    assert (done.done, done.fields) == (True, {"mul_no": "7", "cardNum": "9410****"})
    assert links.read_app_result({"state": "0", "errorCode": "9040"}).message == "시간초과"
    with pytest.raises(Unreadable):
        links.read_app_result({})


def test_an_operator_is_handed_the_apps_link_and_a_window_without_a_price_and_nothing_is_sent():
    gateway, stamp = build(SETTINGS, Mode.TEST), PayAppBench().stamp()

    def make(name, **fields):
        with pytest.raises(StopIteration) as ended:  # a call would have been given instead
            next(gateway.administer(name, fields, stamp))
        return ended.value.value

    link = make("appLink", reqType="QR", returnUri="shop://back", goodName="표", goodPrice="55000")
    assert link.fields["url"].startswith("https://payapp.kr/sdk-app?reqType=QR")
    result = make("appResult", state="0", errorCode="9040")
    assert (result.done, result.message) == (False, "시간초과")
    window = make("priceWindow", goodname="후원 </script>", price="5000").fields
    assert window["script"].endswith("payapp-lite.js")
    assert "</script>" not in window["call"]
    assert '"price": "5000"' in window["call"]
    assert "price" not in make("priceWindow", goodname="후원").fields["call"]
    for name, fields in (
        ("appLink", {"goodPrice": "1e3"}),
        ("appLink", {"goodPrice": "0"}),
        ("priceWindow", {"price": "１０００"}),
        ("appLink", {"goodPrice": "1000", "cardinst": "x"}),
    ):
        with pytest.raises(Misconfigured):
            next(gateway.administer(name, fields, stamp))


def test_what_it_can_and_cannot_do():
    gateway = build(SETTINGS, Mode.TEST)
    for port in (Notifies, Probes, Bills, IssuesKeysByCard, Plans, Receipts, LinksReceipts, Administers):
        assert isinstance(gateway, port), port
    for port in (Approves, Inquires, Undoes):
        assert not isinstance(gateway, port), port
    assert captures_itself(gateway)
    assert gateway.hosts == {"http://sandbox"}
    assert gateway.smallest(Method.CARD) == 1_000
    assert gateway.allows_source("1.2.3.4")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"state": "open"}, Never),
        ({"state": "paid", "captured": 1_000}, ByHand),
        ({"state": "paid", "captured": 1_000, "method": "virtual_account", "refs": {"mul_no": "1"}}, ByHand),
        ({"state": "paid", "captured": 1_000, "refs": {"mul_no": "1"}}, Allowed),
        ({"state": "part_refunded", "captured": 1_000, "refunded": 100, "refs": {"mul_no": "1"}}, Allowed),
    ],
)
def test_what_may_be_refunded(changes, rule):
    bench = PayAppBench()
    found = bench.adapter.refund_rule(bench.payment(amount=1_000, **changes), bench.stamp())
    assert isinstance(found, rule)
    if isinstance(found, Allowed):
        assert found.max_amount == 1_000 - changes.get("refunded", 0)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://evil.test/x",
        "https://payapp.kr@evil.test/",
        "https://payapp.kr:8443/x",
        "ftp://payapp.kr/x",
        "https://payapp.kr\\@evil.test",
        "https://ｐayapp.kr/",
    ],
)
def test_a_page_elsewhere_is_never_shown(url):
    gateway = build({name: value for name, value in SETTINGS.items() if name != "api_url"}, Mode.TEST)
    assert gateway.receipt_link(PayAppBench().payment(refs={"csturl": url})) == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"linkval": ""}, "linkval"),
        ({"linkkey": ""}, "linkkey"),
        ({"mbr_no": "1"}, "no setting"),
        ({"window": "x"}, "rest"),
        ({"cancel_days": "x"}, "days"),
        ({"api_url": "ftp://x"}, "address"),
        ({"partial_price": "x"}, "hold"),
        *(
            ({"app_scheme": wrong}, "app_scheme")
            for wrong in ("https://shop.test/r", "HTTP://x", "myticket", "myticket:pay", "javascript://x", "://x")
        ),
        *(
            ({"app_scheme": wrong}, "app_scheme")
            for wrong in ("my://who:word@x", "my://x?key=1", "my://x#y", "my://" + "x" * 57, "my://x\n", "나의앱://")
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(values, words):
    with pytest.raises(Misconfigured, match=words):
        build(SETTINGS | values, Mode.TEST)


def test_without_the_notices_secret_there_is_no_gateway():
    for missing in ("linkval", "linkkey"):
        with pytest.raises(Misconfigured, match=missing):
            build({name: value for name, value in SETTINGS.items() if name != missing}, Mode.TEST)
    with pytest.raises(Misconfigured, match="https"):
        build(SETTINGS, Mode.LIVE)
    assert {one.name for one in settings_of_gateway() if one.secret} == {"linkkey", "linkval"}
    assert "VAL0" not in repr(build(SETTINGS, Mode.TEST))


def test_the_tables_are_the_manuals():
    gateway = build(SETTINGS, Mode.TEST)
    assert [one.code for one in gateway.codes("errors")] == [
        "70001",
        "70010",
        "70020",
        "70040",
        "70060",
        "70080",
        "80010",
        "80020",
        "80030",
    ]
    assert {one.code for one in gateway.codes("app_errors")} == {"9000", "9010", "9020", "9040", "9050"}
    assert {one.code: one.name for one in gateway.codes("pay_types")}["17"] == "등록결제"
    assert {one.source for one in gateway.codes("pay_states")} == {"guide", "observed"}
    assert gateway.codes("cards") == ()


def test_the_day_a_cancel_becomes_a_request_is_korean():
    gateway = build(SETTINGS, Mode.TEST)
    paid_at = datetime(2026, 11, 14, 15, 30, tzinfo=UTC)  # 15 November in Korea
    payment = replace(PayAppBench().payment(state="paid", captured=55_000, refs={"mul_no": "1"}), paid_at=paid_at)
    for now, cmd in [
        (datetime(2026, 11, 20, 14, 59, tzinfo=UTC), "paycancel"),
        (datetime(2026, 11, 20, 15, 0, tzinfo=UTC), "paycancelreq"),
    ]:
        call = next(gateway.refund(payment, refund({"amount": 55_000}), Stamp(now, "0" * 32)))
        assert call.op == cmd


@given(st.text(max_size=400))
def test_a_goods_name_is_never_empty_too_long_or_an_address(text):
    made = plain(text, "티켓")
    assert made
    assert len(made.encode()) <= 200
    assert "://" not in made or not made.split("://")[0][-1:].isalpha()
