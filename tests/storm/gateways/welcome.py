"""Welcome in a storm: payment links, an approval at the address the browser brings, three kinds of notices."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bridge.gateways.welcome.sandbox_api import denyconfirm
from tests.storm.gateways.setup import Escrowing, Parts, Setup
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


STATES = {"0": "kept", "1": "cancelled", "3": "confirmed", "10": "denied"}
DELIVERY = {
    "report": "I",
    "exCode": "cjgls",
    "invoice": "612345678901",
    "invoiceDay": "20261121",
    "charge": "S",
    "registName": "창구",
    "sendName": "공연장",
    "sendTel": "02-123-4567",
    "sendPost": "04524",
    "sendAddr1": "서울 중구 세종대로 110",
    "sendAddr2": "1층",
    "recvName": "김하늘",
    "recvTel": "010-1234-5678",
    "recvPost": "04524",
    "recvAddr": "서울 중구 세종대로 110 2층",
}


def _typed_keys(desk: Any) -> dict[str, bool]:
    return {key: not one.deleted for key, one in desk._till.billkeys.items() if one.kind == "card"}


def _deal(desk: Any, ref: str) -> Any:
    return next((one for one in desk._till.deals.values() if one.oid == ref), None)


def _stands(desk: Any, ref: str) -> str:
    deal = _deal(desk, ref)
    return STATES.get(deal.escrow, "") if deal is not None else ""


def _decides(desk: Any, ref: str, said: str) -> bool:
    """Let the buyer say it on Welcome's own page."""
    deal = _deal(desk, ref)
    may = deal is not None and deal.delivered and deal.escrow == "0" and not deal.cancelled
    if may:
        deal.escrow = next(code for code, state in STATES.items() if state == said)
    return may


def _accepts(desk: Any, ref: str) -> bool:
    """Accept a denial in Welcome's console, which gives the money back."""
    deal = _deal(desk, ref)
    may = deal is not None and deal.escrow == "10" and not deal.cancelled and deal.book.net > 0
    if may:
        said = denyconfirm(desk._till, {"mid": deal.mid, "originalTid": deal.tid}, None)
        desk._send(deal, said.notices)
    return may


SETUP = Setup(
    "welcome",
    "welcome",
    lambda origin: {"api_url": f"{origin}/welcome/api", "approval_urls": origin},
    ("card", "card", "card", "virtual_account"),
    enter,
    {"card": "04", "installment": "00", "bank": "04"},
    frozenset({"approve", "keyin", "billpay"}),
    frozenset({"cancel", "repay"}),
    {"approve": b"", "noauth": b"", "repay": b"", "billpay": b""},
    frozenset({"approve", "noauth", "billpay"}),
    forge,
    is_signed=is_signed,
    declines={
        "make_url": ("V001", "R101", "01"),
        "approve": ("01", "R101", "R301", "V801"),
        "keyin": ("01", "R101", "R301"),
        "billkey": ("01", "R101"),
        "billpay": ("01", "R101", "R301"),
        "billkey_delete": ("R201",),
        "delivery": ("R201",),
        "buyconfirm": ("310015", "310020", "V900"),
        "buydeny": ("310017", "310020", "V900"),
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
    registers_by="/billkey/card",
    typed_keys=_typed_keys,
    unfindable={"billkey": ("duplicate", "duplicate_unseen")},
)
IN_ESCROW = replace(
    SETUP,
    name="welcome-escrow",
    settings=lambda origin: {**SETUP.settings(origin), "escrow": "yes"},
    escrow=Escrowing(
        {"delivery": DELIVERY, "confirm": {"buyName": "김하늘"}, "deny": {"buyName": "김하늘", "refundName": "김하늘"}},
        {"buyconfirm": "confirm", "buydeny": "deny"},
        _stands,
        _decides,
        _accepts,
    ),
)
"""Its windows are in escrow: what a card, a transfer or an account paid waits for the buyer's word."""
