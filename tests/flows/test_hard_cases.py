"""Two things going wrong at once."""

import pytest

from bridge.domain.machine import UNSETTLED


async def test_another_amount_whose_taking_back_fails_is_nobodys_paid_order(any_world):
    """Too much was taken and cannot be given back: a person is told, and the shop never hears "paid"."""
    world = any_world
    undo = "net_cancel" if world.dialect == "live" else "cancel"
    world.fault("pay", "wrong_amount")
    world.fault(undo, "5xx_before", times=None)
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    await world.check_nobody_hears_failed(opened, coming)
    await world.live(720, step=20)
    payment = await world.payment(opened.payment)
    assert (payment.state, payment.captured) == ("needs_human", 56_000)
    assert sorted(await world.cases(payment.id)) == ["amount_mismatch", "unknown_outcome"]
    assert (await world.refund(payment.id)).json()["code"] == "pending_outcome"

    world.sandbox.faults.armed.clear()
    await world.live(700, step=20)
    payment = await world.payment(opened.payment)
    assert payment.state == "voided"
    assert world.book(payment).net == 0
    assert await world.told(payment.id) == ["payment.failed"]
    assert await world.cases(payment.id) == ["amount_mismatch"], "that it happened is still for a person"
    await world.check_books()


async def test_an_unlisted_refusal_in_the_guides_dialect_ends_at_once_too(guide_world):
    world = guide_world
    world.fault("pay", "decline", code="401", message="인증 실패")
    opened = await world.checkout()
    page = await world.come_back(opened)
    await world.quiet()

    assert "pay_bridge_result=declined" in page.headers["location"]
    assert await world.state(opened.payment) == "declined"
    assert world.book(await world.payment(opened.payment)).net == 0
    await world.live(240, step=20)
    assert await world.cases(opened.payment) == []
    await world.check_books()


async def test_a_cancel_that_failed_does_not_say_in_the_guides_dialect_that_nothing_was_taken(guide_world):
    """The guide prints 3001 as 취소 실패 and no more: it is said of a payment that is there as well."""
    world = guide_world
    world.fault("pay", "drop_after")
    world.fault("notice", "notice_lost", times=None)
    world.fault("cancel", "decline", code="3001", times=None)
    opened = await world.checkout()
    await world.come_back(opened)
    await world.live(1_300, step=20)
    payment = await world.payment(opened.payment)

    assert world.book(payment).net == 55_000
    assert (payment.state, await world.cases(payment.id)) == ("needs_human", ["unknown_outcome"])
    assert "payment.failed" not in await world.told(payment.id)


@pytest.mark.parametrize("code", ["500", "1003", "ma", "3002"])
async def test_a_code_that_is_no_refusal_waits_for_the_quiet_period(world, code):
    """The server's own failure, a used number, an old cancel: none says that this payment did not happen."""
    world.fault("pay", "decline", code=code)
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    await world.live(60)
    assert await world.state(opened.payment) in UNSETTLED
    await world.check_nobody_hears_failed(opened, coming)
    await world.live(200)
    assert await world.state(opened.payment) == "voided"
    await world.check_books()


async def test_a_crash_while_a_person_is_asked_changes_nothing(world):
    payment = await world.buy()
    world.fault("part_cancel", "drop_before")
    await world.refund(payment.id, 5_000)
    await world.quiet()
    before = await world.all("SELECT id, state FROM operations ORDER BY id")
    await world.restart()
    await world.live(120, step=20)

    assert await world.all("SELECT id, state FROM operations ORDER BY id") == before
    assert await world.cases(payment.id) == ["refund_unknown"]
    assert (await world.refund(payment.id, 1_000)).json()["code"] == "pending_outcome"


async def test_a_lost_answer_and_a_crash_and_a_lost_net_cancel_end_at_zero(any_world):
    world = any_world
    undo = "net_cancel" if world.dialect == "live" else "cancel"
    world.fault("pay", "rst_after")
    world.fault(undo, "drop_after")
    world.fault("notice", "notice_lost", times=None)  # it would make the bridge ask again at once
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    await world.restart()
    await world.check_nobody_hears_failed(opened, coming)
    await world.live(60)

    payment = await world.payment(opened.payment)
    assert payment.state == "voided"
    assert (world.book(payment).captured, world.book(payment).refunded) == (55_000, 55_000)
    assert world.book(payment).calls["pay"] == 1
    await world.check_books()


@pytest.mark.parametrize("kind", ["duplicate", "duplicate_unseen"])
async def test_a_part_that_the_network_sent_twice_is_seen_by_its_second_notice(world, kind):
    """The gateway gave back twice; our books say once. The second notice is a cancel nobody asked for: a case."""
    payment = await world.buy()
    world.fault("part_cancel", kind)
    await world.refund(payment.id, 5_000)
    await world.quiet()
    await world.beat(0)

    assert world.book(payment).refunded == 10_000
    assert (await world.payment(payment.id)).refunded == 5_000
    assert await world.cases(payment.id) == ["external_cancel"]


@pytest.mark.parametrize("told", [True, False])
async def test_a_part_that_is_refused_as_more_than_is_left_may_have_been_given_back_by_a_copy_of_its_request(
    world, told
):
    """The network sent it twice, and the caller saw the second answer: the first was made."""
    payment = await world.buy()
    world.fault("part_cancel", "duplicate")
    if not told:
        world.fault("notice", "notice_lost")
    await world.refund(payment.id, 30_000)
    await world.live(60)

    assert world.book(payment).refunded == 30_000
    assert (await world.payment(payment.id)).refunded == (30_000 if told else 0)
    assert await world.cases(payment.id) == ([] if told else ["refund_unknown"])
