"""A cancel in the gateway's office or a deposit whose notice names a sum that is no amount: it is news all the same."""

import json
from urllib.parse import urlencode

import pytest

from tests.gateways.paired import paired
from tests.gateways.test_notices_that_are_no_form import OF_STREET, Told, fields_of, place

SUMS = ["-55000", "55,000", "55000.0", "５５０００"]
NAMES = {
    "mainpay/noti": "amount",
    "payapp/feedback": "price",
    "paystory/noti": "goodsAmt",
    "payple/webhook": "PCD_REFUND_TOTAL",
    "welcome/pg": "amount",
}


@pytest.fixture(params=NAMES)
async def told(request, tmp_path, world):
    """A bridge at one gateway, and the name of the field in which its notice says how much went back."""
    gateway, kind = request.param.split("/")
    if gateway == "mainpay":
        yield Told(world, kind), NAMES[request.param]
        return
    async with paired(place(gateway, tmp_path), gateway) as made:
        if gateway in OF_STREET:
            made.register_notices()
        if gateway == "welcome":
            made.set(pg_notice_url=made.notice_url("pg"))
        yield Told(made, kind), NAMES[request.param]


def written(world, gateway, raw, name, won):
    """Write a notice anew with another sum, as the gateway itself would have."""
    if raw[:1] == b"{":
        return json.dumps(json.loads(raw) | {name: won, "amount": won}, ensure_ascii=False).encode()
    fields = fields_of(raw) | {name: won}
    if gateway == "paystory":
        fields["hashStr"] = world.context.sites.get(world.site.id).gateway(gateway).sign(fields["ediDate"], won)
    return urlencode(fields).encode()


@pytest.mark.parametrize("won", SUMS)
async def test_a_cancel_in_the_office_whose_sum_cannot_be_read_is_asked_about_or_a_persons(told, won):
    told, name = told
    world = told.world
    payment = await world.buy()
    told.hold()
    world.sandbox.desks[payment.gateway].refund({"merchant_ref": payment.merchant_ref})
    await world.quiet()
    answer = await told.post(written(world, payment.gateway, told.true[1], name, won))
    await world.live(3_600.0, 60.0)

    assert answer.status_code == 200, answer.text
    assert world.book(payment).net == 0
    after = await world.payment(payment.id)
    assert after.left == 0 or await world.cases(payment.id) == ["external_cancel"]


@pytest.mark.parametrize("won", SUMS)
@pytest.mark.parametrize("amount", [None, 5_000])
async def test_our_own_refund_told_with_a_sum_that_cannot_be_read_opens_no_case(told, won, amount):
    told, name = told
    world = told.world
    payment = await world.buy()
    told.hold()
    assert (await world.refund(payment.id, amount)).json()["state"] == "done"
    await world.quiet()
    raw = written(world, payment.gateway, told.true[1], name, won)
    answer = await told.post(raw)
    await world.live(3_600.0, 60.0)

    assert answer.status_code == 200, answer.text
    assert world.book(payment).refunded == (await world.payment(payment.id)).refunded == (amount or 55_000)
    of_a_part = amount and payment.gateway in ("payapp", "payple")  # their notices of a part bear no number of it
    assert await world.cases(payment.id) == (["external_cancel"] if of_a_part else [])


DEPOSITS = {
    "mainpay/noti": "AMT",
    "welcome/mobile": "P_AMT",
    "welcome/pc": "amt_input",
    "welcome/pg": "deposit_amount",
}


@pytest.fixture(params=DEPOSITS)
async def paid_into(request, tmp_path, world):
    """A bridge at one gateway whose accounts nobody can ask about, and the field in which its notice says how much."""
    gateway, kind = request.param.split("/")
    if gateway == "mainpay":
        yield Told(world, kind), DEPOSITS[request.param]
        return
    async with paired(place(gateway, tmp_path), gateway) as made:
        made.set(pc_notice_url=made.notice_url("pc"), pg_notice_url=made.notice_url("pg"))
        yield Told(made, kind), DEPOSITS[request.param]


@pytest.mark.parametrize("won", SUMS)
async def test_a_deposit_whose_sum_cannot_be_read_is_a_persons_and_pays_nothing(paid_into, won):
    told, name = paid_into
    world = told.world
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    told.hold()
    world.sandbox.desks[payment.gateway].deposit({"merchant_ref": payment.merchant_ref})
    await world.quiet()
    answer = await told.post(written(world, payment.gateway, told.true[1], name, won))
    await world.live(60.0)

    assert answer.status_code == 200, answer.text
    assert (await world.state(payment.id), await world.entries(payment.id)) == ("awaiting_deposit", [])
    assert await world.cases(payment.id) == ["unexpected_deposit"]
    (case,) = await world.all("SELECT detail FROM cases")
    assert "a deposit of an unsaid number of KRW" in case["detail"]
    assert (await told.post(told.true[1])).status_code == 200
    await world.live(60.0)
    assert await world.state(payment.id) == "paid"
