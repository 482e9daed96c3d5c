"""The real server has no descriptor left, while approvals, refunds and notices come in over connections it has."""

import os
import resource
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.machine import State

from .goals import PATIENCE, SERVING_SECONDS_MAX
from .lab import Lab, running
from .people import AMOUNT, Order, Refund, close_lines, open_line
from .process import answers
from .verdict import Verdict

DRY_SECONDS = 3.0
CPU_SHARE_MAX = 0.4
CROWD = 120
QUESTION = b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
NONE_LEFT = 3
"""Whatever else is closed, nothing can be opened below the three that are always there."""
pytestmark = [pytest.mark.kill, pytest.mark.usefixtures("chains")]


@pytest.fixture
def dry(tmp_path: Path, library: Path | None, empty_database: str) -> Iterator[Lab]:
    """A lab on either database."""
    with running(Lab(tmp_path / "lab", library, empty_database)) as lab:
        yield lab


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    """Closes what a test leaves open, however it ends: what stays open is an error of the tests behind it."""
    with ExitStack() as stack:
        yield stack


def process_id(lab: Lab) -> int:
    assert lab.server is not None
    return lab.server.id


def cpu_seconds(process: int) -> float:
    """What a process has used so far."""
    said = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def limited(process: int, files: int) -> Iterator[None]:
    """Let a running process open nothing whose number is not below this."""
    before = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (files, before[1]))
    try:
        yield
    finally:
        resource.prlimit(process, resource.RLIMIT_NOFILE, before)


def wait_until_serving(lab: Lab) -> None:
    """Wait until a new connection is answered; half as long as a restart may take, with patience."""
    began = time.monotonic()
    while not answers(lab.port, b"/livez"):
        assert time.monotonic() - began < SERVING_SECONDS_MAX * PATIENCE, "it serves nobody"
        time.sleep(0.01)


def said_to_be_paid_in(lab: Lab, order: Order) -> Any:
    """Pay into an order's account; gives the notice, which the gateway keeps to itself."""
    deliver = lab.gateway.app.state.world.notices.deliver
    lab.gateway.keep_notices()
    try:
        lab.gateway.control("deposit", gateway="mainpay", merchant_ref=order.payment["merchant_ref"])
        lab.wait_for(lambda: bool(lab.gateway.kept_notices), "the notice is made")
    finally:
        lab.gateway.app.state.world.notices.deliver = deliver
    return lab.gateway.kept_notices.pop()


def come(
    lab: Lab, said: bytes = b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"
) -> socket.socket:
    """Open a connection and say something, without waiting for an answer."""
    line = socket.create_connection(("127.0.0.1", lab.port), timeout=20)
    line.sendall(said)
    return line


def cpu_share(process: int) -> float:
    """How much of a processor a process uses, measured for a while."""
    began, used = time.monotonic(), cpu_seconds(process)
    time.sleep(DRY_SECONDS)
    return (cpu_seconds(process) - used) / (time.monotonic() - began)


def money_calls(lab: Lab) -> dict[str, tuple[int, int]]:
    """How often the gateway was asked to take or give money, by order number."""
    books = lab.gateway.books().items()
    return {ref: (book["calls"].get("pay", 0), book["calls"].get("cancel", 0)) for ref, book in books}


def test_without_a_descriptor_nothing_is_sent_and_afterwards_everything_goes_on(dry: Lab, closing: ExitStack) -> None:
    paid, waiting, under_way, deposited = Order(dry), Order(dry), Order(dry), Order(dry, method="virtual_account")
    paid.buy()
    deposited.buy()
    notice = said_to_be_paid_in(dry, deposited)
    for order in (waiting, under_way):
        order.check_out()
        order.pay_in_window()
    for _ in range(3):
        open_line(dry)
    process, ref = process_id(dry), under_way.payment["merchant_ref"]
    dry.gateway.hold("pay", "delay", merchant_ref=ref)
    with ThreadPoolExecutor(1) as buyer:
        returning = buyer.submit(under_way.come_back)
        dry.wait_for(lambda: dry.gateway.books()[ref]["captured"] > 0, "the gateway has carried the approval out")
        calls = money_calls(dry)
        with limited(process, NONE_LEFT):
            comers = [closing.enter_context(come(dry)) for _ in range(20)]
            heard = waiting.come_back()
            assert heard is not None
            assert heard.status_code == 303
            heard = Refund(paid).click()
            assert heard is not None
            assert heard.json()["state"] == "not_sent"
            said = dry.lines[-1].post(notice.url, content=notice.body, headers={"content-type": notice.content_type})
            assert (said.status_code, said.content) == (200, b"OK")
            dry.gateway.let_go()
            heard = returning.result(20)
            assert heard is not None
            assert heard.status_code == 303
            assert cpu_share(process) < CPU_SHARE_MAX
            assert {ref: calls[ref] for ref in calls} == {ref: money_calls(dry)[ref] for ref in calls}
            states = [order.payment["state"] for order in (paid, waiting, under_way, deposited)]
            assert states == [State.PAID, State.OPEN, State.PAID, State.PAID]
        wait_until_serving(dry)
    for line in comers:
        assert line.recv(64).startswith(b"HTTP/1.1 200"), "whoever came has waited"
    close_lines(dry)
    notice.record.acked = True  # as the gateway would have noted

    waiting.come_back()
    heard = Refund(paid).click()
    assert heard is not None
    assert heard.json()["state"] == "done"
    Order(dry).buy()
    dry.settle()
    assert waiting.payment["state"] == State.PAID
    assert paid.payment["state"] == State.REFUNDED
    assert [
        name for order in (paid, waiting, under_way, deposited) for name in dry.open_cases(order.payment["id"])
    ] == []
    Verdict(dry).judge()


def test_a_crowd_that_holds_every_descriptor_burns_no_processor_and_when_it_goes_buyers_are_served(dry: Lab) -> None:
    process, order = process_id(dry), Order(dry)
    order.check_out()
    order.pay_in_window()
    with limited(process, len([*Path(f"/proc/{process}/fd").iterdir()]) + CROWD // 4):
        crowd = [come(dry, b"GET /livez HTTP/1.1\r\n") for _ in range(CROWD)]
        assert cpu_share(process) < CPU_SHARE_MAX
        for line in crowd:
            line.close()
        wait_until_serving(dry)
        order.come_back()
        Order(dry).buy()
    dry.settle()
    assert order.payment["state"] == State.PAID
    assert dry.gateway.books()[order.payment["merchant_ref"]]["net"] == AMOUNT
    Verdict(dry).judge()
