"""Planted mistakes: a wrong reading of a manual must be caught by the vectors alone, and by the sandbox alone.

Each mutant is Mainpay's adapter with one mistake. A suite that lets one live would let a real one live."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from bridge.domain.exchange import Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import Declined, Done, Paid, Redirect, Return, Undone, Urls
from bridge.domain.payment import Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.gateways.mainpay.adapter import Mainpay, build
from bridge.sandbox.app import build as build_sandbox
from bridge.sandbox.local import ask
from tests.gateways.harness import at, bend, bent, rename
from tests.support.clock import VirtualClock
from tests.test_vectors import VECTORS, apart, by_order, call_of, is_spoken, means, outcome_of

ORDER = Order("O-1", 1, "봄의 제전", 55_000, Buyer("홍길동", "hong@example.com"), "http://shop.test/r")
KOREA_AHEAD = timedelta(hours=9)
Change = Callable[[Mainpay], Any]
URLS = Urls("http://pay.test/r/x", "http://pay.test/r/x/close", "")


def made(kind):
    """Make a class into what turns the right adapter into it."""
    return lambda right: kind(right.settings)


def signing(text: Callable[..., str], hashed: Callable[[bytes], str] = lambda raw: hashlib.sha256(raw).hexdigest()):
    """Make an adapter that signs in another way."""

    class Mutant(Mainpay):
        def sign(self, mbr_ref_no, amount, timestamp):
            parts = (self.settings.mbr_no, mbr_ref_no, str(amount), self.settings.api_key, timestamp)
            return hashed(text(parts).encode())

    return made(Mutant)


class InUtc(Mainpay):
    def timestamp(self, stamp):
        return stamp.at.astimezone(UTC).strftime("%Y%m%d%H%M%S") + f"{int(stamp.nonce[:8], 16) % 10000:04d}"


class DayInUtc(Mainpay):
    """Names the day on which a payment was asked for as it is in UTC."""

    def cancel_by_order(self, payment, sent_at, stamp):
        return super().cancel_by_order(payment, sent_at - KOREA_AHEAD, stamp)


class LettersInTimestamp(Mainpay):
    def timestamp(self, stamp):
        return stamp.at.strftime("%Y-%m-%d%H%M%S")[:18]


class NewStampForUndo(Mainpay):
    def undo(self, payment, returned, sent, stamp):
        return super().undo(payment, returned, stamp, stamp)


class PartAsFull(Mainpay):
    def refund(self, payment, refund, stamp):
        full = RefundOrder(refund.ref, refund.amount, refund.reason, True, 0, 0)
        return super().refund(payment, full, stamp)


class AmountInThousands(Mainpay):
    def _signed(self, mbr_ref_no, amount, stamp):
        return super()._signed(mbr_ref_no, amount, stamp) | {"amount": f"{amount:,}"}


class AmountTimesHundred(Mainpay):
    def _signed(self, mbr_ref_no, amount, stamp):
        return super()._signed(mbr_ref_no, amount * 100, stamp)


class AidForgotten(Mainpay):
    def _pay_form(self, payment, returned, stamp):
        return super()._pay_form(payment, returned, stamp) | {"aid": ""}


MUTANTS = {
    "no separator": signing("".join),
    "a comma between": signing(",".join),
    "a separator at the end": signing(lambda parts: "|".join(parts) + "|"),
    "the key first": signing(lambda parts: "|".join((parts[3], *parts[:3], parts[4]))),
    "amount and reference changed places": signing(lambda p: "|".join((p[0], p[2], p[1], p[3], p[4]))),
    "no timestamp": signing(lambda parts: "|".join(parts[:4])),
    "no amount": signing(lambda p: "|".join((p[0], p[1], p[3], p[4]))),
    "no key": signing(lambda p: "|".join((p[0], p[1], p[2], p[4]))),
    "SHA-512": signing("|".join, lambda raw: hashlib.sha512(raw).hexdigest()),
    "MD5": signing("|".join, lambda raw: hashlib.md5(raw).hexdigest()),
    "capital letters": signing("|".join, lambda raw: hashlib.sha256(raw).hexdigest().upper()),
    "hashed twice": signing("|".join, lambda raw: hashlib.sha256(hashlib.sha256(raw).digest()).hexdigest()),
    "mbrRefNo misspelt": bent(rename("mbrRefNo", "mbrRefno")),
    "mbrNo misspelt": bent(rename("mbrNo", "mchtNo")),
    "paymethod misspelt": bent(rename("paymethod", "payMethod")),
    "timestamp misspelt": bent(rename("timestamp", "timeStamp")),
    "signature misspelt": bent(rename("signature", "sign")),
    "amount misspelt": bent(rename("amount", "amt")),
    "authToken misspelt": bent(rename("authToken", "authtoken")),
    "aid misspelt": bent(rename("aid", "AID")),
    "orgRefNo misspelt": bent(rename("orgRefNo", "orgRefno")),
    "approvalUrl misspelt": bent(rename("approvalUrl", "returnUrl")),
    "orgTranDate of eight digits": bent(bend("orgTranDate", lambda value: f"20{value}")),
    "payType dropped from pay": bent(bend("payType", lambda value: "X" + value)),
    "method in words": bent(bend("paymethod", lambda value: "card")),
    "amount with commas": made(AmountInThousands),
    "amount in hundredths": made(AmountTimesHundred),
    "the aid forgotten": made(AidForgotten),
    "pay at the relay": bent(at("test-api-std", "test-relay")),
    "cancel at the window host": bent(at("test-relay", "test-api-std")),
    "cancel at another path": bent(at("/v1/api/payments/payment/", "/v1/payment/")),
    "a letter in the timestamp": made(LettersInTimestamp),
    "net-cancel with its own timestamp": made(NewStampForUndo),
    "a part sent as the whole": made(PartAsFull),
    "orgTranDate in UTC": made(DayInUtc),
    "timestamp in UTC": made(InUtc),
}
CLOCK_MINUTES = 5
"""How far a timestamp may be from the sandbox's clock here, with which Mainpay is not known to compare it."""


