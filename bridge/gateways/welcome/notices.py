"""Reads Welcome's three notices: mobile (form, EUC-KR), PC deposit (form), unified (JSON, hashed). Each has its answer.

A deposit is told in all three, an approval in two: what tells of one event bears one name. (PAYAPI 7, noti 1 to 3)"""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.forms import parse_form
from bridge.domain.gateway import Ack, Circumstantial, Digest, Event, Notice, Proof
from bridge.domain.paid_time import read_moment
from bridge.domain.payment import AMOUNT_MAX
from bridge.domain.texts import won_told
from bridge.gateways.welcome.settings import WelcomeSettings
from bridge.gateways.welcome.talk import once

KINDS = ("mobile", "pc", "pg")
ACKS = {
    "mobile": Ack("OK", "text/plain"),
    "pc": Ack("OK", "text/plain"),
    "pg": Ack("0000 SUCCESS", "text/plain"),
}
TAKEN = ("00", "02")
"""P_STATUS of a payment and of a deposit; any other is a payment that failed. (mobile 3.2.5)"""
ACCOUNTS = frozenset({"VBANK", "VACCNT", "VACCT", "VACNT"})
OTHERS = frozenset({"ACCNT", "BANK", "CARD", "CREDIT_CARD", "HPP"})
CANCELS = frozenset({"CANCEL", "PART_CANCEL"})
"""What pay_type or bank_code of the unified notice say of an account and of a cancel. No page of Welcome's prints it;
receivers in production list AUTH, CANCEL, PART_CANCEL and CREDIT_CARD, ACCNT, VACCNT, and payType elsewhere says vbank.
So a deposit is one that tells when or how much was paid in, and a cancel one by any of the fields that say so; an
account that no word calls another's is one that was issued, as bank_code may be a bank's number."""
_UNSIGNED = Circumstantial("unguessable address, source address, fields equal to our record")
_UNREAD = Circumstantial("how much was paid in cannot be read")


def read(raw: bytes, kind: str, settings: WelcomeSettings) -> Notice:
    """Read a notice of a kind. Raises Unreadable for other shapes, NotGenuine for another shop's or a wrong hash."""
    if kind == "pg":
        return _unified(raw, settings)
    form = parse_form(raw, cp949_allowed=True)
    return _pc(form) if kind == "pc" else _mobile(form, settings)


def _mobile(form: dict[str, str], settings: WelcomeSettings) -> Notice:
    if not form.get("P_STATUS") or not form.get("P_OID"):
        raise Unreadable("The notice is no mobile notice (P_STATUS, P_OID).")
    if form.get("P_MID", settings.mid) != settings.mid:
        raise NotGenuine("The notice is about another shop.")
    account = form.get("P_TYPE") == "VBANK"
    event = {"00": Event.OTHER if account else Event.APPROVED, "02": Event.DEPOSITED}.get(form["P_STATUS"], Event.OTHER)
    refs = {"tid": form.get("P_TID", ""), "account_number": form.get("P_VACT_NUM", "")}
    nothing = form["P_STATUS"] not in TAKEN and not form.get("P_AMT", "").strip("0")
    may_be_unsaid = nothing or event is Event.DEPOSITED  # what failed moved nothing, and need name no amount
    amount = (won_told if may_be_unsaid else _won)(form.get("P_AMT", ""))
    return _notice(event, form["P_OID"], amount, refs, _UNSIGNED, form["P_STATUS"])


def _pc(form: dict[str, str]) -> Notice:
    if not form.get("no_oid") or not form.get("type_msg"):
        raise Unreadable("The notice is no deposit notice (no_oid, type_msg).")
    event = {"0200": Event.DEPOSITED, "0400": Event.CANCELLED}.get(form["type_msg"], Event.OTHER)
    refs = {"tid": form.get("no_tid", ""), "account_number": form.get("no_vacct", "")}
    moment = form.get("dt_trans", "") + form.get("tm_trans", "")
    amount = (_won if event is Event.OTHER else won_told)(form.get("amt_input", ""))
    mark = form["type_msg"] + moment  # of two equal reversals each has its own moment, a repeated notice keeps it
    return _notice(event, form["no_oid"], amount, refs, _UNSIGNED, mark, paid_at=read_moment(moment))


