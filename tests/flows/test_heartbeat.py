"""The heartbeat of a bridge at rest, which beats day and night."""

import pytest

from bridge.flows import heartbeat
from bridge.ledger import seals
from bridge.ledger.sqlite import SqliteTurn


@pytest.mark.sqlite
async def test_a_beat_at_rest_asks_the_books_one_question_and_writes_nothing(world, monkeypatch):
    await world.buy(world.order())
    await world.live(30)
    asked = []
    for of, name in ((world.context.ledger, "write"), (SqliteTurn, "run"), (SqliteTurn, "one"), (SqliteTurn, "all")):
        monkeypatch.setattr(of, name, _noted(asked, name, getattr(of, name)))

    await heartbeat.beat(world.context, beats=1)

    assert asked == ["one"]


def _noted(asked, name, work):
    def noted(*words):
        asked.append(name)
        return work(*words)

    return noted


async def test_what_a_beat_has_written_is_sealed_by_the_next(world):
    """Nothing waits for its seal longer than two beats."""
    await world.buy(world.order())
    await world.beat()
    await world.beat()

    assert not await world.context.ledger.read(seals.are_owed)