def spoils_vectors(change: Change) -> bool:
    """Tell whether any undisputed vector does not hold for this adapter."""
    for vector in VECTORS:
        if vector["standing"] == "disputed" or "call" not in vector:
            continue
        if vector["operation"] == "cancel_by_order" or vector["name"] == "closes an account before its deposit":
            continue
        gateway = change(build(vector["settings"], Mode.TEST))
        if not is_spoken(call_of(gateway, vector), vector["call"]):
            return True
        if (
            "meaning" in vector
            and vector["operation"] != "vacct"
            and not means(outcome_of(gateway, vector), vector["meaning"])
        ):
            return True
    return not all(
        is_spoken(by_order(change(build(one["settings"], Mode.TEST)), one), one["call"])
        for one in apart("cancel_by_order")
    )


class Shop:
    """One adapter against one sandbox: the whole way, with the sandbox's word for everything."""

    def __init__(self, change: Change) -> None:
        self.clock = VirtualClock(datetime(2026, 11, 20, 2, 30, tzinfo=UTC))
        self.app = build_sandbox(clock=self.clock, public_url="https://ui.mainpay.co.kr", seed=5)
        self.app.state.world.faults.amounts_choose = False
        self.app.state.world.desks["mainpay"].set({"clock_minutes": CLOCK_MINUTES})
        self.gateway = change(build({}, Mode.TEST))
        self.hosts = {"test-api-std.mainpay.co.kr": "/mainpay/api", "test-relay.mainpay.co.kr": "/mainpay/relay"}
        self.many = 0

    def stamp(self) -> Stamp:
        self.many += 1
        return Stamp(self.clock.now(), f"{self.many:08x}" + "0" * 24)

    async def talk(self, exchange):
        try:
            call = next(exchange)
            while True:
                parts = urlsplit(call.url)
                path = self.hosts[parts.netloc] + parts.path
                heard = await ask(self.app, call.method, f"http://sandbox{path}", urlencode(call.form).encode())
                call = exchange.send(Reply(heard.status, heard.body))
        except StopIteration as end:
            return end.value
        except Unreadable as error:
            return error

    def payment(self, ref, **changes) -> Payment:
        now = self.clock.now()
        return Payment("p", "s", "O-1", 1, "mainpay", Method.CARD, Device.PC, changes.pop("state", "open"), 55_000, 1,
                       ref, now, now, **changes)  # fmt: skip

    async def pay(self, ref) -> tuple[object, Payment, Return, Stamp]:
        opened = await self.talk(self.gateway.open_window(self.payment(ref), ORDER, URLS, self.stamp()))
        if not isinstance(opened, Redirect):
            return opened, self.payment(ref), Return({}), self.stamp()
        query = urlsplit(opened.url).query
        pressed = await ask(
            self.app, "POST", "http://sandbox/mainpay/ui/pc", f"{query}&action=pay&card=04&installment=00".encode()
        )
        back = dict(pair.split("=", 1) for pair in urlsplit(pressed.headers["location"]).query.split("&"))
        returned, sent = self.gateway.read_return(back), self.stamp()
        payment = self.payment(ref, refs=dict(opened.refs))
        return await self.talk(self.gateway.approve(payment, returned, sent)), payment, returned, sent


