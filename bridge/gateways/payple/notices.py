"""Reads Payple's webhooks: the fields of a result, as form or JSON, without any proof. They only make us ask."""

import hashlib
import json
from collections.abc import Mapping

from bridge.domain.exchange import Fields
from bridge.domain.failures import Malformed, Unreadable
from bridge.domain.forms import parse_form
from bridge.domain.gateway import Ack, Circumstantial, Event, Notice
from bridge.domain.payment import AMOUNT_MAX
from bridge.domain.strictjson import loads
from bridge.domain.texts import won_told
from bridge.gateways.payple import codes
from bridge.gateways.payple.answers import card, refs

ACK = Ack("OK", "text/plain")
"""Any body will do: status 200 within ten seconds is what Payple looks for."""

_UNSIGNED = Circumstantial("unguessable address; the inquiry says what is true")
BYTES_MAX = 64 * 1024


def read(raw: bytes) -> Notice:
    """Read a webhook. Raises Unreadable for other shapes."""
    form = _form(raw)
    if not form.get("PCD_PAY_OID"):
        raise Unreadable("The webhook has no PCD_PAY_OID.")
    event = _event(form)
    amount = form.get("PCD_REFUND_TOTAL", "") if event is Event.CANCELLED else form.get("PCD_PAY_TOTAL", "")
    fields = Fields(form)
    return Notice(
        event=event,
        dedupe=_name(form),
        merchant_ref=form["PCD_PAY_OID"],
        amount=won_told(amount) if event is Event.CANCELLED else _won(amount) if event is Event.APPROVED else 0,
        proof=_UNSIGNED,
        refs=refs(fields) if event is Event.APPROVED else {},
        card=card(fields) if event is Event.APPROVED else {},
        alike=event is Event.CANCELLED,
    )


def _form(raw: bytes) -> dict[str, str]:
    if raw.lstrip()[:1] != b"{":
        return parse_form(raw, cp949_allowed=True)
    value = loads(raw, bytes_max=BYTES_MAX)
    if not isinstance(value, dict):
        raise Malformed("The webhook is not a JSON object.")
    return {
        name: str(part) for name, part in value.items() if isinstance(part, str | int) and not isinstance(part, bool)
    }


def _event(form: Mapping[str, str]) -> Event:
    if form.get("PCD_PAY_RST") != "success":
        return Event.OTHER
    code, back = form.get("PCD_PAY_CODE", ""), form.get("PCD_REFUND_TOTAL", "")
    if back not in ("", "0") or code.startswith(codes.GIVEN_BACK):
        return Event.CANCELLED
    return Event.APPROVED if form.get("PCD_PAY_WORK") != "AUTH" else Event.OTHER


def _name(form: Mapping[str, str]) -> str:
    """Name an event by everything that decides its effect."""
    names = ("PCD_PAY_RST", "PCD_PAY_CODE", "PCD_PAY_OID", "PCD_PAY_TOTAL", "PCD_REFUND_TOTAL", "PCD_PAY_TIME")
    parts = json.dumps([form.get(name, "") for name in (*names, "PCD_PAY_CARDTRADENUM", "PCD_CARDTRADENUM")])
    return f"payple:{hashlib.sha256(parts.encode()).hexdigest()[:32]}"


def _won(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 0 < int(text) <= AMOUNT_MAX):
        raise Unreadable("The webhook's amount is not an amount of KRW.")
    return int(text)
