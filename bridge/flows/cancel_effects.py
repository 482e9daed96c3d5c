"""What a notice of a cancel does: our own refund or undo is settled by it, any other cancel is written down or told."""

from bridge.domain.gateway import Event, Inquires, captures_itself
from bridge.domain.machine import PENDING_STEPS, Evidence, Kind, State, Step
from bridge.domain.payment import Payment
from bridge.flows.carry_out import contradict
from bridge.flows.external import EXTERNAL, write_external_refund
from bridge.flows.inquire import BLIND
from bridge.flows.orphans import write_return
from bridge.flows.owe_check import owe_check
from bridge.flows.requests_made import end_request, is_same
from bridge.flows.said_before import beside_before, denied_before, given_back_before
from bridge.flows.told import (
    GATEWAY,
    KNOWN,
    LATER,
    PERSON,
    PROVEN_BACK,
    REPORTED,
    Told,
    came_and_went,
    known_refund,
    perhaps_ours,
    said_to_be_back,
)
from bridge.flows.undo import APPROVAL_TOLD, NOTHING, record_undone
from bridge.ledger import beside, cases, notices, operations, payments
from bridge.ledger.operations import Operation

TAKING_BACK = (State.UNKNOWN, State.VOIDING, State.NEEDS_HUMAN, State.VOIDED, State.DECLINED)
"""States in which a cancel the gateway reports is our own net-cancel."""
UNHEARD = (State.OPEN, State.UNKNOWN, State.NEEDS_HUMAN)
"""States in which money may have been taken, and the news of it not come yet."""
CLOSED = "the account is closed"
LESS = "KRW are left, and the books have"
"""What a case says that asks about a sum because of what the gateway says is left."""
REFUNDABLE = (State.PAID, State.PART_REFUNDED)


def cancelled(told: Told) -> str:
    """Let a cancel have its effect. Where it carries a refund's own reference, it is about that one alone."""
    done = operations.of_payment(told.turn, told.payment.id)
    state = State(told.payment.state)
    undo = next((one for one in done if one.kind is Kind.UNDO and one.step in PENDING_STEPS), None)
    if undo is not None and told.proves_money and told.notice.event == Event.CANCELLED:
        if undo.step is Step.SENT:
            return LATER
        record_undone(told.turn, told.recorder, told.gateway, undo, Evidence.E7)
        return "taken back"
    settled = _our_refund(told, [told.refund] if told.refund is not None else done)
    if settled:
        return settled
    if _is_ours_unread(told, done):
        return KNOWN
    is_asked_about = told.proven and 0 < told.notice.amount == _asked_about_less(told)  # else it says no sum
    left = 0 if _says_no_sum(told) else told.notice.left
    if left is not None and _has_no_more(told.payment, left) and not is_asked_about:
        return KNOWN
    if state is State.AWAITING_DEPOSIT and _is_whole_and_proven(told):
        return _of_waiting_account(told, done)
    if state in UNHEARD and _is_unheard(told, done):
        return _before_its_capture(told, done)
    if state in TAKING_BACK and not told.payment.orphaned:
        if not _before_its_outcome(told, done):
            return _of_what_is_taken_back(told, done)
        owe_check(told.turn, told.recorder, told.payment)  # other proof may say that it is paid before anybody asks
        return REPORTED
    return _by_others(told, done)


def _says_no_sum(told: Told) -> bool:
    """Whether a hint says neither how much went back nor how much is left: it may be of all there was."""
    return told.is_hint and not told.notice.amount and told.notice.left is None


def _is_ours_unread(told: Told, done: list[Operation]) -> bool:
    """Whether it says no sum, and bears a number of a refund of ours that was made."""
    number = told.notice.refs.get("refNo", "")
    made = [one for one in done if one.kind is Kind.REFUND and one.step is Step.OK]
    is_ours = any(one.ref == told.notice.merchant_ref or (number and one.refs.get("refNo") == number) for one in made)
    return is_ours and not told.notice.amount and told.notice.left is None


def _has_no_more(payment: Payment, left: int) -> bool:
    """Whether the books have no more of a payment's money than what the gateway says is left, and none beside it."""
    of_its_own = payment.state in REFUNDABLE or (payment.state == State.REFUNDED and not payment.orphaned)
    return of_its_own and payment.left <= left


