"""Two events that are told in the same words are two: a case is about both. One that is told again is one."""

import pytest

from bridge.domain.gateway import Event
from bridge.domain.machine import Kind, State, Step
from bridge.flows.check_invariants import check_everything
from tests.attack.test_money_sequences import card_notice
from tests.flows.test_cases import case_of, decide
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.support.desk import HINT

CASES = "SELECT reason, amount FROM cases WHERE state = 'open'"


@pytest.mark.parametrize("apart_seconds", [0, 4_000])
async def test_two_equal_parts_given_back_in_payapps_console_are_a_case_of_both(tmp_path, apart_seconds):
    async with paired(House(tmp_path), "payapp") as house:
        payment, seen = await house.buy(), house.heard()
        for _ in range(2):
            house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref, "amount": 10_000})
            await house.quiet()
            await house.live(10 + apart_seconds, 500)
        for raw in seen:
            await house.post_notice_of("feedback", raw)
        assert await house.all(CASES) == [{"reason": "external_cancel", "amount": 20_000}]
        await decide(house, await case_of(house, payment.id), "given_back")

        assert (await house.payment(payment.id)).refunded == house.book(payment).refunded == 20_000
        assert await house.cases(payment.id) == []
        assert (await check_everything(house.context, 0)).found == ()


async def test_two_approvals_of_a_declined_payment_are_a_case_of_both(world, declined):
    _, payment = declined
    for number in ("111111111111", "222222222222", "111111111111"):
        await world.post_notice(card_notice(payment, "0", number, 55_000))
        await world.quiet()
    assert await world.all(CASES) == [{"reason": "money_on_ended_payment", "amount": 110_000}]
    (case,) = await world.all("SELECT detail, refs FROM cases")

    assert case["refs"] == "{}", "neither's number is that of both"
    assert all(number in case["detail"] for number in ("111111111111", "222222222222"))
    await decide(world, await case_of(world, payment.id), "given_back")
    assert sum(amount for _, amount, _ in await world.entries(payment.id)) == 0
    assert await world.cases(payment.id) == []


async def test_two_approvals_of_another_amount_than_asked_are_a_case_of_both(desk):
    at = await desk("Serving")
    payment = await at.payment_in(State.UNKNOWN)
    await at.operation(payment, Kind.APPROVE, Step.UNKNOWN, seconds=300)
    for number in ("1", "2", "1"):
        await at.tell(payment, Event.APPROVED, HINT, amount=5_500, refs={"refNo": number})

    assert await at.world.all(CASES) == [{"reason": "amount_mismatch", "amount": 11_000}]
