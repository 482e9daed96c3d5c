"""What `make test` does with its parts: it shows each, stops what does not end, and asks a torn test once more."""

import signal
import sys
import time

import pytest

from tests import __main__ as every

WAITS = "import sys, time; print('began', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(every, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(every, "STOP_SECONDS", 5.0)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as `main` does
    yield
    signal.signal(signal.SIGINT, before)


def part(folder, name, code):
    return every.start(name, folder, [sys.executable, "-c", code])


def wait_until_it_began(one):
    until = time.monotonic() + 30
    while "began" not in one.log.read_text():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_each_part_shows_what_it_said_in_the_order_of_their_ends(tmp_path, capsys):
    slow = part(tmp_path, "slow", "import time; time.sleep(0.5); print('said slowly')")
    quick = part(tmp_path, "quick", "print('said quickly'); raise SystemExit(3)")

    every.wait_for_all([slow, quick], time.monotonic())
    assert every.asked_again([quick]) == (["quick"], [])
    assert (slow.process.returncode, quick.process.returncode) == (0, 3)
    shown = capsys.readouterr().out
    assert shown.index("=== quick, after") < shown.index("said quickly") < shown.index("=== slow, after")
    assert "said slowly" in shown


def test_what_does_not_end_in_time_is_interrupted_named_and_shown(tmp_path, capsys):
    hung = part(tmp_path, "hung", WAITS)
    wait_until_it_began(hung)

    every.wait_for_all([hung], time.monotonic() - every.MINUTES_MAX * 60)
    assert hung.process.returncode
    shown = capsys.readouterr().out
    assert f"Not ended within {every.MINUTES_MAX} minutes: hung" in shown
    assert "began" in shown
    assert "KeyboardInterrupt" in shown


def test_what_does_not_heed_an_interruption_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(every, "STOP_SECONDS", 0.2)
    deaf = part(tmp_path, "deaf", f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {WAITS}")
    wait_until_it_began(deaf)
    every.stop([deaf])

    every.wait_for_all([deaf], time.monotonic())
    assert deaf.process.returncode == -9


def red_part(tmp_path, code):
    (tmp_path / "test_them.py").write_text(code)
    words = [word if word != every.SLOW else "" for word in every.slow(tmp_path / "red", str(tmp_path))]
    one = every.start("slow ones", tmp_path, [*words, "-p", "no:randomly", "--rootdir", str(tmp_path)])
    one.process.wait()
    return one


TORN = """
from pathlib import Path
def test_torn():
    been = Path(__file__).with_name("been")
    was_red = been.exists()
    been.touch()
    assert was_red
"""
BROKEN = "def test_{}(): assert False\n"


def test_what_is_red_beside_the_others_and_green_alone_is_named_and_fails_nothing(tmp_path):
    one = red_part(tmp_path, TORN + "def test_fine(): pass\n")

    assert one.process.returncode == 1
    assert every.asked_again([one]) == ([], ["test_them.py::test_torn"])


def test_what_is_red_twice_fails(tmp_path):
    assert every.asked_again([red_part(tmp_path, TORN + BROKEN.format("broken"))]) == (["slow ones"], [])


def test_more_red_tests_than_a_few_are_not_asked_again(tmp_path):
    code = TORN + BROKEN.format("one") + BROKEN.format("another")

    assert every.asked_again([red_part(tmp_path, code)]) == (["slow ones"], [])
