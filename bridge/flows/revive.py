"""Takes into restored books what the shop hands over of a payment: by the books' own attestation, never by its word."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

from bridge.clock import from_ms, new_id, new_reference
from bridge.domain.gateway import Inquires
from bridge.domain.machine import PAID_STATES, Kind, State, Step, blocks
from bridge.domain.payment import Payment
from bridge.flows.attest import read_attestation
from bridge.flows.pace import DAY_SECONDS
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.tax_of_refund import tax_of_refund
from bridge.ledger import audit, news, operations, payments, replay, revive
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

Attested = dict[str, Any]
_WRITERS = (
    ("operations", revive.operation),
    ("entries", revive.entry),
    ("cases", revive.case),
    ("receipts", revive.receipt),
    ("answers", revive.answer),
    ("brought", revive.brought),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A refund the shop asked for and heard no end of: its key, amount (None: all that was left) and time (ms)."""

    key: str
    amount: int | None
    at: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the shop knows of one payment: the newest snapshot it has, and that snapshot's attestation."""

    payment: str
    state: str
    version: int
    seq: int
    amount: int
    refunded: int
    attestation: str
    asked: tuple[Asked, ...] = ()

    def said(self) -> str:
        """Say it in the words of a case."""
        return f"the shop knows it as {self.state}, {self.amount} KRW, {self.refunded} KRW refunded"

    def to_json(self) -> str:
        """Write it down, to be taken in later."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        told = json.loads(text)
        return cls(**(told | {"asked": tuple(Asked(**one) for one in told["asked"])}))


def revive_payment(turn: Turn, recorder: Recorder, known: Known) -> str:
    """Take in what the shop knows of one payment. Answers same, revived, assumed, unproven or lost."""
    site = recorder.site.id
    own = payments.find(turn, site, known.payment)
    outcome = "same"
    if own is None or own.version < known.version or _goes_on(turn, recorder, known):
        outcome = _take(turn, recorder, known, own)
    own = payments.find(turn, site, known.payment)
    if own is not None and outcome != "lost":
        _raise_seq(turn, recorder, own, known.seq)
        for asked in known.asked:
            outcome = _ask_again(turn, recorder, payments.find(turn, site, known.payment) or own, asked) or outcome
    return outcome


def _take(turn: Turn, recorder: Recorder, known: Known, own: Payment | None) -> str:
    rows = _attested(recorder, known)
    if rows is None:
        return _unproven(turn, recorder, known, own, "there is no attestation of ours for that")
    why_not = _why_not(turn, rows)
    if why_not and own is not None and _is_taken(turn, own):
        return "lost"  # it may fit later, and a case would be one more row in its audit
    if why_not:
        return _unproven(turn, recorder, known, own, why_not)
    revive.order(turn, rows["order"])
    revive.payment(turn, rows["payment"])
    revive.chain(turn, recorder.site.id, known.payment, rows["audit"])
    revive.news(turn, recorder.site.id, known.payment, rows["news"], recorder.at)
    for name, write in _WRITERS:
        for row in rows.get(name, ()):  # an attestation of before "brought" has none
            write(turn, row)
    for row in rows["notices"]:
        revive.notice(turn, known.payment, row, recorder.at)
    _note(turn, recorder, known, rows["payment"]["state"])
    return "revived"


def is_held_up(turn: Turn, recorder: Recorder, known: Known) -> bool:
    """Tell whether our own attestation proves it, and it only does not fit into the books as they stand now."""
    rows = _attested(recorder, known)
    return rows is not None and bool(_why_not(turn, rows))


def revive_held(turn: Turn, recorder: Recorder, known: Known) -> bool:
    """Take in what was held up, if it fits by now."""
    return not is_held_up(turn, recorder, known) and revive_payment(turn, recorder, known) != "lost"


def hand_held_over(turn: Turn, recorder: Recorder, known: Known) -> None:
    """Open a case of what was held up to the end, where the books have its payment."""
    own = payments.find(turn, recorder.site.id, known.payment)
    if own is not None:
        _unproven(turn, recorder, known, own, "our own attestation of it does not fit into the books")
        _raise_seq(turn, recorder, own, known.seq)


def _goes_on(turn: Turn, recorder: Recorder, known: Known) -> bool:
    """Tell whether our own attestation has rows of the audit that the books have not, though the payment's version is
    no later: of a case that was opened since, or where the books went on otherwise."""
    rows = _attested(recorder, known)
    return rows is not None and not revive.has_all(turn, known.payment, rows["audit"])


def _attested(recorder: Recorder, known: Known) -> Attested | None:
    rows = read_attestation(recorder.context.vault, recorder.site.id, known.payment, known.attestation)
    return rows if rows is not None and rows["payment"]["version"] == known.version else None


def _why_not(turn: Turn, rows: Attested) -> str:
    return revive.fits(turn, rows["payment"], rows["operations"], rows["audit"])


def _note(turn: Turn, recorder: Recorder, known: Known, state: str) -> None:
    """Say in the audit that the rows up to here came back from the shop; `state` is what they say, not the shop."""
    audit.note(
        turn,
        site=recorder.site.id,
        payment=known.payment,
        at=recorder.at,
        actor=BRIDGE,
        event="gap.revived",
        was=state,
        became=state,
        detail={"version": known.version},
    )


def _unproven(turn: Turn, recorder: Recorder, known: Known, own: Payment | None, why: str) -> str:
    """The shop says more than we can know: a person compares it with the gateway's console before anything moves."""
    if own is None:
        return "lost"
    words = f"{known.said()}; {why}"
    moved = known.state in (*PAID_STATES, State.NEEDS_HUMAN, State.UNKNOWN)
    if own.state == State.OPEN and moved and not _is_taken(turn, own):
        recorder.case(turn, hand_over(turn, recorder, own), "unknown_outcome", words)
    elif _may_have_been_refunded(turn, own, known.refunded - own.refunded):
        refund = _lay_refund(turn, recorder, own, Asked("", known.refunded - own.refunded, recorder.at))
        _to_person(turn, recorder, own, refund)
        recorder.case(turn, own, "refund_unknown", words)
    else:
        recorder.case(turn, own, "reported", words)
    return "unproven"


