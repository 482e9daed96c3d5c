"""What is asked of the gateway next, and what its answer leaves in the books, by the operation and by its step.

Of bridge.flows.settle_unknown, bridge.flows.inquire, bridge.flows.compare, bridge.flows.refund_again,
bridge.flows.refund and bridge.flows.probe.
"""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.clock import boot_mark, stamp, to_ms
from bridge.domain.failures import NotNow, PendingOutcome, RefundRefused, Replayed
from bridge.domain.gateway import Absent, Accepted, Done, NotSent, PerhapsPaid, Refused, Seen, Unknown, Unpaid
from bridge.domain.machine import TERMINAL, Evidence, Kind, State, Step
from bridge.domain.outcomes import PAY_BACK_ACCOUNT, PAY_BACK_WON
from bridge.domain.reasons import Reason
from bridge.flows.ask_fence import Fence
from bridge.flows.inquire import ABSENT_AT, BLIND, SEEN_AT, _record, inquire_once
from bridge.flows.open_checkout import Once
from bridge.flows.pace import quiet_ms
from bridge.flows.probe import _record as _record_probe
from bridge.flows.probe import write_unpaid
from bridge.flows.record import account_of
from bridge.flows.refund import RefundWish
from bridge.flows.refund import _begin as intend_refund
from bridge.flows.refund import _check as may_refund
from bridge.flows.refund import _record as _record_first
from bridge.flows.refund_again import _record as _record_again
from bridge.flows.refund_again import await_end, refund_to_person
from bridge.flows.settle_unknown import PUT_OFF_SECONDS, settle_payment
from bridge.ledger import operations
from tests.flows.test_accounts import TO
from tests.flows.test_tries import Talks
from tests.support.clock import later
from tests.support.desk import HUMAN, OPEN, SENT_BEFORE, UNKNOWN, VOIDING, WAITS, WAYS
from tests.support.teller import Trade
from tests.support.tellers import Probing

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

LOST = Unknown("no answer", "9001", "잠시 후에")
ACCEPTED = {"code": "accepted"}
PAID, PART = State.PAID, State.PART_REFUNDED
DAY = 86_400


async def settle(at, payment):
    """Take what is due of a payment up; answers what the gateway was asked."""
    context = at.world.context
    before = len(at.world.teller.asked)
    await settle_payment(context, context.sites.get(payment.site), payment.id)
    await at.world.quiet()
    return [op for op, _ in at.world.teller.asked[before:]]


@pytest.mark.parametrize(
    ("teller", "state", "kind", "said", "asked"),
    [
        ("Asked", UNKNOWN, Kind.APPROVE, {}, ["inquire"]),
        ("Mute", UNKNOWN, Kind.APPROVE, {}, []),
        ("Serving", UNKNOWN, Kind.APPROVE, {}, ["undo"]),
        ("AskedAndUndone", UNKNOWN, Kind.APPROVE, {}, ["inquire"]),
        ("AskedAndUndone", UNKNOWN, Kind.APPROVE, {"refusal": True}, ["undo"]),
        ("SelfTold", UNKNOWN, Kind.PROBE, {}, ["probe"]),
        ("SelfAsked", UNKNOWN, Kind.PROBE, {}, ["inquire"]),
        ("Accounts", WAITS, Kind.PROBE, {}, ["account_void"]),
        ("SelfTold", PAID, Kind.WITHDRAW, {}, ["probe"]),
        ("SelfTold", PAID, Kind.CHECK, {}, []),
        ("Asked", PAID, Kind.CHECK, {}, ["inquire"]),
        ("Asked", PAID, Kind.REFUND, {}, ["inquire"]),
        ("Asked", PAID, Kind.REFUND, {"refs": {BLIND: "1"}}, ["refund"]),
        ("Mute", PAID, Kind.REFUND, {}, ["refund"]),
        ("Mute", PAID, Kind.REFUND, ACCEPTED, []),
        ("Asked", PAID, Kind.REFUND, ACCEPTED, []),
    ],
)
async def test_who_is_asked_next_by_the_operation_and_what_its_gateway_can(desk, teller, state, kind, said, asked):
    at = await desk(teller)
    sealed = await at.sealed(SENT_BEFORE)
    for step in (Step.UNKNOWN, Step.NEEDS_HUMAN):
        opened = at.world.trade(await at.world.payment((await at.world.checkout()).payment))
        payment = await at.payment_in(state, refs={"number": "T", "requests": "T T2"})
        at.world.teller.trades[payment.merchant_ref] = opened
        more = {"context_sealed": sealed} if kind is Kind.APPROVE else {}
        operation = await at.operation(payment, kind, step, seconds=1, said=said, **more)
        assert await settle(at, payment) == [], "it is not due"
        await at.world.clock.forward(1)
        assert await settle(at, payment) == asked
        if kind is Kind.CHECK and not asked:
            assert await at.seconds_until(operation) == PUT_OFF_SECONDS, (
                "nobody can be asked: it stands in no one's way"
            )


@pytest.mark.parametrize("kind", [Kind.APPROVE, Kind.PROBE, Kind.REFUND, Kind.CHECK])
async def test_what_was_just_sent_is_its_senders_own(desk, kind):
    at = await desk("Asked")
    payment = await at.payment_in(PAID)
    await at.operation(payment, kind, Step.SENT, next_try_at=at.world.clock.now())
    assert await settle(at, payment) == []


