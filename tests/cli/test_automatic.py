"""Backups a serving bridge makes by itself: each in a process of its own; one that fails is told."""

import asyncio
import io
import sys
import time
from pathlib import Path

import pytest

from bridge.cli.automatic import back_up_forever, back_up_once
from bridge.cli.progress import bar
from bridge.settings import from_environment

from .conftest import Place


@pytest.fixture
def told(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place whose environment is this process's, with a folder for backups."""
    (tmp_path / "backups").mkdir()
    for name, value in {**place.environment, "BRIDGE_BACKUP_PATH": str(tmp_path / "backups")}.items():
        monkeypatch.setenv(name, value)
    return place


async def test_one_that_fails_is_told_and_leaves_nothing(told: Place, tmp_path: Path) -> None:
    assert "no database" in await back_up_once(tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


async def test_it_goes_on_until_it_is_ended(told: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")  # without nice
    assert (await asyncio.to_thread(told.type, "site", "list")).code == 0
    going = asyncio.create_task(back_up_forever(from_environment()))
    deadline = time.monotonic() + 30
    while not list((tmp_path / "backups").glob("pay-bridge-*.backup")):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going


async def test_one_that_is_ended_takes_its_process_along(told: Place, tmp_path: Path) -> None:
    assert (await asyncio.to_thread(told.type, "site", "list")).code == 0
    going = asyncio.create_task(back_up_once(tmp_path / "backups"))
    await asyncio.sleep(0.1)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert list((tmp_path / "backups").glob("pay-bridge-*.backup")) == []


async def test_a_failing_backup_does_not_end_the_others(
    told: Place, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    going = asyncio.create_task(back_up_forever(from_environment()))
    deadline, said = time.monotonic() + 30, ""
    while "the automatic backup failed" not in said:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
        read = capsys.readouterr()
        said += read.out + read.err
    assert not going.done()
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


def test_a_bar_is_shown_to_a_person_and_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, quiet, shown in ((Terminal(), False, True), (Terminal(), True, False), (io.StringIO(), False, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with bar("Moving", 10, quiet=quiet) as told:
            told(10)
        assert ("Moving" in stream.getvalue()) is shown
