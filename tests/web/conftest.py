"""What the tests of pages are given."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.flows import log_in
from tests.web.factory import Town, open_town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A bridge on an empty ledger, at a moment that stands still."""
    async with open_town(tmp_path) as made:
        yield made


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a thousandth of the time; what is checked stays the same."""
    monkeypatch.setattr(log_in, "COST_LOG2", 4)
    monkeypatch.setattr(log_in, "LANES", 1)
    monkeypatch.setattr(log_in, "_NOBODY", log_in.hash_password("nobody's own", b"s" * 16))
