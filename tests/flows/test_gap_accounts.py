"""An account that waited at the backup and was paid into since: nothing is asked of its gateway before the shop has
handed over, which would be another row behind the backup's. Of bridge.flows.void_account."""

from tests.flows.test_accounts import counter, void, waiting
from tests.support.disaster import hand_over, keep, lose

__all__ = ["counter"]


async def test_no_account_is_closed_in_restored_books_and_the_deposit_that_the_shop_heard_of_comes_back(counter):
    world = counter
    payment = await waiting(world)
    await world.beat()
    keep(world)
    world.teller.capture(payment.merchant_ref)
    await world.tell("deposited", payment, account_number=payment.account["number"])
    await world.beat()
    assert await world.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]
    await lose(world)
    refused = await void(world, payment)
    assert (refused.status_code, refused.json()["code"]) == (503, "reconciling")
    await hand_over(world)
    await world.live(60, step=5)

    assert (await world.state(payment.id), world.teller.calls["account_void"]) == ("paid", 0)
    await world.check_books()
