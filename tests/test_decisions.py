"""What people may decide about a case, as a table: by its reason, the payment's state, and what is on its way."""

from datetime import UTC, datetime

import pytest

from bridge.domain.decisions import Decision, Matter, amount_of, choices, read_evidence, refuse_own, suggest
from bridge.domain.failures import AmountRefused, DepositAwaited, Malformed, OwnNumber
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
        ("reported", "part_refunded", {"captured": 55_000, "refunded": 5_000}, (*CANCELLED, D.MONEY_FOUND)),
        ("reported", "declined", {}, NOTHING_LIES_THERE),
        ("unexpected_deposit", "awaiting_deposit", {}, (D.PAID, *NOTHING_LIES_THERE)),
        ("unexpected_deposit", "awaiting_deposit", {"amount": 50_000}, NOTHING_LIES_THERE),
        ("unexpected_deposit", "paid", {"captured": 55_000}, (D.SEEN, *NOTHING_LIES_THERE)),
        ("unexpected_deposit", "needs_human", {}, ()),
        ("money_on_ended_payment", "needs_human", {}, ()),
        ("money_on_ended_payment", "paid", {"captured": 55_000}, (D.SEEN, *NOTHING_LIES_THERE)),
        ("money_on_ended_payment", "declined", {"orphaned": 55_000}, NOTHING_LIES_THERE),
        ("seat_lost", "refunded", {"captured": 55_000, "refunded": 55_000}, (D.SEEN,)),
        *(
            (held, "refunded", {"captured": 55_000, "refunded": 55_000}, (D.SEEN,))
            for held in ("order_changed", "order_paid", "order_paid_twice", "seats_unconfirmed", "external_refund")
        ),
        ("books_differ", "refunded", {"captured": 55_000, "refunded": 55_000}, (D.SEEN, *NOTHING_LIES_THERE)),
        ("money_on_ended_payment", "voided", {}, NOTHING_LIES_THERE),
        ("seat_lost", "paid", {"captured": 55_000}, (D.SEEN,)),
        ("seat_lost", "awaiting_deposit", {}, ()),
        ("seat_lost", "expired", {}, NOTHING_LIES_THERE),
    ],
)
def test_each_case_offers_what_makes_sense_as_the_payment_stands(reason, state, changes, wanted):
    deposited = changes.get("amount", 55_000)
    one = payment(state, **changes | {"amount": 55_000})
    assert choices(Matter(reason, deposited), one, (), order_free=True) == wanted


def test_while_a_refund_has_no_outcome_only_that_one_is_decided():
    paid = payment("paid", captured=55_000)
    assert choices(Matter("refund_unknown"), paid, (Kind.REFUND,), order_free=True) == (D.REFUNDED, D.NOT_REFUNDED)
    assert choices(Matter("external_cancel"), paid, (Kind.REFUND,), order_free=True) == ()
    assert choices(Matter("external_cancel"), paid, (Kind.CHECK,), order_free=True) == CANCELLED


def test_what_a_window_may_have_taken_is_decided_where_its_order_is_anothers_and_it_cannot_be_kept():
    one, unknown = payment("open"), Matter("unknown_outcome")
    assert choices(unknown, one, (Kind.PROBE,), order_free=False) == (D.DECLINED, D.VOIDED)
    assert choices(unknown, one, (), order_free=False) == (), "nobody is asking whether it took anything"
    assert choices(Matter("amount_mismatch"), one, (Kind.PROBE,), order_free=False) == ()


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
    one, reason = payment(state, **changes), "money_on_ended_payment"
    offered = choices(Matter(reason, one.orphaned, one.orphaned), one, (), order_free=order_free)
    assert offered == ((D.GIVEN_BACK, D.ADOPTED) if adopted else (D.GIVEN_BACK,))
    more = choices(Matter(reason, one.orphaned + 1, one.orphaned), one, (), order_free=order_free)
    assert more == (*offered, D.MONEY_FOUND), "what was only reported is still to be found"


def test_another_cases_money_changes_nothing_of_what_is_offered():
    one = payment("declined", orphaned=55_000)
    assert choices(Matter("unexpected_deposit", 55_000), one, (), order_free=False) == NOTHING_LIES_THERE
    paid = payment("paid", captured=55_000, orphaned=55_000)
    assert choices(Matter("external_cancel", 55_000), paid, (), order_free=False) == CANCELLED


