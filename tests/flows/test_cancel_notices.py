"""Notices of cancels: our own refund or somebody else's, in whatever words and order they come."""

import pytest

from bridge.domain.decisions import Decision, Matter, choices
from bridge.domain.machine import Kind


@pytest.fixture
async def paid(world):
    """A payment that was made in the window of a gateway that captures by itself and tells."""
    await world.pair_teller("SelfTold")
    checkout = await world.checkout()
    payment = await world.payment(checkout.payment)
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.quiet()
    return world, payment


async def ask_refund(world, payment, amount=None):
    answer = await world.refund(payment.id, amount)
    await world.quiet()
    return answer.json()


async def refund_rows(world, payment):
    rows = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    return [(one.step, one.evidence) for one in rows]


async def test_a_refund_that_was_taken_in_stays_so_until_it_is_told(paid):
    world, payment = paid
    world.teller.fail("refund", "taken_in")
    said = await ask_refund(world, payment)
    await world.live(7_200, step=120)
    shown = (await world.call("GET", f"/v1/refunds/{said['id']}")).json()
    assert (said["state"], shown["state"]) == ("accepted", "accepted")
    assert world.teller.calls["refund"] == 1
    assert await world.cases(payment.id) == []
    assert (await world.call("GET", "/v1/health")).json()["verdict"] != "fail"
    world.trade(payment).refunds.append(55_000)
    await world.tell("cancelled", payment)

    assert await refund_rows(world, payment) == [("ok", "E7")]
    assert await world.state(payment.id) == "refunded"
    await world.check_books()


@pytest.mark.parametrize("hears", [True, False])
async def test_a_refund_that_was_taken_in_and_never_made_is_a_persons_after_two_weeks(paid, hears):
    world, payment = paid
    world.teller.fail("refund", "taken_in")
    said = await ask_refund(world, payment, 20_000)
    await world.clock.forward(14 * 86_400 - 60)
    await world.beat()
    assert await world.cases(payment.id) == []
    await world.clock.forward(120)
    await world.beat()
    await world.beat()
    shown = (await world.call("GET", f"/v1/refunds/{said['id']}")).json()
    (case,) = await world.all("SELECT * FROM cases WHERE payment = ?", payment.id)

    assert await refund_rows(world, payment) == [("needs_human", "")]
    assert (shown["state"], world.teller.calls["refund"]) == ("accepted", 1), "it is never sent again"
    assert case["reason"] == "refund_unknown"
    offered = choices(Matter(case["reason"]), await world.payment(payment.id), [Kind.REFUND], order_free=True)
    assert offered == (Decision.REFUNDED, Decision.NOT_REFUNDED)
    await world.check_books()
    if hears:
        world.trade(payment).refunds.append(20_000)
        await world.tell("part_cancelled", payment, amount=20_000)
        assert await refund_rows(world, payment) == [("ok", "E7")]
        assert await world.cases(payment.id) == []


@pytest.mark.parametrize("meant", ["20000 35000", "35000 20000"])
async def test_an_unclear_amount_settles_the_refund_of_ours_that_it_may_mean(paid, meant):
    world, payment = paid
    world.teller.fail("refund", "lost_after")
    await ask_refund(world, payment, 20_000)
    assert await refund_rows(world, payment) == [("needs_human", "")]
    await world.tell("part_cancelled", payment, amount=35_000, readings=meant)

    assert await refund_rows(world, payment) == [("ok", "E7")]
    assert (await world.payment(payment.id)).refunded == 20_000
    assert await world.cases(payment.id) == []
    await world.check_books()


@pytest.mark.parametrize(
    ("price", "is_ours"),
    [
        pytest.param(38_500, False, id="the console gave back the rest, or the first part left so much"),
        pytest.param(22_000, True, id="with the second part, so much is left"),
        pytest.param(16_500, True, id="the second part's own amount"),
    ],
)
async def test_an_unclear_amount_after_a_part_settles_the_next_only_where_both_are_all_that_went_back(
    paid, price, is_ours
):
    world, payment = paid
    await ask_refund(world, payment, 16_500)
    world.teller.fail("refund", "lost_after" if is_ours else "lost_before")
    await ask_refund(world, payment, 16_500)
    readings = f"{price} {55_000 - price}"
    await world.tell("part_cancelled", payment, amount=price, readings=readings, refund_number="another")

    assert await refund_rows(world, payment) == [("ok", "E1"), ("ok", "E7") if is_ours else ("needs_human", "")]
    assert (await world.payment(payment.id)).refunded == (33_000 if is_ours else 16_500)
    assert await world.cases(payment.id) == ([] if is_ours else ["refund_unknown", "external_cancel"])
    if is_ours:
        await world.check_books()
    else:
        (case,) = await world.all("SELECT amount, detail FROM cases WHERE reason = 'external_cancel'")
        assert case["amount"] == 38_500
        assert "38500 KRW that was not asked here" in case["detail"]


async def test_what_is_left_after_a_part_is_not_taken_for_the_next_where_another_sum_went_back(paid):
    world, payment = paid
    await ask_refund(world, payment, 16_500)
    world.teller.fail("refund", "lost_before")
    await ask_refund(world, payment, 30_000)
    world.trade(payment).refunds.append(13_500)
    await world.tell("part_cancelled", payment, amount=0, readings="30000", left=25_000)

    assert await refund_rows(world, payment) == [("ok", "E1"), ("needs_human", "")]
    assert await world.cases(payment.id) == ["refund_unknown", "external_cancel"]