@pytest.mark.parametrize(
    ("claimed", "said", "message", "asked"),
    [
        (False, {}, "", ["undo"]),
        (False, {"code": "c"}, "", ["inquire", "undo"]),
        (False, {}, "m", ["inquire", "undo"]),
        (True, {}, "", ["inquire", "undo"]),
    ],
)
async def test_a_net_cancel_is_asked_about_first_once_it_was_tried(desk, claimed, said, message, asked):
    """Also where nobody lived to hear the answer of what was claimed."""
    at = await desk("AskedAndUndone")
    sealed = await at.sealed(SENT_BEFORE)
    payment = await at.payment_in(VOIDING)
    approve = await at.operation(payment, Kind.APPROVE, Step.UNKNOWN, seconds=None)
    undo = await at.operation(payment, Kind.UNDO, Step.UNKNOWN, said=said, message=message,
                              target=approve.id, context_sealed=sealed)  # fmt: skip
    if claimed:
        await at.write(lambda turn, pen: operations.claim(turn, undo, "", pen.at))
    assert await settle(at, payment) == asked


async def test_a_net_cancel_that_an_inquiry_shows_done_is_not_sent_again(desk):
    at = await desk("AskedAndUndone")
    sealed = await at.sealed(SENT_BEFORE)
    payment = await at.payment_in(VOIDING)
    ref = payment.merchant_ref
    at.world.teller.trades[ref] = Trade(ref, "T", 55_000, captured=55_000, refunds=[55_000])
    approve = await at.operation(payment, Kind.APPROVE, Step.UNKNOWN, seconds=None)
    await at.operation(payment, Kind.UNDO, Step.UNKNOWN, message="m", target=approve.id, context_sealed=sealed)
    assert await settle(at, payment) == ["inquire"]
    assert await at.world.state(payment.id) == "voided"


@pytest.mark.parametrize(
    ("captured", "refunds", "found"),
    [
        (55_000, [], 0),
        (55_000, [55_000], 0),
        (110_000, [55_000], 55_000),
        (110_000, [], 55_000),
        (110_000, [110_000], 0),
    ],
)
async def test_a_second_charge_beside_what_a_net_cancel_took_back_is_found(desk, captured, refunds, found):
    """An inquiry may lag behind the net-cancel: that is counted as gone once, and no more."""
    at = await desk("AskedAndUndone")
    payment = await at.payment_in(State.VOIDED)
    ref = payment.merchant_ref
    at.world.teller.trades[ref] = Trade(ref, "T", 55_000, captured=captured, refunds=refunds)
    await at.operation(payment, Kind.UNDO, Step.OK)
    for _ in range(2):
        await at.operation(payment, Kind.CHECK, Step.UNKNOWN)
        assert await settle(at, payment) == ["inquire"]
        assert (await at.world.payment(payment.id)).orphaned == found
    assert await at.world.cases(payment.id) == (["money_on_ended_payment"] if found else [])


@pytest.mark.parametrize("step", [Step.UNKNOWN, Step.NEEDS_HUMAN])
async def test_an_approval_is_not_asked_about_while_it_is_being_taken_back(desk, step):
    at = await desk("AskedAndUndone")
    payment = await at.payment_in(VOIDING)
    approve = await at.operation(payment, Kind.APPROVE, Step.UNKNOWN, said={"code": "c", "message": "m"})
    await at.operation(payment, Kind.UNDO, step, seconds=60, target=approve.id)
    assert await settle(at, payment) == []
    after, _ = await at.now(approve)
    assert (await at.seconds_until(after), after.code, after.message) == (600, "c", "m")


@pytest.mark.parametrize(
    ("step", "ago", "becomes", "seconds"),
    [
        (Step.UNKNOWN, 0, "unknown", 360),
        (Step.UNKNOWN, 359, "unknown", 1),
        (Step.UNKNOWN, 360, "needs_human", None),
        (Step.NEEDS_HUMAN, 0, "needs_human", 600),
        (Step.NEEDS_HUMAN, DAY, "needs_human", 3_600),
    ],
)
async def test_an_approval_that_nobody_can_be_asked_about_waits_for_news_and_then_for_a_person(
    desk, step, ago, becomes, seconds
):
    at = await desk("Mute")
    payment = await at.payment_in(HUMAN if step is Step.NEEDS_HUMAN else UNKNOWN)
    said, sent_at = {"code": "c", "message": "m"}, at.world.clock.now() - timedelta(seconds=ago)
    approve = await at.operation(payment, Kind.APPROVE, step, said=said, sent_at=sent_at)
    assert await settle(at, payment) == []
    after, payment = await at.now(approve)
    assert (after.step, payment.state, await at.seconds_until(approve)) == (becomes, becomes, seconds)
    assert (after.code, after.message) == ("c", "m")
    asked = becomes == "needs_human" and step is Step.UNKNOWN
    assert await at.world.cases(payment.id) == ["unknown_outcome"] * asked


# ---- inquiries


