"""Welcome: adapter and sandbox, written apart, understand each other; and no address or notice is believed unproven."""

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.billing import BillingKey, Bills, CardEntry, IssuesKeys, IssuesKeysByCard, KeyOrder, KeysIn
from bridge.domain.failures import Malformed, Misconfigured, NotGenuine, Unreadable
from bridge.domain.gateway import (
    Allowed,
    Approves,
    ByHand,
    Declined,
    Done,
    Inquires,
    Never,
    Notifies,
    Paid,
    Redirect,
    Refused,
    Return,
    Undoes,
    Undone,
    Unknown,
    Waiting,
)
from bridge.domain.payment import Buyer, Method, Mode
from bridge.domain.services import Escrows, EscrowStep, LooksUp, VoidsAccounts
from bridge.gateways.welcome import codes
from bridge.gateways.welcome.adapter import Welcome, build, settings_of_gateway
from bridge.gateways.welcome.talk import plain
from tests.gateways.play import refund, vectors
from tests.gateways.welcome import PC, PG, SETTINGS, WelcomeBench

PART = {"amount": 11_000, "full": False, "left_after": 44_000}
BUYER = Buyer("홍길동", "hong@example.com", "01012345678", "u1")
CARD = CardEntry("9410-1234-1234-1234", "3012", "900101", "12")


@pytest.fixture
def bench():
    return WelcomeBench()


async def test_a_buyer_pays_by_our_approval_alone(bench):
    opened = await bench.open()
    assert isinstance(opened, Redirect)
    back = await bench.press(opened)
    assert bench.net() == 0, "authentication moves no money"
    returned = bench.adapter.read_return(back)
    assert set(returned.refs) == {"P_TID", "P_REQ_URL"}
    outcome = await bench.talk(bench.adapter.approve(bench.payment(), returned, bench.stamp()))
    assert isinstance(outcome, Paid)
    assert (outcome.amount, bench.net()) == (55_000, 55_000)
    again = await bench.talk(bench.adapter.approve(bench.payment(), returned, bench.stamp()))
    assert isinstance(again, Unknown)
    assert (again.refusal, bench.net()) == (False, 55_000)


@pytest.mark.parametrize("method", ["account", "phone"])
async def test_each_method_is_paid(bench, method):
    outcome, payment, _ = await bench.paid(method=method)
    assert isinstance(outcome, Paid)
    whole = refund({"amount": 55_000})
    assert isinstance(await bench.talk(bench.adapter.refund(payment, whole, bench.stamp())), Done)
    assert bench.net() == 0


async def test_an_account_is_issued_paid_into_or_closed(bench):
    await bench.control("settings", pg_notice_url=PG, pc_notice_url=PC)
    outcome, payment, _ = await bench.paid(method="virtual_account")
    assert isinstance(outcome, Waiting)
    assert outcome.due is not None
    await bench.control("deposit", merchant_ref="PAY1")
    await bench.settled()
    told = [one for one in bench.notices() if one.event == "deposited"]
    assert len(told) == 3, "mobile, PC and unified"
    assert len({one.dedupe for one in told}) == 1, "one deposit"
    assert {one.refs["account_number"] for one in told} == {outcome.account["number"]}
    assert isinstance(await bench.talk(bench.adapter.void_account(payment, bench.stamp())), Refused)
    _, other, _ = await bench.paid("PAY2", method="virtual_account")
    assert isinstance(await bench.talk(bench.adapter.void_account(other, bench.stamp())), Undone)
    assert isinstance(await bench.talk(bench.adapter.void_account(other, bench.stamp())), Undone)


async def test_parts_and_the_rest_are_given_back_and_no_part_twice(bench):
    await bench.control("settings", pg_notice_url=PG)
    _, payment, _ = await bench.paid()
    assert isinstance(await bench.talk(bench.adapter.refund(payment, refund(PART), bench.stamp())), Done)
    again = await bench.talk(bench.adapter.refund(payment, refund(PART), bench.stamp()))
    assert not isinstance(again, Done), "confirmPrice does not fit any more"
    assert bench.net() == 44_000
    rest = refund({"amount": 44_000, "full": False, "left_after": 0, "refunded_before": 11_000})
    assert isinstance(await bench.talk(bench.adapter.refund(payment, rest, bench.stamp())), Done)
    assert bench.net() == 0
    await bench.settled()
    told = [one for one in bench.notices() if "cancelled" in one.event]
    assert [one.left for one in told] == [44_000, 0]
    assert len({one.dedupe for one in told}) == 2


