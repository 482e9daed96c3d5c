"""Writes down what a gateway said: its answer is nowhere else, so a write that failed is tried again."""

from collections.abc import Callable
from typing import TypeVar

import structlog

from bridge.domain.failures import Busy, LedgerBroken
from bridge.flows.context import Context
from bridge.ledger.ledger import Turn

T = TypeVar("T")
AGAIN_SECONDS = 1.0
log = structlog.get_logger("flows")


async def write_down(context: Context, work: Callable[[Turn], T]) -> T:
    """Run a turn that records an answer until it is committed, for as long as this process lives.

    The turn changes its operation by compare-and-swap: where an earlier try was committed and nobody heard of it, it
    finds that, and raises Conflict or writes nothing. Raises what `work` raises.
    """
    while True:
        try:
            return await context.ledger.write(work)
        except (Busy, LedgerBroken) as error:
            if context.ledger.closed or context.ledger.read_only:
                raise
            log.error("an answer could not be written down yet", code=error.code, detail=error.detail)
        await context.clock.sleep(AGAIN_SECONDS)
