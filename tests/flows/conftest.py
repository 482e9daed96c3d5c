"""Histories that several tests of flows begin with."""

import pytest

from bridge.ledger import postgres
from tests.support.desk import Desk
from tests.support.postgres import KeptConnections

KEPT = KeptConnections()


@pytest.fixture(autouse=True)
def few_connections(monkeypatch):
    """Open few connections to PostgreSQL, and use them again in the next test. Two turns still collide."""
    monkeypatch.setattr(postgres, "WRITERS", 2)
    monkeypatch.setattr(postgres, "READERS", 1)
    monkeypatch.setattr(postgres, "connect", KEPT.connect)


@pytest.fixture
async def declined(world):
    """The order and the payment of a buyer whose card was declined."""
    order = world.order()
    opened = await world.checkout(order)
    world.fault("pay", "decline", code="2001", message="한도 초과")
    await world.come_back(opened)
    await world.quiet()
    return order, await world.payment(opened.payment)


@pytest.fixture
async def desk(world):
    """Opens a site whose gateway is a teller of that kind."""

    async def opens(kind):
        await world.pair_teller(kind)
        return Desk(world, kind)

    return opens
