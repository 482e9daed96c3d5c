"""Deletes a customer's billing key for good: turn (intent), talk, turn (what came of it)."""

from bridge.clock import now_ms
from bridge.domain.billing import Bills, KeyState
from bridge.domain.failures import Conflict, GatewayOff, NotNow
from bridge.domain.gateway import Done, Gateway, NotSent, Refused
from bridge.flows.billing_keys import KEY, billing_key, owned
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.open_checkout import Once
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import billing_keys as rows
from bridge.ledger import replay
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn
from bridge.ledger.queues import line_up


async def delete_key(context: Context, site: Site, key_id: str, customer: str, once: Once) -> KeyRow:
    """Delete a key. It may still be DELETING when the gateway's answer was lost: ask again, which bears repetition.

    Raises NotFound, NotNow, GatewayOff, Replayed, KeyReused, Busy (nothing was sent), OutcomeUnread.
    """
    row, again = await context.ledger.write(lambda turn: _begin(turn, context, site, key_id, customer, once))
    gateway = site.gateway(row.gateway)
    if not isinstance(gateway, Bills):
        raise GatewayOff(f"{gateway.title} keeps no billing keys.")
    if row.state is KeyState.DELETING:
        task = context.tasks.begin(f"delete_key:{row.id}", _delete(context, site, (gateway, gateway), row, again))
        await context.tasks.wait(task, context.settings.refund_wait_seconds)
    return await read_after(context.ledger.read(lambda turn: rows.get(turn, site.id, key_id)))


def _begin(turn: Turn, context: Context, site: Site, key_id: str, customer: str, once: Once) -> tuple[KeyRow, bool]:
    replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
    row = owned(turn, site, key_id, customer)
    if replay.earlier(turn, site.id, once.idempotency_key, once.digest) is None:
        replay.remember(turn, site.id, once.idempotency_key, once.digest, row.id, now_ms(context.clock))
    if row.state is KeyState.ACTIVE:
        line_up(turn, f"{KEY}:{row.id}")  # no charge may overlook that it goes
        return rows.move(turn, row, KeyState.DELETING, at=now_ms(context.clock)), False
    if row.state not in (KeyState.DELETING, KeyState.DELETED):
        korean = "등록이 끝난 결제 수단만 삭제할 수 있어요."
        detail = f"A billing key in state {row.state} cannot be deleted."
        raise NotNow(detail, state=str(row.state), message_ko=korean)
    return row, True


async def _delete(context: Context, site: Site, deletes: tuple[Gateway, Bills], row: KeyRow, again: bool) -> None:
    gateway, bills = deletes
    # A no to a repeat, or one that was not sent, proves nothing of what was asked before: it may be deleted.
    kept = KeyState.DELETING if again else KeyState.ACTIVE
    exchange = bills.delete_key(billing_key(context, row), Recorder.now(context, site).stamp)
    conversation = await talk(context, site, gateway, exchange)
    outcome, at = conversation.outcome, now_ms(context.clock)

    def record(turn: Turn) -> None:
        keep_lines(turn, context.clock, row, conversation.journal, at)
        if isinstance(outcome, Done):
            _deleted(turn, rows.get(turn, site.id, row.id), at)
        elif isinstance(outcome, NotSent):
            rows.move(turn, row, kept, at=at, message=outcome.why[:500])
        elif isinstance(outcome, Refused):
            code, message = outcome.code[:64], outcome.message[:500]
            rows.move(turn, row, kept, at=at, code=code, message=message)

    try:
        await write_down(context, record)
    except Conflict:
        return


def _deleted(turn: Turn, row: KeyRow, at: int) -> None:
    """Write a proven deletion, whatever another that was sent beside it had come to."""
    if row.state is KeyState.ACTIVE:
        row = rows.move(turn, row, KeyState.DELETING, at=at)
    if row.state is KeyState.DELETING:
        rows.move(turn, row, KeyState.DELETED, at=at, key_sealed="", code="", message="")
