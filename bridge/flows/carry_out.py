"""Carries out what two people decided about a case: entry, state, news and audit of each decision, in the one turn."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.clock import to_ms
from bridge.domain.decisions import FOUND, WORD_UNKNOWN, Decision, Matter
from bridge.domain.gateway import Declined, Paid
from bridge.domain.machine import PENDING_STEPS, TERMINAL, Evidence, Kind, State, Step
from bridge.domain.payment import ESCROW, Payment
from bridge.domain.reasons import Reason
from bridge.domain.services import DECIDED, SAID
from bridge.flows.ask_after_word import after_restore
from bridge.flows.external import EXTERNAL, write_external_refund
from bridge.flows.orphans import REASON, write_adoption, write_orphan, write_passage, write_return
from bridge.flows.owe_check import AFTER_SECONDS, owe_check
from bridge.flows.record import Recorder
from bridge.flows.told import REPORTED, perhaps_ours
from bridge.ledger import beside, cases, notices, operations, payments
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.operations import Operation
from bridge.ledger.proposals import Proposal

PAST_THE_BRIDGE = ("external_cancel", "reported")
"""Reasons of cases about money that somebody gave back at the gateway itself."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A decision on its way into the books: the case, the payment as it stands, and who confirmed."""

    turn: Turn
    recorder: Recorder
    case: Row
    payment: Payment
    proposal: Proposal
    checker: str

    @property
    def matter(self) -> Matter:
        """What the case is about."""
        return cases.matter_of(self.case)

    @property
    def cause(self) -> str:
        """The cause of the entry this decision makes, once."""
        return f"case:{self.case['id']}:{self.proposal.id}"

    def pending(self, kind: Kind) -> Operation | None:
        """The operation of a kind that has no outcome yet."""
        everyone = operations.of_payment(self.turn, self.payment.id)
        return next((one for one in everyone if one.kind is kind and one.step in PENDING_STEPS), None)

    def settle(self, kind: Kind, becomes: Step, message: str | None = None) -> Operation | None:
        """Give the pending operation of a kind the outcome that people found out; what was heard of it stays, unless
        another message is given."""
        operation = self.pending(kind)
        if operation is None:
            return None
        at, said = self.recorder.at, operation.message if message is None else message
        if operation.step is Step.SENT:  # its sender is gone for good: people were asked
            operation = operations.step(self.turn, operation, Step.UNKNOWN, at=at, code=operation.code, message=said)
        return operations.step(
            self.turn, operation, becomes, at=at, evidence=Evidence.E8, code=operation.code, message=said
        )


def carry_out(sentence: Sentence) -> None:
    """Write a decision into the books and end its case; money found keeps a case open until it is given back, and so
    does what a decision about a part leaves."""
    decision = Decision(sentence.proposal.decision)
    said = f"{decision}: {sentence.proposal.maker}, {sentence.checker}"
    if not _stays(decision, sentence.matter, sentence.proposal.amount):
        state = "adopted" if decision is Decision.ADOPTED else "closed"
        cases.end(sentence.turn, sentence.case["id"], state, said, sentence.recorder.at)
    _DEEDS[decision](sentence)


def _stays(decision: Decision, matter: Matter, amount: int) -> bool:
    """Whether something of the case is still to be decided about."""
    if decision is Decision.MONEY_FOUND:
        return matter.reason == REASON or (matter.reason in FOUND and amount < matter.reported)
    return decision is Decision.GIVEN_BACK and matter.reason in FOUND and amount < matter.amount


def contradict(turn: Turn, recorder: Recorder, payment_id: str, operation: Operation) -> None:
    """The gateway says that it gave money back after people had said that it did not: they must look again."""
    if operation.step is Step.FAIL:
        payment = payments.get(turn, recorder.site.id, payment_id)
        if operation.kind is Kind.UNDO and operations.given_past(turn, payment.id) >= operation.amount:
            return  # its notice was there first, and the books have it
        since = to_ms(operation.sent_at)
        if operation.kind is Kind.REFUND and beside.is_told_back(turn, payment.id, operation.amount, since):
            return
        detail = f"{operation.kind} of {operation.amount} KRW was done at the gateway after people said it was not"
        recorder.case(turn, payment, EXTERNAL, detail, operation.amount)