KEYED = {"amount": 55_000, "tax_free": 11_000}
HALF = {"amount": 11_000, "full": False, "left_after": 44_000, "tax": {"taxable": 5_000, "vat": 500, "tax_free": 5_500}}
REST = {"amount": 44_000, "full": False, "left_after": 0, "refunded_before": 11_000,
        "tax": {"taxable": 35_000, "vat": 3_500, "tax_free": 5_500}}  # fmt: skip


async def charged(bench):
    """Charge a card's key; gives what came of it."""
    wanted = KeyOrder("KEY1", "u1", "회비", BUYER, bench.clock.now())
    issued = await bench.talk(bench.adapter.issue_key_by_card(wanted, CARD, bench.stamp()))
    key = BillingKey("k", "u1", Method.CARD, issued.key, bench.clock.now())
    charge = bench.adapter.charge(bench.payment(**KEYED), bench.order(), key, bench.urls, bench.stamp())
    return await bench.talk(charge)


async def given_back(bench, paid, told):
    held = bench.payment(**KEYED, state="paid", captured=55_000, refs=dict(paid.refs))
    return await bench.talk(bench.adapter.refund(held, refund(told), bench.stamp()))


@pytest.mark.parametrize("tax_parts", ["no", "yes"])
async def test_taxes_of_a_charge_come_back_in_parts_and_add_up(tax_parts):
    bench = WelcomeBench(tax_parts=tax_parts)
    paid = await charged(bench)
    assert [isinstance(await given_back(bench, paid, told), Done) for told in (HALF, REST)] == [True, True]
    assert bench.net() == 0


def swapped(fields):
    return {"tax": fields["taxfree"], "taxfree": fields["tax"]}


@pytest.mark.parametrize(
    "wrong",
    [swapped, lambda one: one | {"tax": one["taxfree"]}, lambda one: one | {"taxfree": one["tax"]},
     lambda one: one | {"taxfree": "0"}, lambda one: one | {"tax": str(int(one["tax"]) + 2)}, lambda _: {}],
)  # fmt: skip
async def test_wrong_taxes_of_a_charge_or_a_part_are_found_out_by_the_sandbox(wrong):
    class Mistaken(Welcome):
        mistaken = False

        def tax_fields(self, parts, tax_free):
            fields = super().tax_fields(parts, tax_free)
            return wrong(fields) if type(self).mistaken else fields

    bench = WelcomeBench(Mistaken)
    paid = await charged(bench)
    Mistaken.mistaken = True
    assert not isinstance(await given_back(bench, paid, HALF), Done)
    assert bench.net() == 55_000
    if wrong({"tax": "4000", "taxfree": "11000"}):
        fresh = WelcomeBench(Mistaken)
        assert not isinstance(await charged(fresh), Paid)
        assert fresh.net() == 0


async def test_the_whole_is_given_back_once_however_often_it_is_asked(bench):
    _, payment, _ = await bench.paid()
    bench.fault("cancel", "drop_after")
    whole = refund({"amount": 55_000})
    assert isinstance(await bench.talk(bench.adapter.refund(payment, whole, bench.stamp())), Unknown)
    again = await bench.talk(bench.adapter.refund(payment, whole, bench.stamp()))
    assert again == Done(already=True)
    assert bench.book("PAY1")["refunded"] == 55_000


@pytest.mark.parametrize("kind", ["drop_after", "5xx_after", "garbage_after", "empty_after", "half_after"])
async def test_an_approval_whose_answer_is_lost_is_taken_back(bench, kind):
    opened = await bench.open()
    returned = bench.adapter.read_return(await bench.press(opened))
    bench.fault("approve", kind)
    sent = bench.stamp()
    assert isinstance(await bench.talk(bench.adapter.approve(bench.payment(), returned, sent)), Unknown)
    assert bench.net() == 55_000
    undo = bench.adapter.undo(bench.payment(), returned, sent, bench.stamp())
    assert isinstance(await bench.talk(undo), Undone)
    undo = bench.adapter.undo(bench.payment(), returned, sent, bench.stamp())
    assert isinstance(await bench.talk(undo), Undone)
    assert bench.net() == 0


