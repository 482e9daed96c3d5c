"""Backups that a serving bridge makes by itself: by a process of their own, so that no buyer waits for them."""

import asyncio
import contextlib
import re
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import structlog

from bridge.settings import MIB, Settings

NEWEST_KEPT = 10
HOURS_KEPT = 24
DAYS_KEPT = 7
REST = 10
"""A backup rests ten times as long as it took, so that it costs at most a tenth of one core."""
PART_SECONDS_MAX = 3_600
_NAME = re.compile(r"pay-bridge-(\d{8}-\d{6})Z\.backup")
log = structlog.get_logger("backup")


async def back_up_forever(settings: Settings) -> None:
    """Make a backup every so often until cancelled; one that fails is told, and the next one comes."""
    folder, mine = Path(settings.backup_path), deque[str](maxlen=NEWEST_KEPT)
    while True:
        began = time.monotonic()
        try:
            drop_left_behind(folder)
            before = _names(folder)
            said = no_room(settings, folder) or await back_up_once(folder)
            if not said:
                mine.extend(sorted(_names(folder) - before))
                drop_old(folder, frozenset(mine))
        except OSError as error:  # the folder is away, or there is no descriptor or memory for a process just now
            said = str(error)
        if said:
            log.error("the automatic backup failed", why=said)
        took = time.monotonic() - began
        await asyncio.sleep(max(settings.backup_seconds - took, REST * took))


async def back_up_once(folder: Path) -> str:
    """Make one, encrypted under the master key; answers what went wrong, or nothing."""
    words = [sys.executable, "-m", "bridge", "backup", str(folder), "--encrypt", "--json"]
    nice = shutil.which("nice")
    made = await asyncio.create_subprocess_exec(
        *([nice, "-n", "10", *words] if nice else words),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await made.communicate()
    except asyncio.CancelledError:
        made.terminate()
        await made.wait()
        raise
    return "" if made.returncode == 0 else (said.decode(errors="replace").strip().splitlines() or ["no word"])[-1]


def drop_old(folder: Path, mine: frozenset[str] = frozenset()) -> None:
    """Keep the newest backups, one for each of the last hours and one for each of the last days, and those in `mine`:
    made last, whatever a clock that was set has them called."""
    for name in surplus(_names(folder)) - mine:
        (folder / name).unlink(missing_ok=True)


def no_room(settings: Settings, folder: Path) -> str:
    """Say why one more would leave the books' own disk too little room for payments to begin, or nothing."""
    if settings.on_postgres or folder.stat().st_dev != settings.database_path.parent.stat().st_dev:
        return ""
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if _NAME.fullmatch(path.name)}
    size = sizes[max(sizes)] if sizes else settings.database_path.stat().st_size
    left = shutil.disk_usage(folder).free - size
    if left >= settings.free_bytes_min:
        return ""
    return f"{folder} is on the disk of the books, which would have {max(left, 0) // MIB} MiB left; use another disk"


def drop_left_behind(folder: Path) -> None:
    """Drop what backups left behind that were killed: nothing was written into it for a while."""
    for part in folder.glob(".pay-bridge-*.backup.part"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - part.stat().st_mtime > PART_SECONDS_MAX:
                part.unlink()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def surplus(names: Iterable[str]) -> set[str]:
    """Name the backups that need not be kept. Other files are none of ours.

    The last hours and days are those of which there is a backup: one whose name a clock that ran ahead gave takes the
    place of one, and not of all.
    """
    times = {match[0]: _time(match[1]) for match in map(_NAME.fullmatch, names) if match}
    newest_first = sorted(times, key=lambda name: times[name], reverse=True)
    kept = set(newest_first[:NEWEST_KEPT])
    for pattern, many in (("%Y%m%d%H", HOURS_KEPT), ("%Y%m%d", DAYS_KEPT)):
        first = {times[name].strftime(pattern): name for name in newest_first}  # of each, the oldest
        kept |= set(islice(first.values(), many + 1))  # this one, and so many before it
    return set(times) - kept


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
