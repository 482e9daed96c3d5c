"""Tries at what nobody knows: claimed for as long as they take, paced, and what the gateway said is kept for people."""

import json
from datetime import timedelta

import pytest

from bridge.clock import now_ms, to_ms
from bridge.domain.exchange import Stamp
from bridge.domain.failures import Conflict
from bridge.domain.gateway import (
    Absent,
    Accepted,
    NothingThere,
    NotSent,
    PerhapsPaid,
    Refused,
    Seen,
    TooLate,
    Undone,
    Unknown,
)
from bridge.domain.machine import Evidence, Kind, Step
from bridge.domain.outcomes import PAY_BACK_ACCOUNT, PAY_BACK_WON
from bridge.domain.payment import Mode
from bridge.domain.reasons import Reason
from bridge.flows.inquire import inquire_once, takes_back_first
from bridge.flows.pace import quiet_ms
from bridge.flows.probe import probe_once
from bridge.flows.record import Recorder
from bridge.flows.refund_again import refund_again
from bridge.flows.settle_unknown import settle_payment
from bridge.flows.undo import undo_once
from bridge.ledger import operations, payments
from bridge.ledger.operations import Operation
from bridge.wire.converse import Conversation
from tests.support import tellers
from tests.support.clock import NOW

DEADLINE_SECONDS, SPARE_SECONDS = 40, 30
TRIES = {"inquire": inquire_once, "undo": undo_once, "refund": refund_again, "probe": probe_once}


class Talks:
    """The bridge's talks with the gateway: what the books say while each is under way, and answers given for it."""

    def __init__(self, world):
        self._world, self._really = world, world.context.wire.converse
        self.answers, self.meanwhile, self.heard = [], None, []
        world.context.wire.converse = self.converse

    async def converse(self, exchange, **how):
        if self.answers:
            exchange.close()
            conversation = Conversation(self.answers.pop(0))
        else:
            conversation = await self._really(exchange, **how)
        rows = await self._world.all("SELECT * FROM operations ORDER BY id")
        op = self._world.teller.asked[-1][0] if self._world.teller.asked else ""
        self.heard.append((op, how["deadline_seconds"], {row["kind"]: row for row in rows}))
        if self.meanwhile is not None:
            work, self.meanwhile = self.meanwhile, None
            await work()
        return conversation


async def operation_of(world, payment_id, kind):
    return next(one for one in await world.operations(payment_id) if one.kind == kind)


async def try_once(world, op, operation):
    """Take one try at an operation, now."""
    site = world.context.sites.get(operation.site)
    payment = await world.payment(operation.payment)
    await TRIES[op](world.context, site, site.gateway(payment.gateway), operation)


def seconds_until(world, operation):
    """How long it is until an operation's next try."""
    return round((operation.next_try_at - world.clock.now()).total_seconds(), 1)


async def detail_of(world, payment_id, event):
    """Read what the audit says beside the last event of that name."""
    rows = await world.all("SELECT detail FROM audit WHERE payment = ? AND event = ? ORDER BY seq", payment_id, event)
    return json.loads(rows[-1]["detail"])


async def case_detail(world, payment_id, reason):
    (row,) = await world.all("SELECT detail FROM cases WHERE payment = ? AND reason = ?", payment_id, reason)
    return row["detail"]


async def pending(world, op):
    """Begin a history that ends with an operation nobody knows the outcome of; gives the payment and the kind."""
    kinds = {"inquire": ("Asked", "approve"), "undo": ("AskedAndUndone", "undo")}
    teller, kind = kinds.get(op, {"refund": ("Mute", "refund"), "probe": ("SelfTold", "probe")}.get(op))
    await world.pair_teller(teller)
    world.teller.always[op] = "strange"
    if op == "probe":
        opened = await world.checkout()
        await world.live(950, step=10)
        while not world.teller.calls[op]:
            await world.live(1, step=1)
        return await world.payment(opened.payment), kind
    if op in ("inquire", "undo"):
        world.teller.fail("approve", "odd")
    payment = await world.buy_at_teller()
    if op == "refund":
        await world.refund(payment.id)
        await world.quiet()
    return payment, kind


