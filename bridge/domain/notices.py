"""Notices: news from a gateway, how far they prove something, and the exact answer they want."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from bridge.domain.payment import Method


class Event(StrEnum):
    """What a notice tells of."""

    APPROVED = "approved"  # money was captured
    DEPOSITED = "deposited"  # money came into an account
    ISSUED = "issued"  # an account waits for money; none has moved
    REQUESTED = "requested"  # a payment was asked for; none has moved, and none will before the acknowledgement
    REQUEST_CANCELLED = "request_cancelled"  # the request ended unpaid
    CANCELLED = "cancelled"  # all of it was given back
    PART_CANCELLED = "part_cancelled"  # some of it was given back
    ROUND_FAILED = "round_failed"  # a plan's round could not be charged
    UNBELIEVED = "unbelieved"  # money, at an address that browsers see too: another one must tell the same
    OTHER = "other"  # kept and acknowledged, without effect


@dataclass(frozen=True, slots=True)
class SharedValue:
    """Proof: the notice carries a secret that only the gateway and we know."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Proof: the notice carries a hash made with a secret.

    `is_shared`: a browser holds the same hash, and could have made the notice. That money came is then asked first.
    """

    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Circumstantial:
    """No proof but circumstances (unguessable address, source address, fields equal to our record).

    Where the gateway can be inquired such a notice is a hint only: it makes us ask at once.
    """

    what: str


Proof = SharedValue | Digest | Circumstantial


@dataclass(frozen=True, slots=True)
class Original:
    """The payment that a cancel is of, by the gateway's own number: under which name a payment keeps that, and the day
    of the payment in Korea."""

    name: str
    number: str
    day: date


@dataclass(frozen=True, slots=True)
class Notice:
    """News from a gateway. `dedupe` names the event at the gateway, by everything that decides its effect.

    `merchant_ref` is our reference (the payment's, or that of one of its refunds); `amount` KRW of this event.
    `currency` other than KRW counts as no amount of ours. `binding` are the gateway's own references that must equal
    those kept on the payment when its window opened (PayApp mul_no): a genuine notice of a payment that somebody else
    asked for under our reference is not ours. `paid_binding` are those that must equal what the money's own news
    brought, once a payment holds some: another number is more money than was asked for. `request` is the number of one
    of several requests that the buyer's browser may make under our reference (PayApp's script: one a press); REQUESTED
    is acknowledged only when that number is kept, as nobody can pay before. `readings` are all amounts a cancel may
    mean where the document is not clear (PayApp `price` of pay_state 70 and 71), `amount` of this one and any other of
    all given back so far: it counts only for a refund of ours that fits one of them. `left` is what the gateway says
    stays captured, where it says so. `refs` and `card` are kept; `account` and `due` belong to ISSUED. `foreign`: the
    gateway reports payments that are not ours by design and must be acknowledged even so (PayApp feedbacktype 1); it is
    kept, and nothing moves. `round` is the gateway's name for one charge of a recurring plan, whose own reference
    `merchant_ref` is then, and `plan` its number for the plan itself. `code` and `message` are the gateway's own words
    about a round that failed. `method` is how the buyer paid, where the gateway says so. `typed` is what the buyer
    wrote to the shop (address, memo), personal data: it stays in the sealed notice. `late_refs` are what only a notice
    tells (Pay-Story's cash receipt): proven and over all that the payment holds, it brings them though the payment is
    known already; no money hangs on them. `paid_at` is when the money moved by the gateway's clock, where the notice
    tells, and `gone_at` when it went back. `alike`: another event may be told in just these words (Payple's cancel
    names neither number nor moment), so what is told again after it was acknowledged may be another. `original` finds
    the payment of a cancel that bears nobody's reference, as one that was made in the gateway's console may (Mainpay).
    """

    event: str
    dedupe: str
    merchant_ref: str
    amount: int
    proof: Proof
    refs: Mapping[str, str] = field(default_factory=dict)
    currency: str = "KRW"
    binding: Mapping[str, str] = field(default_factory=dict)
    paid_binding: Mapping[str, str] = field(default_factory=dict)
    request: str = ""
    readings: tuple[int, ...] = ()
    left: int | None = None
    late_refs: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    account: Mapping[str, str] = field(default_factory=dict)
    due: datetime | None = None
    foreign: bool = False
    round: str = ""
    plan: str = ""
    code: str = ""
    message: str = ""
    method: Method | None = None
    typed: Mapping[str, str] = field(default_factory=dict, repr=False)
    paid_at: datetime | None = None
    gone_at: datetime | None = None
    alike: bool = False
    original: Original | None = None

    @property
    def name(self) -> str:
        """Tell a person this event from another of the same amount: the gateway's number, if it has one, and ours."""
        return f"{self.refs.get('refNo', '')} {self.dedupe}".strip()


@dataclass(frozen=True, slots=True)
class Ack:
    """The exact answer a gateway wants to see."""

    body: str
    content_type: str
    status: int = 200
