"""What tests of the bridge's core may ask for."""

import tempfile
from collections.abc import AsyncIterator, Iterator
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
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: these tests commit often, and none is about the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="pay-bridge-") as name:
        yield Path(name)


@pytest.fixture
async def world(folder: Path) -> AsyncIterator[World]:
    """A bridge with one site, the sandbox and a shop, in Mainpay's live dialect."""
    async for made in _world(folder, "live"):
        yield made


@pytest.fixture
async def guide_world(folder: Path) -> AsyncIterator[World]:
    """The same in the dialect of Mainpay's integration guide."""
    async for made in _world(folder, "guide"):
        yield made


@pytest.fixture(params=["live", "guide"])
async def any_world(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The same, once in each dialect."""
    async for made in _world(folder, request.param):
        yield made
