"""Counts which lines and branches of the bridge a run reaches, by marks in its modules: no tracing, so it costs little.

`python -m tests.counted FOLDER pytest …` runs a module and leaves in FOLDER what it reached; `report` joins what
several runs left. A mark stands before the last statement of each straight piece of code, so that a piece counts only
when all of it was begun: what is left early by an exception counts as not reached.
"""

import ast
import atexit
import importlib.abc
import importlib.machinery
import json
import os
import runpy
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
PACKAGE = "bridge"
NAME = "_reached"
"""What the list of marks is called in each module that is counted."""

WAYS = (ast.If, ast.For, ast.AsyncFor, ast.While)
"""Statements with two ways on, of which the second is there even where nothing is written in it."""

INTO = (*WAYS, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)
"""Statements with others in them that run at once."""


@dataclass
class Marks:
    """A module's marks by number: the lines that each stands for, and the line that it is a way on from, if one."""

    lines: list[list[int]] = field(default_factory=list)
    branches: list[tuple[int, int]] = field(default_factory=list)

    def block(self, body: list[ast.stmt], *before: int) -> tuple[list[ast.stmt], int]:
        """Mark statements that follow each other, and lines before them; gives them, and the first mark's number."""
        made: list[ast.stmt] = []
        numbers: list[int] = []
        lines = [*before]
        last = next((one for one in reversed(body) if _runs(one)), body[-1])
        for one in body:
            lines += [one.lineno] if _runs(one) else []
            if one is last or isinstance(one, INTO):
                numbers.append(len(self.lines))
                made.append(self._mark(lines, one))
                lines = []
            self._inside(one)
            made.append(one)
        return made, numbers[0]

    def _mark(self, lines: list[int], at: ast.AST) -> ast.stmt:
        mark = ast.parse(f"{NAME}[{len(self.lines)}] = 1").body[0]
        self.lines.append(lines)
        for node in ast.walk(mark):
            ast.copy_location(node, at)
        return mark

    def _inside(self, one: ast.stmt) -> None:
        if isinstance(one, ast.Match):
            self._cases(one)
        for part in ("body", "orelse", "finalbody"):
            if getattr(one, part, None):
                made, number = self.block(getattr(one, part))
                setattr(one, part, made)
                if isinstance(one, WAYS):
                    self.branches.append((one.lineno, number))
        for handler in getattr(one, "handlers", []):
            handler.body, _ = self.block(handler.body, handler.lineno)
        if isinstance(one, WAYS) and not one.orelse and not isinstance(getattr(one, "test", None), ast.Constant):
            self.branches.append((one.lineno, len(self.lines)))
            one.orelse = [self._mark([], one)]

    def _cases(self, match: ast.Match) -> None:
        for case in match.cases:
            case.body, number = self.block(case.body, case.pattern.lineno)
            self.branches.append((match.lineno, number))
        last = match.cases[-1]
        if last.guard or not (isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None):
            self.branches.append((match.lineno, len(self.lines)))
            nothing = ast.copy_location(ast.MatchAs(), match.subject)
            match.cases.append(ast.match_case(nothing, None, [self._mark([], match.subject)]))


def _runs(one: ast.stmt) -> bool:
    """Tell a statement that does something when it is come to from a docstring, and from words to the compiler."""
    if isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant):
        return False
    return not isinstance(one, (ast.Global, ast.Nonlocal)) and getattr(one, "module", "") != "__future__"


def marked(source: bytes) -> tuple[ast.Module, Marks]:
    """Read a module and put the marks into it."""
    tree, marks = ast.parse(source), Marks()
    if tree.body:
        tree.body, _ = marks.block(tree.body)
    return tree, marks


class Loader(importlib.machinery.SourceFileLoader):
    """Runs a module with marks in it."""

    reached: dict[str, list[int]] = {}  # noqa: RUF012 - one for the process

    def exec_module(self, module: ModuleType) -> None:
        """Run it; a module that is loaded anew goes on with the marks it has."""
        tree, marks = marked(self.get_data(self.path))
        vars(module)[NAME] = self.reached.setdefault(self.path, [0] * len(marks.lines))
        exec(compile(tree, self.path, "exec", dont_inherit=True), vars(module))


class Finder(importlib.abc.MetaPathFinder):
    """Finds the package's modules for the loader."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] != PACKAGE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is importlib.machinery.SourceFileLoader:
            spec.loader = Loader(name, spec.loader.path)
        return spec


def run(folder: Path, words: list[str]) -> None:
    """Run a module by its name, as `python -m` does, and leave what it reached in the folder."""
    sys.meta_path.insert(0, Finder())
    atexit.register(_leave, folder / f"{os.getpid()}.json", os.getpid())
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _leave(path: Path, process: int) -> None:
    if os.getpid() == process:
        path.write_text(json.dumps(Loader.reached))


def report(folder: Path, percent_min: float) -> int:
    """Print what no run in the folder reached; gives 1 where all in all less than that much was reached."""
    runs = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    known = reached = 0
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        _, marks = marked(path.read_bytes())
        found = [one[str(path)] for one in runs if str(path) in one] or [[0] * len(marks.lines)]
        hit = [any(each) for each in zip(*found, strict=True)]
        lines = {line for number, some in enumerate(marks.lines) if not hit[number] for line in some}
        arms = [line for line, number in marks.branches if not hit[number] and line not in lines]
        missing = len(lines) + sum(not hit[number] for _, number in marks.branches)
        known += sum(map(len, marks.lines)) + len(marks.branches)
        reached += sum(map(len, marks.lines)) + len(marks.branches) - missing
        if missing:
            said = [*_spans(lines), *(f"a way on from {line}" for line in sorted(arms))]
            print(f"{path.relative_to(ROOT)}: {', '.join(said)}")
    percent = 100 * reached / known
    print(f"{percent:.2f} % of {known} lines and branches were reached; {percent_min} % are asked for.")
    return 0 if percent >= percent_min else 1


def _spans(lines: Iterable[int]) -> list[str]:
    """Write lines that follow each other as the first and the last."""
    spans: list[list[int]] = []
    for line in sorted(lines):
        if spans and spans[-1][1] == line - 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return [str(one) if one == end else f"{one}-{end}" for one, end in spans]


if __name__ == "__main__":
    from tests import counted  # the module that is run is another than the one that is imported

    counted.run(Path(sys.argv[1]), sys.argv[2:])
