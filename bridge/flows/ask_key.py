"""Asks a gateway what a billing key stands for: nothing moves, and nothing changes but the diary of calls."""

from typing import Any

from bridge.clock import now_ms
from bridge.domain.billing import KeyShown, KeyState, ShowsKeys
from bridge.domain.failures import GatewayOff
from bridge.domain.gateway import Absent, NotSent
from bridge.flows.billing_keys import billing_key, key_json
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.ledger import billing_keys as rows
from bridge.ledger.billing_keys import KeyRow

SECONDS = 20.0
KEYS_MAX = 100_000
KEYS_ASKED_MAX = 20
"""Of how many active keys a gateway is asked on one command: each may take it SECONDS."""
NOT_ASKED = f"not asked: only of the newest {KEYS_ASKED_MAX} active keys is the gateway asked at once"


async def ask_key(context: Context, site: Site, row: KeyRow) -> dict[str, Any]:
    """Say what the gateway knows of a key: `known`, `usable`, the masked `card`.

    Raises NotNow (the key is not active), GatewayOff (the gateway tells nothing of its keys, or did not answer).
    """
    gateway = site.gateway(row.gateway)
    if not isinstance(gateway, ShowsKeys):
        raise GatewayOff(
            f"{gateway.title} tells nothing of its billing keys; what it told when this one was issued is kept.",
            message_ko="이 결제사는 등록된 결제 수단을 조회해 주지 않아요. 등록할 때 받은 정보만 볼 수 있어요.",
        )
    exchange = gateway.show_key(billing_key(context, row), Recorder.now(context, site).stamp)
    conversation = await talk(context, site, gateway, exchange, deadline_seconds=SECONDS)
    outcome, at = conversation.outcome, now_ms(context.clock)
    await context.ledger.write(lambda turn: keep_lines(turn, context.clock, row, conversation.journal, at))
    if isinstance(outcome, KeyShown):
        return {"id": row.id, "known": True, "usable": outcome.usable, "card": dict(outcome.card)}
    if isinstance(outcome, Absent):
        return {"id": row.id, "known": False, "usable": False, "card": {}}
    raise GatewayOff(
        "The gateway did not say what the billing key stands for; ask again later.",
        gateway_message="" if isinstance(outcome, NotSent) else outcome.message,
        message_ko="결제사가 답하지 않았어요. 잠시 뒤에 다시 물어봐 주세요.",
    )


async def ask_keys(context: Context, site: Site, customer: str) -> list[dict[str, Any]]:
    """Show all keys of a customer, newest first, each active one with what the gateway says of it (`gateway_says`)."""
    found = await context.ledger.read(lambda turn: rows.of_customer(turn, site.id, customer, KEYS_MAX))
    active = [row.id for row in found if row.state is KeyState.ACTIVE]
    asked, rest = active[:KEYS_ASKED_MAX], active[KEYS_ASKED_MAX:]
    shown = []
    for row in found:
        said = await _say(context, site, row) if row.id in asked else {}
        shown.append(key_json(row) | said | ({"gateway_says": NOT_ASKED} if row.id in rest else {}))
    return shown


async def _say(context: Context, site: Site, row: KeyRow) -> dict[str, str]:
    try:
        shown = await ask_key(context, site, row)
    except GatewayOff as error:
        return {"gateway_says": error.detail}
    card = " ".join(shown["card"].values())
    usable = "it can be charged" if shown["usable"] else "it cannot be charged"
    return {"gateway_says": f"{usable}, {card}" if shown["known"] else "there is no such key"}
