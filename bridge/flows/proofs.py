"""Passwords proven a moment ago, and the line in which others wait: right ones stand in nobody's way."""

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.domain.failures import TooMany
from bridge.ledger.operators import Operator

KEPT_SECONDS = 60.0
KEPT_MAX = 1000
WAITING_MAX = 500


class Proofs:
    """What a process knows of proven passwords: of each a digest under a key, for a minute, in memory."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 bytes that nobody knows who has not the books' root secret."""
        self._key = key
        self._line = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[bytes, float] = OrderedDict()

    @asynccontextmanager
    async def line(self) -> AsyncIterator[None]:
        """Wait until a password may be looked at: one at a time, so that no try is counted while another is open.

        Raises TooMany where too many wait already.
        """
        if self._waiting >= WAITING_MAX:
            raise TooMany("Too many log-ins are waiting; try again in a moment.", retry_after_seconds=1)
        self._waiting += 1
        try:
            async with self._line:
                yield
        finally:
            self._waiting -= 1

    def keep(self, operator: Operator, password: str, now: float) -> None:
        """Keep that this was the operator's password; `now` in boot-time seconds. At most KEPT_MAX."""
        self._kept[self._mark(operator, password)] = now + KEPT_SECONDS
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)

    def holds(self, operator: Operator, password: str, now: float) -> bool:
        """Tell whether this very password was proven within the last minute, and is still the operator's."""
        mark = self._mark(operator, password)
        ends_at = self._kept.get(mark, 0.0)
        if ends_at and now >= ends_at:
            del self._kept[mark]
        return now < ends_at

    def _mark(self, operator: Operator, password: str) -> bytes:
        """Digest a password with what the books keep of it: with another one there, none proven before holds."""
        said = "\n".join((operator.id, operator.password_hash, password))
        return hmac.new(self._key, said.encode(errors="replace"), hashlib.sha256).digest()
