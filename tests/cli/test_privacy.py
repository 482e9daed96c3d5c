"""`pay-bridge privacy` names a person and a site."""

import json

from .conftest import Place

SHOP = "http://127.0.0.1:8080"


def test_a_person_without_orders_has_nothing_to_be_shown_or_erased(place: Place) -> None:
    place.type("site", "add", SHOP, "--gateway", "mainpay")
    shown = place.type("privacy", "export", SHOP, "--email", "hong@example.com")
    assert json.loads(shown.out)["orders"] == []
    assert json.loads(place.type("privacy", "erase", SHOP, "--phone", "010", "--json").out) == {
        "erased": 0,
        "kept": [],
    }
    assert place.type("privacy", "erase", SHOP).code == 2
    assert place.type("privacy", "export", "http://nowhere.test", "--order", "x").code == 1
