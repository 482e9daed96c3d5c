"""`pay-bridge anchors`: what WordPress keeps and the books do not bear out is listed and acknowledged by two people."""

import asyncio
import json
from typing import Any

import pytest

from bridge.ledger import anchors
from bridge.ledger.anchors import Anchor, Compared
from bridge.settings import read_key
from tests.support.books import open_books

from .conftest import Place

pytestmark = pytest.mark.usefixtures("cheap_passwords")
SHOP = "http://127.0.0.1:8080"
PASSWORDS = {"haneul": "correct horse battery", "minji": "another horse battery", "bora": "only looking around"}
WHY = "moved on 20 November; compared with the console day by day, nothing is missing"


@pytest.fixture
def broken(place: Place) -> Place:
    """A bridge with two operators and a viewer, and a site one of whose anchors its books do not bear out."""
    added = place.type("site", "add", SHOP, "--gateway", "mainpay", "--json")
    site = json.loads(added.out)["site"]
    for name, password in PASSWORDS.items():
        role = "viewer" if name == "bora" else "operator"
        assert place.type("operator", "add", name, "--role", role, "--password-file", "-", stdin=password).code == 0
    key = read_key((place.folder / "master.key").read_text().strip()).reveal()
    asyncio.run(note_break(f"sqlite:///{place.folder / 'bridge.db'}", key, site))
    return place


async def note_break(url: str, key: bytes, site: str) -> None:
    books = open_books(url, key)
    gone = Compared(Anchor("2026-11-20", 7, "0" * 64, 1, 0, 1), anchors.BROKEN, "seal 7 is gone", "x")
    await books.write(lambda turn: anchors.note(turn, site, 2, [gone]))
    await books.close()


def typed(place: Place, *words: str, who: str = "", code: int = 0) -> Any:
    """Type an `anchors` command as somebody; gives its JSON, or what it complained of."""
    identity = ("--as", who, "--password-file", "-") if who else ()
    done = place.type("anchors", *words, *identity, "--json", stdin=PASSWORDS.get(who, ""))
    assert done.code == code, done.err
    return json.loads(done.out) if code == 0 else done.err


def test_one_proposes_and_another_confirms_what_is_listed(broken: Place) -> None:
    (listed,) = typed(broken, "list")
    assert (listed["site"], listed["state"], listed["what"]) == (SHOP, "broken", "seal 7 is gone")
    proposal = typed(broken, "propose", SHOP, "--reason", WHY, who="haneul")["proposal"]
    assert proposal in broken.type("anchors", "list").out
    assert "Another operator must confirm" in typed(broken, "confirm", proposal, who="haneul", code=1)
    assert typed(broken, "confirm", proposal, "--remark", "compared it too", who="minji") == {"acknowledged": 1}

    (listed,) = typed(broken, "list")
    assert (listed["state"], listed["reason"], listed["checker"]) == ("acknowledged", WHY, "operator:minji")
    assert "propose it anew" in typed(broken, "confirm", proposal, who="minji", code=1)


def test_who_may_not_act_and_what_is_not_there_are_said(broken: Place) -> None:
    why = ("--reason", WHY)
    assert "may look and not act" in typed(broken, "propose", SHOP, *why, who="bora", code=2)
    assert "no site with this address" in typed(broken, "propose", "https://a.test", *why, who="minji", code=1)
    assert "Say what you saw" in typed(broken, "propose", SHOP, "--reason", "harmless", who="minji", code=2)
    words = ("anchors", "propose", SHOP, *why, "--as", "minji", "--password-file", "-")
    assert broken.type(*words, stdin=PASSWORDS["minji"]).out.startswith("proposal: ")
    (listed,) = typed(broken, "list")
    assert listed["state"] == "proposed"


def test_where_nothing_is_broken_that_is_said(place: Place) -> None:
    assert place.type("anchors", "list").out == "No anchor is broken.\n"
