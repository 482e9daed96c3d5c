"""What an unforeseen exception says is scrubbed before it is logged, whoever logs it."""

import errno
import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from bridge.cli.logs import set_up_logs

CARD = "4000056655665556"


@pytest.fixture
def _logs() -> Iterator[None]:
    """Logs as the server writes them, and afterwards as they were."""
    before, level = logging.root.handlers[:], logging.root.level
    server = logging.getLogger("uvicorn.error")
    others = server.level  # a server that another test ran here left its own
    server.setLevel(logging.NOTSET)
    yield
    server.setLevel(others)
    logging.basicConfig(handlers=before, level=level, force=True)
    structlog.reset_defaults()


def fail(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


@pytest.mark.usefixtures("_logs")
def test_a_traceback_shows_no_card_no_person_and_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info")
    error = fail(f"{CARD} {CARD[:-1]}9 holder='2208162517' password=92 hong@shop.test")
    structlog.get_logger("web").error("a request met a bug", exc_info=error)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=error)
    ours, theirs = [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    assert (ours["event"], theirs["said"], theirs["logger"]) == (
        "a request met a bug",
        "Exception in ASGI application",
        "uvicorn.error",
    )
    for line in (ours, theirs):
        assert "ValueError" in line["exception"]
        assert "test_logs.py" in line["exception"], "and still says where"
        for secret in (CARD, CARD[:-1], "2208162517", "=92", "hong@"):
            assert secret not in line["exception"]


@pytest.mark.usefixtures("_logs")
def test_libraries_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("debug")
    logging.getLogger("asyncio").info("nothing much")
    logging.getLogger("asyncio").warning("something")
    (line,) = capsys.readouterr().err.splitlines()

    assert json.loads(line)["said"] == "something"


@pytest.mark.usefixtures("_logs")
def test_whoever_logs_goes_on_where_the_log_is_full_or_nobody_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with Path("/dev/full").open("w") as full, os.fdopen(writer, "w") as alone:
        for stderr in (full, alone):
            monkeypatch.setattr(sys, "stderr", stderr)
            set_up_logs("info")
            for _ in range(100):  # more than its buffer holds
                structlog.get_logger("ledger").error("a commit failed; its turns did not happen", error="x" * 200)
                logging.getLogger("uvicorn.error").error("so did a library")
            with suppress(OSError):  # what the buffer still holds is not to be told by its end
                stderr.close()


@pytest.mark.usefixtures("_logs")
def test_the_lines_after_the_trouble_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        is_full = True

        def write(self, text: str) -> int:
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(text)

    stderr = Full()
    monkeypatch.setattr(sys, "stderr", stderr)
    set_up_logs("info")
    structlog.get_logger("ledger").error("lost")
    stderr.is_full = False
    structlog.get_logger("ledger").error("kept")

    assert [json.loads(line)["event"] for line in stderr.getvalue().splitlines()] == ["kept"]
