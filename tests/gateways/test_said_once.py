"""What changes something without moving money, and is refused or doubled when it is said again, is said once."""

import json
from pathlib import Path

import pytest

import bridge.gateways
from tests.gateways import play

GATEWAYS = Path(bridge.gateways.__path__[0])
ONCE = {
    ("mainpay", "issue_key_by_card"),
    ("payapp", "issue_key_by_card"),
    ("payapp", "cancel_plan"),
    ("payapp", "start_plan"),
    ("payapp", "stop_plan"),
    ("paystory", "issue_key_by_card"),
    ("welcome", "issue_key_by_card"),
}


@pytest.mark.parametrize(("name", "operation"), sorted(ONCE))
def test_a_registered_card_and_a_plans_rest_and_end_are_asked_for_once(name, operation):
    folder = "mainpay/vectors/direct" if name == "mainpay" else f"{name}/vectors"
    files = sorted((GATEWAYS / folder).glob("*.json"))
    read = [one for path in files for one in json.loads(path.read_text("utf-8"))]
    found = [one for one in read if one["operation"] == operation]
    assert found
    for vector in found:
        call = play.call_of(play.build(name, vector["settings"]), vector)
        assert (call.once, call.moves_money) == (True, False), vector["name"]


def test_what_bears_repetition_is_said_again_where_a_kept_connection_was_closed():
    vector = next(one for one in play.vectors("payapp") if one["operation"] == "delete_key")
    assert play.call_of(play.build("payapp", vector["settings"]), vector).once is False
