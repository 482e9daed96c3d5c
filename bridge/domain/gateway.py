"""The port: how a gateway is spoken to. An adapter translates; it sends nothing and reads no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.payment import Method, Order, Payment, RefundOrder
from bridge.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Redirect:
    """The window is a page of the gateway's; `refs` are to be kept on the payment."""

    url: str
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """The window is opened by a script of the gateway's on a page of ours; `origins` are what its CSP needs."""

    data: Mapping[str, str]
    origins: tuple[str, ...]
    refs: Mapping[str, str] = field(default_factory=dict)


Window = Redirect | Script


@dataclass(frozen=True, slots=True)
class Paid:
    """Money has moved: `amount` KRW as the gateway says, never as we asked."""

    amount: int
    refs: Mapping[str, str]
    card: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account was issued; money comes later, or never."""

    account: Mapping[str, str]
    refs: Mapping[str, str]
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """An explicit no, with a code on the gateway's decline list."""

    reason: Reason
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Neither a yes nor a no. `refusal` marks a well-formed refusal to this very call (HTTP 200, no duplicate,
    in-progress or already code): with a net-cancel answered "done" or "nothing there" it becomes a decline."""

    why: str
    code: str = ""
    message: str = ""
    refusal: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request was written; nothing can have happened."""

    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """The refund was made; `refs` are the gateway's names for it. `already` marks "already cancelled" on a full
    cancel: the gateway's net is zero, whoever did it."""

    refs: Mapping[str, str] = field(default_factory=dict)
    already: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The refund was refused; nothing moved."""

    reason: Reason
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The refund was taken in; it is not money back yet."""

    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undone:
    """The gateway's net is zero."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class NothingThere:
    """The gateway knows no such payment. Proves something only after the quiet period, or with a refusal."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class TooLate:
    """The gateway's window for undoing is over."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an inquiry shows, in KRW."""

    captured: int
    refunded: int | None
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absent:
    """An inquiry shows nothing. Not proof before the quiet period has passed twice."""


Approval = Paid | Waiting | Declined | NotSent | Unknown
Refunding = Done | Refused | Accepted | NotSent | Unknown
Undoing = Undone | NothingThere | TooLate | NotSent | Unknown
"""All that a conversation may come to, by what was asked; the wire itself adds NotSent."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A refund may be asked of the gateway, of at most `max_amount` KRW."""

    max_amount: int
    partial: bool


@dataclass(frozen=True, slots=True)
class ByHand:
    """Only a person can give the money back; `why` for the clerk (Korean)."""

    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """There is nothing to give back; `why` for the clerk (Korean)."""

    why: str


@dataclass(frozen=True, slots=True)
class Urls:
    """Addresses given to a gateway: where the browser returns, where closing leads, where notices go."""

    approval: str
    close: str
    notice: str


@dataclass(frozen=True, slots=True)
class Return:
    """What the browser brought back: parsed, not believed. `refs` are opaque values an approval needs."""

    refs: Mapping[str, str]
    refused: Declined | None = None


@dataclass(frozen=True, slots=True)
class SharedValue:
    """Proof: the notice carries a secret that only the gateway and we know."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Proof: the notice carries a hash made with a secret."""


@dataclass(frozen=True, slots=True)
class Circumstantial:
    """No proof but circumstances (unguessable address, source address, fields equal to our record)."""

    what: str


Proof = SharedValue | Digest | Circumstantial


@dataclass(frozen=True, slots=True)
class Notice:
    """News from a gateway. `event` is approved | deposited | cancelled | part_cancelled | other; `dedupe` names
    the event at the gateway; `merchant_ref` is our reference, `amount` KRW of this event."""

    event: str
    dedupe: str
    merchant_ref: str
    amount: int
    proof: Proof
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ack:
    """The exact answer a gateway wants to see."""

    body: str
    content_type: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class CodeName:
    """One row of a gateway's code table; `source` tells tables apart that contradict each other."""

    code: str
    name: str
    source: str


RefundRule = Allowed | ByHand | Never


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
        """How long a whole conversation may take; the gateway itself has given up by then."""
        ...

    def open_window(
        self, payment: Payment, order: Order, urls: Urls, stamp: Stamp
    ) -> Exchange[Window | Declined | Unknown]:
        """Have a window opened. No money moves, whatever comes of it."""
        ...

    def read_return(self, form: Mapping[str, str]) -> Return:
        """Read what the buyer's browser brought back. Raises Unreadable."""
        ...

    def refund(
        self, payment: Payment, refund: RefundOrder, stamp: Stamp
    ) -> Exchange[Done | Refused | Accepted | Unknown]:
        """Give money back. A full one may be asked again with the same `refund.ref` after its answer was lost."""
        ...

    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule:
        """Say what refund may be asked for at the stamp's time."""
        ...

    def codes(self, kind: str) -> tuple["CodeName", ...]:
        """List the documented codes of a kind: errors, cards or banks."""
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
        """Ask what is captured and refunded of a payment."""
        ...


@runtime_checkable
class Undoes(Protocol):
    """A gateway that can take back an approval whose answer was lost (망취소). `sent` is the approval's stamp."""

    def undo(
        self, payment: Payment, returned: Return, sent: Stamp, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Unknown]:
        """Bring the gateway's net to zero; must bear repetition."""
        ...
