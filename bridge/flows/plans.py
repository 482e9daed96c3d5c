"""Recurring plans of a gateway's own (PayApp rebill): registered and shown, and what they may be told."""

import json
from dataclasses import asdict, astuple, dataclass
from datetime import date
from typing import Any

from bridge.clock import from_ms, new_id, new_reference, now_ms
from bridge.domain.billing import PlanMade, PlanOrder, Plans, PlansByScript, PlanState
from bridge.domain.exchange import KST
from bridge.domain.failures import AmountRefused, Conflict, GatewayOff, Malformed, NotFound
from bridge.domain.gateway import Declined, Gateway, NotSent, Script, Urls
from bridge.domain.payment import Buyer, Method
from bridge.flows.choose_gateway import check_details, taxes_whole
from bridge.flows.context import Context
from bridge.flows.journal import keep_lines
from bridge.flows.open_checkout import Once
from bridge.flows.pace import STALE_SECONDS
from bridge.flows.read_after import read_after
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.snapshots import rfc3339
from bridge.flows.talk import talk
from bridge.flows.urls import plan_page_url, plan_urls
from bridge.flows.write_down import write_down
from bridge.ledger import gap, replay
from bridge.ledger import plans as rows
from bridge.ledger.ledger import Turn
from bridge.ledger.plans import Plan
from bridge.ledger.questions import Question

ASKED = "plan"
AT_ONCE = 100
DEEDS = {"stop": PlanState.RESTING, "start": PlanState.ACTIVE, "end": PlanState.ENDED}
FROM = {
    "stop": (PlanState.ACTIVE,),
    "start": (PlanState.RESTING,),
    "end": (PlanState.WAITING, PlanState.ACTIVE, PlanState.RESTING),
}
NO_NUMBER = "결제사가 정기결제 번호를 아직 알려 주지 않았어요. 첫 결제가 되면 멈추거나 다시 시작할 수 있어요."
WILL_END = "결제사가 정기결제 번호를 알려 주는 대로 해지해요."
ENDS_IF_AGREED = "그 전에 동의한 고객이 있다면, 결제사가 정기결제 번호를 알려 주는 대로 결제사에서도 해지해요."
WHY = "the answer was lost: a plan nobody agreed to may be at the gateway"


@dataclass(frozen=True, slots=True)
class PlanWish:
    """A plan that is asked for: `amount` KRW every `cycle` (month, week, day) on `day`, until `ends`.

    `order_ref` names it for the shop; its rounds are the orders `order_ref-1`, `order_ref-2` and so on.
    """

    customer: str
    order_ref: str
    title: str
    amount: int
    buyer: Buyer
    cycle: str
    ends: date
    result_url: str
    actor: str
    day: int = 0
    tax_free: int = 0
    gateway: str = ""


async def register_plan(context: Context, site: Site, wish: PlanWish, once: Once) -> Plan:
    """Register a plan; no money moves before the buyer has agreed on the gateway's page.

    Raises GatewayOff (no gateway of the site has plans, or it said no, or nothing), AmountRefused, Malformed (it
    needs more of the buyer, or its last day is over), Replayed, KeyReused.
    """
    gateway, offers = offers_of(site, wish.gateway)
    least = gateway.smallest(Method.CARD)
    if wish.amount < least:
        raise AmountRefused(
            f"{gateway.title} takes no less than {least} KRW.",
            message_ko=f"{gateway.title}에서는 {least:,}원부터 결제할 수 있어요.",
        )
    if wish.tax_free and taxes_whole(gateway, "register_plan"):
        raise AmountRefused(
            f"{gateway.title} has no field for what of a plan is free of tax; charge a billing key instead.",
            message_ko=f"{gateway.title}의 정기결제는 면세 금액을 알릴 수 없어요. 등록된 카드에 청구해 주세요.",
        )
    check_details(gateway, "register_plan", wish.buyer)

    def begin(turn: Turn) -> tuple[Plan, bool]:
        gap.refuse(turn, site.id)
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        answer = replay.earlier(turn, site.id, once.idempotency_key, once.digest)
        if answer is not None:
            return rows.get(turn, site.id, answer.result), False
        if _is_over(context, wish.ends):
            raise Malformed(
                "ends has passed in Korea: give the day of the last round, today at the earliest.",
                message_ko="마지막 날이 이미 지났어요. 오늘이나 그 뒤의 날을 골라 주세요.",
            )
        context.admit()
        plan = _new_plan(context, site, gateway, wish)
        rows.add(turn, plan)
        replay.remember(turn, site.id, once.idempotency_key, once.digest, plan.id, now_ms(context.clock))
        return plan, True

    plan, is_new = await context.ledger.write(begin)
    if is_new:
        task = context.tasks.begin(f"plan:{plan.id}", _register(context, site, gateway, offers, plan))
        await context.tasks.wait(task, context.settings.refund_wait_seconds)
    return await read_after(context.ledger.read(lambda turn: rows.get(turn, site.id, plan.id)))


