"""Mainpay in a storm, in both dialects: it cannot be asked, it takes back, its notices come from one address."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from bridge.gateways.mainpay import sandbox_notices
from tests.storm.gateways.setup import Parts, Receipting, Settings, Setup, Written
from tests.storm.gateways.window import Browser, Entered

NOTICE_SOURCE = "211.43.193.87"
KEY = "U1FVQVJFLTEwMDAxMTIwMTgwNDA2MDkyNTMyMTA1MjM0"
"""The key of Mainpay's published test shop."""
MOODS: Mapping[str, tuple[Any, ...]] = {
    "net_cancel_blocks": (True, False),
    "net_cancel_seconds": (0.0, 0.0, 0.0, 300.0),
    "empty_card_fields": (False, False, True),
    "notice_charset": ("utf-8", "utf-8", "cp949"),
}
ISSUES_KEYS = {"key_issue": ("duplicate", "duplicate_unseen")}
"""Executed twice, it makes a second key of which nothing tells."""
PAY_DECLINES = ("2001", "2002", "2003", "51", "500", "1003")
CHOICE = {"card": "04", "installment": "00", "bank": "04"}


async def enter(_browser: Browser, window_url: str) -> Entered | None:
    """Its window's buttons post what stands in its address."""
    address, _, query = window_url.partition("?")
    return Entered(address, dict(parse_qsl(query)))


def forge(body: bytes) -> bytes:
    """Tell of another amount and another transaction, as if it had been paid."""
    return body.replace(b"cmd=0", b"cmd=1").replace(b"TRNO=", b"TRNO=9").replace(b"AMT=", b"AMT=9")


def _settings(path: str) -> Settings:
    return lambda origin: {
        "api_url": f"{origin}/{path}/api",
        "relay_url": f"{origin}/{path}/relay",
        "notice_sources": NOTICE_SOURCE,
    }


def _tokens(desk: Any) -> list[str]:
    return [session.token for session in desk._till.sessions.values() if session.token]


def _written(desk: Any) -> list[Written]:
    found = desk._till.receipts.items()
    return [Written(one.merchant_ref, ref_no, not one.cancelled) for ref_no, one in found]


def _cancel_receipt(desk: Any, ref_no: str) -> None:
    till = desk._till
    till.receipts[ref_no].cancelled = True
    cancelled = (till.receipts[ref_no], sandbox_notices.CANCELLED, till.next_ref_no(), ref_no)
    sandbox_notices.tell_receipt(till, *cancelled)


def _typed_keys(desk: Any) -> dict[str, bool]:
    return {key: not one.deleted for key, one in desk._till.bill_keys.items()}


def _setup(name: str, path: str, **more: Any) -> Setup:
    return Setup(
        name,
        "mainpay",
        _settings(path),
        ("card", "card", "virtual_account"),
        enter,
        CHOICE,
        frozenset({"pay", "keyin", "key_charge"}),
        frozenset({"cancel", "part_cancel", "key_cancel"}),
        approval_paths=frozenset({"pay", "card-keyin", "trans"}),
        forge=forge,
        moods=MOODS,
        tokens=_tokens,
        secrets=(KEY,),
        notice_source=NOTICE_SOURCE,
        blind=True,
        many_deposits="fixed_accounts",
        parts=(Parts("amount", "taxAmt"),),
        parts_refused=("(taxAmt)",),
        months=("availableInstallment",),
        offers_months=True,
        **more,
    )


SETUPS = (
    _setup(
        "mainpay-live",
        "mainpay",
        sent_once={"pay": b"", "card-keyin": b"", "part-cancel": b"", "register": b"objectRefNo", "trans": b"billkey"},
        types_cards=True,
        registers_by="card-auto/auth",
        typed_keys=_typed_keys,
        unfindable=ISSUES_KEYS,
        refunds_to_accounts=True,
        transfers=True,
        console=lambda notices: {"receipt_notice_url": notices["noti"], "card_notice_url": notices["noti"]},
        receipts=Receipting("cash-receipt/trans", "cash-receipt/cancel", _written, _cancel_receipt),
        declines={
            "ready": ("1001", "2001", "500"),
            "pay": (*PAY_DECLINES, "ma"),
            "keyin": PAY_DECLINES,
            "key_issue": PAY_DECLINES,
            "key_charge": PAY_DECLINES,
            "key_cancel": ("3001", "3003", "500"),
            "net_cancel": ("3001", "3003", "500"),
            "cancel": ("3001", "3003", "500"),
            "part_cancel": ("3001", "3003", "500"),
            "transfer": ("3001", "500"),
        },
    ),
    _setup(
        "mainpay-guide",
        "mainpay-guide",
        sent_once={"pay": b""},
        undo_by_amount=True,
        declines={"ready": ("1001", "500"), "pay": PAY_DECLINES, "cancel": ("401", "500")},
    ),
)
