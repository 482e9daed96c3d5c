"""What `pay-bridge demo --check` found, for people: a table of journeys by gateway, what is not told there, and why."""

from typing import Any

from bridge.cli.output import print_lines, print_table

CANNOT, WRONG = "–", "✗"


def print_report(found: dict[str, Any]) -> None:
    """Print the table, the reasons below it, the money, what is wrong, and the verdict last."""
    rows = _rows(found)
    if rows:
        print_lines([f"The state in which each journey's payment ended ({CANNOT}: it cannot happen there):", ""])
        print_table(rows, list(rows[0]), "")
        print_lines(["", *_reasons(found)])
    print_lines([*_money(found), *(f"{WRONG} {problem}" for problem in found["problems"]), _verdict(found)])


def _rows(found: dict[str, Any]) -> list[dict[str, str]]:
    """Make a row of every journey: by dialect the state its payment came to, or why there is none."""
    told, not_told = found.get("journeys", []), found.get("not_told", [])
    dialects = dict.fromkeys(one["dialect"] for one in told)
    rows = {one["journey"]: {"journey": one["journey"]} | dict.fromkeys(dialects, "") for one in told}
    for one in told:
        ends = ", ".join(payment["bridge"]["state"] for payment in one["payments"])
        rows[one["journey"]][one["dialect"]] = ends if one["as_expected"] else f"{WRONG} {ends}"
    for one in not_told:
        rows.setdefault(one["journey"], {"journey": one["journey"]})[one["dialect"]] = CANNOT
    return list(rows.values())


def _reasons(found: dict[str, Any]) -> list[str]:
    """Say each reason once, with the gateways that it holds for."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for one in found.get("not_told", []):
        reasons.setdefault((one["journey"], one["why"]), []).append(one["dialect"])
    lines = [f"{CANNOT} {journey} ({', '.join(who)}): {why}" for (journey, why), who in reasons.items()]
    return [*lines, ""] if lines else []


def _money(found: dict[str, Any]) -> list[str]:
    totals = found.get("totals")
    if not totals:
        return []
    ledger, books = (totals[who]["held"] for who in ("bridge", "books"))
    return [f"Held in the end: {ledger:,} KRW by the bridge's ledger, {books:,} KRW by the gateways' books."]


def _verdict(found: dict[str, Any]) -> str:
    if not found["agree"]:
        return "The bridge, the shop and the gateways' books do not agree."
    said = "every journey ended as it must" if found["as_expected"] else "not every journey ended as it must"
    return (
        f"{found['payments']} payments in {found['seconds']:.0f} s: the bridge, what the shop was told and "
        f"the gateways' books agree, and {said}."
    )
