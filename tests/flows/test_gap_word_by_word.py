"""What restored books make of a shop's word, payment by payment, and what they show of the time they have lost.

Of bridge.flows.revive, bridge.flows.reconcile, bridge.flows.compare_first, bridge.flows.refund and bridge.ledger.gap.
"""

from dataclasses import replace

import pytest

from bridge.domain.failures import KeyTooOld
from bridge.domain.machine import Kind, State, Step
from bridge.flows.compare_first import is_uncompared
from bridge.flows.reconcile import _assume_open, beat_gaps, show_gaps
from bridge.flows.revive import Asked, hand_over, revive_payment
from bridge.ledger import gap
from tests.flows.test_gap_asked import unheard
from tests.flows.test_revive import known
from tests.support.desk import HUMAN, OPEN, UNKNOWN, WAITS
from tests.support.disaster import key_of

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books


async def says(at, payment, refunded):
    """Let the shop say, without our attestation, that more was given back than the books have."""
    told = replace(known(payment), version=payment.version + 1, refunded=refunded)
    return await at.write(lambda turn, pen: revive_payment(turn, pen, told))


async def books_are_restored(at):
    """Let the books be those of a backup made a minute ago, and all that they hold be older."""
    at.world.clock.skip(120)
    await at.write(lambda turn, pen: gap.begin(turn, pen.at - 60_000, pen.at))
    at.world.clock.skip(1)


@pytest.mark.parametrize(
    ("kind", "state", "refunded", "laid", "asks"),
    [
        ("Asked", State.PART_REFUNDED, 40_000, 20_000, True),
        ("Asked", State.PAID, 55_000, 55_000, False),
        ("Mute", State.PART_REFUNDED, 40_000, 20_000, False),
    ],
)
async def test_what_the_shop_says_went_back_beyond_the_books_is_a_persons_and_a_part_is_asked_about_where_it_can_be(
    desk, kind, state, refunded, laid, asks
):
    at = await desk(kind)
    payment = await at.payment_in(state)
    assert await says(at, payment, refunded) == "unproven"
    (refund,) = await at.world.operations(payment.id)
    assert (refund.kind, refund.step, refund.amount) == (Kind.REFUND, Step.NEEDS_HUMAN, laid)
    assert (refund.next_try_at is not None) is asks
    assert await at.world.cases(payment.id) == ["refund_unknown"]


@pytest.mark.parametrize("state", [State.PAID, State.REFUNDED, HUMAN, UNKNOWN])
async def test_an_open_window_that_the_shop_says_was_approved_is_taken_for_approved_and_a_persons(desk, state):
    at = await desk("Mute")
    payment = await at.payment_in(OPEN)
    told = replace(known(payment), version=payment.version + 1, state=state)
    assert await at.write(lambda turn, pen: revive_payment(turn, pen, told)) == "unproven"
    assert await at.world.state(payment.id) == "needs_human"
    assert await at.world.cases(payment.id) == ["unknown_outcome"]


async def test_beside_a_refund_without_outcome_the_shops_word_of_another_lays_none(desk):
    at = await desk("Mute")
    payment = await at.payment_in(State.PAID)
    first = await at.operation(payment, Kind.REFUND, Step.UNKNOWN, amount=10_000)
    told = known(payment, asked=(Asked("key", 5_000, 1),))
    assert await at.write(lambda turn, pen: revive_payment(turn, pen, told)) == "unproven"
    assert [one.id for one in await at.world.operations(payment.id)] == [first.id]
    assert await at.world.cases(payment.id) == ["reported"]


@pytest.mark.parametrize(("limit", "step"), [(20_000, Step.UNKNOWN), (19_999, Step.NEEDS_HUMAN)])
async def test_the_shops_word_has_refunds_made_up_to_the_days_limit_and_beyond_it_a_person_looks(desk, limit, step):
    at = await desk("Mute")
    at.world.context.settings = replace(at.world.context.settings, refund_daily_max=limit)
    payment = await at.payment_in(State.PAID)
    told = known(payment, asked=(Asked("key", 20_000, 1),))
    assert await at.write(lambda turn, pen: revive_payment(turn, pen, told)) == "assumed"
    (refund,) = await at.world.operations(payment.id)
    assert refund.step == step


