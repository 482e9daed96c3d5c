"""Taxable, VAT and tax-free parts of refunds: kept with each, and adding up to the payment's own."""

import random

import pytest

from bridge.domain.tax import Split, split
from tests.support.disaster import hand_over, keep, key_of, known, lose


@pytest.fixture
async def sold(world):
    """A paid order: one ticket that is taxed, one that is not."""
    await world.pair_teller("Asked")
    order = world.order(
        amount=66_000,
        tax_free=11_000,
        items=[
            {"ref": "A1", "title": "R석", "amount": 55_000},
            {"ref": "B2", "title": "도서", "amount": 11_000, "tax_free": 11_000},
        ],
    )
    return world, await world.buy_at_teller(order)


async def give(world, payment, amount=None, **more):
    answer = await world.refund(payment.id, amount, **more)
    await world.quiet()
    await world.live(6)
    return answer.json()


async def test_a_refund_of_an_item_has_that_items_parts(sold):
    world, payment = sold
    book = await give(world, payment, 11_000, items=["B2"])
    seat = await give(world, payment, 55_000, items=["A1"])

    assert book["tax"] == {"taxable": 0, "vat": 0, "tax_free": 11_000}
    assert seat["tax"] == {"taxable": 50_000, "vat": 5_000, "tax_free": 0}
    assert await world.state(payment.id) == "refunded"


async def test_a_caller_may_say_what_is_free_of_tax(sold):
    world, payment = sold
    said = await give(world, payment, 20_000, tax_free=9_000)

    assert said["tax"] == {"taxable": 10_000, "vat": 1_000, "tax_free": 9_000}


@pytest.mark.parametrize(("amount", "tax_free"), [(20_000, 11_001), (60_000, 4_999), (5_000, 5_001), (5_000, -1)])
async def test_more_or_less_than_was_sold_so_is_refused_before_anything_is_sent(sold, amount, tax_free):
    world, payment = sold
    answer = await world.refund(payment.id, amount, tax_free=tax_free)

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_refused")
    assert "면세 금액은" in answer.json()["message_ko"]
    assert world.teller.calls["refund"] == 0


async def test_without_a_word_the_parts_are_in_proportion_and_the_last_takes_the_remainder(sold):
    world, payment = sold
    first = await give(world, payment, 10_001)
    second = await give(world, payment, 33_333)
    last = await give(world, payment)
    parts = [Split(**one["tax"]) for one in (first, second, last)]

    assert [one.total for one in parts] == [10_001, 33_333, 22_666]
    assert sum(one.tax_free for one in parts) == 11_000
    assert sum(one.vat for one in parts) == split(66_000, 11_000).vat == 5_000
    assert parts[0].tax_free == 10_001 * 11_000 // 66_000


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_refunded_in_whatever_order_adds_up_to_the_won(world, seed):
    chance = random.Random(seed)
    await world.pair_teller("Asked")
    amount = chance.randint(1_000, 90_000)
    tax_free = chance.randint(0, amount)
    payment = await world.buy_at_teller(world.order(amount=amount, tax_free=tax_free))
    left, parts = amount, []
    while left:
        part = chance.choice((left, chance.randint(1, left)))
        parts.append(Split(**(await give(world, payment, part))["tax"]))
        left -= part
    whole = split(amount, tax_free)

    assert sum(one.tax_free for one in parts) == whole.tax_free
    assert sum(one.vat for one in parts) == whole.vat
    assert sum(one.taxable for one in parts) == whole.taxable
    assert await world.state(payment.id) == "refunded"


async def test_what_went_past_the_bridge_is_taxed_first(sold):
    world, payment = sold
    world.trade(payment).refunds.append(60_000)
    await give(world, payment, 1_000)
    after = await world.payment(payment.id)
    assert after.refunded == 61_000, "the comparison after the refund found it"
    last = await give(world, payment)

    assert last["tax"] == {"taxable": 0, "vat": 0, "tax_free": 5_000}


async def test_a_payment_shows_its_parts(sold):
    world, payment = sold
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()

    assert shown["tax"] == {"taxable": 50_000, "vat": 5_000, "tax_free": 11_000}


async def test_an_orders_tax_free_items_add_up_to_its_own_amount(world):
    order = world.order(
        amount=66_000, tax_free=10_000, items=[{"ref": "B", "title": "책", "amount": 66_000, "tax_free": 11_000}]
    )
    answer = await world.call("POST", "/v1/payments", {"order": order})

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_refused")


@pytest.mark.parametrize("amount", [None, 22_000])
async def test_a_refund_that_the_shop_asked_for_in_lost_time_has_its_parts(world, amount):
    """A whole one is sent again, and a gateway that is told another VAT than was sold makes no refund."""
    paid = await world.buy(world.order(amount=66_000, tax_free=11_000))
    await world.beat()
    keep(world)
    await world.clock.forward(60)
    at, key = int(world.clock.now().timestamp()), key_of(world, 1)
    await lose(world)
    asked = {"key": key, "at": at} | ({"amount": amount} if amount else {})
    await hand_over(world, [one | {"asked": [asked]} for one in known(world)])
    await world.live(120)

    assert world.book(paid).refunded == (0 if amount else 66_000)
    assert await world.cases(paid.id) == (["refund_unknown"] if amount else [])
    (refund,) = [one for one in await world.operations(paid.id) if one.kind == "refund"]
    assert refund.parts == (Split(50_000, 5_000, 11_000) if amount is None else Split(16_667, 1_667, 3_666))
