"""Stops, starts and ends a recurring plan; an end is owed to the gateway until it has answered, or told the number."""

from bridge.clock import now_ms
from bridge.domain.billing import Plans, PlanState
from bridge.domain.exchange import Exchange, Stamp
from bridge.domain.failures import BridgeError, Conflict, NotNow
from bridge.domain.gateway import Done, Gateway, NotSent, Refused, Unknown
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.open_checkout import Once
from bridge.flows.plans import DEEDS, FROM, NO_NUMBER, offers_of, owned_plan, plan_deeds
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import gap, payments, replay
from bridge.ledger import plans as rows
from bridge.ledger.ledger import Turn
from bridge.ledger.plans import Plan
from bridge.ledger.questions import Question

AGAIN_SECONDS = 60
AT_ONCE = 100


async def change_plan(context: Context, site: Site, plan_id: str, customer: str, deed: str, once: Once) -> Plan:
    """Stop, start or end a customer's plan. It may still be CHANGING when the answer was lost: ask again, or end it.

    An end is told again by the bridge itself until it is answered, for its customer would be charged. A plan whose
    number the gateway has not told yet can be told to end: that is carried out when the number comes.
    Raises NotFound, NotNow, GatewayOff, Replayed, KeyReused.
    """
    becomes = DEEDS[deed]

    def begin(turn: Turn) -> tuple[Plan, bool]:
        gap.refuse(turn, site.id)
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        plan = owned_plan(turn, site, plan_id, customer)
        if replay.earlier(turn, site.id, once.idempotency_key, once.digest) is None:
            replay.remember(turn, site.id, once.idempotency_key, once.digest, plan.id, now_ms(context.clock))
        elif plan.state is not PlanState.CHANGING:
            return plan, False
        if not plan.number and plan.end_owed and deed == "end":
            return plan, False
        again = plan.state is PlanState.CHANGING
        if deed in plan_deeds(plan) or plan.state in FROM[deed]:
            if not plan.number:
                return _without_number(turn, plan, deed, now_ms(context.clock)), False
            was = plan.was if again else str(plan.state)
            asked = {"wanted": str(becomes), "was": was, "end_owed": becomes is PlanState.ENDED}
            return rows.move(turn, plan, PlanState.CHANGING, at=now_ms(context.clock), **asked), again
        korean = "정기결제의 상태가 그 사이 바뀌어서 지금은 할 수 없어요."
        raise NotNow(
            f"A plan in state {plan.state} cannot be told to {deed}.", state=str(plan.state), message_ko=korean
        )

    intended_at = context.clock.boot_seconds()
    plan, again = await context.ledger.write(begin)
    offering = offers_of(site, plan.gateway)
    if plan.state is PlanState.CHANGING and plan.number:
        changing = _change(context, site, offering, plan, deed, again, intended_at)
        task = context.tasks.begin(f"plan:{plan.id}", changing)
        await context.tasks.wait(task, context.settings.refund_wait_seconds)
    return await read_after(context.ledger.read(lambda turn: rows.get(turn, site.id, plan_id)))


def ends_owed(at: int) -> list[Question]:
    """Ask whether a gateway has to be told of a plan's end at a moment (milliseconds)."""
    return [rows.any_owing_end(at - AGAIN_SECONDS * 1000)]


async def end_owed_plans(context: Context) -> None:
    """End at the gateway what was to end before its number was known, or whose end has no answer; asked again each
    minute until it answers.

    What cannot be asked for now (its site or gateway is set up no more, the books were restored) lets others go first.
    """
    at, unasked = now_ms(context.clock), list[Plan]()
    for plan in await context.ledger.read(lambda turn: rows.owing_end(turn, at - AGAIN_SECONDS * 1000, AT_ONCE)):
        site = context.sites.find(plan.site)
        if site is None or context.tasks.find(f"plan:{plan.id}") is not None:
            unasked.append(plan)
            continue

        def claim(turn: Turn, plan: Plan = plan) -> Plan:
            gap.refuse(turn, plan.site)
            asked = {"wanted": str(PlanState.ENDED), "was": str(PlanState.ACTIVE)}
            return rows.move(turn, plan, PlanState.CHANGING, at=now_ms(context.clock), **asked)

        intended_at = context.clock.boot_seconds()
        try:
            offering = offers_of(site, plan.gateway)
            asking = await context.ledger.write(claim)
        except BridgeError:
            unasked.append(plan)
            continue
        ending = _change(context, site, offering, asking, "end", again=True, intended_at=intended_at)
        context.tasks.begin(f"plan:{plan.id}", ending)
    if unasked:
        await context.ledger.write(lambda turn: rows.postpone(turn, unasked, at))


