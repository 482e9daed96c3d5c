"""PayApp in a storm: the money moves in its window, without a call of ours, and it can be asked nothing."""

import random
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tests.storm.gateways.setup import Parts, Planning, Receipting, Setup, Written
from tests.storm.gateways.window import Browser, Entered, hidden

SELLER = "payapptest"
PAGE = re.compile(r"/payapp/p/[\w-]+")
KEYS = {"linkkey": "KEY0123456789", "linkval": "VAL0123456789"}
TOLD = ("1", "4", "4", "8", "9", "10", "64", "70", "71")
"""States of payments: asked, paid, cancelled, waiting, given back in whole or in part."""
MOODS: Mapping[str, tuple[Any, ...]] = {
    "partial_price": ("cancelled", "remaining"),
    "full_after_part_refused": (True, False),
    "linkkey_for_bills": (True, False),
}


async def enter(browser: Browser, window_url: str) -> Entered | None:
    """A request's page posts to itself. PayApp.payrequest(obj) of our own page makes the request first."""
    if window_url.startswith(browser.origin):
        return Entered(window_url)
    ours = await browser.ask_bridge("GET", window_url)
    fields = hidden(ours) if ours is not None else {}
    if "feedbackurl" not in fields:
        return None
    asked = await browser.ask_gateway("POST", f"{browser.origin}/payapp/lite/payrequest", urlencode(fields).encode())
    if asked.status == 303:
        return Entered(f"{browser.origin}{asked.headers['location']}")
    told = PAGE.search(asked.body.decode())  # without a phone's number PayApp asks for it, and sends the address there
    return Entered(f"{browser.origin}{told[0]}") if asked.status == 200 and told else None


def forge(body: bytes) -> bytes:
    """Tell of another amount without the value that the seller and PayApp share."""
    return body.replace(b"linkval=", b"linkval=9").replace(b"price=", b"price=9")


def _settings(origin: str) -> Mapping[str, str]:
    return {
        "userid": SELLER,
        **KEYS,
        "api_url": f"{origin}/payapp/oapi/apiLoad.html",
        "script_url": f"{origin}/payapp/lite/public/api/v2/payapp-lite.js",
    }


def _written(desk: Any) -> list[Written]:
    found = desk._till.receipts.items()
    return [Written(one["mul_no"], str(number), one["state"] == "issued") for number, one in found]


def _cancel_receipt(desk: Any, number: str) -> None:
    desk._till.receipts[int(number)]["state"] = "cancelled"


STATES = {"waiting": "waiting", "running": "active", "stopped": "resting", "cancelled": "ended", "expired": "ended"}


def _typed_keys(desk: Any) -> dict[str, bool]:
    return {key: not one.deleted for key, one in desk._till.bills.items()}


def _going_on(desk: Any) -> list[int]:
    return [number for number, plan in desk._till.plans.items() if plan.state == "running"]


def _day_comes(desk: Any, number: int, fails: bool) -> None:
    plan = desk._till.plans[number]
    plan.next_at = desk._till.world.now().date()
    desk.deposit({"rebill_no": number, "fail": fails})


def _stands(desk: Any, number: str, ref: str) -> str:
    plans = desk._till.plans.values()
    known = [one for one in plans if (str(one.no) == number if number else one.form.get("var1") == ref)]
    return STATES[known[0].state] if known else ""


def _round_of(desk: Any, ref: str) -> tuple[int, int]:
    request = desk._till.requests.get(int(ref.rpartition(".")[2]))
    return (request.price if request.paid_at else 0, request.refunded) if request is not None else (0, 0)


def _overheard(desk: Any, chance: random.Random) -> tuple[str, bytes] | None:
    """Tell of any request, at the address of one that a browser made, with what PayApp sends to every address."""
    requests = list(desk._till.requests.values())
    shown = [one.form["feedbackurl"] for one in requests if one.by_script and one.form.get("feedbackurl")]
    if not shown:
        return None
    about = chance.choice(requests)
    fields = {"userid": SELLER, **KEYS, "price": str(about.price), "mul_no": str(about.mul_no), "pay_type": "1"}
    fields |= {name: about.form.get(name, "") for name in ("var1", "var2")}
    fields |= {"pay_state": chance.choice(TOLD), "pay_date": f"{desk._till.world.now():%Y-%m-%d %H:%M:%S}"}
    if chance.random() < 0.3 and fields["pay_state"] != "1":
        fields |= {"mul_no": str(chance.choice(requests).mul_no)}
    return chance.choice(shown), urlencode(fields).encode()


SETUP = Setup(
    "payapp",
    "payapp",
    _settings,
    ("card", "card", "card", "virtual_account"),
    enter,
    {},
    frozenset({"pay", "billPay"}),
    frozenset({"paycancel"}),
    {"apiLoad.html": (b"partcancel=1", b"cmd=billPay")},
    frozenset({"apiLoad.html billPay"}),
    forge,
    commanded_by="cmd",
    named_by="mul_no",
    ambiguous=True,
    declines={
        "payrequest": ("70020", "70060"),
        "pay": ("70020",),
        "billPay": ("70020",),
        "billRegist": ("70020", "70060"),
        "billDelete": ("70060",),
        "rebillRegist": ("70020",),
        "rebillStop": ("70020",),
        "rebillStart": ("70020",),
        "rebillCancel": ("70020",),
        "paycancel": ("80010", "80020", "80030", "70060"),
    },
    moods=MOODS,
    console=lambda urls: {"sellers": {SELLER: KEYS}, "common_feedback_url": urls["feedback"]},
    secrets=tuple(KEYS.values()),
    blind=True,
    scripted=True,
    overheard=_overheard,
    receipts=Receipting("cashStRegist", "cashStCancel", _written, _cancel_receipt),
    unfindable=dict.fromkeys(
        ("cashStRegist", "billRegist", "rebillStop", "rebillStart"), ("duplicate", "duplicate_unseen")
    )
    | {"billPay": ("cross_wired",)},
    charges_twice=frozenset({"billPay"}),
    registers_by="cmd=billRegist",
    typed_keys=_typed_keys,
    plans=Planning(_going_on, _day_comes, _stands, _round_of),
    parts=(
        Parts("price", "amount_vat", ("amount_taxable", "amount_taxfree"), whole=True),
        Parts("cancelprice", "cancel_vat", ("cancel_taxable", "cancel_taxfree"), whole=True),
    ),
    parts_refused=("과세, 면세",),
)
