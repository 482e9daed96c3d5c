"""Codes of Pay-Story that only speak of a cancellation: that one was asked for, or of which kind one was."""

from urllib.parse import urlencode

import pytest

from bridge.gateways.paystory import sandbox_api, sandbox_desk
from bridge.gateways.paystory.sandbox_notices import signed
from bridge.sandbox.refusals import Refusal
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.sandbox.test_paystory import KEY, MID


@pytest.fixture
async def street(tmp_path):
    """A shop whose Pay-Story tells it nothing by notice."""
    async with paired(Street(tmp_path), "paystory") as made:
        yield made


async def test_a_cancellation_that_was_only_asked_for_before_is_not_in_the_books(street):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    street.fault("refund", "decline", times=None, code="2015")
    await street.refund(opened.payment, 55_000)
    assert (await street.payment(opened.payment)).refunded == 0
    await street.live(1_200.0, 20.0)

    payment = await street.payment(opened.payment)
    (refund,) = [one for one in await street.operations(payment.id) if one.kind == "refund"]
    assert (payment.state, payment.refunded, refund.step, refund.evidence) == ("paid", 0, "fail", "E5")
    await street.check_books()


async def test_a_cancellation_that_was_asked_for_before_counts_once_the_inquiry_shows_it(street):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.fault("refund", "decline", times=None, code="2015")
    await street.refund(opened.payment, 55_000)
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref})
    await street.live(600.0, 10.0)

    assert (await street.payment(opened.payment)).refunded == 55_000
    assert await street.cases(opened.payment) == []
    await street.check_books()


async def test_a_lost_approval_whose_cancellation_was_only_asked_for_before_is_not_called_unpaid(street):
    street.set(query_lag_seconds=150.0)
    street.fault("approve", "drop_after")
    street.fault("notice", "notice_lost", times=None)
    street.fault("refund", "decline", times=None, code="2015")
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(600.0, 5.0)
    payment = await street.payment(opened.payment)

    assert street.book(payment).net == 55_000
    assert payment.state not in ("voided", "declined"), "the buyer would hear that nothing was paid"


@pytest.mark.parametrize("code", ["2021", "2022"])
async def test_a_code_that_names_a_kind_of_cancellation_is_no_refusal_of_one(street, code):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.fault("refund", "decline", code=code)
    await street.refund(opened.payment, 20_000)
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await street.live(600.0, 10.0)

    assert await street.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -20_000, "E4")]
    await street.check_books()


@pytest.mark.parametrize("code", ["2004", "2013"])
@pytest.mark.parametrize("words", ["이미 부분취소된 거래", "이미 취소 접수된 거래"])
async def test_already_said_of_a_part_or_of_a_cancel_under_way_is_not_all_of_it(street, code, words):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.fault("notice", "notice_lost", times=None)
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    street.fault("refund", "decline", code=code, message=words)
    await street.refund(payment.id, 55_000)
    assert (await street.payment(payment.id)).refunded == 0
    await street.live(1_200.0, 20.0)

    payment = await street.payment(payment.id)
    assert (payment.state, payment.refunded, street.book(payment).net) == ("part_refunded", 20_000, 35_000)
    assert await street.cases(payment.id) == ["external_refund"]
    await street.refund(payment.id, 35_000)
    await street.quiet()
    assert (await street.payment(payment.id)).state == "refunded"
    await street.check_books()


@pytest.mark.parametrize("then", ["", "2013"])
async def test_a_cancellation_of_less_than_was_asked_takes_no_approval_back(street, monkeypatch, then):
    whole, told = sandbox_desk.Till.cancel, sandbox_api.said

    def less(till, trade, amount, part, *more):
        if then and trade.cancels:
            raise Refusal(then)
        return whole(till, trade, 20_000, True, *more)

    monkeypatch.setattr(sandbox_desk.Till, "cancel", less)
    monkeypatch.setattr(
        sandbox_api, "said", lambda code, **more: told(code, **more | ({"amt": "20000"} if "oTid" in more else {}))
    )
    street.set(query_lag_seconds=150.0)
    street.fault("approve", "drop_after")
    street.fault("notice", "notice_lost", times=None)
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(1_200.0, 5.0)
    payment = await street.payment(opened.payment)

    assert street.book(payment).net > 0
    assert payment.state not in ("voided", "declined"), "the buyer would hear that all was taken back"
    assert "unknown_outcome" in await street.cases(payment.id)


@pytest.mark.parametrize("code", ["2015", "2011", "2020"])
async def test_a_cancel_that_knows_the_payment_is_believed_over_an_inquiry_that_shows_none(street, code):
    street.set(query_lag_seconds=100_000.0)
    street.fault("approve", "drop_after")
    street.fault("notice", "notice_lost", times=None)
    street.fault("refund", "decline", times=None, code=code)
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(12_000.0, 20.0)
    payment = await street.payment(opened.payment)

    assert street.book(payment).net == 55_000
    assert (payment.state, await street.cases(payment.id)) == ("needs_human", ["unknown_outcome"])


def cancel_told(payment, code):
    told = {"resultCd": code, "payMethod": "CARD", "tid": "T2", "oTid": payment.refs["tid"], "mid": MID,
            "ordNo": payment.merchant_ref, "goodsAmt": "20000", "currencyType": "KRW", "cancelYN": "Y",
            "ediDate": "20260330163604"}  # fmt: skip
    return signed(told, KEY)


@pytest.mark.parametrize("code", ["2002", "2003", "2015", "2022"])
async def test_a_notice_whose_code_is_no_yes_of_a_cancellation_gives_nothing_back(street, code):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.fault("notice", "notice_lost", times=None)
    street.fault("refund", "drop_before")
    await street.refund(payment.id, 20_000)
    assert (await street.post_news(urlencode(cancel_told(payment, code)).encode())).status_code == 200
    await street.live(600.0, 10.0)

    assert ((await street.payment(payment.id)).refunded, street.book(payment).refunded) == (0, 0)
    assert await street.cases(payment.id) == []
    await street.check_books()


@pytest.mark.parametrize("code", ["2021", "2022"])
async def test_a_notice_that_names_a_kind_of_cancellation_is_asked_about(street, code):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.fault("notice", "notice_lost", times=None)
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    assert (await street.post_news(urlencode(cancel_told(payment, code)).encode())).status_code == 200
    await street.live(60.0, 5.0)

    assert await street.entries(payment.id) == [("capture", 55_000, "E1"), ("external_refund", -20_000, "E4")]
    await street.check_books()
