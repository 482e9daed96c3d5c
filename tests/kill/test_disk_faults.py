"""The real server on a disk that is full, fails, is locked by another program, or gives back damaged pages."""

import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import pytest

from bridge.domain.machine import State

from .lab import Lab, running
from .moments import compiler
from .people import AMOUNT, NO_TLS, Order, Refund
from .verdict import Verdict

RESERVE_BYTES = 512 * 1024
NEEDS_COMPILER = pytest.mark.skipif(compiler() is None, reason="the disk is a library that needs a C compiler")
pytestmark = [pytest.mark.kill, pytest.mark.usefixtures("chains")]


@pytest.fixture
def small(tmp_path: Path, library: Path | None) -> Iterator[Lab]:
    """A lab whose server keeps a small reserve."""
    with running(Lab(tmp_path / "lab", library, settings={"BRIDGE_RESERVE_BYTES": str(RESERVE_BYTES)})) as lab:
        yield lab


def ready(lab: Lab) -> tuple[int, str]:
    """What the supervisor hears: the status and the detail of /readyz, no older than a second."""
    time.sleep(1.1)
    with httpx2.Client(verify=NO_TLS, trust_env=False, timeout=10) as http:
        answer = http.get(f"{lab.url}/readyz")
    return answer.status_code, answer.json().get("detail", "")


@contextmanager
def approving(lab: Lab, order: Order) -> Iterator["Future[httpx2.Response | None]"]:
    """Let an approval be at the gateway, done and not answered until the block lets it go."""
    order.check_out()
    order.pay_in_window()
    lab.gateway.hold("pay", "delay")
    with ThreadPoolExecutor(1) as browser:
        returning = browser.submit(order.come_back)
        ref = order.payment["merchant_ref"]
        lab.wait_for(lambda: lab.gateway.books()[ref]["captured"] > 0, "the gateway has carried the approval out")
        yield returning


def refused(answer: httpx2.Response | None) -> str:
    """What a client hears of whom nothing was begun."""
    assert answer is not None
    assert answer.status_code == 503, answer.text
    return answer.text


@NEEDS_COMPILER
def test_on_a_full_disk_nothing_begins_and_nothing_is_sent(small: Lab) -> None:
    waiting, paid = Order(small), Order(small)
    waiting.check_out()
    waiting.pay_in_window()
    paid.buy()
    calls = {ref: book["calls"] for ref, book in small.gateway.books().items()}
    small.disk.limit(0)

    for _ in range(3):
        assert '"busy"' in refused(Order(small).check_out())
        assert "확인하고 있어요" in refused(waiting.come_back()), "the page looks again by itself"
        assert '"busy"' in refused(Refund(paid).click())
    status, why = ready(small)
    assert status == 503
    assert "reserve" in why
    assert {ref: book["calls"] for ref, book in small.gateway.books().items()} == calls

    small.disk.unlimit()
    assert ready(small) == (200, "")
    assert small.database.with_name("bridge.db.reserve").stat().st_size == RESERVE_BYTES
    waiting.come_back()
    answer = Refund(paid).click()
    assert answer is not None
    assert answer.json()["state"] == "done"
    small.settle()
    assert waiting.payment["state"] == State.PAID
    Verdict(small).judge()


@NEEDS_COMPILER
def test_an_answer_that_finds_the_disk_full_is_written_into_the_reserves_room(small: Lab) -> None:
    order = Order(small)
    with approving(small, order) as returning:
        small.disk.limit(0)
        small.gateway.let_go()
        answer = returning.result(20)
    assert answer is not None
    assert answer.status_code == 303
    assert order.payment["state"] == State.PAID
    assert small.disk.refused > 0, "the disk was full"
    assert not small.database.with_name("bridge.db.reserve").exists()
    assert "too little for the reserve" in refused(Order(small).check_out())
    small.disk.unlimit()
    small.settle()
    Verdict(small).judge()


@NEEDS_COMPILER
def test_without_a_reserve_the_answer_waits_for_room_and_is_not_lost(lab: Lab) -> None:
    order = Order(lab)
    with approving(lab, order) as returning:
        lab.disk.limit(0)
        lab.gateway.let_go()
        time.sleep(2)  # no sign tells that a write was tried in vain: the answer is there, the turn is begun at once
        [operation] = lab.rows("SELECT state FROM operations")
        assert operation["state"] == "sent", "on the disk it is still what it was"
        lab.disk.unlimit()
        answer = returning.result(20)
    assert answer is not None
    lab.settle()
    book = lab.gateway.books()[order.payment["merchant_ref"]]
    assert (book["net"], book["calls"].get("pay"), book["calls"].get("net_cancel", 0)) == (AMOUNT, 1, 0)
    assert order.payment["state"] == State.PAID
    Verdict(lab).judge()


