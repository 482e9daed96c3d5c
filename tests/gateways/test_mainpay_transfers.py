"""Mainpay's 환불등록 취소: a registered transfer is taken back, one that was made is not, and the books know which."""

from contextlib import suppress

import pytest

from bridge.flows.cancel_transfer import cancel_transfer
from bridge.gateways.mainpay import sandbox_direct
from tests.gateways.test_mainpay_direct_stories import control, deposited, transfer, typed

__all__ = ["typed"]


async def take_back(world, refund):
    return await cancel_transfer(world.context, world.context.sites.get(world.site.id), refund.id, "operator:haneul")


def sent(world):
    return [one["op"] for one in world.sandbox.requests if one["op"].startswith("transfer")]


async def test_a_registered_transfer_is_cancelled_and_the_deposit_can_go_back_anew(typed):
    world = typed
    payment = await deposited(world)
    done = await take_back(world, await transfer(world, payment))

    assert (done.transfer, done.refund.evidence, done.refund.code) == ("not_made", "E4", "C")
    assert sent(world) == ["transfer", "transfer_cancel", "transfer_status"]
    assert (await world.state(payment.id), world.book(payment).net) == ("paid", 55_000)
    await world.check_books()


async def test_why_a_deposit_is_not_refunded_by_a_click_names_the_transfer(typed):
    world = typed
    payment = await deposited(world)
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()

    assert "이체" in shown["allowed"]["for_clerk"]
    refused = await world.refund(payment.id)
    assert (refused.status_code, "이체" in refused.json()["for_clerk"]) == (422, True), refused.text
    for told in (shown["allowed"], refused.json()):
        assert told["why"] == "여기서는 취소할 수 없는 결제예요. 판매자에게 문의해 주세요.", "what a buyer reads"
        assert "`" not in told["for_clerk"]


async def test_more_than_is_left_is_no_refusal_of_a_transfer_that_arrived_twice(typed, monkeypatch):
    """No document says that Mainpay looks at the number before the amount: the caller saw the second answer (1001)."""
    monkeypatch.setattr(sandbox_direct, "_refuse_used", lambda till, form: None)
    world = typed
    payment = await deposited(world)
    world.sandbox_setting(transfer_seconds=30)
    world.fault("transfer", "duplicate")
    refund = await transfer(world, payment)
    assert str(refund.step) != "fail", refund.message
    await world.live(600.0, 15.0)

    assert world.book(payment).net == 0
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("refunded", [])
    await world.check_books()


async def test_a_transfer_that_was_made_first_stays_made(typed):
    world = typed
    payment = await deposited(world)
    refund = await transfer(world, payment)
    await control(world, "transfer", merchant_ref=payment.merchant_ref, state="done")
    done = await take_back(world, refund)

    assert (done.transfer, done.code, done.refund.evidence) == ("made", "3001", "E4")
    assert (await world.state(payment.id), world.book(payment).net) == ("refunded", 0)
    await world.check_books()


@pytest.mark.parametrize(
    ("kind", "came"), [("drop_after", "not_made"), ("5xx_after", "not_made"), ("drop_before", "not_known")]
)
async def test_a_cancel_without_an_answer_is_known_by_the_transfers_status(typed, kind, came):
    world = typed
    payment = await deposited(world)
    refund = await transfer(world, payment)
    world.fault("transfer_cancel", kind)
    done = await take_back(world, refund)
    assert done.transfer == came
    if came == "not_known":
        assert (await take_back(world, refund)).transfer == "not_made"

    assert (await world.state(payment.id), world.book(payment).net) == ("paid", 55_000)
    await world.check_books()


async def test_a_transfer_made_while_its_cancel_was_on_its_way_ends_as_the_gateway_shows_it(typed):
    world = typed
    payment = await deposited(world)
    refund = await transfer(world, payment)
    world.sandbox_setting(transfer_seconds=30)
    await world.clock.forward(31)  # made by the bank, and nobody has asked yet
    done = await take_back(world, refund)

    assert (done.transfer, world.book(payment).net) == ("made", 0)
    await world.check_books()


