"""A charge without a window that the books have lost in a restore: it is taken back on the day it was made."""

import pytest

from bridge.flows import direct_payment
from tests.gateways.test_mainpay_direct_stories import pay_typed, typed
from tests.support.disaster import hand_over, keep, lose

__all__ = ["typed"]


@pytest.mark.parametrize("hours", [1, 30])
async def test_a_charge_that_the_backup_had_only_begun_is_taken_back_however_late_it_is_restored(
    typed, monkeypatch, hours
):
    world, approve = typed, direct_payment.approve

    def kept(*given, **named):
        keep(world)
        return approve(*given, **named)

    monkeypatch.setattr(direct_payment, "approve", kept)
    world.shop.status = 500
    answer = await pay_typed(world)
    payment = await world.payment(answer.json()["id"])
    assert (payment.state, world.book(payment).net) == ("paid", 55_000)
    await world.live(hours * 3_600, step=600)
    await lose(world)
    world.shop.status = 200
    await hand_over(world, [])
    await world.live(2_000, step=20)

    assert await world.state(payment.id) == "voided"
    assert [one.amount - one.refunded for one in world.sandbox.bank.of(payment.merchant_ref)] == [0]
    await world.check_books()
