"""Runs every test: the quick ones under coverage, the slow ones, storms and planted bugs beside them.

The flows run on both databases; their lines are counted on SQLite, as counting again on PostgreSQL takes time alone.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SLOW = "wordpress or browser or kill"
PYTHON = [sys.executable, "-m"]
PYTEST = ["pytest", "-p", "no:cacheprovider", "-q", "--durations=8", "-m"]
COVERED = [*PYTHON, "coverage", "run", "-m", *PYTEST]
FLOWS = "tests/flows"
"""Half of the quick tests; on PostgreSQL they wait for it, and the others have the time meanwhile."""


@dataclass
class Part:
    """One process, with the file that gathers what it prints."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


def start(name: str, folder: Path, words: list[str]) -> Part:
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        return Part(name, subprocess.Popen(words, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT), log)


def main() -> int:
    began = time.monotonic()
    for old in ROOT.glob(".coverage*"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            start("flows on PostgreSQL", Path(folder), [*PYTHON, *PYTEST, f"postgres and not ({SLOW})", FLOWS]),
            start("flows on SQLite", Path(folder), [*COVERED, f"not postgres and not ({SLOW})", FLOWS]),
            start("other quick tests", Path(folder), [*COVERED, f"not ({SLOW})", f"--ignore={FLOWS}"]),
            start("slow tests", Path(folder), [*PYTHON, *PYTEST, SLOW]),
            start("storms", Path(folder), ["nice", *PYTHON, "tests.storm"]),
            start("planted bugs", Path(folder), ["nice", *PYTHON, "tests.planted"]),
        ]
        failed = 0
        for part in parts:
            failed |= part.process.wait()
            print(f"=== {part.name}, after {time.monotonic() - began:.0f} s")
            print(part.log.read_text("utf-8", "replace"), flush=True)
    subprocess.run([*PYTHON, "coverage", "combine", "--quiet"], cwd=ROOT, check=False)
    failed |= subprocess.run([*PYTHON, "coverage", "report"], cwd=ROOT, check=False).returncode
    print(f"All tests in {time.monotonic() - began:.0f} s: {'failed' if failed else 'passed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
