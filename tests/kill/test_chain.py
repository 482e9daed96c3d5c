"""A chain tells a server that died at its moment from one that survived, however late its end is seen."""

import subprocess
from types import SimpleNamespace

import pytest

from .chain import Chain, _note


def lab_of(passed: str, *, ends: bool):
    """A lab whose server passed these moments, and is seen to have ended only by whoever waits for that."""
    seen = SimpleNamespace(alive=True)

    def wait(seconds: float) -> int:
        if not ends:
            raise subprocess.TimeoutExpired("pay-bridge", seconds)
        seen.alive = False
        return -9

    server = SimpleNamespace(alive=lambda: seen.alive, wait=wait)
    moments = SimpleNamespace(counted=True, disarm=lambda: None, passed=lambda: passed)
    return SimpleNamespace(server=server, moments=moments)


@pytest.mark.parametrize(
    ("passed", "ends", "survived"),
    [("CNC", True, False), ("CNC", False, True), ("CN", True, True)],
    ids=["killed, and slow to end", "disarmed at that very moment", "its moment never came"],
)
def test_a_server_that_was_killed_at_its_moment_has_not_survived_however_late_its_end_is_seen(passed, ends, survived):
    chain = Chain("refund")
    assert _note(lab_of(passed, ends=ends), chain, 3, True) is survived
    assert chain.moments == passed
