"""Writes down what was measured: a table for the terminal, a page for the documents."""

from collections.abc import Iterable

from .results import Part

NAMES = {
    "command": "Command",
    "date": "When",
    "commit": "Commit",
    "cpu": "CPU",
    "memory": "Memory",
    "kernel": "Linux",
    "python": "Python",
    "sqlite": "SQLite",
    "packages": "Packages",
    "php": "PHP",
    "mariadb": "MariaDB",
    "nginx": "nginx",
    "load": "Load average before",
}


def as_text(part: Part) -> str:
    """One part for the terminal."""
    lines = [f"\n{part.title}"]
    for row in part.rows:
        verdict = row.verdict.strip("*")
        lines.append(f"  {verdict:5}{row.what}: {row.measured}" + (f"   [{row.goal}]" if row.goal else ""))
    return "\n".join([*lines, *(f"  - {remark}" for remark in part.remarks)])


def as_markdown(parts: Iterable[Part], described: dict[str, str], *, quick: bool, is_busy: bool, seconds: float) -> str:
    """The whole page, docs/benchmarks.md."""
    parts = list(parts)
    rows = [row for part in parts for row in part.rows if row.hit is not None]
    missed = [row for row in rows if not row.hit]
    text = [
        "# Benchmarks",
        "",
        f"Written by `{described['command']}`; run it to measure your own machine. A miss is reported as a miss.",
    ]
    if quick:
        text += ["", "> A quick run: a rehearsal of seconds, not a result. `make bench` measures for minutes."]
    if is_busy:
        text += [
            "",
            f"> Taken on a busy machine (load average {described['load']} before the run): other work took CPU"
            " from everything here, so no number of this page is a result.",
        ]
    text += ["", f"{len(rows) - len(missed)} of {len(rows)} goals were reached."]
    for part in parts:
        text += ["", f"## {part.title}", "", "| what | goal | measured | verdict |", "|---|---|---|---|"]
        text += [f"| {row.what} | {row.goal} | {row.measured} | {row.verdict} |" for row in part.rows]
        for remark in part.remarks:
            text += ["", remark]
    text += ["", "## Measured on", "", "| | |", "|---|---|"]
    text += [f"| {NAMES[name]} | {described[name]} |" for name in NAMES]
    text += [f"| The run took | {seconds:.0f} s |", "", _NOTES]
    return "\n".join(text)


_NOTES = """## How it is measured

* Everything runs on the one machine and its cores: the bridge, the sandbox gateway, WordPress with its database, and
  the load itself. A comparison within one run holds; an absolute number is this machine's.
* The bridge is started as an operator starts it, on SQLite with every commit synced to the disk, through
  `pay-bridge serve`. Only its limits per address and per site are lifted, because all load comes from one address.
* The gateway is the sandbox in a process of its own, told to take 0 ms, 300 ms, 2 s or 100 s. Calls go over plain HTTP;
  TLS to a real gateway costs about a millisecond of CPU more for each new connection.
* Percentiles are of all requests; nothing is dropped as an outlier.
* `python benchmarks/wire.py` compares the part that calls gateways with HTTP clients, alone in a process.
* Not measured here: a ledger of ten million payments, and PostgreSQL.
"""
