"""Starts the web server on the composed application."""

import asyncio
import contextlib
import functools
import gc
import resource
import socket
import sys
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette

from bridge.app import build_app, build_context
from bridge.cli.automatic import back_up_forever
from bridge.cli.logs import set_up_logs
from bridge.cli.work import perform
from bridge.control import listening
from bridge.domain.failures import LedgerBroken, Misconfigured
from bridge.flows.context import Context
from bridge.settings import Settings
from bridge.web.connections import Door, guarded
from bridge.web.listener import Server

STOP_SECONDS = 65
BACKLOG = 4096
OPEN_FILES_MAX = 65_536
COLLECT_AFTER_OBJECTS = 20_000
SWITCH_SECONDS = 0.0005


def serve_forever(settings: Settings, host: str, port: int) -> None:
    """Serve until told to stop; on SIGTERM what runs may finish. Raises Misconfigured, LedgerBroken."""
    set_up_logs(settings.log_level)
    context = build_context(settings)
    asyncio.run(open_secrets(context))
    calm_collector()
    share_the_interpreter()
    with bind(host, port, "--port") as sock:  # only now: a server that is being replaced still has the port
        door = door_of(settings.connections_per_address, settings.trusted_proxies)
        Server(web_config(build_served(context), host, port, door=door)).run([sock])


async def open_secrets(context: Context) -> None:
    """Read the sites with their secrets, before anything is served. Raises LedgerBroken where one was altered."""
    try:
        await context.sites.refresh()
    except LedgerBroken:
        await context.ledger.close()
        raise


def calm_collector() -> None:
    """Keep the garbage collector off what lives as long as the process, and let it run less often.

    By default a tenth of a checkout's CPU went into looking for cycles, and each full look stopped everything.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, 20, 20)
    gc.enable()


def share_the_interpreter() -> None:
    """Let a thread that waits for the interpreter have it after half a millisecond, not five.

    A turn asks for it again after each of its statements. Beside a loop that is busy 60 % of the time, 100 turns a
    second took 63 to 110 ms at the 95th percentile; so they take 16 to 28 ms, for 3 % more CPU a paid order.
    """
    sys.setswitchinterval(SWITCH_SECONDS)


def door_of(per_address_max: int = 1000, trusted: tuple[str, ...] = ()) -> Door:
    """Allow the process all the open files it may have; three in four may be connections that wait."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = OPEN_FILES_MAX if most == resource.RLIM_INFINITY else min(most, OPEN_FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return Door(per_address_max, files * 3 // 4, trusted)


def build_served(context: Context) -> Starlette:
    """Build the application as it is served: with the control socket beside its database, if that is a file.

    With BRIDGE_BACKUP_PATH it makes backups as well.
    """
    app = build_app(context)
    inner, settings = app.router.lifespan_context, context.settings

    @contextlib.asynccontextmanager
    async def lifespan(served: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(inner(served))
            if not settings.on_postgres:
                await stack.enter_async_context(listening(settings.database_path, functools.partial(perform, context)))
            if settings.backup_path:
                context.tasks.begin("backup", back_up_forever(settings))
                stack.callback(context.tasks.end, "backup")
            yield

    app.router.lifespan_context = lifespan
    return app


def bind(host: str, port: int, option: str) -> socket.socket:
    """Take a port (0: any free one). Raises Misconfigured, naming the option that gives another."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise Misconfigured(f"{host}:{port} cannot be listened on ({error.strerror}); see {option}.") from error
    return sock


def web_config(app: Starlette, host: str, port: int, log_level: str = "error", *, door: Door) -> uvicorn.Config:
    """Set up uvicorn as the bridge is served: httptools, uvloop, no access log, no header of its own.

    Its warnings are about requests that are none: anybody could fill the log with them.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=guarded(door),
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level=log_level,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=BACKLOG,
    )
