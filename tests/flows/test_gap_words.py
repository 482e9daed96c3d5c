"""What a shop says after a restore, in words nobody sealed: it moves no money, and breaks no books."""

import pytest

from bridge.flows.check_invariants import check_at_boot, check_everything
from bridge.flows.reconcile import show_gaps
from tests.flows.test_deposits import waiting
from tests.flows.test_gap import to_the_gateway
from tests.support.disaster import hand_over, keep, key_of, known, lose
from tests.support.world import World


async def said_of(world, payment_id):
    (told,) = [one for one in known(world) if one["id"] == payment_id]
    return told


async def stays_whole(world):
    """The books hold what they say, at once and after a start."""
    assert (await check_everything(world.context, 0)).found == ()
    await check_at_boot(world.context)
    await world.restart()
    await check_at_boot(world.context)


async def test_a_refund_the_shop_only_speaks_of_is_never_sent(world):
    paid = await world.buy()
    await world.beat()
    keep(world)
    await lose(world)
    before = to_the_gateway(world)
    told = await said_of(world, paid.id)
    await hand_over(world, [told | {"state": "refunded", "refunded": 55_000, "version": 99, "seq": 9}])
    await world.live(3600, step=30)

    assert to_the_gateway(world) == before
    assert world.book(paid).refunded == 0
    assert await world.state(paid.id) == "paid"
    assert await world.cases(paid.id) == ["refund_unknown"]
    (refund,) = [one for one in await world.operations(paid.id) if one.kind == "refund"]
    assert refund.reason == "환불 결과 확인", "clerks read why it is there"
    (shown,) = await show_gaps(world.context)
    assert shown["state"] == "waiting", "a person ends it"
    await stays_whole(world)


@pytest.mark.parametrize("really", [True, False])
async def test_a_part_the_shop_only_speaks_of_is_asked_about_where_it_can_be(world, really):
    await world.pair_teller("Asked")
    paid = await world.buy_at_teller()
    await world.beat()
    keep(world)
    world.shop.status = 500
    await world.clock.forward(60)
    if really:
        await world.refund(paid.id, 10_000, key=key_of(world, 3))
    await lose(world)
    world.shop.status = 200
    told = await said_of(world, paid.id)
    await hand_over(world, [told | {"state": "part_refunded", "refunded": 10_000, "version": 99, "attestation": ""}])
    await world.live(1500, step=15)

    assert world.trade(paid).refunded == (10_000 if really else 0)
    assert (await world.payment(paid.id)).refunded == (10_000 if really else 0)
    assert await world.cases(paid.id) == []
    assert "ended" in [one["state"] for one in await show_gaps(world.context)], "nobody was needed"
    await stays_whole(world)


@pytest.fixture
async def frugal(folder, database):
    """A bridge that gives back no more than 60,000 KRW in a day by itself."""
    world = World(folder, database=database, refund_daily_max=60_000)
    await world.start()
    world.site = await world.pair()
    yield world
    await world.close()


async def test_a_whole_refund_asked_for_beyond_the_daily_cap_is_a_persons(frugal):
    world = frugal
    first, second = await world.buy(), await world.buy()
    await world.beat()
    keep(world)
    await world.clock.forward(60)
    at = int(world.clock.now().timestamp())
    keys = {first.id: key_of(world, 1), second.id: key_of(world, 2)}
    await lose(world)
    items = [one | {"asked": [{"key": keys[one["id"]], "at": at}]} for one in known(world)]
    await hand_over(world, items)
    await world.live(120)

    assert sorted([world.book(first).refunded, world.book(second).refunded]) == [0, 55_000]
    assert sorted([await world.cases(first.id), await world.cases(second.id)]) == [[], ["refund_unknown"]]


async def test_more_refunded_than_was_captured_is_a_case_and_breaks_no_books(world):
    paid = await world.buy()
    await world.beat()
    keep(world)
    await lose(world)
    told = await said_of(world, paid.id)
    said = await hand_over(world, [told | {"state": "refunded", "refunded": 60_000, "version": 99}])

    assert said["outcomes"] == {"unproven": 1}
    assert await world.cases(paid.id) == ["reported"]
    assert [one.kind for one in await world.operations(paid.id)] == ["approve"]
    await stays_whole(world)


async def test_a_refund_of_what_was_never_captured_is_a_case_and_breaks_no_books(world):
    _, waits = await waiting(world)
    await world.beat()
    keep(world)
    await lose(world)
    told = await said_of(world, waits.id)
    asked = [{"key": key_of(world, 5), "at": 1, "amount": 1_000}]
    lies = {"attestation": "", "state": "refunded", "refunded": 55_000, "version": 99, "asked": asked}
    await hand_over(world, [told | lies])

    assert await world.cases(waits.id) == ["reported"]
    assert await world.state(waits.id) == "awaiting_deposit"
    await stays_whole(world)


async def test_a_state_the_shop_made_up_is_not_written_beside_a_true_attestation(world):
    await world.buy()
    keep(world)
    bought = await world.buy()
    await world.beat()
    await lose(world)
    said = await hand_over(world, [await said_of(world, bought.id) | {"state": "declined"}])

    assert said["outcomes"] == {"revived": 1}
    assert await world.state(bought.id) == "paid"
    await stays_whole(world)
