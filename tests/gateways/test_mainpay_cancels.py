"""Mainpay gives money back, and takes back what was lost: by which call, on which day, and what its answer proves."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bridge.domain.exchange import Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import (
    Allowed,
    ByHand,
    Done,
    Never,
    NothingThere,
    Refused,
    Return,
    TooLate,
    Undone,
    Unknown,
)
from bridge.domain.payment import Method, Mode
from bridge.domain.reasons import Reason
from bridge.gateways.mainpay.adapter import Mainpay, build
from tests.gateways.test_mainpay import (
    AT,
    GUIDE,
    LIVE,
    MBR,
    RELAY,
    STAMP,
    WINDOW,
    answered,
    asked,
    code,
    payment,
    refund,
    said,
)


def gateway(**settings: str) -> Mainpay:
    return build(settings, Mode.TEST)


def refunded(told, refs=LIVE, full=True, amount=55_000):
    return answered(gateway().refund(payment(refs), refund(amount, full), STAMP), told)


def undone(refs, *told, **more):
    return answered(gateway().undo(payment(refs, **more), Return({"authToken": "T"}), STAMP, STAMP), *told)


def test_a_lost_approval_is_taken_back_with_its_own_words():
    sent = Stamp(AT - timedelta(minutes=1), "0000000a" + "0" * 24)
    returned = Return({"authToken": "T", "payType": "K", "merchantData": "PAY1"})
    pay = asked(gateway().approve(payment(LIVE), returned, sent))
    undo = asked(gateway().undo(payment(LIVE), returned, sent, STAMP))
    assert (undo.op, undo.url, undo.moves_money) == ("net-cancel", f"{WINDOW}/v1/payment/net-cancel", True)
    assert undo.form == pay.form, "to the very signature"

    for captured, amount in ((0, "55000"), (54_000, "54000")):
        guide = asked(gateway().undo(payment(GUIDE, captured=captured), returned, sent, STAMP))
        assert (guide.op, guide.url, guide.moves_money) == ("cancel", f"{RELAY}/v1/payment/cancel", True)
        form = said(guide)
        assert form.pop("cancelReason")
        assert form == {"mchtId": MBR, "refNo": "REF1", "mbrRefNo": "PAY1", "cancelAmount": amount}


def test_without_its_token_it_is_taken_back_by_order_number_on_each_day_that_its_window_was_open():
    paid = payment(LIVE, created_at=AT.replace(hour=23, minute=50), expires_at=AT.replace(hour=23) + timedelta(hours=2))
    talk = gateway().undo(paid, Return({}), STAMP, STAMP)
    first = next(talk)
    assert (first.op, first.url, first.moves_money) == (
        "cancel-by-order",
        f"{RELAY}/v1/api/payments/payment/cancel",
        True,
    )
    assert said(first) == {
        **{"mbrRefNo": "PAY1", "amount": "55000", "version": "V001", "mbrNo": MBR},
        **{"orgTranDate": "261120", "paymethod": "CARD", "payType": "", "isNetCancel": "Y"},
    }
    second = talk.send(Reply(200, json.dumps(code("404")).encode()))
    assert second.form["orgTranDate"] == "261121"
    given = payment({"dialect": "direct", "payType": "K"}, captured=54_000)
    direct = asked(gateway().undo(given, Return({}), STAMP, STAMP))
    assert (direct.form["payType"], direct.form["amount"]) == ("K", "54000")


@pytest.mark.parametrize(("opened", "days"), [("14:34:59", 1), ("14:35:00", 2), ("15:09:59", 2), ("15:10:00", 1)])
def test_a_window_of_which_no_token_is_known_is_taken_back_on_each_day_by_either_clock(opened, days):
    """Mainpay may book its approval ten minutes earlier or later than our clock says, and on another day."""
    made = datetime.fromisoformat(f"2026-11-20T{opened}+00:00")
    window = payment(LIVE, created_at=made, expires_at=made + timedelta(minutes=15))
    outcome = answered(gateway().undo(window, Return({}), STAMP, STAMP), *(code("404") for _ in range(days)))

    assert isinstance(outcome, NothingThere)


@pytest.mark.parametrize(("at", "days"), [("14:49:59", 1), ("14:50:00", 2), ("15:09:59", 2), ("15:10:00", 1)])
def test_ten_minutes_around_midnight_both_days_are_asked(at, days):
    sent = Stamp(datetime.fromisoformat(f"2026-11-20T{at}+00:00"), "0" * 32)
    talk = gateway().undo(payment({"dialect": "direct"}, created_at=sent.at), Return({}), sent, STAMP)
    outcome = answered(talk, *(code("404") for _ in range(days)))

    assert isinstance(outcome, NothingThere)


@pytest.mark.parametrize(
    ("refs", "told", "outcome"),
    [
        (LIVE, code("404"), NothingThere("404")),
        (LIVE, code("200"), Undone("200")),
        (LIVE, code("3002"), Undone("3002", already=True)),
        (LIVE, code("3003"), TooLate("3003")),
        (GUIDE, code("3001") | {"resultMessage": "취소 실패 (원거래 없음)"}, NothingThere("3001")),
        (GUIDE, code("404"), NothingThere("404")),
        (GUIDE, code("3003"), TooLate("3003")),
        ({"dialect": "direct"}, code("404"), NothingThere("404")),
        ({}, code("404"), NothingThere("404")),
    ],
)
def test_what_came_of_taking_back(refs, told, outcome):
    assert undone(refs, told) == outcome


@pytest.mark.parametrize(
    ("number", "words", "there"),
    [
        ("3002", "부분취소된 거래입니다", True),
        ("1001", "취소 가능 금액을 초과했습니다", True),
        ("3001", "부분취소된 거래입니다", True),
        ("1001", "결제 금액 오류", False),
        ("3001", "취소 실패", False),
    ],
)
def test_what_speaks_of_money_that_went_back_is_said_of_a_payment_that_is_there(number, words, there):
    outcome = undone(LIVE, code(number) | {"resultMessage": words})
    assert isinstance(outcome, Unknown)
    assert outcome.there is there


@pytest.mark.parametrize("refs", [LIVE, GUIDE, {"dialect": "direct"}, {}])
def test_an_address_that_is_not_found_says_nothing_of_the_payment(refs):
    with pytest.raises(Unreadable):
        undone(refs, 404)


@pytest.mark.parametrize(
    ("refs", "told", "more"),
    [
        (LIVE, code("3001"), {}),
        (LIVE, code("9999"), {}),
        ({"dialect": "direct"}, code("3001"), {}),
        (GUIDE, code("3001"), {}),
        (GUIDE, code("3001"), {"method": Method.VIRTUAL_ACCOUNT}),
        (LIVE, code("200", mbrRefNo="OTHER"), {}),
        (GUIDE, code("200", cancelAmount="54999"), {}),
    ],
)
def test_what_proves_nothing_takes_nothing_back(refs, told, more):
    outcome = undone(refs, told, **more)

    assert isinstance(outcome, Unknown)
    assert outcome.code == told["resultCode"]
    assert outcome.message == ("" if told["resultCode"] == "200" else "말씀")
    assert undone(refs, {"resultCode": "9999"}, **more).message == ""


def test_a_cancel_names_the_approval_its_day_and_its_kind():
    refs = {"dialect": "live", "refNo": "REF1", "tranDate": "20261120", "payType": "K"}
    full = asked(gateway().refund(payment(refs), refund(), STAMP))
    assert (full.op, full.url) == ("cancel", f"{RELAY}/v1/api/payments/payment/cancel")
    about = {"version": "V001", "mbrNo": MBR, "paymethod": "CARD", "isNetCancel": "N"}
    kept = {"orgRefNo": "REF1", "orgTranDate": "261120", "payType": "K"}
    assert said(full) == {"mbrRefNo": "REFUND1", "amount": "55000"} | about | kept
    part = asked(gateway().refund(payment(refs | {"api": "auto"}), refund(1_000, full=False), STAMP))
    assert (part.op, part.url) == ("part-cancel", f"{RELAY}/v1/api/payments/payment/part-cancel")
    assert said(part) == {"mbrRefNo": "REFUND1", "amount": "1000"} | about | kept
    auto = asked(gateway().refund(payment(refs | {"api": "auto"}), refund(), STAMP))
    assert (auto.op, auto.url) == ("cancel", f"{RELAY}/v1/api/payments/payment/card-auto/cancel")
    bare = asked(gateway(cancel_reference="original").refund(payment({"dialect": "live"}), refund(), STAMP))
    empty = {"orgRefNo": "", "orgTranDate": "", "payType": ""}
    assert said(bare) == {"mbrRefNo": "PAY1", "amount": "55000"} | about | empty
    assert all(call.moves_money for call in (full, part, auto, bare))

    guide = asked(gateway().refund(payment({"dialect": "guide"}), refund(1_000, full=False), STAMP))
    assert guide.url == f"{RELAY}/v1/payment/cancel"
    told = {"mchtId": MBR, "refNo": "", "mbrRefNo": "PAY1", "cancelAmount": "1000", "cancelReason": "고객 요청"}
    assert said(guide) == told


@pytest.mark.parametrize(
    ("reason", "sent"),
    [("공연 취소!", "공연 취소!"), ("가" * 66, "가" * 66), ("가" * 70, "가" * 66), ("\udc80", "고객 요청")],
)
def test_the_guide_takes_a_reason_of_two_hundred_bytes_and_gets_whole_characters(reason, sent):
    call = asked(gateway().refund(payment(GUIDE), replace(refund(), reason=reason), STAMP))
    assert call.form["cancelReason"] == sent


@pytest.mark.parametrize("refs", [LIVE, GUIDE])
def test_what_came_of_a_cancel(refs):
    kept = {"refNo": "C1", "tranDate": "261121", "tranTime": "090000"}
    assert refunded(code("200", mbrRefNo="REFUND1", cancelAmount="55000", **kept), refs) == Done(kept)
    assert refunded(code("200", tranDate="20261121"), refs) == Done({"tranDate": "261121"}), "a notice has no century"
    assert refunded(code("200", mbrRefNo="PAY1"), refs) == Done({})
    assert refunded(code("200"), refs) == Done({})
    assert refunded(code("3002"), refs) == Done(already=True)
    assert refunded(code("3003"), refs) == Refused(Reason.CANCEL_PERIOD, "3003", "말씀")
    assert refunded({"resultCode": "1002"}, refs) == Refused(Reason.MERCHANT, "1002", "")


@pytest.mark.parametrize(
    ("told", "full"),
    [
        (code("200", mbrRefNo="OTHER"), True),
        (code("200", cancelAmount="54999"), True),
        (code("3002"), False),
        (code("9999"), True),
        (code("ma"), True),
        (code("1001"), False),
    ],
)
def test_a_cancel_that_proves_nothing_is_unknown(told, full):
    outcome = refunded(told, full=full)

    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.message) == (told["resultCode"], "말씀")


@pytest.mark.parametrize(("before", "kind"), [(0, Unknown), (5_000, Refused)])
def test_a_cancel_refused_over_a_part_that_the_books_do_not_have_is_a_persons(before, kind):
    told = code("3001") | {"resultMessage": "취소 실패 (부분취소된 거래)"}
    paid = payment(LIVE, state="paid", captured=55_000, refunded=before)

    assert isinstance(answered(gateway().refund(paid, refund(), STAMP), told), kind)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"state": "open"}, Never),
        ({"state": "refunded"}, Never),
        ({"method": Method.VIRTUAL_ACCOUNT}, ByHand),
        ({"refs": {}}, ByHand),
        ({"paid_at": AT - timedelta(days=366)}, ByHand),
        ({"paid_at": AT - timedelta(days=365, hours=23)}, Allowed),
        ({"paid_at": None}, Allowed),
        ({"state": "part_refunded", "refunded": 5_000}, Allowed),
    ],
)
def test_what_may_be_given_back(changes, rule):
    paid = {"state": "paid", "captured": 55_000, "refs": {"refNo": "R1"}, "paid_at": AT} | changes
    found = gateway().refund_rule(payment(**paid), STAMP)

    assert isinstance(found, rule)
    if isinstance(found, Allowed):
        assert found == Allowed(55_000 - changes.get("refunded", 0), partial=True)
