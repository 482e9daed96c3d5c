"""Backups that a serving bridge makes by itself: by a process of their own, so that no buyer waits for them."""

import asyncio
import re
import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from bridge.settings import Settings

NEWEST_KEPT = 10
HOURS_KEPT = 24
DAYS_KEPT = 7
REST = 10
"""A backup rests ten times as long as it took, so that it costs at most a tenth of one core."""
_NAME = re.compile(r"pay-bridge-(\d{8}-\d{6})Z\.backup")
log = structlog.get_logger("backup")


async def back_up_forever(settings: Settings) -> None:
    """Make a backup every so often until cancelled; one that fails is told, and the next one comes."""
    folder = Path(settings.backup_path)
    while True:
        began = time.monotonic()
        said = await back_up_once(folder)
        if said:
            log.error("the automatic backup failed", why=said)
        else:
            drop_old(folder)
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


def drop_old(folder: Path) -> None:
    """Keep the newest backups, one for each of the last hours and one for each of the last days."""
    names = [path.name for path in folder.iterdir()]
    for name in surplus(names):
        (folder / name).unlink(missing_ok=True)


def surplus(names: list[str]) -> set[str]:
    """Name the backups that need not be kept. Other files are none of ours; time is the newest backup's."""
    times = {match[0]: _time(match[1]) for match in map(_NAME.fullmatch, names) if match}
    if not times:
        return set()
    newest_first = sorted(times, key=lambda name: times[name], reverse=True)
    now, kept = times[newest_first[0]], set(newest_first[:NEWEST_KEPT])
    for pattern, reach in (("%Y%m%d%H", timedelta(hours=HOURS_KEPT)), ("%Y%m%d", timedelta(days=DAYS_KEPT))):
        first = {times[name].strftime(pattern): name for name in newest_first if now - times[name] <= reach}
        kept |= set(first.values())
    return set(times) - kept


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
