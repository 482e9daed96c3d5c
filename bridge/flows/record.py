"""Writes what came of it: every outcome's state, ledger entry, news and audit in one turn."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.clock import from_ms, new_id, new_reference, to_ms
from bridge.domain.gateway import Approval, Declined, NotSent, Paid, Undoes, Unknown, Waiting
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.paid_time import paid_time
from bridge.domain.payment import Account, Payment, RefundOrder
from bridge.domain.reasons import Reason
from bridge.flows.claims import claim_number
from bridge.flows.external import close_made_already, write_gone
from bridge.flows.orphans import close_own, write_orphan
from bridge.flows.owe_check import AFTER_SECONDS, owe_check
from bridge.flows.owe_withdrawal import owe_withdrawals
from bridge.flows.pen import BRIDGE, Pen
from bridge.ledger import cases, operations, orders, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

__all__ = ["BRIDGE", "Against", "Recorder", "refund_order"]
WAITING_DAYS = 7


@dataclass(frozen=True, slots=True)
class Against:
    """Why money that a gateway captured is not kept: it is taken back; with a `case`, a person is told too."""

    reason: Reason
    detail: str
    case: str = ""


@dataclass(frozen=True, slots=True)
class Recorder(Pen):
    """Writes outcomes for one site at one moment; made anew for each turn."""

    def approval(self, turn: Turn, payment: Payment, operation: Operation, outcome: Approval, actor: str) -> Payment:
        """Write what an approval came to."""
        if isinstance(outcome, Paid):
            operation = operations.step(turn, operation, Step.OK, at=self.at, evidence=Evidence.E1, refs=outcome.refs)
            return self.captured(turn, payment, operation, outcome, Evidence.E1, actor)
        if isinstance(outcome, Waiting):
            operations.step(turn, operation, Step.OK, at=self.at, evidence=Evidence.E1, refs=outcome.refs)
            return self.waiting(turn, payment, outcome, actor)
        if isinstance(outcome, Declined):
            operations.step(
                turn, operation, Step.FAIL, at=self.at, evidence=Evidence.E2, code=outcome.code, message=outcome.message
            )
            return self.declined(turn, payment, outcome, Evidence.E2, actor)
        if isinstance(outcome, NotSent):
            operations.step(turn, operation, Step.NOT_SENT, at=self.at, evidence=Evidence.E3, message=outcome.why)
            return payments.move(
                turn, payment, State.OPEN, at=self.at, actor=actor, event="approve.not_sent", detail={"evidence": "E3"}
            )
        return self.unknown(turn, payment, operation, outcome, actor)

    def captured(
        self,
        turn: Turn,
        payment: Payment,
        operation: Operation,
        paid: Paid,
        evidence: Evidence,
        actor: str,
        *,
        against: Against | None = None,
        since: datetime | None = None,
        gone: int = 0,
    ) -> Payment:
        """Write money that moved: PAID if it is the amount asked and nothing is against it, else it is taken back.

        `since`: the earliest it can have moved, if not the payment's beginning; `gone` KRW of it went back unheard.
        """
        if paid.amount != payment.amount:
            detail = f"asked {payment.amount} KRW, the gateway took {paid.amount} KRW"
            against = Against(Reason.AMOUNT_MISMATCH, detail, "amount_mismatch")
        held_by_person = payment.state == State.NEEDS_HUMAN
        state = State.PAID if against is None else State.NEEDS_HUMAN if held_by_person else State.VOIDING
        operations.enter(
            turn,
            cause=operation.id,
            site=self.site.id,
            payment=payment.id,
            kind="capture",
            amount=paid.amount,
            evidence=evidence,
            at=self.at,
        )
        payment = payments.move(
            turn,
            payment,
            state,
            at=self.at,
            actor=actor,
            event="payment.paid" if against is None else f"payment.{against.reason}",
            detail={"amount": paid.amount, "evidence": str(evidence)},
            method=self.site.paid_as(payment),
            captured=paid.amount,
            refs=dict(paid.refs),
            card=dict(paid.card),
            paid_at=paid_time(paid.paid_at, since or payment.created_at, from_ms(self.at)),
            reason="" if against is None else str(against.reason),
        )
        claim_number(turn, self.site, payment, self.at)
        owe_withdrawals(turn, self, payment)
        close_own(turn, payment, paid, evidence, self.at)
        if against is None:
            orders.mark_paid_by(turn, self.site.id, payment.order_ref, payment.id)
            self.tell(turn, payment, "payment.paid")
        elif against.case:
            self.case(turn, payment, against.case, against.detail)
        if gone:
            payment = write_gone(self, turn, payment, gone, evidence, taken_back=against is not None)
        if against is not None:
            self.begin_undo(turn, payment, operation, actor, due_now=True)
        return payment

    def deposit(
        self,
        turn: Turn,
        payment: Payment,
        paid: Paid,
        cause: str,
        *,
        evidence: Evidence = Evidence.E7,
        actor: str = "gateway",
    ) -> Payment:
        """Write a deposit that fits our record in every field (E7), or that people saw (E8); `cause` names which."""
        operations.enter(
            turn,
            cause=f"notice:{self.site.id}:{payment.gateway}:{cause}",
            site=self.site.id,
            payment=payment.id,
            kind="capture",
            amount=paid.amount,
            evidence=evidence,
            at=self.at,
        )
        payment = payments.move(
            turn,
            payment,
            State.PAID,
            at=self.at,
            actor=actor,
            event="payment.deposited",
            detail={"amount": paid.amount, "evidence": str(evidence)},
            captured=paid.amount,
            paid_at=from_ms(self.at),
        )
        orders.mark_paid_by(turn, self.site.id, payment.order_ref, payment.id)
        self.tell(turn, payment, "payment.paid")
        owe_withdrawals(turn, self, payment)
        return payment

    def declined(
        self, turn: Turn, payment: Payment, declined: Declined, evidence: Evidence, actor: str, event: str = ""
    ) -> Payment:
        """Write an explicit no, and tell WordPress."""
        payment = payments.move(
            turn,
            payment,
            State.DECLINED,
            at=self.at,
            actor=actor,
            event=event or "payment.declined",
            detail={"evidence": str(evidence), "code": declined.code, "message": declined.message},
            reason=str(declined.reason),
            code=declined.code[:64],
            message=declined.message[:500],
        )
        self.tell(turn, payment, "payment.failed")
        return payment

    def unknown(
        self, turn: Turn, payment: Payment, operation: Operation, unknown: Unknown, actor: str, event: str = ""
    ) -> Payment:
        """Write that nobody knows: due at once for settling, and WordPress hears that it is not known yet."""
        operations.step(
            turn,
            operation,
            Step.UNKNOWN,
            at=self.at,
            code=unknown.code,
            message=unknown.message or unknown.why,
            refusal=unknown.refusal,
            next_try_at=self.at,
        )
        payment = payments.move(
            turn,
            payment,
            State.UNKNOWN,
            at=self.at,
            actor=actor,
            event=event or "approve.unknown",
            detail={"reason": unknown.why, "code": unknown.code},
            code=unknown.code[:64],
            message=unknown.message[:500],
        )
        self.tell(turn, payment, "payment.confirming")
        return payment

    def voided(self, turn: Turn, payment: Payment, cause: str, evidence: Evidence, actor: str) -> Payment:
        """Write that the gateway's net is zero again."""
        if payment.left:
            operations.enter(
                turn,
                cause=cause,
                site=self.site.id,
                payment=payment.id,
                kind="undo",
                amount=-payment.left,
                evidence=evidence,
                at=self.at,
            )
        payment = payments.move(
            turn,
            payment,
            State.VOIDED,
            at=self.at,
            actor=actor,
            event="payment.voided",
            detail={"evidence": str(evidence)},
            refunded=payment.captured,
            reason=payment.reason or str(Reason.NEVER_HAPPENED),
        )
        self.tell(turn, payment, "payment.failed")
        return payment

    def refunded(
        self,
        turn: Turn,
        payment: Payment,
        operation: Operation,
        evidence: Evidence,
        refs: Mapping[str, str],
        actor: str,
    ) -> Payment:
        """Write money given back."""
        operation = operations.step(turn, operation, Step.OK, at=self.at, evidence=evidence, refs=refs)
        operations.enter(
            turn,
            cause=operation.id,
            site=self.site.id,
            payment=payment.id,
            kind="refund",
            amount=-operation.amount,
            evidence=evidence,
            at=self.at,
        )
        refunded = payment.refunded + operation.amount
        payment = payments.move(
            turn,
            payment,
            State.REFUNDED if refunded == payment.captured else State.PART_REFUNDED,
            at=self.at,
            actor=actor,
            event="refund.done",
            detail={"amount": operation.amount, "evidence": str(evidence), "reason": operation.reason},
            refunded=refunded,
        )
        cases.close_case(turn, payment.id, "refund_unknown", f"settled by {evidence}", self.at)
        if evidence is Evidence.E9:
            close_made_already(self, turn, payment, operation.amount)
        owe_check(turn, self, payment, after_seconds=AFTER_SECONDS, target=operation.id)
        self.tell(turn, payment, "payment.refunded")
        return payment

    def begin_undo(
        self, turn: Turn, payment: Payment, approve: Operation, actor: str, *, due_now: bool, reason: str = ""
    ) -> Operation:
        """Write the intent to take an approval back; with `due_now` the heartbeat sends it.

        Where a gateway has no net-cancel it is a refund of all that is left there, under a reference of its own.
        """
        context = {"sent_at": to_ms(approve.stamp.at), "sent_nonce": approve.stamp.nonce}
        returned = self.open_context(approve) if approve.context_sealed else {"returned": {}}
        gateway = self.site.gateways.get(payment.gateway)
        undo = Operation(
            id=new_id(self.context.clock),
            site=self.site.id,
            payment=payment.id,
            kind=Kind.UNDO,
            amount=payment.left or payment.amount,
            step=Step.SENT,
            ref=payment.merchant_ref if isinstance(gateway, Undoes) else new_reference(self.context.clock),
            actor=actor,
            stamp=self.stamp,
            owner=self.context.owner,
            sent_at=from_ms(self.at),
            target=approve.id,
            reason=reason,
            context_sealed=self.seal_context(context | returned),
        )
        operations.add(turn, undo)
        if due_now:
            return operations.step(turn, undo, Step.UNKNOWN, at=self.at, next_try_at=self.at)
        return undo

    def orphan(
        self, turn: Turn, payment: Payment, *, amount: int, evidence: Evidence, cause: str, detail: str
    ) -> Payment:
        """Write money found on a payment that had ended, or beside its amount: entry, case, news; once per cause."""
        return write_orphan(self, turn, payment, amount=amount, evidence=evidence, cause=cause, detail=detail)

    def waiting(
        self, turn: Turn, payment: Payment, waiting: Waiting, actor: str, evidence: Evidence = Evidence.E1
    ) -> Payment:
        """Write that an account was issued: no money has moved. A day that was over long before is none."""
        now = from_ms(self.at)
        due = waiting.due if waiting.due and waiting.due > now - timedelta(days=1) else None
        payment = payments.move(
            turn,
            payment,
            State.AWAITING_DEPOSIT,
            at=self.at,
            actor=actor,
            event="account.issued",
            detail={"evidence": str(evidence)},
            refs=dict(waiting.refs),
            account={name: value for name, value in waiting.account.items() if due or name != "due"},
            expires_at=due or now + timedelta(days=WAITING_DAYS),
        )
        self.tell(turn, payment, "payment.awaiting_deposit")
        return payment


def refund_order(payment: Payment, operation: Operation) -> RefundOrder:
    """Say to an adapter what to give back."""
    full = payment.refunded == 0 and operation.amount == payment.captured
    return RefundOrder(
        ref=operation.ref,
        amount=operation.amount,
        reason=operation.reason,
        full=full,
        left_after=payment.left - operation.amount,
        refunded_before=payment.refunded,
        tax=operation.parts,
    )


def account_of(recorder: Recorder, operation: Operation) -> Account | None:
    """Open the account a refund goes to, if it goes to one."""
    if not operation.context_sealed:
        return None
    return Account(**recorder.open_context(operation))
