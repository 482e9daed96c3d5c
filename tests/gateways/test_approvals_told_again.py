"""An approval that is proven of a payment which holds its money: other money, a question, or a proof that came late."""

import json
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.street import Street


async def is_a_persons(world, payment, amount):
    """Require one case of just this money, and books that stay as they are."""
    items = (await world.call("GET", "/v1/cases")).json()["items"]
    assert [(one["reason"], one["amount"]) for one in items] == [("money_on_ended_payment", amount)]
    assert [kind for kind, _, _ in await world.entries(payment.id)] == ["capture"]


async def test_payapps_approval_of_another_sum_is_a_persons(tmp_path):
    async with paired(House(tmp_path), "payapp") as house:
        seen = House.heard(house)
        payment = await house.buy()
        told = dict(parse_qsl(seen[-1].decode(), keep_blank_values=True)) | {"price": "60000"}
        for _ in range(3):
            assert (await house.post_notice_of("feedback", urlencode(told).encode())).text == "SUCCESS"

        await is_a_persons(house, payment, 60_000)


async def test_welcomes_approval_of_another_sum_is_a_persons(tmp_path):
    async with paired(House(tmp_path), "welcome") as house:
        house.set(pg_notice_url=house.notice_url("pg"))
        seen = House.heard(house)
        payment = await house.buy()
        unified = next(one for one in seen if one.startswith(b"{"))
        told = json.dumps(json.loads(unified) | {"amount": "60000"}).encode()
        for _ in range(3):
            assert (await house.post_notice_of("pg", told)).text == "0000 SUCCESS"

        await is_a_persons(house, payment, 60_000)


async def paystory_told(street, **changes):
    """Let Pay-Story tell of the approval again, otherwise; gives the payment, and how often it was asked since."""
    street.register_notices()
    seen = House.heard(street)
    payment = await street.buy()
    fields = dict(parse_qsl(seen[-1].decode(), keep_blank_values=True)) | changes
    gateway = street.context.sites.get(street.site.id).gateway("paystory")
    fields["hashStr"] = gateway.sign(fields["ediDate"], fields["goodsAmt"])
    before = (await street.calls(payment.id)).count("query")
    assert (await street.post_news(urlencode(fields).encode())).status_code == 200
    await street.live(600, 30)
    return payment, (await street.calls(payment.id)).count("query") - before


async def test_paystorys_approval_of_another_sum_is_a_persons(tmp_path):
    async with paired(Street(tmp_path), "paystory") as street:
        payment, _ = await paystory_told(street, goodsAmt="60000")

        await is_a_persons(street, payment, 60_000)


async def test_paystory_is_asked_where_it_approved_under_another_number(tmp_path):
    async with paired(Street(tmp_path), "paystory") as street:
        payment, asked = await paystory_told(street, tid="another-tid")

        assert asked >= 1
        assert await street.cases(payment.id) == []
        await street.check_books()


@pytest.mark.parametrize("order", ["pg", "pg mobile", "mobile pg"])
async def test_welcomes_proof_before_and_after_the_notice_that_proves_nothing_has_the_money_taken_back(tmp_path, order):
    async with paired(House(tmp_path), "welcome") as house:
        house.set(pg_notice_url=house.notice_url("pg"))
        held = house.hold_notices()
        house.fault("approve", "drop_after")
        house.fault("cancel", "drop_before", times=None)
        opened = await house.checkout()
        await house.come_back(opened)
        await house.live(1_800, 30)
        assert await house.state(opened.payment) == "needs_human"
        told = {"pg" if body.startswith(b"{") else "mobile": (url, body, kind) for url, body, kind in reversed(held)}
        for _ in range(2):
            await house.let_go([told[name] for name in order.split()])
        await house.live(60, 5)
        assert await house.state(opened.payment) == "needs_human", "its cancel may still be carried out"
        assert await house.entries(opened.payment) == []

        house.sandbox.faults.clear()
        await house.live(3_600, 60)
        assert await house.state(opened.payment) == "voided"
        assert await house.cases(opened.payment) == []
        await house.check_books()


@pytest.mark.parametrize("order", ["pg pc", "pc pg", "mobile pg pc"])
async def test_a_deposit_that_welcome_tells_in_several_notices_counts_once(tmp_path, order):
    async with paired(House(tmp_path), "welcome") as house:
        house.set(pg_notice_url=house.notice_url("pg"), pc_notice_url=house.notice_url("pc"))
        opened = await house.checkout(method="virtual_account")
        await house.come_back(opened)
        await house.quiet()
        held = house.hold_notices()
        payment = await house.payment(opened.payment)
        house.sandbox.desks["welcome"].deposit({"merchant_ref": payment.merchant_ref})
        await house.quiet()
        told = {url.rsplit("/", 2)[1]: (url, body, kind) for url, body, kind in held}
        for _ in range(2):
            await house.let_go([told[name] for name in order.split()])
        await house.beat()

        assert await house.state(payment.id) == "paid"
        assert await house.entries(payment.id) == [("capture", 55_000, "E7")]
        assert await house.cases(payment.id) == []
