"""Commands while a server runs: over its socket, by its owner alone, whatever is written into it."""

import asyncio
import fcntl
import json
import signal
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from bridge import control
from bridge.cli.work import perform
from bridge.control import NoServer, ask, listening, socket_path
from bridge.domain.failures import Conflict, Malformed

from .conftest import Place

SHOP = "http://127.0.0.1:8080"


async def echo(command: str, words: dict[str, Any]) -> Any:
    if command == "refuse":
        raise Conflict("Not now.")
    if command == "stumble":
        raise RuntimeError("a bug")
    await asyncio.sleep(words.get("seconds", 0))
    return [command, words]


async def say(database: Path, raw: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(socket_path(database)))
    writer.write(raw)
    writer.write_eof()
    said = await reader.read()
    writer.close()
    return said


async def test_a_command_is_answered(tmp_path: Path) -> None:
    database = tmp_path / "bridge.db"

    async with listening(database, echo):
        assert await ask(database, "hello", {"name": "홍길동"}) == ["hello", {"name": "홍길동"}]
        assert stat.S_IMODE(socket_path(database).stat().st_mode) == 0o600

    assert not socket_path(database).exists()


async def test_the_servers_no_arrives_as_what_it_is(tmp_path: Path) -> None:
    database = tmp_path / "bridge.db"

    async with listening(database, echo):
        with pytest.raises(Conflict, match="Not now"):
            await ask(database, "refuse", {})


@pytest.mark.parametrize(
    "raw",
    [
        b"\n",
        b"hello\n",
        b"[]\n",
        b'{"command": "hello"}\n',
        b'{"command": 1, "words": {}}\n',
        b'{"command": "hello", "words": []}\n',
        b'{"command": "hello", "words": {}',
        b"\xff\xfe\n",
        b'{"command": "hello", "command": "refuse", "words": {}}\n',
        b"[" * 5000 + b"\n",
        b"x" * (control.LINE_BYTES_MAX + 10) + b"\n",
    ],
    ids=lambda raw: repr(raw[:40]),
)
async def test_a_malformed_line_is_refused_and_the_next_command_is_answered(tmp_path: Path, raw: bytes) -> None:
    database = tmp_path / "bridge.db"

    async with listening(database, echo):
        said = await say(database, raw)
        assert await ask(database, "hello", {}) == ["hello", {}]

    assert json.loads(said)["error"] in ("malformed", "too_large")


async def test_callers_who_leave_or_say_nothing_disturb_nobody(tmp_path: Path) -> None:
    database = tmp_path / "bridge.db"

    async with listening(database, echo):
        assert await say(database, b"") == b""
        for raw in (b"", b'{"comm', b'{"command": "slow", "words": {"seconds": 0}}\n'):
            with socket.socket(socket.AF_UNIX) as caller:
                caller.connect(str(socket_path(database)))
                caller.send(raw)
        assert await ask(database, "hello", {}) == ["hello", {}]


async def test_a_caller_who_never_ends_his_line_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "bridge.db"
    monkeypatch.setattr(control, "LINE_SECONDS", 0.05)

    async with listening(database, echo):
        reader, writer = await asyncio.open_unix_connection(str(socket_path(database)))
        writer.write(b'{"command"')
        said = await asyncio.wait_for(reader.read(), 5)
        writer.close()

    assert json.loads(said)["error"] == "malformed"


async def test_a_bug_in_one_command_ends_that_conversation_only(tmp_path: Path) -> None:
    database = tmp_path / "bridge.db"
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))

    async with listening(database, echo):
        with pytest.raises(control.BridgeError, match="look whether the command took effect"):
            await ask(database, "stumble", {})
        assert await ask(database, "hello", {}) == ["hello", {}]

    assert [str(context["exception"]) for context in heard] == ["a bug"]


async def test_commands_do_not_wait_for_each_other(tmp_path: Path) -> None:
    database = tmp_path / "bridge.db"

    async with listening(database, echo):
        slow = asyncio.create_task(ask(database, "slow", {"seconds": 3600}))
        quick = await asyncio.gather(*(ask(database, "hello", {"number": number}) for number in range(40)))
        slow.cancel()

    assert quick == [["hello", {"number": number}] for number in range(40)]


async def test_a_socket_left_behind_is_no_server_and_is_replaced(tmp_path: Path) -> None:
    database = tmp_path / "bridge.db"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(socket_path(database)))

    with pytest.raises(NoServer):
        await ask(database, "hello", {})
    async with listening(database, echo):
        assert await ask(database, "hello", {}) == ["hello", {}]


async def test_a_long_folder_does_not_keep_the_server_from_listening(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / ("deep" * 30)
    folder.mkdir(parents=True)

    async with listening(folder / "bridge.db", echo):
        assert await ask(folder / "bridge.db", "hello", {}) == ["hello", {}]


async def test_words_of_another_version_are_refused() -> None:
    for command, words in (("site.fly", {}), ("site.rotate-key", {"adress": "x"}), ("site.rotate-key", {"url": 1})):
        with pytest.raises(Malformed):
            await perform(None, command, words)  # type: ignore[arg-type]


def test_commands_reach_the_running_server_and_it_knows_at_once(place: Place) -> None:
    with place.serving():
        assert stat.S_IMODE(place.socket_path.stat().st_mode) == 0o600
        added = place.type("site", "add", SHOP, "--gateway", "mainpay", "--json")
        sites = place.type("site", "list", "--json")
        operator = place.type("operator", "add", "kim", "--password-file", "-", stdin="correct horse battery")
        examined = json.loads(place.type("doctor", "--json").out)

    assert (added.code, operator.code) == (0, 0), added.err + operator.err
    assert [site["url"] for site in json.loads(sites.out)] == [SHOP]
    found = {one["check"]: one["what"] for one in examined}
    assert found["server"] == "running, 1 site(s)"
    assert found["ready"] == "payments can be taken"
    assert not place.socket_path.exists()


def test_after_a_killed_server_commands_work_here_and_the_next_server_starts(place: Place) -> None:
    with place.serving(end=signal.SIGKILL):
        place.type("site", "add", SHOP, "--gateway", "mainpay")
    assert place.socket_path.exists(), "nobody took it away"

    here = place.type("site", "rotate-key", SHOP, "--json")
    with place.serving():
        there = place.type("site", "list", "--json")

    assert here.code == 0, here.err
    assert json.loads(here.out)["key_id"] in there.out


def test_a_database_that_another_program_holds_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.cli.run.PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr("bridge.cli.run.LOCK_SECONDS", 0.05)
    with (place.folder / "bridge.db.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        typed = place.type("site", "list")

    assert typed.code == 1
    assert "Another bridge holds bridge.db" in typed.err
