"""Every journey is told at every gateway, or the list says why it cannot be there; docs/gateways.md says the same."""

import re
from pathlib import Path

import pytest

from bridge.demo.doors import DOORS
from bridge.demo.journeys import JOURNEYS, Journey
from bridge.demo.report import print_report
from bridge.demo.visit import Visit

DOCUMENT = Path(__file__).parent.parent.parent / "docs/gateways.md"
SECTION = "## What `pay-bridge demo --check` walks"
COLUMNS = (("mainpay", "mainpay-guide"), ("payapp",), ("payple",), ("payple-pay",), ("paystory",), ("welcome",))
"""The dialects of each column."""


def rows(text: str) -> dict[str, list[str]]:
    """Read the table: by journey the cells, in the order of the columns."""
    section = text.partition(SECTION)[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return {name: cells for name, *cells in lines if name != "journey"}


def wrong(text: str, journeys: tuple[Journey, ...] = JOURNEYS) -> list[str]:
    """Name every cell that says something else than the list, and every row that is missing or too many."""
    table = rows(text)
    strange = [name for name in table if name not in {one.name for one in journeys}]
    for one in journeys:
        cells = table.get(one.name, [])
        if len(cells) != len(COLUMNS):
            strange.append(one.name)
            continue
        for dialects, cell in zip(COLUMNS, cells, strict=True):
            said = {_of(one, dialect, cell) for dialect in dialects}
            strange += [f"{one.name} ({dialects[0]})"] if said != {True} else []
    return strange


def _of(journey: Journey, dialect: str, cell: str) -> bool:
    """Tell whether a cell says what is so: a tick, with words where it goes another way there, or the reason."""
    if dialect in journey.why_not:
        return cell == f"– {journey.why_not[dialect]}"
    return cell.startswith("✓ ") if dialect in journey.told_as else cell == "✓"


def test_the_columns_hold_every_dialect_once() -> None:
    assert sorted(name for column in COLUMNS for name in column) == sorted(DOORS)
    assert all(len({DOORS[name].gateway for name in column}) == 1 for column in COLUMNS)


def test_the_document_says_of_every_journey_at_every_gateway_that_it_is_told_or_why_not() -> None:
    assert wrong(DOCUMENT.read_text("utf-8")) == []


def test_a_journey_that_a_gateway_silently_lacks_would_be_found() -> None:
    text = DOCUMENT.read_text("utf-8")

    assert wrong(text.replace("| – it takes cards alone |", "| ✓ |")) == ["virtual account (payple)"]
    assert wrong(text, tuple(one for one in JOURNEYS if one.name != "refund race")) == ["refund race"]
    assert wrong(re.sub(r"\| seat gone .*\n", "", text)) == ["seat gone"]

    async def never(_: Visit) -> None:
        return

    assert wrong(text, (*JOURNEYS, Journey(never, "paid"))) == ["never"]


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda one: one.name)
def test_a_journey_names_only_dialects_that_there_are_and_has_reasons_in_words(journey: Journey) -> None:
    named = {*journey.why_not, *journey.otherwise, *journey.told_as, *journey.alone}

    assert named <= set(DOORS)
    assert set(journey.otherwise) | set(journey.told_as) <= set(journey.dialects)
    assert all(len(why.split()) >= 4 for why in journey.why_not.values())
    assert set(journey.dialects) | set(journey.why_not) == set(DOORS)


def test_every_gateway_tells_all_but_few_of_the_journeys() -> None:
    """Where the window takes the money what needs an approval of ours cannot happen, elsewhere what needs that."""
    left_out = {name: [one.name for one in JOURNEYS if name in one.why_not] for name in DOORS}

    assert left_out == {
        "mainpay": ["window lost after the money moved"],
        "mainpay-guide": ["window lost after the money moved"],
        "paystory": ["window lost after the money moved"],
        "payapp": [
            "decline that no code proves",
            "approval answer lost before the money moved",
            "approval answer lost after the money moved",
            "seat gone",
        ],
        "welcome": ["window lost after the money moved"],
        "payple": ["decline", "window lost after the money moved", "virtual account"],
        "payple-pay": [
            "decline that no code proves",
            "approval answer lost before the money moved",
            "approval answer lost after the money moved",
            "virtual account",
            "seat gone",
        ],
    }


def found(**more: object) -> dict[str, object]:
    """Make what a check gives, of one journey that is told at PayApp and cannot be at two others."""
    payment = {"bridge": {"state": "paid"}}
    told = {"journey": "buy a seat", "dialect": "payapp", "as_expected": True, "payments": [payment]}
    not_told = [{"journey": "seat gone", "dialect": name, "why": "it asks nobody"} for name in ("payapp", "payple")]
    held = {"captured": 1, "refunded": 0, "held": 55_000}
    return {
        "agree": True,
        "as_expected": True,
        "problems": [],
        "payments": 1,
        "seconds": 9.6,
        "totals": {"bridge": held, "books": held},
        "not_told": not_told,
        "journeys": [told],
    } | more


def test_people_read_how_each_journey_ended_and_why_one_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(found())

    said = capsys.readouterr().out
    assert re.search(r"buy a seat +paid", said)
    assert re.search(r"seat gone +–", said)
    assert "– seat gone (payapp, payple): it asks nobody" in said
    assert "55,000 KRW by the bridge's ledger, 55,000 KRW by the gateways' books" in said
    assert said.splitlines()[-1].startswith("1 payments in 10 s")
    assert "✗" not in said


def test_people_read_what_is_wrong_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    told = {"journey": "buy", "dialect": "payapp", "as_expected": False, "payments": [{"bridge": {"state": "open"}}]}
    print_report(found(as_expected=False, problems=["buy (payapp): ended elsewhere"], journeys=[told], not_told=[]))
    print_report({"agree": False, "as_expected": False, "problems": ["not done within 60 s"], "seconds": 60.0})

    first, second = capsys.readouterr().out.split("ended as it must.")
    assert "✗ open" in first
    assert "✗ buy (payapp): ended elsewhere" in first
    assert first.endswith("and not every journey ")
    assert second.splitlines()[-2:] == [
        "✗ not done within 60 s",
        "The bridge, the shop and the gateways' books do not agree.",
    ]
