"""How the command line speaks: tables for people, JSON for programs, complaints on standard error."""

import json
import sys
from collections.abc import Sequence
from typing import Any


def print_json(value: Any) -> None:
    """Print one JSON value."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], empty: str) -> None:
    """Print rows as a table, or the sentence for an empty one."""
    from rich.console import Console  # not for `serve`, in whose memory it would stay
    from rich.table import Table

    if not rows:
        sys.stdout.write(f"{empty}\n" if empty else "")
        return
    table = Table(*columns)
    for row in rows:
        table.add_row(*(_text(row.get(column, "")) for column in columns))
    Console().print(table)


def print_lines(lines: Sequence[str]) -> None:
    """Print lines."""
    sys.stdout.write("\n".join(lines) + "\n")


def print_facts(facts: dict[str, Any]) -> None:
    """Print facts, one a line."""
    for name, value in facts.items():
        sys.stdout.write(f"{name}: {_text(value)}\n")


def complain(sentence: str) -> None:
    """Say on standard error what went wrong."""
    sys.stderr.write(f"pay-bridge: {sentence}\n")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
