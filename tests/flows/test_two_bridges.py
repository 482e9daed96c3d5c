"""Two bridges on one database: each thing is done once, and what one leaves undone the other does."""

import asyncio
import threading
from collections import Counter
from urllib.parse import urlencode

import psycopg
import pytest

from bridge.clock import now_ms
from bridge.domain.failures import Busy, Conflict
from bridge.domain.gateway import Paid
from bridge.domain.machine import Evidence
from bridge.flows import receive_notice
from bridge.flows.deliver_news import deliver_news
from bridge.flows.external import write_external_refund
from bridge.flows.heartbeat import beat
from bridge.flows.lease import leased, live
from bridge.flows.receive_notice import begin_replays, replay_notice
from bridge.flows.recover import recover
from bridge.ledger import notices, operations, owners
from tests.flows.test_plans import change, registered, show, tell
from tests.flows.test_recovery import until
from tests.support.desk import WAITS, Desk
from tests.support.postgres import until_the_dead_are_seen
from tests.support.tellers import SECRET
from tests.support.together import beside

pytestmark = pytest.mark.postgres


@pytest.fixture
async def other(world):
    made = await beside(world)
    yield made
    await made.crash()


async def both_quiet(world, other):
    for _ in range(2):
        await world.quiet()
        await other.quiet()


async def held_approval(world):
    """Begin an approval whose answer takes 40 s; gives the checkout and the return that waits."""
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    before = len(world.net.calls("/pay"))
    world.sandbox.latency_seconds["mainpay", "pay"] = 40.0
    returning = asyncio.ensure_future(world.go(coming))
    await until(lambda: len(world.net.calls("/pay")) > before)
    await asyncio.sleep(0.01)
    world.sandbox.latency_seconds.clear()
    return opened, returning


async def test_each_message_is_delivered_once(world, other):
    for _ in range(25):
        await world.buy()
    owed = len(await world.all("SELECT id FROM news"))
    while sum(await asyncio.gather(*(deliver_news(one.context) for one in (world, other, world, other)))):
        continue

    assert owed >= 25
    assert len(world.shop.ids) == len(set(world.shop.ids)) == owed
    assert [row["tries"] for row in await world.all("SELECT tries FROM news")] == [1] * owed


async def test_news_a_dead_bridge_was_sending_is_sent_by_the_other(world, other):
    await world.buy()
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE news SET claimed_by = 'dead', claimed_until = ?", 1 << 50)
    )
    assert await deliver_news(other.context) == 0
    await live(other.context)
    await recover(other.context)

    assert await deliver_news(other.context) == 1
    assert world.shop.kinds() == ["payment.paid"]


async def test_a_try_that_failed_late_does_not_disturb_who_has_the_message_now(world):
    await world.buy()
    world.shop.status = 503

    def taken(_):
        with psycopg.connect(world.settings.database_url) as other:
            other.execute("UPDATE news SET claimed_by = 'other'")

    world.net.on_send = taken
    assert await deliver_news(world.context) == 0

    assert world.shop.tries == 1
    (row,) = await world.all("SELECT claimed_by, tries, state, last_error FROM news")
    assert row == {"claimed_by": "other", "tries": 0, "state": "waiting", "last_error": ""}


async def test_each_unknown_is_settled_once(world, other):
    bought = []
    for _ in range(12):
        world.fault("pay", "drop_after")
        opened = await world.checkout()
        await world.come_back(opened)
        bought.append(opened.payment)
    for _ in range(40):
        await world.clock.forward(5)
        await asyncio.gather(beat(world.context), beat(other.context))
        await both_quiet(world, other)

    asked = Counter(sent.body for sent in world.net.calls("net-cancel"))
    assert [await world.state(payment) for payment in bought] == ["voided"] * 12
    assert len(asked) == sum(asked.values()) == 12
    await world.check_books()


