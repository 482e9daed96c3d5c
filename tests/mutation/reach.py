"""Which tests reach a line, measured once under coverage and kept: only tests that are new or changed are run again."""

import hashlib
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".cache" / "mutation" / "reach.json"


@dataclass
class Reached:
    """What one test reaches: path → lines; its time in seconds; whether it fails without any mutant."""

    file: str
    seconds: float
    broken: bool
    lines: dict[str, list[int]] = field(default_factory=dict)


class Reach:
    """What every test of a session reaches."""

    def __init__(self, tests: dict[str, Reached]) -> None:
        self._texts: dict[str, str] = {}
        self._seconds = {name: one.seconds for name, one in tests.items() if not one.broken}
        self._lines: dict[tuple[str, int], list[str]] = defaultdict(list)
        self._paths: dict[str, list[str]] = defaultdict(list)
        for name, one in tests.items():
            for path, lines in () if one.broken else one.lines.items():
                self._paths[path].append(name)
                for line in lines:
                    self._lines[path, line].append(name)

    def of(self, path: str, line: int) -> tuple[list[str], list[str]]:
        """Give the tests that reach a line: of files that import the module, the quickest first; then the others, one
        of each file after the other, so that a file with something to say is heard early.

        For a line that is only run at import, such as a table's, those that reach anything of its module.
        """
        module = path.removesuffix(".py").replace("/", ".")
        found = self._lines.get((path, line))
        if found is None:
            found = list(dict.fromkeys([*self._paths.get(path, []), *self._importing(module)]))
        own = {name for name in found if module in self._text_of(name)}
        found = sorted(found, key=lambda name: self._seconds[name])
        return [name for name in found if name in own], _by_turns([name for name in found if name not in own])

    def _importing(self, module: str) -> list[str]:
        return [name for name in self._seconds if module in self._text_of(name)]

    def _text_of(self, name: str) -> str:
        file = name.partition("::")[0]
        if file not in self._texts:
            path = ROOT / file
            self._texts[file] = path.read_text("utf-8") if path.is_file() else ""
        return self._texts[file]


def _by_turns(names: list[str]) -> list[str]:
    """Take the first of each file, then the second of each, and so on."""
    places: Counter[str] = Counter()
    turns = []
    for name in names:
        file = name.partition("::")[0]
        places[file] += 1
        turns.append((places[file], len(turns), name))
    return [name for _, _, name in sorted(turns)]


def measure(session: pytest.Session, paths: list[str], fork: Callable[[Callable[[], int]], int]) -> Reach:
    """Measure the tests of a session that are not known yet, in a child, and keep what they reach."""
    sources = _hash(*(ROOT / path for path in paths))
    known = _kept(sources)
    files = {item.nodeid: _hash(item.path) for item in session.items}
    missing = [
        item for item in session.items if item.nodeid not in known or known[item.nodeid].file != files[item.nodeid]
    ]
    if missing:
        print(f"measuring what {len(missing)} tests reach", flush=True)
        part = KEPT.with_suffix(".part")
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        child = fork(lambda: _measure(missing, paths, files, part))
        os.waitpid(child, 0)
        known |= {name: Reached(**one) for name, one in json.loads(part.read_text()).items()}
        KEPT.write_text(json.dumps({"sources": sources, "tests": {name: vars(one) for name, one in known.items()}}))
    return Reach({item.nodeid: known[item.nodeid] for item in session.items})


def fails(item: pytest.Item) -> bool:
    """Run a test; say whether it failed."""
    from _pytest.runner import runtestprotocol

    return any(report.failed for report in runtestprotocol(item, nextitem=None, log=False))


def _measure(items: list[pytest.Item], paths: list[str], files: dict[str, str], out: Path) -> int:
    cover = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / path) for path in paths])
    found: dict[str, Reached] = {}
    cover.start()
    for item in items:
        cover.switch_context(item.nodeid)
        began = time.monotonic()
        broken = fails(item)
        found[item.nodeid] = Reached(files[item.nodeid], round(time.monotonic() - began, 4), broken)
    cover.stop()
    data = cover.get_data()
    for path in paths:
        for line, names in data.contexts_by_lineno(str(ROOT / path)).items():
            for name in names:
                if name in found:
                    found[name].lines.setdefault(path, []).append(line)
    out.write_text(json.dumps({name: vars(one) for name, one in found.items()}))
    return 0


def _kept(sources: str) -> dict[str, Reached]:
    if not KEPT.exists():
        return {}
    kept = json.loads(KEPT.read_text())
    return {name: Reached(**one) for name, one in kept["tests"].items()} if kept["sources"] == sources else {}


def _hash(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
