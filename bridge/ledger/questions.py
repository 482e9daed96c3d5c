"""Whether there are such rows: many questions in one statement, as each is a journey to a database's server."""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import NamedTuple

from bridge.ledger.ledger import Turn


class Question(NamedTuple):
    """Whether this SELECT finds a row; it is of ours, and `values` are put in for its question marks."""

    select: str
    values: tuple[object, ...] = ()


def ask(turn: Turn, questions: Sequence[Question]) -> list[bool]:
    """Answer at least one question, each at its place."""
    selects, values = zip(*questions, strict=True)
    together, names = _together(selects)
    row = turn.one(together, *chain.from_iterable(values))
    assert row is not None, "a SELECT without FROM has a row"
    return [bool(row[name]) for name in names]


@cache
def _together(selects: tuple[str, ...]) -> tuple[str, list[str]]:
    """Make the statement, and name its columns."""
    names = [f"q{number}" for number in range(len(selects))]
    return "SELECT " + ", ".join(f"EXISTS ({one}) AS {name}" for one, name in zip(selects, names, strict=True)), names
