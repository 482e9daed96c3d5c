"""Welcome in a storm: payment links, an approval at the address the browser brings, three kinds of notices."""

import json
from collections.abc import Mapping
from typing import Any

from tests.storm.gateways.setup import Parts, Setup
from tests.storm.gateways.window import Browser, Entered

SIGN_KEY = "b3VGY2R5ZzI5M2xCZzhrT0paQ1oxQT09"
MOODS: Mapping[str, tuple[Any, ...]] = {
    "confirm_price_locks": (True, False),
    "approve_seconds": (300.0, 300.0, 60.0),
    "already_message": ("이미 취소된 거래입니다.", "기취소 거래"),
    "already_code": ("500626", "R201"),
}


async def enter(_browser: Browser, window_url: str) -> Entered | None:
    """A payment link's page posts to itself."""
    return Entered(window_url)


def is_signed(body: bytes) -> bool:
    """Only the unified notice has a hash."""
    return body.startswith(b"{")


def forge(body: bytes) -> bytes:
    """Tell of another amount; with a hash that covers the order but not the amount, of another order."""
    if is_signed(body):
        told = json.loads(body)
        return json.dumps(told | {"order_no": told["order_no"][::-1], "amount": "9" + told["amount"]}).encode()
    return body.replace(b"P_AMT=", b"P_AMT=9").replace(b"amt_input=", b"amt_input=9")


SETUP = Setup(
    "welcome",
    "welcome",
    lambda origin: {"api_url": f"{origin}/welcome/api", "approval_urls": origin},
    ("card", "card", "card", "virtual_account"),
    enter,
    {"card": "04", "installment": "00", "bank": "04"},
    frozenset({"approve", "keyin"}),
    frozenset({"cancel", "repay"}),
    {"approve": b"", "noauth": b"", "repay": b""},
    frozenset({"approve", "noauth"}),
    forge,
    is_signed=is_signed,
    declines={
        "make_url": ("V001", "R101", "01"),
        "approve": ("01", "R101", "R301", "V801"),
        "keyin": ("01", "R101", "R301"),
        "cancel": ("R201", "R901", "01"),
        "repay": ("R201", "R901", "01"),
    },
    moods=MOODS,
    console=lambda urls: {"pg_notice_url": urls["pg"], "pc_notice_url": urls["pc"]},
    secrets=(SIGN_KEY,),
    parts=(Parts("cancelPrice", "tax", ("taxfree",)),),
    parts_refused=("부가세",),
    months=("P_QUOTABASE",),
    offers_months=True,
    keys=(("phone", True),),
    blind=True,
    types_cards=True,
)
