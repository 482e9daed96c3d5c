"""The only reader of time and randomness. A simulation gives its own."""

import asyncio
import secrets
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from bridge.domain.exchange import Stamp

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_RESERVE_BYTES = 4096
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the bridge may know of time and chance."""

    def now(self) -> datetime:
        """Say the wall time (aware, UTC)."""
        ...

    def boot_seconds(self) -> float:
        """Say the seconds since the machine started, suspends included; for deadlines."""
        ...

    def boot_id(self) -> str:
        """Name the start of the machine that those seconds count from; every process since then says the same."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Give unpredictable bytes."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's own time and randomness; any thread may ask."""

    def __init__(self) -> None:
        self._reserve = b""
        self._boot_id = _read_boot_id()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Say the wall time (aware, UTC)."""
        return datetime.now(UTC)

    def boot_seconds(self) -> float:
        """Say the seconds since the machine started, suspends included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> str:
        """Name this start of the machine."""
        return self._boot_id

    def random_bytes(self, count: int) -> bytes:
        """Give unpredictable bytes, each once.

        They are fetched from the system in larger pieces: every fetch lets go of the interpreter, and the event loop
        and the ledger's writer then wait for one another.
        """
        with self._lock:
            if len(self._reserve) < count:
                self._reserve = secrets.token_bytes(max(_RESERVE_BYTES, count))
            given, self._reserve = self._reserve[:count], self._reserve[count:]
        return given

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


def _read_boot_id() -> str:
    """Read it where Linux tells it; a process that cannot know it counts as a machine of its own."""
    try:
        return _BOOT_ID.read_text("ascii").strip() or secrets.token_hex(16)
    except OSError:
        return secrets.token_hex(16)


def now_ms(clock: Clock) -> int:
    """Say the wall time in milliseconds since 1970, as the ledger stores it."""
    return int(clock.now().timestamp() * 1000)


def from_ms(at_ms: int) -> datetime:
    """Turn the ledger's milliseconds into an aware UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def to_ms(at: datetime) -> int:
    """Turn an aware time into the ledger's milliseconds."""
    return round(at.timestamp() * 1000)


def stamp(clock: Clock) -> Stamp:
    """Make a stamp: the time in whole milliseconds, and 32 hex digits of chance.

    What is sent with it must be written the same from the ledger's copy: a net-cancel repeats the approval's time, and
    a microsecond more, rounded away there, can be another second.
    """
    return Stamp(from_ms(now_ms(clock)), clock.random_bytes(16).hex(), boot_mark(clock))


def boot_mark(clock: Clock) -> str:
    """Say this moment by the boot clock, as the ledger stores it: the machine's start, and milliseconds since then."""
    return f"{clock.boot_id()}:{int(clock.boot_seconds() * 1000)}"


def between_ms(earlier: str, later: str) -> int | None:
    """Say how many milliseconds truly passed between two such moments; None where they are of different starts."""
    (start, _, since), (same, _, till) = earlier.rpartition(":"), later.rpartition(":")
    return int(till) - int(since) if start and start == same else None


def new_id(clock: Clock) -> str:
    """Make a time-ordered 128-bit id: 26 characters, sortable as text."""
    number = (now_ms(clock) << 80) | int.from_bytes(clock.random_bytes(10), "big")
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def new_reference(clock: Clock, length: int = 20) -> str:
    """Make a random reference of upper-case letters and digits, as gateways accept them (at most 20 bytes)."""
    number = int.from_bytes(clock.random_bytes(16), "big")
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(length)).upper()
