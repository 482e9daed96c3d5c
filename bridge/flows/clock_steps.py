"""A wall clock that is set back: what is due by it waits no longer for that."""

import contextlib

from bridge.clock import now_ms
from bridge.domain.failures import BridgeError
from bridge.flows.alarms import CLAIM_SECONDS
from bridge.flows.context import Context
from bridge.flows.pace import STALE_SECONDS
from bridge.ledger import alarms, clock_kept, news, operations, receipts
from bridge.ledger.ledger import Turn
from bridge.ledger.replay import KEPT_AFTER_END_SECONDS

NOTICED_MS = 2_000
"""How far the wall clock must have moved against the boot clock: less is no step, or not worth a commit."""


async def make_up_for_steps(context: Context) -> None:
    """Bring forward what is to be tried next, by as much as the wall clock was set back since it was last looked at.

    An earlier process of the same start of the machine may have looked last. Where others write here too, nothing comes
    nearer than a try of theirs can take, or it would be sent twice at once.
    """
    at = now_ms(context.clock)
    reading = clock_kept.Reading(context.clock.boot_id(), at - round(context.clock.boot_seconds() * 1000))
    known = context.wall_clock or await context.ledger.read(clock_kept.last)
    same = known is not None and known.start == reading.start
    moved = reading.ahead_ms - known.ahead_ms if same and known is not None else 0
    if same and abs(moved) < NOTICED_MS:
        context.wall_clock = known
        return
    context.clock_set_at = context.clock.boot_seconds()

    def work(turn: Turn) -> None:
        if moved < 0:
            nearest = at if context.ledger.alone else at + STALE_SECONDS * 1000
            operations.bring_forward(turn, -moved, nearest)
            news.bring_forward(turn, -moved)
            receipts.bring_forward(turn, -moved, nearest)
            alarms.bring_forward(turn, -moved, at + CLAIM_SECONDS * 1000)
        clock_kept.note(turn, reading)

    with contextlib.suppress(BridgeError):  # no room, or the books are only read: the next beat tries again
        await context.ledger.write(work)
        context.wall_clock = reading


def is_steady(context: Context) -> bool:
    """Tell whether the wall clock was not set for as long as a nonce is kept: one that runs ahead makes none look old,
    and what is signed by the right time is not refused for it afterwards."""
    return context.clock.boot_seconds() - context.clock_set_at > KEPT_AFTER_END_SECONDS