async def test_a_charge_that_took_too_much_is_taken_back_by_its_own_number(bench):
    wanted = KeyOrder("KEY1", "u1", "회비", BUYER, bench.clock.now())
    issued = await bench.talk(bench.adapter.issue_key_by_card(wanted, CARD, bench.stamp()))
    key = BillingKey("k", "u1", Method.CARD, issued.key, bench.clock.now())
    bench.fault("billpay", "wrong_amount")
    paid = await bench.talk(bench.adapter.charge(bench.payment(), bench.order(), key, bench.urls, bench.stamp()))
    payment = bench.payment(captured=paid.amount, refs=dict(paid.refs))
    undo = bench.adapter.undo(payment, Return({}), bench.stamp(), bench.stamp())
    assert isinstance(await bench.talk(undo), Undone), "cancelType=C is for the window's transactions alone"
    assert bench.net() == 0


async def test_a_charge_cannot_be_taken_back_by_itself(bench):
    undo = bench.adapter.undo(bench.payment(), Return({}), bench.stamp(), bench.stamp())
    assert isinstance(await bench.talk(undo), Unknown)
    approve = bench.adapter.approve(bench.payment(), Return({}), bench.stamp())
    assert isinstance(await bench.talk(approve), Unknown)
    assert not bench.world.requests, "no request left"


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.test/approve",
        "http://sandbox@evil.test/x",
        "http://sandbox:81/x",
        "https://sandbox/x",
        "http://sandbox\\@evil.test/x",
        "http://ｓandbox/x",
        "//sandbox/x",
        "http://sandbox/x#y",
        "http://sandbox/\nx",
    ],
)
def test_an_address_from_the_browser_that_is_not_welcomes_is_refused_and_no_request_leaves(bench, url):
    back = {"P_STATUS": "00", "P_TID": "T", "P_REQ_URL": url}
    with pytest.raises(NotGenuine):
        bench.adapter.read_return(back)
    with pytest.raises(NotGenuine):
        next(bench.adapter.approve(bench.payment(), Return({"P_TID": "T", "P_REQ_URL": url}), bench.stamp()))
    assert not bench.world.requests


@pytest.mark.parametrize("name", ["authUrl", "netCancelUrl"])
def test_the_addresses_of_the_other_window_are_refused_whatever_they_are(bench, name):
    back = {"P_STATUS": "00", "P_TID": "T", "P_REQ_URL": "http://sandbox/x", name: "http://sandbox/x"}
    with pytest.raises(NotGenuine):
        bench.adapter.read_return(back)


@pytest.mark.parametrize("back", [{}, {"P_STATUS": "00"}, {"P_STATUS": "00", "P_TID": "T"}, {"P_TID": "T"}])
def test_a_return_without_its_parts_is_unreadable(bench, back):
    with pytest.raises(Unreadable):
        bench.adapter.read_return(back)


async def test_the_transaction_of_a_cheaper_order_does_not_pay_ours(bench):
    cheap = await bench.open("CHEAP", 1_000)
    returned = bench.adapter.read_return(await bench.press(cheap))
    outcome = await bench.talk(bench.adapter.approve(bench.payment(), returned, bench.stamp()))
    assert isinstance(outcome, Unknown)
    undo = bench.adapter.undo(bench.payment("CHEAP", 1_000), returned, bench.stamp(), bench.stamp())
    assert isinstance(await bench.talk(undo), Undone)
    assert bench.net("CHEAP") == 0


async def test_closing_and_failing(bench):
    for action in ("close", "fail"):
        back = await bench.press(await bench.open(f"PAY-{action}"), action)
        if back:
            assert bench.adapter.read_return(back).refused
    bench.fault("make_url", "decline", code="V001")
    assert isinstance(await bench.open("PAY3"), Declined)
    bench.fault("approve", "decline", code="01")
    outcome, *_ = await bench.paid("PAY4")
    assert isinstance(outcome, Declined)
    assert bench.net("PAY4") == 0


