"""What the shop hands over of a payment that the books have: its word raises numbers and doubts, and moves no money."""

import pytest

from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.flows.revive import Asked, Known, hand_over, revive_payment
from bridge.ledger import news, operations
from tests.support.desk import OPEN

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books


def known(payment, **more):
    """What a shop knows that has heard all there is of a payment."""
    told = {"version": payment.version, "seq": 0, "refunded": payment.refunded, "attestation": ""} | more
    return Known(payment.id, payment.state, amount=payment.amount, **told)


async def revived(at, told):
    return await at.write(lambda turn, pen: revive_payment(turn, pen, told))


@pytest.mark.parametrize(("seen", "next_seq"), [(0, 1), (1, 2), (7, 8)])
async def test_news_after_a_restore_is_numbered_above_all_that_the_shop_has_seen(desk, seen, next_seq):
    at = await desk("Mute")
    payment = await at.payment_in(State.PAID)
    assert await revived(at, known(payment, seq=seen)) == "same"
    assert await at.write(lambda turn, _: news.next_seq(turn, payment.id)) == next_seq


@pytest.mark.parametrize(("amount", "laid"), [(20_000, 20_000), (None, 55_000), (1, 1)])
async def test_a_refund_that_the_shop_heard_no_end_of_is_unknown_and_said_so_in_the_audit(desk, amount, laid):
    at = await desk("Mute")
    payment = await at.payment_in(State.PAID)
    assert await revived(at, known(payment, asked=(Asked("key", amount, 1),))) == "assumed"
    (refund,) = await at.world.operations(payment.id)
    assert (refund.kind, refund.step, refund.amount, refund.owner) == (Kind.REFUND, Step.UNKNOWN, laid, "")
    why = {"amount": laid, "reason": "the books were restored"}
    assert await at.audited(payment, "refund.unknown") == [("bridge", "paid", "paid", why)]


async def test_a_refund_that_the_shop_heard_no_end_of_is_laid_once_though_the_shop_asks_about_it_again(desk):
    at = await desk("Mute")
    payment = await at.payment_in(State.PAID)
    told = known(payment, asked=(Asked("key", 20_000, 1),))
    assert await revived(at, told) == "assumed"
    (refund,) = await at.world.operations(payment.id)
    await at.write(lambda turn, pen: operations.step(turn, refund, Step.FAIL, at=pen.at, evidence=Evidence.E2))
    assert await revived(at, told) == "same"
    assert [one.id for one in await at.world.operations(payment.id)] == [refund.id]
    assert await at.world.cases(payment.id) == []


@pytest.mark.parametrize(("amount", "words"), [(55_001, "55001 KRW"), (None, "all KRW")])
async def test_a_refund_that_the_books_leave_no_room_for_is_a_persons(desk, amount, words):
    at = await desk("Mute")
    payment = await at.payment_in(State.REFUNDED if amount is None else State.PAID)
    assert await revived(at, known(payment, asked=(Asked("key", amount, 1),))) == "unproven"
    assert await at.world.operations(payment.id) == []
    (case,) = await at.world.all("SELECT reason, detail FROM cases")
    assert case == {"reason": "reported", "detail": f"the shop asked for a refund of {words}, unheard"}


async def test_no_process_owns_the_approval_that_may_have_been_sent_in_the_time_lost(desk):
    at = await desk("Mute")
    payment = await at.payment_in(OPEN)
    await at.write(lambda turn, pen: hand_over(turn, pen, payment))
    (approve,) = await at.world.operations(payment.id)
    assert (approve.kind, approve.owner, approve.ref) == (Kind.APPROVE, "", payment.merchant_ref)
    assert approve.reason == "the books were restored"
    assert await at.write(lambda _, pen: pen.open_context(approve)) == {"returned": {}}, "to take it back with"
    assert await at.world.state(payment.id) == "needs_human"
