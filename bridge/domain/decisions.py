"""What people may decide about a case: for each, the decisions that make sense as the payment stands. Pure rules."""

from collections.abc import Collection
from enum import StrEnum

from bridge.domain.failures import Malformed
from bridge.domain.machine import TERMINAL, Kind, State
from bridge.domain.payment import Payment

EVIDENCE_CHARACTERS_MIN = 10
EVIDENCE_CHARACTERS_MAX = 2000
ALONE_SECONDS = 24 * 3600
"""How long a proposal must have stood before its own maker may confirm it, where there is no second operator."""


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
    SEEN = "seen"  # the books are right; there was only something to look at


NOTHING_LIES_THERE = (Decision.NO_MONEY, Decision.GIVEN_BACK, Decision.MONEY_FOUND)
REFUNDABLE = (State.PAID, State.PART_REFUNDED)


def choices(reason: str, payment: Payment, pending: Collection[Kind], *, order_free: bool) -> tuple[Decision, ...]:
    """List what may be decided now: `pending` are the kinds of its operations without outcome, `order_free` tells
    that no other payment holds the order. Nothing is offered while the bridge itself is still finding out."""
    state = State(payment.state)
    if state is State.NEEDS_HUMAN:
        never_paid = (Decision.PAID, Decision.DECLINED, Decision.VOIDED)
        return (Decision.VOIDED,) if payment.captured else never_paid
    if state is State.VOIDING and reason == "unknown_outcome" and payment.captured:
        return (Decision.VOIDED,)  # the order is another payment's, so this one cannot wait as needs_human
    if state is State.OPEN and reason == "unknown_outcome" and Kind.PROBE in pending:
        return (Decision.DECLINED, Decision.VOIDED)  # likewise: what its window may have taken cannot be kept
    if not _settled(state) and state is not State.AWAITING_DEPOSIT:
        return ()  # money found before its outcome is known would be counted a second time by that outcome
    if Kind.REFUND in pending:
        return (Decision.REFUNDED, Decision.NOT_REFUNDED) if reason == "refund_unknown" else ()
    if payment.orphaned > 0:
        may_adopt = order_free and not payment.adopted and state in TERMINAL and payment.orphaned == payment.amount
        return (Decision.GIVEN_BACK, Decision.ADOPTED) if may_adopt else (Decision.GIVEN_BACK,)
    if reason == "external_cancel" or (reason == "reported" and state in REFUNDABLE):
        return (Decision.GIVEN_BACK, Decision.NOT_GIVEN_BACK)
    if reason == "unexpected_deposit" and state is State.AWAITING_DEPOSIT:
        return (Decision.PAID, *NOTHING_LIES_THERE)
    if reason in ("refund_unknown", "amount_mismatch"):
        return (Decision.SEEN,) if _settled(state) else ()
    if state in TERMINAL or reason in ("unexpected_deposit", "money_on_ended_payment"):
        return NOTHING_LIES_THERE
    return (Decision.SEEN,) if _settled(state) else ()


def amount_of(decision: Decision, payment: Payment, asked: int | None, about: int) -> int:
    """Say how many KRW a decision is about: what was typed, or what the books and the case say. Raises Malformed."""
    if decision is Decision.MONEY_FOUND:
        return asked or about or payment.amount
    if decision is not Decision.GIVEN_BACK:
        if asked is not None:
            raise Malformed("Only given_back and money_found take an amount; the others are about all of it.")
        return 0
    if payment.orphaned > 0:
        if asked is not None and asked > payment.orphaned:
            raise Malformed(f"At most the {payment.orphaned} KRW that were found can have been given back.")
        return asked or payment.orphaned
    return asked or about or max(payment.left, 0)


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


def _settled(state: State) -> bool:
    return state in TERMINAL or state in REFUNDABLE
