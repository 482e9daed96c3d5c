"""The moments at which a server can be ended: counted by a preloaded library, steered through a shared file."""

import mmap
import os
import shutil
import struct
import subprocess
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
EVERYTHING = os.environ.get("KILL_EVERY_MOMENT") == "1"
"""Whether a whole run is wanted, as `make crash` makes it; otherwise what is quick and tells much."""
SIZE_BYTES, HEAD_BYTES = 4096, 28
KINDS = "wWsSnNcC"
"""w W: before and after a commit begins to be written · s S: before and after it is synced · n N: before and after
bytes go to a TCP peer · c C: before and after a commit is asked of PostgreSQL."""
DISTINCT = "sNC"
"""One moment for each state that the disk and the peers can be left in; the others repeat one of them."""
STEPS_MAX = 30


def step_seconds(place: int) -> float:
    """How long after arming the server is ended where moments cannot be counted: from 2 ms to half a minute."""
    return float(0.002 * 1.4 ** (place - 1))


def compiler() -> str | None:
    """The C compiler of this machine, if there is one."""
    return shutil.which("gcc") or shutil.which("cc")


def build(directory: Path, name: str = "shim") -> Path | None:
    """Compile a library into a directory; None where there is no compiler."""
    found = compiler()
    if found is None:
        return None
    library = directory / f"{name}.so"
    words = [found, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, HERE / f"{name}.c"]
    subprocess.run([*words, "-ldl", "-lpthread"], check=True, capture_output=True, timeout=60)
    return library


class Moments:
    """Chooses the moment at which the server dies. Without a compiler the moments are steps of time."""

    def __init__(self, library: Path | None, path: Path) -> None:
        self._library = library
        self._path = path
        path.write_bytes(bytes(SIZE_BYTES))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), SIZE_BYTES)
        self._timer: threading.Timer | None = None
        self.ahead_seconds = self.passed_seconds = 0
        self.was_set = False
        """Whether the clock was ever set, or time let pass."""

    @property
    def counted(self) -> bool:
        """Whether moments are counted; otherwise the server is ended after so many steps of time."""
        return self._library is not None

    @property
    def environment(self) -> dict[str, str]:
        """What the server's process is given."""
        return {"LD_PRELOAD": str(self._library), "KILL_CONTROL": str(self._path)} if self.counted else {}

    def arm(self, place: int, kinds: str = KINDS, *, kill_after: "threading.Timer | None" = None) -> None:
        """Let the server die at its `place`-th moment of these kinds from now on; 0 only counts."""
        if not self.counted:
            self._timer = kill_after
            if kill_after is not None:
                kill_after.start()
            return
        bits = sum(1 << KINDS.index(kind) for kind in kinds)
        self._shared[HEAD_BYTES:] = bytes(SIZE_BYTES - HEAD_BYTES)
        struct.pack_into("<IIIII", self._shared, 0, 0, place, 0, bits, 0)
        struct.pack_into("<I", self._shared, 0, 1)

    def disarm(self) -> None:
        """Let the server live."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._timer = None
        struct.pack_into("<II", self._shared, 0, 0, 0)

    def passed(self) -> str:
        """The kinds of the moments passed since arming, in order."""
        count = min(struct.unpack_from("<I", self._shared, 8)[0], SIZE_BYTES - 96)
        return self._shared[HEAD_BYTES : HEAD_BYTES + count].decode("ascii")

    def set_ahead(self, seconds: int) -> bool:
        """Set the server's wall clock ahead (or behind) by so many seconds in all; tells whether that is possible."""
        if not self.counted:
            return False
        self.ahead_seconds, self.was_set = seconds, True
        struct.pack_into("<i", self._shared, 20, seconds)
        return True

    def let_pass(self, seconds: int) -> bool:
        """Let so many seconds more pass by every clock of the server; tells whether that is possible."""
        if not self.set_ahead(self.ahead_seconds + seconds):
            return False
        self.passed_seconds += seconds
        struct.pack_into("<i", self._shared, 24, self.passed_seconds)
        return True
