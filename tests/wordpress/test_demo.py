"""make demo as a person meets it: three addresses that answer, an end by Ctrl-C, and the same data the next time."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.ports import free_port
from tests.wordpress import servers
from tests.wordpress.stand import PROJECT

pytestmark = pytest.mark.wordpress

NAMES = ("SHOP", "BRIDGE", "SANDBOX")
DEMO = [sys.executable, "-m", "tests.wordpress.demo"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Ports and a directory of this test's own."""
    ports = {f"PAY_BRIDGE_DEMO_{name}_PORT": str(free_port()) for name in NAMES}
    return {**os.environ, **ports, "PAY_BRIDGE_DEMO_DIRECTORY": str(tmp_path / "demo")}


@contextmanager
def demo(environment: dict[str, str]) -> Iterator[str]:
    """Runs the demo and gives the block it prints; ends it by Ctrl-C, after which it must say goodbye with 0."""
    process = subprocess.Popen(
        DEMO, cwd=PROJECT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        lines: list[str] = []
        while "Ctrl-C" not in "".join(lines):
            line = process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        yield "".join(lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.wait(10)


def registering(sign: str) -> set[str]:
    """What the buyer, with the name and password that the demo prints, may register on the page it names."""
    address, cards = (re.search(rf"(http://\S+:[0-9]+{path})\s", sign) for path in ("/", "/cards/"))
    password = re.search(r" buyer +(\S+)", sign)
    assert address, sign
    assert cards, sign
    assert password, sign
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = {"log": "buyer", "pwd": password[1], "testcookie": "1", "redirect_to": cards[1]}
    login = urllib.request.Request(
        f"{address[1]}wp-login.php", urlencode(form).encode(), {"Cookie": "wordpress_test_cookie=WP+Cookie+check"}
    )
    with browser.open(login, timeout=30):
        pass
    with browser.open(address[1], timeout=30) as answer:
        assert f'href="{cards[1]}"' in answer.read().decode(), "the shop leads there"
    with browser.open(cards[1], timeout=30) as answer:
        return set(re.findall(r'value="(card:\w+)"', answer.read().decode()))


def test_the_demo_answers_at_three_addresses_until_ctrl_c_and_keeps_its_data(environment: dict[str, str]) -> None:
    with demo(environment) as first:
        for path in ("/", "/wp-admin/", "/dashboard"):
            address = re.search(rf"(http://\S+:[0-9]+{path})\s", first)
            assert address, first
            with urllib.request.urlopen(address[1], timeout=30) as answer:
                assert answer.status == 200
        assert registering(first) == {"card:payple", "card:paystory"}
    ports = [int(environment[f"PAY_BRIDGE_DEMO_{name}_PORT"]) for name in NAMES]
    assert [port for port in ports if servers.answers("127.0.0.1", port)] == []
    with demo(environment) as second:
        assert second == first, "the passwords and addresses are the same the next time"


def test_the_demo_names_the_port_that_is_taken_and_how_to_give_another(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environment["PAY_BRIDGE_DEMO_SHOP_PORT"]))):
        ran = subprocess.run(DEMO, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=30)
    assert ran.returncode == 1
    assert "PAY_BRIDGE_DEMO_SHOP_PORT=" in ran.stderr
