"""What every schedule begins from: a database with the sites paired, made once a process and gone back to then."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bridge.app import build_context
from bridge.domain.payment import Mode
from bridge.flows.manage_sites import add_site
from bridge.flows.sites import CARD_ENTRY
from bridge.ledger.migrate import migrate_sqlite
from bridge.settings import Secret, Settings
from bridge.signing.keys import SiteKey, decode_secret
from bridge.wire.converse import Wire
from tests.storm.clock import BridgeClock, begin
from tests.storm.gateways import EVERY
from tests.storm.gateways.setup import Setup
from tests.storm.ledger import Disk, StormLedger
from tests.storm.loop import StormLoop
from tests.storm.office import hire
from tests.support.wire import NO_TLS

PUBLIC_URL = "https://pay.test"
SETTINGS = Settings(PUBLIC_URL, "sqlite:///storm", Secret(bytes(range(32))), return_wait_seconds=8.0)


@dataclass(frozen=True, slots=True)
class Paired:
    """A site as its WordPress knows it; `notices` are its addresses for notices, by kind."""

    id: str
    url: str
    setup: Setup
    key: SiteKey
    notices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stand:
    """The disk and the sites on it, one a set-up."""

    disk: Disk
    sites: tuple[Paired, ...]


class Quietly:
    """Nothing goes wrong while the stand is made."""

    def delay(self) -> float:
        return 0.0

    def committing(self) -> str:
        return ""

    def nearly_full(self) -> bool:
        return False

    def committed(self) -> None:
        """Go on."""

    def gave_up(self, why: str) -> None:
        raise AssertionError(why)

    def failed_disk(self) -> None:
        """Cannot happen."""


@cache
def stand(*setups: str) -> Stand:
    """Make the disk: schema, and a site for each of these set-ups."""
    loop, disk = StormLoop(), Disk()
    migrate_sqlite(disk.connection)
    disk.keep()
    clock = BridgeClock(loop, begin("2026-01-01T00:00:00"), random.Random(1))
    ledger = StormLedger(disk, Quietly(), alone=True)
    chosen = [setup for name in setups for setup in EVERY if setup.name == name]
    sites = loop.finish(_pair_all(clock, ledger, chosen))
    disk.keep()
    return Stand(disk, tuple(sites))


async def _pair_all(clock: BridgeClock, ledger: StormLedger, setups: list[Setup]) -> list[Paired]:
    context = build_context(SETTINGS, clock=clock, ledger=ledger, wire=Wire(lambda: 0.0, tls=NO_TLS))
    await ledger.write(hire)
    made = []
    for setup in setups:
        url = f"http://shop-{setup.name}.test"
        said = await add_site(
            context,
            url=url,
            gateways=[setup.gateway],
            settings={
                setup.gateway: dict(setup.settings(setup.origin))
                | ({CARD_ENTRY: "on"} if setup.types_cards or setup.typed_keys else {})
            },
            mode=Mode.TEST,
        )
        notices = {one["kind"]: one["url"] for one in said["notice_urls"]}
        made.append(Paired(said["site"], url, setup, site_key(said), notices))
    return made


def site_key(said: Any) -> SiteKey:
    """Read a key as it is shown once."""
    return SiteKey.from_secret(decode_secret(said["secret"]), key_id=said["key_id"], site=said["site"])
