"""Reports of people's pages that a gateway's window script did not load, and who got through such a window since.

Of a payment the audit tells it; a billing key and a plan have none, and keep a report's time themselves: a key, whose
window is open for minutes, its first; a plan, which may wait for days, the first of a day.
"""

from dataclasses import dataclass

from bridge.ledger.figures import first_id
from bridge.ledger.ledger import Turn

REPORTS_MAX = 200
COUNTS_MS = 86_400_000
"""So long a report counts. A plan's is noted anew only when its last one counts no more, so that none is lost by it."""


@dataclass(frozen=True, slots=True)
class Report:
    """One page that had no script; `about` is the order, or the customer who registers; `at` in milliseconds."""

    gateway: str
    about: str
    at: int


def is_news_of_key(turn: Turn, site: str, key_id: str, at: int) -> bool:
    """Tell whether nobody has said it yet of this key, whose window is open at `at` milliseconds."""
    row = turn.one(
        "SELECT 1 FROM billing_keys WHERE id = ? AND site = ? AND not_loaded_at = 0"
        " AND state = 'open' AND window_sealed <> '' AND expires_at > ?",
        *(key_id, site, at),
    )
    return row is not None


def note_key(turn: Turn, site: str, key_id: str, at: int) -> None:
    """Note once that an open window of a billing key had no script, at `at` milliseconds. Its version stays."""
    if is_news_of_key(turn, site, key_id, at):
        turn.run("UPDATE billing_keys SET not_loaded_at = ? WHERE id = ?", at, key_id)


def is_news_of_plan(turn: Turn, site: str, plan_id: str, at: int) -> bool:
    """Tell whether nobody has said it for a day of this plan, which waits for its buyer at `at` milliseconds."""
    row = turn.one(
        "SELECT 1 FROM plans WHERE id = ? AND site = ? AND not_loaded_at < ?"
        " AND state = 'waiting' AND url LIKE '%/p/%/window'",
        *(plan_id, site, at - COUNTS_MS),
    )
    return row is not None


def note_plan(turn: Turn, site: str, plan_id: str, at: int) -> None:
    """Note once a day that the window of a plan that waits for its buyer had no script, at `at` milliseconds."""
    if is_news_of_plan(turn, site, plan_id, at):
        turn.run("UPDATE plans SET not_loaded_at = ? WHERE id = ?", at, plan_id)


def reports(turn: Turn, site: str, gateway: str, since: int) -> list[Report]:
    """Read the newest reports since then (milliseconds), newest first, but those whose buyer got through later."""
    rows = turn.all(
        "SELECT p.gateway, p.order_ref AS about, a.at FROM audit AS a JOIN payments AS p ON p.id = a.payment"
        " WHERE a.event = 'window.not_loaded' AND a.site = ? AND a.at >= ? AND p.gateway = ?"
        " AND p.state IN ('open', 'expired', 'superseded') ORDER BY a.at DESC LIMIT ?",
        *(site, since, gateway, REPORTS_MAX),
    )
    rows += turn.all(  # the index's own condition first: SQLite uses a partial index for nothing less
        "SELECT gateway, 'customer ' || customer AS about, not_loaded_at AS at FROM billing_keys"
        " WHERE not_loaded_at > 0 AND site = ? AND not_loaded_at >= ? AND gateway = ? AND state IN ('open', 'expired')"
        " ORDER BY not_loaded_at DESC LIMIT ?",
        *(site, since, gateway, REPORTS_MAX),
    )
    rows += turn.all(
        "SELECT gateway, 'customer ' || customer AS about, not_loaded_at AS at FROM plans"
        " WHERE not_loaded_at > 0 AND site = ? AND not_loaded_at >= ? AND gateway = ? AND rounds = 0"
        " AND state IN ('waiting', 'ended') ORDER BY not_loaded_at DESC LIMIT ?",
        *(site, since, gateway, REPORTS_MAX),
    )
    newest = sorted(rows, key=lambda row: row["at"], reverse=True)[:REPORTS_MAX]
    return [Report(row["gateway"], row["about"], row["at"]) for row in newest]


def got_through(turn: Turn, site: str, gateway: str, since: int, until: int) -> bool:
    """Tell whether what was begun in that time (milliseconds) came back from a window that a page of ours opened."""
    within = (site, first_id(since), first_id(until), gateway)
    row = turn.one(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM payments WHERE site = ? AND id >= ? AND id < ? AND gateway = ?"
        " AND window_url LIKE '%/checkout/%/window'"
        " AND state NOT IN ('new', 'readying', 'open', 'expired', 'failed_ready', 'superseded'))"
        " OR EXISTS (SELECT 1 FROM billing_keys WHERE site = ? AND id >= ? AND id < ? AND gateway = ?"
        " AND window_url LIKE '%/k/%/window' AND state NOT IN ('opening', 'open', 'expired'))"
        " OR EXISTS (SELECT 1 FROM plans WHERE site = ? AND id >= ? AND id < ? AND gateway = ?"
        " AND url LIKE '%/p/%/window' AND state NOT IN ('registering', 'waiting', 'refused', 'lost')"
        " AND (rounds > 0 OR state <> 'ended'))",
        *(within + within + within),
    )
    return row is not None
