"""Reads PayApp's notices (feedbackurl, common address, failurl): authenticated by three shared values, bound by mul_no.

Anybody may ask PayApp for a payment in the seller's name, with our var1 in it, and pay that. Its notice is genuine and
yet not ours: it lacks our mark in var2, or names another mul_no than the one we were given. (manual, 결제통보)"""

import hashlib
import hmac
import json
from dataclasses import replace

from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.forms import parse_form
from bridge.domain.notices import Ack, Circumstantial, Event, Notice, SharedValue
from bridge.domain.paid_time import read_moment
from bridge.domain.payment import AMOUNT_MAX
from bridge.domain.texts import won_told
from bridge.gateways.payapp import codes
from bridge.gateways.payapp.talk import Talk

DETAILS = (
    "rebill_no", "qrurl", "paymethod_group", "naverpay", "naverpoint", "smilepay_smilecash", "smilepay_discountamt",
)  # fmt: skip
"""What people may see of how a payment was made: its plan, the QR of its window, and what shared the amount."""

KEPT = (
    "mul_no", "orig_mul_no", "csturl", "pay_type", "paymethod_group", "payauthcode", "rebill_no", "naverpoint",
    "naverpay", "smilepay_smilecash", "smilepay_discountamt", "ResultMsg",
)  # fmt: skip
"""What a later cancel needs, what a receipt shows, and how points and cash share the amount."""

TYPED = {"address": "pay_addr", "memo": "pay_memo"}
"""What the buyer wrote on the payment page; the address only where `ask_address` is 1 (reqaddr)."""

ACK = Ack("SUCCESS", "text/plain")

UNPRICED = (Event.OTHER, Event.ROUND_FAILED)
"""What need name no price. A round that failed need name no mul_no either, and where it does it may be another round's:
failurl's fields are printed nowhere, and what was not charged is no payment that could be cancelled by a number."""

QUIET = (Event.REQUESTED, Event.REQUEST_CANCELLED, *UNPRICED)
"""What a plan's notices tell of without money having moved: acknowledged even where nobody knows the plan."""

SHOWN = "script"
"""The address that the JS API is given, in the buyer's browser. The shared values go wherever a request's own
feedbackurl leads, and anybody may make one: whoever has both could tell of money that nobody paid. So only the address
that no browser has seen is believed about money: the common one of the seller's office tells the same (feedbacktype 1).
"""
KINDS = ("feedback", SHOWN)
BELIEVED_WHEN_SHOWN = (Event.REQUESTED, Event.ROUND_FAILED)
"""No money moves by these. PayApp waits for the first's acknowledgement; the second goes to failurl alone."""
MOVES_MONEY = (Event.APPROVED, Event.DEPOSITED, Event.CANCELLED, Event.PART_CANCELLED)

UNNUMBERED = ("j", "b", "p")
"""Ways of asking that are given no mul_no before the first notice: the JS API, a charge, a plan."""


def read(raw: bytes, talk: Talk, address: str = KINDS[0]) -> Notice:
    """Read a notice by the kind of its address. Raises Unreadable for other shapes, NotGenuine without all three
    shared values."""
    notice = _read(raw, talk)
    if address != SHOWN:
        return notice
    if notice.event in BELIEVED_WHEN_SHOWN:
        return replace(notice, plan="")  # by its number a plan is ended: anybody's word would end another customer's
    event = Event.UNBELIEVED if notice.event in MOVES_MONEY else Event.OTHER
    return replace(notice, event=event, proof=Circumstantial("an address and values that buyers may know"))


