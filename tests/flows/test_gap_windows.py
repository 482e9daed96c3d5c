"""A window that was open at the backup may have been approved in the time that the books have lost: it is found out."""

import pytest

from bridge.domain.failures import NotNow
from bridge.flows.close_checkout import close_checkout
from bridge.flows.manage_sites import change_settings
from bridge.flows.reconcile import end_gap
from tests.flows.test_cases import case_of, decide
from tests.flows.test_gap import gap, unheard, until_the_gap_ends
from tests.flows.test_gap_orders import a_second_payment_was_kept
from tests.flows.test_script_window import fetch, fields_of
from tests.flows.test_sites import refuse_its_settings
from tests.support.disaster import hand_over, keep, lose
from tests.support.world import SHOP_URL

UNHEARD = {"url": SHOP_URL, "who": "operator:kim", "reason": "the shop was closed for good", "unheard": True}


@pytest.fixture
async def captured(any_world):
    """An order's window that was open at the backup, and in which its buyer paid afterwards; the shop has not heard."""
    world = any_world
    opened = await world.checkout()
    await world.beat()
    shown = (await world.call("GET", f"/v1/payments/{opened.payment}")).json()
    keep(world)
    world.shop.status = 500
    await world.come_back(opened)
    await world.quiet()
    assert (await world.payment(opened.payment)).captured == 55_000
    await lose(world)
    world.shop.status = 200
    return world, opened, shown


async def holds_nothing(world, payment):
    """What the gateway took is given back, and the books say so."""
    assert await world.state(payment) == "voided"
    books = world.sandbox.bank.of((await world.payment(payment)).merchant_ref)
    assert [one.amount - one.refunded for one in books] == [0]
    await world.check_books()


async def test_although_the_shop_knows_it_as_open(captured):
    """It had asked for the order's state before the buyer paid."""
    world, opened, shown = captured
    names = ("id", "state", "version", "amount", "refunded", "attestation")
    assert shown["state"] == "open"
    await hand_over(world, [{name: shown[name] for name in names} | {"seq": 0}])
    await until_the_gap_ends(world)

    await holds_nothing(world, opened.payment)


async def test_although_its_gateways_settings_are_refused_by_then(captured):
    """As after a restore by another version: the gap waits, and goes on when they are mended."""
    world, opened, _ = captured
    await refuse_its_settings(world)
    await world.live(5)
    await hand_over(world, [])
    await world.live(2_000, step=40)
    shown = await gap(world)
    with pytest.raises(NotNow, match=f"1 payments are neither .*{opened.payment}"):
        await end_gap(world.context, **UNHEARD)
    await change_settings(world.context, url=world.site.url, settings={"mainpay": {"unheard": ""}})
    await until_the_gap_ends(world)

    assert shown["missing"] == ["the settings of mainpay cannot be used: `pay-bridge site set`"]
    await holds_nothing(world, opened.payment)


async def test_although_another_payment_held_its_order_when_the_shop_had_told_all(world):
    first, second, doubt, _ = await a_second_payment_was_kept(world, two_windows=True)
    await lose(world)
    await hand_over(world, [doubt])
    await until_the_gap_ends(world)

    assert await world.state(first.payment) == "voided"
    await holds_nothing(world, second.payment)


async def test_a_window_that_is_closed_before_the_shop_has_told_bars_nothing_that_it_proves(world):
    """It was paid in long ago: a hint is no reason to need people for a refund that our own attestation proves."""
    paid = await world.buy()
    await world.beat()
    keep(world)
    assert (await world.refund(paid.id, 10_000)).json()["state"] == "done"
    while await unheard(world):
        await world.live(10)
    await lose(world)
    await close_checkout(world.context, world.context.sites.get(world.site.id), paid.id)
    said = await hand_over(world)
    await until_the_gap_ends(world)

    assert said["outcomes"] == {"revived": 1}
    assert (await world.payment(paid.id)).refunded == world.book(paid).refunded == 10_000


async def test_although_the_shop_is_gone_for_good(captured):
    """What is begun by that word is settled, though the gap cannot end at once: it was undone with the refusal."""
    world, opened, _ = captured
    world.shop.status = 500
    with pytest.raises(NotNow, match="1 payments are neither settled nor a case yet"):
        await end_gap(world.context, **UNHEARD)
    await until_the_gap_ends(world)

    await holds_nothing(world, opened.payment)
    assert (await end_gap(world.context, **UNHEARD))["state"] == "ended"


async def test_a_page_still_open_opens_no_window_before_all_is_settled_and_what_was_paid_comes_back(world):
    """What the gateway vouched for would be a row behind the backup's, and in some windows money moves at once."""
    await world.pair_teller("AskedByScript")
    opened = await world.checkout()
    address = fields_of(await fetch(world, opened.window_url))["auth"]
    keep(world)
    await world.return_from_teller(opened)
    await world.beat()
    assert await world.told(opened.payment) == ["payment.paid"]
    await lose(world)
    refused = await fetch(world, address, "POST", data={"x": "1"})
    assert (refused.status_code, refused.json()["code"]) == (503, "reconciling")
    await hand_over(world)
    await world.live(60, step=5)

    assert (await world.state(opened.payment), await world.cases(opened.payment)) == ("paid", [])
    assert world.teller.calls["vouch"] == 0
    await world.check_books()


async def test_although_its_order_was_anothers_that_people_had_still_to_decide_about_at_the_backup(world):
    """They did, and the window was paid in; both are lost, and the case of the backup holds no gap open."""
    order = world.order()
    first, second = await world.checkout(order), await world.checkout(order, method="kakaopay")
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=None)
    await world.come_back(first)
    await world.live(720, step=20)
    assert await world.state(first.payment) == "needs_human"
    await world.beat()
    keep(world)
    world.shop.status = 500
    await decide(world, await case_of(world, first.payment), "voided")
    await world.come_back(second)
    await world.quiet()
    assert (await world.payment(second.payment)).captured == 55_000
    await lose(world)
    world.shop.status = 200
    await hand_over(world, [])
    await until_the_gap_ends(world)
    await world.live(1_200, step=40)

    assert await world.state(second.payment) == "expired"
    assert await world.cases(second.payment) == ["reported"]
    assert await world.cases(first.payment) == ["unknown_outcome"]
