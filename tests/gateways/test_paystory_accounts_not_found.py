"""That there is nothing to cancel does not say that an account of ours is closed: it may still be paid into."""

import pytest

from tests.gateways.paired import paired
from tests.gateways.street import Street


@pytest.fixture
async def street(tmp_path):
    """A shop whose Pay-Story tells of deposits."""
    async with paired(Street(tmp_path), "paystory") as made:
        made.register_notices()
        yield made


@pytest.mark.parametrize("code", ["0002", "2012"])
async def test_an_account_of_which_nothing_can_be_cancelled_goes_on_waiting_for_its_deposit(street, code):
    opened = await street.checkout(method="virtual_account")
    await street.come_back(opened)
    await street.quiet()
    street.fault("refund", "decline", times=None, code=code)
    answer = await street.call("POST", f"/v1/payments/{opened.payment}/void", {"actor": "wp:7"})
    await street.live(30.0, 5.0)
    payment = await street.payment(opened.payment)
    assert (answer.status_code < 300, payment.state) == (True, "awaiting_deposit"), answer.text
    street.sandbox.desks["paystory"].deposit({"merchant_ref": payment.merchant_ref})
    await street.live(300.0, 5.0)

    payment = await street.payment(opened.payment)
    assert (payment.state, await street.cases(payment.id)) == ("paid", [])
    await street.check_books()
