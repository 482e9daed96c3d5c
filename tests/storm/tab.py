"""A tab of a buyer's browser: it goes into a gateway's window and presses its buttons."""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.storm.gateways.window import Coming, Entered, coming_back, pressed
from tests.storm.net import Heard, Line
from tests.storm.stand import PUBLIC_URL, Paired

if TYPE_CHECKING:
    from tests.storm.storm import Storm

FORM = (b"content-type", b"application/x-www-form-urlencoded")
BUYER_ADDRESS = "203.0.113.9"
LOOKS_AGAIN_SECONDS = (0.0, 2.0, 15.0)


class Tab:
    """One window of a payment's. Whoever goes back in it sees the page that was there."""

    def __init__(self, storm: "Storm", site: Paired, window_url: str, months: int = 0) -> None:
        self.origin = site.setup.origin
        self._storm = storm
        self._site = site
        self._window_url = window_url
        self._months = months
        self._entered: Entered | None = None

    @property
    def was_in(self) -> bool:
        """Whether the window was ever reached."""
        return self._entered is not None

    async def press(self, action: str) -> Coming | None:
        """Press a button; gives where the browser is sent, if it comes back to the bridge."""
        setup = self._site.setup
        choice = setup.choice | ({"installment": f"{self._months:02d}"} if self._months else {})
        for waits in LOOKS_AGAIN_SECONDS:
            if self._entered is None:
                await asyncio.sleep(waits)
                self._entered = await setup.enter(self, self._window_url)
        if self._entered is None:
            return None
        heard = await self.ask_gateway("POST", self._entered.url, pressed(self._entered, choice, action))
        coming = coming_back(heard.status, heard.headers, heard.body)
        return coming if coming is not None and coming.url.startswith(PUBLIC_URL) else None

    async def ask_bridge(self, method: str, url: str, body: bytes = b"") -> Heard | None:
        """Ask the bridge, which may not answer."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = [FORM, (b"content-length", str(len(body)).encode())] if method == "POST" else []
        return await self._storm.to_bridge(method, path, headers, body, client=BUYER_ADDRESS)

    async def ask_gateway(self, method: str, url: str, body: bytes = b"") -> Heard:
        """Ask the gateway."""
        headers = [FORM] if method == "POST" else []
        self._storm.told.posted(self._site, body)
        return await Line(body).ask(self._storm.gates[self._site.id].app, method, url, headers, BUYER_ADDRESS)
