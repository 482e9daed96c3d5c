"""The code tables that gateways' documents print, row by row: none is missing, none is added, every text is theirs."""

import json
from pathlib import Path

import pytest

from bridge import gateways
from bridge.domain.payment import Mode
from bridge.gateways.mainpay.codes import CARDS
from bridge.web.wordpress import CODE_KINDS
from tests.gateways.harness import load

PRINTED = json.loads((Path(__file__).parent.parent / "vectors" / "printed_tables.json").read_text("utf-8"))
TABLES = [(name, kind) for name, tables in PRINTED.items() for kind in tables]
SEEN = {
    ("mainpay", "errors"): {"ma"},
    ("mainpay", "cards"): {
        f"{code:02d}" for code in (*range(1, 10), *range(11, 14), 15, *range(21, 25), 26, 27, *range(30, 37))
    },
    ("mainpay", "banks"): {"03", "04", "11", "20", "26", "32", "34", "71", "81"},
    ("payapp", "pay_states"): {"16"},
    ("payapp", "pay_types"): {"22", "24", "25", "26"},
}
"""What live systems are seen to say beside what is printed."""


def built(name):
    return gateways.build(name, {} if name == "mainpay" else load(name)[0]["settings"], Mode.TEST)


def rows(name, kind, source):
    return [(row.code, row.name) for row in built(name).codes(kind) if row.source == source]


@pytest.mark.parametrize(("name", "kind"), TABLES)
def test_a_printed_table_is_listed_whole_in_its_own_words(name, kind):
    printed = [tuple(row) for row in PRINTED[name][kind]]
    assert sorted(rows(name, kind, "guide")) == sorted(printed)
    assert len(dict(printed)) == len(printed), "no code is printed twice"


@pytest.mark.parametrize(("name", "kind"), TABLES)
def test_what_is_seen_beside_it_is_listed_as_seen(name, kind):
    seen = rows(name, kind, "observed")
    assert {code for code, _ in seen} == SEEN.get((name, kind), set())
    assert all(text for _, text in seen)


def test_the_tables_are_as_long_as_the_documents_have_them():
    assert {f"{name} {kind}": len(PRINTED[name][kind]) for name, kind in TABLES} == {
        "mainpay errors": 17,
        "mainpay cards": 87,
        "mainpay banks": 23,
        "payapp errors": 9,
        "payapp pay_types": 11,
        "payapp pay_states": 10,
        "payapp app_errors": 5,
    }
    assert len(CARDS) == 87


@pytest.mark.parametrize("name", gateways.names())
def test_every_kind_of_codes_can_be_asked_of_every_gateway(name):
    made = built(name)
    listed = {kind: made.codes(kind) for kind in CODE_KINDS}
    assert listed["errors"]
    assert made.codes("secrets") == ()
    if name == "payapp":
        assert all(listed[kind] for kind in ("pay_states", "pay_types", "app_errors"))
    if name == "welcome":
        assert all(listed[kind] for kind in ("window_cards", "couriers", "escrow_states", "card_kinds"))