@pytest.mark.parametrize("op", TRIES)
async def test_a_try_is_nobody_elses_until_its_deadline_and_keeps_what_was_said_before(world, op):
    payment, kind = await pending(world, op)
    said = await operation_of(world, payment.id, kind)
    assert said.code
    assert said.message
    talks = Talks(world)
    if said.next_try_at is not None and said.next_try_at > world.clock.now():
        await world.clock.forward(seconds_until(world, said))
    await try_once(world, op, said)

    heard, deadline_seconds, rows = talks.heard[-1]
    claimed_ms = rows[kind]["next_try_at"] - now_ms(world.clock)
    assert heard == op
    assert claimed_ms == (DEADLINE_SECONDS + SPARE_SECONDS) * 1000
    assert deadline_seconds == (30 if op == "inquire" else DEADLINE_SECONDS)
    assert (rows[kind]["code"], rows[kind]["message"]) == (said.code, said.message)
    assert rows[kind]["tries"] == said.tries + 1


@pytest.mark.parametrize("op", TRIES)
async def test_two_who_take_up_the_same_try_send_it_once(world, op):
    payment, kind = await pending(world, op)
    operation = await operation_of(world, payment.id, kind)
    await try_once(world, op, operation)
    before = world.teller.calls[op]
    with pytest.raises(Conflict):
        await try_once(world, op, operation)

    assert world.teller.calls[op] == before


@pytest.mark.parametrize(
    ("op", "answer", "code", "message"),
    [
        ("undo", Unknown("it proves nothing", "9001", "잠시 후에"), "9001", "잠시 후에"),
        ("undo", Unknown("it proves nothing", "9001"), "9001", "it proves nothing"),
        ("undo", NotSent("no connection"), "", "no connection"),
        ("refund", Unknown("it proves nothing", "9001", "잠시 후에"), "9001", "잠시 후에"),
        ("refund", Unknown("it proves nothing", "9001"), "9001", "it proves nothing"),
        ("refund", NotSent("no connection"), "", "no connection"),
        ("refund", Refused(Reason.AMOUNT, "too_much", "남지 않았어요"), "too_much", "남지 않았어요"),
        ("refund", Refused(Reason.AMOUNT, "too_much", ""), "too_much", "the gateway did not let us ask again"),
        ("probe", PerhapsPaid("not_cancellable"), "not_cancellable", ""),
        ("probe", Unknown("it proves nothing", "9001", "잠시 후에"), "9001", "잠시 후에"),
        ("probe", Unknown("it proves nothing", "9001"), "9001", "it proves nothing"),
        ("probe", NotSent("no connection"), "", "no connection"),
        ("probe", PerhapsPaid("not_cancellable", "결제됐어요"), "not_cancellable", "결제됐어요"),
    ],
)
async def test_a_try_that_proves_nothing_is_repeated_and_its_words_are_kept(world, op, answer, code, message):
    payment, kind = await pending(world, op)
    operation = await operation_of(world, payment.id, kind)
    Talks(world).answers.append(answer)
    await try_once(world, op, operation)
    after = await operation_of(world, payment.id, kind)

    assert after.step is Step.UNKNOWN
    assert (after.code, after.message) == (code, message)
    assert 0 < seconds_until(world, after) <= 60


@pytest.mark.parametrize(
    ("op", "seconds"),
    [
        ("probe", [2, 5, 15, 60]),
        ("inquire", [2, 5, 15, 45, 90]),
        ("undo", [1, 9, 54, 99]),
        ("refund", [2, 10, 40, 85]),
    ],
)
async def test_tries_come_fast_at_first_and_then_slowly(world, op, seconds):
    await pending(world, op)
    before, tried = world.teller.calls[op], []
    for second in range(1, 111):
        await world.live(1, step=1)
        tried += [second] * (world.teller.calls[op] - before)
        before = world.teller.calls[op]

    assert tried == pytest.approx(seconds, abs=2)


async def test_nothing_there_soon_after_a_lost_approval_is_tried_again_and_nobody_is_told_that_it_failed(world):
    await world.pair_teller("Serving")
    world.teller.fail("approve", "lost_before")
    world.teller.always["undo"] = "strange"
    payment = await world.buy_at_teller()
    Talks(world).answers.append(NothingThere("404"))
    await try_once(world, "undo", await operation_of(world, payment.id, "undo"))
    undo = await operation_of(world, payment.id, "undo")

    assert (undo.step, undo.code, undo.message) == (Step.UNKNOWN, "404", "")
    assert seconds_until(world, undo) == 45
    assert await world.told(payment.id) == ["payment.confirming"]


