"""Compares a gateway's books with ours, by inquiry: after every refund, and whenever a notice without proof says so."""

import re
from collections.abc import Mapping
from dataclasses import replace

from bridge.clock import to_ms
from bridge.domain.decisions import CONTRADICTED, OWN_NUMBERS
from bridge.domain.exchange import Stamp
from bridge.domain.gateway import Absent, Gateway, Inquiry, Paid, Seen
from bridge.domain.machine import PAID_STATES, TERMINAL, Evidence, Kind, State, Step, blocks
from bridge.domain.payment import Payment
from bridge.flows.ask_fence import Fence
from bridge.flows.capture import CAPTURED, TAKEABLE, Found, undone, write_found
from bridge.flows.external import EXTERNAL, write_external_refund
from bridge.flows.orphans import close_own, write_return
from bridge.flows.owe_check import AFTER_SECONDS
from bridge.flows.pace import ASK_SECONDS, after_human, is_late, passed_ms, pause_ms, quiet_left_ms, quiet_ms, waited_ms
from bridge.flows.record import Recorder
from bridge.flows.said_before import is_said_voided
from bridge.flows.told import DEPOSIT_ASKED, GATEWAY, PROVEN_BACK, REPORTED, perhaps_ours
from bridge.flows.void_account import voids_account
from bridge.ledger import beside, cases, notices, operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

DIFFER = "books_differ"
DOUBLED = "external_refund"
"""Reasons of cases: the gateway's books show less than ours; it gave back more than was asked here."""
TOLD = (DEPOSIT_ASKED, REPORTED, PROVEN_BACK)
"""Effects of notices that an inquiry is to show, and may show later only."""
SO_FAR = re.compile(r"\(reports so far: (\d+)\)$", re.MULTILINE)
"""What a case says of how many reports it is about: it is one for as many as came while it was open."""
SHOWN_YET = "the gateway shows money that people saw given back, and does not tell whether it was"
"""What a case says of money that an inquiry shows of a payment which people called taken and given back."""
REFUNDS_UNSHOWN = "refunds_unshown"
"""The code of a comparison that agrees as far as it goes: its inquiry did not tell what was given back."""


def record_check(
    turn: Turn, recorder: Recorder, gateway: Gateway, check: Operation, outcome: Inquiry, fence: Fence, asked: Stamp
) -> None:
    """Write what a comparison shows: money found, money given back past the bridge, or that the books agree.

    An inquiry lags behind its gateway's notices: that what one told is not shown proves nothing in the quiet period.
    """
    payment = payments.get(turn, recorder.site.id, check.payment)
    done = operations.of_payment(turn, payment.id)
    if any(blocks(one.kind, one.step) and not voids_account(payment, one) for one in done):
        _later(turn, recorder, gateway, payment, check, "")  # what is under way is asked about on its own account
        return
    difference = _difference(turn, recorder, payment, outcome, fence)
    told = notices.moments_with_outcome(turn, payment.id, TOLD)
    if told and payments.get(turn, payment.site, payment.id).version == payment.version:
        quiet = _last_ms(recorder, told, asked) >= quiet_ms(recorder.context, gateway)
        late = is_late(gateway, _last_ms(recorder, told, recorder.stamp))
        if not (quiet if isinstance(outcome, Seen) else late):
            said = difference or "money is said to have come or gone back and is not shown yet"
            _later(turn, recorder, gateway, payment, check, said)
            return
        _not_shown(turn, recorder, payment)
    less = _less_than_said(turn, payment, outcome)
    if difference or less:
        _later(turn, recorder, gateway, payment, check, difference, less)
        return
    left = max((_may_arrive_ms(recorder, gateway, one, asked) for one in done), default=0)
    if left:
        next_try_at = recorder.at + left + AFTER_SECONDS * 1000
        operations.try_again(turn, check, next_try_at=next_try_at, message="a refund of ours may still arrive")
        return
    unshown = isinstance(outcome, Seen) and outcome.refunded is None and payment.state in PAID_STATES
    code = REFUNDS_UNSHOWN if unshown else ""
    operations.step(turn, check, Step.OK, at=recorder.at, evidence=Evidence.E4, code=code)


