"""The storm itself: the same seed is the same storm, and what is broken on purpose does not get through."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.flows import recover
from bridge.ledger import operations
from tests.storm.__main__ import SEEDS_AT_ONCE, main
from tests.storm.figures import Figures
from tests.storm.page import PAGE, page, written
from tests.storm.quietly import storms
from tests.storm.regressions import REGRESSIONS
from tests.storm.weather import KINDS

ROOT = Path(__file__).parent.parent.parent
FEW = range(1, 13)
MANY = range(1, 301)
DIGESTS = (
    "from tests.storm.quietly import storms\n"
    "with storms() as made:\n"
    f"    print(' '.join(made.run(seed).digest for seed in {FEW!r}))"
)


def digests(hash_seed: int) -> list[str]:
    """Run a few schedules in a process of their own."""
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def is_found_out(rule: str) -> bool:
    """Tell whether any of many schedules finds this rule broken."""
    with storms() as made:
        return any(text.startswith(f"{rule}:") for seed in MANY for text in made.run(seed).violations)


def test_the_same_seed_is_the_same_storm_in_another_process_byte_for_byte():
    one, other = digests(1), digests(2)

    assert one == other
    assert len(set(one)) == len(FEW), "different seeds are different storms"


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_a_seed_that_was_red_is_green(seed):
    with storms() as made:
        assert made.run(seed).violations == []


def test_a_storm_does_not_depend_on_those_before_it():
    with storms() as made:
        alone = made.run(7).digest
        made.run(8)

        assert made.run(7).digest == alone


def test_a_run_ends_with_its_time_and_says_how_many_it_ran(monkeypatch, capsys):
    words = ["storm", "--seeds", "1000", "--minutes", "0.0001", "--processes", "1"]
    monkeypatch.setattr(sys, "argv", words)

    assert main() == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["schedules"] == SEEDS_AT_ONCE


def test_there_are_more_than_forty_four_kinds_of_faults():
    assert len(KINDS) >= 44
    assert {"network", "gateway", "process", "storage", "time", "actors"} <= set(KINDS.values())


def test_the_page_is_written_from_the_figures_and_by_nobody():
    assert PAGE.read_text("utf-8") == written()


def test_a_page_says_of_every_red_seed():
    figures = Figures()
    with storms() as made:
        outcome = made.run(1)
    outcome.violations.append("I1: made up")
    figures.add(outcome)
    summary = figures.summary(10.0, 1)

    assert summary["red_seeds"] == [1]
    assert "| red seeds | 1 |" in page(summary, None, None)


def test_a_bridge_that_forgets_what_it_had_sent_is_found_out(monkeypatch):
    monkeypatch.setattr(operations, "orphaned", lambda turn, owner, **_: [])
    monkeypatch.setattr(recover.operations, "orphaned", lambda turn, owner, **_: [])

    assert is_found_out("I14")


def test_a_bridge_that_sends_before_its_intent_is_found_out(monkeypatch):
    monkeypatch.setattr(operations, "add", lambda turn, operation: None)

    assert is_found_out("I4")
