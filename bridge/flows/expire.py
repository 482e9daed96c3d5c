"""Ends payments whose time is over and that hold no money."""

from datetime import timedelta

from bridge.clock import from_ms, to_ms
from bridge.domain.failures import Conflict
from bridge.domain.machine import State
from bridge.domain.reasons import Reason
from bridge.flows.context import Context
from bridge.flows.record import BRIDGE, Recorder
from bridge.ledger import payments
from bridge.ledger.ledger import Turn

GRACE = timedelta(seconds=60)
DEPOSIT_GRACE = timedelta(days=1)
AT_ONCE = 200


async def expire(context: Context) -> int:
    """Expire open windows a minute, and waiting accounts a day, after their time; answers how many."""
    now = context.clock.now()
    ended = await context.ledger.read(
        lambda turn: [
            *payments.past(turn, State.OPEN, to_ms(now - GRACE), AT_ONCE),
            *payments.past(turn, State.READYING, to_ms(now - GRACE), AT_ONCE),
            *payments.past(turn, State.AWAITING_DEPOSIT, to_ms(now - DEPOSIT_GRACE), AT_ONCE),
        ]
    )
    count = 0
    for payment in ended:
        site = context.sites.find(payment.site)
        if site is None or context.tasks.find(f"approve:{payment.id}") is not None:
            continue
        recorder = Recorder.now(context, site)

        def work(turn: Turn, recorder: Recorder = recorder, payment_id: str = payment.id) -> None:
            current = payments.get(turn, recorder.site.id, payment_id)
            late = from_ms(recorder.at) > current.expires_at
            if State(current.state) in (State.OPEN, State.READYING, State.AWAITING_DEPOSIT) and late:
                after = payments.move(
                    turn,
                    current,
                    State.EXPIRED,
                    at=recorder.at,
                    actor=BRIDGE,
                    event="payment.expired",
                    reason=str(Reason.EXPIRED),
                )
                recorder.tell(turn, after, "payment.failed")

        try:
            await context.ledger.write(work)
        except Conflict:
            continue
        count += 1
    return count
