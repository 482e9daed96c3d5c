"""Accounts and refunds that waited at the backup: nothing is asked of a gateway before the shop has handed over, which
would be another row behind the backup's, and what has been taken in and is only awaited keeps no shop from selling."""

import asyncio

import pytest

from bridge.clock import now_ms
from bridge.domain.failures import PendingOutcome, Reconciling
from bridge.domain.machine import Step
from bridge.flows.reconcile import show_gaps
from bridge.flows.refund_to_account import look_at_transfer
from bridge.ledger import operations
from tests.flows.test_accounts import counter, deposited, transfer, void, waiting
from tests.flows.test_cancel_notices import ask_refund, paid
from tests.flows.test_slow_answers import Slow
from tests.support.disaster import hand_over, keep, key_of, lose

__all__ = ["counter", "paid"]


async def state_of_gap(world):
    shown = await show_gaps(world.context)
    return next(one["state"] for one in shown if one["url"] == world.site.url)


async def paid_after_a_copy(world):
    """An account that waits while the books are copied, and is paid into after it; the shop has heard."""
    payment = await waiting(world)
    await world.beat()
    keep(world)
    world.teller.capture(payment.merchant_ref)
    await world.tell("deposited", payment, account_number=payment.account["number"])
    await world.beat()
    return payment


async def test_no_account_is_closed_in_restored_books_and_the_deposit_that_the_shop_heard_of_comes_back(counter):
    world = counter
    payment = await paid_after_a_copy(world)
    assert await world.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]
    await lose(world)
    refused = await void(world, payment)
    assert (refused.status_code, refused.json()["code"]) == (503, "reconciling")
    await hand_over(world)
    await world.live(60, step=5)

    assert (await world.state(payment.id), world.teller.calls["account_void"]) == ("paid", 0)
    await world.check_books()


async def test_a_transfer_that_is_registered_keeps_no_shop_from_selling_until_the_bank_has_made_it(counter):
    world, payment = counter, await deposited(counter)
    await transfer(world, payment, 20_000)
    await world.beat()
    keep(world)
    await lose(world)
    await hand_over(world)
    await world.live(60, step=5)

    assert await state_of_gap(world) == "ended"
    with pytest.raises(PendingOutcome):  # its own payment waits
        await transfer(world, payment, 20_000, key=key_of(world, 1))
    world.teller.make_transfer()
    await world.live(120, step=30)
    assert await world.entries(payment.id) == [("capture", 55_000, "E7"), ("refund", -20_000, "E4")]
    await world.check_books()


@pytest.mark.parametrize("in_backup", [True, False])
async def test_a_refund_that_was_taken_in_keeps_no_shop_from_selling_for_two_weeks(paid, in_backup):
    world, payment = paid
    await world.beat()
    if not in_backup:
        keep(world)
    world.teller.fail("refund", "taken_in")
    await ask_refund(world, payment)
    if in_backup:
        keep(world)
    pulled = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    names = ("id", "state", "version", "amount", "refunded", "attestation")
    await lose(world)
    await hand_over(world, [{name: pulled[name] for name in names} | {"seq": 1}])
    await world.live(60, step=5)

    assert await state_of_gap(world) == "ended"
    assert (world.teller.calls["refund"], await world.cases(payment.id)) == (1, [])
    world.trade(payment).refunds.append(55_000)
    await world.tell("cancelled", payment)
    assert await world.state(payment.id) == "refunded"
    await world.check_books()


@pytest.mark.parametrize("lost", [[], ["lost_after"]])
async def test_a_transfer_registered_after_the_backup_comes_back_and_no_other_is_registered(counter, lost):
    """An operator asked for it and the bank makes it days later: until then nothing else tells the shop of it."""
    world, payment = counter, await deposited(counter)
    await world.beat()
    keep(world)
    world.teller.fail("transfer", *lost)
    await transfer(world, payment, 20_000)
    await world.live(30, step=5)
    await lose(world)
    await hand_over(world)
    await world.live(60, step=5)
    with pytest.raises(PendingOutcome):
        await transfer(world, payment, 20_000, key=key_of(world, 1))

    assert list(world.teller.transfers.values()) == ["registered"]
    world.teller.make_transfer()
    await world.live(120, step=30)
    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 20_000
    assert await world.told(payment.id) == [
        "payment.awaiting_deposit", "payment.paid", "payment.refund_accepted", "payment.refunded",
    ]  # fmt: skip
    await world.check_books()


