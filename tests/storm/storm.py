"""One schedule: a seed's own world, from the first boot to the calm after, judged at every step and at the end."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import Context as Room
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from starlette.types import ASGIApp

from bridge.app import build_app, build_context
from bridge.domain.failures import BridgeError
from bridge.flows.context import Context
from tests.storm import forger, mischief, trouble
from tests.storm.accounts import Cashier
from tests.storm.agenda import Agenda
from tests.storm.checks import Checks
from tests.storm.clock import CALM_SECONDS_MAX, BridgeClock, TrueClock, begin
from tests.storm.crossing import Crossing
from tests.storm.escrow import Escrow, Recipient
from tests.storm.extras import Extras, draw_extras, dress, type_cards, type_keys
from tests.storm.gate import Gate
from tests.storm.gateways import SETUPS
from tests.storm.gateways.window import Coming
from tests.storm.hasty import Hasty, Silence
from tests.storm.keys import Keyholder, Keys
from tests.storm.ledger import StormLedger
from tests.storm.loop import StormLoop
from tests.storm.net import Headers, Heard, Leaving, Line, Server, StormWire
from tests.storm.office import office
from tests.storm.people import AMOUNTS, Buyer, Clerk, Sale
from tests.storm.plans import Plans, Subscriber, nights
from tests.storm.receipts import Bookkeeper, Receipts
from tests.storm.restoring import Restoring
from tests.storm.settling import TROUBLES, Settled
from tests.storm.shop import Shop
from tests.storm.stand import PUBLIC_URL, SETTINGS, stand
from tests.storm.stories import Stories
from tests.storm.told import Told
from tests.storm.typed import Typist
from tests.storm.typed_keys import KeyTypist, TypedKeys
from tests.storm.weather import Weather

KILLS_MAX = 6
CALM_STEP_SECONDS = 300.0
CALM_HOURS_MAX = 4
LONG_CALM_DAYS = 8
CLOCK_BEHIND_SECONDS = 2_400.0
DISK_FAULTS = ("disk_full", "locked", "sync_failed", "sync_failed_late")
BEGINNINGS = ("2026-11-20T02:30:00", "2026-11-20T06:12:30", "2027-02-28T09:00:00")
MIDNIGHTS = ("2026-11-20T14:50:00", "2026-11-30T14:45:00", "2026-12-31T14:52:00")
"""Just before midnight in Korea: of a day, of a month, of a year."""


@dataclass(slots=True)
class Outcome:
    """What a schedule came to. `resolved`: the gateways of unknown outcomes, with seconds until they were settled;
    `gateways`: payments of each; `orders`, `orders_with_a_person`, `people`: orders by set-up, and by reason too;
    `deeds`: what people did."""

    seed: int
    violations: list[str]
    digest: str
    final: str
    figures: Counter[str]
    faults: Counter[str]
    crashes: Counter[str]
    people: Counter[str]
    deeds: Counter[str]
    orders: Counter[str]
    orders_with_a_person: Counter[str]
    covered: set[tuple[str, str, str]]
    resolved: list[tuple[str, float]]
    settled: list[Settled]
    gateways: Counter[str]
    stories: Stories
    log: list[str] = field(default_factory=list)


class Storm:
    """Everything of one seed. It is the ledger's events and the wire's traffic as well."""

    def __init__(self, seed: int, gateway: str = "") -> None:
        self.seed = seed
        self.chance = random.Random(f"{seed}:people")
        self.weather = Weather(random.Random(f"{seed}:weather"))
        self._lag = random.Random(f"{seed}:lag")
        self.loop = StormLoop()
        self.log: list[str] = []
        self.crashes: Counter[str] = Counter()
        self.must_tell: set[str] = set()
        self.stories = Stories()
        self.paid_in: Counter[str] = Counter()
        """How often somebody paid into an account, by our number: no approval of ours, however late."""
        self.returns: list[tuple[str, Coming]] = []
        self.down: dict[str, float] = {}
        self.long_wait = False
        began_at = begin(self.chance.choice(MIDNIGHTS if self.weather.strikes("midnight") else BEGINNINGS))
        self.true = TrueClock(self.loop, began_at)
        self.clock = BridgeClock(self.loop, began_at, random.Random(f"{seed}:bridge"))
        drawn = [setup for setup in SETUPS if gateway in ("", setup.gateway)]
        self.extras = draw_extras(seed)
        if self.extras.stories:
            self.weather.tell_seldom_stories()
        chosen = self.chance.sample(drawn, min(2, len(drawn)))
        begun = stand(*(self.extras.mode_of(setup) for setup in chosen))
        self.disk = begun.disk
        self.disk.begin_again()
        sites = begun.sites
        self.gates = {site.id: Gate(self, site, number) for number, site in enumerate(sites)}
        self.shops = {site.id: Shop(self, site) for site in sites}
        self.apps: dict[str, ASGIApp] = {f"{gate.origin}:80": gate.app for gate in self.gates.values()}
        self.apps |= {f"{shop.site.url}:80": shop for shop in self.shops.values()}
        self.checks = Checks(self)
        self.told = Told(self)
        self.keys = Keys(self)
        self.crossing = Crossing(self)
        self.receipts = Receipts(self)
        self.typed_keys = TypedKeys(self)
        self.escrow = Escrow(self)
        self.recipients: list[Recipient] = []
        self.plans = Plans(self)
        self.silence = Silence(self)
        self.weather.on_strike = self._trouble
        self.agenda = Agenda(self)
        self.clock.next_due = self.agenda.next_due
        self.server: Server | None = None
        self._routers = [gate.app.router for gate in self.gates.values()]
        self.sales = self._sales()
        if self.extras.crossed:  # what is taken back by another's number alone must be of the same price
            for sale in self.sales:
                sale.amount = self.sales[0].amount
        dress(self.sales, self.extras, random.Random(f"{seed}:dress"))
        type_cards(self.sales, self.extras, random.Random(f"{seed}:typed"))
        type_keys(self.sales, self.extras, random.Random(f"{seed}:typed keys"))

    def _sales(self) -> list[Sale]:
        shops = list(self.shops.values())
        made = []
        for number in range(self.chance.choice((1, 1, 2, 2, 3))):
            shop = shops[0] if self.chance.random() < 0.75 else shops[-1]
            made.append(
                Sale(
                    shop,
                    f"ORDER-{number + 1}",
                    self.chance.choice(AMOUNTS),
                    self.chance.choice(shop.site.setup.methods),
                    self.chance.choice((None, 60.0, 1_200.0)),
                )
            )
        return made

    # ---- its course

    def run(self) -> Outcome:
        """Let it rage, let it calm down, and judge."""
        if self.extras != Extras():
            self.note(str(self.extras))
        self.loop.call_soon(self.boot, context=Room())
        self._people = [self.begin(work) for work in self._work()]
        trouble.plan(self)
        forger.plan(self)
        self.restoring = Restoring(self)
        self.loop.run(self.chance.uniform(600.0, 2_400.0))
        self.loop.run(self.silence.seconds_left())
        self._calm_down()
        self._wait_for_quiet()
        self.checks.at_the_end()
        self.restoring.after_the_calm()
        for router in self._routers:  # most of what would else be left to the garbage collector
            router.routes.clear()
        return self._outcome()

    def _work(self) -> list[Any]:
        seeds = [random.Random(f"{self.seed}:{name}") for name in ("bank", "console", "strangers", "operator")]
        work: list[Any] = []
        for sale in self.sales:
            own = random.Random(f"{self.seed}:{sale.ref}")
            comes_after = own.uniform(0.0, 300.0)
            work.append(self._after(comes_after, _buyer_of(sale)(self, sale, own).buy))
            if own.random() < 0.7:
                work.append(Clerk(self, sale, random.Random(f"{self.seed}:{sale.ref}:clerk")).work())
            if self.extras.accounts and sale.method == "virtual_account":
                work.append(Cashier(self, sale, random.Random(f"{self.seed}:{sale.ref}:cashier")).work())
            if self.extras.receipts and sale.method == "virtual_account" and sale.shop.site.setup.receipts:
                work.append(Bookkeeper(self, sale, random.Random(f"{self.seed}:{sale.ref}:bookkeeper")).work())
            if sale.shop.site.setup.escrow is not None:
                self.recipients.append(Recipient(self, sale, random.Random(f"{self.seed}:{sale.ref}:recipient")))
        if any(sale.is_plan for sale in self.sales):
            work.append(nights(self, random.Random(f"{self.seed}:nights")))
        work += [one.work() for one in self.recipients]
        work += [mischief.bank(self, seeds[0]), mischief.console(self, seeds[1])]
        if self.chance.random() < 0.6:
            work.append(office(self, random.Random(f"{self.seed}:office")))
        if self.extras.hasty:
            work += [
                Hasty(self, shop, random.Random(f"{self.seed}:{url}:hasty")).work() for url, shop in self.shops.items()
            ]
        if any(gate.site.setup.many_deposits for gate in self.gates.values()):
            work.append(mischief.pays_again(self, random.Random(f"{self.seed}:pays again")))
        if self.extras.crossed:
            work.append(mischief.cross_early(self, random.Random(f"{self.seed}:crossed")))
        if self.extras.parts:
            work.append(mischief.office_parts(self, random.Random(f"{self.seed}:parts")))
        if self.extras.overheard:
            work.append(mischief.overhears(self, random.Random(f"{self.seed}:overheard")))
        return [*work, mischief.strangers(self, self.sales, seeds[2]), mischief.operator(self, seeds[3])]

    async def _after(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(seconds)
        await work()

    def _calm_down(self) -> None:
        self.note("calm")
        self.checks.settling.trouble(self.loop.time())
        self.weather.calm = True
        self.down.clear()
        behind = min(0.0, self.clock.skew_seconds)
        self.jump(behind - self.clock.skew_seconds)
        if behind:  # it is set right when everything should have been settled: nothing may wait for that
            self.later(CLOCK_BEHIND_SECONDS, self._set_clocks_right)
        self.clock.idle_seconds_max = CALM_SECONDS_MAX
        for shop in self.shops.values():
            shop.clock_off_seconds = behind

    def _set_clocks_right(self) -> None:
        self.jump(-self.clock.skew_seconds)
        for shop in self.shops.values():
            shop.clock_off_seconds = 0.0

    def _wait_for_quiet(self) -> None:
        ends_at = self.loop.time() + (LONG_CALM_DAYS * 86_400 if self.long_wait else CALM_HOURS_MAX * 3_600)
        while self.loop.time() < ends_at:
            self.loop.run(CALM_STEP_SECONDS)
            busy = any(not task.done() for task in self._people) or any(gate.busy for gate in self.gates.values())
            under_way = self.keys.under_way() or self.plans.under_way()
            if not busy and not self._planned and self.agenda.is_quiet() and not under_way:
                return

    def _outcome(self) -> Outcome:
        checks = self.checks
        for task in self._people:
            if task.done() and not task.cancelled() and task.exception() is not None:
                checks.fail("storm", f"somebody stumbled: {task.exception()!r}")
        for text in self.loop.trouble:
            checks.fail("storm", text)
        log = "\n".join(self.log)
        figures = Counter(
            schedules=1,
            steps=self.loop.steps,
            virtual_seconds=round(self.loop.time()),
            payments=checks.payments_by_gateway.total(),
            invariants=checks.evaluated,
            krw_lost=checks.lost,
            krw_doubled=checks.doubled,
            krw_drifting=checks.drifting,
            **checks.explained,
        )
        return Outcome(
            self.seed,
            checks.violations,
            hashlib.sha256(log.encode()).hexdigest(),
            checks.final_state(),
            figures,
            self.weather.struck,
            self.crashes,
            checks.people,
            checks.deeds,
            checks.orders,
            checks.orders_with_a_person,
            checks.covered,
            checks.resolved,
            checks.settling.settled,
            checks.payments_by_gateway,
            self.stories,
            self.log,
        )

    # ---- small things

    def _trouble(self, kind: str, seconds: float) -> None:
        if kind in TROUBLES:
            self.checks.settling.trouble(self.loop.time() + seconds)

    def note(self, text: str) -> None:
        """Write into the event log."""
        self.log.append(f"{self.loop.time():.6f} {text}")

    def begin(self, work: Any) -> "asyncio.Task[Any]":
        """Begin work outside of every process."""
        return self.loop.create_task(work, context=Room())

    _planned = 0

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do something then; the calm waits for it."""
        self._planned += 1

        def do() -> None:
            self._planned -= 1
            work()

        self.loop.call_later(seconds, do, context=Room())

    # ---- the bridge's life

    def boot(self) -> None:
        """Start the bridge on what the disk holds, unless it runs."""
        if self.server is not None:
            return
        server = Server(trouble.process(self))
        self.server = server
        self.note(f"{server.process.name} boots")
        self.loop.create_task(self._live(server), context=server.process.context())

    async def _live(self, server: Server) -> None:
        ledger = StormLedger(self.disk, self, alone=True)
        context = build_context(SETTINGS, clock=self.clock, ledger=ledger, wire=StormWire(self))
        app = build_app(context)
        self._routers.append(app.router)
        try:
            async with app.router.lifespan_context(app):
                server.context, server.app, server.stop = context, app, self.loop.create_future()
                self.checks.settling.trouble(self.loop.time())
                await server.stop
                server.app = None
        except BridgeError as error:
            self.note(f"{server.process.name} ends: {error.code}")
        self.kill("ended")

    def kill(self, point: str, seconds: float | None = None) -> None:
        """End the bridge at once, and boot it again after a while."""
        server = self.server
        if server is None:
            return
        self.note(f"{server.process.name} dies: {point}")
        self.checks.crashed(point)
        self.crashes[point] += 1
        self.server = None
        server.die()
        self.clock.forget_naps()
        if seconds is None:
            seconds = self._lag.choice((0.3, 1.0, 2.0, 15.0, 60.0))
        self.loop.call_later(seconds, self.boot, context=Room())

    def kills(self, point: str) -> bool:
        """Kill the bridge here if the weather says so."""
        if not self.may_die(point) or not self.weather.strikes(point):
            return False
        self.kill(point)
        return True

    def may_die(self, point: str) -> bool:
        """So many deaths a schedule, most of them in the middle of work."""
        server = self.server
        if server is None or sum(self.crashes.values()) >= KILLS_MAX:
            return False
        return server.app is not None or point == "killed_at_boot"

    async def in_bridge(self, work: Callable[[Context], Awaitable[Any]]) -> Any:
        """Do something inside the bridge, as its command line does; None when it is not there, or dies over it."""
        server = self.server
        if server is None or server.context is None:
            return None
        context = server.context
        answer: asyncio.Future[Any] = self.loop.create_future()

        async def do() -> None:
            try:
                said = await work(context)
            except BridgeError as error:
                said = error
            if not answer.done():
                answer.set_result(said)

        server.asked.append(answer)
        self.loop.create_task(do(), context=server.process.context())
        return await answer

    # ---- requests to the bridge

    async def to_bridge(
        self, method: str, path: str, headers: Headers, body: bytes, *, client: str, waits: float = 60.0
    ) -> Heard | None:
        """Send a request; None when no answer came."""
        await asyncio.sleep(self.latency())
        server = self.server
        if self.weather.strikes("request_lost") or server is None or server.app is None:
            return None
        line = Line(body)
        answer = server.begin(line, method, f"{PUBLIC_URL}{path}", headers, client)
        if self.weather.strikes("client_disconnects"):
            waits = self._lag.uniform(0.0, 2.0)
        done, _ = await asyncio.wait({answer}, timeout=waits)
        if not done:
            line.hang_up()
            return None
        try:
            heard = answer.result()
        except Exception as error:  # noqa: BLE001 - whatever it is, the bridge did not expect it
            self.checks.fail("surprise", f"{method} {path}: {error!r}")
            return None
        if heard is None or self.weather.strikes("answer_lost"):
            return None
        self.note(f"{method} {path[:24]} {heard.status}")
        return heard

    # ---- what the ledger asks

    def delay(self) -> float:
        if self.weather.strikes("slow_disk"):
            return self._lag.uniform(0.2, 4.0)
        return self._lag.uniform(0.0005, 0.004)

    def committing(self) -> str:
        if self.kills("killed_before_commit"):
            return "killed"
        kinds = DISK_FAULTS if self.may_die("sync_failed") else DISK_FAULTS[:2]
        return self.weather.one_of(kinds)

    def nearly_full(self) -> bool:
        return self.weather.strikes("disk_nearly_full")

    def committed(self) -> None:
        self.agenda.forget()
        self.checks.committed()
        self.clock.look_again()
        at_boot = self.server is not None and self.server.app is None
        self.kills("killed_at_boot" if at_boot else "killed_after_commit")

    def failed_disk(self) -> None:
        self.kill("disk failed")

    def gave_up(self, why: str) -> None:
        self.checks.fail("gave-up", why)
        self.kill("gave up")

    # ---- what the wire asks

    def latency(self) -> float:
        return self._lag.uniform(0.001, 0.02)

    def connecting(self, origin: str) -> str:
        until = self.down.get(origin, 0.0)
        if until > self.loop.time():
            self.checks.settling.trouble(self.loop.time())
            return "refused"
        return self.weather.one_of(("refused", "unreachable", "tls_failed"))

    def leaving(self, request: Leaving) -> bool:
        if self.kills("killed_before_send"):
            return True
        self.note(f"sends {request.op}")
        if request.moves_money:
            self.checks.money_leaves(request)
        self.told.leaves(request)
        self.escrow.leaves(request)
        self.typed_keys.leaves(request)
        return False

    def gone(self, request: Leaving) -> bool:
        return self.kills("killed_after_send") or self.silence.falls(request)

    def answered(self, request: Leaving, heard: Heard) -> bool:
        self.note(f"answered {request.op} {heard.status}{' cut' if heard.cut else ''}")
        self.told.answered(request, heard)
        return self.kills("killed_after_answer")

    def loses_kept(self, origin: str) -> str:
        if not self.weather.strikes("kept_connection_lost"):
            return ""
        return self._lag.choice(("before", "after"))

    def jump(self, seconds: float) -> None:
        """Set the bridge's clock forward or back."""
        self.clock.skew_seconds += seconds
        self.agenda.forget()
        self.clock.wake()
        self.note(f"the bridge's clock is off by {timedelta(seconds=self.clock.skew_seconds)}")


def _buyer_of(sale: Sale) -> type[Buyer | Keyholder | Typist | Subscriber]:
    """Say who pays an order."""
    if sale.is_plan:
        return Subscriber
    if sale.by_typed_key:
        return KeyTypist
    return Keyholder if sale.by_key else Typist if sale.is_typed else Buyer


def run(seed: int) -> Outcome:
    """Run one schedule."""
    return Storm(seed).run()