@pytest.mark.parametrize("kind", ["drop_after", "5xx_after", "garbage_after"])
async def test_a_registration_without_an_answer_is_found_by_our_number_and_can_be_taken_back(typed, kind):
    world = typed
    payment = await deposited(world)
    world.fault("transfer", kind)
    refund = await transfer(world, payment)
    await world.live(30, step=5)
    (shown,) = (await world.call("GET", f"/v1/payments/{payment.id}")).json()["refunds"]
    assert shown["state"] == "accepted"
    done = await take_back(world, refund)

    assert done.transfer == "not_made"
    assert sent(world)[0] == "transfer"
    assert sent(world).count("transfer") == 1
    assert (await world.state(payment.id), world.book(payment).net) == ("paid", 55_000)
    await world.check_books()


async def test_a_registration_that_never_arrived_is_a_persons_and_is_not_sent_again(typed):
    world = typed
    payment = await deposited(world)
    world.fault("transfer", "drop_before")
    await transfer(world, payment)
    await world.live(300, step=15)

    assert await world.cases(payment.id) == ["refund_unknown"]
    assert sent(world).count("transfer") == 1
    await world.check_books()


async def test_a_status_that_names_another_transfer_does_not_say_that_ours_was_made(typed):
    world = typed
    payment = await deposited(world)
    world.fault("transfer_status", "cross_wired", times=None)
    await transfer(world, payment)
    await world.live(600, step=30)

    assert (world.book(payment).refunded, (await world.payment(payment.id)).refunded) == (0, 0)
    world.sandbox.faults.clear()
    await control(world, "transfer", merchant_ref=payment.merchant_ref, state="done")
    await world.live(600, step=30)
    assert (world.book(payment).refunded, (await world.payment(payment.id)).refunded) == (55_000, 55_000)
    await world.check_books()


async def test_a_status_of_another_sum_does_not_say_that_ours_was_made(typed, monkeypatch):
    world = typed
    payment = await deposited(world)
    await transfer(world, payment)
    yes = sandbox_direct._yes
    less = {"status": "S", "amount": 10_000}
    monkeypatch.setattr(sandbox_direct, "_yes", lambda data, *code: yes(data | less, *code))
    await world.live(600, step=30)

    assert (world.book(payment).refunded, (await world.payment(payment.id)).refunded) == (0, 0)


async def test_a_part_is_cancelled_and_frees_its_amount_alone(typed):
    world = typed
    payment = await deposited(world)
    first = await transfer(world, payment, 10_000)
    await take_back(world, first)
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()

    assert [(one["amount"], one["state"]) for one in shown["refunds"]] == [(10_000, "refused")]
    assert shown["refunded"] == 0
    await world.check_books()


async def test_a_registration_that_is_answered_about_another_transfer_takes_that_one_for_ours_nowhere(
    typed, monkeypatch
):
    """Whoever then took ours back would take the other back, and ours would go out."""
    world = typed
    first, second = await deposited(world), await deposited(world)
    other = await transfer(world, first)
    yes = sandbox_direct._yes

    def crossed(data, *code):
        is_registered = data.get("status") == "R" and "tranTime" in data
        return yes(data | (dict(other.refs) if is_registered else {}), *code)

    monkeypatch.setattr(sandbox_direct, "_yes", crossed)
    ours = await transfer(world, second, key="cd")
    await world.live(120, step=10)
    assert (await find(world, ours)).refs["refNo"] != other.refs["refNo"]
    await take_back(world, ours)
    for payment, left in ((first, 0), (second, 55_000)):
        with suppress(Exception):
            await control(world, "transfer", merchant_ref=payment.merchant_ref, state="done")
        assert world.book(payment).net == left
    await world.live(600, step=30)
    assert (await world.state(first.id), await world.state(second.id)) == ("refunded", "paid")
    await world.check_books()


async def find(world, refund):
    return next(one for one in await world.operations(refund.payment) if one.id == refund.id)
