"""News of money that the books know already, that people must look at, or that another payment takes back.

Of bridge.flows.notice_effects and bridge.flows.undo.
"""

import json

import pytest

from bridge.domain.gateway import Digest, Event
from bridge.domain.machine import Kind, State, Step
from bridge.flows.told import KNOWN, LATER, PERSON
from bridge.flows.undo import ANOTHERS, undo_once
from bridge.ledger import replay
from tests.flows.test_said_before import FOUND, approved, money_is_found
from tests.flows.test_undo_by_answer import Undo
from tests.support.desk import OPEN, SENT_BEFORE, UNKNOWN, VOIDING
from tests.support.tellers import AskedAndUndone, Serving

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books


async def claim(at, number, payment):
    """Bind a gateway's number to a payment, as its return did."""
    await at.write(lambda turn, pen: replay.claim(turn, "teller", number, payment.id, pen.at))


async def test_money_that_people_found_is_not_asked_about_when_a_hash_that_browsers_know_tells_of_it(desk):
    at = await desk("AskedAndTold")
    payment = await at.payment_in(State.EXPIRED)
    await money_is_found(at, payment)
    assert await approved(at, payment, "A", proof=Digest(is_shared=True)) == FOUND
    assert await at.world.operations(payment.id) == []


async def test_people_who_look_at_an_approval_over_another_sum_hear_under_which_number_its_money_is(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID, refs={"tid": "A"})
    assert await at.tell(payment, Event.APPROVED, amount=5_500, refs={"tid": "B"}) == PERSON
    (case,) = await at.world.all("SELECT reason, amount, refs FROM cases")
    assert (case["reason"], case["amount"]) == ("money_on_ended_payment", 5_500)
    assert json.loads(case["refs"]) == {"tid": "B"}


@pytest.mark.parametrize(
    ("kind", "step", "comes_to"),
    [
        *((Kind.UNDO, Step.UNKNOWN, LATER), (Kind.UNDO, Step.OK, KNOWN), (Kind.UNDO, Step.FAIL, "paid")),
        *((Kind.APPROVE, Step.SENT, LATER), (Kind.APPROVE, Step.UNKNOWN, LATER), (Kind.APPROVE, Step.FAIL, "paid")),
    ],
)
async def test_an_order_is_not_paid_by_what_is_being_taken_back_as_its_return_was_brought_to_another(
    desk, kind, step, comes_to, monkeypatch
):
    """Nor while the other's own approval, by that return, has no outcome: it may have to be taken back."""
    monkeypatch.setattr(Serving, "claimed", "tid", raising=False)
    at = await desk("Serving")
    paid, other = await at.payment_in(OPEN), await at.payment_in(VOIDING)
    await claim(at, "T9", other)
    await at.operation(other, kind, step)
    word = await at.tell(paid, Event.APPROVED, refs={"tid": "T9"})
    assert (word, await at.world.state(paid.id)) == (comes_to, "paid" if comes_to == "paid" else "open")


async def test_the_number_that_a_payments_own_return_brought_is_brought_nowhere_else(desk, monkeypatch):
    monkeypatch.setattr(Serving, "claimed", "tid", raising=False)
    at = await desk("Serving")
    payment = await at.payment_in(UNKNOWN)
    await claim(at, "T9", payment)
    await at.operation(payment, Kind.APPROVE, Step.UNKNOWN)
    assert await at.tell(payment, Event.APPROVED, refs={"tid": "T9"}) == "paid"
    assert await at.world.state(payment.id) == "paid"


async def test_people_are_told_why_what_pays_for_another_order_is_not_taken_back_and_no_refusal_is_made_up(
    desk, monkeypatch
):
    monkeypatch.setattr(AskedAndUndone, "claimed", "tid", raising=False)
    at = await desk("AskedAndUndone")
    sealed = await at.sealed(SENT_BEFORE | {"returned": {"P_TID": "T9"}})
    one = await Undo.made(at, VOIDING, Step.UNKNOWN, context_sealed=sealed)
    await claim(at, "T9", await at.payment_in(OPEN))
    await undo_once(at.world.context, at.world.context.sites.get(one.payment.site), at.gateway, one.undo)
    undo, payment = await at.now(one.undo)

    assert (undo.step, undo.code, undo.message, undo.refusal) == ("needs_human", "", ANOTHERS, False)
    assert (payment.state, await one.cases()) == ("needs_human", ["unknown_outcome"])
    assert await at.world.calls(payment.id) == []
