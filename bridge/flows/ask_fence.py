"""Asks WordPress whether the seats are still held, before money moves. No answer is a no."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from bridge.clock import from_ms, new_id, now_ms, to_ms
from bridge.domain.gateway import Gateway
from bridge.domain.payment import Order, Payment
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.flows.snapshots import rfc3339
from bridge.ledger import orders
from bridge.signing import news as webhooks
from bridge.wire.converse import PostResult

MARGIN_SECONDS = 10
ANSWER_SECONDS = 4.0
KEPT_HOLD_MAX = timedelta(days=1)
REASON_CHARACTERS_MAX = 200
UNTOUCHED = "돈은 빠져나가지 않았어요."
SAYINGS = {
    "hold_ends": f"좌석을 잡아 둔 시간이 지났어요. {UNTOUCHED}",
    "amount_changed": f"주문 금액이 바뀌었어요. {UNTOUCHED}",
    "order_closed": f"더는 결제할 수 없는 주문이에요. {UNTOUCHED}",
    "order_unknown": f"사이트에서 주문을 찾지 못했어요. {UNTOUCHED}",
}
"""The plugin's own reasons in words; a theme's own reason is a sentence already."""
_CODE = re.compile(r"[a-z0-9_]*\Z")


class FenceAnswer(msgspec.Struct):
    """What WordPress answers."""

    hold: bool
    hold_until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fence:
    """Whether the approval may go on; `reason` is a sentence for the buyer, `code` what the plugin calls it.

    `answered`: WordPress itself said so; before money moves no answer is a no, after it has moved it is none.
    """

    held: bool
    reason: str = ""
    code: str = ""
    answered: bool = True


async def ask_fence(context: Context, site: Site, gateway: Gateway, order: Order, payment: Payment) -> Fence:
    """Make sure the hold outlives the approval's deadline by 10 s: without asking if it does, else by asking."""
    return await _ask_until(context, site, order, payment, gateway.deadline_seconds + MARGIN_SECONDS)


async def ask_fence_after(context: Context, site: Site, order: Order, payment: Payment) -> Fence:
    """Make sure that the seats are held still, where money has moved without a question: ten seconds more will do."""
    return await _ask_until(context, site, order, payment, MARGIN_SECONDS)


def holds_still(order: Order, at: int) -> bool:
    """Tell whether seats need not be asked about after the money: nothing is held, or for ten seconds more."""
    return order.hold_expires_at is None or to_ms(order.hold_expires_at) >= at + MARGIN_SECONDS * 1000


async def _ask_until(context: Context, site: Site, order: Order, payment: Payment, seconds: float) -> Fence:
    if order.hold_expires_at is None:
        return Fence(True)
    until = from_ms(now_ms(context.clock)) + timedelta(seconds=seconds)
    if order.hold_expires_at >= until:
        return Fence(True)
    question = {
        "order_ref": order.ref,
        "payment": payment.id,
        "amount": payment.amount,
        "until": rfc3339(until),
    }
    answer = await _ask(context, site, json.dumps(question, ensure_ascii=False).encode())
    if answer is None:
        return Fence(False, f"좌석을 확인하지 못했어요. {UNTOUCHED}", answered=False)
    if not answer.hold or (answer.hold_until is not None and answer.hold_until < until):
        return _refused(answer.reason[:REASON_CHARACTERS_MAX])
    # A later hold is asked about again; a time at the end of the calendar would make the order unreadable.
    hold_until = to_ms(min(answer.hold_until or until, until + KEPT_HOLD_MAX))
    await context.ledger.write(lambda turn: orders.extend_hold(turn, site.id, order.ref, hold_until))
    return Fence(True)


def _refused(reason: str) -> Fence:
    if _CODE.match(reason):
        return Fence(False, SAYINGS.get(reason, SAYINGS["hold_ends"]), reason)
    return Fence(False, reason)


async def _ask(context: Context, site: Site, body: bytes) -> FenceAnswer | None:
    at = now_ms(context.clock) // 1000
    headers = webhooks.headers(site.news_keys(), new_id(context.clock), at, body)
    result = await context.wire.post(
        f"{site.url}/?rest_route=/pay-bridge/v1/fence",
        headers | {"content-type": "application/json"},
        body,
        deadline_seconds=ANSWER_SECONDS,
        loopback_allowed=site.loopback_allowed,
    )
    if not isinstance(result, PostResult) or result.status != 200:
        return None
    try:
        return msgspec.json.decode(result.body, type=FenceAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
