"""That something did nothing is said once nothing of it can still arrive: two people may be right too early.

Of bridge.domain.decisions and bridge.flows.decide_case.
"""

from datetime import datetime

import pytest

from bridge.domain.failures import TooEarly
from bridge.domain.gateway import Event
from bridge.domain.machine import Kind, State, Step
from bridge.flows.decide_case import Wish, propose, report
from bridge.flows.undo import NOTHING, RECHECK
from tests.flows.test_cases import SEEN, case_of, decide, lost_approval


async def ask(world, payment, decision):
    """Let one person propose a decision about the payment's case."""
    wish = Wish((await case_of(world, payment.id))["id"], decision, SEEN, "operator:maker")
    return await propose(world.context, wish)


@pytest.fixture(params=["Mute", "Blind"])
async def on_its_way(world, request):
    """A part that is still on its way, at a gateway that cannot be asked, or whose inquiry tells of no refunds."""
    await world.pair_teller("Mute" if request.param == "Mute" else "Asked")
    world.teller.shows_refunds = request.param != "Blind"
    payment = await world.buy_at_teller()
    world.teller.fail("refund", "late")
    await world.refund(payment.id, 10_000)
    await world.live(10, step=5)
    assert await world.cases(payment.id) == ["refund_unknown"]
    return payment


async def test_that_a_refund_was_not_made_is_said_once_it_can_no_longer_arrive(world, on_its_way):
    with pytest.raises(TooEarly) as early:
        await ask(world, on_its_way, "not_refunded")
    left = datetime.fromisoformat(early.value.extra["not_before"]) - world.clock.now()
    assert 100 < left.total_seconds() <= 120
    world.teller.let_late_arrive()
    await world.live(110, step=5)

    await decide(world, await case_of(world, on_its_way.id), "refunded")
    after = await world.payment(on_its_way.id)
    assert after.refunded == world.trade(on_its_way).refunded == 10_000
    await world.check_books()


async def test_after_the_quiet_period_it_is_said_and_the_next_refund_is_made_once(world, on_its_way):
    await world.live(120, step=5)
    await decide(world, await case_of(world, on_its_way.id), "not_refunded")
    await world.refund(on_its_way.id, 10_000)
    await world.live(200, step=10)

    after = await world.payment(on_its_way.id)
    assert after.refunded == world.trade(on_its_way).refunded == 10_000
    assert await world.cases(on_its_way.id) == []
    await world.check_books()


async def test_that_a_refund_was_made_is_said_at_once(world, on_its_way):
    world.teller.let_late_arrive()
    await decide(world, await case_of(world, on_its_way.id), "refunded")
    assert (await world.payment(on_its_way.id)).refunded == world.trade(on_its_way).refunded == 10_000


async def test_what_two_people_say_of_a_refund_is_compared_where_the_gateway_can_be_asked(world):
    """They were wrong: the refund they say was not made is shown."""
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    world.teller.always["inquire"] = "strange"
    world.teller.fail("refund", "lost_after")
    await world.refund(payment.id, 10_000)
    await world.live(400, step=10)
    await decide(world, await case_of(world, payment.id), "not_refunded")
    assert (await world.payment(payment.id)).refunded == 0
    world.teller.always.clear()
    await world.live(20, step=5)

    assert (await world.payment(payment.id)).refunded == world.trade(payment).refunded == 10_000
    assert await world.cases(payment.id) == ["external_refund"]
    await world.check_books()


async def test_that_a_payment_took_no_money_is_said_once_its_approval_can_no_longer_arrive(world):
    """A start of the machine begins the quiet period anew: when the other one sent, its clock does not tell."""
    payment = await lost_approval(world)
    world.clock.start_machine()
    await world.restart()
    with pytest.raises(TooEarly):
        await ask(world, payment, "declined")
    with pytest.raises(TooEarly):
        await ask(world, payment, "paid")
    await world.live(130, step=10)

    await ask(world, payment, "declined")


