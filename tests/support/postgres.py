"""A PostgreSQL server of its own: in a temporary folder, on a socket only, and gone after the tests."""

import asyncio
import contextlib
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bridge.ledger.postgres import Connection, connect

USER = "bridge"
START_SECONDS = 30.0
PREPARED_MAX = 1000
"""Every statement of ours: a connection that lives for a thousand tests is to plan each of them once."""
OPTIONS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


class PostgresServer:
    """A server that can be stopped and started again; everything it keeps is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._bin = _programs()
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None
        self._call("initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")

    def url(self, database: str = "postgres") -> str:
        """Give the address of a database of this server."""
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
        command = [self._bin / "postgres", "-D", self.folder / "data", "-k", self.folder, *settings]
        with (self.folder / "log").open("ab") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said, cwd=self.folder, **self._as)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL did not start in time"
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop: by SIGINT cleanly with every connection cut, by SIGQUIT as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def create(self, database: str) -> str:
        """Create an empty database; gives its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        return self.url(database)

    def _call(self, program: str, *words: object) -> None:
        done = subprocess.run([self._bin / program, *map(str, words)], capture_output=True, text=True, **self._as)
        assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Run a server for as long as the block lasts."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="pg-") as name:
        server = PostgresServer(Path(name))
        server.start()
        try:
            yield server
        finally:
            server.stop()


class KeptConnections:
    """Gives the ledger connections that earlier tests let go of: a new one costs the server more than most tests do.

    The server goes on seeing what is kept as connected: not for tests of processes whose connections end.
    """

    def __init__(self) -> None:
        self._idle: dict[str, list[Connection]] = {}

    def connect(self, url: str) -> Connection:
        """Give one that is as new."""
        idle = self._idle.setdefault(url, [])
        while idle:
            connection = idle.pop()
            with contextlib.suppress(psycopg.Error):
                connection.execute("SELECT 1")
                connection.rollback()
                connection.isolation_level = connection.read_only = None
                return connection
        connection = connect(url)
        connection.prepare_threshold, connection.prepared_max = 1, PREPARED_MAX
        # Every turn that reads ends in a rollback, and psycopg then forgets what it prepared, lest a table be another:
        # here none is, and to plan everything anew was most of what the server did.
        setattr(connection._prepared, "clear", lambda: False)  # noqa: B010 - mypy lets no method be assigned to
        setattr(connection, "close", functools.partial(self._keep, idle, connection))  # noqa: B010 - nor this one
        return connection

    @staticmethod
    def _keep(idle: list[Connection], connection: Connection) -> None:
        with contextlib.suppress(psycopg.Error):
            connection.rollback()
            idle.append(connection)


def end_for_good(connections: Iterable[Connection]) -> None:
    """Let none of these be kept: the server is to see them end."""
    for connection in connections:
        vars(connection).pop("close", None)


async def until_the_dead_are_seen(url: str) -> None:
    """Wait until whoever's connection is gone counts as dead: for its first ten seconds a server knows nobody's yet."""
    with psycopg.connect(url, autocommit=True) as connection:
        asked = "SELECT now() - pg_postmaster_start_time() > interval '10 seconds'"
        while connection.execute(asked).fetchone() != (True,):
            await asyncio.sleep(0.2)


_emptying: dict[str, psycopg.Connection[Any]] = {}
"""Kept from test to test: a new session learns what tables there are, which costs ten times what emptying them does."""


def empty(url: str) -> None:
    """Take every row out of a database whose tables refuse that: only a superuser may."""
    if url in _emptying:
        try:
            _empty(_emptying[url])
        except psycopg.OperationalError:  # the server was stopped meanwhile
            _emptying.pop(url).close()
        else:
            return
    connection = _emptying[url] = psycopg.connect(url)
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET lock_timeout = '60s'")  # what an earlier test still holds is an error, not a wait for ever
    _empty(connection)


def _empty(connection: psycopg.Connection[Any]) -> None:
    with connection.transaction():
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname <> 'schema_version'"
        ).fetchall()
        each = [sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for (table,) in tables]
        if each:
            connection.execute(sql.SQL("; ").join(each))
    connection.commit()


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    assert found or on_path, "PostgreSQL is not installed: tests/wordpress/install.sh installs it"
    return (found[-1] if found else Path(str(on_path))).parent
