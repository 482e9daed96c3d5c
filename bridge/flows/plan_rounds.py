"""The rounds of a recurring plan: each is an order and a payment of its own, made when the gateway tells of it."""

from datetime import timedelta

from bridge.clock import from_ms, new_id, to_ms
from bridge.domain.billing import PlanState
from bridge.domain.gateway import Circumstantial, Event, Gateway, Notice
from bridge.domain.machine import State
from bridge.domain.payment import Buyer, Device, Method, Order, Payment
from bridge.flows.pace import STALE_SECONDS
from bridge.flows.plans import asked_of
from bridge.flows.record import Recorder
from bridge.flows.told import LATER
from bridge.ledger import notices, orders, payments, plans
from bridge.ledger.ledger import Turn
from bridge.ledger.notices import StoredNotice
from bridge.ledger.plans import Plan

GATEWAY = "gateway"
FOREIGN_NUMBER = "foreign_number"
"""The reason of a case: somebody else's payment at our gateway, or another plan's, claims to be one of ours."""

CHARGED_AT_REST = "a plan that rests here was charged; see in the gateway's console whether it rests there"
"""What a case says of a round charged after the stop: somebody started it there, or a start that was refused did."""

CHARGED_ALL_THE_SAME = "a plan that was to rest or to end was charged long after; the gateway never said that it does"
"""What a case says of a round of a plan whose stop has no outcome, or whose end people were told is none."""

AWAITED_SECONDS = 3_600
"""How long a cancel waits for the news of its round before people hear of it. No document says how long that is
repeated; where it comes later all the same, the cancel has its effect."""


def plan_told_of(turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice) -> Plan | None:
    """Find the plan of whose round a notice tells."""
    return plans.by_ref(turn, recorder.site.id, gateway.name, notice.merchant_ref) if notice.round else None


def is_told_of_ended(turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice) -> bool:
    """Tell whether a notice is about a plan that has ended here, or is being ended."""
    plan = plan_told_of(turn, recorder, gateway, notice)
    return plan is not None and PlanState.ENDED in (plan.state, plan.wanted)


def overtook_its_round(turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice) -> bool:
    """Tell whether a proven cancel is of a round of which the books have no payment yet: it waits for that one's news,
    as it is told no more once it was answered, and the money would stay in the books."""
    is_cancel = notice.event in (Event.CANCELLED, Event.PART_CANCELLED) and not isinstance(notice.proof, Circumstantial)
    return is_cancel and plan_told_of(turn, recorder, gateway, notice) is not None


def without_its_round(turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice, stored: StoredNotice) -> str:
    """Let a cancel that overtook its round wait for that one's news; after an hour it is a person's, by a case of the
    plan's newest round: what was charged is in no book, and nobody tells of it any more."""
    plan = plan_told_of(turn, recorder, gateway, notice)
    charged = payments.of_order(turn, plan.site, f"{plan.order_ref}-{plan.rounds}") if plan and plan.rounds else []
    if plan is None or not charged or recorder.at - stored.received_at < AWAITED_SECONDS * 1000:
        return LATER
    detail = f"the gateway reports a cancel of {notice.amount} KRW of a round of the plan {plan.number}, {notice.round}"
    recorder.case(turn, charged[0], "reported", f"{detail}, and no notice told that it was charged ({notice.name})")
    notices.bind_plan(turn, stored.id, plan.id)
    return _unheard(notice.round)


def _unheard(round_number: str) -> str:
    return f"a person looks into it: no notice told of its round {round_number}"


def round_of(turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice) -> Payment | None:
    """Find the payment of a plan's round, or make it for the first proven news that it was charged.

    The round is open then, for the amount that was agreed: whatever the notice says is compared with that. Restored
    books may have the payment again and have lost its plan.
    """
    if not notice.round:
        return None
    merchant_ref = f"{notice.merchant_ref}.{notice.round}"
    payment = payments.by_merchant_ref(turn, recorder.site.id, gateway.name, merchant_ref)
    plan = plan_told_of(turn, recorder, gateway, notice)
    if payment is not None or plan is None or notice.event != Event.APPROVED:
        return payment
    if isinstance(notice.proof, Circumstantial):
        return None
    return _begin_round(turn, recorder, gateway, plan, merchant_ref, notice)


def _begin_round(
    turn: Turn, recorder: Recorder, gateway: Gateway, plan: Plan, merchant_ref: str, notice: Notice
) -> Payment:
    number, asked = plan.rounds + 1, asked_of(recorder.context, plan)
    while orders.find(turn, plan.site, f"{plan.order_ref}-{number}") is not None:  # the shop's own orders stay its own
        number += 1
    order = Order(
        ref=f"{plan.order_ref}-{number}",
        version=1,
        title=asked["title"],
        amount=plan.amount,
        buyer=Buyer(**asked["buyer"]),
        result_url=asked["result_url"],
        retry_url=asked["result_url"],
        tax_free=plan.tax_free,
    )
    orders.store(turn, plan.site, order, recorder.at)
    agreed = plan.state in (PlanState.WAITING, PlanState.LOST) and notice.amount == plan.amount
    becomes = PlanState.ACTIVE if agreed else plan.state
    known = plan.number or notice.plan
    plans.move(turn, plan, becomes, at=recorder.at, rounds=number, number=known, code="", message="")
    now = from_ms(recorder.at)
    payment = Payment(
        id=new_id(recorder.context.clock),
        site=plan.site,
        order_ref=order.ref,
        order_version=order.version,
        gateway=gateway.name,
        method=notice.method or Method.CARD,
        device=Device.PC,
        state=State.OPEN,
        amount=order.amount,
        tax_free=order.tax_free,
        version=1,
        merchant_ref=merchant_ref,
        created_at=now,
        expires_at=now + timedelta(seconds=recorder.context.settings.payment_life_seconds),
    )
    payments.add(turn, payment, token_id=f"plan:{plan.id}:{number}", actor=GATEWAY, owner=recorder.context.owner)
    notices.owe_again(turn, plan.site, plan.id, _unheard(notice.round))
    ended = plan.state is PlanState.ENDED or (plan.wanted == PlanState.ENDED and not plan.rounds)
    if ended or (notice.plan and notice.plan != known):
        detail = (
            f"a round of the plan {notice.plan or known} was charged; the plan of ours is {known}, and {plan.state}"
        )
        recorder.case(turn, payment, FOREIGN_NUMBER, detail, notice.amount)
    other = plans.charged_beside(turn, plan)
    if other is not None:
        detail = f"the plan {known} charges for the order {plan.order_ref} beside the plan {other.number}; end one"
        recorder.case(turn, payment, "reported", detail)
    was_before = notice.paid_at is not None and notice.paid_at <= from_ms(plan.changed_at)
    if plan.state is PlanState.RESTING and not was_before:
        recorder.case(turn, payment, "reported", f"{CHARGED_AT_REST}: {known}")
    if _is_long_after(plan, notice, recorder.at):
        recorder.case(turn, payment, "reported", f"{CHARGED_ALL_THE_SAME}: {known}")
    return payment


def _is_long_after(plan: Plan, notice: Notice, at: int) -> bool:
    """Tell whether a round was charged when no answer to a stop or an end was awaited any more, nor is it asked again.

    One that was on its way just then may have come after the charge, which is nobody's business.
    """
    is_left = plan.state is PlanState.CHANGING and plan.wanted != PlanState.ACTIVE and not plan.end_owed
    charged_at = at if notice.paid_at is None else to_ms(notice.paid_at)
    return is_left and charged_at > plan.changed_at + STALE_SECONDS * 1000
