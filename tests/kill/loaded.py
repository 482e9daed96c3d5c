"""A process that has loaded the server's program and forks one server for each start: run as a program by itself.

Loading takes three quarters of a start's CPU, and a chain of kills starts the same program some twenty times.
What runs is `bridge.cli.main` with the words an operator would type. A whole run (`make crash`) does not use it.
"""

import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

PR_SET_PDEATHSIG = 1


class Loaded:
    """The process, from outside. Its environment is what all of its servers have."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._one_at_a_time = threading.Lock()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.kill.loaded"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**os.environ, **environment},
                cwd=Path(__file__).parents[2],
                start_new_session=True,
            )

    def start(self, words: list[str], log: Path) -> "Forked":
        """Start a server; what it says goes to the end of a file."""
        return Forked(self, self.ask({"words": words, "log": str(log)}))

    def ask(self, question: dict[str, object]) -> int:
        """Give its answer, which is a number."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        assert answer, "the process that starts servers has ended"
        return int(answer)

    def close(self) -> None:
        """End it; its servers end with it."""
        self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class Forked:
    """One of its servers: as much of subprocess.Popen as is used of it."""

    def __init__(self, parent: Loaded, pid: int) -> None:
        self.pid = pid
        self._parent = parent
        self._code: int | None = None
        self._ended = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """The exit code, negative for a signal, or None while it runs."""
        return self._code if self._code is not None or not self._has_ended(0) else self._take()

    def wait(self, seconds: float) -> int:
        """Wait for its end; gives the exit code. Raises subprocess.TimeoutExpired."""
        if self._code is None and not self._has_ended(seconds):
            raise subprocess.TimeoutExpired("pay-bridge", seconds)
        return self._take()

    def send_signal(self, number: signal.Signals) -> None:
        """Send it, unless the server is known to have ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _has_ended(self, seconds: float) -> bool:
        return bool(select.select([self._ended], [], [], seconds)[0])

    def _take(self) -> int:
        with _TAKING:
            if self._code is None:
                self._code = self._parent.ask({"ended": self.pid})
                os.close(self._ended)
        return self._code


_TAKING = threading.Lock()


def main() -> None:
    """Load all, then start whenever asked to, until nobody is there to ask."""
    _end_with_the_parent()
    gc.disable()
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # as the command does
    import psycopg  # noqa: F401
    import uvloop  # noqa: F401

    import bridge.cli.server  # noqa: F401

    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        if "ended" in asked:
            _, status = os.waitpid(asked["ended"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        pid = os.fork()
        if not pid:
            become_server(asked["words"], asked["log"])
            return
        print(pid, flush=True)


def become_server(words: list[str], log: str) -> None:
    """Be what `pay-bridge` with these words is, with nothing left of the process it was forked from."""
    _end_with_the_parent()
    os.setsid()
    nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number, to in ((0, nothing), (1, output), (2, output)):
        os.dup2(to, number)
    os.close(nothing)
    os.close(output)
    sys.argv = ["pay-bridge", *words]
    from bridge.cli import main as pay_bridge

    pay_bridge()


def _end_with_the_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
