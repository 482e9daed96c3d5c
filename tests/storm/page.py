"""Writes docs/storms.md from the figures of a run: `make storm-page`. Nothing on that page is typed by hand."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bridge.domain.machine import Kind
from tests.storm.figures import ENOUGH_OUTCOMES, EXPLAINED
from tests.storm.gateways import SETUPS, adapter
from tests.storm.regressions import REGRESSIONS
from tests.storm.settling import promise
from tests.storm.stories import ENOUGH_SCHEDULES, OF_SOME, STORIES
from tests.storm.weather import KINDS

DOCS = Path(__file__).parent.parent.parent / "docs"
FIGURES = DOCS / "storms.json"
HOUR = DOCS / "storms-hour.json"
"""One run of an hour on one processor (`make storm SEEDS=400000 FIRST=300000 ARGS="--minutes 60 --processes 1"`)."""
PLANTED = DOCS / "planted.json"
PAGE = DOCS / "storms.md"
AIM = 1_000_000
NOT_NOTED = "not noted"
FOOT = """## What a storm is, and what it is not

The real routes, flows, adapters, ledger code and SQL run in one process on an event loop of the storm's own: virtual
time, no threads, no chance but the seed's. Buyers, clerks, shops, the bank and strangers act; the sandbox's books say
what money really moved. After each commit, at each byte that moves money and at the end the rules of
`tests/storm/checks.py` are judged. In a part of the seeds orders are partly free of tax or ask for months
(`tests/storm/told.py` judges what gateways are told of them), Payple's window takes the money itself, and customers
register a card or a phone in a gateway's window and are charged by that key, or by its registration
(`tests/storm/keys.py`), clerks close accounts that wait, and operators give deposits back to an account, at Mainpay
by a transfer, which the bank may fail and an operator take back (`tests/storm/accounts.py`), and clerks issue and
cancel cash receipts at Mainpay and PayApp (`tests/storm/receipts.py`); in some, people and notices do more often what
makes the stories that chance tells seldom; seeds kept from before have none of it (`tests/storm/extras.py`). Buyers
pay into one of Mainpay's accounts twice, clerks wire some of it back past the gateway, and the two who decide cases
say now one true thing of such money and now another (`tests/storm/office.py`). In some seeds a gateway falls silent
over a call until its case is a person's, and clerks decide cases within seconds of seeing them, are told that it is
too early, and come back at the moment they were told (`tests/storm/hasty.py`). In some seeds cards are typed on the
shop's own page at Mainpay and Welcome, and their number is looked for in every row and line that is kept
(`tests/storm/typed.py`). In some seeds cards are registered by their number, which the shop's page takes or the
bridge's (`tests/storm/typed_keys.py`), or the windows of Welcome are in escrow, clerks report deliveries and buyers say
yes or no, here or at the gateway (`tests/storm/escrow.py`), or orders are plans that PayApp charges by itself, whose
days come within minutes, and which rest, go on and end (`tests/storm/plans.py`). In some seeds all orders have one
price, and returns are brought to payments that they do not belong to, once their own approval has begun or before
(`tests/storm/crossing.py`); of two payments one is told what belongs to the other, not both at once. In some the
consoles give several parts of a payment back, and their news come in any order. In some somebody
tells at the address that PayApp's script shows to browsers of money that nobody took or gave back, with the values
that PayApp sends to every address (`tests/storm/mischief.py`): nothing may come of it. In some seeds a bit of a row is
flipped past the bridge, or the row taken away: the night's look must find it, and the moment before it must have
found the books whole (`tests/storm/forger.py`). In some the books are lost after the calm, and a copy from the middle
of the storm, perhaps made while the clock ran up to an hour ahead, takes their place, while the shops hand over what
they heard: what agreed before must agree again, nothing is given back again, each gap ends or waits for a case's
person, and what clerks give back afterwards is made, or they hear why not (`tests/storm/restoring.py`); what only a
case of the lost books told is not judged, nor a copy older than a site's key, nor one put back while a storm rages.
What is not there: sockets and TLS (the wire's verdicts, deadlines, slots and kept connections are), the writer's
thread, PostgreSQL, and the WordPress plugin's PHP; other tests have those. Plans that are registered by PayApp's
script, and Pay-Story's escrow, of which nothing is told or asked, are not there either.

A case excuses a difference only where it is about money that nobody can know of until a person has looked
(`tests/storm/explained.py` says which are, and in which direction); beside any other case it counts as lost, doubled
or drifting.

What nobody could find out is left out: money that only a notice tells of, at a gateway that cannot be asked, or a
refund that Payple executed twice, while that notice is lost for ever; that PayApp carried a plan's stop or start out
twice, and answered the second with its refusal; and a request that a gateway executes more than
100 s after it was sent, which is later than the quiet period allows for. A window of PayApp's whose notices are all
lost ends with a person: it can be asked nothing.

Most triples that can be named cannot happen: nothing fails about a payment that has ended and that nobody asks about,
a fault of the buyer's browser strikes before the money moves, and a way of dying at a send needs something to be sent.

A red seed prints the line that repeats it: `make storm SEEDS=1 FIRST=seed`. It becomes a row of
`tests/storm/regressions.py`, for as long as the storm's own code leaves it the same; the plain test beside each fix
holds it for good.
"""


def page(storms: dict[str, Any], hour: dict[str, Any] | None, planted: dict[str, Any] | None) -> str:
    """Write the page; the hour's column and the section on planted bugs only where they were run."""
    return "\n".join(
        [
            *_head([storms, hour] if hour else [storms]),
            *_settled(storms),
            *_gateways(storms),
            *_stories(storms),
            *_faults(storms),
            *_people(storms),
            *(_planted(planted) if planted else [""]),
            FOOT,
        ]
    )


def written() -> str:
    """Write the page from the figures that are kept."""
    hour, planted = (json.loads(path.read_text("utf-8")) if path.is_file() else None for path in (HOUR, PLANTED))
    return page(json.loads(FIGURES.read_text("utf-8")), hour, planted)


def _head(runs: list[dict[str, Any]]) -> Iterable[str]:
    names = ("in `make test`", "in one run of an hour")[: len(runs)]
    yield "# Storms\n"
    yield "Written by `make storm-page` from the figures of runs (`storms.json`, `storms-hour.json`, `planted.json`).\n"
    yield f"| what | {' | '.join(names)} |\n|---|{'---|' * len(runs)}"
    for columns in zip(*map(_measured, runs), strict=True):
        yield f"| {columns[0][0]} | {' | '.join(value for _, value in columns)} |"
    for seed in [seed for run in runs for seed in run["red_seeds"]]:
        yield f"\nWhat {seed} had found: {REGRESSIONS.get(seed, 'not understood yet')}."
    said = [f"{_pace(run)} {name}" for name, run in zip(names, runs, strict=True)]
    yield f"\nThe aim is {AIM:,} simulated payments a core-hour: {'; '.join(said)}."


def _pace(found: dict[str, Any]) -> str:
    many = found["payments_per_core_hour"]
    return f"{'met' if many >= AIM else 'missed'} with {many:,}"


def _measured(found: dict[str, Any]) -> list[tuple[str, str]]:
    states, kinds, ways = found["states"], found["fault_kinds_known"], len(found["crashes_by_point"])
    return [
        ("commit", found.get("commit") or NOT_NOTED),
        ("schedules", f"{found['schedules']:,} (seeds from {found['first_seed']})"),
        ("red seeds", ", ".join(map(str, found["red_seeds"])) or "none"),
        ("run twice from the same seed; event logs that differed by a byte", _two(found, "run_twice")),
        ("KRW lost, doubled, silently drifting", " · ".join(str(found[f"krw_{name}"]) for name in LOSSES)),
        ("KRW that books and gateway differ by beside a case; payments", _beside_a_case(found, *EXPLAINED[:2])),
        ("KRW kept beyond an order's price beside a case; orders", _beside_a_case(found, *EXPLAINED[2:])),
        ("orders; those that ended with a person", _orders(found)),
        ("payments; a core-hour", f"{found['payments']:,}; {found['payments_per_core_hour']:,}"),
        ("faults; kinds of them", f"{found['faults']:,}; {found['fault_kinds']} of {found['fault_kinds_known']}"),
        ("times the bridge died or was stopped", f"{found['crashes']:,}"),
        ("rules judged", f"{found['invariant_evaluations']:,}"),
        ("steps of the event loop; virtual hours", f"{found['steps']:,}; {found['virtual_hours']:,}"),
        ("distinct final states", f"{found['distinct_final_states']:,}"),
        (
            "(state, last fault, way of dying) triples met",
            f"{found['state_fault_crash_triples']:,} of {states * kinds * ways:,} that can be named",
        ),
        ("(state, last fault) pairs", f"{found['state_fault_pairs']:,} of {states * kinds:,}"),
        ("(state, way of dying) pairs", f"{found['state_crash_pairs']:,} of {states * ways:,}"),
        ("states of a payment in which the bridge died", f"{len(found['states_at_a_crash'])} of {found['states']}"),
        ("unknown outcomes; settled after, median and p99", _resolved(found)),
        ("took", f"{found['wall_seconds']:,} s; processes: {found['processes']}"),
    ]


def _beside_a_case(found: dict[str, Any], krw: str, many: str) -> str:
    return f"{found[krw]:,}; {found[many]:,}" if krw in found else NOT_NOTED


def _two(found: dict[str, Any], name: str) -> str:
    return f"{found[name]:,}; {found[f'{name}_differed']:,}" if name in found else NOT_NOTED


def _orders(found: dict[str, Any]) -> str:
    many = "orders_with_a_person"
    return f"{found['orders']:,}; {found[many]:,}" if many in found else NOT_NOTED


def _resolved(found: dict[str, Any]) -> str:
    p50, p99 = found["resolved_seconds_p50"], found["resolved_seconds_p99"]
    return f"{found['unknown_outcomes']:,}; {p50} s, {p99} s (virtual, downtime and outages included)"


def _settled(found: dict[str, Any]) -> Iterable[str]:
    yield "\n## How long an unknown outcome stays unknown once nothing more goes wrong\n"
    yield "From the end of the last death, outage, clock jump or failed call (virtual seconds). Promised: 60 s where"
    yield "money moved, or the gateway refused the approval in plain words, and it takes approvals back; else its quiet"
    yield "period and 30 s, which is 150 to 155 s. A run fails whose p99 is longer, where a way has"
    yield f"{ENOUGH_OUTCOMES} outcomes or more.\n"
    yield "| how it was settled | outcomes | median, p99, longest | within what is promised | given to a person |"
    yield "|---|---|---|---|---|"
    for way, one in found["settled_after_the_last_trouble"].items():
        times = f"{one['seconds_p50']} s, {one['seconds_p99']} s, {one['seconds_max']} s"
        share = f"{one['within_promise']:.2%}" if one["outcomes"] else "-"
        yield f"| {way} | {one['outcomes']:,} | {times} | {share} | {one['given_to_a_person']:,} |"
    for text in found.get("broken_promises", ()):
        yield f"\n**Too slow**: {text}."
    yield "\nThese times are without the outcomes given to a person, which the bridge does not settle itself. A"
    yield f"person is promised the case within {_patience()}. Counted as above, this was"
    yield _given(found.get("given_to_a_person_after_the_last_trouble"))
    yield "\nThat a refund was not made is proven by two looks, a minute apart and both after the quiet period: where"
    yield "the one before came just too early, that takes half a minute more than promised."


def _patience() -> str:
    """Say within how many minutes a person is told, as the gateways allow."""
    allowed: dict[int, list[str]] = {}
    for setup in SETUPS:
        promised = promise(adapter(setup.name), Kind.REFUND, moved=False, refused=False)
        names = allowed.setdefault(round(promised.person_seconds / 60), [])
        names += [setup.gateway] if setup.gateway not in names else []
    return ", ".join(f"{minutes} minutes at {' and '.join(names)}" for minutes, names in sorted(allowed.items()))


def _given(one: dict[str, Any] | None) -> str:
    if one is None:
        return f"{NOT_NOTED}."
    if not one["outcomes"]:
        return "there was none."
    times = f"median {one['seconds_p50']} s, p99 {one['seconds_p99']} s, longest {one['seconds_max']} s"
    return f"kept in {one['within_promise']:.2%} of {one['outcomes']:,} outcomes; {times}."


def _gateways(found: dict[str, Any]) -> Iterable[str]:
    yield "\n## By gateway\n"
    yield "Each schedule draws two set-ups; three payments of four are the first one's.\n"
    yield "| set-up | payments | unknown outcomes | settled after, median and p99 | orders; with a person at the end |"
    yield "|---|---|---|---|---|"
    for name, one in found["gateways"].items():
        times = f"{one['resolved_seconds_p50']} s, {one['resolved_seconds_p99']} s"
        many = f"{one['payments']:,} | {one['unknown_outcomes']:,}"
        yield f"| {name} | {many} | {times} | {_orders(one)} |"


def _stories(found: dict[str, Any]) -> Iterable[str]:
    yield "\n## Stories that every gateway tells\n"
    told: dict[str, dict[str, int]] | None = found.get("stories")
    if told is None:
        yield f"{NOT_NOTED.capitalize()}."
        return
    names = [one for one in STORIES if any(one in many for many in told.values())]  # older figures have fewer
    yield f"| set-up | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for name, many in told.items():
        yield f"| {name} | {' | '.join(f'{many[one]:,}' for one in names)} |"
    yield f"\nA run of {ENOUGH_SCHEDULES:,} schedules or more fails where one of them was told nowhere."
    if "stories_of_some" in found:
        yield "Nor may it tell these seldom, which only some gateways have.\n"
        yield "| story | times | at least |\n|---|---|---|"
        yield from (f"| {one} | {many:,} | {OF_SOME[one]:,} |" for one, many in found["stories_of_some"].items())


def _faults(found: dict[str, Any]) -> Iterable[str]:
    yield "\n## Faults by kind\n\n| group | kinds, and how often each struck |\n|---|---|"
    for group in sorted(set(KINDS.values())):
        struck = [f"{kind} {found['faults_by_kind'].get(kind, 0):,}" for kind in KINDS if KINDS[kind] == group]
        yield f"| {group} | {', '.join(struck)} |"
    yield "\n| the bridge died by | times |\n|---|---|"
    yield from (f"| {point} | {times:,} |" for point, times in found["crashes_by_point"].items())


def _people(found: dict[str, Any]) -> Iterable[str]:
    yield "\n## Orders that ended with a person, and why\n"
    reasons = found.get("orders_with_a_person_by_reason")
    if reasons is None:
        yield f"{NOT_NOTED.capitalize()}."
        return
    many, orders = found["orders_with_a_person"], found["orders"]
    yield f"{many:,} of {orders:,} orders had an open case when all was calm. An order is counted once for each reason"
    yield "that its cases have.\n"
    yield "| gateway | reason | orders |\n|---|---|---|"
    for name, orders in reasons.items():
        gateway, _, reason = name.partition(" ")
        yield f"| {gateway} | {reason} | {orders:,} |"
    yield "\n| what people did meanwhile | times |\n|---|---|"
    yield from (f"| {name} | {times:,} |" for name, times in found["what_people_did"].items())


def _planted(found: dict[str, Any]) -> Iterable[str]:
    at = found.get("commit") or NOT_NOTED
    command = f'`make planted ARGS="--rounds {found["rounds"]}"`'
    yield f"\n## Planted bugs\n\n{found['found']} of {found['planted']} were caught ({command}; commit: {at}).\n"
    yield "| planted | caught by | schedules until then, the median of the rounds |\n|---|---|---|"
    for name, by in found["by"].items():
        yield f"| {name} | {by} | {found['median_schedules'].get(name, '')} |"
    yield ""


LOSSES = ("lost", "doubled", "drifting")


def main() -> int:
    """Write the page."""
    PAGE.write_text(written(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
