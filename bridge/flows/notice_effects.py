"""What a notice does: proof moves the books, a hint makes us ask, and everything else is a person's or nothing."""

from bridge.domain.decisions import CONTRADICTED
from bridge.domain.gateway import (
    Event,
    Paid,
    Waiting,
    captures_itself,
)
from bridge.domain.machine import PAID_STATES, PENDING_STEPS, TERMINAL, Evidence, Kind, State, Step, blocks
from bridge.flows.ask_fence import Fence, holds_still
from bridge.flows.cancel_effects import cancelled
from bridge.flows.capture import CAPTURED, TAKEABLE, Found, write_found
from bridge.flows.orphans import REASON as ORPHANED
from bridge.flows.orphans import close_own
from bridge.flows.owe_check import owe_check
from bridge.flows.probe import write_unpaid
from bridge.flows.requests_made import end_request, ending, is_same, keep_request, of_another_request
from bridge.flows.said_before import bears_another_number, is_other_money, is_said_paid, keep_number, known_before
from bridge.flows.told import (
    ASK_FENCE,
    COMPARED,
    DEPOSIT_ASKED,
    GATEWAY,
    KNOWN,
    KNOWN_DEPOSIT,
    LATER,
    NOTHING_TO_DO,
    PERSON,
    TOLD_IN_SIGHT,
    Told,
    came_and_went,
)
from bridge.flows.undo import APPROVAL_TOLD, NOTHING, brought_elsewhere
from bridge.ledger import cases, notices, operations, orders, payments, plans
from bridge.ledger.operations import Operation

ISSUED_MEANWHILE = "the gateway has issued an account for it, which may be paid into until it is withdrawn"
TOLD_ITS_DEPOSIT = ("paid", "taken back", KNOWN_DEPOSIT, DEPOSIT_ASKED)
"""Effects of the one notice that tells of the deposit by which an account's payment is paid."""
UNSURE = (State.UNKNOWN, State.VOIDING, State.NEEDS_HUMAN)
"""States of an approval that may have moved money, and may have moved it back."""


def effect(told: Told) -> str:
    """Let a notice have its effect; answers a word for it, LATER when it must wait, ASK_FENCE when seats are asked."""
    event, state = told.notice.event, State(told.payment.state)
    if state is State.READYING:
        return LATER  # its window's answer is on its way, and with it what binds the notice
    if told.proven and told.payment.captured and _is_of_other_money(told):
        return of_another_request(told)
    if event in (Event.APPROVED, Event.CANCELLED) and not told.payment.captured and (word := _brought_elsewhere(told)):
        return word
    if event == Event.UNBELIEVED:
        return TOLD_IN_SIGHT
    if event == Event.APPROVED:
        return _approved(told)
    if event == Event.DEPOSITED:
        return _deposited(told)
    if event in (Event.CANCELLED, Event.PART_CANCELLED):
        return cancelled(told)
    if event == Event.ISSUED and told.proves_money and state is State.OPEN:
        return _issued(told)
    if event == Event.REQUESTED:
        return keep_request(told)
    if event == Event.REQUEST_CANCELLED and told.proven:
        return _ended_unpaid(told)
    return NOTHING_TO_DO


def _brought_elsewhere(told: Told) -> str:
    """Whether its buyer's return was brought to another payment, which takes this money back; "" where none does.

    A net-cancel that people look into may have taken it back unheard, and goes on being sent: they are waited for, and
    a case here says so, as theirs is about the other payment.
    """
    turn, payment, notice = told.turn, told.payment, told.notice
    deed = brought_elsewhere(turn, payment, told.gateway, notice.refs)
    if deed is None:
        return ""
    if deed.step in (PENDING_STEPS if deed.kind is Kind.UNDO else (Step.SENT, Step.UNKNOWN)):
        if deed.step is Step.NEEDS_HUMAN and notice.event == Event.APPROVED:
            detail = f"the gateway reports {notice.amount} KRW, by a return that was brought to payment {deed.payment}"
            told.recorder.case(turn, payment, "unknown_outcome", f"{detail}: decide there first", notice.amount)
        return LATER
    if deed.kind is not Kind.UNDO or deed.step is not Step.OK:
        return ""
    if payment.state not in UNSURE:  # whether its own window was approved is still asked about there
        why = "it was taken back by the other payment"
        cases.close_case(turn, payment.id, "unknown_outcome", why, told.recorder.at)
    return KNOWN