class Asked:
    """An operation that is asked about."""

    def __init__(self, at, operation):
        self.at, self.operation = at, operation

    async def shows(self, outcome, seconds=0.0):
        """Write what an inquiry showed that was made so many seconds ago."""
        asked = later(stamp(self.at.world.clock), -seconds)

        def work(turn, recorder):
            _record(turn, recorder, self.at.gateway, self.operation, outcome, Fence(True), asked)

        await self.at.write(work)
        self.operation, payment = await self.at.now(self.operation)
        return self.operation.step, payment.state


async def asked_about(at, state, kind, step=Step.UNKNOWN, ago=0.0, **more):
    payment = await at.payment_in(state, **more.pop("changes", {}))
    sent_at = at.world.clock.now() - timedelta(seconds=ago)
    return payment, Asked(at, await at.operation(payment, kind, step, sent_at=sent_at, **more))


def quiet_seconds(at):
    return quiet_ms(at.world.context, at.gateway) / 1000


@pytest.mark.parametrize(
    ("teller", "state", "kind", "ends_as", "step"),
    [
        ("Asked", UNKNOWN, Kind.APPROVE, "declined", "fail"),
        ("Asked", HUMAN, Kind.APPROVE, "declined", "fail"),
        ("SelfAsked", OPEN, Kind.PROBE, "expired", "ok"),
        ("SelfAsked", UNKNOWN, Kind.PROBE, "declined", "ok"),
        ("Asked", PAID, Kind.REFUND, "paid", "fail"),
    ],
)
@pytest.mark.parametrize(("apart", "proves"), [(59.999, False), (60.0, True)])
async def test_absent_proves_it_twice_a_minute_apart_after_the_quiet_period_and_not_before(
    desk, teller, state, kind, ends_as, step, apart, proves
):
    at = await desk(teller)
    absent = Seen(55_000, 0) if kind is Kind.REFUND else Absent()
    was = Step.NEEDS_HUMAN if state is HUMAN else Step.UNKNOWN
    payment, asked = await asked_about(at, state, kind, was, said={"code": "c", "message": "m"})
    await at.world.clock.forward(quiet_seconds(at))
    assert await asked.shows(absent, seconds=0.001) == (was, state)
    assert asked.operation.refs == {}, "the quiet period was not over when it was asked"
    assert await asked.shows(absent) == (was, state)
    assert asked.operation.refs == {ABSENT_AT: boot_mark(at.world.clock)}
    assert await at.seconds_until(asked.operation) == (600 if state is HUMAN else 60)
    await at.world.clock.forward(apart)
    assert await asked.shows(absent) == ((step, ends_as) if proves else (was, state))
    if proves:
        assert asked.operation.evidence == "E5"
        after = await at.world.payment(payment.id)
        assert (after.code, after.message, after.reason) == (
            "",
            "",
            {"declined": "never_happened"}.get(ends_as, after.reason),
        )
        assert await at.world.entries(payment.id) == []


@pytest.mark.parametrize("how", ["seen before", "refused"])
async def test_absent_twice_ends_a_refusal_in_its_own_words_and_proves_nothing_of_what_was_seen(desk, how):
    at = await desk("Asked")
    said = {"refusal": True, "code": "c", "message": "m"} if how == "refused" else {"refs": {SEEN_AT: "1"}}
    payment, asked = await asked_about(at, UNKNOWN, Kind.APPROVE, ago=quiet_seconds(at), said=said)
    await asked.shows(Absent())
    await at.world.clock.forward(60)
    ended = await asked.shows(Absent())
    if how == "refused":
        after = await at.world.payment(payment.id)
        assert (ended, after.reason, after.code, after.message) == (("fail", "declined"), "declined", "c", "m")
    else:
        assert (ended, asked.operation.refs) == (("unknown", "unknown"), {SEEN_AT: "1"})


@pytest.mark.parametrize(
    ("outcome", "entries", "state"),
    [
        (Seen(55_000, 0), [("capture", 55_000, "E4")], "paid"),
        (Seen(55_000, None), [("capture", 55_000, "E4")], "paid"),
        (Seen(55_000, 1), [("capture", 55_000, "E4"), ("external_refund", -1, "E4")], "part_refunded"),
        (Seen(55_000, 54_999), [("capture", 55_000, "E4"), ("external_refund", -54_999, "E4")], "part_refunded"),
        (Seen(55_000, 55_000), [], "voided"),
        (Seen(5_500, 0), [("capture", 5_500, "E4")], "voiding"),
        (Seen(0, 0), [], "unknown"),
    ],
)
async def test_what_an_inquiry_shows_of_an_unknown_approval_is_in_the_books_to_the_won(desk, outcome, entries, state):
    at = await desk("Asked")
    payment, asked = await asked_about(at, UNKNOWN, Kind.APPROVE)
    _, became = await asked.shows(outcome)
    assert became == state
    assert await at.world.entries(payment.id) == entries
    if len(entries) == 2:
        causes = [row["cause"] for row in await at.world.all("SELECT cause FROM entries WHERE amount < 0")]
        assert causes == [f"external:{payment.id}:{outcome.refunded}"]
    if state == "voided":
        assert (asked.operation.evidence, asked.operation.message) == ("E4", "taken, and given back")
        seen = await at.world.all("SELECT actor, became FROM audit WHERE event = 'undo.seen'")
        assert seen == [{"actor": "bridge", "became": "voiding"}]


