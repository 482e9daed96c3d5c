"""The notices Mainpay's sandbox sends: card (cmd 0 approved, 1 cancelled, 2 partly) and virtual account deposits.

No Mainpay document describes their fields; they are as receivers in production read them."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from bridge.gateways.mainpay.sandbox_desk import Receipt, Session, Till, Trade
from bridge.gateways.mainpay.sandbox_words import CARDS
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.notices import Notice

APPROVED = "0"
CANCELLED = "1"
PART_CANCELLED = "2"
FORM = "application/x-www-form-urlencoded"


def card_acked(status: int, body: bytes) -> bool:
    """Judge the answer to a card notice: status 200 and JSON whose resultCode is the text 0000."""
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return status == 200 and isinstance(answer, dict) and answer.get("resultCode") == "0000"


def deposit_acked(status: int, body: bytes) -> bool:
    """Judge the answer to a deposit notice: status 200 and the two letters OK, nothing before or after."""
    return status == 200 and body == b"OK"


def card_fields(till: Till, trade: Trade, cmd: str, ref_no: str, amount: int) -> dict[str, str]:
    """Make the fields of a card notice; `amount` in KRW, positive for cancellations too."""
    now = till.world.now()
    session = trade.session
    card = session.choice.get("card", "")
    return {
        "cmd": cmd,
        "paymethod": session.method,
        "payType": session.pay_type,
        "requestFlag": "K" if session.direct == "K" else "",
        "mbrNo": session.merchant,
        "refNo": ref_no,
        "tranDate": f"{now:%y%m%d}",
        "tranTime": f"{now:%H%M%S}",
        "mbrRefNo": session.merchant_ref,
        "orgRefNo": "" if cmd == APPROVED else trade.ref_no,
        "orgTranDate": "" if cmd == APPROVED else trade.tran_date,
        "vanCatId": "",
        "cardMerchNo": "",
        "applNo": trade.ref_no[-6:] + "00" if card else "",
        "issueCompanyNo": card,
        "acqCompanyNo": card,
        "cardNo": shown_card(session),
        "installNo": session.choice.get("installment", "00"),
        "goodsName": session.goods,
        "amount": str(amount),
        "customerName": session.customer.get("name", ""),
        "customerTelNo": session.customer.get("phone", ""),
        "customerEmail": session.customer.get("email", ""),
        "sid": "",
        "retailerCode": "",
    }


def shown_card(session: Session) -> str:
    """Show the card that was typed in, or make up a masked number of the issuer that was chosen in the window."""
    card = session.choice.get("card", "")
    return session.choice.get("masked") or (f"9{card}000******{card}34" if card else "")


def card_name(dialect: str, card: str) -> str:
    """Name an issuer."""
    return CARDS[dialect].get(card, "")


def deposit_fields(till: Till, trade: Trade, ref_no: str, amount: int, payer: str) -> dict[str, str]:
    """Make the fields of a deposit notice; `amount` in KRW."""
    now = till.world.now()
    return {
        "TRGUBUN": "V2",
        "STOREID": trade.session.merchant,
        "ORDNO": trade.session.merchant_ref,
        "REF_NO": trade.ref_no,
        "TRDATE": f"{now:%Y%m%d}",
        "TRTIME": f"{now:%H%M%S}",
        "ACCOUNTNO": trade.account.get("accountNo", ""),
        "RCPTNAME": payer or trade.session.customer.get("name", ""),
        "AMT": str(amount),
        "BANK_CODE": trade.account.get("bankCode", ""),
        "REPLYCODE": "0000",
        "TRNO": ref_no,
    }


def card_notice(till: Till, trade: Trade, cmd: str, ref_no: str, amount: int) -> list[Notice]:
    """Make the notice about a trade's money, if anybody wants it."""
    url = till.settings.card_notice_url or trade.session.notice_url
    if not url or not till.settings.card_notices:
        return []
    return [_notice(till, trade, f"card cmd={cmd}", url, card_fields(till, trade, cmd, ref_no, amount))]


def deposit_notice(till: Till, trade: Trade, ref_no: str, amount: int, payer: str) -> list[Notice]:
    """Make the notice about a deposit, if anybody wants it."""
    url = till.settings.deposit_notice_url or trade.session.notice_url
    return [_notice(till, trade, "deposit", url, deposit_fields(till, trade, ref_no, amount, payer))] if url else []


def tell_receipt(till: Till, receipt: Receipt, cmd: str, ref_no: str, org_ref_no: str) -> None:
    """Send the notice about a cash receipt issued or cancelled, if anybody wants it."""
    now, url = till.world.now(), till.settings.receipt_notice_url
    if not url:
        return
    values = {
        "cmd": cmd,
        "paymethod": "CASHRECEIPT",
        "mbrNo": receipt.merchant,
        "refNo": ref_no,
        "tranDate": f"{now:%y%m%d}",
        "tranTime": f"{now:%H%M%S}",
        "mbrRefNo": receipt.merchant_ref,
        "orgRefNo": org_ref_no,
        "orgTranDate": f"{receipt.at:%y%m%d}" if org_ref_no else "",
        "applNo": receipt.number,
        "amount": str(receipt.amount),
    }
    notice = bare_notice(till, f"receipt cmd={cmd}", url, values, NoticeRecord(f"receipt cmd={cmd}"))
    fault = till.world.faults.pick("mainpay", "notice", receipt.merchant_ref, receipt.amount)
    till.world.spawn(till.world.notices.deliver(notice, fault))


def _notice(till: Till, trade: Trade, kind: str, url: str, values: Mapping[str, Any]) -> Notice:
    record = NoticeRecord(kind)
    trade.book.notices.append(record)
    return bare_notice(till, kind, url, values, record)


def bare_notice(till: Till, kind: str, url: str, values: Mapping[str, Any], record: NoticeRecord) -> Notice:
    """Make a notice of given fields, in the set charset."""
    body = urlencode(values, encoding=till.settings.notice_charset, errors="replace").encode("ascii")
    return Notice(record, url, body, FORM, deposit_acked if kind == "deposit" else card_acked)
