"""What a storm must know of a gateway: how it is set up, driven and refused, and what nobody could find out."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from tests.storm.gateways.window import Browser, Entered

Enter = Callable[[Browser, str], Awaitable[Entered | None]]
"""Goes from where the bridge sends a browser to the gateway's page with its buttons: (browser, window's address)."""
Settings = Callable[[str], Mapping[str, str]]
"""Gives the settings of a site, by the gateway's origin."""


def _none(_desk: Any) -> list[str]:
    return []


@dataclass(frozen=True, slots=True)
class Parts:
    """The fields of one kind of call: an amount, the VAT in it and its other parts, which with it are the `whole`."""

    amount: str
    vat: str
    others: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A cash receipt in a gateway's books: `about` is our reference, or its own number of the payment."""

    about: str
    number: str
    is_live: bool


@dataclass(frozen=True, slots=True)
class Receipting:
    """How a gateway is asked for cash receipts: what stands in a call that issues and in one that cancels; what its
    books have, and how its console cancels one: (desk, number)."""

    issues: str
    cancels: str
    written: Callable[[Any], list[Written]]
    cancel: Callable[[Any, str], None]


@dataclass(frozen=True, slots=True)
class Escrowing:
    """How a gateway keeps an escrow: the fields of each step, and which word leaves by which last word of a path; how
    one stands in its books, and what a buyer says on its own page and its console to that: (desk, our reference, …)."""

    fields: Mapping[str, Mapping[str, str]]
    words: Mapping[str, str]
    stands: Callable[[Any, str], str]
    decides: Callable[[Any, str, str], bool]
    accepts: Callable[[Any, str], bool]


@dataclass(frozen=True, slots=True)
class Planning:
    """How a gateway charges plans by itself: those that go on, by its numbers, and what happens when a day comes; how
    one stands, by its number or our reference; what a round took and gave back, by the reference that we have of it."""

    going_on: Callable[[Any], list[int]]
    day_comes: Callable[[Any, int, bool], None]
    stands: Callable[[Any, str, str], str]
    round_of: Callable[[Any, str], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Setup:
    """One gateway as a site has it set up. Operations are named as its sandbox names them, paths by their last word.

    `enter` leads to the page with the buttons, on which `choice` is filled in.
    `approvals` move money; `refunds` give it back on request, and executed twice they can be found out by a notice
    alone where the gateway cannot be asked. `declines` are the codes with which each may be refused truthfully.
    `sent_once` are words of paths that nothing may be sent to twice, each with what makes a body one of those; those of
    them in `approval_paths` are sent once a payment, others once a refund. Where `whole_again`, a refund of all may be
    asked for again, whatever its path; where `no_more_than_left` is given back, so may what undoes all that is left.
    `commanded_by` is the field that names the call where one path serves many.
    `named_by` is the ref by which its calls name a payment, where that is short.
    `moods` are settings of its sandbox that no document settles: a storm draws them. `console` are those that a shop
    types into the gateway's office, given the addresses of its notices by kind; `secrets` and `tokens` may be read
    nowhere. `forge` makes another notice of one that was sent; where that one is not signed the forged one is taken,
    and must move nothing.
    `unfindable` are faults of an operation of which neither an inquiry nor a notice would ever tell.
    `ambiguous`: a notice of a part may mean two amounts; those of a payment of which some went back are never lost, as
    another's would be taken for ours.
    `undo_by_amount`: what is taken back is the amount asked for, whatever was taken: more of it only a notice tells.
    `scripted`: a buyer who tells no phone number asks the gateway by its script, once a press; each press is a request
    that may be paid, and of a second one's money a notice alone tells. `overheard` makes a false notice, and the
    address where browsers see that such go, with all that it tells whoever asks it for a payment: it must move nothing.
    `parts` and `months` are the fields in which it is told what is VAT, and of instalments; with `parts_refused` in its
    answer it finds such parts wrong. `offers_months`: its window can be told of months.
    `keys` are the ways in which its window registers a key: the method, and whether it takes an order's money as well;
    `key_secrets` are the keys it gave out. `charges_months`: a key's charge can be told of months.
    `refunds_to_accounts`: a deposit's refund names the account it goes to.
    `transfers`: it is given back by a transfer, which is registered first.
    `receipts`: it issues cash receipts.
    `types_cards`: it charges a card that was typed on the shop's own page. `registers_by` is what stands in the path or
    the form of a call that registers one, and `typed_keys` are the keys issued so, each with whether it is live.
    `escrow`: its windows are in escrow. `plans`: it charges plans by itself.
    `many_deposits` is the setting of its sandbox with which an account takes deposit after deposit.
    `doubles_told`: that a refund was executed twice its notices alone tell, so those of one that was are never lost;
    `charges_twice` are the charges of which the same is true.
    `blind`: nobody can ask this gateway what happened, so what only a notice tells is never lost in a storm.
    """

    name: str
    gateway: str
    settings: Settings
    methods: tuple[str, ...]
    enter: Enter
    choice: Mapping[str, str]
    approvals: frozenset[str]
    refunds: frozenset[str]
    sent_once: Mapping[str, bytes | tuple[bytes, ...]]
    approval_paths: frozenset[str]
    forge: Callable[[bytes], bytes]
    declines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moods: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    console: Callable[[Mapping[str, str]], Mapping[str, Any]] = lambda _: {}
    tokens: Callable[[Any], list[str]] = _none
    secrets: tuple[str, ...] = ()
    commanded_by: str = ""
    named_by: str = ""
    notice_source: str = "203.0.113.77"
    is_signed: Callable[[bytes], bool] = lambda _: True
    many_deposits: str = ""
    undo_by_amount: bool = False
    whole_again: bool = False
    no_more_than_left: bool = False
    ambiguous: bool = False
    unfindable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    blind: bool = False
    doubles_told: bool = False
    charges_twice: frozenset[str] = frozenset()
    scripted: bool = False
    overheard: Callable[[Any, random.Random], tuple[str, bytes] | None] = lambda desk, chance: None
    parts: tuple[Parts, ...] = ()
    parts_refused: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    offers_months: bool = False
    keys: tuple[tuple[str, bool], ...] = ()
    key_secrets: Callable[[Any], list[str]] = _none
    charges_months: bool = False
    refunds_to_accounts: bool = False
    transfers: bool = False
    receipts: Receipting | None = None
    types_cards: bool = False
    registers_by: str = ""
    typed_keys: Callable[[Any], dict[str, bool]] | None = None
    escrow: Escrowing | None = None
    plans: Planning | None = None

    @property
    def origin(self) -> str:
        """Where its sandbox is in a storm."""
        return f"http://{self.name}.test"

    def sent_once_as(self, target: str, body: bytes) -> str:
        """Tell which call this is that may never be repeated; empty where it may."""
        words = target.partition("?")[0].split("/")
        word = next((word for word, marks in self.sent_once.items() if word in words and _is_in(marks, body)), "")
        if not word or not self.commanded_by:
            return word
        return f"{word} {dict(parse_qsl(body.decode('utf-8', 'replace'))).get(self.commanded_by, '')}"

    def registers(self, target: str, body: bytes) -> bool:
        """Tell whether a call registers a typed card."""
        return bool(self.registers_by) and (target.endswith(self.registers_by) or self.registers_by.encode() in body)


def _is_in(marks: bytes | tuple[bytes, ...], body: bytes) -> bool:
    return any(mark in body for mark in ((marks,) if isinstance(marks, bytes) else marks))
