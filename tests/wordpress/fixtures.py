"""pytest fixtures: one WordPress per lane and session, started when a test first asks for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.wordpress.stand import Stand

StandMaker = Callable[..., Stand]


@pytest.fixture(scope="session")
def make_stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandMaker]:
    """Builds a stand nobody else uses: `make_stand("quick", plugin=False)`; it is up and ends with the session."""
    with ExitStack() as running:

        def make(lane: str, *, up: bool = True, **settings: object) -> Stand:
            stand = Stand(lane, directory=tmp_path_factory.mktemp(lane), **settings)  # type: ignore[arg-type]
            running.callback(stand.down)
            return stand.up() if up else stand

        yield make


@pytest.fixture(scope="session")
def quick_stand(make_stand: StandMaker) -> Stand:
    """WordPress 7.1 on SQLite with the theme and the plugin, not paired with a bridge."""
    return make_stand("quick")


@pytest.fixture(scope="session")
def oldest_stand(make_stand: StandMaker) -> Stand:
    """WordPress 6.1 on MariaDB, nginx and php-fpm with the theme and the plugin, not paired with a bridge."""
    return make_stand("oldest")


@pytest.fixture(scope="session")
def bare_stand(make_stand: StandMaker) -> Stand:
    """WordPress 7.1 on SQLite with the theme alone."""
    return make_stand("quick", plugin=False)
