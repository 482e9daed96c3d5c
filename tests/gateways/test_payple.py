"""Payple's adapter against Payple's sandbox, and mistakes that either the vectors or the sandbox must catch."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.billing import BillingKey, Issued, KeyOrder, KeyShown
from bridge.domain.exchange import KST, Reply, Stamp
from bridge.domain.failures import BridgeError, Misconfigured, NotGenuine, Unreadable
from bridge.domain.gateway import (
    Absent,
    Allowed,
    ByHand,
    Circumstantial,
    Declined,
    Done,
    Never,
    Paid,
    Refused,
    Seen,
    Undoes,
    Unknown,
    captures_itself,
)
from bridge.domain.payment import Buyer, Method, Mode, RefundOrder
from bridge.gateways.payple import adapter, codes, talks
from bridge.gateways.payple.adapter import Payple, build
from bridge.gateways.payple.dates import days_possible, regular
from tests.gateways import play
from tests.gateways.harness import at, begin, bend, bent, drop, holds, load, played, rename
from tests.gateways.lane import ORDER, SANDBOX, URLS, Lane


@pytest.fixture
def lane():
    return Lane("payple")


async def test_a_card_is_confirmed_shown_and_told(lane):
    lane.set(webhook_url="http://shop.test/n")
    paid, payment, _ = await lane.paid("PAY0000001")
    assert isinstance(paid, Paid)
    assert lane.books("PAY0000001") == (paid.amount, 0) == (55_000, 0)
    seen = await lane.talk(lane.gateway.inquire(payment, lane.stamp()))
    assert (seen.captured, seen.refunded, seen.refs["payTime"]) == (55_000, None, paid.refs["payTime"])
    (news,) = await lane.news()
    assert (news.event, news.merchant_ref, news.amount) == ("approved", "PAY0000001", 55_000)
    assert isinstance(news.proof, Circumstantial)


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_webhook_comes_as_form_or_as_json(lane, as_json):
    lane.set(webhook_url="http://shop.test/n", cancel_webhook_url="http://shop.test/n", webhook_json=as_json)
    paid, payment, _ = await lane.paid("PAY0000001")
    await lane.refund(lane.held(payment, paid), "REF1", 5_000)
    assert [(news.event, news.amount) for news in await lane.news()] == [("approved", 55_000), ("cancelled", 5_000)]


async def test_in_mode_pay_the_window_captures_and_we_ask(lane):
    lane = Lane("payple", pay_work="PAY")
    assert captures_itself(lane.gateway)
    assert not captures_itself(Lane("payple").gateway)
    payment = lane.payment("PAY0000001")
    window = await lane.open(payment)
    returned = lane.gateway.read_return(await lane.press(window, payment=payment))
    assert (returned.refused, lane.books("PAY0000001")) == (None, (55_000, 0))
    assert (await lane.talk(lane.gateway.inquire(payment, lane.stamp()))).captured == 55_000


@pytest.mark.parametrize("action", ["close", "fail"])
async def test_whoever_closes_or_fails_is_told_no(lane, action):
    payment = lane.payment("PAY0000001")
    returned = lane.gateway.read_return(await lane.press(await lane.open(payment), action, payment))
    assert isinstance(returned.refused, Declined)
    assert returned.refs["oid"] == "PAY0000001"
    assert lane.books("PAY0000001") == (0, 0)


async def test_a_refusal_is_proved_by_asking_unless_the_contract_lists_it(lane):
    lane.fault("confirm", "decline", code="CPAY0004", message="한도초과")
    said, payment, _ = await lane.paid("PAY0000001")
    assert (type(said), said.refusal, said.message) == (Unknown, True, "한도초과")
    assert isinstance(await lane.talk(lane.gateway.inquire(payment, lane.stamp())), Absent)
    lane = Lane("payple", decline_codes="CPAY0004")
    lane.fault("confirm", "decline", code="CPAY0004", message="한도초과")
    assert isinstance((await lane.paid("PAY0000001"))[0], Declined)


@pytest.mark.parametrize(
    ("kind", "captured"),
    [("drop_before", 0), ("5xx_before", 0), ("drop_after", 55_000), ("5xx_after", 55_000), ("garbage_after", 55_000)],
)
async def test_a_lost_answer_is_settled_by_asking(lane, kind, captured):
    assert not isinstance(lane.gateway, Undoes), "Payple has no net-cancel"
    lane.fault("confirm", kind)
    lost, payment, _ = await lane.paid("PAY0000001")
    assert not isinstance(lost, Paid | Declined)
    seen = await lane.talk(lane.gateway.inquire(payment, lane.stamp()))
    assert isinstance(seen, Seen if captured else Absent)
    assert lane.books("PAY0000001") == (captured, 0)


@pytest.mark.parametrize("code", ["CPAY0018", "SPAY0011"])
async def test_a_result_payple_did_not_hear_shows_later(lane, code):
    lane.fault("confirm", "decline", code=code)
    said, payment, _ = await lane.paid("PAY0000001")
    assert (type(said), said.refusal) == (Unknown, False)
    await lane.clock.forward(60)
    assert (await lane.talk(lane.gateway.inquire(payment, lane.stamp()))).captured == 55_000


@pytest.mark.parametrize("pass_once", [False, True])
async def test_a_payment_of_the_evening_is_found_after_midnight(lane, pass_once):
    lane.set(pass_once=pass_once)
    lane.clock.at = datetime(2026, 11, 20, 14, 59, 50, tzinfo=UTC)
    lane.fault("confirm", "drop_after")
    _, payment, _ = await lane.paid("PAY0000001")
    await lane.clock.forward(600)
    assert lane.clock.now().astimezone(KST).day == 21
    assert (await lane.talk(lane.gateway.inquire(payment, lane.stamp()))).captured == 55_000


async def test_parts_and_the_rest_are_refunded_and_no_more(lane):
    paid, payment, _ = await lane.paid("PAY0000001")
    held = lane.held(payment, paid)
    assert isinstance(await lane.refund(held, "REF1", 5_000), Done)
    assert isinstance(await lane.refund(held, "REF2", 50_001, before=5_000), Unknown), "it may have arrived twice"
    assert isinstance(await lane.refund(held, "REF3", 50_000, before=5_000), Done)
    assert lane.books("PAY0000001") == (55_000, 55_000)
    lane = Lane("payple")
    lane.set(parts_refused=True)
    paid, payment, _ = await lane.paid("PAY0000001")
    assert not isinstance(await lane.refund(lane.held(payment, paid), "REF1", 5_000), Done)


async def test_the_sandbox_refuses_payples_test_account_parts_and_gives_the_whole_back():
    lane = Lane("payple", cst_id="test")
    paid, payment, _ = await lane.paid("PAY0000001")
    held = lane.held(payment, paid)
    refused = await lane.refund(held, "REF1", 5_000)
    assert not isinstance(refused, Done)
    assert lane.books("PAY0000001") == (55_000, 0)
    assert isinstance(await lane.refund(held, "REF2", 55_000), Done)
    assert lane.books("PAY0000001") == (55_000, 55_000)


@pytest.mark.parametrize(
    ("begun", "asked"),
    [
        ("00:06:40", ["20261121", "20261120"]),
        ("00:10:00", ["20261121"]),
        ("23:49:59", ["20261121"]),
        ("23:50:00", ["20261122", "20261121"]),
    ],
)
def test_a_payment_made_around_midnight_may_be_of_the_day_before_or_after_by_payples_clock(begun, asked):
    moment = datetime.fromisoformat(f"2026-11-21T{begun}+09:00")
    made = play.payment("payple", {"amount": 55_000, "merchant_ref": "PAY1"}, moment)

    assert [f"{day:%Y%m%d}" for day in days_possible(made, Stamp(moment, play.NONCE))] == asked


@pytest.mark.parametrize(("begun", "asked"), [("23:45:00", ["20261122", "20261121"]), ("22:10:00", ["20261121"])])
def test_where_our_clock_was_set_back_since_the_window_opened_the_day_it_was_near_is_asked_too(begun, asked):
    """It was paid after midnight, and our clock said that it was eleven o'clock: nothing was found, and it expired."""
    moment = datetime.fromisoformat(f"2026-11-21T{begun}+09:00")
    made = play.payment("payple", {"amount": 55_000, "merchant_ref": "PAY1"}, moment)
    for hours_now, hours_end in ((-1, 0), (0, -1), (-1, -1)):
        now, end = moment + timedelta(hours=hours_now), made.expires_at + timedelta(hours=hours_end)
        moved = replace(made, expires_at=end)
        assert [f"{day:%Y%m%d}" for day in days_possible(moved, Stamp(now, play.NONCE))] == asked


