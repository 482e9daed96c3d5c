"""A bridge in a process of its own, with a gateway and a WordPress around it: started, killed, started again."""

import asyncio
import base64
import random
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from bridge.app import build_context
from bridge.domain.payment import Mode
from bridge.flows.manage_sites import add_site
from bridge.settings import from_environment
from bridge.signing.keys import Purpose, SiteKey, decode_secret, derive
from tests.support.ports import free_port

from .books import Books, PostgresBooks, Row, SqliteBooks
from .disk import Disk, Platter, read_trace, write_files
from .doubles import Gateway, WordPress
from .loaded import Loaded
from .moments import EVERYTHING, Moments, step_seconds
from .process import ServerProcess

SETTLE_SECONDS_MAX = 40.0
SKIP_SECONDS_MIN = 0.4
POLL_SECONDS = 0.03
FAR_SECONDS = 5.0
FOR_EVER = 1 << 60
LEASE_SECONDS = 16
"""After so long a dead bridge's lease on PostgreSQL has run out."""


@dataclass
class Restart:
    """What one restart took, in seconds after the old process's end."""

    serving: float
    picked_up: float | None = None
    settled: float | None = None


@dataclass
class Lab:
    """Everything one chain of kills needs. `postgres`: the address of an empty database; `traced`: a power cut is
    possible, so all that is written is written down; `often`: servers are started so often that they are forked from
    a process that has loaded the program, but in a whole run."""

    directory: Path
    library: Path | None
    postgres: str = ""
    traced: bool = False
    often: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    restarts: list[Restart] = field(default_factory=list)
    lines: list[httpx2.Client] = field(default_factory=list)
    """Connections to the server that stand; whoever asks it something takes one of these."""

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True)
        self.traced = self.traced and self.library is not None
        self.database = self.directory / "bridge.db"
        self.books: Books = PostgresBooks(self.postgres) if self.postgres else SqliteBooks(self.directory)
        self.moments = Moments(self.library, self.directory / "moments")
        self.disk = Disk(self.library and self.library.with_name("disk.so"), self.directory)
        self.gateway = Gateway()
        self.wordpress = WordPress(self.now)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "BRIDGE_PUBLIC_URL": self.url,
            "BRIDGE_DATABASE_URL": self.books.url,
            "BRIDGE_RESERVE_BYTES": "0",
            "BRIDGE_FREE_BYTES_MIN": "0",
            "BRIDGE_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "BRIDGE_CHECKOUT_PER_ADDRESS_PER_MINUTE": "10000",
            **self.settings,
        }
        self.server: ServerProcess | None = None
        self._loaded: Loaded | None = None
        self.waits_skipped = 0
        self.power_cuts = 0

    @property
    def before(self) -> Path:
        """Where the files are kept as they were when the server started."""
        return self.directory / "before"

    def open(self) -> None:
        """Start the doubles, write the site into a new database, start the server."""
        self.gateway.start()
        added = asyncio.run(self._add_site())
        self.site = str(added["site"])
        self.key = SiteKey.from_secret(decode_secret(added["secret"]), key_id=added["key_id"], site=self.site)
        self.wordpress.news_key = derive(decode_secret(added["secret"]), Purpose.NEWS)
        self.start()

    def close(self) -> None:
        """End everything."""
        self.moments.disarm()
        if self.server is not None and self.server.alive():
            self.server.kill()
        if self._loaded is not None:
            self._loaded.close()
        self.books.close()
        self.gateway.stop()
        self.wordpress.stop()

    def now(self) -> int:
        """The server's wall clock, in unix seconds."""
        return int(time.time()) + self.moments.ahead_seconds

    def start(self, **environment: str) -> float:
        """Start the server on the database as it is; gives the seconds until it serves."""
        self.begin(**environment)
        assert self.server is not None
        seconds = self.server.wait_until_serving()
        self.server.wait_until_beating()
        return seconds

    def begin(self, **environment: str) -> ServerProcess:
        """Start the server without waiting for it."""
        if self.traced:
            self._keep_files()
        given = self.environment | self.moments.environment
        for name, value in self.disk.environment(traced=self.traced).items():
            given[name] = f"{given[name]}:{value}" if name in given else value
        given |= environment
        log = self.directory / "server.log"
        if self.often and not EVERYTHING and self._loaded is None:
            self._loaded = Loaded(given, log)
        self.server = ServerProcess(self.port, given, log, loaded=None if environment else self._loaded)
        return self.server

    def kill(self) -> None:
        """End the server now."""
        assert self.server is not None
        self.server.kill()

    def arm(self, place: int, kinds: str = "wWsSnN") -> None:
        """Let the server die at a moment (see Moments.arm)."""
        timer = threading.Timer(step_seconds(place), self.kill) if place else None
        self.moments.arm(place, kinds, kill_after=timer)

    def restart(self, *, skip_lease: bool = True) -> Restart:
        """Start the dead server again, and note how long it took until it served and had taken over what was left.

        On PostgreSQL a dead bridge's lease need not be waited for with `skip_lease`, by setting the clock ahead.
        """
        assert self.server is not None
        assert not self.server.alive()
        self.moments.disarm()
        died_at = self.server.ended_at
        assert died_at is not None
        if self.traced:
            self._cut_power()
        interrupted = self.books.sent()
        if skip_lease:
            self.outlive_lease()
        server = self.begin()
        server.wait_until_serving()
        restart = Restart(time.monotonic() - died_at)
        self.restarts.append(restart)
        if interrupted:
            self.wait_for(lambda: not interrupted & self._sent(), "every interrupted operation is taken over")
            restart.picked_up = time.monotonic() - died_at
        server.wait_until_beating()
        return restart

    def outlive_lease(self) -> None:
        """Let a dead bridge's lease on PostgreSQL run out: by setting the clock ahead, or by waiting."""
        if self.postgres and not self.moments.set_ahead(self.moments.ahead_seconds + LEASE_SECONDS):
            time.sleep(LEASE_SECONDS)

    def rows(self, sql: str, *values: object) -> Sequence[Row]:
        """Read the running server's database."""
        return self.books.rows(sql, *values)

    def open_cases(self, payment: str) -> list[str]:
        """The reasons for which a person must look at a payment."""
        found = self.rows("SELECT reason FROM cases WHERE payment = ? AND state = 'open' ORDER BY id", payment)
        return [str(row["reason"]) for row in found]

    def wait_for(self, done: Callable[[], bool], what: str, seconds: float = SETTLE_SECONDS_MAX) -> None:
        """Ask until it is so. Fails with the server's last words."""
        until = time.monotonic() + seconds
        while not done():
            assert self.server is not None
            assert self.server.alive(), f"the server died while waiting until {what}:\n{self.server.said()}"
            assert time.monotonic() < until, f"not within {seconds:.0f} s: {what}\n{self._unsettled()}"
            time.sleep(POLL_SECONDS)

    def settle(self) -> None:
        """Wait until nothing is owed to anybody, letting time pass where nothing else is waited for."""

        def settled() -> bool:
            if not self._unsettled():
                return True
            self._skip_waiting()
            return False

        self.wait_for(settled, "everything is settled")

    def settled_or_dead(self) -> bool:
        """Wait until everything is settled (True) or the server is dead (False)."""
        assert self.server is not None
        until = time.monotonic() + SETTLE_SECONDS_MAX
        while self.server.alive():
            if not self._unsettled():
                time.sleep(0.1)  # the last answer may have been heard before the moment after it was counted
                return self.server.alive()
            self._skip_waiting()
            assert time.monotonic() < until, f"neither settled nor dead: {self._unsettled()}"
            time.sleep(POLL_SECONDS)
        return False

    def _unsettled(self) -> dict[str, list[Any]]:
        """What is still on its way: in the ledger, or a notice the gateway repeats."""
        left = self._owed()
        if left:
            return left
        waiting = [
            (ref, notice["kind"])
            for ref, book in self.gateway.books().items()
            for notice in book["notices"]
            if not (notice["acked"] or notice["lost"])
        ]
        # Asked again: the notice acknowledged a moment ago may be what news is owed about.
        return {"gateway": waiting} if waiting else self._owed()

    def _owed(self) -> dict[str, list[Any]]:
        # Where the clock cannot be set ahead, an operation that waits for its quiet period is left to wait.
        far = FOR_EVER if self.moments.counted else round((time.time() + FAR_SECONDS) * 1000)
        rows = self.rows(
            "SELECT 'operations' AS what, id, kind || ' ' || state || ' ' || message AS word FROM operations"
            " WHERE state = 'sent' OR (state = 'unknown' AND next_try_at < ?)"
            " UNION ALL SELECT 'payments', id, state FROM payments"
            " WHERE state IN ('readying', 'approving', 'unknown', 'voiding') AND NOT EXISTS"
            " (SELECT 1 FROM operations o WHERE o.payment = payments.id AND o.state = 'unknown' AND next_try_at >= ?)"
            " UNION ALL SELECT 'news', id, type || ' ' || last_error FROM news WHERE state = 'waiting'"
            " UNION ALL SELECT 'notices', id, kind FROM notices WHERE state = 'pending'",
            *(far, far),
        )
        left: dict[str, list[Any]] = {}
        for row in rows:
            left.setdefault(row["what"], []).append((row["id"], row["word"]))
        return left

    def _skip_waiting(self) -> None:
        """Let time pass until the server's next try, where that is some time away."""
        due = self.rows(
            "SELECT 'operation' AS what, next_try_at AS at FROM operations WHERE state = 'unknown'"
            " UNION ALL SELECT 'news', next_try_at FROM news WHERE state = 'waiting' ORDER BY at LIMIT 1"
        )
        busy = self.rows("SELECT 1 FROM operations WHERE state = 'sent'")
        if not due or busy or due[0]["at"] is None:
            return
        wait = due[0]["at"] / 1000 - (time.time() + self.moments.ahead_seconds)
        if wait > SKIP_SECONDS_MIN and self.moments.let_pass(int(wait) + 1):
            self.waits_skipped += due[0]["what"] == "operation" and wait > 10

    def _sent(self) -> set[str]:
        return {str(row["id"]) for row in self.rows("SELECT id FROM operations WHERE state = 'sent'")}

    def _keep_files(self) -> None:
        """Keep the files as they are before the server starts: what the trace says is done to these."""
        shutil.rmtree(self.before, ignore_errors=True)
        self.before.mkdir()
        for name in Platter.KEPT:
            if (self.directory / name).exists():
                shutil.copyfile(self.directory / name, self.before / name)

    def _cut_power(self) -> None:
        """Leave of the dead server's files what a power cut at the moment of its death might have left."""
        self.power_cuts += 1
        platter = Platter(self.before)
        for record in read_trace(self.disk.trace_path):
            platter.feed(record)
        write_files(platter.cut(random.Random(self.power_cuts)), self.directory)

    async def _add_site(self) -> dict[str, Any]:
        context = build_context(from_environment(self.environment))
        urls = {
            name: f"{self.gateway.url}/mainpay/{host}" for name, host in (("api_url", "api"), ("relay_url", "relay"))
        }
        try:
            return await add_site(
                context, url=self.wordpress.url, gateways=["mainpay"], settings={"mainpay": urls}, mode=Mode.TEST
            )
        finally:
            await context.wire.close()
            await context.ledger.close()


@contextmanager
def running(lab: Lab) -> Iterator[Lab]:
    """Open a lab whose gateway sends no card notices, and close it at the end."""
    try:
        lab.open()
        lab.gateway.set(card_notices=False)
        yield lab
    finally:
        lab.close()
