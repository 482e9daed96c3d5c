"""What some gateways answer besides payments: a card's kind. Nothing is kept of it."""

from typing import Any

from bridge.domain.exchange import Exchange
from bridge.domain.failures import GatewayOff, NotFound
from bridge.domain.gateway import Absent, Gateway, NotSent, Refused, Unknown
from bridge.domain.services import CardKind, LooksUp
from bridge.flows.context import Context
from bridge.flows.open_checkout import Once
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.ledger import replay
from bridge.ledger.operations import Operation

SECONDS = 20.0


async def look_up_card(context: Context, site: Site, prefix: str, once: Once, gateway: str = "") -> dict[str, Any]:
    """Say what card begins with these six to eight digits. Raises GatewayOff, NotFound, Replayed."""
    for found in site.in_order(gateway):
        if isinstance(found, LooksUp):
            looks_up = found
            break
    else:
        raise GatewayOff(
            "No gateway of this site says what card begins with some digits.",
            message_ko="카드 앞자리로 카드를 알려 주는 결제사가 없어요.",
        )
    await context.ledger.write(lambda turn: replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at))
    stamp = Recorder.now(context, site).stamp
    outcome = await ask_at_once(context, site, found, looks_up.look_up_card(prefix, stamp))
    if isinstance(outcome, CardKind):
        return {"issuer": outcome.issuer, "issuer_name": outcome.issuer_name, "kind": outcome.kind}
    if isinstance(outcome, Absent):
        raise NotFound("The gateway knows no card that begins so.", message_ko="그렇게 시작하는 카드를 찾지 못했어요.")
    raise no_answer(**why_none(outcome))


async def ask_at_once(
    context: Context,
    site: Site,
    gateway: Gateway,
    exchange: Exchange[Any],
    *,
    intended_at: float | None = None,
    operation: Operation | None = None,
) -> Any:
    """Ask now, once, and give what came of it; `operation` and `intended_at` (boot-time seconds) as in `talk`."""
    conversation = await talk(
        context,
        site,
        gateway,
        exchange,
        intended_at=context.clock.boot_seconds() if intended_at is None else intended_at,
        operation=operation,
        deadline_seconds=SECONDS,
    )
    return conversation.outcome


def why_none(outcome: object) -> dict[str, Any]:
    """Say whether the gateway was silent or refused, and its words: what is kept for a repeat."""
    said = outcome.message if isinstance(outcome, Refused | Unknown) else ""
    return {"silent": isinstance(outcome, NotSent | Unknown), "said": said}


def no_answer(*, silent: bool, said: str) -> GatewayOff:
    """Make the failure of that."""
    why, korean = ("did not answer", "답하지 않았어요") if silent else ("refused", "거절했어요")
    return GatewayOff(
        f"The gateway {why}; look in its console before asking again.",
        gateway_message=said,
        message_ko=f"결제사가 {korean}. 다시 요청하기 전에 결제사 관리자 화면에서 확인해 주세요.",
    )