async def test_a_whole_refund_may_be_asked_again_and_names_its_day(lane):
    paid, payment, _ = await lane.paid("PAY0000001")
    held = lane.held(payment, paid)
    await lane.clock.forward(3 * 86_400)
    wrong = replace(held, refs=held.refs | {"payTime": f"{lane.clock.now().astimezone(KST):%Y%m%d}000000"})
    assert not isinstance(await lane.refund(wrong, "REF0", 55_000), Done)
    assert await lane.refund(held, "REF1", 55_000) != Done(already=True)
    assert await lane.refund(held, "REF1", 55_000) == Done(already=True)
    assert lane.books("PAY0000001") == (55_000, 55_000)


def test_what_refund_is_offered_follows_the_books_and_the_time():
    lane = Lane("payple")
    held = lane.payment("PAY0000001", captured=55_000)
    assert lane.gateway.refund_rule(held, lane.stamp()) == Allowed(55_000, partial=True)
    test_account = Lane("payple", cst_id="test").gateway.refund_rule(held, lane.stamp())
    assert isinstance(test_account, Allowed)
    assert (test_account.max_amount, test_account.partial) == (55_000, False)
    assert "테스트 계정" in test_account.why
    assert isinstance(lane.gateway.refund_rule(replace(held, state="open"), lane.stamp()), Never)
    lane.clock.at += timedelta(days=400)
    assert isinstance(lane.gateway.refund_rule(held, lane.stamp()), ByHand)


