"""A word as it is said to an operator, in both languages, and how one of a table is found."""

from typing import NamedTuple


class Said(NamedTuple):
    """A word in both languages, and the tone: good, live, warn, bad or idle."""

    ko: str
    en: str
    tone: str = "idle"


def say(table: dict[str, Said], word: str, lang: str) -> str:
    """Say a word of a table; one not in it is said as it is."""
    return word if (found := table.get(word)) is None else found.ko if lang == "ko" else found.en


def tone(table: dict[str, Said], word: str) -> str:
    """Give a word's tone."""
    return table[word].tone if word in table else "idle"
