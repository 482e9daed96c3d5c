"""Runs every test: quick ones, flows on both databases, slow ones, storms and planted bugs, all beside each other."""

import compileall
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SLOW = "wordpress or browser or kill"
PYTHON = [sys.executable, "-m"]
PYTEST = ["pytest", "-p", "no:cacheprovider", "-q", "--durations=8", "-m"]
FLOWS = "tests/flows"
"""Half of the quick tests; on PostgreSQL they wait for it, and the others have the time meanwhile."""
SHOPS = ["tests/browser", "tests/plugin", "tests/web", "tests/wordpress"]
SERVERS = ["tests/attack", "tests/cli", "tests/kill"]
"""Where slow tests are, in two parts, as each waits most of its time; tests/conftest.py refuses one anywhere else."""
IDLY = ["chrt", "--idle", "0"]
"""Storms wait for nothing, and have what the others leave: who shares a processor evenly loses its cache each turn."""
PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT
STORM_MINUTES_MAX = 45
"""When storms end with fewer schedules than they were to have, and say so: a slow machine is no fault of the bridge."""
MINUTES_MAX = 75
"""When whatever still runs is stopped and shows what it did; a hung part would show nothing for ever."""
LOOK_SECONDS = 0.2
STOP_SECONDS = 60.0
"""How long a stopped part may take to end its servers."""
AGAIN_MAX = 2
"""So many red tests of real servers and browsers are asked once more, when nothing runs beside them, and named in the
last lines: what a busy machine tore passes alone, and more than those are no accident."""


@dataclass
class Part:
    """One process, with the file that gathers what it prints."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    words: list[str]


def start(name: str, folder: Path, words: list[str], lane: int | None = None) -> Part:
    """Start a part, in a lane on that processor alone: threads that hand work to each other at each turn of a ledger
    take a quarter less of it there. Races of real crowds are the slow tests', which have every processor."""
    log = folder / f"{name}.log"
    own = {word: value for word, value in os.environ.items() if word != "PYTHONDONTWRITEBYTECODE"}
    every = os.sched_getaffinity(0)
    if lane is not None:
        os.sched_setaffinity(0, {sorted(every)[lane % len(every)]})  # a process begins with what its parent may use
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(words, cwd=ROOT, env=own, stdout=out, stderr=subprocess.STDOUT)
        return Part(name, process, log, words)
    finally:
        os.sched_setaffinity(0, every)


def ended(part: Part) -> float | None:
    """Say, once it has ended, how many seconds of CPU it took, with all whose ends it has waited for."""
    pid, status, used = os.wait4(part.process.pid, os.WNOHANG)
    if not pid:
        return None
    part.process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def wait_for_all(parts: list[Part], began: float) -> None:
    """Show each part when it ends, and stop whatever runs for too long."""
    running, stops_at = list(parts), began + MINUTES_MAX * 60
    while running:
        for part in list(running):
            cpu_seconds = ended(part)
            if cpu_seconds is not None:
                running.remove(part)
                print(f"=== {part.name}, after {time.monotonic() - began:.0f} s, {cpu_seconds:.0f} s of CPU")
                print(part.log.read_text("utf-8", "replace"), flush=True)
        if time.monotonic() > stops_at:
            print(f"Not ended within {MINUTES_MAX} minutes: {', '.join(part.name for part in running)}", flush=True)
            stop(running)
            stops_at = math.inf
        time.sleep(LOOK_SECONDS)


def stop(parts: list[Part]) -> None:
    """Interrupt parts as Ctrl-C does: pytest says where it was and ends its servers. Who does not end is killed."""
    for part in parts:
        part.process.send_signal(signal.SIGINT)
    until = time.monotonic() + STOP_SECONDS
    while time.monotonic() < until and any(os.waitid(os.P_PID, one.process.pid, PEEK) is None for one in parts):
        time.sleep(LOOK_SECONDS)
    for part in parts:
        if os.waitid(os.P_PID, part.process.pid, PEEK) is None:
            part.process.kill()


def slow(folder: Path, *where: str) -> list[str]:
    """Write the words for slow tests; pytest keeps in the folder which were red."""
    return [*PYTHON, "pytest", "-o", f"cache_dir={folder}", "-q", "--durations=8", "-m", SLOW, *where]


def red_tests(part: Part) -> list[str]:
    """Name the tests of a part that were red, where pytest has kept that."""
    folder = next((word.removeprefix("cache_dir=") for word in part.words if word.startswith("cache_dir=")), "")
    kept = Path(folder) / "v" / "cache" / "lastfailed"
    return sorted(json.loads(kept.read_text("utf-8"))) if folder and kept.is_file() else []


def asked_again(parts: list[Part]) -> tuple[list[str], list[str]]:
    """Ask the few red tests of failed parts once more; names the parts that failed for good, and the tests that did
    not."""
    failed, unsteady = [], []
    for part in parts:
        red = red_tests(part)
        is_asked = part.process.returncode == pytest.ExitCode.TESTS_FAILED and 0 < len(red) <= AGAIN_MAX
        if is_asked:
            print(f"=== once more, with nothing beside: {', '.join(red)}", flush=True)
        if is_asked and subprocess.run([*part.words, "--last-failed"], cwd=ROOT, check=False).returncode == 0:
            unsteady += red
        else:
            failed.append(part.name)
    return failed, unsteady


def main() -> int:
    began = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):  # who ends this ends its parts; a shell lets what it runs behind
        signal.signal(number, signal.default_int_handler)  # itself ignore interruptions, and parts would inherit that
    for package in ("bridge", "tests"):  # else each of the hundreds of servers that the tests start compiles it anew
        compileall.compile_dir(ROOT / package, quiet=1)
    storms = [*IDLY, *PYTHON, "tests.storm", "--minutes", str(STORM_MINUTES_MAX)]
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            start("flows on PostgreSQL", Path(folder), [*PYTHON, *PYTEST, f"postgres and not ({SLOW})", FLOWS], 0),
            start("flows on SQLite", Path(folder), [*PYTHON, *PYTEST, f"not postgres and not ({SLOW})", FLOWS], 0),
            start("other quick tests", Path(folder), [*PYTHON, *PYTEST, f"not ({SLOW})", f"--ignore={FLOWS}"], 1),
            start("shops and browsers", Path(folder), slow(Path(folder) / "shops", *SHOPS)),
            start("killed servers", Path(folder), slow(Path(folder) / "servers", *SERVERS)),
            start("storms", Path(folder), storms),
            start("planted bugs", Path(folder), ["nice", *PYTHON, "tests.planted"]),
        ]
        try:
            wait_for_all(parts, began)
        except KeyboardInterrupt:
            print(f"Interrupted after {time.monotonic() - began:.0f} s.", flush=True)
            running = [part for part in parts if part.process.returncode is None]
            stop(running)
            wait_for_all(running, began)
            return 1
        failed, unsteady = asked_again([part for part in parts if part.process.returncode])
    print(f"All tests in {time.monotonic() - began:.0f} s: {'failed: ' + ', '.join(failed) if failed else 'passed'}")
    if unsteady:
        print(f"Red beside the others, green alone: {', '.join(unsteady)}")
    print(f"This machine adds up ten million numbers in {_adding_seconds():.2f} s.")
    print("Where that takes 0.17 s, all tests have taken 17 minutes on two processors, and 31 where it takes 0.34 s.")
    return 1 if failed else 0


def _adding_seconds() -> float:
    """Measure how quick this machine is: the same suite has taken twice as long on another."""
    began, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number & 3
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
