"""The command line's words: what is refused, how, and with which exit code."""

import io
import json
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer import BadParameter

from bridge.cli.options import read_password, read_settings
from bridge.cli.output import print_facts, print_json, print_table, write_whole
from bridge.domain.failures import Misconfigured

from .conftest import Place

SHOP = "http://127.0.0.1:8080"


def add(place: Place, *words: str, stdin: str = "") -> str:
    typed = place.type("site", "add", SHOP, "--gateway", "mainpay", *words, "--json", stdin=stdin)
    assert typed.code == 0, typed.err
    return typed.out


def test_init_makes_a_key_that_only_its_owner_reads_and_keeps_it(place: Place) -> None:
    key = place.folder / "master.key"
    before = key.read_bytes()

    again = place.type("init", "--dir", str(place.folder))

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_bytes() == before
    assert f"export BRIDGE_MASTER_KEY_FILE={key}" in again.out


def test_a_missing_setting_is_named_with_exit_code_2(place: Place) -> None:
    typed = place.type("site", "list", BRIDGE_DATABASE_URL="")

    assert typed.code == 2
    assert "BRIDGE_DATABASE_URL is not set" in typed.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("site", "add", SHOP, "--gateway", "mainpay", "--mode", "pretend"), "'test', 'live'"),
        (("operator", "add", "kim", "--role", "king"), "'operator', 'viewer'"),
        (("demo", "--check", "--gateway", "nopay"), "'payple', 'all'"),
        (("payments", "list", "--limit", "1000"), "less than or equal to 100"),
        (("site", "ad", SHOP), "No such command"),
        (("site", "add", SHOP, "--gateway", "mainpay", "--set", "mbr_no=1"), "NAME.key=value"),
        (("refund", "x", "--reason", "why", "--key", "short"), "32 hex digits"),
    ],
)
def test_wrong_words_are_refused_with_what_would_be_right(place: Place, words: tuple[str, ...], hint: str) -> None:
    typed = place.type(*words)

    assert typed.code == 2
    assert hint in " ".join(typed.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("site", "add", "shop.example.com", "--gateway", "mainpay"), "https://shop.example.com"),
        (("site", "add", SHOP, "--gateway", "nopay"), "known: mainpay"),
        (("site", "add", SHOP, "--gateway", "mainpay", "--set", "mainpay.colour=red"), "mainpay.colour"),
        (("site", "add", SHOP, "--gateway", "mainpay", "--set", "mainpay.api_key=@none"), "cannot be read"),
        (("site", "add", SHOP, "--gateway", "mainpay", "--mode", "live"), "https"),
        (("refund", "x", "--reason", "why", "--amount", "1e3"), "integer of KRW"),
        (("refund", "x", "--reason", "why", "--amount", ""), "integer of KRW"),
        (
            ("cases", "propose", "x", "given_back", "--evidence", "console: 5,000", "--as", "haneul", "--amount", ""),
            "integer of KRW",
        ),
    ],
)
def test_wrong_values_are_explained_with_exit_code_2(place: Place, words: tuple[str, ...], hint: str) -> None:
    typed = place.type(*words)

    assert typed.code == 2
    assert hint in typed.err
    assert json.loads(place.type("site", "list", "--json").out) == []


@pytest.mark.parametrize(
    "words", [("payments", "show", "none"), ("refund", "none", "--reason", "why"), ("site", "rotate-key", SHOP)]
)
def test_what_is_not_there_is_exit_code_1(place: Place, words: tuple[str, ...]) -> None:
    typed = place.type(*words)

    assert typed.code == 1
    assert "There is no" in typed.err


def test_another_master_key_is_told_before_anything_is_done(place: Place) -> None:
    add(place)
    (place.folder / "master.key").write_text("A" * 43 + "=")

    for words in (("site", "list"), ("serve", "--port", str(place.port))):
        typed = place.type(*words)
        assert typed.code == 2
        assert "The master key is not the one of this database" in typed.err
    examined = place.type("doctor", "--json")
    assert examined.code == 1
    found = {one["check"]: one["verdict"] for one in json.loads(examined.out)}
    assert found["secrets"] == "fail"


def files_open() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_database_that_is_none_is_told_in_one_sentence(place: Place) -> None:
    (place.folder / "bridge.db").write_bytes(b"not a database at all, but long enough to be looked at" * 100)

    began = time.monotonic()
    open_before = files_open()
    typed = place.type("site", "list")

    assert typed.code == 1
    assert "damaged" in typed.err
    assert time.monotonic() - began < 5, "nobody else holds it: there is nothing to wait for"
    assert files_open() <= open_before


