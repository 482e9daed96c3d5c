"""Books restored from a backup whose clock ran hours ahead: by that clock what begins now began before the restore.

What a clock cannot tell a mark does: of a payment that began since, the books have lost nothing, and nobody is asked.
"""

from datetime import timedelta

import pytest

from bridge.flows.reconcile import show_gaps
from tests.flows.test_deposits import waiting
from tests.flows.test_gap_receipts import back_up, ended, restore
from tests.flows.test_receipts import buy_by_transfer, issue
from tests.flows.test_services import escrow, paid, words_of
from tests.support.disaster import hand_over, keep, key_of, known, lose

__all__ = ["paid"]
pytestmark = pytest.mark.sqlite  # several bridges on one database have several clocks
AHEAD = 5 * 3_600


async def keep_ahead(world):
    """Back up while the clock runs hours ahead, set it right, and let a minute pass."""
    await world.beat()
    world.clock.at += timedelta(seconds=AHEAD)
    await world.live(10, step=5)
    keep(world)
    world.clock.set_back(AHEAD)
    await world.live(60, step=5)


async def restored_ahead(world):
    """Lose the books, have such a backup in their place, and wait until its gap has ended."""
    await keep_ahead(world)
    await restore(world, *known(world))


async def restore_has_ended(world):
    """Hand over what the shop knows, and wait no longer than for the gap's end."""
    await hand_over(world)
    for _ in range(60):
        await world.live(5)
        if await ended(world):
            return
    raise AssertionError(await show_gaps(world.context))


@pytest.mark.parametrize("shows", [True, False])
async def test_a_payment_made_since_is_refunded_without_a_question_and_in_part_as_well(world, shows):
    await world.pair_teller("Asked")
    world.teller.shows_refunds = shows
    await restored_ahead(world)
    payment = await world.buy_at_teller()
    asked = world.teller.calls["inquire"]

    for number in (1, 2):
        assert (await world.refund(payment.id, 10_000, key=key_of(world, number))).json()["state"] == "done"
        if number == 1:
            assert world.teller.calls["inquire"] == asked
        await world.live(600, step=20)
    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 20_000


async def test_an_account_issued_since_that_ends_unpaid_is_nobodys_case(world):
    _, before = await waiting(world)
    await restored_ahead(world)
    _, since = await waiting(world)
    (shown,) = [one["accounts"] for one in await show_gaps(world.context) if one["state"] == "ended"]
    await world.live(9 * 86_400, step=7_200)

    assert [one["payment"] for one in shown] == [before.id]
    assert [await world.state(one.id) for one in (before, since)] == ["expired", "expired"]
    assert await world.cases(before.id) == ["unexpected_deposit"]
    assert await world.cases(since.id) == []


async def test_an_escrow_of_a_payment_made_since_is_not_asked_about(world, paid):
    await restored_ahead(world)
    payment = await world.buy_at_teller()

    said = await escrow(world, payment.id, "confirm", once=key_of(world, 1))
    assert (said.status_code, words_of(world)) == (200, ["confirm"])


async def test_a_word_lost_with_the_books_may_be_under_way_still_although_the_backup_ran_ahead(world, paid):
    """By the backup's clock the restore lay hours ahead, so that "not decided" counted at once."""
    await keep_ahead(world)
    await lose(world)
    await restore_has_ended(world)
    world.teller.escrow = "kept"
    early = await escrow(world, paid, "confirm", once=key_of(world, 1))
    cases = await world.cases(paid)
    await world.live(180)

    assert (early.status_code, cases) == (409, [])
    assert (await escrow(world, paid, "confirm", once=key_of(world, 2))).status_code == 200
    assert words_of(world) == ["status", "status", "confirm"]


async def test_a_cash_receipt_of_a_payment_made_since_is_issued_without_a_question(world):
    await world.pair_teller("Receipting")
    await restored_ahead(world)
    payment = await buy_by_transfer(world, world.order())

    assert (await issue(world, payment, once=key_of(world, 1))).json()["state"] == "issued"


@pytest.mark.parametrize("keeps_again", [True, False])
async def test_what_was_made_since_one_restore_is_asked_about_after_the_next(world, keeps_again):
    """Where that is of the same backup the shop hands over a payment that began in books restored as often as these."""
    await world.pair_teller("Asked")
    world.teller.shows_refunds = False
    await restored_ahead(world)
    payment = await world.buy_at_teller()
    await world.beat()
    if keeps_again:
        await back_up(world)
    world.shop.status = 500
    await world.refund(payment.id, 10_000, key=key_of(world, 1))
    await world.quiet()
    await lose(world)
    world.shop.status = 200
    await restore_has_ended(world)
    again = await world.refund(payment.id, 10_000, key=key_of(world, 2))

    assert (again.status_code, again.json()["code"]) == (422, "refund_refused")
    assert world.trade(payment).refunded == 10_000
