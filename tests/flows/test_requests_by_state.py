"""Requests that a buyer's browser makes: kept before anybody may pay them, and of each the news is its own."""

import pytest

from bridge.domain.gateway import Event, Notice
from bridge.domain.machine import Kind, State, Step
from bridge.flows.requests_made import REQUESTS_MAX, TURNED_AWAY, in_turn, is_same, may_go_on
from bridge.flows.told import KNOWN, LATER, NOTHING_TO_DO, PERSON
from tests.support.desk import HINT, OPEN, PROOF, WAITS, WAYS

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

TOLD = {"request": "2", "paid_binding": {"number": "another"}}


@pytest.mark.parametrize(
    ("event", "changes", "comes_to", "orphaned"),
    [
        (Event.APPROVED, {}, PERSON, 75_000),
        (Event.DEPOSITED, {}, PERSON, 75_000),
        (Event.APPROVED, {"currency": "USD"}, PERSON, 20_000),
        (Event.REQUEST_CANCELLED, {}, "ended unpaid", 20_000),
        (Event.REQUEST_CANCELLED, {"request": "3"}, KNOWN, 20_000),
        (Event.ISSUED, {}, KNOWN, 20_000),
        (Event.REQUESTED, {}, TURNED_AWAY, 20_000),
        (Event.CANCELLED, {"amount": 20_000}, "given back", 0),
        (Event.PART_CANCELLED, {"amount": 1}, "given back", 19_999),
        (Event.PART_CANCELLED, {"amount": 20_001}, PERSON, 20_000),
        (Event.PART_CANCELLED, {"amount": 0}, PERSON, 20_000),
        (Event.PART_CANCELLED, {"amount": 20_000, "currency": "USD"}, PERSON, 20_000),
        (Event.PART_CANCELLED, {"amount": 20_000, "readings": (20_000,)}, "given back", 0),
        (Event.PART_CANCELLED, {"amount": 20_000, "readings": (20_000, 35_000)}, PERSON, 20_000),
    ],
)
async def test_news_of_a_second_request_of_a_payment_that_holds_money_is_of_other_money(
    desk, event, changes, comes_to, orphaned
):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.PAID, orphaned=20_000, refs={"number": "T1", "requests": "1 2"})
    assert await at.tell(payment, event, **TOLD | changes) == comes_to
    after = await at.world.payment(payment.id)

    assert (after.state, after.captured, after.orphaned, after.refunded) == ("paid", 55_000, orphaned, 0)
    assert after.requests == (("1",) if comes_to == "ended unpaid" else ("1", "2"))
    assert sum(amount for _, amount, _ in await at.world.entries(payment.id)) == orphaned - 20_000
    cancel = event in (Event.CANCELLED, Event.PART_CANCELLED)
    asked = [] if comes_to != PERSON else ["external_cancel" if cancel else "money_on_ended_payment"]
    assert await at.world.cases(payment.id) == asked
    for entry in await at.world.all("SELECT cause FROM entries"):
        told = f"orphan:{payment.id}:" + ("" if cancel else "captured:") + f"notice:of-{event}"
        assert entry["cause"] == told, "one fact counts once"


async def test_a_hint_about_another_request_is_no_proof_of_other_money(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.PAID, refs={"number": "T1"})
    assert await at.tell(payment, Event.APPROVED, HINT, **TOLD) == KNOWN
    assert await at.world.entries(payment.id) == []


async def test_a_request_is_kept_only_for_an_open_window_and_by_proof(desk):
    at = await desk("SelfTold")
    words = await at.effects(Event.REQUESTED, WAYS, request="1")
    assert words == dict.fromkeys(WAYS, TURNED_AWAY) | {State.READYING: LATER, OPEN: "the request is kept"}
    (kept,) = await at.world.all("SELECT payment, actor FROM audit WHERE event = 'window.requested'")
    assert (kept["actor"], (await at.world.payment(kept["payment"])).requests) == ("gateway", ("1",))
    payment = await at.payment_in(OPEN)
    assert await at.tell(payment, Event.REQUESTED, HINT, request="1") == NOTHING_TO_DO
    assert await at.tell(payment, Event.REQUESTED) == NOTHING_TO_DO
    assert (await at.world.payment(payment.id)).requests == ()


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN, Step.OK])
async def test_no_request_is_kept_while_its_window_is_withdrawn(desk, step):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN)
    await at.operation(payment, Kind.PROBE, step)
    kept = await at.tell(payment, Event.REQUESTED, request="1") != TURNED_AWAY
    assert kept is (step is Step.OK)


async def test_no_request_is_kept_beyond_the_tenth_or_after_its_time_or_where_the_order_is_taken(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN)
    taken = await at.payment_in(OPEN, like=await at.payment_in(WAITS))
    assert await at.tell(taken, Event.REQUESTED, request="1") == TURNED_AWAY
    kept = [await at.tell(payment, Event.REQUESTED, request=str(number)) for number in range(REQUESTS_MAX + 1)]
    assert kept == ["the request is kept"] * 10 + [TURNED_AWAY]
    assert await at.tell(payment, Event.REQUESTED, request="9") == KNOWN
    late = await at.payment_in(OPEN)
    await at.world.clock.forward((late.expires_at - at.world.clock.now()).total_seconds())
    assert await at.tell(late, Event.REQUESTED, request="1") == TURNED_AWAY


@pytest.mark.parametrize(
    ("event", "number", "goes_on"),
    [
        (Event.REQUESTED, "1", True),
        (Event.REQUESTED, "2", False),
        (Event.REQUESTED, "", True),
        (Event.ISSUED, "2", True),
    ],
)
async def test_only_a_request_that_is_in_the_books_may_be_paid(desk, event, number, goes_on):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN, refs={"requests": "1"})
    said = Notice(event, "d", payment.merchant_ref, 55_000, PROOF, request=number)
    assert await at.write(lambda turn, _: may_go_on(turn, payment, said)) is goes_on


@pytest.mark.parametrize(
    ("kept", "tries", "first"),
    [("", 1, ""), ("1", 1, "1"), ("1 2", 0, "1 2"), ("1 2", 1, "2 1"), ("1 2 3", 2, "3 1 2"), ("1 2 3", 4, "2 3 1")],
)
async def test_another_request_is_asked_about_first_with_every_try_and_none_is_left_out(desk, kept, tries, first):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN, refs={"number": "T", "requests": kept})
    turned = in_turn(payment, tries)
    assert (turned.refs["requests"], turned.refs["number"], turned.id) == (first, "T", payment.id)


@pytest.mark.parametrize(
    ("named", "same"),
    [
        ({}, True),
        ({"number": "T"}, True),
        ({"number": "U"}, False),
        ({"more": "1"}, True),
        ({"number": "T", "a": "2"}, False),
    ],
)
async def test_a_payment_is_the_same_as_far_as_both_name_it(desk, named, same):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN, refs={"number": "T", "a": "1"})
    assert is_same(payment, named) is same
