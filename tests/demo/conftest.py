"""A stand of the demo on free ports, and buyers who visit it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from bridge.demo.stand import Plan, Stand, open_stand
from bridge.demo.visit import Visit


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with open_stand(Plan(tmp_path, log_level="critical")) as opened:
        yield opened


@pytest.fixture
async def visit(stand: Stand) -> AsyncIterator[Visit]:
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
        yield Visit(stand, "mainpay", http)
