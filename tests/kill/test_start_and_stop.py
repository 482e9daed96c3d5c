"""Ending as an operator does, and starting twice."""

import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bridge.domain.machine import State
from tests.support.ports import free_port

from .lab import Lab
from .people import Order
from .process import ServerProcess, answers
from .verdict import Verdict

pytestmark = [pytest.mark.kill, pytest.mark.usefixtures("chains")]
ENDED_BY_REQUEST = (0, -signal.SIGTERM)


def test_an_approval_under_way_is_finished_before_the_server_ends(lab: Lab) -> None:
    order = Order(lab)
    order.check_out()
    order.pay_in_window()
    payment = order.payment
    lab.gateway.hold("pay", "delay")
    with ThreadPoolExecutor(1) as browser:
        returning = browser.submit(order.come_back)
        lab.wait_for(lambda: lab.gateway.books()[payment["merchant_ref"]]["captured"] > 0, "the approval is under way")
        assert lab.server is not None
        lab.server.terminate()
        lab.wait_for(lambda: not answers(lab.port, b"/livez"), "nothing new is taken")
        lab.gateway.let_go()
        answer = returning.result(20)
        code = lab.server.wait(20)
    assert answer is not None
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{lab.wordpress.url}/result")
    assert code in ENDED_BY_REQUEST
    connection = sqlite3.connect(lab.database)
    states = connection.execute("SELECT p.state, o.state FROM payments p JOIN operations o ON o.payment = p.id")
    assert states.fetchall() == [("paid", "ok")]
    connection.close()
    lab.restart()
    lab.settle()
    assert order.payment["state"] == State.PAID
    Verdict(lab).judge()


def test_a_second_server_waits_for_the_first_and_takes_over_when_it_is_killed(lab: Lab) -> None:
    order = Order(lab)
    order.buy()
    second = ServerProcess(free_port(), lab.environment, lab.directory / "second.log")
    third = None
    try:
        time.sleep(1.5)
        assert second.alive()
        assert not answers(second.port, b"/livez"), "two servers serve one file"
        assert answers(lab.port, b"/livez")
        lab.kill()
        second.wait_until_serving()
        third = ServerProcess(free_port(), lab.environment, lab.directory / "third.log")
        assert third.wait(30) == 1, "a server that cannot have the file gives up"
        assert "Another bridge holds bridge.db" in third.said()
        assert answers(second.port, b"/livez")
    finally:
        for server in (second, third):
            if server is not None and server.alive():
                server.kill()
    lab.start()
    assert order.payment["state"] == State.PAID
    Verdict(lab).judge()
