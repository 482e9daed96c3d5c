"""A stand of the demo on free ports, one for each file of tests, and buyers who visit it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from bridge.demo.stand import Plan, Stand, open_stand
from bridge.demo.visit import Visit


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stand keeps its data."""
    return tmp_path_factory.mktemp("stand")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(folder: Path) -> AsyncIterator[Stand]:
    async with open_stand(Plan(folder, log_level="critical")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def visit(stand: Stand) -> AsyncIterator[Visit]:
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
        yield Visit(stand, "mainpay", http)
