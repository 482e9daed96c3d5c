"""What each answer to a net-cancel comes to, by when it was asked and what is known beside it (bridge.flows.undo)."""

import json
from datetime import timedelta

import pytest

from bridge.clock import stamp
from bridge.domain.failures import Conflict
from bridge.domain.gateway import Accepted, Event, NothingThere, NotSent, TooLate, Undone, Unknown
from bridge.domain.machine import Kind, State, Step
from bridge.domain.outcomes import PAY_BACK_ACCOUNT, PAY_BACK_WON
from bridge.flows.pace import quiet_left_ms, quiet_ms
from bridge.flows.undo import APPROVAL_TOLD, NOTHING, _record_undo, intend_undo, needs_human, undo_once
from bridge.ledger import notices, operations
from bridge.ledger.notices import StoredNotice
from tests.support.clock import later
from tests.support.desk import HUMAN, SENT_BEFORE, UNKNOWN, VOIDING, WAITS, WAYS
from tests.support.teller import Trade

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

TAKEN = "the gateway has taken the cancel in, and not made it yet"
LOST = Unknown("no answer", "9001", "잠시 후에")


class Undo:
    """A payment that is being taken back, its approval, and the net-cancel at some step."""

    def __init__(self, at, payment, approve, undo):
        self.at, self.payment, self.approve, self.undo = at, payment, approve, undo

    @classmethod
    async def made(cls, at, state=VOIDING, step=Step.UNKNOWN, *, refusal=False, was_no=False, ago=0, late=0, **more):
        payment = await at.payment_in(state, **more.pop("changes", {}))
        now = at.world.clock.now()
        approve = await at.operation(payment, Kind.APPROVE, Step.UNKNOWN, sent_at=now - timedelta(seconds=ago),
                                     said={"refusal": refusal, "code": "odd", "message": "글쎄요"})  # fmt: skip
        more = {"target": approve.id, "sent_at": now - timedelta(seconds=late)} | more
        undo = await at.operation(payment, Kind.UNDO, step, said={"refusal": was_no}, **more)
        return cls(at, payment, approve, undo)

    async def hears(self, outcome, quiet=None):
        """Write an answer to a try that was asked so many milliseconds after the quiet period's end."""
        asked = stamp(self.at.world.clock)
        if quiet is not None:
            left = quiet_left_ms(self.at.world.context, self.at.gateway, self.approve, asked)
            asked = later(asked, (left + quiet) / 1000)

        def work(turn, recorder):
            _record_undo(turn, recorder, self.at.gateway, self.undo, outcome, asked)

        await self.at.write(work)
        self.undo, self.payment = await self.at.now(self.undo)
        self.approve, _ = await self.at.now(self.approve)
        return self.undo.step, self.payment.state

    async def cases(self):
        return await self.at.world.cases(self.payment.id)


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN])
@pytest.mark.parametrize("state", [VOIDING, HUMAN])
async def test_money_that_is_back_voids_the_payment_from_wherever_it_is(desk, step, state):
    one = await Undo.made(await desk("Serving"), state, step)
    assert await one.hears(Undone("2001")) == ("ok", "voided")
    assert (one.undo.evidence, one.undo.code, one.undo.message) == ("E6", "2001", "")
    assert (one.approve.step, one.approve.evidence) == ("fail", "E6")
    assert (one.approve.code, one.approve.message) == ("odd", "글쎄요")
    assert await one.at.world.told(one.payment.id) == ["payment.failed"]


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN])
async def test_nothing_there_proves_it_after_the_quiet_period_and_not_before(desk, step):
    one = await Undo.made(await desk("Serving"), VOIDING, step)
    becomes = Step.UNKNOWN if step is Step.SENT else step
    assert await one.hears(NothingThere("404"), -1) == (becomes, "voiding")
    assert (one.undo.code, one.undo.message, one.approve.step) == ("404", "", "unknown")
    assert await one.at.seconds_until(one.undo) == (600 if step is Step.NEEDS_HUMAN else 45)
    assert await one.hears(NothingThere("404"), 0) == ("ok", "voided")
    assert (one.undo.evidence, one.undo.code, one.undo.message) == ("E6", "404", NOTHING)


async def test_nothing_there_shortly_before_the_quiet_period_ends_is_tried_again_when_it_does(desk):
    at = await desk("Serving")
    quiet = quiet_ms(at.world.context, at.gateway) / 1000
    for left, seconds in ((46, 45), (44, 44), (0.5, 1)):
        one = await Undo.made(at, ago=quiet - left)
        await one.hears(NothingThere("404"))
        assert await at.seconds_until(one.undo) == seconds, "and never without its pause"


