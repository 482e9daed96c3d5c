"""The bridge and its sandbox as an operator starts them, with what a benchmark wants to know of their processes."""

import json
import os
import signal
import sqlite3
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.wordpress.bridge import Bridge
from tests.wordpress.servers import Server

NO_LIMIT = {
    "BRIDGE_CHECKOUT_PER_ADDRESS_PER_MINUTE": "100000000",
    "BRIDGE_CHECKOUT_PER_SITE_PER_SECOND": "1000000",
    "BRIDGE_CONNECTIONS_PER_ADDRESS": "100000",
    "BRIDGE_LOG_LEVEL": "warning",
}
"""All load comes from one address; the limits per address and site would be all that is measured."""
AS_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}
"""What pip installs has its bytecode beside it; without any, every start would compile the bridge anew."""
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Rig(Bridge):
    """One bridge with a sandbox whose answers take as long as told."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, environment=NO_LIMIT | AS_INSTALLED)
        self.database = self.directory / "bridge.db"

    @property
    def serving(self) -> Server:
        """The bridge's process."""
        return next(server for server in self._servers if server.name.endswith("serve"))

    @property
    def gateway(self) -> Server:
        """The sandbox's process."""
        return next(server for server in self._servers if server.name.endswith("sandbox"))

    def down(self) -> None:
        """End the sandbox first: a bridge that waits for a hanging gateway would wait on while it ends."""
        for server in sorted(self._servers, key=lambda one: not one.name.endswith("sandbox")):
            self._servers.remove(server)
            server.end()

    def kill(self) -> None:
        """End the bridge as a power cut would."""
        serving = self.serving
        self._servers.remove(serving)
        serving.end(signal.SIGKILL)

    def serve(self) -> float:
        """Start the bridge alone; seconds until /readyz answered 200. Raises ServerFailed."""
        began = time.perf_counter()
        self._start("serve", "--host", "127.0.0.1", "--port", str(self.port)).wait_until(self._ready)
        return time.perf_counter() - began

    def gateway_takes(self, seconds: float) -> None:
        """Let every call to the sandbox take that long."""
        body = json.dumps({"seconds": seconds}).encode()
        with urllib.request.urlopen(f"{self.sandbox_url}/control/latency", body, timeout=10) as answer:
            assert answer.status == 200

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Read the ledger as it is on disk."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(sql, values).fetchall()

    def count(self, sql: str, *values: object) -> int:
        """Read one number of the ledger."""
        return int(self.rows(sql, *values)[0][0])


def cpu_seconds(pid: int) -> float:
    """The CPU time a process has used so far, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def resident_mb(pid: int) -> float:
    """The memory a process holds now, in megabytes (of 1,000,000 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return kilobytes * 1024 / 1e6