def _less_than_said(turn: Turn, payment: Payment, outcome: Inquiry) -> int:
    """How many KRW less than people said were taken of a payment the gateway shows; 0 where it shows no less, or says
    nothing of it, or they were asked about that already: what they say then stands."""
    shown = outcome.captured if isinstance(outcome, Seen) else 0
    is_said = isinstance(outcome, Seen | Absent) and beside.evidence_of_capture(turn, payment.id) == Evidence.E8
    if not is_said or any(one["reason"] == CONTRADICTED for one in cases.of_payment(turn, payment.id)):
        return 0
    return max(payment.captured - shown, 0)


def _last_ms(recorder: Recorder, told: Mapping[str, str], now: Stamp) -> int:
    """How long ago the last of some notices came, in milliseconds, or less."""
    return min(passed_ms(recorder.context, name, boot, now) for name, boot in told.items())


def _may_arrive_ms(recorder: Recorder, gateway: Gateway, one: Operation, asked: Stamp) -> int:
    """How long a refund that was made, or a second copy of it, can still be on its way, in milliseconds.

    An answer is of one copy, be it a no; what an inquiry or a notice showed may be somebody else's, of the same amount.
    """
    answered = one.step is Step.OK or one.evidence == Evidence.E2
    if one.kind is not Kind.REFUND or not answered:
        return 0
    return quiet_left_ms(recorder.context, gateway, one, asked)


def _difference(turn: Turn, recorder: Recorder, payment: Payment, outcome: Inquiry, fence: Fence) -> str:
    """Write what the gateway shows beyond our books; answers what is missing there, or that it could not be seen."""
    if not isinstance(outcome, Seen):
        if isinstance(outcome, Absent) and payment.state == State.OPEN:
            return "nothing is shown yet"
        is_empty = isinstance(outcome, Absent) and not payment.captured and not payment.orphaned
        return "" if is_empty else f"the inquiry answered {type(outcome).__name__}"
    state = State(payment.state)
    if state in (State.OPEN, State.AWAITING_DEPOSIT) or (state in TERMINAL and not payment.captured):
        _found(turn, recorder, payment, outcome, fence)
        if outcome.refunded is None:  # a cancel may have been told before the books knew of the money
            _ask_where_paid(turn, recorder, payment)
        return ""
    came, _ = beside.came_and_went(turn, payment.id)
    more = outcome.captured - payment.captured - came
    if more > 0:
        recorder.orphan(
            turn,
            payment,
            amount=more,
            evidence=Evidence.E4,
            cause=f"shown:{outcome.captured}",
            detail=f"the gateway has captured {more} KRW more than was asked of it",
        )
        return ""
    if state not in (State.PAID, State.PART_REFUNDED, State.REFUNDED):
        return ""
    close_own(turn, payment, Paid(outcome.captured, dict(outcome.refs)), Evidence.E4, recorder.at)
    if outcome.refunded is None:
        ask_a_person(turn, recorder, payment)
        is_said = beside.evidence_of_capture(turn, payment.id) == Evidence.E8
        less = 0 if is_said else payment.left - outcome.captured  # it may show what is left of what was taken
        return f"the gateway shows {outcome.captured} KRW, the books have {payment.left} KRW left" if less > 0 else ""
    more = own_refunded(turn, payment, outcome.captured, outcome.refunded) - payment.refunded
    if more > 0:
        _name_what_is_left(turn, recorder, given_back(turn, recorder, payment, more, outcome.refunded), outcome.refs)
        return ""
    return f"the gateway shows {outcome.refunded} KRW given back, the books {payment.refunded}" if more < 0 else ""


