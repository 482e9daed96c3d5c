"""Which cases explain that a gateway's books are not the ledger's: those about money that nobody can know of.

Every reason of a case is here, with the side of the difference that it can account for. A case about anything else (the
order had changed, a seat was lost, a receipt) is no excuse: the money that it is about is in the books.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from bridge.domain.reasons import Reason


class Side(StrEnum):
    """What a case can account for."""

    MORE = "more"
    """The gateway holds more than the ledger."""
    LESS = "less"
    """The gateway holds less than the ledger."""
    KEPT = "kept"
    """Both hold more of an order than its price."""


NOTHING: frozenset[Side] = frozenset()
MORE = frozenset({Side.MORE, Side.KEPT})
LESS = frozenset({Side.LESS})
EXPLAINS: Mapping[str, frozenset[Side]] = {
    "unknown_outcome": MORE | LESS,  # approved, perhaps; or booked, and perhaps taken back
    "refund_unknown": LESS,
    "amount_mismatch": MORE,  # a cancel by the amount asked may have left a rest, where nothing can be asked
    "money_on_ended_payment": MORE,  # a report without proof is no entry; found money stays until it is given back
    "unexpected_deposit": MORE,
    "external_cancel": LESS,
    "external_refund": LESS,
    "people_contradicted": LESS,  # they said that it was taken, and the gateway proves that it was not, or not all
    "books_differ": MORE,  # a refund of ours that the gateway does not show
    "foreign_number": MORE,  # somebody else's request under our reference, and its money is at the gateway
    str(Reason.ORDER_PAID): frozenset({Side.KEPT}),  # a deposit, booked: only a person can give it back
    "order_paid_twice": NOTHING,  # booked, and taken back by the bridge itself
    "order_changed": NOTHING,
    "seat_lost": NOTHING,
    "seats_unconfirmed": NOTHING,
    "receipt_unknown": NOTHING,
    "word_unknown": NOTHING,  # a buyer's word on an escrow moves no money that is booked here
    "reported": NOTHING,  # nobody reports anything in a storm, and no books are restored
}


def explains(cases: Iterable[str], side: Side) -> bool:
    """Tell whether one of the open cases, by their reasons, accounts for a difference on this side."""
    return any(side in EXPLAINS.get(reason, NOTHING) for reason in cases)
