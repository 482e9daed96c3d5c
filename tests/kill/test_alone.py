"""What a restart takes while nothing else runs here; this file's tests come first, before the chains begin."""

import time
from pathlib import Path

import pytest

from bridge.domain.machine import State
from tests.support.postgres import PostgresServer

from .goals import SETTLED_SECONDS_MAX, check_in_time
from .held import die_over_approval
from .lab import Lab, Restart, running
from .moments import EVERYTHING
from .people import Order

TIMES = 50 if EVERYTHING else 5


@pytest.mark.kill
@pytest.mark.parametrize("database", ["sqlite_file", "postgres_server"])
def test_a_killed_server_serves_again_and_takes_up_what_it_left(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    library: Path | None,
    database: str,
    restarts_alone: dict[str, list[Restart]],
) -> None:
    """Killed over an approval that the gateway has done, and left to itself: nothing is skipped, nobody asks."""
    url = ""
    if database == "postgres_server":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create("restarts")
    with running(Lab(tmp_path / "lab", library, url)) as lab:
        if url:  # a server that has only just started knows nobody's connection yet
            old = "SELECT now() - pg_postmaster_start_time() > interval '10 seconds' AS old"
            lab.wait_for(lambda: bool(lab.rows(old)[0]["old"]), "PostgreSQL has run for a while")
        restarts_alone[database] = [_die_and_come_back(lab) for _ in range(TIMES)]
    check_in_time(restarts_alone[database], everything=EVERYTHING)


def _die_and_come_back(lab: Lab) -> Restart:
    order = Order(lab)
    die_over_approval(lab, order, "hang", captured=True)
    began = time.monotonic()
    restart = lab.restart(skip_lease=False)
    lab.wait_for(lambda: order.payment["state"] == State.VOIDED, "the money is given back", SETTLED_SECONDS_MAX)
    restart.settled = time.monotonic() - began
    return restart