@pytest.mark.parametrize("op", ["undo", "refund"])
async def test_a_notice_that_settles_it_while_it_is_tried_again_is_not_undone_by_the_answer(world, op):
    payment, kind = await pending(world, op)
    operation = await operation_of(world, payment.id, kind)
    talks = Talks(world)

    async def settle():
        recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))

        def work(turn):
            current = operations.get(turn, world.site.id, operation.id)
            operations.step(turn, current, Step.OK, at=recorder.at, evidence=Evidence.E7)

        await world.context.ledger.write(work)

    talks.meanwhile = settle
    talks.answers.append(Unknown("it proves nothing", "9001"))
    await try_once(world, op, operation)
    after = await operation_of(world, payment.id, kind)

    assert (after.step, after.evidence, after.next_try_at) == (Step.OK, "E7", None)


async def test_a_cancel_that_was_taken_in_is_not_sent_again(world):
    payment, _ = await pending(world, "refund")
    operation = await operation_of(world, payment.id, "refund")
    Talks(world).answers.append(Accepted({}))
    await try_once(world, "refund", operation)
    after = await operation_of(world, payment.id, "refund")
    assert (after.step, after.code) == (Step.UNKNOWN, "accepted")
    assert after.next_try_at == after.sent_at + timedelta(days=14), "when a person is asked"
    before = world.teller.calls["refund"]
    await world.live(700, step=20)

    assert world.teller.calls["refund"] == before


OWED = {PAY_BACK_WON: "55000", PAY_BACK_ACCOUNT: "페이은행 123"}


async def test_what_must_be_wired_is_told_though_the_refund_was_a_persons_already(world):
    payment, _ = await pending(world, "refund")
    operation = await operation_of(world, payment.id, "refund")
    await world.context.ledger.write(
        lambda turn: operations.step(turn, operation, Step.NEEDS_HUMAN, at=now_ms(world.clock), next_try_at=0)
    )
    Talks(world).answers.append(Accepted(OWED))
    await try_once(world, "refund", await operation_of(world, payment.id, "refund"))
    (shown,) = (await world.call("GET", f"/v1/payments/{payment.id}")).json()["refunds"]

    assert (await operation_of(world, payment.id, "refund")).step is Step.NEEDS_HUMAN
    assert (shown["state"], shown["pay_back"]) == ("accepted", {"amount": 55_000, "account": "페이은행 123"})


async def test_what_must_be_wired_before_an_approval_is_taken_back_is_told(world):
    payment, _ = await pending(world, "undo")
    Talks(world).answers.append(Accepted(OWED))
    await try_once(world, "undo", await operation_of(world, payment.id, "undo"))
    undo = await operation_of(world, payment.id, "undo")

    assert (undo.step, undo.code, undo.next_try_at, undo.refs) == (Step.NEEDS_HUMAN, "accepted", None, OWED)
    told = (await detail_of(world, payment.id, "payment.needs_human"))["pay_back"]
    assert told == {"amount": 55_000, "account": "페이은행 123"}
    assert "wire 55000 KRW to 페이은행 123 first" in await case_detail(world, payment.id, "unknown_outcome")


async def test_a_net_cancel_that_came_too_late_is_a_persons_at_once_and_tried_every_ten_minutes(world):
    payment, _ = await pending(world, "undo")
    talks = Talks(world)
    talks.answers.append(TooLate("5009"))
    await try_once(world, "undo", await operation_of(world, payment.id, "undo"))
    undo, approve = [await operation_of(world, payment.id, kind) for kind in ("undo", "approve")]

    assert (undo.step, undo.code, undo.refusal) == (Step.NEEDS_HUMAN, "5009", True)
    assert seconds_until(world, undo) == 600
    assert (approve.step, approve.code, approve.message) == (Step.NEEDS_HUMAN, "odd", "그렇게 안 돼요")
    assert await world.state(payment.id) == "needs_human"
    assert await detail_of(world, payment.id, "payment.needs_human") == {"code": "5009", "message": ""}
    assert await case_detail(world, payment.id, "unknown_outcome") == "net-cancel settled nothing: 5009"
    await world.clock.forward(601)
    talks.answers.append(TooLate("5010"))
    await try_once(world, "undo", undo)
    undo = await operation_of(world, payment.id, "undo")
    assert (undo.step, undo.code) == (Step.NEEDS_HUMAN, "5010")
    assert seconds_until(world, undo) == 600
    talks.answers.append(Undone())
    await try_once(world, "undo", undo)

    approve = await operation_of(world, payment.id, "approve")
    assert (approve.step, approve.evidence, approve.code) == (Step.FAIL, "E10", "odd")
    assert await world.state(payment.id) == "declined"
    undos = [one for one in await world.operations(payment.id) if one.kind is Kind.UNDO]
    assert sorted((one.reason, one.step) for one in undos) == [("", "ok"), ("recheck", "unknown")]
    assert await world.cases(payment.id) == []


