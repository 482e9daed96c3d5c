"""A payment as a clerk sees it: besides what `snapshots` shows, its cash receipts and what else may be done with it."""

from typing import Any

from bridge.domain.exchange import Stamp
from bridge.flows.issue_receipt import receipts_json
from bridge.flows.sites import Site
from bridge.flows.snapshots import read_payment
from bridge.ledger import payments
from bridge.ledger.ledger import Turn


def read_whole_payment(turn: Turn, site: Site, payment_id: str, stamp: Stamp) -> dict[str, Any]:
    """Read one payment of a site with everything that belongs to it. Raises NotFound."""
    cash_receipts = receipts_json(turn, site, payments.get(turn, site.id, payment_id))
    more = {"cash_receipts": cash_receipts} if cash_receipts is not None else {}
    return read_payment(turn, site, payment_id, stamp) | more
