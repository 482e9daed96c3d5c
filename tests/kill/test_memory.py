"""The real server gets no more memory while buyers and clerks go on, and whoever asks for much holds what there is."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bridge.domain.machine import State
from bridge.flows.pace import STALE_SECONDS
from tests.support.postgres import PostgresServer

from .goals import PATIENCE, SERVING_SECONDS_MAX
from .lab import Lab
from .moments import EVERYTHING, compiler
from .people import Order
from .power import work
from .process import answers
from .verdict import Verdict

ROUNDS = 8 if EVERYTHING else 2
BUYERS = 12
HOLDERS = 150
HALF = (
    b"POST /v1/payments HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n"
)
pytestmark = [
    pytest.mark.kill,
    pytest.mark.usefixtures("chains"),
    pytest.mark.skipif(compiler() is None, reason="the clock is set by a library that needs a C compiler"),
]


@pytest.fixture(params=["sqlite", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path, library: Path | None) -> Iterator[Lab]:
    """A lab on either database."""
    url = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create(f"memory_{time.monotonic_ns()}")
    lab = Lab(tmp_path / "lab", library, url)
    try:
        lab.open()
        yield lab
    finally:
        lab.close()


@contextmanager
def no_more(process: int) -> Iterator[None]:
    """Let a running process get no memory beyond what it has: whatever asks for more fails, wherever that is."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[0])
    before = resource.prlimit(process, resource.RLIMIT_AS)
    resource.prlimit(process, resource.RLIMIT_AS, (pages * resource.getpagesize(), before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it died of it
            resource.prlimit(process, resource.RLIMIT_AS, before)


def hold(lab: Lab) -> list[socket.socket]:
    """Begin requests that are never ended, each with all of a body but its last bytes; those that get through."""
    lines = []
    for _ in range(HOLDERS):
        with suppress(OSError):
            line = socket.create_connection(("127.0.0.1", lab.port), timeout=5)
            lines.append(line)
            line.settimeout(0.2)
            line.sendall(HALF + b" " * 59_000)
    return lines


def go_on(lab: Lab) -> bool:
    """See to it that the server serves again as a supervisor would; tells whether it had died."""
    assert lab.server is not None
    until = time.monotonic() + SERVING_SECONDS_MAX * PATIENCE
    while lab.server.alive() and not answers(lab.port, b"/livez"):
        if time.monotonic() > until:  # a supervisor ends what answers no more
            lab.server.kill()
    if lab.server.alive():
        return False
    lab.restart()
    return True


def test_without_memory_nothing_is_taken_or_given_that_the_books_do_not_know(lab: Lab) -> None:
    deaths = 0
    for _ in range(ROUNDS):
        assert lab.server is not None
        with no_more(lab.server.id):
            lines = hold(lab)
            work(lab, BUYERS, bear=True)
            for line in lines:
                line.close()
        deaths += go_on(lab)
    log = (lab.directory / "server.log").read_text("utf-8", "replace")
    assert deaths or "MemoryError" in log or "out of memory" in log, "it never lacked memory"

    order = Order(lab)
    order.buy()
    assert lab.moments.set_ahead(lab.moments.ahead_seconds + STALE_SECONDS + 5)
    lab.settle()
    assert order.payment["state"] == State.PAID
    verdict = Verdict(lab)
    verdict.judge()
    lab.books.check()
    assert verdict.payments_judged > 1
