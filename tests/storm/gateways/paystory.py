"""Pay-Story in a storm: a window by its script on our page, an inquiry, and a cancellation by order number."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from bridge.gateways.paystory.settings import TEST_KEY
from tests.storm.gateways.setup import Parts, Setup
from tests.storm.gateways.window import Browser, Entered, entered, hidden

MOODS: Mapping[str, tuple[Any, ...]] = {
    "order_cancel_blocks": (True, False),
    "query_lag_seconds": (0.0, 3.0, 3.0, 30.0),
    "net_cancel_seconds": (3_600.0, 3_600.0, 300.0),
    "notice_ack": ("json", "http"),
}


async def enter(browser: Browser, window_url: str) -> Entered | None:
    """SendPay(form) posts our page's fields to the window."""
    ours = await browser.ask_bridge("GET", window_url)
    fields = hidden(ours) if ours is not None else {}
    if "encData" not in fields:
        return None
    url = f"{browser.origin}/paystory/pg/order"
    return entered(url, await browser.ask_gateway("POST", url, urlencode(fields).encode()))


def forge(body: bytes) -> bytes:
    """Tell of another amount with the hash of the true one."""
    return body.replace(b"goodsAmt=", b"goodsAmt=9").replace(b"&tid=", b"&tid=9")


def _tokens(desk: Any) -> list[str]:
    return [session.sign_data for session in desk._till.sessions.values() if session.sign_data]


def _typed_keys(desk: Any) -> dict[str, bool]:
    return {key: not one.deleted for key, one in desk._till.bills.items() if one.secret}


SETUP = Setup(
    "paystory",
    "paystory",
    lambda origin: {"pg_url": f"{origin}/paystory/pg", "office_url": f"{origin}/paystory/mms"},
    ("card", "card", "card", "virtual_account"),
    enter,
    {"card": "04", "installment": "00", "bank": "004"},
    frozenset({"approve", "bill"}),
    frozenset({"cancel"}),
    {"payment.do": b"", "payment.doBill": b"", "payment.cancel": b"partCanFlg=1"},
    frozenset({"payment.do", "payment.doBill"}),
    forge,
    declines={
        "approve": ("3002", "3030", "3004", "9998", "ZZ51"),
        "bill": ("3002", "3004", "ZZ51"),
        "regist": ("F005", "3021"),
        "cancel": ("2003", "2002", "9998"),
    },
    moods=MOODS,
    console=lambda urls: {"admin_notice_url": urls["noti"]},
    tokens=_tokens,
    secrets=(TEST_KEY,),
    no_more_than_left=True,
    parts=(
        Parts("goodsAmt", "goodsVat", ("goodsSplAmt", "goodsSvsAmt"), whole=True),
        Parts("canAmt", "goodsVat", ("goodsSplAmt", "goodsSvsAmt"), whole=True),
    ),
    parts_refused=("goodsVat", "공급가"),
    months=("quotaMon",),
    keys=(("card", False), ("phone", True)),
    key_secrets=lambda desk: list(desk._till.bills),
    charges_months=True,
    registers_by="payment.registBill",
    typed_keys=_typed_keys,
    unfindable={"regist": ("duplicate", "duplicate_unseen")},
    refunds_to_accounts=True,
)