async def test_each_due_operation_is_claimed_by_one(world, other):
    """Both find the same refund due at the same moment; the gateway is asked again once."""
    payment = await world.buy()
    world.fault("cancel", "drop_before", times=None)
    await world.refund(payment.id)
    await both_quiet(world, other)
    world.sandbox.faults.clear()
    before = len(world.net.calls("cancel"))
    await world.clock.forward(90)
    await asyncio.gather(*(beat(one.context) for one in (world, other)))
    await both_quiet(world, other)

    assert len(world.net.calls("cancel")) == before + 1
    assert await world.state(payment.id) == "refunded"
    await world.check_books()


async def test_a_kept_notice_has_its_effect_once(world, other):
    payment = await world.buy()
    for _ in range(3):
        await world.context.ledger.write(lambda turn: turn.run("UPDATE notices SET state = 'pending'"))
        begun = [await begin_replays(one.context) for one in (world, other, world, other)]
        await asyncio.gather(*(task for tasks in begun for task in tasks))

    assert await world.cases(payment.id, only_open=False) == []
    assert await world.told(payment.id) == ["payment.paid"]
    await world.check_books()


async def test_what_a_living_bridge_has_sent_is_left_alone(world, other):
    opened, returning = await held_approval(world)
    for _ in range(3):
        await world.clock.forward(10)
        await live(world.context)
        await live(other.context)
        assert await recover(other.context) == 0
    await world.clock.forward(11)
    await returning
    await both_quiet(world, other)

    assert await world.state(opened.payment) == "paid"
    assert world.net.calls("net-cancel") == []


async def test_a_window_a_living_bridge_is_opening_is_left_alone_and_a_dead_ones_is_replaced(world, other):
    world.sandbox.latency_seconds["mainpay", "ready"] = 18.0
    opening = asyncio.ensure_future(world.post_checkout(world.token(world.order())))
    await until(lambda: world.net.calls("/ready"))
    await recover(other.context)
    (row,) = await world.all("SELECT id, state FROM payments")
    assert row["state"] == "readying"
    await world.clock.forward(16)
    await live(other.context)
    await recover(other.context)

    assert await world.state(row["id"]) == "superseded"
    await world.clock.forward(3)
    assert (await opening).status_code == 503


async def test_a_bridge_that_was_stopped_finds_its_approval_settled_by_the_other_and_changes_nothing(world, other):
    """It sleeps past its lease with an approval under way; the answer it then hears comes too late to be written."""
    opened, returning = await held_approval(world)
    await world.clock.forward(16)
    await live(other.context)
    assert await recover(other.context) == 1
    assert await recover(other.context) == 0
    for _ in range(40):
        await beat(other.context)
        await other.quiet()
        await world.clock.forward(5)
        await live(other.context)
    await returning
    await both_quiet(world, other)
    settled = await world.payment(opened.payment)
    await world.live(60)

    assert settled.state == "voided"
    assert await world.payment(opened.payment) == settled
    assert len(world.net.calls("/pay")) == 1
    (approve,) = [one for one in await world.operations(opened.payment) if one.kind == "approve"]
    assert approve.step == "fail"
    assert await world.told(opened.payment) == ["payment.confirming", "payment.failed"]
    await world.check_books()


