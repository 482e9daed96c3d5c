"""The talk between two turns: what an adapter says is sent, as this site and its gateway allow."""

from typing import TypeVar

from bridge.domain.exchange import Exchange
from bridge.domain.gateway import Gateway
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.wire.converse import Conversation

T = TypeVar("T")


async def talk(
    context: Context,
    site: Site,
    gateway: Gateway,
    exchange: Exchange[T],
    *,
    intended_at: float | None = None,
    deadline_seconds: float | None = None,
) -> Conversation[T]:
    """Send an exchange and give what came of it, within the gateway's deadline or a shorter one.

    Where money moves, `intended_at` (boot-time seconds) was read before the turn that wrote the intent. Read after it,
    a machine that slept in between would send what another bridge has meanwhile taken over as unknown.
    """
    conversation = await context.wire.converse(
        exchange,
        hosts=gateway.hosts,
        deadline_seconds=min(gateway.deadline_seconds, deadline_seconds or gateway.deadline_seconds),
        committed_at=intended_at,
        loopback_allowed=site.loopback_allowed,
    )
    context.monitor.count_calls(gateway.name, conversation.journal)
    return conversation