def _is_taken(turn: Turn, payment: Payment) -> bool:
    """Tell whether another payment holds the order's money, or may: this one cannot as well."""
    everyone = payments.of_order(turn, payment.site, payment.order_ref)
    return payments.holder(everyone, but=payment.id) is not None


def hand_over(turn: Turn, recorder: Recorder, payment: Payment) -> Payment:
    """Take an open window for approved and unknown, and give it to a person."""
    approve = lay_approval(turn, recorder, payment, sent_at=recorder.at)
    payment = payments.get(turn, payment.site, payment.id)
    approve = operations.step(turn, approve, Step.UNKNOWN, at=recorder.at)
    payment = payments.move(turn, payment, State.UNKNOWN, at=recorder.at, actor=BRIDGE, event="approve.unknown")
    operations.step(turn, approve, Step.NEEDS_HUMAN, at=recorder.at)
    return payments.move(turn, payment, State.NEEDS_HUMAN, at=recorder.at, actor=BRIDGE, event="payment.needs_human")


def lay_approval(turn: Turn, recorder: Recorder, payment: Payment, *, sent_at: int) -> Operation:
    """Write the approval that may have been sent in the time the books have lost; nobody's process owns it."""
    approve = Operation(
        id=new_id(recorder.context.clock),
        site=payment.site,
        payment=payment.id,
        kind=Kind.APPROVE,
        amount=payment.amount,
        step=Step.SENT,
        ref=payment.merchant_ref,
        actor="buyer",
        stamp=recorder.stamp,
        owner="",
        sent_at=from_ms(sent_at),
        reason="the books were restored",
        context_sealed=recorder.seal_context({"returned": {}}),
    )
    operations.add(turn, approve)
    payments.move(turn, payment, State.APPROVING, at=recorder.at, actor=BRIDGE, event="gap.assumed")
    return approve


