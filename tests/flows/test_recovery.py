"""After kill -9: what was being done is found again, and never done twice."""

import asyncio
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from bridge.clock import new_id
from bridge.domain.machine import Kind, State, Step
from bridge.flows.receive_notice import begin_replays
from bridge.flows.recover import DROPPED_SECONDS, _supersede, recover
from bridge.ledger import notices
from bridge.ledger.notices import StoredNotice
from tests.flows.test_deposits import deposit
from tests.support.desk import APPROVING


async def until(condition):
    """Wait for something that is about to happen."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("arrives", [True, False])
async def test_an_approval_whose_answer_nobody_heard_is_found_and_taken_back(any_world, arrives):
    world = any_world
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    if not arrives:
        world.fault("pay", "hang_before", delay_seconds=60.0)
    world.sandbox.latency_seconds["mainpay", "pay"] = 30.0
    returning = asyncio.ensure_future(world.go(coming))
    await until(lambda: world.net.calls("/pay"))
    await asyncio.sleep(0.01)
    await world.crash()
    await asyncio.gather(returning, return_exceptions=True)
    world.sandbox.latency_seconds.clear()
    await world.clock.forward(31)
    await world.start()

    assert await world.state(opened.payment) == "unknown"
    await world.check_nobody_hears_failed(opened, coming)
    await world.live(300, step=10)
    payment = await world.payment(opened.payment)
    assert payment.state == "voided"
    assert world.book(payment).captured == (55_000 if arrives else 0)
    assert world.book(payment).net == 0
    assert len(world.net.calls("/pay")) == 1, "no second approval"
    await world.check_books()


async def test_a_full_refund_that_was_on_its_way_is_asked_again_and_done_once(any_world):
    world = any_world
    payment = await world.buy()
    world.fault("notice", "notice_lost")  # it would settle it too, as E7
    world.sandbox.latency_seconds["mainpay", "cancel"] = 30.0
    asking = asyncio.ensure_future(world.refund(payment.id))
    await until(lambda: world.net.calls("/cancel"))
    await asyncio.sleep(0.01)
    await world.crash()
    await asyncio.gather(asking, return_exceptions=True)
    world.sandbox.latency_seconds.clear()
    await world.clock.forward(31)
    await world.start()
    await world.live(30)

    assert await world.state(payment.id) == "refunded"
    assert world.book(payment).refunded == 55_000
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -55_000, "E9")]
    await world.check_books()


async def test_a_part_that_was_on_its_way_is_a_persons(any_world):
    world = any_world
    payment = await world.buy()
    op = "cancel" if world.dialect == "guide" else "part_cancel"
    world.sandbox.latency_seconds["mainpay", op] = 30.0
    asking = asyncio.ensure_future(world.refund(payment.id, 10_000))
    await until(lambda: world.net.calls("cancel"))
    await asyncio.sleep(0.01)
    await world.crash()
    await asyncio.gather(asking, return_exceptions=True)
    world.sandbox.latency_seconds.clear()
    world.fault("notice", "notice_lost")
    await world.clock.forward(31)
    await world.start()
    await world.live(30)
    calls = len(world.net.calls("cancel"))
    await world.live(900, step=60)

    (refund,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    assert refund.step == "needs_human"
    assert await world.cases(payment.id) == ["refund_unknown"]
    assert len(world.net.calls("cancel")) == calls == 1
    assert world.book(payment).refunded == 10_000


async def about_to_be_undone(world):
    """A payment whose approval's answer gets lost as soon as its buyer comes back, and what undoes it."""
    world.fault("pay", "drop_after")
    opened = await world.checkout()
    return opened, await world.authenticate(opened), "cancel" if world.dialect == "guide" else "net_cancel"