@pytest.mark.parametrize("billing_key", ["auth", "noauth"])
async def test_a_card_is_registered_charged_and_deleted_and_shown_nowhere(billing_key):
    bench = WelcomeBench(billing_key=billing_key)
    wanted = KeyOrder("KEY1", "u1", "회비", BUYER, bench.clock.now())
    issued = await bench.talk(bench.adapter.issue_key_by_card(wanted, CARD, bench.stamp()))
    assert issued.key not in repr(issued)
    key = BillingKey("k", "u1", Method.CARD, issued.key, bench.clock.now())
    paid = await bench.talk(bench.adapter.charge(bench.payment(), bench.order(), key, bench.urls, bench.stamp()))
    assert (paid.amount, bench.net()) == (55_000, 55_000)
    twice = await bench.talk(bench.adapter.charge(bench.payment(), bench.order(), key, bench.urls, bench.stamp()))
    assert isinstance(twice, Unknown), "a used order number proves nothing"
    assert bench.net() == 55_000
    held = bench.payment(state="paid", captured=55_000, refs=dict(paid.refs))
    whole = bench.adapter.refund(held, refund({"amount": 55_000}), bench.stamp())
    assert isinstance(await bench.talk(whole), Done)
    assert await bench.talk(bench.adapter.delete_key(key, bench.stamp())) == Done()
    assert await bench.talk(bench.adapter.delete_key(key, bench.stamp())) == Done(already=True)
    for secret in ("9410123412341234", "9410-1234-1234-1234", bench.adapter.encrypt("9410123412341234")):
        assert secret not in repr(bench.world.requests)


@pytest.mark.parametrize(
    ("lacks", "word", "korean"),
    [
        ({"holder": ""}, "card.holder", "생년월일 6자리"),
        ({"holder": "19900101"}, "card.holder", "생년월일 6자리"),
        ({"password": ""}, "card.password", "비밀번호 앞 두 자리"),
        ({"password": "1"}, "card.password", "비밀번호 앞 두 자리"),
    ],
)
def test_a_card_is_registered_with_its_holder_and_password_where_welcome_checks_them(lacks, word, korean):
    checking, trusting = WelcomeBench(billing_key="auth").adapter, WelcomeBench(billing_key="noauth").adapter
    english, words = checking.lacking("issue_key_by_card", BUYER, replace(CARD, **lacks))
    assert word in english
    assert korean in words
    assert checking.lacking("issue_key_by_card", BUYER, CARD) is None
    assert checking.lacking("issue_key_by_card", BUYER, replace(CARD, holder="1234567890")) is None
    assert checking.lacking("charge", BUYER) is None
    assert trusting.lacking("issue_key_by_card", BUYER, replace(CARD, **lacks)) is None


def test_every_field_of_a_card_is_among_its_calls_secrets(bench):
    wanted = KeyOrder("KEY1", "u1", "회비", BUYER, bench.clock.now())
    calls = [
        next(bench.adapter.issue_key_by_card(wanted, CARD, bench.stamp())),
        next(bench.adapter.key_in(bench.payment(), bench.order(), CARD, bench.stamp())),
    ]
    for call in calls:
        shown = {name: value for name, value in call.form.items() if name not in call.secrets}
        text = json.dumps(shown)
        for secret in ("9410", "3012", "900101", "30", bench.adapter.encrypt("12")):
            assert f'"{secret}"' not in text
        assert "1234123412341234"[:12] not in json.dumps(dict(call.form))
    assert "9410" not in repr(CARD)


async def test_a_card_is_keyed_in_and_looked_up(bench):
    payment = bench.payment(amount=60_000, instalment_months=3)
    paid = await bench.talk(bench.adapter.key_in(payment, bench.order(60_000), CARD, bench.stamp()))
    assert (paid.amount, bench.net()) == (60_000, 60_000)
    bench.fault("keyin", "drop_after")
    lost = bench.adapter.key_in(bench.payment("PAY2"), bench.order(), CARD, bench.stamp())
    assert isinstance(await bench.talk(lost), Unknown)
    assert bench.net("PAY2") == 55_000


