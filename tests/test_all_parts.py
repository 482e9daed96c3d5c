"""What `make test` does with its parts: each is shown when it ends, and one that does not end is stopped and shown."""

import sys
import time

import pytest

from tests import __main__ as every

WAITS = "import sys, time; print('began', flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(every, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(every, "STOP_SECONDS", 0.5)


def part(folder, name, code):
    return every.start(name, folder, [sys.executable, "-c", code])


def wait_until_it_began(one):
    until = time.monotonic() + 30
    while "began" not in one.log.read_text():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_who_failed_is_named_and_each_shows_what_it_said_in_the_order_of_their_ends(tmp_path, capsys):
    slow = part(tmp_path, "slow", "import time; time.sleep(0.5); print('said slowly')")
    quick = part(tmp_path, "quick", "print('said quickly'); raise SystemExit(3)")

    assert every.wait_for_all([slow, quick], time.monotonic()) == ["quick"]
    shown = capsys.readouterr().out
    assert shown.index("=== quick, after") < shown.index("said quickly") < shown.index("=== slow, after")
    assert "said slowly" in shown


def test_what_does_not_end_in_time_is_interrupted_named_and_shown(tmp_path, capsys):
    hung = part(tmp_path, "hung", WAITS)
    wait_until_it_began(hung)

    assert every.wait_for_all([hung], time.monotonic() - every.MINUTES_MAX * 60) == ["hung"]
    shown = capsys.readouterr().out
    assert f"Not ended within {every.MINUTES_MAX} minutes: hung" in shown
    assert "began" in shown
    assert "KeyboardInterrupt" in shown


def test_what_does_not_heed_an_interruption_is_killed(tmp_path):
    deaf = part(tmp_path, "deaf", f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {WAITS}")
    wait_until_it_began(deaf)
    every.stop([deaf])

    assert every.wait_for_all([deaf], time.monotonic()) == ["deaf"]
    assert deaf.process.returncode == -9