def _our_refund(told: Told, done: list[Operation]) -> str:
    """Find the refund of ours that this is: one of the amounts it may mean equals it."""
    ours = [one for one in done if one.kind is Kind.REFUND and _may_be_of(told, one)]
    made = [one for one in ours if one.step is Step.OK]
    done_before = sorted((one for one in made if _same(told, one, made)), key=lambda one: not one.refs)
    if done_before and not _is_one_more(told, len(done_before)):
        if told.proven and not done_before[0].refs:  # from now on another of the same amount is told from it
            operations.name(told.turn, done_before[0], told.notice.refs)
        if told.notice.alike and told.notice.amount <= told.payment.left:
            owe_check(told.turn, told.recorder, told.payment)  # ours may not have been told, and this be another
        _ask_about_less(told, told.payment.left)
        return KNOWN if told.notice.left is None else known_refund(told.notice.amount)
    for operation in ours:
        if operation.step in (Step.UNKNOWN, Step.NEEDS_HUMAN) and told.is_hint:
            if BLIND not in operation.refs:  # whoever sends a notice may let us ask, and not send money again
                operations.hasten(told.turn, operation, told.recorder.at)
            return perhaps_ours(operation.id)
        if operation.step in (Step.UNKNOWN, Step.NEEDS_HUMAN):
            after = told.recorder.refunded(told.turn, told.payment, operation, Evidence.E7, told.notice.refs, GATEWAY)
            _ask_about_less(told, after.left)
            return "refunded"
        if operation.step is Step.SENT:
            return LATER
    return ""


def _is_one_more(told: Told, ours: int) -> bool:
    """Whether just this was told more often than we gave it back: another in the same words, or a repetition."""
    if not told.notice.alike or told.notice.amount > told.payment.left:
        return False
    known = ours + beside.many_external(told.turn, told.payment.id, told.notice.amount)
    return notices.telling(told.turn, told.payment.id, told.notice.dedupe, told.recorder.hearing) > known


def _ask_about_less(told: Told, left: int, ours: Operation | None = None) -> None:
    """The gateway says what is left, and it is less than our books have: an earlier cancel whose notice is late and
    will look known, or a request that arrived twice, perhaps; or `ours`, a refund without outcome, among it."""
    if told.notice.left is None:
        return
    gone = left - told.notice.left - _asked_about_less(told)
    if ours is not None and gone >= ours.amount:
        gone -= ours.amount
    if gone > 0:
        detail = f"the gateway says that {told.notice.left} {LESS} {left}"
        told.recorder.case(told.turn, told.payment, EXTERNAL, detail, gone)


def _asked_about_less(told: Told) -> int:
    """Say how many KRW a case asks about already because the gateway said that less is left."""
    asked = cases.open_one(told.turn, told.payment.id, EXTERNAL)
    return int(asked["amount"]) if asked is not None and LESS in asked["detail"] else 0


def _take_off_less(told: Told) -> None:
    """The notice of what a case asks about is in the books by now: decided about as well it would be written twice."""
    asked = cases.open_one(told.turn, told.payment.id, EXTERNAL)
    if asked is None or LESS not in asked["detail"]:
        return
    if not cases.answer(told.turn, asked, told.notice.amount, told.recorder.at):
        why = "the gateway's notice is in the books"
        cases.close_case(told.turn, told.payment.id, EXTERNAL, why, told.recorder.at)


def _may_be_of(told: Told, operation: Operation) -> bool:
    """Whether a cancel may be this refund of ours. A reading other than its own amount comes of what is left, and so is
    of all given back: one that is pending it settles only together with what the books have as given back, and not of
    what went back before it was sent by the gateway's own clock: that was somebody else's."""
    notice = told.notice
    readings = notice.readings or (notice.amount,)
    if operation.step not in PENDING_STEPS:
        return operation.amount in readings
    if _says_no_sum(told):
        return True
    was_sent = notice.gone_at is None or notice.gone_at >= operation.sent_at.replace(microsecond=0)
    others = [one for one in readings if one != notice.amount]
    is_own = notice.amount in readings and operation.amount == notice.amount
    with_earlier = was_sent and told.payment.refunded + operation.amount in others
    return _leaves(told, operation) or is_own or with_earlier


def _leaves(told: Told, operation: Operation) -> bool:
    """Whether a notice that says only what is left is about this refund: with it, just that much would be left."""
    return not told.notice.amount and told.payment.left - operation.amount == told.notice.left


