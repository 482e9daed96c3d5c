"""A payment as a clerk sees it: with its cash receipts, the closing of its account, the steps of its escrow."""

from typing import Any

from bridge.domain.exchange import Stamp
from bridge.domain.payment import Payment
from bridge.domain.services import UNHEARD, Escrows
from bridge.flows.escrow_words import why_not_decided
from bridge.flows.issue_receipt import receipts_json
from bridge.flows.sites import Site
from bridge.flows.snapshots import read_payment
from bridge.flows.void_account import void_json
from bridge.ledger import payments
from bridge.ledger.ledger import Turn


def read_whole_payment(turn: Turn, site: Site, payment_id: str, stamp: Stamp) -> dict[str, Any]:
    """Read one payment of a site with everything that belongs to it. Raises NotFound."""
    payment = payments.get(turn, site.id, payment_id)
    more = {
        "cash_receipts": receipts_json(turn, site, payment),
        "escrow": _escrow(turn, site, payment),
        "void": void_json(turn, site, payment),
    }
    shown = {name: value for name, value in more.items() if value is not None}
    return read_payment(turn, site, payment_id, stamp) | shown


def _escrow(turn: Turn, site: Site, payment: Payment) -> dict[str, Any] | None:
    """Name the steps that may be taken, the fields of each, what the buyer is known to have said (Payment.escrow), and
    why that cannot be said now. None for a payment that is in no escrow."""
    gateway: object = site.gateways.get(payment.gateway)
    if not isinstance(gateway, Escrows) or payment.left <= 0:
        return None
    why = why_not_decided(turn, payment)
    steps = [
        {
            "step": step,
            "fields": [
                {
                    "name": one.name,
                    "label_ko": one.korean,
                    "label": one.english,
                    "choices": dict(one.choices),
                    "needed": one.needed,
                    **({"is_buyer": True} if one.is_buyer else {}),
                }
                for one in fields
            ],
        }
        for step, fields in gateway.escrow_steps(payment).items()
        if step not in UNHEARD or why is None
    ]
    return {"buyer": payment.escrow, "steps": steps} | ({"why": why.ko} if why else {}) if steps else None
