"""Runs a command in the server that holds the database, or here when none runs."""

import asyncio
import time
from typing import Any

from bridge.app import build_context, open_ledger
from bridge.cli.logs import set_up_logs
from bridge.cli.server import open_secrets
from bridge.cli.work import perform
from bridge.control import NoServer, ask
from bridge.domain.failures import LedgerHeld
from bridge.flows.context import Context
from bridge.flows.lease import leased
from bridge.settings import Settings, from_environment

LOCK_SECONDS = 0.5
PATIENCE_SECONDS = 10.0
FINISH_SECONDS = 75.0


def run(command: str, **words: Any) -> Any:
    """Do a command and give its answer. Raises BridgeError."""
    settings = from_environment()
    set_up_logs("error")
    return asyncio.run(_run(settings, command, words))


async def _run(settings: Settings, command: str, words: dict[str, Any]) -> Any:
    """Ask the server; where none answers, take the lock. A server that is just starting has the lock before it listens.

    Raises LedgerHeld where another program holds the database and does not listen, LedgerBroken where it is damaged.
    On PostgreSQL this process is a bridge among others.
    """
    if settings.on_postgres:
        return await _run_here(build_context(settings), command, words)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await ask(settings.database_path, command, words)
        except NoServer:
            pass
        try:
            ledger = open_ledger(settings, lock_wait_seconds=LOCK_SECONDS)
        except LedgerHeld:
            if time.monotonic() >= deadline:
                raise
            continue
        return await _run_here(build_context(settings, ledger=ledger), command, words)


async def _run_here(context: Context, command: str, words: dict[str, Any]) -> Any:
    await open_secrets(context)
    try:
        async with leased(context):
            answer = await perform(context, command, words)
            await context.tasks.finish(FINISH_SECONDS)
            return answer
    finally:
        await context.wire.close()
        await context.ledger.close()