async def test_a_transfer_whose_answer_was_lost_after_the_backup_is_a_persons_again_and_no_other_is_registered(counter):
    """An operator asked for it, so the shop had nothing of it to hand over: case and transfer were in no books."""
    world, payment = counter, await deposited(counter)
    await world.beat()
    keep(world)
    world.teller.fail("transfer", "lost_before")
    await transfer(world, payment, 20_000)
    await world.live(1_800, step=60)
    assert await world.cases(payment.id) == ["refund_unknown"]
    await lose(world)
    await hand_over(world)
    await world.live(60, step=5)
    with pytest.raises(PendingOutcome):
        await transfer(world, payment, 20_000, key=key_of(world, 1))

    assert await world.cases(payment.id) == ["refund_unknown"]
    assert (await world.told(payment.id))[-1] == "payment.refund_unknown"


async def test_a_transfer_is_not_looked_up_before_the_shop_has_handed_over_how_it_ended(counter):
    """What it shows would be another row behind the backup's, and our own attestation would be people's to believe."""
    world, payment = counter, await deposited(counter)
    asked = await transfer(world, payment, 20_000)
    await world.beat()
    keep(world)
    world.teller.make_transfer()
    await world.live(120, step=30)
    await lose(world)
    with pytest.raises(Reconciling):
        await look_at_transfer(world.context, world.context.sites.get(world.site.id), asked.id)
    await hand_over(world)
    await world.live(60, step=5)

    assert await state_of_gap(world) == "ended"
    assert await world.cases(payment.id) == []
    assert (await world.payment(payment.id)).refunded == 20_000


async def test_so_does_one_whose_answer_came_after_another_process_had_taken_it_over(counter):
    world, payment = counter, await deposited(counter)
    await world.beat()
    keep(world)
    slow = Slow(world, "transfer")
    walking = asyncio.ensure_future(transfer(world, payment, 20_000))
    await world.until(lambda: slow.asked)
    (sent,) = [one for one in await world.operations(payment.id) if one.step is Step.SENT]
    at = now_ms(world.clock)
    await world.context.ledger.write(lambda turn: operations.step(turn, sent, Step.UNKNOWN, at=at, next_try_at=at))
    await world.clock.forward(20)
    await walking
    await world.quiet()
    await world.live(30, step=5)
    assert list(world.teller.transfers.values()) == ["registered"]
    await lose(world)
    await hand_over(world)
    await world.live(60, step=5)

    with pytest.raises(PendingOutcome):
        await transfer(world, payment, 20_000, key=key_of(world, 1))
    assert list(world.teller.transfers.values()) == ["registered"]


async def test_a_refund_that_was_taken_in_when_it_was_sent_again_comes_back(paid):
    """Its first answer was lost; an operator asked for it, so that the shop has no wish of its own to hand over."""
    world, payment = paid
    await world.beat()
    keep(world)
    world.teller.fail("refund", "lost", "taken_in")
    await ask_refund(world, payment)
    await world.live(60, step=5)
    assert world.teller.calls["refund"] == 2
    (refund,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    assert refund.code == "accepted"
    await lose(world)
    await hand_over(world)
    await world.live(60, step=5)

    assert [one.code for one in await world.operations(payment.id) if one.kind == "refund"] == ["accepted"]


async def test_another_deposit_is_a_persons_though_that_of_the_account_came_back_from_the_shop(counter):
    """By what the first one's notice came to it is known that the books have that one, and not this."""
    world = counter
    payment = await paid_after_a_copy(world)
    await lose(world)
    await hand_over(world)
    await world.live(60, step=5)
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("paid", [])

    await world.tell("deposited", payment, account_number=payment.account["number"], payer="another")
    await world.quiet()
    assert await world.cases(payment.id) == ["unexpected_deposit"]