async def test_while_an_approval_is_taken_back_nobody_asks_about_it_for_ten_minutes(world):
    payment, _ = await pending(world, "undo")
    approve = await operation_of(world, payment.id, "approve")
    assert seconds_until(world, approve) == 600
    await world.clock.forward(601)
    before = world.teller.calls["approve"], world.teller.calls["inquire"]
    undo = await operation_of(world, payment.id, "undo")
    later = to_ms(world.clock.now() + timedelta(hours=1))

    def postpone(turn):
        operations.try_again(turn, undo, next_try_at=later, code=undo.code, message=undo.message)

    await world.context.ledger.write(postpone)
    await settle_payment(world.context, world.context.sites.get(world.site.id), payment.id)
    after = await operation_of(world, payment.id, "approve")

    assert seconds_until(world, after) == 600
    assert (after.code, after.message) == (approve.code, approve.message)
    assert (world.teller.calls["approve"], world.teller.calls["inquire"]) == before


@pytest.mark.parametrize("op", TRIES)
async def test_what_is_not_due_yet_is_not_tried(world, op):
    payment, kind = await pending(world, op)
    before = world.teller.calls.copy()
    assert seconds_until(world, await operation_of(world, payment.id, kind)) > 0
    await settle_payment(world.context, world.context.sites.get(world.site.id), payment.id)

    assert world.teller.calls == before


async def test_a_net_cancel_without_answer_is_asked_about_before_it_is_repeated(world):
    await pending(world, "undo")
    talks = Talks(world)
    await world.live(2, step=1)
    said = [(op, rows["undo"]["code"], rows["undo"]["message"]) for op, _, rows in talks.heard]

    assert [op for op, _ in world.teller.asked] == ["open", "approve", "undo", "inquire", "undo"]
    assert said == [(op, "strange", "undo proves nothing") for op in ("inquire", "undo")], "kept across the inquiry"


async def test_what_can_be_asked_nothing_waits_for_its_notice_and_then_for_a_person(world):
    await world.pair_teller("Mute")
    world.teller.fail("approve", "lost_before")
    payment = await world.buy_at_teller()
    approve = await operation_of(world, payment.id, "approve")
    assert (approve.step, seconds_until(world, approve)) == (Step.UNKNOWN, 360)
    await world.live(350, step=50)
    await world.live(11, step=1)
    approve = await operation_of(world, payment.id, "approve")

    assert (approve.step, approve.next_try_at) == (Step.NEEDS_HUMAN, None)
    assert approve.message in await case_detail(world, payment.id, "unknown_outcome")
    assert await world.state(payment.id) == "needs_human"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Unknown("it proves nothing", "9001", "잠시 후에"), "9001 잠시 후에"),
        (Unknown("it proves nothing", "9001"), "9001 it proves nothing"),
        (Unknown("it proves nothing"), "Unknown it proves nothing"),
        (Absent(), "Absent"),
    ],
)
async def test_the_case_of_what_no_inquiry_settles_says_what_the_gateway_answered_last(world, answer, words):
    payment, _ = await pending(world, "inquire")
    approve = await operation_of(world, payment.id, "approve")
    await world.clock.forward(361)
    Talks(world).answers.append(answer)
    await try_once(world, "inquire", approve)
    after = await operation_of(world, payment.id, "approve")

    assert (after.step, after.code, after.message) == (Step.NEEDS_HUMAN, "odd", "그렇게 안 돼요")
    assert seconds_until(world, after) == 600
    assert await case_detail(world, payment.id, "unknown_outcome") == f"the gateway's inquiry settled nothing: {words}"


