"""The storm itself: the same seed is the same storm, and what is broken on purpose does not get through."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bridge.flows import carry_out, recover
from bridge.ledger import operations
from tests.storm import figures as figures_module
from tests.storm.__main__ import SEEDS_AT_ONCE, main
from tests.storm.figures import Figures
from tests.storm.ledger import Batches
from tests.storm.page import FIGURES, PAGE, PLANTED, page, written
from tests.storm.quietly import is_found_out, storms
from tests.storm.regressions import REGRESSIONS
from tests.storm.storm import Storm
from tests.storm.weather import KINDS
from tests.support.commit import commit

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


def test_whatever_a_turn_writes_is_noted_by_its_table(monkeypatch):
    real, noted, missed = Batches.execute, set(), []

    def execute(self, sql, values=()):
        before, changes = Counter(self._disk._writes), self._real.total_changes
        done = real(self, sql, values)
        new = Counter(self._disk._writes) - before
        noted.update(new)
        if self._real.total_changes != changes and not any(table in sql for table in new):
            missed.append(sql)
        return done

    monkeypatch.setattr(Batches, "execute", execute)
    with storms() as made:
        for seed in FEW:
            made.run(seed)

    assert not missed
    assert {"payments", "operations", "news", "notices", "nonces", "answers"} <= noted


def test_a_run_ends_with_its_time_and_says_how_many_it_ran(monkeypatch, capsys):
    words = ["storm", "--seeds", "1000", "--minutes", "0.0001", "--processes", "1"]
    monkeypatch.setattr(sys, "argv", words)

    assert main() == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["schedules"] == SEEDS_AT_ONCE


def run_of(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["storm", "--processes", "1", *words])
    code = main()
    said = capsys.readouterr().out.splitlines()
    return code, said, json.loads(said[-1])


def test_each_hundredth_seed_is_run_twice_and_gives_the_same_log(monkeypatch, capsys):
    code, _, figures = run_of(monkeypatch, capsys, "--first", "98", "--seeds", "4")

    assert (code, figures["schedules"], figures["run_twice"], figures["run_twice_differed"]) == (0, 4, 1, 0)
    assert "that differed by a byte | 1; 0 |" in page(figures, None, None)


def test_a_seed_whose_second_log_is_another_is_red_and_says_where(monkeypatch, capsys):
    chance = random.Random(1)  # goes on from one storm to the next, as none may
    monkeypatch.setattr(Storm, "latency", lambda self: chance.uniform(0.001, 0.02))
    code, said, figures = run_of(monkeypatch, capsys, "--first", "99", "--seeds", "2")

    assert (code, figures["red_seeds"], figures["run_twice_differed"]) == (1, [100], 1)
    assert any(line.startswith("seed 100: same seed: run twice, the logs differ first where") for line in said)
    assert "  again: make storm SEEDS=1 FIRST=100" in said


def test_an_order_with_two_payments_and_their_cases_is_one_that_ended_with_a_person():
    storm = Storm(1)
    checks = storm.checks
    site = next(iter(storm.gates))
    name = storm.gates[site].site.setup.name
    checks._payments = {
        one: {"id": one, "site": site, "order_ref": ref, "merchant_ref": one, "amount": 1_000}
        for one, ref in (("a", "ORDER-1"), ("b", "ORDER-1"), ("c", "ORDER-2"))
    }
    checks._judge_kept_money({"a": ["seat_lost", "amount_mismatch"], "b": ["seat_lost"]})

    assert (checks.orders, checks.orders_with_a_person[name]) == ({name: 2}, 1)
    assert checks.people == {f"{name} seat_lost": 1, f"{name} amount_mismatch": 1}


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
    assert "\nWhat 1 had found: not understood yet.\n" in page(summary, None, None)
    known = next(iter(REGRESSIONS))
    assert f"\nWhat {known} had found: {REGRESSIONS[known]}.\n" in page(summary | {"red_seeds": [known]}, None, None)


@pytest.mark.parametrize(("payments", "said"), [(999_999, "missed with 999,999"), (1_000_000, "met with 1,000,000")])
def test_the_page_says_whether_the_aim_of_a_million_payments_a_core_hour_is_met(payments, said):
    summary = json.loads(FIGURES.read_text("utf-8")) | {"payments_per_core_hour": payments}
    line = "The aim is 1,000,000 simulated payments a core-hour"

    assert f"\n{line}: {said} in `make test`.\n" in page(summary, None, None)
    hour = summary | {"payments_per_core_hour": 5}
    assert f"\n{line}: {said} in `make test`; missed with 5 in one run of an hour.\n" in page(summary, hour, None)


def test_a_run_and_its_page_name_the_commit(monkeypatch):
    monkeypatch.setattr(figures_module, "commit", lambda: "0123456789ab")
    summary = Figures().summary(1.0, 1)
    kept = json.loads(FIGURES.read_text("utf-8"))
    planted = json.loads(PLANTED.read_text("utf-8"))

    assert summary["commit"] == "0123456789ab"
    assert "| commit | 0123456789ab |" in page(kept | {"commit": summary["commit"]}, None, None)
    told = page(kept, None, planted | {"commit": summary["commit"], "rounds": 7})
    assert '(`make planted ARGS="--rounds 7"`; commit: 0123456789ab)' in told
    without = {name: value for name, value in kept.items() if name != "commit"}
    assert "| commit | not noted |" in page(without, None, None)


def test_a_commit_is_named_with_what_was_changed_since_and_outside_of_a_repository_is_none(tmp_path):
    def git(*words):
        own = ("-c", "user.name=a", "-c", "user.email=a@example.test", *words)
        return subprocess.run(["git", *own], cwd=tmp_path, capture_output=True, check=True, text=True).stdout.strip()

    assert commit(tmp_path) == ""
    git("init", "-q")
    (tmp_path / "x").write_text("1")
    git("add", "x")
    git("commit", "-qm", "x")
    named = git("rev-parse", "HEAD")[:12]
    assert commit(tmp_path) == named
    (tmp_path / "x").write_text("2")
    assert commit(tmp_path) == f"{named}-dirty"


def test_a_bridge_that_forgets_what_it_had_sent_is_found_out(monkeypatch):
    monkeypatch.setattr(operations, "orphaned", lambda turn, owner, **_: [])
    monkeypatch.setattr(recover.operations, "orphaned", lambda turn, owner, **_: [])

    assert is_found_out("I14", MANY)


def test_a_bridge_that_sends_before_its_intent_is_found_out(monkeypatch):
    monkeypatch.setattr(operations, "add", lambda turn, operation: None)

    assert is_found_out("I4", MANY)


def test_a_bridge_that_takes_other_money_for_the_payments_own_is_found_out(monkeypatch):
    monkeypatch.setattr(carry_out, "FOUND", ())

    assert is_found_out("I1", range(101, 401), "mainpay")