def plans_stale(at: int) -> list[Question]:
    """Ask whether a plan was asked for so long before a moment (milliseconds) that no answer comes any more."""
    return [rows.any_stale(at - STALE_SECONDS * 1000)]


async def give_up_plans(context: Context) -> None:
    """End what was asked for by a process that died: nobody can have agreed to a plan whose page is unknown."""
    before = now_ms(context.clock) - STALE_SECONDS * 1000
    for plan in await context.ledger.read(lambda turn: rows.stale(turn, before, AT_ONCE)):
        if context.tasks.find(f"plan:{plan.id}") is not None:
            continue

        def work(turn: Turn, plan: Plan = plan) -> None:
            rows.move(turn, plan, PlanState.LOST, at=now_ms(context.clock), message=WHY)

        try:
            await context.ledger.write(work)
        except Conflict:
            continue


def owned_plan(turn: Turn, site: Site, plan_id: str, customer: str) -> Plan:
    """Read a customer's plan. Raises NotFound, the same for missing and somebody else's."""
    plan = rows.get(turn, site.id, plan_id)
    if plan.customer != customer:
        raise NotFound("There is no such plan.")
    return plan


def asked_of(context: Context, plan: Plan) -> dict[str, Any]:
    """Open whom and what a plan was asked for: title, buyer, result_url."""
    kept: dict[str, Any] = json.loads(context.vault.open(plan.asked_sealed, ASKED))
    return kept


def without_buyer(context: Context, plan: Plan) -> str:
    """Seal anew what a plan was asked for, and not for whom: a plan is told to stop or end by its number alone."""
    asked = asked_of(context, plan)
    return _seal(context, asked | {"buyer": dict.fromkeys(asked["buyer"], "")})


def _is_over(context: Context, last_day: date) -> bool:
    return context.clock.now().astimezone(KST).date() > last_day


def _seal(context: Context, asked: dict[str, Any]) -> str:
    return context.vault.seal(json.dumps(asked, ensure_ascii=False).encode(), ASKED)


def plan_order(context: Context, plan: Plan) -> PlanOrder:
    """Make the order of a plan, as a gateway is asked for it."""
    asked = asked_of(context, plan)
    return PlanOrder(
        ref=plan.ref,
        title=asked["title"],
        amount=plan.amount,
        buyer=Buyer(**asked["buyer"]),
        cycle=plan.cycle,
        ends=plan.ends,
        day=plan.day,
        tax_free=plan.tax_free,
    )


def by_script(gateway: Gateway) -> PlansByScript | None:
    """Give the gateway if its plans are registered from the customer's browser."""
    return gateway if isinstance(gateway, PlansByScript) and gateway.plans_by_script else None


def open_plan_window(context: Context, site: Site, plan: Plan) -> Script | None:
    """Make the window of a plan that nobody has agreed to yet; none for any other, nor where its buyer was erased."""
    offers = by_script(site.gateway(plan.gateway))
    if offers is None or plan.state is not PlanState.WAITING or _is_over(context, plan.ends):
        return None
    order = plan_order(context, plan)
    return offers.plan_window(order, _urls(context, site, plan)) if any(astuple(order.buyer)) else None


def plan_deeds(plan: Plan) -> list[str]:
    """Say what a plan may be told now: stop, start, end; while it is changing, the same once more, or to end."""
    if not plan.number:
        return ["end"] if plan.state in FROM["end"] else []
    if plan.state is PlanState.CHANGING:
        return [deed for deed, becomes in DEEDS.items() if plan.wanted == becomes or deed == "end"]
    return [deed for deed, states in FROM.items() if plan.state in states]


