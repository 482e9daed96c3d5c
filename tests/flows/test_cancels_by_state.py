"""What a notice of a cancel does, by the state it finds a payment in and the operations beside it.

The tables are of bridge.flows.cancel_effects.
"""

import pytest

from bridge.domain.gateway import Event
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.flows.cancel_effects import CLOSED
from bridge.flows.told import KNOWN, LATER, PERSON, PROVEN_BACK, REPORTED, known_refund, said_to_be_back
from bridge.flows.undo import APPROVAL_TOLD
from tests.support.desk import HINT, HUMAN, OPEN, PROOF, UNKNOWN, VOIDING, WAYS

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

CAME_AND_WENT = "taken and given back before it was told"
WAITED = {State.AWAITING_DEPOSIT: CLOSED}


@pytest.mark.parametrize(
    ("kind", "proof", "elsewhere", "more"),
    [
        ("Accounts", PROOF, PERSON, dict.fromkeys((UNKNOWN, HUMAN), CAME_AND_WENT) | WAITED),
        ("AskedAndUndone", PROOF, PROVEN_BACK, dict.fromkeys((UNKNOWN, HUMAN), REPORTED)),
        ("AskedOnHint", HINT, REPORTED, dict.fromkeys((UNKNOWN, HUMAN), REPORTED)),
        ("SelfTold", PROOF, PERSON, dict.fromkeys((OPEN, UNKNOWN, HUMAN), CAME_AND_WENT) | WAITED),
        ("SelfTold", HINT, said_to_be_back(55_000), {}),
    ],
)
async def test_a_cancel_of_all_in_every_state_where_no_operation_is_under_way(desk, kind, proof, elsewhere, more):
    """It is the end of our own net-cancel, money back past the bridge, or what overtook the news of its payment."""
    at = await desk(kind)
    taken_back = dict.fromkeys((UNKNOWN, VOIDING, HUMAN, State.VOIDED, State.DECLINED), KNOWN)
    refunded = {State.PAID: "refunded past the bridge"} if (elsewhere, proof) == (PERSON, PROOF) else {}
    expected = dict.fromkeys(WAYS, elsewhere) | {State.READYING: LATER} | taken_back | refunded | more
    assert await at.effects(Event.CANCELLED, WAYS, proof) == expected
    overtaken = await at.world.all("SELECT state, captured FROM payments WHERE id IN"
                                   " (SELECT payment FROM audit WHERE event = 'payment.voided')")  # fmt: skip
    ended = [word for word in more.values() if word in (CAME_AND_WENT, CLOSED)]
    assert overtaken == [{"state": "voided", "captured": 0}] * len(ended)


@pytest.mark.parametrize("state", [UNKNOWN, HUMAN])
async def test_a_cancel_is_the_net_cancels_own_where_one_was_made_though_the_gateway_can_be_asked(desk, state):
    at = await desk("AskedAndUndone")
    payment = await at.payment_in(state)
    await at.operation(payment, Kind.UNDO, Step.FAIL)
    assert await at.tell(payment, Event.CANCELLED) == KNOWN


async def test_orphaned_money_that_went_back_is_not_taken_for_our_net_cancel(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.VOIDED, orphaned=55_000)
    assert await at.tell(payment, Event.CANCELLED, amount=20_000) == "given back"
    assert await at.tell(payment, Event.CANCELLED, amount=35_001) == PERSON
    assert (await at.world.payment(payment.id)).orphaned == 35_000
    assert await at.world.entries(payment.id) == [("orphan_refund", -20_000, "E7")]
    (entry,) = await at.world.all("SELECT cause FROM entries")
    assert entry["cause"] == f"orphan:{payment.id}:notice:{payment.site}:teller:of-cancelled"