def _paid(sentence: Sentence) -> None:
    turn, recorder, payment = sentence.turn, sentence.recorder, sentence.payment
    sentence.settle(Kind.UNDO, Step.FAIL)
    sentence.settle(Kind.PROBE, Step.FAIL)
    approve = sentence.settle(Kind.APPROVE, Step.OK)
    paid = Paid(payment.amount, dict(payment.refs), dict(payment.card))
    if approve is not None:
        payment = recorder.captured(turn, payment, approve, paid, Evidence.E8, sentence.checker)
    else:  # a deposit, or a gateway that captures by itself
        payment = recorder.deposit(turn, payment, paid, sentence.cause, evidence=Evidence.E8, actor=sentence.checker)
    # A part may have gone back past the bridge while nobody knew of the money: no inquiry was believed about it then.
    owe_check(turn, recorder, payment, after_seconds=AFTER_SECONDS, target=approve.id if approve is not None else "")


def _declined(sentence: Sentence) -> None:
    sentence.settle(Kind.UNDO, Step.FAIL)
    sentence.settle(Kind.PROBE, Step.OK)
    approve = sentence.settle(Kind.APPROVE, Step.FAIL)
    code, message = (approve.code, approve.message) if approve is not None and approve.refusal else ("", "")
    no = Declined(Reason.NEVER_HAPPENED, code, message)
    payment = sentence.recorder.declined(sentence.turn, sentence.payment, no, Evidence.E8, sentence.checker)
    if approve is not None:
        owe_check(sentence.turn, sentence.recorder, payment, after_seconds=AFTER_SECONDS, target=approve.id)


def _voided(sentence: Sentence) -> None:
    sentence.settle(Kind.APPROVE, Step.FAIL)
    sentence.settle(Kind.PROBE, Step.OK)
    undo = sentence.settle(Kind.UNDO, Step.OK)
    cause = undo.id if undo is not None else sentence.cause
    turn, recorder, payment = sentence.turn, sentence.recorder, sentence.payment
    if payment.state == State.OPEN:  # its order is another payment's, so it could not wait as needs_human
        payment = payments.move(turn, payment, State.VOIDING, at=recorder.at, actor=sentence.checker, event="undo.seen")
    recorder.voided(turn, payment, cause, Evidence.E8, sentence.checker)


def _refunded(sentence: Sentence) -> None:
    refund = sentence.pending(Kind.REFUND)
    assert refund is not None, "the decision is offered for a refund without outcome"
    sentence.recorder.refunded(sentence.turn, sentence.payment, refund, Evidence.E8, {}, sentence.checker)


def _not_refunded(sentence: Sentence) -> None:
    pending = sentence.pending(Kind.REFUND)
    silent = pending is None or not pending.code  # then its message is ours, of a lost answer: no refusal of anybody's
    refund = sentence.settle(Kind.REFUND, Step.FAIL, message="" if silent else None)
    assert refund is not None, "the decision is offered for a refund without outcome"
    # A cancel that might have been it was somebody else's: where no inquiry tells of it, people are asked.
    notices.change_outcome(sentence.turn, refund.payment, perhaps_ours(refund.id), REPORTED)
    payment = _note(sentence, "refund.refused", {"amount": refund.amount})
    owe_check(sentence.turn, sentence.recorder, payment, after_seconds=AFTER_SECONDS, target=refund.id)
    sentence.recorder.tell(sentence.turn, payment, "payment.refund_refused")


def _given_back(sentence: Sentence) -> None:
    turn, recorder, payment, amount = sentence.turn, sentence.recorder, sentence.payment, sentence.proposal.amount
    sentence.settle(Kind.UNDO, Step.OK)
    if sentence.matter.reason in FOUND and not sentence.matter.booked:
        _passed(sentence)
        return
    is_own = not sentence.matter.booked and State(payment.state) not in TERMINAL
    from_books = min(amount, payment.left) if is_own else 0
    if from_books:
        payment = write_external_refund(
            recorder,
            turn,
            payment,
            amount=from_books,
            evidence=Evidence.E8,
            cause=sentence.cause,
            actor=sentence.checker,
        )
    rest = amount - from_books
    if rest and (sentence.matter.booked or sentence.matter.reason in PAST_THE_BRIDGE):
        write_return(
            recorder,
            turn,
            payment,
            amount=rest,
            evidence=Evidence.E8,
            cause=sentence.cause,
            actor=sentence.checker,
        )