async def test_an_absence_first_seen_as_a_person_is_told_counts_as_the_first_of_two(world):
    payment, _ = await pending(world, "inquire")
    await world.clock.forward(361)
    Talks(world).answers += [Absent(), Absent()]
    await try_once(world, "inquire", await operation_of(world, payment.id, "approve"))
    assert await world.state(payment.id) == "needs_human"
    await world.clock.forward(601)
    await try_once(world, "inquire", await operation_of(world, payment.id, "approve"))

    assert (await operation_of(world, payment.id, "approve")).evidence == "E5"
    assert await world.state(payment.id) == "declined"
    assert await world.cases(payment.id) == []


async def test_money_that_came_and_went_while_a_person_had_it_ends_the_case(world):
    payment, _ = await pending(world, "inquire")
    await world.clock.forward(361)
    talks = Talks(world)
    talks.answers.append(Unknown("it proves nothing"))
    await try_once(world, "inquire", await operation_of(world, payment.id, "approve"))
    assert await world.cases(payment.id) == ["unknown_outcome"]
    talks.answers.append(Seen(55_000, 55_000, {}, {}))
    await try_once(world, "inquire", await operation_of(world, payment.id, "approve"))

    assert await world.state(payment.id) == "voided"
    assert await world.cases(payment.id) == []


async def test_when_the_quiet_period_ends_without_an_answer_the_next_inquiry_still_waits_its_pause(world):
    await world.pair_teller("Asked")
    world.teller.always["inquire"] = "strange"
    world.teller.fail("refund", "lost_before")
    payment = await world.buy_at_teller()
    await world.refund(payment.id, 20_000)
    await world.quiet()
    refund = await operation_of(world, payment.id, "refund")
    gateway = world.context.sites.get(payment.site).gateway(payment.gateway)
    world.clock.skip(quiet_ms(world.context, gateway) / 1000 - (world.clock.at - refund.sent_at).total_seconds())
    await try_once(world, "inquire", refund)

    assert seconds_until(world, await operation_of(world, payment.id, "refund")) > 0


async def test_a_full_refund_that_no_inquiry_shows_is_sent_again_and_a_part_is_a_persons(world):
    await world.pair_teller("Asked")
    world.teller.shows_refunds = False
    world.teller.always["refund"] = "strange"
    payment = await world.buy_at_teller()
    await world.refund(payment.id)
    await world.live(30, step=1)
    whole = await operation_of(world, payment.id, "refund")
    part_of = await world.buy_at_teller()
    await world.refund(part_of.id, 20_000)
    await world.quiet()
    part = await operation_of(world, part_of.id, "refund")

    assert (whole.step, dict(whole.refs)) == (Step.UNKNOWN, {"blind": "1"}), "the name that earlier books hold too"
    assert world.teller.calls["refund"] > 2
    assert part.step is Step.NEEDS_HUMAN
    assert seconds_until(world, part) == 600
    said = "그렇게 안 돼요"
    assert await detail_of(world, part_of.id, "refund.needs_human") == {"amount": 20_000, "message": said}
    assert await case_detail(world, part_of.id, "refund_unknown") == f"a refund of 20000 KRW has no outcome: {said}"


async def test_a_partial_refund_that_a_person_has_is_looked_at_every_ten_minutes_and_never_sent_again(world):
    await world.pair_teller("Mute")
    world.teller.fail("refund", "strange")
    payment = await world.buy_at_teller()
    await world.refund(payment.id, 20_000)
    await world.quiet()
    refund = await operation_of(world, payment.id, "refund")
    assert (refund.step, refund.next_try_at) == (Step.NEEDS_HUMAN, None), "there is nobody to ask"
    await try_once(world, "refund", refund)
    again = await operation_of(world, payment.id, "refund")

    assert seconds_until(world, again) == 600
    assert (again.code, again.message) == (refund.code, refund.message)
    assert world.teller.calls["refund"] == 1


@pytest.mark.parametrize(("kind", "is_ours"), [("AskedAndUndone", True), ("Asked", False)])
async def test_a_net_cancel_names_the_approval_and_a_refund_in_its_place_has_a_name_of_its_own(world, kind, is_ours):
    await world.pair_teller(kind)
    world.teller.takes_instead = 5_500
    payment = await world.buy_at_teller()
    await world.live(5, step=1)
    undo = await operation_of(world, payment.id, Kind.UNDO)

    assert (undo.ref == payment.merchant_ref) is is_ours
    assert undo.amount == 5_500
    assert await world.state(payment.id) == "voided"
    await world.check_books()


