"""Histories that several tests of flows begin with."""

import pytest


@pytest.fixture
async def declined(world):
    """The order and the payment of a buyer whose card was declined."""
    order = world.order()
    opened = await world.checkout(order)
    world.fault("pay", "decline", code="2001", message="한도 초과")
    await world.come_back(opened)
    await world.quiet()
    return order, await world.payment(opened.payment)
