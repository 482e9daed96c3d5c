"""A wall clock that is set while an outcome is unknown proves nothing, and holds nothing up: time is told by the boot
clock, which nobody sets."""

import asyncio
from datetime import timedelta

import pytest

from bridge.clock import now_ms
from bridge.domain.machine import Kind
from bridge.flows.check_invariants import check_everything
from bridge.flows.clock_steps import make_up_for_steps
from bridge.flows.pace import FIRST_LOOKS_MAX, STALE_SECONDS, waited_ms
from bridge.flows.record import Recorder
from bridge.ledger import replay
from tests.support.clock import later

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books
QUIET_SECONDS = 120
STEPS = (150, 200, 400)
SETTLED = ("declined", "voided", "needs_human")


async def pass_seconds(world, seconds, until, step=2):
    """Let time pass until something is so; says how many seconds it took, by the boot clock."""
    began = world.clock.boot
    while world.clock.boot - began < seconds and not await until():
        await world.live(step, step=step)
    return round(world.clock.boot - began, 3)


def state_is(world, payment, states):
    async def so():
        return await world.state(payment) in states

    return so


def settled(world, payment, kind):
    async def so():
        return any(one.kind is kind and one.ended_at for one in await world.operations(payment))

    return so


async def books_agree(world, payment, net):
    """The ledger says what the gateway holds, no case is open, and no rule is broken."""
    assert sum(amount for _, amount, _ in await world.entries(payment)) == net
    assert await world.cases(payment) == []
    assert not (await check_everything(world.context, 0)).found


@pytest.mark.parametrize(("seconds", "restarts"), [(150, False), (200, True), (400, False)])
@pytest.mark.parametrize("kind", ["Asked", "AskedAndUndone"])
async def test_a_clock_set_forward_makes_no_absent_approval_proof(world, kind, seconds, restarts):
    await world.pair_teller(kind)
    world.teller.fail("approve", "late")
    opened = await world.checkout()
    sent_at = world.clock.boot
    await world.return_from_teller(opened)
    await world.quiet()
    world.clock.at += timedelta(seconds=seconds)
    if restarts:
        await world.restart()
    await pass_seconds(world, QUIET_SECONDS - 4, state_is(world, opened.payment, SETTLED))
    assert await world.state(opened.payment) not in SETTLED, "the quiet period has not passed"
    assert world.clock.boot - sent_at < QUIET_SECONDS

    payment = await world.payment(opened.payment)
    world.teller.let_late_arrive()
    await world.live(300, step=5)
    assert await world.state(payment.id) == "paid" or world.trade(payment).net == 0
    await books_agree(world, payment.id, world.trade(payment).net)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("kind", "evidence"), [("Asked", "E5"), ("AskedAndUndone", "E6")])
async def test_what_never_arrived_is_settled_once_the_quiet_period_truly_passed(world, kind, evidence, restarts):
    """A restart does not begin it anew: the ledger has the moment by the machine's own clock."""
    await world.pair_teller(kind)
    world.teller.fail("approve", "lost_before")
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.quiet()
    await world.live(60, step=5)
    world.clock.at += timedelta(seconds=200)
    if restarts:
        await world.restart()
    took = await pass_seconds(world, 200, state_is(world, opened.payment, SETTLED))

    assert await world.state(opened.payment) in ("declined", "voided")
    apart = 60 if kind == "Asked" else 0
    assert QUIET_SECONDS - 62 + apart <= took <= QUIET_SECONDS - 60 + apart + 10
    assert evidence in {one.evidence for one in await world.operations(opened.payment)}


async def test_what_another_start_of_the_machine_sent_is_quiet_only_after_a_whole_quiet_period_of_this_one(world):
    await world.pair_teller("AskedAndUndone")
    world.teller.fail("approve", "lost_before")
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.quiet()
    await world.live(60, step=5)
    world.clock.start_machine()
    await world.restart()
    world.clock.at += timedelta(seconds=200)
    took = await pass_seconds(world, 300, state_is(world, opened.payment, SETTLED))

    assert await world.state(opened.payment) == "voided"
    assert QUIET_SECONDS <= took <= QUIET_SECONDS + 70


async def test_what_other_machines_sent_is_not_remembered_for_ever(world):
    await world.pair_teller("AskedAndUndone")
    paid = await world.buy_at_teller()
    (approve,) = await world.operations(paid.id)
    world.clock.start_machine()
    context, now = world.context, Recorder.now(world.context, world.context.sites.get(world.site.id)).stamp
    context.first_looks.update({f"other {number}": now.boot for number in range(FIRST_LOOKS_MAX)})
    assert waited_ms(context, approve, now) == 0
    assert waited_ms(context, approve, later(now, 7)) == 7_000
    assert (len(context.first_looks), "other 0" in context.first_looks) == (FIRST_LOOKS_MAX, False)


@pytest.mark.parametrize("seconds", STEPS)
@pytest.mark.parametrize("amount", [None, 10_000])
async def test_a_clock_set_forward_makes_no_refund_that_is_not_shown_a_failed_one(world, amount, seconds):
    await world.pair_teller("Asked")
    paid = await world.buy_at_teller()
    world.teller.fail("refund", "late")
    await world.refund(paid.id, amount)
    await world.quiet()
    world.clock.at += timedelta(seconds=seconds)
    await pass_seconds(world, QUIET_SECONDS - 4, settled(world, paid.id, Kind.REFUND))
    again = await world.refund(paid.id, 10_000)
    assert again.status_code == 409, "the first is in flight"

    world.teller.let_late_arrive()
    await world.live(300, step=5)
    assert world.trade(paid).refunded == (amount or 55_000)
    await books_agree(world, paid.id, 55_000 - (amount or 55_000))


