"""What the tests of pages are given."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.flows.log_in import add_operator
from tests.web.factory import Town, open_town
from tests.web.visitor import PASSWORD, Browser


@pytest.fixture
def tmp_path(folder: Path) -> Path:
    """A folder in memory, beside that of another world: these commit often, and none is about the disk."""
    made = folder / "own"
    made.mkdir()
    return made


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A bridge on an empty ledger, at a moment that stands still."""
    async with open_town(tmp_path) as made:
        yield made


@pytest.fixture
async def stranger(town: Town, cheap_passwords: None) -> AsyncIterator[Browser]:
    await add_operator(town.context, "minji", PASSWORD)
    browser = Browser(town)
    yield browser
    await browser.client.aclose()


@pytest.fixture
async def minji(stranger: Browser) -> Browser:
    assert (await stranger.log_in()).status_code == 303
    return stranger