@pytest.mark.parametrize("kind", [Kind.APPROVE, Kind.UNDO, Kind.PROBE])
async def test_that_no_money_lies_there_is_said_once_nothing_that_was_sent_can_still_arrive(desk, kind):
    at = await desk("Mute")
    payment = await at.payment_in(State.DECLINED)
    await at.operation(payment, kind, Step.UNKNOWN, seconds=None)
    await report(at.world.context, payment.id, SEEN, "operator:minji")
    with pytest.raises(TooEarly):
        await ask(at.world, payment, "no_money")
    await at.world.clock.forward(121)
    await ask(at.world, payment, "no_money")


async def test_a_part_that_went_back_while_nobody_knew_of_the_money_is_booked_once_two_people_say_it_was_taken(world):
    """The net-cancel began before the money was seen: what it heard of the part was nobody's to believe."""
    await world.pair_teller("AskedAndUndone")
    world.teller.fail("approve", "lost_after")
    world.teller.always |= {"inquire": "strange", "undo": "strange"}
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.quiet()
    await world.live(900, step=20)
    payment = await world.payment(opened.payment)
    assert (payment.state, payment.captured) == ("needs_human", 0)
    world.trade(payment).refunds.append(20_000)
    world.teller.always.pop("inquire")

    await decide(world, await case_of(world, payment.id), "paid")
    assert await world.state(payment.id) == "paid"
    await world.live(60, step=5)
    assert await world.entries(payment.id) == [("capture", 55_000, "E8"), ("external_refund", -20_000, "E4")]
    assert await world.state(payment.id) == "part_refunded"
    assert await world.cases(payment.id) == ["external_refund"]
    await world.check_books()


async def await_try(world, op):
    """Let time pass until the bridge sends it once more: each ten minutes while people look."""
    tried = world.teller.calls[op]
    for _ in range(130):
        await world.live(5, step=5)
        if world.teller.calls[op] > tried:
            return
    pytest.fail(f"no {op} was sent again")


async def test_that_a_net_cancel_did_nothing_is_said_once_its_last_try_cannot_arrive_either(world):
    """The bridge goes on trying while people look: their two may agree just after a try that is still on its way."""
    await world.pair_teller("Serving")
    world.teller.fail("approve", "lost_after")
    world.teller.always["undo"] = "strange"
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.live(400, step=20)
    assert await world.cases(opened.payment) == ["unknown_outcome"]
    world.teller.always["undo"] = "late"
    await await_try(world, "undo")
    payment = await world.payment(opened.payment)

    with pytest.raises(TooEarly) as early:
        await ask(world, payment, "paid")
    left = datetime.fromisoformat(early.value.extra["not_before"]) - world.clock.now()
    assert 100 < left.total_seconds() <= 120
    await world.live(125, step=5)
    await ask(world, payment, "paid")


async def test_that_a_full_refund_was_not_made_is_said_once_its_last_try_cannot_arrive_either(world):
    await world.pair_teller("Mute")
    payment = await world.buy_at_teller()
    world.teller.always["refund"] = "late"
    await world.refund(payment.id, payment.captured)
    await world.live(400, step=20)
    await await_try(world, "refund")

    with pytest.raises(TooEarly):
        await ask(world, payment, "not_refunded")
    await world.live(125, step=5)
    await ask(world, payment, "not_refunded")


async def test_money_is_adopted_once_no_net_cancel_can_arrive_behind_it_and_none_is_sent_any_more(desk):
    """After a refusal the net-cancel is sent once more, when what was late may have arrived; a notice tells of it."""
    at = await desk("Serving")
    payment = await at.payment_in(State.DECLINED)
    approve = await at.operation(payment, Kind.APPROVE, Step.FAIL, said={"refusal": True})
    await at.operation(payment, Kind.UNDO, Step.OK, message=NOTHING, target=approve.id)
    undo = await at.operation(payment, Kind.UNDO, Step.UNKNOWN, target=approve.id, reason=RECHECK)
    await at.tell(payment, Event.APPROVED)
    case = await case_of(at.world, payment.id)
    with pytest.raises(TooEarly):
        await propose(at.world.context, Wish(case["id"], "adopted", SEEN, "operator:maker"))
    await decide(at.world, case, "adopted")

    undo, payment = await at.now(undo)
    assert (payment.adopted, undo.step, undo.evidence) == (True, "fail", "E8")