async def test_a_net_cancel_that_was_on_its_way_is_asked_again(any_world):
    world = any_world
    opened, coming, op = await about_to_be_undone(world)
    world.sandbox.latency_seconds["mainpay", op] = 30.0
    returning = asyncio.ensure_future(world.go(coming))
    await until(lambda: world.net.calls("cancel"))
    await asyncio.sleep(0.01)
    await world.crash()
    await asyncio.gather(returning, return_exceptions=True)
    world.sandbox.latency_seconds.clear()
    await world.clock.forward(31)
    await world.start()
    await world.live(60)

    assert await world.state(opened.payment) == "voided"
    assert world.book(await world.payment(opened.payment)).net == 0
    await world.check_books()


async def test_a_second_net_cancel_that_was_on_its_way_is_asked_again_before_the_dead_ones_claim_ends(any_world):
    world = any_world
    opened, coming, op = await about_to_be_undone(world)
    world.fault(op, "drop_before")
    await world.go(coming)
    world.sandbox.latency_seconds["mainpay", op] = 30.0
    await world.clock.forward(2)
    beating = asyncio.ensure_future(world.beat())
    await until(lambda: len(world.net.calls("cancel")) == 2)
    await world.crash()
    await asyncio.gather(beating, return_exceptions=True)
    world.sandbox.latency_seconds.clear()
    await world.start()
    await world.live(20)  # a process that others may share the ledger with is dead when its lease has run out

    assert await world.state(opened.payment) == "voided"
    assert world.book(await world.payment(opened.payment)).net == 0


async def test_what_this_process_sent_and_dropped_is_taken_up_after_ten_seconds_while_its_task_keeps_its_own(world):
    dropped, kept = await world.buy(), await world.buy()
    world.fault("notice", "notice_lost", times=None)
    world.fault("cancel", "hang", delay_seconds=40.0, times=2)
    for payment in (dropped, kept):
        await world.refund(payment.id)
    (operation,) = [one for one in await world.operations(dropped.id) if one.kind == "refund"]
    world.context.tasks.end(f"refund:{operation.id}")
    await until(lambda: world.context.tasks.find(f"refund:{operation.id}") is None)

    assert await recover(world.context) == 0
    await world.clock.forward(8)
    assert await recover(world.context) == 0
    await world.clock.forward(3)
    assert await recover(world.context) == 1
    steps = {
        one.payment: one.step
        for payment in (dropped, kept)
        for one in await world.operations(payment.id)
        if one.kind == "refund"
    }
    assert steps == {dropped.id: "unknown", kept.id: "sent"}


async def left_behind(desk, *payments):
    """Operations that this process sent eleven seconds ago; gives the desk, and each with its payment."""
    at = await desk("Mute")
    sent_at = at.world.clock.now() - timedelta(seconds=11)
    found = []
    for state, kind in payments:
        payment = await at.payment_in(state)
        found.append((payment, await at.operation(payment, kind, Step.SENT, sent_at=sent_at)))
    return at, *found


async def test_one_whose_answer_is_awaited_keeps_no_other_from_being_taken_up(desk):
    at, (_, first), (_, second) = await left_behind(desk, (State.PAID, Kind.REFUND), (State.PAID, Kind.REFUND))
    at.world.context.tasks.is_sending = lambda operation_id: operation_id == first.id
    assert await recover(at.world.context) == 1
    assert [(await at.now(one))[0].step for one in (first, second)] == ["sent", "unknown"]


async def test_what_was_taken_up_is_told_in_the_audit_and_an_approval_to_the_shop(desk):
    at, (approving, _), (paid, _) = await left_behind(desk, (APPROVING, Kind.APPROVE), (State.PAID, Kind.REFUND))
    assert await recover(at.world.context) == 2
    why = {"reason": "the bridge stopped before the answer was written down"}
    assert await at.audited(approving, "approve.unknown") == [("bridge", "approving", "unknown", why)]
    assert await at.world.told(approving.id) == ["payment.confirming"]
    assert await at.audited(paid, "refund.unknown") == [("bridge", "paid", "paid", {"amount": 55_000} | why)]
    assert await at.world.told(paid.id) == []


async def test_an_approval_left_behind_of_what_is_decided_already_changes_only_itself(desk):
    at, (payment, approve) = await left_behind(desk, (State.PAID, Kind.APPROVE))
    assert await recover(at.world.context) == 1
    after, now = await at.now(approve)
    assert (after.step, now.version) == ("unknown", payment.version)


