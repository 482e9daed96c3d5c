"""The table of docs/gateways.md is true: a mark stands exactly where the adapter satisfies the port's protocol."""

import re
from pathlib import Path

import pytest

from bridge import gateways
from bridge.domain import billing, gateway, services
from bridge.domain.failures import Misconfigured
from bridge.domain.payment import Method, Mode
from tests.gateways.harness import load

DOCUMENT = Path(__file__).parent.parent.parent / "docs/gateways.md"
COLUMNS = ("mainpay", "payapp", "payple", "paystory", "welcome")
TITLES = {
    "mainpay": "Mainpay",
    "payapp": "PayApp",
    "payple": "Payple",
    "paystory": "Pay-Story",
    "welcome": "Welcome",
}
SETTING = re.compile(r"`(mainpay|payapp|payple|paystory|welcome)\.([a-z_]+)(?:=([^`]+))?`")
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
    claimed = DOCUMENT.read_text("utf-8").replace("| – in its console | ✓ by an operator, on the", "| ✓ | ✓", 1)
    cells = dict(ROW.findall(claimed))["Administers"].split(" | ")
    assert cells[0].startswith("✓") != isinstance(built("mainpay"), services.Administers)


def unknown_settings(text):
    """Give what a text names as a gateway's setting and is none, or cannot have the value that it is said to have."""
    wrong = []
    for name, setting, value in SETTING.findall(text):
        default = {one.name: one.test for one in gateways.settings(name)}.get(setting)
        given = {} if name == "mainpay" else load(name)[0]["settings"]
        try:
            if default is None:
                raise Misconfigured(setting)
            gateways.build(name, given | ({setting: value} if value else {}), Mode.TEST)
        except Misconfigured:
            wrong.append(f"{name}.{setting}{value and '='}{value}")
    return wrong


def test_every_setting_that_is_named_is_one_and_has_the_values_that_are_named():
    text = DOCUMENT.read_text("utf-8")
    assert {name for name, *_ in SETTING.findall(text)} >= {"payapp", "payple", "paystory", "welcome"}
    assert not unknown_settings(text)


def test_a_setting_that_is_none_would_be_found():
    made_up = "`payple.pay_work=CERT` `payple.pay_work=MAYBE` `payapp.colour`"
    assert unknown_settings(made_up) == ["payple.pay_work=MAYBE", "payapp.colour"]


def least_amounts(text):
    """Read the sentence on least amounts: by a gateway's title, KRW, and whether they are said of cards alone."""
    sentence = " ".join(text.partition("## Least amounts")[2].split())
    return {
        title: (int(number.replace(",", "")), of_cards == " for cards")
        for title, number, of_cards in re.findall(
            r"(\S+) (\d[\d,]*\d|\d)(?![\d])( for cards)?(?:[,.]| \(its)", sentence
        )
        if title in TITLES.values()
    }


def test_the_least_amounts_are_the_adapters():
    said = least_amounts(DOCUMENT.read_text("utf-8"))
    for name in COLUMNS:
        made = built(name)
        least = made.smallest(Method.CARD)
        of_cards = any(made.smallest(method) != least for method in made.methods)
        if name == "payple":
            live = next(int(one.live) for one in gateways.settings(name) if one.name == "smallest_won")
            assert f"Payple {live} (its test account {least:,})" in DOCUMENT.read_text("utf-8")
            least = live
        assert said[TITLES[name]] == (least, of_cards), name