def _is_of_other_money(told: Told) -> bool:
    return not is_same(told.payment, told.notice.paid_binding) or is_other_money(told)


def _approved(told: Told) -> str:
    state = State(told.payment.state)
    if state is State.APPROVING:
        return LATER
    if told.proves_money and state is not State.VOIDING and not _is_taken_back(told):
        return _captured(told)
    if told.proven and (known := _known_before(told)):
        return known
    if state in UNSURE:
        if told.notice.amount != told.payment.amount:  # a cancel by amount would leave the rest there, and say done
            detail = f"asked {told.payment.amount} KRW, the gateway reports an approval of {told.notice.amount} KRW"
            detail = f"{detail} ({told.notice.name})"
            told.recorder.case(told.turn, told.payment, "amount_mismatch", detail, told.notice.amount)
        for operation in operations.of_payment(told.turn, told.payment.id):
            if operation.step in (Step.UNKNOWN, Step.NEEDS_HUMAN) and operation.next_try_at is not None:
                operations.hasten(told.turn, operation, told.recorder.at)
        return APPROVAL_TOLD
    if state not in (*TERMINAL, State.OPEN) or told.payment.captured:  # in these no approval of ours moves money
        return KNOWN
    if owe_check(told.turn, told.recorder, told.payment):
        return COMPARED
    if any(_gave_back(one, told.notice.amount) for one in operations.of_payment(told.turn, told.payment.id)):
        return KNOWN
    detail = f"the gateway reports an approval of a payment that is {state} ({told.notice.name})"
    told.recorder.case(
        told.turn, told.payment, "money_on_ended_payment", detail, told.notice.amount, refs=told.notice.refs
    )
    return PERSON


def _is_taken_back(told: Told) -> bool:
    """Whether the approval may still be taken back: money that is found would go back behind it, or lie there when the
    net-cancel finds nothing. What is in the books and goes back is known."""
    if told.payment.state not in UNSURE or (told.payment.state == State.VOIDING and told.payment.captured):
        return False
    done = operations.of_payment(told.turn, told.payment.id)
    return any(one.kind is Kind.UNDO and one.step in PENDING_STEPS for one in done)


def _gave_back(operation: Operation, amount: int) -> bool:
    """Whether this is the net-cancel that took the approval of so many KRW back: the notice is only late."""
    done = operation.kind is Kind.UNDO and operation.step is Step.OK and operation.message != NOTHING
    return done and operation.amount == amount


def _known_before(told: Told) -> str:
    """Say what is known already of money that came and went, or that people spoke of; "" where it is news."""
    came = notices.had_outcome(told.turn, told.payment.id, came_and_went(told.notice))
    return KNOWN if came else known_before(told)


def _captured(told: Told) -> str:
    """Proven money (E7): the seats are asked about first, where their hold is over and the money could be kept."""
    turn, recorder, payment, notice = told.turn, told.recorder, told.payment, told.notice
    if known := _known_before(told):
        return known
    order = orders.find(turn, recorder.site.id, payment.order_ref)
    assert order is not None, "a payment has an order"
    fence = told.fence or (Fence(True) if holds_still(order, recorder.at) else None)
    if fence is None and State(payment.state) in TAKEABLE:
        return ASK_FENCE
    # A payment is captured once, however often and by however many ways it is told; deposits may come again.
    cause = CAPTURED if notice.event == Event.APPROVED else f"notice:{notice.dedupe}"
    if notice.request:
        cause = f"{cause}:{notice.request}"  # each of several requests may be paid, and counts once
    elif payment.state in TERMINAL and is_other_money(told):
        cause = f"{cause}:notice:{notice.dedupe}"  # and so may a charge that was made twice
    plan = plans.by_ref(turn, recorder.site.id, payment.gateway, notice.merchant_ref) if notice.round else None
    since = plan.created_at if plan else None  # a round is in the books only from the first news of it
    found = Found(notice.amount, Evidence.E7, cause, notice.refs, notice.card, notice.currency, notice.paid_at, since)
    outcome = write_found(turn, recorder, payment, found, fence or Fence(True))
    if outcome == KNOWN:
        if is_said_paid(told) and (notice.amount, notice.currency) != (payment.captured, "KRW"):
            taken = notice.amount if notice.currency == "KRW" else 0
            return _contradicts(told, taken, f"{notice.amount} {notice.currency}")
        _keep_late_refs(told)
        if payment.captured and notice.currency == "KRW":
            close_own(turn, payment, Paid(notice.amount, dict(notice.refs)), Evidence.E7, recorder.at)
            if notice.event == Event.APPROVED:
                return _approved_again(told)
    elif notice.event == Event.APPROVED and payment.state in TERMINAL:
        keep_number(told)
    return outcome


