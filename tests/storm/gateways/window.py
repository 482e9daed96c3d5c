"""How a buyer's browser goes through a window: the pages it opens, the buttons it presses, and where it is sent."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

from tests.storm.net import Heard


class Browser(Protocol):
    """What a buyer's browser can ask: our bridge, which may not answer, and the gateway."""

    origin: str

    async def ask_bridge(self, method: str, url: str, body: bytes = b"") -> Heard | None: ...
    async def ask_gateway(self, method: str, url: str, body: bytes = b"") -> Heard: ...


@dataclass(frozen=True, slots=True)
class Entered:
    """The page with the buttons: where they are posted to, and its hidden fields."""

    url: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Coming:
    """What the buyer's browser does when the window is done with it."""

    method: str
    url: str
    body: bytes = b""


def entered(url: str, page: Heard) -> Entered | None:
    """Read the page with the buttons; None where the gateway shows another."""
    fields = hidden(page)
    return Entered(url, fields) if fields else None


def pressed(page: Entered, choice: Mapping[str, str], action: str) -> bytes:
    """Write what a press of a button posts."""
    return urlencode({**page.fields, **choice, "action": action}).encode()


def hidden(page: Heard) -> dict[str, str]:
    """Read a page's hidden fields."""
    found = re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', page.text)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def coming_back(status: int, headers: Mapping[str, str], body: bytes) -> Coming | None:
    """Read where a window sends the browser: by a redirect, or by a page whose form posts itself."""
    if status in (302, 303):
        return Coming("GET", headers["location"])
    page = body.decode("utf-8", "replace")
    action = re.search(r'<form[^>]*action="([^"]*)"', page)
    if not action or not action[1].startswith("http"):
        return None
    found = re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', page)
    fields = {html.unescape(name): html.unescape(value) for name, value in found}
    return Coming("POST", html.unescape(action[1]), urlencode(fields).encode())