def _without_number(turn: Turn, plan: Plan, deed: str, at: int) -> Plan:
    """Remember that a plan is to end of which the gateway has not told the number. Raises NotNow for other deeds.

    Where nobody is known to have agreed its window is not opened any more; but somebody may have, unheard.
    """
    if deed != "end":
        detail = "The gateway has not told this plan's number yet: its first charge brings it."
        raise NotNow(detail, message_ko=NO_NUMBER)
    if plan.state is PlanState.WAITING:
        return rows.move(turn, plan, PlanState.ENDED, at=at, end_owed=True)
    asked = {"wanted": str(PlanState.ENDED), "was": str(plan.state)}
    return rows.move(turn, plan, PlanState.CHANGING, at=at, end_owed=True, **asked)


def _say(offers: Plans, deed: str, number: str, stamp: Stamp) -> Exchange[Done | Refused | Unknown]:
    if deed == "stop":
        return offers.stop_plan(number, stamp)
    return offers.start_plan(number, stamp) if deed == "start" else offers.cancel_plan(number, stamp)


def _ask_a_person(turn: Turn, recorder: Recorder, plan: Plan, no: Refused) -> None:
    """Nobody waits for this answer, and a plan that goes on charges its customer: its last round says so."""
    for payment in payments.of_order(turn, plan.site, f"{plan.order_ref}-{plan.rounds}")[:1]:
        detail = (
            f"the plan {plan.number} was to end, and the gateway refused; look in its console: {no.code} {no.message}"
        )
        recorder.case(turn, payment, "reported", detail.strip())


async def _change(
    context: Context,
    site: Site,
    offering: tuple[Gateway, Plans],
    plan: Plan,
    deed: str,
    again: bool,
    intended_at: float,
) -> None:
    """Tell the gateway, and write what came of it; not seconds after the turn: told another thing by another bridge
    meanwhile, the plan would do as it was told first."""
    gateway, offers = offering
    exchange = _say(offers, deed, plan.number, Recorder.now(context, site).stamp)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=None)
    outcome, recorder = conversation.outcome, Recorder.now(context, site)
    at = recorder.at

    def record(turn: Turn) -> None:
        keep_lines(turn, context.clock, plan, conversation.journal, at)
        current = rows.get(turn, site.id, plan.id)
        is_awaited = current.state is PlanState.CHANGING and current.wanted == DEEDS[deed]
        # Nothing follows an end at the gateway, whatever another change that was sent beside it had come to.
        has_ended = deed == "end" and current.state is not PlanState.ENDED
        if isinstance(outcome, Done) and (is_awaited or has_ended):
            rows.move(turn, current, DEEDS[deed], at=at, wanted="", code="", message="", end_owed=False)
            return
        if not is_awaited:
            return
        began_in = PlanState(current.was)
        if began_in is PlanState.WAITING and current.rounds:  # its first round came meanwhile
            began_in = PlanState.ACTIVE
        if again and current.end_owed and isinstance(outcome, Refused):
            _ask_a_person(turn, recorder, current, outcome)
        if isinstance(outcome, Refused | NotSent):
            code = outcome.code if isinstance(outcome, Refused) else ""
            said = {"code": code, "message": outcome.message if isinstance(outcome, Refused) else outcome.why}
            if again:  # what was asked before may have been done: a no to the repeat may mean just that
                owed = current.end_owed and isinstance(outcome, NotSent)
                rows.move(turn, current, PlanState.CHANGING, at=at, end_owed=owed, **said)
            else:
                rows.move(turn, current, began_in, at=at, wanted="", end_owed=False, **said)

    try:
        await write_down(context, record)
    except Conflict:
        return