def _approved_again(told: Told) -> str:
    """An approval is told of a payment that holds its money: one over another sum is of other money, and a person's.

    One under another number only makes us ask: no document says that answers and notices write it alike.
    """
    payment, notice = told.payment, told.notice
    if notice.amount != payment.captured:
        detail = f"the gateway reports an approval of {notice.amount} KRW of a payment of {payment.captured} KRW"
        told.recorder.case(
            told.turn, payment, "money_on_ended_payment", f"{detail} ({notice.dedupe})", notice.amount, refs=notice.refs
        )
        return PERSON
    is_owed = bears_another_number(told) and owe_check(told.turn, told.recorder, payment)
    return COMPARED if is_owed else KNOWN


def _contradicts(told: Told, taken: int, what: str) -> str:
    """The gateway proves otherwise than what people said was taken: they look again, at as many KRW as it differs."""
    payment, more = told.payment, taken - told.payment.captured
    detail = f"people said that {payment.captured} KRW were taken; the gateway tells of {what}"
    reason, refs = (ORPHANED, told.notice.refs) if more > 0 else (CONTRADICTED, {})
    told.recorder.case(told.turn, payment, reason, detail, abs(more), refs=refs)
    return PERSON


def _keep_late_refs(told: Told) -> None:
    """Keep what only the notice tells of a payment that an answer or people had made known, or that an inquiry is about
    to: refs alone, no money."""
    payment, notice = told.payment, told.notice
    amount = payment.captured or payment.amount
    if payment.state not in (*PAID_STATES, State.AWAITING_DEPOSIT) or (notice.amount, notice.currency) != (
        amount,
        "KRW",
    ):
        return
    if payment.captured:
        keep_number(told)
    payment = payments.get(told.turn, payment.site, payment.id)
    if any(payment.refs.get(name) != value for name, value in notice.late_refs.items()):
        refs, at = dict(payment.refs) | dict(notice.late_refs), told.recorder.at
        payments.move(told.turn, payment, State(payment.state), at=at, actor=GATEWAY, event="payment.told", refs=refs)


def _deposited(told: Told) -> str:
    """A deposit counts if it is proven, or if every field equals our record; on an ended payment it is a person's."""
    payment, notice, state = told.payment, told.notice, State(told.payment.state)
    if state is State.APPROVING or (state is State.UNKNOWN and not told.proves_money):
        return LATER
    if told.proven and not told.proves_money and (known := _known_before(told)):
        return known
    fits = notice.amount == payment.amount and notice.refs.get("account_number") == payment.account.get("number")
    is_further = told.proven and (_is_further_deposit(told) or _is_taken_back(told))
    if (told.proves_money and not is_further) or (
        state is State.AWAITING_DEPOSIT and fits and not told.proven and not told.is_hint
    ):
        outcome = _captured(told)
        if outcome == KNOWN and payment.captured:
            return KNOWN_DEPOSIT
        if outcome != ASK_FENCE and not outcome.startswith(KNOWN):
            _take_off(told)
        return outcome
    if not is_further and owe_check(told.turn, told.recorder, payment):
        _keep_late_refs(told)
        return DEPOSIT_ASKED if told.proven else COMPARED
    much = notice.amount or "an unsaid number of"
    detail = f"the gateway reports a deposit of {much} KRW on a payment that is {state}"
    detail = f"{detail} over {payment.amount} KRW ({notice.dedupe})"  # an equal one that follows is another deposit
    told.recorder.case(told.turn, payment, "unexpected_deposit", detail, notice.amount, refs=notice.refs)
    return PERSON


