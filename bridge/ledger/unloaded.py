"""Reports of buyers' pages that a gateway's window script did not load, and who got through such a window since."""

from dataclasses import dataclass

from bridge.ledger.figures import first_id
from bridge.ledger.ledger import Turn

REPORTS_MAX = 200


@dataclass(frozen=True, slots=True)
class Report:
    """One payment's page that had no script; `at` in milliseconds."""

    gateway: str
    order_ref: str
    at: int


def reports(turn: Turn, site: str, gateway: str, since: int) -> list[Report]:
    """Read the newest reports since then (milliseconds), newest first, but those whose buyer got through later."""
    rows = turn.all(
        "SELECT p.gateway, p.order_ref, a.at FROM audit AS a JOIN payments AS p ON p.id = a.payment"
        " WHERE a.event = 'window.not_loaded' AND a.site = ? AND a.at >= ? AND p.gateway = ?"
        " AND p.state IN ('open', 'expired', 'superseded') ORDER BY a.at DESC LIMIT ?",
        *(site, since, gateway, REPORTS_MAX),
    )
    return [Report(row["gateway"], row["order_ref"], row["at"]) for row in rows]


def got_through(turn: Turn, site: str, gateway: str, since: int, until: int) -> bool:
    """Tell whether a payment begun in that time (milliseconds) came back from a window that a page of ours opened."""
    row = turn.one(
        "SELECT 1 FROM payments WHERE site = ? AND id >= ? AND id < ? AND gateway = ?"
        " AND window_url LIKE '%/checkout/%/window'"
        " AND state NOT IN ('new', 'readying', 'open', 'expired', 'failed_ready', 'superseded') LIMIT 1",
        *(site, first_id(since), first_id(until), gateway),
    )
    return row is not None
