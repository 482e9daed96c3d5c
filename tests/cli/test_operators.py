"""`pay-bridge operator`: accounts are listed, changed and shut out, whether a server runs or not."""

import base64
import json
import sqlite3
import urllib.error
import urllib.request
from typing import Any

import pytest

from .conftest import Place

pytestmark = pytest.mark.usefixtures("cheap_passwords")
PASSWORD = "correct horse battery"


def typed(place: Place, *words: str, stdin: str = "", code: int = 0) -> Any:
    """Type an `operator` command; gives its JSON, or what it complained of."""
    done = place.type("operator", *words, "--json", stdin=stdin)
    assert done.code == code, done.err
    return json.loads(done.out) if code == 0 else done.err


@pytest.fixture
def staffed(place: Place) -> Place:
    """A bridge with two operators and a viewer."""
    for name in ("haneul", "minji"):
        typed(place, "add", name, "--password-file", "-", stdin=PASSWORD)
    typed(place, "add", "bora", "--role", "viewer", "--password-file", "-", stdin=PASSWORD)
    return place


def answer_to(place: Place, name: str, password: str) -> int:
    """Ask the running bridge's operators' API; gives its status."""
    asked = urllib.request.Request(f"http://127.0.0.1:{place.port}/operators/v1/cases")
    asked.add_header("Authorization", f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}")
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def audit_of(place: Place) -> list[tuple[str, str]]:
    database = sqlite3.connect(place.folder / "bridge.db")
    rows = database.execute("SELECT event, actor FROM audit WHERE payment = 'operators' ORDER BY seq").fetchall()
    database.close()
    return rows


def test_accounts_are_listed_with_what_each_may_do(staffed: Place) -> None:
    typed(staffed, "disable", "minji")
    listed = {one["name"]: one for one in typed(staffed, "list")}

    assert {name: (one["role"], one["state"]) for name, one in listed.items()} == {
        "bora": ("viewer", "enabled"),
        "haneul": ("operator", "enabled"),
        "minji": ("operator", "disabled"),
    }
    assert listed["minji"]["barred_at"].endswith("Z")
    assert listed["haneul"]["barred_at"] == listed["haneul"]["renewed_at"] == ""
    assert "password" not in json.dumps(list(listed.values()))
    table = staffed.type("operator", "list").out
    assert "disabled" in table
    assert "KST" in table


def test_a_bridge_without_operators_says_how_to_add_one(place: Place) -> None:
    assert "pay-bridge operator add NAME" in place.type("operator", "list").out


def test_what_is_typed_holds_in_the_running_server_at_once(staffed: Place) -> None:
    with staffed.serving():
        assert answer_to(staffed, "minji", PASSWORD) == 200
        typed(staffed, "disable", "minji")
        assert answer_to(staffed, "minji", PASSWORD) == 401
        assert typed(staffed, "enable", "minji")["state"] == "enabled"
        assert answer_to(staffed, "minji", PASSWORD) == 200
        typed(staffed, "password", "minji", "--password-file", "-", stdin="another horse battery")
        assert answer_to(staffed, "minji", PASSWORD) == 401
        assert answer_to(staffed, "minji", "another horse battery") == 200
        assert typed(staffed, "role", "minji", "viewer")["role"] == "viewer"

    assert [event for event, _ in audit_of(staffed)][3:] == [
        "operator.disabled",
        "operator.enabled",
        "operator.password",
        "operator.role",
    ]
    assert {actor.partition(":")[0] for _, actor in audit_of(staffed)} == {"operator"}


def test_a_password_is_no_argument_and_comes_from_a_file_or_standard_input(staffed: Place) -> None:
    (staffed.folder / "password").write_text("another horse battery\n")

    assert staffed.type("operator", "password", "minji", "another horse battery").code == 2
    assert "nobody to ask" in typed(staffed, "password", "minji", code=2)
    assert "12 to 256" in typed(staffed, "password", "minji", "--password-file", "-", stdin="short", code=2)
    assert typed(staffed, "password", "minji", "--password-file", "password")["renewed_at"].endswith("Z")


def test_the_last_operator_is_shut_out_only_with_a_word_for_it(staffed: Place) -> None:
    assert "name: minji" in staffed.type("operator", "disable", "minji").out
    for words in (("disable", "haneul"), ("role", "haneul", "viewer")):
        refused = typed(staffed, *words, code=1)
        assert "cases wait" in refused
        assert "--last" in refused

    assert typed(staffed, "disable", "haneul", "--last")["state"] == "disabled"
    assert typed(staffed, "enable", "haneul")["state"] == "enabled"
    assert typed(staffed, "role", "haneul", "viewer", "--last")["role"] == "viewer"


def test_a_name_or_role_that_is_none_is_said(staffed: Place) -> None:
    assert "operator list" in typed(staffed, "disable", "nobody", code=1)
    assert staffed.type("operator", "role", "minji", "king").code == 2
    assert len(audit_of(staffed)) == 3
