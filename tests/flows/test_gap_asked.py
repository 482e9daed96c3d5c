"""What restored books have lost and no shop has heard: the gateway is asked, and where it cannot be, people are."""

import pytest

from bridge.domain.failures import PendingOutcome
from bridge.domain.machine import State
from bridge.flows.check_invariants import check_everything
from bridge.flows.compare_first import owe_comparisons
from bridge.flows.reconcile import show_gaps
from bridge.flows.refund import RefundWish, once_of_command, refund
from bridge.ledger.gap import Gap
from tests.flows.test_deposits import waiting
from tests.support.disaster import hand_over, keep, key_of, lose


async def gap_of(world):
    """The gap of the site that hands over."""
    return next(one for one in await show_gaps(world.context) if one["state"] != "listening")


async def unheard(world, traffic):
    """Back up, let something happen that the shop does not hear, and lose the books."""
    await world.beat()
    keep(world)
    world.shop.status = 500
    await world.clock.forward(60)
    await traffic()
    await world.quiet()
    await lose(world)
    world.shop.status = 200
    await hand_over(world)


async def refund_by_hand(world, payment, number):
    """Refund as an operator who looked into the gateway's console."""
    site = next(one for one in world.context.sites.all() if "teller" in one.gateways)
    wish = RefundWish(payment.id, 10_000, "공연 취소", "operator:haneul", capped=False)
    return await refund(world.context, site, wish, once_of_command(world.context, key_of(world, number), "x"))


@pytest.mark.parametrize("asked_by_itself", [True, False])
async def test_a_refund_nobody_heard_of_is_found_before_another_is_made(world, asked_by_itself):
    await world.pair_teller("Asked")
    paid = await world.buy_at_teller()
    if asked_by_itself:
        await unheard(world, lambda: world.refund(paid.id, 10_000, key=key_of(world, 3)))
        await world.live(90, step=5)
        assert (await world.payment(paid.id)).refunded == 10_000
    else:
        world.teller.always["inquire"] = "busy"
        await unheard(world, lambda: world.refund(paid.id, 10_000, key=key_of(world, 3)))
        await world.live(30, step=5)
        world.teller.always.clear()
        again = await world.refund(paid.id, 10_000, key=key_of(world, 4))
        assert (again.status_code, again.json()["code"]) == (422, "refund_refused")
        assert "백업" in again.json()["for_clerk"]
    assert (await gap_of(world))["state"] == "ended", "no gap waits for a gateway's answers"
    assert await world.cases(paid.id) == ["external_refund"]
    assert world.trade(paid).refunded == 10_000
    more = await world.refund(paid.id, 5_000, key=key_of(world, 5))
    assert more.json()["state"] == "done"
    assert world.trade(paid).refunded == 15_000


async def test_a_refund_waits_for_a_gateway_that_does_not_answer_and_an_operator_may_go_by_its_console(world):
    await world.pair_teller("Asked")
    paid = await world.buy_at_teller()
    world.teller.always["inquire"] = "busy"
    await unheard(world, lambda: world.refund(paid.id, 10_000, key=key_of(world, 3)))
    await world.live(30, step=5)
    held = await world.refund(paid.id, 10_000, key=key_of(world, 4))
    assert (held.status_code, held.json()["code"]) == (409, "pending_outcome")
    with pytest.raises(PendingOutcome):
        await refund_by_hand(world, paid, 6)
    await world.live(1000, step=10)
    held = await world.refund(paid.id, 10_000, key=key_of(world, 5))
    assert held.json()["code"] == "pending_outcome"
    assert world.trade(paid).refunded == 10_000
    await refund_by_hand(world, paid, 7)
    assert world.trade(paid).refunded == 20_000, "the operator has seen in the console that ten went back before"


async def test_a_payment_made_after_the_restore_is_refunded_without_a_question(world):
    await world.pair_teller("Asked")
    await unheard(world, world.quiet)
    await world.live(30, step=5)
    paid = await world.buy_at_teller()
    asked = world.teller.calls["inquire"]
    assert (await world.refund(paid.id, 10_000, key=key_of(world, 1))).json()["state"] == "done"
    assert world.teller.calls["inquire"] == asked


