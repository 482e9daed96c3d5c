"""What counts as reached: never more than coverage.py says, and everything of what was run to its end."""

import re
import textwrap
from pathlib import Path

import coverage
import pytest

from tests import counted

BOTH_WAYS = """
    def grade(value, given=()):
        '''Not a line.'''
        text = ""
        if value > 3:
            text = "much"
        elif value > 1:
            text = "some"
        for one in given:
            if one:
                break
            text += "x"
        else:
            text += "."
        while value > 0:
            value -= 1
        match given:
            case [1]:
                text += "one"
            case [_, 2]:
                text += "two"
        try:
            int(text)
            text = "never"
        except ValueError:
            text += "!"
        finally:
            text += "?"
        with open(__file__):
            text += ""
        return text

    class Left:
        size = 1

        def never(self):
            return 2
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "shown.py"
    path.write_text(textwrap.dedent(BOTH_WAYS))
    return path


def reach(path: Path, *calls: str) -> tuple[set[int], set[int], list[int], list[int]]:
    """Run calls in it; gives its lines, those reached, the ways on by their line, and those taken."""
    tree, marks = counted.marked(path.read_bytes())
    hits = [0] * len(marks.lines)
    variables = {counted.NAME: hits, "__file__": str(path), "__name__": "shown"}
    exec(compile(tree, str(path), "exec"), variables)
    for call in calls:
        eval(call, variables)
    known = {line for lines in marks.lines for line in lines}
    reached = {line for lines, hit in zip(marks.lines, hits, strict=True) if hit for line in lines}
    taken = sorted(line for line, number in marks.branches if hits[number])
    return known, reached, sorted(line for line, _ in marks.branches), taken


def lines_by_coverage(path: Path, *calls: str) -> tuple[set[int], set[int]]:
    """Ask coverage.py the same: the lines there are, and those run."""
    counting = coverage.Coverage(data_file=None, config_file=False, include=[str(path)])
    code = compile(path.read_text(), str(path), "exec")
    variables = {"__file__": str(path), "__name__": "shown"}
    with counting.collect():
        exec(code, variables)
        for call in calls:
            eval(call, variables)
    _, known, _, missing, _ = counting.analysis2(str(path))
    return set(known), set(known) - set(missing)


HARDER = re.compile(r"int\(text\)|case ")
"""What is left early by an exception, and a case that was looked at and did not fit."""

CALLS = [
    (),
    ("grade(5)",),
    ("grade(2, [1])", "grade(0, [0, 2])"),
    ("grade(9, [0])", "grade(2, [0, 0])", "Left().never()"),
]


@pytest.mark.parametrize("calls", CALLS)
def test_the_lines_are_those_of_coverage_py_and_none_is_reached_that_it_saw_nobody_reach(source, calls):
    known, reached, _, _ = reach(source, *calls)
    known_there, reached_there = lines_by_coverage(source, *calls)
    assert known == known_there
    assert reached <= reached_there
    harder_here = {line for line, text in enumerate(source.read_text().splitlines(), 1) if HARDER.search(text)}
    assert reached_there - reached <= harder_here


def test_each_way_on_counts_by_itself_even_where_nothing_is_written_in_it(source):
    _, _, ways, taken = reach(source, "grade(5)")
    numbered = dict(enumerate(source.read_text().splitlines(), 1))
    much, some, given, one, above, match = (
        next(line for line, text in numbered.items() if words in text)
        for words in ("if value > 3", "elif", "for one", "if one", "while", "match")
    )
    assert ways == sorted([much, much, some, some, given, given, one, one, above, above, match, match, match])
    assert taken == sorted([much, given, above, above, match])


def test_what_stands_behind_an_exception_is_not_reached(tmp_path: Path) -> None:
    path = tmp_path / "shown.py"
    path.write_text("def fails():\n    one = int('x')\n    two = 2\n    return one + two\n")
    with pytest.raises(ValueError):
        reach(path, "fails()")
    _, reached, _, _ = reach(path)
    assert reached == {1}


def test_marks_stand_where_the_line_that_they_stand_for_does(tmp_path: Path) -> None:
    path = tmp_path / "shown.py"
    path.write_text(
        '"""Words."""\nfrom __future__ import annotations\n\n\ndef fails():\n    """More."""\n    raise KeyError\n'
    )
    tree, _ = counted.marked(path.read_bytes())
    variables = {counted.NAME: [0, 0]}
    exec(compile(tree, str(path), "exec"), variables)
    with pytest.raises(KeyError) as caught:
        variables["fails"]()
    assert caught.traceback[-1].lineno == 6
    assert variables["fails"].__doc__ == "More."


def test_a_report_joins_what_several_runs_reached_and_fails_below_what_is_asked_for(tmp_path, monkeypatch, capsys):
    package = tmp_path / "bridge"
    package.mkdir()
    (package / "one.py").write_text("def a(x):\n    if x:\n        return 1\n    return 2\n")
    (package / "two.py").write_text("x = 1\n")
    monkeypatch.setattr(counted, "ROOT", tmp_path)
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "1.json").write_text('{"%s": [1, 1, 1, 0, 0]}' % (package / "one.py"))
    (runs / "2.json").write_text('{"%s": [1, 1, 0, 1, 1]}' % (package / "one.py"))

    assert counted.report(runs, 95) == 1
    assert capsys.readouterr().out == (
        "bridge/two.py: 1\n85.71 % of 7 lines and branches were reached; 95 % are asked for.\n"
    )
    assert counted.report(runs, 85) == 0
    (runs / "2.json").unlink()
    assert counted.report(runs, 85) == 1
    assert capsys.readouterr().out.splitlines()[-3] == "bridge/one.py: 4, a way on from 2"
