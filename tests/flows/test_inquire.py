"""A gateway that can be asked: what it shows settles a lost approval, and absent proves something only twice."""

import asyncio

import pytest

from tests.support.world import World


@pytest.fixture
async def asked(world):
    """A site whose gateway approves and can be asked; it takes nothing back."""
    await world.pair_teller("Asked")
    return world


@pytest.fixture
async def undone(world):
    """A site whose gateway approves, can be asked, and takes back by our reference."""
    await world.pair_teller("AskedAndUndone")
    return world


async def live_until(world: World, payment_id: str, *states: str, within: float = 600) -> float:
    """Let time pass until a payment is in one of the states; gives the seconds it took."""
    began = world.clock.now()
    while await world.state(payment_id) not in states:
        waited = (world.clock.now() - began).total_seconds()
        assert waited < within, f"still {await world.state(payment_id)} after {waited} s"
        await world.live(1, step=1)
    return (world.clock.now() - began).total_seconds()


async def approve_of(world, payment):
    return next(one for one in await world.operations(payment.id) if one.kind == "approve")


@pytest.mark.parametrize("kind", ["Asked", "AskedAndUndone"])
async def test_a_lost_answer_is_paid_as_soon_as_the_gateway_shows_it(world, kind):
    await world.pair_teller(kind)
    world.teller.fail("approve", "lost_after")
    payment = await world.buy_at_teller()
    approve = await approve_of(world, payment)

    assert payment.state == "paid"
    assert (approve.step, approve.evidence) == ("ok", "E4")
    assert await world.entries(payment.id) == [("capture", 55_000, "E4")]
    assert await world.told(payment.id) == ["payment.confirming", "payment.paid"]
    assert world.teller.calls["approve"] == 1
    assert world.teller.calls["undo"] == 0
    assert await world.cases(payment.id) == []
    await world.check_books()


async def test_an_inquiry_that_lags_behind_is_asked_again_at_2_5_15_and_45_seconds(asked):
    world = asked
    world.teller.fail("approve", "late")
    payment = await world.buy_at_teller()
    asked_at = []
    for second in range(1, 61):
        before = world.teller.calls["inquire"]
        await world.live(1, step=1)
        if world.teller.calls["inquire"] > before:
            asked_at.append(second)
    world.teller.let_late_arrive()

    assert world.teller.calls["inquire"] == 5
    assert asked_at == [2, 5, 15, 45]
    assert await world.state(payment.id) == "unknown"
    assert await live_until(world, payment.id, "paid") <= 31, "and then each 45 s"


async def test_absent_twice_after_the_quiet_period_proves_that_nothing_happened(asked):
    world = asked
    world.teller.fail("approve", "lost_before")
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.quiet()
    waited = await live_until(world, opened.payment, "declined")
    payment = await world.payment(opened.payment)
    approve = await approve_of(world, payment)

    assert 180 <= waited <= 200
    assert (approve.step, approve.evidence) == ("fail", "E5")
    assert payment.reason == "never_happened"
    assert await world.told(payment.id) == ["payment.confirming", "payment.failed"]
    assert await world.cases(payment.id) == []
    await world.check_books()


async def test_absent_proves_nothing_while_the_request_may_still_arrive(asked):
    """It lay in the network for 100 s; whoever had believed the first "absent" would have lost the money."""
    world = asked
    world.teller.fail("approve", "late")
    payment = await world.buy_at_teller()
    await world.live(100)
    assert await world.state(payment.id) == "unknown"
    world.teller.let_late_arrive()
    await live_until(world, payment.id, "paid")

    assert await world.entries(payment.id) == [("capture", 55_000, "E4")]
    await world.check_books()


async def test_absent_once_after_the_quiet_period_proves_nothing_yet(asked):
    world = asked
    world.teller.fail("approve", "late")
    payment = await world.buy_at_teller()
    await world.live(150)
    assert await world.state(payment.id) == "unknown", "absent at 120 s, and not asked again before 180 s"
    world.teller.let_late_arrive()
    await live_until(world, payment.id, "paid")
    await world.check_books()


async def test_a_plain_refusal_keeps_the_gateways_own_words_when_nothing_came_of_it(asked):
    world = asked
    world.teller.fail("approve", "odd")
    payment = await world.buy_at_teller()
    assert payment.state == "unknown"
    await live_until(world, payment.id, "declined")
    payment = await world.payment(payment.id)

    assert (payment.reason, payment.code, payment.message) == ("declined", "odd", "그렇게 안 돼요")


async def test_a_refusal_is_taken_back_at_once_where_that_can_be_done(undone):
    world = undone
    world.teller.fail("approve", "odd")
    payment = await world.buy_at_teller()
    approve = await approve_of(world, payment)

    assert (payment.state, payment.message) == ("declined", "그렇게 안 돼요")
    assert (approve.step, approve.evidence) == ("fail", "E10")


async def test_what_is_absent_after_the_quiet_period_is_blocked_by_a_net_cancel(undone):
    world = undone
    world.teller.fail("approve", "lost_before")
    payment = await world.buy_at_teller()
    await world.live(115)
    assert (await world.state(payment.id), world.teller.calls["undo"]) == ("unknown", 0)
    await live_until(world, payment.id, "voided", within=30)
    approve = await approve_of(world, payment)

    assert (approve.step, approve.evidence) == ("fail", "E6")
    assert world.teller.calls["undo"] == 1
    await world.check_books()


