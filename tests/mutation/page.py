"""Writes docs/mutants.md from docs/mutants.json and the reasons for survivors: `make mutants ARGS=--page`."""

import json
from pathlib import Path
from typing import Any

from tests.mutation.reach import ROOT

FIGURES = ROOT / "docs" / "mutants.json"
PAGE = ROOT / "docs" / "mutants.md"
REASONS = Path(__file__).parent / "reasons.json"
HEAD = """# Mutants

Written by `make mutants ARGS=--page` from the figures of a run (`docs/mutants.json`) and `tests/mutation/reasons.json`.

A mutant is one small change of a module that decides on money: a comparison turned, a constant moved, a call or an
argument dropped, a condition reversed, an element taken out of a table. Each runs in a fork of a pytest that has
collected once, against the quick tests that reach its line, until one of them fails. Sentences for people, SQL, tables
of codes and assertions are left alone. Storms, planted bugs, browsers and PostgreSQL are not asked: they find more.
"""


def page(figures: dict[str, Any], reasons: dict[str, str]) -> str:
    """Write the page: the score of each group, then the survivors, those with a reason first."""
    rows = [_row(name, found) for name, found in figures["groups"].items()]
    noticed = f"{figures['mutants']:,} mutants, {figures['score']} % noticed"
    survivors = sorted(set(figures["survivors"]))
    live = set(figures.get("still_live", survivors)) - set(figures.get("gone", []))
    explained = [f"| `{_cell(one)}` | {reasons[one]} |" for one in survivors if one in live and one in reasons]
    others = [f"* `{_cell(one)}`" for one in survivors if one in live and one not in reasons]
    return "\n".join(
        [
            HEAD,
            f"**{noticed}** ({figures['slow']} of them by hanging).{_controls(figures)}\n",
            "| group | modules | mutants | survived | score |",
            "|---|---|---|---|---|",
            *rows,
            *_since(figures, survivors),
            "\n## Survivors that change nothing that matters\n",
            "| mutant | why it may live |",
            "|---|---|",
            *explained,
            f"\n## Survivors for which a test is still owed ({len(others)})\n",
            *others,
            "",
        ]
    )


def written() -> str:
    """Write the page from the files that are kept."""
    return page(json.loads(FIGURES.read_text("utf-8")), json.loads(REASONS.read_text("utf-8")))


def _row(name: str, found: dict[str, Any]) -> str:
    tried = f"{found['mutants']:,} of {found['possible']:,}"
    return f"| {name} | {found['modules']} | {tried} | {found['survived']:,} | {found['score']} % |"


def _controls(figures: dict[str, Any]) -> str:
    if "controls" not in figures:
        return ""
    return f" Of {figures['controls']} forks without any change {figures['controls_failed']} failed."


def _since(figures: dict[str, Any], survivors: list[str]) -> list[str]:
    """Say what became of the survivors when they were asked for again (`--since`), or whose code was only taken out."""
    gone = len(set(figures.get("gone", [])))
    if "still_live" not in figures:
        return [
            f"\nThe code of {gone} of the {len(survivors)} survivors is there no more; the others are listed."
        ] * bool(gone)
    live = len(set(figures["still_live"]))
    noticed = len(survivors) - live - gone
    return [
        f"\nOf the {len(survivors)} survivors {noticed} are noticed by the tests of today, the code of {gone} is there"
        f" no more, and {live} still live: they are listed here. The scores above are those of the measurement."
    ]


def _cell(text: str) -> str:
    return text.replace("`", "").replace("|", "\\|").removeprefix("bridge/")
