"""pytest fixtures: one WordPress per lane and session, started when a test first asks for it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.wordpress.bridge import Bridge
from tests.wordpress.stand import Stand

StandMaker = Callable[..., Stand]


@dataclass(frozen=True)
class Shop:
    """A site and the bridge it is paired with; the bridge's gateway is its own sandbox."""

    stand: Stand
    bridge: Bridge


ShopMaker = Callable[..., Shop]


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


@pytest.fixture(scope="session")
def make_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopMaker]:
    """Builds a site paired with a bridge, both of their own: `make_shop("quick", environment={...})`."""
    with ExitStack() as running:

        def make(lane: str, *, environment: dict[str, str] | None = None, **settings: object) -> Shop:
            directory = tmp_path_factory.mktemp(f"{lane}-shop")
            bridge = Bridge(directory / "bridge", environment=environment)
            stand = Stand(lane, directory=directory / "shop", **settings)  # type: ignore[arg-type]
            stand.pair(bridge.site(stand.url)["pairing_code"])
            running.enter_context(bridge)
            running.enter_context(stand)
            return Shop(stand, bridge)

        yield make


@pytest.fixture(scope="session")
def quick_shop(make_shop: ShopMaker) -> Shop:
    """WordPress 7.1 on SQLite, paired with a bridge."""
    return make_shop("quick")


@pytest.fixture(scope="session")
def oldest_shop(make_shop: ShopMaker) -> Shop:
    """WordPress 6.1 on MariaDB, nginx and php-fpm, paired with a bridge."""
    return make_shop("oldest")
