"""What becomes of a plan besides its rounds: a round that the gateway could not charge, and its last day."""

from datetime import timedelta

from bridge.clock import from_ms, now_ms
from bridge.domain.billing import PlanState
from bridge.domain.exchange import KST
from bridge.domain.failures import Conflict
from bridge.domain.gateway import Circumstantial, Event, Gateway, Notice
from bridge.flows.clock_steps import is_steady
from bridge.flows.context import Context
from bridge.flows.plans import plan_json
from bridge.flows.record import Recorder
from bridge.ledger import payments, plans
from bridge.ledger.ledger import Turn
from bridge.ledger.plans import Plan
from bridge.ledger.questions import Question

FAILED = "plan.round_failed"
NOTED = "a round of a plan failed"
LATE_DAYS = 3
"""How long after a plan's last day the news of its last round may still come."""
AT_ONCE = 100


def failed_plan(turn: Turn, recorder: Recorder, gateway: Gateway, notice: Notice) -> Plan | None:
    """Find the plan of which a notice proves that a round could not be charged; none for any other news."""
    if notice.event != Event.ROUND_FAILED or isinstance(notice.proof, Circumstantial):
        return None
    plan = plans.by_ref(turn, recorder.site.id, gateway.name, notice.merchant_ref)
    return None if plan is None or (notice.plan and plan.number and notice.plan != plan.number) else plan


def round_failed(turn: Turn, recorder: Recorder, plan: Plan, notice: Notice) -> str:
    """Write that a plan's round could not be charged; the plan goes on. Answers a word for it.

    The shop hears it with the plan's last round that was charged; a plan without any has nobody's agreement yet.
    """
    if notice.plan and not plan.number:
        plan = plans.move(turn, plan, plan.state, at=recorder.at, number=notice.plan)
    plan = plans.fail_round(turn, plan, at=recorder.at, code=notice.code, message=notice.message)
    charged = payments.of_order(turn, plan.site, f"{plan.order_ref}-{plan.rounds}") if plan.rounds else []
    for payment in charged[:1]:
        detail: dict[str, str | int] = {"code": notice.code, "message": notice.message}
        noted = recorder.note(turn, payment, FAILED, detail, actor="gateway")
        recorder.tell(turn, noted, FAILED, {"plan": plan_json(plan)})
    return NOTED


def plans_past(at: int) -> list[Question]:
    """Ask whether a plan's last day is over at a moment (milliseconds)."""
    return [plans.any_past(_last_day(at))]


async def end_past_plans(context: Context) -> None:
    """End the plans whose last day is over: their gateway charges no more, and there is nothing left to tell it.

    Not soon after the clock was set: by one that runs ahead, a plan would be over here that goes on there.
    """
    if not is_steady(context):
        return
    last = _last_day(now_ms(context.clock))
    for plan in await context.ledger.read(lambda turn: plans.past(turn, last, AT_ONCE)):
        if context.tasks.find(f"plan:{plan.id}") is not None:
            continue

        def work(turn: Turn, plan: Plan = plan) -> None:
            plans.move(turn, plan, PlanState.ENDED, at=now_ms(context.clock), wanted="", end_owed=False)

        try:
            await context.ledger.write(work)
        except Conflict:
            continue


def _last_day(at: int) -> str:
    return (from_ms(at).astimezone(KST).date() - timedelta(days=LATE_DAYS)).isoformat()
