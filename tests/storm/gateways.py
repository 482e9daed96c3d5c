"""The gateways a storm rages over, one row a set-up. A new gateway is a new row."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

NOTICE_SOURCE = "211.43.193.87"

Press = Callable[[str, str], tuple[str, bytes]]
"""Says how a buyer presses a button of the window: (address, body) for (window's address, action)."""


@dataclass(frozen=True, slots=True)
class Setup:
    """One gateway as a site has it set up. Operations are named as its sandbox names them.

    `approvals` move money; `refunds` give it back on request, and executed twice they can be found out by a notice
    alone where the gateway cannot be asked. `declines` are the codes with which each may be refused truthfully.
    `moods` are settings of its sandbox that no document settles: a storm draws them.
    `undo_by_amount`: what is taken back is the amount asked for, whatever was taken: more of it only a notice tells.
    `blind`: nobody can ask this gateway what happened, so what only a notice tells is never lost in a storm.
    """

    name: str
    gateway: str
    settings: Callable[[str], Mapping[str, str]]
    methods: tuple[str, ...]
    press: Press
    approvals: frozenset[str] = frozenset({"pay"})
    refunds: frozenset[str] = frozenset({"cancel", "part_cancel"})
    sent_once: frozenset[str] = frozenset({"pay", "part-cancel"})
    declines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moods: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    undo_by_amount: bool = False
    secrets: tuple[str, ...] = ()
    notice_source: str = NOTICE_SOURCE
    blind: bool = True

    @property
    def origin(self) -> str:
        """Where its sandbox is in a storm."""
        return f"http://{self.name}.test"


def press_mainpay(window_url: str, action: str) -> tuple[str, bytes]:
    """Press a button in Mainpay's window."""
    address, _, query = window_url.partition("?")
    values = dict(parse_qsl(query)) | {"card": "04", "installment": "00", "bank": "04", "action": action}
    return address, urlencode(values).encode()


def _mainpay(path: str) -> Callable[[str], Mapping[str, str]]:
    return lambda origin: {
        "api_url": f"{origin}/{path}/api",
        "relay_url": f"{origin}/{path}/relay",
        "notice_sources": NOTICE_SOURCE,
    }


_KEY = "U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0"
"""The key of Mainpay's published test shop."""
_MOODS: Mapping[str, tuple[Any, ...]] = {
    "net_cancel_blocks": (True, False),
    "net_cancel_seconds": (0.0, 0.0, 0.0, 300.0),
    "empty_card_fields": (False, False, True),
    "notice_charset": ("utf-8", "utf-8", "cp949"),
}
_PAY_DECLINES = ("2001", "2002", "2003", "51", "500", "1003")

SETUPS = (
    Setup(
        "mainpay-live",
        "mainpay",
        _mainpay("mainpay"),
        ("card", "card", "virtual_account"),
        press_mainpay,
        moods=_MOODS,
        secrets=(_KEY,),
        declines={
            "ready": ("1001", "2001", "500"),
            "pay": (*_PAY_DECLINES, "ma"),
            "net_cancel": ("3001", "3003", "500"),
            "cancel": ("3001", "3003", "500"),
            "part_cancel": ("3001", "3003", "500"),
        },
    ),
    Setup(
        "mainpay-guide",
        "mainpay",
        _mainpay("mainpay-guide"),
        ("card", "card", "virtual_account"),
        press_mainpay,
        moods=_MOODS,
        secrets=(_KEY,),
        sent_once=frozenset({"pay"}),
        undo_by_amount=True,
        declines={"ready": ("1001", "500"), "pay": _PAY_DECLINES, "cancel": ("401", "500")},
    ),
)


@dataclass(frozen=True, slots=True)
class Coming:
    """What the buyer's browser does when the window is done with it."""

    method: str
    url: str
    body: bytes = b""


def coming_back(status: int, headers: Mapping[str, str], body: bytes) -> Coming | None:
    """Read where a window sends the browser: by a redirect, or by a page whose form posts itself."""
    if status == 303:
        return Coming("GET", headers["location"])
    page = body.decode("utf-8", "replace")
    action = re.search(r'<form[^>]*action="([^"]*)"', page)
    if not action or not action[1].startswith("http"):
        return None
    found = re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', page)
    fields = {html.unescape(name): html.unescape(value) for name, value in found}
    return Coming("POST", html.unescape(action[1]), urlencode(fields).encode())
