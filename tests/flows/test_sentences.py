"""What two people's decision leaves in the books, and money beside a payment's own: each written once, with its actor.

Of bridge.flows.carry_out, bridge.flows.orphans and bridge.flows.external.
"""

import pytest

from bridge.domain.gateway import Paid
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.flows.carry_out import Sentence, carry_out, contradict
from bridge.flows.external import write_external_refund
from bridge.flows.orphans import close_own, write_adoption, write_orphan, write_return
from bridge.ledger.proposals import Proposal
from tests.support.desk import HUMAN, OPEN, VOIDING, WAITS

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

PAID, PART, VOIDED, DECLINED = State.PAID, State.PART_REFUNDED, State.VOIDED, State.DECLINED
SAID = {"code": "c", "message": "m"}


async def sentenced(at, payment, decision, reason="unknown_outcome", amount=0, about=0):
    """Open a case and carry out what was decided about it; gives the payment and the case as they stand then."""

    def work(turn, pen):
        pen.case(turn, payment, reason, "somebody must look", about)
        case = turn.one("SELECT * FROM cases WHERE payment = ? AND reason = ?", payment.id, reason)
        made = Proposal("p1", payment.site, case["id"], decision, amount, "seen", "operator:maker", pen.at)
        carry_out(Sentence(turn, pen, case, payment, made, "operator:checker"))
        return turn.one("SELECT * FROM cases WHERE id = ?", case["id"])

    case = await at.write(work)
    return await at.world.payment(payment.id), case


async def steps(at, payment):
    """Say how the operations of a payment stand, by their kind."""
    return {one.kind: (one.step, one.evidence, one.code, one.message) for one in await at.world.operations(payment.id)}


async def audited(at, payment, event):
    return [(actor, became, detail) for actor, _, became, detail in await at.audited(payment, event)]


@pytest.mark.parametrize(
    ("decision", "state", "settled", "entries", "told"),
    [
        ("paid", "paid", {"approve": "ok", "undo": "fail", "probe": "fail"}, [("capture", 55_000, "E8")], "paid"),
        ("declined", "declined", {"approve": "fail", "undo": "fail", "probe": "ok"}, [], "failed"),
        ("voided", "voided", {"approve": "fail", "undo": "ok", "probe": "ok"}, [], "failed"),
    ],
)
@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN])
async def test_what_two_people_found_out_settles_every_operation_and_keeps_the_gateways_words(
    desk, decision, state, settled, entries, told, step
):
    at = await desk("Serving")
    payment = await at.payment_in(HUMAN, refs={"number": "1"}, card={"issuer": "04"})
    for kind in (Kind.APPROVE, Kind.UNDO, Kind.PROBE):
        await at.operation(payment, kind, step, said=SAID)
    after, case = await sentenced(at, payment, decision)
    words = ("", "") if step is Step.SENT else ("c", "m")
    assert await steps(at, payment) == {Kind(kind): (becomes, "E8", *words) for kind, becomes in settled.items()}
    assert (after.state, await at.world.entries(payment.id)) == (state, entries)
    assert await at.world.told(payment.id) == [f"payment.{told}"]
    assert (after.refs, after.card) == ({"number": "1"}, {"issuer": "04"})
    assert (case["state"], case["resolution"]) == ("closed", f"{decision}: operator:maker, operator:checker")
    (event,) = await audited(at, payment, f"payment.{state}")
    assert (event[0], event[2]["evidence"]) == ("operator:checker", "E8")


@pytest.mark.parametrize("refusal", [True, False])
async def test_a_decline_is_in_the_gateways_words_only_where_it_had_refused(desk, refusal):
    at = await desk("Serving")
    payment = await at.payment_in(HUMAN)
    await at.operation(payment, Kind.APPROVE, Step.NEEDS_HUMAN, said=SAID | {"refusal": refusal})
    after, _ = await sentenced(at, payment, "declined")
    assert (after.reason, after.code, after.message) == ("never_happened", *(("c", "m") if refusal else ("", "")))


