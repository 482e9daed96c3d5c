"""The port: how a gateway is spoken to. An adapter translates; it sends nothing and reads no clock."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol, TypeVar, runtime_checkable

from bridge.domain.failures import Unreadable
from bridge.domain.payment import Method, Order, Payment, RefundOrder
from bridge.domain.reasons import Reason

KST = timezone(timedelta(hours=9), "KST")


@dataclass(frozen=True, slots=True)
class Stamp:
    """The moment (aware) and the randomness (32 hex digits) a method may use; stored with its operation."""

    at: datetime
    nonce: str


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to a gateway. `secrets` names form or JSON fields that no journal may show."""

    op: str
    method: str
    url: str
    form: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    moves_money: bool = False
    secrets: frozenset[str] = frozenset()


class Fields:
    """A gateway's answer, read strictly: whatever is missing or misshapen raises Unreadable."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Tell whether the field is there and not empty."""
        return self._values.get(name) not in (None, "")

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text; a number is taken as its digits. Raises Unreadable."""
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and (value or default is None):
            return value
        if default is not None and value in (None, ""):
            return default
        raise Unreadable(f"The answer's field {name} is missing or not a text.")

    def won(self, name: str) -> int:
        """Read an amount of KRW, given as an integer or as its ASCII digits. Raises Unreadable."""
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
            return int(value)
        raise Unreadable(f"The answer's field {name} is not an amount of KRW.")

    def inside(self, name: str) -> "Fields":
        """Read an object within the answer. Raises Unreadable (a failure often carries "" there)."""
        value = self._values.get(name)
        if isinstance(value, dict):
            return Fields(value)
        raise Unreadable(f"The answer's field {name} is not an object.")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: HTTP status, the whole body within its cap, and the seconds it took."""

    status: int
    body: bytes
    content_type: str = ""
    seconds: float = 0.0

    def json_fields(self) -> Fields:
        """Read a JSON object answered with status 200. Raises Unreadable for any other status or shape."""
        if self.status != 200:
            raise Unreadable(f"The gateway answered with HTTP status {self.status}.")
        try:
            value = json.loads(self.body.decode("utf-8-sig"), object_pairs_hook=_refuse_duplicates)
        except (ValueError, RecursionError) as error:
            raise Unreadable("The gateway's answer is not JSON.") from error
        if not isinstance(value, dict):
            raise Unreadable("The gateway's answer is not a JSON object.")
        return Fields(value)


def _refuse_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found


T = TypeVar("T")
Exchange = Generator[Call, Reply, T]


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
    """What every gateway can do."""

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
    def deadline_seconds(self) -> float: ...

    def open_window(
        self, payment: Payment, order: Order, urls: Urls, stamp: Stamp
    ) -> Exchange[Window | Declined | Unknown]: ...
    def read_return(self, form: Mapping[str, str]) -> Return: ...
    def refund(
        self, payment: Payment, refund: RefundOrder, stamp: Stamp
    ) -> Exchange[Done | Refused | Accepted | Unknown]: ...
    def refund_rule(self, payment: Payment, stamp: Stamp) -> RefundRule: ...
    def codes(self, kind: str) -> tuple["CodeName", ...]:
        """List the documented codes of a kind: errors, cards or banks."""
        ...


@runtime_checkable
class Approves(Protocol):
    """A gateway whose money moves by our call."""

    def approve(
        self, payment: Payment, returned: Return, stamp: Stamp
    ) -> Exchange[Paid | Waiting | Declined | Unknown]: ...


@runtime_checkable
class Notifies(Protocol):
    """A gateway that sends notices."""

    @property
    def notice_kinds(self) -> tuple[str, ...]: ...
    def read_notice(self, raw: bytes, kind: str) -> Notice: ...
    def acknowledge(self, raw: bytes, kind: str) -> Ack: ...
    def allows_source(self, address: str) -> bool:
        """Tell whether a notice may come from this IP address."""
        ...


@runtime_checkable
class Inquires(Protocol):
    """A gateway that can be asked what happened."""

    def inquire(self, payment: Payment, stamp: Stamp) -> Exchange[Seen | Absent | Unknown]: ...


@runtime_checkable
class Undoes(Protocol):
    """A gateway that can take back an approval whose answer was lost (망취소). `sent` is the approval's stamp."""

    def undo(
        self, payment: Payment, returned: Return, sent: Stamp, stamp: Stamp
    ) -> Exchange[Undone | NothingThere | TooLate | Unknown]: ...
