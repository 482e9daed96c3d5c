"""`make mutants`: mutates the money modules, one change at a time, and says which no test noticed."""

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.mutation.modules import MODULES
from tests.mutation.mutate import Mutant
from tests.mutation.page import PAGE, written
from tests.mutation.run import KILLED, SLOW, SURVIVED, UNMADE, UNREACHED, Mutation, choose

QUICK = "not (wordpress or browser or kill or postgres)"
ELSEWHERE = ("storm", "planted", "kill", "browser", "plugin", "wordpress", "benchmarks", "mutation", "demo", "cli")
ABOUT_FILES = ("test_tidy.py", "test_docs.py")
"""Folders whose tests are not asked: they are slow, or start programs of their own that no mutant reaches."""


def main() -> int:
    options = _options()
    if options.page:
        PAGE.write_text(written(), "utf-8")
        return 0
    paths = [path for name, group in MODULES.items() for path in group if options.only in (name, path, "")]
    if not paths:
        print(f"{options.only} is none of the groups {', '.join(MODULES)}, and no module of theirs.", file=sys.stderr)
        return 2
    chosen = choose(paths, 0 if options.since else options.sample, options.seed)
    outcomes: dict[Mutant, str] = {}
    measured = json.loads(Path(options.json).read_text("utf-8")) if options.again or options.since else {}
    if options.since:
        chosen = [one for one in chosen if one.id in set(measured["survivors"])]
    elif options.again:
        lived = set(measured["survivors"])
        outcomes = {one: KILLED for one in chosen if one.id not in lived}
        chosen = [one for one in chosen if one.id in lived]
    began = time.monotonic()

    def told(mutant: Mutant, outcome: str) -> None:
        outcomes[mutant] = outcome
        if outcome in (SURVIVED, UNREACHED, UNMADE):
            print(f"{outcome}: {mutant.path}:{mutant.line} {mutant.where}: {mutant.change}", flush=True)

    controls: dict[Mutant, str] = {}

    def controlled(mutant: Mutant, outcome: str) -> None:
        controls[mutant] = outcome
        if outcome != SURVIVED:
            print(f"without any change, by the tests of {mutant.path}:{mutant.line}: {outcome}", flush=True)

    words = [
        "tests",
        "-o",
        "addopts=",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:terminal",
        "-m",
        QUICK,
        "--ledger",
        "sqlite",
    ]
    words += [f"--ignore=tests/{folder}" for folder in (*ELSEWHERE, *ABOUT_FILES)]
    pytest.main(words, plugins=[Mutation(chosen, told, controlled, options.jobs)])
    figures: dict[str, Any] = _report(outcomes) | {"controls": len(controls), "controls_failed": _failed(controls)}
    if options.since:
        there = {one.id for one in chosen}
        gone = sorted(one for one in measured["survivors"] if one not in there)
        figures = measured | {"still_live": figures["survivors"], "gone": gone}
    if options.json:
        Path(options.json).write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", "utf-8")
    lives = f"{len(figures['still_live'])} still live, " if options.since else ""
    print(f"{len(chosen)} mutants in {time.monotonic() - began:.0f} s: {lives}{json.dumps(figures['groups'])}")
    print(f"{len(controls)} controls without a change, {_failed(controls)} of them failed")
    return 0 if figures["score"] >= options.least and not _failed(controls) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="a group or a module; all of them without it")
    parser.add_argument("--sample", type=int, default=0, help="so many mutants by chance; all without it")
    parser.add_argument("--seed", type=int, default=1, help="the chance")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--least", type=float, default=92.0, help="the score below which the command fails, in percent")
    parser.add_argument("--again", action="store_true", help="of the file of --json, only what had survived")
    parser.add_argument(
        "--since",
        action="store_true",
        help="ask again for what had survived in the file of --json, and add what still lives and whose code is gone",
    )
    parser.add_argument("--page", action="store_true", help="only write docs/mutants.md from the kept figures")
    parser.add_argument("--json", default="", help="a file for the figures and the survivors")
    return parser.parse_args()


def _report(outcomes: dict[Mutant, str]) -> dict[str, object]:
    groups = {}
    for name, paths in MODULES.items():
        count = Counter(outcome for mutant, outcome in outcomes.items() if mutant.path in paths)
        if count:
            lived = count[SURVIVED] + count[UNREACHED] + count[UNMADE]
            groups[name] = {
                "modules": len(paths),
                "mutants": count.total(),
                "possible": len(choose(paths, 0, 0)),
                "survived": lived,
                "score": _score(count),
            }
    whole = Counter(outcomes.values())
    survivors = sorted(mutant.id for mutant, outcome in outcomes.items() if outcome in (SURVIVED, UNREACHED, UNMADE))
    return {
        "score": _score(whole),
        "mutants": whole.total(),
        "slow": whole[SLOW],
        "groups": groups,
        "survivors": survivors,
    }


def _failed(controls: dict[Mutant, str]) -> int:
    return sum(1 for outcome in controls.values() if outcome != SURVIVED)


def _score(count: Counter[str]) -> float:
    return round(100 * (1 - (count[SURVIVED] + count[UNREACHED] + count[UNMADE]) / count.total()), 1) if count else 0.0


if __name__ == "__main__":
    sys.exit(main())
