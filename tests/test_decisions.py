"""What people may decide about a case, as a table: by its reason, the payment's state, and what is on its way."""

from datetime import UTC, datetime

import pytest

from bridge.domain.decisions import Decision, amount_of, choices, read_evidence
from bridge.domain.failures import Malformed
from bridge.domain.machine import Kind
from bridge.domain.payment import Device, Method, Payment

D = Decision
NOTHING_LIES_THERE = (D.NO_MONEY, D.GIVEN_BACK, D.MONEY_FOUND)
CANCELLED = (D.GIVEN_BACK, D.NOT_GIVEN_BACK)


def payment(state: str, **changes: object) -> Payment:
    at = datetime(2026, 11, 28, tzinfo=UTC)
    asked = {"method": Method.CARD, "device": Device.PC, "amount": 55_000, "tax_free": 0, "version": 3} | changes
    return Payment(
        id="p", site="s", order_ref="o", order_version=1, gateway="mainpay", state=state, merchant_ref="R",
        created_at=at, expires_at=at, **asked,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "state", "changes", "wanted"),
    [
        ("unknown_outcome", "needs_human", {}, (D.PAID, D.DECLINED, D.VOIDED)),
        ("unknown_outcome", "needs_human", {"captured": 55_000}, (D.VOIDED,)),
        ("unknown_outcome", "voiding", {"captured": 55_000}, (D.VOIDED,)),
        ("unknown_outcome", "voiding", {}, ()),
        ("amount_mismatch", "voiding", {"captured": 55_000}, ()),
        ("amount_mismatch", "unknown", {}, ()),
        ("amount_mismatch", "approving", {}, ()),
        ("amount_mismatch", "paid", {"captured": 55_000}, (D.SEEN,)),
        ("amount_mismatch", "voided", {}, (D.SEEN,)),
        ("amount_mismatch", "awaiting_deposit", {}, ()),
        ("refund_unknown", "paid", {"captured": 55_000}, (D.SEEN,)),
        ("refund_unknown", "awaiting_deposit", {}, ()),
        ("external_cancel", "paid", {"captured": 55_000}, CANCELLED),
        ("external_cancel", "declined", {}, CANCELLED),
        ("reported", "part_refunded", {"captured": 55_000, "refunded": 5_000}, CANCELLED),
        ("reported", "declined", {}, NOTHING_LIES_THERE),
        ("unexpected_deposit", "awaiting_deposit", {}, (D.PAID, *NOTHING_LIES_THERE)),
        ("unexpected_deposit", "paid", {"captured": 55_000}, NOTHING_LIES_THERE),
        ("money_on_ended_payment", "paid", {"captured": 55_000}, NOTHING_LIES_THERE),
        ("money_on_ended_payment", "voided", {}, NOTHING_LIES_THERE),
        ("seat_lost", "paid", {"captured": 55_000}, (D.SEEN,)),
        ("seat_lost", "awaiting_deposit", {}, ()),
        ("seat_lost", "expired", {}, NOTHING_LIES_THERE),
    ],
)
def test_each_case_offers_what_makes_sense_as_the_payment_stands(reason, state, changes, wanted):
    assert choices(reason, payment(state, **changes), (), order_free=True) == wanted


def test_while_a_refund_has_no_outcome_only_that_one_is_decided():
    paid = payment("paid", captured=55_000)
    assert choices("refund_unknown", paid, (Kind.REFUND,), order_free=True) == (D.REFUNDED, D.NOT_REFUNDED)
    assert choices("external_cancel", paid, (Kind.REFUND,), order_free=True) == ()
    assert choices("external_cancel", paid, (Kind.CHECK,), order_free=True) == CANCELLED


@pytest.mark.parametrize(
    ("state", "changes", "order_free", "adopted"),
    [
        ("declined", {"orphaned": 55_000}, True, True),
        ("declined", {"orphaned": 1}, True, False),
        ("declined", {"orphaned": 55_000}, False, False),
        ("declined", {"orphaned": 55_000, "adopted": True}, True, False),
        ("awaiting_deposit", {"orphaned": 55_000}, True, False),
    ],
)
def test_money_found_may_be_adopted_only_whole_once_and_by_a_free_order(state, changes, order_free, adopted):
    offered = choices("money_on_ended_payment", payment(state, **changes), (), order_free=order_free)
    assert offered == ((D.GIVEN_BACK, D.ADOPTED) if adopted else (D.GIVEN_BACK,))


def test_a_decision_is_about_what_was_typed_or_what_the_books_say():
    ended, orphan = payment("declined"), payment("declined", orphaned=1)
    part = payment("part_refunded", captured=55_000, refunded=5_000)
    assert amount_of(D.MONEY_FOUND, ended, 7, 9) == 7
    assert amount_of(D.MONEY_FOUND, ended, None, 9) == 9
    assert amount_of(D.MONEY_FOUND, ended, None, 0) == 55_000
    assert amount_of(D.GIVEN_BACK, orphan, None, 9) == 1
    assert amount_of(D.GIVEN_BACK, orphan, 1, 9) == 1
    assert amount_of(D.GIVEN_BACK, part, None, 9) == 9
    assert amount_of(D.GIVEN_BACK, part, None, 0) == 50_000
    assert amount_of(D.GIVEN_BACK, payment("declined", captured=0), None, 0) == 0
    assert amount_of(D.PAID, part, None, 9) == 0
    with pytest.raises(Malformed):
        amount_of(D.GIVEN_BACK, orphan, 2, 9)
    with pytest.raises(Malformed):
        amount_of(D.PAID, part, 0, 9)


@pytest.mark.parametrize(
    ("text", "good"), [("x" * 9, False), ("x" * 10, True), ("x" * 2_000, True), ("x" * 2_001, False)]
)
def test_evidence_says_something_and_is_no_novel(text, good):
    if good:
        assert read_evidence(f"  {text} \n\n") == text
    else:
        with pytest.raises(Malformed):
            read_evidence(text)


def test_evidence_keeps_its_lines_and_holds_nothing_that_cannot_be_shown():
    assert read_evidence(" approval 1 \n\n at noon ") == "approval 1\nat noon"
    with pytest.raises(Malformed):
        read_evidence("approval\x00number 1234")
