"""Pay-Story's other ways over the real flows: money given back in its console while a refund of ours is under way."""

import pytest

from bridge.flows.check_invariants import check_everything
from tests.gateways.street import Street


@pytest.fixture
async def street(tmp_path):
    """A shop whose Pay-Story tells it nothing by notice."""
    made = Street(tmp_path)
    made.gateway = "paystory"
    await made.start()
    made.site = await made.pair()
    yield made
    await made.quiet()
    await made.close()


async def test_a_refund_refused_as_more_than_is_left_is_asked_about_and_ends_no_process(street):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await street.refund(opened.payment, 40_000)
    await street.live(30.0, 5.0)
    (refund,) = [one for one in await street.operations(opened.payment) if one.kind == "refund"]
    checked = await check_everything(street.context, rest_seconds=0)

    assert (refund.step, (await street.payment(opened.payment)).refunded) == ("unknown", 20_000)
    assert (checked.found, street.gave_up) == ((), [])
    await street.live(600.0, 10.0)
    (refund,) = [one for one in await street.operations(opened.payment) if one.kind == "refund"]
    assert (refund.step, refund.evidence) == ("fail", "E5")
    assert await street.cases(opened.payment) == ["external_refund"]
    assert street.book(payment).net == 35_000
