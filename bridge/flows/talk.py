"""The talk between two turns: what an adapter says is sent, as this site and its gateway allow."""

from typing import TypeVar, overload

import structlog

from bridge.clock import boot_mark, now_ms
from bridge.domain.billing import VouchesForKeys
from bridge.domain.exchange import Exchange
from bridge.domain.failures import BridgeError
from bridge.domain.gateway import Gateway, NotSent, Unknown, Vouches
from bridge.domain.payment import Payment
from bridge.flows.context import Context
from bridge.flows.pace import claimed_until
from bridge.flows.sites import Site
from bridge.flows.urls import key_card_page_url, key_window_url, window_url
from bridge.ledger import operations
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.operations import Operation
from bridge.wire.converse import Conversation, Renew

T = TypeVar("T")
log = structlog.get_logger("flows")


@overload
async def talk(
    context: Context, site: Site, gateway: Gateway, exchange: Exchange[T], *, deadline_seconds: float | None = None
) -> Conversation[T]: ...


@overload
async def talk(
    context: Context,
    site: Site,
    gateway: Gateway,
    exchange: Exchange[T],
    *,
    intended_at: float,
    operation: Operation | None,
    deadline_seconds: float | None = None,
) -> Conversation[T]: ...


async def talk(
    context: Context,
    site: Site,
    gateway: Gateway,
    exchange: Exchange[T],
    *,
    intended_at: float | None = None,
    operation: Operation | None = None,
    deadline_seconds: float | None = None,
) -> Conversation[T]:
    """Send an exchange and give what came of it, within the gateway's deadline or a shorter one.

    Where money moves, `intended_at` (boot-time seconds) was read before the turn that wrote the intent. Read after it,
    a machine that slept in between would send what another bridge has meanwhile taken over as unknown. `operation`, as
    that turn left it, is under way until the task that calls this has ended: nobody takes it over as unknown meanwhile.
    It is renewed before each further call that moves money; without it none is sent.
    """
    if operation is not None:
        context.tasks.send(operation.id)
    conversation = await context.wire.converse(
        exchange,
        hosts=gateway.hosts,
        deadline_seconds=min(gateway.deadline_seconds, deadline_seconds or gateway.deadline_seconds),
        committed_at=intended_at,
        renew=_renewal(context, gateway, operation) if operation is not None else None,
        loopback_allowed=site.loopback_allowed,
    )
    context.monitor.count_calls(gateway.name, conversation.journal)
    return conversation


def note_window(context: Context, site: Site, gateway: Gateway, conversation: Conversation[T]) -> None:
    """Let a talk before the buyer authenticates tell whether its gateway is up. One that called nobody tells nothing.

    Only what was not sent or not answered speaks against a gateway: whoever says no is there.
    """
    outcome = conversation.outcome
    if not conversation.journal:
        return
    if isinstance(outcome, NotSent) or (isinstance(outcome, Unknown) and not outcome.code):
        context.breakers.failed(site.id, gateway.name, context.clock.boot_seconds())
    else:
        context.breakers.answered(site.id, gateway.name)


def note_after_window(
    context: Context, site: Site, gateway: Gateway, payment: Payment, conversation: Conversation[T]
) -> None:
    """Let a later talk tell it of a gateway that is asked nothing before: its window was opened by data alone."""
    if not isinstance(gateway, Vouches) and payment.window_url == window_url(context, site, payment):
        note_window(context, site, gateway, conversation)


def note_after_key_window(
    context: Context, site: Site, gateway: Gateway, row: KeyRow, conversation: Conversation[T]
) -> None:
    """Let the issuing of a billing key tell it likewise, and that of a typed card's, which has no window of its own."""
    unasked = not isinstance(gateway, VouchesForKeys) and row.window_url == key_window_url(context, site, row)
    if unasked or row.window_url in ("", key_card_page_url(context, site, row)):
        note_window(context, site, gateway, conversation)


def _renewal(context: Context, gateway: Gateway, operation: Operation) -> Renew:
    async def renew() -> float | None:
        intended_at, at, boot = context.clock.boot_seconds(), now_ms(context.clock), boot_mark(context.clock)
        until = claimed_until(gateway, at)
        try:
            await context.ledger.write(lambda turn: operations.renew(turn, operation, at=at, boot=boot, until=until))
        except BridgeError as error:
            log.warning("a further call was not sent", operation=operation.id, code=error.code, detail=error.detail)
            return None
        return intended_at

    return renew