@pytest.mark.parametrize(
    "changes", [{"proof": HINT}, {"readings": (20_000, 35_000)}, {"currency": "USD"}, {"amount": 0}]
)
async def test_only_an_exact_and_proven_amount_takes_orphaned_money_or_a_payments_own_out_of_the_books(desk, changes):
    at = await desk("Accounts")
    for state, orphaned in ((State.VOIDED, 55_000), (State.PAID, 0)):
        payment = await at.payment_in(state, orphaned=orphaned)
        word = said_to_be_back(20_000) if "proof" in changes else PERSON  # one with proof counts for it later
        assert await at.tell(payment, Event.PART_CANCELLED, **{"amount": 20_000} | changes) == word
        assert await at.world.entries(payment.id) == []
        said = changes.get("amount", 20_000) or "an unsaid number of"
        (case,) = await at.world.all("SELECT reason, detail, amount FROM cases WHERE payment = ?", payment.id)
        assert case["reason"] == "external_cancel"
        told = f"the gateway reports a cancel of {said} KRW that was not asked here"
        assert case["detail"] == f"{told} (of-part_cancelled)"


async def test_a_cancel_that_is_a_persons_is_named_by_the_gateways_number(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(OPEN)
    assert await at.tell(payment, Event.CANCELLED, refs={"refNo": "R-77"}) == PERSON
    (case,) = await at.world.all("SELECT detail FROM cases")
    assert case["detail"].endswith("not asked here (R-77 of-cancelled)")


@pytest.mark.parametrize("step", [Step.UNKNOWN, Step.NEEDS_HUMAN])
async def test_a_proven_cancel_of_all_settles_the_net_cancel_that_is_pending(desk, step):
    at = await desk("Accounts")
    payment = await at.payment_in(VOIDING)
    approve = await at.operation(payment, Kind.APPROVE, Step.UNKNOWN)
    await at.operation(payment, Kind.UNDO, step, target=approve.id)
    assert await at.tell(payment, Event.PART_CANCELLED) == APPROVAL_TOLD
    assert await at.world.state(payment.id) == "voiding", "a part is not all"
    assert await at.tell(payment, Event.CANCELLED) == "taken back"
    done = [(one.kind, one.step, one.evidence) for one in await at.world.operations(payment.id)]
    assert sorted(done) == [("approve", "fail", "E7"), ("undo", "ok", "E7")]
    assert await at.world.state(payment.id) == "voided"


async def test_a_cancel_waits_for_the_answer_of_a_net_cancel_that_is_on_its_way_unless_it_proves_nothing(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(VOIDING)
    await at.operation(payment, Kind.UNDO, Step.SENT)
    assert await at.tell(payment, Event.CANCELLED) == LATER
    assert await at.tell(payment, Event.CANCELLED, HINT) == KNOWN


@pytest.mark.parametrize(
    ("step", "amount", "more", "comes_to"),
    [
        (Step.SENT, 20_000, {}, LATER),
        (Step.UNKNOWN, 20_000, {}, "refunded"),
        (Step.NEEDS_HUMAN, 20_000, {}, "refunded"),
        (Step.UNKNOWN, 35_000, {"readings": (20_000, 35_000)}, "refunded"),
        (Step.UNKNOWN, 20_000, {"readings": (35_000, 40_000)}, PERSON),
        (Step.UNKNOWN, 0, {"left": 35_000}, "refunded"),
        (Step.UNKNOWN, 0, {"left": 34_999}, PERSON),
        (Step.UNKNOWN, 15_000, {"left": 35_000}, "refunded past the bridge"),
        (Step.UNKNOWN, 35_001, {}, PERSON),
        (Step.UNKNOWN, 35_000, {}, "refunded past the bridge"),
        (Step.SENT, 35_000, {}, "refunded past the bridge"),
        (Step.SENT, 35_001, {}, LATER),
        (Step.SENT, 55_000, {}, LATER),
        (Step.SENT, 55_001, {}, PERSON),
        (Step.FAIL, 20_000, {}, "refunded past the bridge"),
        (Step.OK, 20_000, {}, KNOWN),
        (Step.OK, 20_000, {"refs": {"refund_number": "1"}}, KNOWN),
        (Step.OK, 0, {"left": 35_000}, PERSON),
    ],
)
async def test_a_cancel_beside_a_refund_of_ours_is_that_one_only_where_it_may_be(desk, step, amount, more, comes_to):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.PAID)
    refund = await at.operation(payment, Kind.REFUND, step, amount=20_000, evidence=Evidence.E2)
    assert await at.tell(payment, Event.PART_CANCELLED, amount=amount, **more) == comes_to
    after = next(one for one in await at.world.operations(payment.id))
    assert (after.step, after.evidence) == (("ok", "E7") if comes_to == "refunded" else (step, refund.evidence))


@pytest.mark.parametrize(("requests", "left", "state"), [("1", "", "voided"), ("1 2", "2", "open"), ("2", "2", "open")])
async def test_a_cancel_that_overtook_its_news_ends_the_request_it_is_about_and_not_the_others(
    desk, requests, left, state
):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN, refs={"requests": requests})
    assert await at.tell(payment, Event.CANCELLED, request="1") == f"{CAME_AND_WENT}: 1"
    after = await at.world.payment(payment.id)
    assert (after.state, " ".join(after.requests)) == (state, left)
    seen = await at.world.all("SELECT actor, became FROM audit WHERE event = 'undo.seen'")
    assert seen == [{"actor": "gateway", "became": "voiding"}] * (state == "voided")


