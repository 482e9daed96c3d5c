"""The page about crashes is written from figures that are kept, and says of each goal whether it was met."""

import json
import sys

import pytest

from tests.kill import __main__ as runner
from tests.kill import report
from tests.kill.goals import check_in_time
from tests.kill.lab import Restart

SPREAD = {"count": 50, "p50": 1.2, "p99": 2.0, "max": 2.0}
JUNIT = """<testsuites><testsuite>
<testcase classname="tests.kill.test_alone" name="test_a_killed_server_serves_again[sqlite]"/>
<testcase classname="tests.kill.test_clocks" name="test_a_clock_steps"><failure/></testcase>
</testsuite></testsuites>"""


def measured(serving):
    times = {"serving": SPREAD | {"p99": serving}, "picked_up": SPREAD, "settled_without_skipping": SPREAD}
    chains = {"moments": {"ready": 3, "recovery+postgres": 2}, "kills_by_chain": {"ready": 3, "recovery+postgres": 2}}
    counts = {"kills": 5, "payments_judged": 7, "krw_unexplained": 0, "differences_named_by_a_case": 1}
    return {"chains": chains | counts, "restart_seconds": {"alone": {"sqlite_file": times}, "in_chains": {}}}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Let a run keep its figures and page here, and measure what it is told."""

    def run(*words, serving):
        def ran(figures, told, again, *, everything):
            figures.write_text(json.dumps(measured(serving)))
            told.write_text(JUNIT)
            return 1

        monkeypatch.setattr(runner, "_run", ran)
        monkeypatch.setattr(sys, "argv", ["kill", *words])
        return runner.main()

    for module in (runner, report):
        monkeypatch.setattr(module, "FIGURES", tmp_path / "crashes.json")
        monkeypatch.setattr(module, "PAGE", tmp_path / "crashes.md", raising=False)
    monkeypatch.setattr(runner, "QUICK", tmp_path / "build" / "crash.json")
    return tmp_path, run


def test_a_whole_run_keeps_its_figures_and_the_page_is_written_from_them_and_by_nobody(desk):
    folder, run = desk
    assert run(serving=2.0) == 1
    kept = json.loads((folder / "crashes.json").read_text("utf-8"))
    page = (folder / "crashes.md").read_text("utf-8")
    assert page == report.as_page(kept)
    assert f"| Commit | {kept['machine']['commit']} |" in page
    assert "| serves again, SQLite | ≤ 2 s | 1.2 s / 2.0 s / 2.0 s | 50 | met |" in page
    assert "| a start recovers from an earlier death |  |  | 2 of 2 |" in page
    assert "- a clock steps: **failed**" in page
    assert "1 tests passed, 1 failed" in page

    kept["chains"]["kills"] = 608
    (folder / "crashes.json").write_text(json.dumps(kept), "utf-8")
    run("--page", serving=0)
    assert "608 kills of 5 moments" in (folder / "crashes.md").read_text("utf-8")


@pytest.mark.parametrize("words", [("--page",), ("--again", "test_alone")])
def test_without_the_figures_of_a_whole_run_nothing_is_written_or_run_again(desk, words, capsys):
    folder, run = desk
    with pytest.raises(SystemExit):
        run(*words, serving=1.0)
    assert "crashes.json is not there yet: a whole run makes it (make crash)." in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_what_is_run_again_takes_its_place_among_what_was_measured_before(desk):
    folder, run = desk
    run(serving=2.0)
    run("--again", "test_alone", serving=2.1)
    page = (folder / "crashes.md").read_text("utf-8")
    assert "| serves again, SQLite | ≤ 2 s | 1.2 s / 2.1 s / 2.0 s | 50 | **missed** |" in page
    assert "| `test_alone.py` was run again |" in page
    assert page == report.written()


def test_a_quick_run_leaves_the_page_and_its_figures_alone(desk):
    folder, run = desk
    run("--quick", serving=1.0)
    assert [path.name for path in folder.iterdir()] == ["build"]
    assert json.loads((folder / "build" / "crash.json").read_text("utf-8"))["tests"]["passed"] == 1


@pytest.mark.parametrize(("serving", "picked_up"), [(2.1, 4.9), (1.9, 5.1)])
def test_a_whole_run_asks_half_of_all_restarts_to_meet_the_goals_and_a_busy_machine_none(serving, picked_up):
    late, soon = Restart(serving, picked_up, 9.0), Restart(0.5, 0.6, 9.0)
    check_in_time([late, late, soon], everything=False)
    check_in_time([late, soon, soon], everything=True)
    with pytest.raises(AssertionError):
        check_in_time([late, late, soon], everything=True)


@pytest.mark.parametrize(
    "late", [Restart(8.1, 9.0, 9.0), Restart(1.0, 20.1, 21.0), Restart(1.0, 2.0, 61.0), Restart(1.0)]
)
def test_a_server_that_is_not_back_after_all_patience_is_found_out(late):
    with pytest.raises(AssertionError):
        check_in_time([Restart(0.5, 0.6, 9.0), late], everything=False)
