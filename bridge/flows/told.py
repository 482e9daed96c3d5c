"""A notice on its way into the books, and the words for what became of it; some of them are read again later."""

from dataclasses import dataclass

from bridge.domain.gateway import Circumstantial, Digest, Gateway, Inquires, Notice
from bridge.domain.payment import Payment
from bridge.flows.ask_fence import Fence
from bridge.flows.record import Recorder
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

GATEWAY = "gateway"
LATER = "later"
ASK_FENCE = "ask the fence"
KNOWN = "known already"
KNOWN_DEPOSIT = "known already: the deposit was found before it was told"
PERSON = "a person must look"
NOTHING_TO_DO = "nothing to do"
TOLD_IN_SIGHT = "not believed: browsers see the address where it was told"
COMPARED = "the books are compared"
PERHAPS_OURS = "the books are compared: it may be the refund that has no outcome"
"""Of a refund: who then says that it was not made says that this was somebody else's."""
DEPOSIT_ASKED = "the books are compared: a deposit is told, and asked about before it counts"
REPORTED = "the books are compared: money is said to have gone back"
PROVEN_BACK = "the books are compared: a proven notice says that money has gone back"
SAID_BACK = "said to have gone back"
CAME_AND_WENT = "taken and given back before it was told"


@dataclass(frozen=True, slots=True)
class Told:
    """A notice on its way into the books: what it is about, and what WordPress said of the seats, if it was asked."""

    turn: Turn
    recorder: Recorder
    gateway: Gateway
    notice: Notice
    payment: Payment
    refund: Operation | None
    fence: Fence | None = None

    @property
    def proven(self) -> bool:
        """Whether the notice itself proves what it says."""
        return not isinstance(self.notice.proof, Circumstantial)

    @property
    def proves_money(self) -> bool:
        """Whether it proves by itself that money came or went that the books do not know of yet."""
        is_shared = isinstance(self.notice.proof, Digest) and self.notice.proof.is_shared
        return self.proven and not (is_shared and not self.payment.captured and isinstance(self.gateway, Inquires))

    @property
    def is_hint(self) -> bool:
        """Whether it only makes us ask."""
        return not self.proven and isinstance(self.gateway, Inquires)


def perhaps_ours(refund: str) -> str:
    """The effect of a cancel told without proof that may be the refund of this id."""
    return f"{PERHAPS_OURS} ({refund})"


def known_refund(amount: int) -> str:
    """The effect of a cancel that is a refund of ours, which its answer or people had told of before."""
    return f"{KNOWN}: our refund of {amount} KRW"


def said_to_be_back(amount: int) -> str:
    """The effect of a cancel past the bridge that is told without proof: one with proof counts for one of these."""
    return f"{SAID_BACK}: {amount} KRW"


def came_and_went(notice: Notice) -> str:
    """The effect of a cancel that overtook its payment's news: that of one number alone, where no window bound the
    payment to one. Of several requests each may be paid, and a charge may have been made twice."""
    number = notice.request or ("" if notice.binding else "".join(notice.paid_binding.values()))
    return f"{CAME_AND_WENT}: {number}" if number else CAME_AND_WENT