# ---- keys


async def registered(lane):
    order = KeyOrder("KEY0000001", "user1", "회원권", Buyer("홍길동", phone="01012345678"), lane.clock.now())
    window = await lane.talk(lane.gateway.open_key_window(order, URLS, lane.stamp()))
    returned = lane.gateway.read_return(await lane.press(window, payment=lane.payment("KEY0000001")))
    issued = await lane.talk(lane.gateway.issue_key(order, returned, lane.stamp()))
    assert isinstance(issued, Issued)
    return BillingKey("k", "user1", Method.CARD, issued.key, lane.clock.now())


@pytest.mark.parametrize("charges", ["simple", "regular"])
async def test_a_card_is_registered_charged_shown_and_deleted(charges):
    lane = Lane("payple", charges=charges)
    key = await registered(lane)
    assert isinstance(await lane.talk(lane.gateway.show_key(key, lane.stamp())), KeyShown)
    for number in (1, 2):
        payment = lane.payment(f"PAY000000{number}")
        said = await lane.talk(lane.gateway.charge(payment, ORDER, key, URLS, lane.stamp()))
        assert isinstance(said, Paid) is (number == 1 or charges == "simple"), "regular: once a month"
    lane.fault("auth", "5xx_before")
    said = await lane.talk(lane.gateway.charge(lane.payment("PAY0000003"), ORDER, key, URLS, lane.stamp()))
    assert (type(said), lane.books("PAY0000003")) == (Declined, (0, 0))
    assert await lane.talk(lane.gateway.delete_key(key, lane.stamp())) == Done()
    assert await lane.talk(lane.gateway.delete_key(key, lane.stamp())) == Done(already=True)
    assert isinstance(await lane.talk(lane.gateway.show_key(key, lane.stamp())), Absent)


async def test_whoever_is_not_let_in_moves_nothing(lane):
    key = await registered(lane)
    paid, payment, _ = await lane.paid("PAY0000001")
    held, stamp = lane.held(payment, paid), lane.stamp()
    lane.set(referers=["elsewhere.test"])
    gateway = lane.gateway
    outcomes = [
        await lane.talk(gateway.refund(held, refund_of(5_000), stamp)),
        await lane.talk(gateway.charge(lane.payment("PAY0000002"), ORDER, key, URLS, stamp)),
        await lane.talk(gateway.delete_key(key, stamp)),
        await lane.talk(gateway.vouch(payment, {}, stamp)),
    ]
    assert [type(one) for one in outcomes] == [Refused, Declined, Refused, Declined]
    assert {one.code for one in outcomes} == {"AUTH0004"}
    assert isinstance(await lane.talk(gateway.inquire(held, stamp)), Unknown)
    assert isinstance(await lane.talk(gateway.show_key(key, stamp)), Unknown)