async def test_only_the_try_that_asked_last_writes_what_it_heard(desk):
    """Another may have tried since, or settled it: the books hear of one answer."""
    at = await desk("Asked")
    context = at.world.context
    site = context.sites.get(at.world.site.id)
    for meanwhile in ("nothing", "tried", "settled"):
        payment, asked = await asked_about(at, UNKNOWN, Kind.APPROVE)
        talks = Talks(at.world)
        talks.answers.append(Seen(55_000, 0))

        async def other(one=asked, what=meanwhile):
            now, _ = await at.now(one.operation)
            if what == "tried":
                await at.write(lambda turn, pen: operations.try_again(turn, now, next_try_at=pen.at))
            elif what == "settled":
                await at.write(lambda turn, pen: operations.step(
                    turn, now, Step.FAIL, at=pen.at, evidence=Evidence.E7))  # fmt: skip

        talks.meanwhile = other
        await inquire_once(context, site, at.gateway, asked.operation)
        paid = [("capture", 55_000, "E4")] if meanwhile == "nothing" else []
        assert await at.world.entries(payment.id) == paid


@pytest.mark.parametrize(
    ("amount", "before", "shown", "entries", "step"),
    [
        (20_000, 0, 0, [], "unknown"),
        (20_000, 0, 19_999, [("external_refund", -19_999, "E4")], "unknown"),
        (20_000, 0, 20_000, [("refund", -20_000, "E4")], "ok"),
        (20_000, 0, 20_001, [("refund", -20_000, "E4"), ("external_refund", -1, "E4")], "ok"),
        (35_000, 20_000, 20_000, [], "unknown"),
        (35_000, 20_000, 55_000, [("refund", -35_000, "E4")], "ok"),
    ],
)
async def test_what_was_given_back_in_all_tells_whether_this_refund_was_and_what_else(
    desk, amount, before, shown, entries, step
):
    at = await desk("Asked")
    state = PART if before else PAID
    payment, asked = await asked_about(at, state, Kind.REFUND, amount=amount)
    assert (await asked.shows(Seen(55_000, shown, {"n": "1"})))[0] == step
    assert sorted(await at.world.entries(payment.id)) == sorted(entries)
    assert (await at.world.payment(payment.id)).refunded == max(before, shown)
    more = shown - before - (amount if step == "ok" else 0)
    cases = await at.world.all("SELECT reason, amount FROM cases")
    assert cases == ([{"reason": "external_refund", "amount": more}] if more else [])
    if step == "ok":
        assert asked.operation.refs == {"n": "1"}
        (event,) = await at.world.all("SELECT actor FROM audit WHERE event = 'refund.done'")
        assert event["actor"] == "gateway"


async def test_less_than_a_refund_asked_for_is_past_the_bridge_and_the_refund_itself_a_persons_in_the_end(desk):
    at = await desk("Asked")
    payment, asked = await asked_about(at, PAID, Kind.REFUND, ago=360, amount=20_000)
    assert await asked.shows(Seen(55_000, 19_999)) == ("needs_human", "part_refunded")
    assert await at.world.entries(payment.id) == [("external_refund", -19_999, "E4")]
    assert sorted(await at.world.cases(payment.id)) == ["external_refund", "refund_unknown"]


@pytest.mark.parametrize(
    ("outcome", "amount", "step", "ago", "becomes", "seconds"),
    [
        (Seen(55_000, None), 55_000, Step.UNKNOWN, 0, "unknown", 0),
        (Seen(55_000, None), 20_000, Step.UNKNOWN, 0, "needs_human", 600),
        (Seen(55_000, None), 20_000, Step.NEEDS_HUMAN, 0, "needs_human", 600),
        (LOST, 20_000, Step.UNKNOWN, 359, "unknown", 2),
        (LOST, 20_000, Step.UNKNOWN, 360, "needs_human", 600),
        (NotSent("no connection"), 20_000, Step.UNKNOWN, 900, "unknown", 2),
        (LOST, 20_000, Step.NEEDS_HUMAN, 0, "needs_human", 600),
        (LOST, 20_000, Step.NEEDS_HUMAN, DAY, "needs_human", 3_600),
        (Absent(), 20_000, Step.UNKNOWN, 0, "unknown", 2),
    ],
)
async def test_a_refund_that_an_inquiry_does_not_settle_is_asked_about_again_or_a_persons(
    desk, outcome, amount, step, ago, becomes, seconds
):
    at = await desk("Asked")
    said = {"code": "c", "message": "m"}
    payment, asked = await asked_about(at, PAID, Kind.REFUND, step, ago=ago, amount=amount, said=said)
    assert (await asked.shows(outcome))[0] == becomes
    assert await at.seconds_until(asked.operation) == seconds
    assert (asked.operation.code, asked.operation.message) == ("c", "m")
    is_blind = isinstance(outcome, Seen) and amount == 55_000
    assert asked.operation.refs == ({BLIND: "1"} if is_blind else {})
    assert await at.world.cases(payment.id) == ["refund_unknown"] * (becomes != step)


