"""Writes docs/crashes.md from docs/crashes.json: what was done to the real server, and what came of it."""

import json
import textwrap
from pathlib import Path
from typing import Any

from .goals import PICKED_UP_SECONDS_MAX, SERVING_SECONDS_MAX, SETTLED_SECONDS_MAX

DOCS = Path(__file__).resolve().parents[2] / "docs"
FIGURES = DOCS / "crashes.json"
PAGE = DOCS / "crashes.md"
PAGE_COLUMNS = 150
NAMES = {"commit": "Commit", "date": "When", "cpu": "CPU", "memory": "Memory", "kernel": "Linux", "sqlite": "SQLite"}
SCENARIOS = {
    "ready": "a buyer opens the window",
    "signed_ready": "WordPress opens the payment",
    "approve": "a buyer comes back and is approved",
    "approve_told": "the same, and the gateway sends notices",
    "undo": "an approval answered with nonsense is taken back",
    "unheard_undo": "the same, and the answer to that is lost too",
    "full_refund": "a clerk gives everything back",
    "part_refund": "a clerk gives a part back, and a notice tells of it",
    "untold_part_refund": "the same, and no notice tells of it",
    "deposit_notice": "a deposit arrives on a virtual account",
    "console_cancel_notice": "a cancel in the gateway's own console",
    "cancel_notice": "a notice proves a refund that nobody knew of",
    "news": "WordPress was away and hears what it is owed",
    "recovery": "a start recovers from an earlier death",
}


def written() -> str:
    """The page as the figures that are kept make it."""
    return as_page(json.loads(FIGURES.read_text("utf-8")))


def as_page(figures: dict[str, Any]) -> str:
    """The whole page."""
    counts = figures["tests"]
    text = [
        "# Crashes",
        "",
        *_paragraph(
            f"Written by `{figures['command']}`, which runs the real server (`pay-bridge serve`) on this machine, ends"
            " it, fills and breaks its disk, sets its clock and lets crowds in; the gateway is the sandbox, whose books"
            " say what money really moved. After each, ledger and gateway agree, or a case names the difference."
        ),
        *_paragraph(
            f"{counts['passed']} tests passed, {counts['failed']} failed, {counts['skipped']} were skipped,"
            f" in {figures['seconds']} s."
        ),
        *_kills(figures.get("chains", {})),
        *_power(figures.get("power")),
        *_restarts(figures.get("restart_seconds", {}), figures.get("again", {}).get("test_alone", figures["machine"])),
        *_crowds(figures.get("at_once")),
        *_postgres(figures),
        *_tests(figures["outcomes"], figures["purposes"]),
        "## Measured on",
        "",
        "| | |",
        "|---|---|",
        *(f"| {title} | {figures['machine'][name]} |" for name, title in NAMES.items()),
        f"| Load average before | {figures['machine']['load']} |",
        *_again(figures.get("again", {})),
    ]
    return "\n".join(text) + "\n"


def _again(files: dict[str, dict[str, str]]) -> list[str]:
    return [
        f"| `{file}.py` was run again | {one['date']}, commit {one['commit']}, load average {one['load']} |"
        for file, one in sorted(files.items())
    ]


def _paragraph(text: str) -> list[str]:
    return [*textwrap.wrap(text, PAGE_COLUMNS, break_on_hyphens=False), ""]


def _kills(chains: dict[str, Any]) -> list[str]:
    if not chains.get("moments"):
        return []
    moments, kills = chains["moments"], chains["kills_by_chain"]
    rows = [
        "| "
        + " | ".join([said, *(_of(name + variant, moments, kills) for variant in ("", "+power", "+postgres"))])
        + " |"
        for name, said in SCENARIOS.items()
    ]
    return [
        "## Killed at every moment",
        "",
        *_paragraph(
            "A moment is a commit that begins to be written, one that is made durable, or bytes that go to a peer:"
            " before and after each the process is killed, the first time at the first moment, then at the second,"
            " until a run survives. With the power cut and on PostgreSQL: once for each state the disk and the peers"
            " can be left in. Killed, of so many moments there are:"
        ),
        "| scenario | SQLite | SQLite, and the power is cut | PostgreSQL |",
        "|---|---|---|---|",
        *rows,
        "",
        *_paragraph(
            f"{chains['kills']} kills of {sum(moments.values())} moments; {chains['payments_judged']} payments judged;"
            f" KRW without an explanation: {chains['krw_unexplained']}. In {chains['differences_named_by_a_case']}"
            " payments ledger and gateway differ and a case says so: a partial refund whose answer was lost and of"
            " which no notice tells, or a cancel in the gateway's console."
        ),
    ]