@pytest.mark.parametrize("why", ["captured", "refused before", "told"])
async def test_nothing_there_is_no_proof_where_the_gateway_itself_spoke_of_a_payment(desk, why):
    at = await desk("Serving")
    changes = {"captured": 5_500} if why == "captured" else {}
    one = await Undo.made(at, was_no=why == "refused before", changes=changes)
    if why == "told":
        kept = StoredNotice("n", one.payment.site, "teller", "feedback", "d", "", "", 1, payment=one.payment.id)
        await at.write(lambda turn, _: (notices.store(turn, kept),
                                        notices.settle(turn, "n", "done", "asked", 1)))  # fmt: skip
    assert await one.hears(NothingThere("404"), -1) == ("unknown", "voiding")
    assert await one.hears(NothingThere("404"), 0) == ("needs_human", "needs_human")
    assert await one.cases() == ["unknown_outcome"]
    assert one.undo.refusal is (why == "refused before"), "only what came too late is kept as a refusal"
    assert await at.world.entries(one.payment.id) == []


@pytest.mark.parametrize("how", ["refusal", "recheck"])
async def test_nothing_there_at_once_is_enough_after_a_plain_no_or_when_it_is_checked_once_more(desk, how):
    at = await desk("Serving")
    if how == "refusal":
        one = await Undo.made(at, UNKNOWN, refusal=True)
        assert await one.hears(NothingThere("404")) == ("ok", "declined")
        (again,) = [op for op in await at.world.operations(one.payment.id) if op.reason == "recheck"]
        assert (again.kind, again.step, again.target) == ("undo", "unknown", one.approve.id)
        assert await at.seconds_until(again) == quiet_ms(at.world.context, at.gateway) / 1000
        assert (one.approve.step, one.approve.evidence) == ("fail", "E10")
        assert (one.payment.reason, one.payment.code, one.payment.message) == ("declined", "odd", "글쎄요")
        (event,) = await at.world.all("SELECT actor, detail FROM audit WHERE became = 'declined' AND was <> became")
        assert (event["actor"], json.loads(event["detail"])["evidence"]) == ("gateway", "E10")
    else:
        one = await Undo.made(at, reason="recheck")
        assert await one.hears(NothingThere("404")) == ("ok", "voided")


async def test_a_refused_approval_that_took_money_after_all_is_voided_and_not_declined(desk):
    at = await desk("Serving")
    one = await Undo.made(at, refusal=True, changes={"captured": 5_500})
    assert await one.hears(Undone()) == ("ok", "voided")
    assert await at.world.entries(one.payment.id) == [("undo", -5_500, "E6")]
    (entry,) = await at.world.all("SELECT cause FROM entries")
    assert entry["cause"] == one.undo.id


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN])
async def test_too_late_is_a_persons_and_kept_as_the_gateways_knowledge_of_a_payment(desk, step):
    one = await Undo.made(await desk("Serving"), VOIDING, step)
    assert await one.hears(TooLate("5009")) == ("needs_human", "needs_human")
    assert (one.undo.refusal, one.undo.code, one.undo.message) == (True, "5009", "")
    assert await one.at.seconds_until(one.undo) == 600
    assert (one.approve.step, one.approve.code, one.approve.message) == ("needs_human", "odd", "글쎄요")
    assert await one.cases() == ["unknown_outcome"]
    (case,) = await one.at.world.all("SELECT detail FROM cases")
    assert case["detail"] == "net-cancel settled nothing: 5009"
    (event,) = await one.at.world.all("SELECT actor, detail FROM audit WHERE event = 'payment.needs_human'")
    assert (event["actor"], json.loads(event["detail"])) == ("bridge", {"code": "5009", "message": ""})


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN])
async def test_cancelled_already_may_be_said_of_the_part_that_an_earlier_answer_named(desk, step):
    less = Unknown("less than was asked", "2001", there=True, part=True)
    one = await Undo.made(await desk("Serving"), VOIDING, step)
    await one.hears(less)
    await one.hears(LOST)
    assert await one.hears(Undone("2013", already=True)) == ("needs_human", "needs_human")
    assert await one.cases() == ["unknown_outcome"]
    assert await one.hears(Undone("2001")) == ("ok", "voided"), "that is said of what was asked"


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN])
async def test_a_net_cancel_that_was_taken_in_is_a_persons_and_never_sent_again(desk, step):
    one = await Undo.made(await desk("Serving"), VOIDING, step)
    owed = {PAY_BACK_WON: "55000", PAY_BACK_ACCOUNT: "페이은행 123"}
    assert await one.hears(Accepted(owed)) == ("needs_human", "needs_human")
    assert (one.undo.code, one.undo.next_try_at, one.undo.refs, one.undo.refusal) == ("accepted", None, owed, False)
    (case,) = await one.at.world.all("SELECT detail FROM cases")
    assert case["detail"].endswith("; wire 55000 KRW to 페이은행 123 first")


