"""Payple in a storm: a window that we vouch for, two calls an act, webhooks that only make us ask."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from tests.storm.gateways.setup import Parts, Setup
from tests.storm.gateways.window import Browser, Entered, entered, hidden

CUST_KEY = "abcd1234567890"
REFUND_KEY = "a41ce010ede9fcbfb3be86b24858806596a9db68b79d138b147c3e563e1829a0"
MOODS: Mapping[str, tuple[Any, ...]] = {
    "webhook_json": (True, False),
    "cancel_webhook_defines": (True, False),
    "addresses_change": (True, False),
    "old_names": (False, True),
    "pass_once": (False, True),
    "credentials_anywhere": (False, True),
    "late_result_seconds": (0.0, 20.0, 90.0),
    "lookup_shows_refunds": (True, False),
    "parts_refused": (False, False, True),
}
DECLINES = ("CPAY0004", "CPAY0005", "CPAY0018", "SPAY0011", "ZZZZ0051")


async def enter(browser: Browser, window_url: str) -> Entered | None:
    """PaypleCpayAuthCheck(obj) has us vouch for the window, then posts the fields and the tokens to it."""
    ours = await browser.ask_bridge("GET", window_url)
    fields = hidden(ours) if ours is not None else {}
    if "payple_auth_file" not in fields:
        return None
    passed = await browser.ask_bridge("POST", fields["payple_auth_file"], urlencode(fields).encode())
    if passed is None or passed.status != 200:
        return None
    said = json.loads(passed.body)
    tokens = {"PCD_CST_ID": said["cst_id"], "PCD_CUST_KEY": said["custKey"], "PCD_AUTH_KEY": said["AuthKey"]}
    posted = {name: value for name, value in fields.items() if name.startswith("PCD_")} | tokens
    page = await browser.ask_gateway("POST", said["return_url"], urlencode(posted).encode())
    return entered(said["return_url"], page)


def forge(body: bytes) -> bytes:
    """Tell of another amount: nobody signs it."""
    return body.replace(b"PCD_PAY_TOTAL=", b"PCD_PAY_TOTAL=9").replace(b'"PCD_PAY_TOTAL": ', b'"PCD_PAY_TOTAL": 9')


def _tokens(desk: Any) -> list[str]:
    till = desk._till
    return [*(one.req_key for one in till.sessions.values() if one.req_key), *till.passes]


# Its webhooks of two refunds of one amount are the same, and its inquiry need not show refunds at all: that one was
# executed twice, two webhooks alone tell.
SETUP = Setup(
    "payple",
    "payple",
    lambda origin: {"cst_id": "sandboxshop", "host_url": f"{origin}/payple", "referer": "https://pay.test/"},
    ("card",),
    enter,
    {"card": "01"},
    frozenset({"confirm", "simple"}),
    frozenset({"refund"}),
    {"PayCardConfirmAct.php": b"", "SimplePayCardAct.php": b"", "cPayCAct.php": b""},
    frozenset({"PayCardConfirmAct.php", "SimplePayCardAct.php"}),
    forge,
    declines={
        "confirm": DECLINES,
        "simple": DECLINES,
        "refund": ("PAYC0005", "PAYC0004", "CPAY0018"),
        "auth": ("AUTH0001",),
    },
    moods=MOODS,
    console=lambda urls: {"webhook_url": urls["webhook"], "cancel_webhook_url": urls["webhook"]},
    tokens=_tokens,
    secrets=(CUST_KEY, REFUND_KEY),
    whole_again=True,
    is_signed=lambda _: False,
    doubles_told=True,
    parts=(Parts("PCD_PAY_TOTAL", "PCD_PAY_TAXTOTAL"), Parts("PCD_REFUND_TOTAL", "PCD_REFUND_TAXTOTAL")),
    parts_refused=("TAXTOTAL)",),
    keys=(("card", False), ("card", True)),
    key_secrets=lambda desk: list(desk._till.payers),
)

AT_ONCE = replace(
    SETUP,
    name="payple-at-once",
    settings=lambda origin: {**SETUP.settings(origin), "pay_work": "PAY"},
    approvals=frozenset({"window", "simple"}),
    sent_once={"SimplePayCardAct.php": b"", "cPayCAct.php": b""},
    approval_paths=frozenset({"SimplePayCardAct.php"}),
    keys=(("card", False),),
    declines={**SETUP.declines, "window": DECLINES},
)
"""Its window takes the money itself, and we only ask."""
