"""A lost answer is unknown until there is evidence; nobody is told "failed" meanwhile."""

import asyncio

import pytest

from bridge.domain.machine import UNSETTLED
from bridge.gateways.mainpay import sandbox_notices

LOST = ["drop_before", "rst_before", "drop_after", "rst_after", "5xx_before", "5xx_after", "garbage_after",
        "empty_after", "half_after", "throttled", "redirect", "cross_wired", "huge_after"]  # fmt: skip
DONE_ALL_THE_SAME = {"drop_after", "rst_after", "5xx_after", "garbage_after", "empty_after", "half_after",
                     "cross_wired", "huge_after"}  # fmt: skip


@pytest.mark.parametrize("kind", LOST)
async def test_a_lost_answer_is_taken_back_and_nobody_hears_failed_before(any_world, kind):
    world = any_world
    world.fault("pay", kind)
    world.fault("net_cancel", "5xx_before", times=3)
    if world.dialect == "guide":
        world.fault("cancel", "5xx_before", times=3)
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    payment = await world.payment(opened.payment)
    assert bool(world.book(payment).captured) is (kind in DONE_ALL_THE_SAME)

    for _ in range(80):
        if await world.state(opened.payment) not in UNSETTLED:
            break
        await world.check_nobody_hears_failed(opened, coming)
        await world.live(5)
    payment = await world.payment(opened.payment)

    assert payment.state == "voided"
    assert world.book(payment).net == 0
    assert await world.told(opened.payment) == ["payment.confirming", "payment.failed"]
    assert world.book(payment).calls["pay"] == 1, "an approval is never sent again"
    assert await world.cases(payment.id) == []
    status = await world.status(opened)
    assert status["state"] == "voided"
    assert "승인은 취소됐어요" in status["message_ko"]
    await world.check_books()


@pytest.mark.parametrize("words", ["이미 부분취소된 거래", "이미 취소 접수된 거래"])
async def test_already_said_of_a_part_or_of_a_cancel_under_way_takes_nothing_back(any_world, words):
    world, undo = any_world, "net_cancel" if any_world.dialect == "live" else "cancel"
    world.fault("pay", "drop_after")
    world.fault(undo, "decline", times=None, code="3002", message=words)
    opened = await world.checkout()
    await world.come_back(opened)
    for _ in range(300):
        await world.live(5)
    payment = await world.payment(opened.payment)

    assert world.book(payment).net == 55_000
    assert payment.state == "needs_human", "the buyer would hear that it was taken back"


@pytest.mark.parametrize("microsecond", [0, 499_501, 999_499, 999_500, 999_999])
async def test_net_cancel_needs_the_very_parameters_of_pay(world, microsecond):
    """At the end of a second too: the time that was sent must not be rounded up where it is kept."""
    world.clock.at = world.clock.at.replace(microsecond=microsecond)
    world.fault("pay", "drop_after")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    (pay,), (undo,) = world.net.calls("/pay"), world.net.calls("/net-cancel")

    assert undo.body == pay.body
    assert await world.state(opened.payment) == "voided"


async def come_back_unanswered(world):
    """Let a buyer come back whose approval is sent, and has no answer within its deadline."""
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    await world.clock.forward(66)
    await returning
    return opened


async def test_nothing_there_proves_nothing_before_the_quiet_period(world):
    """The pay still lies in the network: net-cancel finds nothing, then the money moves."""
    world.sandbox_setting(net_cancel_blocks=False)
    world.fault("pay", "late", delay_seconds=100.0)
    opened = await come_back_unanswered(world)
    await world.quiet()
    payment = await world.payment(opened.payment)
    assert world.net.calls("/net-cancel"), "it was asked at once"
    assert payment.state == "voiding"
    assert world.book(payment).net == 0
    await world.live(30)
    assert await world.state(payment.id) == "voiding", "nothing there is no proof yet"
    await world.live(240)

    assert world.book(payment).captured == 55_000
    assert world.book(payment).net == 0
    assert await world.state(payment.id) == "voided"
    await world.check_books()


async def test_nothing_there_after_the_quiet_period_ends_it(world):
    world.fault("pay", "drop_before")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    began = world.clock.boot
    while await world.state(opened.payment) == "voiding":
        assert world.clock.boot - began < 300
        await world.live(5)
    waited = round(world.clock.boot - began, 3)

    assert await world.state(opened.payment) == "voided"
    assert 125 <= waited <= 200
    approve = next(one for one in await world.operations(opened.payment) if one.kind == "approve")
    assert (approve.step, approve.evidence) == ("fail", "E6")


@pytest.mark.parametrize("after", [True, False])
async def test_a_gateway_that_never_answers_is_given_to_a_person_and_settled_later(any_world, after):
    world = any_world
    undo = "net_cancel" if world.dialect == "live" else "cancel"
    world.fault("pay", "drop_after" if after else "drop_before")
    world.fault(undo, "5xx_before", times=None)
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    await world.live(590, step=10)
    assert await world.state(opened.payment) == "voiding"
    await world.live(120, step=10)
    assert await world.state(opened.payment) == "needs_human"
    assert await world.cases(opened.payment) == ["unknown_outcome"]
    await world.check_nobody_hears_failed(opened, coming)
    refused = await world.refund(opened.payment)
    assert (refused.status_code, refused.json()["code"]) == (409, "pending_outcome")

    world.sandbox.faults.clear()
    world.sandbox.faults.amounts_choose = False
    await world.live(700, step=20)
    payment = await world.payment(opened.payment)
    assert payment.state == "voided"
    assert await world.cases(payment.id) == []
    assert world.book(payment).net == 0
    await world.check_books()