def _read(raw: bytes, talk: Talk) -> Notice:
    form = parse_form(raw, cp949_allowed=True)
    settings = talk.settings
    for name, ours in (("userid", settings.userid), ("linkkey", settings.linkkey), ("linkval", settings.linkval)):
        if not hmac.compare_digest(form.get(name, "").encode(), ours.encode()):
            raise NotGenuine("The notice does not carry the seller's shared values.")
    state, number = form.get("pay_state", ""), form.get("mul_no", "")
    event = codes.EVENTS.get(state, Event.OTHER)
    if not state or not (number or event is Event.ROUND_FAILED):
        raise Unreadable("The notice names no pay_state or mul_no.")
    if state == "4" and form.get("pay_type") == codes.VIRTUAL_ACCOUNT:
        event = Event.DEPOSITED
    told_of = form.get("var1", "")
    kind = talk.sealed_kind(told_of, form.get("var2", ""))
    part, about = event is Event.PART_CANCELLED, form.get("orig_mul_no") or number
    names_itself = part and about == number  # a part has a number of its own: of what it is our mark alone tells
    price = _price(form, event)
    whole = event is Event.CANCELLED and not price  # it says all the same what is left
    told_left = price if whole or (part and settings.partial_price == "remaining" and _says_price(form)) else None
    return Notice(
        event=event,
        dedupe=_event(
            codes.SAME.get(state, state),
            number or told_of,
            form.get("orig_mul_no", ""),
            str(price),
            _day_of(form, event),
        ),
        merchant_ref=told_of,
        amount=0 if part and settings.partial_price == "remaining" else price,
        proof=SharedValue(),
        refs={name: form[name] for name in KEPT if form.get(name)},
        currency=form.get("currency", "krw").upper() or "KRW",
        binding={} if kind in UNNUMBERED or (kind and names_itself) else {"mul_no": about},
        paid_binding={"mul_no": about} if kind and not names_itself else {},
        request=about if kind == "j" else "",
        readings=_readings(price, form, settings.partial_price) if part and _says_price(form) else (),
        left=told_left,
        card=_card(form),
        account=_account(form) if event is Event.ISSUED else {},
        foreign=not kind or (kind == "p" and event in QUIET),
        round=about if kind == "p" and event is not Event.ROUND_FAILED else "",
        plan=form.get("rebill_no", ""),
        code=state if event is Event.ROUND_FAILED else "",
        message=form.get("ResultMsg", "") if event is Event.ROUND_FAILED else "",
        typed={name: form[field] for name, field in TYPED.items() if form.get(field)},
        method=codes.method(form.get("pay_type", ""), form.get("paymethod_group", "")),
        paid_at=read_moment(form.get("pay_date", "")),
        gone_at=read_moment(form.get("canceldate", "")),
    )


def _price(form: dict[str, str], event: Event) -> int:
    """Read the price; 0 where it need name none, or where a cancel names one that cannot be read: it is news all the
    same, and nobody else may tell of it."""
    if event in UNPRICED:
        return 0
    return won_told(form.get("price", "")) if event in (Event.CANCELLED, Event.PART_CANCELLED) else _won(form, "price")


def _says_price(form: dict[str, str]) -> bool:
    return form.get("price") == "0" or won_told(form.get("price", "")) > 0


def _readings(price: int, form: dict[str, str], partial_price: str) -> tuple[int, ...]:
    """Give what price may mean in a notice of a part: the manual's words fit the part, and what is left.

    Two readings are a person's, where none is a refund of ours; so is what fits together in no way. Genuine news that
    nobody understands is never nobody's.
    """
    original = won_told(form.get("orig_price", ""))
    if partial_price == "cancelled":
        return (price,)
    if partial_price == "remaining":
        return (original - price,) if price < original else ()
    return (price, max(original - price, 0))


def _card(form: dict[str, str]) -> dict[str, str]:
    card = {
        "number": form.get("card_num", ""),
        "name": form.get("card_name", ""),
        "installment": form.get("card_quota", ""),
        "approval_no": form.get("payauthcode", ""),
    }
    return {name: value for name, value in card.items() if value}


def _account(form: dict[str, str]) -> dict[str, str]:
    if not form.get("vbankno"):
        raise Unreadable("The notice of an account names none.")
    return {"bank_code": "", "bank": form.get("vbank", ""), "number": form["vbankno"], "holder": ""}


def _event(*parts: str) -> str:
    """Name an event by everything that decides its effect: both addresses tell of it, and it may come ten times."""
    return f"payapp:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}"


def _day_of(form: dict[str, str], event: Event) -> str:
    """Tell two cancels under one number apart, two rounds that failed, and two deposits into one account: nobody prints
    that each has its own."""
    return form.get({Event.ROUND_FAILED: "reqdate", Event.DEPOSITED: "pay_date"}.get(event, "canceldate"), "")


def _won(form: dict[str, str], name: str) -> int:
    text = form.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 0 < int(text) <= AMOUNT_MAX):
        raise Unreadable(f"The notice's {name} is not an amount of KRW.")
    return int(text)
