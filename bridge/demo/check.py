"""`pay-bridge demo --check`: walks every journey, then compares the bridge, the shop and the gateway's books."""

import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import uvloop

from bridge import __version__
from bridge.cli.logs import set_up_logs
from bridge.clock import SystemClock
from bridge.demo.browser import Lost
from bridge.demo.compare import MONEY, Compared, compare
from bridge.demo.doors import DOORS, GATEWAYS
from bridge.demo.journeys import JOURNEYS, Journey
from bridge.demo.office import Office
from bridge.demo.stand import Plan, Stand, open_stand
from bridge.demo.visit import Visit
from bridge.domain.machine import UNSETTLED, State

TOTAL_SECONDS = 60.0
"""A walk that hangs ends then, one of all gateways after twice that; alone on a machine one takes about 13 s."""
AT_ONCE = 6
HOLD_SECONDS = 45  # shorter than an approval may take: every approval asks the fence
QUIET_SECONDS = 130
LIFE_SECONDS = 1000
SETTLE_SECONDS = 8.0
LOOKS, LOOK_SECONDS, APART_SECONDS = 4, 2.5, 65
"""How often, and for how long, it is seen whether all windows have ended, and what time passes between."""


class _MovableClock(SystemClock):
    """The machine's clock, moved forward instead of waiting for quiet periods and expiries."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Say the wall time as everybody in the check has it."""
        return super().now() + self._ahead

    def boot_seconds(self) -> float:
        """Say the boot time as the bridge has it: what is moved passes by every clock."""
        return super().boot_seconds() + self._ahead.total_seconds()

    def move(self, seconds: float) -> None:
        """Let time pass for sandbox, bridge and shop alike."""
        self._ahead += timedelta(seconds=seconds)


@dataclass(slots=True)
class _Walked:
    """A journey that was walked; `lost` says what was not as it must be."""

    journey: Journey
    visit: Visit
    lost: str = ""

    @property
    def is_alone(self) -> bool:
        """Whether nobody else may be walking meanwhile."""
        return self.visit.dialect in self.journey.alone

    def problem(self, mine: list[Compared]) -> str:
        """Say what is not as it must be, of the walk or of the order's payments."""
        ends, wanted = [found.bridge["state"] for found in mine], self.journey.end(self.visit.dialect)
        heard = sum(found.shop["news"].count(self.journey.once) for found in mine)
        if not self.lost and ends != [wanted]:
            return f"ended as {ends}, not as {wanted}"
        if not self.lost and self.journey.once and heard != 1:
            return f"the shop heard {self.journey.once} {heard} times, not once"
        return self.lost


def check(gateway: str) -> dict[str, Any]:
    """Walk the journeys of a gateway, or of all, on a new stand; within 60 s, or 120. Gives what is printed."""
    set_up_logs("critical")
    dialects = [one for name, names in GATEWAYS.items() if gateway in (name, "all") for one in names]
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="pay-bridge-check-") as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        found = runner.run(_check(Path(folder), dialects))
    return {"version": __version__, "gateway": gateway, "seconds": round(time.monotonic() - began, 1)} | found


async def _check(folder: Path, dialects: list[str]) -> dict[str, Any]:
    clock = _MovableClock()
    plan = Plan(
        folder=folder,
        shops=tuple((0, dialect) for dialect in dialects),
        clock=clock,
        hold_seconds=HOLD_SECONDS,
        log_level="critical",
    )
    seconds = TOTAL_SECONDS * (1 if len({DOORS[dialect].gateway for dialect in dialects}) == 1 else 2)
    async with open_stand(plan) as stand, httpx2.AsyncClient(trust_env=False, timeout=20) as http:
        walked = [
            _Walked(journey, Visit(stand, dialect, http))
            for journey in JOURNEYS
            for dialect in dialects
            if dialect in journey.dialects
        ]
        try:
            async with asyncio.timeout(seconds):
                await _walk_all(walked)
                clock.move(QUIET_SECONDS)
                await _settle(stand, UNSETTLED, SETTLE_SECONDS)
                clock.move(LIFE_SECONDS)
                await _end_windows(stand, clock)
                compared = await compare(stand, http)
        except TimeoutError:
            return {"agree": False, "as_expected": False, "problems": [f"not done within {seconds:.0f} s"]}
        return _told(walked, compared)


async def _walk_all(walked: list[_Walked]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def walk(one: _Walked) -> None:
        async with gate:
            try:
                await one.journey.walk_in(one.visit.dialect)(one.visit)
            except (Lost, httpx2.HTTPError) as error:
                one.lost = f"{type(error).__name__}: {error}"

    for one in walked:
        if one.is_alone:
            await walk(one)
    await asyncio.gather(*(walk(one) for one in walked if not one.is_alone))


async def _end_windows(stand: Stand, clock: _MovableClock) -> None:
    """Let every window end: a gateway that takes money in its own is asked until it has twice shown none, a minute
    apart and after a quiet period, so time goes on in steps between two looks."""
    gone = UNSETTLED | {State.OPEN}
    for _ in range(LOOKS):
        if await _settle(stand, gone, min(LOOK_SECONDS, SETTLE_SECONDS)):
            return
        clock.move(APART_SECONDS)
    await _settle(stand, gone, SETTLE_SECONDS)


async def _settle(stand: Stand, gone: frozenset[str], seconds: float) -> bool:
    """Wait until no payment is in these states and all news is heard, or give up after a while: `compare` will tell.
    Answers whether it is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        settled = [await _is_settled(office, gone) for office in stand.offices.values()]
        if all(settled):
            return True
        await asyncio.sleep(0.1)
    return False


async def _is_settled(office: Office, gone: frozenset[str]) -> bool:
    payments = (await office.call("GET", "/v1/payments?limit=100")).body["items"]
    health = (await office.call("GET", "/v1/health")).body
    return not any(payment["state"] in gone for payment in payments) and health["news"]["waiting"] == 0


def _told(walked: list[_Walked], compared: list[Compared]) -> dict[str, Any]:
    """Join what was walked with what the three say of it."""
    problems = []
    journeys = []
    for one in walked:
        mine = [found for found in compared if found.order_ref == one.visit.order_ref and one.visit.order_ref]
        problem = one.problem(mine)
        problems += [f"{one.journey.name} ({one.visit.dialect}): {problem}"] if problem else []
        journeys.append(
            {"journey": one.journey.name, "dialect": one.visit.dialect, "as_expected": not problem}
            | {"price": one.visit.price, "payments": [found.as_json() for found in mine], "notes": one.visit.notes}
        )
    problems += [problem for found in compared for problem in found.differences]
    return {
        "agree": bool(compared) and not any(found.differences for found in compared),
        "as_expected": not problems,
        "problems": problems,
        "payments": len(compared),
        "totals": {
            "bridge": _total([one.bridge for one in compared]),
            "books": _total([one.books for one in compared]),
        },
        "not_told": _not_told({one.visit.dialect for one in walked}),
        "journeys": journeys,
    }


def _total(sums: list[dict[str, Any]]) -> dict[str, int]:
    """Add up KRW. What was taken and taken back at once is in the books alone; what is held must be equal."""
    total = {name: sum(one[name] for one in sums) for name in MONEY}
    return total | {"held": total["captured"] - total["refunded"]}


def _not_told(dialects: set[str]) -> list[dict[str, str]]:
    """Say which journeys cannot happen in these dialects, and why."""
    return [
        {"journey": journey.name, "dialect": dialect, "why": why}
        for journey in JOURNEYS
        for dialect, why in journey.why_not.items()
        if dialect in dialects
    ]