def plan_json(plan: Plan) -> dict[str, Any]:
    """Show a plan, and what it may be told now."""
    shown: dict[str, Any] = {
        "id": plan.id,
        "customer": plan.customer,
        "gateway": plan.gateway,
        "state": str(plan.state),
        "order_ref": plan.order_ref,
        "amount": plan.amount,
        "tax_free": plan.tax_free,
        "cycle": plan.cycle,
        "day": plan.day,
        "ends": plan.ends.isoformat(),
        "rounds": plan.rounds,
        "window_url": plan.url if plan.state is PlanState.WAITING and plan.url else None,
        "created_at": rfc3339(plan.created_at),
        "code": plan.code or None,
        "message": plan.message or None,
        "last_failure": _last_failure(plan),
        "allowed": plan_deeds(plan),
        "why": None if plan.number else _why(plan),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _why(plan: Plan) -> str | None:
    """Say in Korean what a plan waits for whose number the gateway has not told."""
    if plan.end_owed:
        return ENDS_IF_AGREED if plan.state is PlanState.ENDED else WILL_END
    return NO_NUMBER if plan.state is PlanState.ACTIVE else None


def _last_failure(plan: Plan) -> dict[str, str] | None:
    """Say when a round could not be charged last, and what the gateway said of it; a later round may have been."""
    said = {"code": plan.failed_code, "message": plan.failed_message}
    told = {name: value for name, value in said.items() if value}
    return {"at": rfc3339(from_ms(plan.failed_at))} | told if plan.failed_at else None


def _urls(context: Context, site: Site, plan: Plan) -> Urls:
    return plan_urls(context, site, plan.gateway, asked_of(context, plan)["result_url"])


def offers_of(site: Site, name: str) -> tuple[Gateway, Plans]:
    for gateway in site.in_order(name):
        if isinstance(gateway, Plans):
            return gateway, gateway
    raise GatewayOff(
        "No gateway of this site has recurring plans of its own; charge a billing key instead.",
        message_ko="정기결제를 제공하는 결제사가 없어요. 등록된 카드에 청구해 주세요.",
    )


def _new_plan(context: Context, site: Site, gateway: Gateway, wish: PlanWish) -> Plan:
    asked = {"title": wish.title, "buyer": asdict(wish.buyer), "result_url": wish.result_url}
    return Plan(
        id=new_id(context.clock),
        site=site.id,
        customer=wish.customer,
        gateway=gateway.name,
        state=PlanState.REGISTERING,
        ref=new_reference(context.clock),
        order_ref=wish.order_ref,
        amount=wish.amount,
        tax_free=wish.tax_free,
        cycle=wish.cycle,
        day=wish.day,
        ends=wish.ends,
        asked_sealed=_seal(context, asked),
        actor=wish.actor,
        created_at=from_ms(now_ms(context.clock)),
    )


async def _register(context: Context, site: Site, gateway: Gateway, offers: Plans, plan: Plan) -> None:
    if by_script(gateway) is not None:

        def wait(turn: Turn) -> None:
            plan_page = plan_page_url(context, plan)
            rows.move(turn, plan, PlanState.WAITING, at=now_ms(context.clock), url=plan_page)

        await context.ledger.write(wait)
        return
    order, urls = plan_order(context, plan), _urls(context, site, plan)
    exchange = offers.register_plan(order, urls, Recorder.now(context, site).stamp)
    conversation = await talk(context, site, gateway, exchange)
    outcome, at = conversation.outcome, now_ms(context.clock)

    def record(turn: Turn) -> None:
        keep_lines(turn, context.clock, plan, conversation.journal, at)
        current = rows.get(turn, site.id, plan.id)  # a first round may have been quicker than this answer
        if current.state is not PlanState.REGISTERING:
            return
        if isinstance(outcome, PlanMade):
            said = {"number": outcome.plan, "url": outcome.url, "refs": dict(outcome.refs)}
            rows.move(turn, current, PlanState.WAITING, at=at, **said)
        elif isinstance(outcome, Declined):
            rows.move(turn, current, PlanState.REFUSED, at=at, code=outcome.code, message=outcome.message)
        elif isinstance(outcome, NotSent):
            rows.move(turn, current, PlanState.REFUSED, at=at, message=outcome.why)
        else:
            rows.move(turn, current, PlanState.LOST, at=at, code=outcome.code, message=outcome.message or WHY)

    try:
        await write_down(context, record)
    except Conflict:
        return
