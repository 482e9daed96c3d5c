"""What people may decide about a case: for each, the decisions that make sense as the payment stands. Pure rules."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bridge.domain.failures import AmountRefused, DepositAwaited, Malformed, OwnNumber
from bridge.domain.machine import TERMINAL, Kind, State
from bridge.domain.payment import Payment

EVIDENCE_CHARACTERS_MIN = 10
EVIDENCE_CHARACTERS_MAX = 2000
ALONE_SECONDS = 24 * 3600
"""How long a proposal must have stood before the only operator may confirm what may be their own."""


class Decision(StrEnum):
    """What two people found out, each one fact about money at the gateway."""

    PAID = "paid"  # the money was taken, and is kept
    DECLINED = "declined"  # no money was ever taken
    VOIDED = "voided"  # money was taken, and has been given back
    REFUNDED = "refunded"  # the refund nobody knew of was made
    NOT_REFUNDED = "not_refunded"  # the refund nobody knew of was not made
    GIVEN_BACK = "given_back"  # money was given back at the gateway itself
    NOT_GIVEN_BACK = "not_given_back"  # nothing was given back there
    MONEY_FOUND = "money_found"  # money lies on a payment that had ended
    NO_MONEY = "no_money"  # no money lies there
    ADOPTED = "adopted"  # the money found pays for the order after all
    WORD_TAKEN = "word_taken"  # the gateway has the buyer's word on an escrow
    WORD_NOT_TAKEN = "word_not_taken"  # the buyer's word did not reach the gateway
    SEEN = "seen"  # the books are right; there was only something to look at


DENIED: Mapping[Decision, tuple[Kind, ...]] = {
    Decision.PAID: (Kind.UNDO,),
    Decision.DECLINED: (Kind.APPROVE, Kind.PROBE),
    Decision.NOT_REFUNDED: (Kind.REFUND,),
    Decision.WORD_NOT_TAKEN: (Kind.WORD,),
    Decision.NO_MONEY: (Kind.APPROVE, Kind.UNDO, Kind.PROBE),
    Decision.ADOPTED: (Kind.UNDO,),
}
"""Which operations without outcome a decision says did nothing: that is true for good once none can still arrive."""
NOTHING_LIES_THERE = (Decision.NO_MONEY, Decision.GIVEN_BACK, Decision.MONEY_FOUND)
REFUNDABLE = (State.PAID, State.PART_REFUNDED)
FOUND = ("unexpected_deposit", "money_on_ended_payment")
"""Reasons of cases about money beside what the payment itself was paid with."""
HELD = ("seat_lost", "order_changed", "order_paid", "order_paid_twice", "seats_unconfirmed", "external_refund")
"""Reasons of cases whose money the books have as the payment's own, when it has ended too."""
WORD_UNKNOWN = "word_unknown"
"""Reason of a case: nobody knows whether the gateway took a buyer's word on an escrow."""
CONTRADICTED = "people_contradicted"
"""Reason of a case: the gateway proves that less was taken than two people had said; its amount is the difference."""
OWN_NUMBERS = ("refNo", "tid", "mul_no")
"""Names of gateways' own numbers of a payment."""


@dataclass(frozen=True, slots=True)
class Matter:
    """What a case is about: its reason, its KRW, and how many of these the books have as found money of its own."""

    reason: str
    amount: int = 0
    booked: int = 0

    @property
    def reported(self) -> int:
        """The KRW that were only reported: no entry is of them."""
        return max(self.amount - self.booked, 0)


def choices(matter: Matter, payment: Payment, pending: Collection[Kind], *, order_free: bool) -> tuple[Decision, ...]:
    """List what may be decided now: `pending` are the kinds of its operations without outcome, `order_free` tells
    that no other payment holds the order. Nothing is offered while the bridge itself is still finding out."""
    state, reason = State(payment.state), matter.reason
    if state is State.NEEDS_HUMAN and reason in FOUND:
        return ()  # it may be the very money that nobody knows of: that is decided first
    if state is State.NEEDS_HUMAN:
        never_paid = (Decision.PAID, Decision.DECLINED, Decision.VOIDED)
        return (Decision.VOIDED,) if payment.captured else never_paid
    if state is State.VOIDING and reason == "unknown_outcome" and payment.captured:
        return (Decision.VOIDED,)  # the order is another payment's, so this one cannot wait as needs_human
    if state is State.OPEN and reason == "unknown_outcome" and Kind.PROBE in pending:
        return (Decision.DECLINED, Decision.VOIDED)  # likewise: what its window may have taken cannot be kept
    if not _settled(state) and state is not State.AWAITING_DEPOSIT:
        return ()  # money found before its outcome is known would be counted a second time by that outcome
    if reason == WORD_UNKNOWN:
        return (Decision.WORD_TAKEN, Decision.WORD_NOT_TAKEN) if Kind.WORD in pending else (Decision.SEEN,)
    if Kind.REFUND in pending:
        return (Decision.REFUNDED, Decision.NOT_REFUNDED) if reason == "refund_unknown" else ()
    if matter.booked > 0:
        whole = matter.booked == payment.orphaned == payment.amount
        may_adopt = order_free and not payment.adopted and state in TERMINAL and whole
        adopted = (Decision.ADOPTED,) if may_adopt else ()
        return (Decision.GIVEN_BACK, *adopted, *((Decision.MONEY_FOUND,) if matter.reported else ()))
    if reason == "reported" and state in REFUNDABLE:
        return (Decision.GIVEN_BACK, Decision.NOT_GIVEN_BACK, Decision.MONEY_FOUND)  # whatever an operator saw there
    if reason == "external_cancel" or (reason == CONTRADICTED and state in REFUNDABLE):
        return (Decision.GIVEN_BACK, Decision.NOT_GIVEN_BACK)
    if reason in ("refund_unknown", "amount_mismatch"):
        return (Decision.SEEN,) if _settled(state) else ()
    if reason in FOUND or state in TERMINAL:
        if payment.captured and reason in HELD:
            return (Decision.SEEN,)
        pays = reason == "unexpected_deposit" and state is State.AWAITING_DEPOSIT and matter.amount == payment.amount
        own = (Decision.PAID,) if pays else (Decision.SEEN,) if payment.captured else ()
        return (*own, *NOTHING_LIES_THERE)
    return (Decision.SEEN,) if _settled(state) else ()


