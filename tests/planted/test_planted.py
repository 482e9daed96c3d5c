"""The planted bugs are all there and apply; whether each is caught, `make planted` finds out."""

import py_compile
import subprocess
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from tests.planted.__main__ import PATCHES, ROOT, Lane, read_patch

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