def _raise_seq(turn: Turn, recorder: Recorder, payment: Payment, seq: int) -> None:
    """Let the payment's news go on above what the shop has seen."""
    if news.next_seq(turn, payment.id) <= seq:
        payments.skip_news(turn, payment, seq, recorder.at)


def _ask_again(turn: Turn, recorder: Recorder, payment: Payment, asked: Asked) -> str:
    """A refund asked for in the lost time may have been made: it is unknown, like one whose answer was lost."""
    done = operations.of_payment(turn, payment.id)
    if any(one.idempotency_key == asked.key for one in done):
        return ""
    amount = asked.amount or payment.left
    if not _may_have_been_refunded(turn, payment, amount):
        recorder.case(turn, payment, "reported", f"the shop asked for a refund of {asked.amount or 'all'} KRW, unheard")
        return "unproven"
    refund = _lay_refund(turn, recorder, payment, asked)
    today = operations.refunded_since(turn, payment.site, recorder.at - DAY_SECONDS * 1000)
    if today > recorder.context.settings.refund_daily_max:
        _to_person(turn, recorder, payment, refund)
        recorder.case(turn, payment, "refund_unknown", f"the shop asked for {amount} KRW, beyond what it may in a day")
    else:
        operations.step(turn, refund, Step.UNKNOWN, at=recorder.at, next_try_at=recorder.at)
    return "assumed"


def _may_have_been_refunded(turn: Turn, payment: Payment, amount: int) -> bool:
    """Tell whether our books leave room for such a refund: whatever a shop says, none of more than was left."""
    return State(payment.state) in PAID_STATES and 0 < amount <= payment.left and not _is_pending(turn, payment)


def _to_person(turn: Turn, recorder: Recorder, payment: Payment, refund: Operation) -> None:
    """Leave a refund to a person, by nobody's word to be sent; a part, where it can be asked, is only asked about."""
    can_ask = isinstance(recorder.site.gateways.get(payment.gateway), Inquires) and refund.amount != payment.captured
    refund = operations.step(turn, refund, Step.UNKNOWN, at=recorder.at)
    operations.step(turn, refund, Step.NEEDS_HUMAN, at=recorder.at, next_try_at=recorder.at if can_ask else None)


def _lay_refund(turn: Turn, recorder: Recorder, payment: Payment, asked: Asked) -> Operation:
    """Write a refund that may have been made; nobody's process owns it, and nothing is sent of it here."""
    amount = asked.amount or payment.left
    tax = tax_of_refund(turn, payment, amount, (), None)  # a gateway makes no refund of another VAT than was sold
    refund = Operation(
        id=new_id(recorder.context.clock),
        site=payment.site,
        payment=payment.id,
        kind=Kind.REFUND,
        amount=amount,
        tax_free=tax.tax_free,
        vat=tax.vat,
        step=Step.SENT,
        ref=new_reference(recorder.context.clock),
        actor=BRIDGE,
        reason="환불 결과 확인",
        idempotency_key=asked.key,
        stamp=recorder.stamp,
        owner="",
        sent_at=from_ms(recorder.at),
    )
    operations.add(turn, refund)
    if asked.key:  # its body is not known: the same key is answered that it was used
        replay.remember(turn, payment.site, asked.key, "", refund.id, recorder.at)
    recorder.note(turn, payment, "refund.unknown", {"amount": amount, "reason": "the books were restored"})
    return refund


def _is_pending(turn: Turn, payment: Payment) -> bool:
    done = operations.of_payment(turn, payment.id)
    return any(blocks(one.kind, one.step) for one in done)
