"""After a restore: a key that may have been issued in the lost time is lost; what issuing it took is asked about."""

from bridge.domain.billing import KeyState
from bridge.flows.billing_keys import open_wish
from bridge.flows.direct_payment import add_payment
from bridge.flows.record import BRIDGE, Recorder
from bridge.ledger import billing_keys as rows
from bridge.ledger import orders, payments
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn

WHY = "the books were restored: the gateway may have a key that nobody holds"


def lose_charging_keys(turn: Turn, recorder: Recorder) -> None:
    """Issue no key any more whose window was under way at the backup, and write down what issuing it may have charged.

    That payment was written when the customer came back, which the books may have lost; our reference was not.
    """
    for row in rows.charging(turn, recorder.site.id):
        if payments.by_merchant_ref(turn, row.site, row.gateway, row.ref) is None:
            _write_payment(turn, recorder, row)
        rows.move(turn, row, KeyState.LOST, at=recorder.at, message=WHY)


def _write_payment(turn: Turn, recorder: Recorder, row: KeyRow) -> None:
    asked = open_wish(recorder.context, row)
    order = orders.find(turn, row.site, asked["order_ref"])
    assert order is not None, "a key that charges was asked for with an order"
    if (order.amount, order.tax_free) != (row.amount, asked["tax_free"]):
        return  # its order's price had changed by the backup: it was never asked for after that
    add_payment(
        turn, recorder.context, recorder.site, row.gateway, order, row.method, token_id=f"billing_key:{row.id}",
        ref=row.ref, actor=BRIDGE, refs=row.refs, created_at=row.created_at,
    )  # fmt: skip
