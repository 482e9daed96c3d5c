"""What tests of the bridge's core may ask for."""

import functools
import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from starlette import routing

from bridge.flows import log_in
from tests.__main__ import ROOT, SERVERS, SHOPS, SLOW
from tests.support.postgres import PostgresServer, empty, running_server
from tests.support.world import World

hypothesis.settings.register_profile(
    "beside others", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # the machine is shared with browsers and databases: how long an example takes says nothing about the code
hypothesis.settings.load_profile("beside others")
routing.compile_path = functools.cache(routing.compile_path)  # thousands of worlds have the same routes
ON_BOTH = ("attack", "flows", "ledger")
"""The folders whose tests run on both databases; the others' are not about the ledger."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--ledger",
        choices=("sqlite", "postgres", "both"),
        default="both",
        help=f"the database of tests that keep books; both: {', '.join(ON_BOTH)} on each, the others on SQLite",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that keeps books on each database it is for."""
    if "database" not in metafunc.fixturenames or metafunc.definition.get_closest_marker("sqlite"):
        return
    wanted = metafunc.config.getoption("--ledger")
    if metafunc.definition.get_closest_marker("postgres"):
        wanted = "postgres"
    on_both = metafunc.definition.path.relative_to(Path(__file__).parent).parts[0] in ON_BOTH
    if wanted == "postgres" or (wanted == "both" and on_both):
        names = ["sqlite", "postgres"] if wanted == "both" else ["postgres"]
        metafunc.parametrize("database", names, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL, so that -m "not postgres" runs without it; refuse what `make test` would not run."""
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        chosen = getattr(item, "callspec", None)
        if "postgres" in names or (chosen is not None and chosen.params.get("database") == "postgres"):
            item.add_marker("postgres")
        folder = "/".join(item.path.relative_to(ROOT).parts[:2])
        if any(item.get_closest_marker(name) for name in SLOW.split(" or ")) and folder not in (*SHOPS, *SERVERS):
            raise pytest.UsageError(f"{item.nodeid} is slow: `make test` looks for such in {SHOPS + SERVERS} alone.")


def pytest_collection_finish() -> None:
    """Sweep up less often, and never look again at the thousands of modules and tests, which stay to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: these tests commit often, and none is about the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="pay-bridge-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server, started when the first test asks for it."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_database(postgres: PostgresServer) -> str:
    """A database that tests use one after the other."""
    return postgres.create("bridge")


@pytest.fixture
def database(request: pytest.FixtureRequest, folder: Path) -> str:
    """The address of a database without rows: SQLite in the folder, or PostgreSQL."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite:///{folder / 'bridge.db'}"
    url: str = request.getfixturevalue("postgres_database")
    empty(url)
    return url


async def _world(folder: Path, database: str, dialect: str) -> AsyncIterator[World]:
    world = World(folder, database=database, dialect=dialect)
    await world.start()
    world.site = await world.pair()
    yield world
    await world.close()


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a thousandth of the time; what is checked stays the same."""
    monkeypatch.setattr(log_in, "COST_LOG2", 4)
    monkeypatch.setattr(log_in, "LANES", 1)
    monkeypatch.setattr(log_in, "_NOBODY", log_in.hash_password("nobody's own", b"s" * 16))


@pytest.fixture
async def world(folder: Path, database: str) -> AsyncIterator[World]:
    """A bridge with one site, the sandbox and a shop, in Mainpay's live dialect."""
    async for made in _world(folder, database, "live"):
        yield made


@pytest.fixture
async def guide_world(folder: Path, database: str) -> AsyncIterator[World]:
    """The same in the dialect of Mainpay's integration guide."""
    async for made in _world(folder, database, "guide"):
        yield made


@pytest.fixture(params=["live", "guide"])
async def any_world(folder: Path, database: str, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The same, once in each dialect."""
    async for made in _world(folder, database, request.param):
        yield made
