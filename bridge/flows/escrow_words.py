"""What becomes of a buyer's word on an escrow: whether one may be passed on, what proves how it stands, its outcome."""

import json

from bridge.domain.decisions import WORD_UNKNOWN
from bridge.domain.exchange import Stamp
from bridge.domain.gateway import NotSent, Refused
from bridge.domain.machine import PENDING_STEPS, Evidence, Kind, Step, blocks
from bridge.domain.payment import Payment
from bridge.domain.services import DECIDED, SAID, UNHEARD, EscrowShown
from bridge.flows.external import EXTERNAL
from bridge.flows.health import Words
from bridge.flows.pace import quiet_ms, waited_ms
from bridge.flows.record import Recorder
from bridge.ledger import audit, cases, operations
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.operations import Operation

ASKED = "escrow.asked"
SHOWN = "escrow.shown"
NOT_SHOWN = "escrow.not_shown"
_UNHEARD = Words(
    "구매자의 답을 전했지만 결제사가 아직 답하지 않았어요. 다시 전하지 말고 에스크로 상태를 먼저 확인해 주세요.",
    "The buyer's word was passed on and has no answer yet; ask for the escrow's state before passing it on again.",
)
_REFUNDING = Words(
    "앞선 환불의 결과를 아직 확인하고 있어요.",
    "A refund of this payment has no outcome yet; look again in a few minutes.",
)
_WHY_NOT = {
    "confirming": _UNHEARD,
    "denying": _UNHEARD,
    "confirmed": Words("구매를 이미 확정했어요.", "The buyer has confirmed the purchase already."),
    "denied": Words("구매를 이미 거절했어요.", "The buyer has refused the purchase already."),
}


def why_not_decided(turn: Turn, payment: Payment) -> Words | None:
    """Say why the buyer's yes or no cannot be passed on now; None where it can."""
    return _WHY_NOT.get(payment.escrow) or (_REFUNDING if _is_pending(turn, payment) else None)


def stands(turn: Turn, now: Recorder, current: Payment, step: str, outcome: object, asked: Stamp) -> str:
    """Say what Payment.escrow becomes by an answer; empty where that proves nothing new."""
    if isinstance(outcome, EscrowShown):
        if outcome.escrow != "kept":
            return outcome.escrow
        word = pending_word(turn, current)
        early = word is not None and waited_ms(now.context, word, asked) < silent_ms(now, current)
        return "" if current.escrow in DECIDED or early else "kept"
    is_no = isinstance(outcome, Refused | NotSent) and current.escrow == UNHEARD.get(step)
    return "kept" if is_no and _is_only_word(turn, current) else ""


def silent_ms(now: Recorder, payment: Payment) -> int:
    """How long ago, by the boot clock, a yes or no must have been sent for "the buyer has not spoken" to count: as long
    as with money, for one that arrives late counts as well."""
    return quiet_ms(now.context, now.site.gateways.get(payment.gateway))


def pending_word(turn: Turn, payment: Payment) -> Operation | None:
    """Find the buyer's word that has no outcome yet; there is at most one."""
    everyone = operations.of_payment(turn, payment.id)
    return next((one for one in everyone if one.kind is Kind.WORD and one.step in PENDING_STEPS), None)


def settle_word(turn: Turn, now: Recorder, word: Operation, step: str, outcome: object, becomes: str) -> None:
    """Give the buyer's word its outcome: by the answer to it, or by the state that was asked for."""
    ended, evidence = Step.OK if becomes == SAID[word.reason] else Step.FAIL, Evidence.E4
    if isinstance(outcome, NotSent):
        ended, evidence = Step.NOT_SENT, Evidence.E3
    elif step in UNHEARD:
        evidence = Evidence.E2 if isinstance(outcome, Refused) else Evidence.E1
    elif word.step is Step.SENT:
        word = operations.step(turn, word, Step.UNKNOWN, at=now.at)
    said = outcome if isinstance(outcome, EscrowShown | Refused) else None
    code, message = (said.code, said.message) if said else ("", "")
    operations.step(turn, word, ended, at=now.at, evidence=evidence, code=code, message=message)
    cases.close_case(turn, word.payment, WORD_UNKNOWN, f"settled by {evidence}", now.at)


def have_it_looked_at(turn: Turn, recorder: Recorder, payment: Payment, shown: EscrowShown) -> None:
    """Open a case where the books hold money that the gateway says went back: a word of a state is no entry's proof.

    Nothing where a refund of ours has no outcome yet, whose cancel it may be: that one is looked into already.
    """
    if payment.left > 0 and not _is_pending(turn, payment):
        detail = f"the escrow's state at the gateway is {shown.state}, and the books hold {payment.left} KRW"
        recorder.case(turn, payment, EXTERNAL, detail, payment.left)


def _is_only_word(turn: Turn, payment: Payment) -> bool:
    """Tell whether each word of the buyer before this one was refused: a refusal proves nothing of one without answer,
    which may be why this one was refused."""
    chain = audit.chain(turn, payment.id)
    refused = sum(row["event"] == NOT_SHOWN and "refused" in json.loads(row["detail"]) for row in chain)
    return len(_words(chain)) - int(refused) == 1


def _words(chain: list[Row]) -> list[Row]:
    """Give the rows that say that the buyer's yes or no was about to be sent."""
    return [row for row in chain if row["event"] == ASKED and json.loads(row["detail"])["reason"] in UNHEARD]


def _is_pending(turn: Turn, payment: Payment) -> bool:
    return any(blocks(one.kind, one.step) for one in operations.of_payment(turn, payment.id))
