"""Plants each bug in a copy of the tree and demands that its detector turns red, and is green without it.

`make planted`, or `python -m tests.planted NAME...` for some of them. The last line of output is the figures as JSON.
"""

import argparse
import json
import os
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from tests.storm.quietly import storms
from tests.support.commit import commit

ROOT = Path(__file__).parent.parent.parent
PATCHES = Path(__file__).parent
ROUND_SEEDS = 1_000_000
"""Each round of storms begins this far after the one before."""
RENEW = """{name} does not apply any more: the code it changes was changed.
Plant the bug again by hand in a clean tree, with the file's first lines kept:
  (sed '/^diff /,$d' {path}; git diff) > /tmp/renewed && git checkout . && mv /tmp/renewed {path}
{said}"""


@dataclass(frozen=True, slots=True)
class Planted:
    """One bug: what it is, and who must catch it: storms within so many seeds, breaking a rule, or named tests.

    `gateway`: storms over this one alone, where the bug is one of its own or rare elsewhere. `first`: the seed that
    they begin with, where a rare bug was caught the last time; where no more, it takes longer, and is told.
    """

    name: str
    what: str
    path: Path
    seeds: int = 0
    rules: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    gateway: str = ""
    first: int = 1


@dataclass(frozen=True, slots=True)
class Caught:
    """What came of one bug. `schedules` until each round's first red storm, and which `red_seeds` those are."""

    planted: Planted
    by: str
    schedules: tuple[int, ...] = ()
    red_seeds: tuple[int, ...] = ()
    trouble: str = ""


def first_seeds(planted: Planted, rounds: int) -> list[int]:
    """Say with which seeds rounds of storms begin; without a number there is one, where the bug was caught last."""
    return [1 + number * ROUND_SEEDS for number in range(rounds)] or [planted.first]


def read_patch(path: Path) -> Planted:
    """Read a patch's first lines: `What: …`, and `Tests: NODE…` or `Storm: SEEDS RULE…`, perhaps `Gateway`, `First`."""
    head = dict(line.split(": ", 1) for line in path.read_text("utf-8").split("\ndiff ")[0].splitlines() if line)
    storm, tests = head.get("Storm", "").split(), head.get("Tests", "").split()
    assert bool(storm) != bool(tests), f"{path.name} must name its detector: Storm or Tests"
    seeds = int(storm[0]) if storm else 0
    gateway, first = head.get("Gateway", ""), int(head.get("First", 1))
    return Planted(path.stem, head["What"], path, seeds, tuple(storm[1:]), tuple(tests), gateway, first)


