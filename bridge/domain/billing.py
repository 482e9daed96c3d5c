"""The port of what is charged without a window: billing keys, cards keyed in, the gateway's own recurring plans."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.outcomes import Absent, Declined, Done, Paid, Refused, Unknown
from bridge.domain.payment import Buyer, Method, Order, Payment
from bridge.domain.windows import Return, Script, Urls, Window, WindowPass

HIDDEN = "•••"


class KeyState(StrEnum):
    """States of a billing key, named as on the wire."""

    OPENING = "opening"
    OPEN = "open"  # the window is open
    ISSUING = "issuing"
    ACTIVE = "active"
    DELETING = "deleting"
    DELETED = "deleted"
    REFUSED = "refused"
    EXPIRED = "expired"
    LOST = "lost"  # the answer was lost: the gateway may have a key that nobody holds


KEY_MOVES: Mapping[KeyState, frozenset[KeyState]] = {
    KeyState.OPENING: frozenset({KeyState.OPEN, KeyState.REFUSED, KeyState.LOST}),
    KeyState.OPEN: frozenset({KeyState.ISSUING, KeyState.REFUSED, KeyState.EXPIRED, KeyState.LOST}),
    KeyState.ISSUING: frozenset({KeyState.ACTIVE, KeyState.OPEN, KeyState.REFUSED, KeyState.LOST}),
    KeyState.ACTIVE: frozenset({KeyState.DELETING}),
    KeyState.DELETING: frozenset({KeyState.DELETED, KeyState.ACTIVE, KeyState.DELETING}),
    KeyState.DELETED: frozenset(),
    KeyState.REFUSED: frozenset(),
    KeyState.EXPIRED: frozenset(),
    KeyState.LOST: frozenset(),
}


class PlanState(StrEnum):
    """States of a recurring plan, named as on the wire."""

    REGISTERING = "registering"
    WAITING = "waiting"  # registered; it begins when the buyer has agreed on the gateway's page
    ACTIVE = "active"
    CHANGING = "changing"  # stopped, started or ended, and the gateway has not answered
    RESTING = "resting"
    ENDED = "ended"
    REFUSED = "refused"
    LOST = "lost"  # the answer was lost: a plan nobody agreed to may be there


PLAN_MOVES: Mapping[PlanState, frozenset[PlanState]] = {
    PlanState.REGISTERING: frozenset({PlanState.REGISTERING, PlanState.WAITING, PlanState.REFUSED, PlanState.LOST}),
    PlanState.WAITING: frozenset({PlanState.WAITING, PlanState.ACTIVE, PlanState.CHANGING, PlanState.ENDED}),
    PlanState.ACTIVE: frozenset({PlanState.ACTIVE, PlanState.CHANGING, PlanState.ENDED}),
    PlanState.CHANGING: frozenset(
        {PlanState.WAITING, PlanState.ACTIVE, PlanState.RESTING, PlanState.ENDED, PlanState.CHANGING}
    ),
    PlanState.RESTING: frozenset({PlanState.CHANGING, PlanState.RESTING, PlanState.ENDED}),
    PlanState.ENDED: frozenset({PlanState.ENDED, PlanState.CHANGING}),
    PlanState.REFUSED: frozenset({PlanState.REFUSED}),
    PlanState.LOST: frozenset({PlanState.LOST, PlanState.ACTIVE}),
}
"""A round that the gateway charges after all counts in any state: it leaves the plan in the state it is in. Only one
that seemed lost has its buyer's agreement then, and can be told to stop and to end.

