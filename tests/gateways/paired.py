"""A house or a street for one test: opened with its gateway, settled and closed afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.gateways.house import House
from tests.gateways.street import Street

Place = TypeVar("Place", House, Street)


@asynccontextmanager
async def paired(made: Place, gateway: str, **settings: str) -> AsyncIterator[Place]:
    """Pair a site with the gateway, whose settings may be others, for as long as the block lasts."""
    made.gateway = gateway
    await made.start()
    made.site = await made.pair(**settings)
    yield made
    await made.quiet()
    await made.close()
