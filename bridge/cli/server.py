"""Starts the web server on the composed application."""

import contextlib
import logging
import sys
from collections.abc import AsyncIterator

import structlog
import uvicorn
from starlette.applications import Starlette

from bridge.app import build_app, build_context
from bridge.control import listen, socket_path
from bridge.settings import Settings

STOP_SECONDS = 65


def serve_forever(settings: Settings, host: str, port: int) -> None:
    """Serve until told to stop; on SIGTERM what runs may finish."""
    set_up_logs(settings.log_level)
    context = build_context(settings)
    app = build_app(context)
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(served: Starlette) -> AsyncIterator[None]:
        async with inner(served):
            control = await listen(context, settings.database_path)
            try:
                yield
            finally:
                control.close()
                socket_path(settings.database_path).unlink(missing_ok=True)

    app.router.lifespan_context = lifespan
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=4096,
    )


def set_up_logs(level: str) -> None:
    """Write logs as JSON lines on standard error; no log line holds a query string, a secret or a person."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
