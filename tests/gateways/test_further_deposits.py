"""A further deposit into an account that was paid into: proven money that is no payment's is a person's case."""

import json
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.flows.test_cases import case_of, decide
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.street import Street

LATER = "20301231235959"
SUMS = pytest.mark.parametrize("amount", [55_000, 60_000], ids=["the same sum", "another sum"])


async def paid_account(world, **how):
    """Sell by an account and let it be paid into; gives the payment, and the bytes of each notice."""
    seen = House.heard(world)
    opened = await world.checkout(method="virtual_account")
    if how:
        await world.authenticate(opened, **how)
    else:
        await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    world.sandbox.desks[world.gateway].deposit({"merchant_ref": payment.merchant_ref})
    await world.live(30.0, 5.0)  # Pay-Story is asked first, and shows it a few seconds later
    assert await world.state(payment.id) == "paid"
    return payment, seen


async def is_a_persons(world, payment, amount, evidence="E7"):
    """Require one case of just this money, which two people can settle, and books that stay as they are."""
    items = (await world.call("GET", "/v1/cases")).json()["items"]
    assert [(one["reason"], one["amount"]) for one in items] == [("unexpected_deposit", amount)]
    assert {one["decision"] for one in items[0]["decisions"]} >= {"given_back", "money_found"}
    assert await world.entries(payment.id) == [("capture", 55_000, evidence)]
    assert (await world.payment(payment.id)).state == "paid"


@SUMS
async def test_payapps_notice_of_a_further_deposit_is_a_persons(tmp_path, amount):
    async with paired(House(tmp_path), "payapp") as house:
        payment, told = await paid_account(house, method="vbank")
        fields = dict(parse_qsl(told[-1].decode(), keep_blank_values=True))
        fields |= {"price": str(amount), "pay_date": "2030-12-31 23:59:59"}
        for _ in range(3):
            assert (await house.post_notice_of("feedback", urlencode(fields).encode())).text == "SUCCESS"

        await is_a_persons(house, payment, amount)


@SUMS
async def test_paystorys_notice_of_a_further_deposit_is_a_persons(tmp_path, amount):
    async with paired(Street(tmp_path), "paystory") as street:
        street.register_notices()
        payment, told = await paid_account(street)
        fields = dict(parse_qsl(told[-1].decode(), keep_blank_values=True))
        gateway = street.context.sites.get(street.site.id).gateway("paystory")
        signed = gateway.sign(fields["ediDate"], str(amount))
        fields |= {"goodsAmt": str(amount), "appDtm": LATER, "hashStr": signed}
        for _ in range(3):
            assert (await street.post_news(urlencode(fields).encode())).status_code == 200
        await street.live(600, 60)

        await is_a_persons(street, payment, amount, evidence="E4")


async def test_welcomes_unified_notice_of_another_sum_is_a_persons(tmp_path):
    async with paired(House(tmp_path), "welcome") as house:
        house.set(pg_notice_url=house.notice_url("pg"))
        payment, told = await paid_account(house)
        unified = next(one for one in told if one.startswith(b"{"))
        fields = json.loads(unified) | {"amount": "60000", "deposit_amount": "60000", "deposit_ymdhms": LATER}
        for _ in range(3):
            assert (await house.post_notice_of("pg", json.dumps(fields).encode())).text == "0000 SUCCESS"

        await is_a_persons(house, payment, 60_000)


async def test_a_deposit_that_people_wrote_down_is_known_when_it_is_told_and_the_next_is_a_persons(tmp_path):
    async with paired(House(tmp_path), "payapp") as house:
        opened = await house.checkout(method="virtual_account")
        payment = await house.payment(opened.payment)
        held = house.hold_notices()
        await house.authenticate(opened, method="vbank")
        house.sandbox.desks["payapp"].deposit({"merchant_ref": payment.merchant_ref})
        await house.live(5_400, 60.0)
        assert await house.state(payment.id) == "needs_human"
        await decide(house, await case_of(house, payment.id), "paid")
        await house.let_go(held)
        assert await house.cases(payment.id) == []
        fields = dict(parse_qsl(held[-1][1].decode(), keep_blank_values=True)) | {"pay_date": "2030-12-31 23:59:59"}
        await house.post_notice_of("feedback", urlencode(fields).encode())

        await is_a_persons(house, payment, 55_000, "E8")
