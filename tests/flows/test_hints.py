"""Notices without proof, where the gateway can be asked: they move nothing, and make the bridge ask at once."""

import pytest

from tests.flows.test_cases import case_of, decide

LIFE = 900


@pytest.fixture
async def hinted(world):
    """A site whose gateway approves, can be asked, and sends notices without proof (as Payple's webhook)."""
    await world.pair_teller("AskedOnHint")
    return world


@pytest.fixture
async def alone(world):
    """A site whose gateway captures by itself and can be asked (as Payple in its mode PAY)."""
    await world.pair_teller("SelfAsked")
    return world


async def test_a_hint_of_an_unknown_approval_is_asked_about_now(hinted):
    world = hinted
    world.teller.fail("approve", "late")
    payment = await world.buy_at_teller()
    await world.live(20)
    world.teller.let_late_arrive()
    answer = await world.tell("approved", payment)
    await world.quiet()

    assert answer.status_code == 200
    assert await world.state(payment.id) == "paid"
    assert await world.entries(payment.id) == [("capture", 55_000, "E4")]


async def test_a_forged_hint_pays_nothing(hinted):
    world = hinted
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    await world.tell("approved", payment)
    await world.quiet()

    assert await world.state(payment.id) == "open"
    assert world.teller.calls["inquire"] == 1, "it was asked, and had nothing"
    assert await world.entries(payment.id) == []
    assert await world.cases(payment.id) == []


async def test_a_hint_of_a_cancel_in_the_console_is_found_there(hinted):
    world = hinted
    payment = await world.buy_at_teller()
    world.trade(payment).refunds.append(20_000)
    await world.tell("part_cancelled", payment, amount=99_999)
    await world.quiet()
    after = await world.payment(payment.id)

    assert (after.state, after.refunded) == ("part_refunded", 20_000)
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("external_refund", -20_000, "E4")]
    await world.check_books()


async def test_a_forged_hint_of_a_cancel_refunds_nothing(hinted):
    world = hinted
    payment = await world.buy_at_teller()
    await world.tell("cancelled", payment)
    await world.quiet()

    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == []


async def test_a_hint_on_an_ended_payment_finds_the_money_that_is_there(hinted):
    world = hinted
    world.teller.fail("approve", "late")
    payment = await world.buy_at_teller()
    await world.live(200)
    assert await world.state(payment.id) == "declined"
    world.teller.let_late_arrive()
    for _ in range(2):
        await world.tell("approved", payment)
        await world.quiet()
    await world.tell("approved", payment, again="1")
    await world.quiet()
    after = await world.payment(payment.id)

    assert (after.state, after.orphaned) == ("declined", 55_000)
    assert await world.entries(payment.id) == [("orphan_capture", 55_000, "E4")]
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    await world.check_books()


async def test_orphaned_money_that_the_gateway_shows_given_back_is_out_of_the_books_and_no_longer_a_persons(hinted):
    world = hinted
    world.teller.fail("approve", "late")
    payment = await world.buy_at_teller()
    await world.live(200)
    world.teller.let_late_arrive()
    await world.tell("approved", payment)
    await world.quiet()
    assert (await world.payment(payment.id)).orphaned == 55_000
    world.trade(payment).refunds.append(20_000)
    await world.tell("cancelled", payment, again="1")
    await world.live(10)
    assert (await world.payment(payment.id)).orphaned == 35_000
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    world.trade(payment).refunds.append(35_000)
    await world.tell("cancelled", payment, again="2")
    await world.live(400, step=10)

    assert (await world.payment(payment.id)).orphaned == 0
    assert await world.entries(payment.id) == [
        ("orphan_capture", 55_000, "E4"),
        ("orphan_refund", -20_000, "E4"),
        ("orphan_refund", -35_000, "E4"),
    ]
    await world.check_books()


async def test_a_hint_of_a_known_payment_asks_nothing(hinted):
    world = hinted
    payment = await world.buy_at_teller()
    await world.tell("approved", payment)
    await world.quiet()

    assert world.teller.calls["inquire"] == 0


async def test_a_hint_of_a_deposit_is_asked_about(hinted):
    world = hinted
    payment = await world.buy_at_teller()
    await world.tell("deposited", payment)
    await world.quiet()

    assert world.teller.calls["inquire"] == 1
    assert await world.cases(payment.id) == []


# ---- a gateway that captures by itself and can be asked


async def test_the_buyers_return_makes_the_bridge_ask_and_believes_nothing_it_carries(alone):
    world = alone
    unpaid = await world.checkout()
    page = await world.return_from_teller(unpaid, result="success", amount="55000")
    await world.quiet()
    assert page.status_code == 200
    assert await world.state(unpaid.payment) == "open"
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    world.teller.capture(payment.merchant_ref)
    back = await world.return_from_teller(opened)

    assert back.status_code == 303
    assert back.headers["location"].startswith(f"{world.site.url}/result")
    assert await world.entries(payment.id) == [("capture", 55_000, "E4")]
    await world.check_books()


async def test_a_payment_that_shows_late_is_found_by_asking_on(alone):
    world = alone
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    await world.return_from_teller(opened)
    world.teller.capture(payment.merchant_ref)
    await world.live(6, step=1)

    assert await world.state(payment.id) == "paid"


async def test_a_return_that_names_another_window_is_refused(alone):
    world = alone
    opened = await world.checkout()
    answer = await world.return_from_teller(opened, number="T-of-another")
    await world.quiet()

    assert answer.status_code == 400
    assert world.teller.calls["inquire"] == 0


