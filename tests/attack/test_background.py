"""What a bug or a hostile row may do to the work in the background."""

import asyncio

from bridge.flows import heartbeat


async def test_a_bug_in_one_heartbeat_does_not_end_settling_for_ever(world, monkeypatch):
    """The order is paid and WordPress is told, although a beat and a delivery met a bug before."""
    world.fault("pay", "drop_after")
    opened = await world.checkout()
    await world.come_back(opened)
    broken = {"expire": 1, "deliver_news": 1}

    def spoil(name):
        inner = getattr(heartbeat, name)

        async def spoiled(context):
            if broken[name]:
                broken[name] -= 1
                raise RuntimeError("a bug")
            return await inner(context)

        monkeypatch.setattr(heartbeat, name, spoiled)

    spoil("expire")
    spoil("deliver_news")
    background = world.context.tasks.begin("background", heartbeat.run_background(world.context))
    for _ in range(40):
        await world.clock.forward(1)
        await asyncio.sleep(0.01)

    assert broken == {"expire": 0, "deliver_news": 0}
    assert world.context.clock.boot_seconds() - world.context.beat_at < 5, "the heart beats"
    assert world.shop.kinds() == ["payment.confirming", "payment.failed"]
    assert not background.done()
    background.cancel()
    await asyncio.sleep(0.01)
    for name in ("heartbeat", "news", "background"):
        assert world.context.tasks.find(name) is None, f"{name} ended with the server"
