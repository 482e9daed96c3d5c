"""Room on the disk: a reserve that is given up when the disk is full, and a line below which no money moves."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger("ledger")


@dataclass
class Room:
    """The reserve lies beside the database. Sizes in bytes; 0 turns either off."""

    database: Path
    reserve_bytes: int = 0
    free_bytes_min: int = 0

    @property
    def reserve(self) -> Path:
        """Say where the reserve is."""
        return Path(f"{self.database}.reserve")

    def refusal(self) -> str:
        """Say why no money operation may begin, or nothing. A reserve that is missing is made as soon as it fits."""
        free = shutil.disk_usage(self.database.parent).free
        if self.reserve_bytes and not self.reserve.exists() and free >= self.reserve_bytes + self.free_bytes_min:
            self._make()
            free = shutil.disk_usage(self.database.parent).free
        if free < self.free_bytes_min:
            return f"The disk has {_mib(free)} left, less than {_mib(self.free_bytes_min)}; make room on it."
        if self.reserve_bytes and not self.reserve.exists():
            wanted = _mib(self.reserve_bytes + self.free_bytes_min)
            return f"The disk has {_mib(free)} left, too little for the reserve; make room, for {wanted} in all."
        return ""

    def give_up(self) -> bool:
        """Make room for the answers that are awaited; tells whether there was a reserve to give up."""
        try:
            self.reserve.unlink()
        except OSError:
            return False
        log.critical("the disk is full; the reserve was given up", freed_bytes=self.reserve_bytes)
        return True

    def _make(self) -> None:
        """Make the reserve of blocks that are really taken; half a reserve is none."""
        made = Path(f"{self.reserve}.new")
        try:
            with made.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.reserve_bytes)
            made.replace(self.reserve)
        except OSError as error:
            log.error("the reserve could not be made", error=str(error))
            with contextlib.suppress(OSError):
                made.unlink()


def _mib(count: int) -> str:
    return f"{count // (1024 * 1024)} MiB"