def _passed(sentence: Sentence) -> None:
    """What went back was never in the books: it is none of the payment's own, and none that another case is about."""
    write_passage(
        sentence.recorder,
        sentence.turn,
        sentence.payment,
        amount=sentence.proposal.amount,
        evidence=Evidence.E8,
        cause=sentence.cause,
        actor=sentence.checker,
    )
    _answer(sentence)


def _answer(sentence: Sentence) -> None:
    """Take what was decided off a case that stays open for the rest of it."""
    case, amount = sentence.case, sentence.proposal.amount
    if amount < case["amount"]:
        cases.answer(sentence.turn, case, amount, sentence.recorder.at)


def _money_found(sentence: Sentence) -> None:
    proposal, mine = sentence.proposal, sentence.matter.reason == REASON
    if not mine and sentence.matter.reason in FOUND:
        _answer(sentence)
    write_orphan(
        sentence.recorder,
        sentence.turn,
        sentence.payment,
        amount=proposal.amount,
        evidence=Evidence.E8,
        cause=sentence.cause,
        detail=f"two people found {proposal.amount} KRW at the gateway; say whether they are given back or adopted",
        actor=sentence.checker,
        is_reported=mine,
    )


def _no_money(sentence: Sentence) -> None:
    sentence.settle(Kind.UNDO, Step.FAIL)


def _adopted(sentence: Sentence) -> None:
    turn, recorder, left = sentence.turn, sentence.recorder, sentence.matter.reported
    sentence.settle(Kind.UNDO, Step.FAIL)  # what pays for the order now may not be taken back behind it
    payment = write_adoption(recorder, turn, sentence.payment, actor=sentence.checker)
    if left:
        recorder.case(turn, payment, REASON, f"{left} KRW more were reported; look whether they lie there", left)


def _word_taken(sentence: Sentence) -> None:
    word = sentence.settle(Kind.WORD, Step.OK)
    assert word is not None, "the decision is offered for a word without outcome"
    _let_escrow_stand(sentence, SAID[word.reason])


def _word_not_taken(sentence: Sentence) -> None:
    sentence.settle(Kind.WORD, Step.FAIL)
    _let_escrow_stand(sentence, "kept")


def _let_escrow_stand(sentence: Sentence, stands: str) -> None:
    turn, payment, recorder = sentence.turn, sentence.payment, sentence.recorder
    detail = {"evidence": str(Evidence.E8)} | after_restore(turn, recorder, payment, stands)
    recorder.note(turn, payment, "escrow.shown", detail, actor=sentence.checker, refs={ESCROW: stands})


def _seen(sentence: Sentence) -> None:
    """The books stay as they are: so does an escrow of which restored books may have lacked a word."""
    if sentence.case["reason"] == WORD_UNKNOWN and sentence.payment.escrow not in DECIDED:
        _let_escrow_stand(sentence, "kept")


def _note(sentence: Sentence, event: str, detail: dict[str, str | int]) -> Payment:
    payment = sentence.payment
    detail = detail | {"evidence": str(Evidence.E8)}
    return payments.move(
        sentence.turn,
        payment,
        State(payment.state),
        at=sentence.recorder.at,
        actor=sentence.checker,
        event=event,
        detail=detail,
    )


_DEEDS: dict[Decision, Callable[[Sentence], None]] = {
    Decision.PAID: _paid,
    Decision.DECLINED: _declined,
    Decision.VOIDED: _voided,
    Decision.REFUNDED: _refunded,
    Decision.NOT_REFUNDED: _not_refunded,
    Decision.GIVEN_BACK: _given_back,
    Decision.NOT_GIVEN_BACK: _seen,
    Decision.MONEY_FOUND: _money_found,
    Decision.NO_MONEY: _no_money,
    Decision.ADOPTED: _adopted,
    Decision.WORD_TAKEN: _word_taken,
    Decision.WORD_NOT_TAKEN: _word_not_taken,
    Decision.SEEN: _seen,
}
