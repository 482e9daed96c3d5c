"""Makes this process ready for storms: no log on the terminal, no exit, no garbage collection in the middle."""

import contextlib
import gc
import os
import sys
import typing
import warnings
from collections.abc import Iterable, Iterator
from functools import cache, partial
from typing import Any

import structlog
from starlette import routing
from starlette.routing import compile_path, request_response
from starlette.types import Receive, Scope, Send

from bridge.domain.failures import BridgeError
from bridge.ledger import sqlite
from tests.storm.ledger import die_in_memory
from tests.storm.storm import Outcome, Storm

ATTRIBUTES = typing._get_protocol_attrs  # type: ignore[attr-defined]
"""What lists a protocol's methods, each time that a gateway is asked whether it has them."""
COLLECT_EVERY = 8
"""Schedules whose remains are swept up together; sweeping fewer at once takes less time for each."""


class _Os:
    """The module os, without the way out."""

    _exit = staticmethod(die_in_memory)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


class Storms:
    """Runs schedules one after the other in this process."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self._now: Storm | None = None
        self._many = 0

    def run(self, seed: int) -> Outcome:
        """Run one schedule."""
        self._now = Storm(seed, self.gateway)
        try:
            return self._now.run()
        finally:
            self._now = None
            self._many += 1
            if self._many % COLLECT_EVERY == 0:
                gc.collect()
                gc.collect()  # what the end of a coroutine touched is freed by a second sweep alone
                gc.freeze()  # what is left are caches, which stay: the next sweep need not look at them

    def hear(self, logger: object, method: str, event: dict[str, Any]) -> dict[str, Any]:
        """Take a line of the bridge's log."""
        storm = self._now
        if storm is not None:
            error = event.pop("exc_info", None)
            storm.checks.log_lines.append(repr(sorted(event.items())))
            if isinstance(error, Exception) and not isinstance(error, BridgeError):
                storm.checks.fail("surprise", f"{event.get('event')}: {error!r}")
        raise structlog.DropEvent


_outer: list[Storms] = []
"""What runs storms already in this process: to make it ready takes as long as a schedule, so that is done once."""


@contextlib.contextmanager
def storms(gateway: str = "") -> Iterator[Storms]:
    """Give what runs storms, over every gateway or one; everything is as before when the outermost block ends."""
    if _outer:
        assert _outer[0].gateway == gateway, "one process runs storms over the same gateways"
        yield _outer[0]
        return
    made = Storms(gateway)
    _outer.append(made)
    before, hook, collects = structlog.get_config(), sys.unraisablehook, gc.isenabled()
    structlog.configure(processors=[made.hear])
    sqlite.os = _Os()  # type: ignore[assignment]
    sys.unraisablehook = lambda _: None  # a coroutine of a dead process complains when it is swept up
    gc.collect()
    gc.freeze()
    gc.disable()
    routing.compile_path = cache(compile_path)  # the same routes are made at every boot
    routing.request_response = _answers_later  # and few of them are asked
    typing._get_protocol_attrs = cache(ATTRIBUTES)  # type: ignore[attr-defined]  # as Python itself does from 3.12 on
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="coroutine .* was never awaited")
        try:
            yield made
        finally:
            gc.collect()
            _as_before(before, hook, collects)


def _answers_later(endpoint: Any) -> Any:
    """Make of an endpoint what Starlette makes of it when it is asked, not at every boot."""
    return partial(_answer, endpoint)


async def _answer(endpoint: Any, scope: Scope, receive: Receive, send: Send) -> None:
    await request_response(endpoint)(scope, receive, send)


def is_found_out(rule: str, seeds: Iterable[int], gateway: str = "") -> bool:
    """Tell whether any of these schedules finds this rule broken."""
    with storms(gateway) as made:
        return any(text.startswith(f"{rule}:") for seed in seeds for text in made.run(seed).violations)


def _as_before(before: dict[str, Any], hook: Any, collects: bool) -> None:
    _outer.clear()
    sys.unraisablehook = hook
    sqlite.os = os
    routing.compile_path, routing.request_response = compile_path, request_response
    typing._get_protocol_attrs = ATTRIBUTES  # type: ignore[attr-defined]
    gc.unfreeze()
    structlog.configure(**before)
    if collects:
        gc.enable()