@pytest.mark.parametrize(
    ("outcome", "captured", "step", "evidence", "refs"),
    [
        (Seen(55_000, 55_000), 0, "ok", "E4", set()),
        (Seen(55_000, 54_999), 0, "unknown", "", {SEEN_AT}),
        (Seen(55_000, None), 0, "unknown", "", {SEEN_AT}),
        (Absent(), 0, "unknown", "", {ABSENT_AT}),
        (Absent(), 5_500, "unknown", "", set()),
        (LOST, 0, "unknown", "", set()),
    ],
)
async def test_between_the_tries_to_take_back_an_inquiry_is_kept_in_mind(desk, outcome, captured, step, evidence, refs):
    at = await desk("AskedAndUndone")
    changes = {"captured": captured} if captured else {}
    payment = await at.payment_in(VOIDING, **changes)
    sent_at = at.world.clock.now() - timedelta(seconds=quiet_seconds(at))
    approve = await at.operation(payment, Kind.APPROVE, Step.UNKNOWN, sent_at=sent_at)
    said = {"code": "c", "message": "m"}
    undo = await at.operation(payment, Kind.UNDO, Step.UNKNOWN, seconds=30, target=approve.id, said=said)
    asked = Asked(at, undo)
    await asked.shows(outcome)
    now = asked.operation
    assert (now.step, now.evidence, now.refs.keys()) == (step, evidence, refs)
    if step == "unknown":
        assert (now.code, now.message, await at.seconds_until(now)) == ("c", "m", 0), "the net-cancel itself is due"
    if refs == {ABSENT_AT}:
        await at.world.clock.forward(59.999)
        assert await asked.shows(Absent()) == ("unknown", "voiding")
        await at.world.clock.forward(0.001)
        assert await asked.shows(Absent()) == ("ok", "voided")
        assert (asked.operation.evidence, asked.operation.message) == ("E5", "nothing there")
    if refs == {SEEN_AT}:
        await asked.shows(Absent())
        assert asked.operation.refs.keys() == {SEEN_AT}, "what was seen once is not absent"


# ---- refunds


@pytest.mark.parametrize(
    ("outcome", "sealed", "becomes", "event", "detail", "seconds"),
    [
        (
            Done({"n": "1"}),
            False,
            ("ok", "E1", ""),
            "refund.done",
            {"evidence": "E1", "reason": "", "amount": 20_000},
            None,
        ),
        (
            Done(already=True),
            False,
            ("ok", "E9", ""),
            "refund.done",
            {"evidence": "E9", "reason": "", "amount": 20_000},
            None,
        ),
        (
            Refused(Reason.AMOUNT, "7", "m"),
            False,
            ("fail", "E2", "7"),
            "refund.refused",
            {"code": "7", "message": "m"},
            None,
        ),
        (NotSent("why"), False, ("not_sent", "E3", ""), "refund.not_sent", {"reason": "why"}, None),
        (Accepted({"n": "1"}), True, ("unknown", "", "accepted"), "refund.accepted", {}, 60),
        (Accepted({"n": "1"}), False, ("unknown", "", "accepted"), "refund.accepted", {}, 14 * DAY),
        (Unknown("why", "9"), False, ("unknown", "", "9"), "refund.unknown", {"reason": "why", "code": "9"}, 0),
    ],
)
async def test_what_the_first_answer_to_a_refund_comes_to(desk, outcome, sealed, becomes, event, detail, seconds):
    at = await desk("Accounts")
    payment = await at.payment_in(PAID)
    account = await at.sealed({"bank": "088", "number": "1", "holder": "김"})
    refund = await at.operation(payment, Kind.REFUND, Step.SENT, amount=20_000,
                                context_sealed=account if sealed else "")  # fmt: skip
    await at.write(lambda turn, pen: _record_first(turn, pen, refund, outcome))
    after, payment = await at.now(refund)

    assert (after.step, after.evidence, after.code) == becomes
    assert await at.seconds_until(refund) == seconds
    (row,) = await at.world.all("SELECT actor, detail FROM audit WHERE event = ?", event)
    assert (row["actor"], json.loads(row["detail"])) == ("gateway", {"amount": 20_000} | detail)
    news = {"ok": ["payment.refunded"], "fail": ["payment.refund_refused"], "not_sent": ["payment.refund_refused"]}
    news |= {"unknown": ["payment.refund_accepted"]} if event == "refund.accepted" else {}
    assert await at.world.told(payment.id) == news.get(after.step, [])
    assert payment.refunded == (20_000 if after.step == "ok" else 0)


@pytest.mark.parametrize(
    ("outcome", "step", "ago", "becomes", "seconds"),
    [
        (Done({"n": "1"}), Step.NEEDS_HUMAN, 0, ("ok", "E1", ""), None),
        (Done(already=True), Step.UNKNOWN, 0, ("ok", "E9", ""), None),
        (Accepted({"n": "1"}), Step.UNKNOWN, 60, ("unknown", "", "accepted"), 14 * DAY - 60),
        (Accepted({"n": "1"}), Step.NEEDS_HUMAN, 0, ("needs_human", "", "accepted"), None),
        (LOST, Step.UNKNOWN, 359, ("unknown", "", "9001"), 1),
        (LOST, Step.UNKNOWN, 360, ("needs_human", "", "c"), 600),
        (NotSent("why"), Step.UNKNOWN, 900, ("unknown", "", ""), 1),
        (LOST, Step.NEEDS_HUMAN, 0, ("needs_human", "", "9001"), 600),
        (LOST, Step.NEEDS_HUMAN, DAY, ("needs_human", "", "9001"), 3_600),
    ],
)
async def test_what_the_answer_to_a_refund_that_was_sent_again_comes_to(desk, outcome, step, ago, becomes, seconds):
    at = await desk("Mute")
    payment, one = await asked_about(at, PAID, Kind.REFUND, step, ago=ago, said={"code": "c", "message": "m"})
    await at.write(lambda turn, pen: _record_again(turn, pen, at.gateway, one.operation, outcome))
    after, payment = await at.now(one.operation)
    assert (after.step, after.evidence, after.code) == becomes
    if isinstance(outcome, NotSent):
        assert after.message == outcome.why
    assert await at.seconds_until(after) == seconds
    assert payment.state == ("refunded" if after.step == "ok" else "paid")
    assert await at.world.cases(payment.id) == ["refund_unknown"] * (
        after.step == "needs_human" and step is Step.UNKNOWN
    )
    done = await at.world.all("SELECT actor FROM audit WHERE event = 'refund.done'")
    assert done == [{"actor": "gateway"}] * (after.step == "ok")


