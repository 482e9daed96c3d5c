"""Rate limits: token buckets per caller and per site, in memory, bounded."""

import math
from collections import OrderedDict

from bridge.clock import Clock
from bridge.domain.failures import TooMany

CALLERS_MAX = 20_000


class Limit:
    """So many per period for each caller; the oldest caller is forgotten when there are too many."""

    def __init__(self, clock: Clock, count: int, per_seconds: float) -> None:
        self._clock = clock
        self._count = float(count)
        self._refill = count / per_seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Take one. Raises TooMany, with the seconds to wait."""
        now = self._clock.boot_seconds()
        left, seen = self._buckets.pop(caller, (self._count, now))
        left = min(self._count, left + (now - seen) * self._refill)
        if left < 1:
            self._buckets[caller] = (left, now)
            wait = math.ceil((1 - left) / self._refill)
            raise TooMany("Too many requests; wait a moment.", retry_after_seconds=wait)
        self._buckets[caller] = (left - 1, now)
        if len(self._buckets) > CALLERS_MAX:
            self._buckets.popitem(last=False)
