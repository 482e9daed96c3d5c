"""What people said, or an inquiry showed, before the gateway's notice told of it: the same money, written once.

A notice is about what was said before it when the sum is the same and no other notice was taken for it yet. Which one
that is its outcome says, and the books stay as they are; the gateway's own number is kept, so that money under another
one is known for what it is.
"""

from collections.abc import Mapping

from bridge.domain.decisions import CONTRADICTED, OWN_NUMBERS
from bridge.domain.gateway import Event, Inquires
from bridge.domain.machine import TERMINAL, Evidence, Kind, State, Step
from bridge.domain.payment import Payment
from bridge.flows.claims import claim_number
from bridge.flows.external import EXTERNAL
from bridge.flows.plan_rounds import FOREIGN_NUMBER
from bridge.flows.told import GATEWAY, Told
from bridge.ledger import beside, notices, operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

VOIDED = "known already: people said that it was taken and given back"
BY_NOTICE_OR_PEOPLE = (Evidence.E7, Evidence.E8)
SETTLED_BY_VOIDED = ((Kind.APPROVE, Step.FAIL), (Kind.PROBE, Step.OK), (Kind.UNDO, Step.OK))


def found_before(told: Told) -> str:
    """Say that this money beside the payment's own was found before its notice came; "" where it was not.

    What people found under a foreign number is not it: that money's notice had come, and opened the case. Nor is what
    a case names by another number.
    """
    amount, word = told.notice.amount, f"known already: {told.notice.amount} KRW were found before it was told"
    if told.notice.currency != "KRW":
        return ""
    said = beside.said_of(told.turn, told.payment.id, "orphan_capture", amount)
    found = sum(one.reason != FOREIGN_NUMBER and not _differ(one.refs, told.notice.refs) for one in said)
    return word if found > notices.many_with_outcome(told.turn, told.payment.id, word) else ""


def known_before(told: Told) -> str:
    """Say what people or an inquiry knew of money that does not pay: its payment has ended without any of its own, or
    waits for another sum; "" where it is news."""
    payment, notice = told.payment, told.notice
    waits_for_another = payment.state == State.AWAITING_DEPOSIT and notice.amount != payment.amount
    if payment.captured or not (payment.state in TERMINAL or waits_for_another):
        return ""
    word = found_before(told) or (VOIDED if _was_voided(told) else "")
    if word and notice.event == Event.APPROVED:
        keep_number(told)
    return word


def given_back_before(told: Told, done: list[Operation]) -> str:
    """Say that people spoke of this cancel before it was told; "" where they did not, or may have meant other money."""
    own = _many_own(told, done)
    if not own and told.payment.left:
        return ""
    return _said_back(told.notice.amount) if own + _many_beside(told) > _many_known(told) else ""


def beside_before(told: Told) -> str:
    """Say that people spoke, before this cancel was told, of just this money beside the payment's own."""
    return _said_back(told.notice.amount) if _many_beside(told) > _many_known(told) else ""


def denied_before(done: list[Operation], amount: int) -> Operation | None:
    """Find what people said had not given so many KRW back."""
    return next((one for one in done if _was_denied(one) and one.amount == amount), None)


def keep_number(told: Told) -> None:
    """Keep the gateway's own number of a payment whose money was written down without one."""
    payment = payments.get(told.turn, told.payment.site, told.payment.id)
    numbers = {name: told.notice.refs[name] for name in OWN_NUMBERS if told.notice.refs.get(name)}
    if numbers and not any(payment.refs.get(name) for name in OWN_NUMBERS):
        refs, at = dict(told.notice.refs) | dict(payment.refs), told.recorder.at
        state = State(payment.state)
        payment = payments.move(told.turn, payment, state, at=at, actor=GATEWAY, event="payment.told", refs=refs)
        claim_number(told.turn, told.recorder.site, payment, at)


def is_other_money(told: Told) -> bool:
    """Whether an approval is of other money than what is known, where both numbers came by the gateway's notices.

    An answer's number is not held against a notice's: no document says that both are always written alike. A gateway
    that can be asked is asked.
    """
    if told.notice.event != Event.APPROVED or isinstance(told.gateway, Inquires):
        return False
    if told.payment.captured and said_by(told) not in BY_NOTICE_OR_PEOPLE:
        return False
    return _differ(told.payment.refs, told.notice.refs)


def bears_another_number(told: Told) -> bool:
    """Whether the gateway's own number of this money is another than the payment's."""
    return _differ(told.payment.refs, told.notice.refs)


def said_by(told: Told) -> str:
    """Give the evidence by which the payment's own money is in the books; "" where none is."""
    return beside.evidence_of_capture(told.turn, told.payment.id)


def is_said_paid(told: Told) -> bool:
    """Whether the payment is paid because people said so."""
    return bool(told.payment.captured) and said_by(told) == Evidence.E8


def is_said_voided(turn: Turn, payment: Payment) -> bool:
    """Whether people said of a payment that it was taken and given back."""
    done = operations.of_payment(turn, payment.id)
    said = any(one.evidence == Evidence.E8 and (one.kind, one.step) in SETTLED_BY_VOIDED for one in done)
    return said and payment.state == State.VOIDED


def _many_own(told: Told, done: list[Operation]) -> int:
    """Count how often people said that just this much of the payment's own was given back, and no notice had said so.

    A case of a cancel past the bridge was opened by its notice, but where the late answer to a call of ours told of it;
    and where a notice had contradicted people, what they call given back was never taken.
    """
    said = beside.said_of(told.turn, told.payment.id, "external_refund", -told.notice.amount)
    by_answer = denied_before(done, told.notice.amount) is not None
    awaited = [one for one in said if one.evidence == Evidence.E8 and one.reason != CONTRADICTED]
    return sum(one.reason != EXTERNAL or by_answer for one in awaited)


def _many_beside(told: Told) -> int:
    """Count the same of money beside the payment's own."""
    said = beside.said_of(told.turn, told.payment.id, "orphan_refund", -told.notice.amount)
    return sum(one.evidence == Evidence.E8 and one.reason != EXTERNAL for one in said)


def _many_known(told: Told) -> int:
    return notices.many_with_outcome(told.turn, told.payment.id, _said_back(told.notice.amount))


def _said_back(amount: int) -> str:
    return f"known already: people said that {amount} KRW had gone back"


def _was_denied(operation: Operation) -> bool:
    decided = operation.step is Step.FAIL and operation.evidence == Evidence.E8
    return decided and operation.kind in (Kind.UNDO, Kind.REFUND)


def _was_voided(told: Told) -> bool:
    """Whether people said that all of it was taken and given back, and no notice was taken for that yet."""
    payment, notice = told.payment, told.notice
    if (notice.amount, notice.currency) != (payment.amount, "KRW") or not is_said_voided(told.turn, payment):
        return False
    return not notices.had_outcome(told.turn, payment.id, VOIDED)


def _differ(known: Mapping[str, str], named: Mapping[str, str]) -> bool:
    """Whether a number of the gateway's is another in each."""
    return any(known.get(name) and named.get(name) and known[name] != named[name] for name in OWN_NUMBERS)
