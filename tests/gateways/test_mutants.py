"""Planted mistakes: each is caught by a gateway's vectors alone, and by its sandbox alone.

What only one of them can catch is listed, and asserted to be so, that nobody believes more than is true."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bridge.domain.billing import BillingKey, CardEntry, KeyOrder
from bridge.domain.exchange import KST
from bridge.domain.gateway import Done, Paid, PerhapsPaid, Redirect, Undone, Unpaid
from bridge.domain.payment import Buyer, Method
from bridge.gateways.payapp import adapter as payapp
from bridge.gateways.welcome import adapter as welcome
from tests.gateways.payapp import PayAppBench
from tests.gateways.play import bent, changed, dropped, refund, renamed, spoils_vectors
from tests.gateways.welcome import WelcomeBench

DAY_SECONDS = 86_400
PART = {"amount": 11_000, "full": False, "left_after": 44_000}
BUYER = Buyer("홍길동", "hong@example.com", "01012345678", "u1")
CARD = CardEntry("9410123412341234", "3012", "900101", "12")


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


@dataclass
class Suite:
    """A gateway's mutants: those that both catch, and those that one of them alone can."""

    name: str
    kind: type
    fails: Any
    both: dict[str, type] = field(default_factory=dict)
    only_vectors: dict[str, type] = field(default_factory=dict)
    only_sandbox: dict[str, type] = field(default_factory=dict)


async def payapp_fails(kind: type) -> bool:
    """Tell whether an adapter cannot go PayApp's whole way, by the books and by what the adapter itself says."""
    bench = await PayAppBench(kind).ready()
    opened = await bench.open()
    if not isinstance(opened, Redirect):
        return True
    await bench.press(opened)
    told = bench.notices()
    if [(one.event, one.merchant_ref, one.amount, one.foreign) for one in told] != [
        ("approved", "PAY1", 55_000, False)
    ]:
        return True
    paid = bench.payment(state="paid", captured=55_000, refs=dict(opened.refs), paid_at=bench.clock.now().isoformat())
    probe = await bench.talk(bench.adapter.probe_unpaid(paid, bench.stamp()))
    part = await bench.talk(bench.adapter.refund(paid, refund(PART), bench.stamp()))
    if not isinstance(probe, PerhapsPaid) or not isinstance(part, Done) or bench.net() != 44_000:
        return True
    opened = await bench.open("PAY2")
    unpaid = bench.payment("PAY2", refs=dict(opened.refs))
    if not isinstance(await bench.talk(bench.adapter.probe_unpaid(unpaid, bench.stamp())), Unpaid):
        return True
    wanted, card = (
        KeyOrder("K", "u1", "회비", BUYER, bench.clock.now()),
        CardEntry("9410123412341234", "3012", "900101", "12"),
    )
    issued = await bench.talk(bench.adapter.issue_key_by_card(wanted, card, bench.stamp()))
    if not getattr(issued, "key", ""):
        return True
    key = BillingKey("k", "u1", Method.CARD, issued.key, bench.clock.now())
    charged = await bench.talk(
        bench.adapter.charge(bench.payment("PAY3"), bench.order(), key, bench.urls, bench.stamp())
    )
    if not isinstance(charged, Paid) or charged.amount != 55_000 or bench.net("PAY3") != 55_000:
        return True
    return await payapp_fails_on_the_last_day(kind)


async def payapp_fails_on_the_last_day(kind: type) -> bool:
    """Tell whether an adapter cannot refund on the fifth day in Korea, which in UTC is the sixth."""
    bench = await PayAppBench(kind).ready()
    bench.clock.at = datetime(2026, 11, 20, 8, 30, tzinfo=KST)
    paid = await bench.paid()
    bench.clock.skip(5 * DAY_SECONDS + 3 * 3_600)
    return not isinstance(await bench.talk(bench.adapter.refund(paid, refund(PART), bench.stamp())), Done)


