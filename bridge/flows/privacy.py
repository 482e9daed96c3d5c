"""What a person may ask for: everything held about them, and to be taken out of what need not be kept."""

from dataclasses import dataclass
from typing import Any

from bridge.clock import from_ms, new_id, now_ms, stamp
from bridge.domain.billing import PlanState
from bridge.domain.failures import Malformed, NotGenuine, PendingOutcome, Unreadable
from bridge.domain.gateway import Notice, Notifies
from bridge.domain.machine import Kind
from bridge.domain.payment import Payment
from bridge.flows.billing_keys import key_json, open_wish
from bridge.flows.billing_keys import without_buyer as key_without_buyer
from bridge.flows.context import Context
from bridge.flows.open_checkout import Once
from bridge.flows.plans import asked_of, plan_json, without_buyer
from bridge.flows.retain import RECORD_MS
from bridge.flows.sites import Site
from bridge.flows.snapshots import payment_json, refund_json, rfc3339
from bridge.ledger import billing_keys, gap, looks, notices, operations, orders, payments, plans, privacy, replay
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.notices import StoredNotice
from bridge.ledger.plans import Plan


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data is asked for: by e-mail, by phone as it was given, or by one order."""

    email: str = ""
    phone: str = ""
    order: str = ""

    def check(self) -> "Person":
        """Give it back if exactly one is named. Raises Malformed."""
        if sum(bool(one) for one in (self.email, self.phone, self.order)) != 1:
            raise Malformed("Name a person by one of e-mail, phone or order.")
        return self


async def export_person(
    context: Context, site: Site, person: Person, actor: str, once: Once | None = None
) -> dict[str, Any]:
    """Give everything held about a person, as JSON; the access log keeps who asked. Raises Malformed."""
    person, at = person.check(), now_ms(context.clock)
    seen = {"look_id": new_id(context.clock), "operator": actor, "address": "", "task": "privacy", "subject": site.id}

    def note(turn: Turn) -> None:
        if once is not None:
            replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        looks.add(turn, **seen, at=at)

    def work(turn: Turn) -> dict[str, Any]:
        found = privacy.orders_of(turn, site.id, email=person.email, phone=person.phone, ref=person.order)
        shown = [_plan(turn, context, site, plan) for plan in _plans(turn, context, site, person)]
        listed = [_order(turn, site, row, context) for row in found]
        keys = [_key(context, row) for row in _keys(turn, context, site, person)]
        return {"at": rfc3339(from_ms(at)), "orders": listed, "plans": shown, "billing_keys": keys}

    await context.ledger.write(note)
    return await context.ledger.read(work)


async def erase_person(
    context: Context, site: Site, person: Person, actor: str, once: Once | None = None
) -> dict[str, Any]:
    """Take a person out of the orders that need not be kept any more, or never held money.

    Of a recurring plan nothing of the person stays, though it may go on: it is told to stop or end by its number.
    Of a billing key its card stays while it can be charged, for its customer tells it by that.
    Raises Malformed, PendingOutcome (a payment or a key is under way, or a case is open), Reconciling. What the law
    keeps is named with its end.
    """
    person, at = person.check(), now_ms(context.clock)
    found, held = await context.ledger.read(
        lambda turn: (
            [plan.id for plan in _plans(turn, context, site, person)],
            [row.id for row in _keys(turn, context, site, person)],
        )
    )

    def work(turn: Turn) -> dict[str, Any]:
        gap.refuse(turn, site.id)  # whose order was paid in the time that restored books have lost must be kept
        if once is not None:
            replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        erased, kept = 0, []
        for row in privacy.orders_of(turn, site.id, email=person.email, phone=person.phone, ref=person.order):
            everyone = payments.of_order(turn, site.id, row["ref"])
            if privacy.is_on_its_way(everyone):
                raise PendingOutcome("A payment of this person is under way; ask again when it has ended.")
            if privacy.is_looked_for(turn, everyone):
                raise PendingOutcome(
                    "A payment of this person is still looked into; ask again when its case is closed, or in some"
                    " minutes where it has none."
                )
            until = privacy.kept_until(turn, site.id, row["ref"], RECORD_MS)
            if until > at:
                kept.append({"order": row["ref"], "until": rfc3339(from_ms(until))})
                continue
            privacy.erase(turn, site.id, row["ref"], at=at, actor=actor)
            erased += 1
        for plan in (plans.get(turn, site.id, plan_id) for plan_id in found):
            if plan.state is PlanState.REGISTERING:
                raise PendingOutcome("A plan of this person is being registered; ask again in a minute.")
            plans.ask_otherwise(turn, plan, without_buyer(context, plan))
            privacy.erase_failed_rounds(turn, plan.id)
        for key in (billing_keys.get(turn, site.id, key_id) for key_id in held):
            _forget_key(turn, context, key)
        return {"erased": erased, "kept": kept}

    return await context.ledger.write(work)


def _forget_key(turn: Turn, context: Context, key: KeyRow) -> None:
    if billing_keys.is_under_way(key):
        raise PendingOutcome("A card or phone of this person is being registered; ask again when that has ended.")
    billing_keys.forget(turn, key, key_without_buyer(context, key))
    privacy.erase_calls_of_key(turn, key.id)


def _order(turn: Turn, site: Site, row: Row, context: Context) -> dict[str, Any]:
    order = orders.read(row)
    moment = stamp(context.clock)
    shown = []
    for payment in payments.of_order(turn, site.id, order.ref):
        done = operations.of_payment(turn, payment.id)
        refunds = [refund_json(one) for one in done if one.kind is Kind.REFUND]
        typed = _typed(turn, site, payment, context)
        more = {"refunds": refunds} | ({"typed": typed} if typed else {})
        shown.append(payment_json(site, payment, done, moment) | more)
    buyer = {"id": order.buyer.id, "name": order.buyer.name, "email": order.buyer.email, "phone": order.buyer.phone}
    return {
        "ref": order.ref,
        "title": order.title,
        "amount": order.amount,
        "buyer": {name: value for name, value in buyer.items() if value},
        "created_at": rfc3339(from_ms(row["created_at"])),
        "payments": shown,
    }


def _plans(turn: Turn, context: Context, site: Site, person: Person) -> list[Plan]:
    """Find the person's plans: each keeps for whom it was asked for, and notices of rounds that were not charged."""
    found, told_of = [], privacy.plans_told_of(turn, site.id)
    for plan in plans.of_site(turn, site.id):
        buyer = asked_of(context, plan)["buyer"]
        if not any(buyer.values()) and plan.id not in told_of:
            continue
        rounds = {plan.order_ref, *(f"{plan.order_ref}-{number}" for number in range(1, plan.rounds + 1))}
        named = {person.email, person.phone} - {""}
        if named & {buyer["email"], buyer["phone"]} or person.order in rounds:
            found.append(plan)
    return found


