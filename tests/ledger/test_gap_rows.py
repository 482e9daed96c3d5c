"""The rows of a gap: until when a site is deaf, what was named of its payments, and what the next restore clears.

The rows of `bridge.ledger.gap`."""

import pytest

from bridge.clock import from_ms
from bridge.ledger import anchors, gap
from tests.ledger.test_rows import AT, payment

SINCE = AT - 60_000


@pytest.fixture
async def restored(books):
    await books.write(lambda turn: gap.begin(turn, SINCE, AT))
    return books


async def test_a_site_is_deaf_until_its_shop_has_told_all_or_its_gap_is_ended(restored):
    async def is_deaf():
        return await restored.read(lambda turn: gap.is_deaf(turn, "s"))

    assert await is_deaf()
    await restored.write(lambda turn: gap.told(turn, "s", AT + 1))
    assert not await is_deaf()
    await restored.write(lambda turn: gap.begin(turn, SINCE, AT + 1))
    await restored.write(lambda turn: gap.end(turn, "s", AT + 2, "operator", "unheard"))
    assert not await is_deaf()


@pytest.mark.parametrize(("at", "may_lack"), [(AT - 1, True), (AT, False), (AT + 1, False)])
async def test_books_may_lack_something_of_what_began_before_they_were_restored(restored, at, may_lack):
    began = payment(created_at=from_ms(at))
    assert bool(await restored.read(lambda turn: gap.of_payment(turn, began))) == may_lack


async def test_what_is_named_first_counts_and_its_detail_is_cut(restored):
    assert await restored.write(lambda turn: gap.note(turn, "s", "p", "lost", AT, "가" * 501))
    assert not await restored.write(lambda turn: gap.note(turn, "s", "p", "revived", AT))
    (lost,) = await restored.read(lambda turn: gap.lost(turn, "s"))
    assert (lost["payment"], lost["detail"]) == ("p", "가" * 500)


@pytest.mark.parametrize(
    ("known", "counts"), [("", True), ("same", True), ("unproven", True), ("assumed", False), ("lost", False)]
)
async def test_a_window_is_taken_for_approved_once_and_not_while_what_was_handed_over_is_held_up(
    restored, known, counts
):
    if known:
        await restored.write(lambda turn: gap.note(turn, "s", "p", known, AT))
    assert await restored.write(lambda turn: gap.assume(turn, "s", "p", AT)) is counts
    assert await restored.write(lambda turn: gap.assume(turn, "s", "p", AT)) is False
    assert await restored.read(lambda turn: gap.outcomes(turn, "s")) == {"assumed" if counts else known: 1}


async def test_what_was_held_up_and_fits_at_last_is_revived_and_lost_no_more(restored):
    await restored.write(lambda turn: gap.note(turn, "s", "p", "lost", AT))
    await restored.write(lambda turn: gap.hold(turn, "s", "p", "{}"))
    assert await restored.read(lambda turn: gap.held(turn, "s")) == ["{}"]
    await restored.write(lambda turn: gap.fitted(turn, "s", "p", AT))
    assert await restored.read(lambda turn: gap.held(turn, "s")) == []
    assert await restored.read(lambda turn: gap.outcomes(turn, "s")) == {"revived": 1}


async def test_the_next_restore_begins_with_nothing_named_and_both_are_remembered(restored):
    await restored.write(lambda turn: gap.note(turn, "s", "p", "lost", AT))
    await restored.write(lambda turn: gap.begin(turn, SINCE + 5, AT + 9))
    assert await restored.read(lambda turn: gap.outcomes(turn, "s")) == {}
    rows = await restored.read(lambda turn: turn.all("SELECT since, restored_at FROM restores ORDER BY restored_at"))
    assert [(row["since"], row["restored_at"]) for row in rows] == [(SINCE, AT), (SINCE + 5, AT + 9)]


async def test_what_a_shop_found_different_was_of_the_books_that_a_restore_replaces(restored):
    def break_it(turn):
        turn.run(
            "INSERT INTO anchor_breaks (site, at, seal, day, what, found)"
            " VALUES ('s', ?, 1, '2026-11-20', 'the seal is another', 'x')",
            AT,
        )

    await restored.write(break_it)
    assert len(await restored.read(anchors.all_breaks)) == 1
    await restored.write(lambda turn: gap.begin(turn, SINCE + 5, AT + 9))
    assert await restored.read(anchors.all_breaks) == []
