"""Debian's Chromium, looking at an application on a port of this machine."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright
from starlette.types import ASGIApp

from tests.flows.test_over_http import served

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@asynccontextmanager
async def browser_on(app: ASGIApp, *, under_every_name: bool = False) -> AsyncIterator[tuple[str, Browser]]:
    """Serve an application; gives its address and a browser, to which it may stand under every host's name."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert path, "install chromium or chromium-headless-shell"
    async with served(app) as base, async_playwright() as playwright:
        names = [f"--host-resolver-rules=MAP * {base.removeprefix('http://')}"] if under_every_name else []
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS + names)
        yield base, browser
        await browser.close()
