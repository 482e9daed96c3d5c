"""Everything the real server must survive, and its figures: `make crash [ARGS="--quick"]`, `ARGS="--again test_alone"`.

A whole run kills the server at every moment of every scenario, cuts the power a thousand times and lets five hundred
crowds in; it writes docs/crashes.json, of which docs/crashes.md is made (ARGS="--page" makes that alone). A quick one
writes build/crash.json. The last line of its output is its figures as JSON.
"""

import argparse
import ast
import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from benchmarks import machine

from .report import FIGURES, PAGE, written

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
QUICK = ROOT / "build" / "crash.json"
Outcomes = dict[str, dict[str, str]]


def main() -> int:
    """Run the tests of this folder; answer 0 if all passed."""
    parser = argparse.ArgumentParser("python -m tests.kill", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="what `make test` runs; writes no page")
    parser.add_argument("--again", nargs="+", default=[], metavar="NAME", help="files to run again, such as test_alone")
    parser.add_argument("--page", action="store_true", help="write docs/crashes.md from docs/crashes.json; run nothing")
    given = parser.parse_args()
    if (given.page or given.again) and not FIGURES.is_file():
        parser.error(f"docs/{FIGURES.name} is not there yet: a whole run makes it (make crash).")
    if given.page:
        PAGE.write_text(written(), "utf-8")
        return 0
    load, began = machine.load_before(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as scratch:
        measured, told = Path(scratch) / "figures.json", Path(scratch) / "tests.xml"
        code = _run(measured, told, given.again, everything=not given.quick)
        figures: dict[str, Any] = json.loads(measured.read_text()) if measured.exists() else {}
        outcomes = _read_tests(told)
    here = machine.describe() | {"load": f"{load:.1f}"}
    if given.again:
        figures, outcomes = _merged(figures, outcomes, here)
    else:
        figures |= {"command": "make crash" + (' ARGS="--quick"' if given.quick else ""), "machine": here}
        figures["seconds"] = round(time.monotonic() - began)
    everything = [outcome for file in outcomes.values() for outcome in file.values()]
    figures["tests"] = {outcome: everything.count(outcome) for outcome in ("passed", "failed", "skipped")}
    _keep(figures | {"outcomes": outcomes, "purposes": _purposes(outcomes)}, quick=given.quick)
    print(json.dumps(figures))
    return code


def _keep(figures: dict[str, Any], *, quick: bool) -> None:
    """Keep the figures: those of a whole run with the page, which is written of nothing else."""
    kept = QUICK if quick else FIGURES
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if not quick:
        PAGE.write_text(written(), "utf-8")
        print(f"Written: docs/{FIGURES.name}, docs/{PAGE.name}")


def _run(figures: Path, told: Path, again: list[str], *, everything: bool) -> int:
    wanted = [HERE / f"{name}.py" for name in again] or [HERE]
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *wanted, f"--junitxml={told}"]
    words += ["--timeout=3600"] if everything else []  # a thousand power cuts are one test
    environment = {**os.environ, "KILL_FIGURES": str(figures), "KILL_EVERY_MOMENT": "1" if everything else ""}
    return subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode


def _merged(new: dict[str, Any], outcomes: Outcomes, here: dict[str, str]) -> tuple[dict[str, Any], Outcomes]:
    """Put what was run again in the place of what an earlier whole run measured; the page says what and when."""
    kept: dict[str, Any] = json.loads(FIGURES.read_text("utf-8"))
    before: Outcomes = kept.pop("outcomes")
    if not new.get("chains", {}).get("kills"):
        new.pop("chains", None)
    measured = new.get("restart_seconds", {})
    new["restart_seconds"] = {
        part: {**times, **measured.get(part, {})} for part, times in kept["restart_seconds"].items()
    }
    again = {file: {name: here[name] for name in ("date", "commit", "load")} for file in outcomes}
    return kept | new | {"again": kept.get("again", {}) | again}, before | outcomes


def _purposes(outcomes: Outcomes) -> dict[str, str]:
    """What each file of tests is about, in its own first line."""
    found = {}
    for file in outcomes:
        said = ast.get_docstring(ast.parse((HERE / f"{file}.py").read_text("utf-8")))
        found[file] = (said or file).splitlines()[0]
    return found


def _read_tests(told: Path) -> Outcomes:
    """The tests' names by file, and what became of each."""
    found: Outcomes = {}
    if not told.exists():
        return found
    for case in ElementTree.parse(told).getroot().iter("testcase"):
        marks = {child.tag for child in case}
        outcome = "failed" if marks & {"failure", "error"} else "skipped" if "skipped" in marks else "passed"
        file = str(case.get("classname")).rpartition(".")[2]
        found.setdefault(file, {})[str(case.get("name"))] = outcome
    return found


if __name__ == "__main__":
    sys.exit(main())
