"""Token buckets: so many at once, refilled by time, forgetting only who has not come for long."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.failures import TooMany
from bridge.web import limits
from bridge.web.limits import Limit
from tests.support.clock import VirtualClock


def taken(limit: Limit, caller: str, many: int) -> int:
    count = 0
    for _ in range(many):
        try:
            limit.take(caller)
        except TooMany:
            return count
        count += 1
    return count


async def test_so_many_at_once_and_then_by_the_clock():
    clock = VirtualClock()
    limit = Limit(clock, 10, 60)
    assert taken(limit, "a", 20) == 10
    assert taken(limit, "b", 3) == 3
    with pytest.raises(TooMany) as refused:
        limit.take("a")
    assert refused.value.extra == {"retry_after_seconds": 6}
    await clock.forward(6)
    assert taken(limit, "a", 5) == 1
    await clock.forward(3600)
    assert taken(limit, "a", 50) == 10


async def test_a_wall_clock_set_back_or_forward_changes_nothing():
    clock = VirtualClock()
    limit = Limit(clock, 2, 60)
    assert taken(limit, "a", 5) == 2
    clock.set_back(-86_400)
    assert taken(limit, "a", 5) == 0
    clock.set_back(86_400 * 2)
    assert taken(limit, "a", 5) == 0


def test_a_crowd_of_callers_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(limits, "CALLERS_MAX", 100)
    limit = Limit(VirtualClock(), 1, 60)
    for number in range(1_000):
        limit.take(f"caller-{number}")

    assert len(limit._buckets) <= 100


@settings(max_examples=50)
@given(st.lists(st.floats(0, 30), max_size=60))
def test_never_more_than_the_limit_and_its_refill(pauses):
    clock = VirtualClock()
    limit = Limit(clock, 5, 10)
    passed = count = 0.0
    for pause in pauses:
        clock.boot += pause
        passed += pause
        count += taken(limit, "a", 1)

    assert count <= 5 + math.floor(passed * 0.5 + 1e-6)
