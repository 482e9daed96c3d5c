"""Two payments of one order, handed over after a restore: what our own attestations prove is taken in, in any order."""

import pytest

from bridge.flows.check_invariants import check_everything
from bridge.flows.reconcile import end_gap, show_gaps
from bridge.flows.record import Recorder
from tests.flows.test_cases import case_of, decide, find_money
from tests.flows.test_gap import until_the_gap_ends
from tests.support.disaster import hand_over, keep, known, lose
from tests.support.world import SHOP_URL


def snapshot(world, opened):
    """What the shop knows of that payment now."""
    (told,) = [one for one in known(world) if one["id"] == opened.payment]
    return told


async def a_second_payment_was_kept(world, *, two_windows=False):
    """The shop heard of the first one's doubt, not of its end, and that the second was paid; the books are lost."""
    order = world.order()
    first = await world.checkout(order)
    second = await world.checkout(order, method="kakaopay") if two_windows else None
    await world.beat()
    keep(world)
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=2)
    await world.come_back(first)
    await world.quiet()
    await world.beat()
    doubt = snapshot(world, first)
    assert doubt["state"] == "unknown"
    while await world.state(first.payment) != "voided":
        await world.live(5)
    second = second or await world.checkout(order)
    await world.come_back(second)
    await world.quiet()
    while await world.all("SELECT id FROM news WHERE state = 'waiting'"):
        await world.live(10)
    return first, second, doubt, snapshot(world, second)


@pytest.mark.parametrize("doubt_first", [True, False])
async def test_a_payment_our_attestation_proves_is_in_the_books_once_the_other_has_ended(world, doubt_first):
    first, second, doubt, paid = await a_second_payment_was_kept(world)
    await lose(world)
    said = await hand_over(world, [doubt, paid] if doubt_first else [paid, doubt])
    assert said["outcomes"] == {"revived": 1, "lost": 1}, "two of one order cannot both hold it"
    await until_the_gap_ends(world)

    assert await world.state(second.payment) == "paid"
    assert await world.entries(second.payment) == [("capture", 55_000, "E1")]
    assert await world.state(first.payment) == "voided"
    (shown,) = await show_gaps(world.context)
    assert (shown["lost"], shown["outcomes"]) == ([], {"revived": 2})
    assert await world.cases(second.payment) == []
    assert (await check_everything(world.context, 0)).found == ()


async def test_a_window_of_the_books_is_paid_by_its_attestation_once_the_other_has_ended(world):
    first, second, doubt, paid = await a_second_payment_was_kept(world, two_windows=True)
    assert paid["state"] == "paid"
    await lose(world)
    await hand_over(world, [doubt, paid])
    assert await world.state(second.payment) == "open"
    await until_the_gap_ends(world)

    assert await world.state(first.payment) == "voided"
    assert await world.state(second.payment) == "paid"
    assert await world.cases(second.payment) == []
    assert await world.told(second.payment) == ["payment.paid"]
    assert (await check_everything(world.context, 0)).found == ()


async def test_a_doubt_handed_over_after_what_holds_its_order_is_a_persons_and_breaks_nothing(world):
    first, second, doubt, paid = await a_second_payment_was_kept(world)
    await lose(world)
    await hand_over(world, [paid], complete=False)
    await hand_over(world, [doubt])
    await world.live(300, step=20)

    assert await world.state(second.payment) == "paid"
    (shown,) = await show_gaps(world.context)
    assert shown["state"] == "waiting", "nobody saw how the first one ended"
    assert [one["payment"] for one in shown["lost"]] == [first.payment]
    told = {"url": SHOP_URL, "who": "operator:kim", "unheard": False}
    await end_gap(world.context, reason="the console shows nothing of it", **told)
    assert await world.cases(first.payment) == ["reported"], "whatever was typed, it is not forgotten"
    assert (await check_everything(world.context, 0)).found == ()


@pytest.mark.parametrize("adopted_first", [True, False])
async def test_found_money_that_was_adopted_is_taken_in_whatever_held_its_order_in_the_old_copy(world, adopted_first):
    order = world.order()
    world.fault("pay", "decline")
    first = await world.checkout(order)
    await world.come_back(first)
    await world.quiet()
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=None)
    second = await world.checkout(order)
    await world.come_back(second)
    await world.live(720, step=20)
    assert await world.state(second.payment) == "needs_human"
    keep(world)
    await decide(world, await case_of(world, second.payment), "voided")
    await find_money(world, first.payment)
    await decide(world, await case_of(world, first.payment), "adopted")
    while await world.all("SELECT id FROM news WHERE state = 'waiting'"):
        await world.live(10)
    told = [snapshot(world, first), snapshot(world, second)]
    await lose(world)
    await hand_over(world, told if adopted_first else told[::-1])
    await until_the_gap_ends(world)

    after = await world.payment(first.payment)
    assert (after.state, after.orphaned, after.adopted) == ("declined", 55_000, True)
    assert await world.state(second.payment) == "voided"
    assert (await check_everything(world.context, 0)).found == ()


async def test_what_went_on_otherwise_before_the_shop_had_told_is_a_persons_though_its_version_is_no_later(world):
    """Money was found after the backup; the restored books had something else written down by then."""
    world.fault("pay", "decline")
    ended = await world.checkout()
    await world.come_back(ended)
    await world.quiet()
    await world.beat()
    keep(world)
    await find_money(world, ended.payment)
    await world.beat()
    told = snapshot(world, ended)
    await lose(world)
    payment = await world.payment(ended.payment)
    pen = Recorder.now(world.context, world.context.sites.get(payment.site))
    await world.context.ledger.write(lambda turn: pen.note(turn, payment, "operator.looked", {}))
    assert (await world.payment(ended.payment)).version == told["version"]
    await hand_over(world, [told])

    assert await world.cases(ended.payment) == ["reported"]
    assert (await check_everything(world.context, 0)).found == ()
