"""A wall clock that is set back keeps no message to the shop and no alarm from being told as soon as before."""

import pytest

from bridge.flows.alarms import tell, watch
from tests.flows.test_alarms import watched

__all__ = ["watched"]


async def test_a_clock_set_back_holds_no_news_up(world):
    world.shop.status = 500
    await world.buy()
    await world.live(400, step=5)
    world.shop.status = 200
    world.clock.set_back(3_000)
    began = world.clock.boot
    while not world.shop.news and world.clock.boot - began < 700:
        await world.live(5, step=5)

    assert world.shop.news, "no pause after so few tries is longer than 600 s"


async def test_a_clock_set_back_holds_no_alarm_up(watched):
    watched.net.down.add("http://alarms.test:80")
    await watched.beat()
    for _ in range(30):
        await watch(watched.context)
        await tell(watched.context)
        await watched.clock.forward(5)
    watched.net.down.clear()
    watched.clock.set_back(7_200)
    began = watched.clock.boot
    while not watched.receiver.heard and watched.clock.boot - began < 310:
        await watched.beat()
        await tell(watched.context)
        await watched.clock.forward(5)

    assert watched.receiver.heard, "the pause it was in is 300 s"


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("seconds", [3_600, -3_600])
async def test_a_told_cancel_that_is_not_shown_is_a_persons_after_the_true_quiet_period(world, seconds, restarts):
    await world.pair_teller("AskedAndTold")
    paid = await world.buy_at_teller()
    await world.tell("cancelled", paid)
    told_at = world.clock.boot
    await world.live(30, step=2)
    world.clock.set_back(-seconds)
    if restarts:
        await world.restart()
    while world.clock.boot - told_at < 115:
        await world.live(2, step=2)
    assert await world.cases(paid.id) == [], "the quiet period has not passed"
    await world.live(130, step=5)

    assert await world.cases(paid.id) == ["external_cancel"]
