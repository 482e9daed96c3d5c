"""What a conversation with a gateway may come to: types, never a boolean. Amounts are integers of KRW."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bridge.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Paid:
    """Money has moved: `amount` KRW as the gateway says, never as we asked; `paid_at` is when, where it says so."""

    amount: int
    refs: Mapping[str, str]
    card: Mapping[str, str] = field(default_factory=dict)
    paid_at: datetime | None = None


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
    in-progress or already code): with a net-cancel answered "done" or "nothing there" it becomes a decline. `there`
    marks the answer to a net-cancel that is said of a payment that is there: that nothing is shown of it proves nothing
    any more. `part` marks one by which less went back than was asked: "cancelled already" may be said of that alone."""

    why: str
    code: str = ""
    message: str = ""
    refusal: bool = False
    there: bool = False
    part: bool = False


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


PAY_BACK_WON, PAY_BACK_ACCOUNT = "pay_back_won", "pay_back_account"
"""Refs of an Accepted: what the seller has to wire to the gateway before it gives anything back, and to where."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The refund was taken in; it is not money back yet. A notice says when it is."""

    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undone:
    """The gateway's net is zero; `already` where it says only that it was cancelled before."""

    code: str = ""
    already: bool = False


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
    """What an inquiry shows, in KRW: all that was ever captured of this payment and all that was given back since.

    `refunded` is None where the gateway's answer does not tell. A payment that is there but not captured (an account
    without a deposit, an authentication without an approval) is `captured=0`; one cancelled whole has both equal.
    `paid_at` is when it was captured, where the answer tells.
    """

    captured: int
    refunded: int | None
    refs: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """An inquiry shows nothing. Not proof before the quiet period has passed twice."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class Unpaid:
    """The request was withdrawn while nobody had paid it, and can be paid no more; `request` says which of several."""

    code: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class PerhapsPaid:
    """The request could not be withdrawn, which is so for paid ones among others: it proves nothing."""

    code: str = ""
    message: str = ""


Approval = Paid | Waiting | Declined | NotSent | Unknown
Refunding = Done | Refused | Accepted | NotSent | Unknown
Undoing = Undone | NothingThere | TooLate | Accepted | NotSent | Unknown
Inquiry = Seen | Absent | NotSent | Unknown
Probing = Unpaid | PerhapsPaid | NotSent | Unknown
"""All that a conversation may come to, by what was asked; the wire itself adds NotSent."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A refund may be asked of the gateway, of at most `max_amount` KRW.

    `by_request`: the gateway only takes a request, and may first want the money wired to it by hand. `why` tells the
    clerk (Korean) on what condition the gateway gives it back, where we cannot know whether that is met.
    """

    max_amount: int
    partial: bool
    by_request: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class ByHand:
    """Only a person can give the money back; `why` for the clerk (Korean)."""

    why: str


@dataclass(frozen=True, slots=True)
class Never:
    """There is nothing to give back; `why` for the clerk (Korean)."""

    why: str


RefundRule = Allowed | ByHand | Never
