"""Refunds: what stops them, who is told, and what else may be going on."""

import pytest

from bridge.flows.refund import (
    FOUND_GIVEN_BACK,
    GIVEN_BACK_UNSHOWN,
    OVER_THE_CAP,
    RefundWish,
    once_of_command,
    refund,
)
from bridge.gateways.mainpay import sandbox_notices
from tests.support.world import World

KEY = "0123456789abcdef" * 2


async def test_the_daily_cap_stops_a_key_and_not_an_operator(folder):
    world = World(folder, refund_daily_max=60_000)
    await world.start()
    world.site = await world.pair()
    first, second = await world.buy(), await world.buy()
    assert (await world.refund(first.id)).json()["state"] == "done"
    capped = await world.refund(second.id, 5_001)
    assert (capped.status_code, capped.json()["code"]) == (422, "refund_refused")
    for told in capped.json().values():
        assert "`" not in str(told), "who calls the API or clicks has no shell there"
    assert "Ask whoever operates the bridge" in capped.json()["detail"]
    assert "운영자에게 환불을 부탁" in capped.json()["for_clerk"]
    assert (capped.json()["message_ko"], capped.json()["why"]) == (
        "지금은 환불할 수 없어요.",
        "판매자에게 문의해 주세요.",
    )
    assert (await world.refund(second.id, 5_000)).json()["state"] == "done"
    assert (await world.refund(second.id, 1)).status_code == 422

    wish = RefundWish(second.id, 10_000, "공연 취소", "operator:3", capped=False)
    site, once = world.context.sites.get(world.site.id), once_of_command(world.context, KEY, "typed")
    assert (await refund(world.context, site, wish, once)).step == "ok"
    await world.clock.forward(86_000)
    assert (await world.refund(second.id, 1)).status_code == 422, "a day is not over"
    await world.clock.forward(401)
    assert (await world.refund(second.id, 1_000)).json()["state"] == "done"
    await world.check_books()
    await world.close()


def test_a_refund_that_is_refused_has_words_for_the_buyer_why_and_for_the_clerk():
    for words in (OVER_THE_CAP, FOUND_GIVEN_BACK, GIVEN_BACK_UNSHOWN):
        assert set(words) == {"message_ko", "why", "for_clerk"}


async def test_a_refund_while_the_approval_is_unknown_waits(world):
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=None)
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    answer = await world.refund(opened.payment)

    assert (answer.status_code, answer.json()["code"]) == (409, "pending_outcome")


async def test_what_holds_no_money_is_not_refunded(world):
    opened = await world.checkout()
    answer = await world.refund(opened.payment)

    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "not_now", "open")


async def test_a_refund_answers_within_its_time_and_goes_on_afterwards(folder):
    world = World(folder, refund_wait_seconds=0.05)
    await world.start()
    world.site = await world.pair()
    payment = await world.buy()
    world.sandbox.latency_seconds["mainpay", "cancel"] = 30.0
    answer = await world.refund(payment.id, key=KEY)
    assert (answer.status_code, answer.json()["state"]) == (202, "sending")
    again = await world.refund(payment.id, key=KEY)
    assert again.json() == answer.json()
    await world.clock.forward(31)
    await world.quiet()

    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()
    assert refund["state"] == "done"
    assert world.book(payment).calls["cancel"] == 1
    await world.close()


async def test_a_late_notice_about_an_earlier_refund_settles_no_other(world):
    """Two parts of one amount: the first is done, the second has no answer; the first one's notice comes late."""
    payment = await world.buy()
    world.fault("notice", "notice_lost", times=2)
    await world.refund(payment.id, 10_000)
    till = world.sandbox.desks["mainpay"]._till
    first = world.book(payment).refunds[0].ref_no
    world.fault("part_cancel", "drop_before")
    answer = await world.refund(payment.id, 10_000)
    await world.quiet()
    trade = till.trades_by_ref["live", world.book(payment).ref_no]
    await world.post_notice(sandbox_notices.card_fields(till, trade, "2", first, 10_000))
    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()

    assert refund["state"] == "needs_human"
    assert world.book(payment).refunded == 10_000
    await world.check_books()


async def test_a_cancel_made_in_the_gateways_console_is_a_persons_case(world):
    payment = await world.buy()
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await world.quiet()

    assert await world.cases(payment.id) == ["external_cancel"]
    assert await world.state(payment.id) == "paid"


async def test_a_whole_refund_refused_over_a_part_that_nobody_told_of_is_a_persons(world):
    payment = await world.buy()
    world.fault("notice", "notice_lost", times=None)
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    answer = await world.refund(payment.id)
    for _ in range(40):
        world.clock.skip(60)
        await world.beat()

    assert answer.json()["state"] == "unknown"
    assert await world.cases(payment.id) == ["refund_unknown"]
    assert world.book(payment).refunded == 20_000


@pytest.mark.parametrize("words", ["이미 부분취소된 거래", "일부 취소된 거래", "이미 취소 요청된 거래", "취소 처리 중"])
async def test_already_said_of_a_part_or_of_a_cancel_under_way_is_not_all_of_it(any_world, words):
    payment = await any_world.buy()
    any_world.fault("notice", "notice_lost", times=None)
    any_world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    any_world.fault("cancel", "decline", times=None, code="3002", message=words)
    answer = await any_world.refund(payment.id)
    for _ in range(40):
        any_world.clock.skip(60)
        await any_world.beat()

    assert answer.json()["state"] == "unknown"
    assert (await any_world.payment(payment.id)).refunded == 0
    assert await any_world.cases(payment.id) == ["refund_unknown"]
    assert any_world.book(payment).refunded == 20_000


async def test_a_refund_names_who_asked_and_why(world):
    payment = await world.buy()
    await world.refund(payment.id, 5_000, reason="좌석 교환", actor="wp:12", items=["A-1"])
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    sent = next(one for one in shown["timeline"] if one["event"] == "refund.sent")

    assert (sent["actor"], sent["reason"], sent["amount"]) == ("wp:12", "좌석 교환", 5_000)
    assert shown["refunds"][0]["items"] == ["A-1"]


async def test_an_account_of_the_callers_choosing_is_refused(world):
    payment = await world.buy()
    account = {"bank": "004", "number": "1234567890", "holder": "홍길동"}
    answer = await world.refund(payment.id, 5_000, account=account)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert "1234567890" not in answer.text
    assert world.book(payment).refunded == 0
