"""The three notices Welcome's sandbox sends: a deposit on the PC service, the mobile service's, and the unified one.

PC and mobile: Welcome's manual (stdweb02, mobile02). Unified: as receivers in production read it."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial

from bridge.gateways.welcome.sandbox_till import Deal, Link, Till
from bridge.gateways.welcome.sandbox_words import CARDS, MOBILE_TYPES, form_body
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.notices import Notice

FORM = "application/x-www-form-urlencoded"
JSON = "application/json; charset=utf-8"
PC_PAUSES = (60.0,) * 9
MOBILE_PAUSES = (600.0,) * 144
PG_PAUSES = (60.0,) * 20
"""PC: ten times at most. Mobile: about every ten minutes for a day. Unified: up to twenty repeats (noti01)."""


def ok_acked(status: int, body: bytes) -> bool:
    """Judge the answer to a PC or mobile notice: status 200 and the two letters OK, nothing before or after."""
    return status == 200 and body == b"OK"


def pg_acked(wanted: str, status: int, body: bytes) -> bool:
    """Judge the answer to a unified notice: status 200 and exactly the agreed text."""
    return status == 200 and body == wanted.encode()


def pc_fields(till: Till, deal: Deal, amount: int, *, reversal: bool = False) -> dict[str, str]:
    """Make the fields of a deposit's notice on the PC service; `amount` in KRW."""
    now = till.world.now()
    return {
        "no_tid": deal.tid,
        "no_oid": deal.oid,
        "cd_bank": deal.account.get("bank", ""),
        "dt_trans": f"{now:%Y%m%d}",
        "tm_trans": f"{now:%H%M%S}",
        "no_vacct": deal.account.get("number", ""),
        "amt_input": str(amount),
        "type_msg": "0400" if reversal else "0200",
        "nm_input": deal.buyer,
    }


def mobile_fields(till: Till, link: Link, deal: Deal, status: str, amount: int) -> dict[str, str]:
    """Make what the mobile service says of a payment: as the approval's answer and as its notice. KRW."""
    found = {
        "P_STATUS": status,
        "P_TID": deal.tid,
        "P_TYPE": MOBILE_TYPES[deal.kind],
        "P_AUTH_DT": f"{till.world.now():%Y%m%d%H%M%S}",
        "P_MID": deal.mid,
        "P_OID": deal.oid,
        "P_AMT": str(amount),
        "P_UNAME": deal.buyer,
        "P_MNAME": "모의상점",
        "P_RMESG1": "입금 통보" if status == "02" else "성공",
        "P_NOTI": link.form.get("P_NOTI", ""),
    }
    if deal.kind == "vbank":
        found |= {"P_VACT_NUM": deal.account["number"], "P_VACT_BANK_CODE": deal.account["bank"]}
        found |= {"P_VACT_DATE": deal.account["due"]}
    if deal.kind == "card":
        code = deal.card.get("code", "")
        found |= {"P_FN_CD1": code, "P_FN_NM": CARDS.get(code, ""), "P_AUTH_NO": deal.approval}
        found |= {"P_CARD_NUM": deal.card.get("number", ""), "P_RMESG2": deal.card.get("quota", "00")}
    if link.billkey:
        found["P_HPP_BILLKEY"] = link.billkey
    return found


def pg_fields(till: Till, deal: Deal, amount: int, *, cancelled: bool = False) -> dict[str, str]:
    """Make the fields of a unified notice. A cancellation bears the approval's own number. KRW."""
    now = till.world.now()
    millis = str(int(now.timestamp() * 1000))
    key = till.settings.shops.get(deal.mid, {}).get("api_key", "")
    return {
        "mid": deal.mid,
        "pay_type": deal.kind,
        "bank_code": deal.account.get("bank", deal.card.get("code", "")),
        "transaction_flag": "-" if cancelled else "+",
        "order_no": deal.oid,
        "transaction_no": deal.tid,
        "approval_ymdhms": f"{deal.at:%Y%m%d%H%M%S}",
        "cancel_ymdhms": f"{now:%Y%m%d%H%M%S}" if cancelled else "",
        "amount": str(amount),
        "remain_amount": str(deal.book.net),
        "approval_no": deal.approval,
        "card_sell_mm": deal.card.get("quota", ""),
        "account_no": deal.account.get("number", ""),
        "deposit_ymdhms": f"{now:%Y%m%d%H%M%S}" if deal.kind == "vbank" and not cancelled else "",
        "deposit_amount": str(amount) if deal.kind == "vbank" and not cancelled else "",
        "deposit_name": deal.buyer if deal.kind == "vbank" else "",
        "product_code": deal.goods,
        "millis": millis,
        "hash_value": hashlib.sha256(f"{deal.mid}{deal.oid}{millis}{key}".encode()).hexdigest(),
        "echo": "",
    }


def _record(deal: Deal, kind: str) -> NoticeRecord:
    record = NoticeRecord(kind)
    deal.book.notices.append(record)
    return record


def unified(till: Till, deal: Deal, amount: int, *, cancelled: bool = False) -> list[Notice]:
    """Make the unified notice of an event, where it is contracted (an address is registered). KRW."""
    url = till.settings.pg_notice_url
    if not url:
        return []
    record = _record(deal, f"pg {'-' if cancelled else '+'}")
    return [pg_notice(till, url, pg_fields(till, deal, amount, cancelled=cancelled), record)]


def pg_notice(till: Till, url: str, fields: Mapping[str, str], record: NoticeRecord) -> Notice:
    """Make a unified notice of given fields."""
    body = json.dumps(dict(fields), ensure_ascii=False).encode()
    return Notice(record, url, body, JSON, partial(pg_acked, till.settings.pg_ack), PG_PAUSES)


def mobile(till: Till, link: Link, deal: Deal, status: str, amount: int) -> list[Notice]:
    """Make the mobile service's notice: 00 when paid or when an account is issued, 02 when it is paid into. KRW."""
    url = link.form.get("P_NOTI_URL", "")
    if not url:
        return []
    fields = mobile_fields(till, link, deal, status, amount)
    return [mobile_notice(url, fields, link.charset, _record(deal, f"mobile {status}"))]


def mobile_notice(url: str, fields: Mapping[str, str], charset: str, record: NoticeRecord) -> Notice:
    """Make a mobile notice of given fields."""
    return Notice(record, url, form_body(fields, charset), FORM, ok_acked, MOBILE_PAUSES)


def deposit(till: Till, link: Link | None, deal: Deal, amount: int) -> list[Notice]:
    """Make the notices of a deposit, by every route that has an address. KRW."""
    made = [*unified(till, deal, amount), *(mobile(till, link, deal, "02", amount) if link else [])]
    if till.settings.pc_notice_url:
        record = _record(deal, "pc 0200")
        made.append(pc_notice(till.settings.pc_notice_url, pc_fields(till, deal, amount), record))
    return made


def pc_notice(url: str, fields: Mapping[str, str], record: NoticeRecord) -> Notice:
    """Make a PC notice of given fields."""
    return Notice(record, url, form_body(fields, "utf-8"), FORM, ok_acked, PC_PAUSES)
