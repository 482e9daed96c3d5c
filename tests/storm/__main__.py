"""Runs storms: `make storm SEEDS=n FIRST=n`. The last line of output is the figures as one JSON object."""

import argparse
import atexit
import contextlib
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path

from tests.storm.figures import Figures
from tests.storm.gateways import SETUPS
from tests.storm.quietly import storms
from tests.storm.stories import unmet, untold
from tests.storm.storm import Outcome
from tests.storm.weather import KINDS

SEEDS_CI = 15_000
"""How many schedules a run of all tests has beside the others: 900 s of CPU on a quick machine."""
SEEDS_AT_ONCE = 25
TWICE_EVERY = 100
"""Each hundredth seed is run a second time, after those beside it: the same seed gives the same event log."""


def main() -> int:
    """Run the seeds asked for; 1 where a rule or a promise was broken."""
    asked = _read()
    seeds = range(asked.first, asked.first + asked.seeds)
    began_at = time.monotonic()
    figures = Figures()
    at_once = 1 if asked.until_red else SEEDS_AT_ONCE
    for outcomes in _all(seeds, at_once, asked.processes, asked.gateway):
        for outcome in outcomes:
            figures.add(outcome)
            if outcome.violations or asked.seeds == 1:
                _show(outcome, asked.log or asked.seeds == 1, asked.gateway)
            if outcome.violations and asked.until_red:
                break
        is_over = asked.minutes and time.monotonic() - began_at >= asked.minutes * 60
        if is_over or (figures.red and asked.until_red):
            break
    summary = figures.summary(time.monotonic() - began_at, asked.processes)
    if summary["schedules"] < asked.seeds and not figures.red:
        print(f"{summary['schedules']:,} of {asked.seeds:,} schedules were run within {asked.minutes:g} minutes")
    for text in summary["broken_promises"]:
        print(f"too slow: {text}")
    missing = [] if asked.gateway else untold(summary["stories"], summary["schedules"], summary["stories_of_some"])
    for text in missing:
        print(f"no schedule told this: {text}")
    never = [] if asked.gateway else unmet(summary["faults_by_kind"], KINDS, summary["schedules"])
    for kind in never:
        print(f"no schedule met this fault: {kind}")
    if asked.json:
        asked.json.write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(json.dumps(summary, ensure_ascii=False), flush=True)
    return 1 if figures.red or summary["broken_promises"] or missing or never else 0


def _read() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="python -m tests.storm", description=__doc__)
    words.add_argument("--seeds", type=int, default=SEEDS_CI, help="how many schedules")
    words.add_argument("--first", type=int, default=1, help="the first seed")
    words.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    words.add_argument(
        "--gateway",
        default="",
        choices=["", *sorted({setup.gateway for setup in SETUPS})],
        help="only set-ups of this gateway; the same seed is another storm then",
    )
    words.add_argument("--minutes", type=float, default=0, help="stop after so many; the figures are of what was run")
    words.add_argument("--until-red", action="store_true", help="stop at the first red seed")
    words.add_argument("--log", action="store_true", help="print the event log of red seeds; of a lone seed, always")
    words.add_argument("--json", type=Path, help="write the figures here too")
    return words.parse_args()


def _all(seeds: range, at_once: int, processes: int, gateway: str) -> Iterator[list[Outcome]]:
    parts = [seeds[start : start + at_once] for start in range(0, len(seeds), at_once)]
    run = partial(run_part, gateway=gateway)
    if processes == 1 or len(parts) == 1:
        with storms(gateway):
            yield from map(run, parts)
        return
    with multiprocessing.get_context("fork").Pool(processes, _enter, [gateway]) as pool:
        yield from pool.imap(run, parts)


def _enter(gateway: str) -> None:
    """Make this process ready for storms once, not for each part."""
    stack = contextlib.ExitStack()
    stack.enter_context(storms(gateway))
    atexit.register(stack.close)


def run_part(seeds: range, gateway: str = "") -> list[Outcome]:
    """Run some seeds in this process; logs are kept of red ones alone."""
    with storms(gateway) as made:
        outcomes = [made.run(seed) for seed in seeds]
        for outcome in outcomes:
            if outcome.seed % TWICE_EVERY == 0:
                compare(outcome, made.run(outcome.seed))
    for outcome in outcomes:
        if not outcome.violations and len(seeds) > 1:
            outcome.log.clear()
    return outcomes


def compare(outcome: Outcome, again: Outcome) -> None:
    """Require the same event log, byte for byte; the seed is red where it is another, and its first other line told."""
    is_same = outcome.digest == again.digest
    outcome.figures += Counter(run_twice=1, run_twice_differed=int(not is_same))
    if not is_same:
        pairs = zip_longest(outcome.log, again.log, fillvalue="its end")
        line, other = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
        outcome.violations.append(f"same seed: run twice, the logs differ first where {line!r} became {other!r}")


def _show(outcome: Outcome, with_log: bool, gateway: str) -> None:
    if with_log:
        print("\n".join(outcome.log))
    for text in outcome.violations:
        print(f"seed {outcome.seed}: {text}")
    if outcome.violations:
        more = f' ARGS="--gateway {gateway}"' if gateway else ""
        print(f"  again: make storm SEEDS=1 FIRST={outcome.seed}{more}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