def _unified(raw: bytes, settings: WelcomeSettings) -> Notice:
    told = _genuine(raw, settings)
    kinds = {told.get(name, "").strip().upper() for name in ("pay_type", "bank_code")}
    refs = {"tid": told.get("transaction_no", ""), "account_number": told.get("account_no", "")}
    cancelled_at, left = told.get("cancel_ymdhms", ""), told.get("remain_amount", "")
    if told.get("transaction_flag") == "-" or kinds & CANCELS or _says(cancelled_at):
        event, amount = Event.CANCELLED if left == "0" else Event.PART_CANCELLED, won_told(told.get("amount", ""))
        return _notice(event, told["order_no"], amount, refs, Digest(), cancelled_at, left=_left(left))
    deposited_at, paid_in = (told.get(name, "") for name in ("deposit_ymdhms", "deposit_amount"))
    if _says(deposited_at) or _says(paid_in):
        amount, at = won_told(paid_in if _says(paid_in) else told.get("amount", "")), read_moment(deposited_at)
        proof = Digest() if amount else _UNREAD
        return _notice(Event.DEPOSITED, told["order_no"], amount, refs, proof, deposited_at, paid_at=at)
    is_issued = kinds & ACCOUNTS or (refs["account_number"] and not kinds & OTHERS)
    event, at = Event.OTHER if is_issued else Event.APPROVED, read_moment(told.get("approval_ymdhms", ""))
    return _notice(event, told["order_no"], _won(told.get("amount", "")), refs, Digest(), "", paid_at=at)


def _says(text: str) -> bool:
    """Tell whether a moment or a sum is there: zeros, blanks and words for nothing are none."""
    return any(sign in "123456789" for sign in text)


def _genuine(raw: bytes, settings: WelcomeSettings) -> dict[str, str]:
    try:
        found = json.loads(_decoded(raw), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The notice is not JSON, or names a field twice.") from error
    if not isinstance(found, dict):
        raise Unreadable("The notice is not a JSON object.")
    told = {str(name): _text(value) for name, value in found.items()}
    covered = told.get("mid", "") + told.get("order_no", "") + told.get("millis", "") + settings.api_key
    made = hashlib.sha256(covered.encode(errors="replace")).hexdigest()
    if not hmac.compare_digest(made.encode(), told.get("hash_value", "").encode(errors="replace")):
        raise NotGenuine("The notice's hash_value does not fit.")
    if told.get("mid") != settings.mid or not told.get("order_no"):
        raise NotGenuine("The notice is about another shop.")
    return told


def _decoded(raw: bytes) -> str:
    """Read text in UTF-8, or in the charset of old, which buyers' names may come in as with the mobile notice."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp949")


def _notice(
    event: Event,
    order: str,
    amount: int,
    refs: dict[str, str],
    proof: Proof,
    mark: str,
    *,
    left: int | None = None,
    paid_at: datetime | None = None,
) -> Notice:
    """Name the event by what happened: the same deposit or approval told in another format is the same event."""
    told_in_several = event in (Event.APPROVED, Event.DEPOSITED)
    parts = [str(event), order, refs["tid"], str(amount), refs["account_number"] if event is Event.DEPOSITED else ""]
    if not told_in_several:
        parts += [mark, str(left)]
    dedupe = f"welcome:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"
    known = {name: value for name, value in refs.items() if value}
    return Notice(event, dedupe, order, amount, proof, known, left=left, paid_at=paid_at)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def _left(text: str) -> int | None:
    """Read what is left, in KRW; the hash does not cover it, so what is no number says nothing."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


def _won(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 0 < int(text) <= AMOUNT_MAX):
        raise Unreadable("The notice's amount is not an amount of KRW.")
    return int(text)