@pytest.mark.parametrize(
    ("kind", "step", "comes_to"),
    [
        (Kind.APPROVE, Step.SENT, LATER),
        (Kind.APPROVE, Step.UNKNOWN, CAME_AND_WENT),
        (Kind.PROBE, Step.SENT, CAME_AND_WENT),
        (Kind.PROBE, Step.NEEDS_HUMAN, CAME_AND_WENT),
        (Kind.CHECK, Step.UNKNOWN, CAME_AND_WENT),
        (Kind.UNDO, Step.FAIL, KNOWN),
    ],
)
async def test_a_cancel_that_overtook_its_news_settles_what_asks_whether_it_was_paid(desk, kind, step, comes_to):
    at = await desk("SelfTold")
    payment = await at.payment_in(UNKNOWN)
    await at.operation(payment, kind, step)
    assert await at.tell(payment, Event.PART_CANCELLED, amount=20_000) == (KNOWN if kind is Kind.UNDO else LATER)
    assert await at.tell(payment, Event.CANCELLED) == comes_to
    (after,) = await at.world.operations(payment.id)
    settled = comes_to == CAME_AND_WENT and kind is not Kind.CHECK
    assert (after.step, after.message) == (("fail", "it was paid, and given back") if settled else (step, ""))
    assert after.evidence == ("E7" if settled else "E6" if kind is Kind.UNDO else "")


@pytest.mark.parametrize(("kind", "is_said"), [(Kind.REFUND, True), (Kind.UNDO, True), (Kind.PROBE, False)])
async def test_a_cancel_of_what_people_had_said_was_not_given_back_is_theirs_to_look_at_again(desk, kind, is_said):
    at = await desk("Accounts")
    for evidence, amount in ((Evidence.E8, 20_000), (Evidence.E8, 20_001), (Evidence.E2, 20_000)):
        payment = await at.payment_in(OPEN)
        await at.operation(payment, kind, Step.FAIL, amount=20_000, evidence=evidence)
        assert await at.tell(payment, Event.CANCELLED, amount=amount) == PERSON
        (case,) = await at.world.all("SELECT reason, amount, detail FROM cases WHERE payment = ?", payment.id)
        denied = is_said and (evidence, amount) == (Evidence.E8, 20_000)
        assert (case["reason"], case["amount"]) == ("external_cancel", amount)
        assert (f"{kind} of 20000 KRW was done at the gateway" in case["detail"]) is denied


