import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop
from wire_servers import Authority, BootClock

from bridge.wire.converse import Wire


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run everything on both event loops: they differ in how streams end and how writes are queued."""
    return {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


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