def refund_of(amount):

    return RefundOrder("REF1", amount, "고객 요청", False, 55_000 - amount, 0)


# ---- what is refused


@pytest.mark.parametrize("operation", ["inquire", "refund", "charge", "delete_key", "show_key", "vouch"])
@pytest.mark.parametrize(
    "host",
    [
        "https://evil.test",
        "https://payple.kr.evil.test",
        "http://cpay.payple.kr",
        "https://x@cpay.payple.kr",
        "https://127.0.0.1",
    ],
)
def test_no_request_leaves_for_an_address_that_is_not_payples(operation, host):
    vector = next(one for one in load("payple") if one["operation"] == operation and one["talk"])
    told = vector["talk"][0]["reply"]["body"]
    path = "/php/PayChkAct.php"
    bent = {"body": told | {"PCD_PAY_HOST": host, "PCD_PAY_URL": path, "return_url": host + path}}
    calls, outcome = played(build(vector["settings"], Mode.TEST), vector, [bent])
    assert len(calls) == 1, "only auth.php was called"
    assert isinstance(outcome, Unknown | Refused | Declined)


@given(st.text(max_size=30), st.dates(), st.integers(1, 10**9), st.integers(0, 10**9) | st.none(), st.booleans())
def test_what_asks_can_never_give_back(oid, day, amount, vat, monthly):
    month = regular({"regularMonth": f"{day:%Y%m}"} if monthly else {})
    asked = talks.lookup_body(oid, day, month)
    name = {"PCD_PAY_OID": oid, "PCD_PAY_DATE": f"{day:%Y%m%d}"} | month
    given_back = talks.refund_body("key", name, amount, vat)
    assert not [name for name in asked if "REFUND" in name or "CANCEL" in name]
    assert asked.keys() & given_back.keys() == name.keys() <= talks.SUBJECT
    assert talks.LOOKUP_FIELDS & talks.REFUND_FIELDS == talks.TOKENS | talks.SUBJECT


@given(st.text(max_size=200))
def test_who_pays_is_told_by_ten_digits_at_most(who):
    number = adapter.payer_no(who)
    assert number.isdigit()
    assert len(number) <= 10


@pytest.mark.parametrize(
    "values",
    [{"cust_key": ""}, {"refund_key": ""}, {"referer": ""}, {"host_url": "ftp://x"}, {"pay_work": "AUTH"},
     {"result": "x"},
     {"charges": "x"}, {"credentials": "x"}, {"smallest_won": "-1"}, {"more_hosts": "cpay2"}, {"helper_script": "x"},
     {"no_such": "1"}],
)  # fmt: skip
def test_settings_that_are_none_are_refused(values):
    with pytest.raises(Misconfigured, match=r"payple\."):
        build(values, Mode.TEST)


@pytest.mark.parametrize("missing", ["cst_id", "cust_key", "refund_key", "referer"])
def test_without_keys_and_address_a_live_shop_is_not_enabled(missing):
    whole = {"cst_id": "shop", "cust_key": "s3cret", "refund_key": "r3fund", "referer": "https://pay.shop.test/"}
    made = build(whole, Mode.LIVE)
    assert (made.hosts, made.smallest(Method.CARD)) == ({"https://cpay.payple.kr"}, 100)
    assert "s3cret" not in repr(made.settings)
    with pytest.raises(Misconfigured, match=missing):
        build({name: value for name, value in whole.items() if name != missing}, Mode.LIVE)


def test_sources_codes_and_scripts_follow_the_settings():
    made = build({"notice_sources": "203.0.113.1", "helper_script": "https://code.test/jquery.js"}, Mode.TEST)
    assert [made.allows_source(one) for one in ("203.0.113.1", "203.0.113.2")] == [True, False]
    assert build({}, Mode.TEST).allows_source("203.0.113.2")
    assert made.codes("cards") == ()
    vector = next(one for one in load("payple") if one["operation"] == "open_window")
    _, window = played(made, vector)
    assert window.scripts[0] == "https://code.test/jquery.js"
    assert set(window.origins) == {"https://code.test", "https://democpay.payple.kr"}


