"""What Payple's sandbox tells of a payment: the result for the browser, and the webhook. Neither is signed.

Fields: card manual, 결제결과 수신. The webhook's two addresses are registered with Payple; each is asked by HEAD
before it is posted to, and only status 200 within ten seconds acknowledges."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from bridge.gateways.payple.sandbox_till import Till, Trade
from bridge.gateways.payple.sandbox_words import message
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.notices import Notice

FORM = "application/x-www-form-urlencoded; charset=UTF-8"
JSON = "application/json; charset=UTF-8"
ECHOED = (
    "PCD_PAYER_NO",
    "PCD_PAYER_EMAIL",
    "PCD_PAY_GOODS",
    "PCD_PAY_YEAR",
    "PCD_PAY_MONTH",
    "PCD_PAY_ISTAX",
    "PCD_PAY_TAXTOTAL",
    "PCD_REGULER_FLAG",
    "PCD_USER_DEFINE1",
    "PCD_USER_DEFINE2",
)


def acked(status: int, _body: bytes) -> bool:
    """Judge the answer to a webhook: status 200, no other."""
    return status == 200


def approved(till: Till, trade: Trade) -> dict[str, Any]:
    """Write what is told of an approval. (card manual, 이후결제, Response)"""
    return {
        "PCD_PAY_RST": "success",
        "PCD_PAY_CODE": "SPCD0000",
        "PCD_PAY_MSG": message("SPCD0000"),
        "PCD_PAY_TYPE": "card",
        "PCD_PAY_OID": trade.order,
        "PCD_PAYER_ID": trade.payer,
        "PCD_PAY_TOTAL": trade.amount,
        "PCD_PAY_TIME": f"{trade.at:%Y%m%d%H%M%S}",
        "PCD_PAY_CARDAUTHNO": trade.number[-8:],
        "PCD_PAY_CARDRECEIPT": f"{till.world.public_url}/payple/receipt/{trade.number}",
        **till.card_fields(trade.choice.get("card", ""), trade.number),
        **{name: trade.form[name] for name in ECHOED if trade.form.get(name)},
    }


def refunded(trade: Trade, amount: int) -> dict[str, Any]:
    """Write what is told of a refund of so many KRW. (card manual, 승인취소, Response)"""
    return {
        "PCD_PAY_RST": "success",
        "PCD_PAY_CODE": "PAYC0000",
        "PCD_PAY_MSG": message("PAYC0000"),
        "PCD_PAY_TYPE": "card",
        "PCD_PAY_OID": trade.order,
        "PCD_PAYER_ID": trade.payer,
        "PCD_REFUND_TOTAL": amount,
        **{name: trade.form[name] for name in ECHOED if trade.form.get(name)},
    }


def made(till: Till, trade: Trade, refund_amount: int = 0) -> list[Notice]:
    """Make the webhook about an approval, or about a refund of so many KRW, if an address is registered."""
    settings, name = till.settings, "cancel_webhook_url" if refund_amount else "webhook_url"
    url = settings.merchants.get(trade.merchant, {}).get(name) or getattr(settings, name)
    if not url:
        return []
    fields = refunded(trade, refund_amount) if refund_amount else approved(till, trade)
    if refund_amount and not settings.cancel_webhook_defines:
        fields = {name: value for name, value in fields.items() if not name.startswith("PCD_USER_DEFINE")}
    record = NoticeRecord("cancel" if refund_amount else "approve")
    trade.book.notices.append(record)
    return [bare(till, url, {**fields, "PCD_PAY_HOST": till.world.public_url, "PCD_PAY_URL": ""}, record)]


def bare(till: Till, url: str, fields: Mapping[str, Any], record: NoticeRecord) -> Notice:
    """Make a webhook of given fields."""
    if till.settings.webhook_json:
        return Notice(record, url, json.dumps(fields, ensure_ascii=False).encode(), JSON, acked, probe=True)
    return Notice(record, url, urlencode(fields).encode("ascii"), FORM, acked, probe=True)
