"""Taxable, VAT and tax-free parts: they add up to the won, whatever is refunded in which order."""

import random

import pytest

from bridge.domain.tax import Split, split, split_as_told, split_of_refund, tax_free_share


@pytest.mark.parametrize(
    ("amount", "tax_free", "parts"),
    [
        (55_000, 0, Split(50_000, 5_000, 0)),
        (1_004, 0, Split(913, 91, 0)),  # Mainpay's live trace: amount 1004, taxAmount 91
        (1_000, 0, Split(909, 91, 0)),
        (55_000, 55_000, Split(0, 0, 55_000)),
        (10_000, 4_500, Split(5_000, 500, 4_500)),
        (5, 0, Split(5, 0, 0)),
        (6, 0, Split(5, 1, 0)),
    ],
)
def test_an_amount_is_split(amount, tax_free, parts):
    assert split(amount, tax_free) == parts
    assert parts.total == amount


def test_no_more_is_free_of_tax_than_there_is():
    with pytest.raises(AssertionError):
        split(1_000, 1_001)


@pytest.mark.parametrize(
    ("amount", "parts"),
    [
        (10_000, Split(5_000, 500, 4_500)),
        (11_000, Split(6_000, 500, 4_500)),
        (4_000, Split(0, 500, 3_500)),
        (400, Split(0, 400, 0)),
    ],
)
def test_another_amount_than_was_asked_for_has_the_vat_that_was_told(amount, parts):
    assert split_as_told(amount, split(10_000, 4_500)) == parts
    assert parts.total == amount


@pytest.mark.parametrize(
    ("left", "gone", "parts"),
    [
        (6_000, 4_000, Split(1_364, 136, 4_500)),
        (4_000, 6_000, Split(0, 0, 4_000)),
        (500, 9_500, Split(0, 0, 500)),
        (7_000, 4_000, Split(2_364, 136, 4_500)),
        (1_000, 2_000, Split(0, 500, 500)),
    ],
)
def test_what_is_left_after_a_part_went_past_the_bridge_has_the_vat_that_the_part_had_not(left, gone, parts):
    assert split_as_told(left, split(10_000, 4_500), gone=gone) == parts
    assert parts.total == left


def test_refunds_add_up_to_the_payment_part_by_part():
    chance = random.Random(11)
    for _ in range(2_000):
        captured = chance.randint(2, 300_000)
        tax_free = chance.choice((0, captured, chance.randint(0, captured)))
        given, free, taken = 0, 0, Split(0, 0, 0)
        while given < captured:
            amount = chance.choice((captured - given, chance.randint(1, captured - given)))
            share = tax_free_share(
                amount, captured=captured, tax_free=tax_free, refunded_before=given, tax_free_before=free
            )
            parts = split_of_refund(
                amount,
                captured=captured,
                tax_free=tax_free,
                refunded_before=given,
                tax_free_before=free,
                tax_free_now=share,
            )
            assert parts.total == amount
            assert min(parts.taxable, parts.vat, parts.tax_free) >= 0
            given, free = given + amount, free + share
            taken = Split(taken.taxable + parts.taxable, taken.vat + parts.vat, taken.tax_free + parts.tax_free)
        assert taken == split(captured, tax_free)


def test_a_share_follows_what_was_refunded_unevenly_before():
    share = tax_free_share(4_000, captured=10_000, tax_free=5_000, refunded_before=5_000, tax_free_before=5_000)

    assert share == 0

    share = tax_free_share(4_000, captured=10_000, tax_free=5_000, refunded_before=5_000, tax_free_before=0)

    assert share == 4_000


def test_more_than_was_captured_is_never_split():
    with pytest.raises(AssertionError):
        split_of_refund(6_000, captured=10_000, tax_free=0, refunded_before=5_000, tax_free_before=0, tax_free_now=0)
    with pytest.raises(AssertionError):
        split_of_refund(
            5_000, captured=10_000, tax_free=1_000, refunded_before=0, tax_free_before=0, tax_free_now=1_001
        )


def test_a_part_is_free_of_tax_in_the_payments_own_proportion():
    paid = {"captured": 10_000, "tax_free": 4_000}
    assert tax_free_share(1_000, refunded_before=0, tax_free_before=0, **paid) == 400
    assert tax_free_share(1_000, refunded_before=1_000, tax_free_before=400, **paid) == 400
    assert tax_free_share(3, refunded_before=0, tax_free_before=0, **paid) == 1
    assert tax_free_share(9_000, refunded_before=1_000, tax_free_before=0, **paid) == 4_000


@pytest.mark.parametrize(
    ("amount", "refunded", "free_before", "share"),
    [
        (2_000, 4_000, 4_000, 0),  # more was given back free of tax than its share
        (5_400, 4_500, 4_500, 450),
        (5_500, 0, 0, 2_750),
        (1, 0, 0, 0),
        (1, 1, 0, 1),
        (9_999, 0, 0, 4_999),
        (10_000, 0, 0, 5_000),
        (1_000, 9_000, 4_500, 500),
        (500, 4_000, 0, 500),  # no more than the refund itself
        (3_000, 5_000, 0, 3_000),
        (4_000, 5_000, 5_000, 0),
        (4_000, 5_000, 4_500, 0),
    ],
)
def test_a_share_is_within_what_is_left_of_either_part(amount, refunded, free_before, share):
    paid = {"captured": 10_000, "tax_free": 5_000, "refunded_before": refunded, "tax_free_before": free_before}

    assert tax_free_share(amount, **paid) == share


def test_a_split_is_taken_from_another_part_by_part():
    assert Split(5, 3, 2).minus(Split(1, 2, 2)) == Split(4, 1, 0)


@pytest.mark.parametrize(
    ("amount", "free", "parts"),
    [
        (5_000, 0, Split(4_545, 455, 0)),
        (5_000, 5_000, Split(0, 0, 5_000)),
        (6_000, 1_000, Split(4_545, 455, 1_000)),
        (10_000, 5_000, Split(4_545, 455, 5_000)),
        (5, 0, Split(5, 0, 0)),
    ],
)
def test_a_first_refund_is_split_like_a_payment(amount, free, parts):
    paid = {"captured": 10_000, "tax_free": 5_000, "refunded_before": 0, "tax_free_before": 0}

    assert split_of_refund(amount, tax_free_now=free, **paid) == parts


def test_what_was_rounded_before_is_made_good_by_the_last_refund():
    paid = {"captured": 12, "tax_free": 0, "tax_free_before": 0, "tax_free_now": 0}

    assert split_of_refund(6, refunded_before=0, **paid) == Split(5, 1, 0)
    assert split_of_refund(6, refunded_before=6, **paid) == Split(6, 0, 0)
