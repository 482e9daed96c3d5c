"""Runs a command in the server that holds the database, or here when none runs."""

import asyncio
from typing import Any

from bridge.app import build_context
from bridge.control import ask, perform
from bridge.settings import Settings, from_environment


def run(command: str, **words: Any) -> Any:
    """Do a command and give its answer. Raises BridgeError."""
    settings = from_environment()
    return asyncio.run(_run(settings, command, words))


async def _run(settings: Settings, command: str, words: dict[str, Any]) -> Any:
    try:
        return await ask(settings.database_path, command, words)
    except (FileNotFoundError, ConnectionRefusedError):
        return await _run_here(settings, command, words)


async def _run_here(settings: Settings, command: str, words: dict[str, Any]) -> Any:
    context = build_context(settings)
    try:
        await context.sites.refresh()
        answer = await perform(context, command, words)
        await context.tasks.finish(context.settings.refund_wait_seconds)
        return answer
    finally:
        await context.wire.close()
        await context.ledger.close()
