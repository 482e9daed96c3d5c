"""Runs the mutants: pytest has collected once; each mutant is a fork that runs the tests which reach its line."""

import importlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterable
from functools import partial

import pytest

from tests.mutation.modules import MODULES
from tests.mutation.mutate import Mutant, mutants, mutate
from tests.mutation.reach import ROOT, fails, measure

KILLED, SURVIVED, SLOW, UNREACHED, UNMADE = "killed", "survived", "timeout", "unreached", "not made"
CANNOT = 98
"""How a child ends that could not make its change: no test has noticed anything."""
SECONDS_A_MUTANT = 12
"""How much CPU tests may take on a mutant that none of them notices, however busy the machine is with other work."""
HANGS_AFTER_SECONDS = 120
"""When a mutant counts as noticed because its tests do not end; far longer than those seconds of CPU may take."""
OTHERS_A_MUTANT = 100
"""How many tests are asked besides those of the files that import the module itself."""
CONTROL_EVERY = 25
"""Of so many mutants one's tests are also run without its change: whatever fails then is no test's merit."""

Hears = Callable[[Mutant, str], None]


class Mutation:
    """A plugin of pytest that runs mutants instead of the tests themselves; `told` hears what became of each.

    `control` hears what became of forks that ran a mutant's tests and made no change: all must live.
    """

    def __init__(self, chosen: list[Mutant], told: Hears, control: Hears, jobs: int) -> None:
        self._chosen = chosen
        self._told = told
        self._control = control
        self._jobs = jobs
        self._running: dict[int, Callable[[str], None]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        items = {item.nodeid: item for item in session.items}
        reach = measure(session, sorted(path for group in MODULES.values() for path in group), _fork)
        for number, mutant in enumerate(self._chosen):
            own, others = reach.of(mutant.path, mutant.line)
            tests = [items[name] for name in (*own, *others[:OTHERS_A_MUTANT])]
            if not tests:
                self._told(mutant, UNREACHED)
                continue
            self._start(partial(_try, mutant, tests), partial(self._told, mutant))
            if number % CONTROL_EVERY == 0:
                self._start(partial(_ask, tests), partial(self._control, mutant))
        while self._running:
            self._reap()
        return True

    def _start(self, work: Callable[[], int], hears: Callable[[str], None]) -> None:
        if len(self._running) >= self._jobs:
            self._reap()
        self._running[_fork(partial(_within, HANGS_AFTER_SECONDS, work))] = hears

    def _reap(self) -> None:
        child, status = os.wait()
        self._running.pop(child)(_outcome(status))


def choose(paths: Iterable[str], sample: int, seed: int) -> list[Mutant]:
    """Choose mutants of some modules: all of them, or so many by chance."""
    every = [mutant for path in paths for mutant in mutants(path, (ROOT / path).read_text("utf-8"))]
    if not sample:
        return every
    return sorted(random.Random(seed).sample(every, min(sample, len(every))), key=lambda one: (one.path, one.number))


def judge(work: Callable[[], int], seconds: int = HANGS_AFTER_SECONDS) -> str:
    """Run work in a child that is ended after so many seconds; say what became of its mutant."""
    return _outcome(os.waitpid(_fork(partial(_within, seconds, work)), 0)[1])


def _within(seconds: int, work: Callable[[], int]) -> int:
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(seconds)
    return work()


def _outcome(status: int) -> str:
    if os.WIFSIGNALED(status):
        return SLOW if os.WTERMSIG(status) == signal.SIGALRM else KILLED
    return {0: SURVIVED, CANNOT: UNMADE}.get(os.WEXITSTATUS(status), KILLED)


def _fork(work: Callable[[], int]) -> int:
    child = os.fork()
    if child:
        return child
    status = 99
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        os.setpgid(0, 0)
        status = work()
    finally:
        os._exit(status)


def _try(mutant: Mutant, tests: list[pytest.Item]) -> int:
    """In a child: make the change, run the tests until one fails; 0 means that none did."""
    module = importlib.import_module(mutant.path.removesuffix(".py").replace("/", "."))
    try:
        mutate(module, (ROOT / mutant.path).read_text("utf-8"), mutant)
    except LookupError:
        return CANNOT
    return _ask(tests)


def _ask(tests: list[pytest.Item]) -> int:
    """In a child: run the tests until one fails; 0 means that none did."""
    ends = time.process_time() + SECONDS_A_MUTANT
    return 1 if any(fails(item) for item in tests if time.process_time() < ends) else 0