@pytest.mark.parametrize(
    ("step", "days", "becomes", "seconds"),
    [
        (Step.UNKNOWN, 13.5, "unknown", DAY / 2),
        (Step.UNKNOWN, 14, "needs_human", None),
        (Step.NEEDS_HUMAN, 20, "needs_human", None),
        (Step.NEEDS_HUMAN, 1, "needs_human", None),
    ],
)
async def test_a_refund_that_was_taken_in_is_waited_for_two_weeks_and_then_a_persons_once(
    desk, step, days, becomes, seconds
):
    at = await desk("Mute")
    owed = {PAY_BACK_WON: "55000", PAY_BACK_ACCOUNT: "페이은행 123"}
    said = ACCEPTED | {"message": "m", "refs": owed}
    payment, one = await asked_about(at, PAID, Kind.REFUND, step, ago=days * DAY, said=said, amount=20_000)
    await at.write(lambda turn, pen: await_end(turn, pen, one.operation))
    after, payment = await at.now(one.operation)
    assert (after.step, after.code, after.message, await at.seconds_until(after)) == (becomes, "accepted", "m", seconds)
    told = [
        json.loads(row["detail"]) for row in await at.world.all("SELECT detail FROM audit WHERE event LIKE 'refund.%'")
    ]
    asks = becomes == "needs_human" and step is Step.UNKNOWN
    assert told == [{"amount": 20_000, "pay_back": {"amount": 55_000, "account": "페이은행 123"}}] * asks
    assert await at.world.cases(payment.id) == ["refund_unknown"] * asks


@pytest.mark.parametrize(
    ("teller", "amount", "may_ask", "seconds"),
    [
        ("Mute", 20_000, False, None),
        ("Mute", 20_000, True, 600),
        ("Mute", 55_000, False, 600),
        ("Asked", 20_000, False, 600),
    ],
)
async def test_a_persons_refund_is_looked_at_again_where_somebody_can_be_asked(desk, teller, amount, may_ask, seconds):
    at = await desk(teller)
    payment, one = await asked_about(at, PAID, Kind.REFUND, amount=amount, said={"code": "c", "message": "m"})
    await at.write(lambda turn, pen: refund_to_person(turn, pen, payment, one.operation, may_ask=may_ask))
    after, payment = await at.now(one.operation)
    assert (after.step, after.code, after.message) == ("needs_human", "c", "m")
    assert await at.seconds_until(after) == seconds
    (row,) = await at.world.all("SELECT actor, detail FROM audit WHERE event = 'refund.needs_human'")
    assert (row["actor"], json.loads(row["detail"])) == ("bridge", {"amount": amount, "message": "m"})


@pytest.mark.parametrize("state", WAYS)
async def test_only_what_is_paid_is_refunded_and_only_while_nothing_else_is_under_way(desk, state):
    at = await desk("Mute")
    payment = await at.payment_in(state)
    wish = RefundWish(payment.id, None, "고객 요청", "wp:7")
    if state in (PAID, PART):
        await at.write(lambda turn, pen: may_refund(turn, pen, payment, wish))
    else:
        with pytest.raises(NotNow, match=f"in state {state} cannot be refunded"):
            await at.write(lambda turn, pen: may_refund(turn, pen, payment, wish))
    await at.operation(payment, Kind.WITHDRAW, Step.UNKNOWN)
    await at.operation(payment, Kind.PROBE, Step.UNKNOWN)
    with pytest.raises(NotNow if state in TERMINAL else PendingOutcome):
        await at.write(lambda turn, pen: may_refund(turn, pen, payment, wish))