@pytest.mark.parametrize("seconds", STEPS)
async def test_at_mainpay_a_clock_set_forward_ends_no_approval_that_is_on_its_way(guide_world, seconds):
    world = guide_world
    world.fault("notice", "notice_lost", times=None)
    world.fault("pay", "late", delay_seconds=100)
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    going = asyncio.create_task(world.go(coming))
    await world.until(lambda: world.net.calls("pay"))
    for _ in range(14):
        await world.let_turns_end()
        await world.clock.forward(5)
    world.clock.at += timedelta(seconds=seconds)
    await world.live(1_500, step=10)
    await going

    payment = await world.payment(opened.payment)
    assert await world.state(payment.id) == "voided"
    assert world.book(payment).net == 0, "the net-cancel went on until the quiet period was over"
    await books_agree(world, payment.id, 0)


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("seconds", [300, 3_600])
async def test_a_clock_set_back_holds_no_net_cancel_up(world, seconds, restarts):
    await world.pair_teller("Serving")
    world.teller.fail("approve", "lost_after")
    world.teller.fail("undo", "lost_before", "lost_before", "lost_before")
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.live(3, step=1)
    assert await world.state(opened.payment) == "voiding"
    world.clock.set_back(seconds)
    if restarts:
        await world.restart()
    took = await pass_seconds(world, 60, state_is(world, opened.payment, SETTLED))

    assert await world.state(opened.payment) == "voided"
    assert took <= 20
    await books_agree(world, opened.payment, 0)


async def test_a_clock_set_back_does_not_keep_what_cannot_be_settled_from_a_person(world):
    await world.pair_teller("Serving")
    world.teller.fail("approve", "lost_after")
    world.teller.always["undo"] = "odd"
    opened = await world.checkout()
    began = world.clock.boot
    await world.return_from_teller(opened)
    await world.live(10, step=1)
    world.clock.set_back(3_600)
    await pass_seconds(world, 700, state_is(world, opened.payment, SETTLED))

    assert await world.state(opened.payment) == "needs_human"
    gateway = world.context.sites.get(world.site.id).gateway("teller")
    assert world.clock.boot - began <= gateway.human_after_seconds + 60


async def test_where_others_write_too_nothing_comes_nearer_than_a_try_of_theirs_takes(world, monkeypatch):
    await world.pair_teller("Asked")
    world.teller.always["inquire"] = "strange"
    world.teller.fail("approve", "lost_before")
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.live(75, step=5)
    monkeypatch.setattr(type(world.context.ledger), "alone", False)
    world.clock.set_back(3_600)
    await make_up_for_steps(world.context)
    (approve,) = [one for one in await world.operations(opened.payment) if one.kind is Kind.APPROVE]

    assert round((approve.next_try_at - world.clock.now()).total_seconds(), 3) == STALE_SECONDS


@pytest.mark.parametrize("apart_seconds", [-50, 40_000])
async def test_another_start_of_the_machine_is_no_step_of_the_clock(world, apart_seconds):
    """Its boot clock began elsewhere, and says nothing of the wall clock: nothing is hastened, no window moved."""
    await world.pair_teller("Asked")
    world.teller.always["inquire"] = "strange"
    world.teller.fail("approve", "lost_before")
    lost, opened = await world.checkout(), await world.checkout(world.order(ref="ORDER-2"))
    await world.return_from_teller(lost)
    await world.live(75, step=5)

    async def dues():
        (approve,) = [one for one in await world.operations(lost.payment) if one.kind is Kind.APPROVE]
        return approve.next_try_at, (await world.payment(opened.payment)).expires_at

    before, was = await dues(), world.clock.boot
    world.clock.start_machine()
    world.clock.boot = was + apart_seconds
    await make_up_for_steps(world.context)

    assert await dues() == before


async def test_a_clock_that_ran_ahead_for_a_moment_shuts_nothing(world):
    paid = await world.buy()
    world.clock.at += timedelta(days=1)
    for beats in range(0, 61, 30):
        await world.beat(beats)
        await world.clock.forward(60)
    world.clock.set_back(86_400)
    await world.beat(90)

    answer = await world.refund(paid.id, 1_000)
    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert "clock" not in {one["name"] for one in (await world.call("GET", "/v1/health")).json()["checks"]}
    await world.live(1_200, step=30)
    latest = await world.context.ledger.read(replay.latest_time)
    assert abs(latest - now_ms(world.clock)) < 60_000, "nonces are forgotten again"


async def test_a_clock_that_ran_ahead_for_long_refuses_in_words_that_say_so_and_health_does_too(world):
    paid = await world.buy()
    world.clock.at += timedelta(days=1)
    await world.live(1_200, step=30)
    world.clock.set_back(86_400)
    await world.live(60, step=5)

    answer = await world.refund(paid.id, 1_000)
    assert (answer.status_code, answer.json()["code"]) == (409, "clock_behind")
    assert "처리하지 않았어요" in answer.json()["message_ko"]
    assert world.book(paid).refunded == 0
    (told,) = [one for one in (await world.call("GET", "/v1/health")).json()["checks"] if one["name"] == "clock"]
    assert told["verdict"] == "fail"
