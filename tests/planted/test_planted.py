"""The planted bugs are all there and apply; whether each is caught, `make planted` finds out."""

import py_compile
import subprocess
from contextlib import nullcontext
from importlib.util import cache_from_source
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.planted import __main__ as detectors
from tests.planted.__main__ import PATCHES, ROOT, Caught, Lane, Planted, read_patch, unplanted

WANTED = 27


def patches() -> list[Path]:
    return sorted(PATCHES.glob("*.patch"))


def test_the_whole_list_is_planted():
    assert len(patches()) == WANTED


@pytest.mark.parametrize("path", patches(), ids=lambda path: path.stem)
def test_a_planted_bug_applies_and_names_who_must_catch_it(path):
    planted = read_patch(path)
    checked = subprocess.run(["git", "apply", "-C1", "--check", str(path)], cwd=ROOT, capture_output=True, text=True)

    assert checked.returncode == 0, f"{path.name} must be renewed: {checked.stderr}"
    assert planted.what.endswith(".")
    assert bool(planted.seeds and planted.rules) != bool(planted.tests)


def test_a_patch_without_a_detector_is_refused(tmp_path):
    (tmp_path / "x.patch").write_text("What: Something.\n\ndiff --git a/x b/x\n", "utf-8")

    with pytest.raises(AssertionError, match="must name its detector"):
        read_patch(tmp_path / "x.patch")


def test_a_lane_has_the_tree_and_what_python_made_of_it(tmp_path):
    made = Path(py_compile.compile(str(PATCHES / "__main__.py"), doraise=True))

    Lane(tmp_path)

    copy = tmp_path / "tests" / "planted" / "__main__.py"
    assert copy.read_bytes() == (PATCHES / "__main__.py").read_bytes()
    assert Path(cache_from_source(copy)).read_bytes() == made.read_bytes()


def test_a_seed_that_is_red_without_its_bug_is_told(monkeypatch):
    class Falsely:
        def run(self, seed):
            return SimpleNamespace(violations=["I1: lost"] if seed == 1_000_005 else [])

    monkeypatch.setattr(detectors, "storms", lambda gateway: nullcontext(Falsely()))
    bug = Planted("a-bug", "A bug.", Path("a-bug.patch"), 9, ("I1",), gateway="payple")
    caught = Caught(bug, "storm I1", (3, 5), (3, 1_000_005))

    assert unplanted([caught], None) == ["seed 1000005 of payple is red without any bug: ['I1: lost']"]
    assert unplanted([Caught(bug, "storm I1", (3,), (3,))], None) == []


@pytest.mark.parametrize(("rounds", "firsts", "red"), [(0, [700], (702,)), (2, [1, 1_000_001], (3, 1_000_003))])
def test_storms_begin_where_a_bug_was_caught_last_and_far_apart_for_a_median(monkeypatch, rounds, firsts, red):
    begun = []

    def third_is_red(lane, seeds, first, gateway):
        begun.append(first)
        return 3, f"seed {first + 2}: I1: lost"

    monkeypatch.setattr(detectors, "storm", third_is_red)
    bug = Planted("a-bug", "A bug.", Path("a-bug.patch"), 9, ("I1",), first=700)

    caught = detectors._catch_by_storm(bug, None, rounds)

    assert (begun, caught.by, caught.red_seeds) == (firsts, "storm I1", red)
