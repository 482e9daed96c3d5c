"""A wall clock that is set: what is due by it comes neither later nor, where a buyer has it open, earlier for that."""

import contextlib

from bridge.clock import now_ms
from bridge.domain.failures import BridgeError
from bridge.flows.alarms import CLAIM_SECONDS
from bridge.flows.context import Context
from bridge.flows.pace import STALE_SECONDS
from bridge.ledger import alarms, billing_keys, clock_kept, news, operations, payments, receipts
from bridge.ledger.ledger import Turn
from bridge.ledger.replay import KEPT_AFTER_END_SECONDS

NOTICED_MS = 2_000
"""How far the wall clock must have moved against the boot clock: less is no step, or not worth a commit."""

FAR_MS = 2**53


async def make_up_for_steps(context: Context) -> None:
    """Bring forward what is to be tried next, by as much as the wall clock was set back since it was last looked at.

    An earlier process of the same start of the machine may have looked last. Where others write here too, nothing comes
    nearer than a try of theirs can take, or it would be sent twice at once, and a window they opened keeps its end.
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
        if moved:
            _move_windows(turn, context, moved, at)
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


def _move_windows(turn: Turn, context: Context, moved: int, at: int) -> None:
    """Let windows end after their true life: those that were opened by the clock as it was, as their ends tell."""
    life = context.settings.payment_life_seconds * 1000
    ends = (at + life, FAR_MS) if moved < 0 else (0, at - moved + life)
    owner = "" if context.ledger.alone else context.owner
    payments.follow_clock(turn, moved, at, ends, owner)
    billing_keys.follow_clock(turn, moved, at, ends, owner)


def is_steady(context: Context) -> bool:
    """Tell whether the wall clock was not set for as long as a nonce is kept: one that runs ahead makes none look old,
    and what is signed by the right time is not refused for it afterwards."""
    return context.clock.boot_seconds() - context.clock_set_at > KEPT_AFTER_END_SECONDS
