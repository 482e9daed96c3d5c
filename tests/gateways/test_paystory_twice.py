"""A charge that arrived twice at a shop whose order numbers may repeat: two approvals under one number, of which one
goes back."""

import pytest

from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.gateways.test_key_stories import ask, charge, come_back


@pytest.fixture
async def street(tmp_path):
    """A shop whose Pay-Story takes an order number again."""
    async with paired(Street(tmp_path), "paystory") as made:
        made.register_notices()
        made.set(orders_may_repeat=True)
        yield made


async def charged_twice(street, kind):
    """Charge a key by a request that the network sends twice; the payment, and the numbers of both approvals."""
    asked = await ask(street)
    await come_back(street, asked)
    street.fault("charge", kind)
    answer = await charge(street, asked.json()["id"])
    await street.live(600.0, 10.0)
    payment = await street.payment(answer.json()["id"])
    return payment, [one.ref_no for one in street.book(payment).captures]


async def give_back_in_the_office(street, payment, tid):
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "tid": tid})
    await street.live(600.0, 10.0)


@pytest.mark.parametrize("kind", ["duplicate", "duplicate_unseen"])
async def test_the_second_charge_that_is_given_back_in_the_office_leaves_the_first_paid(street, kind):
    payment, tids = await charged_twice(street, kind)
    assert (payment.state, payment.orphaned, await street.cases(payment.id)) == (
        "paid", 55_000, ["money_on_ended_payment"],
    )  # fmt: skip
    (other,) = set(tids) - {payment.refs["tid"]}
    await give_back_in_the_office(street, payment, other)
    payment = await street.payment(payment.id)

    assert street.book(payment).net == 55_000
    assert (payment.state, payment.refunded, payment.orphaned) == ("paid", 0, 0)
    assert await street.cases(payment.id) == []
    await street.refund(payment.id, 5_000)
    await street.live(600.0, 10.0)
    payment = await street.payment(payment.id)
    assert (payment.state, payment.refunded, street.book(payment).net) == ("part_refunded", 5_000, 50_000)
    await street.check_books()


async def test_a_part_given_back_of_one_of_two_charges_is_no_more_than_that(street):
    payment, _ = await charged_twice(street, "duplicate_unseen")
    (other,) = {one.ref_no for one in street.book(payment).captures} - {payment.refs["tid"]}
    await street.refund(payment.id, 5_000)
    await give_back_in_the_office(street, payment, other)
    payment = await street.payment(payment.id)

    assert street.book(payment).net == 50_000
    assert (payment.left, payment.orphaned) == (50_000, 0)
    await street.check_books()


async def test_both_charges_given_back_in_the_office_leave_nothing_in_the_books(street):
    payment, tids = await charged_twice(street, "duplicate_unseen")
    for tid in tids:
        street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "tid": tid})
    await street.live(1_200.0, 10.0)
    payment = await street.payment(payment.id)

    assert street.book(payment).net == 0
    assert (payment.state, payment.left, payment.orphaned) == ("refunded", 0, 0)
    await street.check_books()


async def test_the_first_charge_given_back_in_the_office_leaves_the_second_to_be_refunded(street):
    """A refund that named the first would be told that it was cancelled already, and give nothing back."""
    payment, _ = await charged_twice(street, "duplicate_unseen")
    await give_back_in_the_office(street, payment, payment.refs["tid"])
    payment = await street.payment(payment.id)
    assert (payment.state, payment.left, payment.orphaned) == ("paid", 55_000, 0)
    await street.refund(payment.id, 55_000)
    await street.live(600.0, 10.0)
    payment = await street.payment(payment.id)

    assert (payment.state, street.book(payment).net) == ("refunded", 0)
    assert await street.cases(payment.id) == []
    await street.check_books()