async def test_comparisons_begin_half_a_minute_after_the_shop_was_heard_and_not_all_at_once(desk):
    """A case about one payment would hold the gap open, and a gateway is not asked a thousand things in one second."""
    at = await desk("Asked")
    bought = []
    for state in (State.PAID, State.AWAITING_DEPOSIT, State.PART_REFUNDED):
        bought.append(await at.payment_in(state))
        await at.world.clock.forward(1)
    ended = await at.payment_in(State.REFUNDED)

    def owe(turn, recorder):
        return owe_comparisons(turn, recorder, Gap(ended.site, 0, recorder.at + 1, None, None, None, "", ""))

    assert await at.write(owe) == 3
    checks = [one for payment in reversed(bought) for one in await at.world.operations(payment.id)]
    assert [await at.seconds_until(one) for one in checks] == [30, 30.25, 30.5], "the newest first"
    assert await at.world.operations(ended.id) == []


async def test_a_deposit_nobody_heard_of_is_a_persons_when_its_account_ends(world):
    _, waits = await waiting(world)
    _, empty = await waiting(world)

    async def paid_into():
        world.sandbox.desks["mainpay"].deposit({"merchant_ref": waits.merchant_ref})

    await unheard(world, paid_into)
    await world.live(120, step=10)
    shown = await gap_of(world)
    assert shown["state"] == "ended"
    assert {one["payment"] for one in shown["accounts"]} == {waits.id, empty.id}
    world.sandbox.desks["mainpay"].deposit({"merchant_ref": empty.merchant_ref})
    await world.quiet()
    assert await world.state(empty.id) == "paid", "what is told now counts as ever"
    await world.live(9 * 86_400, step=7_200)

    assert world.book(waits).net == 55_000
    assert await world.state(waits.id) == "expired"
    assert await world.cases(waits.id) == ["unexpected_deposit"]
    assert await world.cases(empty.id) == []
    assert (await gap_of(world))["accounts"] == []
    assert (await check_everything(world.context, 0)).found == ()


async def test_an_account_that_ends_in_books_never_restored_asks_nobody(world):
    _, waits = await waiting(world)
    await world.live(9 * 86_400, step=7_200)
    assert await world.state(waits.id) == "expired"
    assert await world.cases(waits.id) == []


async def test_where_no_inquiry_tells_of_refunds_a_part_is_an_operators_after_a_restore(world):
    await world.pair_teller("Asked")
    paid, other = await world.buy_at_teller(), await world.buy_at_teller()
    world.teller.shows_refunds = False
    await unheard(world, lambda: world.refund(paid.id, 10_000, key=key_of(world, 3)))
    await world.live(120, step=5)
    for number in (4, 5):
        again = await world.refund(paid.id, 10_000, key=key_of(world, number))
        assert (again.status_code, again.json()["code"]) == (422, "refund_refused")
        assert "운영자" in again.json()["for_clerk"]
        await world.live(60, step=5)
    assert world.trade(paid).refunded == 10_000
    assert (await world.payment(paid.id)).refunded == 0
    whole = await world.refund(other.id, None, key=key_of(world, 6))
    assert whole.json()["state"] == "done", "nothing can have been given back of what goes back whole"
    await refund_by_hand(world, paid, 7)
    assert world.trade(paid).refunded == 20_000, "the operator has seen in the console that ten went back before"


async def test_a_refund_nobody_heard_of_that_arrives_after_the_comparison_is_found_with_the_next(world):
    """It was still in the network while the gateway was asked, and the comparison after the next refund shows both."""
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    world.teller.fail("refund", "late")
    await unheard(world, lambda: world.refund(payment.id, 10_000, key=key_of(world, 3)))
    await world.live(35, step=5)
    assert (await world.refund(payment.id, 10_000, key=key_of(world, 4))).status_code == 200
    await world.live(15, step=5)
    world.teller.let_late_arrive()
    await world.live(150, step=5)

    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 20_000
    assert await world.cases(payment.id) == ["external_refund"]
