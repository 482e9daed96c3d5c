"""Refunds that PayApp is only asked for: the seller wires the money first, and is told how much, and to where."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest

from bridge.clock import now_ms
from bridge.domain.machine import Step
from bridge.flows import log_in
from bridge.ledger import operations
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.web.visitor import PASSWORD, Browser

OWED = {"amount": 55_000, "account": "국민은행 000-000000"}


@pytest.fixture
async def house(tmp_path):
    """A bridge, a shop, PayApp, which pays the seller out after two days."""
    async with paired(House(tmp_path), "payapp") as made:
        made.set(settled_days=2)
        yield made


async def settled(house):
    """Buy, and wait until the seller has been paid out."""
    payment = await house.buy()
    await house.clock.forward(3 * 86_400)
    return payment


async def shown(house, payment):
    return (await house.call("GET", f"/v1/payments/{payment.id}")).json()


async def page_of(house, payment, lang):
    browser = Browser(SimpleNamespace(context=house.context))
    await browser.log_in()
    text = (await browser.get(f"/dashboard/payments/{payment.id}?lang={lang}")).text
    await browser.client.aclose()
    return text


async def test_settled_on_the_third_day_a_refund_is_asked_for_in_one_go_and_done_when_a_notice_says_so(house):
    payment = await settled(house)
    answer = await house.refund(payment.id)
    await house.quiet()
    assert answer.json()["state"] == "accepted", answer.text
    assert [one["op"] for one in list(house.sandbox.requests)[-2:]] == ["paycancel", "paycancelreq"]
    asked = len(house.sandbox.requests)
    await house.live(3_600.0, 60.0)
    assert len(house.sandbox.requests) == asked, "nothing is asked again"
    assert await house.cases(payment.id) == []
    assert house.book(payment).refunded == 0, "no money is back yet"
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref})
    await house.live(600.0, 30.0)
    after = await house.payment(payment.id)
    assert (after.state, after.refunded, house.book(payment).net) == ("refunded", 55_000, 0)
    await house.check_books()


async def test_what_must_be_wired_is_told_wherever_the_refund_is_shown(house, monkeypatch):
    monkeypatch.setattr(log_in, "COST_LOG2", 4)
    payment = await settled(house)
    told = (await house.refund(payment.id)).json()
    await house.quiet()
    after = await shown(house, payment)

    assert told["pay_back"] == OWED
    assert (await house.call("GET", f"/v1/refunds/{told['id']}")).json()["pay_back"] == OWED
    assert after["refunds"][0]["pay_back"] == OWED
    assert after["allowed"]["refund"] == "never"
    assert "55,000원을 보내야" in after["allowed"]["for_clerk"]
    assert OWED["account"] in after["allowed"]["for_clerk"]
    assert "보내" not in after["allowed"]["why"], "a buyer wires nothing"
    (event,) = [one for one in after["timeline"] if one["event"] == "refund.accepted"]
    assert event["pay_back"] == OWED
    await log_in.add_operator(house.context, "minji", PASSWORD)
    korean, english = [await page_of(house, payment, lang) for lang in ("ko", "en")]
    assert korean.count("결제사에 55,000원을 직접 보내야 구매자에게 환불돼요. 보낼 계좌: 국민은행 000-000000") == 2
    assert english.count("Wire ₩55,000 to the gateway by hand") == 2
    assert ": taken in" in english
    assert "<dt>Number at PayApp</dt>" in english

    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref})
    await house.live(600.0, 30.0)
    (refund,) = (await shown(house, payment))["refunds"]
    assert (refund["state"], "pay_back" in refund) == ("done", False)
    assert ": taken in" not in await page_of(house, payment, "en")


async def test_what_must_be_wired_is_told_where_the_first_try_was_lost(house):
    payment = await settled(house)
    house.fault("paycancel", "drop_before")
    await house.refund(payment.id)
    await house.live(600.0, 30.0)

    (refund,) = (await shown(house, payment))["refunds"]
    assert (refund["state"], refund["pay_back"]) == ("accepted", OWED)


async def test_of_what_nobody_was_paid_out_for_nothing_is_wired_and_no_sum_is_told(house):
    house.set(settled_days=30)
    payment = await house.buy()
    assert "by_request" not in (await shown(house, payment))["allowed"]
    await house.clock.forward(6 * 86_400)
    assert (await shown(house, payment))["allowed"] == {
        "refund": "full_or_part",
        "refundable": 55_000,
        "by_request": True,
    }
    told = (await house.refund(payment.id)).json()
    assert (told["state"], "pay_back" in told) == ("accepted", False)
    await house.quiet()
    why = (await shown(house, payment))["allowed"]["why"]
    assert why == "결제사가 환불을 접수했고, 마쳤다는 알림을 기다리고 있어요."


async def slow_first_call(house, payment, seconds):
    """Begin a refund whose first call is answered after so long; gives the refund that waits."""
    house.sandbox.latency_seconds["payapp", "paycancel"] = seconds
    before = len(house.net.sent)
    refunding = asyncio.ensure_future(house.refund(payment.id))
    await house.until(lambda: len(house.net.sent) > before)
    return refunding


async def test_a_slow_no_to_the_first_call_does_not_keep_the_second_from_leaving(house):
    payment = await settled(house)
    sent_at = house.clock.now()
    refunding = await slow_first_call(house, payment, 10.0)
    await house.clock.forward(10)
    await refunding
    await house.quiet()

    assert [one["op"] for one in list(house.sandbox.requests)[-2:]] == ["paycancel", "paycancelreq"]
    (operation,) = [one for one in await house.operations(payment.id) if one.kind == "refund"]
    assert (operation.step, operation.code) == ("unknown", "accepted")
    assert operation.sent_at == sent_at + timedelta(seconds=10), "the quiet period runs from what was sent last"


async def test_what_another_took_over_between_two_calls_is_not_sent_on(house):
    payment = await settled(house)
    refunding = await slow_first_call(house, payment, 2.0)
    (operation,) = [one for one in await house.operations(payment.id) if one.kind == "refund"]
    at = now_ms(house.clock)
    await house.context.ledger.write(lambda turn: operations.step(turn, operation, Step.UNKNOWN, at=at, next_try_at=at))
    await house.clock.forward(2)
    await refunding
    await house.quiet()
    assert [one["op"] for one in house.sandbox.requests if one["op"].startswith("paycancel")] == ["paycancel"]

    house.sandbox.latency_seconds.clear()
    await house.live(120.0, 10.0)
    calls = [one["op"] for one in house.sandbox.requests if one["op"].startswith("paycancel")]
    assert calls == ["paycancel", "paycancel", "paycancelreq"], "whoever took it over does both"
    (refund,) = (await shown(house, payment))["refunds"]
    assert refund["state"] == "accepted"


async def test_a_slow_no_to_a_repeated_first_call_does_not_keep_the_second_from_leaving(house):
    payment = await settled(house)
    house.fault("paycancel", "drop_before")
    house.net.on_send = lambda sent: house.clock.skip(10) if sent.moves_money else None
    await house.refund(payment.id)
    await house.live(120.0, 10.0)

    (refund,) = (await shown(house, payment))["refunds"]
    assert refund["state"] == "accepted"
