"""Rows of Pay-Story's inquiry that tell of money without telling how much came or went."""

import pytest

from bridge.gateways.paystory import sandbox_query
from tests.gateways.paired import paired
from tests.gateways.street import Street


@pytest.fixture
async def street(tmp_path):
    """A shop whose Pay-Story tells it nothing by notice."""
    async with paired(Street(tmp_path), "paystory") as made:
        made.fault("notice", "notice_lost", times=None)
        yield made


async def paid(street):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    return opened.payment


def show(monkeypatch, change):
    """Let the inquiry show other rows than it does."""
    rows_of = sandbox_query._rows
    monkeypatch.setattr(sandbox_query, "_rows", lambda trade, until: change(rows_of(trade, until)))


@pytest.mark.parametrize("code", ["2002", "2015", "2021", "2022"])
async def test_a_part_whose_row_says_that_it_is_under_way_is_not_called_unmade(street, monkeypatch, code):
    """Told as failed, the clerk would give it back once more."""
    payment = await paid(street)
    show(monkeypatch, lambda rows: [row | ({"resultCd": code, "cancelYN": "N"} if row["resultCd"] == "2001" else {})
                                    for row in rows])  # fmt: skip
    street.fault("refund", "drop_after")
    await street.refund(payment, 20_000)
    await street.live(1_200.0, 20.0)

    (refund,) = [one for one in await street.operations(payment) if one.kind == "refund"]
    assert street.book(await street.payment(payment)).refunded == 20_000
    assert refund.step not in ("ok", "fail"), "nobody knows"
    assert await street.cases(payment) == ["refund_unknown"]
    monkeypatch.undo()
    await street.live(8_000.0, 60.0)
    assert (await street.payment(payment)).refunded == 20_000
    assert await street.cases(payment) == []
    await street.check_books()


@pytest.mark.parametrize("code", ["0000", "4000", "4110", "A000"])
async def test_a_row_that_says_yes_by_another_methods_code_is_not_nothing(street, monkeypatch, code):
    """A buyer may have chosen another way to pay in the window; the cancel by order number may not find that."""
    show(monkeypatch, lambda rows: [row | {"resultCd": code} for row in rows])
    street.fault("approve", "drop_after")
    street.fault("refund", "decline", times=None, code="0002")
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(1_200.0, 20.0)

    payment = await street.payment(opened.payment)
    assert street.book(payment).net == 55_000
    assert payment.state == "needs_human", "and the buyer does not hear that nothing was paid"


async def test_rows_that_are_fewer_than_their_number_prove_no_refund_unmade(street, monkeypatch):
    payment = await paid(street)
    whole = sandbox_query.said

    def short(code, *words, **more):
        return whole(code, *words, **more | {"resultData": more["resultData"][:1]})

    monkeypatch.setattr(sandbox_query, "said", short)
    street.fault("refund", "drop_after")
    await street.refund(payment, 20_000)
    await street.live(1_200.0, 20.0)

    (refund,) = [one for one in await street.operations(payment) if one.kind == "refund"]
    assert (refund.step, street.book(await street.payment(payment)).refunded) == ("needs_human", 20_000)


async def test_no_row_beside_a_number_of_them_is_not_nothing(street, monkeypatch):
    whole = sandbox_query.said
    with monkeypatch.context() as empty:
        empty.setattr(
            sandbox_query, "said", lambda code, *words, **more: whole(code, *words, **more | {"resultData": ""})
        )
        street.fault("approve", "drop_after")
        opened = await street.checkout()
        await street.come_back(opened)
        await street.live(200.0, 5.0)
    await street.live(400.0, 5.0)

    assert await street.state(opened.payment) == "paid", "the buyer keeps what was paid for"


def show_the_rest(monkeypatch):
    """Let the one row of a payment show what is left of it, and none what went back."""

    def rest(rows):
        gone = sum(int(row["goodsAmt"]) for row in rows[1:])
        return [rows[0] | {"goodsAmt": str(int(rows[0]["goodsAmt"]) - gone)}]

    show(monkeypatch, rest)


async def test_a_row_of_less_than_was_paid_does_not_say_that_a_refund_was_not_made(street, monkeypatch):
    payment = await paid(street)
    show_the_rest(monkeypatch)
    street.fault("refund", "drop_after")
    await street.refund(payment, 20_000)
    await street.live(1_200.0, 20.0)

    (refund,) = [one for one in await street.operations(payment) if one.kind == "refund"]
    assert (refund.step, street.book(await street.payment(payment)).refunded) == ("needs_human", 20_000)
    assert await street.cases(payment) == ["refund_unknown"]


async def test_a_row_of_another_currency_is_no_won(street, monkeypatch):
    show(monkeypatch, lambda rows: [row | {"currencyType": "USD"} for row in rows])
    street.fault("approve", "drop_after")
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(1_200.0, 20.0)

    assert await street.state(opened.payment) == "needs_human"