@pytest.mark.parametrize(
    ("state", "left", "comes_to"),
    [
        (State.REFUNDED, 0, known_refund(55_000)),
        (State.PAID, 55_000, KNOWN),
        (State.PART_REFUNDED, 35_000, known_refund(20_000)),
    ],
)
async def test_what_the_gateway_says_is_left_is_known_where_the_books_have_no_more(desk, state, left, comes_to):
    at = await desk("SelfTold")
    payment = await at.payment_in(state)
    amount = payment.refunded or 20_000
    if payment.refunded:
        await at.operation(payment, Kind.REFUND, Step.OK, amount=amount)
    assert await at.tell(payment, Event.PART_CANCELLED, amount=amount, left=left) == comes_to
    less = await at.tell(payment, Event.PART_CANCELLED, amount=1_000, left=left - 1)
    assert less == (PERSON if state is State.REFUNDED else "refunded past the bridge")


async def test_a_second_cancel_of_a_single_won_is_one_more_where_the_gateway_says_that_less_is_left(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.PART_REFUNDED, refunded=1)
    await at.operation(payment, Kind.REFUND, Step.OK, amount=1)
    assert await at.tell(payment, Event.PART_CANCELLED, amount=1, left=54_999) == known_refund(1)
    assert await at.tell(payment, Event.PART_CANCELLED, amount=1, left=54_998) == "refunded past the bridge"


async def test_a_refund_without_a_name_gets_that_of_its_proven_news_and_keeps_it(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.PART_REFUNDED)
    await at.operation(payment, Kind.REFUND, Step.OK, amount=20_000)
    for proof, refs, name in ((HINT, {"n": "1"}, {}), (PROOF, {"n": "2"}, {"n": "2"}), (PROOF, {"m": "3"}, {"n": "2"})):
        assert await at.tell(payment, Event.PART_CANCELLED, proof, amount=20_000, refs=refs) == KNOWN
        (refund,) = await at.world.operations(payment.id)
        assert refund.refs == name
    other = await at.tell(payment, Event.PART_CANCELLED, amount=20_000, refs={"n": "4"})
    assert other == "refunded past the bridge", "a name of its own is money of its own"


@pytest.mark.parametrize(("left", "gone"), [(35_000, 0), (34_999, 1), (15_000, 20_000), (None, 0)])
async def test_less_left_there_than_here_after_our_own_refund_is_a_case_over_just_the_difference(desk, left, gone):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.PAID)
    await at.operation(payment, Kind.REFUND, Step.UNKNOWN, amount=20_000)
    assert await at.tell(payment, Event.PART_CANCELLED, amount=20_000, left=left) == "refunded"
    detail = f"the gateway says that {left} KRW are left, and the books have 35000"
    asked = [{"reason": "external_cancel", "amount": gone, "detail": detail}] if gone else []
    assert await at.world.all("SELECT reason, amount, detail FROM cases") == asked


@pytest.mark.parametrize(("left", "gone"), [(45_000, 0), (25_001, 19_999), (25_000, 0), (24_999, 1)])
async def test_less_left_there_than_here_may_be_a_refund_of_ours_without_outcome_and_only_more_is_a_case(
    desk, left, gone
):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.PAID)
    await at.operation(payment, Kind.REFUND, Step.UNKNOWN, amount=20_000)
    assert await at.tell(payment, Event.PART_CANCELLED, amount=10_000, left=left) == "refunded past the bridge"
    asked = [{"reason": "external_cancel", "amount": gone}] if gone else []
    assert await at.world.all("SELECT reason, amount FROM cases") == asked


@pytest.mark.parametrize(("amount", "about", "stays"), [(55_000, 55_000, False), (54_999, 10_000, True),
                                                        (55_000, 55_001, True)])  # fmt: skip
async def test_news_that_empties_a_payment_ends_the_case_about_no_more_than_it(desk, amount, about, stays):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID)
    await at.write(lambda turn, pen: pen.case(turn, payment, "external_cancel", "a cancel was seen", about))
    await at.write(lambda turn, pen: pen.case(turn, payment, "reported", "an operator saw it", 1))
    assert await at.tell(payment, Event.CANCELLED, amount=amount) == "refunded past the bridge"
    assert sorted(await at.world.cases(payment.id)) == ["external_cancel"] * stays + ["reported"]
