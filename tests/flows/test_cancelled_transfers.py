"""A refund by transfer is taken back while it is only registered; the gateway's status alone says what came of it."""

import asyncio

import pytest

from bridge.clock import now_ms
from bridge.domain.failures import NotFound, NotNow, Reconciling, RefundRefused
from bridge.flows.cancel_transfer import cancel_transfer
from bridge.flows.decide_case import Wish, confirm, propose
from bridge.flows.refund_to_account import look_at_transfer
from bridge.ledger import gap
from tests.flows.test_accounts import counter, deposited, transfer
from tests.flows.test_cases import SEEN, case_of, decide, hire
from tests.flows.test_slow_answers import Slow
from tests.support.teller import TELLER

__all__ = ["counter"]


async def take_back(world, refund_id, actor="operator:haneul"):
    return await cancel_transfer(world.context, world.context.sites.get(world.site.id), refund_id, actor)


@pytest.fixture
async def registered(counter):
    """A deposit whose refund by transfer is registered and not made."""
    payment = await deposited(counter)
    return counter, payment, await transfer(counter, payment)


async def test_a_registered_transfer_is_taken_back_and_the_money_may_be_refunded_anew(registered):
    world, payment, refund = registered
    done = await take_back(world, refund.id)

    assert (done.transfer, done.refund.step, done.refund.evidence, done.code) == ("not_made", "fail", "E4", "")
    assert done.refund.message == "등록한 환불 이체를 취소했어요"
    assert (await world.state(payment.id), world.trade(payment).refunds) == ("paid", [])
    again = await transfer(world, payment, key="cd" * 16)
    assert again.code == "accepted"
    world.teller.make_transfer()
    await world.live(120, step=30)
    assert await world.state(payment.id) == "refunded"
    assert world.trade(payment).refunds == [55_000]


async def test_who_asked_for_it_stands_in_the_timeline(registered):
    world, payment, refund = registered
    await take_back(world, refund.id, "operator:narae")
    timeline = (await world.call("GET", f"/v1/payments/{payment.id}")).json()["timeline"]

    (asked,) = [one for one in timeline if one["event"] == "transfer.cancel_sent"]
    assert (asked["actor"], asked["amount"]) == ("operator:narae", 55_000)
    assert [one["event"] for one in timeline][-1] == "refund.refused"


async def test_a_transfer_that_was_made_meanwhile_is_money_back_and_the_gateways_no_is_told(registered):
    world, payment, refund = registered
    world.teller.make_transfer()
    done = await take_back(world, refund.id)

    assert (done.transfer, done.code, done.message) == ("made", "no", "이미 이체했어요")
    assert await world.state(payment.id) == "refunded"
    assert ("refund", -55_000, "E4") in await world.entries(payment.id)


async def test_a_yes_to_the_cancel_settles_nothing_where_the_status_shows_the_transfer_made(registered):
    world, payment, refund = registered
    world.teller.fail("transfer_cancel", "ok")
    world.teller.make_transfer()
    done = await take_back(world, refund.id)

    assert (done.transfer, await world.state(payment.id)) == ("made", "refunded")


@pytest.mark.parametrize("odd", ["odd", "lost_after"])
async def test_a_cancel_whose_answer_is_lost_is_known_by_its_status(registered, odd):
    world, payment, refund = registered
    world.teller.fail("transfer_cancel", odd)
    done = await take_back(world, refund.id)
    if odd == "odd":
        assert (done.transfer, done.code, bool(done.message)) == ("not_known", "odd", True)
        assert (await take_back(world, refund.id)).transfer == "not_made", "it may be asked again"
    else:
        assert (done.transfer, done.code) == ("not_made", "")
    assert await world.state(payment.id) == "paid"


async def test_a_cancel_that_could_not_be_sent_says_why_and_makes_up_no_code(registered):
    world, _, refund = registered
    world.net.down.add(f"{TELLER}:80")
    done = await take_back(world, refund.id)
    assert (done.transfer, done.code, done.message) == ("not_known", "", f"No connection to {TELLER}:80.")


