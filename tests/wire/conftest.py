import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from wire_servers import Authority

from bridge.wire.converse import Wire


class BootClock:
    """A boot-time clock that tests can move."""

    def __init__(self) -> None:
        self.skipped_seconds = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.skipped_seconds


@pytest.fixture
def clock() -> BootClock:
    return BootClock()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder)


@pytest.fixture
async def wire(clock: BootClock, authority: Authority) -> AsyncIterator[Wire]:
    wire = Wire(clock, tls=authority.client_context())
    yield wire
    await wire.close()
