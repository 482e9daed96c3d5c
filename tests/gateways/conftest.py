"""What stories of several files about one gateway begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateways.house import House
from tests.gateways.paired import paired


@pytest.fixture
def tmp_path(folder: Path) -> Path:
    """A folder in memory, beside that of another world: these commit often, and none is about the disk."""
    made = folder / "own"
    made.mkdir()
    return made


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A bridge, a shop, PayApp."""
    async with paired(House(tmp_path), "payapp") as made:
        yield made
