"""The lease: as long as a process says that it lives, nobody takes over what it has sent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from bridge.clock import now_ms
from bridge.domain.failures import BridgeError
from bridge.flows.context import Context
from bridge.ledger import owners
from bridge.ledger.ledger import Turn

BEAT_SECONDS = 1.0
log = structlog.get_logger("lease")


async def live(context: Context, heard_at: float | None = None) -> None:
    """Say that this process lives; `heard_at` (boot-time seconds) is when it last did.

    After a silence of its own (the database was away) it gives all others the time to come back too.
    """

    def work(turn: Turn) -> None:
        at = now_ms(context.clock)
        owners.begin(turn, context.owner, at, alone=context.ledger.alone)
        if heard_at is not None and context.clock.boot_seconds() - heard_at > owners.CUT_OFF_SECONDS:
            owners.renew_all(turn, at)

    await context.ledger.write(work)


@contextlib.asynccontextmanager
async def leased(context: Context) -> AsyncIterator[None]:
    """Keep the lease for as long as the block lasts, and give it up at the end."""
    await live(context)
    beating = None if context.ledger.alone else asyncio.create_task(_beat(context), name="lease")
    try:
        yield
    finally:
        if beating is not None:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        with contextlib.suppress(BridgeError):  # then it runs out by itself
            await context.ledger.write(lambda turn: owners.end(turn, context.owner))


async def _beat(context: Context) -> None:
    heard_at = context.clock.boot_seconds()
    while True:
        await context.clock.sleep(BEAT_SECONDS)
        renewing = asyncio.create_task(live(context, heard_at), name="renewal")
        try:
            await asyncio.shield(renewing)
            heard_at = context.clock.boot_seconds()
        except asyncio.CancelledError:
            # Its turn goes on all the same, and after the end it would say that this process lives.
            await asyncio.gather(renewing, return_exceptions=True)
            raise
        except BridgeError as error:
            log.error("the lease could not be renewed", code=error.code, detail=error.detail)
