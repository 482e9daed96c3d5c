"""Reads Pay-Story's notices (10., Back-End 수신): all methods, approvals, deposits and cancellations, each hashed.

The hash covers mid, ediDate and goodsAmt alone, and so does the encData of a window (4.1), which lies in the buyer's
browser beside our notice address: whoever opens a window can make a notice over its sum.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping

from bridge.domain.exchange import Fields
from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.forms import parse_form
from bridge.domain.gateway import Ack, Circumstantial, Digest, Event, Notice
from bridge.domain.paid_time import read_moment
from bridge.domain.payment import AMOUNT_MAX
from bridge.domain.texts import end_of_day, won_told
from bridge.gateways.paystory import codes
from bridge.gateways.paystory.answers import KEPT, account_of, card, points
from bridge.gateways.paystory.writing import is_moment

ACK = Ack('{"resultCd":"0000"}', "application/json")
"""Status 200 and this JSON: fits both ways in which a shop may have its notices judged (http, json)."""

_UNMADE = Circumstantial("its code does not say that the cancellation was made: the inquiry says what is true")

Sign = Callable[[str, str], str]
"""Makes the hash of a moment (ediDate) and an amount, each as it was written."""


def read(raw: bytes, mid: str, sign: Sign) -> Notice:
    """Read a notice. Raises Unreadable for other shapes, NotGenuine for another shop's or a wrong hash."""
    form = parse_form(raw, cp949_allowed=True)
    if not form.get("ordNo") or not form.get("hashStr"):
        raise Unreadable("The notice has no ordNo or no hashStr.")
    if form.get("mid") != mid:
        raise NotGenuine("The notice is about another shop.")
    made = sign(form.get("ediDate", ""), form.get("goodsAmt", ""))
    fits = hmac.compare_digest(made.encode(), form["hashStr"].encode())
    if not fits or not is_moment(form.get("ediDate", "")):  # else digits could move from the moment into the amount
        raise NotGenuine("The notice's hash does not fit.")
    fields, event = Fields(form), _event(form)
    is_back = event in (Event.CANCELLED, Event.PART_CANCELLED)
    of_key = _is_of_key(event, form.get("goodsAmt", ""))
    event = Event.OTHER if of_key else event
    account = account_of(fields) if event is Event.ISSUED else {}
    due = end_of_day(form.get("lmtDay", "")) if event is Event.ISSUED else None
    return Notice(
        event=event,
        dedupe=_name(form),
        merchant_ref=form["ordNo"],
        amount=0 if of_key else (won_told if is_back else _won)(form.get("goodsAmt", "")),
        proof=_UNMADE if is_back and form.get("resultCd", "") in codes.NO_CANCELLATIONS else Digest(is_shared=True),
        refs=_refs(form, event),
        late_refs=_late_refs(form, event),
        currency=form.get("currencyType", "") or "KRW",
        card=card(fields) if form.get("payMethod") == "CARD" else {},
        account=account | ({"due": due.isoformat()} if due else {}),
        due=due,
        paid_at=read_moment(form.get("appDtm", "")) if event is Event.APPROVED else None,
        foreign=of_key,
    )


def _event(form: Mapping[str, str]) -> Event:
    code, method = form.get("resultCd", ""), form.get("payMethod", "")
    if form.get("cancelYN") == "Y":
        if code == codes.VOIDED:
            return Event.REQUEST_CANCELLED
        # A cancellation with a tid of its own beside the original's gives back its own amount, be it all of it (7.4).
        part = form.get("oTid", "") not in ("", form.get("tid", ""))
        return Event.PART_CANCELLED if part else Event.CANCELLED
    if method == "VACNT" and code == codes.ACCOUNT_ISSUED:
        return Event.ISSUED
    if code in codes.CAPTURED.get(method, ()):
        return Event.DEPOSITED if method == "VACNT" else Event.APPROVED
    return Event.OTHER


def _is_of_key(event: Event, amount: str) -> bool:
    """Tell a card that was registered, whose amount is 0 (11.1, 14.3): no payment's, and no money has moved."""
    return event in (Event.APPROVED, Event.OTHER) and amount != "" and not amount.strip("0")


def _refs(form: Mapping[str, str], event: Event) -> dict[str, str]:
    if event in (Event.CANCELLED, Event.PART_CANCELLED):
        return {"refNo": form["tid"]} if form.get("tid") else {}
    account = {"account_number": form["vacntNo"]} if form.get("vacntNo") else {}
    return {name: form[name] for name in KEPT if form.get(name)} | points(Fields(form)) | account


def _late_refs(form: Mapping[str, str], event: Event) -> dict[str, str]:
    """Read whether a cash receipt was issued (10., cashCrctFlg 1), and how much of it was paid in the card's points: no
    answer to an approval says either (4.3, 5.4)."""
    if event not in (Event.APPROVED, Event.DEPOSITED):
        return {}
    return ({"cashCrctFlg": "1"} if form.get("cashCrctFlg") == "1" else {}) | points(Fields(form))


def _name(form: Mapping[str, str]) -> str:
    """Name an event by everything that decides its effect."""
    names = ("resultCd", "cancelYN", "payMethod", "ordNo", "tid", "oTid", "goodsAmt", "appDtm", "ccDtm")
    parts = json.dumps([form.get(name, "") for name in names])
    return f"paystory:{hashlib.sha256(parts.encode()).hexdigest()[:32]}"


def _won(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 0 < int(text) <= AMOUNT_MAX):
        raise Unreadable("The notice's amount is not an amount of KRW.")
    return int(text)