def _name_what_is_left(turn: Turn, recorder: Recorder, payment: Payment, shown: Mapping[str, str]) -> None:
    """Of two charges the one that went back may be the one that the payment is known by: what is left of it is the
    other, and a refund that named the first would be told that it was made already."""
    numbers = [name for name in OWN_NUMBERS if payment.refs.get(name) and shown.get(name)]
    if payment.left and any(payment.refs[name] != shown[name] for name in numbers):
        refs, state = dict(payment.refs) | dict(shown), State(payment.state)
        payments.move(turn, payment, state, at=recorder.at, actor=GATEWAY, event="payment.told", refs=refs)


def own_refunded(turn: Turn, payment: Payment, captured: int, refunded: int) -> int:
    """How much of what an inquiry shows as given back is of the payment's own money and not of what lay beside it."""
    came, went = beside.came_and_went(turn, payment.id)
    shown_beside = max(captured - payment.captured, 0)  # an inquiry may tell of the payment's own money alone
    return refunded - max(went - came, 0) - min(came, went, shown_beside)


def _found(turn: Turn, recorder: Recorder, payment: Payment, outcome: Seen, fence: Fence) -> None:
    if outcome.refunded is None and outcome.captured == payment.amount and is_said_voided(turn, payment):
        # Once: it goes on being shown, and what they say of it stands, also where they had it written down.
        if not any(SHOWN_YET in one["detail"] for one in cases.of_payment(turn, payment.id)):
            recorder.case(turn, payment, "money_on_ended_payment", SHOWN_YET, outcome.captured)
        return
    _, went = beside.came_and_went(turn, payment.id)  # people may have wired it back, which no inquiry shows
    net = outcome.captured - payment.orphaned - max(outcome.refunded or 0, went)
    back = undone(turn, payment)
    more = min(net, outcome.captured - payment.orphaned - back)  # what a net-cancel took back may not be shown so yet
    if net > 0 and payment.state in TAKEABLE and not payment.orphaned and not went:
        found = found_by(outcome, outcome.captured, CAPTURED, gone=outcome.refunded or 0)
        write_found(turn, recorder, payment, found, fence)
    elif more > 0:
        cause = f"shown:{outcome.captured}" if payment.orphaned or went else CAPTURED
        write_found(turn, recorder, payment, replace(found_by(outcome, more, cause), beside_undo=bool(back)), fence)
    elif net < 0 and outcome.refunded and payment.orphaned > 0:
        gone, cause = min(-net, payment.orphaned), f"shown back:{outcome.refunded}"
        write_return(recorder, turn, payment, amount=gone, evidence=Evidence.E4, cause=cause)


def found_by(outcome: Seen, amount: int, cause: str, *, gone: int = 0) -> Found:
    """Say what an inquiry found, in KRW, of which `gone` went back past the bridge."""
    return Found(amount, Evidence.E4, cause, outcome.refs, outcome.card, paid_at=outcome.paid_at, gone=gone)


def _ask_where_paid(turn: Turn, recorder: Recorder, payment: Payment) -> None:
    after = payments.get(turn, payment.site, payment.id)
    if after.state in PAID_STATES:
        ask_a_person(turn, recorder, after)


def _not_shown(turn: Turn, recorder: Recorder, payment: Payment) -> None:
    """What proven notices told is neither in the books nor shown in time: a person must look, once for each of them."""
    told = notices.many_with_outcome(turn, payment.id, PROVEN_BACK)
    seen = operations.many_past(turn, payment.id)
    looked_at = sum(one["reason"] == EXTERNAL for one in cases.of_payment(turn, payment.id))
    if payment.captured and told > seen + looked_at:
        detail = f"the gateway's notices tell of {told} cancels past the bridge, and its inquiry shows {seen}"
        recorder.case(turn, payment, EXTERNAL, detail)