def _keys(turn: Turn, context: Context, site: Site, person: Person) -> list[KeyRow]:
    """Find the person's billing keys: each keeps for whom it was asked for, and with which order, if any."""
    found = []
    for row in billing_keys.of_site(turn, site.id):
        asked = open_wish(context, row)
        buyer, named = asked["buyer"], {person.email, person.phone, person.order} - {""}
        if any(buyer.values()) and named & {buyer["email"], buyer["phone"], asked["order_ref"]}:
            found.append(row)
    return found


def _key(context: Context, row: KeyRow) -> dict[str, Any]:
    buyer = open_wish(context, row)["buyer"]
    return key_json(row) | {"buyer": {name: said for name, said in buyer.items() if said}}


def _plan(turn: Turn, context: Context, site: Site, plan: Plan) -> dict[str, Any]:
    buyer, failed = asked_of(context, plan)["buyer"], []
    for stored in notices.sealed_of_plan(turn, plan.id):
        told = {"at": rfc3339(from_ms(stored.received_at))}
        notice = _read(context, site, stored)
        if notice is not None:
            told |= {"code": notice.code, "message": notice.message, **notice.typed}
        failed.append({name: value for name, value in told.items() if value})
    return plan_json(plan) | {"buyer": {name: said for name, said in buyer.items() if said}, "failed_rounds": failed}


def _read(context: Context, site: Site, stored: StoredNotice) -> Notice | None:
    """Open a kept notice; none where the seller's shared values have changed since, or the gateway is gone."""
    gateway = site.gateways.get(stored.gateway)
    if gateway is None or not isinstance(gateway, Notifies):
        return None
    try:
        return gateway.read_notice(context.vault.open(stored.raw_sealed, "notice"), stored.kind)
    except (NotGenuine, Unreadable):
        return None


def _typed(turn: Turn, site: Site, payment: Payment, context: Context) -> dict[str, str]:
    """Read what the buyer wrote to the shop in the gateway's window, for as long as the notice's text is kept."""
    read = [_read(context, site, stored) for stored in notices.sealed_of(turn, payment.id)]
    return {name: text for notice in read if notice is not None for name, text in notice.typed.items()}