def suggest(decision: Decision, payment: Payment, matter: Matter) -> int:
    """Say how many KRW a decision is about when nobody types a number; 0 where it takes none, or nothing tells.

    Never what the books have already, unless it is about giving just that back.
    """
    if decision is Decision.MONEY_FOUND:
        return matter.reported
    if decision is not Decision.GIVEN_BACK:
        return 0
    if matter.booked or matter.reason in FOUND:
        return matter.booked or matter.reported
    return matter.amount or max(payment.left, 0)


def amount_of(decision: Decision, payment: Payment, asked: int | None, matter: Matter) -> int:
    """Say how many KRW a decision is about: what was typed, or what the books and the case say. Raises Malformed,
    AmountRefused where nothing tells, and DepositAwaited."""
    takes_one = decision in (Decision.GIVEN_BACK, Decision.MONEY_FOUND)
    if asked is not None and not takes_one:
        raise Malformed("Only given_back and money_found take an amount; the others are about all of it.")
    if decision is Decision.GIVEN_BACK and matter.booked and asked is not None and asked > matter.booked:
        raise Malformed(f"At most the {matter.booked} KRW that were found can have been given back.")
    if decision is Decision.GIVEN_BACK and asked is not None and is_too_much(asked, payment, matter):
        raise AmountRefused(f"At most {max(payment.left, matter.amount)} KRW of this can have been given back.")
    amount = asked or suggest(decision, payment, matter)
    if not amount and (decision is Decision.MONEY_FOUND or (takes_one and matter.reason in FOUND)):
        raise AmountRefused("The case does not tell how many KRW it is about: give the amount that the console shows.")
    if takes_one and payment.state == State.AWAITING_DEPOSIT and matter.reason in FOUND:
        _leave_its_deposit(
            amount, matter.booked if decision is Decision.GIVEN_BACK and matter.booked else matter.reported
        )
    return amount


def is_too_much(amount: int, payment: Payment, matter: Matter) -> bool:
    """Tell whether more KRW of a payment's own money would be called given back than there are of it and the case tells
    of: a slip of the pen would be in the books as money that went back."""
    beside = matter.booked or matter.reason in FOUND
    return not beside and payment.captured > 0 and amount > max(payment.left, matter.amount)


def writes_in(decision: Decision, matter: Matter) -> bool:
    """Tell whether a decision writes money into the books that no notice or inquiry has written."""
    passes = decision is Decision.GIVEN_BACK and matter.reason in FOUND and not matter.booked
    return passes or decision is Decision.MONEY_FOUND


def refuse_own(decision: Decision, payment: Payment, evidence: str) -> None:
    """Refuse to find money under the number that the payment's own capture has. Raises OwnNumber.

    Deposits into one account may share the account's number, so what was paid into one is not looked at.
    """
    if decision is not Decision.MONEY_FOUND or not payment.captured or payment.account:
        return
    for number in (payment.refs.get(name, "") for name in OWN_NUMBERS):
        if number and number in evidence:
            raise OwnNumber(
                f"{number} is this payment's own number, and its money is in the books: decide the case as seen, or"
                " name only the number of the other money."
            )


def read_evidence(text: str) -> str:
    """Take the evidence somebody typed. Raises Malformed for one that says nothing."""
    text = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    if not EVIDENCE_CHARACTERS_MIN <= len(text) <= EVIDENCE_CHARACTERS_MAX:
        raise Malformed(
            f"Say what you saw and where, in {EVIDENCE_CHARACTERS_MIN} to {EVIDENCE_CHARACTERS_MAX} characters:"
            " such as the console's approval number, amount and time."
        )
    if not all(line.isprintable() for line in text.split("\n")):
        raise Malformed("The evidence holds characters that cannot be shown.")
    return text


def _leave_its_deposit(amount: int, told: int) -> None:
    """Refuse to speak of more than a case tells of while an account waits: the notice of what it waits for, only late,
    would write the same money once more. Raises DepositAwaited."""
    if amount > told:
        raise DepositAwaited(
            f"The account still waits for its deposit, and the case tells of {told} KRW: what else the console shows"
            " may be that deposit, whose notice is late. It can be decided about when the account has ended."
        )


def _settled(state: State) -> bool:
    return state in TERMINAL or state in REFUNDABLE
