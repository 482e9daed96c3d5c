"""Each rule of the books over facts made by hand: a payment that is well, and one thing wrong with it at a time."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.domain.invariants import Deed, Entry, Facts, News, check, passes_luhn
from bridge.domain.machine import Kind, Step
from bridge.domain.payment import Device, Method, Payment

AT = datetime(2026, 11, 28, tzinfo=UTC)
APPROVED = Deed("a1", Kind.APPROVE, Step.OK, 55_000, "E1", "", "", 60.0)
REFUNDED = Deed("r1", Kind.REFUND, Step.OK, 5_000, "E1", "", "key", 60.0)
TAKEN = Entry("a1", "capture", 55_000, "E1")
GIVEN = Entry("r1", "refund", -5_000, "E1")


def payment(state: str, name: str = "p", **changes: object) -> Payment:
    asked = {"amount": 55_000, "tax_free": 0, "version": 4} | changes
    return Payment(
        id=name, site="s", order_ref="o", order_version=1, gateway="mainpay", method=Method.CARD, device=Device.PC,
        state=state, merchant_ref="R", created_at=AT, expires_at=AT, **asked,
    )  # fmt: skip


PAID = payment("part_refunded", captured=55_000, refunded=5_000)
WELL = Facts(
    payment=PAID,
    began_with=55_000,
    everyone=[PAID],
    deeds=[APPROVED, REFUNDED],
    entries=[TAKEN, GIVEN],
    moves=[
        ("new", "readying"),
        ("readying", "open"),
        ("open", "approving"),
        ("approving", "paid"),
        ("paid", "part_refunded"),
    ],
    news=[News(1, "payment.paid"), News(2, "payment.refunded")],
    cases=[],
    keys={"key": "r1"},
    sites=frozenset({"s"}),
    texts=["a title"],
    notices_kept=1,
)


def ill(**changes: object) -> list[str]:
    """Name the rules that do not hold."""
    return sorted({one.invariant for one in check(replace(WELL, **changes))})


def unpaid(state: str, **changes: object) -> Facts:
    one = payment(state, **{"version": 1} | changes)
    way = [("new", "open"), ("open", state)] if state != "open" else [("new", "open")]
    return replace(WELL, payment=one, everyone=[one], deeds=[], entries=[], moves=way, news=[], keys={})


def test_books_that_are_well_break_no_rule():
    assert ill() == []


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"entries": [TAKEN]}, ["I1", "I3b"]),
        ({"entries": [TAKEN, GIVEN, Entry("o", "orphan_capture", 700, "E7")]}, ["I1"]),
        ({"entries": [TAKEN._replace(evidence="E5"), GIVEN]}, ["I2"]),
        ({"entries": [TAKEN._replace(evidence=""), GIVEN]}, ["I2"]),
        ({"deeds": [APPROVED._replace(step=Step.UNKNOWN), REFUNDED]}, ["I2"]),
        ({"deeds": [APPROVED, REFUNDED, REFUNDED._replace(id="r2", step=Step.UNKNOWN, amount=50_001)]}, ["I11", "I3"]),
        ({"deeds": [APPROVED, REFUNDED._replace(amount=4_999)]}, ["I3b"]),
        ({"deeds": [APPROVED, REFUNDED._replace(step=Step.FAIL)]}, ["I3b"]),
        ({"deeds": [APPROVED]}, ["I3b"]),
        ({"deeds": [REFUNDED]}, ["I4"]),
        ({"moves": [*WELL.moves[:3], ("open", "paid"), ("paid", "part_refunded")]}, ["I6"]),
        ({"moves": WELL.moves[:-1]}, ["I6"]),
        ({"moves": [("", "readying"), *WELL.moves[1:]]}, ["I6"]),
        ({"payment": replace(PAID, version=6)}, ["I6"]),
        ({"news": WELL.news[1:]}, ["I8"]),
        ({"news": [*WELL.news, News(3, "payment.paid")]}, ["I8"]),
        ({"news": [*WELL.news, News(3, "payment.failed")]}, ["I8"]),
        ({"news": [News(1, "payment.paid"), News(3, "payment.refunded")]}, ["I8"]),
        ({"news": [News(2, "payment.paid"), News(3, "payment.refunded")]}, ["I8"]),
        ({"keys": {"key": "r9"}}, ["I11"]),
        ({"keys": {}}, ["I11"]),
        ({"deeds": [APPROVED._replace(idempotency_key="key"), REFUNDED]}, ["I11"]),
        ({"sites": frozenset({"s", "t"})}, ["I12"]),
        ({"texts": ["card 4111111111111111 was typed"]}, ["I13"]),
    ],
)  # fmt: skip
def test_one_wrong_fact_breaks_its_rule_and_no_other(changes, broken):
    assert ill(**changes) == broken


@pytest.mark.parametrize("evidence", [f"E{number}" for number in range(1, 11)])
def test_money_was_taken_by_an_answer_an_inquiry_a_notice_or_two_people_and_by_nothing_else(evidence):
    broken = [] if evidence in ("E1", "E4", "E7", "E8") else ["I2"]
    assert ill(entries=[TAKEN._replace(evidence=evidence), GIVEN]) == broken


def test_failed_is_not_told_while_an_approval_may_still_take_money():
    told = replace(unpaid("declined"), news=[News(1, "payment.failed")], moves=[("new", "open"), ("open", "declined")])
    no = APPROVED._replace(step=Step.FAIL, evidence="E2")
    assert "I8" not in [one.invariant for one in check(replace(told, deeds=[no]))]
    assert "I8" not in [one.invariant for one in check(replace(told, deeds=[no, no._replace(id="u", kind=Kind.UNDO)]))]
    for step in (Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN):
        waiting = replace(told, deeds=[no._replace(step=step, evidence="")], cases=[("unknown_outcome", "open")])
        assert [one.invariant for one in check(waiting)] == ["I8"], step


@pytest.mark.parametrize(
    ("deeds", "broken"),
    [
        ([APPROVED._replace(sent=("answered",)), REFUNDED], []),
        ([APPROVED._replace(sent=("answered", "answered")), REFUNDED], ["I3b sent"]),
        ([APPROVED._replace(sent=("unknown", "answered")), REFUNDED], ["I3b sent"]),
        ([APPROVED, REFUNDED._replace(sent=("unknown", "answered"))], ["I3b sent"]),
        ([APPROVED, REFUNDED._replace(sent=("unreadable", "answered"))], ["I3b sent"]),
        ([APPROVED, REFUNDED._replace(sent=("answered", "unknown"))], []),
        ([APPROVED, REFUNDED, APPROVED._replace(id="u", kind=Kind.UNDO, sent=("unknown", "answered"))], []),
    ],
)
def test_nothing_is_sent_twice_but_what_bears_it(deeds, broken):
    assert ill(deeds=deeds) == broken


def test_a_refund_of_everything_bears_repetition():
    whole = REFUNDED._replace(amount=55_000, sent=("unknown", "answered"))
    assert "I3b sent" not in ill(deeds=[APPROVED, whole])


def test_what_stands_on_a_notice_has_one_that_is_kept():
    told = [TAKEN._replace(evidence="E7"), GIVEN]
    assert ill(entries=told) == []
    assert ill(entries=told, notices_kept=0) == ["I10 kept"]
    assert ill(notices_kept=0) == [], "an answer to our own call needs none"


def test_money_that_was_found_and_given_back_is_no_longer_there():
    found = [TAKEN, GIVEN, Entry("o", "orphan_capture", 700, "E7"), Entry("b", "orphan_refund", -700, "E1")]
    assert "I1" not in ill(entries=found)
    assert "I1" in ill(entries=[*found, Entry("c", "orphan_refund", -1, "E1")])


def test_a_key_that_made_two_operations_is_told_with_their_number():
    twice = [APPROVED._replace(idempotency_key="key"), REFUNDED]
    told = [one.what for one in check(replace(WELL, deeds=twice, keys={"key": PAID.id}))]
    assert told == ["the key key made 2 operations"]


def test_card_numbers_are_counted_over_all_texts_and_never_repeated():
    texts = ["card 4111111111111111", "4111111111111112", "5500005555555559 and 4111111111111111"]
    told = [one.what for one in check(replace(WELL, texts=texts))]
    assert told == ["3 texts hold what looks like a card number"]


def test_two_payments_that_hold_an_order_are_too_many_and_one_on_its_way_back_is_not():
    other = payment("unknown", "q")
    assert ill(everyone=[PAID, other]) == ["I5"]
    assert ill(everyone=[PAID, payment("voiding", "q")]) == []
    assert ill(everyone=[PAID, payment("declined", "q", adopted=True)]) == ["I5"]
    assert ill(everyone=[PAID, payment("declined", "q")]) == []


def test_money_that_was_found_has_a_person_or_has_been_adopted():
    found = payment("declined", orphaned=700, version=1)
    way = [("new", "open"), ("open", "approving"), ("approving", "declined")]
    there = [Entry("o", "orphan_capture", 700, "E7")]
    facts = replace(unpaid("declined"), payment=found, everyone=[found], entries=there, moves=way)
    assert [one.invariant for one in check(facts)] == ["I5 kept"]
    assert check(replace(facts, cases=[("money_on_ended_payment", "open")])) == []
    adopted = replace(found, adopted=True)
    assert check(replace(facts, payment=adopted, everyone=[adopted])) == []
    assert check(replace(facts, cases=[("money_on_ended_payment", "closed")])) != []


def test_another_sum_than_the_orders_is_on_its_way_back_and_a_person_knows():
    def of(state: str, *cases: tuple[str, str]) -> list[str]:
        one = replace(PAID, state=state, captured=54_000, refunded=0, version=1)
        return sorted({found.invariant for found in check(replace(WELL, payment=one, cases=list(cases)))} & {"I7"})

    assert of("paid", ("amount_mismatch", "open")) == ["I7"]
    for state in ("voiding", "voided", "needs_human"):
        assert of(state) == ["I7"]
        assert of(state, ("amount_mismatch", "closed")) == []


@pytest.mark.parametrize(("age", "broken"), [(1_500.0, []), (1_500.1, ["I9"])])
def test_an_outcome_that_nobody_knows_is_a_persons_after_its_time(age, broken):
    lost = Deed("r2", Kind.REFUND, Step.UNKNOWN, 100, "", "", "", age)
    assert ill(deeds=[APPROVED, REFUNDED, lost]) == broken
    assert ill(deeds=[APPROVED, REFUNDED, lost._replace(kind=Kind.CHECK)]) == []
    assert ill(deeds=[APPROVED, REFUNDED, lost._replace(code="accepted")]) == []


def test_whatever_needs_a_person_has_one():
    lost = Deed("r2", Kind.REFUND, Step.NEEDS_HUMAN, 100, "", "", "", 1.0)
    assert ill(deeds=[APPROVED, REFUNDED, lost]) == ["I9"]
    assert ill(deeds=[APPROVED, REFUNDED, lost], cases=[("refund_unknown", "open")]) == []


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN])
def test_two_refunds_without_outcome_at_once_are_one_too_many(step):
    lost = Deed("r2", Kind.REFUND, step, 100, "", "", "", 1.0)
    person = [("refund_unknown", "open")]
    assert ill(deeds=[APPROVED, REFUNDED, lost], cases=person) == []
    assert ill(deeds=[APPROVED, REFUNDED, lost, lost._replace(id="r3")], cases=person) == ["I3b"]
    assert ill(deeds=[APPROVED, REFUNDED, lost, lost._replace(id="r3", step=Step.FAIL)], cases=person) == []


@pytest.mark.parametrize(
    ("state", "seconds", "broken"),
    [
        ("new", 600.0, []),
        ("new", 600.1, ["I14"]),
        ("approving", 600.0, []),
        ("approving", 600.1, ["I14"]),
        ("readying", 600.0, []),
        ("readying", 600.1, ["I14"]),
        ("open", 90_000.0, []),
        ("unknown", 1_500.0, []),
        ("unknown", 1_500.1, ["I14"]),
        ("voiding", 1_500.1, ["I14"]),
    ],
)
def test_nothing_stays_on_its_way_for_ever(state, seconds, broken):
    facts = replace(unpaid(state), seconds_in_state=seconds)
    assert sorted({one.invariant for one in check(facts)} & {"I14"}) == broken


def test_an_operation_that_was_sent_is_taken_over_after_five_minutes():
    sent = Deed("r2", Kind.REFUND, Step.SENT, 100, "", "", "", 300.0)
    assert ill(deeds=[APPROVED, REFUNDED, sent]) == []
    assert ill(deeds=[APPROVED, REFUNDED, sent._replace(age_seconds=300.1)]) == ["I14"]


def test_a_payment_being_approved_has_an_approval_on_its_way():
    facts = unpaid("approving")
    sent = APPROVED._replace(step=Step.SENT)
    assert [one.invariant for one in check(facts)] == ["I4"]
    assert check(replace(facts, deeds=[sent])) == []
    assert [one.invariant for one in check(replace(facts, deeds=[sent._replace(kind=Kind.UNDO)]))] == ["I4"]


def test_a_restored_copy_may_lack_the_news_that_were_seen_before():
    late = [News(8, "payment.refunded"), News(7, "payment.paid")]
    assert ill(news=late) == ["I8"]
    assert ill(news=late, seen_before=6) == []


@pytest.mark.parametrize(
    ("digits", "fits"), [("4111111111111111", True), ("4111111111111112", False), ("378282246310005", True)]
)
def test_the_check_digit_tells_card_numbers_from_others(digits, fits):
    assert passes_luhn(digits) is fits


def test_what_breaks_our_own_books_is_grave_and_what_is_late_is_not():
    grave = {one.invariant: one.grave for one in check(replace(WELL, entries=[TAKEN], news=[], keys={}))}
    assert grave == {"I1": True, "I3b": True, "I8": False, "I11": False}


def test_what_was_given_back_here_and_past_the_bridge_is_no_more_than_was_taken():
    given = REFUNDED._replace(amount=30_000), GIVEN._replace(amount=-30_000)
    past = Entry("x1", "external_refund", -30_000, "E6")
    whole = payment("refunded", captured=55_000, refunded=60_000)
    assert "I3" in ill(payment=whole, everyone=[whole], deeds=[APPROVED, given[0]], entries=[TAKEN, given[1], past])


def test_a_withdrawal_that_nobody_waits_for_may_take_its_time():
    late = Deed("w1", Kind.WITHDRAW, Step.UNKNOWN, 55_000, "", "", "", 1_000_000.0)
    assert ill(deeds=[APPROVED, REFUNDED, late]) == []
    assert "I9" in ill(deeds=[APPROVED, REFUNDED, late._replace(kind=Kind.UNDO)])