async def test_a_phone_is_registered_behind_a_link_and_charged_again(bench):
    wanted = KeyOrder("KEY1", "u1", "회비", BUYER, bench.clock.now(), Method.PHONE, 11_000)
    opened = await bench.talk(bench.adapter.open_key_window(wanted, bench.urls, bench.stamp()))
    returned = bench.adapter.read_return(await bench.press(opened))
    issued = await bench.talk(bench.adapter.issue_key(wanted, returned, bench.stamp()))
    assert (issued.charged.amount, bench.net("KEY1")) == (11_000, 11_000)
    key = BillingKey("k", "u1", Method.PHONE, issued.key, bench.clock.now(), 11_000)
    await bench.clock.forward(30 * 86_400)
    payment = bench.payment("PAY2", 11_000, method="phone")
    paid = await bench.talk(bench.adapter.charge(payment, bench.order(11_000), key, bench.urls, bench.stamp()))
    assert isinstance(paid, Paid), paid
    assert paid.refs["payType"] == "hpp"
    for other in (replace(wanted, method=Method.CARD), replace(wanted, amount=0)):
        assert isinstance(await bench.talk(bench.adapter.open_key_window(other, bench.urls, bench.stamp())), Declined)
    lost = bench.adapter.issue_key(wanted, Return({}), bench.stamp())
    assert isinstance(await bench.talk(lost), Unknown)


async def test_an_escrow_of_no_escrow_is_refused(bench):
    _, payment, _ = await bench.paid()
    step = EscrowStep("status")
    assert isinstance(await bench.talk(bench.adapter.take_escrow_step(payment, step, bench.stamp())), Refused)


async def test_an_approval_is_told_in_two_formats_and_is_one_event(bench):
    await bench.control("settings", pg_notice_url=PG)
    await bench.paid()
    await bench.settled()
    told = bench.notices()
    assert {one.event for one in told} == {"approved"}
    assert len({one.dedupe for one in told}) == 1
    assert {type(one.proof).__name__ for one in told} == {"Digest", "Circumstantial"}


async def test_a_forged_unified_notice_is_refused_and_a_replayed_one_is_the_same_event(bench):
    await bench.control("settings", pg_notice_url=PG)
    await bench.paid()
    await bench.settled()
    raw = next(body for _, url, body, _ in bench.receiver.got if url == PG)
    told = json.loads(raw)
    assert bench.adapter.read_notice(raw, "pg").dedupe == bench.adapter.read_notice(raw, "pg").dedupe
    for change in (
        {"order_no": "OTHER"},
        {"millis": "1"},
        {"hash_value": "0" * 64},
        {"hash_value": None},
        {"mid": "x"},
    ):
        with pytest.raises(NotGenuine):
            bench.adapter.read_notice(json.dumps(told | change).encode(), "pg")


async def test_what_the_unified_notices_hash_does_not_cover_says_nothing_and_breaks_nothing(bench):
    await bench.control("settings", pg_notice_url=PG)
    await bench.paid()
    await bench.settled()
    told = json.loads(next(body for _, url, body, _ in bench.receiver.got if url == PG)) | {"transaction_flag": "-"}
    for left in ("\u00b2", "9" * 5_000, "-1", "x", ""):
        read = bench.adapter.read_notice(json.dumps(told | {"remain_amount": left}).encode(), "pg")
        assert (read.event, read.left) == ("part_cancelled", None)
    moved = {name: value for name, value in told.items() if name != "mid"} | {
        "order_no": told["mid"] + told["order_no"]
    }
    with pytest.raises(NotGenuine):  # without a separator between them the hash still fits
        bench.adapter.read_notice(json.dumps(moved).encode(), "pg")


def test_a_notice_too_large_or_in_no_charset_is_refused(bench):
    raw = next(one["raw"] for one in vectors("welcome") if one.get("kind") == "mobile")
    for bad in (b"\xff\xff=1", raw.encode() + b"".join(b"&x%d=1" % number for number in range(200)), b"", b"\x00=1"):
        with pytest.raises((Malformed, Unreadable)):
            bench.adapter.read_notice(bad, "mobile")
    form = dict(parse_qsl(raw, keep_blank_values=True))
    korean = urlencode(form, encoding="cp949").encode()
    assert bench.adapter.read_notice(korean, "mobile").amount == 55_000


@pytest.mark.parametrize("kind", ["mobile", "pc", "pg"])
@given(raw=st.binary(max_size=300))
def test_of_any_bytes_the_reader_says_what_is_wrong(kind, raw):
    with pytest.raises((NotGenuine, Unreadable, Malformed)):
        build(SETTINGS, Mode.TEST).read_notice(raw, kind)