def _same(told: Told, operation: Operation, made: list[Operation]) -> bool:
    """Whether an earlier refund is this very one: nothing that both name differs; and where the gateway says what is
    left, the books have no more, or lack another sum than this, while a refund of ours was not told of yet."""
    notice = told.notice
    if notice.left is not None:
        lacking = told.payment.left - notice.left
        return lacking <= 0 or (lacking != notice.amount and _is_one_untold(told, made))
    both = [name for name in notice.refs if operation.refs.get(name)]
    return operation.ref == notice.merchant_ref or all(operation.refs[name] == notice.refs[name] for name in both)


def _is_one_untold(told: Told, made: list[Operation]) -> bool:
    """Whether more of our refunds of just this amount were made than notices have told of."""
    known_otherwise = sum(one.evidence != Evidence.E7 for one in made)
    word = known_refund(told.notice.amount)
    return known_otherwise > notices.many_with_outcome(told.turn, told.payment.id, word)


def _before_its_outcome(told: Told, done: list[Operation]) -> bool:
    """Whether it is about an approval that nobody takes back and that the gateway can be asked about: it is then."""
    undone = any(one.kind is Kind.UNDO for one in done)
    return (
        told.payment.state in (State.UNKNOWN, State.NEEDS_HUMAN) and not undone and isinstance(told.gateway, Inquires)
    )


def _of_what_is_taken_back(told: Told, done: list[Operation]) -> str:
    """Of an approval that we take back somebody gave back a part: so there is one, whatever is said of it."""
    if told.notice.event != Event.PART_CANCELLED:
        return KNOWN
    undos = [one for one in done if one.kind is Kind.UNDO]
    if any(one.step in PENDING_STEPS for one in undos):
        return APPROVAL_TOLD
    found_nothing = any(one.message == NOTHING for one in undos)
    came, _ = beside.came_and_went(told.turn, told.payment.id)
    never_seen = not came and not any(one.step is Step.OK for one in undos)
    called_unpaid = never_seen and told.payment.state == State.DECLINED
    if not found_nothing and not called_unpaid:
        return KNOWN
    why = "taking back had found nothing there" if found_nothing else "it is declined"
    detail = f"the gateway reports a cancel of {told.notice.amount} KRW, and {why}"
    told.recorder.case(told.turn, told.payment, "money_on_ended_payment", f"{detail} ({told.notice.name})")
    return PERSON


def _is_whole_and_proven(told: Told) -> bool:
    """Whether all of it went back for sure, and the books have no other money it could be of. Who can be asked is."""
    whole = told.notice.event == Event.CANCELLED and not told.payment.orphaned
    return whole and told.proven and not isinstance(told.gateway, Inquires)


def _of_waiting_account(told: Told, done: list[Operation]) -> str:
    """The account was closed, by us or in the console, or its deposit came and went: nothing waits for one any more.

    A deposit that is told later is a person's: it may have come behind the closing. Of several requests another's end
    leaves the account open.
    """
    turn, recorder, payment = told.turn, told.recorder, told.payment
    if not is_same(payment, told.notice.paid_binding):
        end_request(turn, recorder, payment, told.notice.request, GATEWAY)
        return came_and_went(told.notice)
    for closing in done:
        if closing.kind is Kind.PROBE and closing.step in PENDING_STEPS:
            operations.step(turn, closing, Step.OK, at=recorder.at, evidence=Evidence.E7)
    recorder.voided(turn, payment, told.notice.dedupe, Evidence.E7, GATEWAY)
    return CLOSED


def _is_unheard(told: Told, done: list[Operation]) -> bool:
    """Whether it is proven news about money that the books do not know of yet: that the gateway took by itself, or that
    an approval took which nobody can ask about or takes back."""
    undone = any(one.kind is Kind.UNDO for one in done)
    awaited = told.payment.state != State.OPEN and not isinstance(told.gateway, Inquires)
    unheard = captures_itself(told.gateway) or awaited
    return told.proven and unheard and not told.payment.captured and not undone


def _before_its_capture(told: Told, done: list[Operation]) -> str:
    """The cancel overtook the news of the payment itself: a whole one ends it, a part waits for that news.

    Of several requests it ends the one it is about: the others can still be paid.
    """
    turn, recorder, at = told.turn, told.recorder, told.recorder.at
    pending = [one for one in done if one.kind in (Kind.PROBE, Kind.APPROVE) and one.step in PENDING_STEPS]
    if told.notice.event != Event.CANCELLED or any(
        one.kind is Kind.APPROVE and one.step is Step.SENT for one in pending
    ):
        return LATER
    payment = end_request(turn, recorder, told.payment, told.notice.request, GATEWAY)
    if told.notice.request and payment.requests:
        return came_and_went(told.notice)
    for one in pending:
        operations.step(turn, one, Step.FAIL, at=at, evidence=Evidence.E7, message="it was paid, and given back")
    cases.close_case(turn, payment.id, "unknown_outcome", f"settled by {Evidence.E7}", at)
    if payment.state != State.NEEDS_HUMAN:
        payment = payments.move(turn, payment, State.VOIDING, at=at, actor=GATEWAY, event="undo.seen")
    recorder.comes_to(turn, came_and_went(told.notice))
    recorder.voided(turn, payment, told.notice.dedupe, Evidence.E7, GATEWAY)
    return came_and_went(told.notice)