async def test_another_amount_than_asked_is_taken_back_and_told(asked):
    world = asked
    world.teller.takes_instead = 5_500
    world.teller.fail("approve", "lost_after")
    payment = await world.buy_at_teller()
    await live_until(world, payment.id, "voided", within=10)

    assert await world.entries(payment.id) == [("capture", 5_500, "E4"), ("undo", -5_500, "E6")]
    assert await world.cases(payment.id) == ["amount_mismatch"]
    assert await world.told(payment.id) == ["payment.confirming", "payment.failed"]
    assert world.trade(payment).net == 0
    await world.check_books()


async def test_a_cancel_that_takes_money_back_is_asked_about_before_it_is_repeated(asked):
    """The refund that takes back got lost after it was done; a second one must find that out, not give twice."""
    world = asked
    world.teller.takes_instead = 5_500
    world.teller.fail("approve", "lost_after")
    world.teller.fail("refund", "lost_after")
    payment = await world.buy_at_teller()
    await live_until(world, payment.id, "voided", within=30)

    assert world.teller.calls["refund"] == 1
    assert await world.entries(payment.id) == [("capture", 5_500, "E4"), ("undo", -5_500, "E4")]
    assert world.trade(payment).refunds == [5_500]
    await world.check_books()


async def test_money_that_came_and_went_at_the_gateway_leaves_nothing(asked):
    world = asked
    world.teller.fail("approve", "lost_after")
    world.teller.fail("inquire", "lost_before")
    payment = await world.buy_at_teller()
    world.trade(payment).refunds.append(55_000)
    await live_until(world, payment.id, "voided", within=10)

    assert await world.entries(payment.id) == []
    await world.check_books()


async def test_money_of_which_a_part_went_is_paid_and_the_rest_written_down(asked):
    world = asked
    world.teller.fail("approve", "lost_after")
    world.teller.fail("inquire", "lost_before")
    payment = await world.buy_at_teller()
    world.trade(payment).refunds.append(15_000)
    await live_until(world, payment.id, "part_refunded", within=10)

    assert await world.entries(payment.id) == [("capture", 55_000, "E4"), ("external_refund", -15_000, "E4")]
    await world.check_books()


@pytest.mark.parametrize("answer", ["lost_before", "strange"])
async def test_a_gateway_that_never_says_is_given_to_a_person_and_asked_on(asked, answer):
    world = asked
    world.teller.fail("approve", "lost_after")
    world.teller.always["inquire"] = answer
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.quiet()
    await world.live(350, step=10)
    assert await world.state(opened.payment) == "unknown"
    await world.live(80, step=10)
    payment = await world.payment(opened.payment)
    assert payment.state == "needs_human"
    assert await world.cases(payment.id) == ["unknown_outcome"]
    assert "payment.failed" not in await world.told(payment.id)
    world.teller.always.clear()
    await world.live(650, step=10)

    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == []
    assert await world.told(payment.id) == ["payment.confirming", "payment.paid"]
    await world.check_books()


async def test_after_a_day_it_is_asked_hourly_and_after_a_week_daily(asked):
    world = asked
    world.teller.fail("approve", "lost_after")
    world.teller.always["inquire"] = "strange"
    payment = await world.buy_at_teller()

    async def count(hours, step=600):
        before = world.teller.calls["inquire"]
        await world.live(hours * 3_600, step=step)
        return world.teller.calls["inquire"] - before

    await count(1)
    assert 5 <= await count(1) <= 7
    await count(24, step=3_600)
    assert await count(6) == 6
    await count(7 * 24, step=6 * 3_600)
    assert await count(48, step=3_600) == 2
    assert await world.state(payment.id) == "needs_human"


async def test_an_unreachable_gateway_makes_nobody_a_case(asked):
    world = asked
    world.teller.fail("approve", "lost_after")
    world.net.on_send = lambda sent: world.net.down.add("http://teller.test:80") if "/approve" in sent.url else None
    payment = await world.buy_at_teller()
    await world.live(900, step=15)
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("unknown", [])
    world.net.down.clear()
    await live_until(world, payment.id, "paid", within=90)


async def test_after_a_crash_the_gateway_is_asked_and_nothing_sent_twice(asked):
    world = asked
    opened = await world.checkout()
    world.teller.fail("approve", "hangs")
    returning = asyncio.ensure_future(world.return_from_teller(opened))
    while not world.teller.calls["approve"]:
        await asyncio.sleep(0.001)
    payment = await world.payment(opened.payment)
    world.teller.capture(payment.merchant_ref)
    await world.restart()
    await asyncio.gather(returning, return_exceptions=True)
    await world.live(30, step=5)

    assert await world.state(payment.id) == "paid"
    assert world.teller.calls["approve"] == 1
    await world.check_books()


async def test_where_nothing_can_be_asked_a_person_is_told_in_time(world):
    await world.pair_teller("Mute")
    world.teller.fail("approve", "lost_after")
    payment = await world.buy_at_teller()
    await world.live(350, step=10)
    assert await world.state(payment.id) == "unknown"
    await world.live(30, step=5)

    assert await world.state(payment.id) == "needs_human"
    assert await world.cases(payment.id) == ["unknown_outcome"]
    assert (await approve_of(world, payment)).step == "needs_human"
    assert "payment.failed" not in await world.told(payment.id)
