"""What a bug or a hostile row may do to the work in the background."""

import asyncio
import json

import pytest
from starlette.responses import Response

from bridge.flows import heartbeat


async def test_a_bug_in_one_heartbeat_does_not_end_settling_for_ever(world, monkeypatch):
    """The order is paid and WordPress is told, although a beat and a delivery met a bug before."""
    world.fault("pay", "drop_after")
    opened = await world.checkout()
    await world.come_back(opened)
    broken = {"seal": 1, "begin_deliveries": 1}

    def spoil(name):
        inner = getattr(heartbeat, name)

        async def spoiled(context):
            if broken[name]:
                broken[name] -= 1
                raise RuntimeError("a bug")
            return await inner(context)

        monkeypatch.setattr(heartbeat, name, spoiled)

    spoil("seal")
    spoil("begin_deliveries")
    background = world.context.tasks.begin("background", heartbeat.run_background(world.context))
    told = ["payment.confirming", "payment.failed"]

    def beats():
        return world.context.clock.boot_seconds() - world.context.beat_at < 5

    for _ in range(400):  # a busy machine's threads are slower than the clock of this test
        await world.clock.forward(1)
        await asyncio.sleep(0.01)
        if not any(broken.values()) and beats() and world.shop.kinds() == told:
            break

    assert broken == {"seal": 0, "begin_deliveries": 0}
    assert beats(), "the heart beats"
    assert world.shop.kinds() == told
    assert not background.done()
    background.cancel()
    await asyncio.sleep(0.01)
    for name in ("heartbeat", "news", "background"):
        assert world.context.tasks.find(name) is None, f"{name} ended with the server"


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59.9996Z"])
async def test_a_hold_until_the_end_of_time_does_not_poison_the_order(world, until):
    """One shop's answer made its order unreadable; the heartbeat died of it, for every shop."""
    world.shop.fence = lambda question: {"hold": True, "hold_until": until}
    opened = await world.checkout(world.order(hold_expires_at=world.hold(30)))
    await world.come_back(opened)
    await world.quiet()

    assert await world.state(opened.payment) == "paid"
    await world.live(1_000, step=100)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"hold": "yes"}, "declined"),
        ({"hold": 1}, "declined"),
        ([], "declined"),
        ({"hold": True, "hold_until": "2020-01-01T00:00:00Z"}, "declined"),
        ({"hold": True, "hold_until": "0001-01-01T00:00:00+14:00"}, "declined"),
        ({"hold": False, "reason": "x" * 100_000}, "declined"),
        ({"hold": False, "reason": "\ud800"}, "declined"),
        ({"hold": False, "reason": "<script>\x00"}, "declined"),
        ({"hold": True, "hold_until": None}, "paid"),
    ],
)
async def test_whatever_a_shop_answers_to_the_fence_the_payment_ends(world, answer, state):
    world.shop.fence = lambda question: Response(json.dumps(answer), media_type="application/json")
    opened = await world.checkout(world.order(hold_expires_at=world.hold(30)))
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)

    assert payment.state == state
    assert len(payment.message) <= 200
    assert (await world.all("SELECT MAX(LENGTH(detail)) AS size FROM audit"))[0]["size"] < 1_000
    await world.check_books()