class DaysInUtc(payapp.PayApp):
    def refund(self, payment, refund, stamp):
        utc = payment.paid_at.astimezone(UTC) if payment.paid_at else stamp.at
        late = (stamp.at.astimezone(UTC).date() - utc.date()).days > self.settings.cancel_days
        exchange = super().refund(payment, refund, stamp)
        call = next(exchange)
        reply = yield changed_command(call, "paycancelreq" if late else "paycancel")
        try:
            while True:
                reply = yield exchange.send(reply)
        except StopIteration as end:
            return end.value


def changed_command(call, cmd):
    return replace(call, op=cmd, form={**call.form, "cmd": cmd})


class MarkWithoutKind(payapp.PayApp):
    def seal(self, kind, reference):
        return kind + super().seal("", reference)[:32]


def with_payapp(change) -> type:
    return changed(payapp.PayApp, change)


PAYAPP = Suite(
    "payapp",
    payapp.PayApp,
    payapp_fails,
    both={
        "userid misspelt": with_payapp(renamed("userid", "userId")),
        "linkkey misspelt": with_payapp(renamed("linkkey", "linkKey")),
        "linkval sent for linkkey": with_payapp(bent("linkkey", lambda text: text.replace("KEY", "VAL"))),
        "mul_no misspelt": with_payapp(renamed("mul_no", "mulno")),
        "goodname misspelt": with_payapp(renamed("goodname", "goodsname")),
        "price misspelt": with_payapp(renamed("price", "amount")),
        "recvphone misspelt": with_payapp(renamed("recvphone", "phone")),
        "cancelmemo misspelt": with_payapp(renamed("cancelmemo", "memo")),
        "cancelprice misspelt, as seen": with_payapp(renamed("cancelprice", "price")),
        "partcancel misspelt": with_payapp(renamed("partcancel", "partCancel")),
        "partcancel as a word": with_payapp(bent("partcancel", lambda text: "True" if text == "1" else text)),
        "cancelmode misspelt": with_payapp(renamed("cancelmode", "cancelMode")),
        "cancelmode True, as seen": with_payapp(bent("cancelmode", lambda _text: "True")),
        "feedbackurl forgotten": with_payapp(dropped("feedbackurl")),
        "var1 forgotten": with_payapp(dropped("var1")),
        "var2 forgotten": with_payapp(dropped("var2")),
        "cmd misspelt": with_payapp(renamed("cmd", "command")),
        "billPay by billRegist, as the example has it": with_payapp(
            bent("cmd", lambda text: "billRegist" if text == "billPay" else text)
        ),
        "cardPw by another spelling": with_payapp(renamed("cardPw", "cardpw")),
        "year and month changed places": with_payapp(
            lambda call: renamed("x", "expYear")(renamed("expYear", "expMonth")(renamed("expMonth", "x")(call)))
        ),
        "amounts with commas": with_payapp(bent("price", lambda text: f"{int(text):,}")),
        "amounts in hundredths": with_payapp(bent("price", lambda text: text + "00")),
        "tax parts that do not add up": with_payapp(bent("amount_vat", lambda _text: "1")),
        "days counted in UTC": DaysInUtc,
        "phone with dashes": with_payapp(bent("recvphone", lambda text: f"{text[:3]} {text[3:]}")),
    },
    only_vectors={
        "a mark that forgets the way we asked": MarkWithoutKind,
        "checkretry forgotten": with_payapp(dropped("checkretry")),
        "skip_cstpage forgotten": with_payapp(dropped("skip_cstpage")),
    },
)