def test_what_it_can_and_cannot_do(bench):
    for port in (
        Approves,
        Undoes,
        Notifies,
        Bills,
        IssuesKeys,
        IssuesKeysByCard,
        KeysIn,
        LooksUp,
        Escrows,
        VoidsAccounts,
    ):
        assert isinstance(bench.adapter, port), port
    assert not isinstance(bench.adapter, Inquires)
    assert bench.adapter.hosts == {"http://sandbox"}
    assert [bench.adapter.smallest(method) for method in (Method.CARD, Method.PHONE)] == [1_000, 1]
    strict = build(SETTINGS | {"notice_sources": "118.129.171.152"}, Mode.TEST)
    assert strict.allows_source("118.129.171.152")
    assert not strict.allows_source("10.0.0.1")
    assert bench.adapter.allows_source("10.0.0.1")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"state": "open"}, Never),
        ({"state": "paid", "captured": 1_000}, ByHand),
        ({"state": "paid", "captured": 1_000, "method": "virtual_account", "refs": {"tid": "1"}}, ByHand),
        ({"state": "paid", "captured": 1_000, "refs": {"tid": "1"}, "paid_at": "2025-01-01T00:00:00+09:00"}, ByHand),
        ({"state": "paid", "captured": 1_000, "refs": {"tid": "1"}}, Allowed),
    ],
)
def test_what_may_be_refunded(bench, changes, rule):
    assert isinstance(bench.adapter.refund_rule(bench.payment(amount=1_000, **changes), bench.stamp()), rule)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"api_key": ""}, "api_key"),
        ({"api_key": "1"}, "32"),
        ({"api_iv": "가" * 16}, "16"),
        ({"mbr_no": "1"}, "no setting"),
        ({"timestamp": "x"}, "millis"),
        ({"api_url": "ftp://x"}, "address"),
        ({"approval_urls": "javascript:1"}, "address"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(values, words):
    with pytest.raises(Misconfigured, match=words):
        build(SETTINGS | values, Mode.TEST)


def test_a_live_site_needs_its_own_keys_and_https():
    with pytest.raises(Misconfigured, match="mid"):
        build({}, Mode.LIVE)
    own = {"mid": "shop000001", "sign_key": "k", "api_iv": "2" * 16}
    with pytest.raises(Misconfigured, match="api_key"):
        build(own, Mode.LIVE)
    with pytest.raises(Misconfigured, match="https"):
        build(own | {"api_key": "2" * 32, "api_url": "http://x"}, Mode.LIVE)
    live = build(own | {"api_key": "2" * 32}, Mode.LIVE)
    assert all(host.startswith("https://") for host in live.hosts)
    assert {one.name for one in settings_of_gateway() if one.secret} == {"sign_key", "api_key", "api_iv"}
    assert "2222" not in repr(live)


@pytest.mark.parametrize("sources", ["", " , "])
def test_a_live_site_that_would_take_unsigned_notices_from_anywhere_is_refused_with_what_to_set(sources):
    own = {"mid": "shop000001", "sign_key": "k", "api_key": "2" * 32, "api_iv": "2" * 16}
    with pytest.raises(Misconfigured, match=r"set it to the addresses .*118\.129\.171\.152"):
        build(own | {"notice_sources": sources}, Mode.LIVE)
    assert build(SETTINGS | {"notice_sources": sources}, Mode.TEST).allows_source("192.0.2.7")
    moved = build(own | {"notice_sources": " 192.0.2.7 ,"}, Mode.LIVE)
    assert [moved.allows_source(one) for one in ("192.0.2.7", "118.129.171.152")] == [True, False]
    usual = build(own, Mode.LIVE)
    assert [usual.allows_source(one) for one in ("192.0.2.7", "118.129.171.152")] == [False, True]


def test_of_all_codes_only_the_printed_ones_pay_or_decline():
    every = [f"{letter}{number:03d}" for letter in "VRZ" for number in range(1_000)]
    every += [f"{number:02d}" for number in range(100)]
    declined = {code for code in every if codes.decline(code) is not None}
    assert declined == {"01"} | {f"R{number}" for number in range(100, 200)}
    assert not any(codes.is_refusal(code) for code in ("V000", "V099", "R200", "R299", "R300", "R399", "R900", "R999"))
    assert all(codes.is_refusal(code) for code in ("51", "Z001", "V150", "V0999"))


@given(st.text(max_size=200))
def test_a_name_is_never_empty_too_long_or_special(text):
    made = plain(text, "티켓", 40)
    assert 0 < len(made.encode()) <= 40
    assert not set(made) & set(':?`\n"&')
