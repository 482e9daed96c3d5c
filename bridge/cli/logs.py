"""Logs: JSON lines on standard error, and in none of them a query string, a secret or a person."""

import contextlib
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog

from bridge.wire.journal import HIDDEN, Scrubber

_AS_LONG_AS_A_CARD = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")


def set_up_logs(level: str) -> None:
    """Write logs as JSON lines, those of the libraries too."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            scrub_exception,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[OfLibraries()], level=max(number, logging.WARNING), force=True)
    for name in ("uvicorn", "uvicorn.error"):  # configured with its defaults, it has its own
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def scrub_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Scrub a traceback: nobody chose what an unforeseen exception quotes, and it may be what a customer typed."""
    if "exception" in event:
        event["exception"] = _AS_LONG_AS_A_CARD.sub(HIDDEN, Scrubber().text(str(event["exception"])))
    return event


class Unfailing:
    """Standard error that may be full, or have nobody left who reads it: then a line is lost, and whoever logs goes on.

    A disk that is full is often the log's too, and what is said of a failed commit must not be the end of its writer.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write, if that can be done."""
        with contextlib.suppress(OSError, ValueError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        """Let go of what was written, if that can be done."""
        with contextlib.suppress(OSError, ValueError):
            self._file.flush()


class OfLibraries(logging.Handler):
    """Takes what uvicorn and asyncio log, tracebacks among it, through the same processors as our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        said = record.getMessage()
        log = structlog.get_logger("library")
        log.log(record.levelno, "a library reports", logger=record.name, said=said, exc_info=record.exc_info)
