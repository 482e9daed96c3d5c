"""Lists and finds a site's payments, newest first, a page at a time."""

from dataclasses import dataclass
from typing import Any

from bridge.clock import stamp
from bridge.domain.machine import State
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.flows.snapshots import payment_json
from bridge.ledger import operations, orders, payments
from bridge.ledger.ledger import Turn

PAGE_MAX = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """What to list: `before` is the id the last page ended with; `since` and `until` in milliseconds."""

    words: str = ""
    order_ref: str = ""
    state: State | None = None
    since: int | None = None
    until: int | None = None
    before: str = ""
    limit: int = 50


async def list_payments(context: Context, site: Site, wanted: Filter) -> dict[str, Any]:
    """Give a page of payments with what a list shows: {items, next_cursor}."""
    moment = stamp(context.clock)
    limit = min(wanted.limit, PAGE_MAX)

    def work(turn: Turn) -> dict[str, Any]:
        found = payments.search(
            turn,
            site.id,
            words=wanted.words,
            order_ref=wanted.order_ref,
            state=wanted.state,
            since=wanted.since,
            until=wanted.until,
            before=wanted.before,
            limit=limit + 1,
        )
        items = []
        for payment in found[:limit]:
            order = orders.find(turn, site.id, payment.order_ref)
            assert order is not None, "a payment has an order"
            shown = payment_json(site, payment, operations.of_payment(turn, payment.id), moment)
            items.append(shown | {"title": order.title, "buyer_name": order.buyer.name})
        more = len(found) > limit
        return {"items": items, "next_cursor": found[limit - 1].id if more else None}

    return await context.ledger.read(work)