async def test_what_was_declined_keeps_the_gateways_code_and_words(world):
    await world.pair_teller("Mute")
    world.teller.fail("approve", "declined")
    payment = await world.buy_at_teller()
    approve = await operation_of(world, payment.id, "approve")

    assert (approve.step, approve.evidence) == (Step.FAIL, "E2")
    assert (approve.code, approve.message) == (payment.code, payment.message) == ("declined", "그렇게 안 돼요")
    everyone = await world.context.ledger.read(lambda turn: payments.of_order(turn, payment.site, payment.order_ref))
    assert payments.holder(everyone) is None


@pytest.mark.parametrize(
    ("kind", "refusal", "absent", "is_quiet_over", "first"),
    [
        ("Asked", True, True, True, False),
        ("Mute", True, True, True, False),
        ("Serving", False, False, False, True),
        ("AskedAndUndone", True, False, False, True),
        ("AskedAndUndone", False, False, False, False),
        ("AskedAndUndone", False, True, False, False),
        ("AskedAndUndone", False, False, True, False),
        ("AskedAndUndone", False, True, True, True),
    ],
)
def test_an_unknown_approval_is_taken_back_unasked_only_where_that_is_safe(kind, refusal, absent, is_quiet_over, first):
    """Where it can be asked about it is asked, until it is absent after the quiet period; a plain no is not asked."""
    gateway = tellers.build("teller", {"kind": kind}, Mode.TEST)
    words = {"id": "o", "site": "s", "payment": "p", "ref": "r", "actor": "buyer", "owner": "b"}
    refs = {"absent_at": "1"} if absent else {}
    approve = Operation(
        **words,
        kind=Kind.APPROVE,
        amount=55_000,
        step=Step.UNKNOWN,
        stamp=Stamp(NOW, "n"),
        sent_at=NOW,
        refusal=refusal,
        refs=refs,
    )

    assert takes_back_first(gateway, approve, quiet=is_quiet_over) is first


@pytest.mark.parametrize(("fault", "evidence"), [("lost_after", "E9"), ("lost_before", "E1")])
async def test_a_full_refund_sent_again_says_whether_it_was_done_now_or_before(world, fault, evidence):
    await world.pair_teller("Mute")
    world.teller.fail("refund", fault)
    payment = await world.buy_at_teller()
    await world.refund(payment.id)
    await world.live(5, step=1)

    assert (await operation_of(world, payment.id, Kind.REFUND)).evidence == evidence
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -55_000, evidence)]
    assert world.trade(payment).refunds == [55_000]


async def test_a_refusal_that_was_taken_back_is_checked_once_more_when_the_quiet_period_is_over(world):
    payment, _ = await pending(world, "undo")
    site = world.context.sites.get(payment.site)
    approve = await operation_of(world, payment.id, Kind.APPROVE)
    Talks(world).answers += [Undone(), Undone()]
    await try_once(world, "undo", await operation_of(world, payment.id, Kind.UNDO))
    (recheck,) = [one for one in await world.operations(payment.id) if one.reason == "recheck"]
    assert await world.state(payment.id) == "declined"
    assert recheck.next_try_at == approve.sent_at + timedelta(
        milliseconds=quiet_ms(world.context, site.gateway("teller"))
    )
    world.clock.at = recheck.next_try_at
    await try_once(world, "undo", recheck)
    (recheck,) = [one for one in await world.operations(payment.id) if one.reason == "recheck"]

    assert (recheck.step, recheck.evidence) == (Step.OK, "E6")
    assert (await world.payment(payment.id)).reason == "declined"
    assert await world.cases(payment.id, only_open=False) == []


async def test_a_refund_in_a_net_cancels_place_keeps_the_words_of_its_refusal(world):
    await world.pair_teller("Asked")
    world.teller.takes_instead = 5_500
    world.teller.always["refund"] = "too_much"
    payment = await world.buy_at_teller()
    await world.live(5, step=1)
    undo = await operation_of(world, payment.id, Kind.UNDO)

    assert (undo.step, undo.code, undo.message) == (Step.UNKNOWN, "too_much", "그렇게 안 돼요")
    assert await world.state(payment.id) == "voiding"
