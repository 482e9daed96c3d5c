"""One site's gateway in a storm: the sandbox with its books, its faults chosen by the weather."""

import importlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette

from bridge.sandbox.bank import Book
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.notices import NotDelivered
from bridge.sandbox.world import World
from tests.storm.stand import PUBLIC_URL, Paired

if TYPE_CHECKING:
    from tests.storm.storm import Storm

NOTICE_RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0, 1_800.0, 3_600.0, 7_200.0)
PATIENCE_SECONDS = 10.0


class Gate:
    """A sandbox of its own."""

    def __init__(self, storm: "Storm", site: Paired, number: int) -> None:
        self.site = site
        self.origin = site.setup.origin
        seed = storm.seed * 10 + number
        self.world = World(clock=storm.true, public_url=self.origin, seed=seed, post=self._post_notice)
        sandbox = importlib.import_module(f"bridge.gateways.{site.setup.gateway}.sandbox")
        self.app = Starlette(routes=sandbox.mount(self.world))
        self.world.faults = WeatherFaults(storm, site)
        self.world.notices.retry_seconds = NOTICE_RETRY_SECONDS
        self.desk = self.world.desks[site.setup.gateway]
        self.heard_notices: list[tuple[str, bytes]] = []
        self._storm = storm
        self.desk.set(dict(site.setup.console(site.notices)))
        self.desk.set({name: storm.chance.choice(values) for name, values in site.setup.moods.items()})

    @property
    def busy(self) -> bool:
        """Whether a notice is still to come."""
        return self.world.busy

    def books(self) -> list[Book]:
        """Every payment's book, oldest first."""
        return list(self.world.bank._books.values())

    def accounts(self) -> list[Book]:
        """The books of accounts nobody has paid into."""
        return [book for book in self.books() if book.account and not book.captures]

    def paid_accounts(self) -> list[Book]:
        """The books of accounts that somebody has paid into."""
        return [book for book in self.books() if book.account and book.captures]

    def secrets(self) -> list[str]:
        """What must never be read anywhere: the shop's keys, and the tokens the windows gave to buyers."""
        setup = self.site.setup
        typed = setup.typed_keys(self.desk) if setup.typed_keys is not None else ()
        return [*setup.tokens(self.desk), *setup.key_secrets(self.desk), *typed, *setup.secrets]

    async def _post_notice(self, method: str, url: str, body: bytes, kind: str) -> tuple[int, bytes]:
        storm = self._storm
        if storm.silence.holds(self):
            raise NotDelivered("no connection")
        path = url.removeprefix(PUBLIC_URL)
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        if method == "POST":
            self.heard_notices.append((url, body))
        client = self.site.setup.notice_source
        heard = await storm.to_bridge(method, path, headers, body, client=client, waits=PATIENCE_SECONDS)
        if heard is None:
            raise NotDelivered("no answer")
        if heard.status == 200 and method == "POST":
            storm.checks.acknowledged(self.site, path, body)
        return heard.status, heard.body


class WeatherFaults(Faults):
    """The sandbox's faults, chosen by the weather instead of by hand."""

    def __init__(self, storm: "Storm", site: Paired) -> None:
        super().__init__()
        self._storm = storm
        self._site = site
        self._setup = site.setup

    def pick(self, gateway: str, op: str, merchant_ref: str, amount: int) -> Fault | None:
        fault = self._storm.silence.late(self._site, op) or self._choose(op, merchant_ref)
        if fault is not None:
            self._storm.note(f"{op} meets {fault.kind}{' ' + fault.code if fault.code else ''}")
            self._storm.checks.met(fault.kind)
            self._storm.stories.met(self._setup.name, fault.kind)
        return fault

    def _choose(self, op: str, merchant_ref: str) -> Fault | None:
        storm, setup = self._storm, self._setup
        if op == "window":
            return storm.weather.of_window(setup)
        if op == "notice":
            told = merchant_ref in storm.must_tell or (setup.ambiguous and self._went_back(merchant_ref))
            told = told or (setup.scripted and self._asked_again(merchant_ref))
            return storm.weather.of_notice(must_arrive=told)
        return storm.weather.of_call(op, setup, lambda: storm.must_tell.add(merchant_ref))

    def _asked_again(self, merchant_ref: str) -> bool:
        """Whether a second request may be paid, of which nobody could be asked."""
        requests = self._storm.gates[self._site.id].desk._till.requests.values()
        return sum(one.form.get("var1") == merchant_ref for one in requests) > 1

    def _went_back(self, merchant_ref: str) -> bool:
        return any(book.refunds for book in self._storm.gates[self._site.id].world.bank.of(merchant_ref))
