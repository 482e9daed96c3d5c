"""Whoever edits the books in a storm is found out, and leaves no trace in it."""

import dataclasses
from collections import Counter

from bridge.flows import check_invariants
from bridge.ledger import seals
from tests.storm import storm
from tests.storm.extras import draw_extras
from tests.storm.quietly import is_found_out, storms

SEEDS = [seed for seed in range(1, 1_000) if draw_extras(seed).altered]
DONE = ("a bit of ", "a row of ")


def has_been_there(line):
    return line.partition(" ")[2].startswith(DONE)


def test_an_edited_row_is_found_and_the_storm_goes_on_as_if_nobody_had_been_there(monkeypatch):
    struck = Counter()
    for seed in SEEDS[:8]:
        monkeypatch.setattr(storm, "draw_extras", draw_extras)
        with storms() as made:
            with_it = made.run(seed)
        monkeypatch.setattr(storm, "draw_extras", lambda seed: dataclasses.replace(draw_extras(seed), altered=False))
        with storms() as made:
            without = made.run(seed)
        struck += with_it.faults

        assert with_it.violations == []
        assert [line for line in with_it.log if "altered=" not in line and not has_been_there(line)] == [
            line for line in without.log if "altered=" not in line
        ]
    assert struck["row_altered"] >= 6


def test_books_that_are_edited_and_not_compared_with_the_audit_are_a_violation(monkeypatch):
    monkeypatch.setattr(seals, "_compare", lambda rows, entries, waiting: [])

    assert is_found_out("I15", SEEDS)


def test_an_edited_row_that_nobody_is_told_of_is_a_violation(monkeypatch):
    async def raises_nothing(context, wanted, covers):
        pass

    monkeypatch.setattr(check_invariants, "raise_alarms", raises_nothing)

    assert is_found_out("I15", SEEDS)


def test_whole_books_that_are_called_broken_are_a_violation(monkeypatch):
    monkeypatch.setattr(seals, "check_cover", lambda turn: [seals.Break("", "made up")])

    assert is_found_out("I15", SEEDS)