async def test_a_buyer_who_gave_up_in_the_window_may_go_on(alone):
    world = alone
    opened = await world.checkout()
    answer = await world.return_from_teller(opened, no="USER_CANCEL")

    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{world.site.url}/order")
    assert "pay_bridge_result=declined" in answer.headers["location"], "and it is no failure of the shop's"
    assert await world.state(opened.payment) == "open"


async def test_a_window_that_nobody_paid_ends_when_it_was_absent_twice(alone):
    world = alone
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.live(LIFE + 120, step=10)
    assert await world.state(opened.payment) == "open", "the quiet period is not over"
    await world.live(180, step=10)
    probe = next(one for one in await world.operations(opened.payment) if one.kind == "probe")

    assert await world.state(opened.payment) == "expired"
    assert (probe.step, probe.evidence) == ("ok", "E5")
    assert await world.told(opened.payment) == ["payment.failed"]
    await world.live(700, step=20)
    assert [row["id"] for row in await world.all("SELECT id FROM operations WHERE state = 'unknown'")] == []


async def test_a_paid_window_is_found_at_its_end(alone):
    world = alone
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    await world.clock.forward(LIFE - 10)
    world.teller.capture(payment.merchant_ref)
    await world.live(100, step=5)

    assert await world.state(payment.id) == "paid"
    assert [one.step for one in await world.operations(payment.id) if one.kind == "probe"] == ["fail"]
    await world.check_books()


async def test_a_second_charge_of_the_same_payment_is_found_by_the_comparison(alone):
    world = alone
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    world.teller.capture(payment.merchant_ref)
    await world.return_from_teller(opened)
    world.teller.capture(payment.merchant_ref)
    await world.tell("cancelled", payment)
    await world.quiet()
    after = await world.payment(payment.id)

    assert (after.state, after.orphaned) == ("paid", 55_000)
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    await world.check_books()


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("amount", [None, 20_000])
async def test_a_hint_of_our_own_lost_refund_is_asked_about_now_and_settles_nothing(hinted, amount, executed):
    world = hinted
    payment = await world.buy_at_teller()
    world.teller.fail("refund", "lost_after" if executed else "lost_before")
    await world.refund(payment.id, amount)
    await world.live(40, step=5)
    asked = world.teller.calls["inquire"]
    refund = next(one for one in await world.operations(payment.id) if one.kind == "refund")
    if not executed:
        assert (refund.step, refund.evidence) == ("unknown", "")
        await world.tell("part_cancelled" if amount else "cancelled", payment, amount=refund.amount)
        await world.live(2, step=1)
        assert world.teller.calls["inquire"] == asked + 1, "a forged notice makes us ask, and ask at once"
    await world.live(400, step=5)

    refund = next(one for one in await world.operations(payment.id) if one.kind == "refund")
    assert (refund.step, refund.evidence) == (("ok", "E4") if executed else ("fail", "E5"))
    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded
    await world.check_books()


@pytest.mark.parametrize("said", ["refunded", "not_refunded"])
async def test_a_cancel_that_may_be_our_refund_is_somebody_elses_once_people_say_that_ours_was_not_made(hinted, said):
    world = hinted
    world.teller.shows_refunds = False
    payment = await world.buy_at_teller()
    world.teller.fail("refund", "lost_after" if said == "refunded" else "lost_before")
    await world.refund(payment.id, 20_000)
    await world.live(1_000, step=20)
    if said == "not_refunded":
        world.trade(payment).refunds.append(20_000)
    await world.tell("part_cancelled", payment, amount=20_000)
    await world.live(200, step=20)
    await decide(world, await case_of(world, payment.id, "refund_unknown"), said)
    await world.live(1_000, step=20)

    assert await world.cases(payment.id) == ([] if said == "refunded" else ["external_cancel"])
    if said == "not_refunded":
        await decide(world, await case_of(world, payment.id), "given_back", amount=20_000)
    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 20_000
    await world.check_books()


async def called_voided(world, *, lies_there=False):
    """Lose an approval, have people call it taken and given back, and an inquiry that tells of no refunds show it."""
    world.teller.shows_refunds = False
    world.teller.fail("approve", "lost_after")
    world.teller.fail("inquire", *["lost_before"] * 300)
    payment = await world.buy_at_teller()
    await world.live(1_000, step=20)
    assert await world.state(payment.id) == "needs_human"
    if not lies_there:
        world.trade(payment).refunds.append(55_000)
    await world.tell("cancelled", payment)
    await world.quiet()
    await decide(world, await case_of(world, payment.id), "voided")
    world.teller.faults.clear()
    await world.live(1_000, step=20)
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    return payment


async def test_what_people_saw_taken_and_given_back_is_asked_about_and_not_booked_when_an_inquiry_shows_it(hinted):
    world, payment = hinted, await called_voided(hinted)

    assert (await world.state(payment.id), await world.entries(payment.id)) == ("voided", [])
    await decide(world, await case_of(world, payment.id), "no_money")
    assert (await world.cases(payment.id), await world.entries(payment.id)) == ([], [])


@pytest.mark.parametrize("said", ["given_back", "no_money", "money_found", "adopted"])
async def test_what_people_answered_of_money_they_had_seen_given_back_is_not_asked_again_while_it_is_shown(
    hinted, said
):
    """Whoever knows the address of its hints could have them asked for ever, and have the money written twice."""
    world, lies_there = hinted, said in ("money_found", "adopted")
    payment = await called_voided(world, lies_there=lies_there)
    for decision in ("money_found", said) if said == "adopted" else (said,):
        await decide(world, await case_of(world, payment.id), decision)
    answered = (await world.cases(payment.id), await world.entries(payment.id))
    await world.tell("approved", payment)
    await world.live(1_000, step=20)

    assert (await world.cases(payment.id), await world.entries(payment.id)) == answered
    await world.check_books()
