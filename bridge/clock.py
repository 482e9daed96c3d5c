"""The only reader of time and randomness. A simulation gives its own."""

import asyncio
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Protocol

from bridge.domain.exchange import Stamp

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_RESERVE_BYTES = 4096


class Clock(Protocol):
    """What the bridge may know of time and chance."""

    def now(self) -> datetime:
        """Say the wall time (aware, UTC)."""
        ...

    def boot_seconds(self) -> float:
        """Say the seconds since the machine started, suspends included; for deadlines."""
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
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Say the wall time (aware, UTC)."""
        return datetime.now(UTC)

    def boot_seconds(self) -> float:
        """Say the seconds since the machine started, suspends included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

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
    return Stamp(from_ms(now_ms(clock)), clock.random_bytes(16).hex())


def new_id(clock: Clock) -> str:
    """Make a time-ordered 128-bit id: 26 characters, sortable as text."""
    number = (now_ms(clock) << 80) | int.from_bytes(clock.random_bytes(10), "big")
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])


def new_reference(clock: Clock, length: int = 20) -> str:
    """Make a random reference of upper-case letters and digits, as gateways accept them (at most 20 bytes)."""
    number = int.from_bytes(clock.random_bytes(16), "big")
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in range(length)).upper()
