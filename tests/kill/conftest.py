"""The chains of kills run side by side in the background; their tests wait for them. The figures stand at the end."""

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import PostgresServer

from .chain import Chain, kinds_of, longest_first, run_chain
from .lab import Lab, Restart, running
from .moments import EVERYTHING, build

AT_ONCE = 3
CHAIN_SECONDS_MAX = 3600.0 if EVERYTHING else 600.0
FIGURES_FILE = os.environ.get("KILL_FIGURES", "")
ChainOf = Callable[[str], Chain]
Figures = dict[str, Any]

_chains: list[Chain] = []
_alone: dict[str, list[Restart]] = {}
_figures: Figures = {}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The library that counts moments; None where there is no C compiler."""
    directory = tmp_path_factory.mktemp("library")
    build(directory, "disk")
    return build(directory)


@pytest.fixture
def lab(tmp_path: Path, library: Path | None) -> Iterator[Lab]:
    """A running bridge with a gateway, which sends no card notices, and a WordPress."""
    with running(Lab(tmp_path / "lab", library)) as lab:
        yield lab


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest) -> str:
    """The address of an empty database on PostgreSQL; nothing, where a lab makes its own on SQLite."""
    if request.param == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create(f"lab_{time.monotonic_ns()}")


@pytest.fixture(scope="session")
def chains(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, library: Path | None
) -> Iterator[dict[str, Future[Chain]]]:
    """The chains that tests of this session want, all begun when the first test asks for them."""
    wanted = [
        item.callspec.params["chain"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "chain" in item.callspec.params
    ]
    directory = tmp_path_factory.mktemp("chains")
    server: PostgresServer | None = (
        request.getfixturevalue("postgres") if any(name.endswith("+postgres") for name in wanted) else None
    )

    def begin(name: str) -> Future[Chain]:
        postgres = server.create(f"chain_{name.partition('+')[0]}") if server and name.endswith("+postgres") else ""
        return executor.submit(run_chain, name, directory / name, library, kinds_of(name), postgres)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="chain") as executor:
        yield {name: begin(name) for name in sorted(wanted, key=longest_first)}
        executor.shutdown(wait=True, cancel_futures=True)


@pytest.fixture(scope="session")
def chain_of(chains: dict[str, Future[Chain]]) -> ChainOf:
    """Gives a chain when it has run."""

    def chain_of(name: str) -> Chain:
        chain = chains[name].result(CHAIN_SECONDS_MAX)
        _chains.append(chain)
        return chain

    return chain_of


@pytest.fixture(scope="session")
def figures() -> Figures:
    """What this session measured, by the name of what it was about; whoever measures adds to it."""
    return _figures


@pytest.fixture(scope="session")
def restarts_alone() -> dict[str, list[Restart]]:
    """Restarts measured while no chain runs, by their database; whoever measures adds to it."""
    return _alone


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not (_chains or _alone or _figures):
        return
    kills = {
        "moments": {chain.name: len(chain.moments) for chain in sorted(_chains, key=lambda chain: chain.name)},
        "kills_by_chain": {chain.name: chain.kills for chain in sorted(_chains, key=lambda chain: chain.name)},
        "kills": sum(chain.kills for chain in _chains),
        "differences_named_by_a_case": sum(chain.named for chain in _chains),
        "krw_unexplained": sum(chain.unexplained_krw for chain in _chains),
        "power_cuts": sum(chain.power_cuts for chain in _chains),
        "payments_judged": sum(chain.payments for chain in _chains),
        "waits_skipped": sum(chain.waits_skipped for chain in _chains),
    }
    restarts = {
        "alone": {database: _times(restarts) for database, restarts in _alone.items()},
        "in_chains": _times([restart for chain in _chains for restart in chain.restarts]),
    }
    found = {"chains": kills, "restart_seconds": restarts, **_figures, "load": round(os.getloadavg()[0], 1)}
    if FIGURES_FILE:
        Path(FIGURES_FILE).write_text(json.dumps(found, indent=1) + "\n")
    terminalreporter.section("kills")
    terminalreporter.write_line(json.dumps(found))


def _times(restarts: list[Restart]) -> dict[str, dict[str, float]]:
    found = {
        "serving": [restart.serving for restart in restarts],
        "picked_up": [restart.picked_up for restart in restarts if restart.picked_up is not None],
        "settled_without_skipping": [restart.settled for restart in restarts if restart.settled is not None],
    }
    return {name: spread(times) for name, times in found.items() if times}


def spread(times: list[float]) -> dict[str, float]:
    """Median, 99th percentile and the most of some durations, in seconds."""
    ordered = sorted(times)
    return {
        "count": len(times),
        "p50": round(statistics.median(times), 3),
        "p99": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 3),
        "max": round(ordered[-1], 3),
    }
