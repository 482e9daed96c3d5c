"""What stories of several files about one gateway begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateways.house import House
from tests.gateways.paired import paired


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A bridge, a shop, PayApp."""
    async with paired(House(tmp_path), "payapp") as made:
        yield made
