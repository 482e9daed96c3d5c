"""Money that is being taken back, where the gateway can be asked as well: asked between tries, never assumed."""

import pytest

from bridge.domain.machine import Evidence
from bridge.flows.ask_fence import Fence
from bridge.flows.capture import Found, write_found
from bridge.flows.record import Recorder


@pytest.fixture
async def undone(world):
    """A site whose gateway approves, can be asked, and takes back by our reference."""
    await world.pair_teller("AskedAndUndone")
    return world


async def refused(world):
    """A payment whose approval was refused in unknown words: it is taken back at once."""
    world.teller.fail("approve", "odd")
    return await world.buy_at_teller()


async def not_taken_back(world):
    """A payment of another amount, found by an inquiry, whose taking back is refused until it is a person's."""
    await world.pair_teller("Asked")
    world.teller.takes_instead = 5_500
    world.teller.fail("approve", "lost_after")
    world.teller.always["refund"] = "too_much"
    payment = await world.buy_at_teller()
    assert payment.state == "voiding"
    await world.live(440, step=10)
    return await world.payment(payment.id)


async def undo_of(world, payment):
    return next(one for one in await world.operations(payment.id) if one.kind == "undo" and not one.reason)


async def test_an_undo_whose_answer_got_lost_is_found_done_and_not_sent_again(undone):
    world = undone
    world.teller.fail("approve", "lost_after")
    world.teller.always["inquire"] = "absent"
    world.teller.fail("undo", "lost_after")
    payment = await world.buy_at_teller()
    while not world.teller.calls["undo"]:
        await world.live(1, step=1)
    world.teller.always.clear()
    await world.live(5, step=1)
    undo = await undo_of(world, payment)

    assert await world.state(payment.id) == "voided"
    assert (undo.step, undo.evidence) == ("ok", "E4")
    assert world.teller.calls["undo"] == 1
    assert world.trade(payment).refunds == [55_000]
    await world.check_books()


async def test_absent_twice_ends_a_refusal_whose_undo_never_answers(undone):
    world = undone
    world.teller.always["undo"] = "strange"
    payment = await refused(world)
    assert payment.state == "unknown"
    await world.live(170, step=5)
    assert await world.state(payment.id) == "unknown", "absent once after the quiet period"
    await world.live(100, step=5)
    payment, undo = await world.payment(payment.id), await undo_of(world, payment)

    assert (payment.state, payment.code) == ("declined", "odd")
    assert (undo.step, undo.evidence, undo.message) == ("ok", "E5", "nothing there")
    await world.check_books()


async def test_money_that_is_seen_is_taken_back_and_absent_proves_nothing_any_more(undone):
    world = undone
    world.teller.always["undo"] = "strange"
    payment = await refused(world)
    world.trade(payment).captured = 55_000
    await world.live(20, step=1)
    assert (await undo_of(world, payment)).refs.keys() == {"seen_at"}
    world.trade(payment).captured = 0
    await world.live(500, step=10)

    assert await world.state(payment.id) == "needs_human"
    assert await world.cases(payment.id) == ["unknown_outcome"]
    world.trade(payment).captured = 55_000
    world.teller.always.clear()
    await world.live(620, step=20)
    assert world.trade(payment).net == 0
    assert await world.state(payment.id) == "declined"
    await world.check_books()


async def test_a_refund_that_takes_back_and_is_refused_goes_to_a_person(world):
    payment = await not_taken_back(world)

    assert await world.state(payment.id) == "needs_human"
    assert sorted(await world.cases(payment.id)) == ["amount_mismatch", "unknown_outcome"]
    assert await world.entries(payment.id) == [("capture", 5_500, "E4")]
    world.teller.always.clear()
    await world.live(620, step=20)
    assert await world.state(payment.id) == "voided"
    assert await world.cases(payment.id) == ["amount_mismatch"]
    await world.check_books()


async def test_another_amount_found_while_a_person_has_it_is_taken_back_from_there(world):
    await world.pair_teller("Asked")
    world.teller.takes_instead = 5_500
    world.teller.fail("approve", "lost_after")
    world.teller.always["inquire"] = "strange"
    payment = await world.buy_at_teller()
    await world.live(400, step=10)
    assert await world.state(payment.id) == "needs_human"
    world.teller.always.clear()
    await world.live(650, step=10)

    assert await world.state(payment.id) == "voided"
    assert await world.entries(payment.id) == [("capture", 5_500, "E4"), ("undo", -5_500, "E6")]
    await world.check_books()


async def test_a_deposit_of_another_amount_is_a_persons(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    await world.tell("issued", payment)
    await world.tell("deposited", payment, amount=5_500)
    await world.quiet()

    assert await world.state(payment.id) == "awaiting_deposit"
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    assert await world.entries(payment.id) == [("orphan_capture", 5_500, "E7")]
    await world.tell("deposited", payment, amount=5_500, currency="usd")
    await world.quiet()
    assert sorted(await world.cases(payment.id)) == ["money_on_ended_payment", "unexpected_deposit"]
    assert await world.entries(payment.id) == [("orphan_capture", 5_500, "E7")]


async def test_a_charge_of_less_than_the_gateway_takes_is_refused_before_anything_is_sent(world):
    await world.pair_teller("TypedCardsUndone", card_entry="on")
    card = {"number": "4111111111111111", "expires": "3012", "holder": "900101", "password": "12"}
    body = {"order": world.order(amount=999), "card": card, "actor": "wp:7"}
    answer = await world.call("POST", "/v1/card-payments", body)

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_too_small")
    assert world.teller.asked == []


async def test_money_that_a_person_must_see_is_not_written_down_again_by_late_news_of_it(world):
    payment = await not_taken_back(world)
    assert (payment.state, payment.captured) == ("needs_human", 5_500)
    recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))
    found = Found(5_500, Evidence.E7, "notice:late")

    said = await world.context.ledger.write(lambda turn: write_found(turn, recorder, payment, found, Fence(True)))
    assert said == "known already"
    assert await world.state(payment.id) == "needs_human"
    assert await world.entries(payment.id) == [("capture", 5_500, "E4")]
    await world.check_books()
