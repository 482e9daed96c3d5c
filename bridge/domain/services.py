"""The port of what some gateways do besides taking money: receipts, transfers, escrow, look-ups, their own commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from bridge.domain.billing import CardEntry
from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.failures import Malformed
from bridge.domain.merchant_commands import AdminAnswer, AdminCommand
from bridge.domain.outcomes import (
    Absent,
    Declined,
    Done,
    NothingThere,
    Refused,
    TooLate,
    Undone,
    Unknown,
    Waiting,
)
from bridge.domain.payment import Account, Buyer, Device, Method, Order, Payment
from bridge.domain.tax import Split


@dataclass(frozen=True, slots=True)
class ReceiptOrder:
    """A cash receipt (현금영수증) to be issued. `purpose`: income (소득공제), business (지출증빙) or self (자진발급).

    `identity` is the buyer's phone, card or business number, personal data; `traded_at` when the cash was paid.
    `asks_amount`: `split` is all that is left, and the gateway is asked how much of it was cash (SizesReceipts).
    """

    ref: str
    title: str
    split: Split
    purpose: Literal["income", "business", "self"]
    identity: str = field(repr=False)
    buyer_name: str
    traded_at: datetime
    refs: Mapping[str, str] = field(default_factory=dict)
    asks_amount: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptIssued:
    """A cash receipt was issued; `number` is the tax office's, `refs` are what its cancelling needs.

    `split` is what it is over, where the gateway said how much was cash.
    """

    number: str
    refs: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    split: Split | None = None


TransferState = Literal["registered", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class TransferShown:
    """Where a refund by bank transfer stands: registered, done, failed or cancelled, with the gateway's own words.

    `refs`: of one that was found by our reference, what its status is asked for by from then on.
    """

    state: TransferState
    code: str = ""
    message: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CardKind:
    """What the first digits of a card tell: codes and names as in the gateway's tables."""

    issuer: str
    issuer_name: str = ""
    kind: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EscrowStep:
    """A step of an escrow: delivery, confirm, deny or status, with the fields that the gateway's document names."""

    step: Literal["delivery", "confirm", "deny", "status"]
    fields: Mapping[str, str] = field(default_factory=dict)


UNHEARD: Mapping[str, Literal["confirming", "denying"]] = {"confirm": "confirming", "deny": "denying"}
"""The steps that pass on what the buyer said, each with what Payment.escrow is while that has no answer."""
SAID: Mapping[str, Literal["confirmed", "denied"]] = {"confirm": "confirmed", "deny": "denied"}
"""The same steps, each with what Payment.escrow is once the gateway has taken it."""
DECIDED = ("confirmed", "denied")
"""What Payment.escrow is once the buyer has spoken, which is done once."""


@dataclass(frozen=True, slots=True)
class EscrowShown:
    """Where an escrow stands, in the gateway's own words; `escrow` in ours (Payment.escrow), where that tells it.

    `given_back`: the gateway says that the buyer has the money again, and not how much of it or by whose cancel.
    """

    state: str
    code: str = ""
    message: str = ""
    escrow: Literal["", "kept", "confirmed", "denied"] = ""
    given_back: bool = False


@runtime_checkable
class Receipts(Protocol):
    """A gateway that issues cash receipts."""

    def issue_receipt(self, order: ReceiptOrder, stamp: Stamp) -> Exchange[ReceiptIssued | Refused | Unknown]:
        """Issue a receipt: a tax document, asked once and not again without proof."""
        ...

    def cancel_receipt(
        self, order: ReceiptOrder, issued: ReceiptIssued, stamp: Stamp
    ) -> Exchange[Done | Refused | Unknown]:
        """Cancel a receipt whole."""
        ...


@runtime_checkable
class NamesRefs(Protocol):
    """A gateway that names which of a payment's refs people may see; all others stay in the books."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Name the refs by which the gateway's console finds this payment and no other."""
        ...

    @property
    def details(self) -> tuple[str, ...]:
        """Name the refs that say how it was paid: points and cash in it, the plan it belongs to, and the like."""
        ...


@runtime_checkable
class SizesReceipts(Protocol):
    """A gateway that says itself how much of some payments was cash, and issues their receipts over that."""

    def sizes_receipt(self, payment: Payment) -> bool:
        """Tell whether a payment is one of them."""
        ...


@runtime_checkable
class LinksReceipts(Protocol):
    """A gateway with a page that shows the buyer a payment's slip (매출전표)."""

    def receipt_link(self, payment: Payment) -> str:
        """Give that page's address, or nothing."""
        ...


@runtime_checkable
class IssuesAccounts(Protocol):
    """A gateway that issues a virtual account without a window."""

    def issue_account(
        self, payment: Payment, order: Order, bank: str, due: datetime, stamp: Stamp
    ) -> Exchange[Waiting | Declined | Unknown]:
        """Have an account of that bank (code) issued for the payment's amount, payable until `due`."""
        ...


@runtime_checkable
class VoidsAccounts(Protocol):
    """A gateway that can close a virtual account into which nothing was paid."""

    def void_account(
        self, payment: Payment, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Refused | Unknown]:
        """Close the account; must bear repetition. Refused or TooLate where money is in it."""
        ...


