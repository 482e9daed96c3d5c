"""Ends billing keys whose window is over, and those whose answer nobody waits for any more."""

from bridge.clock import from_ms, now_ms
from bridge.domain.billing import KeyState
from bridge.domain.failures import Conflict
from bridge.flows.context import Context
from bridge.flows.issue_key import end_unsent
from bridge.flows.pace import STALE_SECONDS
from bridge.ledger import billing_keys as rows
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn
from bridge.ledger.questions import Question

GRACE_SECONDS = 60
AT_ONCE = 200
ENDED_HERE = (KeyState.OPEN, KeyState.OPENING, KeyState.ISSUING)
WHY = "the answer was lost: the gateway may have a key that nobody holds"


def keys_stale(at: int) -> list[Question]:
    """Ask whether a key's window may be over, or its answer be lost, at a moment (milliseconds)."""
    return [rows.any_under_way(ENDED_HERE, at - STALE_SECONDS * 1000)]


async def expire_keys(context: Context) -> int:
    """Expire open windows a minute after their time; what was asked and never answered is lost, a phone's that was
    never asked is refused. Answers how many."""
    at = now_ms(context.clock)
    found = await context.ledger.read(lambda turn: _stale(turn, at, AT_ONCE))
    count = 0
    for row in found:
        becomes = _end(row, at)
        if becomes is None or context.tasks.find(f"issue_key:{row.id}") is not None:
            continue

        def work(turn: Turn, row: KeyRow = row, becomes: KeyState = becomes) -> None:
            if becomes is KeyState.LOST and row.state is KeyState.ISSUING and end_unsent(turn, row, at):
                return
            rows.move(turn, row, becomes, at=at, message=WHY if becomes is KeyState.LOST else "")

        try:
            await context.ledger.write(work)
        except Conflict:
            continue
        count += 1
    return count


def _stale(turn: Turn, at: int, limit: int) -> list[KeyRow]:
    before = at - STALE_SECONDS * 1000
    return [row for state in ENDED_HERE for row in rows.under_way(turn, state, before, limit)]


def _end(row: KeyRow, at: int) -> KeyState | None:
    if row.state is not KeyState.OPEN:
        return KeyState.LOST
    late = from_ms(at - GRACE_SECONDS * 1000) > row.expires_at
    return KeyState.EXPIRED if late else None
