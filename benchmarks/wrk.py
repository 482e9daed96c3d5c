"""wrk, which keeps a fixed number of requests in flight at the cost of hardly any CPU."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent / "wrk"


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load. `good` counts the answers that were as they should be; times in milliseconds."""

    seconds: float
    answered: int
    good: int
    failed: int
    p50: float
    p95: float
    p99: float

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return self.good / self.seconds


def start(script: str, url: str, *, at_once: int, seconds: float, file: Path) -> "subprocess.Popen[str]":
    """Begin a load of `at_once` requests in flight; `file` holds one request body a line."""
    command = ["wrk", "-t1", f"-c{at_once}", f"-d{seconds:.0f}s", "--timeout", "120s", "-s", SCRIPTS / script, url]
    return subprocess.Popen([*command, "--", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(running: "subprocess.Popen[str]", seconds_max: float) -> Load:
    """Wait for a load to end. Raises RuntimeError with what wrk said where it did not measure."""
    try:
        said, _ = running.communicate(timeout=seconds_max)
    except subprocess.TimeoutExpired:
        running.kill()
        said, _ = running.communicate()
    line = next((line for line in said.splitlines() if line.startswith('{"answered"')), "")
    if not line:
        raise RuntimeError(f"wrk measured nothing:\n{said[-2000:]}")
    return Load(**json.loads(line))