An ended plan is changing again where it ended here before its number was known, and has yet to end at the gateway."""


def without_number(text: str, number: str) -> str:
    """Take a person's number out of a gateway's words, in groups of digits too; a longer number that holds it stays."""
    return re.sub(rf"(?<!\d){'[ .-]?'.join(number)}(?!\d)", HIDDEN, text) if number else text


@dataclass(frozen=True, slots=True)
class CardEntry:
    """A card as it was typed. It lives in memory and in the request to the gateway, and is written down nowhere.

    `expires` is YYMM; `holder` the birth date (YYMMDD) or business number; `password` the first two digits; `issuer`
    the gateway's code of the card's company, for a gateway that cannot tell it from the number (Pay-Story 14.).
    """

    number: str = field(repr=False)
    expires: str = field(repr=False)
    holder: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    issuer: str = ""

    def hide_in(self, text: str) -> str:
        """Take number and holder out of a gateway's words: some repeat what they refuse, in groups of digits too."""
        text = re.sub(r"[ .-]?".join(self.number), HIDDEN, text) if self.number else text
        return without_number(text, self.holder)


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """A billing key to be issued for a customer of the site. `ref` is ours (at most 20 characters), new for each.

    `amount` in KRW, of which `tax_free` is free of tax, is zero but where issuing the key charges it at once: for
    phones always (Pay-Story 3.1.3), for cards where it was asked for (ChargesFirst).
    """

    ref: str
    customer: str
    title: str
    buyer: Buyer
    created_at: datetime
    method: Method = Method.CARD
    amount: int = 0
    tax_free: int = 0
    refs: Mapping[str, str] = field(default_factory=dict)
    locale: str = "ko_KR"


@dataclass(frozen=True, slots=True)
class Issued:
    """A billing key was issued: `key` is a bearer secret, sealed at rest. `charged` is money that issuing it took."""

    key: str = field(repr=False)
    refs: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    charged: Paid | None = None


@dataclass(frozen=True, slots=True)
class BillingKey:
    """A billing key as the ledger keeps it, opened for one call. A phone's may be charged only within five days of the
    day of the month it was issued on, and only `amount` KRW (Pay-Story 3.3.4, Welcome hppbillpay)."""

    id: str
    customer: str
    method: Method
    key: str = field(repr=False)
    issued_at: datetime
    amount: int = 0
    refs: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeyShown:
    """What a gateway says of a billing key: the masked card, and whether it can be charged."""

    usable: bool
    card: Mapping[str, str] = field(default_factory=dict)
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """A recurring plan of the gateway's own: `amount` KRW every `cycle` (month, week or day) on `day`, until `ends`.

    `day` is 1-31 (90: the last of the month) or 1-7 from Monday; a daily plan has none.
    """

    ref: str
    title: str
    amount: int
    buyer: Buyer
    cycle: str
    ends: date
    day: int = 0
    tax_free: int = 0


