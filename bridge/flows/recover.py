"""After a crash: what was sent by a process that died is unknown, and is settled like any unknown."""

import asyncio
import contextlib
from dataclasses import dataclass
from functools import partial

from bridge.clock import now_ms
from bridge.domain.failures import Conflict
from bridge.domain.machine import Kind, State, Step
from bridge.domain.payment import Payment
from bridge.flows.context import Context
from bridge.flows.lease import live
from bridge.flows.pace import STALE_SECONDS
from bridge.flows.receive_notice import begin_replays
from bridge.flows.reconcile import deaf_sites
from bridge.flows.record import BRIDGE, Recorder
from bridge.ledger import news, operations, owners, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation
from bridge.ledger.questions import ask

AT_ONCE = 1000
DROPPED_SECONDS = 10
"""What this process sent longer ago, and no task of it is sending, was dropped on the way: the wire sends no intent
older than 5 s. Likewise a window that it was to open and no task of it is opening: where the database went away during
the commit, the row may be there and nobody have heard of it."""
REPLAY_SECONDS = 10.0
WHY = "the bridge stopped before the answer was written down"


@dataclass(frozen=True, slots=True)
class Left:
    """What dead processes left, seen in one turn; dead is who was not heard of since `heard_since` (milliseconds)."""

    heard_since: int
    cut_off: bool
    sent: list[Operation]
    half_open: list[Payment]
    claimed: bool
    news_claimed: bool

    @property
    def nothing(self) -> bool:
        return not (self.sent or self.half_open or self.claimed or self.news_claimed)


async def recover(context: Context) -> int:
    """Take over what a dead process left: SENT becomes UNKNOWN, half-opened windows are superseded.

    Run at boot before the bridge is ready, and with the heartbeat; answers how many operations were taken over.
    """
    at = now_ms(context.clock)
    left = await context.ledger.read(lambda turn: _look(turn, context.owner, at))
    if left.cut_off:
        await context.ledger.write(partial(_bury, at=at))
        left = await context.ledger.read(lambda turn: _look(turn, context.owner, at))
    if left.nothing:
        return 0
    taken, deaf = 0, await deaf_sites(context)
    for operation in left.sent:
        if operation.site in deaf or context.tasks.is_sending(operation.id):
            continue  # its answer is awaited: where the wall clock was moved it looks old, and is not
        recorder = Recorder.now(context, context.sites.get(operation.site))
        with contextlib.suppress(Conflict):
            await context.ledger.write(partial(_take_over, recorder=recorder, operation=operation))
            taken += 1
    await _supersede(context, left.half_open, deaf)
    if left.claimed:
        await context.ledger.write(lambda turn: operations.free(turn, context.owner, left.heard_since, at))
    if left.news_claimed:
        await context.ledger.write(lambda turn: news.free(turn, context.owner, left.heard_since))
    return taken


def _look(turn: Turn, owner: str, at: int) -> Left:
    since = owners.heard_since(turn, owner, at)
    mine_before = at - DROPPED_SECONDS * 1000
    times = {"heard_since": since, "sent_before": at - STALE_SECONDS * 1000, "mine_before": mine_before}
    questions = (
        owners.any_cut_off(at),
        operations.any_orphaned(owner, **times),
        payments.any_half_open(owner, heard_since=since, mine_before=mine_before),
        operations.any_in_dead_hands(owner, since),
        news.any_in_dead_hands(owner, since),
    )
    cut_off, orphaned, half_open, claimed, news_claimed = ask(turn, questions)
    return Left(
        heard_since=since,
        cut_off=cut_off,
        sent=operations.orphaned(turn, owner, **times) if orphaned else [],
        half_open=payments.half_open(turn, owner, heard_since=since, mine_before=mine_before, limit=AT_ONCE)
        if half_open
        else [],
        claimed=claimed,
        news_claimed=news_claimed,
    )


def _bury(turn: Turn, at: int) -> None:
    """Count those as dead at once whom the database saw end; their lease need not run out."""
    for owner in owners.cut_off(turn, at):
        owners.end(turn, owner)


async def recover_at_boot(context: Context) -> int:
    """Recover, and let kept notices have the effect they are owed."""
    await live(context)
    taken = await recover(context)
    replays = await begin_replays(context)
    if replays:  # a shop that hangs keeps nobody's bridge from serving
        await asyncio.wait(replays, timeout=REPLAY_SECONDS)
    return taken


def _take_over(turn: Turn, recorder: Recorder, operation: Operation) -> None:
    operations.step(turn, operation, Step.UNKNOWN, at=recorder.at, message=WHY, next_try_at=recorder.at)
    payment = payments.get(turn, recorder.site.id, operation.payment)
    if operation.kind is Kind.APPROVE and payment.state == State.APPROVING:
        payment = payments.move(
            turn,
            payment,
            State.UNKNOWN,
            at=recorder.at,
            actor=BRIDGE,
            event="approve.unknown",
            detail={"reason": WHY},
        )
        recorder.tell(turn, payment, "payment.confirming")
    elif operation.kind is Kind.REFUND:
        recorder.note(turn, payment, "refund.unknown", {"amount": operation.amount, "reason": WHY})


async def _supersede(context: Context, halves: list[Payment], deaf: frozenset[str]) -> None:
    """A window that was being opened when the process died, or that nobody came to open, is replaced; its reference
    stays known."""
    started = now_ms(context.clock)
    for payment in halves:
        if payment.site in deaf or context.tasks.find(f"open:{payment.id}") is not None:
            continue

        def work(turn: Turn, site: str = payment.site, payment_id: str = payment.id) -> None:
            current = payments.get(turn, site, payment_id)
            if current.state == State.READYING:
                payments.move(
                    turn,
                    current,
                    State.SUPERSEDED,
                    at=started,
                    actor=BRIDGE,
                    event="window.not_opened",
                    detail={"reason": WHY},
                )

        with contextlib.suppress(Conflict):
            await context.ledger.write(work)
