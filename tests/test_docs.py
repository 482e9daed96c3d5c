"""What the documents name is there: files, links, commands, targets of make, tables of the ledger."""

import re
from pathlib import Path

import pytest
import typer

from bridge.cli.commands import app
from tests.kill import report as crashes

ROOT = Path(__file__).parent.parent
PLACES = ("*.md", "docs/*.md", "docker/*.md", "wp-plugin/*.md", "bridge/**/*.md", "tests/**/README.md")
DOCUMENTS = sorted(path for place in PLACES for path in ROOT.glob(place))
TYPED = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docs/operating.md", "docker/README.md")]
JOURNEY = ROOT / "docs/a-payment-through-the-files.md"
PROMISES = ROOT / "docs/promises.md"
TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
FILE = re.compile(r"`([\w./-]+\.(?:py|php|js|html|sql|md|sh))`")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"(?<!wp )\bpay-bridge ([a-z]+(?:-[a-z]+)*)(?: ([a-z]+(?:-[a-z]+)*))?")


def of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(document: Path) -> str:
    return "\n".join(block or words for block, words in CODE.findall(document.read_text("utf-8")))


def test_every_file_on_a_payments_way_is_there() -> None:
    """By its path; a plugin's class by its name alone; another by its name after its path was given."""
    named = FILE.findall(JOURNEY.read_text("utf-8"))
    beside = {name.rpartition("/")[2] for name in named if "/" in name}
    flows = {path.name for path in (ROOT / "bridge/flows").glob("*.py")}
    plugin = ROOT / "wp-plugin/pay-bridge"
    places = (ROOT, JOURNEY.parent, plugin, plugin / "includes")

    assert len(named) > 30
    assert [one for one in named if not any((p / one).is_file() for p in places) and one not in beside | flows] == []


def test_every_table_on_record_is_one_of_the_ledgers() -> None:
    schema = (ROOT / "bridge/ledger/schema/0001_sqlite.sql").read_text("utf-8")
    rows = [line.split("|") for line in JOURNEY.read_text("utf-8").splitlines() if re.match(r"\| \d", line)]
    recorded = {name for row in rows for name in re.findall(r"`(\w+)`", row[5])}

    assert len(recorded) >= 8
    assert recorded <= set(re.findall(r"CREATE TABLE (\w+)", schema))


def test_the_page_of_crashes_is_made_of_the_figures_of_a_run() -> None:
    assert crashes.PAGE.read_text("utf-8") == crashes.written(), 'run: make crash ARGS="--page"'


def test_every_promise_is_held_by_tests_that_are_there() -> None:
    rows = [
        line for line in PROMISES.read_text("utf-8").splitlines() if line.startswith("| ") and "held by" not in line
    ]
    held = [TEST.findall(row) for row in rows]
    named = [one for row in held for one in row]

    assert len(rows) > 15
    assert all(held), "every promise names a test"
    assert [f"{file}::{name}" for file, name in named if not _has_test(ROOT / "tests" / file, name)] == []


def _has_test(file: Path, name: str) -> bool:
    return file.is_file() and re.search(rf"^(?:async )?def {name}\(", file.read_text("utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("document", DOCUMENTS, ids=of)
def test_every_link_within_the_project_leads_somewhere(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text("utf-8")) if "://" not in link]

    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", TYPED, ids=of)
def test_every_command_a_document_types_is_one(document: Path) -> None:
    root = typer.main.get_group(app)
    known = {name: set(getattr(command, "commands", ())) for name, command in root.commands.items()}
    typed = COMMAND.findall(code_of(document))

    assert [words for words in typed if words[0] not in known] == []
    assert [words for words in typed if known[words[0]] and words[1] not in known[words[0]] | {""}] == []


@pytest.mark.parametrize("document", TYPED, ids=of)
def test_every_target_of_make_is_one(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert set(re.findall(r"(?<!-y )\bmake ([a-z-]+)", code_of(document))) <= targets