def _take_off(told: Told) -> None:
    """The books have a deposit now: what a case asks because it was told without proof before is about the rest."""
    turn, payment, at = told.turn, told.payment, told.recorder.at
    asked = cases.open_one(turn, payment.id, "unexpected_deposit")
    if asked is None or told.notice.dedupe not in asked["detail"]:
        return
    if not cases.answer(turn, asked, told.notice.amount, at):
        cases.close_case(turn, payment.id, "unexpected_deposit", "it was told with proof", at)


def _is_further_deposit(told: Told) -> bool:
    """Whether an account was paid into that had been paid into: what the gateway shows of a payment tells it not.

    Where no notice told of the payment's own deposit yet, one of the same sum is it; what people said is contradicted
    elsewhere. The event by which it was paid may be told twice, first without proof and then with it.
    """
    turn, payment = told.turn, told.payment
    if not payment.captured:
        return False
    if notices.outcome_of(turn, payment.site, payment.gateway, told.notice.dedupe) in TOLD_ITS_DEPOSIT:
        return False
    if any(notices.had_outcome(turn, payment.id, word) for word in TOLD_ITS_DEPOSIT):
        return True
    return told.notice.amount != payment.captured and not is_said_paid(told)


def _issued(told: Told) -> str:
    """An account waits for the money; the order takes no other payment until it ends.

    Where the request is being withdrawn that is settled first: its account goes with it. A withdrawal that a person
    looks into may never be: the case tells of the account, and what is paid into it counts all the same.
    """
    payment, notice = told.payment, told.notice
    everyone = payments.of_order(told.turn, told.recorder.site.id, payment.order_ref)
    if payments.holder(everyone, but=payment.id) is not None:
        return KNOWN
    withdrawal = ending(told.turn, payment)
    if withdrawal is not None and withdrawal.step is Step.NEEDS_HUMAN:
        told.recorder.case(told.turn, payment, "unknown_outcome", ISSUED_MEANWHILE)
        return PERSON
    if withdrawal is not None:
        return LATER
    waiting = Waiting(notice.account, dict(payment.refs) | dict(notice.refs), notice.due)
    told.recorder.waiting(told.turn, payment, waiting, GATEWAY, Evidence.E7)
    return "waits for a deposit"


def _ended_unpaid(told: Told) -> str:
    """The gateway's own word that the request ended unpaid; of a payment that was made it says nothing, unless people
    said that just this request was paid."""
    if is_said_paid(told) and told.notice.binding and not told.notice.request:
        return _contradicts(told, 0, "a request that ended unpaid")
    payment = end_request(told.turn, told.recorder, told.payment, told.notice.request, GATEWAY)
    done = operations.of_payment(told.turn, payment.id)
    if payment.state == State.AWAITING_DEPOSIT:
        if not is_same(payment, told.notice.paid_binding):
            return KNOWN  # another request of this payment issued the account
        if any(blocks(one.kind, one.step) for one in done):
            return KNOWN  # it is being closed by us, and that answer says so
        told.recorder.voided(told.turn, payment, told.notice.dedupe, Evidence.E7, GATEWAY)
        return "ended unpaid"
    if not captures_itself(told.gateway):
        return NOTHING_TO_DO
    if told.notice.request and payment.requests:
        return KNOWN  # others can still be paid
    probe = next((one for one in done if one.kind is Kind.PROBE and one.step in PENDING_STEPS), None)
    if payment.state != State.OPEN and probe is None:
        return KNOWN
    write_unpaid(told.turn, told.recorder, payment, probe, Evidence.E7)
    return "ended unpaid"
