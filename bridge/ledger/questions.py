"""Whether there are such rows: many questions in one statement, as each is a journey to a database's server."""

from collections.abc import Sequence
from typing import NamedTuple

from bridge.ledger.ledger import Turn


class Question(NamedTuple):
    """Whether this SELECT finds a row; it is of ours, and `values` are put in for its question marks."""

    select: str
    values: tuple[object, ...] = ()


def ask(turn: Turn, questions: Sequence[Question]) -> list[bool]:
    """Answer at least one question, each at its place."""
    named = {f"q{number}": one for number, one in enumerate(questions)}
    together = ", ".join(f"EXISTS ({one.select}) AS {name}" for name, one in named.items())
    row = turn.one(f"SELECT {together}", *(value for one in questions for value in one.values))
    assert row is not None, "a SELECT without FROM has a row"
    return [bool(row[name]) for name in named]
