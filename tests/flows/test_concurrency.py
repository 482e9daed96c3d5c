"""Many at once: of fifty clerks one refunds, of two tabs one pays. On PostgreSQL they meet two bridges."""

import asyncio

import pytest

from tests.support.together import beside
from tests.support.world import World


@pytest.fixture
async def counters(world):
    """The bridges buyers and clerks meet: one on SQLite, two on PostgreSQL."""
    if not world.settings.on_postgres:
        yield [world]
        return
    other = await beside(world)
    yield [world, other]
    await other.crash()


async def quiet(counters):
    for world in counters:
        await world.quiet()


def codes(answers):
    return sorted({answer.json().get("code") for answer in answers if answer.status_code >= 400})


@pytest.mark.parametrize("share", [33_000, 55_000])
async def test_of_fifty_refunds_at_once_one_is_accepted(world, counters, share):
    payment = await world.buy()
    answers = await asyncio.gather(
        *(counters[number % len(counters)].refund(payment.id, share) for number in range(50))
    )
    await quiet(counters)

    assert sum(answer.status_code < 300 for answer in answers) == 1
    assert set(codes(answers)) <= {"pending_outcome", "refund_refused", "not_now"}
    assert world.book(payment).refunded == share
    assert len(world.net.calls("cancel")) == 1
    await world.check_books()


async def test_the_same_click_fifty_times_is_one_refund_and_one_answer(world, counters):
    payment = await world.buy()
    key = "ab" * 16
    answers = await asyncio.gather(
        *(counters[number % len(counters)].refund(payment.id, 5_000, key=key) for number in range(50))
    )
    await quiet(counters)

    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert world.book(payment).refunded == 5_000
    await world.check_books()


async def test_one_signed_request_sent_twice_at_once_counts_once(world, counters):
    payment = await world.buy()
    body = b'{"amount":5000,"reason":"x","actor":"wp:7"}'
    path = f"/v1/payments/{payment.id}/refunds"
    headers = world.headers("POST", path, body)

    async def send(counter):
        async with counter.client() as client:
            return await client.post(path, content=body, headers=headers)

    answers = await asyncio.gather(*(send(counters[number % len(counters)]) for number in range(20)))
    await quiet(counters)

    assert sum(answer.status_code < 300 for answer in answers) == 1
    assert codes(answers) == ["replay"]
    assert world.book(payment).refunded == 5_000


async def test_the_daily_cap_holds_however_many_refunds_come_at_once(folder, database):
    """A sum over other payments' rows: nothing of the refunded payment itself guards it."""
    world = World(folder, database=database, refund_daily_max=200_000)
    await world.start()
    world.site = await world.pair()
    counters = [world, await beside(world)] if world.settings.on_postgres else [world]
    bought = [await world.buy() for _ in range(12)]
    answers = await asyncio.gather(
        *(counters[number % len(counters)].refund(payment.id) for number, payment in enumerate(bought))
    )
    await quiet(counters)

    assert sum(answer.status_code < 300 for answer in answers) == 3, "3 x 55,000 KRW"
    assert codes(answers) == ["refund_refused"]
    assert sum(world.book(payment).refunded for payment in bought) == 165_000
    for counter in reversed(counters):
        await counter.crash()
    await world.sandbox.close()


async def test_two_tabs_that_come_back_at_once_pay_once(world, counters):
    order = world.order()
    tabs = [await world.checkout(order, method=method) for method in ("card", "kakaopay")]
    assert tabs[0].payment != tabs[1].payment
    coming = [await world.authenticate(tab) for tab in tabs]
    await asyncio.gather(*(counters[-number].go(one) for number, one in enumerate(coming)))
    await quiet(counters)
    await world.live(90)

    assert len(world.net.calls("/pay")) == 1
    states = [await world.state(tab.payment) for tab in tabs]
    assert states.count("paid") == 1
    await world.check_books()


async def test_one_return_that_comes_many_times_at_once_pays_once(world, counters):
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await asyncio.gather(*(counters[number % len(counters)].go(coming) for number in range(20)))
    await quiet(counters)
    await world.beat()

    assert len(world.net.calls("/pay")) == 1
    assert await world.state(opened.payment) == "paid"
    assert world.shop.kinds() == ["payment.paid"]
    assert len(world.shop.ids) == 1
    await world.check_books()


async def test_one_token_opened_many_times_at_once_is_one_payment(world, counters):
    token = world.token(world.order())
    opening = [asyncio.ensure_future(counters[number % len(counters)].post_checkout(token)) for number in range(10)]
    while not all(one.done() for one in opening):
        await asyncio.sleep(0.01)
        await world.clock.forward(0.3)
    answers = [one.result() for one in opening]

    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    assert len({answer.json()["payment"] for answer in answers}) == 1
    assert len(world.net.calls("/ready")) == 1
