"""Refunds at a gateway that can be asked: what it has given back in all tells what became of each."""

import pytest

DAY = 24 * 3_600


@pytest.fixture
async def paid(world):
    """A paid payment at a gateway that approves and can be asked."""
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    return world, payment


async def refund(world, payment, amount=None):
    """Ask for a refund; gives its row when it has gone out."""
    answer = await world.refund(payment.id, amount)
    assert answer.status_code in (200, 202), answer.text
    await world.quiet()
    return answer.json()["id"]


async def operation(world, payment, refund_id):
    return next(one for one in await world.operations(payment.id) if one.id == refund_id)


@pytest.mark.parametrize("amount", [None, 20_000])
async def test_a_refund_whose_answer_got_lost_is_found_done(paid, amount):
    world, payment = paid
    world.teller.fail("refund", "lost_after")
    wanted = await refund(world, payment, amount)
    after = await world.payment(payment.id)
    settled = await operation(world, payment, wanted)

    assert after.state == ("part_refunded" if amount else "refunded")
    assert (settled.step, settled.evidence) == ("ok", "E4")
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -(amount or 55_000), "E4")]
    assert world.teller.calls["refund"] == 1
    assert await world.cases(payment.id) == []
    await world.check_books()


@pytest.mark.parametrize("amount", [None, 20_000])
async def test_a_refund_that_never_arrived_fails_only_after_the_quiet_period_and_may_be_asked_for_again(paid, amount):
    world, payment = paid
    world.teller.fail("refund", "lost_before")
    wanted = await refund(world, payment, amount)
    await world.live(170)
    assert (await operation(world, payment, wanted)).step == "unknown"
    barred = await world.refund(payment.id, 1_000)
    assert (barred.status_code, barred.json()["code"]) == (409, "pending_outcome")
    await world.live(30)
    settled = await operation(world, payment, wanted)
    assert (settled.step, settled.evidence) == ("fail", "E5")
    await refund(world, payment, amount)

    assert world.trade(payment).refunds == [amount or 55_000]
    await world.check_books()


async def test_a_refund_that_arrives_late_is_found_and_not_believed_failed(paid):
    world, payment = paid
    world.teller.fail("refund", "late")
    wanted = await refund(world, payment, 20_000)
    await world.live(130)
    world.teller.let_late_arrive()
    await world.live(120)

    assert (await operation(world, payment, wanted)).step == "ok"
    assert (await world.payment(payment.id)).refunded == 20_000
    await world.check_books()


async def test_a_refund_sent_twice_on_the_wire_is_found_by_the_comparison_after_it(paid):
    world, payment = paid
    world.teller.fail("refund", "twice")
    await refund(world, payment, 20_000)
    assert (await world.payment(payment.id)).refunded == 20_000
    await world.live(10)
    after = await world.payment(payment.id)

    assert (after.state, after.refunded) == ("part_refunded", 40_000)
    assert await world.entries(payment.id) == [
        ("capture", 55_000, "E1"),
        ("refund", -20_000, "E1"),
        ("external_refund", -20_000, "E4"),
    ]
    assert await world.cases(payment.id) == ["external_refund"]
    assert (await world.told(payment.id)).count("payment.refunded") == 2
    await world.check_books()


@pytest.mark.parametrize("seconds", [0, 60])
async def test_a_refund_that_was_refused_after_a_copy_of_it_had_been_made_is_found_by_a_comparison(paid, seconds):
    """The network sent it twice: the caller saw the second answer, or the second copy came after the refusal."""
    world, payment = paid
    world.teller.fail("refund", "too_much")
    if not seconds:
        world.trade(payment).refunds.append(20_000)
    wanted = await refund(world, payment, 20_000)
    assert (await operation(world, payment, wanted)).evidence == "E2"
    await world.live(seconds, step=10)
    if seconds:
        world.trade(payment).refunds.append(20_000)
    await world.live(200, step=10)

    assert (await world.payment(payment.id)).refunded == 20_000
    assert await world.cases(payment.id) == ["external_refund"]
    await world.check_books()


async def test_a_lost_refund_that_was_done_twice_is_written_down_whole(paid):
    world, payment = paid
    world.teller.fail("refund", "late", "lost_after")
    await refund(world, payment, 20_000)
    world.teller.let_late_arrive()
    world.trade(payment).refunds.append(20_000)
    await world.live(10)

    assert (await world.payment(payment.id)).refunded == 40_000
    assert sorted(await world.entries(payment.id)) == [
        ("capture", 55_000, "E1"),
        ("external_refund", -20_000, "E4"),
        ("refund", -20_000, "E4"),
    ]
    assert await world.cases(payment.id) == ["external_refund"]
    await world.check_books()


async def test_money_given_back_in_the_console_meanwhile_does_not_pass_for_our_refund(paid):
    world, payment = paid
    world.teller.fail("refund", "lost_before")
    wanted = await refund(world, payment, 20_000)
    world.trade(payment).refunds.append(5_000)
    await world.live(200)

    assert (await operation(world, payment, wanted)).step == "fail"
    assert (await world.payment(payment.id)).refunded == 5_000
    assert await world.cases(payment.id) == ["external_refund"]
    await world.check_books()


@pytest.mark.parametrize("seconds", [5, 60, 110])
async def test_a_refund_that_arrives_after_money_given_back_in_the_console_passed_for_it_is_found(paid, seconds):
    """Neither the inquiry nor the sum can tell the two apart until the late one is there as well."""
    world, payment = paid
    world.teller.fail("refund", "late")
    wanted = await refund(world, payment, 10_000)
    world.trade(payment).refunds.append(10_000)
    await world.live(seconds, step=5)
    assert (await operation(world, payment, wanted)).evidence == "E4"
    world.teller.let_late_arrive()
    await world.live(200, step=5)

    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 20_000
    assert await world.cases(payment.id) == ["external_refund"]
    await world.check_books()


