"""The table of docs/gateways.md is true: a mark stands exactly where the adapter satisfies the port's protocol."""

import re
from pathlib import Path

import pytest

from bridge import gateways
from bridge.domain import billing, gateway, services
from bridge.domain.payment import Mode
from tests.gateways.harness import load

DOCUMENT = Path(__file__).parent.parent.parent / "docs/gateways.md"
COLUMNS = ("mainpay", "payapp", "payple", "paystory", "welcome")
ROW = re.compile(r"^\| [^|]+ \| `([A-Z]\w+)` \| (.+) \|$", re.MULTILINE)


def protocols():
    """Everything a gateway may be able to do, by its name in the port."""
    everything = {name: kind for module in (gateway, billing, services) for name, kind in vars(module).items()}
    return {name: kind for name, kind in everything.items() if getattr(kind, "_is_runtime_protocol", False)}


def rows():
    return {name: cells.split(" | ") for name, cells in ROW.findall(DOCUMENT.read_text("utf-8"))}


def built(name):
    settings = {} if name == "mainpay" else load(name)[0]["settings"]
    return gateways.build(name, settings, Mode.TEST)


def test_every_gateway_has_a_column_and_every_ability_a_row():
    assert gateways.names() == COLUMNS
    assert set(rows()) == set(protocols())


@pytest.mark.parametrize("name", COLUMNS)
def test_a_mark_stands_where_the_adapter_can_and_nowhere_else(name):
    made, column = built(name), COLUMNS.index(name)
    for ability, cells in rows().items():
        assert len(cells) == len(COLUMNS), ability
        assert cells[column].startswith("✓") == isinstance(made, protocols()[ability]), (name, ability)


def test_a_table_that_claims_too_much_would_be_found():
    claimed = DOCUMENT.read_text("utf-8").replace("| – in its console | ✓ `pay-bridge site ask`", "| ✓ | ✓", 1)
    cells = dict(ROW.findall(claimed))["Administers"].split(" | ")
    assert cells[0].startswith("✓") != isinstance(built("mainpay"), services.Administers)


def test_the_least_amounts_are_the_adapters():
    text = DOCUMENT.read_text("utf-8")
    for title, name in (("PayApp", "payapp"), ("Welcome", "welcome")):
        least = built(name).smallest(built(name).methods[0])
        assert f"{title} {least:,}" in text
