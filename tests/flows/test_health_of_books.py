"""How grave it is when the books do not hold (bridge.flows.check_health_of_books)."""

import pytest

from bridge.domain.invariants import RULES
from bridge.flows.check_health_of_books import check_books
from bridge.ledger.checks import Checked

ABOUT_MONEY = ("I1", "I2", "I3", "I3b", "I4", "I5", "I6", "I7", "I15")


@pytest.mark.parametrize("rule", [*RULES, "I15"])
def test_the_bridges_health_fails_where_its_books_are_wrong_about_money_and_warns_of_the_rest(rule):
    found = (("I14", "p1", "it waits"), (rule, "p2", "what is wrong"))
    (check,) = check_books(Checked(at=0, full=True, payments=2, rows=9, took_ms=1, found=found), at=1_000)
    assert check.verdict == ("fail" if rule in ABOUT_MONEY else "warn")
    assert "p1" in check.advice.en
