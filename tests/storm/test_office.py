"""What two people say of a case in a storm: one of what is true, and nothing else."""

import random

import pytest

from tests.storm.office import Truth, choose

EVERY = {"seen", "no_money", "given_back", "money_found"}
FOUND, CANCEL = "unexpected_deposit", "external_cancel"


def said(truth, *, reason=FOUND, booked=0, offered=frozenset(EVERY)):
    """Ask often, and give all that was answered."""
    case = {"reason": reason, "booked": booked}
    return {choose(set(offered), truth, case, adopts=True, chance=random.Random(seed)) for seed in range(40)}


def truth(taken, given, booked_taken, booked_given=0):
    return Truth(taken, given, booked_taken, booked_given, 100, refund_made=False)


@pytest.mark.parametrize(
    ("shown", "answers"),
    [
        (truth(100, 0, 100), {("seen", None), ("no_money", None)}),
        (truth(200, 0, 100), {("money_found", 100)}),
        (truth(200, 100, 100), {("seen", None), ("no_money", None), ("given_back", 100)}),
        (truth(190, 40, 100), {("given_back", 40), ("money_found", 50)}),
        (truth(100, 40, 100), set()),
    ],
)
def test_of_money_beside_the_payments_own_each_true_thing_is_said_at_times(shown, answers):
    assert said(shown) == (answers or {("", None)})


@pytest.mark.parametrize(
    ("shown", "answers"),
    [
        (truth(199, 0, 0), {("money_found", 99)}),
        (truth(199, 99, 0), {("given_back", 99)}),
        (truth(99, 0, 0), {("money_found", 99)}),
        (truth(0, 0, 0), {("seen", None), ("no_money", None)}),
    ],
)
def test_while_an_account_waits_what_the_case_tells_of_is_said_and_no_more(shown, answers):
    case = {"reason": FOUND, "amount": 99, "payment_state": "awaiting_deposit"}
    assert {choose(EVERY, shown, case, adopts=True, chance=random.Random(seed)) for seed in range(40)} == answers


def test_money_in_the_books_has_gone_back_only_as_far_as_they_have_it():
    offered = frozenset({"given_back", "adopted"})
    assert said(truth(200, 30, 200), booked=100, offered=offered) == {("given_back", 30)}
    assert said(truth(200, 130, 200), booked=100, offered=offered) == {("given_back", 100)}
    assert said(truth(200, 0, 200), booked=100, offered=offered) == {("adopted", None)}


def test_a_cancel_in_the_console_is_of_what_the_books_have_and_the_console_has_not():
    offered = frozenset({"given_back", "not_given_back"})
    assert said(truth(100, 30, 100), reason=CANCEL, offered=offered) == {("given_back", 30)}
    assert said(truth(100, 30, 100, 30), reason=CANCEL, offered=offered) == {("not_given_back", None)}
