"""The port: how a gateway is spoken to. An adapter translates; it sends nothing and reads no clock.

What a gateway can do is told by the Protocols its adapter satisfies, never declared beside them. One that does not
approve captures by itself: money moves in its window, and we hear of it by notice or inquiry. Billing keys and cards
keyed in are in billing.py; receipts, transfers, escrow and the rest in services.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.notices import Ack, Circumstantial, Digest, Event, Notice, Proof, SharedValue
from bridge.domain.outcomes import (
    Absent,
    Accepted,
    Allowed,
    Approval,
    ByHand,
    Declined,
    Done,
    Inquiry,
    Never,
    NothingThere,
    NotSent,
    Paid,
    PerhapsPaid,
    Probing,
    Refunding,
    RefundRule,
    Refused,
    Seen,
    TooLate,
    Undoing,
    Undone,
    Unknown,
    Unpaid,
    Waiting,
)
from bridge.domain.payment import Method, Order, Payment, RefundOrder
from bridge.domain.windows import Redirect, Return, Script, Urls, Window, WindowPass

__all__ = [
    "Absent",
    "Accepted",
    "Ack",
    "Allowed",
    "Approval",
    "Approves",
    "ByHand",
    "Circumstantial",
    "CodeName",
    "Declined",
    "Digest",
    "Done",
    "Event",
    "Gateway",
    "Inquires",
    "Inquiry",
    "Never",
    "NotSent",
    "NothingThere",
    "Notice",
    "Notifies",
    "Paid",
    "PerhapsPaid",
    "Probes",
    "Probing",
    "Proof",
    "Redirect",
    "RefundRule",
    "Refunding",
    "Refused",
    "Return",
    "Script",
    "Seen",
    "Setting",
    "SharedValue",
    "TooLate",
    "Undoes",
    "Undoing",
    "Undone",
    "Unknown",
    "Unpaid",
    "Urls",
    "Vouches",
    "Waiting",
    "Window",
    "WindowPass",
    "captures_itself",
]


@dataclass(frozen=True, slots=True)
class CodeName:
    """One row of a gateway's code table; `source` tells tables apart that contradict each other."""

    code: str
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a gateway: `live` and `test` are its defaults by mode; None means it must be given."""

    name: str
    purpose: str
    live: str | None = None
    test: str | None = None
    secret: bool = False


class Gateway(Protocol):
    """What every gateway can do. `name` is its folder's, `title` what Korean readers call it."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def methods(self) -> tuple[Method, ...]: ...
    @property
    def hosts(self) -> frozenset[str]:
        """The only origins (scheme://host:port) a call of this gateway may go to."""
        ...

    @property
    def deadline_seconds(self) -> float:
        """How long a whole conversation may take; the gateway itself has given up by then (Mainpay 65, others 40)."""
        ...

    @property
    def human_after_seconds(self) -> float:
        """How long an outcome may be unknown, the gateway being reachable, before a person is told."""
        ...

    def smallest(self, method: Method) -> int:
        """Say the least amount in KRW that may be paid by a method; less is refused before anything is sent."""
        ...

    def open_window(
        self, payment: Payment, order: Order, urls: Urls, stamp: Stamp
    ) -> Exchange[Window | Declined | Unknown]:
        """Have a window opened: by a call, or by data alone for a script. No money moves, whatever comes of it."""
        ...

    def read_return(self, form: Mapping[str, str]) -> Return:
        """Read what the buyer's browser brought back. Raises Unreadable, or NotGenuine for a foreign host in it."""
        ...

    def refund(
        self, payment: Payment, refund: RefundOrder, stamp: Stamp
    ) -> Exchange[Done | Refused | Accepted | Unknown]:
        """Give money back. A full one may be asked again with the same `refund.ref` after its answer was lost.

        `refund.parts` are its taxable, VAT and tax-free parts; the parts of all refunds add up to `payment.parts`.
        """
        ...

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        """Say what refund may be asked for at the stamp's time."""
        ...

    def codes(self, kind: str) -> tuple["CodeName", ...]:
        """List the documented codes of a kind (errors, cards, banks, and what else its documents print); or none."""
        ...


@runtime_checkable
class Approves(Protocol):
    """A gateway whose money moves by our call."""

    def approve(
        self, payment: Payment, returned: Return, stamp: Stamp
    ) -> Exchange[Paid | Waiting | Declined | Unknown]:
        """Move the money, or have an account issued. Asked once for a payment, never again."""
        ...


@runtime_checkable
class Notifies(Protocol):
    """A gateway that sends notices."""

    @property
    def notice_kinds(self) -> tuple[str, ...]:
        """Name the addresses it must be given; the first goes along with every window."""
        ...

    def read_notice(self, raw: bytes, kind: str) -> Notice:
        """Read a notice as it came. Raises Unreadable, or NotGenuine for one that is not this merchant's."""
        ...

    def acknowledge(self, raw: bytes, kind: str) -> Ack:
        """Say what the gateway must hear so that it does not repeat this notice."""
        ...

    def allows_source(self, address: str) -> bool:
        """Tell whether a notice may come from this IP address."""
        ...


@runtime_checkable
class Inquires(Protocol):
    """A gateway that can be asked what happened."""

    def inquire(self, payment: Payment, stamp: Stamp) -> Exchange[Seen | Absent | Unknown]:
        """Ask what is captured and refunded of a payment, by `payment.merchant_ref` or its refs.

        Where a day must be named before one is kept in the refs, money can have moved from `created_at` to the day
        after `expires_at`, in KST: both days are asked for, in one exchange, and Absent is said of both.
        Must bear repetition, and must move nothing.
        """
        ...


@runtime_checkable
class Undoes(Protocol):
    """A gateway that can take back an approval whose answer was lost (망취소). `sent` is the approval's stamp."""

    def undo(
        self, payment: Payment, returned: Return, sent: Stamp, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Unknown]:
        """Bring the gateway's net to zero; must bear repetition."""
        ...


@runtime_checkable
class Probes(Protocol):
    """A gateway that captures by itself, and whose request can be withdrawn as long as nobody has paid it:
    `request_number` is the name under which a payment keeps the number of the request that it was paid by."""

    request_number: str

    def probe_unpaid(self, payment: Payment, stamp: Stamp) -> Exchange[Unpaid | PerhapsPaid | Unknown]:
        """Withdraw the request at its end (PayApp `paycancel` with `cancelmode=ready`): its success proves it unpaid.

        Must never take back a payment that was made, and must bear repetition. Of several requests the first of
        `payment.requests` is withdrawn, and named in the answer.
        """
        ...

    def was_requested(self, payment: Payment) -> bool:
        """Tell whether a request is known; where none is, nobody can have paid in a window that a script opens."""
        ...


@runtime_checkable
class Vouches(Protocol):
    """A gateway whose script asks the merchant's server to vouch for the window (Payple `payple_auth_file`)."""

    def vouch(
        self, payment: Payment, form: Mapping[str, str], stamp: Stamp
    ) -> Exchange[WindowPass | Declined | Unknown]:
        """Fetch short-lived tokens for this payment's window; `form` is what the script posted, not to be believed."""
        ...


@runtime_checkable
class NamesByReturn(Protocol):
    """A gateway that takes back by the number alone that a buyer's return brought (Welcome's P_TID): `claimed` is the
    name under which a payment keeps that number once it is paid, or has its account."""

    claimed: str


def captures_itself(gateway: Gateway) -> bool:
    """Tell whether money moves in the gateway's window, without a call of ours (PayApp; Payple in mode PAY)."""
    return not isinstance(gateway, Approves)