async def test_the_timeline_says_when_a_window_of_the_lost_time_was_given_to_people(desk):
    at = await desk("Mute")
    payment = await at.payment_in(OPEN)
    await at.write(lambda turn, pen: hand_over(turn, pen, payment))
    assert await at.audited(payment, "gap.assumed") == [("bridge", "open", "approving", {})]
    assert await at.audited(payment, "payment.needs_human") == [("bridge", "unknown", "needs_human", {})]


@pytest.mark.parametrize("first_is", ["of an order that is paid", "at a gateway that captures by itself"])
async def test_a_window_that_is_let_be_after_a_restore_keeps_none_behind_it_from_being_asked_about(desk, first_is):
    at = await desk("Asked")
    if first_is == "of an order that is paid":
        let_be = await at.payment_in(OPEN, like=await at.payment_in(State.PAID))
    else:
        await at.world.pair_tellers("http://two.test", teller={"kind": "Asked"}, teller_b={"kind": "SelfTold"})
        await at.payment_in(State.EXPIRED)
        asked = at.opened[at.world.site.id]
        at.opened[at.world.site.id] = replace(asked, gateway="teller_b")
        let_be = await at.payment_in(OPEN, window_url="http://teller.test/window")
        at.opened[at.world.site.id] = asked
    at.world.clock.skip(1)
    behind = await at.payment_in(OPEN)
    await books_are_restored(at)
    assert await at.write(_assume_open) == [behind.id]
    assert [await at.world.state(one.id) for one in (let_be, behind)] == ["open", "unknown"]


async def test_each_gap_names_its_shop_and_the_accounts_whose_deposits_nobody_may_have_heard_of(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(WAITS)
    await books_are_restored(at)
    (shown,) = [one for one in await show_gaps(at.world.context) if one["accounts"]]
    assert shown["url"] == at.world.site.url
    assert shown["accounts"] == [{"payment": payment.id, "reference": payment.merchant_ref, "amount": 55_000}]


async def test_a_shop_is_asked_to_hand_over_what_it_knows_since_the_backup(desk):
    at = await desk("Mute")
    await books_are_restored(at)
    await beat_gaps(at.world.context)
    await at.world.quiet()
    assert {one["type"] for one in at.world.shop.asked} == {"reconcile"}


async def test_where_the_gateway_does_not_tell_what_went_back_in_the_lost_time_all_that_is_left_may_go_back(world):
    await world.pair_teller("Asked")
    world.teller.shows_refunds = False
    paid = await world.buy_at_teller()

    async def nothing():
        pass

    await unheard(world, nothing)
    await world.live(30, step=5)
    part = await world.refund(paid.id, 10_000, key=key_of(world, 4))
    assert (part.status_code, part.json()["code"]) == (422, "refund_refused")
    await world.refund(paid.id, 55_000, key=key_of(world, 5))
    await world.live(60, step=5)
    assert await world.state(paid.id) == "refunded"


async def test_a_comparison_of_before_the_restore_is_none_of_the_lost_time(desk):
    at = await desk("Asked")
    payment = await at.payment_in(State.PAID)
    await at.operation(payment, Kind.CHECK, Step.OK)
    await books_are_restored(at)

    async def waits():
        return await at.write(lambda turn, pen: is_uncompared(turn, pen.site, payment))

    assert await waits()
    await at.operation(payment, Kind.CHECK, Step.OK)
    assert not await waits()


async def test_a_key_that_tells_no_time_is_taken_for_older_than_the_restore(desk):
    at = await desk("Mute")
    await books_are_restored(at)
    with pytest.raises(KeyTooOld):
        await at.write(lambda turn, pen: gap.refuse_old_key(turn, pen.site.id, "by hand, at the counter"))
