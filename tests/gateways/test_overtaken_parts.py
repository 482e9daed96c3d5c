"""Parts given back in Welcome's console, told in any order: what its notices say is left never hides one of them, and
nothing is written twice."""

from itertools import permutations

import pytest

from tests.flows.test_cases import case_of, decide
from tests.gateways.house import House
from tests.gateways.paired import paired


@pytest.fixture
async def house(tmp_path):
    """A bridge and a shop with Welcome, which sends unified notices."""
    async with paired(House(tmp_path), "welcome") as made:
        made.set(pg_notice_url=made.notice_url("pg"))
        yield made


async def given_back(house, payment, *sums):
    """Give parts back in the console, one after the other."""
    for amount in sums:
        house.sandbox.desks["welcome"].refund({"merchant_ref": payment.merchant_ref, "amount": amount})
        await house.quiet()


async def as_there(house, payment):
    """Require that the books have what Welcome has, once people said that what they are asked about was given back."""
    asked = await house.all("SELECT COALESCE(SUM(amount), 0) AS amount FROM cases WHERE state = 'open'")
    there = house.book(payment).net
    assert (await house.payment(payment.id)).left - asked[0]["amount"] == there
    if asked[0]["amount"]:
        await decide(house, await case_of(house, payment.id), "given_back")
    after = await house.payment(payment.id)
    assert (after.left, after.orphaned, await house.cases(payment.id)) == (there, 0, [])
    await house.check_books()


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("sums", [(5_000, 5_000, 5_000), (7_000, 3_000, 20_000), (20_000, 7_000, 28_000)])
async def test_in_any_order_no_part_is_lost_and_none_counts_twice(house, sums, order):
    payment, held = await house.buy(), house.hold_notices()
    await given_back(house, payment, *sums)
    told = [held[place] for place in order]
    for one in (*told, *told):
        await house.let_go([one])

    await as_there(house, payment)


@pytest.mark.parametrize("locks", [True, False])
@pytest.mark.parametrize("first", ["ours", "theirs"])
async def test_a_part_of_ours_beside_one_in_the_console_leaves_no_case_but_of_what_became_of_ours(house, locks, first):
    house.set(confirm_price_locks=locks)
    payment, held = await house.buy(), house.hold_notices()
    await given_back(house, payment, 7_000)
    await house.refund(payment.id, 5_000)
    await house.quiet()
    told = held if first == "theirs" else held[::-1]
    for one in (*told, *told):
        await house.let_go([one])
    await house.live(60.0, 5.0)
    if locks:  # Welcome says that the rest does not fit: so it would where a copy of the request had come first
        assert await house.cases(payment.id) == ["refund_unknown"]
        await decide(house, await case_of(house, payment.id), "not_refunded")

    assert await house.cases(payment.id) == []
    await as_there(house, payment)