def test_a_port_that_is_taken_is_told_with_the_option_that_gives_another(place: Place) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        typed = place.type("serve", "--port", str(sock.getsockname()[1]))

    assert typed.code == 2
    assert "--port" in typed.err


def test_settings_come_from_words_files_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("from-a-file\n", "utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO("from-standard-input\n"))

    found = read_settings(
        [
            "mainpay.mbr_no=100011",
            f"mainpay.api_key=@{tmp_path / 'key'}",
            "payapp.linkkey=-",
            "mainpay.api_url=http://x/?a=b",
        ]
    )

    assert found == {
        "mainpay": {"mbr_no": "100011", "api_key": "from-a-file", "api_url": "http://x/?a=b"},
        "payapp": {"linkkey": "from-standard-input"},
    }


@pytest.mark.parametrize(
    "words", [["a.b"], ["=x"], ["a=b"], [".b=c"], ["a.=c"], ["a.b=1", "a.b=2"], ["a.b=-", "a.c=-"]]
)
def test_settings_of_another_form_are_refused(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("x"))

    with pytest.raises(BadParameter):
        read_settings(words)


def test_a_secret_typed_as_a_word_is_warned_about_and_never_printed(place: Place) -> None:
    typed = place.type("site", "add", SHOP, "--gateway", "mainpay", "--set", "mainpay.api_key=HUSHHUSH", "--json")

    assert typed.code == 0
    assert "shell's history" in typed.err
    assert "HUSHHUSH" not in typed.out + typed.err


def test_a_secret_from_standard_input_reaches_the_vault_alone(place: Place) -> None:
    add(place, "--set", "mainpay.api_key=-", stdin="HUSHHUSH\n")

    listed = place.type("site", "list", "--json")

    assert "HUSHHUSH" not in listed.out
    assert b"HUSHHUSH" not in b"".join(path.read_bytes() for path in place.folder.glob("bridge.db*") if path.is_file())


def test_site_add_prints_what_the_plugin_needs_and_shows_it_once(place: Place) -> None:
    added = json.loads(add(place, "--set", "mainpay.mbr_no=100011"))

    assert set(added) == {"site", "key_id", "secret", "pairing_code", "notice_urls"}
    (notice,) = added["notice_urls"]
    assert notice["url"].startswith(f"http://127.0.0.1:{place.port}/n/{added['site']}/mainpay/")
    listed = place.type("site", "list", "--json").out
    assert added["secret"] not in listed
    assert json.loads(listed)[0]["keys"] == [{"key_id": added["key_id"], "state": "active"}]


def test_a_site_is_added_once_and_its_settings_can_be_changed(place: Place) -> None:
    add(place, "--set", "mainpay.mbr_no=100011")

    twice = place.type("site", "add", SHOP, "--gateway", "mainpay")
    changed = place.type("site", "set", SHOP, "--set", "mainpay.goods_code=SEAT", "--json")
    wrong = place.type("site", "set", SHOP, "--set", "mainpay.timestamp=17")

    assert twice.code == 2
    assert "there already" in twice.err
    assert json.loads(changed.out)["changed"] == ["mainpay.goods_code"]
    assert wrong.code == 2


def test_keys_turn_and_are_revoked(place: Place) -> None:
    old = json.loads(add(place))["key_id"]

    new = json.loads(place.type("site", "rotate-key", SHOP, "--json").out)["key_id"]
    place.type("site", "revoke-key", SHOP, old)

    keys = json.loads(place.type("site", "list", "--json").out)[0]["keys"]
    assert keys == [{"key_id": old, "state": "revoked"}, {"key_id": new, "state": "active"}]


def test_a_customers_keys_are_listed_and_a_site_that_is_none_is_said(place: Place) -> None:
    add(place)

    assert "no billing key" in place.type("site", "keys", SHOP, "customer-1").out
    assert json.loads(place.type("site", "keys", SHOP, "customer-1", "--json").out) == []
    nowhere = place.type("site", "keys", "https://nowhere.test", "customer-1")
    assert (nowhere.code != 0, "no site with this address" in nowhere.err) == (True, True)


def test_an_operators_password_comes_from_a_file_or_standard_input(place: Place) -> None:
    (place.folder / "password").write_text("correct horse battery\n")

    by_file = place.type("operator", "add", "kim", "--password-file", "password", "--json")
    by_stdin = place.type("operator", "add", "lee", "--password-file", "-", stdin="correct horse battery")
    nobody_to_ask = place.type("operator", "add", "park")
    too_short = place.type("operator", "add", "park", "--password-file", "-", stdin="short")
    taken = place.type("operator", "add", "kim", "--password-file", "password")

    assert json.loads(by_file.out)["role"] == "operator"
    assert by_stdin.code == 0
    assert (nobody_to_ask.code, too_short.code, taken.code) == (2, 2, 1)
    with sqlite3.connect(place.folder / "bridge.db") as database:
        assert all("horse" not in row[0] for row in database.execute("SELECT password_hash FROM operators"))
    database.close()


def test_a_password_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes("비밀번호입니다열두자".encode("cp949"))

    with pytest.raises(Misconfigured, match="UTF-8"):
        read_password(tmp_path / "password")


@pytest.mark.parametrize(
    "words", [("site", "list"), ("payments", "list"), ("outbox", "list"), ("version",), ("doctor",)]
)
def test_json_is_json_and_without_it_there_are_words(place: Place, words: tuple[str, ...]) -> None:
    as_json, as_words = place.type(*words, "--json"), place.type(*words)

    assert as_json.code == as_words.code == 0
    json.loads(as_json.out)
    assert as_words.out.strip()
    with pytest.raises(json.JSONDecodeError):
        json.loads(as_words.out)


def test_a_table_cuts_nothing_off_and_tells_the_time_in_korea(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"id": "01m8fme6809m0m9xszxfrdz9xh", "at": "2026-11-27T23:11:22.880Z", "amount": 1013, "message": "가" * 150}
    print_table([row], ("id", "at", "amount", "message"), "")
    said = capsys.readouterr().out

    assert "01m8fme6809m0m9xszxfrdz9xh" in said
    assert "2026-11-28 08:11:22 KST" in said
    assert said.count("가") == 150
    assert "…" not in said


def test_facts_of_facts_stand_side_by_side_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts(
        {"gateways": ["mainpay", "payapp"], "notice_urls": [{"kind": "noti", "url": "https://pay.example/n/1"}]}
    )

    assert capsys.readouterr().out == (
        "gateways: mainpay, payapp\nnotice_urls:\n  kind=noti  url=https://pay.example/n/1\n"
    )


def test_sites_are_listed_with_the_whole_notice_address(place: Place) -> None:
    assert "site add" in place.type("site", "list").out
    added = json.loads(add(place))
    listed = place.type("site", "list")

    assert added["notice_urls"][0]["url"] in listed.out
    assert added["key_id"] in listed.out


def in_a_process_of_its_own(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout.strip()


def test_a_server_loads_no_library_that_only_draws_on_terminals() -> None:
    loaded = in_a_process_of_its_own(
        "import atexit, sys\n"
        "sys.argv = ['pay-bridge', 'serve']\n"
        "names = ('rich.console', 'typer', 'bridge.cli.server')\n"
        "atexit.register(lambda: print(*(name for name in names if name in sys.modules)))\n"
        "from bridge.cli import main\n"
        "main()"
    )

    assert loaded == "bridge.cli.server"


def test_a_server_collects_garbage_again_once_it_is_loaded() -> None:
    told = in_a_process_of_its_own(
        "import gc, sys\n"
        "gc.disable()\n"
        "from bridge.cli import server\n"
        "server.calm_collector()\n"
        "server.share_the_interpreter()\n"
        "print(gc.isenabled(), gc.get_freeze_count() > 10_000, sys.getswitchinterval() < 0.001)"
    )

    assert told == "True True True"


class NarrowPipe(io.RawIOBase):
    """Takes a part of a long text at a time, as a pipe may whose writer a signal interrupts."""

    def __init__(self) -> None:
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)[:65_536]
        self.taken += part
        return len(part)


def test_a_long_answer_reaches_a_pipe_whole_though_python_keeps_no_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = NarrowPipe()
    unbuffered = io.TextIOWrapper(pipe, "utf-8", write_through=True)
    monkeypatch.setattr(sys, "stdout", unbuffered)
    found = {"journeys": ["결제"] * 50_000}

    write_whole()
    print_json(found)

    assert json.loads(pipe.taken) == found


def test_what_is_written_with_a_buffer_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    buffered = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", buffered)

    write_whole()

    assert sys.stdout is buffered