async def test_a_refund_that_an_inquiry_showed_is_compared_again_once_nothing_of_it_can_still_arrive(paid):
    world, payment = paid
    world.teller.fail("refund", "lost_after")
    began = world.clock.boot
    await refund(world, payment, 10_000)
    while not any(one.kind == "check" and one.ended_at for one in await world.operations(payment.id)):
        await world.live(1, step=1)
        assert world.clock.boot - began < 140, "it is compared at last"

    assert world.clock.boot - began >= 120, "a refund without an answer is quiet for as long"
    assert [row["tries"] for row in await world.all("SELECT tries FROM operations WHERE kind = 'check'")] == [4]
    await world.check_books()


@pytest.mark.parametrize("seconds", [20, 60, 100])
async def test_a_second_copy_of_a_refund_that_was_answered_is_found_however_late_it_arrives(paid, seconds):
    world, payment = paid
    await refund(world, payment, 10_000)
    await world.live(seconds, step=5)
    world.trade(payment).refunds.append(10_000)
    await world.live(150, step=5)

    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 20_000
    assert await world.cases(payment.id) == ["external_refund"]
    await world.check_books()


async def test_of_refunds_one_after_another_the_last_has_as_much_time_to_be_shown_as_the_first(paid):
    """The comparison that all of them are owed is older than the last one."""
    world, payment = paid
    for _ in range(5):
        await refund(world, payment, 1_000)
        await world.live(90, step=5)
    await refund(world, payment, 1_000)
    world.trade(payment).refunds.pop()
    await world.live(60, step=5)
    assert await world.cases(payment.id) == [], "its inquiry lags behind"
    world.trade(payment).refunds.append(1_000)
    await world.live(200, step=5)

    assert await world.cases(payment.id) == []
    assert [one.step for one in await world.operations(payment.id) if one.kind == "check"] == ["ok"]
    await world.check_books()


async def test_the_comparison_bars_no_refund_and_nobody_is_told_of_it(paid):
    world, payment = paid
    await refund(world, payment, 20_000)
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    health = (await world.call("GET", "/v1/health")).json()
    await refund(world, payment, 10_000)
    await world.live(150, step=5)

    assert shown["allowed"] == {"refund": "full_or_part", "refundable": 35_000}
    assert health["unknown"] == {"count": 0, "oldest_seconds": 0}
    assert (await world.payment(payment.id)).refunded == 30_000
    checks = [one for one in await world.operations(payment.id) if one.kind == "check"]
    assert [one.step for one in checks] == ["ok"]
    assert [row["kind"] for row in await world.all("SELECT kind FROM operations WHERE state = 'unknown'")] == []


async def test_books_that_go_on_differing_are_a_persons(paid):
    """The gateway answered that it gave the money back, and never shows it."""
    world, payment = paid
    await refund(world, payment, 20_000)
    world.trade(payment).refunds.clear()
    await world.live(300, step=10)
    assert await world.cases(payment.id) == []
    await world.live(180, step=10)

    assert await world.cases(payment.id) == ["books_differ"]


async def test_an_inquiry_without_refunds_leaves_a_part_to_a_person_and_repeats_a_whole(paid):
    world, payment = paid
    world.teller.shows_refunds = False
    world.teller.fail("refund", "lost_after")
    part = await refund(world, payment, 20_000)
    assert (await operation(world, payment, part)).step == "needs_human"
    assert await world.cases(payment.id) == ["refund_unknown"]
    world.trade(payment).refunds.clear()
    other = await world.buy_at_teller()
    world.teller.fail("refund", "lost_after")
    whole = await refund(world, other)
    await world.live(5, step=1)

    assert (await operation(world, other, whole)).evidence == "E9"
    assert world.trade(other).refunds == [55_000]
    assert (await world.payment(other.id)).state == "refunded"


async def test_an_inquiry_that_says_nothing_leaves_a_refund_to_a_person_and_settles_it_later(paid):
    world, payment = paid
    world.teller.always["inquire"] = "strange"
    world.teller.fail("refund", "lost_after")
    wanted = await refund(world, payment, 20_000)
    await world.live(400, step=10)
    assert (await operation(world, payment, wanted)).step == "needs_human"
    assert await world.cases(payment.id) == ["refund_unknown"]
    world.teller.always.clear()
    await world.live(620, step=10)

    assert (await operation(world, payment, wanted)).step == "ok"
    assert await world.cases(payment.id) == []
    await world.check_books()


async def test_after_a_crash_the_refund_and_its_comparison_go_on(paid):
    world, payment = paid
    await refund(world, payment, 20_000)
    world.trade(payment).refunds.append(20_000)
    await world.restart()
    await world.live(10)

    assert (await world.payment(payment.id)).refunded == 40_000
    assert await world.cases(payment.id) == ["external_refund"]


async def test_a_gateway_that_cannot_be_asked_leaves_a_lost_part_to_a_person_at_once(world):
    await world.pair_teller("Mute")
    payment = await world.buy_at_teller()
    world.teller.fail("refund", "lost_after")
    wanted = await refund(world, payment, 20_000)

    assert (await operation(world, payment, wanted)).step == "needs_human"
    assert {one.kind for one in await world.operations(payment.id)} == {"approve", "refund"}, "nothing is compared"
