"""A wall clock that is set: what is due by it comes neither later nor, where a buyer has it open, earlier for that."""

import contextlib

from bridge.clock import now_ms
from bridge.domain.failures import BridgeError
from bridge.flows.alarms import CLAIM_SECONDS
from bridge.flows.context import Context
from bridge.flows.pace import STALE_SECONDS
from bridge.ledger import alarms, billing_keys, clock_kept, gap, news, operations, payments, receipts, replay
from bridge.ledger.clock_kept import Reading
from bridge.ledger.ledger import Turn
from bridge.ledger.replay import KEPT_AFTER_END_SECONDS

NOTICED_MS = 2_000
"""How far the wall clock must have moved against the boot clock: less is no step, or not worth a commit."""

FAR_MS = 2**53


async def make_up_for_steps(context: Context) -> None:
    """Bring forward what is to be tried next, by as much as the wall clock was set back since it was last looked at.

    An earlier process of the same start of the machine may have looked last. Where others write here too, nothing comes
    nearer than a try of theirs can take, or it would be sent twice at once, and a window they opened keeps its end.
    When the books were restored follows a clock that was wrong then: by it requests and keys are too old, or not.
    """
    at = now_ms(context.clock)
    reading = clock_kept.read(context.clock)
    known = context.wall_clock or await context.ledger.read(clock_kept.last)
    same = known is not None and known.start == reading.start
    moved = clock_kept.moved_ms(known, reading)
    is_first = context.wall_clock is None
    if same and abs(moved) < NOTICED_MS and not (is_first and await _was_wrong_at_restore(context, reading)):
        context.wall_clock = known
        return
    context.clock_set_at = context.clock.boot_seconds()

    def work(turn: Turn) -> None:
        if context.ledger.alone:
            _move_restore(turn, reading)
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


async def _was_wrong_at_restore(context: Context, reading: Reading) -> bool:
    restored = await context.ledger.read(clock_kept.at_restore)
    return context.ledger.alone and abs(clock_kept.moved_ms(restored, reading)) >= NOTICED_MS


def _move_restore(turn: Turn, reading: Reading) -> None:
    """Let the moment of the last restore be told by the clock as it is now, which shops' clocks must agree with.

    Only where nobody else writes here: another machine's clock was not set, and it may have been the one that restored.
    """
    moved = clock_kept.moved_ms(clock_kept.at_restore(turn), reading)
    if abs(moved) < NOTICED_MS:
        return
    for restored_at in {one["restored_at"] for one in turn.all("SELECT restored_at FROM gap_sites")}:
        replay.follow_clock(turn, restored_at, moved)
    gap.follow_clock(turn, moved)
    clock_kept.note_restore(turn, reading)


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