@runtime_checkable
class Transfers(Protocol):
    """A gateway that refunds by transfer to an account that the buyer names (Mainpay cms/front)."""

    def may_transfer(self, payment: Payment) -> bool:
        """Tell whether a transfer can name the payment it gives back, by the gateway's own number of it."""
        ...

    def register_transfer(
        self, payment: Payment, ref: str, amount: int, account: Account, stamp: Stamp
    ) -> Exchange[Done | Refused | Unknown]:
        """Register a transfer of `amount` KRW under our reference; `refs` of Done are what its status needs."""
        ...

    def show_transfer(
        self, payment: Payment, refs: Mapping[str, str], amount: int, stamp: Stamp
    ) -> Exchange[TransferShown | Absent | Unknown]:
        """Ask where a transfer of `amount` KRW stands; `refs` are those of its Done."""
        ...

    def find_transfer(
        self, payment: Payment, ref: str, amount: int, sent: Stamp, stamp: Stamp
    ) -> Exchange[TransferShown | Absent | Unknown]:
        """Look for a transfer of `amount` KRW, registered at `sent` without an answer, by our reference.

        Only one that is shown counts: Absent may mean that the gateway does not look for it that way."""
        ...

    def cancel_transfer(
        self, payment: Payment, refs: Mapping[str, str], stamp: Stamp
    ) -> Exchange[Done | Refused | Unknown]:
        """Take a transfer back while it is only registered."""
        ...


@runtime_checkable
class RefundsToAccounts(Protocol):
    """A gateway whose refund of a deposit takes the buyer's account along (`RefundOrder.account`), and says at once
    whether the money went there (Pay-Story payment.cancel with refundAccnt)."""

    @property
    def account_methods(self) -> tuple[Method, ...]:
        """The methods whose money goes back that way."""
        ...


@runtime_checkable
class OfMerchant(Protocol):
    """A gateway that speaks for one merchant: asked as another it knows none of the first one's payments."""

    @property
    def merchant(self) -> str:
        """Give the id under which the gateway knows the merchant."""
        ...


@runtime_checkable
class PaysWithin(Protocol):
    """A gateway that has no name of its own for some methods: the buyer finds them within another's window."""

    def paid_as(self, method: Method) -> Method:
        """Say what money is called that was asked for by a method: by its window, not by what was wished for."""
        ...


@runtime_checkable
class LooksUp(Protocol):
    """A gateway that says which card begins with these digits."""

    def look_up_card(self, prefix: str, stamp: Stamp) -> Exchange[CardKind | Absent | Unknown]:
        """Ask for a card's kind by its first six or eight digits."""
        ...


@dataclass(frozen=True, slots=True)
class EscrowField:
    """A field of an escrow's step: the gateway's name for it, what people call it, and its choices if it has some.

    `is_buyer`: the name of whoever decides, which a page of the buyer's own knows and need not ask for."""

    name: str
    korean: str
    english: str
    choices: Mapping[str, str] = field(default_factory=dict)
    needed: bool = True
    is_buyer: bool = False


def check_fields(step: EscrowStep, known: Sequence[EscrowField]) -> None:
    """Make sure that a step names what it needs and nothing it has not. Raises Malformed, naming the field."""
    strange = sorted(set(step.fields) - {one.name for one in known})
    if strange:
        names = ", ".join(one.name for one in known) or "none"
        raise Malformed(f"The step {step.step} has no field {strange[0]}; it has: {names}.")
    for one in known:
        value = step.fields.get(one.name, "")
        if not value and one.needed:
            raise Malformed(f"The step {step.step} needs the field {one.name} ({one.english}).")
        if value and one.choices and value not in one.choices:
            raise Malformed(f"The field {one.name} must be one of: {', '.join(one.choices)}.")


@runtime_checkable
class Escrows(Protocol):
    """A gateway that keeps the money until the buyer has the goods."""

    def escrow_steps(self, payment: Payment) -> Mapping[str, tuple[EscrowField, ...]]:
        """Name the steps and the fields each has; none for a payment that was made in no escrow."""
        ...

    def check_escrow_step(self, step: EscrowStep) -> None:
        """Refuse, before anything is kept or sent, a step that is not taken here or not so. Raises Malformed."""
        ...

    def take_escrow_step(
        self, payment: Payment, step: EscrowStep, stamp: Stamp
    ) -> Exchange[EscrowShown | Refused | Unknown]:
        """Report the delivery, the buyer's yes or no, or ask for the state."""
        ...


@runtime_checkable
class Administers(Protocol):
    """A gateway with commands for the merchant's own account (PayApp useridCheck, subidregist …)."""

    @property
    def admin_commands(self) -> tuple[AdminCommand, ...]: ...

    def administer(self, name: str, fields: Mapping[str, str], stamp: Stamp) -> Exchange[AdminAnswer | Unknown]:
        """Run one of the commands with its fields. Raises Misconfigured for a command or field that is not named."""
        ...


@runtime_checkable
class NeedsDetails(Protocol):
    """A gateway whose calls without a window need more of the buyer or the card than others' do."""

    def lacking(self, call: str, buyer: Buyer, card: CardEntry | None = None) -> tuple[str, str] | None:
        """Say in English and Korean what a call of the port (issue_key_by_card, charge, register_plan) lacks, or
        nothing. It repeats no value."""
        ...


@runtime_checkable
class NeedsForWindow(Protocol):
    """A gateway that must be told more for its window: of the shop's own app that opens it (`device` app), of the
    buyer."""

    def lacking_for_window(self, device: Device, buyer: Buyer) -> tuple[str, str] | None:
        """Say in English and Korean why its window cannot be opened there for this buyer, or nothing.

        The English names the setting or the field that is to be given. It repeats no value."""
        ...