def _by_others(told: Told, done: list[Operation]) -> str:
    """Somebody gave money back past the bridge, in the gateway's console perhaps."""
    turn, recorder, payment, notice = told.turn, told.recorder, told.payment, told.notice
    cause = f"notice:{recorder.site.id}:{payment.gateway}:{notice.dedupe}"
    if owe_check(turn, recorder, payment):
        return PROVEN_BACK if told.proven else REPORTED
    if not told.proven and _more_proven(told) > 0:
        return said_to_be_back(notice.amount)
    exact = told.proven and len(notice.readings) < 2 and notice.currency == "KRW"
    if exact and (said := given_back_before(told, done)):
        return said
    exact = exact and not beside_before(told)
    if exact and 0 < notice.amount <= payment.orphaned:
        write_return(recorder, turn, payment, amount=notice.amount, evidence=Evidence.E7, cause=cause)
        _answer_told_before(told)
        return "given back"
    denied = denied_before(done, notice.amount)
    ours = next((one for one in done if one.kind is Kind.REFUND and one.step in PENDING_STEPS), None)
    free = payment.left - (ours.amount if ours is not None else 0)
    is_more = exact and State(payment.state) in REFUNDABLE and free < notice.amount <= payment.left
    if is_more and ours is not None and ours.step is Step.SENT:
        return LATER
    # Not beyond `free`: ours may give back the same money, as PayApp gives back what is left, whatever was asked.
    if exact and State(payment.state) in REFUNDABLE and 0 < notice.amount <= free:
        after = write_external_refund(recorder, turn, payment, amount=notice.amount, evidence=Evidence.E7, cause=cause)
        _take_off_less(told)
        _close_what_is_written(told, after.left, denied)
        _ask_about_less(told, after.left, ours)
        return "refunded past the bridge"
    if denied is not None:
        contradict(turn, recorder, payment.id, denied)  # its own late answer says the same, and counts once with this
        return PERSON
    much = notice.amount or "an unsaid number of"
    detail = f"the gateway reports a cancel of {much} KRW that was not asked here ({notice.name})"
    recorder.case(turn, payment, EXTERNAL, detail, notice.amount)
    return PERSON if told.proven else said_to_be_back(notice.amount)


def _more_proven(told: Told) -> int:
    """Say how many more cancels of just this amount are proven than were told without proof: the same is told in
    several formats, and decided in a case as given back, what is proven would be written twice."""
    proven = beside.many_proven_back(told.turn, told.payment.id, told.notice.amount)
    return proven - notices.many_with_outcome(told.turn, told.payment.id, said_to_be_back(told.notice.amount))


def _close_what_is_written(told: Told, left: int, denied: Operation | None) -> None:
    """Nobody need decide about what the books have by now: all is given back, and no case is about more than that; or
    the late answer of what people had denied opened it, or a notice without proof, and this is the proof of that."""
    turn, payment = told.turn, told.payment
    open_now = [one for one in cases.of_payment(turn, payment.id) if one["reason"] == EXTERNAL and not one["closed_at"]]
    asked_about = sum(one["amount"] for one in open_now)
    of_all, of_denied = not left and asked_about <= told.notice.amount, denied and asked_about == told.notice.amount
    if not _answer_told_before(told) and open_now and (of_all or of_denied):
        cases.close_case(turn, payment.id, EXTERNAL, "the gateway's notice is in the books", told.recorder.at)


def _answer_told_before(told: Told) -> bool:
    """Take off a case what was told in it without proof, of which this is the proof; answers whether there was such."""
    turn, payment = told.turn, told.payment
    asked = cases.open_one(turn, payment.id, EXTERNAL)
    if asked is None or _more_proven(told) > 0:
        return False
    if not cases.answer(turn, asked, told.notice.amount, told.recorder.at):
        cases.close_case(turn, payment.id, EXTERNAL, "the gateway's notice is in the books", told.recorder.at)
    return True