@NEEDS_COMPILER
def test_an_answer_that_found_no_room_before_the_death_is_found_out_after_it(lab: Lab) -> None:
    order = Order(lab)
    with approving(lab, order):
        lab.disk.limit(0)
        lab.gateway.let_go()
        time.sleep(1)  # as above: it is to die after it tried
        lab.kill()
    lab.disk.unlimit()
    lab.restart()
    lab.settle()
    assert order.payment["state"] == State.VOIDED
    assert lab.gateway.books()[order.payment["merchant_ref"]]["net"] == 0
    Verdict(lab).judge()


@NEEDS_COMPILER
@pytest.mark.parametrize("sent", [False, True])
def test_a_sync_that_fails_ends_the_process_and_the_next_one_goes_on(lab: Lab, sent: bool) -> None:
    order = Order(lab)
    if sent:
        with approving(lab, order):
            lab.disk.fail_syncs(1)
            lab.gateway.let_go()
            assert lab.server is not None
            assert lab.server.wait(20) == 70
    else:
        lab.disk.fail_syncs(1)
        assert order.check_out() is None, "nobody was told anything"
        assert lab.server is not None
        assert lab.server.wait(20) == 70
    assert "the disk failed; the bridge stops here" in lab.server.said()
    lab.restart()
    order.check_out() if not sent else order.come_back()
    lab.settle()
    assert order.payment["state"] in ((State.PAID, State.VOIDED) if sent else (State.OPEN,))
    Verdict(lab).judge()


@NEEDS_COMPILER
def test_a_second_break_within_a_minute_leaves_a_bridge_that_only_tells(lab: Lab) -> None:
    order = Order(lab)
    order.buy()
    assert lab.server is not None
    lab.disk.fail_syncs()
    assert Order(lab).check_out() is None
    for _ in range(2):  # a supervisor starts it again, and again
        assert lab.server.wait(20) == 70
        lab.begin()
    lab.server.wait_until_serving()

    status, why = ready(lab)
    assert status == 503
    assert "broke twice within a minute and only reads" in why
    assert "disk I/O error" in why
    answer = order.come_back()
    assert answer is not None
    assert answer.status_code == 303, "who paid is told so"
    assert "/result" in answer.headers["location"]
    calls = lab.gateway.books()
    assert '"ledger_broken"' in refused(Order(lab).check_out())
    assert '"ledger_broken"' in refused(Refund(order).click())
    assert lab.gateway.books() == calls

    lab.disk.fail_syncs(0)  # the disk is mended, and the service started again
    lab.server.terminate()
    lab.server.wait(20)
    lab.restart()
    answer = Refund(order).click()
    assert answer is not None
    assert answer.json()["state"] == "done"
    lab.settle()
    Verdict(lab).judge()


@contextmanager
def locked(lab: Lab) -> Iterator[None]:
    """Hold the database as another program might."""
    with closing(sqlite3.connect(lab.database, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def test_while_another_program_holds_the_database_callers_hear_so_in_time(lab: Lab) -> None:
    paid = Order(lab)
    paid.buy()
    calls = lab.gateway.books()
    with locked(lab), ThreadPoolExecutor(12) as clients:
        began = time.monotonic()
        asked = [clients.submit(Order(lab).check_out) for _ in range(6)]
        time.sleep(2.5)
        asked += [clients.submit(Refund(paid).click) for _ in range(6)]
        for answer in asked:
            refused(answer.result(20))
        waited = time.monotonic() - began
    assert waited < 7.5, "nobody waits for the lock twice"
    assert lab.gateway.books() == calls, "nothing was sent"
    Order(lab).buy()
    Verdict(lab).judge()


def test_an_answer_that_finds_the_database_locked_is_written_afterwards(lab: Lab) -> None:
    order = Order(lab)
    with approving(lab, order) as returning:
        with locked(lab):
            lab.gateway.let_go()
            time.sleep(6)  # longer than a turn waits for the file, so that it comes back empty-handed once
        answer = returning.result(20)
    assert answer is not None
    lab.settle()
    assert order.payment["state"] == State.PAID
    assert lab.gateway.books()[order.payment["merchant_ref"]]["net"] == AMOUNT
    Verdict(lab).judge()


def damage(lab: Lab, how: str) -> None:
    """Damage the file: its bytes in the middle of a page, or its end."""
    with closing(sqlite3.connect(lab.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'payments'").fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    with lab.database.open("r+b") as file:
        if how == "cut short":
            file.truncate(file.seek(0, 2) - 3 * page_bytes)
        else:
            file.seek((page - 1) * page_bytes)
            file.write(b"\x5a" * 128)


@pytest.mark.parametrize("how", ["flipped", "cut short"])
def test_a_damaged_database_is_not_served_and_the_operator_told_what_to_do(lab: Lab, how: str) -> None:
    Order(lab).buy()
    assert lab.server is not None
    lab.server.terminate()
    lab.server.wait(20)
    whole = lab.database.read_bytes()
    damage(lab, how)
    for _ in range(2):  # the second time it has broken twice, and is no more willing
        server = lab.begin()
        assert server.wait(30) in (1, 70)
        assert re.search(r"damaged|malformed", server.said())
        assert "restore the latest backup" in server.said()
    lab.database.write_bytes(whole)
    lab.start()
    Order(lab).buy()
    Verdict(lab).judge()
