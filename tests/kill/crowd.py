"""Many at once against the real server: one process on SQLite, or two on one PostgreSQL."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx2

from tests.support.ports import free_port

from .lab import Lab
from .moments import Moments
from .people import NO_TLS, Order
from .process import ServerProcess

T = TypeVar("T")


class Crowd:
    """A lab and the doors to it: the address of each bridge. Who comes next takes the next door."""

    def __init__(self, lab: Lab, threads: int = 50) -> None:
        self.lab = lab
        self.urls = [lab.url]
        self.executor = ThreadPoolExecutor(threads, thread_name_prefix="crowd")
        self._second: ServerProcess | None = None
        self._clients: list[httpx2.Client] = [self._client() for _ in range(threads)]
        self._turns = 0

    def open_second(self) -> None:
        """Start a second bridge on the same database."""
        moments = Moments(self.lab.library, self.lab.directory / "second-moments")
        port = free_port()
        environment = self.lab.environment | moments.environment
        self._second = ServerProcess(port, environment, self.lab.directory / "second.log")
        self._second.wait_until_serving()
        self.urls.append(f"http://127.0.0.1:{port}")

    def close(self) -> None:
        """End everything but the lab."""
        self.executor.shutdown(wait=True)
        for client in self._clients:
            client.close()
        if self._second is not None:
            self._second.kill()

    def together(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """Do all at once."""
        return [one.result(60) for one in [self.executor.submit(task) for task in tasks]]

    def come_back(self, order: Order, path: str = "") -> httpx2.Response:
        """Follow the window's redirect, or close the window, through the next door."""
        return self.send("GET", path or order.return_url.removeprefix(self.lab.url))

    def send(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """Send a request through the next door."""
        self._turns += 1
        client = self._clients.pop()
        try:
            return client.request(method, self.urls[self._turns % len(self.urls)] + path, **more)
        finally:
            self._clients.append(client)

    def wait_at_gateway(self, count: int, seconds: float = 10) -> None:
        """Wait until so many calls stand before the gateway."""
        until = time.monotonic() + seconds
        while self.lab.gateway.barrier.waiting < count:
            assert time.monotonic() < until, f"{self.lab.gateway.barrier.waiting} of {count} calls came"
            time.sleep(0.005)

    def _client(self) -> httpx2.Client:
        return httpx2.Client(verify=NO_TLS, trust_env=False, follow_redirects=False, timeout=30)
