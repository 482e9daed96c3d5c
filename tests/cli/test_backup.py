"""`pay-bridge backup`, beside a server and without one, on both databases; and what is wrong with a file is found."""

import json
import os
import sqlite3
import stat
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.cli.automatic import surplus
from tests.support.postgres import empty

from .conftest import Place

SHOP = "http://127.0.0.1:8080"


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, place: Place) -> Place:
    """A place with one site, on either database."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_database")
        empty(url)
        place = replace(place, environment=place.environment | {"BRIDGE_DATABASE_URL": url})
    made = place.type("site", "add", SHOP, "--gateway", "mainpay", "--json")
    assert made.code == 0, made.err
    return place


def backed_up(place: Place, *words: str) -> dict[str, object]:
    typed = place.type("backup", *words, "--json")
    assert typed.code == 0, typed.err
    found: dict[str, object] = json.loads(typed.out)
    return found


def verdict(place: Place) -> str:
    findings = json.loads(place.type("doctor", "--json").out)
    return str(next(one["verdict"] for one in findings if one["check"] == "backup"))


def test_a_backup_is_made_whole_private_and_remembered(kept: Place) -> None:
    assert verdict(kept) == "warn"

    made = backed_up(kept, "one.backup")

    path = kept.folder / "one.backup"
    assert made["rows"] == 5, "the root secret, the site, its key, its gateway, and when sites changed"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [name.name for name in kept.folder.glob(".*")] == [], "no part is left behind"
    assert backed_up(kept, "--verify", "one.backup")["rows"] == made["rows"]
    assert verdict(kept) == "pass"


def test_a_folder_gets_a_file_with_the_time_and_no_file_is_overwritten(kept: Place) -> None:
    made = backed_up(kept, ".")
    again = kept.type("backup", str(made["path"]))

    assert str(made["path"]).endswith("Z.backup")
    assert again.code == 1
    assert "is there already" in again.err


def test_an_encrypted_backup_shows_nothing_and_opens_with_its_key_alone(kept: Place) -> None:
    (kept.folder / "words").write_text("correct horse\n")
    (kept.folder / "other").write_text("battery staple\n")
    backed_up(kept, "plain.backup")
    backed_up(kept, "sealed.backup", "--encrypt")
    backed_up(kept, "words.backup", "--passphrase-file", "words")

    assert backed_up(kept, "--verify", "sealed.backup")["rows"] == 6
    assert backed_up(kept, "--verify", "words.backup", "--passphrase-file", "words")["rows"] == 6
    other = replace(kept, environment=kept.environment | {"BRIDGE_MASTER_KEY": "A" * 43 + "="})
    for place, words in (
        (other, ["sealed.backup"]),
        (other, ["plain.backup"]),
        (kept, ["words.backup"]),
        (kept, ["words.backup", "--passphrase-file", "other"]),
    ):
        refused = place.type("backup", "--verify", *words)
        assert refused.code == 1, words
        assert "Traceback" not in refused.err


@pytest.mark.parametrize("words", [[], ["--encrypt"]], ids=["plain", "encrypted"])
def test_a_backup_that_was_cut_or_altered_anywhere_is_refused(place: Place, words: list[str]) -> None:
    place.type("site", "add", SHOP, "--gateway", "mainpay", "--json")
    backed_up(place, "whole.backup", *words)
    whole = (place.folder / "whole.backup").read_bytes()
    broken = place.folder / "broken.backup"
    step = max(1, len(whole) // 60)
    for at in range(0, len(whole), step):
        flipped = bytes([whole[at] ^ 1])
        for altered in (whole[:at], whole[:at] + flipped + whole[at + 1 :], whole + b"x"):
            broken.write_bytes(altered)
            refused = place.type("backup", "--verify", "broken.backup")
            assert refused.code in (1, 2), f"byte {at} of {len(whole)}"
            assert refused.err.startswith("pay-bridge: "), refused.err


def test_an_audit_row_that_was_edited_stops_the_backup(place: Place) -> None:
    place.type("site", "list")
    with closing(sqlite3.connect(place.folder / "bridge.db")) as connection:
        connection.execute("INSERT INTO audit VALUES ('p', 1, 's', 1, 'a', 'e', '', '', '{}', '', 'not its hash')")
        connection.commit()

    refused = place.type("backup", "one.backup")

    assert refused.code == 1
    assert "audit of payment p is broken" in refused.err
    assert list(place.folder.glob("*one.backup*")) == []


def test_a_damaged_database_is_not_backed_up(place: Place) -> None:
    place.type("site", "list")
    path = place.folder / "bridge.db"
    pages = bytearray(path.read_bytes())
    pages[4096 * 2 : 4096 * 3] = os.urandom(4096)
    path.write_bytes(bytes(pages))

    refused = place.type("backup", "one.backup")

    assert refused.code == 1
    assert not (place.folder / "one.backup").exists()


def test_nothing_to_keep_is_said(place: Place) -> None:
    refused = place.type("backup", "one.backup")

    assert refused.code == 1
    assert "no database" in refused.err


def test_a_serving_bridge_is_backed_up_by_hand_and_by_itself(kept: Place, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    serving = replace(kept, environment=kept.environment | {"BRIDGE_BACKUP_PATH": str(folder)})
    with serving.serving():
        backed_up(serving, "beside.backup")
        deadline = time.monotonic() + 120  # the process that makes it gives way to every other
        while not list(folder.glob("pay-bridge-*.backup")):
            assert time.monotonic() < deadline, "no automatic backup"
            time.sleep(0.1)
    (made,) = folder.glob("pay-bridge-*.backup")

    assert backed_up(serving, "--verify", str(made))["schema"] == 1
    assert verdict(serving) == "pass"


def test_a_backup_folder_that_is_not_there_is_a_wrong_setting(place: Place) -> None:
    wrong = place.type("site", "list", BRIDGE_BACKUP_PATH=str(place.folder / "nowhere"))

    assert wrong.code == 2
    assert "BRIDGE_BACKUP_PATH" in wrong.err


def test_old_backups_are_thinned_and_foreign_files_left_alone() -> None:
    newest = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    names = [
        f"pay-bridge-{newest - timedelta(minutes=minutes):%Y%m%d-%H%M%S}Z.backup" for minutes in range(0, 20 * 1440, 7)
    ]
    gone = surplus([*names, "notes.txt", "pay-bridge-by-hand.backup"])
    left = [name for name in names if name not in gone]

    assert surplus(["notes.txt"]) == set()
    assert gone < set(names)
    assert left[:10] == names[:10]
    assert 10 + 20 <= len(left) <= 10 + 25 + 8
    assert left[-1] >= f"pay-bridge-{newest - timedelta(days=7):%Y%m%d}", "nothing older than a week"


def test_a_name_that_a_clock_ran_ahead_for_costs_no_earlier_backup_its_place() -> None:
    newest = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    names = {
        f"pay-bridge-{newest - timedelta(minutes=minutes):%Y%m%d-%H%M%S}Z.backup" for minutes in range(0, 20 * 1440, 7)
    }
    ahead = f"pay-bridge-{newest + timedelta(days=400):%Y%m%d-%H%M%S}Z.backup"
    left, usual = names - surplus(names | {ahead}), names - surplus(names)

    assert ahead not in surplus(names | {ahead})
    assert len(usual) - len(left) <= 3, "one of the newest, of the hours and of the days"
    assert min(left) < f"pay-bridge-{newest - timedelta(days=5):%Y%m%d}", "a copy of last week is still there"
