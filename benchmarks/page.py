"""One visitor of the WordPress site: loads the front page again and again, and notes how long it took."""

import http.client
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from tests.wordpress.stand import Stand

from .client import share

PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 30.0
_QUERIES = re.compile(r"<!-- queries: ([0-9]+) -->")


class NoPage(Exception):
    """Something came that is no whole page."""


@dataclass
class Visitor:
    """Loads the front page until told to stop; `took` in milliseconds."""

    url: str
    patience_seconds: float = PATIENCE_SECONDS
    took: list[float] = field(default_factory=list)
    failed: int = 0

    def __enter__(self) -> Self:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._visit, name="visitor")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _visit(self) -> None:
        while not self._stopped.wait(PAUSE_SECONDS):
            began = time.perf_counter()
            try:
                load(self.url, self.patience_seconds)
            except (OSError, http.client.HTTPException, NoPage):
                self.failed += 1
            self.took.append((time.perf_counter() - began) * 1000)

    @property
    def p50(self) -> float:
        """Median, milliseconds; a page that failed counts with the time it was waited for."""
        return share(self.took, 0.5)

    @property
    def p95(self) -> float:
        """95th percentile, milliseconds."""
        return share(self.took, 0.95)

    def figures(self) -> dict[str, float]:
        """For build/bench.json."""
        return {"pages": len(self.took), "failed": self.failed, "p50_ms": self.p50, "p95_ms": self.p95}


def load(url: str, seconds_max: float = PATIENCE_SECONDS) -> str:
    """Load a page over a new connection. Raises OSError (a TimeoutError too), HTTPException, NoPage."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=seconds_max)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        page = answer.read().decode(errors="replace")
    finally:
        connection.close()
    if answer.status != 200 or not page.rstrip().endswith(">"):
        raise NoPage(f"{parts.path or '/'} answered {answer.status} with {len(page)} characters")
    return page


def queries(stand: Stand, paths: list[str]) -> dict[str, int]:
    """How many database queries each page takes once its caches are warm; needs count-queries.php."""
    found = {}
    for path in paths:
        counts = []
        for _ in range(3):
            match = _QUERIES.search(load(stand.url + path))
            assert match is not None, f"{path} does not say how many queries it took"
            counts.append(int(match[1]))
        found[path] = counts[-1]
    return found