@pytest.mark.parametrize(
    ("teller", "state", "amount", "account", "refused"),
    [
        ("Mute", PAID, 55_000, None, ""),
        ("Mute", PAID, 1, None, ""),
        ("Mute", PAID, 55_001, None, "At most 55000 KRW"),
        ("Mute", PART, 35_000, None, ""),
        ("Mute", PART, 35_001, None, "At most 35000 KRW"),
        ("Mute", PAID, 55_000, TO, "makes no transfers"),
        ("Accounts", PAID, 55_000, None, "cannot be refunded through the gateway"),
        ("Accounts", PAID, 55_000, TO, ""),
        ("Accounts", PART, 1, TO, ""),
        ("Accounts", PART, 35_001, TO, "At most 35000 KRW"),
        ("Unnamed", PAID, 55_000, TO, "makes no transfers of this payment"),
    ],
)
async def test_no_more_is_refunded_than_is_left_and_only_the_way_that_the_gateway_goes(
    desk, teller, state, amount, account, refused
):
    at = await desk(teller)
    payment = await at.payment_in(state)
    wish = RefundWish(payment.id, amount, "고객 요청", "operator:narae", account=account)
    if not refused:
        await at.write(lambda turn, pen: may_refund(turn, pen, payment, wish))
        return
    with pytest.raises(RefundRefused, match=refused) as error:
        await at.write(lambda turn, pen: may_refund(turn, pen, payment, wish))
    if "At most" in refused:
        assert error.value.extra["refundable"] == payment.left


@pytest.mark.parametrize(("amount", "asked"), [(None, 55_000), (20_000, 20_000)])
async def test_the_intent_of_a_refund_is_in_the_books_before_anything_is_sent_and_once_for_its_key(desk, amount, asked):
    at = await desk("Accounts")
    payment = await at.payment_in(PAID)
    wish = RefundWish(payment.id, amount, "고객 요청", "operator:narae", items=("A1",) if amount else (), account=TO)
    once = Once("k", "nonce", to_ms(at.world.clock.now()) + 60_000, "ab" * 16, "digest")
    refund, is_new = await at.write(lambda turn, pen: intend_refund(turn, pen, wish, once, None))
    kept, after = await at.now(refund)
    assert (is_new, kept.kind, kept.step, kept.amount) == (True, "refund", "sent", asked)
    assert (kept.actor, kept.reason, kept.items) == ("operator:narae", "고객 요청", wish.items)
    assert (kept.idempotency_key, kept.owner, kept.sent_at) == ("ab" * 16, at.world.context.owner, at.world.clock.now())
    assert kept.ref != payment.merchant_ref
    assert await at.write(lambda _, pen: account_of(pen, kept)) == TO
    assert (after.state, after.refunded) == ("paid", 0)
    (row,) = await at.world.all("SELECT actor, detail FROM audit WHERE event = 'refund.sent'")
    assert (row["actor"], json.loads(row["detail"])) == ("operator:narae", {"amount": asked, "reason": "고객 요청"})
    with pytest.raises(Replayed):
        await at.write(lambda turn, pen: intend_refund(turn, pen, wish, once, None))
    again, is_new = await at.write(lambda turn, pen: intend_refund(turn, pen, wish, replace(once, nonce="other"), None))
    assert (again.id, is_new) == (refund.id, False)


async def test_a_transfer_whose_gateway_makes_none_any_more_is_a_persons(desk):
    at = await desk("Mute")
    payment, asked = await asked_about(at, PAID, Kind.REFUND, context_sealed=await at.sealed({"number": "1"}))
    assert await settle(at, payment) == []
    assert (await at.now(asked.operation))[0].step == "needs_human"
    assert await at.world.cases(payment.id) == ["refund_unknown"]


# ---- withdrawals


@pytest.mark.parametrize(
    ("state", "ends_as", "told"),
    [
        (OPEN, "expired", ["payment.failed"]),
        (UNKNOWN, "declined", ["payment.failed"]),
        (HUMAN, "declined", ["payment.failed"]),
        (PAID, "paid", []),
        (WAITS, "awaiting_deposit", []),
    ],
)
async def test_a_request_that_ended_unpaid_ends_its_payment_and_says_nothing_of_one_that_was_made(
    desk, state, ends_as, told
):
    at = await desk("SelfTold")
    payment, one = await asked_about(at, state, Kind.PROBE)
    await at.write(lambda turn, pen: pen.case(turn, payment, "unknown_outcome", "nobody knows"))
    await at.write(lambda turn, pen: write_unpaid(turn, pen, payment, one.operation, Evidence.E6, "2001"))
    after, payment = await at.now(one.operation)
    assert (after.step, after.evidence, after.code, payment.state) == ("ok", "E6", "2001", ends_as)
    assert (payment.code, payment.message) == ("", ""), "no gateway has declined it"
    assert payment.reason == {"expired": "expired", "declined": "never_happened"}.get(ends_as, "")
    assert await at.world.told(payment.id) == told
    assert await at.world.cases(payment.id) == []


