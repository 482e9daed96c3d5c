"""A phone's registration charges it: that its line is registered may be said of a second copy of the request."""

import pytest

from bridge.gateways.paystory import sandbox_api
from bridge.sandbox.refusals import Refusal
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.gateways.test_key_stories import ask, come_back


@pytest.fixture
async def street(tmp_path):
    """A shop that registers phones at Pay-Story."""
    async with paired(Street(tmp_path), "paystory") as made:
        yield made


@pytest.mark.parametrize("code", ["F001", "F004", "F007"])
async def test_a_phone_that_is_registered_already_may_have_been_charged_by_the_first_copy(street, monkeypatch, code):
    def refuse(said, *more):
        return Refusal(code if said == "9998" else said, *more)

    asked = await ask(street, method="phone", order=street.order())
    monkeypatch.setattr(sandbox_api, "Refusal", refuse)
    street.fault("approve", "duplicate")
    street.fault("notice", "notice_lost", times=None)
    await come_back(street, asked)
    await street.live(600.0, 10.0)
    (row,) = await street.all("SELECT id FROM payments")
    payment = await street.payment(row["id"])

    assert street.book(payment).captured == 55_000
    assert (payment.state, payment.captured) == ("paid", 55_000)
    await street.check_books()