def test_a_slip_is_the_address_that_payple_named():
    made = build({}, Mode.TEST)
    payment = Lane("payple").payment("PAY0000001", refs={"receipt": "https://www.danalpay.com/receipt/x"})
    assert made.receipt_link(payment) == "https://www.danalpay.com/receipt/x"
    assert made.receipt_link(replace(payment, refs={"receipt": "javascript:alert(1)"})) == ""


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b"\xff=\xff\xff", b'{"PCD_PAY_OID":1,"PCD_PAY_OID":2}', b"a=1&" * 200]
)
def test_a_webhook_of_another_shape_is_refused(raw):
    with pytest.raises(BridgeError):
        build({}, Mode.TEST).read_notice(raw, "webhook")


@pytest.mark.parametrize("name", ["PCD_PAY_COFURL", "PCD_PAY_HOST"])
async def test_a_host_the_browser_brings_is_refused_before_any_request(lane, name):
    payment = lane.payment("PAY0000001")
    back = await lane.press(await lane.open(payment), payment=payment)
    before = len(lane.world.requests)
    for host in ("https://evil.test", "http://169.254.169.254", SANDBOX.replace("http", "https")):
        with pytest.raises(NotGenuine):
            lane.gateway.read_return(back | {name: f"{host}/payple/php/PayCardConfirmAct.php?ACT_=PAYM"})
    assert len(lane.world.requests) == before


def test_of_all_codes_only_success_pays_and_only_the_listed_decline():
    vector = next(one for one in load("payple") if one["operation"] == "approve" and one["talk"])
    gateway, body = build(vector["settings"], Mode.TEST), vector["talk"][0]["reply"]["body"]
    every = [f"{family}{number:04d}" for family in ("CPAY", "SPCD", "CDAU", "") for number in range(500)]
    settled = {
        code
        for code in every
        for said in ("error", "close", "SUCCESS", "success ", "", "fail")
        if not isinstance(
            played(gateway, vector, [{"body": body | {"PCD_PAY_RST": said, "PCD_PAY_CODE": code}}])[1], Unknown
        )
    }
    assert settled == set(codes.DECLINES)


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'{"PCD_PAY_RST":"success"}', b'{"PCD_PAY_RST":["success"]}',
     b'{"PCD_PAY_CODE":"SPCD0000"}',
     b'{"PCD_PAY_RST":"success","PCD_PAY_TOTAL":"1e3"}', b'{"PCD_PAY_RST":"success","PCD_PAY_TOTAL":0}',
     b'{"PCD_PAY_RST":"success","PCD_PAY_TOTAL":1,"PCD_PAY_TOTAL":2}', b"[" * 100_000],
)  # fmt: skip
def test_an_answer_of_another_shape_is_never_a_yes(body):
    vector = next(one for one in load("payple") if one["operation"] == "approve" and one["talk"])
    exchange = begin(build(vector["settings"], Mode.TEST), vector)
    next(exchange)
    with pytest.raises((StopIteration, Unreadable)) as caught:
        exchange.send(Reply(200, body))
    assert isinstance(caught.value, Unreadable) or isinstance(caught.value.value, Unknown)


# ---- planted mistakes


def only(op, change):
    return bent(lambda call: change(call) if call.op == op else call)


class UtcDays(Payple):
    def refund(self, payment, refund, stamp):
        day = f"{payment.paid_at.astimezone(UTC):%Y%m%d}"
        yield from ()
        result = yield from super().refund(replace(payment, refs=payment.refs | {"payTime": day}), refund, stamp)
        return result


class RefundsToday(Payple):
    def refund(self, payment, refund, stamp):
        today = f"{stamp.at.astimezone(KST):%Y%m%d}"
        return super().refund(replace(payment, refs=payment.refs | {"payTime": today}), refund, stamp)


class Today(Payple):
    def inquire(self, payment, stamp):
        today = f"{stamp.at.astimezone(KST):%Y%m%d}"
        return super().inquire(replace(payment, refs={"payTime": today}), stamp)


class TokensAtConfirm(Payple):
    def approve(self, payment, returned, stamp):
        passed = yield from self.talker.authenticate(PCD_PAY_TYPE="card")
        exchange = super().approve(payment, returned, stamp)
        call = next(exchange)
        reply = yield replace(
            call, body=dict(call.body) | {"PCD_CST_ID": passed.cst_id, "PCD_CUST_KEY": passed.cust_key}
        )
        try:
            exchange.send(reply)
        except StopIteration as end:
            return end.value