@pytest.mark.parametrize(
    ("outcome", "step", "state", "ago", "becomes", "seconds"),
    [
        (Unpaid("2001"), Step.UNKNOWN, OPEN, 0, ("ok", "expired"), None),
        (PerhapsPaid("no", "왜"), Step.UNKNOWN, OPEN, 0, ("unknown", "unknown"), 2),
        (LOST, Step.UNKNOWN, OPEN, 0, ("unknown", "open"), 2),
        (LOST, Step.UNKNOWN, OPEN, 359, ("unknown", "open"), 2),
        (LOST, Step.UNKNOWN, OPEN, 360, ("needs_human", "needs_human"), 600),
        (NotSent("why"), Step.UNKNOWN, OPEN, 900, ("unknown", "open"), 2),
        (LOST, Step.NEEDS_HUMAN, HUMAN, 0, ("needs_human", "needs_human"), 600),
        (LOST, Step.NEEDS_HUMAN, UNKNOWN, 0, ("needs_human", "needs_human"), 600),
        (LOST, Step.NEEDS_HUMAN, HUMAN, DAY, ("needs_human", "needs_human"), 3_600),
    ],
)
async def test_what_the_answer_to_a_withdrawal_comes_to(desk, outcome, step, state, ago, becomes, seconds):
    at = await desk("SelfTold")
    _, one = await asked_about(at, state, Kind.PROBE, step, ago=ago)
    await at.write(lambda turn, pen: _record_probe(turn, pen, at.gateway, one.operation, outcome, ()))
    after, payment = await at.now(one.operation)
    assert (after.step, payment.state) == becomes
    assert await at.seconds_until(after) == seconds
    assert (after.code, after.message) == (
        getattr(outcome, "code", ""),
        "" if after.step == "ok" else getattr(outcome, "message", "") or getattr(outcome, "why", ""),
    )
    asks = payment.state == "needs_human" and state is not HUMAN
    assert await at.world.cases(payment.id) == ["unknown_outcome"] * asks


@pytest.mark.parametrize(
    ("outcome", "asked", "requests", "state", "seconds"),
    [
        (Unpaid("", "1"), ("1", "2", "3"), ("2", "3"), "open", 0),
        (Unpaid("", "1"), ("1",), (), "expired", None),
        (Unpaid(""), ("1", "2"), ("1", "2", "3"), "expired", None),
        (LOST, ("9", "2"), ("1", "2", "3"), "open", 0),
        (LOST, ("1", "2", "3"), ("1", "2", "3"), "open", 0),
    ],
)
async def test_each_of_several_requests_is_withdrawn_and_none_waits_for_another(
    desk, outcome, asked, requests, state, seconds
):
    at = await desk("SelfTold")
    kept = "1" if asked == ("1",) else "1 2 3"
    _, one = await asked_about(at, OPEN, Kind.PROBE, seconds=70, changes={"refs": {"requests": kept}})
    await at.write(lambda turn, pen: _record_probe(turn, pen, at.gateway, one.operation, outcome, asked))
    after, payment = await at.now(one.operation)
    assert (payment.requests, payment.state, await at.seconds_until(after)) == (requests, state, seconds)


async def test_a_withdrawal_of_what_is_left_over_keeps_what_the_gateway_said_last(desk):
    at = await desk("SelfTold")
    at.world.teller.always["probe"] = "strange"
    payment, left = await asked_about(at, PAID, Kind.WITHDRAW, changes={"refs": {"number": "T", "requests": "T T2"}})
    await settle(at, payment)
    after, _ = await at.now(left.operation)
    assert (after.step, after.code) == ("unknown", "strange")
    assert after.message == "the probe was answered with a code that proves nothing"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [(Absent(), "Absent"), (LOST, "9001 잠시 후에"), (Unknown("no answer"), "Unknown no answer")],
)
async def test_the_case_of_an_approval_that_stays_unknown_says_what_was_answered_last(desk, outcome, words):
    at = await desk("Asked")
    _, asked = await asked_about(at, UNKNOWN, Kind.APPROVE, ago=361)
    await asked.shows(outcome)
    (case,) = await at.world.all("SELECT detail FROM cases")
    assert case == {"detail": f"the gateway's inquiry settled nothing: {words}"}


async def test_each_try_to_withdraw_is_about_the_next_request(desk, monkeypatch):
    at = await desk("SelfTold")
    at.world.teller.always["probe"] = "strange"
    really, asked = Probing.probe_unpaid, []

    def probe_unpaid(gateway, payment, stamp):
        asked.append(payment.requests[0])
        return really(gateway, payment, stamp)

    monkeypatch.setattr(Probing, "probe_unpaid", probe_unpaid)
    payment, _ = await asked_about(at, OPEN, Kind.PROBE, changes={"refs": {"number": "T", "requests": "1 2"}})
    for _ in range(3):
        await settle(at, payment)
        await at.world.clock.forward(60)
    assert asked == ["1", "2", "1"]


async def test_a_further_call_of_a_withdrawal_is_sent_while_the_try_is_still_its_own(desk):
    at = await desk("SelfTold")
    at.world.teller.always["probe"] = "strange"
    payment, _ = await asked_about(at, OPEN, Kind.PROBE, changes={"refs": {"number": "T"}})
    wire, renewed = at.world.context.wire, []
    really = wire.converse

    async def converse(exchange, **how):
        renewed.append(await how["renew"]() is not None)
        return await really(exchange, **how)

    wire.converse = converse
    await settle(at, payment)
    assert renewed == [True]


@pytest.mark.parametrize(("tries", "seconds"), [(1, 0), (3, 0), (4, 3), (6, 10)])
async def test_once_each_request_was_asked_about_the_tries_are_paced(desk, tries, seconds):
    at = await desk("SelfTold")
    _, one = await asked_about(at, OPEN, Kind.PROBE, changes={"refs": {"requests": "1 2 3"}})
    await at.write(lambda turn, _: turn.run("UPDATE operations SET tries = ? WHERE id = ?", tries, one.operation.id))
    now, _ = await at.now(one.operation)
    await at.write(lambda turn, pen: _record_probe(turn, pen, at.gateway, now, LOST, ("1",)))
    assert await at.seconds_until(now) == seconds
