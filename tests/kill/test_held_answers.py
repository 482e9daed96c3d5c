"""The server dies while the gateway holds the answer back: done already, never done, or done after the death."""

import pytest

from bridge.domain.machine import State

from .held import die_over_approval
from .lab import Lab
from .people import AMOUNT, Order
from .verdict import Verdict

pytestmark = [pytest.mark.kill, pytest.mark.usefixtures("chains")]


def test_money_taken_before_the_death_is_given_back_and_the_buyer_may_pay_again(lab: Lab) -> None:
    order = Order(lab)
    die_over_approval(lab, order, "hang", captured=True)
    lab.restart()
    answer = order.come_back()
    assert answer is not None
    assert answer.status_code in (200, 303)
    lab.settle()
    book = lab.gateway.books()[order.payment["merchant_ref"]]
    assert (book["captured"], book["refunded"]) == (AMOUNT, AMOUNT)
    assert order.payment["state"] == State.VOIDED
    order.buy()
    assert [payment["state"] for payment in order.payments] == [State.VOIDED, State.PAID]
    Verdict(lab).judge()


def test_an_approval_that_never_happened_is_concluded_only_after_the_quiet_period(lab: Lab) -> None:
    order = Order(lab)
    die_over_approval(lab, order, "hang_before", captured=False)
    lab.restart()
    lab.wait_for(lambda: _net_cancels(lab, order) >= 1, "net-cancel was asked")
    answer = order.come_back()
    assert answer is not None
    assert answer.status_code == 200, "nobody knows yet, so the buyer is told to wait"
    assert order.payment["state"] == State.VOIDING
    if not lab.moments.counted:
        return  # without the library the clock cannot be set ahead
    lab.settle()
    assert _net_cancels(lab, order) >= 2
    assert lab.waits_skipped >= 1
    assert order.payment["state"] == State.VOIDED
    assert lab.gateway.books()[order.payment["merchant_ref"]]["captured"] == 0
    Verdict(lab).judge()


def test_money_taken_after_the_restart_is_found_and_given_back(lab: Lab) -> None:
    lab.gateway.set(net_cancel_blocks=False)
    order = Order(lab)
    die_over_approval(lab, order, "late", captured=False)
    ref = order.payment["merchant_ref"]
    lab.restart()
    lab.wait_for(lambda: _net_cancels(lab, order) >= 1, "net-cancel was asked before the money moved")
    assert lab.gateway.books()[ref]["captured"] == 0
    lab.gateway.let_go()
    lab.wait_for(lambda: lab.gateway.books()[ref]["captured"] == AMOUNT, "the gateway carries the approval out late")
    assert order.payment["state"] == State.VOIDING
    if not lab.moments.counted:
        return
    lab.settle()
    assert lab.gateway.books()[ref]["net"] == 0
    assert order.payment["state"] == State.VOIDED
    Verdict(lab).judge()


def _net_cancels(lab: Lab, order: Order) -> int:
    calls: dict[str, int] = lab.gateway.books()[order.payment["merchant_ref"]]["calls"]
    return calls.get("net_cancel", 0)
