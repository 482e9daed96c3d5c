"""The server's process: `pay-bridge serve`, as an operator starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from .loaded import Forked, Loaded

COMMAND = Path(sys.executable).with_name("pay-bridge")
START_SECONDS_MAX = 30.0


class ServerProcess:
    """One process on a port of this machine; forked from `loaded`, if that is given, whose environment it then has."""

    def __init__(self, port: int, environment: Mapping[str, str], log: Path, *, loaded: Loaded | None = None) -> None:
        self.port = port
        self.started_at = time.monotonic()
        self.ended_at: float | None = None
        self._log = log
        self._said_before = log.stat().st_size if log.exists() else 0
        words = ["serve", "--host", "127.0.0.1", "--port", str(port)]
        self._process: subprocess.Popen[bytes] | Forked
        if loaded is not None:
            self._process = loaded.start(words, log)
            return
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [COMMAND, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **environment},
                start_new_session=True,
            )

    @property
    def id(self) -> int:
        """The process's number."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it has not ended yet."""
        running = self._process.poll() is None
        if not running and self.ended_at is None:
            self.ended_at = time.monotonic()
        return running

    def wait_until_serving(self) -> float:
        """Wait for /livez; gives the seconds since the start."""
        while not answers(self.port, b"/livez"):
            assert self.alive(), f"the server ended by itself:\n{self.said()}"
            self._check_time("serving")
            time.sleep(0.01)
        return time.monotonic() - self.started_at

    def wait_until_up_or_dead(self) -> bool:
        """Wait for the log's word that it has recovered, asking it nothing; False when it died first."""
        while self.alive():
            with self._log.open("rb") as file:
                file.seek(self._said_before)
                if b"the bridge is up" in file.read():
                    return True
            self._check_time("up")
            time.sleep(0.01)
        return False

    def wait_until_beating(self) -> None:
        """Wait for the first heartbeat, so that nothing else is written soon."""
        while not answers(self.port, b"/readyz"):
            assert self.alive(), f"the server ended by itself:\n{self.said()}"
            self._check_time("ready")
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a power switch would."""
        self._process.send_signal(signal.SIGKILL)
        self.wait(10)

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.send_signal(signal.SIGTERM)

    def pause(self) -> None:
        """Stop it in the middle of whatever it does, as a machine that sleeps does."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on where it was."""
        self._process.send_signal(signal.SIGCONT)

    def wait(self, seconds: float) -> int:
        """Wait for its end; gives the exit code, negative for a signal."""
        code = self._process.wait(seconds)
        self.ended_at = self.ended_at or time.monotonic()
        return code

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text("utf-8", errors="replace")[-4000:]

    def _check_time(self, what: str) -> None:
        waited = time.monotonic() - self.started_at
        assert waited < START_SECONDS_MAX, f"the server is not {what} after {waited:.0f} s:\n{self.said()}"


def answers(port: int, path: bytes) -> bool:
    """Whether a server answers 200 there."""
    with socket.socket() as line:
        line.settimeout(5)
        try:
            line.connect(("127.0.0.1", port))
            line.sendall(b"GET " + path + b" HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
            return line.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False
