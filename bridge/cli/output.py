"""How the command line speaks: tables for people, JSON for programs, complaints on standard error."""

import io
import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bridge.domain.exchange import KST

TABLE_COLUMNS_MAX = 200
"""A terminal that is narrower breaks the lines; nothing is cut off, and ids can be copied into the next command."""

MONEY = ("amount", "refunded")
_KOREAN = "%Y-%m-%d %H:%M:%S KST"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def write_whole() -> None:
    """Have standard output written to the end: without a buffer (`python -u`) Python drops what a pipe leaves over."""
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw), sys.stdout.encoding, sys.stdout.errors, line_buffering=True
        )


def print_json(value: Any) -> None:
    """Print one JSON value."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], empty: str) -> None:
    """Print rows as a table in which nothing is cut off, or the sentence for an empty one."""
    from rich.box import SIMPLE_HEAD  # not for `serve`, in whose memory it would stay
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        sys.stdout.write(f"{empty}\n" if empty else "")
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in MONEY else "left")
    for row in rows:
        table.add_row(*(Text(_text(row.get(column, ""))) for column in columns))
    Console(width=TABLE_COLUMNS_MAX, soft_wrap=True).print(table)


def print_lines(lines: Sequence[str]) -> None:
    """Print lines."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_facts(facts: dict[str, Any]) -> None:
    """Print facts, one a line; of a list of facts, one of them a line."""
    for name, value in facts.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            sys.stdout.write("\n".join([f"{name}:", *(f"  {_text(one)}" for one in value)]) + "\n")
        else:
            sys.stdout.write(f"{name}: {_text(value)}\n")


def complain(sentence: str) -> None:
    """Say on standard error what went wrong."""
    sys.stderr.write(f"pay-bridge: {sentence}\n")


def _text(value: Any) -> str:
    """Write a value for a person: times in Korea, facts side by side."""
    if isinstance(value, str):
        return f"{datetime.fromisoformat(value).astimezone(KST):{_KOREAN}}" if _TIME.fullmatch(value) else value
    if isinstance(value, dict):
        return "  ".join(f"{name}={_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return json.dumps(value, ensure_ascii=False)
