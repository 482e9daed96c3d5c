"""Starts the sandbox gateways and the bridge as an operator would: through the pay-bridge command."""

import json
import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.support.ports import free_port

from .servers import Server, ServerFailed, answers

OPERATOR = "operator"


class Bridge:
    """One bridge on SQLite with its own sandbox. `url`, `sandbox_url` and the sites are known before `up()`."""

    def __init__(
        self,
        directory: Path | str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        sandbox_port: int = 0,
        environment: dict[str, str] | None = None,
    ):
        self.directory = Path(directory).resolve()
        self.host = host
        self.port = port or free_port()
        self.sandbox_port = sandbox_port or free_port()
        self.url = f"http://{host}:{self.port}"
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self._servers: list[Server] = []
        self.directory.mkdir(parents=True, exist_ok=True)
        self._environment = {
            "BRIDGE_PUBLIC_URL": self.url,
            "BRIDGE_DATABASE_URL": f"sqlite:///{self.directory}/bridge.db",
            "BRIDGE_MASTER_KEY_FILE": f"{self.directory}/master.key",
            "BRIDGE_RESERVE_BYTES": "0",
            "BRIDGE_FREE_BYTES_MIN": "0",
            **(environment or {}),
        }
        if not (self.directory / "master.key").exists():
            self.command("init", "--dir", str(self.directory))
        self.password = self._operator()

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> Self:
        """Starts the sandbox, then the bridge. Raises ServerFailed."""
        try:
            sandbox = self._start("sandbox", "--host", "127.0.0.1", "--port", str(self.sandbox_port))
            serve = self._start("serve", "--host", "127.0.0.1", "--port", str(self.port))
            sandbox.wait_until(lambda: answers("127.0.0.1", self.sandbox_port))
            serve.wait_until(self._ready)
        except BaseException:
            self.down()
            raise
        return self

    def down(self) -> None:
        """Ends both; the directory stays."""
        while self._servers:
            self._servers.pop().end()

    def stop_serving(self) -> None:
        """Ends the bridge alone; the sandbox keeps its books."""
        self._servers.pop().end()

    def serve_again(self) -> None:
        """Starts the bridge on what its directory holds."""
        self._start("serve", "--host", "127.0.0.1", "--port", str(self.port)).wait_until(
            lambda: answers("127.0.0.1", self.port)
        )

    def ended(self) -> Server | None:
        """A server that ended by itself, if one did."""
        return next((server for server in self._servers if not server.runs()), None)

    def site(
        self, url: str, *, dialect: str = "mainpay", gateways: tuple[str, ...] = ("mainpay",), **settings: str
    ) -> dict[str, Any]:
        """Adds a site (once per address) and gives what `pay-bridge site add` says, the pairing code among it.

        The first of its gateways is the default; each moves its money in the sandbox.
        """
        kept = self.directory / "sites.json"
        sites: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else {}
        if url not in sites:
            given = {name: value for gateway in gateways for name, value in self._addresses(gateway, dialect).items()}
            words = [word for name, value in (given | settings).items() for word in ("--set", f"{name}={value}")]
            words += [word for gateway in gateways for word in ("--gateway", gateway)]
            answer = self.command("site", "add", url, *words, "--mode", "test", "--json")
            sites[url] = json.loads(answer)
            kept.touch(0o600)
            kept.write_text(json.dumps(sites))
        return sites[url]

    def command(self, *words: str) -> str:
        """Runs a pay-bridge command and gives what it printed. Raises ServerFailed with its complaint."""
        ran = subprocess.run(
            [_pay_bridge(), *words], env={**os.environ, **self._environment}, capture_output=True, text=True, timeout=60
        )
        if ran.returncode != 0:
            raise ServerFailed(f"pay-bridge {words[0]}: {ran.stderr.strip() or ran.stdout.strip()}")
        return ran.stdout

    def books(self) -> Any:
        """What money really moved, as the sandbox's books have it."""
        with urllib.request.urlopen(f"{self.sandbox_url}/books", timeout=10) as answer:
            return json.load(answer)

    def _addresses(self, gateway: str, dialect: str) -> dict[str, str]:
        """Where a gateway is in the sandbox, as settings of a site."""
        every = {
            "mainpay.api_url": f"{self.sandbox_url}/{dialect}/api",
            "mainpay.relay_url": f"{self.sandbox_url}/{dialect}/relay",
            "payple.host_url": f"{self.sandbox_url}/payple",
            "payple.referer": f"{self.url}/",
            "paystory.pg_url": f"{self.sandbox_url}/paystory/pg",
            "paystory.office_url": f"{self.sandbox_url}/paystory/mms",
            "welcome.api_url": f"{self.sandbox_url}/welcome/api",
            "welcome.approval_urls": self.sandbox_url,
        }
        return {name: value for name, value in every.items() if name.startswith(f"{gateway}.")}

    def _operator(self) -> str:
        kept = self.directory / "operator.password"
        if not kept.exists():
            part = kept.with_suffix(".part")
            part.touch(0o600)
            part.write_text(secrets.token_urlsafe(12))
            self.command("operator", "add", OPERATOR, "--password-file", str(part))
            part.rename(kept)
        return kept.read_text()

    def _start(self, *words: str) -> Server:
        server = Server(
            f"pay-bridge {words[0]}",
            [_pay_bridge(), *words],
            log=self.directory / f"{words[0]}.log",
            env=self._environment,
        )
        self._servers.append(server)
        return server

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def _pay_bridge() -> str:
    # Beside the Python that runs this, so that no other installation answers.
    return str(Path(sys.executable).with_name("pay-bridge"))