async def test_a_claim_that_is_no_longer_the_newest_changes_nothing(world, other):
    payment = await world.buy()
    world.fault("cancel", "drop_before", times=None)
    await world.refund(payment.id)
    await both_quiet(world, other)
    (stale,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    at = now_ms(world.clock)
    await other.context.ledger.write(lambda turn: operations.try_again(turn, stale, next_try_at=at + 90_000))

    with pytest.raises(Conflict):
        await world.context.ledger.write(lambda turn: operations.try_again(turn, stale, next_try_at=at))
    (kept,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    assert (kept.tries, kept.next_try_at) != (stale.tries, stale.next_try_at)


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_claim_that_ran_out_settles_nothing_by_silence_and_something_by_proof(world, arrives):
    """One bridge asks again and stops; another claims the next try meanwhile."""
    payment = await world.buy()
    world.fault("cancel", "drop_before", times=2)
    await world.refund(payment.id)
    await world.quiet()
    before = len(world.net.calls("cancel"))
    world.sandbox.latency_seconds["mainpay", "cancel"] = 30.0
    if not arrives:
        world.fault("cancel", "drop_before")
    await world.clock.forward(3)
    await beat(world.context)
    await until(lambda: len(world.net.calls("cancel")) == before + 1)
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE operations SET tries = tries + 1, next_try_at = ? WHERE kind = 'refund'", 1 << 42)
    )
    (claimed,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    await world.clock.forward(31)
    await world.quiet()
    (after,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]

    assert (after == claimed) != arrives
    assert await world.state(payment.id) == ("refunded" if arrives else "paid")
    await world.check_books()


async def test_a_lease_is_kept_while_it_is_held_and_given_up_at_the_end(world, other):
    async def others():
        return {row["id"] for row in await world.all("SELECT id FROM owners")}

    third = await beside(world)
    async with leased(third.context):
        assert third.context.owner in await others()
        for _ in range(10):
            await world.clock.forward(owners.LEASE_SECONDS / 2)
            await asyncio.sleep(0.02)
        since = now_ms(world.clock) - round(owners.LEASE_SECONDS * 1000)
        (row,) = await world.all("SELECT beat_at FROM owners WHERE id = ?", third.context.owner)
        assert row["beat_at"] >= since
    assert third.context.owner not in await others()
    await third.crash()


async def test_a_bridge_that_was_silent_itself_declares_nobody_dead(world, other):
    """After the database was away nobody has been heard of; the first to be back must not take over the others."""
    opened, returning = await held_approval(world)
    await world.clock.forward(20)
    assert await recover(other.context) == 0
    await live(world.context)
    await live(other.context)
    assert await recover(other.context) == 0
    await world.clock.forward(21)
    await returning
    await both_quiet(world, other)

    assert await world.state(opened.payment) == "paid"


async def cut(world):
    """Cut the connection by which a bridge last said that it lives, as the end of its process would."""
    await until_the_dead_are_seen(world.settings.database_url)
    with psycopg.connect(world.settings.database_url) as database:
        asked = "SELECT pg_terminate_backend(session::int) FROM owners WHERE id = %s"
        assert database.execute(asked, [world.context.owner]).fetchone() == (True,)
    await asyncio.sleep(0.1)


async def test_a_killed_bridge_is_dead_when_the_database_has_seen_it_go(world, other):
    """Its connection is gone and it was silent for longer than a reconnection takes; a mere silence is not enough."""
    opened, returning = await held_approval(world)
    await live(world.context)
    await world.clock.forward(owners.CUT_OFF_SECONDS + 0.1)
    await live(other.context)
    assert await recover(other.context) == 0, "silent, but connected"
    await cut(world)
    assert await recover(other.context) == 1
    assert await world.state(opened.payment) == "unknown"
    returning.cancel()


async def test_a_bridge_that_found_another_connection_lives(world, other):
    opened, returning = await held_approval(world)
    await live(world.context)
    await cut(world)
    await live(other.context)
    assert await recover(other.context) == 0, "it has only just lost it"
    await world.clock.forward(owners.CUT_OFF_SECONDS + 0.1)
    await live(world.context)
    await live(other.context)
    assert await recover(other.context) == 0
    assert await world.state(opened.payment) == "approving"
    returning.cancel()


@pytest.mark.parametrize("away", [True, False])
async def test_the_first_that_is_back_after_the_database_was_away_waits_for_the_others(world, other, monkeypatch, away):
    """Nobody could beat, so nobody's silence says anything; where it was there, silence says that a process is dead."""
    opened, returning = await held_approval(world)

    async def is_away(_):
        raise Busy("The database is away.")

    async with leased(other.context):
        with monkeypatch.context() as patch:
            if away:
                patch.setattr(other.context.ledger, "write", is_away)
            for _ in range(round(owners.LEASE_SECONDS) + 2):
                await world.clock.forward(1)
                await asyncio.sleep(0.02)
        await world.clock.forward(1)
        await asyncio.sleep(0.1)
        taken = await recover(other.context)

    assert taken == (0 if away else 1)
    assert await world.state(opened.payment) == ("approving" if away else "unknown")
    returning.cancel()


async def test_a_notice_the_other_bridge_has_replayed_meanwhile_has_no_second_effect(world, other):
    """Read as pending by both; a person has closed the case it opened before the second comes to it."""
    payment = await world.buy()
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await both_quiet(world, other)
    assert await world.cases(payment.id) == ["external_cancel"]
    await world.context.ledger.write(lambda turn: turn.run("UPDATE notices SET state = 'pending'"))
    read = await other.context.ledger.read(lambda turn: notices.pending(turn, 10))
    await asyncio.gather(*await begin_replays(world.context))
    await world.context.ledger.write(lambda turn: turn.run("UPDATE cases SET state = 'closed'"))
    for stored in read:
        await replay_notice(other.context, stored)

    assert len(read) == 2
    assert await world.cases(payment.id) == []


@pytest.mark.parametrize(
    ("event", "amount", "asked"),
    [("deposited", 55_000, ["unexpected_deposit"]), ("part_cancelled", 5_000, [])],
)
async def test_of_two_equal_events_told_in_one_moment_only_one_is_what_people_had_said(
    world, monkeypatch, event, amount, asked
):
    """Each was held against the books as they were before the other: both passed for the one that was known."""
    await world.pair_teller("Accounts")
    at = Desk(world, "Accounts")
    payment = await at.payment_in(WAITS)
    said = {"evidence": Evidence.E8, "actor": "operator:haneul"}
    paid = await at.write(lambda turn, pen: pen.deposit(turn, payment, Paid(55_000, {}), "people", **said))
    if event != "deposited":
        back = {"amount": amount, "cause": "people", **said}
        await at.write(lambda turn, pen: write_external_refund(pen, turn, paid, **back))
    effect, together, begun = receive_notice.effect, threading.Barrier(2), []

    def in_one_moment(told):
        word = effect(told)
        begun.append(word)
        if len(begun) <= 2:
            together.wait(10)
        return word

    monkeypatch.setattr(receive_notice, "effect", in_one_moment)
    site = world.context.sites.get(world.site.id)
    told = {"secret": SECRET, "event": event, "ref": payment.merchant_ref, "amount": amount}
    await asyncio.gather(*(
        receive_notice.receive_notice(world.context, site, site.gateway("teller"), kind="feedback",
                                      raw=urlencode(told | {"number_of_it": number}).encode(), source="203.0.113.1")
        for number in (1, 2)
    ))  # fmt: skip

    known = await world.all("SELECT outcome FROM notices WHERE outcome LIKE 'known already%'")
    assert (len(begun), len(known)) == (3, 1), "one of them was run again"
    assert await world.cases(payment.id) == asked
    assert (await world.payment(payment.id)).refunded == (0 if asked else 2 * amount)


async def test_a_start_of_a_plan_that_its_bridge_slept_over_is_not_sent_after_the_plan_was_stopped(world, other):
    """The bridge slept between its turn and its call; the other was pressed meanwhile, to start it and to stop it."""
    await world.pair_teller("Planning")
    other.site, other.context.sites._build_gateway = world.site, world.context.sites._build_gateway
    await other.context.sites.refresh()
    plan = await registered(world)
    await tell(world, plan, "M1")
    await change(world, plan, "stop")
    write, slept, wakes = world.context.ledger.write, asyncio.Event(), asyncio.Event()

    async def asleep(work):
        result = await write(work)
        world.context.ledger.write = write
        slept.set()
        await wakes.wait()
        return result

    world.context.ledger.write = asleep
    starting = asyncio.create_task(change(world, plan, "start"))
    await slept.wait()
    await world.clock.forward(20)
    assert (await change(other, plan, "start")).json()["state"] == "active"
    assert (await change(other, plan, "stop")).json()["state"] == "resting"
    wakes.set()
    await starting
    await both_quiet(world, other)

    assert (await show(world, plan))["state"] == "resting"
    assert list(world.teller.plans.values()) == ["resting"]
