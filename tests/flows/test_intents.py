"""A call that moves money leaves soon after its intent was written, or never: another bridge may have taken it over."""

from datetime import timedelta

import pytest


class Sleep:
    """The machine is suspended once, after a turn has written an intent and before its call leaves."""

    def __init__(self, world, seconds):
        self._world, self._seconds = world, seconds
        self._write = world.context.ledger.write
        world.context.ledger.write = self.write

    async def write(self, work):
        done = await self._write(work)
        if self._seconds and await self._world.all("SELECT id FROM operations WHERE state = 'sent'"):
            self._world.clock.boot += self._seconds
            self._world.clock.at += timedelta(seconds=self._seconds)
            self._seconds = 0
        return done


async def test_an_approval_that_slept_after_its_intent_is_not_sent(world):
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    Sleep(world, 30)
    await world.go(coming)
    await world.quiet()

    assert world.net.calls("/pay") == []
    assert await world.state(opened.payment) == "open"
    (operation,) = await world.operations(opened.payment)
    assert (operation.step, operation.evidence) == ("not_sent", "E3")


async def test_a_refund_that_slept_after_its_intent_is_not_sent(world):
    payment = await world.buy()
    Sleep(world, 30)
    answer = await world.refund(payment.id, 5_000)
    await world.quiet()

    assert answer.json()["state"] == "not_sent"
    assert world.book(payment).net == payment.amount
    await world.check_books()


@pytest.mark.parametrize("seconds", [1, 4])
async def test_a_short_pause_after_the_intent_costs_nobody_the_payment(world, seconds):
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    Sleep(world, seconds)
    await world.go(coming)
    await world.quiet()

    assert await world.state(opened.payment) == "paid"
    await world.check_books()
