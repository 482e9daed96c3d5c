"""Work that goes on by itself: begun once, never lost by whoever asked, and ended in time."""

import asyncio

import pytest

from bridge.domain.failures import Busy
from bridge.flows import heartbeat
from bridge.flows.context import Tasks
from bridge.flows.heartbeat import run_background


async def test_the_same_work_is_never_begun_twice():
    tasks, gate, runs = Tasks(), asyncio.Event(), []

    async def work():
        runs.append(1)
        await gate.wait()
        return "done"

    first = tasks.begin("x", work())
    assert tasks.begin("x", work()) is first
    assert tasks.find("x") is first
    assert not await tasks.wait(first, 0.01)
    gate.set()
    assert await tasks.wait(first, 1)
    assert (first.result(), runs) == ("done", [1])
    await asyncio.sleep(0)
    assert tasks.find("x") is None
    assert await tasks.begin("x", work()) == "done"


async def test_work_that_fails_is_told_and_forgotten(capsys):
    tasks = Tasks()

    async def work():
        raise ValueError("x")

    task = tasks.begin("broken", work())
    await asyncio.wait({task})
    await asyncio.sleep(0)

    assert tasks.find("broken") is None
    assert "work in the background failed" in "".join(capsys.readouterr())


async def test_at_the_end_what_runs_may_finish_and_what_does_not_is_cancelled():
    tasks, gate, ended = Tasks(), asyncio.Event(), []

    async def quick():
        await gate.wait()
        ended.append("quick")

    async def stuck():
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("stuck")

    tasks.begin("quick", quick())
    tasks.begin("stuck", stuck())
    asyncio.get_running_loop().call_later(0.02, gate.set)
    await tasks.finish(0.1)

    assert ended == ["quick", "stuck"]
    await tasks.finish(0.1)


@pytest.mark.parametrize("broken", ["beat", "begin_deliveries"])
async def test_a_beat_that_fails_does_not_end_the_beating(world, monkeypatch, broken):
    """The ledger is busy for a moment; the next beat comes all the same."""
    beats = []
    working = getattr(heartbeat, broken)

    async def failing(*words):
        beats.append(1)
        if len(beats) == 1:
            raise Busy("for a moment")
        return await working(*words)

    monkeypatch.setattr(heartbeat, broken, failing)
    background = asyncio.ensure_future(run_background(world.context))
    async with asyncio.timeout(5):
        while len(beats) < 4:
            await world.clock.forward(1)
            await asyncio.sleep(0.001)
    assert not background.done()
    background.cancel()
    await asyncio.gather(background, return_exceptions=True)


async def test_the_background_settles_delivers_and_expires_by_itself(world):
    background = asyncio.ensure_future(run_background(world.context))
    world.fault("pay", "drop_after")
    lost = await world.checkout()
    left = await world.checkout()
    await world.come_back(lost)
    async with asyncio.timeout(20):
        while await world.state(left.payment) != "expired" or len(world.shop.kinds()) < 3:
            await world.clock.forward(10)
            await asyncio.sleep(0.002)
    background.cancel()
    await asyncio.gather(background, return_exceptions=True)

    assert await world.state(lost.payment) == "voided"
    assert world.context.beat_at > 0
    assert sorted(world.shop.kinds()) == ["payment.confirming", "payment.failed", "payment.failed"]
