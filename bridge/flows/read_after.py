"""Reads what came of something that may have been sent: books that cannot be read are no word that it was not."""

from collections.abc import Awaitable
from typing import TypeVar

from bridge.domain.failures import Busy, LedgerBroken, LedgerHeld, OutcomeUnread

T = TypeVar("T")


async def read_after(reading: Awaitable[T]) -> T:
    """Wait for a reading of the books. Raises OutcomeUnread where they cannot be read, and what the reading raises."""
    try:
        return await reading
    except (Busy, LedgerBroken, LedgerHeld) as error:
        raise OutcomeUnread(
            "It is written down and may have been sent to the gateway; the books cannot be read now."
            " Look what came of it before you ask again."
        ) from error
