"""A bridge's folder with its environment, and the command typed in it."""

import contextlib
import gc
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from bridge.cli import main
from tests.support.ports import free_port

NO_ROOM_KEPT = {"BRIDGE_RESERVE_BYTES": "0", "BRIDGE_FREE_BYTES_MIN": "0"}
"""Tests need no reserve on the disk, and may run on a small one."""


@dataclass
class Typed:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass
class Place:
    """A folder made by `pay-bridge init`. `port` is where `serve` would listen."""

    folder: Path
    port: int
    environment: dict[str, str]

    def type(self, *words: str, stdin: str = "", **environment: str) -> Typed:
        """Type a command, in this process: a new one takes a second to begin."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            mock.patch.dict("os.environ", {**self.environment, **environment}, clear=True),
            mock.patch.multiple("sys", argv=["pay-bridge", *words], stdin=io.StringIO(stdin)),
            mock.patch("bridge.cli.run.set_up_logs"),
            mock.patch("bridge.cli.server.set_up_logs"),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
            finally:
                gc.enable()  # a server that does not come to serve leaves it off, and ends
        return Typed(code, out.getvalue(), err.getvalue())

    @property
    def socket_path(self) -> Path:
        return self.folder / "bridge.db.sock"

    @contextmanager
    def serving(self, *, end: int = signal.SIGTERM) -> Iterator[subprocess.Popen[bytes]]:
        """Run the server."""
        words = [sys.executable, "-m", "bridge", "serve", "--port", str(self.port)]
        server = subprocess.Popen(words, env=self.environment, cwd=self.folder, stderr=subprocess.DEVNULL)
        try:
            self._wait_until_ready(server)
            yield server
        finally:
            server.send_signal(end)
            server.wait(20)

    def _wait_until_ready(self, server: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + 30
        while True:
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server is not ready"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2).close()
            except OSError:  # also a time-out while its answer is read, on a busy machine
                time.sleep(0.05)
            else:
                return


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "bridge"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    found = Place(tmp_path, 0, {**plain, "COLUMNS": "300"})
    made = found.type("init", "--dir", str(folder), "--json")
    assert made.code == 0, made.err
    port = free_port()
    variables = json.loads(made.out) | {"BRIDGE_PUBLIC_URL": f"http://127.0.0.1:{port}", **NO_ROOM_KEPT}
    return Place(folder, port, {**found.environment, **variables})
