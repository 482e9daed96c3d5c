"""Adds up what storms came to."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bridge.domain.machine import State
from tests.storm.gateways import EVERY
from tests.storm.settling import Settled, Way
from tests.storm.stories import OF_SOME, STORIES, Stories
from tests.storm.storm import Outcome
from tests.storm.weather import KINDS
from tests.support.commit import commit

EXPLAINED = ("krw_explained", "payments_explained", "krw_kept_explained", "orders_kept_explained")
"""Where the gateway's books are not the ledger's, and where an order holds more than its price, beside a case."""
ENOUGH_OUTCOMES = 500
"""Of fewer, the slowest hundredth is chance."""


@dataclass
class Figures:
    """The sums of many schedules."""

    totals: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    orders_with_a_person: Counter[str] = field(default_factory=Counter)
    finals: set[str] = field(default_factory=set)
    covered: set[tuple[str, str, str]] = field(default_factory=set)
    gateways: Counter[str] = field(default_factory=Counter)
    stories: Stories = field(default_factory=Stories)
    resolved: dict[str, list[float]] = field(default_factory=lambda: {setup.name: [] for setup in EVERY})
    settled: list[Settled] = field(default_factory=list)
    red: list[int] = field(default_factory=list)
    first: int = 0

    def add(self, outcome: Outcome) -> None:
        """Add one schedule."""
        self.first = min(self.first or outcome.seed, outcome.seed)
        self.totals += outcome.figures
        self.faults += outcome.faults
        self.crashes += outcome.crashes
        self.people += outcome.people
        self.deeds += outcome.deeds
        self.orders += outcome.orders
        self.orders_with_a_person += outcome.orders_with_a_person
        self.finals.add(outcome.final)
        self.covered |= outcome.covered
        self.gateways += outcome.gateways
        self.stories.update(outcome.stories)
        for name, seconds in outcome.resolved:
            self.resolved[name].append(seconds)
        self.settled += outcome.settled
        if outcome.violations:
            self.red.append(outcome.seed)

    def summary(self, seconds: float, processes: int) -> dict[str, Any]:
        """Sum up; `seconds` is how long it took by the wall, on so many processes."""
        totals, core_hours = self.totals, seconds * processes / 3_600
        resolved = [one for many in self.resolved.values() for one in many]
        return {
            "commit": commit(),
            "schedules": totals["schedules"],
            "first_seed": self.first,
            "red_seeds": self.red,
            "run_twice": totals["run_twice"],
            "run_twice_differed": totals["run_twice_differed"],
            "krw_lost": totals["krw_lost"],
            "krw_doubled": totals["krw_doubled"],
            "krw_drifting": totals["krw_drifting"],
            **{name: totals[name] for name in EXPLAINED},
            "payments": totals["payments"],
            "payments_per_core_hour": round(totals["payments"] / core_hours) if core_hours else 0,
            "wall_seconds": round(seconds, 1),
            "processes": processes,
            "distinct_final_states": len(self.finals),
            "state_fault_crash_triples": len(self.covered),
            "state_fault_pairs": len({(state, fault) for state, fault, _ in self.covered}),
            "state_crash_pairs": len({(state, point) for state, _, point in self.covered}),
            "states_at_a_crash": sorted({state for state, _, _ in self.covered}),
            "states": len(State),
            "faults": sum(self.faults.values()),
            "fault_kinds": len(self.faults),
            "fault_kinds_known": len(KINDS),
            "faults_by_kind": dict(sorted(self.faults.items())),
            "crashes": sum(self.crashes.values()),
            "crashes_by_point": dict(sorted(self.crashes.items())),
            "steps": totals["steps"],
            "virtual_hours": round(totals["virtual_seconds"] / 3_600),
            "invariant_evaluations": totals["invariants"],
            "unknown_outcomes": len(resolved),
            "resolved_seconds_p50": _quantile(resolved, 0.5),
            "resolved_seconds_p99": _quantile(resolved, 0.99),
            "broken_promises": self.broken_promises(),
            "settled_after_the_last_trouble": {way: self._of_way(way) for way in Way},
            "given_to_a_person_after_the_last_trouble": self._times(self._given()),
            "orders": self.orders.total(),
            "orders_with_a_person": self.orders_with_a_person.total(),
            "orders_with_a_person_by_reason": dict(sorted(self.people.items())),
            "what_people_did": dict(sorted(self.deeds.items())),
            "gateways": {setup.name: self._of_gateway(setup.name) for setup in EVERY},
            "stories": {setup.name: {one: self.stories[setup.name, one] for one in STORIES} for setup in EVERY},
            "stories_of_some": {one: sum(self.stories[setup.name, one] for setup in EVERY) for one in OF_SOME},
        }

    def broken_promises(self) -> list[str]:
        """Say of each way whose p99 is longer than promised, where there are enough outcomes to tell."""
        broken = []
        for way, many in [*((str(way), self._known(way)) for way in Way), ("given to a person", self._given())]:
            late = [one.late_seconds for one in many]
            p99 = _quantile(late, 0.99)
            if len(late) >= ENOUGH_OUTCOMES and p99 is not None and p99 > 0:
                broken.append(f"{way}: the p99 of {len(late)} outcomes is {p99} s over what is promised")
        return broken

    def _of_way(self, way: Way) -> dict[str, Any]:
        mine = [one for one in self.settled if one.promise.way is way]
        known = self._known(way)
        return self._times(known) | {"given_to_a_person": len(mine) - len(known)}

    def _times(self, known: list[Settled]) -> dict[str, Any]:
        seconds = [one.seconds for one in known]
        return {
            "outcomes": len(known),
            "seconds_p50": _quantile(seconds, 0.5),
            "seconds_p99": _quantile(seconds, 0.99),
            "seconds_max": _quantile(seconds, 1.0),
            "within_promise": _share(sum(one.late_seconds <= 0 for one in known), len(known)),
        }

    def _known(self, way: Way) -> list[Settled]:
        return [one for one in self.settled if one.promise.way is way and not one.by_person]

    def _given(self) -> list[Settled]:
        return [one for one in self.settled if one.by_person]

    def _of_gateway(self, name: str) -> dict[str, Any]:
        resolved = self.resolved[name]
        return {
            "payments": self.gateways[name],
            "unknown_outcomes": len(resolved),
            "resolved_seconds_p50": _quantile(resolved, 0.5),
            "resolved_seconds_p99": _quantile(resolved, 0.99),
            "orders": self.orders[name],
            "orders_with_a_person": self.orders_with_a_person[name],
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _quantile(values: list[float], share: float) -> float | None:
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 1)
