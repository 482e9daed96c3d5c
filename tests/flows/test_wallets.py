"""A wallet that is chosen within the card window is shown as what was paid there: a card, on every page."""

import pytest

from bridge.domain.payment import Method
from bridge.web.dashboard.words import METHODS
from tests.support.plugin_words import wp_admin_says
from tests.support.world import SANDBOX

WALLETS = (Method.KAKAOPAY, Method.NAVERPAY, Method.PAYCO)


@pytest.mark.parametrize("wallet", WALLETS)
async def test_what_is_paid_in_the_card_window_is_called_a_card_whatever_was_chosen_before_it(any_world, wallet):
    world = any_world
    opened = await world.checkout(method=wallet)
    assert (await world.payment(opened.payment)).method == wallet
    await world.come_back(opened)
    await world.beat()

    shown = (await world.call("GET", f"/v1/payments/{opened.payment}")).json()
    told = world.shop.news[0]["payment"]
    assert [(one["state"], one["method"]) for one in (shown, told)] == [("paid", "card")] * 2
    for word in (METHODS[shown["method"]].ko, wp_admin_says(told["method"])):
        assert word not in {METHODS[wallet].ko, wp_admin_says(wallet)}
    assert METHODS[wallet].ko == wp_admin_says(wallet), "the words are read where they stand"


async def test_a_wallets_payment_is_given_back_as_the_card_payment_that_it_was(any_world):
    world = any_world
    opened = await world.checkout(method="kakaopay")
    await world.come_back(opened)

    assert (await world.refund(opened.payment)).status_code == 200
    assert (await world.payment(opened.payment)).method == Method.CARD
    assert world.book(await world.payment(opened.payment)).net == 0
    await world.check_books()


async def test_a_wallet_is_offered_by_its_own_name_until_it_is_paid(any_world):
    world = any_world
    opened = await world.checkout(method="payco")
    shown = (await world.call("GET", f"/v1/payments/{opened.payment}")).json()

    assert (shown["state"], shown["method"]) == ("open", "payco")
    assert opened.window_url.startswith(SANDBOX)