@pytest.mark.parametrize(
    ("kind", "ago", "late", "captured", "outcome", "becomes"),
    [
        ("Serving", 0, 360, 0, LOST, Step.NEEDS_HUMAN),
        ("Serving", 0, 359, 0, LOST, Step.UNKNOWN),
        ("Serving", 900, 0, 0, LOST, Step.UNKNOWN),
        ("Serving", 0, 900, 0, NotSent("no connection"), Step.UNKNOWN),
        ("AskedAndUndone", 360, 0, 0, LOST, Step.NEEDS_HUMAN),
        ("AskedAndUndone", 359, 0, 0, LOST, Step.UNKNOWN),
        ("AskedAndUndone", 900, 0, 5_500, LOST, Step.UNKNOWN),
        ("AskedAndUndone", 900, 360, 5_500, LOST, Step.NEEDS_HUMAN),
    ],
)
async def test_who_has_waited_too_long_is_counted_from_the_first_trouble(
    desk, kind, ago, late, captured, outcome, becomes
):
    """Where the gateway was asked all that time, from the approval; where it shows money, from the taking back."""
    changes = {"captured": captured} if captured else {}
    one = await Undo.made(await desk(kind), VOIDING, ago=ago, late=late, changes=changes)
    step, state = await one.hears(outcome)
    assert (step, state) == (becomes, "needs_human" if becomes is Step.NEEDS_HUMAN else "voiding")
    assert one.undo.message == getattr(outcome, "message", "") or outcome.why


@pytest.mark.parametrize(("tries", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 15), (6, 30), (7, 45), (40, 45)])
async def test_a_lost_answer_is_asked_for_less_and_less_often(desk, tries, seconds):
    at = await desk("Serving")
    one = await Undo.made(at)
    await at.write(lambda turn, _: turn.run("UPDATE operations SET tries = ? WHERE id = ?", tries, one.undo.id))
    one.undo, _ = await at.now(one.undo)
    assert await one.hears(LOST) == ("unknown", "voiding")
    assert (await at.seconds_until(one.undo), one.undo.code, one.undo.message) == (seconds, "9001", "잠시 후에")


async def test_a_person_is_told_and_the_order_is_left_to_the_payment_that_has_it(desk):
    at = await desk("Serving")
    one = await Undo.made(at)
    await at.payment_in(WAITS, like=one.payment)
    assert await one.hears(TooLate("5009")) == ("needs_human", "voiding"), "it may not hold the order as well"
    assert await one.cases() == ["unknown_outcome"]


async def test_only_what_is_unsure_becomes_a_persons_and_the_case_is_opened_in_any_state(desk):
    at = await desk("Serving")
    for state in WAYS:
        payment = await at.payment_in(state)
        await at.write(lambda turn, pen, one=payment: needs_human(turn, pen, one, "c", "m", "nobody knows"))
        becomes = "needs_human" if state in (UNKNOWN, VOIDING) else state
        assert (await at.world.state(payment.id), await at.world.cases(payment.id)) == (becomes, ["unknown_outcome"])


async def test_an_ended_payment_whose_net_cancel_first_found_nothing_and_then_money_is_a_persons(desk):
    at = await desk("Serving")
    for message, found, asked in ((NOTHING, Undone(), True), (NOTHING, NothingThere(), False), ("", Undone(), False)):
        payment = await at.payment_in(State.DECLINED)
        approve = await at.operation(payment, Kind.APPROVE, Step.FAIL, said={"refusal": True})
        await at.operation(payment, Kind.UNDO, Step.OK, message=message, target=approve.id)
        undo = await at.operation(payment, Kind.UNDO, Step.UNKNOWN, target=approve.id, reason="recheck")
        one = Undo(at, payment, approve, undo)
        assert await one.hears(found) == ("ok", "declined")
        assert await one.cases() == ["money_on_ended_payment"] * asked


