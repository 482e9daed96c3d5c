"""A chain of kills: the server restarted after one death is the one that dies next, one moment later."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from bridge.domain.machine import State

from .held import die_over_approval
from .lab import Lab, Restart
from .moments import DISTINCT, EVERYTHING, KINDS, STEPS_MAX
from .people import Order
from .scenarios import RECOVERY, SCENARIOS
from .verdict import Verdict

DYING_SECONDS = 0.03
DEAD_SECONDS_MAX = 2.0


@dataclass
class Chain:
    """What a chain came to."""

    name: str
    moments: str = ""
    kills: int = 0
    payments: int = 0
    waits_skipped: int = 0
    power_cuts: int = 0
    named: int = 0
    unexplained_krw: int = 0
    restarts: list[Restart] = field(default_factory=list)
    seconds: float = 0.0


def run_chain(name: str, directory: Path, library: Path | None, kinds: str = KINDS, postgres: str = "") -> Chain:
    """Kill the server at the first moment of a scenario, at the second, and so on, until a run survives."""
    began_at = time.monotonic()
    lab, chain = Lab(directory, library, postgres, traced=name.endswith("+power"), often=True), Chain(name)
    verdict = Verdict(lab)
    run_once = _kill_recovering if name.partition("+")[0] == RECOVERY else _kill_once
    try:
        lab.open()
        lab.gateway.set(card_notices=False)
        while _judged(run_once, lab, verdict, chain, kinds):
            chain.kills += 1
            assert lab.moments.counted or chain.kills < STEPS_MAX, "no run survived"
        lab.books.check()
    finally:
        lab.close()
    chain.payments, chain.restarts, chain.waits_skipped = verdict.payments_judged, lab.restarts, lab.waits_skipped
    chain.power_cuts = lab.power_cuts
    chain.named, chain.unexplained_krw = len(verdict.named), verdict.unexplained_krw
    chain.seconds = time.monotonic() - began_at
    return chain


def _judged(run_once: "RunOnce", lab: Lab, verdict: Verdict, chain: Chain, kinds: str) -> bool:
    """Run once with a death at the next moment, judge, and tell whether the server died."""
    place = chain.kills + 1
    try:
        died = run_once(lab, chain, place, kinds)
        lab.settle()
        verdict.judge()
    except AssertionError as error:
        said = lab.server.said() if lab.server else ""
        error.add_note(f"{chain.name}, moment {place} of {lab.moments.passed()!r}\n{said}")
        raise
    return died


def _kill_once(lab: Lab, chain: Chain, place: int, kinds: str) -> bool:
    scenario = SCENARIOS[chain.name.partition("+")[0]](lab)
    scenario.prepare()
    lab.arm(place, kinds)
    scenario.act()
    survived = _note(lab, chain, place, lab.settled_or_dead())
    if not survived:
        restart = lab.restart()
        scenario.repeat()
        _settle(lab, restart)
    scenario.check(died=not survived)
    return not survived


def _kill_recovering(lab: Lab, chain: Chain, place: int, kinds: str) -> bool:
    """Kill the server over an approval the gateway has done and not answered, and again while it recovers from that."""
    order = Order(lab)
    die_over_approval(lab, order, "hang", captured=True)
    lab.outlive_lease()
    server = lab.begin()
    lab.arm(place, kinds)
    survived = _note(lab, chain, place, server.wait_until_up_or_dead() and lab.settled_or_dead())
    if survived:
        server.wait_until_beating()
    else:
        _settle(lab, lab.restart())
    assert order.payment["state"] == State.VOIDED
    assert lab.gateway.books()[order.payment["merchant_ref"]]["net"] == 0
    return not survived


def _note(lab: Lab, chain: Chain, place: int, survived: bool) -> bool:
    """Let the server live from now on, note the moments it passed, and tell whether it is alive."""
    lab.moments.disarm()
    time.sleep(DYING_SECONDS)
    assert lab.server is not None
    passed = lab.moments.passed() if lab.moments.counted else "t" * place
    if lab.moments.counted and len(passed) >= place:  # its moment came; on a busy machine its end may take a while
        with suppress(subprocess.TimeoutExpired):
            lab.server.wait(DEAD_SECONDS_MAX)
    survived = survived and lab.server.alive()  # it writes by itself too: that moment may have been its last
    chain.moments = max(passed, chain.moments, key=len)
    assert survived or place == len(passed), "the server died of something else"
    return survived


def _settle(lab: Lab, restart: Restart) -> None:
    """Settle, and note the time it took where none was skipped."""
    assert lab.server is not None
    ahead_seconds = lab.moments.ahead_seconds
    lab.settle()
    if lab.moments.ahead_seconds == ahead_seconds:
        restart.settled = time.monotonic() - lab.server.started_at


RunOnce = Callable[[Lab, Chain, int, str], bool]

FULLY = ("part_refund", "approve")
"""Scenarios whose every moment is always tried; in the others one for each distinct state, but in a whole run."""


def kinds_of(name: str) -> str:
    """Which kinds of moments a scenario is killed at."""
    return KINDS if name in FULLY or (EVERYTHING and "+" not in name) else DISTINCT


def longest_first(name: str) -> int:
    """Where a chain stands in the order of beginning."""
    recovering = (RECOVERY, f"{RECOVERY}+postgres")
    return [*FULLY, "unheard_undo", "undo+postgres", "undo", *recovering, "undo+power", name].index(name)
