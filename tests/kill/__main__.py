"""Everything the real server must survive, and its figures: `make crash [ARGS="--quick"]`.

A whole run kills the server at every moment of every scenario, cuts the power a thousand times and lets five hundred
crowds in; it writes build/crash.json and docs/crashes.md. The last line of its output is its figures as JSON.
"""

import argparse
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

from .report import as_page

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent


def main() -> int:
    """Run the tests of this folder; answer 0 if all passed."""
    parser = argparse.ArgumentParser("python -m tests.kill", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="what `make test` runs; writes no page")
    given = parser.parse_args()
    load, began = machine.load_before(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-") as scratch:
        measured, told = Path(scratch) / "figures.json", Path(scratch) / "tests.xml"
        code = _run(measured, told, everything=not given.quick)
        figures: dict[str, Any] = json.loads(measured.read_text()) if measured.exists() else {}
        tests = _read_tests(told)
    outcomes = [outcome for file in tests.values() for outcome in file.values()]
    figures |= {
        "command": "make crash" + (' ARGS="--quick"' if given.quick else ""),
        "seconds": round(time.monotonic() - began),
        "tests": {outcome: outcomes.count(outcome) for outcome in ("passed", "failed", "skipped")},
        "machine": machine.describe() | {"load": f"{load:.1f}"},
    }
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "crash.json").write_text(json.dumps(figures | {"outcomes": tests}, indent=1) + "\n")
    if not given.quick:
        (ROOT / "docs" / "crashes.md").write_text(as_page(figures, tests))
        print("Written: docs/crashes.md, build/crash.json")
    print(json.dumps(figures))
    return code


def _run(figures: Path, told: Path, *, everything: bool) -> int:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", HERE, f"--junitxml={told}"]
    environment = {**os.environ, "KILL_FIGURES": str(figures), "KILL_EVERY_MOMENT": "1" if everything else ""}
    return subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode


def _read_tests(told: Path) -> dict[str, dict[str, str]]:
    """The tests' names by file, and what became of each."""
    found: dict[str, dict[str, str]] = {}
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
