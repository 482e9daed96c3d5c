"""The heartbeat of a bridge at rest, which beats day and night."""

import pytest

from bridge.flows import heartbeat

TURNS_AT_REST = 2
"""What is unknown or seldom due, and what waits for its seal."""


@pytest.mark.sqlite
async def test_a_beat_at_rest_asks_the_books_in_two_turns_and_writes_nothing(world, monkeypatch):
    await world.buy(world.order())
    await world.live(30)
    turns = []
    for name in ("read", "write"):
        monkeypatch.setattr(world.context.ledger, name, _counted(turns, name, getattr(world.context.ledger, name)))
    await heartbeat.beat(world.context, beats=1)
    assert turns == ["read"] * TURNS_AT_REST


def _counted(turns, name, turn):
    async def counted(work):
        turns.append(name)
        return await turn(work)

    return counted
