"""A wall clock that is set keeps no window open for longer, and ends none of a buyer's early.

Of bridge.flows.clock_steps and bridge.ledger.payments.
"""

import asyncio

import pytest

from bridge.flows.clock_steps import make_up_for_steps
from bridge.flows.expire import expire
from bridge.flows.expire_keys import expire_keys
from tests.flows.test_billing import ask, billing, come_back, show
from tests.flows.test_slow_answers import Slow

__all__ = ["billing"]
LIFE_SECONDS = 900
GRACE_SECONDS = 60
STEPS = {"back": (-7_200,), "forward": (7_200,), "forward and back": (7_200, -7_200)}


async def step(world, name):
    """Set the clock, and let the bridge see how it stands before and each time."""
    await world.live(10)
    for seconds in STEPS[name]:
        world.clock.set_back(-seconds)
        await world.live(10, step=10)


async def step_while_asked(world, name):
    """Set the clock while a gateway is asked for its window, do what a beat does with windows, and let it answer."""
    world.clock.set_back(-STEPS[name][0])
    await make_up_for_steps(world.context)
    await expire(world.context)
    await expire_keys(world.context)
    await world.clock.forward(15)


@pytest.mark.parametrize("name", ["back", "forward", "forward and back"])
async def test_a_window_ends_after_its_true_life_however_the_clock_was_set(world, name):
    opened = await world.checkout()
    await step(world, name)
    passed = 10 + 10 * len(STEPS[name])
    await world.live(LIFE_SECONDS + GRACE_SECONDS - passed - 30, step=30)
    assert await world.state(opened.payment) == "open"
    moved = await world.all("SELECT actor FROM audit WHERE payment = ? AND event = 'window.end_moved'", opened.payment)
    assert moved == [{"actor": "bridge"}] * len(STEPS[name])
    await world.live(60, step=30)

    assert await world.state(opened.payment) == "expired"
    await world.check_books()


@pytest.mark.parametrize("name", ["back", "forward"])
async def test_a_window_that_is_being_opened_while_the_clock_is_set_opens_and_ends_after_its_true_life(world, name):
    world.sandbox_setting(window_minutes=600)
    world.fault("ready", "delay", delay_seconds=15)
    await world.beat()
    opening = asyncio.ensure_future(world.checkout())
    await world.until(lambda: world.net.calls("ready"))
    await step_while_asked(world, name)
    opened = await asyncio.wait_for(opening, 10)
    await world.live(LIFE_SECONDS + GRACE_SECONDS - 15 - 30, step=30)
    assert await world.state(opened.payment) == "open"
    await world.live(60, step=30)

    assert await world.state(opened.payment) == "expired"
    await world.check_books()


async def test_a_buyer_whose_window_was_open_while_the_clock_was_set_forward_pays(world):
    world.sandbox_setting(window_minutes=600)
    opened = await world.checkout()
    await step(world, "forward")
    await world.come_back(opened)
    await world.quiet()

    assert await world.state(opened.payment) == "paid"
    await world.check_books()


@pytest.mark.parametrize("seconds", [3_600, -3_600])
async def test_a_window_that_opened_after_the_clock_was_set_keeps_its_own_end(world, seconds):
    await world.beat()
    world.clock.set_back(-seconds)
    opened = await world.checkout()
    ends_at = (await world.payment(opened.payment)).expires_at
    await world.beat()

    assert (await world.payment(opened.payment)).expires_at == ends_at


@pytest.mark.parametrize("seconds", [3_600, -3_600])
async def test_where_others_write_too_the_window_of_another_process_keeps_its_end(world, monkeypatch, seconds):
    await world.beat()
    mine, other = await world.checkout(), await world.checkout()
    taken = "UPDATE payments SET owner = 'another', version = version + 1 WHERE id = ?"
    await world.context.ledger.write(lambda turn: turn.run(taken, other.payment))
    monkeypatch.setattr(type(world.context.ledger), "alone", False)
    was = (await world.payment(mine.payment)).expires_at, (await world.payment(other.payment)).expires_at
    world.clock.set_back(-seconds)
    await make_up_for_steps(world.context)

    assert (await world.payment(other.payment)).expires_at == was[1]
    assert ((await world.payment(mine.payment)).expires_at - was[0]).total_seconds() == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize("name", ["back", "forward"])
async def test_a_billing_keys_window_that_is_being_opened_while_the_clock_is_set_ends_after_its_true_life(
    billing, name
):
    await billing.beat()
    slow = Slow(billing, "key_open", 15)
    opening = asyncio.ensure_future(ask(billing))
    await billing.until(lambda: slow.asked)
    await step_while_asked(billing, name)
    key = (await asyncio.wait_for(opening, 10)).json()["id"]
    await billing.live(LIFE_SECONDS + GRACE_SECONDS - 15 - 30, step=30)
    assert (await show(billing, key)).json()["state"] == "open"
    await billing.live(60, step=30)

    assert (await show(billing, key)).json()["state"] == "expired"


@pytest.mark.parametrize("name", ["back", "forward", "forward and back"])
async def test_a_window_for_a_billing_key_ends_after_its_true_life_too(billing, name):
    asked = await ask(billing)
    await step(billing, name)
    assert (await show(billing, asked.json()["id"])).json()["state"] == "open"
    await billing.live(LIFE_SECONDS + GRACE_SECONDS, step=30)

    assert (await show(billing, asked.json()["id"])).json()["state"] == "expired"


async def test_a_card_is_registered_in_a_window_that_was_open_while_the_clock_was_set_forward(billing):
    asked = await ask(billing)
    await step(billing, "forward")
    await come_back(billing, asked)
    await billing.quiet()

    assert (await show(billing, asked.json()["id"])).json()["state"] == "active"


@pytest.mark.parametrize("seconds", [0, -7_200])
async def test_a_key_that_was_asked_for_without_an_answer_is_lost_as_soon_as_before(billing, seconds):
    asked = await ask(billing)
    unanswered = "UPDATE billing_keys SET state = 'issuing', version = version + 1 WHERE id = ?"
    await billing.context.ledger.write(lambda turn: turn.run(unanswered, asked.json()["id"]))
    await billing.beat()
    billing.clock.set_back(-seconds)
    await billing.live(120, step=30)

    assert (await show(billing, asked.json()["id"])).json()["state"] == "lost"
