"""Each outcome as it stands in the books: state, entry, news, audit with its actor, and what it owes.

Of bridge.flows.record, bridge.flows.approve, bridge.flows.capture, bridge.flows.expire, bridge.flows.compare,
bridge.flows.window_end, bridge.flows.owe_withdrawal, bridge.flows.void_account, bridge.flows.cancel_transfer and
bridge.flows.external.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.clock import boot_mark, to_ms
from bridge.domain.failures import GatewayOff, NotNow, PendingOutcome
from bridge.domain.gateway import (
    Absent,
    Declined,
    NothingThere,
    NotSent,
    Paid,
    Refused,
    Seen,
    TooLate,
    Undone,
    Unknown,
    Waiting,
)
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.reasons import Reason
from bridge.flows.approve import _begin, _late
from bridge.flows.ask_fence import Fence
from bridge.flows.cancel_transfer import cancel_transfer
from bridge.flows.capture import CAPTURED, Found, fence_for, write_found
from bridge.flows.compare import record_check
from bridge.flows.expire import _end, expire
from bridge.flows.inquire import _record as settle_by
from bridge.flows.record import Against, account_of, refund_order
from bridge.flows.void_account import _check as may_close
from bridge.flows.void_account import _record as record_closing
from bridge.flows.void_account import void_json
from bridge.flows.window_end import hold_order, must_be_asked, must_be_shown
from bridge.ledger import notices
from bridge.ledger.notices import StoredNotice
from tests.support.desk import ACCOUNT, APPROVING, HUMAN, OPEN, UNKNOWN, VOIDING, WAITS, WAYS

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

DAY = 86_400
PAID, PART = State.PAID, State.PART_REFUNDED


async def change_order(at, payment):
    ref = payment.order_ref
    await at.write(lambda turn, _: turn.run("UPDATE orders SET version = version + 1 WHERE ref = ?", ref))


# ---- approvals


async def begin(at, payment, fence=None):
    held, free = fence or Fence(True), lambda _: None
    return await at.write(lambda turn, pen: _begin(turn, pen, payment.id, held, "buyer", {"n": "1"}, "", free))


async def test_an_approval_is_intended_for_an_open_payment_alone_and_by_the_one_who_asked(desk):
    at = await desk("Mute")
    for state in WAYS:
        payment = await at.payment_in(state)
        begun = await begin(at, payment)
        assert (begun.operation is not None, begun.payment.state) == (
            state is OPEN,
            APPROVING if state is OPEN else state,
        )
        if state is OPEN:
            assert await at.audited(payment, "approve.sent") == [("buyer", "open", "approving", {})]
            (sent,) = await at.world.operations(payment.id)
            assert (sent.kind, sent.step, sent.amount, sent.ref) == ("approve", "sent", 55_000, payment.merchant_ref)
            assert (sent.actor, sent.sent_at, sent.owner) == ("buyer", at.world.clock.now(), at.world.context.owner)
            assert await at.write(lambda _, pen, one=sent: pen.open_context(one)) == {"returned": {"n": "1"}}


@pytest.mark.parametrize(("seconds", "sent"), [(0.001, True), (0, False), (-1, False)])
async def test_no_approval_is_begun_at_the_windows_end_or_after_it(desk, seconds, sent):
    at = await desk("Mute")
    payment = await at.payment_in(OPEN)
    at.world.clock.at = payment.expires_at - timedelta(seconds=seconds)
    begun = await begin(at, payment)
    assert (begun.operation is not None) is sent
    if not sent:
        assert (begun.payment.state, begun.payment.reason) == ("expired", "expired")
        assert await at.audited(payment, "payment.expired") == [("bridge", "open", "expired", {})]
        assert await at.world.told(payment.id) == ["payment.failed"]


@pytest.mark.parametrize("why", ["changed", "seats"])
async def test_what_bars_an_approval_is_said_by_the_bridge_under_its_own_name(desk, why):
    at = await desk("Mute")
    payment = await at.payment_in(OPEN)
    if why == "changed":
        await change_order(at, payment)
    begun = await begin(at, payment, Fence(why == "changed", "자리가 없어요", "gone"))
    code, message = ("", "주문 내용이 바뀌었어요.") if why == "changed" else ("gone", "자리가 없어요")
    detail = {"evidence": "E3", "code": code, "message": message}
    assert begun.operation is None
    assert await at.audited(payment, "approve.barred") == [("bridge", "open", "declined", detail)]
    after = await at.world.payment(payment.id)
    assert (after.reason, after.code, after.message) == (
        "order_changed" if why == "changed" else "seat_lost",
        code,
        message,
    )
    assert await at.world.told(payment.id) == ["payment.failed"]


@pytest.mark.parametrize(
    "other", [APPROVING, UNKNOWN, VOIDING, HUMAN, WAITS, PAID, PART, State.REFUNDED, State.DECLINED]
)
async def test_no_approval_is_begun_where_another_payment_has_the_order_or_had_it(desk, other):
    at = await desk("Mute")
    payment = await at.payment_in(OPEN, like=await at.payment_in(other))
    begun = await begin(at, payment)
    assert (begun.operation is not None) is (other is State.DECLINED)
    assert (await at.world.payment(payment.id)).state == ("approving" if begun.operation else "open")


@pytest.mark.parametrize(
    ("outcome", "step", "asked"),
    [
        (Paid(55_000, {}), Step.FAIL, True),
        (Paid(55_000, {}), Step.UNKNOWN, True),
        (Paid(55_000, {}), None, True),
        (Paid(55_000, {}), Step.OK, False),
        (Declined(Reason.DECLINED, "", ""), Step.FAIL, False),
    ],
)
async def test_only_money_in_a_late_answer_that_is_not_in_the_books_is_a_persons(desk, outcome, step, asked):
    at = await desk("Mute")
    payment = await at.payment_in(State.VOIDED)
    now = await at.operation(payment, Kind.APPROVE, step) if step else None
    after = await at.write(lambda turn, pen: _late(turn, pen, payment, now, outcome))
    assert after == payment
    assert await at.world.cases(payment.id) == ["money_on_ended_payment"] * asked


@pytest.mark.parametrize(
    ("outcome", "step", "state", "event", "detail", "told"),
    [
        (
            Paid(55_000, {"tid": "1"}),
            ("ok", "E1"),
            "paid",
            "payment.paid",
            {"amount": 55_000, "evidence": "E1"},
            "paid",
        ),
        (
            *(Paid(5_500, {"tid": "1"}), ("ok", "E1"), "voiding", "payment.amount_mismatch"),
            *({"amount": 5_500, "evidence": "E1"}, ""),
        ),
        (
            *(Waiting(ACCOUNT, {"tid": "1"}), ("ok", "E1"), "awaiting_deposit", "account.issued"),
            *({"evidence": "E1"}, "awaiting_deposit"),
        ),
        (
            *(Declined(Reason.LIMIT, "7" * 70, "한" * 600), ("fail", "E2"), "declined", "payment.declined"),
            *({"evidence": "E2", "code": "7" * 70, "message": "한" * 600}, "failed"),
        ),
        (NotSent("why"), ("not_sent", "E3"), "open", "approve.not_sent", {"evidence": "E3"}, ""),
        (
            *(Unknown("why", "9" * 70, "글" * 600, True), ("unknown", ""), "unknown", "approve.unknown"),
            *({"reason": "why", "code": "9" * 70}, "confirming"),
        ),
        (Unknown("why"), ("unknown", ""), "unknown", "approve.unknown", {"reason": "why", "code": ""}, "confirming"),
    ],
)
async def test_what_an_approval_comes_to(desk, outcome, step, state, event, detail, told):
    at = await desk("Mute")
    payment = await at.payment_in(APPROVING)
    sent = await at.operation(payment, Kind.APPROVE, Step.SENT)
    await at.write(lambda turn, pen: pen.approval(turn, payment, sent, outcome, "gateway"))
    operation, after = await at.now(sent)

    assert (operation.step, operation.evidence, after.state) == (*step, state)
    assert await at.audited(payment, event) == [("gateway", "approving", state, detail)]
    assert await at.world.told(payment.id) == ([f"payment.{told}"] if told else [])
    code, message = getattr(outcome, "code", ""), getattr(outcome, "message", "")
    assert (after.code, after.message) == (code[:64], message[:500])
    assert operation.code == code[:64]
    assert operation.message == (message or getattr(outcome, "why", ""))[:500]
    assert operation.refusal is getattr(outcome, "refusal", False)
    refs = getattr(outcome, "refs", None)
    if refs is not None:
        assert (operation.refs, after.refs) == (refs, refs)
    if state == "unknown":
        assert await at.seconds_until(operation) == 0
    if isinstance(outcome, Waiting):
        assert (after.account, after.expires_at) == (ACCOUNT, at.world.clock.now() + timedelta(days=7))
    moved = [("capture", outcome.amount, "E1")] if isinstance(outcome, Paid) else []
    assert await at.world.entries(payment.id) == moved
    if moved:
        (entry,) = await at.world.all("SELECT cause, site FROM entries")
        assert entry == {"cause": sent.id, "site": payment.site}
        order = await at.world.all("SELECT paid_by FROM orders WHERE ref = ?", payment.order_ref)
        assert order == [{"paid_by": payment.id if state == "paid" else None}]


@pytest.mark.parametrize("by", ["answer", "deposit"])
async def test_money_ends_whatever_else_the_buyer_could_pay(desk, by):
    """The payment's other requests are withdrawn, and so are the order's other open windows."""
    at = await desk("SelfTold")
    payment = await at.payment_in(WAITS, refs={"number": "1", "requests": "1 2"})
    other = await at.payment_in(OPEN, like=payment, refs={"number": "3"})
    ended = await at.payment_in(State.EXPIRED, like=payment, refs={"number": "4"})
    paid = Paid(55_000, dict(payment.refs))
    if by == "deposit":
        await at.write(lambda turn, pen: pen.deposit(turn, payment, paid, "d"))
        (entry,) = await at.world.all("SELECT cause, amount, evidence FROM entries")
        cause = f"notice:{payment.site}:teller:d"
        assert entry == {"cause": cause, "amount": 55_000, "evidence": "E7"}
        detail = {"amount": 55_000, "evidence": "E7"}
        assert await at.audited(payment, "payment.deposited") == [("gateway", WAITS, "paid", detail)]
        assert (await at.world.payment(payment.id)).paid_at == at.world.clock.now()
        assert await at.world.told(payment.id) == ["payment.paid"]
    else:
        approve = await at.operation(payment, Kind.APPROVE, Step.SENT)
        await at.write(lambda turn, pen: pen.captured(turn, payment, approve, paid, Evidence.E1, "gateway"))
    owed = {one.id: [(op.kind, op.step) for op in await at.world.operations(one.id) if op.kind is not Kind.APPROVE]
            for one in (payment, other, ended)}  # fmt: skip
    assert owed == {payment.id: [("withdraw", "unknown")], other.id: [("probe", "unknown")], ended.id: []}


async def test_money_that_is_not_kept_ends_no_other_window_of_its_order(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(APPROVING, refs={"number": "1"})
    other = await at.payment_in(OPEN, like=payment, refs={"number": "3"})
    approve = await at.operation(payment, Kind.APPROVE, Step.SENT)
    against = Against(Reason.ORDER_CHANGED, "it changed", "")
    await at.write(lambda turn, pen: pen.captured(
        turn, payment, approve, Paid(55_000, {}), Evidence.E1, "gateway", against=against))  # fmt: skip
    assert await at.world.state(payment.id) == "voiding"
    assert await at.world.operations(other.id) == [], "the buyer may pay in it"


@pytest.mark.parametrize("state", [UNKNOWN, HUMAN])
async def test_money_that_is_not_kept_is_taken_back_and_a_person_told_where_there_is_a_case(desk, state):
    at = await desk("Serving")
    for case in ("", "order_changed"):
        payment = await at.payment_in(state)
        approve = await at.operation(payment, Kind.APPROVE, Step.SENT)
        against = Against(Reason.ORDER_CHANGED, "it changed", case)
        await at.write(lambda turn, pen, one=payment, op=approve, why=against: pen.captured(
            turn, one, op, Paid(55_000, {}), Evidence.E4, "gateway", against=why))  # fmt: skip
        after = await at.world.payment(payment.id)
        assert after.state == ("needs_human" if state is HUMAN else "voiding")
        assert (after.reason, after.captured) == ("order_changed", 55_000)
        (undo,) = [one for one in await at.world.operations(payment.id) if one.kind is Kind.UNDO]
        assert (undo.step, undo.amount, undo.target, undo.ref) == ("unknown", 55_000, approve.id, payment.merchant_ref)
        assert (undo.actor, await at.seconds_until(undo)) == ("gateway", 0)
        assert await at.world.cases(payment.id) == [case] * bool(case)
        assert await at.world.told(payment.id) == []


@pytest.mark.parametrize(("captured", "refunded"), [(0, 0), (55_000, 0), (55_000, 20_000)])
async def test_a_void_takes_what_is_left_out_of_the_books(desk, captured, refunded):
    at = await desk("Serving")
    changes = {"captured": captured, "refunded": refunded} if captured else {}
    payment = await at.payment_in(VOIDING, **changes)
    await at.write(lambda turn, pen: pen.voided(turn, payment, "why", Evidence.E6, "bridge"))
    left = captured - refunded
    assert await at.world.entries(payment.id) == ([("undo", -left, "E6")] if left else [])
    after = await at.world.payment(payment.id)
    assert (after.state, after.refunded, after.reason) == ("voided", captured, "never_happened")
    assert await at.audited(payment, "payment.voided") == [("bridge", "voiding", "voided", {"evidence": "E6"})]


@pytest.mark.parametrize(
    ("state", "amount", "full", "left_after"),
    [(PAID, 55_000, True, 0), (PAID, 54_999, False, 1), (PART, 35_000, False, 0), (PART, 15_000, False, 20_000)],
)
async def test_a_refund_is_full_only_as_the_first_and_of_all(desk, state, amount, full, left_after):
    at = await desk("Mute")
    payment = await at.payment_in(state)
    refund = await at.operation(payment, Kind.REFUND, Step.SENT, amount=amount, reason="고객 요청", vat=5, tax_free=1)
    order = refund_order(payment, refund)
    assert (order.full, order.left_after, order.refunded_before) == (full, left_after, payment.refunded)
    assert (order.ref, order.amount, order.reason, order.tax) == (refund.ref, amount, "고객 요청", refund.parts)
    assert await at.write(lambda _, pen: account_of(pen, refund)) is None


@pytest.mark.parametrize(("evidence", "owed"), [(Evidence.E1, [5]), (Evidence.E9, [5]), (Evidence.E4, [5])])
async def test_after_a_refund_the_books_are_compared_once_an_inquiry_can_show_it(desk, evidence, owed):
    at = await desk("Asked")
    payment = await at.payment_in(PAID)
    refund = await at.operation(payment, Kind.REFUND, Step.UNKNOWN, amount=20_000)
    await at.write(lambda turn, pen: pen.refunded(turn, payment, refund, evidence, {}, "gateway"))
    checks = [one for one in await at.world.operations(payment.id) if one.kind is Kind.CHECK]
    assert [await at.seconds_until(one) for one in checks] == owed


# ---- money found


@pytest.mark.parametrize(
    ("paid_ago", "since_ago", "kept"),
    [(0, None, True), (3_600, None, False), (3_600, 7_200, True), (9_000, 7_200, False), (-3_600, 7_200, False)],
)
async def test_when_money_moved_is_what_the_gateway_says_as_far_as_that_can_be(desk, paid_ago, since_ago, kept):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN)
    now = at.world.clock.now()
    told = now - timedelta(seconds=paid_ago)
    since = None if since_ago is None else now - timedelta(seconds=since_ago)
    found = Found(55_000, Evidence.E7, CAPTURED, paid_at=told, since=since)
    assert await at.write(lambda turn, pen: write_found(turn, pen, payment, found, Fence(True))) == "paid"
    assert (await at.world.payment(payment.id)).paid_at == (told if kept else now)


@pytest.mark.parametrize("kind", [Kind.PROBE, Kind.CHECK])
async def test_money_that_an_inquiry_shows_is_paid_when_the_gateway_says_that_it_moved(desk, kind):
    at = await desk("SelfAsked")
    payment = await at.payment_in(OPEN)
    asking = await at.operation(payment, kind, Step.UNKNOWN)
    await at.world.clock.forward(300)
    moved = at.world.clock.now() - timedelta(seconds=200)
    shown = Seen(55_000, 0, paid_at=moved)
    await at.write(lambda turn, pen: settle_by(turn, pen, at.gateway, asking, shown, Fence(True), pen.stamp))
    after = await at.world.payment(payment.id)
    assert (after.state, after.paid_at) == ("paid", moved)


@pytest.mark.parametrize(
    ("why", "comes_to", "reason", "cases"),
    [
        ("nothing", "paid", "", []),
        ("currency", "taken back", "amount_mismatch", ["amount_mismatch"]),
        ("amount", "taken back", "amount_mismatch", ["amount_mismatch"]),
        ("other", "taken back", "order_paid", ["order_paid_twice"]),
        ("refunded", "taken back", "order_paid", ["order_paid_twice"]),
        ("changed", "taken back", "order_changed", ["order_changed"]),
        ("seats", "taken back", "seat_lost", []),
        ("unanswered", "paid", "", ["seats_unconfirmed"]),
    ],
)
async def test_money_that_is_found_is_kept_unless_something_is_against_it(desk, why, comes_to, reason, cases):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN, refs={"number": "1"}, card={"issuer": "04"})
    if why in ("other", "refunded"):
        await at.payment_in(PAID if why == "other" else State.REFUNDED, like=payment)
    if why == "changed":
        await change_order(at, payment)
    changes = {"currency": "USD"} if why == "currency" else {"amount": 5_500} if why == "amount" else {}
    found = replace(Found(55_000, Evidence.E7, CAPTURED, {"tid": "2"}, {"name": "국민"}), **changes)
    fence = Fence(why not in ("seats", "unanswered"), answered=why != "unanswered")
    probe = await at.operation(payment, Kind.PROBE, Step.UNKNOWN)
    await at.write(lambda turn, pen: pen.case(turn, payment, "unknown_outcome", "nobody knows"))
    assert await at.write(lambda turn, pen: write_found(turn, pen, payment, found, fence)) == comes_to
    probe, after = await at.now(probe)
    assert (after.reason, after.captured) == (reason, found.amount)
    assert (after.refs, after.card) == ({"number": "1", "tid": "2"}, {"issuer": "04", "name": "국민"})
    assert await at.world.cases(payment.id) == cases
    assert (probe.step, probe.evidence, probe.message) == ("fail", "E7", "it was paid")
    (approve,) = [one for one in await at.world.operations(payment.id) if one.kind is Kind.APPROVE]
    assert (approve.step, approve.evidence, approve.actor, approve.reason) == ("ok", "E7", "gateway", "captured")
    assert (approve.amount, approve.ref, approve.refs) == (55_000, payment.merchant_ref, {"tid": "2"})


@pytest.mark.parametrize(
    ("amount", "currency", "against", "comes_to", "cases"),
    [
        (55_000, "KRW", False, "paid", []),
        (54_999, "KRW", False, "a person must look", ["money_on_ended_payment"]),
        (55_000, "USD", False, "a person must look", ["unexpected_deposit"]),
        (55_000, "KRW", True, "paid", ["order_changed"]),
    ],
)
async def test_a_deposit_that_cannot_be_kept_is_a_persons_because_no_gateway_gives_it_back(
    desk, amount, currency, against, comes_to, cases
):
    at = await desk("SelfTold")
    payment = await at.payment_in(WAITS)
    if against:
        await change_order(at, payment)
    found = Found(amount, Evidence.E7, "notice:d", currency=currency)
    assert await at.write(lambda turn, pen: write_found(turn, pen, payment, found, Fence(True))) == comes_to
    assert await at.world.cases(payment.id) == cases
    kept = {"paid": ("paid", 55_000, 0)}.get(comes_to, (WAITS, 0, 54_999 if amount == 54_999 else 0))
    after = await at.world.payment(payment.id)
    assert (after.state, after.captured, after.orphaned) == kept
    if against:
        (case,) = await at.world.all("SELECT reason, amount FROM cases")
        assert case == {"reason": "order_changed", "amount": 55_000}


@pytest.mark.parametrize(
    ("done", "evidence", "currency", "known"),
    [
        (None, Evidence.E7, "KRW", False),
        (None, Evidence.E7, "USD", True),
        ((Kind.UNDO, Step.OK, ""), Evidence.E7, "KRW", True),
        ((Kind.UNDO, Step.OK, "nothing there"), Evidence.E7, "KRW", False),
        ((Kind.UNDO, Step.FAIL, ""), Evidence.E7, "KRW", False),
        ((Kind.APPROVE, Step.FAIL, "taken, and given back"), Evidence.E7, "KRW", True),
        ((Kind.APPROVE, Step.FAIL, "taken, and given back"), Evidence.E4, "KRW", False),
        ((Kind.APPROVE, Step.FAIL, "another word"), Evidence.E7, "KRW", False),
    ],
)
async def test_money_on_what_ended_is_a_persons_unless_it_is_known_to_have_gone_back(
    desk, done, evidence, currency, known
):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.VOIDED)
    if done:
        await at.operation(payment, done[0], done[1], message=done[2])
    found = Found(55_000, evidence, CAPTURED, currency=currency)
    said = await at.write(lambda turn, pen: write_found(turn, pen, payment, found, Fence(True)))
    assert said == ("known already" if known else "a person must look")
    assert await at.world.entries(payment.id) == ([] if known else [("orphan_capture", 55_000, str(evidence))])


async def test_seats_are_asked_about_only_where_money_could_be_kept(desk):
    at = await desk("SelfTold")
    context = at.world.context
    site = context.sites.get(at.world.site.id)
    for state in WAYS:
        payment = await at.payment_in(state)
        await at.write(lambda turn, _, ref=payment.order_ref: turn.run(
            "UPDATE orders SET hold_expires_at = 1 WHERE ref = ?", ref))  # fmt: skip
        before = len(at.world.shop.questions)
        await fence_for(context, site, payment.id)
        asked = len(at.world.shop.questions) > before
        assert asked is (state in (OPEN, UNKNOWN, HUMAN, WAITS)), state


# ---- comparisons


@pytest.mark.parametrize(
    ("state", "changes", "shown", "entries", "cases", "step"),
    [
        (PAID, {}, Seen(55_000, 0), [], [], "ok"),
        (PAID, {}, Seen(55_000, 1), [("external_refund", -1, "E4")], [("external_refund", 1)], "ok"),
        (PAID, {}, Seen(55_001, 0), [("orphan_capture", 1, "E4")], [("money_on_ended_payment", 1)], "ok"),
        (PAID, {}, Seen(55_000, None), [], [], "ok"),
        (PART, {}, Seen(55_000, 19_999), [], [], "unknown"),
        (PART, {}, Seen(55_000, 20_000), [], [], "ok"),
        (PART, {}, Seen(55_000, 60_000), [("external_refund", -35_000, "E4")], [("external_refund", 40_000)], "ok"),
        (PAID, {}, Absent(), [], [], "unknown"),
        (PAID, {}, Unknown("why"), [], [], "unknown"),
        (State.DECLINED, {}, Absent(), [], [], "ok"),
        (State.DECLINED, {"orphaned": 55_000}, Absent(), [], [], "unknown"),
        (OPEN, {}, Absent(), [], [], "unknown"),
        (OPEN, {}, Seen(55_000, 0), [("capture", 55_000, "E4")], [], "ok"),
        (WAITS, {}, Seen(55_000, 0), [("capture", 55_000, "E4")], [], "ok"),
        (
            *(State.DECLINED, {}, Seen(55_000, 20_000), [("orphan_capture", 35_000, "E4")]),
            *([("money_on_ended_payment", 35_000)], "ok"),
        ),
        (State.DECLINED, {}, Seen(55_000, 55_000), [], [], "ok"),
        (State.DECLINED, {"orphaned": 55_000}, Seen(55_000, 0), [], [], "ok"),
        (State.DECLINED, {"orphaned": 35_000}, Seen(55_000, 20_000), [], [], "ok"),
        (State.DECLINED, {"orphaned": 55_000}, Seen(55_000, 1), [("orphan_refund", -1, "E4")], [], "ok"),
        (
            *(State.DECLINED, {"orphaned": 50_000}, Seen(55_000, 0), [("orphan_capture", 5_000, "E4")]),
            *([("money_on_ended_payment", 5_000)], "ok"),
        ),
    ],
)
async def test_what_a_comparison_shows_beyond_our_books_is_written_and_what_it_does_not_show_is_looked_at_again(
    desk, state, changes, shown, entries, cases, step
):
    at = await desk("AskedOnHint")
    payment = await at.payment_in(state, **changes)
    check = await at.operation(payment, Kind.CHECK, Step.UNKNOWN)
    await at.write(lambda turn, pen: record_check(turn, pen, at.gateway, check, shown, Fence(True), pen.stamp))
    after, _ = await at.now(check)
    assert await at.world.entries(payment.id) == entries
    found = await at.world.all("SELECT reason, amount FROM cases ORDER BY reason")
    assert [(one["reason"], one["amount"]) for one in found] == cases
    assert (after.step, await at.seconds_until(after)) == (step, None if step == "ok" else 2)
    assert after.evidence == ("E4" if step == "ok" else "")


async def test_books_that_agree_while_a_second_copy_of_a_refund_may_be_on_its_way_are_compared_again_after_that(desk):
    """Some seconds after: an inquiry lags behind what its gateway does."""
    at = await desk("AskedOnHint")
    payment = await at.payment_in(PART)
    await at.operation(payment, Kind.REFUND, Step.OK, amount=20_000, evidence=Evidence.E1)
    check = await at.operation(payment, Kind.CHECK, Step.UNKNOWN)
    await at.write(lambda turn, pen: record_check(
        turn, pen, at.gateway, check, Seen(55_000, 20_000), Fence(True), pen.stamp))  # fmt: skip
    assert ((await at.now(check))[0].step, await at.seconds_until(check)) == ("unknown", 125)


@pytest.mark.parametrize(
    ("ago", "shown", "becomes", "cases", "seconds"),
    [
        (359, Seen(55_000, 0), "unknown", [], 2),
        (360, Seen(55_000, 0), "fail", ["books_differ"], None),
        (360, Unknown("why"), "unknown", [], 600),
        (DAY, Absent(), "unknown", [], 3_600),
    ],
)
async def test_what_the_gateway_still_does_not_show_of_our_refund_is_a_persons_at_last(
    desk, ago, shown, becomes, cases, seconds
):
    at = await desk("AskedOnHint")
    payment = await at.payment_in(PART)
    sent_at = at.world.clock.now() - timedelta(seconds=ago)
    check = await at.operation(payment, Kind.CHECK, Step.UNKNOWN, sent_at=sent_at)
    await at.write(lambda turn, pen: record_check(turn, pen, at.gateway, check, shown, Fence(True), pen.stamp))
    after, _ = await at.now(check)
    assert (after.step, await at.seconds_until(after), await at.world.cases(payment.id)) == (becomes, seconds, cases)


@pytest.mark.parametrize(("kind", "waits"), [(Kind.REFUND, True), (Kind.PROBE, True), (Kind.WITHDRAW, False)])
async def test_nothing_is_compared_while_an_operation_has_no_outcome(desk, kind, waits):
    at = await desk("AskedOnHint")
    payment = await at.payment_in(PAID)
    await at.operation(payment, kind, Step.UNKNOWN)
    check = await at.operation(payment, Kind.CHECK, Step.UNKNOWN, seconds=70)
    shown = Seen(55_000, 20_000)
    await at.write(lambda turn, pen: record_check(turn, pen, at.gateway, check, shown, Fence(True), pen.stamp))
    assert (await at.now(check))[0].step == ("unknown" if waits else "ok")
    assert await at.seconds_until(check) == (2 if waits else None)
    assert bool(await at.world.entries(payment.id)) is not waits


@pytest.mark.parametrize(
    "outcome",
    [
        "the books are compared: money is said to have gone back",
        "the books are compared: a proven notice says that money has gone back",
    ],
)
@pytest.mark.parametrize(
    ("shown", "seconds", "step"),
    [(Seen(55_000, 0), 119, "unknown"), (Seen(55_000, 0), 120, "ok"), (Seen(55_000, 1), 0, "ok")],
)
async def test_what_a_notice_said_and_no_inquiry_shows_is_asked_about_until_the_quiet_period_is_over(
    desk, outcome, shown, seconds, step
):
    at = await desk("AskedOnHint")
    payment = await at.payment_in(PAID)
    now = to_ms(at.world.clock.now())
    kept = StoredNotice("n", payment.site, "teller", "feedback", "d", "", "", now, payment=payment.id,
                        received_boot=boot_mark(at.world.clock))  # fmt: skip
    await at.write(lambda turn, _: (notices.store(turn, kept), notices.settle(turn, "n", "done", outcome, now)))
    check = await at.operation(payment, Kind.CHECK, Step.UNKNOWN)
    await at.world.clock.forward(seconds)
    await at.write(lambda turn, pen: record_check(
        turn, pen, at.gateway, check, shown, Fence(True), pen.stamp))  # fmt: skip
    after = (await at.now(check))[0]
    assert (after.step, after.code) == (step, ""), "what was given back was shown"
    asked = step == "ok" and shown.refunded == 0 and "proven" in outcome
    assert ("external_cancel" in await at.world.cases(payment.id)) is asked


@pytest.mark.parametrize("known_as", [PAID, State.OPEN])
@pytest.mark.parametrize(("known", "more"), [(0, 1), (1, 0)])
async def test_reports_that_no_inquiry_can_confirm_are_a_persons_once_for_each(desk, known_as, known, more):
    at = await desk("AskedOnHint")
    payment = await at.payment_in(known_as)
    now = to_ms(at.world.clock.now())
    kept = StoredNotice("n", payment.site, "teller", "feedback", "d", "", "", now, payment=payment.id)
    outcome = "the books are compared: money is said to have gone back"
    await at.write(lambda turn, _: (notices.store(turn, kept), notices.settle(turn, "n", "done", outcome, now)))
    await at.write(lambda turn, pen: pen.case(turn, payment, "reported", "an operator saw it", 1))
    if known:
        await at.write(lambda turn, pen: pen.case(turn, payment, "external_cancel", "seen before", 1))
    check = await at.operation(payment, Kind.CHECK, Step.UNKNOWN)
    await at.world.clock.forward(120)
    await at.write(lambda turn, pen: record_check(
        turn, pen, at.gateway, check, Seen(55_000, None), Fence(True), pen.stamp))  # fmt: skip
    cases = await at.world.all("SELECT detail FROM cases WHERE reason = 'external_cancel'")
    assert ["reports so far: 1" in one["detail"] for one in cases] == [bool(more)]


@pytest.mark.parametrize(("held", "comes_to", "told"), [
    (True, PART, ["payment.paid", "payment.refunded"]), (False, VOIDING, [])])  # fmt: skip
async def test_money_found_after_a_part_of_it_went_back_is_booked_whole_and_only_the_rest_is_taken_back(
    desk, held, comes_to, told
):
    at = await desk("AskedOnHint")
    payment = await at.payment_in(OPEN)
    check = await at.operation(payment, Kind.CHECK, Step.UNKNOWN)
    await at.write(lambda turn, pen: record_check(
        turn, pen, at.gateway, check, Seen(55_000, 20_000), Fence(held), pen.stamp))  # fmt: skip

    after = await at.world.payment(payment.id)
    assert (after.state, after.captured, after.refunded) == (comes_to, 55_000, 20_000)
    assert await at.world.entries(payment.id) == [("capture", 55_000, "E4"), ("external_refund", -20_000, "E4")]
    assert await at.world.told(payment.id) == told
    assert await at.world.cases(payment.id) == [], "no other amount was taken than asked"
    undone = [one.amount for one in await at.world.operations(payment.id) if one.kind is Kind.UNDO]
    assert undone == ([] if held else [35_000])
    await at.world.live(30)
    asked = [said for op, said in at.world.teller.asked if op == "refund"]
    assert [(said["amount"], said["full"]) for said in asked] == ([] if held else [(35_000, False)]), "it is no whole"


# ---- ends


@pytest.mark.parametrize("state", WAYS)
@pytest.mark.parametrize("seconds", [0, 1])
async def test_only_what_holds_no_money_ends_when_its_time_is_over(desk, state, seconds):
    at = await desk("Mute")
    payment = await at.payment_in(state)
    at.world.clock.at = payment.expires_at + timedelta(seconds=seconds)
    ended = await at.write(lambda turn, pen: _end(turn, pen, payment.id, at.gateway))
    ends = state in (OPEN, State.READYING, WAITS) and seconds > 0
    assert ended is ends
    after = await at.world.payment(payment.id)
    assert (after.state, after.reason) == (("expired", "expired") if ends else (state, ""))
    told = [("bridge", state, "expired", {})] if ends else []
    assert (await at.audited(payment, "payment.expired")) == told
    assert await at.world.told(payment.id) == ["payment.failed"] * ends


@pytest.mark.parametrize(("teller", "state", "kind"), [("SelfTold", OPEN, "probe"), ("AskedOnHint", WAITS, "check")])
async def test_what_may_have_been_paid_unheard_is_asked_about_first_and_counts_as_none_that_ended(
    desk, teller, state, kind
):
    at = await desk(teller)
    payment = await at.payment_in(state, window_url="http://teller.test/window")
    at.world.clock.at = payment.expires_at + timedelta(seconds=1)
    assert await at.write(lambda turn, pen: _end(turn, pen, payment.id, at.gateway)) is False
    (owed,) = await at.world.operations(payment.id)
    assert (owed.kind, await at.world.state(payment.id)) == (kind, state)


async def test_one_whose_approval_runs_and_one_of_a_site_that_is_gone_keep_no_other_from_ending(desk):
    at = await desk("Mute")
    context = at.world.context
    runs, strange, ends = [await at.payment_in(OPEN) for _ in range(3)]
    await at.write(lambda turn, _: turn.run(
        "UPDATE payments SET expires_at = expires_at - 2000, version = version + 1 WHERE id = ?", runs.id))  # fmt: skip
    task = context.tasks.begin(f"approve:{runs.id}", asyncio.Event().wait())
    await at.world.clock.forward(3_600)
    assert await expire(context) == 2
    assert [await at.world.state(one.id) for one in (runs, strange, ends)] == ["open", "expired", "expired"]
    task.cancel()
    other = await at.payment_in(OPEN)
    await at.world.clock.forward(3_600)
    really, context.sites.find = context.sites.find, lambda _: None
    assert await expire(context) == 0
    refusing = replace(really(other.site), refused={"teller": "its settings are wrong"})
    context.sites.find = lambda _: refusing
    assert await expire(context) == 0, "else a few of them would take the turn of those that can end"
    context.sites.find = really
    assert await at.world.state(other.id) == "open"


@pytest.mark.parametrize(
    ("state", "seconds", "count"),
    [
        (OPEN, 60, 1),
        (OPEN, 59, 0),
        (State.READYING, 60, 1),
        (State.READYING, 59, 0),
        (WAITS, DAY, 1),
        (WAITS, DAY - 1, 0),
    ],
)
async def test_a_window_has_a_minutes_grace_and_an_account_a_days(desk, state, seconds, count):
    at = await desk("Mute")
    payment = await at.payment_in(state)
    at.world.clock.at = payment.expires_at + timedelta(seconds=seconds, milliseconds=1 if count else 0)
    assert await expire(at.world.context) == count


@pytest.mark.parametrize(
    ("teller", "state", "window", "shown"),
    [
        ("SelfTold", OPEN, True, True),
        ("SelfAsked", OPEN, True, True),
        ("SelfTold", OPEN, False, False),
        ("SelfTold", WAITS, True, False),
        ("Asked", OPEN, True, False),
        ("Mute", OPEN, True, False),
    ],
)
async def test_a_window_that_may_have_taken_money_by_itself_must_be_shown_not_to(desk, teller, state, window, shown):
    at = await desk(teller)
    payment = await at.payment_in(state, window_url="https://x.test" if window else "")
    assert await at.write(lambda turn, _: must_be_shown(turn, at.gateway, payment)) is shown
    assert await at.write(lambda turn, _: must_be_shown(turn, None, payment)) is False


@pytest.mark.parametrize(
    ("teller", "state", "check", "asked", "owed"),
    [
        ("AskedOnHint", WAITS, None, True, 1),
        ("AskedOnHint", OPEN, None, False, 0),
        ("Mute", WAITS, None, False, 0),
        ("AskedOnHint", WAITS, (Step.UNKNOWN, 359), True, 1),
        ("AskedOnHint", WAITS, (Step.UNKNOWN, 360), False, 1),
        ("AskedOnHint", WAITS, (Step.OK, 0), False, 1),
        ("AskedOnHint", WAITS, (Step.OK, 10), True, 2),
    ],
)
async def test_the_gateways_books_are_looked_at_once_more_before_an_account_ends(
    desk, teller, state, check, asked, owed
):
    at = await desk(teller)
    payment = await at.payment_in(state)
    at.world.clock.at = payment.expires_at
    if check:
        sent_at = at.world.clock.now() - timedelta(seconds=check[1])
        await at.operation(payment, Kind.CHECK, check[0], sent_at=sent_at)
    assert await at.write(lambda turn, pen: must_be_asked(turn, pen, at.gateway, payment)) is asked
    checks = [one for one in await at.world.operations(payment.id) if one.kind is Kind.CHECK]
    assert len(checks) == owed
    assert await at.write(lambda turn, pen: must_be_asked(turn, pen, None, payment)) is False


async def test_a_window_that_was_perhaps_paid_holds_its_order_unless_another_payment_does(desk):
    at = await desk("SelfTold")
    for state in WAYS:
        payment = await at.payment_in(state)
        after = await at.write(lambda turn, pen, one=payment: hold_order(turn, pen, one))
        assert after.state == ("unknown" if state is OPEN else state)
        held = [("bridge", "open", "unknown", {})] if state is OPEN else []
        assert await at.audited(payment, "window.perhaps_paid") == held
        assert await at.world.told(payment.id) == ["payment.confirming"] * (state is OPEN)
    payment = await at.payment_in(OPEN, like=await at.payment_in(WAITS))
    assert (await at.write(lambda turn, pen: hold_order(turn, pen, payment))).state == "open"


# ---- accounts that are closed, and transfers that are taken back


@pytest.mark.parametrize(
    ("outcome", "step", "state", "becomes"),
    [
        (Undone("2001"), Step.SENT, WAITS, ("ok", "E6", "2001", "voided")),
        (NothingThere("404"), Step.UNKNOWN, WAITS, ("ok", "E6", "404", "voided")),
        (Undone("2001"), Step.UNKNOWN, PAID, ("ok", "E6", "2001", "paid")),
        (NotSent("why"), Step.SENT, WAITS, ("not_sent", "E3", "", WAITS)),
        (NotSent("why"), Step.UNKNOWN, WAITS, ("unknown", "", "", WAITS)),
        (Refused(Reason.CANCEL_FAILED, "7", "m"), Step.SENT, WAITS, ("fail", "E2", "7", WAITS)),
        (TooLate("7"), Step.UNKNOWN, WAITS, ("fail", "E2", "7", WAITS)),
        (Unknown("why", "9"), Step.UNKNOWN, PAID, ("fail", "E7", "9", "paid")),
        (Unknown("why", "9"), Step.SENT, WAITS, ("unknown", "", "9", WAITS)),
        (Unknown("why", "9"), Step.UNKNOWN, WAITS, ("unknown", "", "9", WAITS)),
    ],
)
async def test_what_the_answer_to_a_closing_comes_to(desk, outcome, step, state, becomes):
    at = await desk("Accounts")
    payment = await at.payment_in(state, account=ACCOUNT)
    closing = await at.operation(payment, Kind.PROBE, step)
    await at.write(lambda turn, pen: record_closing(turn, pen, at.gateway, closing, outcome))
    after, payment = await at.now(closing)
    assert (after.step, after.evidence, after.code, payment.state) == becomes
    said = "" if after.step == "ok" else getattr(outcome, "message", "") or getattr(outcome, "why", "")
    assert after.message == said
    given_up = [("bridge", state, state, {"code": after.code, "message": said})] if after.step == "fail" else []
    assert await at.audited(payment, "account.not_voided") == given_up
    assert await at.seconds_until(after) == (2 if after.step == "unknown" else None)
    if payment.state == "voided":
        assert await at.audited(payment, "payment.voided") == [("wp:7", WAITS, "voided", {"evidence": "E6"})]
    # Closed, and paid into: one of both cannot be, or the deposit went back with it.
    asked = ["external_cancel"] if (after.step, payment.state) == ("ok", "paid") else []
    assert await at.world.cases(payment.id) == asked


@pytest.mark.parametrize(
    ("sent_ago", "left", "step", "seconds"),
    [(0, DAY, "unknown", 2), (359, DAY, "unknown", 2), (360, DAY, "unknown", 600), (0, 1.5, "unknown", 1.5),
     (0, 0.5, "unknown", 1), (0, 0, "fail", None)],
)  # fmt: skip
async def test_a_closing_is_asked_for_until_the_accounts_end_and_not_beyond(desk, sent_ago, left, step, seconds):
    at = await desk("Accounts")
    payment = await at.payment_in(WAITS, expires_at=at.world.clock.now() + timedelta(seconds=left))
    sent_at = at.world.clock.now() - timedelta(seconds=sent_ago)
    closing = await at.operation(payment, Kind.PROBE, Step.UNKNOWN, sent_at=sent_at)
    await at.write(lambda turn, pen: record_closing(turn, pen, at.gateway, closing, Unknown("why")))
    after, _ = await at.now(closing)
    assert (after.step, await at.seconds_until(after)) == (step, seconds)


@pytest.mark.parametrize(
    ("step", "shown", "may"),
    [
        (Step.SENT, "asking", False),
        (Step.UNKNOWN, "asking", False),
        (Step.NEEDS_HUMAN, "refused", False),
        (Step.FAIL, "refused", True),
        (Step.OK, "closed", True),
    ],
)
async def test_what_a_clerk_is_shown_of_a_closing(desk, step, shown, may):
    at = await desk("Accounts")
    payment = await at.payment_in(WAITS)
    site = at.world.context.sites.get(payment.site)
    assert await at.write(lambda turn, _: void_json(turn, site, payment)) == {"may": True}
    await at.operation(payment, Kind.PROBE, step, said={"code": "7"}, message="m")
    seen = await at.write(lambda turn, _: void_json(turn, site, payment))
    assert (seen["may"], seen["state"]) == (may, shown)
    if step is not Step.SENT:
        assert (seen["code"], seen["message"]) == ("7", "m" if step is Step.FAIL else "")
    if not may:
        assert seen["why"] == "앞선 처리의 결과를 아직 확인하고 있어요."


async def test_an_account_may_be_closed_only_while_it_waits_and_by_a_gateway_that_can(desk):
    at = await desk("Accounts")
    site = at.world.context.sites.get(at.world.site.id)
    for state in WAYS:
        payment = await at.payment_in(state)
        if state is WAITS:
            await at.write(lambda turn, _, one=payment: may_close(turn, site, one))
            await at.operation(payment, Kind.REFUND, Step.UNKNOWN)
            with pytest.raises(PendingOutcome):
                await at.write(lambda turn, _, one=payment: may_close(turn, site, one))
            continue
        with pytest.raises(NotNow, match=f"in state {state} waits on no account"):
            await at.write(lambda turn, _, one=payment: may_close(turn, site, one))
        assert await at.write(lambda turn, _, one=payment: void_json(turn, site, one)) is None
    await at.world.pair_teller("Mute", url="http://other.test")
    payment = await at.payment_in(WAITS)
    mute = at.world.context.sites.get(at.world.site.id)
    with pytest.raises(GatewayOff, match="closes no accounts"):
        await at.write(lambda turn, _: may_close(turn, mute, payment))


@pytest.mark.parametrize(("code", "refs"), [("", {"transfer": "1"}), ("9001", {"transfer": "1"}), ("accepted", {})])
async def test_a_transfer_that_nobody_knows_to_be_registered_has_no_number_to_be_cancelled_by(desk, code, refs):
    at = await desk("Accounts")
    payment = await at.payment_in(PAID)
    sealed = await at.sealed({"bank": "088", "number": "1", "holder": "김"})
    refund = await at.operation(payment, Kind.REFUND, Step.UNKNOWN, context_sealed=sealed,
                                said={"code": code, "refs": refs})  # fmt: skip
    context = at.world.context
    with pytest.raises(NotNow, match="has not answered that it registered"):
        await cancel_transfer(context, context.sites.get(payment.site), refund.id, "operator:narae")
    assert at.world.teller.calls["transfer_cancel"] == 0
    assert await at.audited(payment, "transfer.cancel_sent") == []