async def welcome_fails(kind: type) -> bool:
    """Tell whether an adapter cannot go Welcome's whole way: link, approval, undoing, part, whole, key, charge."""
    bench = WelcomeBench(kind)
    for one in (bench, WelcomeBench(kind, timestamp="digits")):
        if not isinstance(await one.open("PAY0"), Redirect):
            return True
    outcome, payment, returned = await bench.paid()
    if not isinstance(outcome, Paid) or bench.net() != 55_000:
        return True
    part = await bench.talk(bench.adapter.refund(payment, refund(PART), bench.stamp()))
    if not isinstance(part, Done) or bench.net() != 44_000:
        return True
    _, payment, returned = await bench.paid("PAY2")
    undone = bench.adapter.undo(payment, returned, bench.stamp(), bench.stamp())
    if not isinstance(await bench.talk(undone), Undone) or bench.net("PAY2"):
        return True
    wanted = KeyOrder("K", "u1", "회비", BUYER, bench.clock.now())
    issued = await bench.talk(bench.adapter.issue_key_by_card(wanted, CARD, bench.stamp()))
    if not getattr(issued, "key", ""):
        return True
    key = BillingKey("k", "u1", Method.CARD, issued.key, bench.clock.now())
    paid = await bench.talk(bench.adapter.charge(bench.payment("PAY3"), bench.order(), key, bench.urls, bench.stamp()))
    if not isinstance(paid, Paid) or bench.net("PAY3") != 55_000:
        return True
    keyed = bench.adapter.key_in(
        bench.payment("PAY4", 60_000, instalment_months=3), bench.order(60_000), CARD, bench.stamp()
    )
    return not isinstance(await bench.talk(keyed), Paid) or bench.net("PAY4") != 60_000


def signing(text: Callable[[list[tuple[str, str]]], str], hashed: Callable[[bytes], str] = sha256) -> type:
    """Make an adapter that signs in another way; `text` makes what is hashed of all pairs."""

    class Mutant(welcome.Welcome):
        def sign(self, covered, moment):
            mkey = hashlib.sha256(self.settings.sign_key.encode()).hexdigest()
            pairs = [("mid", self.settings.mid), ("mkey", mkey), *covered, ("timestamp", moment)]
            return hashed(text(pairs).encode())

    return Mutant


