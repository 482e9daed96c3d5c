"""The real server gets no more memory while buyers come back and clerks give back, and a crowd holds what there is."""

import resource
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bridge.domain.machine import State
from bridge.flows.pace import STALE_SECONDS

from .goals import PATIENCE, SERVING_SECONDS_MAX
from .lab import Lab, running
from .moments import EVERYTHING, compiler
from .people import Order, Refund
from .process import answers
from .verdict import Verdict

ROUNDS = 8 if EVERYTHING else 2
AT_ONCE = 4
HOLDERS_MAX = 300
ACTS_SECONDS_MAX = 3.0
LITTLE_SLACK = {"MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_TOP_PAD_": "0", "MALLOC_MMAP_THRESHOLD_": "65536"}
"""What is free is given back to the machine at once, and so must be asked for again."""
HALF = (
    b"POST /v1/payments HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n"
)
pytestmark = [
    pytest.mark.kill,
    pytest.mark.usefixtures("chains"),
    pytest.mark.skipif(compiler() is None, reason="the clock is set by a library that needs a C compiler"),
]


@pytest.fixture
def lab(tmp_path: Path, library: Path | None, empty_database: str) -> Iterator[Lab]:
    """A lab on either database."""
    with running(Lab(tmp_path / "lab", library, empty_database, settings=LITTLE_SLACK)) as lab:
        yield lab


@contextmanager
def no_more(process: int) -> Iterator[None]:
    """Let a running process get no memory beyond what it has: whatever asks for more fails, wherever that is."""
    status = Path(f"/proc/{process}/status").read_text()
    used_bytes = int(status.partition("VmData:")[2].split()[0]) * 1024
    before = resource.prlimit(process, resource.RLIMIT_DATA)
    resource.prlimit(process, resource.RLIMIT_DATA, (used_bytes, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it died of it
            resource.prlimit(process, resource.RLIMIT_DATA, before)


class Log:
    """What a lab's server writes into its log from now on."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._path = lab.directory / "server.log"
        self._from = self._path.stat().st_size

    def lacks(self) -> bool:
        """Whether the server has said, or shown by its death, that it got no memory."""
        assert self._lab.server is not None
        with self._path.open("rb") as file:
            file.seek(self._from)
            return b"MemoryError" in file.read() or not self._lab.server.alive()


def hold(lab: Lab, log: Log) -> list[socket.socket]:
    """Begin requests that are never ended, each with all of a body but its end, until the server lacks memory."""
    lines: list[socket.socket] = []
    while len(lines) < HOLDERS_MAX and not log.lacks():
        with suppress(OSError):
            line = socket.create_connection(("127.0.0.1", lab.port), timeout=1)
            lines.append(line)
            line.sendall(HALF + b" " * 59_000)
    return lines


def go_on(lab: Lab) -> None:
    """Wait until the server serves again by itself, or start it anew if it died, as a supervisor would."""
    assert lab.server is not None
    until = time.monotonic() + SERVING_SECONDS_MAX * PATIENCE
    while lab.server.alive() and not answers(lab.port, b"/readyz"):
        assert time.monotonic() < until, f"it lives and does not serve:\n{lab.server.said()}"
        time.sleep(0.01)
    if not lab.server.alive():
        lab.restart()


def act(lab: Lab, buyers: list[Order], refunds: list[Refund]) -> bool:
    """Let buyers come back and clerks give back while the server gets no memory; tells whether it lacked any."""
    assert lab.server is not None
    log = Log(lab)
    with ThreadPoolExecutor(2 * AT_ONCE) as people:
        with no_more(lab.server.id):
            lines = hold(lab, log)
            wishes = [order.come_back for order in buyers] + [refund.click for refund in refunds]
            wait([people.submit(wish) for wish in wishes], ACTS_SECONDS_MAX)
            lacked = log.lacks()
        for line in lines:
            line.close()
    return lacked


def test_without_memory_money_is_taken_and_given_back_once_and_told_truly(lab: Lab) -> None:
    verdict = Verdict(lab)
    for _ in range(ROUNDS):
        bought, buyers = ([Order(lab) for _ in range(AT_ONCE)] for _ in range(2))
        for order in bought:
            order.buy()
        for order in buyers:
            order.check_out()
            order.pay_in_window()
        refunds = [Refund(order) for order in bought]
        assert act(lab, buyers, refunds), "it did not lack memory"
        go_on(lab)

        for order in buyers:
            order.come_back()
        for refund in refunds:
            refund.click()
        lab.moments.let_pass(STALE_SECONDS + 5)
        lab.settle()
        assert {order.payment["state"] for order in bought} == {State.REFUNDED}
        assert {order.payment["state"] for order in buyers} <= {State.PAID, State.VOIDED, State.DECLINED}
        verdict.judge()
    assert verdict.named == set()
    assert verdict.payments_judged == ROUNDS * AT_ONCE * 2
    lab.books.check()
