"""A disk that a test can fill, break, or cut the power of: steered and read through the files that disk.c keeps."""

import mmap
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CONTROL = struct.Struct("<QIIII")
RECORD = struct.Struct("<IIIIQ")
CONTROL_BYTES = 4096
SECTOR_BYTES = 512
FOR_EVER = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Record:
    """One thing the server did: p wrote at a place, t cut to a size, s synced, d synced the folder, n told a peer."""

    kind: str
    name: str
    place: int
    port: int
    data: bytes


class Disk:
    """The disk beneath one server's database. Without a compiler it is an ordinary disk."""

    def __init__(self, library: Path | None, directory: Path) -> None:
        self._library = library
        self.trace_path = directory / "disk.trace"
        self._control_path = directory / "disk.control"
        self._control_path.write_bytes(bytes(CONTROL_BYTES))
        with self._control_path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), CONTROL_BYTES)

    def environment(self, *, traced: bool) -> dict[str, str]:
        """Give the server's process what it needs; `traced`: from now on, everything is written down anew."""
        if self._library is None:
            return {}
        given = {"LD_PRELOAD": str(self._library), "DISK_CONTROL": str(self._control_path)}
        if traced:
            self.trace_path.write_bytes(b"")
            given["DISK_TRACE"] = str(self.trace_path)
        return given

    def limit(self, free_bytes: int) -> None:
        """Leave so much room and no more; what is cut or removed afterwards becomes free."""
        self._set(free_bytes=free_bytes, limited=1)

    def unlimit(self) -> None:
        """Let there be room again."""
        self._set(limited=0)

    def fail_syncs(self, count: int = FOR_EVER) -> None:
        """Let so many syncs from now on fail."""
        self._set(syncs_fail=count)

    @property
    def free_bytes(self) -> int:
        """What is left."""
        return int(self._get()["free_bytes"])

    @property
    def refused(self) -> int:
        """How many writes found no room."""
        return self._get()["refused"]

    @property
    def syncs_failed(self) -> int:
        """How many syncs failed."""
        return self._get()["syncs_failed"]

    def _get(self) -> dict[str, int]:
        names = ("free_bytes", "limited", "syncs_fail", "syncs_failed", "refused")
        return dict(zip(names, CONTROL.unpack_from(self._shared), strict=True))

    def _set(self, **changes: int) -> None:
        CONTROL.pack_into(self._shared, 0, *(self._get() | changes).values())


def read_trace(path: Path) -> list[Record]:
    """Read what a server did, in order; a record cut off by its death is left out."""
    return list(_records(path.read_bytes()))


def _records(raw: bytes) -> Iterator[Record]:
    at = 0
    while at + RECORD.size <= len(raw):
        kind, name_bytes, data_bytes, port, place = RECORD.unpack_from(raw, at)
        at += RECORD.size
        if at + name_bytes + data_bytes > len(raw):
            return
        name, data = raw[at : at + name_bytes], raw[at + name_bytes : at + name_bytes + data_bytes]
        at += name_bytes + data_bytes
        yield Record(chr(kind), name.decode(), place, port, data)


@dataclass
class _File:
    """A file as it surely is, and what has been done to it since and may be lost."""

    content: bytearray
    in_folder: bool
    pending: list[Record] = field(default_factory=list)

    def settle(self) -> None:
        for record in self.pending:
            _apply(self.content, record)
        self.pending.clear()


class Platter:
    """The database's files under a trace, record by record; at any point the power may be cut.

    `honest` False is a disk whose log is never synced, as under synchronous=NORMAL: a check must find what that loses.
    """

    KEPT = ("bridge.db", "bridge.db-wal", "bridge.db-journal")

    def __init__(self, before: Path, *, honest: bool = True) -> None:
        self._honest = honest
        self._files = {
            name: _File(bytearray((before / name).read_bytes()), in_folder=True)
            for name in self.KEPT
            if (before / name).exists()
        }

    def feed(self, record: Record) -> None:
        """Take the next thing the server did."""
        if record.kind == "d":
            for file in self._files.values():
                file.in_folder = True
        elif record.name in self.KEPT:
            file = self._files.setdefault(record.name, _File(bytearray(), in_folder=False))
            if record.kind == "s":
                if self._honest or not record.name.endswith("-wal"):
                    file.settle()
            else:
                file.pending.append(record)

    @property
    def unsynced(self) -> int:
        """How many writes a cut might lose."""
        return sum(len(file.pending) for file in self._files.values())

    def cut(self, chance: random.Random) -> dict[str, bytes]:
        """Give the files as they may be found: what was synced, and any part of what was not, in sectors."""
        found = {}
        for name, file in self._files.items():
            if not file.in_folder and chance.random() < 0.5:
                continue
            content = bytearray(file.content)
            share = chance.choice((0.0, 0.5, 0.9, 1.0))  # nothing of it, half, nearly all, all
            for record in file.pending:
                _apply(content, record, chance, share)
            found[name] = bytes(content)
        return found


def _apply(content: bytearray, record: Record, chance: random.Random | None = None, share: float = 1.0) -> None:
    """Do to a file what was done; with chance, each sector of it or not."""
    if record.kind == "t":
        if chance is None or chance.random() < share:
            content[record.place :] = bytes(max(0, record.place - len(content)))
        return
    at, end = record.place, record.place + len(record.data)
    while at < end:
        until = min(end, at - at % SECTOR_BYTES + SECTOR_BYTES)
        if chance is None or chance.random() < share:
            if len(content) < until:
                content.extend(bytes(until - len(content)))
            content[at:until] = record.data[at - record.place : until - record.place]
        at = until


def write_files(files: dict[str, bytes], directory: Path) -> None:
    """Put files in the place of whatever database is there."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("bridge.db*"):
        if old.is_file() and old.name not in ("bridge.db.lock", "bridge.db.reserve"):
            old.unlink()
    for name, content in files.items():
        (directory / name).write_bytes(content)