@pytest.mark.parametrize("state", WAYS)
async def test_an_approval_is_taken_back_only_while_its_outcome_is_unknown(desk, state):
    at = await desk("Serving")
    payment = await at.payment_in(state)
    approve = await at.operation(payment, Kind.APPROVE, Step.UNKNOWN, said={"code": "odd", "message": "글쎄요"})
    undo = await at.write(lambda turn, recorder: intend_undo(turn, recorder, approve))
    after, payment = await at.now(approve)
    assert (undo is not None) is (state in (UNKNOWN, HUMAN))
    assert payment.state == ("voiding" if state is UNKNOWN else state)
    if undo is None:
        assert (after.tries, after.next_try_at) == (approve.tries, approve.next_try_at)
        return
    assert (undo.kind, undo.step, undo.target, undo.amount, undo.actor) == (
        "undo",
        "sent",
        approve.id,
        55_000,
        "bridge",
    )
    assert (await at.seconds_until(approve), after.code, after.message) == (600, "odd", "글쎄요")
    sent = await at.world.all("SELECT actor, was FROM audit WHERE event = 'undo.sent'")
    assert sent == [{"actor": "bridge", "was": "unknown"}] * (state is UNKNOWN)
    assert await at.write(lambda turn, recorder: intend_undo(turn, recorder, after)) is None, "once at a time"


async def test_a_refused_approval_stays_unknown_while_it_is_taken_back(desk):
    at = await desk("Serving")
    payment = await at.payment_in(UNKNOWN)
    approve = await at.operation(payment, Kind.APPROVE, Step.UNKNOWN, said={"refusal": True})
    assert await at.write(lambda turn, recorder: intend_undo(turn, recorder, approve)) is not None
    assert await at.world.state(payment.id) == "unknown"


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN])
async def test_money_proven_while_a_refused_approval_is_taken_back_is_no_payment_and_goes_back_in_the_books_too(
    desk, step
):
    at = await desk("Serving")
    one = await Undo.made(at, UNKNOWN, step, refusal=True)
    assert await at.tell(one.payment, Event.APPROVED) == APPROVAL_TOLD
    assert await one.hears(Undone()) == ("ok", "declined")
    assert await at.world.told(one.payment.id) == ["payment.failed"]
    assert await at.world.entries(one.payment.id) == []


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN])
async def test_a_further_call_of_a_net_cancel_is_sent_while_the_try_is_still_its_own(desk, step):
    """A gateway may need two calls to take money back: each is renewed under the number of its try."""
    at = await desk("Serving")
    context = at.world.context
    sealed = await at.sealed(SENT_BEFORE)
    one = await Undo.made(at, VOIDING, step, context_sealed=sealed)
    really, renewed = context.wire.converse, []

    async def converse(exchange, **how):
        renewed.append(await how["renew"]())
        return await really(exchange, **how)

    context.wire.converse = converse
    await undo_once(context, context.sites.get(one.payment.site), at.gateway, one.undo)
    assert len(renewed) == 1
    assert renewed[0] is not None
    assert await at.world.calls(one.payment.id) == ["undo"]


async def test_a_net_cancel_that_another_bridge_took_over_while_this_one_slept_is_not_sent(desk):
    at = await desk("Serving")
    context = at.world.context
    one = await Undo.made(at, VOIDING, Step.SENT, context_sealed=await at.sealed(SENT_BEFORE))
    await at.write(lambda turn, recorder: operations.step(turn, one.undo, Step.UNKNOWN, at=recorder.at))
    with pytest.raises(Conflict):
        await undo_once(context, context.sites.get(one.payment.site), at.gateway, one.undo)
    assert await at.world.calls(one.payment.id) == []


@pytest.mark.parametrize(
    ("fault", "becomes", "code", "message"),
    [
        ("", ("ok", "voided"), "", ""),
        (
            "taken_in",
            ("needs_human", "needs_human"),
            "accepted",
            "the gateway has taken the cancel in, and not made it yet",
        ),
        ("strange", ("unknown", "voiding"), "strange", "그렇게 안 돼요"),
        ("too_much", ("unknown", "voiding"), "too_much", "그렇게 안 돼요"),
    ],
)
async def test_a_refund_of_all_takes_back_where_there_is_no_net_cancel(desk, fault, becomes, code, message):
    at = await desk("Asked")
    context = at.world.context
    sealed = await at.sealed(SENT_BEFORE)
    one = await Undo.made(at, VOIDING, Step.SENT, changes={"captured": 5_500}, context_sealed=sealed, amount=5_500)
    at.world.teller.trades[one.payment.merchant_ref] = Trade(one.payment.merchant_ref, "T", 5_500, captured=5_500)
    if fault:
        at.world.teller.fail("refund", fault)
    await undo_once(context, context.sites.get(one.payment.site), at.gateway, one.undo)
    undo, payment = await at.now(one.undo)
    assert ((undo.step, payment.state), undo.code, undo.message) == (becomes, code, message)
    (asked,) = [said for op, said in at.world.teller.asked if op == "refund"]
    assert (asked["amount"], asked["full"]) == (5_500, True)