async def test_an_unclear_amount_of_nobodys_refund_is_a_persons(paid):
    world, payment = paid
    await world.tell("part_cancelled", payment, amount=35_000, readings="20000 35000")

    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert await world.cases(payment.id) == ["external_cancel"]


@pytest.mark.parametrize(("event", "amount", "state"), [("cancelled", 55_000, "refunded"),
                                                        ("part_cancelled", 20_000, "part_refunded")])  # fmt: skip
async def test_a_cancel_in_the_console_is_written_down_and_told_once(paid, event, amount, state):
    world, payment = paid
    world.trade(payment).refunds.append(amount)
    for _ in range(3):
        await world.tell(event, payment, amount=amount)

    assert await world.state(payment.id) == state
    assert await world.entries(payment.id) == [("capture", 55_000, "E7"), ("external_refund", -amount, "E7")]
    assert await world.told(payment.id) == ["payment.paid", "payment.refunded"]
    assert await world.cases(payment.id) == []
    await world.check_books()


async def test_a_cancel_in_the_console_beside_a_refund_of_all_without_outcome_is_a_persons(paid):
    world, payment = paid
    world.teller.fail("refund", "taken_in")
    await ask_refund(world, payment)
    world.trade(payment).refunds.append(20_000)
    await world.tell("part_cancelled", payment, amount=20_000)

    assert await refund_rows(world, payment) == [("unknown", "")]
    assert await world.cases(payment.id) == ["external_cancel"]
    world.trade(payment).refunds.append(35_000)
    await world.tell("cancelled", payment)

    assert await refund_rows(world, payment) == [("ok", "E7")]
    assert await world.state(payment.id) == "refunded", "and no more than was taken"


async def test_more_than_is_left_is_a_persons(paid):
    world, payment = paid
    await world.tell("part_cancelled", payment, amount=60_000)

    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == ["external_cancel"]


async def test_the_news_of_our_own_refund_is_known(paid):
    world, payment = paid
    await ask_refund(world, payment, 20_000)
    (refund,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    await world.tell("part_cancelled", payment, amount=20_000, refund_number=refund.refs["refund_number"])

    assert (await world.payment(payment.id)).refunded == 20_000
    assert await world.cases(payment.id) == []


async def test_another_cancel_of_the_same_amount_is_not_taken_for_ours(paid):
    world, payment = paid
    await ask_refund(world, payment, 20_000)
    world.trade(payment).refunds.append(20_000)
    await world.tell("part_cancelled", payment, amount=20_000, refund_number="R-of-the-console")

    assert (await world.payment(payment.id)).refunded == 40_000
    await world.check_books()


async def test_a_cancel_that_overtook_its_payment_ends_it_and_the_payment_is_then_known(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    trade = world.teller.capture(payment.merchant_ref)
    trade.refunds.append(55_000)
    await world.tell("cancelled", payment)
    await world.tell("approved", payment)
    await world.quiet()

    assert await world.state(payment.id) == "voided"
    assert await world.entries(payment.id) == []
    assert await world.told(payment.id) == ["payment.failed"]
    assert await world.cases(payment.id) == []
    await world.check_books()


@pytest.mark.parametrize("found", ["unknown", "needs_human"])
async def test_a_cancel_told_before_a_window_that_was_perhaps_paid_is_known_ends_it(world, found):
    """The request could not be withdrawn because it was paid; that money went back, and the news of it came last."""
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    trade = world.teller.capture(payment.merchant_ref)
    seconds = 1_200 if found == "unknown" else 12_000
    await world.live(seconds, step=60)
    assert await world.state(payment.id) == found
    trade.refunds.append(55_000)
    await world.tell("cancelled", payment)
    await world.tell("approved", payment)
    await world.live(600, step=60)

    assert await world.state(payment.id) == "voided"
    assert await world.entries(payment.id) == []
    assert [(one.kind, one.step) for one in await world.operations(payment.id)] == [("probe", "fail")]
    assert await world.cases(payment.id) == []
    await world.check_books()


async def test_a_part_told_before_a_window_that_was_perhaps_paid_is_known_waits_for_it(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    trade = world.teller.capture(payment.merchant_ref)
    await world.live(1_200, step=60)
    assert await world.state(payment.id) == "unknown"
    trade.refunds.append(20_000)
    await world.tell("part_cancelled", payment, amount=20_000)
    assert await world.state(payment.id) == "unknown"
    await world.tell("approved", payment)
    await world.live(60, step=10)

    assert await world.state(payment.id) == "part_refunded"
    assert (await world.payment(payment.id)).refunded == 20_000
    await world.check_books()


async def test_a_part_that_overtook_its_payment_waits_for_it(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    trade = world.teller.capture(payment.merchant_ref)
    trade.refunds.append(20_000)
    await world.tell("part_cancelled", payment, amount=20_000)
    assert await world.state(payment.id) == "open"
    await world.tell("approved", payment)
    await world.quiet()
    await world.beat()

    assert await world.state(payment.id) == "part_refunded"
    await world.check_books()
