"""Backups a serving bridge makes by itself: each in a process of its own; one that fails is told."""

import asyncio
import errno
import io
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bridge.cli.automatic import back_up_forever, back_up_once, drop_left_behind, drop_old, no_room, surplus
from bridge.cli.progress import bar
from bridge.settings import MIB, from_environment

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


async def test_without_a_process_for_one_the_next_one_comes(
    told: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no descriptor left for it, or no memory, or the folder is away for a moment."""
    assert (await asyncio.to_thread(told.type, "site", "list")).code == 0
    begin, refused = asyncio.create_subprocess_exec, 0

    async def refuse_once(*words: Any, **more: Any) -> Any:
        nonlocal refused
        refused += 1
        if refused == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return await begin(*words, **more)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse_once)
    going = asyncio.create_task(back_up_forever(replace(from_environment(), backup_seconds=0)))
    deadline = time.monotonic() + 120
    while not list((tmp_path / "backups").glob("pay-bridge-*.backup")):
        assert not going.done()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    assert "Too many open files" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("kept", "free", "may"), [(0, 700, True), (0, 690, False), (150, 670, True), (150, 650, False)]
)
def test_none_is_made_that_would_stop_payments_for_want_of_room(
    told: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int, free: int, may: bool
) -> None:
    """As large as the last one, or as the books; the folder is on their own disk, which payments need to have room."""
    folder, settings = tmp_path / "backups", replace(from_environment(), free_bytes_min=512 * MIB)
    for path, size in ((settings.database_path, 180), (folder / "pay-bridge-20261120-120000Z.backup", kept)):
        if size:
            with path.open("wb") as file:
                file.truncate(size * MIB)
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 0, free * MIB))

    assert (no_room(settings, folder) == "") is may
    elsewhere = SimpleNamespace(stat=lambda: SimpleNamespace(st_dev=-1))
    assert no_room(settings, cast(Path, elsewhere)) == ""


def test_what_a_killed_backup_left_behind_is_dropped_once_nobody_can_be_writing_it(tmp_path: Path) -> None:
    old, new, foreign = (
        tmp_path / name
        for name in (
            ".pay-bridge-20261120-120000Z.backup.part",
            ".pay-bridge-20261120-120100Z.backup.part",
            "notes.part",
        )
    )
    for path in (old, new, foreign):
        path.write_bytes(b"half")
    for path in (old, foreign):
        os.utime(path, (time.time() - 3_700,) * 2)
    drop_left_behind(tmp_path)

    assert sorted(tmp_path.iterdir()) == sorted([new, foreign])


def test_what_was_made_last_stays_though_a_clock_set_back_has_it_look_old(tmp_path: Path) -> None:
    earlier = [f"pay-bridge-20261120-12{minute:02}00Z.backup" for minute in range(60)]
    mine = "pay-bridge-20261120-113000Z.backup"
    for name in (*earlier, mine, "pay-bridge-20261120-110000Z.backup"):
        (tmp_path / name).touch()
    assert mine in surplus(path.name for path in tmp_path.iterdir())
    drop_old(tmp_path, frozenset({mine}))

    left = {path.name for path in tmp_path.iterdir()}
    assert mine in left
    assert len(left) == 10 + 2 + 1, "the newest, the first of two hours, and that one"


def test_a_bar_is_shown_to_a_person_and_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, quiet, shown in ((Terminal(), False, True), (Terminal(), True, False), (io.StringIO(), False, False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with bar("Moving", 10, quiet=quiet) as told:
            told(10)
        assert ("Moving" in stream.getvalue()) is shown