@dataclass(frozen=True, slots=True)
class PlanMade:
    """A plan was registered; it begins when the buyer has agreed on the page at `url`, where there is one."""

    plan: str
    url: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Bills(Protocol):
    """A gateway that charges a billing key. A charge is an approval like any other: it may be inquired and undone."""

    def charge(
        self, payment: Payment, order: Order, key: BillingKey, urls: Urls, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge `payment.amount` KRW under `payment.merchant_ref`; of `urls` only the notice's is of use here.

        Asked once for a payment, never again.
        """
        ...

    def delete_key(self, key: BillingKey, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Delete a key for good; must bear repetition (`already` when it was gone)."""
        ...


@runtime_checkable
class MarksCharges(Protocol):
    """A gateway to which a charge is known by more than its order number (Payple: its month; Mainpay: by a key)."""

    def charge_refs(self, at: datetime) -> Mapping[str, str]:
        """Say what to write down of a charge before it is sent, so that it is known though its answer be lost."""
        ...


@runtime_checkable
class IssuesKeys(Protocol):
    """A gateway whose window issues a billing key."""

    @property
    def key_methods(self) -> tuple[Method, ...]:
        """Name the methods of which its window issues keys, by its documents: fewer than it takes money by."""
        ...

    def open_key_window(self, order: KeyOrder, urls: Urls, stamp: Stamp) -> Exchange[Window | Declined | Unknown]:
        """Have the window opened in which the customer gives a card or phone."""
        ...

    def issue_key(
        self, order: KeyOrder, returned: Return, stamp: Stamp
    ) -> Exchange[Issued | Paid | Declined | Unknown]:
        """Have the key issued after the window; where `order.amount` is not zero this moves money. Paid: the money was
        taken, and no key is believed."""
        ...


@runtime_checkable
class ChargesFirst(Protocol):
    """A gateway whose window for a key may take that key's first payment too, by our call after it."""

    @property
    def first_charge_methods(self) -> tuple[Method, ...]:
        """Name the methods of which a key may be asked for together with an order that it pays."""
        ...


@runtime_checkable
class VouchesForKeys(Protocol):
    """A gateway whose script asks the merchant's server to vouch for a billing key's window too."""

    def vouch_for_key(
        self, order: KeyOrder, form: Mapping[str, str], stamp: Stamp
    ) -> Exchange[WindowPass | Declined | Unknown]:
        """Fetch short-lived tokens for this window; `form` is what the script posted, not to be believed."""
        ...


@runtime_checkable
class IssuesKeysByCard(Protocol):
    """A gateway that issues a billing key for a card typed on the site: off unless the site switched it on."""

    def issue_key_by_card(
        self, order: KeyOrder, card: CardEntry, stamp: Stamp
    ) -> Exchange[Issued | Declined | Unknown]:
        """Have the key issued. All fields of the card are among the call's secrets."""
        ...


@runtime_checkable
class ShowsKeys(Protocol):
    """A gateway that can be asked about a billing key."""

    def show_key(self, key: BillingKey, stamp: Stamp) -> Exchange[KeyShown | Absent | Unknown]:
        """Ask what the key stands for."""
        ...


@runtime_checkable
class KeysIn(Protocol):
    """A gateway that takes a card typed by the buyer or a clerk (수기결제): off unless the site switched it on."""

    def key_in(
        self, payment: Payment, order: Order, card: CardEntry, stamp: Stamp
    ) -> Exchange[Paid | Declined | Unknown]:
        """Charge the card once. All fields of the card are among the call's secrets."""
        ...


@runtime_checkable
class TakesInstalments(Protocol):
    """A gateway with a field for instalments in what it charges without a window (`payment.instalment_months`)."""

    @property
    def instalment_months_max(self) -> int:
        """Say in how many months at most such a charge may be paid, by its documents."""
        ...


@runtime_checkable
class OffersInstalments(Protocol):
    """A gateway whose window can be told the months a card's buyer wants (`payment.instalment_months`)."""

    @property
    def offered_months_max(self) -> int:
        """Say how many months at most its window may be told, by its documents."""
        ...


@runtime_checkable
class TaxesWhole(Protocol):
    """A gateway with calls that cannot say what of an amount is free of tax."""

    @property
    def taxes_whole(self) -> frozenset[str]:
        """Name those calls of the port: an order that is partly free is refused (key_in, charge, issue_account,
        register_plan), or goes to another gateway where one can be told (open_window)."""
        ...


@runtime_checkable
class Plans(Protocol):
    """A gateway with recurring plans of its own; every charge of one comes as a notice."""

    def register_plan(self, order: PlanOrder, urls: Urls, stamp: Stamp) -> Exchange[PlanMade | Declined | Unknown]:
        """Register a plan; no money moves yet."""
        ...

    def cancel_plan(self, plan: str, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """End a plan for good; must bear repetition."""
        ...

    def stop_plan(self, plan: str, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Let a plan rest; must bear repetition."""
        ...

    def start_plan(self, plan: str, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
        """Let a resting plan go on; must bear repetition."""
        ...


@runtime_checkable
class PlansByScript(Protocol):
    """A gateway whose script registers a plan from the customer's own browser, where it is set up so."""

    @property
    def plans_by_script(self) -> bool:
        """Whether this site's plans are registered so; the plan's number then comes with its first notice."""
        ...

    def plan_window(self, order: PlanOrder, urls: Urls) -> Script:
        """Make the window in which the customer agrees to the plan."""
        ...