def nvp(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def ciphering(change: Callable[[welcome.Welcome, str], str]) -> type:
    """Make an adapter that encrypts in another way."""

    class Mutant(welcome.Welcome):
        def encrypt(self, text):
            return change(self, text)

    return Mutant


def aes(text: str, key: bytes, vector: bytes, pad: Callable[[bytes], bytes]) -> str:
    made = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return base64.b64encode(made.update(pad(text.encode())) + made.finalize()).decode()


def with_zeros(raw: bytes) -> bytes:
    return raw + b"\x00" * (-len(raw) % 16)


def with_pkcs7(raw: bytes) -> bytes:
    count = 16 - len(raw) % 16
    return raw + bytes([count]) * count


class CardSignedEncrypted(welcome.Welcome):
    def call(self, op, path, fields, covered, stamp, **more):
        covered = [(name, fields[name]) if name == "cardNumber" else (name, value) for name, value in covered]
        return super().call(op, path, fields, covered, stamp, **more)


class Seconds(welcome.Welcome):
    def timestamp(self, stamp):
        return str(int(stamp.at.timestamp()))


class DigitsInUtc(welcome.Welcome):
    def timestamp(self, stamp):
        digits = self.settings.timestamp == "digits"
        return f"{stamp.at.astimezone(UTC):%Y%m%d%H%M%S}" if digits else super().timestamp(stamp)


def with_welcome(change) -> type:
    return changed(welcome.Welcome, change)


WELCOME = Suite(
    "welcome",
    welcome.Welcome,
    welcome_fails,
    both={
        "values joined without names, as the tables print": signing(lambda pairs: "".join(v for _, v in pairs)),
        "a bar between": signing(lambda pairs: "|".join(f"{n}={v}" for n, v in pairs)),
        "an ampersand at the end": signing(lambda pairs: nvp(pairs) + "&"),
        "the time first": signing(lambda pairs: nvp([pairs[-1], *pairs[:-1]])),
        "sorted names": signing(lambda pairs: nvp(sorted(pairs))),
        "no time": signing(lambda pairs: nvp(pairs[:-1])),
        "the signKey itself for mkey": signing(
            lambda pairs: nvp([(n, "b3VGY2R5ZzI5M2xCZzhrT0paQ1oxQT09") if n == "mkey" else (n, v) for n, v in pairs])
        ),
        "SHA-512": signing(nvp, lambda raw: hashlib.sha512(raw).hexdigest()),
        "capital letters": signing(nvp, lambda raw: hashlib.sha256(raw).hexdigest().upper()),
        "a card signed as it is encrypted": CardSignedEncrypted,
        "padding with zeros": ciphering(lambda own, text: aes(text, b"1" * 32, b"1" * 16, with_zeros)),
        "a key decoded from hex": ciphering(
            lambda own, text: aes(text, bytes.fromhex("1" * 32), b"1" * 16, with_pkcs7)
        ),
        "an IV of zeros": ciphering(lambda own, text: aes(text, b"1" * 32, bytes(16), with_pkcs7)),
        "no encryption": ciphering(lambda own, text: text),
        "hex instead of base64": ciphering(
            lambda own, text: base64.b64decode(aes(text, b"1" * 32, b"1" * 16, with_pkcs7)).hex()
        ),
        "seconds for milliseconds": Seconds,
        "digits in UTC": DigitsInUtc,
        "mid misspelt": with_welcome(renamed("mid", "MID")),
        "P_OID misspelt": with_welcome(renamed("P_OID", "oid")),
        "P_AMT misspelt": with_welcome(renamed("P_AMT", "P_AMOUNT")),
        "signature misspelt": with_welcome(renamed("signature", "siganture")),
        "cancelPrice misspelt": with_welcome(renamed("cancelPrice", "price")),
        "confirmPrice forgotten": with_welcome(dropped("confirmPrice")),
        "confirmPrice is what is cancelled": with_welcome(
            lambda call: bent("confirmPrice", lambda _text: (call.form or {})["cancelPrice"])(call)
        ),
        "billkey misspelt": with_welcome(renamed("billkey", "billKey")),
        "cardNumber misspelt": with_welcome(renamed("cardNumber", "cardNo")),
        "currency forgotten": with_welcome(dropped("currency")),
        "etc forgotten": with_welcome(dropped("etc")),
        "payType in capitals": with_welcome(bent("payType", str.upper)),
        "price with commas": with_welcome(bent("price", lambda text: f"{int(text):,}")),
        "the year and month changed places": with_welcome(
            lambda call: renamed("x", "cardExpireMM")(
                renamed("cardExpireMM", "cardExpireYY")(renamed("cardExpireYY", "x")(call))
            )
        ),
    },
    only_vectors={
        "P_RESERVED forgotten": with_welcome(dropped("P_RESERVED")),
        "cancelType forgotten": with_welcome(dropped("cancelType")),
        "P_CHARSET forgotten": with_welcome(dropped("P_CHARSET")),
    },
)

SUITES = [PAYAPP, WELCOME]


def mutants(*groups: str) -> Any:
    """Choose mutants of every gateway."""
    chosen = [
        (suite, name, kind) for suite in SUITES for group in groups for name, kind in getattr(suite, group).items()
    ]
    return pytest.mark.parametrize(
        ("suite", "kind"),
        [(suite, kind) for suite, _, kind in chosen],
        ids=[f"{one.name}-{name}" for one, name, _ in chosen],
    )


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
async def test_the_adapter_itself_is_caught_by_neither(suite):
    assert not spoils_vectors(suite.name, suite.kind)
    assert not await suite.fails(suite.kind)


@mutants("both", "only_vectors")
def test_a_mutant_is_caught_by_the_vectors_alone(suite, kind):
    assert spoils_vectors(suite.name, kind)


@mutants("both", "only_sandbox")
async def test_a_mutant_is_caught_by_the_sandbox_alone(suite, kind):
    assert await suite.fails(kind)


@mutants("only_vectors")
async def test_what_the_sandbox_cannot_catch_is_listed(suite, kind):
    assert not await suite.fails(kind), "it can: move it to both"