FOUND = "money_on_ended_payment"


def test_a_decision_is_about_what_was_typed_or_what_the_books_and_the_case_say():
    ended, part = payment("declined"), payment("part_refunded", captured=55_000, refunded=5_000)
    orphan, cancel = Matter(FOUND, 1, 1), "external_cancel"
    assert amount_of(D.MONEY_FOUND, ended, 7, Matter(FOUND, 9)) == 7
    assert amount_of(D.MONEY_FOUND, ended, None, Matter(FOUND, 9)) == 9
    assert amount_of(D.MONEY_FOUND, ended, None, Matter(FOUND, 9, 4)) == 5, "what is booked is not found again"
    assert amount_of(D.GIVEN_BACK, ended, None, orphan) == 1
    assert amount_of(D.GIVEN_BACK, ended, 1, orphan) == 1
    assert amount_of(D.GIVEN_BACK, ended, None, Matter(FOUND, 9, 4)) == 4
    assert amount_of(D.GIVEN_BACK, part, None, Matter(FOUND, 9)) == 9
    assert amount_of(D.GIVEN_BACK, part, None, Matter(cancel, 9)) == 9
    assert amount_of(D.GIVEN_BACK, part, None, Matter(cancel)) == 50_000
    assert amount_of(D.GIVEN_BACK, ended, None, Matter(cancel)) == 0
    assert amount_of(D.PAID, part, None, Matter("unknown_outcome", 9)) == 0
    with pytest.raises(Malformed):
        amount_of(D.GIVEN_BACK, ended, 2, orphan)
    with pytest.raises(Malformed):
        amount_of(D.PAID, part, 0, Matter("unknown_outcome"))


@pytest.mark.parametrize("decision", [D.GIVEN_BACK, D.MONEY_FOUND])
def test_an_amount_that_nothing_tells_is_asked_for_and_never_guessed(decision):
    paid = payment("paid", captured=55_000)
    assert suggest(decision, paid, Matter(FOUND)) == 0
    with pytest.raises(AmountRefused):
        amount_of(decision, paid, None, Matter(FOUND))
    assert amount_of(decision, paid, 5, Matter(FOUND)) == 5


def test_while_an_account_waits_no_more_is_found_than_the_case_tells_of():
    waits, told, half = payment("awaiting_deposit"), Matter("unexpected_deposit", 9), Matter(FOUND, 9, 4)
    for decision in (D.GIVEN_BACK, D.MONEY_FOUND):
        assert [amount_of(decision, waits, asked, told) for asked in (None, 8, 9)] == [9, 8, 9]
        with pytest.raises(DepositAwaited):
            amount_of(decision, waits, 10, told)
        with pytest.raises(DepositAwaited):
            amount_of(decision, waits, 1, Matter("unexpected_deposit"))
        assert amount_of(decision, payment("expired"), 10, told) == 10
    assert amount_of(D.GIVEN_BACK, waits, None, half) == 4, "that is in the books"
    assert amount_of(D.MONEY_FOUND, waits, 5, half) == 5
    with pytest.raises(DepositAwaited):
        amount_of(D.MONEY_FOUND, waits, 6, half)
    assert amount_of(D.GIVEN_BACK, waits, 10, Matter("external_cancel", 9)) == 10


def test_money_is_not_found_under_the_number_of_the_payments_own():
    for name in ("refNo", "tid", "mul_no"):
        with pytest.raises(OwnNumber, match="30001234"):
            refuse_own(
                D.MONEY_FOUND, payment("paid", captured=55_000, refs={name: "30001234"}), "console: 30001234, 55,000"
            )
    paid = payment("paid", captured=55_000, refs={"refNo": "30001234"})
    refuse_own(D.MONEY_FOUND, paid, "console: 30001235, 55,000")
    refuse_own(D.SEEN, paid, "console: 30001234, 55,000")
    refuse_own(D.MONEY_FOUND, payment("declined", refs={"refNo": "30001234"}), "console: 30001234")
    account = payment("paid", captured=55_000, refs={"refNo": "30001234"}, account={"number": "110-1"})
    refuse_own(D.MONEY_FOUND, account, "console: 30001234, the second deposit")


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
