"""What tests of the bridge's core may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.world import World


async def _world(folder: Path, dialect: str) -> AsyncIterator[World]:
    world = World(folder, dialect=dialect)
    await world.start()
    world.site = await world.pair()
    yield world
    await world.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A bridge with one site, the sandbox and a shop, in Mainpay's live dialect."""
    async for made in _world(tmp_path, "live"):
        yield made


@pytest.fixture
async def guide_world(tmp_path: Path) -> AsyncIterator[World]:
    """The same in the dialect of Mainpay's integration guide."""
    async for made in _world(tmp_path, "guide"):
        yield made


@pytest.fixture(params=["live", "guide"])
async def any_world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The same, once in each dialect."""
    async for made in _world(tmp_path, request.param):
        yield made