async def fails_in_the_sandbox(change: Change) -> bool:
    """Tell whether this adapter cannot go the whole way: pay, take back, refund in part and in full."""
    shop = Shop(change)
    paid, payment, returned, sent = await shop.pay("PAY000001")
    if not isinstance(paid, Paid) or paid.amount != 55_000:
        return True
    books = shop.app.state.world.bank
    if [book.captured for book in books.of("PAY000001")] != [55_000]:
        return True
    await shop.clock.forward(5)
    undone = await shop.talk(shop.gateway.undo(payment, returned, sent, shop.stamp()))
    if not isinstance(undone, Undone) or books.of("PAY000001")[0].net:
        return True
    paid, payment, *_ = await shop.pay("PAY000002")
    held = shop.payment("PAY000002", state="paid", captured=55_000, refs=dict(paid.refs))
    part = RefundOrder("REF000001", 5_000, "x", False, 50_000, 0)
    if not isinstance(await shop.talk(shop.gateway.refund(held, part, shop.stamp())), Done):
        return True
    paid, payment, *_ = await shop.pay("PAY000003")
    held = shop.payment("PAY000003", state="paid", captured=55_000, refs=dict(paid.refs))
    whole = RefundOrder("REF000002", 55_000, "x", True, 0, 0)
    if not isinstance(await shop.talk(shop.gateway.refund(held, whole, shop.stamp())), Done):
        return True
    if [books.of(f"PAY00000{number}")[0].net for number in (2, 3)] != [50_000, 0]:
        return True
    return await fails_before_nine_in_the_morning(change)


async def fails_before_nine_in_the_morning(change: Change) -> bool:
    """Tell whether this adapter cannot take back by order number what was paid while UTC was still a day behind."""
    shop = Shop(change)
    shop.clock.at = datetime(2026, 11, 19, 23, 0, tzinfo=UTC)  # 08:00 of the twentieth in Korea
    _, payment, *_ = await shop.pay("PAY000001")
    undone = await shop.talk(shop.gateway.undo(payment, Return({}), shop.stamp(), shop.stamp()))
    return not isinstance(undone, Undone) or bool(shop.app.state.world.bank.of("PAY000001")[0].net)


async def test_the_adapter_itself_is_caught_by_neither():
    assert not spoils_vectors(made(Mainpay))
    assert not await fails_in_the_sandbox(made(Mainpay))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_the_vectors_alone(name):
    assert spoils_vectors(MUTANTS[name])


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_mutant_is_caught_by_the_sandbox_alone(name):
    assert await fails_in_the_sandbox(MUTANTS[name])


READINGS = {
    "every code but 200 declines": ("pay", "ma", Declined),
    "a duplicate is paid": ("pay", "1003", Paid),
    "3002 on a part is done": ("part_cancel", "3002", Done),
    "3001 to a net-cancel is undone": ("net_cancel", "3001", Undone),
    "a bad gateway is a decline": ("pay", None, Declined),
}


@pytest.mark.parametrize("name", READINGS)
def test_a_misreading_of_an_answer_is_caught_by_a_vector(name):
    """For each wrong meaning there is a vector that says another."""
    operation, code, wrong = READINGS[name]
    said = []
    for vector in VECTORS:
        reply = vector.get("reply", {})
        found = str(reply.get("body", {}).get("resultCode")) if "body" in reply else None
        if vector["operation"] == operation and "meaning" in vector and found == code and vector["dialect"] != "x":
            said.append(vector["meaning"]["type"])

    assert said, "a vector reaches it"
    assert wrong.__name__ not in said, json.dumps(said)