class Lane:
    """A copy of the tree in which one bug after the other is planted and taken out again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
        for name in listed.split("\0"):
            if name and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
                self._copy_compiled(name)

    def _copy_compiled(self, name: str) -> None:
        """Copy what Python and pytest made of a file: by its time and size they tell whether it still is that."""
        if not name.endswith(".py"):
            return
        made = Path(cache_from_source(ROOT / name))
        for compiled in made.parent.glob(f"{made.stem}*.pyc"):
            copy = self.folder / made.parent.relative_to(ROOT) / compiled.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(compiled, copy)

    def plant(self, planted: Planted) -> str:
        """Apply a patch; gives what git says where it does not apply."""
        return self._git("--whitespace=nowarn", str(planted.path)).stderr

    def restore(self, planted: Planted) -> None:
        """Put back the files a patch touches."""
        for line in self._git("--numstat", str(planted.path)).stdout.splitlines():
            name = line.split("\t")[2]
            shutil.copy2(ROOT / name, self.folder / name)

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Python here, on this copy's own packages."""
        own = os.environ | {"PYTHONPATH": str(self.folder)}
        return subprocess.run([sys.executable, *words], cwd=self.folder, env=own, capture_output=True, text=True)

    def tests(self, *nodes: str) -> subprocess.CompletedProcess[str]:
        """Run some tests on SQLite alone."""
        return self.python("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--ledger=sqlite", *nodes)

    def _git(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", "apply", "-C1", *words], cwd=self.folder, capture_output=True, text=True)


def storm(lane: Lane, seeds: int, first: int, gateway: str = "") -> tuple[int, str]:
    """Run storms until the first red one; gives how many it took (0: none was red) and what was said."""
    words = ("--until-red", "--processes", "1", "--seeds", str(seeds), "--first", str(first))
    done = lane.python("-m", "tests.storm", *words, "--gateway", gateway)
    try:
        red = json.loads(done.stdout.splitlines()[-1])["red_seeds"]
    except (ValueError, IndexError):
        return 1, f"storm: the storm itself broke: {done.stderr[-300:]}"
    return (red[0] - first + 1 if red else 0), done.stdout


def catch(planted: Planted, lanes: "queue.Queue[Lane]", rounds: int) -> Caught:
    """Plant one bug and look whether it is caught."""
    lane = lanes.get()
    try:
        said = lane.plant(planted)
        if said:
            return Caught(planted, "", trouble=RENEW.format(name=planted.path.name, path=planted.path, said=said))
        if planted.tests:
            done = lane.tests(*planted.tests)
            missed = "" if done.returncode == 1 else f"its tests did not fail:\n{done.stdout[-600:]}"
            return Caught(planted, " ".join(planted.tests), trouble=missed)
        return _catch_by_storm(planted, lane, rounds)
    finally:
        lane.restore(planted)
        lanes.put(lane)


def _catch_by_storm(planted: Planted, lane: Lane, rounds: int) -> Caught:
    schedules: list[int] = []
    red: list[int] = []
    by = ""
    for first in first_seeds(planted, rounds):
        many, said = storm(lane, planted.seeds, first, planted.gateway)
        if not many:
            return Caught(planted, "", trouble=f"no storm of {planted.seeds} from {first} turned red")
        broken = [line.split(": ")[1] for line in said.splitlines() if line.startswith("seed ")]
        if not set(broken) & set(planted.rules):
            return Caught(planted, "", trouble=f"red by {broken}, not by {planted.rules}: {said[-300:]}")
        schedules.append(many)
        red.append(first + many - 1)
        by = next(rule for rule in broken if rule in planted.rules)
    return Caught(planted, f"storm {by}", tuple(schedules), tuple(red))


def unplanted(found: list[Caught], lane: Lane) -> list[str]:
    """Demand that the same detectors are green without any bug: the very seeds and tests; gives what is not."""
    trouble = []
    for gateway in sorted({one.planted.gateway for one in found}):
        with storms(gateway) as made:
            for seed in sorted({seed for one in found if one.planted.gateway == gateway for seed in one.red_seeds}):
                broken = made.run(seed).violations
                if broken:
                    trouble.append(f"seed {seed} of {gateway or 'every gateway'} is red without any bug: {broken}")
    tests = sorted({test for one in found for test in one.planted.tests})
    if tests:
        done = lane.tests(*tests)
        if done.returncode:
            trouble.append(f"tests are red without any bug:\n{done.stdout[-600:]}")
    return trouble


def main() -> int:
    """Plant every bug, or those named; 1 where one was missed."""
    words = argparse.ArgumentParser(prog="python -m tests.planted", description=__doc__)
    words.add_argument("names", nargs="*", help="patches by name, without .patch")
    words.add_argument("--rounds", type=int, default=0, help="how often storms begin anew, for the median")
    words.add_argument("--json", type=Path, help="write the figures here too")
    asked = words.parse_args()
    began_at = time.monotonic()
    wanted = [read_patch(path) for path in sorted(PATCHES.glob("*.patch"))]
    wanted = [one for one in wanted if not asked.names or one.name in asked.names]
    processes = len(os.sched_getaffinity(0))
    found: list[Caught] = []
    lanes: queue.Queue[Lane] = queue.Queue()
    with tempfile.TemporaryDirectory(dir=_memory(), prefix="planted-") as folder:
        for number in range(processes):
            (Path(folder) / str(number)).mkdir()
            lanes.put(Lane(Path(folder) / str(number)))
        with ThreadPoolExecutor(processes) as pool:
            for done in as_completed([pool.submit(catch, one, lanes, asked.rounds) for one in wanted]):
                found.append(done.result())
                _say(found[-1])
        found.sort(key=lambda one: one.planted.name)
        trouble = unplanted(found, lanes.get())
    for text in trouble:
        print(text)
    summary = {
        "commit": commit(),
        "planted": len(found),
        "found": sum(not one.trouble for one in found),
        "green_without_a_bug": not trouble,
        "rounds": asked.rounds,
        "median_schedules": {
            one.planted.name: round(statistics.median(one.schedules)) for one in found if one.schedules and asked.rounds
        },
        "by": {one.planted.name: one.by for one in found},
        "wall_seconds": round(time.monotonic() - began_at, 1),
    }
    if asked.json:
        asked.json.write_text(json.dumps(summary, indent=1) + "\n", "utf-8")
    print(json.dumps(summary), flush=True)
    return 0 if summary["found"] == len(found) and not trouble else 1


def _say(one: Caught) -> None:
    took = f" after {', '.join(map(str, one.schedules))} schedules" if one.schedules else ""
    print(f"{'missed' if one.trouble else 'caught'} {one.planted.name}{took}: {one.planted.what}")
    print(f"    {one.trouble or one.by}", flush=True)


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
