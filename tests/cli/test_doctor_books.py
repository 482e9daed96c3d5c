"""`pay-bridge doctor` says what the last checks of the books found."""

import contextlib
import json
import sqlite3

import pytest

from .conftest import Place

SHOP = "http://127.0.0.1:8080"


def books(place: Place) -> tuple[str, str]:
    findings = json.loads(place.type("doctor", "--json").out)
    return next((one["verdict"], one["what"]) for one in findings if one["check"] == "books")


def keep(place: Place, name: str, **more: object) -> None:
    value = {"at": 1_700_000_000_000, "full": False, "payments": 7, "rows": 9, "took_ms": 5, "found": []} | more
    with contextlib.closing(sqlite3.connect(place.folder / "bridge.db")) as database, database:
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [name, json.dumps(value)])


def test_the_doctor_says_when_the_books_were_checked_and_what_does_not_hold(place: Place) -> None:
    assert books(place) == ("pass", "none kept yet")
    place.type("site", "add", SHOP, "--gateway", "mainpay")
    assert books(place)[0] == "warn"
    keep(place, "checked")
    assert books(place) == ("pass", "what changed was checked at 2023-11-14T22:13:20+00:00")
    keep(place, "checked_all", full=True)
    assert "all 7 payments at 2023-11-14" in books(place)[1]
    keep(place, "checked", found=[["I3", "p1", "too much given back"]])
    assert books(place) == ("fail", "1 things do not hold, such as I3 of p1: too much given back")


def test_books_that_cannot_be_read_are_said_so(place: Place) -> None:
    (place.folder / "bridge.db").write_bytes(b"no database" * 1000)
    assert books(place)[0] == "fail"


@pytest.mark.parametrize(
    ("url", "secret", "hint"),
    [
        ("http://alarms.example", "whsec_" + "A" * 32, "https address"),
        ("https://alarms.example/hook", "", "BRIDGE_ALARM_SECRET"),
        ("https://alarms.example/hook", "whsec_AAAA", "at least 24 bytes"),
        ("https://alarms.example/hook", "not base64!", "at least 24 bytes"),
    ],
)
def test_an_alarm_receiver_needs_https_and_a_secret(place: Place, url: str, secret: str, hint: str) -> None:
    live = {"BRIDGE_PUBLIC_URL": "https://pay.example.kr"}
    typed = place.type("site", "list", **live, BRIDGE_ALARM_URL=url, BRIDGE_ALARM_SECRET=secret)
    assert typed.code == 2
    assert hint in typed.err


def test_a_good_alarm_receiver_is_taken(place: Place) -> None:
    typed = place.type(
        "site", "list", BRIDGE_ALARM_URL="https://alarms.example/hook", BRIDGE_ALARM_SECRET="whsec_" + "A" * 32
    )
    assert typed.code == 0, typed.err
