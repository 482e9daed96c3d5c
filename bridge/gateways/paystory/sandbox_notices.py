"""The notices Pay-Story's sandbox sends: approvals, deposits and cancellations, signed, in both acknowledgement modes.

Fields, hash and acknowledgements: billing guide 10; number and interval of repeats are a setting of the shop's."""

import json
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from bridge.gateways.paystory.sandbox_desk import Cancelled, Till, Trade
from bridge.gateways.paystory.sandbox_words import CARDS, digest, message
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.notices import Notice

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def acked_by_status(status: int, _body: bytes) -> bool:
    """Judge an answer in the mode `http`: any status 200."""
    return status == 200


def acked_by_json(status: int, body: bytes) -> bool:
    """Judge an answer in the mode `json`: status 200 and the object {"resultCd":"0000"}, with nothing else in it."""
    try:
        return status == 200 and json.loads(body) == {"resultCd": "0000"}
    except ValueError:
        return False


ACKS: Mapping[str, Callable[[int, bytes], bool]] = {"http": acked_by_status, "json": acked_by_json}


def masked_card(card: str) -> str:
    """Make up a masked card number of an issuer: its six middle digits hidden."""
    return f"9{card}0{card}******{card}34" if card else ""


def own_fields(trade: Trade) -> dict[str, str]:
    """Give the fields that only one method has. (guide 5.4, 10)"""
    card = trade.choice.get("card", "")
    cash = "1" if trade.choice.get("cash_receipt") == "1" else "0"
    match trade.method:
        case "CARD":
            return {
                "appNo": f"{trade.tid[-8:]}",
                "appCardCd": card,
                "acqCardCd": card,
                "cpCd": card,
                "fnNm": CARDS.get(card, ""),
                "cardNo": trade.choice.get("number", "") or masked_card(card),
                "cardType": "0",
                "quota": trade.choice.get("installment", "00"),
                "authType": "01",
                "usePointAmt": "0",
            }
        case "VACNT":
            return {"cashCrctFlg": cash if trade.deposited else "0", **trade.account}
        case "PHONE":
            return {"socHpNo": masked_phone(trade.form.get("ordTel", ""))}
        case "BANK":
            return {"appNo": trade.tid[-8:], "cashCrctFlg": cash, "cpCd": "004", "fnNm": "국민은행"}
    return {"appNo": trade.tid[-8:], "cashCrctFlg": cash}


def masked_phone(number: str) -> str:
    """Hide the middle of a phone number."""
    return f"{number[:3]}****{number[-4:]}" if len(number) > 7 else ""


def fields(till: Till, trade: Trade, cancelled: Cancelled | None = None) -> dict[str, str]:
    """Make the fields of a notice; of a cancellation with its own tid, the original's in oTid."""
    now = till.world.now()
    code = trade.code
    if cancelled is not None:
        code = "2211" if trade.account else "2001"
    elif trade.deposited is not None:
        code = "4110"
    made = {
        "resultCd": code,
        "resultMsg": message(code),
        "payMethod": trade.method,
        "tid": cancelled.tid if cancelled else trade.tid,
        "oTid": trade.tid if cancelled else "",
        "mid": trade.merchant,
        "ordNo": trade.order,
        "goodsAmt": str(cancelled.amount if cancelled else trade.amount),
        "goodsName": trade.form.get("goodsNm", ""),
        "ordNm": trade.form.get("ordNm", ""),
        "currencyType": "KRW",
        "cancelYN": "Y" if cancelled else "N",
        "appDtm": f"{trade.deposited or trade.at:%Y%m%d%H%M%S}",
        "ccDtm": f"{cancelled.at:%Y%m%d%H%M%S}" if cancelled else "",
        "ediDate": f"{now:%Y%m%d%H%M%S}",
        "mbsReserved": trade.form.get("mbsReserved", ""),
        "mbsUsrId": trade.form.get("mbsUsrId", ""),
        **own_fields(trade),
    }
    return signed(made, till.settings.merchants[trade.merchant][0])


def signed(values: Mapping[str, str], key: str) -> dict[str, str]:
    """Put hashStr on a notice's fields."""
    return {**values, "hashStr": digest(values["mid"], values["ediDate"], values["goodsAmt"], key)}


def made(till: Till, trade: Trade, cancelled: Cancelled | None = None, url: str = "") -> list[Notice]:
    """Make the notice about a trade's money, if anybody wants it: to the address that this very request named, or else
    to the one registered with Pay-Story (guide 5.3, 7.3). What concerns a virtual account goes to the registered one
    and to no other, whatever a request said."""
    settings = till.settings
    named = url if cancelled else trade.notice_url
    url = settings.admin_notice_url if trade.account else named or settings.admin_notice_url
    if not url:
        return []
    record = NoticeRecord("cancel" if cancelled else "deposit" if trade.deposited else "approve")
    trade.book.notices.append(record)
    return [bare(till, url, fields(till, trade, cancelled), record)]


def bare(till: Till, url: str, values: Mapping[str, str], record: NoticeRecord) -> Notice:
    """Make a notice of given fields."""
    settings = till.settings
    pauses = (settings.notice_interval_seconds,) * max(0, int(settings.notice_tries) - 1)
    return Notice(record, url, urlencode(values).encode("ascii"), FORM, ACKS[settings.notice_ack], pauses)
