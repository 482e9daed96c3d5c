"""Reads Mainpay's notices: card (cmd 0 approved, 1 cancelled, 2 part cancelled) and virtual-account deposit."""

import hashlib
import json
from datetime import datetime

from bridge.domain.exchange import KST
from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.forms import parse_form
from bridge.domain.gateway import Ack, Circumstantial, Notice
from bridge.domain.notices import Original
from bridge.domain.paid_time import read_moment
from bridge.domain.payment import AMOUNT_MAX
from bridge.domain.texts import won_told

EVENTS = {"0": "approved", "1": "cancelled", "2": "part_cancelled"}
CANCELS = ("1", "2")
_UNSIGNED = Circumstantial("unguessable address, source address, fields equal to our record")


def read(raw: bytes, mbr_no: str) -> Notice:
    """Read a notice. Raises Unreadable for other shapes, NotGenuine for another merchant's."""
    form = parse_form(raw, cp949_allowed=True)
    if "ORDNO" in form:
        return _deposit(form, mbr_no)
    if "cmd" in form:
        return _card(form, mbr_no)
    raise Unreadable("The notice is neither a card notice (cmd) nor a deposit notice (ORDNO).")


def acknowledge(raw: bytes) -> Ack:
    """Give the exact answer: OK for deposits, the JSON of receivers in production for cards."""
    form = parse_form(raw, cp949_allowed=True)
    if "ORDNO" in form:
        return Ack("OK", "text/plain")
    named = {name: form.get(name, "") for name in ("mbrNo", "mbrRefNo", "refNo")}
    body = json.dumps({"resultCode": "0000", "message": "정상"} | named, ensure_ascii=False, separators=(",", ":"))
    return Ack(body, "application/json; charset=utf-8")


def _card(form: dict[str, str], mbr_no: str) -> Notice:
    if form.get("mbrNo") != mbr_no:
        raise NotGenuine("The notice is about another merchant.")
    refs = {name: form[name] for name in ("refNo", "orgRefNo", "tranDate", "orgTranDate", "applNo") if form.get(name)}
    moment = form.get("tranDate", "") + form.get("tranTime", "")
    return Notice(
        event=EVENTS.get(form["cmd"], "other"),
        dedupe=_event(
            "card", form["cmd"], form.get("refNo", ""), form.get("mbrRefNo", ""), moment, form.get("amount", "")
        ),
        merchant_ref=form.get("mbrRefNo", ""),
        amount=(won_told if form["cmd"] in CANCELS else _won)(form.get("amount", "")),
        proof=_UNSIGNED,
        refs=refs,
        original=_original(form) if form["cmd"] in CANCELS else None,
    )


def _original(form: dict[str, str]) -> Original | None:
    """Read what a cancel is of (orgRefNo, orgTranDate); nothing where they are no number and no day."""
    number, day = form.get("orgRefNo", ""), form.get("orgTranDate", "")
    if not (number.isascii() and number.isalnum() and len(day) in (6, 8) and day.isascii() and day.isdigit()):
        return None
    try:
        return Original("refNo", number, datetime.strptime(day[-6:], "%y%m%d").replace(tzinfo=KST).date())
    except ValueError:
        return None


def _deposit(form: dict[str, str], mbr_no: str) -> Notice:
    if form.get("STOREID") != mbr_no:
        raise NotGenuine("The notice is about another merchant.")
    deposited = form.get("REPLYCODE") == "0000" and form.get("TRGUBUN") == "V2"
    moment = form.get("TRDATE", "") + form.get("TRTIME", "")
    return Notice(
        event="deposited" if deposited else "other",
        dedupe=_event(
            "deposit",
            *(form.get(name, "") for name in ("TRGUBUN", "REPLYCODE", "ORDNO", "REF_NO")),
            *(moment, form.get("ACCOUNTNO", ""), form.get("AMT", "")),
        ),
        merchant_ref=form["ORDNO"],
        amount=(won_told if deposited else _won)(form.get("AMT", "")),
        proof=_UNSIGNED,
        refs={"account_number": form.get("ACCOUNTNO", ""), "refNo": form.get("REF_NO", "")},
        paid_at=read_moment(moment),
    )


def _event(*parts: str) -> str:
    """Name an event by everything that decides its effect: a wrong report must not hide the right one after it."""
    return f"{parts[0]}:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"


def _won(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 0 < int(text) <= AMOUNT_MAX):
        raise Unreadable("The notice's amount is not an amount of KRW.")
    return int(text)
