"""An address that Mainpay does not have says nothing of a payment: the guide's cancel, say, which may be nowhere."""

import pytest

from tests.support.world import SANDBOX


@pytest.mark.parametrize("kind", ["drop_after", "5xx_after"])
async def test_a_cancel_whose_address_is_not_found_does_not_say_that_nothing_was_paid(guide_world, kind):
    world = guide_world
    world.site = await world.pair("http://moved-shop.test", relay_url=f"{SANDBOX}/mainpay/relay")
    world.net.apps["http://moved-shop.test:80"] = world.shop.app()
    world.fault("pay", kind)
    world.fault("notice", "notice_lost", times=None)
    opened = await world.checkout()
    await world.come_back(opened)
    await world.live(1_200.0, 20.0)
    payment = await world.payment(opened.payment)

    assert world.book(payment).net == 55_000
    assert (payment.state, await world.cases(payment.id)) == ("needs_human", ["unknown_outcome"])
    assert "payment.failed" not in await world.told(payment.id)
