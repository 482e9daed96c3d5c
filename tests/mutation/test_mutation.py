"""The runner of mutants: a change that a test notices is caught, one that none does lives, one that hangs is ended."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from tests.mutation import run
from tests.mutation.modules import MODULES
from tests.mutation.mutate import mutants, mutate
from tests.mutation.page import PAGE, REASONS, page, written
from tests.mutation.reach import ROOT, Reach, Reached
from tests.mutation.run import KILLED, SLOW, SURVIVED, UNMADE, Mutation, choose, judge

TOY = '''
LIMIT = 50
KNOWN = {"a": 1}

class Till:
    def __init__(self):
        self.taken = 0

    @property
    def full(self):
        return self.taken >= LIMIT

    def take(self, amount, *, fee=0):
        """Take."""
        if amount <= 0:
            raise ValueError("an amount is more than nothing")
        self.taken += amount
        self.log()
        return self.taken - fee

    def log(self):
        pass

def wait(rounds):
    while rounds > 0:
        rounds -= 1
    return rounds
'''


@pytest.fixture
def toy(monkeypatch):
    module = ModuleType("toy")
    module.__file__ = "toy.py"
    monkeypatch.setitem(sys.modules, "toy", module)
    exec(compile(TOY, "toy.py", "exec"), vars(module))
    return module


def change(toy, text):
    (found,) = [one for one in mutants("toy.py", TOY) if text in f"{one.where} {one.change}"]
    mutate(toy, TOY, found)


def test_every_kind_of_change_is_found_and_sentences_are_not():
    changes = [one.change for one in mutants("toy.py", TOY)]

    assert "51 for 50" in changes
    assert "`self.taken >= LIMIT`: Gt for GtE" in changes
    assert "drop `self.log()`" in changes
    assert "`return self.taken - fee` gives None" in changes
    assert "`self.taken += amount`: Sub" in changes
    assert "not `amount <= 0`" in changes
    assert not [one for one in changes if "more than nothing" in one and "drop" not in one]
    assert "`{'a': 1}` without 'a'" in changes
    assert len({one.number for one in mutants("toy.py", TOY)}) == len(changes)


def test_a_change_is_made_in_the_program_as_it_runs(toy):
    till = toy.Till()
    till.take(50)
    assert till.full
    change(toy, "Gt for GtE")
    assert not till.full, "a property of an object that is there already"
    change(toy, "51 for 50")
    assert toy.LIMIT == 51
    change(toy, "`self.taken += amount`: Sub")
    assert till.take(10) == 40
    change(toy, "drop `raise ValueError")
    assert till.take(-1) == 39, "one change at a time"


def test_a_mutant_is_killed_or_survives_or_is_ended():
    assert judge(lambda: 1, seconds=5) == KILLED
    assert judge(lambda: 0, seconds=5) == SURVIVED
    assert judge(lambda: [None for _ in iter(int, 1)] and 0, seconds=1) == SLOW
    assert judge(lambda: 98, seconds=5) == UNMADE
    assert judge(lambda: 1 // 0, seconds=5) == KILLED


@pytest.mark.parametrize(
    ("verdict", "mutant", "control"),
    [
        (lambda toy: toy.LIMIT != 50, KILLED, SURVIVED),
        (lambda toy: True, KILLED, KILLED),
        (lambda toy: False, SURVIVED, SURVIVED),
    ],
    ids=["noticed", "a test that fails anyhow", "not noticed"],
)
def test_tests_are_also_asked_without_a_change(toy, tmp_path, monkeypatch, verdict, mutant, control):
    (tmp_path / "toy.py").write_text(TOY, "utf-8")
    chosen = [one for one in mutants("toy.py", TOY) if one.change == "51 for 50"]
    every = Reach({"test": Reached("f", 0.1, False, {"toy.py": list(range(1, 30))})})
    monkeypatch.setattr(run, "ROOT", tmp_path)
    monkeypatch.setattr(run, "measure", lambda *_: every)
    monkeypatch.setattr(run, "fails", lambda _: verdict(toy))
    told: list[str] = []

    def loop() -> int:  # in a child of its own, as the loop waits for whichever child ends
        mutation = Mutation(chosen, lambda _, one: told.append(one), lambda _, one: told.append(f"control {one}"), 1)
        mutation.pytest_runtestloop(SimpleNamespace(items=[SimpleNamespace(nodeid="test")]))
        (tmp_path / "told").write_text(json.dumps(told), "utf-8")
        return 0

    assert judge(loop, seconds=20) == SURVIVED
    assert json.loads((tmp_path / "told").read_text("utf-8")) == [mutant, f"control {control}"]


def test_the_page_tells_of_the_controls():
    figures = {"groups": {}, "mutants": 1, "score": 100.0, "survivors": [], "slow": 0}
    assert "without any change" not in page(figures, {})
    assert "Of 60 forks without any change 2 failed." in page(figures | {"controls": 60, "controls_failed": 2}, {})


def test_the_page_lists_of_the_survivors_those_that_still_live_and_counts_the_others():
    figures = {"groups": {}, "mutants": 9, "score": 66.7, "survivors": ["a", "b", "c"], "slow": 0}
    assert "still owed (2)" in page(figures, {"b": "why"})
    taken_out = page(figures | {"gone": ["c"]}, {"b": "why"})
    assert "still owed (1)" in taken_out
    assert "The code of 1 of the 3 survivors is there no more" in taken_out
    asked_again = page(figures | {"still_live": ["b"], "gone": ["c"]}, {"b": "why"})
    assert "still owed (0)" in asked_again
    assert "Of the 3 survivors 1 are noticed by the tests of today, the code of 1 is there no more, and 1 still" in (
        asked_again
    )
    assert "| `b` | why |" in asked_again
    assert "66.7 % noticed" in asked_again, "what was measured stays what was measured"


def test_the_tests_of_a_line_come_first_and_broken_ones_never():
    reach = Reach(
        {
            "slow": Reached("f", 2.0, False, {"m.py": [1, 2]}),
            "quick": Reached("f", 0.1, False, {"m.py": [2]}),
            "broken": Reached("f", 0.0, True, {"m.py": [2]}),
        }
    )
    assert reach.of("m.py", 2) == ([], ["quick", "slow"])
    assert reach.of("m.py", 1) == ([], ["slow"])
    assert reach.of("m.py", 9) == ([], ["quick", "slow"]), "what runs at import is anybody's"
    assert reach.of("other.py", 1) == ([], [])


def test_the_tests_of_files_that_import_the_module_come_before_others():
    mine = "tests/test_tax.py::test_one"
    reach = Reach({mine: Reached("f", 9.0, False), "other": Reached("f", 0.1, False, {"bridge/domain/tax.py": [3]})})
    assert reach.of("bridge/domain/tax.py", 1) == ([mine], ["other"])


@pytest.mark.parametrize("path", [path for group in MODULES.values() for path in group])
def test_every_module_is_there_and_has_something_to_change(path):
    assert (ROOT / path).is_file()
    assert mutants(path, (ROOT / path).read_text("utf-8"))


def test_a_sample_is_the_same_for_the_same_seed():
    paths = ["bridge/domain/machine.py", "bridge/domain/payment.py"]
    assert choose(paths, 10, 1) == choose(paths, 10, 1) != choose(paths, 10, 2)
    assert len(choose(paths, 0, 1)) > 100


def test_the_page_is_written_from_the_figures_and_every_reason_is_about_a_change_that_can_be_made():
    assert PAGE.read_text("utf-8") == written(), "run: make mutants ARGS=--page"
    reasons = json.loads(REASONS.read_text("utf-8"))
    possible = {mutant.id for paths in MODULES.values() for mutant in choose(paths, 0, 0)}
    assert [one for one in reasons if one not in possible] == []
    assert all(len(why) > 10 for why in reasons.values())