def _of(name: str, moments: dict[str, int], kills: dict[str, int]) -> str:
    return f"{kills[name]} of {moments[name]}" if name in moments else ""


def _power(power: dict[str, Any] | None) -> list[str]:
    if not power:
        return []
    return [
        "## Power cuts",
        "",
        *_paragraph(
            "Everything a busy server writes, syncs and tells its peers is written down in order. At any point of that"
            " its files are built again from what was synced and any part of what was not, in sectors of 512 bytes; the"
            " real ledger opens and recovers them. Whatever anybody had been told by then (the gateway, buyers, clerks,"
            " WordPress) must rest on a row."
        ),
        "| | |",
        "|---|---|",
        f"| images | {power['images']:,} |",
        f"| things done in the trace | {power['traced']:,} |",
        f"| writes not synced at a cut, in all | {power['unsynced_writes']:,} |",
        f"| words checked | {power['words_checked']:,} |",
        f"| **words without a row, or files that do not open** | **{power['lost']}** |",
        f"| the same, were the log never synced (the check can fail) | {power['lost_where_the_log_is_not_synced']:,} |",
        "",
    ]


def _restarts(restarts: dict[str, Any], taken: dict[str, str]) -> list[str]:
    if not restarts.get("alone"):
        return []
    rows = []
    goals = {
        "serving": ("serves again", SERVING_SECONDS_MAX),
        "picked_up": ("every interrupted operation is taken over", PICKED_UP_SECONDS_MAX),
        "settled_without_skipping": ("the money is given back", SETTLED_SECONDS_MAX),
    }
    for database, times in restarts["alone"].items():
        for name, (said, goal) in goals.items():
            found = times[name]
            verdict = "met" if found["p99"] <= goal else "**missed**"
            on = "PostgreSQL" if database.startswith("postgres") else "SQLite"
            measured = " / ".join(f"{found[part]} s" for part in ("p50", "p99", "max"))
            rows.append(f"| {said}, {on} | ≤ {goal:.0f} s | {measured} | {found['count']} | {verdict} |")
    return [
        "## After `kill -9`",
        "",
        *_paragraph(
            "Killed over an approval that the gateway has carried out and not answered, and left to itself; seconds"
            f" since the death, p50 / p99 / most. Load average of other work: {taken['load']}."
        ),
        "| what | goal for p99 | measured | kills | verdict |",
        "|---|---|---|---|---|",
        *rows,
        "",
    ]


def _crowds(crowds: dict[str, Any] | None) -> list[str]:
    if not crowds:
        return []
    rows = [
        f"| {said} | {crowds.get(f'{name}_one_bridge', '')} | {crowds.get(f'{name}_two_bridges', '')} |"
        for name, said in (
            ("rounds", "two returns, three notices and a close: one approval"),
            ("refund_rounds", "fifty clerks refund 60 % each: one is accepted"),
            ("notices", "equal notices of a deposit: one effect"),
        )
    ]
    return [
        "## Crowds",
        "",
        *_paragraph(
            "A barrier before the gateway lets everybody in at the same instant. Rounds, all with one effect and one"
            " message to WordPress:"
        ),
        "| what | one bridge on SQLite | two bridges on PostgreSQL |",
        "|---|---|---|",
        *rows,
        "",
    ]


def _postgres(figures: dict[str, Any]) -> list[str]:
    died = figures.get("postgres_deaths")
    if not died:
        return []
    return [
        "## PostgreSQL itself dies",
        "",
        *_paragraph(
            f"Ended by SIGQUIT {died['deaths']} times at moments drawn by chance, while buyers and clerks go on:"
            f" {died['payments']} payments judged, and the books agree."
        ),
    ]


def _tests(tests: dict[str, dict[str, str]], purposes: dict[str, str]) -> list[str]:
    text = ["## Everything that was tried", ""]
    for file in sorted(tests):
        text += [f"**{purposes[file]}** (`tests/kill/{file}.py`)", ""]
        for name, outcome in tests[file].items():
            text.append(f"- {_sentence(name)}" + ("" if outcome == "passed" else f": **{outcome}**"))
        text.append("")
    return text


def _sentence(name: str) -> str:
    said, _, case = name.removeprefix("test_").partition("[")
    return said.replace("_", " ") + (f" ({case.rstrip(']')})" if case else "")
