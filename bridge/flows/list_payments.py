"""Lists and finds a site's payments, newest first, a page at a time."""

from dataclasses import dataclass
from typing import Any

from bridge.clock import stamp
from bridge.domain.machine import Kind, State
from bridge.flows.attest import attest
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.flows.snapshots import payment_json, refund_json, slip_json
from bridge.ledger import operations, payments, search
from bridge.ledger.ledger import Turn

PAGE_MAX = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """What to list: `before` is the id the last page ended with, `without` a state left out; `since` and `until` in
    milliseconds. `told_since`, likewise, stands alone: whatever the shop was told something of since then."""

    words: str = ""
    order_ref: str = ""
    state: State | None = None
    since: int | None = None
    until: int | None = None
    before: str = ""
    limit: int = 50
    without: State | None = None
    told_since: int | None = None


async def list_payments(context: Context, site: Site, wanted: Filter) -> dict[str, Any]:
    """Give a page of payments with what a list shows: {items, next_cursor}."""
    moment = stamp(context.clock)
    limit = min(wanted.limit, PAGE_MAX)

    def work(turn: Turn) -> dict[str, Any]:
        state, without = str(wanted.state or ""), str(wanted.without or "")
        narrowed = search.Wanted(state, "", wanted.order_ref, wanted.since, wanted.until, without)
        if wanted.told_since is not None:
            page = search.told_since(turn, site.id, wanted.told_since, cursor=wanted.before, limit=limit)
        else:
            page = search.find(turn, [site.id], narrowed, text=wanted.words, cursor=wanted.before, limit=limit)
        items = []
        for row in page.rows:
            payment = payments.get(turn, site.id, row["id"])
            done = operations.of_payment(turn, payment.id)
            shown = payment_json(site, payment, done, moment) | slip_json(site, payment)
            refunds = [refund_json(one) for one in done if one.kind is Kind.REFUND]
            told = {"attestation": attest(turn, context.vault, site.id, payment.id)}
            items.append(shown | told | {"refunds": refunds, "title": row["title"], "buyer_name": row["buyer_name"]})
        return {"items": items, "next_cursor": page.next_cursor or None}

    return await context.ledger.read(work)