async def test_a_status_that_cannot_be_had_leaves_it_open_and_the_bridge_goes_on_asking(registered):
    world, payment, refund = registered
    world.teller.fail("transfer_status", "lost_before")
    done = await take_back(world, refund.id)
    assert (done.transfer, done.refund.code) == ("not_known", "accepted")
    await world.live(120, step=30)

    (refund,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    assert (refund.step, refund.evidence) == ("fail", "E4")
    assert await world.state(payment.id) == "paid"


@pytest.mark.parametrize(("status", "days"), [("odd", 1), ("", 14)])
async def test_a_transfer_whose_end_nobody_can_tell_is_a_persons_and_is_still_asked_for(registered, status, days):
    world, payment, _ = registered
    if status:
        world.teller.always["transfer_status"] = status
    await world.clock.forward((days - 0.1) * 86_400)
    await world.beat()
    assert await world.cases(payment.id) == []
    await world.clock.forward(1.1 * 86_400)
    await world.beat()
    assert await world.cases(payment.id) == ["refund_unknown"]
    (shown,) = (await world.call("GET", f"/v1/payments/{payment.id}")).json()["refunds"]
    assert shown["state"] == "accepted"
    world.teller.always.clear()
    world.teller.make_transfer()
    await world.clock.forward(2 * 86_400)
    await world.beat()

    assert await world.state(payment.id) == "refunded"
    assert await world.cases(payment.id) == []
    await world.check_books()


async def decide_while_asked(world, payment, decision, asking):
    """Let people decide about a transfer whose end nobody can tell, while the gateway is asked where it stands."""
    world.teller.always["transfer_status"] = "odd"
    await world.clock.forward(1.1 * 86_400)
    await world.beat()
    case = await case_of(world, payment.id, "refund_unknown")
    await hire(world, "maker", "checker")
    made = await propose(world.context, Wish(case["id"], decision, SEEN, "operator:maker"))
    world.teller.always.clear()
    slow = Slow(world, "transfer_status", 5)
    walking = asyncio.ensure_future(asking())
    await world.until(lambda: slow.asked)
    await confirm(world.context, case["id"], made.id, operator="checker")
    await world.clock.forward(5)
    await walking


async def test_a_transfer_that_is_shown_made_just_after_people_said_it_was_not_is_theirs_again(registered):
    """Nothing else tells of it: the money would be called left, and given back a second time."""
    world, payment, refund = registered

    async def look():
        world.teller.make_transfer()
        await look_at_transfer(world.context, world.context.sites.get(world.site.id), refund.id)

    await decide_while_asked(world, payment, "not_refunded", look)

    assert await world.cases(payment.id) == ["external_cancel"]
    await decide(world, await case_of(world, payment.id), "given_back")
    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 55_000
    await world.check_books()


async def test_a_transfer_that_is_shown_registered_just_after_people_said_it_was_not_made_is_theirs_again(registered):
    """It goes out on its day, and nobody asks about it any more."""
    world, payment, refund = registered

    async def look():
        await look_at_transfer(world.context, world.context.sites.get(world.site.id), refund.id)

    await decide_while_asked(world, payment, "not_refunded", look)

    assert await world.cases(payment.id) == ["external_cancel"]
    world.teller.make_transfer()
    await decide(world, await case_of(world, payment.id), "given_back")
    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 55_000
    await world.check_books()


async def test_a_transfer_that_is_shown_cancelled_just_after_people_called_it_made_is_theirs_again(registered):
    """The buyer would wait for money that nobody sends."""
    world, payment, refund = registered
    await decide_while_asked(world, payment, "refunded", lambda: take_back(world, refund.id))

    assert (await world.state(payment.id), world.trade(payment).refunds) == ("refunded", [])
    assert await world.cases(payment.id) == ["books_differ"]


async def test_what_is_over_is_no_transfer_or_was_never_answered_is_refused_in_words(counter):
    world = counter
    payment = await deposited(world)
    refused = await transfer(world, payment)
    await take_back(world, refused.id)
    with pytest.raises(NotNow, match="This refund is over: fail"):
        await take_back(world, refused.id)
    with pytest.raises(NotFound):
        await take_back(world, "none")
    world.teller.fail("transfer", "lost_after")
    world.teller.always["transfer_search"] = "lost_before"  # else it may be found before it is taken back
    unanswered = await transfer(world, payment, key="cd" * 16)
    with pytest.raises(NotNow, match="has not answered"):
        await take_back(world, unanswered.id)
    assert world.teller.calls["transfer_cancel"] == 1


async def test_no_transfer_is_taken_back_in_restored_books_before_the_shop_has_handed_over(registered):
    """They may not know that it was made, or that another was registered in its place."""
    world, _, refund = registered
    at = now_ms(world.clock)
    await world.context.ledger.write(lambda turn: gap.begin(turn, at - 1_000, at))
    with pytest.raises(Reconciling):
        await take_back(world, refund.id)
    assert world.teller.calls["transfer_cancel"] == 0


async def test_a_refund_the_way_the_money_came_cannot_be_taken_back(world):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller(world.order())
    world.teller.fail("refund", "odd")
    await world.refund(payment.id)
    (refund,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    with pytest.raises(RefundRefused, match="is no transfer"):
        await take_back(world, refund.id)


async def test_the_talk_about_a_cancelled_transfer_is_in_the_journal(registered):
    world, payment, refund = registered
    await take_back(world, refund.id)
    (row,) = await world.all("SELECT payment, operation FROM calls WHERE op = 'transfer_cancel'")
    assert row == {"payment": payment.id, "operation": ""}, "it is no part of the refund's own sending"
