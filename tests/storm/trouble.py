"""What befalls machines and networks at a time of its own: kills, stops, outages, clocks that jump."""

from typing import TYPE_CHECKING

from tests.storm.loop import Process

if TYPE_CHECKING:
    from tests.storm.storm import Storm

SPAN_SECONDS = 1_500.0
JUMPS_SECONDS = (5.0, 90.0, 150.0, 200.0, 400.0, 3_600.0)
"""Within the quiet period, past it and before a person is told, and past that too."""
CLOCKS_OFF = (-100.0, 45.0, 100.0, 400.0)


def process(storm: "Storm") -> Process:
    """Name the next process."""
    return Process(f"bridge-{sum(storm.crashes.values()) + 1}")


def plan(storm: "Storm") -> None:
    """Plan the troubles of this seed."""
    weather, chance = storm.weather, storm.chance
    acts = {
        "killed_any_time": lambda: storm.kills("killed_any_time"),
        "told_to_stop": lambda: _stop(storm),
        "stopped_for_a_while": lambda: _pause(storm),
        "power_lost": lambda: _power(storm),
        "clock_jumps_forward": lambda: _jump(storm, "clock_jumps_forward", chance.choice(JUMPS_SECONDS)),
        "clock_jumps_back": lambda: _jump(storm, "clock_jumps_back", -chance.choice(JUMPS_SECONDS)),
        "outage": lambda: _outage(storm),
    }
    for kind, act in acts.items():
        if kind in weather.rates:
            for _ in range(chance.choice((2, 4, 8))):
                storm.loop.call_later(chance.uniform(0.0, SPAN_SECONDS), act)
    if weather.strikes("bridge_clock_off"):
        storm.jump(chance.choice(CLOCKS_OFF))
    for shop in storm.shops.values():
        if weather.strikes("shop_clock_off"):
            shop.clock_off_seconds = chance.choice(CLOCKS_OFF)
    if weather.strikes("swizzle"):
        _swizzle(storm)


def _stop(storm: "Storm") -> None:
    server = storm.server
    if server is not None and server.app is not None and storm.weather.strikes("told_to_stop"):
        storm.note(f"{server.process.name} is told to stop")
        if not server.stop.done():
            server.stop.set_result(None)


def _pause(storm: "Storm") -> None:
    if storm.server is not None and storm.weather.strikes("stopped_for_a_while"):
        seconds = storm.chance.choice((1.0, 7.0, 40.0, 110.0))
        storm.note(f"{storm.server.process.name} stands still for {seconds} s")
        storm.server.process.stopped_until = storm.loop.time() + seconds
        storm.checks.settling.trouble(storm.loop.time() + seconds)


def _power(storm: "Storm") -> None:
    if storm.server is not None and storm.weather.strikes("power_lost"):
        storm.kill("power_lost", 60.0)
        storm.disk.lose_power()
        storm.clock.start_machine()


def _jump(storm: "Storm", kind: str, seconds: float) -> None:
    if storm.weather.strikes(kind):
        storm.jump(seconds)


def _outage(storm: "Storm") -> None:
    if storm.weather.strikes("outage"):
        origin = storm.chance.choice(sorted(storm.apps))
        seconds = storm.chance.choice((20.0, 120.0, 600.0))
        storm.note(f"{origin} is down for {seconds} s")
        storm.down[origin] = storm.loop.time() + seconds


def _swizzle(storm: "Storm") -> None:
    """Clog everything one by one, then let it go in another order."""
    clogged, freed = sorted(storm.apps), sorted(storm.apps)
    storm.chance.shuffle(clogged)
    storm.chance.shuffle(freed)
    at = storm.chance.uniform(30.0, 600.0)
    for origin in clogged:
        at += storm.chance.uniform(5.0, 60.0)
        storm.loop.call_later(at, storm.down.__setitem__, origin, float("inf"))
    for origin in freed:
        at += storm.chance.uniform(5.0, 60.0)
        storm.loop.call_later(at, storm.down.pop, origin, None)