async def test_a_gateway_that_is_gone_for_hours_is_asked_again_when_it_is_back(world):
    """Nothing is ever decided by time alone: while no call can be sent, the payment goes on waiting."""
    world.fault("pay", "drop_after")
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    world.fault("net_cancel", "5xx_before")
    await world.go(coming)
    await world.quiet()
    world.net.down.add("http://sandbox.test:80")
    await world.live(2 * 3600, step=60)
    assert await world.state(opened.payment) == "voiding"
    await world.check_nobody_hears_failed(opened, coming)
    world.net.down.clear()
    await world.live(120, step=5)

    assert await world.state(opened.payment) == "voided"
    assert world.book(await world.payment(opened.payment)).net == 0
    await world.check_books()


async def test_too_late_to_take_back_is_given_to_a_person_at_once(world):
    world.sandbox_setting(net_cancel_seconds=1.0)
    world.fault("pay", "delay", delay_seconds=70.0)
    opened = await come_back_unanswered(world)
    await world.quiet()

    assert await world.state(opened.payment) == "needs_human"
    assert await world.cases(opened.payment) == ["unknown_outcome"]
    assert world.book(await world.payment(opened.payment)).net == 55_000, "the money is there: no guess is made"
    assert "payment.failed" not in await world.told(opened.payment)


async def test_a_net_cancel_that_fails_is_no_proof_that_nothing_was_there(world):
    """3001 to a net-cancel says that it failed; the money may well be there, however late it is asked."""
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "decline", times=None, code="3001", message="취소 실패")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    await world.live(400, step=10)

    assert await world.state(opened.payment) in UNSETTLED
    assert world.book(await world.payment(opened.payment)).net == 55_000


async def test_a_duplicate_code_is_unknown_and_not_a_decline(any_world):
    world = any_world
    world.fault("pay", "duplicate")
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    payment = await world.payment(opened.payment)

    assert payment.state == "voided", "ma or 1003: the money is there, and is taken back"
    assert world.book(payment).net == 0
    await world.check_books()


async def test_a_refusal_whose_net_cancel_fails_stays_unknown_and_keeps_the_gateways_words(world):
    """However long it takes, even through a person's hands, the end is the decline it was."""
    world.fault("pay", "decline", code="51", message="잔액 부족")
    world.fault("net_cancel", "5xx_before", times=None)
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    assert await world.state(opened.payment) == "unknown"
    await world.check_nobody_hears_failed(opened, coming)
    await world.live(700, step=20)
    assert await world.state(opened.payment) == "needs_human"
    world.sandbox.faults.armed.clear()
    await world.live(700, step=20)

    assert await world.state(opened.payment) == "declined"
    assert (await world.status(opened))["gateway_message"] == "잔액 부족"
    approve = next(one for one in await world.operations(opened.payment) if one.kind == "approve")
    assert (approve.step, approve.evidence) == ("fail", "E10")
    await world.check_books()


async def test_an_approval_notice_makes_an_unknown_be_asked_now(world):
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=4)
    world.fault("notice", "notice_lost")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    await world.live(30)
    tries = len(world.net.calls("/net-cancel"))
    payment = await world.payment(opened.payment)
    till = world.sandbox.desks["mainpay"]._till
    trade = next(iter(till.trades.values()))
    fields = sandbox_notices.card_fields(till, trade, "0", trade.ref_no, 55_000)
    answer = await world.post_notice(fields)
    await world.quiet()

    assert answer.status_code == 200
    assert len(world.net.calls("/net-cancel")) == tries + 1
    assert await world.state(payment.id) == "voided"


async def test_a_part_that_went_back_in_the_console_shows_that_there_is_something_to_take_back(any_world):
    """After a part the whole cannot be taken back, and Mainpay refuses it as if nothing were there."""
    world = any_world
    world.fault("pay", "drop_after")
    world.fault("notice", "notice_lost")
    world.fault("cancel" if world.dialect == "guide" else "net_cancel", "5xx_before", times=4)
    opened = await world.checkout()
    await world.come_back(opened)
    await world.live(5, step=1)
    payment = await world.payment(opened.payment)
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 18_000})
    await world.live(1_200)

    assert (await world.state(payment.id), await world.cases(payment.id)) == ("needs_human", ["unknown_outcome"])
    assert world.book(payment).net == 37_000


async def test_a_part_that_goes_back_in_the_console_after_taking_back_found_nothing_is_a_persons(world):
    world.sandbox_setting(net_cancel_blocks=False)
    world.fault("pay", "late", delay_seconds=400.0)
    world.fault("notice", "notice_lost")
    opened = await come_back_unanswered(world)
    await world.live(360)
    payment = await world.payment(opened.payment)
    assert (payment.state, world.book(payment).net, await world.cases(payment.id)) == ("voided", 55_000, [])
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 18_000})
    await world.quiet()

    assert await world.cases(payment.id) == ["money_on_ended_payment"]