def fixed_address(call):
    return replace(call, url=call.url.replace("/php/account/api/cPayCAct.php", "/php/PayChkAct.php"))


MUTANTS = {
    "no Referer": bent(lambda call: replace(call, headers={})),
    "custKey misspelt": bent(rename("custKey", "cust_key")),
    "cst_id misspelt": bent(rename("cst_id", "cstId")),
    "REQKEY misspelt": bent(rename("PCD_PAY_REQKEY", "PCD_PAY_REQ_KEY")),
    "AUTH_KEY misspelt": bent(rename("PCD_AUTH_KEY", "PCD_AUTHKEY")),
    "OID misspelt": bent(rename("PCD_PAY_OID", "PCD_OID")),
    "DATE misspelt": bent(rename("PCD_PAY_DATE", "PCD_PAY_DAY")),
    "REFUND_TOTAL misspelt": bent(rename("PCD_REFUND_TOTAL", "PCD_PAY_TOTAL")),
    "no REFUND_KEY": bent(drop("PCD_REFUND_KEY")),
    "no PAYCANCEL_FLAG": bent(drop("PCD_PAYCANCEL_FLAG")),
    "no PAYCHK_FLAG": bent(drop("PCD_PAYCHK_FLAG")),
    "the date with dashes": bent(bend("PCD_PAY_DATE", lambda value: f"{value[:4]}-{value[4:6]}-{value[6:]}")),
    "the amount with commas": bent(bend("PCD_REFUND_TOTAL", lambda value: f"{int(value):,}")),
    "the amount in hundredths": bent(bend("PCD_REFUND_TOTAL", lambda value: f"{value}00")),
    "refund at the inquiry's address": only("refund", fixed_address),
    "forms instead of JSON": bent(
        lambda call: replace(call, body=None, form={k: str(v) for k, v in call.body.items()})
    ),
    "auth at another path": bent(at("/php/auth.php", "/auth.php")),
    "tokens at the confirmation": lambda right: TokensAtConfirm(right.settings),
    "our own credentials everywhere": lambda right: Payple(replace(right.settings, credentials="originals")),
    "the key half": bent(bend("PCD_AUTH_KEY", lambda value: value[:20])),
    "the day in UTC": lambda right: UtcDays(right.settings),
    "only today is asked": lambda right: Today(right.settings),
    "a refund names today": lambda right: RefundsToday(right.settings),
}


def spoils_vectors(change):
    vectors = [vector for vector in load("payple") if vector["standing"] != "disputed" and vector["talk"]]
    return not all(holds(change(build(vector["settings"], Mode.TEST)), vector) for vector in vectors)


async def fails_in_the_sandbox(change):
    """Tell whether this adapter cannot go the whole way over midnight: pay, ask, refund in part and in full."""
    lane = Lane("payple", change)
    lane.clock.at = datetime(2026, 11, 20, 14, 59, 40, tzinfo=UTC)
    try:
        paid, payment, _ = await lane.paid("PAY0000001")
        if not isinstance(paid, Paid) or lane.books("PAY0000001") != (55_000, 0):
            return True
        await lane.clock.forward(120)
        seen = await lane.talk(lane.gateway.inquire(payment, lane.stamp()))
        if not isinstance(seen, Seen) or seen.captured != 55_000:
            return True
        for number, amount in ((2, 5_000), (3, 55_000)):
            paid, payment, _ = await lane.paid(f"PAY000000{number}")
            held = lane.held(payment, paid)
            await lane.clock.forward(86_400)
            if not isinstance(await lane.refund(held, f"REF{number}", amount), Done):
                return True
            if lane.books(f"PAY000000{number}") != (55_000, amount):
                return True
    except (BridgeError, AssertionError, KeyError, AttributeError, json.JSONDecodeError):
        return True
    return False


async def test_the_adapter_itself_is_caught_by_neither():
    assert not spoils_vectors(lambda right: right)
    assert not await fails_in_the_sandbox(lambda right: right)
    assert not spoils_vectors(bent(lambda call: call))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_the_vectors_alone(name):
    assert spoils_vectors(MUTANTS[name])


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_mutant_is_caught_by_the_sandbox_alone(name):
    assert await fails_in_the_sandbox(MUTANTS[name])
