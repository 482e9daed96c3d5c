"""PostgreSQL itself dies (SIGQUIT: at once, connections cut) while money is on its way, and comes back."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bridge.domain.machine import State
from bridge.flows.recover import STALE_SECONDS
from tests.support.postgres import PostgresServer, running_server

from .conftest import Figures
from .lab import Lab, running
from .moments import EVERYTHING, compiler
from .people import AMOUNT, Order, Refund
from .power import work
from .verdict import Verdict

DEATHS = 25 if EVERYTHING else 4
BUYERS = 30
AWAY_SECONDS = 0.5
LONG_AWAY_SECONDS = 6.5
"""Longer than a turn waits for the database: the answer itself must be tried again."""
PAUSE_SECONDS = 2.5 if EVERYTHING else 1.2
pytestmark = [pytest.mark.kill, pytest.mark.postgres, pytest.mark.usefixtures("chains")]


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory, library: Path | None) -> Iterator[tuple[Lab, PostgresServer]]:
    """A lab on a PostgreSQL server of its own."""
    with running_server() as server:
        directory = tmp_path_factory.mktemp("mortal") / "lab"
        with running(Lab(directory, library, server.create("bridge"))) as lab:
            yield lab, server


def die(
    server: PostgresServer, away_seconds: float = AWAY_SECONDS, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Die as by a crash, stay away for a moment in which something happens, come back."""
    server.stop(signal.SIGQUIT)
    meanwhile()
    time.sleep(away_seconds)
    server.start()


@pytest.mark.parametrize("answered", ["while it is away", "when it is back"])
def test_an_answer_that_finds_the_database_dead_is_written_when_it_is_back(
    mortal: tuple[Lab, PostgresServer], answered: str
) -> None:
    lab, server = mortal
    order = Order(lab)
    order.check_out()
    order.pay_in_window()
    ref = order.payment["merchant_ref"]
    lab.gateway.hold("pay", "delay")
    with ThreadPoolExecutor(1) as browser:
        returning = browser.submit(order.come_back)
        lab.wait_for(lambda: lab.gateway.books()[ref]["captured"] > 0, "the gateway carried it out")
        if answered == "while it is away":
            die(server, LONG_AWAY_SECONDS, meanwhile=lab.gateway.let_go)
        else:
            die(server)
            lab.gateway.let_go()
        answer = returning.result(30)
    assert answer is not None
    lab.settle()
    book = lab.gateway.books()[ref]
    assert (order.payment["state"], book["net"], book["calls"].get("net_cancel", 0)) == (State.PAID, AMOUNT, 0)
    Verdict(lab).judge()


def test_a_refund_whose_answer_finds_the_database_dead_is_written_once(mortal: tuple[Lab, PostgresServer]) -> None:
    lab, server = mortal
    order = Order(lab)
    order.buy()
    ref = order.payment["merchant_ref"]
    refund = Refund(order, 12_000)
    order_of_click = refund.click
    lab.gateway.hold("part_cancel", "delay")
    with ThreadPoolExecutor(1) as clerk:
        clicked = clerk.submit(order_of_click)
        lab.wait_for(lambda: lab.gateway.books()[ref]["refunded"] > 0, "the gateway gave it back")
        die(server, meanwhile=lab.gateway.let_go)
        clicked.result(30)
    lab.settle()
    answer = refund.click()
    assert answer is not None
    assert answer.json()["state"] == "done", answer.text
    assert lab.gateway.books()[ref]["net"] == AMOUNT - 12_000
    Verdict(lab).judge()


def test_without_a_database_nothing_begins_and_nothing_is_sent(mortal: tuple[Lab, PostgresServer]) -> None:
    lab, server = mortal
    order = Order(lab)
    calls = lab.gateway.books()
    server.stop(signal.SIGQUIT)
    try:
        answer = order.check_out()
        assert answer is not None
        assert answer.status_code == 503
        assert lab.gateway.books() == calls
    finally:
        server.start()
    order.buy()
    Verdict(lab).judge()


@pytest.mark.skipif(compiler() is None, reason="the clock is set by a library that needs a C compiler")
def test_whenever_the_database_dies_during_a_busy_hour_the_books_agree(
    mortal: tuple[Lab, PostgresServer], figures: Figures
) -> None:
    """Buyers and clerks go on; PostgreSQL dies again and again at moments drawn by chance."""
    lab, server = mortal
    chance, over, died = random.Random(5), threading.Event(), [0]

    def keep_dying() -> None:
        while died[0] < DEATHS:
            time.sleep(chance.uniform(0.05, PAUSE_SECONDS))
            die(server)
            died[0] += 1
        over.set()

    dying = threading.Thread(target=keep_dying)
    dying.start()
    try:
        while not over.is_set():
            work(lab, BUYERS, bear=True)
    finally:
        dying.join(120)
    # An intent whose commit nobody heard of was never sent; it is taken over when it is too old for any answer.
    assert lab.moments.set_ahead(lab.moments.ahead_seconds + STALE_SECONDS + 5)
    lab.settle()
    verdict = Verdict(lab)
    verdict.judge()
    lab.books.check()
    figures["postgres_deaths"] = {"deaths": died[0], "payments": verdict.payments_judged}
    assert verdict.payments_judged > BUYERS
