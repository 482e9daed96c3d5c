"""The rules of the house, as tests: which way the arrows go, how large a file may be, who may read the clock."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BRIDGE = ROOT / "bridge"
FILE_LINES_MAX = 350
FUNCTION_LINES_MAX = 60
ROOTS = ("app", "cli", "control", "demo", "__main__")
"""The composition root and the command line may import everything."""

MAY_IMPORT = {
    "domain": set(),
    "clock": {"domain"},
    "settings": {"domain"},
    "signing": {"domain"},
    "wire": {"domain"},
    "ledger": {"domain", "clock"},
    "flows": {"domain", "clock", "settings", "signing", "wire", "ledger"},
    "web": {"domain", "clock", "settings", "signing", "ledger", "flows"},
    "gateways": {"domain"},
    "sandbox": set(),
}
CATCH_ALL = {"ledger/sqlite.py"}
"""Where any exception at all may be caught: a turn's failure belongs to the one who asked for it."""

TIME_AND_CHANCE = {"time", "random", "secrets", "uuid"}
READS_TIME = {"clock.py", "sandbox/", "ledger/sqlite.py", "ledger/postgres.py", "cli/", "demo/"}
"""The clock; the sandbox, which is seeded; the wait for the database and its locks; the command line's new keys."""

GATEWAY_FILES = ("README.md", "adapter.py", "codes.py", "sandbox.py")


def modules() -> list[Path]:
    return sorted(BRIDGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(BRIDGE).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            holds_modules = (ROOT / node.module.replace(".", "/")).is_dir()
            yield from ([f"{node.module}.{alias.name}" for alias in node.names] if holds_modules else [node.module])


def part_of(module: str) -> str:
    return module.split(".")[1] if module.startswith("bridge.") else ""


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_arrows_go_one_way(path: Path) -> None:
    own = name_of(path).split("/")[0].removesuffix(".py")
    if own in ROOTS or name_of(path) == "__init__.py":
        return
    allowed = MAY_IMPORT[own] | {own, ""}
    if own == "gateways":
        return
    if name_of(path) == "sandbox/app.py":
        allowed = allowed | {"gateways"}

    strange = {
        module
        for module in imports(path)
        if part_of(module) not in allowed and module not in ("bridge", "bridge.__version__")
    }

    assert strange == set(), f"{name_of(path)} may import only {sorted(allowed - {''})}"


@pytest.mark.parametrize("path", sorted((BRIDGE / "gateways").glob("*/*.py")), ids=name_of)
def test_a_gateway_knows_only_the_domain_and_its_sandbox_only_the_sandbox(path: Path) -> None:
    folder = f"bridge.gateways.{path.parent.name}"
    is_sandbox = path.name.startswith("sandbox")
    for module in imports(path):
        if not module.startswith("bridge"):
            continue
        if module.startswith(folder):
            other = module.removeprefix(folder).lstrip(".")
            assert other.startswith("sandbox") == is_sandbox, f"{name_of(path)} imports {module}"
        else:
            assert part_of(module) == ("sandbox" if is_sandbox else "domain"), f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("folder", sorted(path.parent for path in (BRIDGE / "gateways").glob("*/adapter.py")))
def test_a_gateway_folder_is_complete(folder: Path) -> None:
    missing = [name for name in GATEWAY_FILES if not (folder / name).is_file()]

    assert missing == []
    assert list((folder / "vectors").glob("*.json"))


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_files_and_functions_are_small(path: Path) -> None:
    text = path.read_text("utf-8")

    assert text.count("\n") <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, f"{name_of(path)}: {node.name}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_the_ledgers_batch_catches_everything(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            names = {leaf.id for leaf in ast.walk(node.type) if isinstance(leaf, ast.Name)} if node.type else {""}
            assert not names & {"", "Exception", "BaseException"} or name_of(path) in CATCH_ALL


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_only_the_clock_reads_time_and_chance(path: Path) -> None:
    if any(name_of(path) == place or (place[-1] == "/" and name_of(path).startswith(place)) for place in READS_TIME):
        return
    tree = ast.parse(path.read_text("utf-8"))

    assert not {module.split(".")[0] for module in imports(path)} & TIME_AND_CHANCE
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in {("datetime", "now"), ("os", "urandom"), ("os", "environ")} or (
                name_of(path) == "settings.py"
            )


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    text = ast.get_docstring(tree)

    assert text
    assert text.splitlines()[0].endswith((".", ")", ":"))


def test_money_is_never_a_float() -> None:
    pattern = re.compile(r"\b(?:amount|captured|refunded|won|price)\w*\s*:\s*float\b")
    found = [name_of(path) for path in modules() if pattern.search(path.read_text("utf-8"))]

    assert found == []


def test_no_korean_particle_hangs_on_a_name_that_is_filled_in() -> None:
    """Which of two is right the name's last letter says: 메인페이가, and 페이플이."""
    pattern = re.compile(r"(?:title|name)\}\)?(?:은|는|이|가|을|를|과|와|으?로)(?:는|도|만)?(?=\s)")
    found = [(name_of(path), *pattern.findall(path.read_text("utf-8"))) for path in modules()]

    assert [one for one in found if len(one) > 1] == []
