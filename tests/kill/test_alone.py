"""What a restart takes while nothing else runs here; this file's tests come first, before the chains begin."""

import pytest

from bridge.domain.machine import State

from .held import die_over_approval
from .lab import Lab, Restart
from .people import Order

TIMES = 5
SERVING_SECONDS_MAX = 10.0
PICKED_UP_SECONDS_MAX = 15.0


@pytest.mark.kill
def test_a_killed_server_serves_again_and_takes_up_what_it_left(lab: Lab, restarts_alone: list[Restart]) -> None:
    for _ in range(TIMES):
        order = Order(lab)
        die_over_approval(lab, order, "hang", captured=True)
        restart = lab.restart()
        restarts_alone.append(restart)
        assert restart.serving < SERVING_SECONDS_MAX
        assert restart.picked_up is not None
        assert restart.picked_up < PICKED_UP_SECONDS_MAX
        lab.settle()
        assert order.payment["state"] == State.VOIDED
