"""Taxable, VAT and tax-free parts of an amount: they add up to the won, over all partial refunds too."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Split:
    """Parts of an amount in KRW: what is taxed without its VAT, the VAT, and what is free of tax."""

    taxable: int
    vat: int
    tax_free: int

    @property
    def total(self) -> int:
        """The whole amount in KRW."""
        return self.taxable + self.vat + self.tax_free

    def minus(self, other: "Split") -> "Split":
        """Take another split from this one, part by part."""
        return Split(self.taxable - other.taxable, self.vat - other.vat, self.tax_free - other.tax_free)


def split(amount: int, tax_free: int = 0) -> Split:
    """Split an amount: the VAT is an eleventh of what is taxed, rounded half up, as the gateways reckon themselves."""
    assert 0 <= tax_free <= amount, "the part that is free of tax is within the amount"
    taxed = amount - tax_free
    vat = (taxed * 2 + 11) // 22
    return Split(taxed - vat, vat, tax_free)


def split_as_told(amount: int, told: Split, *, gone: int = 0) -> Split:
    """Split what is left of an amount that a gateway took for an order whose parts it was `told`, after `gone` KRW went
    past the bridge: of another amount than was asked for it knows the order's own VAT, and wants that back. What is
    gone was taxed as far as that may be, as in `tax_of_refund`."""
    most_taxed = amount + gone - told.tax_free
    before = split(gone, min(max(gone - most_taxed, 0), gone))
    vat = min(max(told.vat - before.vat, 0), amount)
    tax_free = min(told.tax_free - before.tax_free, amount - vat)
    return Split(amount - vat - tax_free, vat, tax_free)


def split_of_refund(
    amount: int, *, captured: int, tax_free: int, refunded_before: int, tax_free_before: int, tax_free_now: int
) -> Split:
    """Split a refund so that all refunds of a payment add up to its own split; the last takes the remainder.

    `tax_free_before` of `refunded_before` KRW were free of tax, `tax_free_now` of this refund's amount are.
    """
    assert refunded_before + amount <= captured, "no more is given back than was captured"
    assert tax_free_before + tax_free_now <= tax_free, "no more is given back free of tax than was captured so"
    after = split(refunded_before + amount, tax_free_before + tax_free_now)
    return after.minus(split(refunded_before, tax_free_before))


def tax_free_share(amount: int, *, captured: int, tax_free: int, refunded_before: int, tax_free_before: int) -> int:
    """Say how much of a refund is free of tax where the caller does not: in proportion, within what is possible."""
    share = tax_free * (refunded_before + amount) // captured - tax_free_before
    return min(max(share, 0), amount)  # in proportion, neither part can end with more than it had
