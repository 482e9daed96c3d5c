"""Keys whose issuing charges them, and charges without a window, that were under way when the backup was made."""

import pytest

from bridge.flows import approve as approving
from bridge.ledger import gap
from tests.flows.test_billing import CARD, ask, billing, charge, come_back, show
from tests.support.disaster import hand_over, keep, lose

__all__ = ["billing"]


async def until_the_gap_ends(world):
    for _ in range(30):
        await world.live(30)
        if not await world.context.ledger.read(lambda turn: gap.is_open(turn, world.site.id)):
            return
    raise AssertionError("the gap never ended")


async def lose_unheard(world):
    """The books are lost before the shop has heard what became of it."""
    await lose(world)
    world.shop.status = 200


async def test_a_phone_charged_after_the_backup_of_which_no_shop_heard_is_found_and_charged_no_second_time(billing):
    world = billing
    asked = await ask(world, method="phone", order=world.order())
    keep(world)
    world.shop.status = 500
    await come_back(world, asked)
    await world.quiet()
    (before,) = await world.all("SELECT merchant_ref, captured FROM payments")
    await lose_unheard(world)
    again = await come_back(world, asked)
    await hand_over(world, [])
    await until_the_gap_ends(world)
    await come_back(world, asked)
    await world.live(2_000, step=100)
    (after,) = await world.all("SELECT id, state FROM payments")
    key = (await show(world, asked.json()["id"])).json()

    assert (before["captured"], again.status_code, world.teller.calls["key_issue"]) == (55_000, 503, 1)
    assert (after["state"], world.teller.of(before["merchant_ref"]).net) == ("voided", 0)
    assert (key["state"], await world.cases(after["id"])) == ("lost", [])
    await world.check_books()


async def test_a_phone_whose_charge_the_shop_knows_comes_back_with_its_money(billing):
    world = billing
    asked = await ask(world, method="phone", order=world.order())
    keep(world)
    await come_back(world, asked)
    await world.quiet()
    await world.beat()
    await lose(world)
    await hand_over(world)
    await until_the_gap_ends(world)
    await come_back(world, asked)
    await world.quiet()
    (after,) = await world.all("SELECT state, captured FROM payments")

    assert (after["state"], after["captured"], world.teller.calls["key_issue"]) == ("paid", 55_000, 1)
    assert (await show(world, asked.json()["id"])).json()["state"] == "lost"
    await world.check_books()


async def test_a_phones_window_in_which_nobody_was_after_the_backup_ends_and_takes_no_money(billing):
    world = billing
    asked = await ask(world, method="phone", order=world.order())
    keep(world)
    await lose(world)
    await hand_over(world, [])
    await until_the_gap_ends(world)
    await come_back(world, asked)
    await world.live(1_000, step=100)
    (after,) = await world.all("SELECT state FROM payments")

    assert (after["state"], world.teller.calls["key_issue"]) == ("voided", 0)
    await world.check_books()


@pytest.mark.parametrize(("kind", "state"), [("TypedCardsTold", "needs_human"), ("TypedCardsUndone", "voided")])
async def test_a_charge_sent_after_the_backup_is_sent_no_second_time_by_its_repetition(world, kind, state, monkeypatch):
    """The backup was made between the payment and its intent; the shop asks again with the same key."""
    await world.pair_teller(kind, card_entry="on")
    key = (await ask(world, card=CARD)).json()["id"]
    order, fence = world.order(), approving.ask_fence

    async def back_up_and_ask(*asked):
        keep(world)
        return await fence(*asked)

    with monkeypatch.context() as patch:
        patch.setattr(approving, "ask_fence", back_up_and_ask)
        world.shop.status = 500
        assert (await charge(world, key, order=order, once="0" * 32)).json()["state"] == "paid"
    await lose_unheard(world)
    await hand_over(world, [])
    await world.live(400, step=20)
    await charge(world, key, order=order, once="0" * 32)
    await world.live(2_000, step=100)
    (row,) = await world.all("SELECT id, state FROM payments")

    assert (row["state"], world.teller.calls["charge"]) == (state, 1)
    assert len(await world.cases(row["id"])) == (state == "needs_human")
    await world.check_books()


async def test_a_phone_charged_for_its_month_after_the_backup_is_charged_for_it_no_second_time(billing):
    """The charge comes back from the shop; that it was this phone's has to come back with it."""
    world = billing
    asked = await ask(world, method="phone", order=world.order())
    await come_back(world, asked)
    await world.quiet()
    await world.clock.forward(86_400 * 30)
    keep(world)
    paid = (await charge(world, asked.json()["id"])).json()
    await world.beat()
    await lose(world)
    await hand_over(world)
    await until_the_gap_ends(world)
    again = await charge(world, asked.json()["id"])

    assert (paid["state"], await world.state(paid["id"])) == ("paid", "paid")
    assert (again.status_code, again.json()["code"], world.teller.calls["charge"]) == (409, "not_now", 1)
    await world.check_books()
