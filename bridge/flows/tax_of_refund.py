"""How much of a refund is free of tax, and how much is VAT: all refunds of a payment add up to its own parts."""

from collections.abc import Sequence

from bridge.domain.failures import AmountRefused
from bridge.domain.machine import Kind, Step
from bridge.domain.payment import Payment
from bridge.domain.tax import Split, split_of_refund, tax_free_share
from bridge.ledger import operations, orders
from bridge.ledger.ledger import Turn


def tax_of_refund(turn: Turn, payment: Payment, amount: int, items: Sequence[str], tax_free: int | None) -> Split:
    """Split a refund: by what the caller says is free of tax, by the items it is for, or in proportion.

    Read in the turn that writes the intent. Raises AmountRefused where so much cannot be free of tax.
    """
    before = tax_free_before(turn, payment)
    wanted = _of_items(turn, payment, amount, items) if tax_free is None else tax_free
    known = {"captured": payment.captured, "tax_free": payment.tax_free, "refunded_before": payment.refunded}
    if wanted is None:
        wanted = tax_free_share(amount, tax_free_before=before, **known)
    taxed_left = (payment.captured - payment.tax_free) - (payment.refunded - before)
    least, most = max(amount - taxed_left, 0), min(amount, payment.tax_free - before)
    if not least <= wanted <= most:
        raise AmountRefused(
            f"Of this refund {least} to {most} KRW can be free of tax, as was sold and given back before.",
            message_ko=f"이 환불에서 면세 금액은 {least:,}원부터 {most:,}원까지예요.",
        )
    return split_of_refund(amount, tax_free_before=before, tax_free_now=wanted, **known)


def tax_free_before(turn: Turn, payment: Payment) -> int:
    """Sum what was given back free of tax; of what went past the bridge only as much as must have been."""
    done = [one for one in operations.of_payment(turn, payment.id) if one.kind is Kind.REFUND and one.step is Step.OK]
    must = payment.refunded - (payment.captured - payment.tax_free)
    return min(max(sum(one.tax_free for one in done), must, 0), payment.tax_free, payment.refunded)


def _of_items(turn: Turn, payment: Payment, amount: int, items: Sequence[str]) -> int | None:
    """Say what of the items named is free of tax, where they are this order's and their prices are the amount."""
    order = orders.find(turn, payment.site, payment.order_ref)
    sold = {item.ref: item for item in order.items} if order is not None else {}
    if not items or any(ref not in sold for ref in items) or sum(sold[ref].amount for ref in items) != amount:
        return None
    return sum(sold[ref].tax_free for ref in items)
