"""How much of a refund is free of tax, out of the books themselves (bridge.flows.tax_of_refund)."""

from dataclasses import replace

import pytest

from bridge.domain.failures import AmountRefused
from bridge.domain.machine import Evidence, Kind, Step
from bridge.domain.payment import Item
from bridge.domain.tax import Split
from bridge.flows.tax_of_refund import tax_of_refund
from bridge.ledger import operations, orders, payments
from tests.ledger.test_rows import AT, ORDER, ROW, operation, payment
from tests.support.books import open_books

SOLD = replace(
    ORDER,
    amount=10_000,
    tax_free=5_000,
    items=(Item("seat", "R석", 5_000), Item("book", "도서", 3_000, 3_000), Item("both", "모음", 2_000, 2_000)),
)


@pytest.fixture
async def books(database):
    ledger = open_books(database)
    await ledger.write(lambda turn: turn.run("INSERT INTO sites VALUES (?, ?, ?, ?, ?)", *ROW))
    await ledger.write(lambda turn: orders.store(turn, "s", SOLD, AT))
    yield ledger
    await ledger.close()


async def paid(books, refunded=0, given=(), **more):
    """A payment of 10,000 KRW, half of it free of tax; `given` are refunds by (amount, free of tax, step)."""
    made = payment(amount=10_000, tax_free=5_000)
    await books.write(lambda turn: payments.add(turn, made, token_id="t", actor="buyer"))
    for number, (amount, free, step) in enumerate(given):
        one = operation(made, Kind.REFUND, amount=amount, tax_free=free, seed=20 + number)
        await books.write(lambda turn, one=one: operations.add(turn, one))
        await books.write(
            lambda turn, one=one, step=step: operations.step(turn, one, step, at=AT, evidence=Evidence.E1)
        )
    return replace(made, state="paid", captured=10_000, refunded=refunded, **more)


async def taxed(books, of, amount, items=(), tax_free=None):
    return await books.read(lambda turn: tax_of_refund(turn, of, amount, items, tax_free))


@pytest.mark.parametrize(
    ("items", "amount", "free"),
    [
        (["seat"], 5_000, 0),
        (["book"], 3_000, 3_000),
        (["book", "both"], 5_000, 5_000),
        (["seat", "both"], 7_000, 2_000),
        (["book"], 2_000, 1_000),  # another price than the item's: in proportion
        (["book", "unsold"], 3_000, 1_500),
        ([], 2_000, 1_000),
    ],
)
async def test_a_refund_of_items_has_their_parts_and_any_other_its_proportion(books, items, amount, free):
    assert (await taxed(books, await paid(books), amount, items)).tax_free == free


async def test_an_order_that_is_gone_names_no_items(books):
    of = replace(await paid(books), order_ref="gone")
    assert (await taxed(books, of, 3_000, ["book"])).tax_free == 1_500


GIVEN = [(4_000, 4_000, Step.OK)]


MIXED = [(4_000, 1_000, Step.OK)]


@pytest.mark.parametrize(
    ("given", "amount", "least", "most"),
    [
        *((GIVEN, 1_000, 0, 1_000), (GIVEN, 2_000, 0, 1_000), (GIVEN, 5_500, 500, 1_000)),
        *((MIXED, 1_000, 0, 1_000), (MIXED, 4_000, 2_000, 4_000), (MIXED, 5_500, 3_500, 4_000)),
    ],
)
async def test_of_what_is_left_so_much_can_be_free_of_tax_and_no_more_and_no_less(books, given, amount, least, most):
    of = await paid(books, 4_000, given)
    for free in (least, most):
        assert (await taxed(books, of, amount, tax_free=free)).tax_free == free
    for free in (least - 1, most + 1):
        with pytest.raises(AmountRefused, match=f"{least} to {most} KRW") as refused:
            await taxed(books, of, amount, tax_free=free)
        assert f"{least:,}원부터 {most:,}원까지" in refused.value.extra["message_ko"]


async def test_items_that_were_given_back_free_of_tax_already_cannot_be_again(books):
    with pytest.raises(AmountRefused):
        await taxed(books, await paid(books, 4_000, GIVEN), 3_000, ["book"])


@pytest.mark.parametrize(
    ("refunded", "given", "before"),
    [
        (0, [], 0),
        (4_000, GIVEN, 4_000),
        (4_000, [(3_000, 1_000, Step.OK), (1_000, 500, Step.OK)], 1_500),
        (4_000, [(4_000, 4_000, Step.FAIL)], 0),  # it went past the bridge: as little as must have been free of tax
        (7_000, [], 2_000),
        (7_000, [(1_000, 1_000, Step.OK)], 2_000),
        (3_000, GIVEN, 3_000),  # no more than was given back at all
    ],
)
async def test_what_was_given_back_free_of_tax_is_what_was_done_and_what_must_have_been(books, refunded, given, before):
    of = await paid(books, refunded, given)
    rest = await taxed(books, of, 10_000 - refunded)

    assert rest.tax_free == 5_000 - before
    assert rest.total == 10_000 - refunded


async def test_an_undo_gives_no_refund_back(books):
    of = await paid(books)
    one = operation(of, Kind.UNDO, amount=4_000, tax_free=4_000, seed=30)
    await books.write(lambda turn: operations.add(turn, one))
    await books.write(lambda turn: operations.step(turn, one, Step.OK, at=AT, evidence=Evidence.E4))
    assert await taxed(books, replace(of, refunded=4_000), 6_000) == Split(909, 91, 5_000)
