"""What stories of several files about one gateway begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateways.house import House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A bridge, a shop, PayApp."""
    made = House(tmp_path)
    made.gateway = "payapp"
    await made.start()
    made.site = await made.pair()
    yield made
    await made.quiet()
    await made.close()
