"""One browser, one shop a lane; every test has contexts of its own and ends without a script's error."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Response,
    WebError,
    expect,
    sync_playwright,
)

from tests.browser.booth import Booth
from tests.browser.lane import Lane
from tests.wordpress.bridge import Bridge
from tests.wordpress.stand import Stand

DIALECTS = {"quick": "mainpay", "oldest": "mainpay-guide"}
"""The second lane also speaks the gateway's second dialect, which posts the buyer back from its own site."""
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update"]
FAIR = ["--disable-popup-blocking", "--disable-back-forward-cache"]
"""What Playwright would switch off, and every buyer has."""
SKIPPED_FADES = ("ViewTransition", "Transition was skipped")

LaneMaker = Callable[[str], Lane]
Browse = Callable[..., Page]


# Playwright keeps a loop in its thread, which other folders' asynchronous tests could not bear: hence the scope.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    expect.set_options(timeout=15_000)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Chromium without a window."""
    found = os.environ.get("PAY_BRIDGE_CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert found, "no chromium; tests/wordpress/install.sh installs it"
    chromium = playwright.chromium.launch(executable_path=found, args=FLAGS, ignore_default_args=FAIR)
    yield chromium
    chromium.close()


@pytest.fixture
def blocking_browser(playwright: Playwright) -> Iterator[Browser]:
    """A whole Chromium on a screen of its own: without a screen none blocks a popup."""
    reads, writes = os.pipe()
    command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writes], stderr=subprocess.DEVNULL) as screen:
        os.close(writes)
        with os.fdopen(reads) as answer:
            display = f":{answer.readline().strip()}"
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=FLAGS,
            ignore_default_args=FAIR,
            headless=False,
            env={**os.environ, "DISPLAY": display},
        )
        yield chromium
        chromium.close()
        screen.terminate()


@pytest.fixture(scope="package")
def lanes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LaneMaker]:
    """Gives a lane by its name, started when first asked for."""
    with ExitStack() as running:
        started: dict[str, Lane] = {}

        def lane(name: str) -> Lane:
            if name not in started:
                directory = tmp_path_factory.mktemp(f"{name}-browser")
                bridge = Bridge(directory / "bridge")
                stand = Stand(name, directory=directory / "shop")
                stand.pair(bridge.site(stand.url, dialect=DIALECTS[name])["pairing_code"])
                running.enter_context(bridge)
                running.enter_context(stand)
                started[name] = Lane(name, stand, bridge)
                running.callback(started[name].close)
            return started[name]

        yield lane


@pytest.fixture(scope="package")
def lane(lanes: LaneMaker) -> Lane:
    """WordPress 7.1 on PHP's own server and SQLite."""
    return lanes("quick")


@pytest.fixture(scope="package", params=list(DIALECTS))
def each_lane(lanes: LaneMaker, request: pytest.FixtureRequest) -> Lane:
    """The same, and WordPress 6.1 on nginx, php-fpm and MariaDB."""
    return lanes(request.param)


@pytest.fixture
def troubles() -> list[str]:
    """What went wrong in this test's pages; whoever expects it looks and clears it."""
    return []


@pytest.fixture
def browse(browser: Browser, playwright: Playwright, troubles: list[str]) -> Iterator[Browse]:
    """Opens a page in a context of its own: `browse(lane, "phone", user="buyer", java_script_enabled=False)`."""
    contexts: list[BrowserContext] = []

    def open_page(lane: Lane, device: str = "desktop", *, user: str = "", **settings: Any) -> Page:
        shape = dict(playwright.devices["iPhone 13"]) if device == "phone" else dict(DESKTOP)
        shape.pop("default_browser_type", None)
        state = _logged_in(browser, lane, user) if user else None
        shape |= {"locale": "ko-KR", "timezone_id": "Asia/Seoul", "storage_state": state}
        made = browser.new_context(**shape | settings)
        made.set_default_timeout(15_000)
        _watch(made, lane, troubles)
        contexts.append(made)
        return made.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []


def _logged_in(browser: Browser, lane: Lane, user: str) -> Any:
    """The cookies of somebody logged in to WordPress, made once a lane."""
    if user not in lane.logins:
        context = browser.new_context(locale="ko-KR")
        # By the form's own request: its script moves the focus to the first field while somebody types into the second.
        address = f"{lane.url}/wp-login.php"
        context.request.get(address)
        form = {"log": user, "pwd": lane.passwords[user], "testcookie": "1"}
        answer = context.request.post(address, form=form, max_redirects=0)
        assert answer.status == 302, f"{user} could not log in: {answer.status}"
        lane.logins[user] = context.storage_state()
        context.close()
    return lane.logins[user]


def _watch(context: BrowserContext, lane: Lane, troubles: list[str]) -> None:
    """Notes what no page may do: an uncaught exception, a breach of its own policy, an error of the server."""

    # wp-admin of WordPress 7 fades from page to page, and complains where the next one comes too soon.
    def on_error(error: WebError) -> None:
        if not any(words in str(error.error) for words in SKIPPED_FADES):
            troubles.append(str(error.error))

    def on_console(said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            troubles.append(said.text)

    def on_response(answer: Response) -> None:
        if answer.status >= 500 and answer.url.startswith((lane.url, lane.bridge.url)):
            troubles.append(f"{answer.status} {answer.url}")

    context.on("weberror", on_error)
    context.on("console", on_console)
    context.on("response", on_response)


@pytest.fixture(scope="package")
def booth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booth]:
    """One bridge and one sandbox for all windows."""
    made = Booth(tmp_path_factory.mktemp("booth"))
    with made.bridge:
        yield made
    made.close()


@pytest.fixture(params=["desktop", "phone"])
def device(request: pytest.FixtureRequest) -> str:
    """What the buyer holds."""
    return str(request.param)