def _close_shown(turn: Turn, recorder: Recorder, payment: Payment, total: int) -> None:
    """What notices told and nothing showed in time is shown now, and in the books: whoever called it given back as well
    would have it there twice. Where one entry may be of several of them, or not of all, the case says so."""
    asked = cases.open_one(turn, payment.id, EXTERNAL)
    told = notices.many_with_outcome(turn, payment.id, PROVEN_BACK)
    if asked is None or asked["amount"] or not told:
        return
    if told > operations.many_past(turn, payment.id):
        recorder.case(
            turn, payment, EXTERNAL, f"an inquiry shows {total} KRW given back by now, and the books have them"
        )
    else:
        cases.close_case(turn, payment.id, EXTERNAL, "shown by an inquiry, and in the books", recorder.at)


def ask_a_person(turn: Turn, recorder: Recorder, payment: Payment) -> None:
    """The inquiry does not tell what was given back: whatever notices without proof reported of it is a person's."""
    reported = notices.many_with_outcome(turn, payment.id, REPORTED) + _beside_ours(turn, payment)
    asked = [one["detail"] for one in cases.of_payment(turn, payment.id) if one["reason"] == EXTERNAL]
    if reported > max([len(asked), *(int(many) for one in asked for many in SO_FAR.findall(one))]):
        detail = "the gateway reports money given back that was not asked for here, and its inquiry does not tell of it"
        recorder.case(turn, payment, EXTERNAL, f"{detail} (reports so far: {reported})")


def _beside_ours(turn: Turn, payment: Payment) -> int:
    """Count what was told in the words of a refund that had no outcome, and is not that one: it was made, and one of
    the tellings is of it. No more than there was money for: of a full one there is no other."""
    made = [one for one in operations.of_payment(turn, payment.id) if one.kind is Kind.REFUND and one.step is Step.OK]
    told = [(notices.many_with_outcome(turn, payment.id, perhaps_ours(one.id)), one.amount) for one in made]
    return sum(max(min(many, payment.captured // amount) - 1, 0) for many, amount in told)


def given_back(turn: Turn, recorder: Recorder, payment: Payment, amount: int, total: int) -> Payment:
    """Write that the gateway gave back more than was asked of it, `total` KRW in all: an entry, and a person's case.

    What lies beside the payment's own is what people are asked to give back: just so much is that, and no case, and so
    is what the payment itself has not.
    """
    more_than_own = min(max(amount - payment.left, 0), payment.orphaned)
    beside_own = amount if amount == payment.orphaned else more_than_own
    if beside_own > 0:
        cause = f"shown back:{total}"
        payment = write_return(recorder, turn, payment, amount=beside_own, evidence=Evidence.E4, cause=cause)
        amount -= beside_own
    if not amount:
        _close_shown(turn, recorder, payment, total)
        return payment
    cause = f"external:{payment.id}:{total}"
    within = min(amount, payment.left)
    if within:
        payment = write_external_refund(recorder, turn, payment, amount=within, evidence=Evidence.E4, cause=cause)
    detail = f"the gateway has given back {amount} KRW more than was asked here: {total} KRW in all"
    recorder.case(turn, payment, DOUBLED, detail, amount)
    _close_shown(turn, recorder, payment, total)
    return payment


def _later(
    turn: Turn, recorder: Recorder, gateway: Gateway, payment: Payment, check: Operation, difference: str, less: int = 0
) -> None:
    """Look again: a gateway's inquiry may lag behind its own answers. What still differs at last is a person's."""
    since = to_ms(check.sent_at)
    made = [one for one in operations.of_payment(turn, payment.id) if one.kind is Kind.REFUND and one.step is Step.OK]
    late = is_late(gateway, min(waited_ms(recorder.context, one, recorder.stamp) for one in (check, *made)))
    next_try_at = after_human(since, recorder.at) if late else recorder.at + pause_ms(ASK_SECONDS, check.tries // 2)
    if less:
        difference = f"people said that {payment.captured} KRW were taken; the inquiry shows {less} KRW less"
    if late and difference and "KRW" in difference:
        recorder.case(turn, payment, CONTRADICTED if less else DIFFER, difference, less)
        operations.step(turn, check, Step.FAIL, at=recorder.at, evidence=Evidence.E4, message=difference)
        return
    operations.try_again(turn, check, next_try_at=next_try_at, message=difference)