async def test_what_is_paid_without_an_approval_is_a_deposit_under_its_case(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(WAITS)
    after, case = await sentenced(at, payment, "paid", "unexpected_deposit", about=55_000)
    assert (after.state, after.captured) == ("paid", 55_000)
    (entry,) = await at.world.all("SELECT cause, evidence FROM entries")
    assert entry == {"cause": f"notice:{payment.site}:teller:case:{case['id']}:p1", "evidence": "E8"}
    assert (await audited(at, payment, "payment.deposited"))[0][0] == "operator:checker"


@pytest.mark.parametrize("with_undo", [True, False])
async def test_money_that_people_saw_back_is_entered_under_the_net_cancel_or_else_under_their_case(desk, with_undo):
    at = await desk("Serving")
    payment = await at.payment_in(VOIDING, captured=5_500)
    undo = await at.operation(payment, Kind.UNDO, Step.UNKNOWN) if with_undo else None
    after, case = await sentenced(at, payment, "voided")
    assert (after.state, await at.world.entries(payment.id)) == ("voided", [("undo", -5_500, "E8")])
    (entry,) = await at.world.all("SELECT cause FROM entries")
    assert entry["cause"] == (undo.id if undo else f"case:{case['id']}:p1")


async def test_a_window_whose_order_another_payment_has_is_voided_by_way_of_being_taken_back(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN)
    await at.operation(payment, Kind.PROBE, Step.NEEDS_HUMAN)
    after, _ = await sentenced(at, payment, "voided")
    assert after.state == "voided"
    assert await audited(at, payment, "undo.seen") == [("operator:checker", "voiding", {})]


@pytest.mark.parametrize(("code", "message"), [("c", "m"), ("", "")])
async def test_a_refund_that_people_found_not_made_is_refused_in_the_gateways_words_if_it_said_any(desk, code, message):
    at = await desk("Mute")
    payment = await at.payment_in(PAID)
    await at.operation(payment, Kind.REFUND, Step.NEEDS_HUMAN, amount=20_000, said={"code": code, "message": "m"})
    after, _ = await sentenced(at, payment, "not_refunded", "refund_unknown")
    assert await steps(at, payment) == {Kind.REFUND: ("fail", "E8", code, message)}
    assert (after.state, after.refunded) == ("paid", 0)
    event = ("operator:checker", "paid", {"amount": 20_000, "evidence": "E8"})
    assert await audited(at, payment, "refund.refused") == [event]
    assert await at.world.told(payment.id) == ["payment.refund_refused"]


async def test_a_refund_that_people_found_made_is_in_the_books_by_their_word(desk):
    at = await desk("Mute")
    payment = await at.payment_in(PAID)
    await at.operation(payment, Kind.REFUND, Step.NEEDS_HUMAN, amount=20_000)
    after, _ = await sentenced(at, payment, "refunded", "refund_unknown")
    assert (after.state, after.refunded) == ("part_refunded", 20_000)
    assert await at.world.entries(payment.id) == [("refund", -20_000, "E8")]
    assert (await audited(at, payment, "refund.done"))[0][0] == "operator:checker"


@pytest.mark.parametrize(
    ("reason", "state", "amount", "entries"),
    [
        ("external_cancel", PAID, 20_000, [("external_refund", -20_000, "E8")]),
        ("external_cancel", PAID, 55_000, [("external_refund", -55_000, "E8")]),
        ("external_cancel", PAID, 56_000, [("external_refund", -55_000, "E8"), ("orphan_refund", -1_000, "E8")]),
        ("reported", PART, 36_000, [("external_refund", -35_000, "E8"), ("orphan_refund", -1_000, "E8")]),
        ("reported", PART, 35_000, [("external_refund", -35_000, "E8")]),
        ("external_cancel", State.REFUNDED, 1_000, [("orphan_refund", -1_000, "E8")]),
    ],
)
async def test_what_people_saw_given_back_past_the_bridge_is_the_payments_own_first(
    desk, reason, state, amount, entries
):
    at = await desk("Mute")
    payment = await at.payment_in(state)
    after, case = await sentenced(at, payment, "given_back", reason, amount, about=amount)
    assert sorted(await at.world.entries(payment.id)) == sorted(entries)
    own = sum(-won for kind, won, _ in entries if kind == "external_refund")
    assert (after.refunded - payment.refunded, after.orphaned) == (own, own - amount)
    assert case["state"] == "closed"
    for row in await at.world.all("SELECT kind, cause FROM entries"):
        mine = f"case:{case['id']}:p1"
        assert row["cause"] == (mine if row["kind"] == "external_refund" else f"orphan:{payment.id}:{mine}")
    for event in ("refund.external", "payment.orphan_returned"):
        assert {actor for actor, _, _ in await audited(at, payment, event)} <= {"operator:checker"}


@pytest.mark.parametrize(("amount", "left", "stays"), [(55_000, 0, False), (54_999, 1, True)])
async def test_money_found_is_given_back_and_its_case_stays_for_what_is_left(desk, amount, left, stays):
    at = await desk("Mute")
    payment = await at.payment_in(VOIDED)
    await at.operation(payment, Kind.UNDO, Step.NEEDS_HUMAN, said=SAID)
    payment = await at.write(lambda turn, pen: orphan(turn, pen, payment))
    case = await at.write(lambda turn, _: turn.one("SELECT * FROM cases"))
    made = Proposal("p1", payment.site, case["id"], "given_back", amount, "seen", "operator:maker", 1)
    await at.write(lambda turn, pen: carry_out(Sentence(turn, pen, case, payment, made, "operator:checker")))
    assert (await at.world.payment(payment.id)).orphaned == left
    assert await at.world.cases(payment.id) == ["money_on_ended_payment"] * stays
    (case,) = await at.world.all("SELECT resolution FROM cases")
    assert case["resolution"] == ("" if stays else "given_back: operator:maker, operator:checker")
    assert await steps(at, payment) == {Kind.UNDO: ("ok", "E8", "c", "m")}
    (event,) = await audited(at, payment, "payment.orphan_returned")
    assert event == ("operator:checker", "voided", {"amount": amount, "evidence": "E8"})


async def test_no_money_ends_what_asks_for_it_and_changes_no_book(desk):
    at = await desk("Mute")
    for decision, step in (("no_money", "fail"), ("seen", "unknown"), ("not_given_back", "unknown")):
        payment = await at.payment_in(VOIDED)
        await at.operation(payment, Kind.UNDO, Step.UNKNOWN, said=SAID)
        after, case = await sentenced(at, payment, decision, "reported")
        assert (after.version, case["state"]) == (payment.version, "closed")
        assert (await steps(at, payment))[Kind.UNDO][0] == step


@pytest.mark.parametrize(
    ("reason", "amount", "about", "stays"),
    [
        ("money_on_ended_payment", 55_000, 55_000, True),
        ("unexpected_deposit", 54_999, 55_000, True),
        ("unexpected_deposit", 55_000, 55_000, False),
        ("reported", 20_000, 55_000, False),
    ],
)
async def test_money_that_people_found_stays_a_case_until_all_that_was_told_is_decided(
    desk, reason, amount, about, stays
):
    at = await desk("Mute")
    payment = await at.payment_in(DECLINED)
    after, case = await sentenced(at, payment, "money_found", reason, amount, about)
    assert (after.orphaned, case["state"]) == (amount, "open" if stays else "closed")
    assert "money_on_ended_payment" in await at.world.cases(payment.id), "what was found is to be given back"


# ---- money beside a payment's own


def orphan(turn, pen, payment, amount=55_000, cause="late"):
    return write_orphan(pen, turn, payment, amount=amount, evidence=Evidence.E7, cause=cause, detail="it came late")


def give_back(turn, pen, payment, amount, cause="back"):
    return write_return(pen, turn, payment, amount=amount, evidence=Evidence.E4, cause=cause)


async def test_money_found_and_its_way_back_count_once_for_each_fact_and_are_told(desk):
    at = await desk("Mute")
    payment = await at.payment_in(DECLINED)
    found = await at.write(lambda turn, pen: orphan(turn, pen, payment))
    assert await at.write(lambda turn, pen: orphan(turn, pen, found)) == found, "it is known, and the payment as it was"
    less = await at.write(lambda turn, pen: give_back(turn, pen, found, 20_000))
    assert await at.write(lambda turn, pen: give_back(turn, pen, less, 20_000)) == less
    assert await at.world.cases(payment.id) == ["money_on_ended_payment"]
    none = await at.write(lambda turn, pen: give_back(turn, pen, less, 35_000, "the rest"))
    assert [one.orphaned for one in (found, less, none)] == [55_000, 35_000, 0]
    assert {one.state for one in (found, less, none)} == {"declined"}
    assert await at.world.cases(payment.id) == []
    entries = await at.world.all("SELECT cause, kind, amount, site FROM entries ORDER BY amount DESC")
    written = [
        ("late", "orphan_capture", 55_000),
        ("back", "orphan_refund", -20_000),
        ("the rest", "orphan_refund", -35_000),
    ]
    assert entries == [
        {"cause": f"orphan:{payment.id}:{cause}", "kind": kind, "amount": amount, "site": payment.site}
        for cause, kind, amount in written
    ]
    assert await audited(at, payment, "payment.orphaned") == [
        ("gateway", "declined", {"amount": 55_000, "evidence": "E7"})
    ]
    back = [("gateway", "declined", {"amount": amount, "evidence": "E4"}) for amount in (20_000, 35_000)]
    assert await audited(at, payment, "payment.orphan_returned") == back
    assert await at.world.told(payment.id) == ["payment.orphaned", *["payment.orphan_returned"] * 2]


async def test_money_that_pays_for_the_order_after_all_is_told_and_the_order_knows_by_what_it_is_paid(desk):
    at = await desk("Mute")
    payment = await at.payment_in(DECLINED)
    found = await at.write(lambda turn, pen: orphan(turn, pen, payment))
    after = await at.write(lambda turn, pen: write_adoption(pen, turn, found, actor="operator:checker"))
    assert (after.state, after.adopted, after.orphaned) == ("declined", True, 55_000)
    event = ("operator:checker", "declined", {"amount": 55_000, "evidence": "E8"})
    assert await audited(at, payment, "payment.adopted") == [event]
    assert (await at.world.told(payment.id))[-1] == "payment.adopted"
    (order,) = await at.world.all("SELECT paid_by FROM orders WHERE ref = ?", payment.order_ref)
    assert order["paid_by"] == payment.id


@pytest.mark.parametrize(("amount", "state"), [(54_999, "part_refunded"), (55_000, "refunded")])
async def test_a_refund_past_the_bridge_moves_the_payment_and_counts_once(desk, amount, state):
    at = await desk("Mute")
    payment = await at.payment_in(PAID)

    def work(turn, pen, one):
        return write_external_refund(pen, turn, one, amount=amount, evidence=Evidence.E7, cause="why")

    after = await at.write(lambda turn, pen: work(turn, pen, payment))
    if state == "part_refunded":
        same = await at.write(lambda turn, pen: write_external_refund(
            pen, turn, after, amount=1, evidence=Evidence.E7, cause="why"))  # fmt: skip
        assert same == after
    assert (after.state, after.refunded) == (state, amount)
    entries = await at.world.all("SELECT cause, kind, amount, evidence, site FROM entries")
    entry = {"cause": "why", "kind": "external_refund", "amount": -amount, "evidence": "E7", "site": payment.site}
    assert entries == [entry]
    event = ("gateway", state, {"amount": amount, "evidence": "E7"})
    assert await audited(at, payment, "refund.external") == [event]
    assert await at.world.told(payment.id) == ["payment.refunded"]


@pytest.mark.parametrize(
    ("kind", "step", "given_past", "asked"),
    [
        (Kind.UNDO, Step.FAIL, 0, True),
        (Kind.UNDO, Step.FAIL, 19_999, True),
        (Kind.UNDO, Step.FAIL, 20_000, False),
        (Kind.REFUND, Step.FAIL, 20_000, False),  # its notice was there first
        (Kind.REFUND, Step.FAIL, 19_999, True),
        (Kind.REFUND, Step.FAIL, 20_001, True),
        (Kind.UNDO, Step.OK, 0, False),
    ],
)
async def test_the_gateways_word_against_peoples_is_a_case_unless_the_books_have_it(
    desk, kind, step, given_past, asked
):
    at = await desk("Mute")
    payment = await at.payment_in(PAID)
    denied = await at.operation(payment, kind, step, amount=20_000, evidence=Evidence.E8)
    if given_past:
        await at.write(lambda turn, pen: write_external_refund(
            pen, turn, payment, amount=given_past, evidence=Evidence.E7, cause="why"))  # fmt: skip
    await at.write(lambda turn, pen: contradict(turn, pen, payment.id, denied))
    detail = f"{kind} of 20000 KRW was done at the gateway after people said it was not"
    case = [{"reason": "external_cancel", "amount": 20_000, "detail": detail}] if asked else []
    assert await at.world.all("SELECT reason, amount, detail FROM cases") == case


@pytest.mark.parametrize(
    ("amount", "number", "evidence", "closes"),
    [
        (55_000, "", Evidence.E4, True),
        (55_000, "", Evidence.E7, False),
        (55_000, "1", Evidence.E7, True),
        (55_000, "1", Evidence.E8, False),
        (55_000, "2", Evidence.E7, False),
        (55_000, "2", Evidence.E4, False),
        (54_999, "1", Evidence.E4, False),
    ],
)
async def test_a_report_of_money_ends_only_where_evidence_shows_that_it_is_the_payments_own(
    desk, amount, number, evidence, closes
):
    at = await desk("Mute")
    payment = await at.payment_in(PAID)
    reason, refs = "money_on_ended_payment", {"tid": "1"}
    await at.write(lambda turn, pen: pen.case(turn, payment, reason, "pay answered late", 55_000, refs=refs))
    paid = Paid(amount, {"tid": number} if number else {})
    await at.write(lambda turn, pen: close_own(turn, payment, paid, evidence, pen.at))
    assert await at.world.cases(payment.id) == ([] if closes else [reason])
