"""Pay-Story's adapter against Pay-Story's sandbox, and mistakes that either the vectors or the sandbox must catch."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC

import pytest

from bridge.domain.billing import BillingKey, CardEntry, Issued, KeyOrder
from bridge.domain.exchange import KST, Reply
from bridge.domain.failures import BridgeError, Misconfigured, NotGenuine, Unreadable
from bridge.domain.gateway import (
    Absent,
    Allowed,
    ByHand,
    Declined,
    Done,
    Never,
    NothingThere,
    Paid,
    Refused,
    Seen,
    TooLate,
    Undone,
    Unknown,
    Waiting,
)
from bridge.domain.payment import Buyer, Method, Mode
from bridge.gateways.paystory import codes, writing
from bridge.gateways.paystory.adapter import PayStory, build
from bridge.sandbox.local import ask
from tests.gateways.harness import at, begin, bend, bent, drop, holds, load, played, rename
from tests.gateways.lane import ORDER, URLS, Lane

BOTH = [Method.CARD, Method.ACCOUNT, Method.PHONE]


@pytest.fixture
def lane():
    return Lane("paystory")


@pytest.mark.parametrize("method", [*BOTH, Method.GIFT])
async def test_each_method_is_paid_shown_and_told(lane, method):
    paid, payment, _ = await lane.paid("PAY0000001", method)
    assert isinstance(paid, Paid)
    assert lane.books("PAY0000001") == (paid.amount, 0) == (55_000, 0)
    await lane.clock.forward(5)
    seen = await lane.talk(lane.gateway.inquire(payment, lane.stamp()))
    assert (seen.captured, seen.refunded, seen.refs["tid"]) == (55_000, 0, paid.refs["tid"])
    (news,) = await lane.news()
    assert (news.event, news.merchant_ref, news.amount) == ("approved", "PAY0000001", 55_000)


@pytest.mark.parametrize("mode", ["json", "http"])
async def test_the_answer_to_a_notice_fits_both_modes(lane, mode):
    lane.set(notice_ack=mode)
    await lane.paid("PAY0000001")
    await lane.clock.forward(3_600)
    assert len(lane.told) == 1


async def test_an_account_is_issued_paid_into_and_told(lane):
    lane.set(admin_notice_url="http://shop.test/admin")
    waiting, payment, _ = await lane.paid("PAY0000001", Method.VIRTUAL_ACCOUNT)
    assert isinstance(waiting, Waiting)
    assert lane.books("PAY0000001") == (0, 0)
    await lane.clock.forward(5)
    assert (await lane.talk(lane.gateway.inquire(payment, lane.stamp()))).captured == 0
    lane.world.desks["paystory"].deposit({"merchant_ref": "PAY0000001"})
    told = {news.event: news for news in await lane.news()}
    assert told["deposited"].refs["account_number"] == waiting.account["number"]
    await lane.clock.forward(5)
    assert (await lane.talk(lane.gateway.inquire(payment, lane.stamp()))).captured == 55_000


async def test_an_account_is_closed_before_its_deposit(lane):
    waiting, payment, _ = await lane.paid("PAY0000001", Method.VIRTUAL_ACCOUNT)
    payment = replace(payment, refs=dict(waiting.refs))
    for _ in range(2):
        assert isinstance(await lane.talk(lane.gateway.void_account(payment, lane.stamp())), Undone)


@pytest.mark.parametrize("action", ["close", "fail"])
async def test_whoever_closes_or_fails_is_told_no(lane, action):
    window = await lane.open(lane.payment("PAY0000001"))
    returned = lane.gateway.read_return(await lane.press(window, action))
    assert isinstance(returned.refused, Declined)
    assert returned.refs["mbsReserved"] == window.refs["mbsReserved"]
    assert lane.books("PAY0000001") == (0, 0)


async def test_a_decline_is_a_decline(lane):
    lane.fault("approve", "decline", code="3030", message="카드 한도초과")
    paid, *_ = await lane.paid("PAY0000001")
    assert (paid.reason, paid.message) == ("limit", "카드 한도초과")


@pytest.mark.parametrize(
    ("kind", "captured"),
    [("drop_before", 0), ("5xx_before", 0), ("drop_after", 55_000), ("5xx_after", 55_000), ("garbage_after", 55_000)],
)
async def test_a_lost_answer_is_settled_by_asking_or_by_taking_back(lane, kind, captured):
    lane.fault("approve", kind)
    lost, payment, returned = await lane.paid("PAY0000001")
    assert not isinstance(lost, Paid | Declined)
    await lane.clock.forward(5)
    seen = await lane.talk(lane.gateway.inquire(payment, lane.stamp()))
    assert isinstance(seen, Seen if captured else Absent)
    undone = await lane.talk(lane.gateway.undo(payment, returned, lane.stamp(), lane.stamp()))
    assert isinstance(undone, Undone if captured else NothingThere)
    assert lane.books("PAY0000001") == (captured, captured)


@pytest.mark.parametrize("code", sorted(codes.ALREADY_CANCELLED))
async def test_cancelled_already_takes_a_payment_back_and_not_the_rest_of_one_that_went_back_in_part(lane, code):
    _, payment, returned = await lane.paid("PAY0000001")
    reply = Reply(200, json.dumps({"resultCd": code, "resultMsg": "기취소"}).encode())
    outcomes = []
    for gone in (0, 20_000):
        exchange = lane.gateway.undo(replace(payment, refunded=gone), returned, lane.stamp(), lane.stamp())
        next(exchange)
        with pytest.raises(StopIteration) as ended:
            exchange.send(reply)
        outcomes.append(type(ended.value.value))

    assert outcomes == [Undone, Unknown]


async def test_an_undo_comes_too_late(lane):
    _, payment, returned = await lane.paid("PAY0000001")
    await lane.clock.forward(3_601)
    assert isinstance(await lane.talk(lane.gateway.undo(payment, returned, lane.stamp(), lane.stamp())), TooLate)


@pytest.mark.parametrize("code", sorted(codes.MORE_THAN_IS_LEFT))
async def test_an_amount_that_does_not_fit_any_more_is_no_answer_to_the_refund_itself(lane, code):
    """What we ask for fits: a copy of the same request may have given it back before."""
    paid, payment, _ = await lane.paid("PAY0000001")
    lane.fault("cancel", "decline", code=code)
    assert isinstance(await lane.refund(lane.held(payment, paid), "REF1", 5_000), Unknown)


async def test_parts_and_the_rest_are_refunded_and_no_more(lane):
    paid, payment, _ = await lane.paid("PAY0000001")
    held = lane.held(payment, paid)
    first = await lane.refund(held, "REF1", 5_000)
    assert isinstance(first, Done)
    assert isinstance(await lane.refund(held, "REF2", 50_001, before=5_000), Unknown), "it may have arrived twice"
    assert isinstance(await lane.refund(held, "REF3", 50_000, before=5_000), Done)
    await lane.clock.forward(5)
    seen = await lane.talk(lane.gateway.inquire(payment, lane.stamp()))
    assert (seen.captured, seen.refunded) == (55_000, 55_000)
    assert [news.amount for news in await lane.news()] == [55_000, 5_000, 50_000]
    assert lane.books("PAY0000001") == (55_000, 55_000)


async def test_a_whole_refund_may_be_asked_again(lane):
    paid, payment, _ = await lane.paid("PAY0000001")
    held = lane.held(payment, paid)
    lane.fault("cancel", "decline", code="2002")
    assert isinstance(await lane.refund(held, "REF1", 55_000), Unknown), "in progress"
    assert await lane.refund(held, "REF1", 55_000) == Done(already=True)
    assert lane.books("PAY0000001") == (55_000, 55_000)


async def test_money_without_a_transactions_number_goes_back_by_our_order_number(lane):
    paid, payment, _ = await lane.paid("PAY0000001")
    held = replace(lane.held(payment, paid), refs={})
    assert isinstance(await lane.refund(held, "REF1", 5_000), Done)
    assert isinstance(await lane.refund(held, "REF2", 50_000, before=5_000), Done)
    assert lane.books("PAY0000001") == (55_000, 55_000)
    paid, payment, _ = await lane.paid("PAY0000002")
    lane.set(orders_may_repeat=True)
    refused = await lane.refund(replace(lane.held(payment, paid), refs={}), "REF3", 55_000)
    assert (type(refused), refused.code) == (Refused, "0003")


async def test_what_refund_is_offered_follows_method_and_time(lane):
    paid, payment, _ = await lane.paid("PAY0000001")
    held = lane.held(payment, paid)
    rule = lane.gateway.refund_rule
    assert rule(held, lane.stamp()) == Allowed(55_000, partial=True)
    assert rule(replace(held, method=Method.PHONE), lane.stamp()) == Allowed(55_000, partial=False)
    assert isinstance(rule(replace(held, method=Method.VIRTUAL_ACCOUNT), lane.stamp()), ByHand)
    assert "주문번호로" in rule(replace(held, refs={}), lane.stamp()).why
    assert isinstance(rule(replace(held, state="open"), lane.stamp()), Never)
    await lane.clock.forward(11 * 86_400)
    assert isinstance(rule(replace(held, method=Method.PHONE), lane.stamp()), ByHand), "not after the month"
    await lane.clock.forward(366 * 86_400)
    assert isinstance(rule(held, lane.stamp()), ByHand)


# ---- billing keys


def key_order(lane, **changes):
    return KeyOrder("KEY0000001", "user1", "회원권", Buyer("홍길동", phone="01012345678"), lane.clock.now(), **changes)


def held_key(lane, issued, method=Method.CARD, **changes):
    return BillingKey("k", "user1", method, issued.key, lane.clock.now(), **changes)


async def issued_by_window(lane, order):
    window = await lane.talk(lane.gateway.open_key_window(order, URLS, lane.stamp()))
    returned = lane.gateway.read_return(await lane.press(window))
    return await lane.talk(lane.gateway.issue_key(order, returned, lane.stamp()))


async def charge(lane, key, ref, **changes):
    payment = lane.payment(ref, key.method, **changes)
    return await lane.talk(lane.gateway.charge(payment, ORDER, key, URLS, lane.stamp()))


async def test_a_card_is_registered_for_nothing_charged_and_deleted(lane):
    issued = await issued_by_window(lane, key_order(lane))
    assert isinstance(issued, Issued)
    assert issued.charged is None
    key = held_key(lane, issued)
    assert isinstance(await charge(lane, key, "PAY0000001"), Paid)
    assert lane.books("PAY0000001") == (55_000, 0)
    lane.fault("bill", "decline", code="F006")
    assert isinstance(await charge(lane, key, "PAY0000002"), Declined)
    assert await lane.talk(lane.gateway.delete_key(key, lane.stamp())) == Done()
    assert await lane.talk(lane.gateway.delete_key(key, lane.stamp())) == Done(already=True)
    assert isinstance(await charge(lane, key, "PAY0000003"), Declined)


async def test_a_phone_is_charged_by_its_registration(lane):
    issued = await issued_by_window(lane, key_order(lane, method=Method.PHONE, amount=9_900))
    assert issued.charged.amount == 9_900
    assert lane.books("KEY0000001") == (9_900, 0)
    key = held_key(lane, issued, Method.PHONE, amount=9_900)
    await lane.clock.forward(30 * 86_400)
    assert isinstance(await charge(lane, key, "PAY0000001", amount=9_900), Paid)
    assert not isinstance(await charge(lane, key, "PAY0000002", amount=9_901), Paid)


async def test_a_typed_card_is_registered_once_and_kept_nowhere(lane):
    card, order = CardEntry("4518123412341111", "3010", "900101", "12", "06"), key_order(lane)
    exchange = lane.gateway.issue_key_by_card(order, card, lane.stamp())
    call = next(exchange)
    assert call.secrets >= {"cardNo", "expireYymm", "ordAuthNo", "cardPw", "encData"}
    assert card.number not in repr(card)
    issued = await lane.talk(lane.gateway.issue_key_by_card(order, card, lane.stamp()))
    assert isinstance(issued, Issued)
    assert isinstance(await charge(lane, held_key(lane, issued), "PAY0000001"), Paid)
    again = await lane.talk(lane.gateway.issue_key_by_card(key_order(lane), card, lane.stamp()))
    assert (type(again), again.reason) == (Declined, "duplicate")
    assert card.number not in repr(lane.world.requests)


# ---- what is refused


async def test_a_slip_has_an_address_and_a_hash_that_fits(lane):
    paid, payment, _ = await lane.paid("PAY0000001")
    link = lane.gateway.receipt_link(lane.held(payment, paid))
    vector = next(one for one in load("paystory") if one["operation"] == "receipt_link")
    assert link == vector["link"].replace(vector["payment"]["refs"]["tid"], paid.refs["tid"]).replace(
        vector["settings"]["office_url"], lane.gateway.settings.office_url
    )
    shown = await ask(lane.app, "GET", link)
    assert (shown.status, "55,000원" in shown.body.decode()) == (200, True)
    assert lane.gateway.receipt_link(payment) == ""


@pytest.mark.parametrize(
    "values",
    [{"mid": "short"}, {"mid": "한글한글한글한글한글"}, {"merchant_key": ""}, {"language": "FRA"}, {"pg_url": "ftp://x"},
     {"pg_url": "https://u@x"}, {"charset": "latin1"}, {"escrow": "2"}, {"no_such": "1"}],
)  # fmt: skip
def test_settings_that_are_none_are_refused(values):
    with pytest.raises(Misconfigured, match=r"paystory\."):
        build(values, Mode.TEST)


def test_without_its_key_a_live_shop_is_not_enabled():
    with pytest.raises(Misconfigured, match="merchant_key"):
        build({"mid": "realshop01"}, Mode.LIVE)
    assert build({"mid": "realshop01", "merchant_key": "k"}, Mode.LIVE).hosts == {"https://pg.minglepay.co.kr"}
    assert "k'" not in repr(build({"mid": "realshop01", "merchant_key": "k" * 9}, Mode.LIVE).settings)


def test_notices_may_be_bound_to_addresses():
    assert build({}, Mode.TEST).allows_source("203.0.113.1")
    bound = build({"notice_sources": "203.0.113.1, 203.0.113.2"}, Mode.TEST)
    assert [bound.allows_source(one) for one in ("203.0.113.2", "203.0.113.3")] == [True, False]


async def test_a_forged_notice_is_not_genuine_and_a_replayed_one_is_the_same_event(lane):
    await lane.paid("PAY0000001")
    await lane.clock.forward(1)
    raw = lane.told[0]
    assert lane.gateway.read_notice(raw, "noti").dedupe == lane.gateway.read_notice(raw, "noti").dedupe
    forged = raw.replace(b"goodsAmt=55000", b"goodsAmt=56000")
    for wrong in (forged, raw.replace(b"hashStr=", b"hashStr=0"), raw.replace(b"mid=test00001m", b"mid=test00002m")):
        with pytest.raises(NotGenuine):
            lane.gateway.read_notice(wrong, "noti")
    for wrong in (b"", b"{}", b"\xff=\xff\xff", raw + b"&ordNo=2", b"a=1&" * 200, raw.replace(b"hashStr", b"encData")):
        with pytest.raises(BridgeError):
            lane.gateway.read_notice(wrong, "noti")


def test_of_all_codes_only_the_listed_ones_pay_or_decline():
    vector = next(one for one in load("paystory") if one["operation"] == "approve")
    gateway, body = build(vector["settings"], Mode.TEST), vector["talk"][0]["reply"]["body"]
    every = [f"{number:04d}" for number in range(10_000)] + [f"F{number:03d}" for number in range(1_000)]
    settled = {
        code
        for code in [*every, "", "3001 ", "３００１", "3001.0", "A000", "ok"]
        if not isinstance(played(gateway, vector, [{"body": body | {"resultCd": code}}])[1], Unknown)
    }
    assert settled == {"3001", *codes.DECLINES}
    assert len(codes.DECLINES) == 46


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'{"resultCd":"3001"}', b'{"resultCd":["3001"]}',
     b'{"resultCd":"3001","resultCd":"3002"}',
     b'{"resultCd":"3001","tid":"1","amt":"1e3"}', b'{"resultCd":"3001","tid":"1","amt":0}', b"[" * 100_000],
)  # fmt: skip
@pytest.mark.parametrize("operation", ["approve", "charge", "issue_key", "refund"])
def test_an_answer_of_another_shape_is_never_a_yes(operation, body):
    vector = next(one for one in load("paystory") if one["operation"] == operation)
    exchange = begin(build(vector["settings"], Mode.TEST), vector)
    next(exchange)
    with pytest.raises((StopIteration, Unreadable)) as caught:
        exchange.send(Reply(200, body))
    assert isinstance(caught.value, Unreadable) or isinstance(caught.value.value, Unknown)


# ---- planted mistakes


def signing(text, hashed=lambda raw: hashlib.sha256(raw).hexdigest()):
    class Mutant(PayStory):
        def sign(self, moment, subject):
            return hashed(text(self.settings.mid, moment, subject, self.settings.merchant_key).encode())

    return lambda right: Mutant(right.settings)


def moment(written):
    """Make an adapter that writes its moments in another way."""

    class Mutant(PayStory):
        def signed(self, subject, stamp):
            at = written(stamp.at)
            return {"mid": self.settings.mid, "ediDate": at, self.settings.hash_field: self.sign(at, subject)}

    return lambda right: Mutant(right.settings)


class OurMoment(PayStory):
    """Hashes the moment of our own clock at approval."""

    def approve(self, payment, returned, stamp):
        refs = dict(returned.refs) | {"ediDate": writing.moment_of(stamp)}
        return super().approve(payment, type(returned)(refs), stamp)


class QueryHashesOrder(PayStory):
    def inquire(self, payment, stamp):
        exchange = super().inquire(payment, stamp)
        call = next(exchange)
        form = dict(call.form) | {"hashStr": self.sign(call.form["ediDate"], payment.merchant_ref)}
        reply = yield replace(call, form=form)
        try:
            exchange.send(reply)
        except StopIteration as end:
            return end.value


class PartAsFull(PayStory):
    def refund(self, payment, refund, stamp):
        return super().refund(payment, replace(refund, full=True), stamp)


MUTANTS = {
    "a separator": signing(lambda *parts: "|".join(parts)),
    "the key first": signing(lambda mid, at, x, key: key + mid + at + x),
    "no amount": signing(lambda mid, at, _x, key: mid + at + key),
    "no moment": signing(lambda mid, _at, x, key: mid + x + key),
    "no key": signing(lambda mid, at, x, _key: mid + at + x),
    "amount before moment": signing(lambda mid, at, x, key: mid + x + at + key),
    "capital letters": signing(lambda *parts: "".join(parts), lambda raw: hashlib.sha256(raw).hexdigest().upper()),
    "SHA-512": signing(lambda *parts: "".join(parts), lambda raw: hashlib.sha512(raw).hexdigest()),
    "MD5": signing(lambda *parts: "".join(parts), lambda raw: hashlib.md5(raw).hexdigest()),
    "hashed twice": signing(lambda *p: hashlib.sha256("".join(p).encode()).hexdigest()),
    "encData under its old name": bent(rename("encData", "hashStr")),
    "the query's hash under the new name": bent(rename("hashStr", "encData")),
    "signData misspelt": bent(rename("signData", "signdata")),
    "tid misspelt": bent(rename("tid", "TID")),
    "goodsAmt misspelt": bent(rename("goodsAmt", "amt")),
    "canAmt misspelt": bent(rename("canAmt", "cancelAmt")),
    "mid misspelt": bent(rename("mid", "MID")),
    "ediDate misspelt": bent(rename("ediDate", "edidate")),
    "partCanFlg left out": bent(drop("partCanFlg")),
    "ordNoChk left out": bent(drop("ordNoChk")),
    "canMsg left out": bent(drop("canMsg")),
    "amount with commas": bent(bend("goodsAmt", lambda value: f"{int(value):,}")),
    "amount in hundredths": bent(bend("goodsAmt", lambda value: f"{value}00")),
    "signData shortened": bent(bend("signData", lambda value: value[:40])),
    "a person's card for a company's": bent(bend("cardTypeCd", lambda kind: {"01": "02", "02": "01"}[kind])),
    "approval at another path": bent(at("payment.do", "payment.doBill")),
    "inquiry by POST": bent(lambda call: replace(call, method="POST")),
    "our own moment at approval": lambda right: OurMoment(right.settings),
    "the inquiry's hash over the order number": lambda right: QueryHashesOrder(right.settings),
    "a part sent as the whole": lambda right: PartAsFull(right.settings),
    "the moment in UTC": moment(lambda at: at.astimezone(UTC).strftime("%Y%m%d%H%M%S")),
    "twelve hours instead of 24": moment(lambda at: at.astimezone(KST).strftime("%Y%m%d%I%M%S")),
}
"""The sandbox compares moments with its clock here (`clock_minutes`), which Pay-Story is not known to do."""


def spoils_vectors(change):
    for vector in load("paystory"):
        if (
            vector["standing"] != "disputed"
            and vector["talk"]
            and not holds(change(build(vector["settings"], Mode.TEST)), vector)
        ):
            return True
    return False


async def fails_in_the_sandbox(change):
    """Tell whether this adapter cannot go the whole way: pay, ask, take back, refund in part and in full."""
    lane = Lane("paystory", change)
    lane.clock.skip(3 * 3_600)  # 14:30 in Korea, which twelve hours would write as 02
    try:
        paid, payment, returned = await lane.paid("PAY0000001")
    except (BridgeError, AssertionError):
        return True
    if not isinstance(paid, Paid) or lane.books("PAY0000001") != (55_000, 0):
        return True
    await lane.clock.forward(61)
    seen = await lane.talk(lane.gateway.inquire(payment, lane.stamp()))
    if not isinstance(seen, Seen) or seen.captured != 55_000:
        return True
    undone = await lane.talk(lane.gateway.undo(payment, returned, lane.stamp(), lane.stamp()))
    if not isinstance(undone, Undone) or lane.books("PAY0000001") != (55_000, 55_000):
        return True
    for number, amount in ((2, 5_000), (3, 55_000)):
        paid, payment, _ = await lane.paid(f"PAY000000{number}")
        if not isinstance(await lane.refund(lane.held(payment, paid), f"REF{number}", amount), Done):
            return True
        if lane.books(f"PAY000000{number}") != (55_000, amount):
            return True
    card = CardEntry("4518123412341111", "3010", "900101", "12", "06")
    return not isinstance(await lane.talk(lane.gateway.issue_key_by_card(key_order(lane), card, lane.stamp())), Issued)


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
