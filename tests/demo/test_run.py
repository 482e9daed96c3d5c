"""`pay-bridge demo` as a person runs it: addresses and a password on the screen, Ctrl-C ends it."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from bridge.demo.browser import Browser
from bridge.demo.run import state_folder
from tests.support.ports import free_port


@contextmanager
def running(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    ports = [free_port() for _ in range(3)]
    options = [f"--{name}={port}" for name, port in zip(("port", "shop-port", "sandbox-port"), ports, strict=True)]
    words = [sys.executable, "-m", "bridge", "demo", "--dir", str(folder), *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said, deadline = "", time.monotonic() + 20
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, f"the demo ended: {said}"
            assert time.monotonic() < deadline
            said += line
        yield process, said
    finally:
        process.kill()
        process.communicate()


async def test_what_is_printed_opens_the_shop_the_box_office_and_the_dashboard(tmp_path: Path) -> None:
    with running(tmp_path) as (_, said):
        shop, box_office, dashboard = (
            re.search(rf"{name}\s+(http://\S+)", said)[1]  # type: ignore[index]
            for name in ("Shop", "Box office", "Dashboard")
        )
        name, password = re.search(r"Dashboard\s+\S+\s+(\S+)\s+(\S+)", said).groups()  # type: ignore[union-attr]
        async with httpx2.AsyncClient(trust_env=False) as http:
            assert (await Browser(http).get(shop)).status == 200
            assert (await Browser(http, (name, password)).get(box_office)).status == 200
            login = await Browser(http).get(dashboard)
            inside = await Browser(http).submit(login, name=name, password=password)

    assert inside.status == 200
    assert 'type="password"' not in inside.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_of_it_at_once(tmp_path: Path, number: int) -> None:
    with running(tmp_path) as (process, said):
        process.send_signal(number)
        out, _ = process.communicate(timeout=10)

    assert process.returncode == 0
    assert "Stopping" in out
    assert "Traceback" not in said + out


def test_a_taken_port_is_told_with_the_option_that_gives_another(tmp_path: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        words = [sys.executable, "-m", "bridge", "demo", "--dir", str(tmp_path), "--sandbox-port", str(port)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)

    assert done.returncode == 2
    assert "--sandbox-port" in done.stderr
    assert "Traceback" not in done.stderr


def test_data_is_kept_where_the_system_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere/state")
    assert state_folder() == Path("/somewhere/state/pay-bridge/demo")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/kim")
    assert state_folder() == Path("/home/kim/.local/state/pay-bridge/demo")