async def test_a_window_left_half_open_is_superseded_beside_one_whose_books_are_not_settled_yet(desk, world):
    at = await desk("Mute")
    deaf = await at.payment_in(State.READYING)
    await world.pair_teller("Mute", url="http://another-shop.test")
    other = await at.payment_in(State.READYING)
    await _supersede(world.context, [deaf, other], frozenset({deaf.site}))
    assert [await world.state(one.id) for one in (deaf, other)] == ["readying", "superseded"]


async def test_a_window_that_was_being_opened_is_superseded_and_its_reference_stays_known(world):
    token = world.token(world.order())
    world.sandbox.latency_seconds["mainpay", "ready"] = 30.0
    opening = asyncio.ensure_future(world.post_checkout(token))
    await until(lambda: world.net.calls("/ready"))
    await asyncio.sleep(0.01)
    await world.crash()
    await asyncio.gather(opening, return_exceptions=True)
    world.sandbox.latency_seconds.clear()
    await world.clock.forward(31)
    await world.start()
    opened = await world.checkout(token=token)
    await world.come_back(opened)
    await world.quiet()

    states = {row["id"]: row["state"] for row in await world.all("SELECT id, state FROM payments")}
    assert sorted(states.values()) == ["paid", "superseded"]
    assert states[opened.payment] == "paid"


async def test_a_window_that_a_task_is_opening_is_left_to_it_however_long_it_takes(world):
    world.sandbox.latency_seconds["mainpay", "ready"] = DROPPED_SECONDS + 6.0
    opening = asyncio.ensure_future(world.post_checkout(world.token(world.order())))
    await until(lambda: world.net.calls("/ready"))
    await world.clock.forward(DROPPED_SECONDS + 5)
    await recover(world.context)
    await world.clock.forward(2)
    assert (await opening).status_code == 201


async def test_a_paid_payment_survives_a_crash_and_its_news_is_told(any_world):
    world = any_world
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.crash()
    await world.start()
    sent = len(world.net.sent)
    pages = [await world.go(coming) for _ in range(3)]
    assert len(world.net.sent) == sent, "reloading asks the gateway nothing"
    await world.beat()

    assert {page.status_code for page in pages} == {303}
    assert await world.state(opened.payment) == "paid"
    assert world.shop.kinds() == ["payment.paid"]
    await world.check_books()


async def test_a_kept_notice_without_its_effect_has_it_after_the_restart(world):
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    fields = deposit(world, payment)
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE payments SET state = 'awaiting_deposit', version = version + 1")
    )
    raw = world.context.vault.seal(urlencode(fields).encode(), "notice")
    kept = StoredNotice(
        new_id(world.clock), world.site.id, "mainpay", "noti", "d1", "211.43.193.87", raw, 1, payment.id
    )
    await world.context.ledger.write(lambda turn: notices.store(turn, kept))
    await world.restart()

    assert await world.state(payment.id) == "paid"
    await asyncio.gather(*await begin_replays(world.context))
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]


async def test_an_operation_sent_by_this_process_is_left_alone_until_it_is_overdue(world):
    """The heartbeat takes over only what nobody can be waiting for any more."""
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    world.sandbox.latency_seconds["mainpay", "pay"] = 40.0
    returning = asyncio.ensure_future(world.go(coming))
    await until(lambda: world.net.calls("/pay"))
    assert await recover(world.context) == 0
    await world.clock.forward(41)
    await returning
    await world.quiet()

    assert await world.state(opened.payment) == "paid"


async def test_booting_twice_in_a_row_changes_nothing(any_world):
    world = any_world
    payment = await world.buy()
    await world.refund(payment.id, 5_000)
    await world.beat()
    before = await world.all("SELECT * FROM payments")
    for _ in range(3):
        await world.restart()

    assert await world.all("SELECT * FROM payments") == before
    assert world.shop.kinds() == ["payment.paid", "payment.refunded"]
    await world.check_books()
