"""What the one reader of time says, and how two moments are told apart whatever is done to the wall clock."""

from pathlib import Path

import pytest

from bridge import clock as clocks
from bridge.clock import SystemClock, between_ms, boot_mark, stamp


def test_two_moments_of_one_start_are_as_far_apart_as_the_boot_clock_says():
    clock = SystemClock()
    earlier, later = boot_mark(clock), boot_mark(SystemClock())

    assert 0 <= (between_ms(earlier, later) or 0) < 60_000
    assert between_ms(earlier, earlier) == 0
    assert stamp(clock).boot.startswith(f"{clock.boot_id()}:")


@pytest.mark.parametrize(
    ("earlier", "later", "passed"),
    [("a:1000", "a:3500", 2500), ("a:3500", "a:1000", -2500), ("a:1000", "b:3500", None), ("", "a:1", None)],
)
def test_moments_of_two_starts_cannot_be_compared(earlier, later, passed):
    assert between_ms(earlier, later) == passed


@pytest.mark.parametrize("content", [None, "\n"])
def test_a_process_that_cannot_know_the_machines_start_counts_as_a_machine_of_its_own(monkeypatch, tmp_path, content):
    path = tmp_path / "boot_id"
    if content is not None:
        path.write_text(content)
    monkeypatch.setattr(clocks, "_BOOT_ID", path)
    assert SystemClock().boot_id() != SystemClock().boot_id()


def test_the_machine_names_its_start_alike_to_every_process():
    told = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert SystemClock().boot_id() == SystemClock().boot_id() == told
